//! A stand-in for the system in which customers register, to read before writing the real one (docs/joining.md):
//!
//!     EMMA_SITE=hall NOTICE=1a2b3c4d cargo run --example registrar
//!
//! Apps come with a line of JSON over TCP and get one back; shops are told over MQTT (docs/registrar.md). What the real one
//! has besides: TLS, a database in the place of memory, accounts, more than one shop.

#![expect(clippy::print_stdout, reason = "it shows what it does")]

mod joining;

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use joining::{Failed, connect, day_key, day_of, now, random, registrar_address, setting};
use rumqttc::v5::AsyncClient;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Publish, PublishProperties};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{interval, timeout};

/// How long a shop knows somebody who arrived: a few hours, whatever happens to the network.
const LEASE: SignedDuration = SignedDuration::from_hours(4);

/// A shop that does not answer has the message with its broker, and is told again when it asks for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything is told again once an hour at the most, as docs/registrar.md asks.
const BETWEEN_SNAPSHOTS: SignedDuration = SignedDuration::from_hours(1);

/// What an app may say in one line, in bytes.
const LONGEST_REQUEST: u64 = 4_096;

/// Somebody who joined. Who they are by name, if that is known at all, is in this system and nowhere else.
struct Customer {
    /// What shops know them by: it says nothing, and a new consent has a new one.
    pseudonym: String,
    inbox: String,
    /// Shared with the app alone; shops get keys of a day. Nothing once they have withdrawn.
    long_key: Option<[u8; 32]>,
    /// The proof, which stays here: which notice they accepted, and when. Shops are told the reference.
    proof: String,
    notice: String,
    accepted_at: Timestamp,
    /// Rises with everything that is told of them.
    epoch: u64,
    paused_until: Option<Timestamp>,
    /// Until when the shop was told that it may know them.
    lease_until: Option<Timestamp>,
    /// The shop said that nothing of them is left.
    forgotten: bool,
}

/// A request of an app, and where the answer goes.
type Request = (Value, oneshot::Sender<Value>);

struct Registrar {
    client: AsyncClient,
    heard: mpsc::UnboundedReceiver<Publish>,
    root: String,
    notice: String,
    /// By the token that each app got when it joined.
    customers: HashMap<String, Customer>,
    asked: u64,
    wants_snapshot: bool,
    told_all_at: Option<Timestamp>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let root = format!("emma/v1/{}", setting("EMMA_SITE", "hall"));
    let filters = vec![format!("{root}/answer/registrar"), format!("{root}/gateway/+/state")];
    let (client, heard) = connect("registrar", filters)?;
    let (notice, customers) = (setting("NOTICE", "1"), HashMap::new());
    let mut registrar =
        Registrar { client, heard, root, notice, customers, asked: 0, wants_snapshot: false, told_all_at: None };
    let mut requests = serve().await?;
    let mut beat = interval(Duration::from_secs(setting("BEAT_SECS", "300").parse()?));
    loop {
        tokio::select! {
            Some((request, answer)) = requests.recv() => {
                let said = registrar.take(&request).await.unwrap_or_else(|error| json!({ "error": error.to_string() }));
                drop(answer.send(said)); // whoever asked may have gone
                registrar.beat()?;
            }
            Some(message) = registrar.heard.recv() => registrar.note(&message),
            _ = beat.tick() => registrar.beat()?,
        }
        if registrar.wants_snapshot {
            registrar.tell_all().await?;
        }
    }
}

/// Takes requests of apps, one after the other.
async fn serve() -> Result<mpsc::Receiver<Request>, Failed> {
    let listener = TcpListener::bind(registrar_address()).await?;
    println!("listening on {}", listener.local_addr()?);
    let (sender, requests) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, sender.clone()));
        }
    });
    Ok(requests)
}

