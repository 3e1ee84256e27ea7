//! A connection that says what it is told, for a subscriber under development: `emma demo --contract`. The daemon has none
//! like it: it says committed rows and nothing else.

use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason, Publish, PublishProperties, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, Event, EventLoop};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::connection::{self, Options};
use super::event::CONTENT_TYPE;
use super::listener::Manner;

/// How long a broker may take to acknowledge what is outstanding when the connection is to end.
const END_WITHIN: Duration = Duration::from_secs(10);

/// Room for what is said in one step, and what is heard meanwhile.
const CHANNEL: usize = 64;

/// One message to be said.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// Where.
    pub topic: String,
    /// What; nothing lets a broker forget what it kept.
    pub payload: String,
    /// How.
    pub kind: Kind,
}

/// How a message is said.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An event, which the broker lets go of at that wall time in microseconds, or keeps however old it gets.
    Event(Option<i64>),
    /// An event that the broker keeps for whoever comes later.
    KeptEvent(i64),
    /// Plain JSON that the broker keeps.
    Kept,
    /// Plain JSON, for whoever is there.
    Passing,
}

/// What comes back.
pub enum Told {
    /// It listens.
    Listening,
    /// Something was said to Emma.
    Heard(Heard),
    /// Nobody listens to what was said.
    Nobody,
    /// The broker refuses what was said or asked for; why, without a topic.
    Refused(String),
    /// The connection ended, and why.
    Lost(String),
}

/// A message to Emma.
pub struct Heard {
    /// Where.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
    /// Where an answer is wanted.
    pub response_topic: Option<String>,
    /// What the answer is to be known by.
    pub correlation: Option<Vec<u8>>,
}

/// The connection; dropping it ends it.
pub struct Rehearsal {
    client: AsyncClient,
    /// How many messages are to be acknowledged, and how many are.
    said: u64,
    acknowledged: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

impl Rehearsal {
    /// Connects, once, and listens to `filters`. Must be called within a tokio runtime.
    pub fn start(options: &Options, filters: &[String]) -> (Self, mpsc::Receiver<Told>) {
        let mut options = options.to_visit();
        let client_id = options.client_id().replace("-doctor", "-rehearsal");
        options.set_client_id(client_id).set_max_packet_size(Some(Manner::LISTENS.max_packet_len));
        let (client, eventloop) = AsyncClient::new(options, CHANNEL);
        let (tell, told) = mpsc::channel(CHANNEL);
        let (count, acknowledged) = watch::channel(0);
        let task = tokio::spawn(serve(eventloop, client.clone(), filters.to_vec(), tell, count));
        (Self { client, said: 0, acknowledged, task }, told)
    }

    /// Says `line` at that wall time in microseconds.
    pub async fn say(&mut self, line: Line, now_us: i64) {
        let (qos, retain, properties) = manner(line.kind, now_us);
        self.said += u64::from(qos == QoS::AtLeastOnce);
        let said = self.client.publish_with_properties(line.topic, qos, retain, line.payload, properties);
        // A connection that has ended is told by itself.
        said.await.unwrap_or_default();
    }

    /// Answers whoever asked.
    pub async fn answer(&mut self, topic: String, correlation: Option<Vec<u8>>, payload: String) {
        let properties =
            PublishProperties { correlation_data: correlation.map(Into::into), ..connection::json_properties() };
        self.said += 1;
        let said = self.client.publish_with_properties(topic, QoS::AtLeastOnce, false, payload, properties);
        said.await.unwrap_or_default();
    }

    /// Leaves, once everything is said and acknowledged: what lies unread in a socket that is closed takes with it what the
    /// other side has not read yet.
    pub async fn end(mut self) {
        let all = self.said;
        let leave = async {
            if self.acknowledged.wait_for(|count| *count >= all).await.is_ok() {
                self.client.disconnect().await.unwrap_or_default();
            }
            // It ends when the broker closes the connection.
            (&mut self.task).await.unwrap_or_default();
        };
        // Whoever does not answer is left all the same.
        timeout(END_WITHIN, leave).await.unwrap_or_default();
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn manner(kind: Kind, now_us: i64) -> (QoS, bool, PublishProperties) {
    let event = |expires_us| connection::event_properties(expires_us, now_us);
    let plain = connection::json_properties;
    match kind {
        Kind::Event(Some(expires_us)) => (QoS::AtLeastOnce, false, event(expires_us)),
        Kind::Event(None) => {
            (QoS::AtLeastOnce, false, PublishProperties { content_type: Some(CONTENT_TYPE.to_owned()), ..plain() })
        }
        Kind::KeptEvent(expires_us) => (QoS::AtLeastOnce, true, event(expires_us)),
        Kind::Kept => (QoS::AtLeastOnce, true, plain()),
        Kind::Passing => (QoS::AtMostOnce, false, plain()),
    }
}

/// Serves the connection until it ends.
async fn serve(
    mut eventloop: EventLoop,
    client: AsyncClient,
    filters: Vec<String>,
    tell: mpsc::Sender<Told>,
    acknowledged: watch::Sender<u64>,
) {
    loop {
        let told = match eventloop.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                for filter in &filters {
                    client.try_subscribe(filter, QoS::AtLeastOnce).unwrap_or_default();
                }
                None
            }
            Ok(Event::Incoming(Packet::SubAck(answer))) => {
                Some(answer.return_codes.iter().fold(Told::Listening, |told, code| match code {
                    SubscribeReasonCode::Success(_) => told,
                    refused => Told::Refused(format!("the broker refuses the subscription: {refused:?}")),
                }))
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => Some(Told::Heard(heard(&publish))),
            Ok(Event::Incoming(Packet::PubAck(answer))) => {
                acknowledged.send_modify(|count| *count += 1);
                judged(answer.reason)
            }
            Ok(_) => None,
            Err(error) => Some(Told::Lost(connection::reason(&error))),
        };
        let is_over = matches!(told, Some(Told::Lost(_)));
        if let Some(told) = told {
            // Whoever leaves does not listen any more, and what is to be said is said all the same.
            tell.send(told).await.unwrap_or_default();
        }
        if is_over {
            return;
        }
    }
}

fn judged(reason: PubAckReason) -> Option<Told> {
    match reason {
        PubAckReason::Success => None,
        PubAckReason::NoMatchingSubscribers => Some(Told::Nobody),
        refused => Some(Told::Refused(format!("the broker refuses the message: {refused:?}"))),
    }
}

fn heard(publish: &Publish) -> Heard {
    let properties = publish.properties.as_ref();
    Heard {
        topic: String::from_utf8_lossy(&publish.topic).into_owned(),
        payload: publish.payload.to_vec(),
        response_topic: properties.and_then(|properties| properties.response_topic.clone()),
        correlation: properties.and_then(|properties| Some(properties.correlation_data.as_ref()?.to_vec())),
    }
}
