//! A broker that a test scripts: it refuses, stays silent, answers what no broker should, or answers nothing at all. It
//! speaks as much MQTT 5 as Emma's session needs, and remembers which offers it was sent.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnAckProperties, ConnectReturnCode, Disconnect, DisconnectReasonCode, Packet, PingResp, PubAck,
    PubAckReason, Publish,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How it behaves on one connection.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// It refuses the connection.
    Refuses(ConnectReturnCode),
    /// It accepts, and answers each offer with one of these, round and round; where it says nothing, never.
    Answers { answers: Vec<Option<PubAckReason>>, limits: Limits },
    /// It accepts, and says these bytes before it answers an offer.
    Garbage(Vec<u8>),
    /// It accepts, and ends the connection over the first offer.
    Disconnects(DisconnectReasonCode),
}

impl Manner {
    /// It answers each offer so.
    pub(crate) fn answers(answers: &[Option<PubAckReason>]) -> Self {
        Self::Answers { answers: answers.to_vec(), limits: Limits::default() }
    }
}

/// What it says of itself when it accepts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) receive_max: Option<u16>,
    pub(crate) max_packet_len: Option<u32>,
}

#[derive(Default)]
struct Book {
    connections: usize,
    /// The ids of the events that it was sent, in order.
    events: Vec<String>,
    /// Messages of any kind that it has not acknowledged, and the most at once.
    unanswered: usize,
    most_unanswered: usize,
    /// The packet ids that it says nothing about, until it is told to be silent no more.
    held: Vec<u16>,
    released: bool,
}

/// The running broker.
pub(crate) struct Odd {
    pub(crate) port: u16,
    book: Arc<Mutex<Book>>,
    release: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Odd {
    /// It behaves so on its first connections, and in the last way on all that follow.
    pub(crate) async fn start(manners: impl IntoIterator<Item = Manner>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (book, mut manners): (Arc<Mutex<Book>>, VecDeque<Manner>) = (Arc::default(), manners.into_iter().collect());
        let (write_into, release) = (Arc::clone(&book), Arc::<Notify>::default());
        let released = Arc::clone(&release);
        let task = tokio::spawn(async move {
            loop {
                let (emma, _) = listener.accept().await.unwrap();
                let manner = manners.front().unwrap().clone();
                if manners.len() > 1 {
                    manners.pop_front();
                }
                write_into.lock().unwrap().connections += 1;
                write_into.lock().unwrap().unanswered = 0;
                write_into.lock().unwrap().held.clear();
                let book = Arc::clone(&write_into);
                Connection { emma, manner, unread: BytesMut::new(), offers: 0, book }.serve(&released).await;
            }
        });
        Self { port, book, release, task }
    }

    pub(crate) fn connections(&self) -> usize {
        self.book.lock().unwrap().connections
    }

    /// The ids of the events that it was sent, in order.
    pub(crate) fn events(&self) -> Vec<String> {
        self.book.lock().unwrap().events.clone()
    }

    /// It acknowledges at last what it was silent about, and is silent no more.
    pub(crate) fn release(&self) {
        self.book.lock().unwrap().released = true;
        self.release.notify_one();
    }

    /// How many messages waited for an answer at once.
    pub(crate) fn most_unanswered(&self) -> usize {
        self.book.lock().unwrap().most_unanswered
    }
}

impl Drop for Odd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Limits {
    fn said(self) -> ConnAckProperties {
        ConnAckProperties {
            session_expiry_interval: None,
            receive_max: self.receive_max,
            max_qos: None,
            retain_available: None,
            max_packet_size: self.max_packet_len,
            assigned_client_identifier: None,
            topic_alias_max: None,
            reason_string: None,
            user_properties: Vec::new(),
            wildcard_subscription_available: None,
            subscription_identifiers_available: None,
            shared_subscription_available: None,
            server_keep_alive: None,
            response_information: None,
            server_reference: None,
            authentication_method: None,
            authentication_data: None,
        }
    }
}

struct Connection {
    emma: TcpStream,
    manner: Manner,
    unread: BytesMut,
    offers: usize,
    book: Arc<Mutex<Book>>,
}

impl Connection {
    /// Until either side ends it.
    async fn serve(mut self, released: &Notify) {
        loop {
            let goes_on = tokio::select! {
                packet = self.next() => match packet {
                    Some(packet) => self.take(packet).await,
                    None => false,
                },
                () = released.notified() => self.acknowledge_held().await,
            };
            if !goes_on {
                return;
            }
        }
    }

    async fn take(&mut self, packet: Packet) -> bool {
        match packet {
            Packet::Connect(..) => self.connected().await,
            Packet::PingReq(_) => self.say(&Packet::PingResp(PingResp)).await,
            Packet::Publish(publish) => self.published(&publish).await,
            _ => true,
        }
    }

    async fn acknowledge_held(&mut self) -> bool {
        let held = std::mem::take(&mut self.book.lock().unwrap().held);
        for packet_id in held {
            if !self.say(&Packet::PubAck(PubAck::new(packet_id, None))).await {
                return false;
            }
        }
        true
    }

    async fn next(&mut self) -> Option<Packet> {
        loop {
            if let Ok(packet) = Packet::read(&mut self.unread, None) {
                return Some(packet);
            }
            if self.emma.read_buf(&mut self.unread).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    async fn say(&mut self, packet: &Packet) -> bool {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, None).unwrap();
        self.emma.write_all(&bytes).await.is_ok()
    }

    async fn connected(&mut self) -> bool {
        let (code, limits) = match &self.manner {
            Manner::Refuses(code) => (*code, Limits::default()),
            Manner::Answers { limits, .. } => (ConnectReturnCode::Success, *limits),
            Manner::Garbage(_) | Manner::Disconnects(_) => (ConnectReturnCode::Success, Limits::default()),
        };
        let connack = ConnAck { session_present: false, code, properties: Some(limits.said()) };
        self.say(&Packet::ConnAck(connack)).await && code == ConnectReturnCode::Success
    }

    async fn published(&mut self, publish: &Publish) -> bool {
        self.arrived(publish);
        let is_offer = publish.topic.windows(7).any(|window| window == b"/offer/");
        let answer = match (&self.manner, is_offer) {
            (Manner::Answers { answers, .. }, true) => answers[(self.offers - 1) % answers.len()],
            (Manner::Garbage(bytes), true) => {
                if self.emma.write_all(bytes).await.is_err() {
                    return false;
                }
                Some(PubAckReason::Success)
            }
            (Manner::Disconnects(code), true) => {
                self.say(&Packet::Disconnect(Disconnect::new(*code))).await;
                return false;
            }
            _ => Some(PubAckReason::Success),
        };
        if publish.pkid == 0 {
            return true;
        }
        let reason = {
            let mut book = self.book.lock().unwrap();
            let Some(reason) = answer.or(book.released.then_some(PubAckReason::Success)) else {
                book.held.push(publish.pkid);
                return true;
            };
            book.unanswered -= 1;
            reason
        };
        self.say(&Packet::PubAck(PubAck { pkid: publish.pkid, reason, properties: None })).await
    }

    fn arrived(&mut self, publish: &Publish) {
        let mut book = self.book.lock().unwrap();
        if publish.pkid > 0 {
            book.unanswered += 1;
            book.most_unanswered = book.most_unanswered.max(book.unanswered);
        }
        if let Ok(event) = serde_json::from_slice::<serde_json::Value>(&publish.payload)
            && let Some(id) = event["id"].as_str()
        {
            self.offers += 1;
            book.events.push(id.to_owned());
        }
    }
}
