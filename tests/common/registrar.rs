//! A registrar: it tells records and waits for the answer, says what it says, and sums up what it told.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(2);

/// What is not answered is not answered within this.
const NEVER: Duration = Duration::from_secs(3);

/// Where it has its answers.
const ANSWERS: &str = "emma/v1/hall/answer/registrar";

/// A connected registrar.
pub(crate) struct Registrar {
    client: AsyncClient,
    eventloop: EventLoop,
    asked: u64,
}

impl Registrar {
    /// Returns once it can be answered, wherever that is.
    pub(crate) async fn start(name: &str, port: u16) -> Self {
        let mut options = MqttOptions::new(name, "127.0.0.1", port);
        options.set_max_packet_size(Some(2 << 20));
        let (client, eventloop) = AsyncClient::new(options, 100);
        let mut registrar = Self { client, eventloop, asked: 0 };
        for filter in ["emma/v1/+/answer/#", "emma/v1/hall/offer/#", "emma/v1/hall/answer", "elsewhere"] {
            registrar.client.try_subscribe(filter, QoS::AtLeastOnce).unwrap();
            registrar.next(PATIENCE, |event| matches!(event, Event::Incoming(Packet::SubAck(_)))).await.unwrap();
        }
        registrar
    }

    /// Tells a record, and returns the answer.
    pub(crate) async fn ask(&mut self, record: &str) -> Value {
        self.ask_bytes(record.as_bytes()).await
    }

    pub(crate) async fn ask_bytes(&mut self, record: &[u8]) -> Value {
        self.ask_at(record, ANSWERS).await.expect("an answer")
    }

    /// The same, to be answered there; nothing where no answer comes.
    pub(crate) async fn ask_at(&mut self, record: &[u8], answer_to: &str) -> Option<Value> {
        self.asked += 1;
        let correlation = self.asked.to_string();
        let properties = PublishProperties {
            response_topic: Some(answer_to.to_owned()),
            correlation_data: Some(correlation.clone().into()),
            ..PublishProperties::default()
        };
        let topic = "emma/v1/hall/consent";
        self.client.try_publish_with_properties(topic, QoS::AtLeastOnce, false, record.to_vec(), properties).unwrap();
        let patience = if answer_to == ANSWERS { PATIENCE } else { NEVER };
        let is_answer = |publish: &Publish| {
            let known = publish.properties.as_ref().and_then(|properties| properties.correlation_data.as_ref());
            known.is_some_and(|known| *known == correlation)
        };
        let answered = |event: &Event| matches!(event, Event::Incoming(Packet::Publish(publish)) if is_answer(publish));
        let Some(Event::Incoming(Packet::Publish(answer))) = self.next(patience, answered).await else { return None };
        assert!(!answer.retain, "an answer is retained");
        Some(serde_json::from_slice(&answer.payload).unwrap())
    }

    /// Says something without a place to answer, and returns when the broker has it.
    pub(crate) async fn say(&mut self, what: &str, message: &str) {
        self.publish(what, message, false).await;
    }

    /// The same, to be kept by the broker.
    pub(crate) async fn keep(&mut self, what: &str, message: &str) {
        self.publish(what, message, true).await;
    }

    async fn publish(&mut self, what: &str, message: &str, retain: bool) {
        let topic = format!("emma/v1/hall/{what}");
        self.client.try_publish(topic, QoS::AtLeastOnce, retain, message.to_owned()).unwrap();
        self.next(PATIENCE, |event| matches!(event, Event::Incoming(Packet::PubAck(_)))).await.unwrap();
    }

    /// The next event that is wanted, if one comes in time.
    async fn next(&mut self, patience: Duration, wanted: impl Fn(&Event) -> bool) -> Option<Event> {
        let found = async {
            loop {
                let event = self.eventloop.poll().await.unwrap();
                if wanted(&event) {
                    return event;
                }
            }
        };
        timeout(patience, found).await.ok()
    }
}

/// The digest of these customers and epochs, as the document has it: by whoever sorts lines.
pub(crate) fn digest(told: &[(&str, u64)]) -> String {
    let mut lines: Vec<String> = told.iter().map(|(customer, epoch)| format!("{customer} {epoch}\n")).collect();
    lines.sort();
    hex::encode(Sha256::digest(lines.concat()))
}
