//! A phone that listens instead of transmitting: what it hears of the shop's beacons (`docs/heard.md`).
//!
//! Everything here is pure. A flaw names its kind and holds nothing of the message.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::limit::{Limits, Rate};
use crate::gateway::consent::record::{self, BEACONS, IdentifierRecord};
use crate::gateway::consent::{Identifier, PhoneId};

/// The longest message, in bytes: [`MAX_ENTRIES`] of the longest identifier with room to spare.
pub const MAX_MESSAGE_LEN: usize = 8 * 1024;

/// The most entries of one message: a phone in a shop hears a dozen beacons, each a few times a message.
pub const MAX_ENTRIES: usize = 64;

/// The longest id, in characters, as a consent's.
const MAX_ID_LEN: usize = 64;

/// An entry that is older or newer than this is passed over, in microseconds: the customer has gone on, or one of the two
/// clocks is wrong.
const MAX_AGE_US: u64 = 10_000_000;

/// Every half a second, and ten at once after a moment without a network; ranging on a phone gives one a second.
const RATE: Rate = Rate { interval_us: 500_000, burst: 10 };

/// So many phones are held to their rate at once, more than are ever in a shop; at 150 bytes each, 150 KB. The one that
/// spoke the longest ago is forgotten, and may speak at once.
const MAX_PHONES: usize = 1_000;

/// What phones measure, in dBm. iOS gives 0 where it has no strength (`CLBeacon.rssi`), and radios 127.
const RSSI_DBM: std::ops::RangeInclusive<i64> = -127..=-1;

/// One beacon that a phone hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhoneHeard {
    /// The beacon: iBeacon, `AltBeacon` or Eddystone-UID.
    pub beacon: Identifier,
    /// How strongly, in dBm.
    pub rssi_dbm: i8,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// In the message's order.
    pub heard: Vec<PhoneHeard>,
    /// Entries passed over: too old, of the future, or without a strength.
    pub passed_over: usize,
}

/// Why a whole message is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// Without a trusted clock nobody knows how old it is.
    NoClock,
    /// It is longer than [`MAX_MESSAGE_LEN`].
    TooLong,
    /// It is no JSON list of objects.
    NotJson,
    /// It has more than [`MAX_ENTRIES`].
    TooMany,
    /// An entry lacks `t` or `rssi`, or does not name one beacon.
    Fields,
}

impl Flaw {
    /// The word for every wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoClock => "no-clock",
            Self::TooLong => "too-long",
            Self::NotJson => "not-json",
            Self::TooMany => "too-many",
            Self::Fields => "fields",
        }
    }
}

/// The phone that publishes on `topic`: its last level.
pub fn id(topic: &str) -> Option<&str> {
    let id = topic.rsplit('/').next()?;
    (1..=MAX_ID_LEN).contains(&id.chars().count()).then_some(id)
}

/// What the message `payload` says at `now_us`, the trusted wall clock in microseconds since 1970.
pub fn parse(payload: &[u8], now_us: Option<i64>) -> Result<Report, Flaw> {
    let now_us = now_us.ok_or(Flaw::NoClock)?;
    if payload.len() > MAX_MESSAGE_LEN {
        return Err(Flaw::TooLong);
    }
    let entries: Vec<Map<String, Value>> = serde_json::from_slice(payload).map_err(|_| Flaw::NotJson)?;
    if entries.len() > MAX_ENTRIES {
        return Err(Flaw::TooMany);
    }
    let all = entries.len();
    let read: Result<Vec<_>, Flaw> = entries.into_iter().map(|fields| entry(fields, now_us)).collect();
    let heard: Vec<_> = read?.into_iter().flatten().collect();
    Ok(Report { passed_over: all - heard.len(), heard })
}

