//! The loop of a Pi that only scans: what its radio hears is matched by the decider's table and handed on. It decides
//! nothing, remembers nothing on disk, and needs no time of day.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::config::Config;
use crate::control::{Asked, Reply, Request, Status};
use crate::counter::level_set;
use crate::daemon::{source_health, source_state};
use crate::gateway::advertisement::{Advertisement, GatewayIndex};
use crate::gateway::consent::Needs;
use crate::logging::Logging;
use crate::mqtt::state::{ClockTrust, Health, Presence, State};
use crate::mqtt::status::{self, Standing};
use crate::mqtt::{Outbox, OutboxRow, Outcome};
use crate::radio::shared::{Shared, lock};
use crate::radio::source::{Heard, Orderer, SourceStatus};
use crate::service::{Service, status_line};

/// Health and what the radio has to deliver are looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Advertisements taken in one turn before anything else is looked at.
const HEARD_A_TURN: usize = 256;

/// Everything the loop selects on.
pub struct Doors {
    /// What the radio hears.
    pub heard: mpsc::Receiver<Heard>,
    /// What the command line asks.
    pub asked: mpsc::Receiver<Asked>,
    /// How the sources do, the connection to the decider among them.
    pub sources: watch::Receiver<Vec<SourceStatus>>,
    /// Whether the wall clock is synchronised; it is told and not needed.
    pub synchronised: watch::Receiver<bool>,
    /// Whether another Pi is connected as this gateway.
    pub taken_over: watch::Receiver<bool>,
    /// How the session for the state topic does; nothing without a broker.
    pub session: Option<watch::Receiver<status::Status>>,
    /// When whoever started Emma wants to know that the loop is alive.
    pub service: Service,
}

/// What the loop says to the outside.
pub struct Voices {
    /// The retained state.
    pub state: watch::Sender<State>,
    /// Health.
    pub health: watch::Sender<Health>,
    /// The log.
    pub log: Logging,
    /// What the radio is told.
    pub orderer: Orderer,
}

/// A scanner that stood down begins anew after so long, in microseconds. Two of one name break no promise, as two deciders
/// would, and a broker that crashes thrice in a row looks like a second Pi: nobody should have to drive to the shop for it.
const BEGINS_ANEW_AFTER_US: u64 = 300_000_000;

/// Why a scanner ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Somebody asked for it.
    Stopped,
    /// It stood down, for as long as that takes.
    StoodDown,
}

fn is_to_begin_anew(stood_down_us: Option<u64>, now_us: u64) -> bool {
    stood_down_us.is_some_and(|since_us| now_us.saturating_sub(since_us) >= BEGINS_ANEW_AFTER_US)
}

/// The running scanner.
pub struct Daemon {
    scanner: Shared,
    config: Arc<Config>,
    clock: Clock,
    voices: Voices,
    session: Option<Standing>,
    /// Since when it stands down, on the monotonic clock.
    stood_down_us: Option<u64>,
}

impl Daemon {
    /// A loop around a scanner that its connection to the decider shares.
    pub fn new(scanner: Shared, config: Arc<Config>, clock: Clock, voices: Voices) -> Self {
        Self { scanner, config, clock, voices, session: None, stood_down_us: None }
    }

    /// Runs until `stop` is done, or until it has stood down for long enough to be begun anew; which of the two.
    pub async fn run(&mut self, mut doors: Doors, stop: impl Future<Output = ()>) -> End {
        let mut stop = std::pin::pin!(stop);
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut heard = Vec::with_capacity(HEARD_A_TURN);
        loop {
            tokio::select! {
                () = &mut stop => {
                    doors.service.stops();
                    return End::Stopped;
                }
                Some((request, reply)) = doors.asked.recv() => {
                    // Whoever asked may have gone.
                    reply.send(self.answer(&request).into()).unwrap_or_default();
                }
                count = doors.heard.recv_many(&mut heard, HEARD_A_TURN), if !doors.heard.is_closed() || !doors.heard.is_empty() => {
                    if count > 0 {
                        self.hear(&heard);
                        heard.clear();
                    }
                }
                Ok(()) = doors.sources.changed() => self.tell_sources(&doors.sources.borrow_and_update()),
                Ok(()) = doors.taken_over.changed() => self.look(&mut doors),
                () = doors.service.is_due() => doors.service.feed(0),
                _ = look.tick() => {
                    self.look(&mut doors);
                    doors.service.looked(status_line(&self.voices.state.borrow(), self.session));
                }
            }
            if is_to_begin_anew(self.stood_down_us, self.clock.monotonic_us()) {
                return End::StoodDown;
            }
        }
    }

