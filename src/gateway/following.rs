//! Following a tester: each reading of a test tag, for whoever carries it through the shop to survey or to try it.
//!
//! Nobody else can be followed: the consent is asked at each reading, so that one which is withdrawn, has ended or is no
//! longer a test ends it at once, whatever was asked for.

use std::collections::BTreeSet;

use super::Gateway;
use super::advertisement::GatewayIndex;
use super::consent::CustomerId;
use super::consent::registry::Slot;
use super::effect::{Effect, Reading};
use crate::clock::Moment;
use crate::config::Name;

/// What is believed of a tester when somebody begins to follow them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The zone they are in.
    pub zone: Option<Name>,
    /// They are in the shop.
    pub is_present: bool,
    /// Confidence in it is lost.
    pub is_unsure: bool,
    /// The tag was in the shop for more than three hours: zones are not told of it until the next day.
    pub is_at_work: bool,
}

impl Gateway {
    /// From now on the readings of these testers are told, and of nobody else.
    pub fn follow(&mut self, customers: BTreeSet<CustomerId>) {
        self.followed = customers;
    }

    /// Whether this customer can be followed: theirs is a test consent that is in force.
    pub fn may_be_followed(&self, customer: &CustomerId) -> bool {
        self.consent_of(customer).is_some_and(|consent| consent.test && self.is_in_force(consent))
    }

    /// What is believed of this customer now, on the monotonic clock.
    pub fn place_of(&self, customer: &CustomerId, now_us: u64) -> Place {
        let guest = self.registry.slot_of(customer).and_then(|slot| self.guests.get(&slot));
        let presence = guest.and_then(|guest| guest.presence.as_ref());
        let zone = presence.and_then(|presence| presence.whereabouts.zone(&self.floor));
        Place {
            zone: zone.and_then(|zone| self.floor.zone_id(zone)).cloned(),
            is_present: presence.is_some(),
            is_unsure: presence.is_some_and(|presence| presence.whereabouts.is_unsure()),
            is_at_work: guest.and_then(|guest| guest.ignored_until_us).is_some_and(|until_us| until_us > now_us),
        }
    }

    /// Tells a reading, if its customer is followed. A tag that was in the shop for hours still measures it.
    pub(super) fn tell_reading(
        &self,
        slot: Slot,
        anchor: GatewayIndex,
        (rssi_dbm, level_dbm): (i8, f64),
        at: Moment,
        effects: &mut Vec<Effect>,
    ) {
        // Most days nobody is followed, and then this is all it costs.
        if self.followed.is_empty() {
            return;
        }
        let customer = self.registry.get(slot).map(|consent| &consent.customer);
        let customer = customer.filter(|customer| self.followed.contains(*customer) && self.may_be_followed(customer));
        let (Some(customer), Some(anchor)) = (customer, self.config.site.anchor_id(anchor)) else { return };
        let reading = Reading { at, customer: customer.clone(), anchor: anchor.clone(), rssi_dbm, level_dbm };
        effects.push(Effect::Read(reading));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::testing::shipped;
    use crate::gateway::advertisement::{Address, AddressKind, Advertisement};
    use crate::gateway::consent::Consent;
    use crate::gateway::consent::record::ConsentRecord;
    use crate::gateway::effect::Input;
    use crate::gateway::key::Key;
    use crate::radio::encode;

    const UUID: [u8; 16] = *b"ABCDEFGHIJKLMNOP";

    fn consent(customer: &str, epoch: u64, minor: u16, until: &str, test: bool) -> Arc<Consent> {
        let tag = format!(r#"{{"ibeacon":{{"uuid":"{}","major":1,"minor":{minor}}}}}"#, hex::encode(UUID));
        let record = format!(
            r#"{{"customer":"{customer}","epoch":{epoch},"tier":"contextual","purposes":["offers"],"identifiers":[{tag}],"valid_from":"2020-01-01T00:00:00Z","valid_until":"{until}","test":{test}}}"#
        );
        Arc::new(serde_json::from_str::<ConsentRecord>(&record).unwrap().check().unwrap())
    }

    fn hear(gateway: &mut Gateway, minor: u16, secs: u64) -> Vec<(Name, i8, f64)> {
        let payload = encode::ibeacon(&UUID, 1, minor, -65);
        let address = Address { bytes: [1; 6], kind: AddressKind::Random };
        let heard = Advertisement { address, payload: &payload, rssi_dbm: -70, gateway: GatewayIndex(1) };
        let wall_us = Some(1_790_000_000_000_000 + i64::try_from(secs).unwrap() * 1_000_000);
        let effects = gateway.handle(Input::Advertisement(heard), Moment { monotonic_us: secs * 1_000_000, wall_us });
        let read = effects.into_iter().filter_map(|effect| match effect {
            Effect::Read(reading) => Some((reading.anchor, reading.rssi_dbm, reading.level_dbm)),
            _ => None,
        });
        read.collect()
    }

    #[test]
    fn a_tester_is_followed_and_nobody_else_whoever_is_asked_for() {
        let mut gateway = Gateway::new(Arc::new(shipped()), Key::new([7; 32]), 0);
        let now = Moment { monotonic_us: 0, wall_us: Some(1_790_000_000_000_000) };
        let until = "2035-01-01T00:00:00Z";
        let consents = [("tester", 1, true), ("customer", 2, false), ("ended", 3, true)];
        for (customer, minor, test) in consents {
            let until = if customer == "ended" { "2026-09-22T00:00:00Z" } else { until };
            gateway.handle(Input::Consent(consent(customer, 1, minor, until, test)), now);
        }
        assert_eq!(hear(&mut gateway, 1, 1), [], "nobody is followed unasked");
        let named = ["tester", "customer", "ended"].map(|name| CustomerId::new(name).unwrap());
        gateway.follow(named.iter().cloned().collect());
        assert_eq!(hear(&mut gateway, 1, 2), [("gw-shoes".into(), -70, -64.0)]);
        assert_eq!(hear(&mut gateway, 2, 3), []);
        assert_eq!(hear(&mut gateway, 3, 200_000), [], "its consent is over");
        let late = Moment { monotonic_us: 200_001_000_000, wall_us: Some(1_790_200_001_000_000) };
        gateway.handle(Input::Consent(consent("tester", 2, 1, until, false)), late);
        assert_eq!(hear(&mut gateway, 1, 200_002), [], "a test no more");
        gateway.handle(Input::Consent(consent("tester", 3, 1, until, true)), late);
        gateway.handle(Input::Withdraw(named[0].clone()), late);
        assert_eq!(hear(&mut gateway, 1, 200_003), []);
    }

    #[test]
    fn a_tag_that_was_here_for_hours_is_still_measured() {
        let mut gateway = Gateway::new(Arc::new(shipped()), Key::new([7; 32]), 0);
        let tester = CustomerId::new("tester").unwrap();
        let now = Moment { monotonic_us: 0, wall_us: Some(1_790_000_000_000_000) };
        gateway.handle(Input::Consent(consent("tester", 1, 1, "2035-01-01T00:00:00Z", true)), now);
        gateway.follow([tester.clone()].into());
        for minute in 0..200 {
            assert_eq!(hear(&mut gateway, 1, minute * 60).len(), 1, "{minute}");
        }
        assert!(gateway.place_of(&tester, 200 * 60_000_000).is_at_work);
    }
}
