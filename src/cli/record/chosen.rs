//! Whose advertisements a recording holds: the test consents' and the fixed beacons', told as the daemon tells them.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::clock::Moment;
use crate::config::{Config, Name};
use crate::gateway::advertisement::Advertisement;
use crate::gateway::consent::lease::Beats;
use crate::gateway::consent::record::ConsentRecord;
use crate::gateway::consent::registry::{Attribution, Registry};
use crate::gateway::consent::{Consent, CustomerId};
use crate::gateway::decode::Frame;
use crate::gateway::fixture::{Fixtures, Sight};
use crate::gateway::key::Key;

/// The key under which resolved addresses are remembered for a while, in memory alone: it ends with the recording.
fn passing_key() -> Key {
    let mut bytes = [0; 32];
    // Without randomness the cache would be less even, and nothing else.
    getrandom::fill(&mut bytes).unwrap_or_default();
    Key::new(bytes)
}

/// Who is recorded, and who was heard.
pub(super) struct Chosen {
    site: Name,
    records: Vec<String>,
    testers: usize,
    registry: Registry,
    fixtures: Fixtures,
    testers_heard: BTreeSet<CustomerId>,
    beacons_heard: BTreeSet<usize>,
}

impl Chosen {
    /// The fixed beacons of `config`; nobody's consent yet.
    pub(super) fn new(config: &Config) -> Self {
        Self {
            site: config.gateway.site.clone(),
            records: Vec::new(),
            testers: 0,
            registry: Registry::new(&passing_key()),
            fixtures: Fixtures::new(&config.site, 0),
            testers_heard: BTreeSet::new(),
            beacons_heard: BTreeSet::new(),
        }
    }

    /// From now on these test consents, and no others: one that was withdrawn is no longer recorded. What is no test
    /// consent is not taken, whoever sends it.
    pub(super) fn take_testers(&mut self, records: Vec<String>) {
        if records == self.records {
            return;
        }
        self.registry = Registry::new(&passing_key());
        let consents = records.iter().filter_map(|record| {
            let record: ConsentRecord = serde_json::from_str(record).ok()?;
            record.check().ok().filter(|consent| consent.test)
        });
        for consent in consents {
            self.registry.restore(Arc::new(consent));
        }
        (self.testers, self.records) = (self.registry.len(), records);
    }

    /// Whether there is nobody to record.
    pub(super) fn is_empty(&self) -> bool {
        self.testers == 0 && self.fixtures.identifiers().next().is_none()
    }

    /// Whether somebody is known by an address alone.
    pub(super) fn needs_addresses(&self) -> bool {
        self.registry.has_addresses()
    }

    /// Whether `heard` is of one of them now.
    pub(super) fn holds(&mut self, heard: &Advertisement<'_>, now: Moment) -> bool {
        let mut sight = Sight::default();
        let fixtures = &self.fixtures;
        let see = |frame: &Frame<'_>, identifier| fixtures.look(frame, identifier, &mut sight);
        let attribution = self.registry.attribute_seeing(heard, now, see);
        if let Some(beacon) = self.fixtures.take(sight, heard, now.monotonic_us) {
            self.beacons_heard.insert(beacon);
            return true;
        }
        let Attribution::Customer { slot, .. } = attribution else { return false };
        let wall_us = now.wall_us.unwrap_or_default();
        let is_in_force =
            |consent: &&Arc<Consent>| consent.is_live(wall_us, Beats::NONE) && consent.covers_site(&self.site);
        let Some(consent) = self.registry.get(slot).filter(is_in_force) else { return false };
        self.testers_heard.insert(consent.customer.clone());
        true
    }

    /// Who was heard: `2 test tags, 3 fixed beacons`.
    pub(super) fn heard(&self) -> String {
        let (testers, beacons) = (self.testers_heard.len(), self.beacons_heard.len());
        let many = |count: usize| if count == 1 { "" } else { "s" };
        format!("{testers} test tag{}, {beacons} fixed beacon{}", many(testers), many(beacons))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, check};
    use crate::gateway::advertisement::{Address, AddressKind, GatewayIndex};
    use crate::radio::encode;

    const UUID: [u8; 16] = *b"ABCDEFGHIJKLMNOP";
    const NOW: Moment = Moment { monotonic_us: 0, wall_us: Some(1_790_000_000_000_000) };

    fn chosen() -> Chosen {
        let mut sources = Sources::shipped();
        let uuid = hex::encode(UUID);
        let beacon = format!("[[fixed-beacon]]\nid = 'wall'\nibeacon = {{ uuid = '{uuid}', major = 1, minor = 9 }}\n");
        sources.site.push_str(&beacon);
        Chosen::new(&check(&sources).config.unwrap())
    }

    fn record(customer: &str, minor: u16, until: &str, more: &str) -> String {
        let tag = format!(r#"{{"ibeacon":{{"uuid":"{}","major":1,"minor":{minor}}}}}"#, hex::encode(UUID));
        format!(
            r#"{{"customer":"{customer}","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{tag}],"valid_from":"2020-01-01T00:00:00Z","valid_until":"{until}"{more}}}"#
        )
    }

    fn holds(chosen: &mut Chosen, minor: u16) -> bool {
        let payload = encode::ibeacon(&UUID, 1, minor, -59);
        let address = Address { bytes: [1; 6], kind: AddressKind::Random };
        chosen.holds(&Advertisement { address, payload: &payload, rssi_dbm: -60, gateway: GatewayIndex(0) }, NOW)
    }

    #[test]
    fn testers_and_fixed_beacons_are_recorded_and_nobody_else() {
        let mut chosen = chosen();
        chosen.take_testers(vec![
            record("tester", 1, "2035-01-01T00:00:00Z", r#","test":true"#),
            record("ended", 2, "2021-01-01T00:00:00Z", r#","test":true"#),
            record("elsewhere", 3, "2035-01-01T00:00:00Z", r#","test":true,"sites":["another"]"#),
            record("customer", 4, "2035-01-01T00:00:00Z", ""),
        ]);
        assert_eq!([1, 2, 3, 4, 5, 9].map(|minor| holds(&mut chosen, minor)), [true, false, false, false, false, true]);
        assert_eq!(chosen.heard(), "1 test tag, 1 fixed beacon");
    }

    #[test]
    fn who_withdraws_is_no_longer_recorded() {
        let mut chosen = chosen();
        chosen.take_testers(vec![record("tester", 1, "2035-01-01T00:00:00Z", r#","test":true"#)]);
        assert!(holds(&mut chosen, 1));
        chosen.take_testers(Vec::new());
        assert!(!holds(&mut chosen, 1));
        assert!(!chosen.is_empty(), "the wall is left");
    }
}
