//! A connection that listens, in both versions of the protocol: what came while nobody listened is not lost, and what is
//! not wanted deafens nobody.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
#![allow(unreachable_pub, reason = "the helpers' modules are shared by tests")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/scanner.rs"]
mod scanner;

use std::future::pending;
use std::sync::{Arc, Mutex};

use broker::Mosquitto;
use emma::config::gateway::{Mqtt, Protocol};
use emma::mqtt::connection::Options;
use emma::mqtt::listener::{Listener, Manner, Subscriber};
use emma::mqtt::received::{Receipt, Received};
use listener::{mqtt, until};
use scanner::Scanner;

const FILTER: &str = "emma/v1/bern/feedback/+";
const BOTH: [Protocol; 2] = [Protocol::Mqtt5, Protocol::Mqtt311];

/// What a subscriber was given.
#[derive(Clone, Default)]
struct Ear {
    taken: Arc<Mutex<Vec<(String, Receipt)>>>,
    listening: Arc<Mutex<u32>>,
    outages: Arc<Mutex<Vec<String>>>,
}

impl Ear {
    fn start(&self, protocol: Protocol, port: u16) -> Listener {
        let options = Options::for_listener(
            &Mqtt { protocol, ..mqtt(port) },
            &"bern".into(),
            &"gw-till".into(),
            "hears-customers",
        );
        Listener::start(&options.unwrap(), Manner::HEEDS, vec![FILTER.into()], self.clone(), async {}, pending())
    }

    async fn listens(&self, times: u32) {
        until("it listens", || *self.listening.lock().unwrap() >= times).await;
    }

    /// Waits for a message of this text, and hands its receipt over.
    async fn hears(&self, text: &str) -> Receipt {
        let at = || self.taken.lock().unwrap().iter().position(|(said, _)| said == text);
        until(text, || at().is_some()).await;
        let at = at().unwrap();
        self.taken.lock().unwrap().remove(at).1
    }
}

impl Subscriber for Ear {
    fn take(&mut self, received: &Received<'_>) {
        assert!(!received.retained, "nothing retained is wanted");
        let text = String::from_utf8_lossy(received.payload).into_owned();
        self.taken.lock().unwrap().push((text, received.receipt()));
    }

    fn listening(&mut self, _: usize) {
        *self.listening.lock().unwrap() += 1;
    }

    fn outage(&mut self, _: usize, reason: &str) {
        self.outages.lock().unwrap().push(reason.to_owned());
    }
}

#[tokio::test]
async fn what_is_said_while_nobody_listens_is_heard_later_and_what_is_done_only_once() {
    for protocol in BOTH {
        let Some(broker) = Mosquitto::start("a listener's session", "persistence false") else { return };
        let mut backend = Scanner::new("backend", broker.port);
        let ear = Ear::default();
        let first = ear.start(protocol, broker.port);
        ear.listens(1).await;
        for text in ["done", "not done"] {
            backend.say("emma/v1/bern/feedback/a", text).await;
        }
        ear.hears("done").await.done();
        let not_done = ear.hears("not done").await;
        until("the first is acknowledged", || broker.log().contains("Received PUBACK from emma")).await;
        drop(first);
        backend.say("emma/v1/bern/feedback/a", "while away").await;
        let ear = Ear::default();
        let _second = ear.start(protocol, broker.port);
        ear.hears("not done").await.done();
        ear.hears("while away").await.done();
        assert!(ear.taken.lock().unwrap().is_empty(), "what was done is not said again: {protocol:?}");
        drop(not_done);
    }
}

#[tokio::test]
async fn what_the_broker_kept_of_a_topic_is_passed_over() {
    for protocol in BOTH {
        let Some(broker) = Mosquitto::start("a retained no", "persistence false") else { return };
        let mut backend = Scanner::new("backend", broker.port);
        backend.publish("emma/v1/bern/feedback/a", true, [b"kept".to_vec()]).await;
        let ear = Ear::default();
        let _listener = ear.start(protocol, broker.port);
        ear.listens(1).await;
        backend.say("emma/v1/bern/feedback/a", "said").await;
        ear.hears("said").await.done();
        assert!(ear.taken.lock().unwrap().is_empty(), "{protocol:?}");
    }
}

/// MQTT 5 tells the broker what is too long. In 3.1.1 it comes all the same, and would come at every connect.
#[tokio::test]
async fn a_message_that_is_too_long_deafens_nobody() {
    for protocol in BOTH {
        for len in [20_000, 2_000_000] {
            let Some(broker) = Mosquitto::start("messages that are too long", "persistence false") else { return };
            let mut backend = Scanner::new("backend", broker.port);
            let ear = Ear::default();
            let _listener = ear.start(protocol, broker.port);
            ear.listens(1).await;
            backend.publish("emma/v1/bern/feedback/a", false, [vec![b'x'; len]]).await;
            let is_lost = protocol == Protocol::Mqtt311 && len == 2_000_000;
            if is_lost {
                ear.listens(2).await;
            }
            backend.say("emma/v1/bern/feedback/a", "short").await;
            ear.hears("short").await.done();
            assert_eq!(ear.outages.lock().unwrap().is_empty(), !is_lost, "{protocol:?}, {len}");
        }
    }
}