/// One entry; nothing if it is to be passed over.
fn entry(mut fields: Map<String, Value>, now_us: i64) -> Result<Option<PhoneHeard>, Flaw> {
    let mut whole = |name: &str| fields.remove(name).as_ref().and_then(Value::as_i64).ok_or(Flaw::Fields);
    let (rssi_dbm, t_us) = (whole("rssi")?, whole("t")?);
    let beacon = record::beacon(fields).ok_or(Flaw::Fields)?;
    let is_fresh = now_us.abs_diff(t_us) <= MAX_AGE_US;
    let rssi_dbm = i8::try_from(rssi_dbm).ok().filter(|_| is_fresh && RSSI_DBM.contains(&rssi_dbm));
    Ok(rssi_dbm.map(|rssi_dbm| PhoneHeard { beacon, rssi_dbm }))
}

/// What a phone hears of the shop's beacons, one entry for one reading of one beacon. [`parse`] reads it by hand, so that each
/// flaw has its word; this is the shape that it reads.
pub(crate) struct HeardMessage;

impl JsonSchema for HeardMessage {
    fn schema_name() -> Cow<'static, str> {
        "HeardMessage".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let kinds = generator.subschema_for::<IdentifierRecord>();
        let kinds = kinds.get("oneOf").and_then(Value::as_array).into_iter().flatten();
        let entries = kinds.filter(|kind| BEACONS.iter().any(|beacon| kind["properties"].get(beacon).is_some()));
        json_schema!({
            "description": "What a phone hears of the shop's beacons, one entry for one reading of one beacon; the topic names the phone.",
            "type": "array",
            "maxItems": MAX_ENTRIES,
            "items": { "oneOf": entries.map(entry_schema).collect::<Vec<_>>() },
        })
    }
}

/// A beacon as a consent record names it, with how and when it was heard.
fn entry_schema(beacon: &Value) -> Value {
    let mut entry = beacon.clone();
    entry["properties"]["rssi"] = json!({
        "description": "How strongly it was heard, in whole dBm; an entry that is not from -127 to -1 is passed over.",
        "type": "integer",
    });
    entry["properties"]["t"] = json!({
        "description": "When it was heard, in whole microseconds since 1970 UTC; an entry 10 s away from now is passed over.",
        "type": "integer",
    });
    entry["required"].as_array_mut().into_iter().for_each(|names| names.extend(["rssi".into(), "t".into()]));
    entry
}

/// Holds each phone to its rate. It is asked for phones that a consent names only, so that strangers fill nothing.
pub struct Phones(Limits);

impl Default for Phones {
    fn default() -> Self {
        Self(Limits::new(RATE, MAX_PHONES))
    }
}

impl Phones {
    /// Whether the phone `id` may speak at `now_us` (monotonic, microseconds).
    pub fn may_speak(&mut self, id: &str, now_us: u64) -> bool {
        self.0.allow(id, now_us)
    }

