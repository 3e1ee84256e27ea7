//! Who is registered, and whose an advertisement is.
//!
//! The match table is looked up with what strangers transmit and filled by registered customers alone, so it grows
//! with consents and with nothing else. Looking up allocates nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::{Consent, CustomerId, Identifier, PhoneId};
use crate::gateway::advertisement::{AddressKind, Advertisement};
use crate::gateway::decode::{Frame, frames};

/// The most customers that may be registered at once. With 8 identifiers each, the match table holds 1.6 million
/// entries of 28 bytes: 64 MB with its spare room, and the consents about 200 MB. A shop has a few hundred.
pub const MAX_CUSTOMERS: usize = 200_000;

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
    /// One of its identifiers is live for another customer, or a fixed beacon's of the shop.
    #[error("identifier-taken: one of its identifiers is live for another customer, or a fixed beacon's of the shop")]
    IdentifierTaken,
    /// [`MAX_CUSTOMERS`] are registered.
    #[error("full: {MAX_CUSTOMERS} customers are registered, and one has to withdraw first")]
    Full,
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
#[derive(Default)]
pub struct Registry {
    slots: Vec<Option<Arc<Consent>>>,
    free: Vec<Slot>,
    by_customer: BTreeMap<CustomerId, Slot>,
    /// Never iterated: its order differs from run to run. `std`'s keyed hash stays, for strangers choose the lookups.
    owner_of: HashMap<Identifier, Slot>,
    /// Most shops register no public address; then none is ever hashed.
    public_addresses: usize,
    /// Phones that say what they hear. Never iterated either.
    owner_of_phone: HashMap<PhoneId, Slot>,
    /// The shop's fixed beacons: nobody's.
    shops_own: HashSet<Identifier>,
}

