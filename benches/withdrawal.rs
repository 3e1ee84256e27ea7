//! How fast a withdrawal holds: the real `emma run` with a real mosquitto, a ledger of a month, customers who are offered
//! something four times a second among a thousand advertisements of strangers a second, one of them withdrawing all the time.
//!
//! From the moment at which it is said, over MQTT or at the command line: when the last offer of theirs arrived, when it was
//! answered, and when a byte scan of every file of the state folder finds them no more. At the command line the broker is
//! away, so that every offer since waits in the outbox; nothing of theirs may be said when it is back.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops at what it did not expect, and tells")]
#![allow(unreachable_pub, reason = "the helpers' modules are shared with tests")]

#[path = "../tests/common/broker.rs"]
mod broker;
#[path = "../tests/common/crowd.rs"]
mod crowd;
#[path = "../tests/common/daemon.rs"]
mod daemon;
#[allow(dead_code, reason = "a part of it is used")]
#[path = "../tests/common/deliveries.rs"]
mod deliveries;
#[path = "../tests/common/registrar.rs"]
mod registrar;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::Mosquitto;
use daemon::Shop;
use emma::clock::Clock;
use emma::ledger::Store;
use registrar::Registrar;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use serde_json::json;
use tokio::time::sleep;

/// Who comes, one each quarter of a second, and withdraws half a second after the first of them was offered
/// something at the latest: each while something is said of them.
const CUSTOMERS: u16 = 240;
const EVERY_US: u64 = 250_000;
const STAY_US: u64 = 500_000;

/// What strangers transmit, a second.
const STRANGERS: u64 = 1_000;

/// A month of a busy shop: a thousand offers a day.
const DELIVERIES: i64 = 30_000;

/// What is promised, in 99 of a hundred.
const PROMISED: Duration = Duration::from_secs(2);

/// When each offer arrived, by inbox, on the clock of the bench.
type Arrived = Arc<Mutex<Vec<(String, u64)>>>;

#[tokio::main]
async fn main() {
    let clock = Clock::start();
    for is_over_mqtt in [true, false] {
        let Some(mut broker) = Mosquitto::start("how fast a withdrawal holds", "persistence false") else { return };
        let shop = crowd::shop(broker.port, CUSTOMERS);
        fill(&shop);
        crowd::come(&shop, 0..CUSTOMERS, EVERY_US);
        with_strangers(&shop);
        let arrived = listen(broker.port, clock).await;
        let mut registrar = Registrar::start("hq", broker.port).await;
        let emma = shop.run("unix:path=/nowhere");
        while !shop.log().contains("an offer is committed") {
            sleep(Duration::from_millis(1)).await;
        }
        let started_us = clock.monotonic_us();
        if !is_over_mqtt {
            broker.kill();
        }
        let mut timings = Timings::default();
        for n in 0..CUSTOMERS {
            let due_us = started_us + u64::from(n) * EVERY_US + STAY_US;
            sleep(Duration::from_micros(due_us.saturating_sub(clock.monotonic_us()))).await;
            let customer = format!("c{n:05}");
            let said_us = clock.monotonic_us();
            if is_over_mqtt {
                let record = json!({"customer": customer, "epoch": 2, "withdrawn": true}).to_string();
                assert_eq!(registrar.ask(&record).await["result"], "forgotten");
            } else {
                let output = shop.consent(&["withdraw", &customer]);
                assert!(output.status.success(), "{output:?}");
            }
            timings.answered.push(clock.monotonic_us() - said_us);
            while holds(&shop.state(), &customer) {
                assert!(clock.monotonic_us() - said_us < 20_000_000, "{customer} is not forgotten");
            }
            timings.gone.push(clock.monotonic_us() - said_us);
            timings.said.push((format!("inbox-{n:05}"), said_us));
        }
        if !is_over_mqtt {
            broker.restart();
        }
        sleep(Duration::from_secs(5)).await;
        timings.print(is_over_mqtt, &arrived.lock().unwrap());
        drop(emma);
    }
}

/// What was measured, in microseconds from the withdrawal.
#[derive(Default)]
struct Timings {
    answered: Vec<u64>,
    gone: Vec<u64>,
    /// Whose inbox, and when it was said.
    said: Vec<(String, u64)>,
}

