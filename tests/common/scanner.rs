//! A scanner or a phone that publishes, and an outlet that remembers what comes out of it.

#![allow(dead_code, reason = "each test uses a part of it")]
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use emma::clock::Clock;
use emma::config::remote::Remote;
use emma::config::{Config, Name, Sources, check};
use emma::mqtt::listener::Listener;
use emma::radio::over_mqtt::{self, Outlet, Wiring};
use emma::radio::phone::PhoneHeard;
use emma::radio::remote::Parsed;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(1);

/// A client that publishes and waits until the broker has what it published.
pub(crate) struct Scanner {
    client: AsyncClient,
    eventloop: EventLoop,
}

impl Scanner {
    pub(crate) fn new(name: &str, port: u16) -> Self {
        let mut options = MqttOptions::new(name, "127.0.0.1", port);
        options.set_max_packet_size(Some(2 << 20)).set_outgoing_inflight_upper_limit(100);
        let (client, eventloop) = AsyncClient::new(options, 100);
        Self { client, eventloop }
    }

    /// Publishes these messages, and returns when the broker has taken the last; again from the start if it goes away.
    pub(crate) async fn publish(&mut self, topic: &str, retain: bool, messages: impl IntoIterator<Item = Vec<u8>>) {
        for message in messages {
            self.client.try_publish(topic, QoS::AtLeastOnce, retain, message).unwrap();
            let acknowledged = async {
                loop {
                    match self.eventloop.poll().await {
                        Ok(Event::Incoming(Packet::PubAck(_))) => return,
                        Ok(_) => {}
                        Err(_) => sleep(Duration::from_millis(50)).await,
                    }
                }
            };
            assert!(timeout(PATIENCE, acknowledged).await.is_ok(), "never acknowledged");
        }
    }

    pub(crate) async fn say(&mut self, topic: &str, message: &str) {
        self.publish(topic, false, [message.as_bytes().to_vec()]).await;
    }
}

/// What came out.
#[derive(Default)]
pub(crate) struct Heard {
    /// By gateway, strengths in the order in which they came.
    pub(crate) gateways: BTreeMap<Name, Vec<i8>>,
    /// By phone.
    pub(crate) phones: BTreeMap<String, Vec<i8>>,
    /// By word.
    pub(crate) rejected: BTreeMap<&'static str, u64>,
    /// How many sources listen.
    pub(crate) listening: u64,
    /// Why one does not, or did not.
    pub(crate) outages: Vec<String>,
}

impl Heard {
    pub(crate) fn of(&self, gateway: &str) -> &[i8] {
        self.gateways.get(gateway).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn rejected(&self, why: &str) -> u64 {
        self.rejected.get(why).copied().unwrap_or(0)
    }
}

/// An outlet that remembers.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Heard>>);

impl Memory {
    pub(crate) fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap()
    }
}

impl Outlet for Memory {
    fn advertisement(&mut self, gateway: Name, parsed: Parsed) {
        self.heard().gateways.entry(gateway).or_default().push(parsed.rssi_dbm);
    }

    fn report(&mut self, phone: &str, heard: PhoneHeard) {
        self.heard().phones.entry(phone.to_owned()).or_default().push(heard.rssi_dbm);
    }

    fn reject(&mut self, why: &'static str) {
        *self.heard().rejected.entry(why).or_default() += 1;
    }

    fn listening(&mut self) {
        self.heard().listening += 1;
    }

    fn outage(&mut self, reason: &str) {
        self.heard().outages.push(reason.to_owned());
    }
}

/// A shop with these scanners and gateways on a broker of this machine.
pub(crate) fn shop(port: u16, remotes: &[(&str, &str)], gateways: &[&str]) -> Config {
    let remotes = remotes.iter().map(|(format, topic)| format!("[[remote]]\nformat = '{format}'\ntopic = '{topic}'\n"));
    let gateways = gateways.iter().map(|id| format!("[[gateway]]\nid = '{id}'\n"));
    let head = format!("site = 'bern'\ngateway = 'gw-own'\n[mqtt]\nurl = 'mqtt://127.0.0.1:{port}'\n");
    let gateway = std::iter::once(head).chain(remotes).collect();
    let head = "name = 'Bern'\ntime-zone = 'Europe/Zurich'\n[[gateway]]\nid = 'gw-own'\n".to_owned();
    let site = std::iter::once(head).chain(gateways).collect();
    let promise = "[caps]\ncustomer = [{ at-most = 1, per = '1d' }]\n".to_owned();
    check(&Sources { gateway, site, promise, ..Sources::default() }).config.unwrap()
}

/// The far ends of what the sources go by.
pub(crate) struct Orders {
    pub(crate) config: watch::Sender<Arc<Config>>,
    pub(crate) phones: watch::Sender<Arc<BTreeSet<Name>>>,
    pub(crate) synchronised: watch::Sender<bool>,
    pub(crate) clock: Clock,
}

impl Orders {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config: watch::Sender::new(Arc::new(config)),
            phones: watch::Sender::default(),
            synchronised: watch::Sender::new(true),
            clock: Clock::start(),
        }
    }

    fn wiring(&self) -> Wiring {
        Wiring {
            config: self.config.subscribe(),
            phones: self.phones.subscribe(),
            synchronised: self.synchronised.subscribe(),
            clock: self.clock,
        }
    }

    /// Listens to the scanners; all sources share one memory.
    pub(crate) fn scanners(&self) -> (Listener, Memory) {
        let memory = Memory::default();
        let listener = over_mqtt::scanners(self.wiring(), |_: &Remote| memory.clone()).unwrap().unwrap();
        (listener, memory)
    }

    pub(crate) fn listen_to_phones(&self) -> (Listener, Memory) {
        let memory = Memory::default();
        let listener = over_mqtt::phones(self.wiring(), memory.clone()).unwrap().unwrap();
        (listener, memory)
    }
}