impl Registry {
    /// Nobody is registered.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers `consent`, or replaces the one of the same customer. The same epoch again replaces too, so that a
    /// repeated message does no harm. A refusal changes nothing.
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
        for identifier in &consent.identifiers {
            self.claim(*identifier, slot);
        }
        self.owner_of_phone.extend(consent.phones.iter().map(|phone| (phone.clone(), slot)));
        self.seat(slot, consent);
        Ok(slot)
    }

    /// Takes up a consent that was accepted in an earlier life. Of two that hold one identifier the later to end took it
    /// over from the other, which had ended by then; so it is the later's, in whatever order they come and whether or
    /// not anybody knows what time it is.
    pub fn restore(&mut self, consent: Arc<Consent>) {
        let known = self.slot_of(&consent.customer);
        let Some(slot) = known.or_else(|| (self.len() < MAX_CUSTOMERS).then(|| self.free_slot()).flatten()) else {
            return;
        };
        self.forget_identifiers(slot);
        for identifier in &consent.identifiers {
            let holder = self.owner_of.get(identifier).and_then(|owner| self.get(*owner));
            if holder.is_none_or(|holder| holder.valid_until_us <= consent.valid_until_us) {
                self.claim(*identifier, slot);
            }
        }
        for phone in &consent.phones {
            let holder = self.owner_of_phone.get(phone).and_then(|owner| self.get(*owner));
            if holder.is_none_or(|holder| holder.valid_until_us <= consent.valid_until_us) {
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
        if known.and_then(|slot| self.get(slot)).is_some_and(|last| consent.epoch < last.epoch) {
            return Err(Refusal::StaleEpoch);
        }
        let owners = consent.identifiers.iter().filter_map(|identifier| self.owner_of.get(identifier));
        let of_phones = consent.phones.iter().filter_map(|phone| self.owner_of_phone.get(phone));
        let is_the_shops = consent.identifiers.iter().any(|identifier| self.shops_own.contains(identifier));
        if is_the_shops || owners.chain(of_phones).any(|owner| self.holds_against(*owner, known, now_us)) {
            return Err(Refusal::IdentifierTaken);
        }
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
        Some(slot)
    }

    /// Whose `heard` is: every frame of it and its public address are looked at. Whether that customer's consent is
    /// live at this moment is for the gates to judge.
    pub fn attribute(&self, heard: &Advertisement<'_>) -> Attribution {
        self.attribute_seeing(heard, |_, _| {})
    }

    /// The same, and shows each frame and its identifier to `see` on the way: the bytes are decoded once.
    pub fn attribute_seeing(
        &self,
        heard: &Advertisement<'_>,
        mut see: impl FnMut(&Frame<'_>, Option<Identifier>),
    ) -> Attribution {
        let mut owner = None;
        let mut power = None;
        for frame in frames(heard.payload) {
            let identifier = identifier_of(&frame);
            see(&frame, identifier);
            let found = identifier.and_then(|identifier| self.owner_of.get(&identifier).copied());
            if found.is_some() && owner.is_some() && found != owner {
                return Attribution::Ambiguous;
            }
            // The power of the frame that matched goes before that of one that did not.
            if power.is_none() || (found.is_some() && owner.is_none()) {
                power = frame.measured_power_dbm().or(power);
            }
            owner = owner.or(found);
        }
        let by_address = self.owner_of_address(heard);
        if by_address.is_some() && owner.is_some() && by_address != owner {
            return Attribution::Ambiguous;
        }
        match owner.or(by_address) {
            Some(slot) => Attribution::Customer { slot, measured_power_dbm: power },
            None => Attribution::Nobody,
        }
    }

    /// Whose phone says what it hears.
    pub fn owner_of_phone(&self, phone: &str) -> Option<Slot> {
        self.owner_of_phone.get(phone).copied()
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

    fn owner_of_address(&self, heard: &Advertisement<'_>) -> Option<Slot> {
        if self.public_addresses == 0 || heard.address.kind != AddressKind::Public {
            return None;
        }
        self.owner_of.get(&Identifier::PublicAddress(heard.address.bytes)).copied()
    }

    /// Whether what is `owner`'s cannot become the customer's in `by`.
    fn holds_against(&self, owner: Slot, by: Option<Slot>, now_us: Option<i64>) -> bool {
        let ended = |consent: &Arc<Consent>| now_us.is_some_and(|now| consent.valid_until_us <= now);
        Some(owner) != by && self.get(owner).is_some_and(|consent| !ended(consent))
    }

    fn seat(&mut self, slot: Slot, consent: Arc<Consent>) {
        self.by_customer.insert(consent.customer.clone(), slot);
        if let Some(place) = self.slots.get_mut(slot.0 as usize) {
            *place = Some(consent);
        }
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
mod tests {
    use super::*;
    use crate::gateway::advertisement::{Address, GatewayIndex};
    use crate::gateway::consent::record;
    use crate::radio::encode;

    const UUID: [u8; 16] = *b"ABCDEFGHIJKLMNOP";
    const TAG: [u8; 6] = [0x00, 0x11, 0x22, 0x33, 0x44, 0x55];
    const TAG_PRINTED: &str = r#"{"address":"00:11:22:33:44:55"}"#;

    fn ibeacon(minor: u16) -> String {
        format!(r#"{{"ibeacon":{{"uuid":"{}","major":1,"minor":{minor}}}}}"#, hex::encode(UUID))
    }

    fn consent(customer: &str, epoch: u64, identifiers: &str) -> Arc<Consent> {
        let line = format!(
            r#"{{"customer":"{customer}","epoch":{epoch},"tier":"contextual","purposes":["offers"],
            "identifiers":[{identifiers}],"valid_from":"2026-01-01T00:00:00Z","valid_until":"2026-01-02T00:00:00Z"}}"#
        );
        let Ok(record::Record::Grant(grant)) = record::parse(&line) else { panic!("no grant: {line}") };
        Arc::new(grant.check().unwrap())
    }

    fn attribute(registry: &Registry, structures: &[Vec<u8>], address: ([u8; 6], AddressKind)) -> Attribution {
        let payload = structures.concat();
        registry.attribute(&Advertisement {
            address: Address { bytes: address.0, kind: address.1 },
            payload: &payload,
            rssi_dbm: -60,
            gateway: GatewayIndex(0),
        })
    }

    fn heard(registry: &Registry, structures: &[Vec<u8>]) -> Attribution {
        attribute(registry, structures, ([0; 6], AddressKind::Random))
    }

    fn beacon(minor: u16) -> Vec<u8> {
        encode::ibeacon(&UUID, 1, minor, -55)
    }

    #[test]
    fn a_customer_is_matched_by_a_frame_and_its_power_is_handed_on() {
        let mut registry = Registry::new();
        let slot = registry.accept(consent("ann", 1, &ibeacon(1)), None).unwrap();
        let url = encode::eddystone_url(0, b"a", -10).unwrap();
        let found = Attribution::Customer { slot, measured_power_dbm: Some(-55) };
        assert_eq!(heard(&registry, &[beacon(1)]), found);
        assert_eq!(heard(&registry, &[url.clone(), beacon(1), url]), found);
        assert_eq!(heard(&registry, &[beacon(2)]), Attribution::Nobody);
        assert_eq!(heard(&registry, &[]), Attribution::Nobody);
    }

    #[test]
    fn a_public_address_is_matched_and_a_random_one_is_not() {
        let mut registry = Registry::new();
        let slot = registry.accept(consent("ann", 1, TAG_PRINTED), None).unwrap();
        let found = |measured_power_dbm| Attribution::Customer { slot, measured_power_dbm };
        assert_eq!(attribute(&registry, &[], (TAG, AddressKind::Public)), found(None));
        assert_eq!(attribute(&registry, &[beacon(9)], (TAG, AddressKind::Public)), found(Some(-55)));
        assert_eq!(attribute(&registry, &[], (TAG, AddressKind::Random)), Attribution::Nobody);
        registry.withdraw(&CustomerId::new("ann").unwrap()).unwrap();
        assert_eq!(attribute(&registry, &[], (TAG, AddressKind::Public)), Attribution::Nobody);
    }

    #[test]
    fn two_customers_in_one_advertisement_are_nobody() {
        let mut registry = Registry::new();
        registry.accept(consent("ann", 1, &format!("{},{TAG_PRINTED}", ibeacon(1))), None).unwrap();
        registry.accept(consent("bob", 1, &ibeacon(2)), None).unwrap();
        assert_eq!(heard(&registry, &[beacon(1), beacon(2)]), Attribution::Ambiguous);
        assert_eq!(attribute(&registry, &[beacon(2)], (TAG, AddressKind::Public)), Attribution::Ambiguous);
        let both_hers = attribute(&registry, &[beacon(1)], (TAG, AddressKind::Public));
        assert!(matches!(both_hers, Attribution::Customer { .. }));
    }

    #[test]
    fn an_older_epoch_is_refused_and_the_same_again_replaces() {
        let mut registry = Registry::new();
        let slot = registry.accept(consent("ann", 2, &ibeacon(1)), None).unwrap();
        assert_eq!(registry.accept(consent("ann", 1, &ibeacon(2)), None), Err(Refusal::StaleEpoch));
        assert_eq!(registry.accept(consent("ann", 2, &ibeacon(3)), None), Ok(slot));
        assert_eq!(heard(&registry, &[beacon(1)]), Attribution::Nobody);
        assert!(matches!(heard(&registry, &[beacon(3)]), Attribution::Customer { .. }));
        assert_eq!(registry.len(), 1);
    }

    #[test]
    fn after_a_restart_an_identifier_is_its_last_owner_s_in_any_order() {
        let ended = consent("ended", 1, &ibeacon(1));
        let mut later = (*consent("a-later", 1, &ibeacon(1))).clone();
        later.valid_until_us += 1;
        let later = Arc::new(later);
        for order in [[&ended, &later], [&later, &ended]] {
            let mut registry = Registry::new();
            for consent in order {
                registry.restore(Arc::clone(consent));
            }
            assert_eq!(registry.len(), 2);
            let owner = registry.owner_of.get(&Identifier::IBeacon(UUID, 1, 1)).copied();
            assert_eq!(owner, registry.slot_of(&later.customer));
        }
    }

    #[test]
    fn a_taken_identifier_is_refused_while_its_consent_lasts() {
        let mut registry = Registry::new();
        let ann = consent("ann", 1, &ibeacon(1));
        let end_us = ann.valid_until_us;
        let ann_slot = registry.accept(ann, None).unwrap();
        let bob = consent("bob", 1, &format!("{},{}", ibeacon(1), ibeacon(2)));
        assert_eq!(registry.accept(bob.clone(), None), Err(Refusal::IdentifierTaken));
        assert_eq!(registry.accept(bob.clone(), Some(end_us - 1)), Err(Refusal::IdentifierTaken));
        assert_eq!(heard(&registry, &[beacon(2)]), Attribution::Nobody);
        let bob_slot = registry.accept(bob, Some(end_us)).unwrap();
        assert_ne!(bob_slot, ann_slot);
        // What was taken over stays so when its former owner goes.
        assert_eq!(registry.withdraw(&CustomerId::new("ann").unwrap()), Some(ann_slot));
        let bobs = Attribution::Customer { slot: bob_slot, measured_power_dbm: Some(-55) };
        assert_eq!(heard(&registry, &[beacon(1)]), bobs);
    }

    #[test]
    fn a_phone_is_one_customers_like_every_other_identifier() {
        let mut registry = Registry::new();
        let phone = r#"{"phone":{"id":"ph-1"}}"#;
        let ann = registry.accept(consent("ann", 1, phone), None).unwrap();
        assert_eq!((registry.owner_of_phone("ph-1"), registry.owner_of_phone("ph-2")), (Some(ann), None));
        assert_eq!(registry.accept(consent("bob", 1, phone), None), Err(Refusal::IdentifierTaken));
        assert_eq!(registry.accept(consent("ann", 2, &ibeacon(1)), None), Ok(ann));
        assert_eq!(registry.owner_of_phone("ph-1"), None);
        let bob = registry.accept(consent("bob", 1, phone), None).unwrap();
        assert_eq!(registry.owner_of_phone("ph-1"), Some(bob));
        assert_eq!(format!("{:?}", registry.get(bob).unwrap().phones), "[PhoneId(..)]");
    }

    #[test]
    fn what_the_shop_transmits_itself_is_nobodys() {
        let mut registry = Registry::new();
        registry.keep_for_the_shop([Identifier::IBeacon(UUID, 1, 1)].into_iter());
        assert_eq!(registry.accept(consent("ann", 1, &ibeacon(1)), None), Err(Refusal::IdentifierTaken));
        registry.keep_for_the_shop(std::iter::empty());
        registry.accept(consent("ann", 1, &ibeacon(1)), None).unwrap();
    }

    #[test]
    fn a_slot_is_used_again_and_customers_come_in_order() {
        let mut registry = Registry::new();
        for (name, minor) in [("cid", 1), ("ann", 2), ("bob", 3)] {
            registry.accept(consent(name, 1, &ibeacon(minor)), None).unwrap();
        }
        let cid = CustomerId::new("cid").unwrap();
        assert_eq!(registry.withdraw(&cid), Some(Slot(0)));
        assert_eq!(registry.withdraw(&cid), None);
        assert!(registry.get(Slot(0)).is_none());
        assert_eq!(registry.accept(consent("dan", 1, &ibeacon(1)), None), Ok(Slot(0)));
        let names: Vec<_> = registry.iter().map(|(slot, consent)| (slot.0, consent.customer.as_str())).collect();
        assert_eq!(names, [(1, "ann"), (2, "bob"), (0, "dan")]);
    }

    #[test]
    fn a_full_registry_refuses_newcomers_alone() {
        let mut registry = Registry::new();
        let template = consent("x", 1, &ibeacon(1));
        for n in 0..MAX_CUSTOMERS {
            let customer = CustomerId::new(&format!("c{n}")).unwrap();
            let consent = Consent { customer, identifiers: Vec::new(), ..(*template).clone() };
            registry.accept(Arc::new(consent), None).unwrap();
        }
        assert_eq!(registry.accept(template, None), Err(Refusal::Full));
        assert_eq!(registry.accept(consent("c7", 2, &ibeacon(1)), None), Ok(Slot(7)));
    }
}
