//! What the loop looks at every few seconds: the clock, the sources and the session; and what is due now and then.

use super::{Daemon, Doors};
use crate::gateway::consent::CustomerId;
use crate::gateway::effect::Input;
use crate::ledger::retention;
use crate::metrics::Totals;
use crate::mqtt::state::{ClockTrust, SourceHealth, SourceState};
use crate::mqtt::status::Standing;
use crate::radio::source::SourceStatus;

/// What no rule needs any more is let go of this often; a day is fine enough for data that is kept for weeks.
const PRUNE_EVERY_US: u64 = 86_400_000_000;

/// Not sooner after a start: a clock that is ahead for a while must not cost the deliveries that caps look back on.
const PRUNE_AFTER_US: u64 = 3_600_000_000;

/// How late it is is remembered this often; each costs the SD card a page.
const NOTE_WALL_EVERY_US: u64 = 900_000_000;

impl Daemon {
    /// Looks at the clock, the radio and the session, and says what has changed.
    pub(super) fn look(&mut self, doors: &mut Doors) {
        self.synchronised = *doors.synchronised.borrow();
        self.session = doors.session.as_ref().map(|session| session.borrow().standing);
        if *doors.taken_over.borrow() {
            self.session = Some(Standing::TakenOver);
        }
        let stood_down = self.session == Some(Standing::TakenOver);
        if stood_down && !self.stood_down {
            tracing::error!("another Emma decides for this site now: this one stands down until it is restarted");
            // Every source ends with it. Of two listeners of one name, each would go on ending the other's connection.
            doors.heard.close();
            doors.incoming.close();
            doors.told.close();
        }
        self.stood_down |= stood_down;
        let snapshot = self.gateway.snapshot();
        let clock = self.clock_trust(snapshot.clock_trusted);
        self.voices.state.send_if_modified(|state| std::mem::replace(&mut state.clock, clock) != clock);
        let sources = doors.sources.borrow_and_update().clone();
        self.tell_sources(&sources);
        self.tell_needs();
        self.review_followers();
        self.look_at_incoming();
        self.look_at_feed();
        let total = |count: fn(&SourceStatus) -> u64| sources.iter().map(count).sum();
        // What phones say of beacons is nobody's hearing, nor is a connection: with a dead radio it must not make them missed.
        let hears = |kind| !matches!(kind, "phone" | "sightings");
        let listens = sources.iter().any(|source| source.listening && hears(source.kind));
        let fixed_beacons = self.inventory.look(&self.gateway, listens, self.clock.monotonic_us());
        let calibration = self.inventory.look_at_gateways(&self.gateway);
        let now_us = self.clock.wall_us();
        let age_secs = |then_us: i64| u64::try_from(now_us.saturating_sub(then_us)).unwrap_or(0) / 1_000_000;
        self.voices.health.send_modify(|health| {
            health.heard = snapshot.counters.heard;
            health.matched = snapshot.counters.matched;
            health.ambiguous = snapshot.counters.ambiguous;
            health.dropped = total(|source| source.dropped);
            health.rejected = total(|source| source.rejected.values().sum());
            health.sources = sources.iter().map(source_health).collect();
            health.scan_restarts = total(|source| source.restarts);
            health.outbox_depth = self.ledger.gauges().outbox_rows();
            health.outbox_oldest_secs = self.ledger.gauges().outbox_oldest_us().map(age_secs);
            health.ledger_writable = Some(!self.ledger.gauges().fails());
            health.ledger_restored = Some(self.ledger.gauges().restored_us().is_some());
            health.clock = clock;
            health.fixed_beacons = fixed_beacons;
            health.calibration = calibration;
            health.incoming = self.voices.tally.health();
        });
        let totals = Totals { counters: snapshot.counters, customers: snapshot.customers };
        self.voices.totals.send_replace(totals);
        self.voices.log.look();
        if self.ledger.gauges().take_recovered() {
            self.save_visits();
        }
        self.prune();
        self.tally();
        let now_us = self.now().monotonic_us;
        // The first time that the clock is believed is told at once: the ledger goes by it.
        if self.noted_us.is_none_or(|noted_us| now_us.saturating_sub(noted_us) >= NOTE_WALL_EVERY_US) {
            self.note_wall();
        }
    }

