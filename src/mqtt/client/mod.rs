//! The client of a broker as the rest of `mqtt` knows it: a few words that both versions of the protocol share. What a
//! version has no word for is left out in its own file, and nobody above asks which one is spoken.
//!
//! Both are rumqttc's, with the same traps: it has no acknowledgement per message, forgets what was pending when a broker
//! has lost the session, and resends by itself. So whoever owns an `EventLoop` keeps account of its own, notes
//! `EventLoop::next_noted` after an error too, and calls `EventLoop::forget` when a connection has ended.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rumqttc::{TlsConfiguration, Transport};
use thiserror::Error;
use tokio_rustls::rustls::ClientConfig;
use zeroize::Zeroizing;

use crate::config::gateway::Protocol;

mod v4;
mod v5;

/// The broker notices a dead Emma after one and a half of these (MQTT 5, 3.1.2.10), and Emma a dead broker after two.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Packet ids the client library cycles through. It allocates for each, so not its default of 65,535.
pub(super) const IN_FLIGHT_LIMIT: u16 = 100;

/// How surely a message is to arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qos {
    /// Nobody acknowledges it.
    AtMostOnce,
    /// It is acknowledged, and sent again until it is.
    AtLeastOnce,
}

/// Who is speaking to the broker, and whom it believes.
#[derive(Clone)]
pub(super) struct Identity {
    /// User name and password.
    pub(super) login: Option<(String, Zeroizing<String>)>,
    /// Authorities, and Emma's own certificate.
    pub(super) tls: Option<Arc<ClientConfig>>,
}

impl Identity {
    fn transport(&self) -> Transport {
        let tls = |tls: &Arc<ClientConfig>| Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(tls)));
        self.tls.as_ref().map_or_else(Transport::tcp, tls)
    }
}

/// What a client is made of.
pub(super) struct Settings {
    pub(super) protocol: Protocol,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) client_id: String,
    pub(super) identity: Identity,
    /// The broker keeps the session while nobody is connected.
    pub(super) keeps_session: bool,
    /// The longest packet taken, in bytes.
    pub(super) max_packet_len: Option<u32>,
    /// What comes in is acknowledged by hand, and the broker gives at most so many messages before; nothing where it is
    /// acknowledged as it comes.
    pub(super) unacknowledged: Option<u16>,
}

/// A message to be said.
#[derive(Clone)]
pub(super) struct Publication {
    pub(super) topic: String,
    pub(super) payload: String,
    pub(super) qos: Qos,
    pub(super) retained: bool,
    /// The broker lets go of it after so many seconds.
    pub(super) expires_secs: Option<u32>,
    pub(super) content_type: &'static str,
    /// What whoever asked wants to know the answer by.
    pub(super) correlation: Option<Bytes>,
}

/// A message that came in.
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) retained: bool,
    /// The broker gave it before, and had no acknowledgement.
    pub(super) is_duplicate: bool,
    /// What it is acknowledged under; nothing where nobody waits for that.
    pub(super) packet_id: Option<u16>,
    /// Where an answer is wanted.
    pub(super) response_topic: Option<String>,
    pub(super) correlation: Option<Bytes>,
}

/// A broker let this client in.
#[derive(Clone, Copy)]
pub(super) struct Connected {
    /// It still had the session.
    pub(super) session_present: bool,
    /// Packet ids that it allows at once.
    pub(super) receive_max: Option<u16>,
    /// The longest packet that it takes, in bytes.
    pub(super) max_packet_len: Option<u32>,
}

/// What a PUBACK says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Puback {
    /// The broker has it.
    Taken,
    /// The broker has it, and nobody listens (0x10).
    NobodyListens,
    /// It will not have it (0x80 and above), and the word for why.
    Refused(String),
}

/// What happened.
pub(super) enum Event {
    /// CONNACK.
    Connected(Connected),
    /// A message was written under this packet id; 0 needs no acknowledgement.
    Written(u16),
    /// PUBACK.
    Acknowledged(u16, Puback),
    /// SUBACK: for each filter in their order, or the word for why not.
    Subscribed(Vec<Result<(), String>>),
    /// PUBLISH.
    Came(Message),
    /// DISCONNECT is written.
    SaidGoodbye,
    /// Nothing that anyone asks for.
    Other,
}

/// Why a broker does not let somebody in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It does not speak this version.
    #[error("it does not speak this version of MQTT; `protocol` names the other")]
    Version,
    /// Nobody of that client id.
    #[error("it does not take this client id")]
    ClientId,
    /// Name or password are wrong.
    #[error("user name or password are wrong")]
    Password,
    /// Not this one, or not this way.
    #[error("not authorised")]
    NotAuthorised,
    /// By its own word for it.
    #[error("{0}")]
    Other(String),
}

/// Why a connection ended, or came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The broker gave the session to another client, and says so.
    TakenOver,
    /// The other side closed it in order and without a word that the client library could read.
    Closed,
    /// CONNACK with a refusal.
    Refused(Refusal),
    /// No answer in time.
    Silent,
    /// Anything else.
    Other,
}

/// An ending.
pub(super) struct Failure {
    pub(super) why: Why,
    /// In words that cannot carry a message's topic or payload.
    pub(super) reason: String,
}

impl Failure {
    fn refused(refusal: Refusal) -> Self {
        Self { reason: format!("the broker refuses the connection: {refusal}"), why: Why::Refused(refusal) }
    }