    /// Forgets every phone but those that a consent still names.
    pub fn keep(&mut self, named: &BTreeSet<PhoneId>) {
        self.0.keep(|id| named.contains(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_US: i64 = 1_668_027_000_123_456;
    const MESSAGE: &str = r#"[{"ibeacon":{"uuid":"f7826da6-4fa2-4e98-8024-bc5b71e0893e","major":1,"minor":7},"rssi":-67,"t":1668027000123456},{"altbeacon":{"id1":"F7826DA64FA24E988024BC5B71E0893E","id2":1,"id3":7},"rssi":-70,"t":1668027000123456},{"eddystone_uid":{"namespace":"f7826da64fa24e988024","instance":"0123456789ab"},"rssi":-80,"t":1668027000123456}]"#;

    fn flaw(message: &str) -> Option<Flaw> {
        parse(message.as_bytes(), Some(NOW_US)).err()
    }

    #[test]
    fn the_three_kinds_of_beacons_are_read() {
        let report = parse(MESSAGE.as_bytes(), Some(NOW_US)).unwrap();
        let uuid = 0xf782_6da6_4fa2_4e98_8024_bc5b_71e0_893e_u128.to_be_bytes();
        let eddystone = Identifier::EddystoneUid(
            [0xf7, 0x82, 0x6d, 0xa6, 0x4f, 0xa2, 0x4e, 0x98, 0x80, 0x24],
            [0x01, 0x23, 0x45, 0x67, 0x89, 0xab],
        );
        let expected =
            [(Identifier::IBeacon(uuid, 1, 7), -67), (Identifier::AltBeacon(uuid, 1, 7), -70), (eddystone, -80)];
        let expected = expected.map(|(beacon, rssi_dbm)| PhoneHeard { beacon, rssi_dbm });
        assert!(report.heard == expected && report.passed_over == 0);
        assert_eq!(parse(b"[]", Some(NOW_US)), Ok(Report { heard: Vec::new(), passed_over: 0 }));
    }

    #[test]
    fn what_is_not_of_now_or_has_no_strength_is_passed_over() {
        let with = |from: &str, to: &str| {
            let report = parse(MESSAGE.replacen(from, to, 1).as_bytes(), Some(NOW_US)).unwrap();
            (report.heard.len(), report.passed_over)
        };
        assert_eq!(with("000123456", "010123456"), (3, 0));
        assert_eq!(with("000123456", "010123457"), (2, 1));
        assert_eq!(with("1668027000123456", "1668026990123455"), (2, 1));
        assert_eq!(with("1668027000123456", "-9223372036854775808"), (2, 1));
        for strength in ["0", "127", "-128", "5", "-1000"] {
            assert_eq!(with("-67", strength), (2, 1), "{strength}");
        }
    }

    #[test]
    fn each_flaw_is_told() {
        assert_eq!(parse(MESSAGE.as_bytes(), None), Err(Flaw::NoClock));
        assert_eq!(flaw(&MESSAGE.replace("-67", "-67.5")), Some(Flaw::Fields));
        assert_eq!(flaw(&MESSAGE.replace("\"t\"", "\"at\"")), Some(Flaw::Fields));
        assert_eq!(flaw(&MESSAGE.replace("\"major\":1", "\"major\":65536")), Some(Flaw::Fields));
        assert_eq!(flaw(&MESSAGE.replace("\"minor\"", "\"power\":1,\"minor\"")), Some(Flaw::Fields));
        assert_eq!(flaw(r#"[{"address":"00:11:22:33:44:55","rssi":-67,"t":1668027000123456}]"#), Some(Flaw::Fields));
        assert_eq!(flaw(r#"[{"rssi":-67,"t":1668027000123456}]"#), Some(Flaw::Fields));
        assert_eq!(flaw("{}"), Some(Flaw::NotJson));
        assert_eq!(flaw("[1]"), Some(Flaw::NotJson));
        assert_eq!(flaw(&format!("[{}]", ["{}"; 65].join(","))), Some(Flaw::TooMany));
        assert_eq!(flaw(&" ".repeat(MAX_MESSAGE_LEN + 1)), Some(Flaw::TooLong));
    }

    #[test]
    fn the_longest_report_is_read() {
        let entry = r#"{"ibeacon":{"uuid":"f7826da6-4fa2-4e98-8024-bc5b71e0893e","major":65535,"minor":65535},"rssi":-127,"t":1668027000123456}"#;
        let message = format!("[{}]", [entry; MAX_ENTRIES].join(","));
        assert_eq!(parse(message.as_bytes(), Some(NOW_US)).unwrap().heard.len(), MAX_ENTRIES);
    }

    #[test]
    fn an_id_is_the_topics_last_level() {
        assert_eq!(id("emma/v1/bern/heard/p-7f3a"), Some("p-7f3a"));
        assert_eq!(id("emma/v1/bern/heard/"), None);
        assert_eq!(id(&format!("emma/v1/bern/heard/{}", "x".repeat(65))), None);
    }
}
