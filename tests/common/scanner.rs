//! A scanner or a phone that publishes, and an outlet that remembers what comes out of it.

#![allow(dead_code, reason = "each test uses a part of it")]
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use emma::clock::Clock;
use emma::config::{Config, Name, Sources, check};
use emma::gateway::consent::{Needs, PhoneId};
use emma::mqtt::listener::Listener;
use emma::radio::over_mqtt;
use emma::radio::source::{self, Heard, SourceStatus, Switchboard};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use tokio::sync::{mpsc, watch};
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
#[derive(Clone, Default)]
pub(crate) struct Taken {
    /// By gateway, strengths in the order in which they came.
    pub(crate) gateways: BTreeMap<Name, Vec<i8>>,
    /// By phone.
    pub(crate) phones: BTreeMap<String, Vec<i8>>,
    /// How the sources fare.
    status: Vec<SourceStatus>,
}

impl Taken {
    pub(crate) fn of(&self, gateway: &str) -> &[i8] {
        self.gateways.get(gateway).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn rejected(&self, why: &str) -> u64 {
        self.status.iter().filter_map(|source| source.rejected.get(why)).sum()
    }

    /// How many sources listen.
    pub(crate) fn listening(&self) -> usize {
        self.status.iter().filter(|source| source.listening).count()
    }

    /// How often they listened again.
    pub(crate) fn restarts(&self) -> u64 {
        self.status.iter().map(|source| source.restarts).sum()
    }

    /// Why one does not listen, or did not.
    pub(crate) fn outages(&self) -> Vec<String> {
        self.status.iter().filter_map(|source| source.last_error.clone()).collect()
    }
}

/// Takes what comes out of the sources.
pub(crate) struct Memory {
    board: Switchboard,
    heard: Mutex<(mpsc::Receiver<Heard>, Taken)>,
}

impl Memory {
    fn new(orders: source::Orders) -> Self {
        let (board, heard) = Switchboard::new(orders);
        Self { board, heard: Mutex::new((heard, Taken::default())) }
    }

    pub(crate) fn heard(&self) -> Taken {
        let (channel, taken) = &mut *self.heard.lock().unwrap();
        while let Ok(heard) = channel.try_recv() {
            match heard {
                Heard::Advertisement { gateway, rssi_dbm, .. } => {
                    taken.gateways.entry(gateway.unwrap()).or_default().push(rssi_dbm);
                }
                Heard::Report { phone, rssi_dbm, .. } => {
                    taken.phones.entry(phone.to_string()).or_default().push(rssi_dbm);
                }
                Heard::Sighting { .. } => panic!("no other Pi is in these shops"),
            }
        }
        taken.status.clone_from(&self.board.status().borrow());
        taken.clone()
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
    pub(crate) phones: watch::Sender<Arc<BTreeSet<PhoneId>>>,
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

    fn told(&self) -> source::Orders {
        source::Orders {
            needs: watch::Sender::new(Needs::default()).subscribe(),
            config: self.config.subscribe(),
            phones: self.phones.subscribe(),
            shared: watch::channel(None).1,
            synchronised: self.synchronised.subscribe(),
            clock: self.clock,
        }
    }

    /// Listens to the scanners.
    pub(crate) fn scanners(&self) -> (Listener, Memory) {
        let memory = Memory::new(self.told());
        (over_mqtt::scanners(&memory.board).unwrap().unwrap(), memory)
    }

    pub(crate) fn listen_to_phones(&self) -> (Listener, Memory) {
        let memory = Memory::new(self.told());
        (over_mqtt::phones(&memory.board).unwrap().unwrap(), memory)
    }
}
