//! The monitor: what Emma asks bluetoothd to listen for without a word to anybody, and the objects that say so.
//!
//! bluetoothd reads the monitor from an object of ours (`org.bluez.AdvertisementMonitor`), calls `Activate` once the kernel
//! scans for it, `DeviceFound` for each report, and `Release` when it has let it go. No strength is asked for, since with
//! thresholds it would call `DeviceFound` once a device.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use zbus::{Connection, ObjectPath, Variant};

use super::bus::{BusError, To, call};
use super::facts::{Facts, Monitor};
use super::wire::{self, BLUEZ, MONITOR, MONITOR_MANAGER};
use crate::radio::formats::PATTERNS;

/// bluetoothd says that the kernel scans, or has refused to, well within this.
const ACTIVATION: Duration = Duration::from_secs(5);

/// Where our objects are: `/emma/hci0/7` is the seventh registered with hci0, and `/emma/hci0/7/formats` the monitor.
const ROOT: &str = "/emma/";

/// The monitor below the object that is registered.
const LEAF: &str = "formats";

/// A bluetoothd without its experimental part does not know the interface.
const WITHOUT_E: [&str; 3] = [
    "org.freedesktop.DBus.Error.UnknownMethod",
    "org.freedesktop.DBus.Error.UnknownInterface",
    "org.freedesktop.DBus.Error.UnknownObject",
];

/// Why there is no monitor.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoMonitor {
    #[error("bluetoothd runs without -E, so it cannot listen without asking")]
    WithoutE,
    #[error("bluetoothd took the monitor and let it go again")]
    Released,
    #[error("bluetoothd took the monitor and does not say that it listens")]
    NotActivated,
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// Properties of an object of ours.
pub(super) type Properties = BTreeMap<&'static str, Variant<'static>>;

/// Objects of ours with their interfaces.
pub(super) type Objects = BTreeMap<ObjectPath<'static>, BTreeMap<&'static str, Properties>>;

/// The monitor's properties: [`PATTERNS`], any of them.
pub(super) fn properties() -> Properties {
    let pattern = |pattern: &crate::radio::formats::Pattern| (pattern.offset, pattern.ad_type, pattern.bytes.to_vec());
    let patterns: Vec<_> = PATTERNS.iter().map(pattern).collect();
    Properties::from([("Type", Variant::from("or_patterns")), ("Patterns", Variant::from(patterns))])
}

/// What is below the object at `root`: one monitor.
pub(super) fn objects(root: &str) -> Objects {
    let path = ObjectPath::try_from(format!("{root}/{LEAF}")).ok();
    path.map(|path| (path, BTreeMap::from([(MONITOR, properties())]))).into_iter().collect()
}

/// The adapter and the number of the object of ours that has that path, and whether it is the monitor itself.
pub(super) fn object_of(path: &str) -> Option<(&str, u64, bool)> {
    let mut parts = path.strip_prefix(ROOT)?.split('/');
    let (adapter, number) = (parts.next()?, parts.next()?.parse().ok()?);
    let leaf = parts.next();
    (leaf.is_none_or(|leaf| leaf == LEAF) && parts.next().is_none()).then_some((adapter, number, leaf.is_some()))
}

/// The monitors that were registered with one adapter, one after the other. Each has a number of its own: what bluetoothd
/// still says of the one before does not count.
#[derive(Debug, Default)]
pub(super) struct Monitors {
    last: u64,
}

impl Monitors {
    /// Registers the monitor, anew if it was before, and waits until it listens. The adapter is switched on: of one that
    /// is not, bluetoothd would take it and let it go.
    pub(super) async fn register(
        &mut self,
        bus: &Connection,
        adapter: &str,
        facts: &mut watch::Receiver<Facts>,
    ) -> Result<(), NoMonitor> {
        self.unregister(bus, adapter).await;
        self.last += 1;
        let number = self.last;
        let manager = wire::adapter_path(adapter);
        let to = To(BLUEZ, &manager, MONITOR_MANAGER);
        let root = ObjectPath::from_string_unchecked(root(adapter, number));
        call(bus, "register the monitor", to, "RegisterMonitor", &(root,))
            .await
            .map_err(|error| if error.is(&WITHOUT_E) { NoMonitor::WithoutE } else { NoMonitor::Bus(error) })?;
        let fate = |facts: &Facts| facts.adapters.get(adapter).and_then(|known| known.monitor);
        let decided = facts.wait_for(|facts| fate(facts).is_some_and(|(of, _)| of == number));
        match timeout(ACTIVATION, decided).await {
            Ok(Ok(facts)) if fate(&facts).is_some_and(|(_, fate)| fate == Monitor::Active) => Ok(()),
            Ok(_) => Err(NoMonitor::Released),
            Err(_) => Err(NoMonitor::NotActivated),
        }
    }

    /// Takes the monitor back, if one was registered. That it was not, or no more, is as good.
    pub(super) async fn unregister(&self, bus: &Connection, adapter: &str) {
        if self.last > 0 {
            let manager = wire::adapter_path(adapter);
            let to = To(BLUEZ, &manager, MONITOR_MANAGER);
            let root = ObjectPath::from_string_unchecked(root(adapter, self.last));
            call(bus, "take the monitor back", to, "UnregisterMonitor", &(root,)).await.ok();
        }
    }

    /// Whether the monitor that was registered last is no more: let go, or forgotten with the adapter. A bluetoothd that is
    /// started again at once, or a stick that was pulled for a moment, leaves an adapter that looks as before.
    pub(super) fn is_gone(&self, adapter: &super::facts::Adapter) -> bool {
        adapter.monitor != Some((self.last, Monitor::Active))
    }
}

fn root(adapter: &str, number: u64) -> String {
    format!("{ROOT}{adapter}/{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_objects_are_told_from_others() {
        assert_eq!(object_of("/emma/hci0/7"), Some(("hci0", 7, false)));
        assert_eq!(object_of("/emma/hci0/7/formats"), Some(("hci0", 7, true)));
        for other in ["/emma/hci0", "/emma/hci0/x", "/emma/hci0/7/other", "/emma/hci0/7/formats/1", "/org/bluez/hci0"] {
            assert_eq!(object_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_monitor_of_which_an_adapter_knows_nothing_is_gone() {
        let monitors = Monitors { last: 7 };
        let adapter = |monitor| super::super::facts::Adapter { powered: true, monitor, ..Default::default() };
        assert!(!monitors.is_gone(&adapter(Some((7, Monitor::Active)))));
        for gone in [None, Some((7, Monitor::Released)), Some((6, Monitor::Active))] {
            assert!(monitors.is_gone(&adapter(gone)));
        }
    }

    #[test]
    fn the_monitor_is_written_as_bluez_reads_it() {
        assert_eq!(properties()["Patterns"].value_signature().to_string(), "a(yyay)");
        assert_eq!(objects("/emma/hci0/1").len(), 1);
    }
}
