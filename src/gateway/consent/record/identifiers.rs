//! The identifiers of a consent record: every kind is checked and kept; those that are matched become the core's.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::TOPIC_LEVEL_PATTERN;
use super::shape::{Object, unknown};
use crate::gateway::consent::rotating::{Eid, Rolling, Rotating};
use crate::gateway::consent::{Identifier, PhoneId};

/// The most digits of a rolling id's key in hex: 256 bits, as long as any HMAC here needs.
const MAX_KEY_DIGITS: usize = 64;

/// One identifier as the record says it. Hex is lower case, UUIDs have dashes, addresses are upper case with colons; read is
/// either case, and a UUID without dashes.
#[derive(Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of the contract, one by one")]
pub enum IdentifierRecord {
    /// iBeacon, matched exactly.
    #[serde(rename = "ibeacon")]
    IBeacon {
        #[schemars(regex(pattern = UUID_PATTERN))]
        uuid: String,
        major: u16,
        minor: u16,
    },
    /// `AltBeacon`, matched exactly.
    #[serde(rename = "altbeacon")]
    AltBeacon {
        #[schemars(regex(pattern = UUID_PATTERN))]
        id1: String,
        id2: u16,
        id3: u16,
    },
    /// Eddystone-UID, matched exactly.
    EddystoneUid {
        #[schemars(regex(pattern = "^[0-9A-Fa-f]{20}$"))]
        namespace: String,
        #[schemars(regex(pattern = "^[0-9A-Fa-f]{12}$"))]
        instance: String,
    },
    /// Eddystone-EID: its key, rotation exponent, and a counter with the time at which it was read.
    EddystoneEid {
        #[schemars(regex(pattern = "^[0-9A-Fa-f]{32}$"))]
        identity_key: String,
        #[schemars(range(max = 15))]
        k: u8,
        counter_at: (u32, String),
    },
    /// A rolling id: a key good for one day (`docs/rolling-id.md`).
    Rolling {
        #[schemars(regex(pattern = "^([0-9A-Fa-f]{2}){16,32}$"))]
        day_key: String,
        #[schemars(extend("format" = "date"))]
        day: String,
    },
    /// The key that resolves private addresses, most significant byte first.
    Irk(#[schemars(regex(pattern = "^[0-9A-Fa-f]{32}$"))] String),
    /// A public address, matched exactly.
    Address(#[schemars(regex(pattern = "^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$"))] String),
    /// A phone that reports what it hears (`docs/heard.md`).
    Phone {
        #[schemars(length(min = 1, max = 64), regex(pattern = TOPIC_LEVEL_PATTERN))]
        id: String,
    },
}

/// A UUID, with dashes or without, in either case.
const UUID_PATTERN: &str = "^([0-9A-Fa-f]{32}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$";

/// The kinds that are beacons as anybody may hear them, which a phone may name.
pub const BEACONS: [&str; 3] = ["ibeacon", "altbeacon", "eddystone_uid"];

/// Every kind, as the record names it.
const KINDS: &[&str] =
    &["ibeacon", "altbeacon", "eddystone_uid", "eddystone_eid", "rolling", "irk", "address", "phone"];

/// `Debug` names the kind and nothing more, so that no log line can carry an identifier by accident.
impl fmt::Debug for IdentifierRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl IdentifierRecord {
    /// The kind, as the record names it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::IBeacon { .. } => "ibeacon",
            Self::AltBeacon { .. } => "altbeacon",
            Self::EddystoneUid { .. } => "eddystone_uid",
            Self::EddystoneEid { .. } => "eddystone_eid",
            Self::Rolling { .. } => "rolling",
            Self::Irk(_) => "irk",
            Self::Address(_) => "address",
            Self::Phone { .. } => "phone",
        }
    }

    /// What the core matches as it is, or nothing for the other kinds.
    pub(super) fn matched(&self) -> Option<Identifier> {
        match self {
            Self::IBeacon { uuid, major, minor } => Some(Identifier::IBeacon(uuid_bytes(uuid)?, *major, *minor)),
            Self::AltBeacon { id1, id2, id3 } => Some(Identifier::AltBeacon(uuid_bytes(id1)?, *id2, *id3)),
            Self::EddystoneUid { namespace, instance } => {
                Some(Identifier::EddystoneUid(hex_bytes(namespace)?, hex_bytes(instance)?))
            }
            Self::Address(address) => Some(Identifier::PublicAddress(address_bytes(address)?)),
            Self::EddystoneEid { .. } | Self::Rolling { .. } | Self::Irk(_) | Self::Phone { .. } => None,
        }
    }

