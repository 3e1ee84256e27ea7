//! The two messages: a scanner's batch and the decider's page, as JSON. Read strictly where it matters, and what another
//! version adds is ignored. A flaw names its kind and holds nothing of the message.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gateway::consent::fingerprint::{Fingerprint, Salt};
use crate::gateway::sharing::MOST_READINGS;

/// The most entries of a batch: four a second of 256 customers heard at once. Who is left waits for the next batch.
pub const MAX_ENTRIES: usize = 256;

/// The longest batch, in bytes: [`MAX_ENTRIES`] of 28 at the most, and a head.
pub const MAX_BATCH_LEN: usize = 8 * 1024;

/// The most fingerprints of a page, of whole rows; a table of 10,000 is a dozen pages.
pub const PRINTS_A_PAGE: usize = 1_000;

/// The longest page, in bytes: [`PRINTS_A_PAGE`] of 19 and their handles make 32 KiB, and as much to spare.
pub const MAX_PAGE_LEN: usize = 64 * 1024;

/// Levels that a radio can measure, corrected for any power a device can claim, in tenths of a dB.
const LEVEL_DDBM: std::ops::RangeInclusive<i32> = -3_200..=1_000;

/// A number of 64 bits that names a life or a table: 16 hex digits on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[0-9a-f]{16}$"))]
pub struct Nonce(pub u64);

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({:016x})", self.0)
    }
}

impl From<Nonce> for String {
    fn from(nonce: Nonce) -> Self {
        format!("{:016x}", nonce.0)
    }
}

impl TryFrom<String> for Nonce {
    type Error = Flaw;

    fn try_from(text: String) -> Result<Self, Flaw> {
        digits(&text).map(|bytes| Self(u64::from_be_bytes(bytes)))
    }
}

/// `N` bytes of exactly so many hex digits.
fn digits<const N: usize>(text: &str) -> Result<[u8; N], Flaw> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| Flaw::Fields)?;
    Ok(bytes)
}

/// A place in the decider's table, as a scanner names it. It means nothing outside of the table that gave it.
pub type Handle = u32;

/// How far a scanner has followed which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
pub struct Edition {
    /// Which table.
    pub table: Nonce,
    /// The number of its last page.
    pub rev: u64,
}

/// What one scanner heard in the last quarter of a second.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema, Serialize)]
pub struct Batch {
    /// Which life of the scanner this is; never the same twice.
    pub life: Nonce,
    /// Its number in that life, from 1.
    #[schemars(range(min = 1))]
    pub seq: u64,
    /// When it was sent, in milliseconds of the scanner's own clock, which only runs forward.
    pub at_ms: u64,
    /// The least time, in milliseconds, that the way to the decider and back has taken in this life; nothing before the
    /// first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way_ms: Option<u64>,
    /// What it matches by; nothing asks for the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edition: Option<Edition>,
    /// What it heard.
    #[schemars(length(max = MAX_ENTRIES))]
    pub heard: Vec<Entry>,
}

/// What was heard of one handle, a list of four numbers: the handle; how long before the batch was sent, in milliseconds;
/// the mean level, as if the device transmitted -59 dBm at 1 m, in tenths of a dBm; of how many readings.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(from = "(Handle, u32, i32, u8)", into = "(Handle, u32, i32, u8)")]
pub struct Entry {
    /// Who.
    pub handle: Handle,
    /// How long before the batch was sent, in milliseconds.
    pub age_ms: u32,
    /// The mean level, as if the device transmitted -59 dBm at 1 m, in tenths of a dBm.
    pub level_ddbm: i32,
    /// Of how many readings.
    pub count: u8,
}

impl From<(Handle, u32, i32, u8)> for Entry {
    fn from((handle, age_ms, level_ddbm, count): (Handle, u32, i32, u8)) -> Self {
        Self { handle, age_ms, level_ddbm, count }
    }
}

impl From<Entry> for (Handle, u32, i32, u8) {
    fn from(entry: Entry) -> Self {
        (entry.handle, entry.age_ms, entry.level_ddbm, entry.count)
    }
}