    fn hear(&self, heard: &[Heard]) {
        let now_us = self.clock.monotonic_us();
        let mut scanner = lock(&self.scanner);
        for one in heard {
            // A capture may say that another gateway heard it; this Pi speaks for itself alone.
            let Heard::Advertisement { gateway, address, payload, rssi_dbm } = one else { continue };
            if gateway.as_ref().is_none_or(|gateway| *gateway == self.config.gateway.gateway) {
                let (address, rssi_dbm, gateway) = (*address, *rssi_dbm, GatewayIndex(0));
                scanner.hear(&Advertisement { address, payload, rssi_dbm, gateway }, now_us);
            }
        }
    }

    fn look(&mut self, doors: &mut Doors) {
        self.session = doors.session.as_ref().map(|session| session.borrow().standing);
        if *doors.taken_over.borrow() {
            self.session = Some(Standing::TakenOver);
        }
        if self.session == Some(Standing::TakenOver) && self.stood_down_us.is_none() {
            tracing::error!(
                "another Pi is connected as this gateway: this one stands down, and tries again in five minutes"
            );
            doors.heard.close();
            self.stood_down_us = Some(self.clock.monotonic_us());
        }
        self.voices.log.look();
        let sources = doors.sources.borrow_and_update().clone();
        self.tell_sources(&sources);
        let clock = match (*doors.synchronised.borrow(), self.config.gateway.clock_assumed) {
            (true, true) => ClockTrust::Assumed,
            (true, false) => ClockTrust::Synchronised,
            (false, _) => ClockTrust::Untrusted,
        };
        self.voices.state.send_if_modified(|state| std::mem::replace(&mut state.clock, clock) != clock);
        let (counts, addresses) = {
            let mut scanner = lock(&self.scanner);
            (scanner.counts(), scanner.table(self.clock.monotonic_us()).needs_addresses())
        };
        self.voices.orderer.need(Needs { addresses }, std::collections::BTreeSet::new());
        let total = |count: fn(&SourceStatus) -> u64| sources.iter().map(count).sum();
        self.voices.health.send_modify(|health| {
            health.heard = counts.heard;
            health.matched = counts.matched;
            health.ambiguous = counts.ambiguous;
            health.dropped = total(|source| source.dropped);
            health.rejected = total(|source| source.rejected.values().sum());
            health.scan_restarts = total(|source| source.restarts);
            health.sources = sources.iter().map(source_health).collect();
            health.clock = clock;
        });
    }

    fn tell_sources(&self, sources: &[SourceStatus]) {
        let sources: Vec<_> = sources.iter().map(source_state).collect();
        self.voices.state.send_if_modified(|state| {
            let changed = state.sources != sources;
            state.sources = sources;
            changed
        });
    }

    fn answer(&self, request: &Request) -> Reply {
        match request {
            Request::Status => Reply::Status { status: Box::new(self.status()) },
            Request::Log { level, secs } => level_set(&self.voices.log, level.as_deref(), *secs),
            Request::Accept { .. }
            | Request::List
            | Request::Report { .. }
            | Request::Show { .. }
            | Request::Export { .. }
            | Request::Testers
            | Request::Follow { .. }
            | Request::Halt { .. }
            | Request::Recall { .. }
            | Request::Campaigns
            | Request::Explain { .. }
            | Request::Preview { .. }
            | Request::Hold { .. }
            | Request::WithdrawHeld { .. }
            | Request::Withdraw { .. } => Reply::Refused {
                problems: vec!["this Pi only scans and knows no customer: ask on the one that decides".to_owned()],
            },
        }
    }

    fn status(&self) -> Status {
        let presence = if self.session == Some(Standing::Connected) { Presence::Online } else { Presence::Offline };
        // What was JSON a moment ago is JSON.
        let json = |message: String| serde_json::from_str(&message).unwrap_or_default();
        let mut scanner = lock(&self.scanner);
        let table = scanner.table(self.clock.monotonic_us());
        Status {
            state: json(self.voices.state.borrow().message(presence)),
            health: json(self.voices.health.borrow().message(self.clock.wall_us())),
            broker: self.session.map(|standing| standing.word().to_owned()),
            customers: 0,
            by_address: usize::from(table.needs_addresses()),
            present: 0,
            table: Some(table.len()),
            last_error: self.voices.log.last_error(),
            counted: None,
            restored: None,
        }
    }
}

/// A scanner has no offers.
#[derive(Clone, Copy, Debug)]
pub struct NoOutbox;

impl Outbox for NoOutbox {
    async fn take(&self, _limit: usize) -> Vec<OutboxRow> {
        Vec::new()
    }

    async fn wanted(&self, _rows: Vec<i64>) -> Vec<i64> {
        Vec::new()
    }

    async fn settle(&self, _row: i64, _outcome: Outcome) {}

    async fn changed(&self) {
        pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scanner_that_stood_down_begins_anew_after_five_minutes() {
        assert!(!is_to_begin_anew(None, u64::MAX));
        assert!(!is_to_begin_anew(Some(1_000), 300_000_999));
        assert!(is_to_begin_anew(Some(1_000), 300_001_000));
    }
}
