//! JSON Lines: one advertisement a line.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, BufRead, Read};

use serde::Deserialize;
use serde_json::error::Category;

use super::tally::{Flaw, Place, Tally};
use super::{Heard, Source, TIME_US, rssi_dbm};
use crate::config::Name;
use crate::gateway::advertisement::{Address, AddressKind, MAX_PAYLOAD_LEN};

/// The longest line, in bytes: 1,650 bytes of data in hex leave room for fields that nobody here knows.
pub(super) const MAX_LINE_LEN: usize = 16 * 1024;

/// The longest gateway id, in characters.
const MAX_GATEWAY_LEN: usize = 64;

/// How many gateway ids are kept to be shared; a shop has fewer, and more are made anew each time.
const MAX_SHARED_GATEWAYS: usize = 256;

/// One line; fields that are not named here are ignored.
#[derive(Deserialize)]
struct Line<'a> {
    t: i64,
    #[serde(borrow)]
    gateway: Cow<'a, str>,
    #[serde(borrow)]
    address: Cow<'a, str>,
    #[serde(borrow)]
    address_type: Cow<'a, str>,
    rssi: i64,
    #[serde(borrow)]
    data: Cow<'a, str>,
}

/// Whether a file that begins like `probe` is one: some line is an object, or the start of one, with a time.
///
/// A damaged first line alone does not make it something else.
pub(super) fn recognise(probe: &[u8]) -> bool {
    probe.split(|byte| *byte == b'\n').any(|line| {
        line.trim_ascii_start().starts_with(b"{") && line.windows(TIME_FIELD.len()).any(|part| part == TIME_FIELD)
    })
}

const TIME_FIELD: &[u8] = br#""t""#;

/// Reads a file line by line.
pub(super) struct Reader {
    source: Source,
    line: Vec<u8>,
    line_number: u64,
    gateways: BTreeSet<Name>,
}

impl Reader {
    pub(super) fn new(source: Source) -> Self {
        Self { source, line: Vec::new(), line_number: 0, gateways: BTreeSet::new() }
    }

    /// The next advertisement, past whatever is damaged; nothing at the end.
    pub(super) fn next(&mut self, tally: &mut Tally) -> io::Result<Option<Heard>> {
        while self.read_line()? {
            let place = Place::Line(self.line_number);
            if self.line.len() > MAX_LINE_LEN {
                self.skip_line()?;
                tally.found(place, Flaw::TooLong);
            } else if !self.line.trim_ascii().is_empty() {
                match self.parse() {
                    Ok(heard) => return Ok(Some(heard)),
                    Err(flaw) => tally.found(place, flaw),
                }
            }
        }
        Ok(None)
    }

    /// Reads up to one byte more than a line may have, its end not counted; false at the end of the file.
    fn read_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        let limit = MAX_LINE_LEN as u64 + 2;
        let read = self.source.by_ref().take(limit).read_until(b'\n', &mut self.line)?;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        }
        self.line_number += 1;
        Ok(read > 0)
    }

    /// Passes over the rest of a line that is too long, if its end has not been read yet.
    fn skip_line(&mut self) -> io::Result<()> {
        // One that was read whole, its end with it, has exactly one byte too many.
        if self.line.len() > MAX_LINE_LEN + 1 { self.source.skip_until(b'\n').map(drop) } else { Ok(()) }
    }

    fn parse(&mut self) -> Result<Heard, Flaw> {
        // Without this an array of the six values would pass for an object.
        if !self.line.trim_ascii_start().starts_with(b"{") {
            return Err(Flaw::NotJson);
        }
        let line: Line<'_> = serde_json::from_slice(&self.line).map_err(|error| match error.classify() {
            Category::Data => Flaw::Fields,
            Category::Syntax | Category::Eof | Category::Io => Flaw::NotJson,
        })?;
        if !TIME_US.contains(&line.t) {
            return Err(Flaw::Time);
        }
        let kind = match &*line.address_type {
            "public" => AddressKind::Public,
            "random" => AddressKind::Random,
            _ => return Err(Flaw::AddressType),
        };
        let bytes = address(&line.address).ok_or(Flaw::Address)?;
        let payload = payload(&line.data).ok_or(Flaw::Data)?;
        if !(1..=MAX_GATEWAY_LEN).contains(&line.gateway.chars().count()) {
            return Err(Flaw::Gateway);
        }
        let rssi_dbm = rssi_dbm(line.rssi).ok_or(Flaw::NoRssi)?;
        let gateway = shared(&mut self.gateways, &line.gateway);
        Ok(Heard { t_us: line.t, gateway, address: Address { bytes, kind }, rssi_dbm, payload })
    }
}

