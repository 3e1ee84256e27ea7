//! MQTT 3.1.1, whose level on the wire is 4. It has no expiry, no reason, no content type, no way to answer, and no limit
//! that a client could name: what is too long for Emma is taken and passed over by her.

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, LastWill, MqttOptions, MqttState, Outgoing, Packet, Publish, QoS,
    Request, StateError, SubscribeFilter, SubscribeReasonCode, mqttbytes,
};

use super::{
    Connected, Event, Failure, IN_FLIGHT_LIMIT, Identity, KEEP_ALIVE, Message, Puback, Publication, Qos, Refusal,
};
use super::{Settings, Why};

/// The longest packet taken or given, in bytes. The broker is not told, so that it has to be well above what anybody has
/// a reason to publish; brokers of clouds take 128 KiB.
const MAX_PACKET_LEN: u32 = 1024 * 1024;

pub(super) fn open(settings: &Settings, room: usize) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(&settings.client_id, &settings.host, settings.port);
    options.set_keep_alive(KEEP_ALIVE).set_inflight(IN_FLIGHT_LIMIT);
    options.set_clean_session(!settings.keeps_session).set_manual_acks(settings.unacknowledged.is_some());
    let longest = usize::try_from(MAX_PACKET_LEN).unwrap_or(usize::MAX);
    options.set_max_packet_size(longest, longest);
    identify(&mut options, &settings.identity);
    let (client, library) = AsyncClient::new(options, room);
    (client, EventLoop { library, sheds: false })
}

fn identify(options: &mut MqttOptions, identity: &Identity) {
    if let Some((name, password)) = &identity.login {
        options.set_credentials(name, password.as_str());
    }
    options.set_transport(identity.transport());
}

pub(super) fn say(client: &AsyncClient, publication: Publication) -> bool {
    let Publication { topic, payload, qos, retained, .. } = publication;
    client.try_publish(topic, quality(qos), retained, payload).is_ok()
}

pub(super) fn subscribe(client: &AsyncClient, filters: &[String], qos: Qos) -> bool {
    let filters = filters.iter().map(|filter| SubscribeFilter::new(filter.clone(), quality(qos)));
    client.try_subscribe_many(filters).is_ok()
}

pub(super) fn to_acknowledge(packet_id: u16) -> Publish {
    let mut publish = Publish::new("", QoS::AtLeastOnce, Vec::new());
    publish.pkid = packet_id;
    publish
}

/// The library's event loop.
pub(crate) struct EventLoop {
    library: rumqttc::EventLoop,
    /// The broker holds a message for this session that is too long to be taken. It would give it at every connect, so
    /// the next one ends the session, and the one after it begins another: what else the broker held is lost with it.
    sheds: bool,
}

impl EventLoop {
    pub(super) async fn poll(&mut self) -> Result<Event, Failure> {
        loop {
            match self.library.poll().await {
                Ok(rumqttc::Event::Incoming(Packet::ConnAck(_))) if self.sheds => {
                    tracing::warn!(limit = MAX_PACKET_LEN, "a message was too long, and what the broker kept is lost");
                    self.sheds = false;
                    self.forget();
                    self.library.mqtt_options.set_clean_session(false);
                }
                Ok(event) => return Ok(read(event)),
                Err(error) => {
                    if is_too_long(&error) && !self.library.mqtt_options.clean_session() {
                        self.sheds = true;
                        self.library.mqtt_options.set_clean_session(true);
                    }
                    return Err(failure(&error));
                }
            }
        }
    }

    pub(super) fn next_noted(&mut self) -> Option<Event> {
        self.library.state.events.pop_front().map(read)
    }

    pub(super) fn forget(&mut self) {
        self.library.clean();
        self.library.pending.clear();
        self.library.state.collision = None;
    }

    pub(super) fn start_afresh(&mut self) {
        self.library.state = MqttState::new(IN_FLIGHT_LIMIT, false);
        self.library.pending.clear();
    }

    pub(super) fn say_again(&mut self, again: Vec<(u16, Publication)>) {
        let again = again.into_iter().map(|(packet_id, publication)| {
            let mut publish = Publish::new(publication.topic, quality(publication.qos), publication.payload);
            (publish.pkid, publish.dup, publish.retain) = (packet_id, true, publication.retained);
            Request::Publish(publish)
        });
        self.library.pending = again.collect();
    }

    pub(super) fn is_owed(&self) -> bool {
        self.library.state.inflight() > 0
    }

    pub(super) fn identify(&mut self, identity: &Identity) {
        identify(&mut self.library.mqtt_options, identity);
    }

    pub(super) fn set_last_will(&mut self, will: Publication) {
        let qos = quality(will.qos);
        self.library.mqtt_options.set_last_will(LastWill::new(will.topic, will.payload, qos, true));
    }
}

fn read(event: rumqttc::Event) -> Event {
    use rumqttc::Event::{Incoming, Outgoing as Out};
    match event {
        Incoming(Packet::ConnAck(connack)) => Event::Connected(Connected {
            session_present: connack.session_present,
            receive_max: None,
            max_packet_len: Some(MAX_PACKET_LEN),
        }),
        Incoming(Packet::PubAck(puback)) => Event::Acknowledged(puback.pkid, Puback::Taken),
        Incoming(Packet::SubAck(suback)) => {
            Event::Subscribed(suback.return_codes.iter().copied().map(subscribed).collect())
        }
        Incoming(Packet::Publish(publish)) => Event::Came(message(publish)),
        Out(Outgoing::Publish(packet_id)) => Event::Written(packet_id),
        Out(Outgoing::Disconnect) => Event::SaidGoodbye,
        Incoming(_) | Out(_) => Event::Other,
    }
}

fn quality(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
    }
}

fn subscribed(code: SubscribeReasonCode) -> Result<(), String> {
    if matches!(code, SubscribeReasonCode::Success(_)) { Ok(()) } else { Err(format!("{code:?}")) }
}

fn message(publish: Publish) -> Message {
    Message {
        topic: publish.topic,
        payload: publish.payload,
        retained: publish.retain,
        is_duplicate: publish.dup,
        packet_id: (publish.qos != QoS::AtMostOnce).then_some(publish.pkid),
        response_topic: None,
        correlation: None,
    }
}

fn is_too_long(error: &ConnectionError) -> bool {
    let of_state = |error: &StateError| {
        matches!(error, StateError::Deserialization(mqttbytes::Error::PayloadSizeLimitExceeded(_)))
    };
    matches!(error, ConnectionError::MqttState(error) if of_state(error))
}

fn failure(error: &ConnectionError) -> Failure {
    match error {
        ConnectionError::NotConnAck(_) => Failure::other("what answers there does not speak MQTT 3.1.1".to_owned()),
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => Failure::silent(),
        ConnectionError::ConnectionRefused(code) => Failure::refused(refusal(*code)),
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            Failure { why: Why::Closed, reason: error.to_string() }
        }
        other => Failure::other(other.to_string()),
    }
}

fn refusal(code: ConnectReturnCode) -> Refusal {
    match code {
        ConnectReturnCode::RefusedProtocolVersion => Refusal::Version,
        ConnectReturnCode::BadClientId => Refusal::ClientId,
        ConnectReturnCode::BadUserNamePassword => Refusal::Password,
        ConnectReturnCode::NotAuthorized => Refusal::NotAuthorised,
        other @ (ConnectReturnCode::Success | ConnectReturnCode::ServiceUnavailable) => {
            Refusal::Other(format!("{other:?}"))
        }
    }
}
