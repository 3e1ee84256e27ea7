//! A connection that says what it is told, for a subscriber under development: `emma demo --contract`. The daemon has none
//! like it: it says committed rows and nothing else.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::client::{self, Client, Event, EventLoop, Message, Puback, Publication, Qos, Settings};
use super::connection::{Options, json_message, remaining_secs};
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
    client: Client,
    /// How many messages are to be acknowledged, and how many are.
    said: u64,
    acknowledged: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

impl Rehearsal {
    /// Connects, once, and listens to `filters`. Must be called within a tokio runtime.
    pub fn start(options: &Options, filters: &[String]) -> (Self, mpsc::Receiver<Told>) {
        let visit = options.to_visit();
        let client_id = visit.client_id.replace("-doctor", "-rehearsal");
        let settings = Settings { client_id, max_packet_len: Some(Manner::LISTENS.max_packet_len), ..visit };
        let (client, eventloop) = client::open(&settings, CHANNEL);
        let (tell, told) = mpsc::channel(CHANNEL);
        let (count, acknowledged) = watch::channel(0);
        let task = tokio::spawn(serve(eventloop, client.clone(), filters.to_vec(), tell, count));
        (Self { client, said: 0, acknowledged, task }, told)
    }

    /// Says `line` at that wall time in microseconds.
    pub fn say(&mut self, line: Line, now_us: i64) {
        let Line { topic, payload, kind } = line;
        let event = |expires_us: Option<i64>, retained| Publication {
            expires_secs: expires_us.map(|expires_us| remaining_secs(expires_us, now_us)),
            content_type: CONTENT_TYPE,
            ..json_message(String::new(), String::new(), Qos::AtLeastOnce, retained)
        };
        let manner = match kind {
            Kind::Event(expires_us) => event(expires_us, false),
            Kind::KeptEvent(expires_us) => event(Some(expires_us), true),
            Kind::Kept => json_message(String::new(), String::new(), Qos::AtLeastOnce, true),
            Kind::Passing => json_message(String::new(), String::new(), Qos::AtMostOnce, false),
        };
        self.publish(Publication { topic, payload, ..manner });
    }

    /// Answers whoever asked.
    pub fn answer(&mut self, topic: String, correlation: Option<Vec<u8>>, payload: String) {
        let correlation = correlation.map(Into::into);
        self.publish(Publication { correlation, ..json_message(topic, payload, Qos::AtLeastOnce, false) });
    }

    /// What finds no room is lost with the connection, which is told by itself.
    fn publish(&mut self, publication: Publication) {
        let is_acknowledged = publication.qos == Qos::AtLeastOnce;
        self.said += u64::from(self.client.say(publication) && is_acknowledged);
    }

    /// Leaves, once everything is said and acknowledged: what lies unread in a socket that is closed takes with it what the
    /// other side has not read yet.
    pub async fn end(mut self) {
        let all = self.said;
        let leave = async {
            if self.acknowledged.wait_for(|count| *count >= all).await.is_ok() && !self.client.disconnect() {
                self.task.abort();
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

/// Serves the connection until it ends.
async fn serve(
    mut eventloop: EventLoop,
    client: Client,
    filters: Vec<String>,
    tell: mpsc::Sender<Told>,
    acknowledged: watch::Sender<u64>,
) {
    loop {
        let event = eventloop.poll().await;
        let failure = event.as_ref().err().map(|failure| failure.reason.clone());
        let noted = std::iter::from_fn(|| eventloop.next_noted());
        for event in event.ok().into_iter().chain(noted) {
            if matches!(event, Event::Connected(_)) && !client.subscribe(&filters, Qos::AtLeastOnce, false) {
                tracing::debug!("no room for the subscription");
            }
            acknowledged.send_modify(|count| *count += u64::from(matches!(event, Event::Acknowledged(..))));
            if let Some(told) = told(event) {
                // Whoever leaves does not listen any more, and what is to be said is said all the same.
                tell.send(told).await.unwrap_or_default();
            }
        }
        if let Some(reason) = failure {
            return tell.send(Told::Lost(reason)).await.unwrap_or_default();
        }
    }
}

fn told(event: Event) -> Option<Told> {
    match event {
        Event::Subscribed(answers) => Some(match answers.into_iter().find_map(Result::err) {
            None => Told::Listening,
            Some(word) => Told::Refused(format!("the broker refuses the subscription: {word}")),
        }),
        Event::Acknowledged(_, Puback::NobodyListens) => Some(Told::Nobody),
        Event::Acknowledged(_, Puback::Refused(word)) => {
            Some(Told::Refused(format!("the broker refuses the message: {word}")))
        }
        Event::Came(message) => Some(Told::Heard(heard(message))),
        Event::Acknowledged(_, Puback::Taken)
        | Event::Connected(_)
        | Event::Written(_)
        | Event::SaidGoodbye
        | Event::Other => None,
    }
}

fn heard(message: Message) -> Heard {
    let Message { topic, payload, response_topic, correlation, .. } = message;
    Heard { topic, payload: payload.to_vec(), response_topic, correlation: correlation.map(|bytes| bytes.to_vec()) }
}