/// A part of the table, a change of it, or nothing but a longer lease.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
pub struct Page {
    /// Which table, and the number of this page in it. A page without a change has the number of the last that had one.
    pub edition: Edition,
    /// The batch that it answers: the lease runs from when that was sent.
    pub answers: Answers,
    /// A whole table comes in parts, all of one number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// Whether somebody in the table is known by a public address.
    #[serde(default)]
    pub addresses: bool,
    /// Who is new or transmits something else now: a handle, and all its fingerprints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// Who is not heard any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Handle>,
}

/// A batch, by the life and the number that it had, and how long ago it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
pub struct Answers {
    /// The scanner's life.
    pub life: Nonce,
    /// The batch's number.
    pub seq: u64,
    /// For how long the decider has had it, in milliseconds.
    pub held_ms: u64,
}

/// Which part of a whole table a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
pub struct Part {
    /// From 1.
    pub number: u32,
    /// Of how many.
    pub of: u32,
    /// What the fingerprints are keyed with.
    #[serde(with = "salt")]
    #[schemars(with = "String", regex(pattern = "^[0-9a-f]{32}$"))]
    pub salt: Salt,
}

mod salt {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::Salt;

    pub(super) fn serialize<S: Serializer>(salt: &Salt, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(salt.0))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Salt, D::Error> {
        super::digits(&String::deserialize(deserializer)?).map(Salt).map_err(D::Error::custom)
    }
}

/// One handle and its fingerprints: a list of a number and a text, 16 hex digits for each fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(try_from = "(Handle, String)", into = "(Handle, String)")]
pub struct Row {
    /// Who.
    pub handle: Handle,
    /// What they transmit about now.
    pub prints: Vec<Fingerprint>,
}

impl From<Row> for (Handle, String) {
    fn from(row: Row) -> Self {
        (row.handle, row.prints.iter().map(|print| String::from(Nonce(print.0))).collect())
    }
}

impl TryFrom<(Handle, String)> for Row {
    type Error = Flaw;

    fn try_from((handle, text): (Handle, String)) -> Result<Self, Flaw> {
        let bytes = hex::decode(text).map_err(|_| Flaw::Fields)?;
        let (prints, rest) = bytes.as_chunks::<8>();
        let prints = prints.iter().map(|print| Fingerprint(u64::from_be_bytes(*print))).collect();
        if rest.is_empty() { Ok(Self { handle, prints }) } else { Err(Flaw::Fields) }
    }
}

/// Why a message is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Flaw {
    /// It is longer than it may be.
    #[error("too-long")]
    TooLong,
    /// It is no JSON object of that kind.
    #[error("not-json")]
    NotJson,
    /// A number is out of its range, or there are too many of them.
    #[error("fields")]
    Fields,
}

impl Flaw {
    /// The word for every wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::TooLong => "too-long",
            Self::NotJson => "not-json",
            Self::Fields => "fields",
        }
    }
}

impl Batch {
    /// Reads a batch.
    ///
    /// # Errors
    /// It is none.
    pub fn read(payload: &[u8]) -> Result<Self, Flaw> {
        let batch: Self = read(payload, MAX_BATCH_LEN)?;
        let is_sound =
            |entry: &Entry| LEVEL_DDBM.contains(&entry.level_ddbm) && (1..=MOST_READINGS).contains(&entry.count);
        // Each handle once: what a Pi says of one in a quarter of a second is one mean.
        let mut handles: Vec<u32> = batch.heard.iter().map(|entry| entry.handle).collect();
        handles.sort_unstable();
        let are_different = handles.windows(2).all(|pair| pair.first() != pair.last());
        let is_whole = batch.seq > 0 && batch.heard.len() <= MAX_ENTRIES && batch.heard.iter().all(is_sound);
        if is_whole && are_different { Ok(batch) } else { Err(Flaw::Fields) }
    }

    /// The message.
    pub fn message(&self) -> String {
        write(self)
    }
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// It is none.
    pub fn read(payload: &[u8]) -> Result<Self, Flaw> {
        let page: Self = read(payload, MAX_PAGE_LEN)?;
        let prints: usize = page.rows.iter().map(|row| row.prints.len()).sum();
        let is_part = page.part.is_none_or(|part| part.number > 0 && part.number <= part.of);
        let is_whole = is_part && prints <= PRINTS_A_PAGE && page.rows.len() <= PRINTS_A_PAGE;
        if is_whole { Ok(page) } else { Err(Flaw::Fields) }
    }

    /// The message.
    pub fn message(&self) -> String {
        write(self)
    }
}