    /// Says on the state topic how the sources do.
    pub(super) fn tell_sources(&self, sources: &[SourceStatus]) {
        let sources: Vec<SourceState> = sources.iter().map(source_state).collect();
        self.voices.state.send_if_modified(|state| {
            let changed = state.sources != sources;
            state.sources = sources;
            changed
        });
    }

    /// Tells the sources what the consents need of them. At each look and not at each consent: an import of many would go
    /// through all of them for each, and what a source hears too much the core does not take.
    pub(crate) fn tell_needs(&self) {
        self.voices.orderer.need(self.gateway.needs(), self.gateway.phones());
    }

    fn clock_trust(&self, believed: bool) -> ClockTrust {
        match (self.synchronised, self.config.gateway.clock_assumed) {
            (true, true) => ClockTrust::Assumed,
            // Synchronised, but it jumped or is behind the ledger: the core does not believe it either.
            (true, false) if believed => ClockTrust::Synchronised,
            (_, _) => ClockTrust::Untrusted,
        }
    }

    /// Remembers how late it is, so that a clock that is set back while Emma is down is noticed.
    pub(super) fn note_wall(&mut self) {
        let now = self.now();
        if let Some(wall_us) = now.wall_us.filter(|_| self.gateway.wall_us().is_some()) {
            self.noted_us = Some(now.monotonic_us);
            self.ledger.note_wall(wall_us);
        }
    }

    fn prune(&mut self) {
        let now = self.now();
        let next_us = self
            .pruned_us
            .map_or(self.started_us.saturating_add(PRUNE_AFTER_US), |last_us| last_us.saturating_add(PRUNE_EVERY_US));
        let due = next_us <= now.monotonic_us;
        // A consent on its way to the disk may be that of somebody who would be forgotten: they agreed anew.
        let may = due && self.saving.is_none() && self.gateway.snapshot().clock_trusted;
        let Some(now_us) = now.wall_us.filter(|_| may) else { return };
        self.pruned_us = Some(now.monotonic_us);
        let consents = || self.gateway.consents().map(|consent| &**consent);
        let kept = retention::kept(&self.config, consents());
        let over = retention::over(consents(), self.gateway.beats(), &kept, now_us);
        self.ledger.prune(kept, over, now_us);
    }

    /// The ledger has forgotten these, whose consents ended long ago; of whoever agreed anew since then it knows.
    pub(super) fn pruned(&mut self, customers: Vec<CustomerId>) {
        let (beats, now_us) = (self.gateway.beats(), self.gateway.at_least_us());
        for customer in customers {
            if self.gateway.consent_of(&customer).is_some_and(|consent| consent.ends_us(beats) <= now_us) {
                self.input(Input::Withdraw(customer));
            }
        }
    }
}

/// What a source has counted, as the health topic tells of it.
pub(crate) fn source_health(status: &SourceStatus) -> SourceHealth {
    SourceHealth {
        kind: status.kind.to_owned(),
        name: status.name.as_deref().map(str::to_owned),
        heard: status.heard,
        dropped: status.dropped,
        rejected: status.rejected.iter().map(|(why, count)| ((*why).to_owned(), *count)).collect(),
    }
}

/// A source as the state topic tells of it.
pub(crate) fn source_state(status: &SourceStatus) -> SourceState {
    let SourceStatus { kind, name, listening, scan, reason, restarts, last_error, .. } = status;
    SourceState {
        kind: (*kind).into(),
        name: name.as_deref().map(str::to_owned),
        listening: *listening,
        scan: scan.map(|scan| scan.word().to_owned()),
        reason: reason.clone(),
        restarts: *restarts,
        last_error: last_error.clone(),
    }
}
