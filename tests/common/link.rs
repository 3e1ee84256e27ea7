//! A link between Emma and her broker that a test cuts, slows and stalls as it likes. It reads along: what Emma sent, on which
//! connection, and what the broker answered.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use emma::clock::Clock;
use rumqttc::v5::mqttbytes::Error;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason, Publish};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// So much is passed on at once; a packet of Emma's is longer than that now and then.
const PIECE: usize = 1_024;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToBroker,
    ToEmma,
}

/// How the link is.
#[derive(Clone, Copy, Debug, Default)]
struct Condition {
    /// Whoever connects is turned away.
    closed: bool,
    /// Each piece comes so much later, in milliseconds.
    late_ms: u64,
    /// Nothing passes this way, and nobody is told.
    stalled: Option<Way>,
    /// Connections up to this number are cut.
    cut: usize,
}

/// An offer that Emma sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// The connection it was sent on, counted from 1.
    pub(crate) connection: usize,
    /// When that connection was accepted (wall, microseconds): Emma wrote the offer later than that.
    pub(crate) connected_us: i64,
    pub(crate) topic: String,
    /// The event's id.
    pub(crate) event: String,
    /// The message expiry interval that it was sent with.
    pub(crate) expiry_secs: Option<u32>,
    /// What the broker answered on this connection.
    pub(crate) answer: Option<PubAckReason>,
    packet_id: u16,
}

#[derive(Default)]
struct Seen {
    sent: Vec<Sent>,
    connections: usize,
    /// Bytes until the link cuts itself, and which way they go.
    fuse: Option<(Way, usize)>,
}

#[derive(Clone)]
struct Shared {
    condition: watch::Sender<Condition>,
    seen: Arc<Mutex<Seen>>,
    clock: Clock,
}

/// A port that leads to a broker's.
pub(crate) struct Link {
    pub(crate) port: u16,
    shared: Shared,
    task: JoinHandle<()>,
}

impl Link {
    pub(crate) async fn to(broker_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared =
            Shared { condition: watch::Sender::new(Condition::default()), seen: Arc::default(), clock: Clock::start() };
        let task = tokio::spawn(accept(listener, broker_port, shared.clone()));
        Self { port, shared, task }
    }

    /// Turns whoever connects away, and cuts what is connected; or lets them in again.
    pub(crate) fn close(&self, closed: bool) {
        self.shared.condition.send_modify(|condition| condition.closed = closed);
        if closed {
            self.shared.cut();
        }
    }

    /// Every piece comes so much later, in milliseconds.
    pub(crate) fn delay(&self, late_ms: u64) {
        self.shared.condition.send_modify(|condition| condition.late_ms = late_ms);
    }

    /// Nothing passes this way any more, and nobody is told; or it does again.
    pub(crate) fn stall(&self, way: Option<Way>) {
        self.shared.condition.send_modify(|condition| condition.stalled = way);
    }

    /// Cuts what is connected.
    pub(crate) fn cut(&self) {
        self.shared.cut();
    }

    /// Cuts what is connected after so many more bytes, wherever in a packet that is.
    pub(crate) fn cut_after(&self, way: Way, bytes: usize) {
        self.shared.seen.lock().unwrap().fuse = Some((way, bytes));
    }

    /// Whether the cut that was asked for is still to come.
    pub(crate) fn is_to_be_cut(&self) -> bool {
        self.shared.seen.lock().unwrap().fuse.is_some()
    }

    /// Every offer that Emma sent, in order.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.shared.seen.lock().unwrap().sent.clone()
    }

    /// How many that is.
    pub(crate) fn sent_so_far(&self) -> usize {
        self.shared.seen.lock().unwrap().sent.len()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.cut();
    }
}

impl Shared {
    fn cut(&self) {
        let connections = self.seen.lock().unwrap().connections;
        self.condition.send_modify(|condition| condition.cut = connections);
    }

