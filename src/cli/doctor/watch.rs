//! The chip's duplicate filter, by watching it. A chip that filters hands on about one report a device in 10 s, and
//! neither bluetoothd nor the kernel tells whether it does.
//!
//! Of the devices around, which are anybody's, there is a keyed hash and a count each, in memory, until the count is
//! judged.

use super::finding::Finding;

pub(super) const CHECK: &str = "duplicate-filter";

/// A device heard so often in the time of watching was not filtered; one that is filtered is heard twice at the most.
const UNFILTERED: u32 = 4;
const FILTERED: u32 = 2;

/// What the reports of each device say, in the order of nothing.
pub(super) fn judged(counts: &[u32]) -> Finding {
    let devices = counts.len();
    match counts.iter().max().copied().unwrap_or(0) {
        0 => Finding::unknown(CHECK, "no device was heard within 12 s")
            .advise("bring a beacon near, such as a tag, and ask again"),
        most @ UNFILTERED.. => Finding::ok(
            CHECK,
            format!("repeated reports come through: the busiest of {devices} devices was heard {most} times in 12 s"),
        ),
        1..=FILTERED => Finding::warn(
            CHECK,
            format!(
                "devices heard in 12 s: {devices}, none more than twice: the chip seems to hand on each only once in 10 s, too seldom to place anybody"
            ),
            "let bluetoothd run with -E and Emma with `driver = \"auto\"`: her monitor makes the kernel switch the filter off",
        ),
        most => Finding::unknown(
            CHECK,
            format!("the busiest of {devices} devices was heard {most} times in 12 s, which proves nothing"),
        )
        .advise("bring a beacon near that transmits every second or more often, and ask again"),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) async fn watch(_adapter: &str) -> Finding {
    Finding::unknown(CHECK, "only BlueZ is watched")
}

#[cfg(target_os = "linux")]
pub(super) use linux::watch;

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::hash::{BuildHasher, RandomState};
    use std::io::IsTerminal;
    use std::time::Duration;

    use futures::StreamExt;
    use futures::stream::select;
    use tokio::time::timeout;
    use zbus::message::Type;
    use zbus::{Connection, MatchRule, MessageStream, ObjectPath, Variant};

    use super::{CHECK, judged};
    use crate::cli::complain;
    use crate::cli::doctor::bluez::{connect, path, sentence};
    use crate::cli::doctor::finding::Finding;
    use crate::exit;

    /// Longer than the 10 s or so in which a chip that filters reports a device once.
    const WATCH: Duration = Duration::from_secs(12);

    /// Devices counted, 16 bytes each: a full hall has hundreds. Those that come when there are so many are left out.
    const MAX_DEVICES: usize = 1_024;

    type Properties<'a> = HashMap<&'a str, Variant<'a>>;

    /// Starts a discovery of its own beside whatever runs, counts for 12 s, and ends it.
    pub(in crate::cli::doctor) async fn watch(adapter: &str) -> Finding {
        if std::io::stderr().is_terminal() {
            complain(exit::OK, "the chip is watched for 12 s");
        }
        match counts(adapter).await {
            Ok(counts) => judged(&counts),
            Err(error) => Finding::unknown(CHECK, format!("the scan for watching it cannot be started: {error}")),
        }
    }

    async fn counts(adapter: &str) -> Result<Vec<u32>, String> {
        let bus = connect().await?;
        count(&bus, &path(adapter)).await.map_err(|error| sentence(&error))
    }

    async fn count(bus: &Connection, adapter: &str) -> zbus::Result<Vec<u32>> {
        let signal = || MatchRule::builder().msg_type(Type::Signal).sender("org.bluez");
        let again = signal()
            .interface("org.freedesktop.DBus.Properties")
            .member("PropertiesChanged")
            .path_namespace(adapter)
            .arg(0, "org.bluez.Device1")
            .build()?;
        let first = signal().interface("org.freedesktop.DBus.ObjectManager").member("InterfacesAdded").build()?;
        let mut reports = select(
            MessageStream::for_match_rule(again, bus, None).await?,
            MessageStream::for_match_rule(first, bus, None).await?,
        );
        let filter = HashMap::from([("Transport", Variant::from("le")), ("DuplicateData", Variant::from(true))]);
        let call = async |method: &str, body: Option<&HashMap<&str, Variant<'_>>>| match body {
            Some(body) => bus.call_method(Some("org.bluez"), adapter, Some("org.bluez.Adapter1"), method, body).await,
            None => bus.call_method(Some("org.bluez"), adapter, Some("org.bluez.Adapter1"), method, &()).await,
        };
        call("SetDiscoveryFilter", Some(&filter)).await?;
        let is_mine = match call("StartDiscovery", None).await {
            Ok(_) => true,
            Err(zbus::Error::MethodError(name, ..)) if name.as_str() == "org.bluez.Error.InProgress" => false,
            Err(error) => return Err(error),
        };
        let (key, mut heard) = (RandomState::new(), HashMap::<u64, u32>::new());
        let counting = async {
            while let Some(Ok(report)) = reports.next().await {
                let device = device_of_new(&report, adapter, &key).or_else(|| device_of_known(&report, &key));
                let Some(device) = device else { continue };
                if heard.len() < MAX_DEVICES || heard.contains_key(&device) {
                    *heard.entry(device).or_default() += 1;
                }
            }
        };
        // It ends with the time of watching, or with the bus.
        timeout(WATCH, counting).await.unwrap_or_default();
        if is_mine {
            // A bluetoothd that has gone has stopped as well.
            call("StopDiscovery", None).await.map(|_| ()).unwrap_or_default();
        }
        Ok(heard.into_values().collect())
    }

    /// The hash of a device whose first report this is.
    fn device_of_new(report: &zbus::Message, adapter: &str, key: &RandomState) -> Option<u64> {
        let body = report.body();
        let (device, interfaces): (ObjectPath<'_>, HashMap<&str, Properties<'_>>) = body.deserialize().ok()?;
        let is_heard = interfaces.contains_key("org.bluez.Device1") && device.as_str().starts_with(adapter);
        is_heard.then(|| key.hash_one(device.as_str()))
    }

    /// The hash of a device that is known to bluetoothd, if it was received and not merely forgotten or renamed.
    fn device_of_known(report: &zbus::Message, key: &RandomState) -> Option<u64> {
        let body = report.body();
        let (_, changed, _): (&str, Properties<'_>, Vec<&str>) = body.deserialize().ok()?;
        let is_heard = ["RSSI", "ManufacturerData", "ServiceData"].iter().any(|key| changed.contains_key(key));
        let header = report.header();
        header.path().filter(|_| is_heard).map(|device| key.hash_one(device.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Verdict;

    #[test]
    fn the_busiest_device_decides() {
        let verdict = |counts: &[u32]| judged(counts).verdict;
        assert_eq!(verdict(&[]), Verdict::Unknown);
        assert_eq!(verdict(&[1, 2, 1]), Verdict::Warn);
        assert_eq!(verdict(&[1, 3]), Verdict::Unknown);
        assert_eq!(verdict(&[1, 12, 1]), Verdict::Ok);
    }
}
