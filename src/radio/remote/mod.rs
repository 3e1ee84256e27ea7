//! What scanners publish over MQTT, read: each format one file, from a topic and a message to bytes as on air.
//!
//! Rules that hold for every format:
//!
//! - **Who heard it** is told by the topic alone ([`scanner`]). A broker can say who may publish where; what a message
//!   says of itself anybody can write, so that a hostile scanner costs its own messages only.
//! - **The address** is read with colons, dashes or neither. Its kind is public only where the scanner says so, else
//!   random: a public address is an identity, and is not guessed.
//! - **The strength** is a whole number of dBm from -127 to 20; 127 is "not available" (Core 5.4, Vol 4 Part E,
//!   7.7.65.2). Without one a message is no advertisement.
//! - **The time** is when the message comes in. What by the scanner's own word waited for more than [`MAX_LAG_US`] is stale: by
//!   then a customer is elsewhere.
//! - **The bytes** are those on air where the scanner passes them on, else they are rebuilt from what it decoded, but only
//!   where nothing has to be guessed. An address without any bytes is an advertisement too: tags are known by it.
//!
//! Everything here is pure. A flaw names its kind and holds nothing of the message.

mod bt_to_mqtt;
pub mod ear;
mod espresense;
mod fields;
mod openmqttgateway;
mod ruuvi;
mod theengs;

use std::fmt;

use crate::config::remote::Format;
use crate::gateway::advertisement::Address;

/// The longest message, in bytes: 1,650 bytes of data in hex, and 800 more of other fields.
pub const MAX_MESSAGE_LEN: usize = 4 * 1024;

/// What waited for longer than this in the scanner is of no use, in microseconds: the window over which a level is
/// taken is 5 s, and 10 s is how long a shopper takes to be in the next zone.
pub const MAX_LAG_US: u64 = 10_000_000;

/// What a message says.
#[derive(Clone, PartialEq, Eq)]
pub struct Parsed {
    /// Who transmitted.
    pub address: Address,
    /// The advertising data as AD structures, at most
    /// [`MAX_PAYLOAD_LEN`](crate::gateway::advertisement::MAX_PAYLOAD_LEN) bytes. Empty where the scanner says nothing of
    /// it, or decoded something that cannot be put back.
    pub payload: Vec<u8>,
    /// Received signal strength in dBm.
    pub rssi_dbm: i8,
    /// How long ago the scanner heard it, in microseconds, as far as it says; at most [`MAX_LAG_US`].
    pub lag_us: u64,
}

impl fmt::Debug for Parsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parsed(..)")
    }
}

/// Why a message is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// It is about something else: a state, a command, a sensor that was connected to.
    NotAnAdvertisement,
    /// It is longer than [`MAX_MESSAGE_LEN`].
    TooLong,
    /// It is no JSON object.
    NotJson,
    /// A field is missing, or of another type or range.
    Fields,
    /// The address is none.
    Address,
    /// The strength is one that no radio measures.
    NoRssi,
    /// The advertising data is no hex, or longer than a radio can send.
    Data,
    /// It waited for too long.
    Stale,
}

impl Flaw {
    /// The word for every wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotAnAdvertisement => "not-an-advertisement",
            Self::TooLong => "too-long",
            Self::NotJson => "not-json",
            Self::Fields => "fields",
            Self::Address => "address",
            Self::NoRssi => "no-rssi",
            Self::Data => "data",
            Self::Stale => "stale",
        }
    }
}

/// The name of the scanner that publishes on `topic`, as printed there; nothing where this is no topic for advertisements.
pub fn scanner(format: Format, topic: &str) -> Option<&str> {
    let name = match format {
        Format::OpenMqttGateway | Format::Theengs => bt_to_mqtt::scanner(topic),
        Format::Espresense => espresense::scanner(topic),
        Format::Ruuvi => ruuvi::scanner(topic),
    };
    name.filter(|name| !name.is_empty())
}

/// What the message `payload` on `topic` says, or why it is of no use.
pub fn parse(format: Format, topic: &str, payload: &[u8]) -> Result<Parsed, Flaw> {
    if payload.len() > MAX_MESSAGE_LEN {
        return Err(Flaw::TooLong);
    }
    let parsed = match format {
        Format::OpenMqttGateway => openmqttgateway::parse(topic, payload),
        Format::Theengs => theengs::parse(topic, payload),
        Format::Espresense => espresense::parse(topic, payload),
        Format::Ruuvi => ruuvi::parse(topic, payload),
    }?;
    if parsed.lag_us > MAX_LAG_US { Err(Flaw::Stale) } else { Ok(parsed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_too_long_is_not_read() {
        let long = format!("{{\"id\":\"00:11:22:33:44:55\",\"rssi\":-60}}{}", " ".repeat(MAX_MESSAGE_LEN));
        for format in Format::ALL {
            assert_eq!(parse(format, "home/a/BTtoMQTT/b", long.as_bytes()), Err(Flaw::TooLong));
        }
    }

    #[test]
    fn debug_shows_nothing_of_a_message() {
        let message = br#"{"id":"00:11:22:33:44:55","rssi":-60}"#;
        let parsed = parse(Format::OpenMqttGateway, "home/a/BTtoMQTT/b", message).unwrap();
        assert_eq!(format!("{parsed:?}"), "Parsed(..)");
    }
}
