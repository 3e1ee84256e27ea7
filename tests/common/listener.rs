//! A subscriber of its own, and a session under test: what a recipient would see of Emma.

#![allow(dead_code, reason = "each test uses a part of it")]
use std::sync::{Arc, Mutex};
use std::time::Duration;

use emma::clock::Clock;
use emma::config::gateway::{Mqtt, Protocol};
use emma::mqtt::connection::Options;
use emma::mqtt::memory::MemoryOutbox;
use emma::mqtt::session::{Command, Session, Wiring};
use emma::mqtt::state::{ClockTrust, Health, InForce, SourceState, State};
use emma::mqtt::{Outbox, OutboxRow};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(3);

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(PATIENCE, wait).await.is_ok(), "never happened: {what}");
}

/// Subscribes to everything of Emma's, through outages, with a session that the broker keeps.
pub(crate) struct Listener {
    heard: Arc<Mutex<Vec<Publish>>>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Returns once its subscription is in force.
    pub(crate) async fn start(port: u16) -> Self {
        Self::start_as("listener", port).await
    }

    /// Another one, under a client id of its own.
    pub(crate) async fn start_as(client_id: &str, port: u16) -> Self {
        Self::start_at(client_id, port, "emma/v1/#").await
    }

    /// Another one, to other topics.
    pub(crate) async fn start_at(client_id: &str, port: u16, filter: &str) -> Self {
        let filter = filter.to_owned();
        let mut options = MqttOptions::new(client_id, "127.0.0.1", port);
        options.set_clean_start(false).set_session_expiry_interval(Some(3_600));
        options.set_outgoing_inflight_upper_limit(10);
        let (client, mut eventloop) = AsyncClient::new(options, 10);
        let heard: Arc<Mutex<Vec<Publish>>> = Arc::default();
        let (subscribed, mut ready) = watch::channel(false);
        let into = heard.clone();
        let task = tokio::spawn(async move {
            loop {
                match eventloop.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        client.try_subscribe(filter.clone(), QoS::AtLeastOnce).unwrap();
                    }
                    Ok(Event::Incoming(Packet::SubAck(_))) => {
                        subscribed.send_replace(true);
                    }
                    Ok(Event::Incoming(Packet::Publish(publish))) => into.lock().unwrap().push(publish),
                    Ok(_) => {}
                    Err(_) => sleep(Duration::from_millis(50)).await,
                }
            }
        });
        assert!(timeout(PATIENCE, ready.wait_for(|ready| *ready)).await.is_ok(), "never subscribed");
        Self { heard, task }
    }

    /// Everything heard under topics that contain `part`.
    pub(crate) fn heard(&self, part: &str) -> Vec<Publish> {
        let heard = self.heard.lock().unwrap();
        let wanted = |publish: &&Publish| String::from_utf8_lossy(&publish.topic).contains(part);
        heard.iter().filter(wanted).cloned().collect()
    }

    /// What topics that contain `part` last said.
    pub(crate) fn last(&self, part: &str) -> Option<String> {
        self.heard(part).pop().map(|last| String::from_utf8_lossy(&last.payload).into_owned())
    }

    /// What the state topic last said: `online`, `offline`, or nothing yet.
    pub(crate) fn state(&self) -> Option<String> {
        let last = self.heard("/state").pop()?;
        let message: serde_json::Value = serde_json::from_slice(&last.payload).unwrap();
        message["state"].as_str().map(str::to_owned)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// `[mqtt]` for a broker on this machine.
pub(crate) fn mqtt(port: u16) -> Mqtt {
    emma::config::broker::at(&format!("mqtt://127.0.0.1:{port}")).unwrap()
}

/// A session under test, and all that it is wired to.
pub(crate) struct Emma<O = MemoryOutbox> {
    pub(crate) outbox: O,
    pub(crate) session: Session,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) state: watch::Sender<State>,
    pub(crate) clock: Clock,
    _health: watch::Sender<Health>,
}

impl<O: Outbox> Emma<O> {
    /// One that hands over what is committed in `outbox`.
    pub(crate) fn over(outbox: O, mqtt: &Mqtt, clock: Clock) -> Self {
        let (commands, commanded) = mpsc::channel(1);
        let (state, state_watched) = watch::channel(a_state());
        let (health, health_watched) = watch::channel(a_health());
        let session = Session::start(Wiring {
            options: Options::new(mqtt, &"bern".into(), &"gw-till".into()).unwrap(),
            outbox: outbox.clone(),
            clock,
            commands: commanded,
            state: state_watched,
            health: health_watched,
        });
        Self { outbox, session, commands, state, clock, _health: health }
    }

    pub(crate) async fn connected(&self) {
        until("connected", || self.session.status.borrow().is_connected()).await;
    }

    /// Stops it and waits until it has ended.
    pub(crate) async fn stop(self) {
        self.commands.send(Command::Stop).await.unwrap();
        assert!(timeout(PATIENCE, self.session.task).await.is_ok(), "never stopped");
    }
}

impl Emma {
    pub(crate) fn start(port: u16) -> Self {
        Self::with(&mqtt(port))
    }

    pub(crate) fn speaking(protocol: Protocol, port: u16) -> Self {
        Self::with(&Mqtt { protocol, ..mqtt(port) })
    }

    pub(crate) fn with(mqtt: &Mqtt) -> Self {
        let clock = Clock::start();
        Self::over(MemoryOutbox::new(clock), mqtt, clock)
    }

    /// Commits rows with these numbers; each has a topic of its own, and expires after so many seconds.
    pub(crate) fn push(&self, rows: impl IntoIterator<Item = i64>, expires_secs: i64) {
        for row in rows {
            self.outbox.push(OutboxRow {
                row,
                event_id: format!("event-{row}").into(),
                topic: format!("emma/v1/bern/offer/push/inbox-{row}"),
                payload: event(row),
                expires_us: self.clock.wall_us() + expires_secs * 1_000_000,
            });
        }
    }

    /// Waits until so many rows are settled.
    pub(crate) async fn settled(&self, rows: usize) {
        until("settled", || self.outbox.settled().len() >= rows).await;
    }
}

/// The event of that row: an offer as Emma says it, short.
pub(crate) fn event(row: i64) -> String {
    include_str!("offer.json").trim_end().replace("{row}", &row.to_string())
}

fn a_state() -> State {
    State {
        gateway: "gw-till".into(),
        site: "bern".into(),
        incarnation: "7f".into(),
        version: "0.1.0".into(),
        since_us: 1_793_613_600_000_000,
        clock: ClockTrust::Synchronised,
        in_force: InForce { digest: "abc".into(), at_us: 1_793_613_600_000_000 },
        refused: None,
        sources: vec![SourceState::new("none", None, false)],
        paused_until_us: None,
        stopped_campaigns: Vec::new(),
        consent_feed: None,
    }
}

fn a_health() -> Health {
    Health { heard: 9, matched: 4, clock: ClockTrust::Synchronised, ..Health::default() }
}