async fn converse(mut stream: TcpStream, requests: mpsc::Sender<Request>) -> Option<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    BufReader::new(reader.take(LONGEST_REQUEST)).read_line(&mut line).await.ok()?;
    let (sender, answer) = oneshot::channel();
    requests.send((serde_json::from_str(&line).ok()?, sender)).await.ok()?;
    writer.write_all(format!("{}\n", answer.await.ok()?).as_bytes()).await.ok()
}

impl Registrar {
    async fn take(&mut self, request: &Value) -> Result<Value, Failed> {
        let what = request["do"].as_str().unwrap_or_default();
        if what == "join" {
            return self.join(request);
        }
        let token = request["token"].as_str().unwrap_or_default().to_owned();
        let Some(customer) = self.customers.get_mut(&token) else { return Ok(refused("unknown")) };
        match what {
            "withdraw" => {
                // From here on no lease is given, whether or not the shop can be reached now.
                customer.long_key = None;
                customer.epoch += 1;
                return self.tell(&token).await;
            }
            // The app says where it is, on arrival: nobody else does, and no shop hears of anybody before.
            "arrive" => customer.lease_until = Some(now() + LEASE),
            "pause" => customer.paused_until = request["until"].as_str().map(str::parse).transpose()?,
            _ => return Ok(refused("do")),
        }
        customer.epoch += 1;
        self.tell(&token).await
    }

    /// Keeps the proof, and gives a pseudonym, an inbox and a token. No shop is told yet.
    fn join(&mut self, request: &Value) -> Result<Value, Failed> {
        // Whoever scanned an old code reads today's notice first.
        if request["notice"] != self.notice.as_str() {
            return Ok(refused("another-notice"));
        }
        let mut long_key = [0; 32];
        hex::decode_to_slice(request["key"].as_str().unwrap_or_default(), &mut long_key)?;
        if self.customers.values().any(|known| known.long_key == Some(long_key)) {
            return Ok(refused("identifier-taken"));
        }
        let customer = Customer {
            pseudonym: format!("c-{}", hex::encode(random::<8>()?)),
            inbox: hex::encode(random::<12>()?),
            long_key: Some(long_key),
            proof: hex::encode(random::<8>()?),
            notice: self.notice.clone(),
            accepted_at: now(),
            epoch: 0,
            paused_until: None,
            lease_until: None,
            forgotten: false,
        };
        let Customer { proof, pseudonym, notice, accepted_at, .. } = &customer;
        println!("proof {proof}: {pseudonym} accepted notice {notice} at {accepted_at}");
        let token = hex::encode(random::<16>()?);
        let answer = json!({ "result": "joined", "token": token, "inbox": customer.inbox });
        self.customers.insert(token, customer);
        Ok(answer)
    }

    /// Tells the shop what is true of a customer now, and returns its answer.
    async fn tell(&mut self, token: &str) -> Result<Value, Failed> {
        let site = self.root.rsplit('/').next().unwrap_or_default();
        let Some(record) = self.customers.get(token).and_then(|customer| customer.record(site)) else {
            return Ok(json!({ "result": "nothing-to-tell" }));
        };
        let answer = self.ask(&record).await?;
        println!("told {} {}", record["customer"], answer["result"]);
        let Some(customer) = self.customers.get_mut(token) else { return Ok(answer) };
        match (answer["result"].as_str(), answer["reason"].as_str()) {
            // They withdrew in the shop, at the till: that holds, and no lease is given any more.
            (_, Some("forgotten" | "stale-epoch")) => (customer.long_key, customer.forgotten) = (None, true),
            (Some("forgotten"), _) => customer.forgotten = true,
            (Some("rejected"), _) => customer.lease_until = None,
            _ => {}
        }
        Ok(answer)
    }

