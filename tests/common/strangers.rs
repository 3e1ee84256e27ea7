//! Who is to leave no trace: devices as they pass a shop by the hundred, and a search for them that knows every notation.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::HashSet;

use emma::radio::encode;

use crate::chance::Chance;

/// The full form of Google's Fast Pair service (0xFE2C) and of exposure notifications (0xFD6F).
const FAST_PAIR: (&str, u16) = ("0000fe2c-0000-1000-8000-00805f9b34fb", 0xfe2c);
const EXPOSURE: (&str, u16) = ("0000fd6f-0000-1000-8000-00805f9b34fb", 0xfd6f);

/// The AD type of a complete local name (Core Specification Supplement, Part A, 1.2).
const COMPLETE_NAME: u8 = 0x09;

/// Names as people give them, long enough to be told from chance.
const NAMES: [&str; 5] =
    ["Annas iPhone 15", "Zoés Galaxy Buds2", "Bose QC Ultra von Jörg", "Fitbit Charge 6 #8841", "[TV] Küche 55\""];

/// A device of somebody who was not asked.
#[derive(Clone, Default)]
pub(crate) struct Stranger {
    /// Most significant byte first.
    pub(crate) address: [u8; 6],
    pub(crate) name: String,
    /// By company identifier.
    pub(crate) manufacturer: Vec<(u16, Vec<u8>)>,
    /// By UUID in full, and in short.
    pub(crate) service: Vec<((&'static str, u16), Vec<u8>)>,
    /// Everything that it transmits, its scan response included.
    pub(crate) payload: Vec<u8>,
}

fn bytes(chance: &mut Chance, count: usize) -> Vec<u8> {
    (0..count).map(|_| chance.next().to_be_bytes()[0]).collect()
}

/// So many of them, each of another make, each with an address and bytes of its own.
pub(crate) fn strangers(count: usize, chance: &mut Chance) -> Vec<Stranger> {
    (0..count).map(|index| stranger(index, chance)).collect()
}

fn stranger(index: usize, chance: &mut Chance) -> Stranger {
    let mut stranger = Stranger::default();
    stranger.change_address(chance);
    let apple =
        |kind: u8, data: Vec<u8>| vec![(0x004c, [vec![kind, u8::try_from(data.len()).unwrap()], data].concat())];
    match index % 8 {
        0 => stranger.manufacturer = apple(0x10, bytes(chance, 9)),
        1 => stranger.manufacturer = apple(0x0c, bytes(chance, 14)),
        2 => stranger.manufacturer = apple(0x07, bytes(chance, 25)),
        3 => stranger.manufacturer = apple(0x12, bytes(chance, 25)),
        4 => stranger.service = vec![(FAST_PAIR, bytes(chance, 16))],
        5 => stranger.service = vec![(EXPOSURE, bytes(chance, 20))],
        6 => stranger.manufacturer = vec![(0x0075, bytes(chance, 24))],
        // The longest that an extended advertisement carries, in structures of 255 bytes at the most.
        _ => stranger.manufacturer = (0..6).map(|company| (0xff00 + company, bytes(chance, 250))).collect(),
    }
    if index.is_multiple_of(3) {
        stranger.name = format!("{} {index}", NAMES[index % NAMES.len()]);
    }
    let structures =
        stranger.manufacturer.iter().filter_map(|(company, data)| encode::manufacturer_data(*company, data));
    let services = stranger.service.iter().filter_map(|((_, uuid), data)| encode::service_data16(*uuid, data));
    stranger.payload = structures.chain(services).flatten().collect();
    if !stranger.name.is_empty() {
        let name = stranger.name.as_bytes();
        stranger.payload.extend([&[u8::try_from(name.len() + 1).unwrap(), COMPLETE_NAME][..], name].concat());
    }
    stranger
}

impl Stranger {
    /// Another resolvable private address, as devices take one every quarter of an hour (Core 5.4, Vol 6 Part B, 1.3.2.2).
    pub(crate) fn change_address(&mut self, chance: &mut Chance) {
        self.address.copy_from_slice(&bytes(chance, 6));
        self.address[0] = self.address[0] & 0x3f | 0x40;
    }

    /// A line of a capture.
    pub(crate) fn line(&self, t_us: i64, gateway: &str) -> String {
        let (address, data) = (printed(self.address, ":"), hex::encode(&self.payload));
        format!(
            r#"{{"t":{t_us},"gateway":"{gateway}","address":"{address}","address_type":"random","rssi":-55,"data":"{data}"}}"#
        )
    }

    /// What a scanner of the brand `OpenMQTTGateway` says of it.
    pub(crate) fn by_scanner(&self) -> String {
        let (address, data) =
            (printed(self.address, ":"), self.manufacturer.first().map(|(_, data)| hex::encode(data)));
        let (name, data) = (serde_json::json!(self.name), data.unwrap_or_default());
        format!(r#"{{"id":"{address}","mac_type":1,"rssi":-58,"name":{name},"manufacturerdata":"4c00{data}"}}"#)
    }
}

/// An address as people and programs write it.
pub(crate) fn printed(address: [u8; 6], between: &str) -> String {
    address.map(|byte| format!("{byte:02X}")).join(between)
}

/// What is looked for: addresses, forwards and backwards, and every eight bytes in a row of what was transmitted, as they
/// are, in hex however it is grouped, and in decimal.
#[derive(Clone, Default)]
pub(crate) struct Traces {
    addresses: HashSet<u64>,
    parts: HashSet<u64>,
}

/// So many bytes in a row are nobody's by chance, and a part of every name and payload.
const PART: usize = 8;

impl Traces {
    pub(crate) fn address(&mut self, mut address: [u8; 6]) {
        self.addresses.insert(number(&address));
        address.reverse();
        self.addresses.insert(number(&address));
    }

    /// Parts that are nearly one byte over and over are anybody's.
    pub(crate) fn payload(&mut self, payload: &[u8]) {
        let is_telling = |part: &&[u8]| part.iter().collect::<HashSet<_>>().len() >= PART - 2;
        self.parts.extend(payload.windows(PART).filter(is_telling).map(number));
    }

    pub(crate) fn stranger(&mut self, stranger: &Stranger) {
        self.address(stranger.address);
        self.payload(&stranger.payload);
    }

    /// What consenting customers transmit as well is not a stranger's.
    pub(crate) fn spare(&mut self, payload: &[u8]) {
        payload.windows(PART).for_each(|part| {
            self.parts.remove(&number(part));
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.addresses.len() / 2 + self.parts.len()
    }

    /// The first trace of each kind in these bytes: where, and what stands around it.
    pub(crate) fn found(&self, bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for (notation, bytes) in [("as it is", bytes.to_vec()), ("decimal", decimals(bytes))] {
            let is_address = |window: &[u8]| self.addresses.contains(&number(window));
            let is_part = |window: &[u8]| self.parts.contains(&number(window));
            let hits = [bytes.windows(6).position(is_address), bytes.windows(PART).position(is_part)];
            found.extend(hits.into_iter().flatten().map(|at| format!("{notation}: {}", around(&bytes, at))));
        }
        found.extend(self.in_hex(bytes).map(|at| format!("hex: {}", around(bytes, at))));
        found
    }

    /// Hex digits in a row, whatever their case, with `:`, `-`, `_` or a space between two of them.
    fn in_hex(&self, bytes: &[u8]) -> Option<usize> {
        let (mut digits, mut run) = (0_u64, 0_u32);
        bytes.iter().position(|byte| {
            match char::from(*byte).to_digit(16) {
                Some(digit) => (digits, run) = (digits << 4 | u64::from(digit), run + 1),
                None if matches!(byte, b':' | b'-' | b'_' | b' ') => {}
                None => run = 0,
            }
            run >= 12 && self.addresses.contains(&(digits & 0xffff_ffff_ffff))
                || run >= 16 && self.parts.contains(&digits)
        })
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The numbers below 256 that stand in a row with commas between, as `Debug` writes a list of bytes.
fn decimals(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    // What is no number ends a list; a zero in its place keeps two lists apart.
    text.split([',', '[', ']']).map(|number| number.trim().parse().unwrap_or(0)).collect()
}

fn around(bytes: &[u8], at: usize) -> String {
    let part = &bytes[at.saturating_sub(60)..bytes.len().min(at + 40)];
    part.escape_ascii().to_string()
}
