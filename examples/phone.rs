//! A stand-in for a customer's phone with the shop's app, to read before writing the real one (docs/joining.md):
//!
//!     EMMA_SITE=hall cargo run --example phone
//!
//! It does what lines on its input say:
//!
//!     join 1a2b3c4d    the customer read that notice, of the QR code at the door, and agrees
//!     arrive           they are in the shop, and ask for a lease
//!     at omg           the phone transmits, and stands beside the gateway `omg`; `at` alone: out of reach
//!     ask              who sees me, and what is there for me here?
//!     dismiss          no, thank you, to the last offer
//!     pause 60         nothing is said for so many minutes; `pause` alone: go on
//!     withdraw         forget me
//!
//! The real one transmits by Bluetooth, and learns of offers by the app's backend (docs/subscribers/relay.py). This one has
//! no radio: it publishes what an ESP32 with `OpenMQTTGateway` would say of it, and reads its inbox at the broker itself.

#![expect(clippy::print_stdout, reason = "it shows what it does")]

mod joining;

use std::collections::HashMap;
use std::time::Duration;

use emma::gateway::consent::rotating::{MAJOR_AND_MINOR, Rolling};
use jiff::{SignedDuration, Timestamp};
use joining::{Failed, connect, day_key, day_of, now, random, registrar_address, setting};
use rumqttc::v5::AsyncClient;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Publish, PublishProperties};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::interval;

/// How often it transmits: docs/rolling-id.md says 200 to 300 ms.
const ADVERTISING_INTERVAL: Duration = Duration::from_millis(300);

/// The measured power that everybody says, in dBm at 1 m, so that it tells no model.
const MEASURED_POWER_DBM: i8 = -59;

/// What the app got when its user joined.
struct Joined {
    /// Made here, known to the registrar, and to no shop.
    long_key: [u8; 32],
    /// Tells the registrar that it is this app that asks.
    token: String,
    /// Where offers arrive.
    inbox: String,
    /// The client that reads the inbox.
    client: AsyncClient,
    messages: mpsc::UnboundedReceiver<Publish>,
}

struct Phone {
    /// In the place of a radio: the ESP32 that hears this phone.
    scanner: AsyncClient,
    root: String,
    joined: Option<Joined>,
    /// Whether ids are transmitted: from joining to the withdrawal.
    transmits: bool,
    /// The gateway that it stands beside.
    beside: Option<String>,
    /// What it transmits, and from which address: both change together.
    id: [u8; 16],
    address: [u8; 6],
    /// The ids of events, each until it expires.
    seen: HashMap<String, Timestamp>,
    last_offer: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let (scanner, _nothing_comes) = connect(&setting("SCANNER", "esp32-of-the-phone"), Vec::new())?;
    let mut phone = Phone {
        scanner,
        root: format!("emma/v1/{}", setting("EMMA_SITE", "hall")),
        joined: None,
        transmits: false,
        beside: None,
        id: [0; 16],
        address: [0; 6],
        seen: HashMap::new(),
        last_offer: None,
    };
    let mut commands = commands();
    let mut radio = interval(ADVERTISING_INTERVAL);
    loop {
        tokio::select! {
            command = commands.recv() => {
                let Some(command) = command else { return Ok(()) };
                if let Err(error) = phone.does(&command).await {
                    println!("failed {command}: {error}");
                }
            }
            Some(message) = next(&mut phone.joined) => drop(phone.take(&message)),
            _ = radio.tick() => phone.transmit()?,
        }
    }
}

/// The lines of the input.
fn commands() -> mpsc::Receiver<String> {
    let (sender, commands) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    commands
}

async fn next(joined: &mut Option<Joined>) -> Option<Publish> {
    joined.as_mut()?.messages.recv().await
}

/// Asks the registrar: a line there, and a line back.
async fn ask_registrar(request: &Value) -> Result<Value, Failed> {
    let mut stream = TcpStream::connect(registrar_address()).await?;
    stream.write_all(format!("{request}\n").as_bytes()).await?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).await?;
    Ok(serde_json::from_str(&answer)?)
}

impl Phone {
    async fn does(&mut self, command: &str) -> Result<(), Failed> {
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        match verb {
            "join" => self.join(rest).await,
            "at" => {
                self.beside = (!rest.is_empty()).then(|| rest.to_owned());
                Ok(())
            }
            "ask" => self.say("ask", &json!({})),
            "dismiss" => {
                let offer = self.last_offer.clone().ok_or("there is no offer")?;
                self.say("feedback", &json!({ "offer_id": offer, "kind": "dismissed" }))
            }
            "arrive" => self.request(json!({ "do": "arrive" })).await,
            "pause" if rest.is_empty() => self.request(json!({ "do": "pause" })).await,
            "pause" => {
                let until = now() + SignedDuration::from_mins(rest.parse()?);
                self.request(json!({ "do": "pause", "until": until })).await
            }
            "withdraw" => {
                // The phone is silent at once, whatever becomes of the rest.
                self.transmits = false;
                self.request(json!({ "do": "withdraw" })).await
            }
            _ => Err("nobody knows that".into()),
        }
    }

