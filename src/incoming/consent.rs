//! What the registrar says over MQTT (`docs/registrar.md`): consent records and withdrawals, and its heartbeat.
//!
//! It comes by a connection of its own, so that neither it nor what customers say delays the other. Of what is in a record
//! only its length is judged here; what it means is judged where every record is.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::ear::reply;
use super::room::{Room, Taken};
use super::tally::Tally;
use super::{Flaw, MAX_LEVEL, MAX_MESSAGE_LEN, instant, read, text};
use crate::clock::Clock;
use crate::config::Name;
use crate::config::gateway::Gateway;
use crate::gateway::consent::lease::Summary;
use crate::gateway::consent::record::MAX_RECORD_LEN;
use crate::mqtt::answer;
use crate::mqtt::connection::{Options, OptionsError};
use crate::mqtt::listener::{Listener, Manner, Subscriber};
use crate::mqtt::received::{Receipt, Received, Reply};
use crate::mqtt::topic::Topics;

/// The longest packet, in bytes: a record of 16 KiB, two topics of 1 KiB, and what whoever asks knows the answer by.
const MAX_PACKET_LEN: u32 = 20 * 1024;

const CONSENT: &str = "consent";

const FEED: &str = "consent-feed";

/// What the registrar says.
#[derive(Clone, PartialEq, Eq)]
pub enum Said {
    /// A consent or a withdrawal, unread.
    Record(String),
    /// Its heartbeat.
    Beat(Beat),
    /// An empty message: whoever kept a heartbeat with the broker lets go of it.
    LetGo,
}

/// The registrar's heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Which registrar.
    pub registrar: Name,
    /// When (wall, microseconds).
    pub at_us: i64,
    /// What it has told this site.
    pub summary: Summary,
    /// The broker had kept it: more may have been told since.
    pub is_kept: bool,
}

/// `Debug` names the kind and nothing more: a record is somebody's.
impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Record(_) => "Record(..)",
            Self::Beat(_) => "Beat(..)",
            Self::LetGo => "LetGo",
        })
    }
}

/// A message of the registrar's, how it is answered, and what is given back once it is done.
pub struct Told {
    /// What it says.
    pub said: Said,
    /// Where an answer goes, if one is wanted.
    pub reply: Option<Reply>,
    /// To be given back.
    pub receipt: Receipt,
    /// Free again once it is done.
    _room: Taken,
}

/// What `payload` says on `topic`, of which `{root}/v1/{site}/` is taken off; `is_kept` where the broker had kept it.
///
/// # Errors
/// The word for why it is of no use.
pub fn parse(topic: &str, payload: &[u8], is_kept: bool) -> Result<Said, &'static str> {
    match topic {
        // Whoever retains a record has the broker repeat it for as long as it likes.
        CONSENT if is_kept => Err("retained"),
        CONSENT if payload.len() > MAX_RECORD_LEN => Err(Flaw::TooLong.word()),
        CONSENT => match std::str::from_utf8(payload) {
            Ok(record) => Ok(Said::Record(record.to_owned())),
            Err(_) => Err(Flaw::NotJson.word()),
        },
        FEED if payload.is_empty() => Ok(Said::LetGo),
        FEED if payload.len() > MAX_MESSAGE_LEN => Err(Flaw::TooLong.word()),
        FEED => read(payload).and_then(|fields| beat(&fields, is_kept)).map(Said::Beat).map_err(Flaw::word),
        _ => Err(Flaw::Topic.word()),
    }
}

fn beat(fields: &BeatFields, is_kept: bool) -> Result<Beat, Flaw> {
    let mut digest = [0; 32];
    hex::decode_to_slice(&fields.digest, &mut digest).map_err(|_| Flaw::Text)?;
    Ok(Beat {
        registrar: text(&fields.registrar, MAX_LEVEL)?,
        at_us: instant(&fields.at)?,
        summary: Summary { count: fields.count, digest },
        is_kept,
    })
}

/// The registrar's heartbeat: leases hold while it beats and agrees with what is held here, and end 24 h after it stops.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct BeatFields {
    /// Which registrar; there is one a site.
    #[schemars(length(min = 1, max = MAX_LEVEL))]
    registrar: String,
    /// When; leases run from it. One from over a minute ahead is not taken.
    #[schemars(extend("format" = "date-time"))]
    at: String,
    /// How many customers' consents this site was told and holds.
    count: u64,
    /// SHA-256 of a line for each of them, `docs/registrar.md` says how.
    #[schemars(regex(pattern = "^[0-9A-Fa-f]{64}$"))]
    digest: String,
}

