//! What was found in a capture: how much was heard, and what was wrong with the rest.

use std::collections::BTreeMap;
use std::fmt;

/// How many of a kind are reported with their place. The rest is only counted.
const COMPLAINTS_PER_FLAW: u64 = 10;

/// Everything that can be wrong with a line or a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// The line is no JSON.
    NotJson,
    /// A required field is missing or of another type.
    Fields,
    /// The line is too long.
    TooLong,
    /// The time is before 1970 or after the year 9999.
    Time,
    /// The gateway is no id.
    Gateway,
    /// The address is none.
    Address,
    /// The address type is neither of the two.
    AddressType,
    /// The data is no hex, or longer than a radio can send.
    Data,
    /// The record's length cannot be.
    Length,
    /// The file ends inside it.
    CutOff,
    /// An advertising report ends before its own length does.
    Report,
    /// No signal strength, or one that no radio measures.
    NoRssi,
    /// An advertisement without an address.
    Anonymous,
    /// An extended advertisement whose parts did not all come.
    Incomplete,
    /// Further behind the newest than is waited for.
    Late,
}

impl Flaw {
    /// The flaw in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "is not a JSON object",
            Self::Fields => {
                "lacks one of `t`, `gateway`, `address`, `address_type`, `rssi`, `data`, or has another type there"
            }
            Self::TooLong => "is longer than 16 KiB",
            Self::Time => "has a time before 1970 or after 9999",
            Self::Gateway => "has a `gateway` that is not 1 to 64 characters",
            Self::Address => "has an `address` that is not like 00:11:22:33:44:55",
            Self::AddressType => "has an address type that is neither public nor random",
            Self::Data => "has `data` that is not hex, or more than 1650 bytes",
            Self::Length => "has an impossible length; the rest of the file is not read",
            Self::CutOff => "is cut off by the end of the file",
            Self::Report => "is an advertising report that ends before its own length",
            Self::NoRssi => "has no signal strength",
            Self::Anonymous => "has no address",
            Self::Incomplete => "is an extended advertisement whose parts did not all come",
            Self::Late => "is more than 2 s behind",
        }
    }

    /// Whether the line or record is damaged; else it is whole, and of no use.
    pub fn is_damage(self) -> bool {
        !matches!(self, Self::NoRssi | Self::Anonymous | Self::Incomplete | Self::Late)
    }
}

/// Where in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A line, counted from 1.
    Line(u64),
    /// A record's first byte, counted from 0.
    Offset(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Offset(offset) => write!(f, "the record at byte {offset}"),
        }
    }
}

/// One damaged line or record. It names place and kind, and nothing of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Where.
    pub place: Place,
    /// What.
    pub what: Flaw,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place, self.what.as_str())
    }
}

/// The counts of one capture. Bounded: one number a flaw, ten complaints a flaw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Advertisements read, late ones among them.
    pub heard: u64,
    counts: BTreeMap<Flaw, u64>,
    complaints: Vec<Complaint>,
}

impl Tally {
    /// How many had this flaw.
    pub fn count(&self, flaw: Flaw) -> u64 {
        self.counts.get(&flaw).copied().unwrap_or(0)
    }

    /// Every flaw that was met, and how often.
    pub fn counts(&self) -> impl Iterator<Item = (Flaw, u64)> {
        self.counts.iter().map(|(flaw, count)| (*flaw, *count))
    }

    /// How many lines or records are damaged.
    pub fn damaged(&self) -> u64 {
        self.counts().filter(|(flaw, _)| flaw.is_damage()).map(|(_, count)| count).sum()
    }

    /// The first ten damaged ones of each kind, in the file's order.
    pub fn complaints(&self) -> &[Complaint] {
        &self.complaints
    }

    /// Counts a flaw without a place.
    pub(super) fn drop_one(&mut self, flaw: Flaw) {
        *self.counts.entry(flaw).or_default() += 1;
    }

    /// Counts a flaw, and reports the first ones if it is damage.
    pub(super) fn found(&mut self, place: Place, what: Flaw) {
        self.drop_one(what);
        if what.is_damage() && self.count(what) <= COMPLAINTS_PER_FLAW {
            self.complaints.push(Complaint { place, what });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_of_a_kind_are_reported_and_all_are_counted() {
        let mut tally = Tally::default();
        for line in 1..=25 {
            tally.found(Place::Line(line), Flaw::NotJson);
            tally.found(Place::Line(line), Flaw::NoRssi);
        }
        tally.found(Place::Offset(16), Flaw::CutOff);
        assert_eq!(tally.count(Flaw::NotJson), 25);
        assert_eq!(tally.damaged(), 26);
        assert_eq!(tally.complaints().len(), 11);
        assert_eq!(tally.complaints()[9].to_string(), "line 10 is not a JSON object");
        assert_eq!(tally.complaints()[10].to_string(), "the record at byte 16 is cut off by the end of the file");
    }
}
