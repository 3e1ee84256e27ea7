//! The one face of every source of advertisements: where it puts what it hears, and how it says how it fares.
//!
//! A source never waits for whoever takes what it hears: what does not fit into the channel is dropped and counted.
//! Nothing here, nor in a source, logs an address, a name or a payload at any level.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::clock::Clock;
use crate::config::{Config, Name};
use crate::gateway::advertisement::Address;
use crate::gateway::consent::{Identifier, Needs, PhoneId};
use crate::gateway::sharing::Shared;
use crate::sharing::hub::Sighting;

/// So many advertisements wait to be taken, of all sources together; when they do, the newest is dropped. A level is a
/// median over many, so one lost is not missed. The core takes a million in a second, so only a stall of the whole
/// process fills it. Legacy advertisements keep it under 400 KB, the longest extended ones under 7 MB.
const CHANNEL: usize = 4_096;

/// What a source hears, just now.
#[derive(Clone, PartialEq)]
pub enum Heard {
    /// A transmission, as on air.
    Advertisement {
        /// The id of the gateway that heard it; nothing is this Pi.
        gateway: Option<Name>,
        /// Who transmitted. Where the system hides addresses (macOS), random and all zeros.
        address: Address,
        /// The advertising data as AD structures, at most
        /// [`MAX_PAYLOAD_LEN`](crate::gateway::advertisement::MAX_PAYLOAD_LEN) bytes; empty where only an address is known.
        payload: Vec<u8>,
        /// Received signal strength in dBm, never 127 ("not available").
        rssi_dbm: i8,
    },
    /// A phone says that it hears a beacon of the shop.
    Report {
        /// The `id` of the consent's `phone` identifier.
        phone: Name,
        /// The beacon.
        beacon: Identifier,
        /// How strongly the phone hears it, in dBm.
        rssi_dbm: i8,
    },
    /// Another Pi of the shop says that it hears somebody.
    Sighting {
        /// The id of the gateway that heard them.
        gateway: Name,
        /// Whom, how strongly and how often.
        sighting: Sighting,
    },
}

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Heard(..)")
    }
}

/// How a radio scans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// It only listens, and only to the formats in use.
    Passive,
    /// It asks every device around for more, and hears all of them.
    Active,
}

impl Scan {
    /// The word for every wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passive => "passive",
            Self::Active => "active",
        }
    }
}

/// How one source fares. A change of a count alone wakes nobody who watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceStatus {
    /// What it is: `bluez`, `btleplug`, `none`, a format of remote scanners, `phone`, `capture`, `sightings` for what the
    /// shop's other Pis hear and `scanner` for each of them; on such a Pi `decider`.
    pub kind: &'static str,
    /// The adapter that listens or was asked for, the topic filter, or the file.
    pub name: Option<Name>,
    /// Whether it listens.
    pub listening: bool,
    /// How, where it is a radio that listens.
    pub scan: Option<Scan>,
    /// Why it scans as it does, or was chosen, where that is worth knowing.
    pub reason: Option<String>,
    /// Advertisements handed on.
    pub heard: u64,
    /// Advertisements dropped because they were not taken in time.
    pub dropped: u64,
    /// What it got and could not use, by the word for why; the words are few.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Times that it listened again after it had not, and that scanning was started again to be sure.
    pub restarts: u64,
    /// Why it does not listen, or last did not.
    pub last_error: Option<String>,
}

impl SourceStatus {
    /// One that has not begun yet.
    pub fn new(kind: &'static str, name: Option<Name>) -> Self {
        Self {
            kind,
            name,
            listening: false,
            scan: None,
            reason: None,
            heard: 0,
            dropped: 0,
            rejected: BTreeMap::new(),
            restarts: 0,
            last_error: None,
        }
    }
}

