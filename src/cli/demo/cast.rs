//! The demo's customers: who they are, what they carry, what they agreed to, and where they mean to go.
//!
//! Their terms are chosen so that most gates have a say in the story; each is a consent record as a registrar would
//! write it, and goes through the same door.

use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::walk::Stop::{self, Jackets, LongTill, Shoes, Till};
use crate::radio::encode;

/// A customer.
pub(super) struct Person {
    /// As the story says it; the pseudonym is the same in lower case.
    pub(super) name: &'static str,
    /// What follows "comes in": what they asked of Emma, where it is not the usual.
    pub(super) note: &'static str,
    tag: Tag,
    /// Where they go, in this order; some add a stop of their own.
    pub(super) stops: &'static [Stop],
    /// What their consent says beyond the usual, at this wall time in microseconds.
    terms: fn(i64) -> Value,
}

/// What they carry: three formats that shops use, at the strength that their makers ship them with.
#[derive(Clone, Copy)]
enum Tag {
    IBeacon,
    AltBeacon,
    Eddystone,
}

/// Everyone, in no order that matters.
pub(super) const CAST: [Person; 12] = [
    person("Anna", "", Tag::IBeacon, &[Jackets], |_| json!({ "language": "de" })),
    person(
        "Bruno",
        "who asked for a pause until tomorrow",
        Tag::AltBeacon,
        &[Shoes, Till],
        |now_us| json!({ "language": "it", "paused_until": time(now_us + DAY_US) }),
    ),
    person("Chiara", "", Tag::Eddystone, &[Shoes, Jackets], |_| json!({ "language": "it" })),
    person(
        "David",
        "who wants quiet at this hour",
        Tag::IBeacon,
        &[Jackets],
        |now_us| json!({ "language": "en", "time_zone": "UTC", "quiet_hours": quiet_now(now_us) }),
    ),
    person(
        "Elodie",
        "who wants to hear of jackets only",
        Tag::AltBeacon,
        &[Shoes, Jackets],
        |_| json!({ "language": "fr", "categories": ["jackets"] }),
    ),
    person(
        "Farid",
        "who wants answers, not offers",
        Tag::IBeacon,
        &[Shoes],
        |_| json!({ "language": "fr", "tier": "on-request" }),
    ),
    person(
        "Giulia",
        "who let Emma know a little more",
        Tag::Eddystone,
        &[LongTill],
        |_| json!({ "language": "it", "tier": "personal", "purposes": ["offers", "personalisation"] }),
    ),
    person("Hugo", "who carries a tester's tag", Tag::IBeacon, &[Shoes], |_| json!({ "language": "de", "test": true })),
    person(
        "Irina",
        "for whom the family wants no offers",
        Tag::AltBeacon,
        &[Jackets],
        |_| json!({ "language": "en", "caps": { "customer": [{ "at_most": 0, "per": "1d" }] } }),
    ),
    person(
        EARLIER,
        "back again, told something 40 minutes ago",
        Tag::IBeacon,
        &[Jackets],
        |_| json!({ "language": "de" }),
    ),
    person("Klara", "", Tag::Eddystone, &[Till], |_| json!({ "language": "fr" })),
    person("Luca", "", Tag::AltBeacon, &[Shoes, Till], |_| json!({ "language": "en" })),
];

/// Who was in the shop earlier today, and was told something then.
pub(super) const EARLIER: &str = "Jonas";

const fn person(
    name: &'static str,
    note: &'static str,
    tag: Tag,
    stops: &'static [Stop],
    terms: fn(i64) -> Value,
) -> Person {
    Person { name, note, tag, stops, terms }
}

const DAY_US: i64 = 86_400_000_000;

/// All tags of the shop share these, as tags bought in one box do; major, minor and instance tell them apart.
const UUID: [u8; 16] = *b"Emma's demo tags";
const NAMESPACE: [u8; 10] = *b"Emma's box";

/// What the tags say that they measure at 1 m, in dBm, and do. Eddystone says it for 0 m, 41 dB more.
const MEASURED_DBM: i8 = -61;
const AT_0M_DB: i8 = 41;

/// Radius Networks, who wrote `AltBeacon` down.
const RADIUS: u16 = 0x0118;

impl Person {
    /// The pseudonym.
    pub(super) fn pseudonym(&self) -> String {
        self.name.to_lowercase()
    }

    /// The consent as one line of a registrar's file.
    pub(super) fn consent(&self, number: u16, now_us: i64) -> String {
        let mut record = json!({
            "customer": self.pseudonym(), "epoch": 1, "tier": "contextual", "purposes": ["offers"],
            "identifiers": [self.identifier(number)], "adult": true, "notice": { "version": "1" },
            "valid_from": time(now_us - DAY_US), "valid_until": time(now_us + DAY_US),
        });
        if let (Value::Object(record), Value::Object(terms)) = (&mut record, (self.terms)(now_us)) {
            record.extend(terms);
        }
        record.to_string()
    }

    /// What their tag transmits, and how strong it is at 1 m in dBm.
    pub(super) fn transmits(&self, number: u16) -> (Vec<u8>, f64) {
        let beacon = match self.tag {
            Tag::IBeacon => encode::ibeacon(&UUID, 1, number, MEASURED_DBM),
            Tag::AltBeacon => encode::altbeacon(RADIUS, &UUID, 2, number, MEASURED_DBM),
            Tag::Eddystone => encode::eddystone_uid(&NAMESPACE, &instance(number), MEASURED_DBM + AT_0M_DB),
        };
        let payload = encode::payload([&*encode::flags(0x06), &*beacon], encode::LEGACY_PAYLOAD_LEN);
        (payload, f64::from(MEASURED_DBM))
    }

    fn identifier(&self, number: u16) -> Value {
        match self.tag {
            Tag::IBeacon => json!({ "ibeacon": { "uuid": hex::encode(UUID), "major": 1, "minor": number } }),
            Tag::AltBeacon => json!({ "altbeacon": { "id1": hex::encode(UUID), "id2": 2, "id3": number } }),
            Tag::Eddystone => {
                let (namespace, instance) = (hex::encode(NAMESPACE), hex::encode(instance(number)));
                json!({ "eddystone_uid": { "namespace": namespace, "instance": instance } })
            }
        }
    }
}

/// A beacon of somebody else's: the same formats, and nobody's consent.
pub(super) fn foreign_beacon(rng: &mut Rng) -> Vec<u8> {
    let id: [u8; 16] = std::array::from_fn(|_| rng.u8(..));
    match rng.u8(..3) {
        0 => encode::ibeacon(&id, rng.u16(..), rng.u16(..), -59),
        1 => encode::altbeacon(RADIUS, &id, rng.u16(..), rng.u16(..), -59),
        _ => encode::eddystone_uid(&NAMESPACE, &std::array::from_fn(|_| rng.u8(..)), -18),
    }
}

fn instance(number: u16) -> [u8; 6] {
    let [high, low] = number.to_be_bytes();
    [0, 0, 0, 0, high, low]
}

fn time(us: i64) -> String {
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// From an hour ago until two hours on, in UTC: longer than the longest demo.
fn quiet_now(now_us: i64) -> [String; 2] {
    const MINUTE_US: i64 = 60_000_000;
    [-60, 120].map(|shift| {
        let minute = (now_us / MINUTE_US + shift).rem_euclid(1_440);
        format!("{:02}:{:02}", minute / 60, minute % 60)
    })
}
