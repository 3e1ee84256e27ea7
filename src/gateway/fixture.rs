//! The shop's own transmitters: what is heard of them is inventory and nobody's visit, and what a phone hears of them
//! tells where the phone is.

use std::collections::HashMap;

use super::advertisement::{Address, Advertisement, GatewayIndex};
use super::consent::Identifier;
use super::decode::Frame;
use crate::config::Name;
use crate::config::fixed::FixedBeacon;
use crate::config::site::Site;

/// How long a fixed beacon may be silent before it is missed, in microseconds. One transmits every 0.1 to 10 s, and a
/// chip that filters duplicates reports it once in about ten; 60 of those missed in a row are no accident.
pub const MISSING_AFTER_US: u64 = 600_000_000;

/// How one fixed beacon fares.
#[derive(Clone, Debug, PartialEq)]
pub struct FixtureStatus {
    /// Its id in `site.toml`.
    pub id: Name,
    /// When it was last heard, on the monotonic clock; nothing for never.
    pub heard_us: Option<u64>,
    /// The gateways that heard it in the last ten minutes.
    pub heard_by: Vec<GatewayIndex>,
    /// Since when nobody hears it, on the monotonic clock, once it is missed.
    pub missing_since_us: Option<u64>,
    /// What its battery had when it last said so, in millivolts.
    pub battery_mv: Option<u16>,
    /// What it measured when it last said so, in degrees Celsius.
    pub temperature_c: Option<f64>,
}

/// What of one advertisement concerns fixed beacons, gathered while its frames are looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sight {
    beacon: Option<usize>,
    telemetry: Option<Telemetry>,
}

/// Battery and temperature of an Eddystone-TLM frame, where it has them (eddystone-tlm, plain TLM).
#[derive(Clone, Copy, Debug)]
struct Telemetry {
    battery_mv: Option<u16>,
    temperature_c256: Option<i16>,
}

/// The fixed beacons of a shop. Nothing of it grows with what is heard: one entry a beacon, and in it one instant a
/// gateway and the one address that it was last heard from.
#[derive(Clone, Debug, Default)]
pub struct Fixtures {
    fixtures: Vec<Fixture>,
    index_of: HashMap<Identifier, usize>,
}

#[derive(Clone, Debug)]
struct Fixture {
    id: Name,
    identifier: Identifier,
    anchor: GatewayIndex,
    measured_power_dbm: i8,
    /// When it became known, on the monotonic clock.
    known_us: u64,
    /// When it was last heard.
    heard_us: Option<u64>,
    /// When each gateway last heard it.
    heard_by_us: Vec<Option<u64>>,
    /// Telemetry has no identifier; it is joined by the address that the identifier last came from.
    address: Option<Address>,
    telemetry: Telemetry,
}

impl Fixtures {
    /// The fixed beacons of `site`, known from `now_us` on.
    pub fn new(site: &Site, now_us: u64) -> Self {
        let anchors = site.fixed_beacon_anchors();
        let fixture = |(beacon, anchor): (&FixedBeacon, GatewayIndex)| Fixture {
            id: beacon.id.clone(),
            identifier: beacon.identifier,
            anchor,
            measured_power_dbm: beacon.measured_power_dbm,
            known_us: now_us,
            heard_us: None,
            heard_by_us: vec![None; site.gateways.len()],
            address: None,
            telemetry: Telemetry { battery_mv: None, temperature_c256: None },
        };
        let fixtures: Vec<Fixture> = site.fixed_beacons.iter().zip(anchors).map(fixture).collect();
        let index_of = fixtures.iter().enumerate().map(|(index, fixture)| (fixture.identifier, index)).collect();
        Self { fixtures, index_of }
    }

    /// The same after a reload: a beacon that is still there keeps what is known of it.
    #[must_use]
    pub fn configured(&self, site: &Site, now_us: u64) -> Self {
        let mut new = Self::new(site, now_us);
        for fixture in &mut new.fixtures {
            let known = self.index_of.get(&fixture.identifier).and_then(|index| self.fixtures.get(*index));
            let Some(known) = known else { continue };
            // But for which gateways heard it: they may have changed their numbers.
            (fixture.known_us, fixture.heard_us) = (known.known_us, known.heard_us);
            (fixture.address, fixture.telemetry) = (known.address, known.telemetry);
        }
        new
    }

    /// What they transmit: no customer's.
    pub fn identifiers(&self) -> impl Iterator<Item = Identifier> {
        self.fixtures.iter().map(|fixture| fixture.identifier)
    }

    /// Their ids in `site.toml`, and what each transmits.
    pub fn named(&self) -> impl Iterator<Item = (&Name, &Identifier)> {
        self.fixtures.iter().map(|fixture| (&fixture.id, &fixture.identifier))
    }

    /// Another Pi says that it hears the fixed beacon `id`; which of them that is, if any.
    pub fn hear(&mut self, id: &str, gateway: GatewayIndex, now_us: u64) -> Option<usize> {
        let index = self.fixtures.iter().position(|fixture| *fixture.id == *id)?;
        self.fixtures.get_mut(index)?.hear(gateway, now_us);
        Some(index)
    }