/// What the sources are told, now and whenever it changes.
#[derive(Clone, Debug)]
pub struct Orders {
    /// What the consents need of the radio.
    pub needs: watch::Receiver<Needs>,
    /// The configuration in force.
    pub config: watch::Receiver<Arc<Config>>,
    /// The ids of the phones that consents name. What another says is not read.
    pub phones: watch::Receiver<Arc<BTreeSet<PhoneId>>>,
    /// Whom the shop's other Pis may hear; nothing before that is known.
    pub shared: watch::Receiver<Option<Arc<Shared>>>,
    /// Whether the wall clock is synchronised.
    pub synchronised: watch::Receiver<bool>,
    /// The machine's clocks.
    pub clock: Clock,
}

/// Whoever tells the sources.
#[derive(Debug)]
pub struct Orderer {
    needs: watch::Sender<Needs>,
    config: watch::Sender<Arc<Config>>,
    phones: watch::Sender<Arc<BTreeSet<PhoneId>>>,
    shared: watch::Sender<Option<Arc<Shared>>>,
}

impl Orderer {
    /// The two ends.
    pub fn new(needs: Needs, config: Arc<Config>, synchronised: watch::Receiver<bool>, clock: Clock) -> (Self, Orders) {
        let (needs, needs_told) = watch::channel(needs);
        let (config, config_told) = watch::channel(config);
        let (phones, phones_told) = watch::channel(Arc::default());
        let (shared, shared_told) = watch::channel(None);
        let orders = Orders {
            needs: needs_told,
            config: config_told,
            phones: phones_told,
            shared: shared_told,
            synchronised,
            clock,
        };
        (Self { needs, config, phones, shared }, orders)
    }

    /// What the consents need of the radio now, and the phones that they name.
    pub fn need(&self, needs: Needs, phones: BTreeSet<PhoneId>) {
        self.needs.send_if_modified(|known| std::mem::replace(known, needs) != needs);
        self.phones.send_if_modified(|known| {
            let changed = **known != phones;
            if changed {
                *known = Arc::new(phones);
            }
            changed
        });
    }

    /// Whom the shop's other Pis may hear from now on.
    pub fn share(&self, shared: Shared) {
        self.shared.send_if_modified(|known| {
            let changed = known.as_deref() != Some(&shared);
            if changed {
                *known = Some(Arc::new(shared));
            }
            changed
        });
    }

    /// This configuration is in force now.
    pub fn configure(&self, config: Arc<Config>) {
        self.config.send_replace(config);
    }
}

impl Orders {
    /// Orders that never change, for whoever listens for a while.
    pub fn fixed(needs: Needs, config: Arc<Config>) -> Self {
        Self {
            needs: watch::Sender::new(needs).subscribe(),
            config: watch::Sender::new(config).subscribe(),
            phones: watch::Sender::new(Arc::default()).subscribe(),
            shared: watch::Sender::new(None).subscribe(),
            synchronised: watch::Sender::new(false).subscribe(),
            clock: Clock::start(),
        }
    }
}

/// Where all sources meet: one channel, one list of how they fare, and what they are told.
#[derive(Clone, Debug)]
pub struct Switchboard {
    heard: mpsc::Sender<Heard>,
    status: watch::Sender<Vec<SourceStatus>>,
    taken_over: watch::Sender<bool>,
    orders: Orders,
}

impl Switchboard {
    /// A switchboard, and the end at which what is heard is taken.
    pub fn new(orders: Orders) -> (Self, mpsc::Receiver<Heard>) {
        let (heard, taken) = mpsc::channel(CHANNEL);
        let (status, taken_over) = (watch::Sender::new(Vec::new()), watch::Sender::new(false));
        (Self { heard, status, taken_over, orders }, taken)
    }

    /// The outlet of one more source, which from now on is on the list. A source is made when the configuration names it
    /// or an adapter first appears, so the list is short.
    pub fn outlet(&self, kind: &'static str, name: Option<Name>) -> Outlet {
        let mut index = 0;
        self.status.send_modify(|all| {
            index = all.len();
            all.push(SourceStatus::new(kind, name));
        });
        Outlet { ear: Ear { board: self.clone(), index }, standing: Standing::New }
    }

