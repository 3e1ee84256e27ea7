//! A connection that listens, for what scanners and phones publish; where several Pis share a shop, also one that answers.
//!
//! It is one of its own, so that a flood of what comes in never delays the acknowledgement of an offer. Its contract:
//! subscriptions on a clean session, so that the broker keeps nothing for it, unless its [`Manner`] wants what came while
//! nobody listened; nothing retained is asked for, but by a manner that does; it connects
//! again by itself, with the session's pauses. A packet that is too long is passed over by the broker, which is told the
//! limit; one that sends it all the same is taken for broken, and the connection for lost. What is said is said once: on a
//! connection that is lost it is lost as well, and nothing of it is sent on the next.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, Sleep, interval, sleep};

use super::client::{self, Event, EventLoop, Failure, Message, Publication, Qos, Why};
use super::connection::{Options, json_message};
use super::identity::{self, Files};
use super::outage::{Ending, Outage, elapsed};
use super::received::{Line, Received};

/// The longest packet taken, in bytes: a phone's report of 8 KiB, a topic of 1 KiB, and properties.
const MAX_PACKET_LEN: u32 = 12 * 1024;

/// Subscriptions under way, one and one asked for anew; and what is said at one beat: a page for each of 64 gateways, and
/// four whole tables of a dozen pages.
const CHANNEL: usize = 128;

/// Messages that the broker may give before the first of them is acknowledged: half of what [`CHANNEL`] has room for, so
/// that acknowledgements and answers fit.
const UNACKNOWLEDGED: u16 = 64;

/// A subscription that was refused is asked for again after so long: somebody may have allowed it, and nothing tells.
const REFUSED_PAUSE: Duration = Duration::from_mins(5);

/// Whom a listener tells. Filters are told by their place in the list that it was started with.
pub trait Subscriber: Send + 'static {
    /// A message came in. What takes long here delays the next message.
    fn take(&mut self, received: &Received<'_>);
    /// The subscription is in force. Told again after every outage.
    fn listening(&mut self, filter: usize);
    /// Nothing comes in, and why, in words without a topic's or a message's content. Told at every attempt.
    fn outage(&mut self, filter: usize, reason: &str);
    /// What is to be said now. Asked at every beat of a listener that has one, while its subscription is in force.
    fn beat(&mut self) -> Vec<Said> {
        Vec::new()
    }
    /// Another client has taken the name over: this listener ends.
    fn taken_over(&mut self) {}
}

/// One message to be said, once and not retained.
#[derive(Clone, PartialEq, Eq)]
pub struct Said {
    /// Where.
    pub topic: String,
    /// What, as JSON.
    pub message: String,
    /// The broker is to acknowledge it, and to let go of it after so many seconds; else it is said at quality 0.
    pub expires_secs: Option<u32>,
}

/// How a listener goes about it.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// The quality of the subscriptions.
    pub qos: Qos,
    /// The longest packet taken, in bytes.
    pub max_packet_len: u32,
    /// Between two beats; nothing where nothing is ever said.
    pub beat: Option<Duration>,
    /// Its name is the only one of its kind: a second client that has it takes over, and this one stands down.
    pub is_the_only_one: bool,
    /// The broker keeps what comes while nobody listens, for a day, and gives at most so many messages at once that are not
    /// acknowledged ([`Received::receipt`]); nothing where it keeps nothing, and what comes is acknowledged as it comes.
    pub keeps: Option<u16>,
    /// What the broker keeps of each topic is wanted at every connect.
    pub wants_retained: bool,
}

impl Manner {
    /// It listens, and says nothing.
    pub const LISTENS: Self = Self {
        qos: Qos::AtMostOnce,
        max_packet_len: MAX_PACKET_LEN,
        beat: None,
        is_the_only_one: false,
        keeps: None,
        wants_retained: false,
    };

    /// It listens, and what was said while it did not is not lost.
    pub const HEEDS: Self = Self { qos: Qos::AtLeastOnce, keeps: Some(UNACKNOWLEDGED), ..Self::LISTENS };
}

/// A running listener; dropping it ends the connection.
pub struct Listener {
    task: JoinHandle<()>,
}