/// Listens to the registrar, until the door is closed; nothing without a broker.
///
/// # Errors
/// Why the connection cannot even be tried.
pub fn listen(
    gateway: &Gateway,
    clock: Clock,
    tally: &Tally,
    door: mpsc::Sender<Told>,
) -> Result<Option<Listener>, OptionsError> {
    let Some(broker) = gateway.mqtt.as_ref().filter(|_| gateway.decides) else { return Ok(None) };
    let topics = Topics { root: &broker.root, site: &gateway.site };
    let options = Options::for_listener(broker, &gateway.site, &gateway.gateway, "hears-registrar")?;
    let manner = Manner { wants_retained: true, max_packet_len: MAX_PACKET_LEN, ..Manner::HEEDS };
    let filters = FILTERS.map(|filter| topics.incoming(filter)).to_vec();
    let closed = door.clone();
    let ear = Ear { below: topics.incoming(""), clock, tally: tally.clone(), room: Room::default(), door };
    Ok(Some(Listener::start(&options, manner, filters, ear, async {}, async move { closed.closed().await })))
}

/// The records first: what the broker has kept of the feed comes after what it has queued.
pub const FILTERS: [&str; 2] = [CONSENT, FEED];

struct Ear {
    /// What every topic begins with.
    below: String,
    clock: Clock,
    tally: Tally,
    room: Room,
    door: mpsc::Sender<Told>,
}

impl Ear {
    fn hand_on(&self, received: &Received<'_>) -> Result<(), &'static str> {
        let topic = received.topic.strip_prefix(&self.below).ok_or(Flaw::Topic.word())?;
        let said = parse(topic, received.payload, received.retained)?;
        let room = self.room.take(received).ok_or("busy")?;
        match self.door.try_send(Told { said, reply: reply(received), receipt: received.receipt(), _room: room }) {
            // Behind a closed door nobody acknowledges it: the broker has it still when Emma is back.
            Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
            Err(TrySendError::Full(_)) => Err("busy"),
        }
    }
}

impl Subscriber for Ear {
    fn take(&mut self, received: &Received<'_>) {
        if let Err(why) = self.hand_on(received) {
            self.tally.reject(why, self.clock.monotonic_us());
            // An answer that finds no room is lost, as one is that nobody waits for.
            reply(received).map(|reply| reply.say(answer::rejected(why, &[])));
            received.receipt().done();
        }
    }

    fn listening(&mut self, filter: usize) {
        FILTERS.get(filter).iter().for_each(|filter| self.tally.listening(filter));
    }

    fn outage(&mut self, filter: usize, reason: &str) {
        FILTERS.get(filter).iter().for_each(|filter| self.tally.outage(filter, reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn a_heartbeat_is_read_whole_or_not_at_all() {
        let beat = |digest: &str, at: &str| {
            let said = format!(r#"{{"registrar":"hq","at":"{at}","count":3,"digest":"{digest}","more":[]}}"#);
            parse(FEED, said.as_bytes(), false)
        };
        let Ok(Said::Beat(read)) = beat(DIGEST, "1970-01-01T00:00:01Z") else { panic!("a sound beat is not read") };
        assert_eq!((&*read.registrar, read.at_us, read.summary.count), ("hq", 1_000_000, 3));
        assert_eq!((hex::encode(read.summary.digest), read.is_kept), (DIGEST.to_owned(), false));
        assert_eq!(beat(&DIGEST[1..], "1970-01-01T00:00:01Z"), Err("text"));
        assert_eq!(beat(DIGEST, "yesterday"), Err("time"));
        assert_eq!(parse(FEED, b"{}", true), Err("fields"));
        assert_eq!(parse(FEED, b"[]", true), Err("not-json"));
        assert_eq!(parse(FEED, &[b' '; 5_000], true), Err("too-long"));
        assert_eq!(parse(FEED, b"", true), Ok(Said::LetGo));
    }

    #[test]
    fn a_record_is_handed_on_as_it_is_unless_it_is_too_long_or_kept() {
        assert_eq!(parse(CONSENT, b"{", false), Ok(Said::Record("{".to_owned())));
        assert_eq!(parse(CONSENT, b"{", true), Err("retained"));
        assert_eq!(parse(CONSENT, &vec![b' '; MAX_RECORD_LEN + 1], false), Err("too-long"));
        assert_eq!(parse(CONSENT, &[0xff], false), Err("not-json"));
        assert_eq!(parse("consent/x", b"{}", false), Err("topic"));
    }
}