    /// Makes a key, and joins with it; nothing is sent before the customer read the notice.
    async fn join(&mut self, notice: &str) -> Result<(), Failed> {
        let long_key = random::<32>()?;
        let request = json!({ "do": "join", "notice": notice, "key": hex::encode(long_key) });
        let answer = ask_registrar(&request).await?;
        println!("join {}", outcome(&answer));
        let text = |member: &str| answer[member].as_str().map(str::to_owned);
        let (Some(token), Some(inbox)) = (text("token"), text("inbox")) else { return Ok(()) };
        let filters = ["offer/push", "offer-end/push", "answer"].map(|what| format!("emma/v1/+/{what}/{inbox}"));
        let (client, messages) = connect(&format!("app-{inbox}"), filters.to_vec())?;
        self.joined = Some(Joined { long_key, token, inbox, client, messages });
        self.transmits = true;
        Ok(())
    }

    /// Asks the registrar as the one who joined.
    async fn request(&self, mut request: Value) -> Result<(), Failed> {
        let joined = self.joined.as_ref().ok_or("join first")?;
        request["token"] = json!(joined.token);
        let answer = ask_registrar(&request).await?;
        println!("{} {}", request["do"].as_str().unwrap_or_default(), outcome(&answer));
        Ok(())
    }

    /// Speaks for the inbox: an answer, where there is one, comes below `answer/`.
    fn say(&self, what: &str, message: &Value) -> Result<(), Failed> {
        let joined = self.joined.as_ref().ok_or("join first")?;
        let properties = PublishProperties {
            response_topic: Some(format!("{}/answer/{}", self.root, joined.inbox)),
            correlation_data: Some(what.to_owned().into()),
            ..PublishProperties::default()
        };
        let (topic, payload) = (format!("{}/{what}/{}", self.root, joined.inbox), message.to_string());
        joined.client.try_publish_with_properties(topic, QoS::AtLeastOnce, false, payload, properties)?;
        Ok(())
    }

    /// One advertisement, as the ESP32 tells of it; the id is of this interval of this day.
    fn transmit(&mut self) -> Result<(), Failed> {
        let (Some(joined), Some(gateway)) = (self.joined.as_ref().filter(|_| self.transmits), &self.beside) else {
            return Ok(());
        };
        let (at, day) = (now(), day_of(now()));
        let Some(id) = Rolling::new(&day_key(&joined.long_key, day), day).at(at.as_microsecond()) else {
            return Ok(()); // midnight fell between the two: the next one is right
        };
        if id != self.id {
            (self.id, self.address) = (id, random()?);
        }
        let (major, minor) = MAJOR_AND_MINOR;
        let address = hex::encode_upper(self.address);
        let parts: Vec<String> = self.address.iter().map(|byte| format!("{byte:02X}")).collect();
        let heard = json!({
            "id": parts.join(":"), "mac_type": 1, "rssi": -60, "mfid": "4c00",
            "uuid": hex::encode(id), "major": major, "minor": minor, "txpower": MEASURED_POWER_DBM,
        });
        let topic = format!("home/{gateway}/BTtoMQTT/{address}");
        // A transmission that is not heard is not said again.
        drop(self.scanner.try_publish(topic, QoS::AtMostOnce, false, heard.to_string()));
        Ok(())
    }

    /// Shows an offer once and in its time, and drops it when it ends. What is no event is passed over.
    fn take(&mut self, message: &Publish) -> Option<()> {
        let event: Value = serde_json::from_slice(&message.payload).ok()?;
        if String::from_utf8_lossy(&message.topic).contains("/answer/") {
            Self::is_answered(&event);
            return Some(());
        }
        let (id, offer) = (event["id"].as_str()?, event["data"]["offer_id"].as_str()?);
        let until: Timestamp = event["expirytime"].as_str()?.parse().ok()?;
        self.seen.retain(|_, until| *until > now());
        if until <= now() || self.seen.insert(id.to_owned(), until).is_some() {
            return None; // over, or said before
        }
        match event["type"].as_str()? {
            "emma.offer.issued.v1" => {
                println!("show {offer} {}", event["data"]["text"]);
                self.last_offer = Some(offer.to_owned());
                self.say("feedback", &json!({ "offer_id": offer, "kind": "displayed" })).ok()?;
            }
            "emma.offer.ended.v1" => println!("drop {offer} {}", event["data"]["reason"].as_str()?),
            _ => {} // a type from the future
        }
        Some(())
    }

    /// Two empty lists are the answer to everybody whom nobody sees.
    fn is_answered(answer: &Value) {
        let Some(offers) = answer["offers"].as_array() else {
            println!("answer {}", outcome(answer));
            return;
        };
        let is_seen = !offers.is_empty() || answer["withheld"].as_array().is_some_and(|withheld| !withheld.is_empty());
        println!("{}, {} offers", if is_seen { "hello, I see you" } else { "nobody sees you" }, offers.len());
    }
}

/// The result, and why not.
fn outcome(answer: &Value) -> String {
    let text = |member: &str| answer[member].as_str().unwrap_or_default();
    format!("{} {}", text("result"), text("reason")).trim().to_owned()
}