    /// What the core computes identifiers from, or nothing for the other kinds.
    pub(super) fn rotating(&self) -> Option<Rotating> {
        match self {
            Self::EddystoneEid { identity_key, k, counter_at: (counter, read) } => {
                let read_us = read.parse::<Timestamp>().ok()?.as_microsecond();
                Some(Rotating::EddystoneEid(Eid::new(hex_bytes(identity_key)?, *k, *counter, read_us)))
            }
            Self::Rolling { day_key, day } => {
                Some(Rotating::Rolling(Rolling::new(&hex::decode(day_key).ok()?, days_since_1970(day)?)))
            }
            Self::Irk(irk) => Some(Rotating::Irk(hex_bytes(irk)?)),
            Self::IBeacon { .. }
            | Self::AltBeacon { .. }
            | Self::EddystoneUid { .. }
            | Self::Address(_)
            | Self::Phone { .. } => None,
        }
    }

    /// The phone that says what it hears, if this is one.
    pub(super) fn phone(&self) -> Option<PhoneId> {
        if let Self::Phone { id } = self { Some(PhoneId(id.as_str().into())) } else { None }
    }

    /// Reads the identifier at `path`; what is wrong with it goes to `problems`.
    pub(super) fn read(path: &str, value: Value, problems: &mut Vec<String>) -> Option<Self> {
        let Value::Object(fields) = value else {
            problems.push(format!("`{path}`: is not an object such as {{\"ibeacon\": …}}"));
            return None;
        };
        let mut fields = fields.into_iter();
        let (Some((kind, value)), None) = (fields.next(), fields.next()) else {
            problems.push(format!("`{path}`: has to name one kind; put each identifier into an object of its own"));
            return None;
        };
        let Some(kind) = KINDS.iter().find(|known| **known == kind) else {
            problems.push(unknown(path, &kind, KINDS));
            return None;
        };
        read_kind(&format!("{path}.{kind}"), kind, value, problems)
    }
}

fn read_kind(path: &str, kind: &str, value: Value, problems: &mut Vec<String>) -> Option<IdentifierRecord> {
    match kind {
        "ibeacon" => {
            let mut object = required(path, value, &["uuid", "major", "minor"], problems)?;
            let uuid = checked(&mut object, "uuid", UUID, uuid);
            let (major, minor) = (object.number("major", 0xffff), object.number("minor", 0xffff));
            Some(IdentifierRecord::IBeacon { uuid: uuid?, major: major?, minor: minor? })
        }
        "altbeacon" => {
            let mut object = required(path, value, &["id1", "id2", "id3"], problems)?;
            let id1 = checked(&mut object, "id1", UUID, uuid);
            let (id2, id3) = (object.number("id2", 0xffff), object.number("id3", 0xffff));
            Some(IdentifierRecord::AltBeacon { id1: id1?, id2: id2?, id3: id3? })
        }
        "eddystone_uid" => {
            let mut object = required(path, value, &["namespace", "instance"], problems)?;
            let namespace = checked(&mut object, "namespace", "20 hex digits", |text| hex_digits(text, 20..=20));
            let instance = checked(&mut object, "instance", "12 hex digits", |text| hex_digits(text, 12..=12));
            Some(IdentifierRecord::EddystoneUid { namespace: namespace?, instance: instance? })
        }
        "eddystone_eid" => read_eid(required(path, value, &["identity_key", "k", "counter_at"], problems)?),
        "rolling" => {
            let mut object = required(path, value, &["day_key", "day"], problems)?;
            let what = "a key of 32 to 64 hex digits";
            let day_key = checked(&mut object, "day_key", what, |text| hex_digits(text, 32..=MAX_KEY_DIGITS));
            let day = checked(&mut object, "day", "a date such as 2026-12-31", date);
            Some(IdentifierRecord::Rolling { day_key: day_key?, day: day? })
        }
        "phone" => {
            let mut object = required(path, value, &["id"], problems)?;
            let id = checked(&mut object, "id", super::TOPIC_LEVEL, |text| super::topic_level(text, 64));
            Some(IdentifierRecord::Phone { id: id? })
        }
        "irk" => plain(path, &value, KEY, |text| hex_digits(text, 32..=32), problems).map(IdentifierRecord::Irk),
        _ => plain(path, &value, "an address such as 00:11:22:33:44:55", address, problems)
            .map(IdentifierRecord::Address),
    }
}

