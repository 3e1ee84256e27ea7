//! The messages as the client library takes them. It queues them; what becomes of them is the tracker's to know.

use rumqttc::v5::AsyncClient;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::LastWill;

use super::OutboxRow;
use super::connection::{self, Options, event_properties, json_properties};
use super::topic::{is_publishable, is_retained};

/// Fixed header, topic length, packet id and properties of a PUBLISH as sent here, in bytes, generously.
pub(super) const PUBLISH_OVERHEAD: usize = 128;

/// Whatever is said goes through here.
pub(super) struct Voice {
    client: AsyncClient,
    state_topic: String,
    health_topic: String,
    /// The longest packet that the broker takes, in bytes, from its last CONNACK.
    max_packet_len: Option<u32>,
}

impl Voice {
    pub(super) fn new(options: &Options, client: AsyncClient) -> Self {
        let (state_topic, health_topic) = (options.state_topic(), options.health_topic());
        Self { client, state_topic, health_topic, max_packet_len: None }
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
        let properties = event_properties(row.expires_us, now_us);
        let (topic, payload, retained) = (row.topic.clone(), row.payload.clone(), is_retained(&row.topic));
        self.client.try_publish_with_properties(topic, QoS::AtLeastOnce, retained, payload, properties).is_ok()
    }

    /// Hands the retained state over; whether there was room.
    pub(super) fn say_state(&self, message: String) -> bool {
        let (topic, properties) = (self.state_topic.clone(), json_properties());
        self.client.try_publish_with_properties(topic, QoS::AtLeastOnce, true, message, properties).is_ok()
    }

    pub(super) fn say_health(&self, message: String) {
        let (topic, properties) = (self.health_topic.clone(), json_properties());
        let said = self.client.try_publish_with_properties(topic, QoS::AtMostOnce, false, message, properties);
        if said.is_err() {
            tracing::debug!("no room for health; it is said again in a minute");
        }
    }

    /// Asks for the DISCONNECT. Without room for it the stop's timer ends the connection.
    pub(super) fn disconnect(&self) {
        if self.client.try_disconnect().is_err() {
            tracing::debug!("no room for the disconnect");
        }
    }

    pub(super) fn last_will(&self, message: String) -> LastWill {
        connection::last_will(&self.state_topic, message)
    }
}