    /// Looks at one frame of an advertisement, and remembers in `sight` what of it is for [`Fixtures::take`].
    pub fn look(&self, frame: &Frame<'_>, identifier: Option<Identifier>, sight: &mut Sight) {
        if self.fixtures.is_empty() {
            return;
        }
        if let Frame::EddystoneTlm { voltage_mv, temperature_c256, .. } = *frame {
            // 0 is no battery, and -128 °C no sensor (eddystone-tlm).
            let battery_mv = (voltage_mv != 0).then_some(voltage_mv);
            let temperature_c256 = (temperature_c256 != i16::MIN).then_some(temperature_c256);
            sight.telemetry = Some(Telemetry { battery_mv, temperature_c256 });
        } else if let Some(identifier) = identifier {
            sight.beacon = sight.beacon.or_else(|| self.index_of.get(&identifier).copied());
        }
    }

    /// Notes what `sight` found in `heard`, and says of which fixed beacon it is, if of any: then it is nobody's visit.
    pub fn take(&mut self, sight: Sight, heard: &Advertisement<'_>, now_us: u64) -> Option<usize> {
        let index = sight.beacon.or_else(|| {
            let is_its = |fixture: &Fixture| fixture.address == Some(heard.address);
            sight.telemetry.and_then(|_| self.fixtures.iter().position(is_its))
        })?;
        let fixture = self.fixtures.get_mut(index)?;
        fixture.hear(heard.gateway, now_us);
        fixture.address = Some(heard.address);
        fixture.telemetry = sight.telemetry.unwrap_or(fixture.telemetry);
        Some(index)
    }

    /// Where a phone is that hears `beacon`: the place at which that counts, and the level in dBm as if a device of
    /// -59 dBm at 1 m were heard there. Nothing for what is no fixed beacon.
    pub fn place(&self, beacon: &Identifier, rssi_dbm: i8) -> Option<(GatewayIndex, f64)> {
        let fixture = self.index_of.get(beacon).and_then(|index| self.fixtures.get(*index))?;
        Some((fixture.anchor, super::level_dbm(rssi_dbm, Some(fixture.measured_power_dbm))))
    }

    /// How they fare, in the order of the file. `listening_since_us` is since when radios listen without a break, on the
    /// monotonic clock: a beacon is missed for as long as somebody could have heard it, and while nobody listens (nothing)
    /// none is.
    pub fn status(&self, now_us: u64, listening_since_us: Option<u64>) -> Vec<FixtureStatus> {
        self.fixtures.iter().map(|fixture| fixture.status(now_us, listening_since_us)).collect()
    }
}

impl Fixture {
    fn hear(&mut self, gateway: GatewayIndex, now_us: u64) {
        self.heard_us = Some(now_us);
        if let Some(heard_us) = self.heard_by_us.get_mut(usize::from(gateway.0)) {
            *heard_us = Some(now_us);
        }
    }

