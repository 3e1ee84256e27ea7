//! The core: pure, one state machine.
//!
//! The contract with whoever drives it (the daemon, a replay, the demo, a test):
//!
//! 1. Hand in what happened with [`Gateway::handle`], together with the [`Moment`] at which it happened; moments never
//!    run backwards on the monotonic clock.
//! 2. Perform the effects it returns, in order.
//! 3. Hand in [`Input::Tick`] at [`Gateway::next_wakeup`], or later: deadlines that have passed are dealt with at the
//!    instant they were due, before any other input.
//!
//! There is no async here, no I/O, no clock and no randomness but the [`Key`] that is handed in. Nothing here fails:
//! malformed bytes are counted.

// An index can panic and a wildcard arm can swallow a case that is added later; the core affords neither.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm))]

pub mod advertisement;

pub mod decode;

pub mod consent;

pub mod zone;

pub mod offer;

pub mod calibration;

pub mod cap;

pub mod effect;

pub mod feedback;

pub mod fixture;

pub mod following;

mod guest;

pub mod halt;

pub mod held;

pub mod key;

pub mod reason;

pub mod sharing;

pub mod stance;

pub mod trust;

pub mod value;

mod deciding;

mod visit;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::clock::Moment;
use crate::config::{Config, Name};
use advertisement::Advertisement;
use calibration::{Calibration, GatewayCalibration, Proposals};
use consent::lease::{Beats, Summary};
use consent::possession::Possession;
use consent::registry::{Attribution, Refusal, Registry, Slot};
use consent::{Consent, CustomerId, Identifier, Needs, PhoneId, Tier};
use decode::Frame;
use effect::{DeliveryId, Effect, Ending, Happening, Input, Reason, Report, What};
use fixture::{FixtureStatus, Fixtures, Sight};
use guest::Guest;
pub use guest::{SAVE_EVERY_US, VISIT_GRACE_US};
use key::Key;
use offer::{Menu, Person, Shop};
use stance::Stance;
use trust::Trust;
use zone::Floor;

/// What is counted, for health and the summary of restraint: totals, nobody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Advertisements handed in, what customers' phones report of fixed beacons, and what other Pis hear of customers.
    pub heard: u64,
    /// Those of consenting customers.
    pub matched: u64,
    /// Those that two customers' identifiers matched: nobody's.
    pub ambiguous: u64,
    /// Visits begun; like all that follows, testers' left out.
    pub visits: u64,
    /// Visits ended.
    pub visits_ended: u64,
    /// Of these, those in which no offer was made.
    pub visits_without_offer: u64,
    /// Offers committed.
    pub delivered: u64,
    /// Offers not made, by reason.
    pub withheld: BTreeMap<Reason, u64>,
}

/// A look at the state, for health and status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Totals since the start.
    pub counters: Counters,
    /// Consents held.
    pub customers: usize,
    /// Customers in the shop.
    pub present: usize,
    /// Whether the wall clock was believed at the last input.
    pub clock_trusted: bool,
}

/// The core's state. See the module for its contract.
pub struct Gateway {
    config: Arc<Config>,
    floor: Floor,
    menu: Menu,
    registry: Registry,
    fixtures: Fixtures,
    calibration: Calibration,
    proposals: Proposals,
    guests: BTreeMap<Slot, Guest>,
    /// Whose reservations wait for the ledger; one each at the most.
    asked: BTreeMap<DeliveryId, Slot>,
    /// What customers said and did about offers, of those who did.
    stances: BTreeMap<Slot, Box<Stance>>,
    /// One entry at most for each presence; it may be early, never late.
    deadlines: BTreeSet<(u64, Slot)>,
    /// Testers whose readings are told.
    followed: BTreeSet<CustomerId>,
    trust: Trust,
    /// What the wall clock said at the last input, if it was believed.
    wall_us: Option<i64>,
    key: Key,
    counters: Counters,
    /// Whether transitions carry what moved them.
    explains: bool,
    /// Somebody at the desk listens for a tag that is held there.
    possession: Option<Possession>,
}

impl Gateway {
    /// A core for this configuration. `key` is the installation's; `high_water_us` is the latest wall time that the
    /// ledger has seen, in microseconds, 0 for a new one.
    pub fn new(config: Arc<Config>, key: Key, high_water_us: i64) -> Self {
        let fixtures = Fixtures::new(&config.site, 0);
        let mut registry = Registry::new(&key);
        registry.keep_for_the_shop(fixtures.identifiers());
        Self {
            floor: Floor::new(&config),
            calibration: Calibration::new(&config.site),
            proposals: Proposals::default(),
            menu: Menu::new(&config, Shop::default()),
            config,
            registry,
            fixtures,
            guests: BTreeMap::new(),
            asked: BTreeMap::new(),
            stances: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            followed: BTreeSet::new(),
            trust: Trust::new(high_water_us),
            wall_us: None,
            key,
            counters: Counters::default(),
            explains: false,
            possession: None,
        }
    }

