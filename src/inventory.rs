//! The shop's own things, looked after: of a fixed beacon that it is missed, heard again or low on battery, of a gateway that
//! it hears otherwise than it did, each told once.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Name;
use crate::gateway::Gateway;
use crate::gateway::calibration::{GatewayCalibration, Proposal};
use crate::gateway::fixture::{FixtureStatus, MISSING_AFTER_US};
use crate::mqtt::state::{CalibrationHealth, FixedBeaconHealth, ProposalHealth};

/// Below this a battery is to be changed, in millivolts. A lithium coin cell (CR2477, CR2032) holds some 3 V for most of
/// its life and falls fast at the end; makers call it empty at 2.0 V, so at 2.4 V little is left.
const LOW_BATTERY_MV: u16 = 2_400;

/// From here on it was changed, in millivolts; a cold night moves an old one by less.
const NEW_BATTERY_MV: u16 = 2_700;

/// What was said of fixed beacons, so that it is said once. Bounded by the site: an entry a beacon.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// Since when anything on this machine listens without a break, on the monotonic clock.
    listening_since_us: Option<u64>,
    /// Since when each missed one is.
    missing: BTreeMap<Name, u64>,
    low: BTreeSet<Name>,
    /// Gateways that hear so much more or less than they did that it is not corrected.
    astray: BTreeSet<Name>,
}

impl Inventory {
    /// Looks at every fixed beacon, logs what has changed, and says how they fare. `listens` is whether any radio does:
    /// a deaf one misses no beacon, and what was missing before stays so until it is heard.
    pub(crate) fn look(&mut self, gateway: &Gateway, listens: bool, now_us: u64) -> Vec<FixedBeaconHealth> {
        self.listening_since_us = listens.then(|| self.listening_since_us.unwrap_or(now_us));
        let beacons = gateway.fixed_beacons(now_us, self.listening_since_us);
        self.missing.retain(|id, _| beacons.iter().any(|beacon| beacon.id == *id));
        self.low.retain(|id| beacons.iter().any(|beacon| beacon.id == *id));
        beacons.into_iter().map(|beacon| self.look_at(beacon, now_us)).collect()
    }

    /// Looks at how every gateway hears, and logs of which it cannot be corrected any more.
    pub(crate) fn look_at_gateways(&mut self, gateway: &Gateway) -> Vec<CalibrationHealth> {
        let gateways = gateway.calibration();
        self.astray.retain(|id| gateways.iter().any(|told| told.gateway == *id && told.drift.is_beyond()));
        for GatewayCalibration { gateway, drift, .. } in gateways.iter().filter(|told| told.drift.is_beyond()) {
            if self.astray.insert(gateway.clone()) {
                let drift_db = drift.drift_db.map(tenths);
                tracing::warn!(%gateway, drift_db, "the gateway hears otherwise than it did: look at its antenna and place");
            }
        }
        gateways.into_iter().map(calibration_health).collect()
    }

    fn look_at(&mut self, beacon: FixtureStatus, now_us: u64) -> FixedBeaconHealth {
        let FixtureStatus { id, heard_us, missing_since_us, battery_mv, temperature_c, .. } = beacon;
        let heard = heard_us.is_some_and(|heard_us| now_us.saturating_sub(heard_us) < MISSING_AFTER_US);
        if heard {
            if self.missing.remove(&id).is_some() {
                tracing::info!(beacon = %id, "the fixed beacon is heard again");
            }
        } else if let Some(since_us) = missing_since_us
            && self.missing.insert(id.clone(), since_us).is_none()
        {
            tracing::warn!(beacon = %id, "the fixed beacon is missing: nobody has heard it for ten minutes");
        }
        self.look_at_battery(&id, battery_mv);
        let missing_secs = self.missing.get(&id).map(|since_us| now_us.saturating_sub(*since_us) / 1_000_000);
        FixedBeaconHealth { id: id.to_string(), heard, missing_secs, battery_mv, temperature_c }
    }

    fn look_at_battery(&mut self, id: &Name, battery_mv: Option<u16>) {
        match battery_mv {
            Some(battery_mv) if battery_mv < LOW_BATTERY_MV => {
                if self.low.insert(id.clone()) {
                    tracing::warn!(beacon = %id, battery_mv, "the fixed beacon's battery is nearly empty: change it");
                }
            }
            Some(battery_mv) if battery_mv >= NEW_BATTERY_MV => {
                self.low.remove(id);
            }
            Some(_) | None => {}
        }
    }
}

fn calibration_health(told: GatewayCalibration) -> CalibrationHealth {
    let GatewayCalibration { gateway, drift, proposal } = told;
    CalibrationHealth {
        gateway: gateway.to_string(),
        drift_db: drift.drift_db.map(tenths),
        applied_db: tenths(drift.applied_db),
        from: drift.beacons,
        proposal: proposal.map(|Proposal { offset_db, spread_db, visits, zones }| ProposalHealth {
            offset_db: tenths(offset_db),
            spread_db: tenths(spread_db),
            visits,
            zones,
        }),
    }
}