    /// Publishes on `consent`, and waits for the answer; what else comes meanwhile is noted.
    async fn ask(&mut self, record: &Value) -> Result<Value, Failed> {
        self.asked += 1;
        let correlation = self.asked.to_string();
        let properties = PublishProperties {
            response_topic: Some(format!("{}/answer/registrar", self.root)),
            correlation_data: Some(correlation.clone().into()),
            ..PublishProperties::default()
        };
        let (topic, payload) = (format!("{}/consent", self.root), record.to_string());
        self.client.try_publish_with_properties(topic, QoS::AtLeastOnce, false, payload, properties)?;
        let answered = async {
            while let Some(message) = self.heard.recv().await {
                let known = message.properties.as_ref().and_then(|properties| properties.correlation_data.as_ref());
                if known.is_some_and(|known| *known == correlation) {
                    return serde_json::from_slice(&message.payload).ok();
                }
                self.wants_snapshot |= wants_snapshot(&message);
            }
            None
        };
        let answer = timeout(PATIENCE, answered).await.ok().flatten();
        Ok(answer.unwrap_or_else(|| json!({ "result": "unanswered" })))
    }

    fn note(&mut self, message: &Publish) {
        self.wants_snapshot |= wants_snapshot(message);
    }

    /// Sums up whom the shop may know now: leases hold while both agree.
    fn beat(&self) -> Result<(), Failed> {
        let at = now();
        let holds = |customer: &&Customer| customer.long_key.is_some() && customer.lease_until > Some(at);
        let told = self.customers.values().filter(holds);
        let mut lines: Vec<_> = told.map(|customer| format!("{} {}\n", customer.pseudonym, customer.epoch)).collect();
        lines.sort();
        let digest = hex::encode(Sha256::digest(lines.concat()));
        let beat = json!({ "registrar": "hq", "at": at, "count": lines.len(), "digest": digest });
        self.client.try_publish(format!("{}/consent-feed", self.root), QoS::AtLeastOnce, true, beat.to_string())?;
        Ok(())
    }

    /// The shop holds something else than it was told: everything again, withdrawals first.
    async fn tell_all(&mut self) -> Result<(), Failed> {
        self.wants_snapshot = false;
        if self.told_all_at.is_some_and(|told_at| now() < told_at + BETWEEN_SNAPSHOTS) {
            return Ok(());
        }
        self.told_all_at = Some(now());
        let mut tokens: Vec<String> = self.customers.keys().cloned().collect();
        tokens.sort_by_key(|token| self.customers[token].long_key.is_some());
        println!("snapshot of {}", tokens.len());
        for token in tokens {
            self.tell(&token).await?;
        }
        self.beat()
    }
}

impl Customer {
    /// What there is to tell a shop: the withdrawal until it is answered, or the consent while they are there.
    fn record(&self, site: &str) -> Option<Value> {
        let Some(long_key) = self.long_key else {
            let withdrawal = json!({ "customer": self.pseudonym, "epoch": self.epoch, "withdrawn": true });
            return (!self.forgotten).then_some(withdrawal);
        };
        let until = self.lease_until.filter(|until| *until > now())?;
        // Over midnight the shop needs the next day's key as well.
        let day = |day: i32| {
            let date = Timestamp::from_second(i64::from(day) * 86_400).ok()?.to_string();
            Some(json!({ "rolling": { "day_key": hex::encode(day_key(&long_key, day)), "day": date.get(..10)? } }))
        };
        let days: Vec<Value> = (day_of(now())..=day_of(until)).filter_map(day).collect();
        let mut record = json!({
            "customer": self.pseudonym, "epoch": self.epoch, "tier": "contextual", "purposes": ["offers"],
            "state": "given", "given_at": self.accepted_at, "proof": self.proof, "sites": [site], "identifiers": days, "valid_from": self.accepted_at, "valid_until": until,
            "inbox": { "push": self.inbox }, "language": "en", "notice": { "version": self.notice, "language": "en" },
        });
        if let Some(until) = self.paused_until {
            record["paused_until"] = json!(until);
        }
        Some(record)
    }
}

fn wants_snapshot(message: &Publish) -> bool {
    let state: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
    state["consent_feed"]["wants_snapshot"] == true
}

fn refused(reason: &str) -> Value {
    json!({ "result": "rejected", "reason": reason })
}
