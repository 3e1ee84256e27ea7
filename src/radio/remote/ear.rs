//! Which gateway of the shop a message is from, and whether it is taken.
//!
//! A scanner is held to its rate before its messages are read, so that one that floods costs little more than the bytes,
//! and the others nothing. Nothing is kept of a scanner that site.toml does not know, but the names of the first few, for
//! the person who writes site.toml.

use std::collections::{BTreeMap, BTreeSet};

use super::{Flaw, MAX_MESSAGE_LEN, Parsed};
use crate::config::remote::Format;
use crate::config::site::folded;
use crate::config::{Config, Name};
use crate::radio::limit::{Limit, Rate};

/// 200 messages a second from one scanner, and two seconds of that at once: an ESP32 publishes a few dozen, a Ruuvi Gateway
/// in a loud hall a hundred. Every gateway of a site at it makes 12,800 a second; an unoptimised build reads one in 40 µs.
const RATE: Rate = Rate { interval_us: 5_000, burst: 400 };

/// Strangers' messages that are read at all, to see whether they are scanners; those of all together.
const STRANGERS_RATE: Rate = Rate { interval_us: 100_000, burst: 20 };

/// So many scanners that nobody knows are named; who has more looks at the broker.
const MAX_NAMED: usize = 10;

/// The longest name that is named, in characters.
const MAX_NAME_LEN: usize = 64;

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// It cannot be used.
    Flaw(Flaw),
    /// The broker had kept it: it is old, nobody knows how old.
    Retained,
    /// No gateway of site.toml publishes under this name.
    UnknownScanner,
    /// The scanner says more than a scanner hears.
    TooMany,
}

impl Refusal {
    /// The word for every wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Flaw(flaw) => flaw.word(),
            Self::Retained => "retained",
            Self::UnknownScanner => "unknown-scanner",
            Self::TooMany => "too-many",
        }
    }
}

/// One message of a scanner.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// How it is written.
    pub format: Format,
    /// Where it was published.
    pub topic: &'a str,
    /// What was published.
    pub payload: &'a [u8],
    /// Whether the broker had kept it.
    pub retained: bool,
}

/// Takes messages of all scanners of a broker.
pub struct Ear {
    /// By folded name: the gateway's id, and how often it speaks.
    scanners: BTreeMap<String, (Name, Limit)>,
    strangers: Limit,
    named: BTreeSet<String>,
    to_name: Option<String>,
}

impl Ear {
    /// An ear for the gateways of `config`.
    pub fn new(config: &Config) -> Self {
        let scanners = scanners(config);
        Self { scanners, strangers: Limit::default(), named: BTreeSet::new(), to_name: None }
    }

    /// Goes by a changed configuration.
    pub fn configure(&mut self, config: &Config) {
        self.scanners = scanners(config);
        self.named.clear();
    }

    /// The gateway that heard it and what it heard, at `now_us` (monotonic, microseconds).
    pub fn hear(&mut self, message: Message<'_>, now_us: u64) -> Result<(Name, Parsed), Refusal> {
        if message.retained {
            return Err(Refusal::Retained);
        }
        let scanner = super::scanner(message.format, message.topic);
        let name = folded(scanner.ok_or(Refusal::Flaw(Flaw::NotAnAdvertisement))?);
        let Some((gateway, limit)) = self.scanners.get_mut(&name) else {
            self.hear_stranger(message, name, now_us);
            return Err(Refusal::UnknownScanner);
        };
        if !limit.allows(RATE, now_us) {
            return Err(Refusal::TooMany);
        }
        let parsed = super::parse(message.format, message.topic, message.payload).map_err(Refusal::Flaw)?;
        Ok((gateway.clone(), parsed))
    }

    /// A scanner that was met for the first time and that nobody knows, as printed for a person; each once.
    pub fn take_stranger(&mut self) -> Option<String> {
        self.to_name.take()
    }

    /// Remembers the name of a scanner that nobody knows, if it is one and its name can be shown.
    fn hear_stranger(&mut self, message: Message<'_>, name: String, now_us: u64) {
        let legal = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-' | b' ');
        let showable = name.len() <= MAX_NAME_LEN && name.bytes().all(legal);
        let is_new = showable && self.named.len() < MAX_NAMED && !self.named.contains(&name);
        if is_new
            && message.payload.len() <= MAX_MESSAGE_LEN
            && self.strangers.allows(STRANGERS_RATE, now_us)
            && super::parse(message.format, message.topic, message.payload).is_ok()
        {
            self.named.insert(name.clone());
            self.to_name = Some(name);
        }
    }
}