/// A tenth of a dB is finer than any of this is known.
fn tenths(db: f64) -> f64 {
    (db * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Moment;
    use crate::config::{Sources, check};
    use crate::gateway::advertisement::{Address, AddressKind, Advertisement, GatewayIndex};
    use crate::gateway::effect::Input;
    use crate::gateway::key::Key;
    use crate::radio::encode;

    const MINUTE_US: u64 = 60_000_000;

    /// A shop with one fixed beacon, and what is said of it minute by minute.
    struct Shop {
        gateway: Gateway,
        inventory: Inventory,
    }

    impl Shop {
        fn new() -> Self {
            let mut sources = Sources::shipped();
            sources.site += "[[fixed-beacon]]\nid = 'wall'\n\
                             eddystone-uid = { namespace = '01020304050607080910', instance = '010203040506' }\n";
            let config = Arc::new(check(&sources).config.unwrap());
            Self { gateway: Gateway::new(config, Key::new([7; 32]), 0), inventory: Inventory::default() }
        }

        fn hear(&mut self, minute: u64, battery_mv: u16) {
            let uid = encode::eddystone_uid(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 16], &[1, 2, 3, 4, 5, 6], -18);
            let payload = [uid, encode::eddystone_tlm(battery_mv, 0x1580, 1, 1)].concat();
            let address = Address { bytes: [1; 6], kind: AddressKind::Random };
            let heard = Advertisement { address, payload: &payload, rssi_dbm: -60, gateway: GatewayIndex(0) };
            let now = Moment { monotonic_us: minute * MINUTE_US, wall_us: None };
            assert!(self.gateway.handle(Input::Advertisement(heard), now).is_empty());
        }

        /// Heard, and missing for how long.
        fn look(&mut self, minute: u64, listens: bool) -> (bool, Option<u64>) {
            let health = self.inventory.look(&self.gateway, listens, minute * MINUTE_US).remove(0);
            (health.heard, health.missing_secs)
        }
    }

    #[test]
    fn a_silent_beacon_is_missing_until_it_is_heard() {
        let mut shop = Shop::new();
        assert_eq!(shop.look(5, true), (false, None));
        assert_eq!(shop.look(14, true), (false, None), "ten minutes from when anybody listens");
        assert_eq!(shop.look(15, true), (false, Some(900)));
        assert_eq!(shop.look(16, false), (false, Some(960)), "a deaf radio does not bring it back");
        assert_eq!(shop.look(17, true), (false, Some(1_020)));
        shop.hear(18, 2_900);
        assert_eq!(shop.look(19, true), (true, None));
        assert!(shop.inventory.missing.is_empty());
    }

    #[test]
    fn a_deaf_radio_misses_no_beacon() {
        let mut shop = Shop::new();
        shop.hear(0, 2_900);
        assert_eq!(shop.look(1, true), (true, None));
        assert_eq!(shop.look(5, false), (true, None));
        assert_eq!(shop.look(60, false), (false, None));
        assert_eq!(shop.look(61, true), (false, None));
        assert_eq!(shop.look(70, true), (false, None));
        assert_eq!(shop.look(71, true), (false, Some(71 * 60)));
    }

    #[test]
    fn a_weak_battery_is_told_until_it_is_changed() {
        let mut shop = Shop::new();
        for (minute, battery_mv, low) in [(1, 2_500, 0), (2, 2_399, 1), (3, 2_450, 1), (4, 2_950, 0), (5, 2_300, 1)] {
            shop.hear(minute, battery_mv);
            shop.look(minute, true);
            assert_eq!(shop.inventory.low.len(), low, "minute {minute}");
        }
    }

    #[test]
    fn a_gateway_that_lost_its_antenna_is_told_once_until_it_hears_again() {
        let mut sources = Sources::shipped();
        for (id, minor) in [("wall", 1), ("door", 2)] {
            let ibeacon = format!("{{ uuid = '{}', major = 1, minor = {minor} }}", hex::encode([5; 16]));
            sources.site += &["[[fixed-beacon]]\nid = '", id, "'\nibeacon = ", &ibeacon, "\n"].concat();
        }
        let config = Arc::new(check(&sources).config.unwrap());
        let mut shop = Shop { gateway: Gateway::new(config, Key::new([7; 32]), 0), inventory: Inventory::default() };
        let mut astray = Vec::new();
        for minute in 0..700_u64 {
            // From the second hour to the sixth the first gateway hears 15 dB less.
            let lost_db = if (120..360).contains(&minute) { 15 } else { 0 };
            for (minor, by) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
                for tick in 0..2 {
                    let rssi_dbm = -60 - if by == 0 { lost_db } else { 0 };
                    let address = Address { bytes: [1; 6], kind: AddressKind::Random };
                    let payload = encode::ibeacon(&[5; 16], 1, minor, -59);
                    let heard = Advertisement { address, payload: &payload, rssi_dbm, gateway: GatewayIndex(by) };
                    let now = Moment { monotonic_us: minute * MINUTE_US + tick * 30_000_000, wall_us: None };
                    assert!(shop.gateway.handle(Input::Advertisement(heard), now).is_empty());
                }
            }
            let told = shop.inventory.look_at_gateways(&shop.gateway);
            assert_eq!(told.len(), 3, "every gateway of the site is told of");
            astray.push((told[0].drift_db, told[0].applied_db, shop.inventory.astray.len()));
        }
        assert_eq!(astray[100], (Some(0.0), 0.0, 0));
        assert_eq!(astray[300], (Some(-15.0), -6.0, 1));
        assert_eq!(astray[699], (Some(0.0), 0.0, 0));
    }
}