fn read_eid(mut object: Object<'_>) -> Option<IdentifierRecord> {
    let identity_key = checked(&mut object, "identity_key", KEY, |text| hex_digits(text, 32..=32));
    // eddystone-eid: the rotation exponent is 0 to 15.
    let k = object.number("k", 15);
    let counter_at = object.take("counter_at").and_then(|value| {
        let counter = value.get(0).and_then(Value::as_u64).and_then(|counter| u32::try_from(counter).ok());
        let time = value.get(1).and_then(Value::as_str).filter(|time| time.parse::<Timestamp>().is_ok());
        let pair = value.as_array().is_some_and(|list| list.len() == 2);
        let read = counter.zip(time).filter(|_| pair).map(|(counter, time)| (counter, time.to_owned()));
        if read.is_none() {
            object.problem("counter_at", "is not a counter and the time it was read: [17, \"2026-01-01T00:00:00Z\"]");
        }
        read
    });
    Some(IdentifierRecord::EddystoneEid { identity_key: identity_key?, k: k?, counter_at: counter_at? })
}

const UUID: &str = "a UUID: 32 hex digits, with or without dashes";
const KEY: &str = "a key of 32 hex digits, most significant byte first";

/// Opens an object all of whose fields are required.
fn required<'p>(
    path: &str,
    value: Value,
    names: &'static [&'static str],
    problems: &'p mut Vec<String>,
) -> Option<Object<'p>> {
    let mut object = Object::open(path, value, names, problems)?;
    object.require(names);
    Some(object)
}

/// The text `name` in its one form; `read` gives nothing where it is not `expected`.
fn checked(
    object: &mut Object<'_>,
    name: &str,
    expected: &str,
    read: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let text = object.text(name)?;
    let read = read(&text);
    if read.is_none() {
        object.problem(name, format_args!("is not {expected}"));
    }
    read
}

/// The same for an identifier that is a text itself.
fn plain(
    path: &str,
    value: &Value,
    expected: &str,
    read: impl Fn(&str) -> Option<String>,
    problems: &mut Vec<String>,
) -> Option<String> {
    let read = value.as_str().and_then(read);
    if read.is_none() {
        problems.push(format!("`{path}`: is not {expected}"));
    }
    read
}

fn hex_digits(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<String> {
    let even = text.len().is_multiple_of(2);
    let legal = even && digits.contains(&text.len()) && text.bytes().all(|c| c.is_ascii_hexdigit());
    legal.then(|| text.to_ascii_lowercase())
}

/// The places of a UUID's dashes in its printed form.
const DASHES: [usize; 4] = [8, 13, 18, 23];

fn uuid(text: &str) -> Option<String> {
    let dashes: Vec<_> = text.bytes().enumerate().filter(|(_, c)| *c == b'-').map(|(at, _)| at).collect();
    if !(dashes.is_empty() || dashes == DASHES) {
        return None;
    }
    let mut printed = hex_digits(&text.replace('-', ""), 32..=32)?;
    for at in DASHES {
        printed.insert(at, '-');
    }
    Some(printed)
}

fn date(text: &str) -> Option<String> {
    text.parse::<Date>().ok().map(|date| date.to_string())
}

fn days_since_1970(day: &str) -> Option<i32> {
    let days = day.parse::<Date>().ok()?.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24;
    i32::try_from(days).ok()
}

fn address(text: &str) -> Option<String> {
    address_bytes(text).map(|_| text.to_ascii_uppercase())
}

fn hex_bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    hex_bytes(&text.replace('-', ""))
}

fn address_bytes(text: &str) -> Option<[u8; 6]> {
    let colons = text.len() == 17 && text.bytes().skip(2).step_by(3).all(|c| c == b':');
    if colons { hex_bytes(&text.replace(':', "")) } else { None }
}