impl Timings {
    fn print(mut self, is_over_mqtt: bool, arrived: &[(String, u64)]) {
        let mut last: Vec<u64> = self
            .said
            .iter()
            .map(|(inbox, said_us)| {
                let of_theirs = arrived.iter().filter(|(to, _)| to == inbox).map(|(_, at_us)| *at_us);
                of_theirs.max().map_or(0, |at_us| at_us.saturating_sub(*said_us))
            })
            .collect();
        let told = self.said.iter().filter(|(inbox, _)| arrived.iter().any(|(to, _)| to == inbox)).count();
        let later = last.iter().filter(|us| **us > 0).count();
        println!(
            "{}: {} withdrawals of {told} who were told something, {} offers in all",
            if is_over_mqtt { "over MQTT" } else { "at the command line, the broker away" },
            last.len(),
            arrived.len()
        );
        row(&format!("last offer heard ({later} after it was said)"), &mut last);
        row("answered", &mut self.answered);
        row("no byte in any file", &mut self.gone);
    }
}

fn row(what: &str, took_us: &mut [u64]) {
    took_us.sort_unstable();
    let of = |part: usize| took_us[(took_us.len() * part / 1_000).min(took_us.len() - 1)] / 1_000;
    println!("  {what:<42} p50 {:>5} ms   p99 {:>5} ms   max {:>5} ms", of(500), of(990), of(1_000));
    assert!(Duration::from_millis(of(990)) < PROMISED, "slower than promised: {what}");
}

/// Offers of a month to customers who are not here now.
fn fill(shop: &Shop) {
    let store = Store::open(&shop.state().join("ledger.db"), deliveries::KEY).unwrap();
    let mut wanted = deliveries::reservation("somebody", 0);
    wanted.caps.clear();
    let start_us = Clock::start().wall_us() - 30 * 24 * deliveries::HOUR_US;
    store.begin().unwrap();
    for n in 0..DELIVERIES {
        wanted.delivery.customer = deliveries::customer(&format!("month-{:05}", n % 9_000));
        wanted.delivery.id = emma::gateway::effect::DeliveryId(format!("d-{n}").into());
        wanted.delivery.at_us = start_us + n * 80_000_000;
        store.reserve(&wanted, &[]).unwrap();
    }
    store.commit().unwrap();
}

/// Strangers among the customers, each heard once with an address of their own.
fn with_strangers(shop: &Shop) {
    let file = shop.config().join("crowd.jsonl");
    let customers = fs::read_to_string(&file).unwrap();
    let until_us = u64::from(CUSTOMERS) * EVERY_US;
    let mut heard = String::new();
    let mut lines = customers.lines().peekable();
    for t_us in (0..until_us).step_by(usize::try_from(1_000_000 / STRANGERS).unwrap()) {
        while let Some(line) = lines.next_if(|line| at_us(line) <= t_us) {
            writeln!(heard, "{line}").unwrap();
        }
        writeln!(
            heard,
            r#"{{"t":{t_us},"gateway":"desk","address":"4A:00:00:{:02X}:{:02X}:{:02X}","address_type":"random","rssi":-70,"data":"0dff4c0010050000000000000000"}}"#,
            t_us >> 16 & 0xff, t_us >> 8 & 0xff, t_us >> 24 & 0xff
        )
        .unwrap();
    }
    lines.for_each(|line| writeln!(heard, "{line}").unwrap());
    fs::write(file, heard).unwrap();
}

fn at_us(line: &str) -> u64 {
    line.strip_prefix(r#"{"t":"#).and_then(|rest| rest.split(',').next()).unwrap().parse().unwrap()
}

/// A recipient that notes when each offer came.
async fn listen(port: u16, clock: Clock) -> Arrived {
    let arrived = Arrived::default();
    let mut options = MqttOptions::new("recipient", "127.0.0.1", port);
    options.set_clean_start(false).set_session_expiry_interval(Some(3_600)).set_outgoing_inflight_upper_limit(10);
    let (client, mut eventloop) = AsyncClient::new(options, 10);
    let (into, (ready, subscribed)) = (Arc::clone(&arrived), tokio::sync::oneshot::channel::<()>());
    let mut ready = Some(ready);
    tokio::spawn(async move {
        loop {
            match eventloop.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    client.try_subscribe("emma/v1/hall/offer/#", QoS::AtLeastOnce).unwrap();
                }
                Ok(Event::Incoming(Packet::SubAck(_))) => drop(ready.take()),
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    let topic = String::from_utf8_lossy(&publish.topic).into_owned();
                    let inbox = topic.rsplit('/').next().unwrap().to_owned();
                    into.lock().unwrap().push((inbox, clock.monotonic_us()));
                }
                Ok(_) => {}
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    });
    // It ends with the one who would send.
    subscribed.await.unwrap_or_default();
    arrived
}

/// As somebody who looks would: what lies in the files, whatever it means.
fn holds(folder: &Path, trace: &str) -> bool {
    let looked = Command::new("grep").args(["-rqaF", "-D", "skip", trace]).arg(folder).status().unwrap();
    looked.success()
}
