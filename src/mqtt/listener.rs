//! A connection that only listens, for what scanners and phones publish.
//!
//! It is one of its own, so that a flood of what comes in never delays the acknowledgement of an offer. Its contract:
//! subscriptions of quality 0 on a clean session, so that the broker keeps nothing for it; nothing retained is asked for;
//! it connects again by itself, with the session's pauses. A packet that is too long is passed over by the broker, which is
//! told the limit; one that sends it all the same is taken for broken, and the connection for lost.

use std::pin::{Pin, pin};
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, Publish, RetainForwardRule, SubAck, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop};
use tokio::task::JoinHandle;
use tokio::time::{Sleep, sleep};

use super::connection::{self, Options};
use super::outage::{Ending, Outage, elapsed};

/// The longest packet taken, in bytes: a phone's report of 8 KiB, a topic of 1 KiB, and properties.
const MAX_PACKET_LEN: u32 = 12 * 1024;

/// Subscriptions under way: one, and one asked for anew.
const CHANNEL: usize = 4;

/// A subscription that was refused is asked for again after so long: somebody may have allowed it, and nothing tells.
const REFUSED_PAUSE: Duration = Duration::from_mins(5);

/// Whom a listener tells. Filters are told by their place in the list that it was started with.
pub trait Subscriber: Send + 'static {
    /// A message came in; `retained` where the broker had kept it. What takes long here delays the next message.
    fn take(&mut self, topic: &str, payload: &[u8], retained: bool);
    /// The subscription is in force. Told again after every outage.
    fn listening(&mut self, filter: usize);
    /// Nothing comes in, and why, in words without a topic's or a message's content. Told at every attempt.
    fn outage(&mut self, filter: usize, reason: &str);
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
        filters: Vec<String>,
        subscriber: impl Subscriber,
        wanted: impl Future<Output = ()> + Send + 'static,
        ended: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let (client, eventloop) = AsyncClient::new(options.to_listen(MAX_PACKET_LEN), CHANNEL);
        let connection = Connection { client, filters, subscriber, outage: Outage::new(), refused: None };
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
    client: AsyncClient,
    filters: Vec<String>,
    subscriber: S,
    outage: Outage,
    /// Runs while a subscription is refused.
    refused: Option<Pin<Box<Sleep>>>,
}

impl<S: Subscriber> Connection<S> {
    async fn run(mut self, mut eventloop: EventLoop) {
        loop {
            let reason = self.serve(&mut eventloop).await;
            for filter in 0..self.filters.len() {
                self.subscriber.outage(filter, &reason);
            }
            self.refused = None;
            // Subscriptions that were not sent are asked for anew.
            eventloop.clean();
            eventloop.pending.clear();
            // No other listener has this name, so that a closed connection is no sign of one.
            self.outage.ended(Ending::Failed);
            sleep(self.outage.next_pause()).await;
        }
    }

    /// Connects, and serves the connection until it ends; why it did.
    async fn serve(&mut self, eventloop: &mut EventLoop) -> String {
        loop {
            let event = self.next_event(eventloop).await;
            let error = event.map(|event| self.note(event)).err();
            // What came in one read is noted as a whole, also what came before an error.
            while let Some(event) = eventloop.state.events.pop_front() {
                self.note(event);
            }
            if let Some(error) = error {
                return connection::reason(&error);
            }
        }
    }

    /// The library's next event; its future is kept until it is done.
    async fn next_event(&mut self, eventloop: &mut EventLoop) -> Result<Event, ConnectionError> {
        let mut poll = pin!(eventloop.poll());
        loop {
            tokio::select! {
                event = &mut poll => return event,
                () = elapsed(self.outage.timer()) => drop(self.outage.steady()),
                () = elapsed(self.refused.as_mut()) => self.subscribe(),
            }
        }
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Incoming(Packet::ConnAck(_)) => self.subscribe(),
            Event::Incoming(Packet::SubAck(answer)) => self.answered(&answer),
            Event::Incoming(Packet::Publish(publish)) => self.take(&publish),
            Event::Incoming(_) | Event::Outgoing(_) => {}
        }
    }

    fn subscribe(&mut self) {
        self.refused = None;
        let filters = self.filters.iter().map(|filter| Filter {
            path: filter.clone(),
            qos: QoS::AtMostOnce,
            retain_forward_rule: RetainForwardRule::Never,
            ..Filter::default()
        });
        if self.client.try_subscribe_many(filters).is_err() {
            tracing::debug!("no room for the subscription; it is tried again");
            self.refused = Some(Box::pin(sleep(REFUSED_PAUSE)));
        }
    }

    /// The broker answered for each filter, in their order.
    fn answered(&mut self, answer: &SubAck) {
        for (filter, code) in answer.return_codes.iter().enumerate().take(self.filters.len()) {
            if matches!(code, SubscribeReasonCode::Success(_)) {
                self.outage.proven();
                self.subscriber.listening(filter);
            } else {
                self.subscriber.outage(filter, &format!("the broker refuses the subscription: {code:?}"));
                self.refused = Some(Box::pin(sleep(REFUSED_PAUSE)));
            }
        }
    }

    /// A topic that is no text is nobody's.
    fn take(&mut self, publish: &Publish) {
        if let Ok(topic) = std::str::from_utf8(&publish.topic) {
            self.subscriber.take(topic, &publish.payload, publish.retain);
        }
    }
}
