//! MQTT 5.

use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnectReturnCode, DisconnectReasonCode, Filter, LastWill, LastWillProperties, Packet, PubAckReason,
    Publish, PublishProperties, RetainForwardRule, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, MqttOptions, MqttState, Request, StateError};

use super::{
    Connected, Event, Failure, IN_FLIGHT_LIMIT, Identity, KEEP_ALIVE, Message, Puback, Publication, Qos, Refusal,
};
use super::{Settings, Why};

/// How long the broker keeps the session, in seconds: a day. A broker that is away overnight for maintenance still
/// knows the subscriptions in the morning; the rows themselves live for 90 s only.
const SESSION_EXPIRY_SECS: u32 = 24 * 60 * 60;

/// `payload format indicator`: UTF-8 text (MQTT 5, 3.3.2.3.2).
const UTF_8: u8 = 1;

pub(super) fn open(settings: &Settings, room: usize) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(&settings.client_id, &settings.host, settings.port);
    options.set_keep_alive(KEEP_ALIVE).set_outgoing_inflight_upper_limit(IN_FLIGHT_LIMIT);
    options.set_clean_start(!settings.keeps_session);
    if settings.keeps_session {
        options.set_session_expiry_interval(Some(SESSION_EXPIRY_SECS));
    }
    if settings.max_packet_len.is_some() {
        // The broker sends no packet that is longer, but passes it over (MQTT 5, 3.1.2.11.4).
        options.set_max_packet_size(settings.max_packet_len);
    }
    if settings.unacknowledged.is_some() {
        options.set_receive_maximum(settings.unacknowledged).set_manual_acks(true);
    }
    identify(&mut options, &settings.identity);
    let (client, library) = AsyncClient::new(options, room);
    (client, EventLoop { library, connack: None })
}

fn identify(options: &mut MqttOptions, identity: &Identity) {
    if let Some((name, password)) = &identity.login {
        options.set_credentials(name, password.as_str());
    }
    options.set_transport(identity.transport());
}

pub(super) fn say(client: &AsyncClient, publication: Publication) -> bool {
    let (topic, qos, retained) = (publication.topic.clone(), quality(publication.qos), publication.retained);
    let properties = properties(&publication);
    client.try_publish_with_properties(topic, qos, retained, publication.payload, properties).is_ok()
}

pub(super) fn subscribe(client: &AsyncClient, filters: &[String], qos: Qos, wants_retained: bool) -> bool {
    let rule = if wants_retained { RetainForwardRule::OnEverySubscribe } else { RetainForwardRule::Never };
    let filters = filters.iter().map(|filter| Filter {
        path: filter.clone(),
        qos: quality(qos),
        retain_forward_rule: rule.clone(),
        ..Filter::default()
    });
    client.try_subscribe_many(filters).is_ok()
}

pub(super) fn to_acknowledge(packet_id: u16) -> Publish {
    Publish { qos: QoS::AtLeastOnce, pkid: packet_id, ..Publish::default() }
}

/// The library's event loop, and what the broker said when it let this client in.
pub(crate) struct EventLoop {
    library: rumqttc::v5::EventLoop,
    connack: Option<ConnAck>,
}

impl EventLoop {
    pub(super) async fn poll(&mut self) -> Result<Event, Failure> {
        let event = self.library.poll().await.map_err(|error| failure(&error))?;
        Ok(self.read(event))
    }

    pub(super) fn next_noted(&mut self) -> Option<Event> {
        let event = self.library.state.events.pop_front()?;
        Some(self.read(event))
    }

    pub(super) fn forget(&mut self) {
        self.library.clean();
        self.library.pending.clear();
        self.library.state.collision = None;
    }

    pub(super) fn start_afresh(&mut self) {
        let mut state = MqttState::new(IN_FLIGHT_LIMIT, false);
        // A successful CONNACK only sets limits; it was accepted once already.
        let connack = self.connack.clone().map(Packet::ConnAck);
        if connack.is_none_or(|connack| state.handle_incoming_packet(connack).is_ok()) {
            state.events.clear();
            self.library.state = state;
        }
        self.library.pending.clear();
    }

    pub(super) fn say_again(&mut self, again: Vec<(u16, Publication)>) {
        let again = again.into_iter().map(|(packet_id, publication)| {
            let properties = properties(&publication);
            let (topic, qos) = (publication.topic, quality(publication.qos));
            let mut publish = Publish::new(topic, qos, publication.payload, Some(properties));
            (publish.pkid, publish.dup, publish.retain) = (packet_id, true, publication.retained);
            Request::Publish(publish)
        });
        self.library.pending = again.collect();
    }

    pub(super) fn is_owed(&self) -> bool {
        self.library.state.inflight() > 0
    }

    pub(super) fn identify(&mut self, identity: &Identity) {
        identify(&mut self.library.options, identity);
    }