impl Listener {
    /// Starts the task, which connects once `wanted` is done, and by itself after every outage, until `ended` is. Must be
    /// called within a tokio runtime.
    pub fn start(
        options: &Options,
        manner: Manner,
        filters: Vec<String>,
        subscriber: impl Subscriber,
        wanted: impl Future<Output = ()> + Send + 'static,
        ended: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let (client, eventloop) = client::open(&options.to_listen(manner), CHANNEL);
        let line = Line {
            client,
            number: Arc::new(AtomicU64::new(0)),
            answers_under: options.answers_under(),
            max_packet_len: Arc::new(AtomicU32::new(u32::MAX)),
        };
        let beat = manner.beat.map(|between| {
            let mut beat = interval(between);
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            beat
        });
        let outage = Outage::new();
        let (files, files_due) = (options.files(), identity::looks());
        let connection = Connection {
            line,
            manner,
            filters,
            subscriber,
            outage,
            refused: None,
            beat,
            files,
            files_due,
            in_force: false,
        };
        let listening = async {
            wanted.await;
            connection.run(eventloop).await;
        };
        let task = async {
            tokio::select! {
                () = ended => {}
                () = listening => {}
            }
        };
        Self { task: tokio::spawn(task) }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the listener's task owns.
struct Connection<S> {
    line: Line,
    manner: Manner,
    filters: Vec<String>,
    subscriber: S,
    outage: Outage,
    /// Runs while a subscription is refused.
    refused: Option<Pin<Box<Sleep>>>,
    beat: Option<Interval>,
    files: Files,
    files_due: Interval,
    /// A subscription is in force, so that something may be said.
    in_force: bool,
}

impl<S: Subscriber> Connection<S> {
    async fn run(mut self, mut eventloop: EventLoop) {
        loop {
            eventloop.identify(&self.files.renewed().await);
            let failure = self.serve(&mut eventloop).await;
            self.in_force = false;
            self.line.number.fetch_add(1, Ordering::Relaxed);
            let is_taken_over = self.is_taken_over(&failure, &eventloop);
            for filter in 0..self.filters.len() {
                self.subscriber.outage(filter, &failure.reason);
            }
            if is_taken_over {
                return self.subscriber.taken_over();
            }
            self.refused = None;
            // Subscriptions that were not sent are asked for anew, and what was said and not sent is old.
            eventloop.forget();
            sleep(self.outage.next_pause()).await;
        }
    }

    /// Whether the connection ended since another client has the name now. Of most listeners there is no other, so that a
    /// closed connection is no sign of one.
    fn is_taken_over(&mut self, failure: &Failure, eventloop: &EventLoop) -> bool {
        let ending = match (self.manner.is_the_only_one && failure.why == Why::Closed, eventloop.is_owed()) {
            (true, false) => Ending::ClosedIdle,
            (true, true) => Ending::ClosedBusy,
            (false, _) => Ending::Failed,
        };
        self.outage.ended(ending) || (self.manner.is_the_only_one && failure.why == Why::TakenOver)
    }

    /// Connects, and serves the connection until it ends; why it did.
    async fn serve(&mut self, eventloop: &mut EventLoop) -> Failure {
        loop {
            let event = self.next_event(eventloop).await;
            let failure = event.map(|event| self.note(event)).err();
            // What came in one read is noted as a whole, also what came before an error.
            while let Some(event) = eventloop.next_noted() {
                self.note(event);
            }
            if let Some(failure) = failure {
                return failure;
            }
        }
    }

    /// The library's next event; its future is kept until it is done.
    async fn next_event(&mut self, eventloop: &mut EventLoop) -> Result<Event, Failure> {
        let mut poll = pin!(eventloop.poll());
        loop {
            tokio::select! {
                event = &mut poll => return event,
                () = elapsed(self.outage.timer()) => drop(self.outage.steady()),
                () = elapsed(self.refused.as_mut()) => self.subscribe(),
                _ = self.files_due.tick() => if self.files.look().await {
                    return Err(Failure::renewed());
                },
                () = next_beat(self.beat.as_mut()), if self.in_force => self.say(),
            }
        }
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Connected(connected) => {
                self.line.max_packet_len.store(connected.max_packet_len.unwrap_or(u32::MAX), Ordering::Relaxed);
                self.subscribe();
            }
            Event::Subscribed(answers) => self.answered(&answers),
            Event::Came(message) => self.take(&message),
            Event::Written(_) | Event::Acknowledged(..) | Event::SaidGoodbye | Event::Other => {}
        }
    }

    fn subscribe(&mut self) {
        self.refused = None;
        if !self.line.client.subscribe(&self.filters, self.manner.qos, self.manner.wants_retained) {
            tracing::debug!("no room for the subscription; it is tried again");
            self.refused = Some(Box::pin(sleep(REFUSED_PAUSE)));
        }
    }

    /// The broker answered for each filter, in their order.
    fn answered(&mut self, answers: &[Result<(), String>]) {
        for (filter, answer) in answers.iter().enumerate().take(self.filters.len()) {
            match answer {
                Ok(()) => {
                    self.outage.proven();
                    self.in_force = true;
                    self.subscriber.listening(filter);
                }
                Err(word) => {
                    self.subscriber.outage(filter, &format!("the broker refuses the subscription: {word}"));
                    self.refused = Some(Box::pin(sleep(REFUSED_PAUSE)));
                }
            }
        }
    }

    /// Says what there is to say. What finds no room is lost; nobody repeats it, and whoever misses it asks.
    fn say(&mut self) {
        for Said { topic, message, expires_secs } in self.subscriber.beat() {
            let qos = if expires_secs.is_some() { Qos::AtLeastOnce } else { Qos::AtMostOnce };
            if !self.line.client.say(Publication { expires_secs, ..json_message(topic, message, qos, false) }) {
                tracing::debug!("no room for what is to be said to the shop's other Pis");
            }
        }
    }

    /// Brokers that speak 3.1.1 cannot be told what is not wanted: it comes, and is passed over.
    fn take(&mut self, message: &Message) {
        let Message { topic, payload, retained, .. } = message;
        let received = Received { topic, payload, retained: *retained, message, line: &self.line };
        let is_too_long = payload.len() > usize::try_from(self.manner.max_packet_len).unwrap_or(usize::MAX);
        if is_too_long || (*retained && !self.manner.wants_retained) {
            if self.manner.keeps.is_some() {
                received.receipt().done();
            }
            return;
        }
        self.subscriber.take(&received);
    }
}

/// Ends with the next beat; never without one.
async fn next_beat(beat: Option<&mut Interval>) {
    match beat {
        Some(beat) => drop(beat.tick().await),
        None => std::future::pending().await,
    }
}