/// `gateway` as one text that all its advertisements share.
fn shared(gateways: &mut BTreeSet<Name>, gateway: &str) -> Name {
    if let Some(known) = gateways.get(gateway) {
        return known.clone();
    }
    let name: Name = gateway.into();
    if gateways.len() < MAX_SHARED_GATEWAYS {
        gateways.insert(name.clone());
    }
    name
}

/// Six bytes in hex with colons between them.
fn address(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        hex::decode_to_slice(parts.next()?, std::slice::from_mut(byte)).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}

fn payload(data: &str) -> Option<Vec<u8>> {
    if data.len() > 2 * MAX_PAYLOAD_LEN { None } else { hex::decode(data).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"t":1668027000123456,"gateway":"gw-shoes","address":"C0:FF:EE:00:00:01","address_type":"random","rssi":-67,"data":"020106"}"#;

    fn read(text: &str) -> (Vec<Heard>, Tally) {
        let mut reader = Reader::new(Box::new(io::Cursor::new(text.as_bytes().to_vec())));
        let (mut heard, mut tally) = (Vec::new(), Tally::default());
        while let Some(next) = reader.next(&mut tally).unwrap() {
            heard.push(next);
        }
        (heard, tally)
    }

    fn flaw(line: &str) -> Option<Flaw> {
        let (_, tally) = read(&format!("{line}\n"));
        tally.counts().next().map(|(flaw, _)| flaw)
    }

    #[test]
    fn the_contracts_line_is_read() {
        let (heard, tally) = read(&format!("\n{LINE}\r\n  \n{LINE}"));
        let bytes = [0xc0, 0xff, 0xee, 0, 0, 1];
        let expected = Heard {
            t_us: 1_668_027_000_123_456,
            gateway: "gw-shoes".into(),
            address: Address { bytes, kind: AddressKind::Random },
            rssi_dbm: -67,
            payload: vec![2, 1, 6],
        };
        assert_eq!(heard, [expected.clone(), expected]);
        assert_eq!(tally, Tally::default());
    }

    #[test]
    fn each_flaw_is_told() {
        let cases = [
            (LINE.replace('}', ""), Flaw::NotJson),
            ("[1]".into(), Flaw::NotJson),
            (LINE.replace("rssi", "rss1"), Flaw::Fields),
            (LINE.replace("-67", "\"-67\""), Flaw::Fields),
            (LINE.replace("1668027000123456", "-1"), Flaw::Time),
            (LINE.replace("1668027000123456", "9223372036854775807"), Flaw::Time),
            (LINE.replace("gw-shoes", ""), Flaw::Gateway),
            (LINE.replace("C0:FF", "C0FF"), Flaw::Address),
            (LINE.replace(":01\"", ":01:02\""), Flaw::Address),
            (LINE.replace("random", "static"), Flaw::AddressType),
            (LINE.replace("020106", "02010"), Flaw::Data),
            (LINE.replace("020106", &"00".repeat(1651)), Flaw::Data),
            (LINE.replace("-67", "127"), Flaw::NoRssi),
            (LINE.replace("-67", "-128"), Flaw::NoRssi),
            (LINE.replace("-67", "21"), Flaw::NoRssi),
        ];
        for (line, expected) in cases {
            assert_eq!(flaw(&line), Some(expected), "{line}");
        }
        assert_eq!(flaw(&LINE.replace("020106", &"00".repeat(1650))), None);
        assert_eq!(flaw(&LINE.replace('{', r#"{"channel":37,"#)), None);
    }

    #[test]
    fn a_line_too_long_is_one_damaged_line() {
        for extra in [1, 2, 3, 100_000] {
            let long = "x".repeat(MAX_LINE_LEN + extra);
            let (heard, tally) = read(&format!("{LINE}\n{long}\n{LINE}\n"));
            assert_eq!((heard.len(), tally.count(Flaw::TooLong)), (2, 1), "{extra}");
            assert_eq!(tally.complaints()[0].place, Place::Line(2));
        }
        let padded = format!("{LINE}{}", " ".repeat(MAX_LINE_LEN - LINE.len()));
        assert_eq!(flaw(&padded), None);
    }

    #[test]
    fn a_last_line_cut_off_is_one_damaged_line() {
        let (heard, tally) = read(&format!("{LINE}\n{}", &LINE[..40]));
        assert_eq!((heard.len(), tally.damaged()), (1, 1));
    }

    #[test]
    fn a_file_is_recognised_by_its_time_field() {
        assert!(recognise(LINE.as_bytes()));
        assert!(recognise(&LINE.as_bytes()[..12]));
        assert!(recognise(format!("garbage\n {LINE}").as_bytes()));
        assert!(!recognise(b"{\"customer\":\"c\"}\n"));
        assert!(!recognise(b"\x89PNG\r\n\x1a\n"));
        assert!(!recognise(b"\n\n"));
    }
}
