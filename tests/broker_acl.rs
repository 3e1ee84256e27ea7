//! The broker that deploy/mosquitto sets up, with exactly its files: what each role may do works, and each thing that it may
//! not do is tried, and denied.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/program.rs"]
mod program;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use broker::{Mosquitto, find, make_certificates};
use daemon::{CONSENT, Shop};
use listener::until;
use program::{Program, python};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use rumqttc::{TlsConfiguration, Transport};
use tokio::time::timeout;

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(1);

const PASSWORD: &str = "s3cret";

/// A role: its user, what it may write, and what it may read; written down once more, by what each role is there for.
type Role = (&'static str, &'static [&'static str], &'static [&'static str]);

const ROLES: [Role; 11] = [
    (
        "gw-entrance",
        &[
            "emma/v1/corner-shop/offer/push/inbox",
            "emma/v1/corner-shop/offer/wallet/inbox",
            "emma/v1/corner-shop/offer-end/push/inbox",
            "emma/v1/corner-shop/offer-end/wallet/inbox",
            "emma/v1/corner-shop/answer/push/1",
            "emma/v1/corner-shop/answer/wallet/1",
            "emma/v1/corner-shop/answer/registrar/1",
            "emma/v1/corner-shop/answer/till/1",
            "emma/v1/corner-shop/answer/privacy/1",
            "emma/v1/corner-shop/report/restraint",
            "emma/v1/corner-shop/gateway/gw-entrance/state",
            "emma/v1/corner-shop/gateway/gw-entrance/health",
            "emma/v1/corner-shop/registry/gw-shoes",
            "emma/v1/corner-shop/registry/gw-till",
            // It is the one that listens there: it could only deceive itself.
            "emma/v1/corner-shop/heard/gw-entrance",
        ],
        &[
            "emma/v1/corner-shop/feedback/inbox",
            "emma/v1/corner-shop/ask/inbox",
            "emma/v1/corner-shop/heard/phone-7",
            "emma/v1/corner-shop/heard/phone-8",
            "emma/v1/corner-shop/heard/gw-entrance",
            "emma/v1/corner-shop/heard/gw-shoes",
            "emma/v1/corner-shop/heard/esp32-till",
            "emma/v1/corner-shop/heard/push",
            "emma/v1/corner-shop/heard/registrar",
            "emma/v1/corner-shop/heard/till",
            "emma/v1/corner-shop/heard/queue-counter",
            "emma/v1/corner-shop/heard/manager",
            "emma/v1/corner-shop/heard/privacy",
            "emma/v1/corner-shop/heard/fleet",
            "emma/v1/corner-shop/consent",
            "emma/v1/corner-shop/consent-feed",
            "emma/v1/corner-shop/purchase",
            "emma/v1/corner-shop/value/till-minutes",
            "emma/v1/corner-shop/value/stock",
            "emma/v1/corner-shop/control/pause",
            "emma/v1/corner-shop/control/campaign/oak",
            "emma/v1/corner-shop/subject",
            "emma/v1/corner-shop/sighting/gw-shoes",
            "emma/v1/corner-shop/sighting/gw-till",
            "home/esp32-till/BTtoMQTT/C0FFEE000001",
            "home/esp32-door/BTtoMQTT/C0FFEE000001",
        ],
    ),
    (
        "gw-shoes",
        &[
            "emma/v1/corner-shop/sighting/gw-shoes",
            "emma/v1/corner-shop/gateway/gw-shoes/state",
            "emma/v1/corner-shop/gateway/gw-shoes/health",
        ],
        &["emma/v1/corner-shop/registry/gw-shoes"],
    ),
    ("esp32-till", &["home/esp32-till/BTtoMQTT/C0FFEE000001"], &[]),
    (
        "push",
        &["emma/v1/corner-shop/feedback/inbox", "emma/v1/corner-shop/ask/inbox"],
        &[
            "emma/v1/corner-shop/offer/push/inbox",
            "emma/v1/corner-shop/offer-end/push/inbox",
            "emma/v1/corner-shop/answer/push/1",
        ],
    ),
    (
        "registrar",
        &["emma/v1/corner-shop/consent", "emma/v1/corner-shop/consent-feed"],
        &[
            "emma/v1/corner-shop/answer/registrar/1",
            "emma/v1/corner-shop/gateway/gw-entrance/state",
            "emma/v1/corner-shop/gateway/gw-shoes/state",
        ],
    ),
    ("till", &["emma/v1/corner-shop/purchase"], &["emma/v1/corner-shop/answer/till/1"]),
    ("queue-counter", &["emma/v1/corner-shop/value/till-minutes"], &[]),
    (
        "manager",
        &["emma/v1/corner-shop/control/pause", "emma/v1/corner-shop/control/campaign/oak"],
        &["emma/v1/corner-shop/gateway/gw-entrance/state", "emma/v1/corner-shop/gateway/gw-shoes/state"],
    ),
    ("privacy", &["emma/v1/corner-shop/subject"], &["emma/v1/corner-shop/answer/privacy/1"]),
    (
        "fleet",
        &[],
        &[
            "emma/v1/corner-shop/gateway/gw-entrance/state",
            "emma/v1/corner-shop/gateway/gw-entrance/health",
            "emma/v1/corner-shop/gateway/gw-shoes/state",
            "emma/v1/corner-shop/gateway/gw-shoes/health",
            "emma/v1/corner-shop/report/restraint",
        ],
    ),
    ("phone-7", &["emma/v1/corner-shop/heard/phone-7"], &[]),
];

/// What nobody may touch.
const NOBODYS: [&str; 7] = [
    "emma/v1/other-shop/offer/push/inbox",
    "emma/v1/other-shop/gateway/gw-entrance/state",
    "emma/v1/other-shop/control/pause",
    "emma/v2/corner-shop/offer/push/inbox",
    "homeassistant/sensor/emma/config",
    "elsewhere",
    "emma",
];

/// All topics of all roles, and those that are nobody's.
fn topics() -> BTreeSet<&'static str> {
    ROLES.iter().flat_map(|(_, writes, reads)| writes.iter().chain(*reads)).chain(&NOBODYS).copied().collect()
}

fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/mosquitto")
}

/// The broker of deploy/mosquitto, its shop and its Pi named so, with these users more; their sections are the test's own.
fn start(skipped: &str, (site, gateway): (&str, &str), more: &str) -> Option<Mosquitto> {
    let (passwd, openssl) = (find("mosquitto_passwd", skipped)?, find("openssl", skipped)?);
    // Debian's own file says where sessions are kept, and includes what lies in conf.d.
    let lines = "persistence true\npersistence_location {dir}/\ninclude_dir {dir}/conf.d";
    let mut broker = Mosquitto::prepared(skipped, lines)?;
    broker.is_never_recorded();
    let dir = broker.dir.path();
    let own = fs::read_to_string(dir.join("mosquitto.conf")).unwrap();
    let debians: String = own
        .lines()
        .filter(|line| line.starts_with("persistence") || line.starts_with("include"))
        .fold("user root\nlog_dest stderr\n".to_owned(), |all, line| all + line + "\n");
    fs::write(dir.join("mosquitto.conf"), debians).unwrap();
    let (etc, conf) = (dir.join("emma"), dir.join("conf.d"));
    fs::create_dir(&etc).unwrap();
    fs::create_dir(&conf).unwrap();
    let ours = fs::read_to_string(files().join("emma.conf")).unwrap();
    assert_eq!(ours.matches("listener 8883\n").count(), 1);
    let here = ours.replace("/etc/mosquitto/emma", etc.to_str().unwrap());
    fs::write(conf.join("emma.conf"), here.replace("listener 8883", &format!("listener {} 127.0.0.1", broker.port)))
        .unwrap();
    let acl =
        fs::read_to_string(files().join("acl")).unwrap().replace("corner-shop", site).replace("gw-entrance", gateway);
    fs::write(etc.join("acl"), acl + more).unwrap();
    make_certificates(&openssl, &etc);
    fs::rename(etc.join("cert.pem"), etc.join("server.pem")).unwrap();
    fs::rename(etc.join("key.pem"), etc.join("server.key")).unwrap();
    let users = ROLES.iter().map(|(user, ..)| user.replace("gw-entrance", gateway)).chain(["everyone".to_owned()]);
    for (nth, user) in users.enumerate() {
        let new: &[&str] = if nth == 0 { &["-c", "-b"] } else { &["-b"] };
        let made = Command::new(&passwd).args(new).arg(etc.join("passwords")).args([&user, PASSWORD]).status().unwrap();
        assert!(made.success(), "{user}");
    }
    broker.restart();
    Some(broker)
}

/// Somebody at the broker.
struct Visitor {
    client: AsyncClient,
    eventloop: EventLoop,
    /// Topics of what arrived.
    heard: BTreeSet<String>,
}

impl Visitor {
    fn new(broker: &Mosquitto, client_id: &str, user: Option<(&str, &str)>) -> Self {
        // There is one already after the first.
        tokio_rustls::rustls::crypto::ring::default_provider().install_default().unwrap_or_default();
        let mut options = MqttOptions::new(client_id, "127.0.0.1", broker.port);
        let ca = fs::read(broker.dir.path().join("emma/ca.pem")).unwrap();
        let tls = TlsConfiguration::Simple { ca, alpn: None, client_auth: None };
        options.set_transport(Transport::tls_with_config(tls)).set_outgoing_inflight_upper_limit(10);
        if let Some((user, password)) = user {
            options.set_credentials(user, password);
        }
        let (client, eventloop) = AsyncClient::new(options, 100);
        Self { client, eventloop, heard: BTreeSet::new() }
    }

    /// The next thing that is no message; what arrives meanwhile is noted.
    async fn next(&mut self) -> Packet {
        let next = async {
            loop {
                match self.eventloop.poll().await.expect("the connection stays") {
                    Event::Incoming(Packet::Publish(publish)) => {
                        self.heard.insert(String::from_utf8(publish.topic.to_vec()).unwrap());
                    }
                    Event::Incoming(packet) => return packet,
                    Event::Outgoing(_) => {}
                }
            }
        };
        timeout(PATIENCE, next).await.expect("an answer")
    }

    async fn subscribe(&mut self, filters: &[&str]) {
        for filter in filters {
            self.client.try_subscribe(*filter, QoS::AtLeastOnce).unwrap();
            let granted = loop {
                if let Packet::SubAck(answer) = self.next().await {
                    break answer.return_codes;
                }
            };
            assert!(matches!(granted[..], [SubscribeReasonCode::Success(_)]), "{filter}: {granted:?}");
        }
    }

    /// Publishes, and says whether the broker took it.
    async fn may_publish(&mut self, topic: &str, retain: bool) -> bool {
        self.client.try_publish(topic, QoS::AtLeastOnce, retain, "{}").unwrap();
        loop {
            if let Packet::PubAck(answer) = self.next().await {
                match answer.reason {
                    PubAckReason::Success | PubAckReason::NoMatchingSubscribers => return true,
                    PubAckReason::NotAuthorized => return false,
                    other => panic!("{topic}: {other:?}"),
                }
            }
        }
    }
}

/// A user of the test, who may do everything, so that there is something to be denied.
const EVERYONE: &str = "\nuser everyone\ntopic readwrite #\n";

#[tokio::test(flavor = "multi_thread")]
async fn each_role_does_its_own_and_nothing_else() {
    let Some(broker) = start("the broker's ACL", ("corner-shop", "gw-entrance"), EVERYONE) else { return };
    let mut everyone = Visitor::new(&broker, "everyone", Some(("everyone", PASSWORD)));
    let topics = topics();
    // What is kept is there before anybody comes.
    for topic in &topics {
        assert!(everyone.may_publish(topic, true).await, "{topic}");
    }
    let mut clients = Vec::new();
    for (user, writes, reads) in ROLES {
        let mut client = Visitor::new(&broker, user, Some((user, PASSWORD)));
        client.subscribe(&["#", "emma/#", "+/+/+/+/+/+", "$SYS/#"]).await;
        clients.push((user, writes, reads, client));
    }
    for (user, writes, _, client) in &mut clients {
        for topic in &topics {
            let may = client.may_publish(topic, false).await;
            assert_eq!(may, writes.contains(topic), "{user} writes {topic}");
        }
    }
    for topic in &topics {
        assert!(everyone.may_publish(topic, false).await, "{topic}");
    }
    for (user, _, reads, client) in &mut clients {
        // The broker answers in order: what was to arrive has arrived before this answer.
        assert!(!client.may_publish("elsewhere", false).await);
        let reads: BTreeSet<String> = reads.iter().map(|&topic| topic.to_owned()).collect();
        assert_eq!(client.heard, reads, "{user} reads");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_in_without_a_password_or_without_tls() {
    let Some(broker) = start("who comes in", ("corner-shop", "gw-entrance"), "") else { return };
    for user in [None, Some(("push", "guessed")), Some(("push", "")), Some(("nobody", PASSWORD)), Some(("", PASSWORD))]
    {
        let mut client = Visitor::new(&broker, "stranger", user);
        let refused = timeout(PATIENCE, client.eventloop.poll()).await.unwrap();
        assert!(refused.is_err(), "{user:?}: {refused:?}");
    }
    let mut options = MqttOptions::new("plain", "127.0.0.1", broker.port);
    options.set_credentials("push", PASSWORD);
    let (_client, mut eventloop) = AsyncClient::new(options, 10);
    assert!(timeout(PATIENCE, eventloop.poll()).await.unwrap().is_err(), "not in the clear");
    assert!(matches!(Visitor::new(&broker, "push", Some(("push", PASSWORD))).next().await, Packet::ConnAck(_)));
}

#[test]
fn no_topic_is_deeper_or_longer_than_every_broker_takes() {
    // AWS IoT Core takes seven slashes and 256 bytes. The longest inbox has 128.
    for topic in topics() {
        assert!(topic.matches('/').count() <= 7, "{topic}");
        assert!(topic.len() + 128 <= 256, "{topic}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_emma_and_a_real_recipient_find_all_that_they_need() {
    let skipped = "emma run at the broker of deploy/mosquitto";
    let Some(command) = python("subscriber.py") else { return };
    let Some(broker) = start(skipped, ("hall", "sensor10"), "") else { return };
    let ca = broker.dir.path().join("emma/ca.pem");
    let settings = [("EMMA_USER", "push"), ("EMMA_PASSWORD", PASSWORD), ("EMMA_CA", ca.to_str().unwrap())];
    let subscriber = Program::start(command, broker.port, &settings);
    until("it has connected", || broker.log().contains(&format!("as {} ", subscriber.name))).await;
    let shop = Shop::with_capture(broker.port);
    shop.write("password", PASSWORD);
    let gateway = fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
    let plain = format!("url = \"mqtt://127.0.0.1:{}\"\n", broker.port);
    assert!(gateway.contains(&plain));
    let ours = format!("ca-file = {ca:?}\nusername = \"sensor10\"\npassword-file = \"password\"\n");
    shop.write("gateway.toml", &gateway.replace(&plain, &(plain.replace("mqtt:", "mqtts:") + &ours)));
    shop.import(CONSENT);
    let emma = shop.run("unix:path=/nowhere");
    until("the offer is shown", || subscriber.said("show ") == 1).await;
    let status = || {
        let mut status = Command::new(env!("CARGO_BIN_EXE_emma"));
        let output = status.args(["status", "--json", "--config"]).arg(shop.config()).output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap_or_default()
    };
    until("the feedback is taken", || status()["health"]["incoming"]["taken"] == 1).await;
    assert_eq!(status()["health"]["incoming"]["listening"], true);
    assert_eq!(emma.terminate(), Some(0));
    assert!(!broker.log().contains("q7JrInbox"), "no inbox in the broker's log");
}
