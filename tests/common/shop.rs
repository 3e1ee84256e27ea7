//! What every test of the shop needs: configurations from short pieces, consent records, transmissions.

use std::fmt::Write as _;
use std::sync::Arc;

use emma::config::{Config, Sources, check};
use emma::gateway::advertisement::{Address, AddressKind, Advertisement, GatewayIndex};
use emma::gateway::consent::rotating::{MAJOR_AND_MINOR, Rolling};
use emma::radio::encode;

/// Microseconds in a second, as the monotonic clock counts.
pub(crate) const SECOND_US: u64 = 1_000_000;

/// Microseconds in a day.
pub(crate) const DAY_US: u64 = 86_400 * SECOND_US;

/// Everyone's tags carry this UUID and major 1; the minor tells them apart.
const UUID: [u8; 16] = *b"tags of the shop";

/// The five files of a shop, from pieces.
pub(crate) struct Shop {
    /// Each gateway's id and where it hangs, in metres.
    pub(crate) gateways: Vec<(String, (f64, f64))>,
    /// `zones.toml`.
    pub(crate) zones: String,
    /// `offers.toml`.
    pub(crate) offers: String,
    /// `promise.toml` without those who answer for it.
    pub(crate) promise: String,
}

impl Shop {
    /// The checked configuration.
    pub(crate) fn config(&self) -> Arc<Config> {
        let (first, _) = &self.gateways[0];
        let mut site =
            "name = 'Shop'\ntime-zone = 'Europe/Zurich'\nlanguage = 'en'\nfloor-plan = { width-m = 60.0, height-m = 40.0 }\n"
                .to_owned();
        for (id, (x, y)) in &self.gateways {
            writeln!(site, "[[gateway]]\nid = '{id}'\nposition-m = [{x:?}, {y:?}]").unwrap();
        }
        let responsible = "[responsible]\ncontroller = 'Shop Ltd'\ncontact = 'privacy@shop.example'\n\
            withdraw = 'at the till'\nrecipients = [{ id = 'push', name = 'App', purpose = 'shows it' }]\n";
        let loaded = check(&Sources {
            gateway: format!(
                "site = 'shop'\ngateway = '{first}'\nroles = ['scan', 'decide']\n[radio]\ndriver = 'none'\n\
                 [mqtt]\nurl = 'mqtt://localhost:1883'\n"
            ),
            site,
            zones: self.zones.clone(),
            offers: self.offers.clone(),
            promise: format!("{}{responsible}", self.promise),
            ..Sources::default()
        });
        let told: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
        Arc::new(loaded.config.unwrap_or_else(|| panic!("{}", told.join("\n"))))
    }
}

/// One `[[campaign]]` with a text; `rest` are further lines.
pub(crate) fn campaign(id: &str, trigger: &str, zones: &str, rest: &str) -> String {
    format!(
        "[[campaign]]\nid = '{id}'\ntrigger = {trigger}\nzones = {zones}\n{rest}\n\
         [campaign.text.en]\ntitle = '{id}'\nbody = 'Something about {id}.'\n"
    )
}

/// A consent record; `rest` are further members, each with a comma before it.
pub(crate) fn record(customer: &str, epoch: u64, tier: &str, tag: u16, lease: [i64; 2], rest: &str) -> String {
    record_of(customer, epoch, tier, &identifier(tag), lease, rest)
}

/// The same with identifiers of any kind.
pub(crate) fn record_of(
    customer: &str,
    epoch: u64,
    tier: &str,
    identifiers: &str,
    lease: [i64; 2],
    rest: &str,
) -> String {
    let [from, until] = lease.map(|us| jiff::Timestamp::from_microsecond(us).unwrap());
    format!(
        r#"{{"customer":"{customer}","epoch":{epoch},"tier":"{tier}","identifiers":[{identifiers}],"valid_from":"{from}","valid_until":"{until}"{rest}}}"#
    )
}

/// A tag's numbers.
pub(crate) fn identifier(tag: u16) -> String {
    format!(r#"{{"ibeacon":{{"uuid":"{}","major":1,"minor":{tag}}}}}"#, hex::encode(UUID))
}

/// Rolling ids of these days, such as `2026-10-13`; each day has a key of its own.
pub(crate) fn rolling(tag: u16, days: &[&str]) -> String {
    let one = |day: &&str| format!(r#"{{"rolling":{{"day_key":"{}","day":"{day}"}}}}"#, hex::encode(day_key(tag, day)));
    days.iter().map(one).collect::<Vec<_>>().join(",")
}

fn day_key(tag: u16, day: &str) -> Vec<u8> {
    [day.as_bytes(), &[0; 20], &tag.to_be_bytes()].concat()
}

/// What a device with rolling ids transmits at `at_us` (wall), as far as it can be right about the time.
pub(crate) fn rolled(tag: u16, at_us: i64, measured_power_dbm: i8) -> Vec<u8> {
    let day = jiff::Timestamp::from_microsecond(at_us).unwrap().strftime("%F").to_string();
    let days = i32::try_from(at_us.div_euclid(86_400_000_000)).unwrap();
    let id = Rolling::new(&day_key(tag, &day), days).at(at_us).unwrap();
    let (major, minor) = MAJOR_AND_MINOR;
    encode::ibeacon(&id, major, minor, measured_power_dbm)
}

/// What a tag transmits.
pub(crate) fn beacon(tag: u16, measured_power_dbm: i8) -> Vec<u8> {
    encode::ibeacon(&UUID, 1, tag, measured_power_dbm)
}

/// A transmission as one gateway hears it.
pub(crate) fn heard(payload: &[u8], gateway: u16, rssi_dbm: i8) -> Advertisement<'_> {
    let address = Address { bytes: [0xc0, 1, 2, 3, 4, 5], kind: AddressKind::Random };
    Advertisement { address, payload, rssi_dbm, gateway: GatewayIndex(gateway) }
}
