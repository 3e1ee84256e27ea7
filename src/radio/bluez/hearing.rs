//! From what bluetoothd says of devices to advertisements. Nothing here waits.
//!
//! What is a report depends on the scan, by what bluetoothd does with one (`update_found_devices` in its
//! `src/adapter.c`, later `btd_adapter_device_found`):
//!
//! - While Emma's own discovery runs, with duplicates asked for, each report is one `PropertiesChanged` that carries what
//!   was advertised and its strength. One with a strength alone is the report of a device that advertises no bytes that
//!   bluetoothd tells of; it counts where a consent names an address.
//! - While only the monitor listens, `PropertiesChanged` tells of a strength that has moved by 8 dB or more and of data
//!   that is new, and nothing else. Each report is a call of `DeviceFound`, after the changes that belong to it: its data
//!   and strength are those told last. So a strength heard passively is right within 8 dB; that is read, and not measured.
//!
//! The two never count together, so nothing is heard twice, whoever else scans.

use crate::gateway::advertisement::AddressKind;
use crate::radio::devices::{Devices, MAX_DEVICES};
use crate::radio::source::{Ear, Heard};

use super::wire::{self, Device};

/// What counts as a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Nothing: nobody listens.
    Deaf,
    /// Calls of `DeviceFound`.
    Passive,
    /// Changed properties: of all devices, or only those that may carry a format in use.
    Active { all: bool },
}

/// What is remembered of a device.
#[derive(Default)]
struct Known {
    kind: Option<AddressKind>,
    rssi_dbm: Option<i8>,
    /// What it advertised last, kept for a passive scan alone.
    payload: Vec<u8>,
}

/// What one adapter hears.
pub(super) struct Hearing {
    ear: Ear,
    mode: Mode,
    /// At most 4,096 of at most 1.7 KB, 7 MB; of legacy advertisements 0.5 MB. bluetoothd itself forgets a device some
    /// 30 s after it was last heard, and says so.
    devices: Devices<[u8; 6], Known>,
    signs: u64,
}

impl Hearing {
    pub(super) fn new(ear: Ear) -> Self {
        Self { ear, mode: Mode::Deaf, devices: Devices::new(MAX_DEVICES), signs: 0 }
    }

    /// From now on this is a report; what was remembered for another kind is forgotten.
    pub(super) fn listen(&mut self, mode: Mode) {
        if std::mem::replace(&mut self.mode, mode) != mode {
            self.devices = Devices::new(MAX_DEVICES);
        }
    }

    /// How often anything at all was heard: signs that the radio lives.
    pub(super) fn signs(&self) -> u64 {
        self.signs
    }

    /// Something was said that cannot be read.
    pub(super) fn reject(&self) {
        self.ear.reject("unreadable");
    }

    /// A device of which everything is told: it is new, or was asked for. That of one that was asked for is a report.
    pub(super) fn told(&mut self, address: [u8; 6], device: &Device<'_>, asked: bool) {
        self.note(address, device);
        match self.mode {
            Mode::Active { .. } => self.report_said(address, device),
            Mode::Passive if asked => self.report_known(address),
            Mode::Passive | Mode::Deaf => {}
        }
    }

    /// Something about a device has changed. Answers whether the device has to be asked for, because it is unknown.
    pub(super) fn changed(&mut self, address: [u8; 6], device: &Device<'_>) -> bool {
        let is_known = self.devices.known(&address).is_some();
        self.note(address, device);
        if !matches!(self.mode, Mode::Active { .. }) || !self.is_report(device) {
            return false;
        }
        if is_known {
            self.report_said(address, device);
        }
        !is_known
    }

    /// The monitor found a device. Answers whether the device has to be asked for, because it is unknown.
    pub(super) fn found(&mut self, address: [u8; 6]) -> bool {
        self.signs += 1;
        if self.mode != Mode::Passive {
            return false;
        }
        let is_known = self.devices.known(&address).is_some_and(|known| known.kind.is_some());
        if is_known {
            self.report_known(address);
        }
        !is_known
    }

    /// bluetoothd has forgotten a device.
    pub(super) fn gone(&mut self, address: [u8; 6]) {
        self.devices.forget(&address);
    }

    fn is_wanted(&self, device: &Device<'_>) -> bool {
        self.mode == Mode::Active { all: true } || device.is_in_use()
    }

    /// Whether what an active scan says of a device is a report that is wanted.
    fn is_report(&self, device: &Device<'_>) -> bool {
        self.is_wanted(device) && (device.advertises() || device.has_strength())
    }

    /// Remembers what is said of a device that is known or wanted; of everybody else, nothing.
    fn note(&mut self, address: [u8; 6], device: &Device<'_>) {
        self.signs += 1;
        if self.mode == Mode::Deaf || (self.devices.known(&address).is_none() && !self.is_wanted(device)) {
            return;
        }
        // An unknown device of which not everything is told is asked for, so it is not known by this alone.
        if device.kind().is_none() && self.devices.known(&address).is_none() {
            return;
        }
        let known = self.devices.of(&address);
        known.kind = device.kind().or(known.kind);
        known.rssi_dbm = device.rssi_dbm(known.rssi_dbm);
        if self.mode == Mode::Passive && device.advertises() {
            known.payload = device.payload();
        }
    }

    /// Hands on what this very message says.
    fn report_said(&mut self, address: [u8; 6], device: &Device<'_>) {
        if !self.is_report(device) {
            return;
        }
        let Some(known) = self.devices.known(&address) else { return };
        let (kind, rssi_dbm) = (known.kind, known.rssi_dbm);
        self.hand_on(address, kind, rssi_dbm, device.payload());
    }

    /// Hands on what was told last.
    fn report_known(&mut self, address: [u8; 6]) {
        let Some(known) = self.devices.known(&address) else { return };
        let (kind, rssi_dbm, payload) = (known.kind, known.rssi_dbm, known.payload.clone());
        self.hand_on(address, kind, rssi_dbm, payload);
    }

    fn hand_on(&self, address: [u8; 6], kind: Option<AddressKind>, rssi_dbm: Option<i8>, payload: Vec<u8>) {
        if let (Some(rssi_dbm), true) = (rssi_dbm, self.mode == Mode::Active { all: true } || !payload.is_empty()) {
            let address = wire::address(address, kind);
            self.ear.hear(Heard::Advertisement { gateway: None, address, payload, rssi_dbm });
        }
    }
}
