//! A radio in a process of its own: the test program again, asked for its test `radio_process` alone. libdbus reads the
//! bus's address once in a process, and a process has one log.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use emma::config::gateway::{Adapters, Driver, Gateway, Radio};
use emma::gateway::advertisement::AddressKind;
use emma::gateway::consent::Needs;
use emma::radio::live::{self, Sources};
use emma::radio::source::{Heard, Orders, Scan};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::bus::PrivateBus;

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(1);

/// Names the driver, and the adapters with commas between, to a radio's process.
const RADIO: &str = "EMMA_TEST_RADIO";

/// Says what a radio hears, how it fares and what it logs, a line each, until its input ends. Without the variable nothing.
pub(crate) fn process() {
    let Ok(asked) = env::var(RADIO) else { return };
    let (driver, adapters) = asked.split_once(' ').unwrap();
    let driver = if driver == "bluez" { Driver::Bluez } else { Driver::Btleplug };
    let adapters = match adapters {
        "" => Adapters::First,
        "all" => Adapters::All,
        names => Adapters::Named(names.split(',').map(Into::into).collect()),
    };
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut config = emma::config::check(&emma::config::Sources::shipped()).config.unwrap();
    let radio = Radio { driver, adapters, ..Radio::default() };
    config.gateway = Gateway { radio, mqtt: None, ..config.gateway };
    let needs = watch::Sender::new(Needs::default());
    let orders = Orders { needs: needs.subscribe(), ..Orders::fixed(Needs::default(), Arc::new(config)) };
    runtime.block_on(async { speak(live::start(orders).unwrap(), needs).await });
}

async fn speak(sources: Sources, needs: watch::Sender<Needs>) {
    let Sources { mut heard, mut status, stop, .. } = sources;
    let (order, mut orders) = mpsc::unbounded_channel();
    thread::spawn(move || std::io::stdin().lines().map_while(Result::ok).try_for_each(|line| order.send(line)));
    let mut said = Vec::new();
    loop {
        tokio::select! {
            Some(Heard::Advertisement { address, payload, rssi_dbm, .. }) = heard.recv() => {
                let kind = if address.kind == AddressKind::Public { "public" } else { "random" };
                say(&format!("heard {} {kind} {rssi_dbm} {}", hex::encode(address.bytes), hex::encode(payload)));
            }
            Ok(()) = status.changed() => {
                for (index, source) in status.borrow_and_update().iter().enumerate() {
                    let scan = source.scan.map(Scan::word);
                    let line = format!(
                        "status{index} {} {} {:?} {scan:?} {:?} {:?}",
                        source.listening, source.restarts, source.name, source.reason, source.last_error
                    );
                    said.resize(said.len().max(index + 1), String::new());
                    if said[index] != line {
                        say(&line);
                        said[index] = line;
                    }
                }
            }
            order = orders.recv() => match order.as_deref() {
                Some(order) => needs.send_modify(|needs| needs.addresses = order == "addresses"),
                None => break,
            },
        }
    }
    stop.stop().await;
}

fn say(line: &str) {
    // A test harness may have begun this line.
    std::io::stdout().lock().write_all(format!("\n{line}\n").as_bytes()).unwrap();
}

/// A radio in a process of its own.
pub(crate) struct Process {
    child: Child,
    input: Option<ChildStdin>,
    lines: mpsc::UnboundedReceiver<String>,
    log: Arc<Mutex<String>>,
}

impl Process {
    /// A radio with that driver (`bluez` or `btleplug`) and those adapters: names with commas between, `all`, or nothing.
    pub(crate) fn start(bus: &PrivateBus, driver: &str, adapters: &str) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "radio_process", "--nocapture", "--test-threads=1"]);
        command.env(RADIO, format!("{driver} {adapters}")).env("DBUS_SYSTEM_BUS_ADDRESS", bus.address());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (line, lines) = mpsc::unbounded_channel();
        let log: Arc<Mutex<String>> = Arc::default();
        let (output, logged) = (BufReader::new(child.stdout.take().unwrap()), log.clone());
        thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|text| {
                if !text.starts_with("heard ") {
                    *logged.lock().unwrap() += &(text.clone() + "\n");
                }
                line.send(text)
            })
        });
        let input = child.stdin.take();
        Self { child, input, lines, log }
    }

    /// The next line that begins with `start`, without it.
    pub(crate) async fn next(&mut self, start: &str) -> String {
        let next = async {
            loop {
                let line = self.lines.recv().await.expect("the radio's process has ended");
                if let Some(rest) = line.strip_prefix(start) {
                    return rest.trim().to_owned();
                }
            }
        };
        timeout(PATIENCE, next).await.unwrap_or_else(|_| panic!("never said: {start}\n{}", self.log()))
    }

    pub(crate) async fn heard(&mut self) -> String {
        self.next("heard ").await
    }

    /// The consents need addresses from now on, or no more.
    pub(crate) fn need_addresses(&mut self, needed: bool) {
        let order = if needed { "addresses\n" } else { "formats\n" };
        self.input.as_mut().unwrap().write_all(order.as_bytes()).unwrap();
    }

    /// Everything that was logged so far, at every level.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Stops the radio, and waits until its process has ended well.
    pub(crate) async fn stop(mut self) {
        drop(self.input.take());
        let ended = async { while self.lines.recv().await.is_some() {} };
        assert!(timeout(PATIENCE, ended).await.is_ok(), "never stopped");
        assert!(self.child.wait().unwrap().success());
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
