//! Who is registered, and whose an advertisement is.
//!
//! The match table is looked up with what strangers transmit and filled by registered customers alone, so it grows
//! with consents and with nothing else. Looking up allocates nothing.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::fingerprint::{Fingerprint, Salt};
use super::lease::{Beats, LEASE_US, Summary};
use super::rotating::Keyring;
use super::{Consent, CustomerId, Identifier, PhoneId, Terms};
use crate::clock::Moment;
use crate::gateway::advertisement::{Address, AddressKind, Advertisement};
use crate::gateway::decode::{Frame, frames};
use crate::gateway::key::Key;
use inboxes::Inboxes;

mod inboxes;

/// The most customers that may be registered at once. As most are, with one inbox and terms that others share, 100,000 with
/// an iBeacon cost 35 MB and with a rolling id 56 MB (`benches/registry.rs`); with eight identifiers each, the match table
/// alone holds 1.6 million entries of 28 bytes, 64 MB with its spare room. A shop has a few hundred.
pub const MAX_CUSTOMERS: usize = 200_000;

/// The terms that a newcomer's are compared with: a shop has a handful in a few languages. Whoever agreed to others than the
/// last so many has them alone, half a kilobyte.
const MAX_TERMS: usize = 64;

/// A customer's place in dense tables, counted from 0. It is freed on withdrawal and given to the next customer, so
/// whatever is kept by slot has to go with the withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

/// Why a consent was not accepted. The words are the wire's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its epoch is below the last one seen.
    #[error("stale-epoch: a consent with a higher epoch is registered for this customer")]
    StaleEpoch,
    /// Under the epoch that is registered it asks for more than what was agreed to.
    #[error(
        "widens: it allows more than what was agreed to under this epoch; more is another consent, with a higher epoch"
    )]
    Widens,
    /// One of its identifiers is live for another customer, or a fixed beacon's of the shop.
    #[error("identifier-taken: one of its identifiers is live for another customer, or a fixed beacon's of the shop")]
    IdentifierTaken,
    /// [`MAX_CUSTOMERS`] are registered.
    #[error("full: {MAX_CUSTOMERS} customers are registered, and one has to withdraw first")]
    Full,
    /// As many keys that make identifiers are registered as a site can keep up with.
    #[error("rotating-full: too many keys of identifiers that rotate are registered, and one has to go first")]
    RotatingFull,
}

impl Refusal {
    /// The word alone.
    pub fn word(self) -> &'static str {
        match self {
            Self::StaleEpoch => "stale-epoch",
            Self::Widens => "widens",
            Self::IdentifierTaken => "identifier-taken",
            Self::Full => "full",
            Self::RotatingFull => "rotating-full",
        }
    }
}

/// Who is found for one thing that was transmitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// Nobody who opted in.
    Nobody,
    /// One customer.
    One(Slot),
    /// Two customers or more.
    Several,
}

impl Match {
    /// Who is found for both together.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nobody, found) | (found, Self::Nobody) => found,
            (Self::One(one), Self::One(other)) if one == other => self,
            (Self::One(_) | Self::Several, Self::One(_) | Self::Several) => Self::Several,
        }
    }
}

/// Whose an advertisement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribution {
    /// Nobody's who opted in: it ends here.
    Nobody,
    /// Two customers' at once: nobody is matched, and it is counted.
    Ambiguous,
    /// One customer's.
    Customer {
        /// Whose.
        slot: Slot,
        /// What the device says it measures at 1 m, in dBm, where it says so.
        measured_power_dbm: Option<i8>,
    },
}