    fn silent() -> Self {
        Self { why: Why::Silent, reason: "no answer in time".to_owned() }
    }

    /// Whoever owns the connection gives it up, to come again with other files.
    pub(super) fn renewed() -> Self {
        Self::other("the certificates or the password have changed: connecting anew".to_owned())
    }

    fn other(reason: String) -> Self {
        Self { why: Why::Other, reason }
    }
}

/// The half that speaks: it queues what is to be written. There is nothing it waits for.
#[derive(Clone)]
pub(super) enum Client {
    V5(rumqttc::v5::AsyncClient),
    V4(rumqttc::AsyncClient),
}

/// The half that is polled: it connects, writes what is queued, and tells what happens.
pub(super) enum EventLoop {
    V5(Box<v5::EventLoop>),
    V4(Box<v4::EventLoop>),
}

/// Both halves; the queue between them has this much room.
pub(super) fn open(settings: &Settings, room: usize) -> (Client, EventLoop) {
    match settings.protocol {
        Protocol::Mqtt5 => {
            let (client, eventloop) = v5::open(settings, room);
            (Client::V5(client), EventLoop::V5(Box::new(eventloop)))
        }
        Protocol::Mqtt311 => {
            let (client, eventloop) = v4::open(settings, room);
            (Client::V4(client), EventLoop::V4(Box::new(eventloop)))
        }
    }
}

impl Client {
    /// Queues a message; whether there was room.
    pub(super) fn say(&self, publication: Publication) -> bool {
        match self {
            Self::V5(client) => v5::say(client, publication),
            Self::V4(client) => v4::say(client, publication),
        }
    }

    /// Queues one subscription to all of these; whether there was room.
    pub(super) fn subscribe(&self, filters: &[String], qos: Qos, wants_retained: bool) -> bool {
        match self {
            Self::V5(client) => v5::subscribe(client, filters, qos, wants_retained),
            Self::V4(client) => v4::subscribe(client, filters, qos),
        }
    }

    /// Queues the PUBACK of a message that came with quality 1; whether there was room.
    pub(super) fn try_acknowledge(&self, packet_id: u16) -> bool {
        match self {
            Self::V5(client) => client.try_ack(&v5::to_acknowledge(packet_id)).is_ok(),
            Self::V4(client) => client.try_ack(&v4::to_acknowledge(packet_id)).is_ok(),
        }
    }

    /// The same, once there is room. Without an event loop nobody waits for it.
    pub(super) async fn acknowledge(&self, packet_id: u16) {
        match self {
            Self::V5(client) => client.ack(&v5::to_acknowledge(packet_id)).await.unwrap_or_default(),
            Self::V4(client) => client.ack(&v4::to_acknowledge(packet_id)).await.unwrap_or_default(),
        }
    }

    /// Queues the DISCONNECT; whether there was room.
    pub(super) fn disconnect(&self) -> bool {
        match self {
            Self::V5(client) => client.try_disconnect().is_ok(),
            Self::V4(client) => client.try_disconnect().is_ok(),
        }
    }
}

impl EventLoop {
    /// The next thing that happens. It connects when it has to. A future that is dropped half-way may lose a packet that
    /// counts as written: keep it until it is done, unless the connection is given up.
    pub(super) async fn poll(&mut self) -> Result<Event, Failure> {
        match self {
            Self::V5(eventloop) => eventloop.poll().await,
            Self::V4(eventloop) => eventloop.poll().await,
        }
    }

    /// What else came in the same read, also before an error.
    pub(super) fn next_noted(&mut self) -> Option<Event> {
        match self {
            Self::V5(eventloop) => eventloop.next_noted(),
            Self::V4(eventloop) => eventloop.next_noted(),
        }
    }

    /// Gives the connection up, and forgets the library's own list of what to resend, a stashed collision with it, and
    /// whatever is queued.
    pub(super) fn forget(&mut self) {
        match self {
            Self::V5(eventloop) => eventloop.forget(),
            Self::V4(eventloop) => eventloop.forget(),
        }
    }

    /// The library's account of what is in flight begins anew, on this connection.
    pub(super) fn start_afresh(&mut self) {
        match self {
            Self::V5(eventloop) => eventloop.start_afresh(),
            Self::V4(eventloop) => eventloop.start_afresh(),
        }
    }

    /// These are written first, under the packet ids that they had, as duplicates.
    pub(super) fn say_again(&mut self, again: Vec<(u16, Publication)>) {
        match self {
            Self::V5(eventloop) => eventloop.say_again(again),
            Self::V4(eventloop) => eventloop.say_again(again),
        }
    }

    /// Whether the broker owes an acknowledgement.
    pub(super) fn is_owed(&self) -> bool {
        match self {
            Self::V5(eventloop) => eventloop.is_owed(),
            Self::V4(eventloop) => eventloop.is_owed(),
        }
    }

    /// Who it is from the next connect on.
    pub(super) fn identify(&mut self, identity: &Identity) {
        match self {
            Self::V5(eventloop) => eventloop.identify(identity),
            Self::V4(eventloop) => eventloop.identify(identity),
        }
    }

    /// What the broker says, retained, when this client is gone without a word; from the next connect on.
    pub(super) fn set_last_will(&mut self, will: Publication) {
        match self {
            Self::V5(eventloop) => eventloop.set_last_will(will),
            Self::V4(eventloop) => eventloop.set_last_will(will),
        }
    }
}
