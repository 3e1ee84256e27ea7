//! The portable driver, through btleplug: `BlueZ` on Linux, and what a developer's laptop has.
//!
//! What it costs on Linux: one D-Bus round trip an event, two an advertisement and two more for a device's first, some
//! 200 µs of a fast core and as much again in dbus-daemon, for every device around: `BlueZ` is given no filter, and all
//! that has a payload is handed on, since the core also knows devices by public addresses. The library's own queue has no
//! bound. Its scan is active and takes turns with classic Bluetooth on a chip that has both.
//!
//! btleplug spawns a task that holds the bus connection and that nobody can end, and connects by blocking. So the driver
//! has a thread, and each session a runtime of its own there: when a session has failed, dropping the runtime closes
//! its connection, and the next session starts afresh.

use std::collections::HashMap;
use std::pin::Pin;
use std::thread;
use std::time::Duration;

use btleplug::api::bleuuid::BleUuid;
use btleplug::api::{
    AddressType, Central, CentralEvent, CentralState, Manager as _, Peripheral, PeripheralProperties, ScanFilter,
};
use btleplug::platform::{Adapter, Manager, PeripheralId};
use futures::{Stream, StreamExt};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::devices::{Devices, MAX_DEVICES};
use super::encode;
use super::source::{Heard, Outlet, Scan as Scanning};
use crate::gateway::advertisement::{Address, AddressKind};

/// No call over D-Bus takes longer, or its answer is not worth waiting for; the library itself would wait 30 s.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// With a dead bus, ending the scan would hang for the library's 30 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// When nothing was heard for so long, the scan is started again: a restarted bluetoothd and an adapter that was unplugged
/// send no event. To a scan that runs it does nothing.
const SILENCE: Duration = Duration::from_mins(1);

/// The first pause of an outage; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What `BlueZ` says instead of a signal strength that it does not have.
const RSSI_NOT_AVAILABLE: i16 = 127;

/// Why nothing is heard.
#[derive(Debug, thiserror::Error)]
enum RadioError {
    #[error("cannot {what}: {reason}")]
    Refused { what: &'static str, reason: String },
    #[error("cannot {what}: no answer within {} s", CALL_TIMEOUT.as_secs())]
    NoAnswer { what: &'static str },
    #[error("there is no Bluetooth adapter")]
    NoAdapter,
    #[error("there is no adapter {wanted}; there is {present}")]
    NoSuchAdapter { wanted: String, present: String },
    #[error("the adapter was switched off or unplugged")]
    SwitchedOff,
    #[error("the library's events ended")]
    EventsEnded,
    #[error("the system gives no event loop: {0}")]
    NoRuntime(std::io::Error),
}

/// How a session ended.
enum End {
    Stopped,
    Failed { error: RadioError, heard: bool },
}

/// The adapter that is asked for, and why that one.
type Asked<'a> = (Option<&'a str>, Option<&'a str>);

/// Listens until it is told to stop, or nobody takes what is heard: one session after another.
pub(super) fn run(wanted: Option<&str>, reason: Option<&str>, mut outlet: Outlet, mut stop: oneshot::Receiver<()>) {
    let mut pause = Duration::ZERO;
    loop {
        let (error, heard) = match run_session(pause, (wanted, reason), &mut outlet, &mut stop) {
            End::Stopped => return,
            End::Failed { error, heard } => (error, heard),
        };
        outlet.outage(&error.to_string());
        pause = if heard { FIRST_PAUSE } else { (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE) };
    }
}

/// One session in a runtime of its own, after a pause.
fn run_session(pause: Duration, wanted: Asked<'_>, outlet: &mut Outlet, stop: &mut oneshot::Receiver<()>) -> End {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            thread::sleep(FIRST_PAUSE);
            return End::Failed { error: RadioError::NoRuntime(error), heard: false };
        }
    };
    let end = runtime.block_on(async {
        tokio::select! {
            () = told_to_stop(stop, outlet) => return End::Stopped,
            () = sleep(pause) => {}
        }
        session(wanted, outlet, stop).await
    });
    // Nothing that the library has left there is waited for.
    runtime.shutdown_background();
    end
}