/// Every registered customer, and the table that matches what they transmit.
pub struct Registry {
    slots: Vec<Option<Arc<Consent>>>,
    free: Vec<Slot>,
    by_customer: BTreeMap<CustomerId, Slot>,
    /// Never iterated: its order differs from run to run. `std`'s keyed hash stays, for strangers choose the lookups.
    owner_of: HashMap<Identifier, Slot>,
    /// Most shops register no public address; then none is ever hashed.
    public_addresses: usize,
    keyring: Keyring,
    /// Phones that say what they hear; iterated for a set alone.
    owner_of_phone: HashMap<PhoneId, Slot>,
    inboxes: Inboxes,
    /// What customers agreed to, the latest first.
    terms: VecDeque<Arc<Terms>>,
    /// The shop's fixed beacons: nobody's.
    shops_own: HashSet<Identifier>,
    /// What holds the leases: one for all, so that a beat costs nothing a customer.
    beats: Beats,
}

impl Registry {
    /// Nobody is registered. `key` is the installation's.
    pub fn new(key: &Key) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_customer: BTreeMap::new(),
            owner_of: HashMap::new(),
            public_addresses: 0,
            keyring: Keyring::new(key),
            owner_of_phone: HashMap::new(),
            inboxes: Inboxes::new(key),
            terms: VecDeque::new(),
            shops_own: HashSet::new(),
            beats: Beats::NONE,
        }
    }

    /// Registers `consent`, or replaces the one of the same customer. The same epoch again replaces too, so that a
    /// repeated message does no harm, unless it allows more. A refusal changes nothing.
    ///
    /// `now_us` is the wall clock, if it is trusted: a consent that has ended by then no longer holds its identifiers.
    /// Without it every registered consent holds them.
    pub fn accept(&mut self, consent: Arc<Consent>, now_us: Option<i64>) -> Result<Slot, Refusal> {
        self.admits(&consent, now_us)?;
        let slot = match self.slot_of(&consent.customer) {
            Some(slot) => slot,
            None => self.free_slot().ok_or(Refusal::Full)?,
        };
        self.forget_identifiers(slot);
        // Of a consent that has lapsed the devices are a stranger's, and another's if they register them.
        if consent.state.opens() {
            for identifier in &consent.identifiers {
                self.claim(*identifier, slot);
            }
            for rotating in &consent.rotating {
                self.keyring.claim(*rotating, slot);
            }
            self.owner_of_phone.extend(consent.phones.iter().map(|phone| (phone.clone(), slot)));
        }
        self.seat(slot, consent);
        Ok(slot)
    }

    /// Takes up a consent that was accepted in an earlier life. Of two that hold one identifier the later took it over from
    /// the other, which had ended by then; so it is the later's, in whatever order they come and whether or not anybody
    /// knows what time it is.
    pub fn restore(&mut self, consent: Arc<Consent>) {
        let known = self.slot_of(&consent.customer);
        let Some(slot) = known.or_else(|| (self.len() < MAX_CUSTOMERS).then(|| self.free_slot()).flatten()) else {
            return;
        };
        self.forget_identifiers(slot);
        for identifier in &consent.identifiers {
            if self.outlasts(&consent, self.owner_of.get(identifier).copied()) {
                self.claim(*identifier, slot);
            }
        }
        for rotating in &consent.rotating {
            if self.outlasts(&consent, self.keyring.owner(rotating)) {
                self.keyring.claim(*rotating, slot);
            }
        }
        for phone in &consent.phones {
            if self.outlasts(&consent, self.owner_of_phone.get(phone).copied()) {
                self.owner_of_phone.insert(phone.clone(), slot);
            }
        }
        self.seat(slot, consent);
    }

    /// From now on no consent is taken that names one of these, which fixed beacons of the shop transmit.
    pub fn keep_for_the_shop(&mut self, identifiers: impl Iterator<Item = Identifier>) {
        self.shops_own = identifiers.collect();
    }

    /// Whether [`Registry::accept`] would take `consent`.
    pub fn admits(&self, consent: &Consent, now_us: Option<i64>) -> Result<(), Refusal> {
        let known = self.slot_of(&consent.customer);
        match known.and_then(|slot| self.get(slot)) {
            Some(last) if consent.epoch < last.epoch => return Err(Refusal::StaleEpoch),
            Some(last) if consent.epoch == last.epoch && consent.widens(last) => return Err(Refusal::Widens),
            Some(_) if !consent.state.opens() => return Ok(()),
            _ => {}
        }
        let exact = consent.identifiers.iter().map(|identifier| self.owner_of.get(identifier).copied());
        let rotating = consent.rotating.iter().map(|rotating| self.keyring.owner(rotating));
        let phones = consent.phones.iter().map(|phone| self.owner_of_phone.get(phone).copied());
        let is_the_shops = consent.identifiers.iter().any(|identifier| self.shops_own.contains(identifier));
        let mut owners = exact.chain(rotating).chain(phones).flatten();
        if is_the_shops || owners.any(|owner| self.holds_on(owner, known, now_us)) {
            return Err(Refusal::IdentifierTaken);
        }
        let old = known.and_then(|slot| self.get(slot)).map_or(&[][..], |last| &last.rotating);
        self.keyring.has_room(&consent.rotating, old, known)?;
        if known.is_none() && self.len() >= MAX_CUSTOMERS {
            return Err(Refusal::Full);
        }
        Ok(())
    }

    /// Forgets a customer, and says which slot is now free.
    pub fn withdraw(&mut self, customer: &CustomerId) -> Option<Slot> {
        let slot = self.by_customer.remove(customer)?;
        self.forget_identifiers(slot);
        if let Some(place) = self.slots.get_mut(slot.0 as usize) {
            *place = None;
        }
        self.free.push(slot);
        self.terms.retain(|terms| Arc::strong_count(terms) > 1);
        Some(slot)
    }

    /// Whose `heard` is at `now`: every frame of it and its address are looked at. Whether that customer's consent is
    /// live at this moment is for the gates to judge.
    pub fn attribute(&mut self, heard: &Advertisement<'_>, now: Moment) -> Attribution {
        self.attribute_seeing(heard, now, |_, _| {})
    }

    /// The same, and shows each frame and its identifier to `see` on the way: the bytes are decoded once.
    pub fn attribute_seeing(
        &mut self,
        heard: &Advertisement<'_>,
        now: Moment,
        mut see: impl FnMut(&Frame<'_>, Option<Identifier>),
    ) -> Attribution {
        self.keyring.advance(now);
        let mut whose = Match::Nobody;
        let mut power = None;
        for frame in frames(heard.payload) {
            let identifier = identifier_of(&frame);
            see(&frame, identifier);
            let found = self.find_frame(&frame, identifier, now);
            // The power of the frame that matched goes before that of one that did not.
            if power.is_none() || (found != Match::Nobody && whose == Match::Nobody) {
                power = frame.measured_power_dbm().or(power);
            }
            whose = whose.and(found);
        }
        match whose.and(self.find_address(heard.address, now)) {
            Match::Nobody => Attribution::Nobody,
            Match::One(slot) => Attribution::Customer { slot, measured_power_dbm: power },
            Match::Several => Attribution::Ambiguous,
        }
    }

    /// Brings what devices transmit up to `now`, for [`Registry::fingerprints`].
    pub fn advance(&mut self, now: Moment) {
        self.keyring.advance(now);
    }

    /// What the customer in `slot` transmits about now, as fingerprints. What was taken over by another is not theirs.
    pub fn fingerprints(&self, slot: Slot, salt: Salt) -> Vec<Fingerprint> {
        let Some(consent) = self.get(slot) else { return Vec::new() };
        let own = consent.identifiers.iter().filter(|identifier| self.owner_of.get(identifier) == Some(&slot));
        let exact = own.map(|identifier| salt.of_identifier(identifier));
        exact.chain(consent.rotating.iter().flat_map(|key| self.keyring.fingerprints(key, slot, salt))).collect()
    }

    /// Whether anybody is registered who is known by the address alone.
    pub fn has_addresses(&self) -> bool {
        self.public_addresses > 0 || self.keyring.resolves()
    }

    /// The kinds of identifiers of this customer's consent that are kept and not matched: a site can tell so many keys
    /// that resolve addresses apart, and theirs came later.
    pub fn left_out(&self, customer: &CustomerId) -> Vec<&'static str> {
        let slot = self.slot_of(customer);
        let consent = slot.and_then(|slot| self.get(slot)).filter(|consent| consent.state.opens());
        let rotating = consent.map_or(&[][..], |consent| &consent.rotating);
        let is_left_out = rotating.iter().any(|rotating| rotating.is_irk() && self.keyring.owner(rotating) != slot);
        if is_left_out { vec!["irk"] } else { Vec::new() }
    }

    /// The phones that say what they hear, in no order.
    pub fn phones(&self) -> impl Iterator<Item = &PhoneId> {
        self.owner_of_phone.keys()
    }

    /// Whose phone says what it hears.
    pub fn owner_of_phone(&self, phone: &str) -> Option<Slot> {
        self.owner_of_phone.get(phone).copied()
    }

    /// Whose inbox it is: nobody's if two customers have it.
    pub fn owner_of_inbox(&self, inbox: &str) -> Option<Slot> {
        let has_it = |slot: &Slot| self.get(*slot).is_some_and(|consent| consent.inbox().any(|(_, its)| its == inbox));
        let mut owners = self.inboxes.perhaps(inbox).filter(has_it);
        owners.next().filter(|_| owners.next().is_none())
    }

    /// The beats that hold the leases.
    pub fn beats(&self) -> Beats {
        self.beats
    }

    /// From now on these beats hold the leases.
    pub fn hold(&mut self, beats: Beats) {
        self.beats = beats;
    }

    /// What is held of what came over the network, summed up as of `at_us` (wall): what is a yes, what the record does not end
    /// by then, and no lease has ended.
    pub fn told(&self, at_us: i64) -> Summary {
        let told = self
            .iter()
            .map(|(_, consent)| consent)
            .filter(|consent| consent.told_us.is_some() && consent.state.opens());
        let held = told.filter(|consent| consent.ends_us(self.beats) > at_us);
        Summary::of(held.map(|consent| (&consent.customer, consent.epoch)))
    }

    /// The clock was ahead and is right now, at `wall_us`: a lease or a beat that it dated is over, for nobody knows when it
    /// was.
    pub fn end_leases_after(&mut self, wall_us: i64) {
        for consent in self.slots.iter_mut().flatten().filter(|consent| consent.told_us > Some(wall_us)) {
            Arc::make_mut(consent).told_us = Some(wall_us.saturating_sub(LEASE_US));
        }
        if self.beats.last_us > wall_us {
            self.beats = Beats::NONE;
        }
    }

    /// The consent in `slot`.
    pub fn get(&self, slot: Slot) -> Option<&Arc<Consent>> {
        self.slots.get(slot.0 as usize)?.as_ref()
    }

    /// The slot of `customer`.
    pub fn slot_of(&self, customer: &CustomerId) -> Option<Slot> {
        self.by_customer.get(customer).copied()
    }

    /// Every registered consent, ordered by pseudonym.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &Arc<Consent>)> {
        self.by_customer.values().filter_map(|&slot| Some((slot, self.get(slot)?)))
    }

    /// How many customers are registered.
    pub fn len(&self) -> usize {
        self.by_customer.len()
    }

    /// Whether nobody is registered.
    pub fn is_empty(&self) -> bool {
        self.by_customer.is_empty()
    }

    fn find_frame(&self, frame: &Frame<'_>, identifier: Option<Identifier>, now: Moment) -> Match {
        let exact = identifier.and_then(|identifier| self.owner_of.get(&identifier));
        exact.map_or(Match::Nobody, |slot| Match::One(*slot)).and(self.keyring.find_frame(frame, now))
    }

    fn find_address(&mut self, address: Address, now: Moment) -> Match {
        match address.kind {
            AddressKind::Random => self.keyring.find_address(address, now),
            AddressKind::Public if self.public_addresses == 0 => Match::Nobody,
            AddressKind::Public => {
                let owner = self.owner_of.get(&Identifier::PublicAddress(address.bytes));
                owner.map_or(Match::Nobody, |slot| Match::One(*slot))
            }
        }
    }

    /// Whether `owner` still has what is asked for `by` another.
    fn holds_on(&self, owner: Slot, by: Option<Slot>, now_us: Option<i64>) -> bool {
        let ended = |consent: &Arc<Consent>| now_us.is_some_and(|now| consent.ends_us(self.beats) <= now);
        Some(owner) != by && self.get(owner).is_some_and(|consent| !ended(consent))
    }

    /// Whether `consent` is the later one, if there is an `owner`; one that has lapsed has no devices. Of two by file that is the
    /// later to end. One on a lease was accepted when it was told, whatever beats have made of its end since: after the end of
    /// the other, and before that of one by file which took over from it.
    fn outlasts(&self, consent: &Consent, owner: Option<Slot>) -> bool {
        if !consent.state.opens() {
            return false;
        }
        let order = |consent: &Consent| (consent.told_us.unwrap_or(consent.valid_until_us), consent.valid_until_us);
        owner.and_then(|owner| self.get(owner)).is_none_or(|owner| order(owner) <= order(consent))
    }

    fn seat(&mut self, slot: Slot, mut consent: Arc<Consent>) {
        self.inboxes.extend(&consent, slot);
        let terms = self.shared(&consent.terms);
        Arc::make_mut(&mut consent).terms = terms;
        self.by_customer.insert(consent.customer.clone(), slot);
        if let Some(place) = self.slots.get_mut(slot.0 as usize) {
            *place = Some(consent);
        }
    }

    /// The terms that others agreed to as well, in the place of `terms`.
    fn shared(&mut self, terms: &Arc<Terms>) -> Arc<Terms> {
        let known = self.terms.iter().position(|known| known == terms).and_then(|place| self.terms.remove(place));
        let shared = known.unwrap_or_else(|| Arc::clone(terms));
        self.terms.push_front(Arc::clone(&shared));
        self.terms.truncate(MAX_TERMS);
        shared
    }

    /// A slot for a customer who is not registered yet, if there is room.
    fn free_slot(&mut self) -> Option<Slot> {
        if let Some(slot) = self.free.pop() {
            return Some(slot);
        }
        let slot = Slot(u32::try_from(self.slots.len()).ok()?);
        self.slots.push(None);
        Some(slot)
    }

    /// From now on `identifier` is `slot`'s, taken over from an ended consent if need be.
    fn claim(&mut self, identifier: Identifier, slot: Slot) {
        let is_address = matches!(identifier, Identifier::PublicAddress(_));
        if self.owner_of.insert(identifier, slot).is_none() && is_address {
            self.public_addresses += 1;
        }
    }

    /// Frees the identifiers that `slot` still holds; one that was taken over stays with its new owner.
    fn forget_identifiers(&mut self, slot: Slot) {
        let Some(consent) = self.get(slot).cloned() else { return };
        self.inboxes.remove(&consent, slot);
        for rotating in &consent.rotating {
            self.keyring.release(rotating, slot);
        }
        for identifier in &consent.identifiers {
            if self.owner_of.get(identifier) == Some(&slot) {
                self.owner_of.remove(identifier);
                self.public_addresses -= usize::from(matches!(identifier, Identifier::PublicAddress(_)));
            }
        }
        for phone in &consent.phones {
            if self.owner_of_phone.get(phone) == Some(&slot) {
                self.owner_of_phone.remove(phone);
            }
        }
    }
}

/// The identifier in `frame`, for the formats that are matched exactly.
fn identifier_of(frame: &Frame<'_>) -> Option<Identifier> {
    match *frame {
        Frame::IBeacon { uuid, major, minor, .. } => Some(Identifier::IBeacon(uuid, major, minor)),
        Frame::AltBeacon { id1, id2, id3, .. } => Some(Identifier::AltBeacon(id1, id2, id3)),
        Frame::EddystoneUid { namespace, instance, .. } => Some(Identifier::EddystoneUid(namespace, instance)),
        Frame::EddystoneUrl { .. } | Frame::EddystoneTlm { .. } | Frame::EddystoneEid { .. } => None,
    }
}

#[cfg(test)]
mod tests;
