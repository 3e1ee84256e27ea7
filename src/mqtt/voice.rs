//! The messages as the client library takes them. It queues them; what becomes of them is the tracker's to know.

use super::OutboxRow;
use super::client::{Client, Publication, Qos};
use super::connection::{Options, json_message, row_message};
use super::topic::is_publishable;

/// Fixed header, topic length, packet id and properties of a PUBLISH as sent here, in bytes, generously.
pub(super) const PUBLISH_OVERHEAD: usize = 128;

/// Whatever is said goes through here.
pub(super) struct Voice {
    client: Client,
    state_topic: String,
    health_topic: String,
    discovery: Option<Publication>,
    /// The longest packet that the broker takes, in bytes, from its last CONNACK.
    max_packet_len: Option<u32>,
}

impl Voice {
    pub(super) fn new(options: &Options, client: Client) -> Self {
        let (state_topic, health_topic) = (options.state_topic(), options.health_topic());
        Self { client, state_topic, health_topic, discovery: options.discovery(), max_packet_len: None }
    }

    pub(super) fn set_max_packet_len(&mut self, max_packet_len: Option<u32>) {
        self.max_packet_len = max_packet_len;
    }

    /// Whether this broker can be given the row. One that is too long would end the connection, and so would every
    /// resend of it.
    pub(super) fn fits(&self, row: &OutboxRow) -> bool {
        let max = self.max_packet_len.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX));
        is_publishable(&row.topic) && row.topic.len() + row.payload.len() + PUBLISH_OVERHEAD <= max
    }

    /// Hands a row over at that wall time in microseconds; whether there was room.
    pub(super) fn say_row(&self, row: &OutboxRow, now_us: i64) -> bool {
        self.client.say(row_message(row, now_us))
    }

    /// Hands the retained state over; whether there was room.
    pub(super) fn say_state(&self, message: String) -> bool {
        self.client.say(self.state_message(message))
    }

    pub(super) fn say_health(&self, message: String) {
        if !self.client.say(json_message(self.health_topic.clone(), message, Qos::AtMostOnce, false)) {
            tracing::debug!("no room for health; it is said again in a minute");
        }
    }

    /// Tells Home Assistant of this gateway, where that is wanted. Nobody acknowledges it, so that the tracker's account has no
    /// place for it; it is said again at the next connect.
    pub(super) fn say_discovery(&self) {
        if !self.discovery.clone().is_none_or(|discovery| self.client.say(discovery)) {
            tracing::debug!("no room to tell Home Assistant; it is told at the next connect");
        }
    }

    /// Asks for the DISCONNECT. Without room for it the stop's timer ends the connection.
    pub(super) fn disconnect(&self) {
        if !self.client.disconnect() {
            tracing::debug!("no room for the disconnect");
        }
    }

    /// The retained state, as it is said and as the last will.
    pub(super) fn state_message(&self, message: String) -> Publication {
        json_message(self.state_topic.clone(), message, Qos::AtLeastOnce, true)
    }
}