async fn told_to_stop(stop: &mut oneshot::Receiver<()>, outlet: &Outlet) {
    tokio::select! {
        // The other end of the signal is only ever dropped.
        _ = stop => {}
        () = outlet.board().closed() => {}
    }
}

async fn session((wanted, reason): Asked<'_>, outlet: &mut Outlet, stop: &mut oneshot::Receiver<()>) -> End {
    let opened = tokio::select! {
        () = told_to_stop(stop, outlet) => return End::Stopped,
        opened = Scan::open(wanted) => opened,
    };
    let mut scan = match opened {
        Ok(scan) => scan,
        Err(error) => return End::Failed { error, heard: false },
    };
    outlet.listening(&scan.name, Some(Scanning::Active), reason);
    tokio::select! {
        () = told_to_stop(stop, outlet) => {}
        error = scan.listen(outlet) => return End::Failed { error, heard: scan.heard },
    }
    if timeout(STOP_TIMEOUT, scan.adapter.stop_scan()).await.is_err() {
        debug!("the scan does not end; closing the connection ends it");
    }
    End::Stopped
}

/// A scan that runs.
struct Scan {
    name: String,
    adapter: Adapter,
    events: Pin<Box<dyn Stream<Item = CentralEvent> + Send>>,
    /// About 200 bytes each, under 1 MB. One that is forgotten and heard again costs two round trips.
    devices: Devices<PeripheralId, Device>,
    /// Whether anything was heard at all.
    heard: bool,
}

impl Scan {
    /// A new connection, and a scan on the adapter named `wanted`. Events are asked for last: they begin with every
    /// device known by then, and power that the scan itself switches on is no event of theirs.
    async fn open(wanted: Option<&str>) -> Result<Self, RadioError> {
        let manager = call("reach the system's Bluetooth service", Manager::new()).await?;
        let (name, adapter) = choose(&manager, wanted).await?;
        start_scan(&adapter).await?;
        let events = call("receive events", adapter.events()).await?;
        Ok(Self { name, adapter, events, devices: Devices::new(MAX_DEVICES), heard: false })
    }

    /// Hears until something is wrong that starting the scan again does not mend.
    async fn listen(&mut self, outlet: &Outlet) -> RadioError {
        loop {
            match timeout(SILENCE, self.events.next()).await {
                Ok(None) => return RadioError::EventsEnded,
                Ok(Some(CentralEvent::StateUpdate(CentralState::PoweredOff))) => return RadioError::SwitchedOff,
                Ok(Some(CentralEvent::StateUpdate(CentralState::PoweredOn))) | Err(_) => {
                    debug!("the scan is started again: silence, or power came back");
                    outlet.restarted();
                    if let Err(error) = start_scan(&self.adapter).await {
                        return error;
                    }
                }
                Ok(Some(event)) => self.note(event, outlet).await,
            }
        }
    }

    async fn note(&mut self, event: CentralEvent, outlet: &Outlet) {
        match event {
            CentralEvent::DeviceDiscovered(id) => self.discovered(&id, outlet).await,
            CentralEvent::RssiUpdate { id, rssi } => self.devices.of(&id).rssi_dbm = Some(rssi),
            CentralEvent::ManufacturerDataAdvertisement { id, manufacturer_data } => {
                self.advertised(&id, encode::from_maps(manufacturer(&manufacturer_data), []), outlet).await;
            }
            CentralEvent::ServiceDataAdvertisement { id, service_data } => {
                self.advertised(&id, encode::from_maps([], service(&service_data)), outlet).await;
            }
            _ => return,
        }
        self.heard = true;
    }

    /// A device's first report, or its first after some 40 s of silence: nothing but its properties tells what it said. A
    /// device that `BlueZ` remembers and does not hear has no RSSI, and says nothing. If more was heard by the time they are
    /// asked for, they are of the latest report, which then counts twice.
    async fn discovered(&mut self, id: &PeripheralId, outlet: &Outlet) {
        let Some(properties) = properties(&self.adapter, id).await else { return };
        let device = Device { address: Some(address(&properties)), rssi_dbm: properties.rssi };
        *self.devices.of(id) = device;
        let payload = encode::from_maps(manufacturer(&properties.manufacturer_data), service(&properties.service_data));
        hand_on(device, payload, outlet);
    }