    /// What the sources are told.
    pub fn orders(&self) -> &Orders {
        &self.orders
    }

    /// How all sources fare, in the order in which they were made.
    pub fn status(&self) -> watch::Receiver<Vec<SourceStatus>> {
        self.status.subscribe()
    }

    /// Whether another Emma of the same name is in this shop now: then this one stands down.
    pub fn taken_over(&self) -> &watch::Sender<bool> {
        &self.taken_over
    }

    /// Whether nobody takes what is heard any more.
    pub fn is_closed(&self) -> bool {
        self.heard.is_closed()
    }

    /// Returns when nobody takes what is heard any more.
    pub async fn closed(&self) {
        self.heard.closed().await;
    }
}

/// Where a source stands, so that an outage is two lines in the log however long it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    New,
    Listening,
    Outage { listened_before: bool },
}

/// Where one source puts what it hears: for the part of it that hears, while another looks after how it fares.
#[derive(Clone, Debug)]
pub struct Ear {
    board: Switchboard,
    index: usize,
}

impl Ear {
    /// Hands one advertisement on, or drops and counts it.
    pub fn hear(&self, heard: Heard) {
        match self.board.heard.try_send(heard) {
            Ok(()) => self.count(|status| status.heard += 1),
            Err(TrySendError::Full(_)) => self.count(|status| status.dropped += 1),
            Err(TrySendError::Closed(_)) => {}
        }
    }

    /// Counts one thing that could not be used, by the word for why.
    pub fn reject(&self, why: &'static str) {
        self.count(|status| *status.rejected.entry(why).or_default() += 1);
    }

    fn count(&self, change: impl FnOnce(&mut SourceStatus)) {
        self.change(|status| {
            change(status);
            false
        });
    }

    /// Changes the status, and wakes whoever watches where `change` says so.
    fn change(&self, change: impl FnOnce(&mut SourceStatus) -> bool) {
        self.board.status.send_if_modified(|all| all.get_mut(self.index).is_some_and(change));
    }
}

/// Where one source puts what it hears and how it fares.
#[derive(Debug)]
pub struct Outlet {
    ear: Ear,
    standing: Standing,
}

impl Outlet {
    /// The switchboard, for a source that is several.
    pub fn board(&self) -> &Switchboard {
        &self.ear.board
    }

    /// Where what it hears goes.
    pub fn ear(&self) -> Ear {
        self.ear.clone()
    }

    /// Hands one advertisement on, or drops and counts it.
    pub fn hear(&self, heard: Heard) {
        self.ear.hear(heard);
    }

    /// Counts one thing that could not be used, by the word for why.
    pub fn reject(&self, why: &'static str) {
        self.ear.reject(why);
    }

    /// Counts several at once.
    pub fn reject_many(&self, why: &'static str, count: u64) {
        self.ear.count(|status| {
            let known = status.rejected.entry(why).or_default();
            *known = known.saturating_add(count);
        });
    }

    /// The scan was started again.
    pub fn restarted(&self) {
        self.ear.count(|status| status.restarts += 1);
    }

    /// It listens: on what, how, and why so.
    pub fn listening(&mut self, name: &str, scan: Option<Scan>, reason: Option<&str>) {
        let kind = self.kind();
        match self.standing {
            Standing::New => info!(kind, name, scan = scan.map(Scan::word), reason, "the radio listens"),
            Standing::Outage { .. } => {
                info!(kind, name, scan = scan.map(Scan::word), reason, "the radio listens again");
            }
            Standing::Listening if self.read(|status| status.scan != scan) => {
                info!(kind, name, scan = scan.map(Scan::word), reason, "the radio listens otherwise");
            }
            Standing::Listening => {}
        }
        let again = self.standing == Standing::Outage { listened_before: true };
        self.standing = Standing::Listening;
        self.ear.change(|status| {
            let was = (status.listening, status.scan, status.name.clone(), status.reason.clone());
            status.name = Some(name.into());
            status.listening = true;
            status.scan = scan;
            status.reason = reason.map(str::to_owned);
            status.restarts += u64::from(again);
            was != (true, scan, status.name.clone(), status.reason.clone())
        });
    }

