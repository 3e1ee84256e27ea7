//! From hearing to saying, as the daemon wires it: how long an offer takes from the advertisement at the radio's door to its
//! PUBLISH on the socket, how many a second leave, and what a million of them leave behind in memory.
//!
//! `cargo bench --bench publish` measures all three; `-- door`, `-- stream` or `-- million` one of them. The door is measured
//! in one process on loopback, twice: on this disk, and with the state folder in memory, where a sync costs nothing, so
//! that what is left beyond the ledger's wait for company is Emma's own. The stream and the million go to a real mosquitto.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops at what it did not expect, and tells")]
#![allow(clippy::disallowed_methods, reason = "it measures")]
#![allow(unreachable_pub, reason = "the helpers' modules are shared with tests")]

#[path = "../tests/common/broker.rs"]
mod broker;
#[allow(dead_code, reason = "a bench uses a part of it")]
#[path = "../tests/common/deliveries.rs"]
mod deliveries;
mod doorstep;
#[path = "../tests/common/listener.rs"]
mod listener;
#[path = "../tests/common/teller.rs"]
mod teller;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use broker::Mosquitto;
use emma::logging::Logging;
use teller::{Teller, Wanted};

/// An order of the project: what Emma may take of herself, at the 99th percentile.
const DOOR_WITHIN: Duration = Duration::from_millis(1);
/// The other: offers a second, kept up.
const A_SECOND: u32 = 1_000;
/// For how long.
const STREAM: Duration = Duration::from_secs(30);
/// `EMMA_EVENTS` asks for fewer.
const EVENTS: u32 = 1_000_000;
/// Offers of the million that are on their way at once: well below what the outbox holds.
const AT_ONCE: u32 = 2_000;

fn main() {
    let wanted: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let runs = |name: &str| wanted.is_empty() || wanted.iter().any(|one| name.contains(one.as_str()));
    if runs("door") {
        door();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if runs("stream") {
        runtime.block_on(stream());
    }
    if runs("million") {
        runtime.block_on(million());
    }
}

fn door() {
    // A process has one log; that offers are made is not told here.
    let log = Logging::start("error");
    let disk = doorstep::measure(Path::new(env!("CARGO_TARGET_TMPDIR")), &log);
    println!("door, on this disk        {} until committed, then {} to the socket", disk.committed, disk.said);
    let memory = Path::new("/dev/shm");
    if !memory.is_dir() {
        return println!("door, in memory           skipped: there is no /dev/shm here");
    }
    let beyond = doorstep::measure(memory, &log).beyond;
    let verdict = if beyond.p99 <= DOOR_WITHIN { "as ordered" } else { "above what was ordered" };
    println!("door, in memory           {beyond} beyond the wait for company; p99 of 1 ms is ordered: {verdict}");
}

/// Offers at a steady rate. What counts is that the outbox does not grow: then as many leave as are made.
async fn stream() {
    let Some(mosquitto) = Mosquitto::start("nothing is streamed", "") else { return };
    let mut teller = Teller::start(mosquitto.port);
    teller.emma.connected().await;
    let (mut asked, mut waiting, mut commits) = (0, 0, teller.ledger.gauges().commits());
    let started = Instant::now();
    while started.elapsed() < STREAM {
        let due = u32::try_from(started.elapsed().as_millis() * u128::from(A_SECOND) / 1_000).unwrap();
        let batch: Vec<_> = (asked..due).map(wanted).collect();
        asked = due;
        for one in &batch {
            teller.ask(one, Vec::new());
        }
        for _ in &batch {
            teller.answer().await;
        }
        waiting = waiting.max(teller.ledger.gauges().outbox_rows());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    teller.emptied().await;
    let secs = started.elapsed().as_secs_f64();
    commits = teller.ledger.gauges().commits() - commits;
    println!(
        "stream                    {asked} offers acknowledged by mosquitto in {secs:.1} s, {:.0} a second of {A_SECOND} ordered; \
         {waiting} waiting at the most, {commits} commits",
        f64::from(asked) / secs
    );
    teller.stop().await;
}

/// As many as leave, and what the process holds meanwhile.
async fn million() {
    let Some(mosquitto) = Mosquitto::start_unrecorded("no million is said", "") else { return };
    let events: u32 = std::env::var("EMMA_EVENTS").map_or(EVENTS, |events| events.parse().unwrap());
    let mut teller = Teller::start(mosquitto.port);
    teller.emma.connected().await;
    let started = Instant::now();
    for said in (0..events).step_by(AT_ONCE as usize) {
        if said % (events / 10).next_multiple_of(AT_ONCE) == 0 {
            println!(
                "million                   {said:>9} said after {:>4} s: {} MB",
                started.elapsed().as_secs(),
                memory_mb()
            );
        }
        let batch: Vec<_> = (said..said + AT_ONCE).map(wanted).collect();
        drop(teller.commit(&batch).await);
        teller.emptied().await;
    }
    println!(
        "million                   {events:>9} said after {:>4} s: {} MB",
        started.elapsed().as_secs(),
        memory_mb()
    );
    teller.stop().await;
}

/// One to each of many customers.
fn wanted(number: u32) -> Wanted {
    Wanted { customer: u64::from(number % 10_000), also: None, fresh_ms: 600_000 }
}

/// What the process has in memory (resident).
fn memory_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kb =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse().ok());
    kb.unwrap_or(0) / 1_024
}