    /// A later report. The event carries no RSSI: that of the same report came immediately before, on the same device.
    async fn advertised(&mut self, id: &PeripheralId, payload: Vec<u8>, outlet: &Outlet) {
        if self.devices.of(id).address.is_none() {
            let Some(properties) = properties(&self.adapter, id).await else { return };
            let device = self.devices.of(id);
            device.address = Some(address(&properties));
            device.rssi_dbm = device.rssi_dbm.or(properties.rssi);
        }
        hand_on(*self.devices.of(id), payload, outlet);
    }
}

fn hand_on(device: Device, payload: Vec<u8>, outlet: &Outlet) {
    let rssi_dbm = device.rssi_dbm.filter(|rssi_dbm| *rssi_dbm != RSSI_NOT_AVAILABLE);
    let rssi_dbm = rssi_dbm.and_then(|rssi_dbm| i8::try_from(rssi_dbm).ok());
    if let (Some(address), Some(rssi_dbm), false) = (device.address, rssi_dbm, payload.is_empty()) {
        outlet.hear(Heard::Advertisement { gateway: None, address, payload, rssi_dbm });
    }
}

/// `reply`, within [`CALL_TIMEOUT`].
async fn call<T>(what: &'static str, reply: impl Future<Output = btleplug::Result<T>>) -> Result<T, RadioError> {
    match timeout(CALL_TIMEOUT, reply).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(RadioError::Refused { what, reason: error.to_string() }),
        Err(_) => Err(RadioError::NoAnswer { what }),
    }
}

/// The adapter named `wanted`; for nothing the first there is.
async fn choose(manager: &Manager, wanted: Option<&str>) -> Result<(String, Adapter), RadioError> {
    let mut adapters = Vec::new();
    for adapter in call("list the adapters", manager.adapters()).await? {
        let info = call("name an adapter", adapter.adapter_info()).await?;
        // On Linux `hci0 (usb:…)`.
        let name = info.split(' ').next().unwrap_or_default().to_owned();
        adapters.push((name, adapter));
    }
    // hci2 comes before hci10.
    adapters.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
    let Some(wanted) = wanted else {
        return adapters.into_iter().next().ok_or(RadioError::NoAdapter);
    };
    let names: Vec<_> = adapters.iter().map(|(name, _)| name.as_str()).collect();
    let present = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let found = adapters.into_iter().find(|(name, _)| name == wanted);
    found.ok_or_else(|| RadioError::NoSuchAdapter { wanted: wanted.to_owned(), present })
}

/// Switches the adapter on and starts the scan; one that runs already is as good.
async fn start_scan(adapter: &Adapter) -> Result<(), RadioError> {
    let started = async {
        match adapter.start_scan(ScanFilter::default()).await {
            // Only the debug text carries the error's D-Bus name.
            Err(error) if format!("{error:?}").contains("org.bluez.Error.InProgress") => Ok(()),
            other => other,
        }
    };
    call("start the scan", started).await
}

/// A device's properties, or nothing if it is gone or they do not come in time.
async fn properties(adapter: &Adapter, id: &PeripheralId) -> Option<PeripheralProperties> {
    let asked = async { adapter.peripheral(id).await?.properties().await };
    timeout(CALL_TIMEOUT, asked).await.ok()?.ok()?
}

fn address(properties: &PeripheralProperties) -> Address {
    let kind = match properties.address_type {
        Some(AddressType::Public) => AddressKind::Public,
        Some(AddressType::Random) | None => AddressKind::Random,
    };
    Address { bytes: properties.address.into(), kind }
}

fn manufacturer(data: &HashMap<u16, Vec<u8>>) -> impl Iterator<Item = (u16, &[u8])> {
    data.iter().map(|(company, data)| (*company, data.as_slice()))
}

/// Those of 16-bit UUIDs; no frame that Emma knows has a longer one.
fn service<U: BleUuid>(data: &HashMap<U, Vec<u8>>) -> impl Iterator<Item = (u16, &[u8])> {
    data.iter().filter_map(|(uuid, data)| Some((uuid.to_ble_u16()?, data.as_slice())))
}

/// What is remembered of a device between two events, in memory alone.
#[derive(Clone, Copy, Debug, Default)]
struct Device {
    address: Option<Address>,
    rssi_dbm: Option<i16>,
}