    pub(super) fn set_last_will(&mut self, will: Publication) {
        let properties = LastWillProperties {
            delay_interval: None,
            payload_format_indicator: Some(UTF_8),
            message_expiry_interval: None,
            content_type: Some(will.content_type.to_owned()),
            response_topic: None,
            correlation_data: None,
            user_properties: Vec::new(),
        };
        let qos = quality(will.qos);
        self.library.options.set_last_will(LastWill::new(will.topic, will.payload, qos, true, Some(properties)));
    }

    fn read(&mut self, event: rumqttc::v5::Event) -> Event {
        use rumqttc::v5::Event::{Incoming, Outgoing as Out};
        match event {
            Incoming(Packet::ConnAck(connack)) => {
                let connected = connected(&connack);
                self.connack = Some(connack);
                Event::Connected(connected)
            }
            Incoming(Packet::PubAck(puback)) => Event::Acknowledged(puback.pkid, answer(puback.reason)),
            Incoming(Packet::SubAck(suback)) => {
                Event::Subscribed(suback.return_codes.iter().copied().map(subscribed).collect())
            }
            Incoming(Packet::Publish(publish)) => Event::Came(message(publish)),
            Out(Outgoing::Publish(packet_id)) => Event::Written(packet_id),
            Out(Outgoing::Disconnect) => Event::SaidGoodbye,
            Incoming(_) | Out(_) => Event::Other,
        }
    }
}

fn quality(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
    }
}

fn properties(publication: &Publication) -> PublishProperties {
    PublishProperties {
        payload_format_indicator: Some(UTF_8),
        message_expiry_interval: publication.expires_secs,
        content_type: Some(publication.content_type.to_owned()),
        correlation_data: publication.correlation.clone(),
        ..PublishProperties::default()
    }
}

fn connected(connack: &ConnAck) -> Connected {
    let properties = connack.properties.as_ref();
    Connected {
        session_present: connack.session_present,
        receive_max: properties.and_then(|properties| properties.receive_max),
        max_packet_len: properties.and_then(|properties| properties.max_packet_size),
    }
}

/// All reasons but the first two are 0x80 or above.
fn answer(reason: PubAckReason) -> Puback {
    match reason {
        PubAckReason::Success => Puback::Taken,
        PubAckReason::NoMatchingSubscribers => Puback::NobodyListens,
        PubAckReason::UnspecifiedError
        | PubAckReason::ImplementationSpecificError
        | PubAckReason::NotAuthorized
        | PubAckReason::TopicNameInvalid
        | PubAckReason::PacketIdentifierInUse
        | PubAckReason::QuotaExceeded
        | PubAckReason::PayloadFormatInvalid => Puback::Refused(format!("{reason:?}")),
    }
}

fn subscribed(code: SubscribeReasonCode) -> Result<(), String> {
    if matches!(code, SubscribeReasonCode::Success(_)) { Ok(()) } else { Err(format!("{code:?}")) }
}

/// A topic that is no text has a sign in it that no topic of ours has, and is nobody's.
fn message(publish: Publish) -> Message {
    let properties = publish.properties.unwrap_or_default();
    Message {
        topic: String::from_utf8_lossy(&publish.topic).into_owned(),
        payload: publish.payload,
        retained: publish.retain,
        is_duplicate: publish.dup,
        packet_id: (publish.qos != QoS::AtMostOnce).then_some(publish.pkid),
        response_topic: properties.response_topic,
        correlation: properties.correlation_data,
    }
}

/// A DISCONNECT without properties is no word: brokers may leave their length out (MQTT 5, 3.14.2.2.1), and rumqttc 0.25
/// then drops the packet.
fn failure(error: &ConnectionError) -> Failure {
    match error {
        ConnectionError::NotConnAck(_) => Failure::other("what answers there does not speak MQTT 5".to_owned()),
        ConnectionError::Timeout(_) => Failure::silent(),
        ConnectionError::ConnectionRefused(code) => Failure::refused(refusal(*code)),
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. })
            if *reason_code == DisconnectReasonCode::SessionTakenOver =>
        {
            Failure { why: Why::TakenOver, reason: error.to_string() }
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            Failure { why: Why::Closed, reason: error.to_string() }
        }
        other => Failure::other(other.to_string()),
    }
}

fn refusal(code: ConnectReturnCode) -> Refusal {
    match code {
        ConnectReturnCode::UnsupportedProtocolVersion | ConnectReturnCode::RefusedProtocolVersion => Refusal::Version,
        ConnectReturnCode::ClientIdentifierNotValid | ConnectReturnCode::BadClientId => Refusal::ClientId,
        ConnectReturnCode::BadUserNamePassword => Refusal::Password,
        ConnectReturnCode::NotAuthorized => Refusal::NotAuthorised,
        other => Refusal::Other(format!("{other:?}")),
    }
}