    /// From now on transitions carry what moved them.
    pub fn explain(&mut self) {
        self.explains = true;
    }

    /// Takes up a consent that the ledger remembers, once after a start and before any input. It was accepted once, so
    /// it is not judged again: without a trusted clock nobody could tell which of two consents has ended.
    pub fn restore(&mut self, consent: Arc<Consent>) {
        self.registry.restore(consent);
    }

    /// Takes one input and returns what is to be done about it, in order.
    pub fn handle(&mut self, input: Input<'_>, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        let now = self.trust.judge(now);
        self.wall_us = now.wall_us;
        if self.trust.take_give_up() {
            effects.extend(now.wall_us.map(Effect::Redate));
            now.wall_us.iter().for_each(|wall_us| self.registry.end_leases_after(*wall_us));
        }
        self.run_deadlines(now, &mut effects);
        match input {
            Input::Advertisement(advertisement) => self.advertisement(&advertisement, now, &mut effects),
            Input::Report(report) => self.report(&report, now, &mut effects),
            Input::Sighting(sighting) => self.sighted(&sighting, now, &mut effects),
            Input::Tick => {}
            Input::Reserved(delivery, answer) => self.reserved(&delivery, answer, now, &mut effects),
            Input::Consent(consent) => self.consent(consent, now, &mut effects),
            Input::Beat(at_us) => self.registry.hold(self.registry.beats().and(at_us)),
            Input::Withdraw(customer) => self.withdraw(&customer, now, &mut effects),
            Input::Configure(config) => self.configure(config, now, &mut effects),
            Input::Resume(memory) => self.resume(&memory, now, &mut effects),
            Input::Stance(customer, stance) => self.take_stance(&customer, *stance, now, &mut effects),
            Input::Halts(halts) => self.halt(halts),
            Input::Purchase(purchase) => self.purchase(purchase, &mut effects),
        }
        effects
    }

    /// When [`Input::Tick`] is due, on the monotonic clock.
    pub fn next_wakeup(&self) -> Option<u64> {
        self.deadlines.first().map(|(due_us, _)| *due_us)
    }

    /// Whether [`Input::Consent`] with this consent would be taken.
    ///
    /// # Errors
    /// Why not.
    pub fn admits(&self, consent: &Consent, now: Moment) -> Result<(), Refusal> {
        // Judged as it will be taken: with a clock that is not believed, an ended consent still holds its identifiers.
        self.registry.admits(consent, now.wall_us.filter(|_| self.wall_us.is_some()))
    }

    /// The consents, by pseudonym.
    pub fn consents(&self) -> impl Iterator<Item = &Arc<Consent>> {
        self.registry.iter().map(|(_, consent)| consent)
    }

    /// The consent of one customer.
    pub fn consent_of(&self, customer: &CustomerId) -> Option<&Arc<Consent>> {
        self.registry.get(self.registry.slot_of(customer)?)
    }

    /// What a radio has to deliver for the consents that are in force at the last input's moment. Most shops know
    /// nobody by an address, and then nothing is looked through.
    pub fn needs(&self) -> Needs {
        let is_sought = self.possession.as_ref().is_some_and(Possession::needs_addresses);
        let is_known = self.registry.has_addresses()
            && self.consents().any(|consent| consent.needs_addresses() && self.is_in_force(consent));
        Needs { addresses: is_sought || is_known }
    }

    /// From now on this is listened for at the desk, or nothing any more.
    pub fn listen_for(&mut self, possession: Option<Possession>) {
        self.possession = possession;
    }

    /// What is listened for at the desk.
    pub fn listened_for(&self) -> Option<&Possession> {
        self.possession.as_ref()
    }

    /// Whether a consent is live at the last input's moment, and for this shop. Its dates are judged only with a trusted
    /// clock; without one the `clock` gate keeps Emma silent.
    pub fn is_in_force(&self, consent: &Consent) -> bool {
        consent.may_be_live(self.wall_us, self.registry.beats()) && consent.covers_site(&self.config.gateway.site)
    }

    /// The beats of the registrar's feed that hold the leases.
    pub fn beats(&self) -> Beats {
        self.registry.beats()
    }

    /// Takes up the beats that the ledger remembers, once after a start and before any input.
    pub fn hold(&mut self, beats: Beats) {
        self.registry.hold(beats);
    }