/// The gateways of the site by the names under which they publish. This Pi is a scanner only if its `scanner` says so:
/// nobody else speaks for it.
fn scanners(config: &Config) -> BTreeMap<String, (Name, Limit)> {
    let own = &config.gateway.gateway;
    let others = config.site.gateways.iter().filter(|gateway| gateway.scanner.is_some() || gateway.id != *own);
    others.map(|gateway| (gateway.scanner_name(), (gateway.id.clone(), Limit::default()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, check};

    fn config(gateways: &str) -> Config {
        let site = format!("name = 'A'\ntime-zone = 'UTC'\n[[gateway]]\nid = 'gw-own'\n{gateways}");
        let sources = Sources {
            gateway: "site = 'a'\ngateway = 'gw-own'\n".into(),
            site,
            promise: "[caps]\ncustomer = [{ at-most = 1, per = '1d' }]\n".into(),
            ..Sources::default()
        };
        check(&sources).config.unwrap()
    }

    fn ear() -> Ear {
        Ear::new(&config("[[gateway]]\nid = 'OMG-till'\n[[gateway]]\nid = 'gw-hall'\nscanner = 'C8:25:2D:8E:9C:2C'\n"))
    }

    const PAYLOAD: &[u8] = br#"{"id":"C0:FF:EE:00:00:01","rssi":-60}"#;

    fn from(topic: &str) -> Message<'_> {
        Message { format: Format::OpenMqttGateway, topic, payload: PAYLOAD, retained: false }
    }

    #[test]
    fn a_scanner_is_the_gateway_of_its_name() {
        let mut ear = ear();
        let gateway = |ear: &mut Ear, topic: &str| ear.hear(from(topic), 0).map(|(gateway, _)| gateway);
        assert_eq!(gateway(&mut ear, "home/OMG-till/BTtoMQTT/x"), Ok("OMG-till".into()));
        assert_eq!(gateway(&mut ear, "home/omg-TILL/BTtoMQTT/x"), Ok("OMG-till".into()));
        let ruuvi = Message {
            format: Format::Ruuvi,
            topic: "ruuvi/c8:25:2d:8e:9c:2c/C0FFEE000001",
            payload: br#"{"rssi":-60,"data":"020106"}"#,
            retained: false,
        };
        assert_eq!(ear.hear(ruuvi, 0).unwrap().0, "gw-hall".into());
        for topic in ["home/gw-own/BTtoMQTT/x", "home/gw-hall/BTtoMQTT/x"] {
            assert_eq!(gateway(&mut ear, topic), Err(Refusal::UnknownScanner), "{topic}");
        }
        ear.configure(&config("scanner = 'own'\n"));
        assert_eq!(gateway(&mut ear, "home/own/BTtoMQTT/x"), Ok("gw-own".into()));
        assert_eq!(gateway(&mut ear, "home/OMG-till/BTtoMQTT/x"), Err(Refusal::UnknownScanner));
    }

    #[test]
    fn what_the_broker_had_kept_is_old() {
        let kept = Message { retained: true, ..from("home/OMG-till/BTtoMQTT/x") };
        assert_eq!(ear().hear(kept, 0), Err(Refusal::Retained));
        assert_eq!(ear().hear(from("home/OMG-till/LWT"), 0), Err(Refusal::Flaw(Flaw::NotAnAdvertisement)));
    }

    #[test]
    fn one_that_floods_costs_its_own_messages_only() {
        let mut ear = ear();
        let flood =
            |ear: &mut Ear| (0..1_000).filter(|_| ear.hear(from("home/omg-till/BTtoMQTT/x"), 0).is_ok()).count();
        assert_eq!(flood(&mut ear), 400);
        assert_eq!(ear.hear(from("home/omg-till/BTtoMQTT/x"), 0), Err(Refusal::TooMany));
        let other = Message { topic: "home/C8252D8E9C2C/BTtoMQTT/x", ..from("") };
        assert!(ear.hear(other, 0).is_ok());
        assert!(ear.hear(from("home/omg-till/BTtoMQTT/x"), 5_000).is_ok());
    }

    #[test]
    fn strangers_are_named_once_and_only_a_few_of_them() {
        let mut ear = ear();
        let named = |ear: &mut Ear, topic: &str, payload: &[u8]| {
            assert_eq!(ear.hear(Message { payload, ..from(topic) }, 10_000_000), Err(Refusal::UnknownScanner));
            ear.take_stranger()
        };
        assert_eq!(named(&mut ear, "home/ESP-1/BTtoMQTT/x", b"{}"), None);
        assert_eq!(named(&mut ear, "home/ESP-1/BTtoMQTT/x", PAYLOAD).as_deref(), Some("esp-1"));
        assert_eq!(named(&mut ear, "home/ESP-1/BTtoMQTT/x", PAYLOAD), None);
        assert_eq!(named(&mut ear, "home/\u{1b}[2J/BTtoMQTT/x", PAYLOAD), None);
        assert_eq!(named(&mut ear, &format!("home/{}/BTtoMQTT/x", "e".repeat(65)), PAYLOAD), None);
        let topics = (0..100).map(|index| format!("home/other-{index}/BTtoMQTT/x"));
        assert_eq!(topics.filter(|topic| named(&mut ear, topic, PAYLOAD).is_some()).count(), MAX_NAMED - 1);
    }
}