    /// How many of so many bytes still pass; fewer, and the link is to be cut.
    fn admit(&self, way: Way, bytes: usize) -> usize {
        let mut seen = self.seen.lock().unwrap();
        match &mut seen.fuse {
            Some((fused, left)) if *fused == way => {
                let admitted = bytes.min(*left);
                *left -= admitted;
                if admitted < bytes {
                    seen.fuse = None;
                }
                admitted
            }
            _ => bytes,
        }
    }
}

async fn accept(listener: TcpListener, broker_port: u16, shared: Shared) {
    loop {
        let (emma, _) = listener.accept().await.unwrap();
        if shared.condition.borrow().closed {
            continue;
        }
        let connection = {
            let mut seen = shared.seen.lock().unwrap();
            seen.connections += 1;
            seen.connections
        };
        tokio::spawn(connect(emma, broker_port, connection, shared.clone()));
    }
}

async fn connect(emma: TcpStream, broker_port: u16, connection: usize, shared: Shared) {
    let connected_us = shared.clock.wall_us();
    let Ok(broker) = TcpStream::connect(("127.0.0.1", broker_port)).await else { return };
    let ((from_emma, to_emma), (from_broker, to_broker)) = (emma.into_split(), broker.into_split());
    let pump = |way| Pump { shared: shared.clone(), way, connection, connected_us, unread: BytesMut::new() };
    let mut condition = shared.condition.subscribe();
    tokio::select! {
        () = pump(Way::ToBroker).run(from_emma, to_broker) => {}
        () = pump(Way::ToEmma).run(from_broker, to_emma) => {}
        _ = condition.wait_for(|condition| condition.cut >= connection) => {}
    }
}

/// One way of one connection.
struct Pump {
    shared: Shared,
    way: Way,
    connection: usize,
    connected_us: i64,
    /// The beginning of a packet.
    unread: BytesMut,
}

impl Pump {
    async fn run(mut self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
        let mut piece = [0; PIECE];
        loop {
            self.wait_until_it_passes().await;
            let Ok(read @ 1..) = from.read(&mut piece).await else { return };
            self.read_along(&piece[..read]);
            // A stall that has begun meanwhile holds this piece as well.
            self.wait_until_it_passes().await;
            let late_ms = self.shared.condition.borrow().late_ms;
            sleep(Duration::from_millis(late_ms)).await;
            let admitted = self.shared.admit(self.way, read);
            if to.write_all(&piece[..admitted]).await.is_err() || admitted < read {
                return;
            }
        }
    }

    async fn wait_until_it_passes(&self) {
        let way = self.way;
        let mut condition = self.shared.condition.subscribe();
        // The sender lives as long as this.
        condition.wait_for(|condition| condition.stalled != Some(way)).await.unwrap();
    }

    fn read_along(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        while !self.unread.is_empty() {
            match Packet::read(&mut self.unread, None) {
                Ok(Packet::Publish(publish)) if self.way == Way::ToBroker => self.sent(&publish),
                Ok(Packet::PubAck(puback)) if self.way == Way::ToEmma => self.answered(puback.pkid, puback.reason),
                Err(Error::InsufficientBytes(_)) => break,
                Ok(_) | Err(_) => {}
            }
        }
    }

    fn sent(&self, publish: &Publish) {
        let topic = String::from_utf8(publish.topic.to_vec()).unwrap();
        if !topic.contains("/offer/") {
            return;
        }
        let event: serde_json::Value = serde_json::from_slice(&publish.payload).unwrap();
        let sent = Sent {
            connection: self.connection,
            connected_us: self.connected_us,
            topic,
            event: event["id"].as_str().unwrap().to_owned(),
            expiry_secs: publish.properties.as_ref().and_then(|properties| properties.message_expiry_interval),
            answer: None,
            packet_id: publish.pkid,
        };
        self.shared.seen.lock().unwrap().sent.push(sent);
    }

    fn answered(&self, packet_id: u16, reason: PubAckReason) {
        let mut seen = self.shared.seen.lock().unwrap();
        let here = |sent: &&mut Sent| sent.connection == self.connection && sent.packet_id == packet_id;
        if let Some(sent) = seen.sent.iter_mut().rev().find(here) {
            sent.answer = Some(reason);
        }
    }
}
