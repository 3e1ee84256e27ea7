//! An independent subscriber: `mosquitto_sub`, which shares no code with Emma, with a session that its broker keeps. It comes
//! back by itself after an outage, and writes down what it hears.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use crate::broker::find;
use crate::listener::until;

/// One message that it heard.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) topic: String,
    /// The event's id.
    pub(crate) event: String,
    /// The offer's.
    pub(crate) offer: String,
    /// Its place among all events of its source, which is written within a second: a crash may cost it.
    pub(crate) sequence: String,
    /// All else that the event says.
    pub(crate) content: Value,
}

#[derive(Default)]
struct Book {
    heard: Vec<Heard>,
    connects: usize,
    subscribed: usize,
}

/// The running subscriber, killed when dropped.
pub(crate) struct Witness {
    book: Arc<Mutex<Book>>,
    child: Child,
}

impl Witness {
    /// Returns once its subscription to all offers is in force; nothing where `mosquitto_sub` is not installed.
    pub(crate) async fn start(skipped: &str, port: u16) -> Option<Self> {
        // It keeps what it says of its connection back where nobody sees it on a terminal, unless it is told not to.
        let mut command = Command::new("stdbuf");
        command.arg("-oL").arg(find("mosquitto_sub", skipped)?).args([
            "-d",
            "-V",
            "mqttv5",
            "-c",
            "-i",
            "witness",
            "-q",
            "1",
            "-h",
            "127.0.0.1",
            "-p",
        ]);
        command.args([&port.to_string(), "-t", "emma/v1/+/offer/#", "-F", "heard %t %p"]);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let (book, lines) = (Arc::<Mutex<Book>>::default(), child.stdout.take().unwrap());
        let write_into = Arc::clone(&book);
        thread::spawn(move || read(lines, &write_into));
        let witness = Self { book, child };
        witness.subscribed().await;
        Some(witness)
    }

    /// Waits until the subscription is in force on the connection that it has now.
    pub(crate) async fn subscribed(&self) {
        let is_subscribed = || {
            let book = self.book.lock().unwrap();
            book.connects > 0 && book.subscribed == book.connects
        };
        until("the witness subscribes", is_subscribed).await;
    }

    /// How often it was connected so far.
    pub(crate) fn connects(&self) -> usize {
        self.book.lock().unwrap().connects
    }

    /// All that it heard, in order.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.book.lock().unwrap().heard.clone()
    }

    /// Whether it heard this event.
    pub(crate) fn has_heard(&self, event: &str) -> bool {
        self.book.lock().unwrap().heard.iter().rev().any(|heard| heard.event == event)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn read(lines: ChildStdout, book: &Mutex<Book>) {
    for line in BufReader::new(lines).lines().map_while(Result::ok) {
        if let Some((topic, text)) = line.strip_prefix("heard ").and_then(|line| line.split_once(' ')) {
            let mut content: Value = serde_json::from_str(text).unwrap();
            let id = |id: &Value| id.as_str().unwrap().to_owned();
            let sequence = id(&content.as_object_mut().unwrap().remove("sequence").unwrap());
            let (event, offer) = (id(&content["id"]), id(&content["data"]["offer_id"]));
            book.lock().unwrap().heard.push(Heard { topic: topic.to_owned(), event, offer, sequence, content });
        } else if line.contains("received CONNACK (0)") {
            book.lock().unwrap().connects += 1;
        } else if line.contains("received SUBACK") {
            let mut book = book.lock().unwrap();
            book.subscribed = book.connects;
        }
    }
}
