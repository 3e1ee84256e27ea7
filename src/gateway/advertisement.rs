//! What is heard: one transmission, as the radio's door hands it in.

use std::fmt;

/// The longest advertising data an extended advertisement can carry (Core 5.4, Vol 4 Part E, 7.7.65.13), in bytes.
pub const MAX_PAYLOAD_LEN: usize = 1_650;

/// How the transmitter chose its address (Core 5.4, Vol 6 Part B, 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddressKind {
    /// Registered with the IEEE and burnt in: tags and gateways, never phones.
    Public,
    /// Static random, resolvable or non-resolvable: what phones use.
    Random,
}

/// A device address, most significant byte first, as it is printed.
///
/// It deliberately has no `Display`, and its `Debug` shows nothing: no log line can carry one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The six bytes, most significant first.
    pub bytes: [u8; 6],
    /// Public or random.
    pub kind: AddressKind,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(..)")
    }
}

/// The place of a gateway in `site.toml`, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GatewayIndex(pub u16);

/// One transmission heard by one gateway. When it was heard is the [`Moment`](crate::clock::Moment) handed in with it.
#[derive(Clone, Copy)]
pub struct Advertisement<'a> {
    /// Who transmitted, as far as the radio knows.
    pub address: Address,
    /// The advertising data as on air: AD structures (length, type, data).
    pub payload: &'a [u8],
    /// Received signal strength in dBm; the radio has dropped 127 ("not available").
    pub rssi_dbm: i8,
    /// The Pi that heard it.
    pub gateway: GatewayIndex,
}
