//! A message that came in: it is acknowledged once it is done, and whoever asked is answered.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bytes::Bytes;

use super::client::{Client, Message, Publication, Qos};
use super::connection::json_message;
use super::topic::is_publishable;
use super::voice::PUBLISH_OVERHEAD;

/// A broker lets go of an answer that nobody took after so long: whoever asked has gone on.
const ANSWER_EXPIRES_SECS: u32 = 60;

/// A message as a subscriber is given it.
pub struct Received<'a> {
    /// Where it was published.
    pub topic: &'a str,
    /// What.
    pub payload: &'a [u8],
    /// Whether the broker had kept it.
    pub retained: bool,
    pub(super) message: &'a Message,
    pub(super) line: &'a Line,
}

/// The connection that messages came by.
pub(super) struct Line {
    pub(super) client: Client,
    /// Which connection it is: an acknowledgement is for the one that the message came by, and for no later one.
    pub(super) number: Arc<AtomicU64>,
    /// Where answers may go: below this.
    pub(super) answers_under: String,
    /// The longest packet that the broker takes, in bytes, from its last CONNACK.
    pub(super) max_packet_len: Arc<AtomicU32>,
}

impl Received<'_> {
    /// How much there is of it, in bytes: what it says, its topic, and what it is answered by.
    pub fn total_len(&self) -> usize {
        let Message { response_topic, correlation, .. } = self.message;
        let answered_by = response_topic.as_ref().map_or(0, String::len) + correlation.as_ref().map_or(0, Bytes::len);
        self.topic.len() + self.payload.len() + answered_by
    }

    /// What is given back once the message is done, where the manner keeps a session.
    pub fn receipt(&self) -> Receipt {
        let (client, number) = (self.line.client.clone(), Arc::clone(&self.line.number));
        Receipt { client, packet_id: self.message.packet_id, came_by: number.load(Ordering::Relaxed), number }
    }

    /// Whether the broker gives it again: it keeps it for whoever comes, or it was given before and not acknowledged.
    pub fn is_again(&self) -> bool {
        self.retained || self.message.is_duplicate
    }

    /// How whoever asked is answered; nothing where they name no place for it, or one where no answer goes.
    pub fn reply(&self) -> Option<Reply> {
        let topic = self.message.response_topic.clone()?;
        let below = topic.strip_prefix(&self.line.answers_under)?;
        let is_allowed = !below.is_empty() && is_publishable(&topic);
        let correlation = self.message.correlation.clone();
        let (client, max_packet_len) = (self.line.client.clone(), Arc::clone(&self.line.max_packet_len));
        is_allowed.then(|| Reply { client, topic, correlation, max_packet_len })
    }
}

/// That a message is done. Without it the broker gives it again on the next connection.
pub struct Receipt {
    client: Client,
    packet_id: Option<u16>,
    came_by: u64,
    number: Arc<AtomicU64>,
}

impl Receipt {
    /// Whether the connection has gone: the broker gives the message again.
    pub fn is_stale(&self) -> bool {
        self.packet_id.is_some() && self.number.load(Ordering::Relaxed) != self.came_by
    }

    /// Acknowledges it. Must be called within a tokio runtime.
    pub fn done(self) {
        let Some(packet_id) = self.packet_id.filter(|_| !self.is_stale()) else { return };
        if !self.client.try_acknowledge(packet_id) {
            // Answers fill the channel. There are no more of these than the broker gives messages at once.
            tokio::spawn(async move { self.client.acknowledge(packet_id).await });
        }
    }
}

/// How whoever asked is answered, once.
pub struct Reply {
    client: Client,
    topic: String,
    correlation: Option<Bytes>,
    max_packet_len: Arc<AtomicU32>,
}

impl Reply {
    /// How long an answer the broker takes, in bytes of JSON. A longer one would end the connection, and the question,
    /// which the broker then gives again, the next one.
    pub fn room(&self) -> usize {
        let max = usize::try_from(self.max_packet_len.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        let correlation = self.correlation.as_ref().map_or(0, Bytes::len);
        max.saturating_sub(PUBLISH_OVERHEAD + self.topic.len() + correlation)
    }

    /// Answers with `message`, JSON; whether there was room for it.
    pub fn say(self, message: String) -> bool {
        if message.len() > self.room() {
            return false;
        }
        self.client.say(Publication {
            expires_secs: Some(ANSWER_EXPIRES_SECS),
            correlation: self.correlation,
            ..json_message(self.topic, message, Qos::AtLeastOnce, false)
        })
    }
}

/// `Debug` shows nothing: what is asked is somebody's.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply(..)")
    }
}