    /// What is held of what came over the network, summed up as of `at_us` (wall, microseconds).
    pub fn told(&self, at_us: i64) -> Summary {
        self.registry.told(at_us)
    }

    /// It is so late at the least (wall, microseconds): what the clock said when it was last believed.
    pub fn at_least_us(&self) -> i64 {
        self.trust.at_least_us()
    }

    /// The kinds of identifiers of this customer's consent that are kept and not matched.
    pub fn left_out(&self, customer: &CustomerId) -> Vec<&'static str> {
        self.registry.left_out(customer)
    }

    /// The ids of the phones that consents name.
    pub fn phones(&self) -> BTreeSet<PhoneId> {
        self.registry.phones().cloned().collect()
    }

    /// What the wall clock said at the last input, in microseconds, if it was believed.
    pub fn wall_us(&self) -> Option<i64> {
        self.wall_us
    }

    /// The configuration in force.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// A look at the state.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            counters: self.counters.clone(),
            customers: self.registry.len(),
            present: self.guests.values().filter(|guest| guest.presence.is_some()).count(),
            clock_trusted: self.wall_us.is_some(),
        }
    }

    /// How the shop's fixed beacons fare at `now_us`, on the monotonic clock; `listening_since_us` as
    /// [`Fixtures::status`] has it.
    pub fn fixed_beacons(&self, now_us: u64, listening_since_us: Option<u64>) -> Vec<FixtureStatus> {
        self.fixtures.status(now_us, listening_since_us)
    }

    /// How the gateways hear against when they were set up, in the order of the site; nothing where nobody can tell.
    pub fn calibration(&self) -> Vec<GatewayCalibration> {
        let drifts = self.calibration.drifts();
        let gateways = self.config.site.gateways.iter().enumerate();
        let told = gateways.filter_map(|(index, gateway)| {
            let (drift, proposal) = (drifts.get(index), self.proposals.of(index));
            (drift.is_some() || proposal.is_some()).then(|| GatewayCalibration {
                gateway: gateway.id.clone(),
                drift: drift.cloned().unwrap_or_default(),
                proposal,
            })
        });
        told.collect()
    }

    /// The path of every transmission in the shop; most end at the first question, without a trace.
    fn advertisement(&mut self, advertisement: &Advertisement<'_>, now: Moment, effects: &mut Vec<Effect>) {
        self.counters.heard += 1;
        let mut sight = Sight::default();
        let fixtures = &self.fixtures;
        let (mut desk, gateway, rssi_dbm) = (self.possession.as_mut(), advertisement.gateway, advertisement.rssi_dbm);
        if let Some(desk) = &mut desk {
            desk.hear_address(gateway, advertisement.address, f64::from(rssi_dbm));
        }
        let see = |frame: &Frame<'_>, identifier: Option<Identifier>| {
            if let (Some(desk), Some(identifier)) = (&mut desk, identifier) {
                desk.hear(gateway, identifier, held_dbm(rssi_dbm, frame.measured_power_dbm()));
            }
            fixtures.look(frame, identifier, &mut sight);
        };
        let attribution = self.registry.attribute_seeing(advertisement, now, see);
        if let Some(beacon) = self.fixtures.take(sight, advertisement, now.monotonic_us) {
            let level_dbm = f64::from(advertisement.rssi_dbm);
            self.calibration.hear(beacon, advertisement.gateway, level_dbm, 1, now.monotonic_us);
            return;
        }
        match attribution {
            Attribution::Nobody => {}
            Attribution::Ambiguous => self.counters.ambiguous += 1,
            Attribution::Customer { slot, measured_power_dbm } => {
                if let (Some(desk), Some(consent)) = (&mut self.possession, self.registry.get(slot)) {
                    desk.hear_customer(gateway, &consent.customer, held_dbm(rssi_dbm, measured_power_dbm));
                }
                let level_dbm = level_dbm(advertisement.rssi_dbm, measured_power_dbm);
                self.tell_reading(slot, advertisement.gateway, (advertisement.rssi_dbm, level_dbm), now, effects);
                if self.may_be_seen(slot, now) {
                    self.counters.matched += 1;
                    let level_dbm = level_dbm - self.calibration.correction_db(advertisement.gateway);
                    self.sighting(slot, advertisement.gateway, level_dbm, now, effects);
                }
            }
        }
    }

    /// A phone hears a fixed beacon: by reciprocity the same evidence as if the beacon's place heard the phone. A phone
    /// that no consent names ends here, unseen.
    fn report(&mut self, report: &Report<'_>, now: Moment, effects: &mut Vec<Effect>) {
        let Some(slot) = self.registry.owner_of_phone(report.phone) else { return };
        let Some((anchor, level_dbm)) = self.fixtures.place(&report.beacon, report.rssi_dbm) else { return };
        self.tell_reading(slot, anchor, (report.rssi_dbm, level_dbm), now, effects);
        if self.may_be_seen(slot, now) {
            self.counters.heard += 1;
            self.counters.matched += 1;
            self.sighting(slot, anchor, level_dbm, now, effects);
        }
    }

    /// A consent that is over, has not begun or names other shops is none, and its device a stranger's. Its dates are
    /// judged only with a trusted clock; without one the `clock` gate keeps Emma silent.
    fn may_be_seen(&self, slot: Slot, now: Moment) -> bool {
        let Some(consent) = self.registry.get(slot) else { return false };
        let ignored = self.guests.get(&slot).and_then(|guest| guest.ignored_until_us);
        consent.may_be_live(now.wall_us, self.registry.beats())
            && consent.covers_site(&self.config.gateway.site)
            && ignored.is_none_or(|until_us| until_us <= now.monotonic_us)
    }

    fn consent(&mut self, consent: Arc<Consent>, now: Moment, effects: &mut Vec<Effect>) {
        let before = self.consent_of(&consent.customer).cloned();
        let narrows = before.is_some_and(|before| consent.narrows(&before));
        let Ok(slot) = self.registry.accept(consent, now.wall_us) else { return };
        if self.is_present(slot) && !self.may_be_seen(slot, now) {
            self.end_visit(slot, now, effects);
        }
        if self.registry.get(slot).is_some_and(|consent| consent.tier == Tier::OnRequest) {
            self.drop_visit(slot, effects);
        }
        self.review_stance(slot, effects);
        if narrows || self.wants_silence(slot, now) {
            self.end_offers(slot, Ending::Withdrawn, effects);
        }
        self.list_deadline(slot, now);
    }

    /// Whether a customer has taken back, or paused, what an offer on its way to them rests on.
    fn wants_silence(&self, slot: Slot, now: Moment) -> bool {
        let stance = self.stances.get(&slot);
        let (snoozed_us, epoch) = stance.map_or((None, None), |stance| (stance.snoozed_until_us, stance.stopped_epoch));
        self.registry.get(slot).is_none_or(|consent| {
            let spared = now.wall_us < consent.paused_until_us.max(snoozed_us);
            spared
                || epoch.is_some_and(|stopped| consent.epoch <= stopped)
                || !consent.purposes.offers
                || consent.tier == Tier::OnRequest
                || !self.may_be_seen(slot, now)
        })
    }

    fn withdraw(&mut self, customer: &CustomerId, now: Moment, effects: &mut Vec<Effect>) {
        let Some(slot) = self.registry.slot_of(customer) else { return };
        if self.is_present(slot) {
            self.end_visit(slot, now, effects);
        }
        self.guests.remove(&slot);
        self.stances.remove(&slot);
        self.registry.withdraw(customer);
    }

    fn is_present(&self, slot: Slot) -> bool {
        self.guests.get(&slot).is_some_and(|guest| guest.presence.is_some())
    }

    fn happened(&self, slot: Slot, at: Moment, what: What, effects: &mut Vec<Effect>) {
        let customer = self.registry.get(slot).map(|consent| consent.customer.clone());
        effects.extend(customer.map(|customer| Effect::Happened(Happening { at, customer, what })));
    }

    fn zone_name(&self, zone: usize) -> Name {
        self.floor.zone_id(zone).cloned().unwrap_or_else(|| "".into())
    }
}

/// A device that says it is stronger or weaker than -59 dBm at 1 m is read as if it were not (configuration, `reach`).
pub fn level_dbm(rssi_dbm: i8, measured_power_dbm: Option<i8>) -> f64 {
    const REFERENCE_DBM: i8 = -59;
    f64::from(rssi_dbm) + f64::from(REFERENCE_DBM) - f64::from(measured_power_dbm.unwrap_or(REFERENCE_DBM))
}

/// The lesser of what was received and what a usual tag would have been heard as: no tag comes nearer by what it says of itself.
fn held_dbm(rssi_dbm: i8, measured_power_dbm: Option<i8>) -> f64 {
    level_dbm(rssi_dbm, measured_power_dbm).min(f64::from(rssi_dbm))
}

/// What a tester causes is in no total.
fn count(counters: &mut Counters, is_test: bool, effects: &[Effect]) {
    if is_test {
        return;
    }
    for effect in effects {
        let Effect::Happened(Happening { what, .. }) = effect else { continue };
        if let What::Delivered { .. } = what {
            counters.delivered += 1;
        } else if let What::Withheld { reason, .. } = what {
            *counters.withheld.entry(*reason).or_default() += 1;
        }
    }
}