    /// It has not begun, and what it waits for; that is no outage.
    pub fn waits(&self, reason: &str) {
        self.ear.change(|status| {
            status.reason = Some(reason.to_owned());
            true
        });
    }

    /// Nothing is heard, and why.
    pub fn outage(&mut self, reason: &str) {
        if !matches!(self.standing, Standing::Outage { .. }) {
            let (kind, name) = (self.kind(), self.read(|status| status.name.clone()));
            warn!(kind, name = name.as_deref(), reason, "the radio does not listen; it is tried again until it does");
            self.standing = Standing::Outage { listened_before: self.standing == Standing::Listening };
        }
        self.ear.change(|status| {
            let changed = status.listening || status.last_error.as_deref() != Some(reason);
            status.listening = false;
            status.scan = None;
            status.last_error = Some(reason.to_owned());
            changed
        });
    }

    /// The source has ended, and why: it is not tried again.
    pub fn ended(&mut self, reason: Option<&str>) {
        self.ear.change(|status| {
            status.listening = false;
            status.scan = None;
            status.last_error = reason.map(str::to_owned);
            true
        });
    }

    fn kind(&self) -> &'static str {
        self.read(|status| status.kind)
    }

    fn read<T: Default>(&self, read: impl FnOnce(&SourceStatus) -> T) -> T {
        self.ear.board.status.borrow().get(self.ear.index).map(read).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::shipped;
    use crate::gateway::advertisement::AddressKind;

    fn switchboard() -> (Switchboard, mpsc::Receiver<Heard>) {
        Switchboard::new(Orders::fixed(Needs::default(), Arc::new(shipped())))
    }

    fn heard(rssi_dbm: i8) -> Heard {
        let address = Address { bytes: [1; 6], kind: AddressKind::Random };
        Heard::Advertisement { gateway: None, address, payload: vec![2, 1, 6], rssi_dbm }
    }

    #[test]
    fn what_does_not_fit_is_dropped_the_newest_first_and_counted_quietly() {
        let (board, mut taken) = switchboard();
        let outlet = board.outlet("btleplug", None);
        let watching = board.status();
        for _ in 0..CHANNEL {
            outlet.hear(heard(-50));
        }
        outlet.hear(heard(-51));
        outlet.hear(heard(-52));
        let status = watching.borrow()[0].clone();
        assert_eq!((status.heard, status.dropped), (CHANNEL as u64, 2));
        assert!(!watching.has_changed().unwrap());
        assert_eq!(taken.try_recv().unwrap(), heard(-50));
    }

    #[test]
    fn listening_again_counts_as_a_restart_the_first_time_does_not() {
        let (board, _taken) = switchboard();
        let mut outlet = board.outlet("btleplug", None);
        outlet.outage("no adapter");
        outlet.listening("hci0", Some(Scan::Active), None);
        assert_eq!(board.status().borrow()[0].restarts, 0);
        outlet.outage("switched off");
        outlet.outage("no adapter");
        assert!(!board.status().borrow()[0].listening);
        outlet.listening("hci0", Some(Scan::Active), None);
        let status = board.status().borrow()[0].clone();
        assert_eq!((status.listening, status.restarts), (true, 1));
        assert_eq!(status.last_error.as_deref(), Some("no adapter"));
    }

    #[test]
    fn each_source_has_a_status_of_its_own() {
        let (board, _taken) = switchboard();
        let mut first = board.outlet("bluez", Some("hci0".into()));
        let second = board.outlet("ruuvi", Some("ruuvi/#".into()));
        first.outage("unplugged");
        second.reject("stale");
        let all = board.status().borrow().clone();
        assert_eq!((all[0].last_error.as_deref(), all[0].rejected.len()), (Some("unplugged"), 0));
        assert_eq!((all[1].last_error.as_deref(), all[1].rejected.get("stale")), (None, Some(&1)));
    }
}