fn read<'a, T: Deserialize<'a>>(payload: &'a [u8], max_len: usize) -> Result<T, Flaw> {
    if payload.len() > max_len {
        return Err(Flaw::TooLong);
    }
    serde_json::from_slice(payload).map_err(|_| Flaw::NotJson)
}

fn write<T: Serialize>(message: &T) -> String {
    // Numbers and texts become JSON without fail.
    serde_json::to_string(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../docs/several-pis.md");

    /// The JSON blocks of the document, in order.
    fn documented() -> Vec<&'static str> {
        DOCUMENT.split("```json\n").skip(1).map(|block| block.split("\n```").next().unwrap()).collect()
    }

    fn compact(text: &str) -> String {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        value.to_string()
    }

    #[test]
    fn the_messages_are_those_of_the_document() {
        let [batch, asking, whole, change, renewal] = documented()[..] else { panic!("five examples") };
        for text in [batch, asking] {
            let read = Batch::read(text.as_bytes()).unwrap();
            assert_eq!(compact(&read.message()), compact(text));
        }
        for text in [whole, change, renewal] {
            let read = Page::read(text.as_bytes()).unwrap();
            assert_eq!(compact(&read.message()), compact(text));
        }
    }

    #[test]
    fn what_another_version_adds_is_passed_over() {
        let newer = |text: &str| text.replacen('{', "{\"of_tomorrow\":[{}],", 1);
        let [batch, _, whole, ..] = documented()[..] else { panic!("five examples") };
        assert_eq!(Batch::read(newer(batch).as_bytes()), Batch::read(batch.as_bytes()));
        assert_eq!(Page::read(newer(whole).as_bytes()), Page::read(whole.as_bytes()));
    }

    #[test]
    fn the_longest_messages_fit() {
        let edition = Edition { table: Nonce(u64::MAX), rev: u64::MAX };
        let entry = |less| Entry {
            handle: u32::MAX - u32::try_from(less).unwrap(),
            age_ms: 60_000,
            level_ddbm: -3_200,
            count: MOST_READINGS,
        };
        let heard: Vec<Entry> = (0..MAX_ENTRIES).map(entry).collect();
        let batch = Batch {
            life: Nonce(1),
            seq: u64::MAX,
            at_ms: u64::MAX,
            way_ms: Some(u64::MAX),
            edition: Some(edition),
            heard,
        };
        assert_eq!(Batch::read(batch.message().as_bytes()).as_ref(), Ok(&batch));
        let mut twice = batch;
        twice.heard[1].handle = twice.heard[0].handle;
        assert_eq!(Batch::read(twice.message().as_bytes()), Err(Flaw::Fields), "a handle is told once");
        let rows = vec![Row { handle: u32::MAX, prints: vec![Fingerprint(u64::MAX)] }; PRINTS_A_PAGE];
        let page = Page {
            edition,
            answers: Answers { life: Nonce(1), seq: u64::MAX, held_ms: u64::MAX },
            part: Some(Part { number: 1, of: u32::MAX, salt: Salt([255; 16]) }),
            addresses: true,
            rows,
            gone: vec![u32::MAX; PRINTS_A_PAGE],
        };
        assert_eq!(Page::read(page.message().as_bytes()), Ok(page));
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        let batch = |entry: &str| format!(r#"{{"life":"00000000000000ff","seq":1,"at_ms":0,"heard":[{entry}]}}"#);
        assert!(Batch::read(batch("[7,0,-600,1]").as_bytes()).is_ok());
        for entry in ["[7,0,-600,0]", "[7,0,-600,51]", "[7,0,9000,1]"] {
            assert_eq!(Batch::read(batch(entry).as_bytes()), Err(Flaw::Fields), "{entry}");
        }
        for entry in ["[7,0,-600]", "[-1,0,-600,1]", "[7,0,-600,1,1]", "[7,0,-60.5,1]"] {
            assert_eq!(Batch::read(batch(entry).as_bytes()), Err(Flaw::NotJson), "{entry}");
        }
        assert_eq!(Batch::read(&vec![b' '; MAX_BATCH_LEN + 1]), Err(Flaw::TooLong));
        let many = batch(&vec!["[7,0,-600,1]"; MAX_ENTRIES + 1].join(","));
        assert_eq!(Batch::read(many.as_bytes()), Err(Flaw::Fields));
    }
}