    fn status(&self, now_us: u64, listening_since_us: Option<u64>) -> FixtureStatus {
        let is_recent = |at_us: u64| now_us.saturating_sub(at_us) < MISSING_AFTER_US;
        let silent_since_us = self.heard_us.unwrap_or(self.known_us);
        let missing = listening_since_us.is_some_and(|since_us| !is_recent(silent_since_us.max(since_us)));
        let recent = |(index, at_us): (usize, &Option<u64>)| {
            at_us.filter(|at_us| is_recent(*at_us)).and_then(|_| u16::try_from(index).ok()).map(GatewayIndex)
        };
        FixtureStatus {
            id: self.id.clone(),
            heard_us: self.heard_us,
            heard_by: self.heard_by_us.iter().enumerate().filter_map(recent).collect(),
            missing_since_us: missing.then_some(silent_since_us),
            battery_mv: self.telemetry.battery_mv,
            temperature_c: self.telemetry.temperature_c256.map(|c256| f64::from(c256) / 256.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;
    use crate::config::{Sources, check};
    use crate::gateway::advertisement::AddressKind;
    use crate::gateway::consent::registry::Registry;
    use crate::gateway::key::Key;
    use crate::radio::encode;

    const UUID: [u8; 16] = *b"ABCDEFGHIJKLMNOP";
    const WALL: u8 = 1;
    const MINUTE_US: u64 = 60_000_000;

    fn site(beacons: &[(&str, u16)]) -> Site {
        let mut sources = Sources::shipped();
        for (id, minor) in beacons {
            let uuid = hex::encode(UUID);
            let ibeacon = format!("{{ uuid = '{uuid}', major = 1, minor = {minor} }}");
            sources.site.push_str(&["[[fixed-beacon]]\nid = '", id, "'\nibeacon = ", &ibeacon, "\n"].concat());
        }
        check(&sources).config.unwrap().site
    }

    fn hear(fixtures: &mut Fixtures, payload: &[u8], from: u8, gateway: u16, now_us: u64) -> Option<usize> {
        let address = Address { bytes: [from; 6], kind: AddressKind::Random };
        let heard = Advertisement { address, payload, rssi_dbm: -60, gateway: GatewayIndex(gateway) };
        let mut sight = Sight::default();
        let now = Moment { monotonic_us: now_us, wall_us: None };
        let mut registry = Registry::new(&Key::new([7; 32]));
        registry.attribute_seeing(&heard, now, |frame, identifier| fixtures.look(frame, identifier, &mut sight));
        fixtures.take(sight, &heard, now_us)
    }

    fn wall() -> Vec<u8> {
        encode::ibeacon(&UUID, 1, 7, -59)
    }

    #[test]
    fn a_beacon_is_heard_and_by_whom() {
        let mut fixtures = Fixtures::new(&site(&[("wall", 7)]), 0);
        assert_eq!(hear(&mut fixtures, &encode::ibeacon(&UUID, 1, 8, -59), WALL, 0, 1), None);
        assert_eq!(hear(&mut fixtures, &wall(), WALL, 0, MINUTE_US), Some(0));
        assert_eq!(hear(&mut fixtures, &wall(), WALL, 2, 9 * MINUTE_US), Some(0));
        let status = &fixtures.status(10 * MINUTE_US, Some(0))[0];
        assert_eq!((status.heard_us, status.missing_since_us), (Some(9 * MINUTE_US), None));
        assert_eq!(status.heard_by, [GatewayIndex(0), GatewayIndex(2)]);
        assert_eq!(fixtures.status(11 * MINUTE_US, Some(0))[0].heard_by, [GatewayIndex(2)]);
    }

    #[test]
    fn a_silent_beacon_is_missed_after_ten_minutes_of_listening() {
        let mut fixtures = Fixtures::new(&site(&[("wall", 7)]), 0);
        let missing = |fixtures: &Fixtures, minute: u64, since: Option<u64>| {
            fixtures.status(minute * MINUTE_US, since.map(|since| since * MINUTE_US))[0].missing_since_us
        };
        // Never heard: ten minutes from the start. A deaf radio misses nothing, and one that was deaf has ten as well.
        assert_eq!(missing(&fixtures, 9, Some(0)), None);
        assert_eq!(missing(&fixtures, 10, Some(0)), Some(0));
        assert_eq!(missing(&fixtures, 60, None), None);
        assert_eq!(missing(&fixtures, 60, Some(51)), None);
        hear(&mut fixtures, &wall(), WALL, 0, 60 * MINUTE_US);
        assert_eq!(missing(&fixtures, 69, Some(0)), None);
        assert_eq!(missing(&fixtures, 70, Some(0)), Some(60 * MINUTE_US));
    }

    #[test]
    fn telemetry_is_joined_by_the_address_of_the_last_identified_frame() {
        let mut fixtures = Fixtures::new(&site(&[("wall", 7)]), 0);
        let tlm = |mv| encode::eddystone_tlm(mv, 0x1580, 1, 1);
        assert_eq!(hear(&mut fixtures, &tlm(2_900), WALL, 0, 1), None, "an address that nobody knows is nothing");
        assert_eq!(fixtures.status(2, Some(0))[0].battery_mv, None);
        hear(&mut fixtures, &wall(), WALL, 0, 2);
        assert_eq!(hear(&mut fixtures, &tlm(2_800), WALL, 0, 3), Some(0));
        let status = &fixtures.status(4, Some(0))[0];
        assert_eq!((status.battery_mv, status.temperature_c), (Some(2_800), Some(21.5)));
        assert_eq!(hear(&mut fixtures, &tlm(1_000), 9, 0, 5), None, "a stranger's battery");
        assert_eq!(fixtures.status(6, Some(0))[0].battery_mv, Some(2_800));
        // In one advertisement with the identifier; its address is new.
        let both = [encode::eddystone_tlm(0, i16::MIN, 1, 1), wall()].concat();
        assert_eq!(hear(&mut fixtures, &both, 9, 0, 7), Some(0));
        let status = &fixtures.status(8, Some(0))[0];
        assert_eq!((status.battery_mv, status.temperature_c), (None, None), "it has neither");
        assert_eq!(hear(&mut fixtures, &tlm(2_700), WALL, 0, 9), None, "it has moved on from this address");
    }

    #[test]
    fn a_reload_keeps_what_is_known_and_grants_a_new_one_ten_minutes() {
        let mut fixtures = Fixtures::new(&site(&[("wall", 7)]), 0);
        hear(&mut fixtures, &wall(), WALL, 1, MINUTE_US);
        let fixtures = fixtures.configured(&site(&[("door", 8), ("pillar", 7)]), 60 * MINUTE_US);
        let status = fixtures.status(61 * MINUTE_US, Some(0));
        assert_eq!((&*status[0].id, status[0].missing_since_us), ("door", None));
        assert_eq!((&*status[1].id, status[1].missing_since_us), ("pillar", Some(MINUTE_US)));
    }
}
