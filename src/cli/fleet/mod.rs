//! `emma fleet`: how the Pis of all shops on a broker do, by what they say there of themselves. It reads and says nothing.

mod expected;
mod finding;
mod page;
mod roll;
mod said;
mod verdict;

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::broker::{self, Broker};
use super::run::asked_to_stop;
use super::screen::redrawn;
use super::{Stop, complain, gone_is_fine};
use crate::clock::Clock;
use crate::config::gateway::Mqtt;
use crate::config::span::Span;
use crate::config::{Name, is_id};
use crate::exit;
use crate::mqtt::client::Qos;
use crate::mqtt::connection::Options;
use crate::mqtt::event::MAX_EVENT_LEN;
use crate::mqtt::listener::{Listener, Manner, Subscriber};
use crate::mqtt::received::Received;
use crate::mqtt::topic::Topics;
use expected::Expected;
use roll::{LONGEST_WAIT_SECS, Now, Roll};
use verdict::Verdict;

/// What Emma may publish in one packet, topic and properties included.
#[expect(clippy::cast_possible_truncation, reason = "64 KiB and a few are a u32")]
const MAX_PACKET_LEN: u32 = MAX_EVENT_LEN as u32 + 4 * 1024;

/// What a broker keeps it gives at once, one message after the other: after so long without one there is none left.
const QUIET: Duration = Duration::from_secs(1);

/// A broker answers within a second; a name that does not resolve takes longest.
const CONNECT_PATIENCE: Duration = Duration::from_secs(15);

/// With `--watch`: how often it is looked at anew. What is shown is shown again only where it has changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What it is asked.
#[derive(clap::Args)]
#[command(after_help = "\
It reads and says nothing, and the broker keeps nothing for it; of customers there is nothing to read there. Its user needs \
gateway/+/state and gateway/+/health of each shop: `fleet` in deploy/mosquitto/acl. What is kept of each Pi comes at once; how \
its outbox, ledger and beacons do is told once a minute, so that this ends when every Pi has told, within a minute as a rule. One \
broker at a time: ask each, where shops have brokers of their own.

Exit code: 0 where all are well, 2 where some need a hand, 69 where the broker is not reached or knows of nobody.

  emma fleet --broker mqtts://broker.example --ca-file ca.pem --username fleet --password-file fleet.password
  emma fleet --expect shops.txt              who of the list is missing, too; a line is SITE or SITE/GATEWAY
  emma fleet --site chur --wait 0s           one shop, by what the broker keeps alone, in a second
  emma fleet --watch                         a page that stays and changes")]
pub struct Arguments {
    /// The folder with the configuration whose broker is meant.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma", conflicts_with = "url")]
    config: PathBuf,
    #[command(flatten)]
    broker: Broker,
    /// Only these shops [default: all]
    #[arg(long = "site", value_name = "SITE", value_delimiter = ',')]
    sites: Vec<String>,
    /// Who should be there: a file with a line SITE or SITE/GATEWAY each; `#` begins a remark.
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Wait so long at most for what Pis tell once a minute, such as 0s or 30s [default: until silence means something, 135s]
    #[arg(long, value_name = "SPAN", value_parser = wait, conflicts_with = "watch")]
    wait: Option<Duration>,
    /// Stay, and show the page anew when something changes. Ends at Ctrl-C.
    #[arg(long)]
    watch: bool,
    /// One JSON object: how many are well, and each Pi with what is found of it; with --watch one a line.
    #[arg(long)]
    json: bool,
}

/// A span as in the configuration, but of nothing too.
fn wait(text: &str) -> Result<Duration, String> {
    if matches!(text, "0" | "0s") {
        return Ok(Duration::ZERO);
    }
    let span = text.parse::<Span>().ok().and_then(Span::exact_us);
    span.map(Duration::from_micros).ok_or_else(|| "write it as 0s, 30s or 2m".to_owned())
}

/// Asks, tells, and ends with how they do.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| (exit::SOFTWARE, error.to_string()));
    match runtime.and_then(|runtime| runtime.block_on(ask(arguments))) {
        Ok(code) => code,
        Err((code, what)) => complain(code, what),
    }
}

async fn ask(arguments: &Arguments) -> Result<u8, Stop> {
    let mqtt = match arguments.broker.named()? {
        Some(mqtt) => mqtt,
        None => broker::configured(&arguments.config)?.0,
    };
    if let Some(site) = arguments.sites.iter().find(|site| !is_id(site)) {
        return Err((exit::USAGE, format!("--site: `{}` cannot be a shop's id", site.escape_default())));
    }
    let expected = arguments.expect.as_deref().map(expected::read).transpose()?;
    let asked =
        |expected: &Expected| arguments.sites.is_empty() || arguments.sites.iter().any(|site| site == expected.site());
    let expected: Option<BTreeSet<Expected>> = expected.map(|all| all.into_iter().filter(asked).collect());
    let shared = Arc::new(Shared {
        roll: Mutex::new(Roll::new(&mqtt.root, expected)),
        why_deaf: Mutex::default(),
        state_came: Notify::new(),
        changed: Notify::new(),
        clock: Clock::start(),
    });
    let _listener = listen(&mqtt, &arguments.sites, &shared)?;
    if arguments.watch { watch(arguments, &shared).await } else { once(arguments, &shared).await }
}

/// Listens to the states and the health of these shops, or of all.
fn listen(mqtt: &Mqtt, sites: &[String], shared: &Arc<Shared>) -> Result<Listener, Stop> {
    // Two who ask are two clients: the number of the process is the place.
    let who = Name::from(format!("fleet-{}", std::process::id()));
    let options = Options::for_listener(mqtt, &"fleet".into(), &who, "reads");
    let options = options.map_err(|error| (exit::CONFIG, error.to_string()))?;
    let all = ["+".to_owned()];
    let sites = if sites.is_empty() { &all } else { sites };
    let filters = |site: &String| {
        let topics = Topics { root: &mqtt.root, site };
        [topics.gateway_state("+"), topics.gateway_health("+")]
    };
    let filters = sites.iter().flat_map(filters).collect();
    Ok(Listener::start(&options, MANNER, filters, Hearer(Arc::clone(shared)), async {}, std::future::pending()))
}

/// It says nothing, and the broker keeps nothing for it.
const MANNER: Manner =
    Manner { qos: Qos::AtLeastOnce, max_packet_len: MAX_PACKET_LEN, wants_retained: true, ..Manner::LISTENS };

/// Asks once.
async fn once(arguments: &Arguments, shared: &Shared) -> Result<u8, Stop> {
    let stop = asked_to_stop()?;
    let all_told = async {
        connected(shared).await?;
        settled(shared).await;
        let wait = arguments.wait.unwrap_or(Duration::from_secs(LONGEST_WAIT_SECS));
        // Whoever gives no sign of life until then is silent, or was not waited for.
        timeout(wait, everybody_told(shared)).await.unwrap_or_default();
        Ok(())
    };
    tokio::select! {
        () = stop => return Err((exit::TEMPORARY, "asked to stop before everybody had told".to_owned())),
        told = all_told => told?,
    }
    let verdict = shared.verdict();
    if verdict.total == 0 {
        return Err((exit::UNAVAILABLE, NOBODY.to_owned()));
    }
    let text = if arguments.json { format!("{:#}\n", json(&verdict)) } else { page::page(&verdict) };
    show(&text)?;
    Ok(if verdict.is_well() { exit::OK } else { exit::UNWELL })
}

const NOBODY: &str = "this broker keeps the state of no Pi: is the root the right one, did any connect to it, and may \
                      this user read gateway/+/state? A broker tells nobody that they may not";

/// Waits until the broker lets states be read.
async fn connected(shared: &Shared) -> Result<(), Stop> {
    let reading = async {
        while !shared.roll().hears_states() {
            shared.changed.notified().await;
        }
    };
    timeout(CONNECT_PATIENCE, reading).await.map_err(|_| {
        let why = shared.why_deaf().clone().unwrap_or_else(|| "it does not answer".to_owned());
        (exit::UNAVAILABLE, format!("the broker cannot be read: {why}"))
    })
}

/// Waits until the broker has given what it keeps. One that never ends is not waited for beyond the patience.
async fn settled(shared: &Shared) {
    let quiet = async { while timeout(QUIET, shared.state_came.notified()).await.is_ok() {} };
    timeout(CONNECT_PATIENCE, quiet).await.unwrap_or_default();
}

async fn everybody_told(shared: &Shared) {
    while !shared.roll().has_heard_all() {
        shared.changed.notified().await;
    }
}

/// Stays, and tells what changes.
async fn watch(arguments: &Arguments, shared: &Shared) -> Result<u8, Stop> {
    let mut stop = std::pin::pin!(asked_to_stop()?);
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut shown, is_screen) = (String::new(), !arguments.json && io::stdout().is_terminal());
    // What is kept comes first, so that nobody is said to be missing who has only not come yet.
    tokio::select! {
        () = &mut stop => return Ok(exit::OK),
        () = sleep(2 * QUIET) => {}
    }
    loop {
        tokio::select! {
            () = &mut stop => return Ok(exit::OK),
            _ = look.tick() => {}
        }
        let verdict = shared.verdict();
        let text = if arguments.json { format!("{}\n", json(&verdict)) } else { shared.watched(&verdict) };
        if text != shown {
            // In a pipe an empty line stands between two pages.
            let apart = if arguments.json || shown.is_empty() { "" } else { "\n" };
            show(&if is_screen { redrawn(&text) } else { format!("{apart}{text}") })?;
            shown = text;
        }
    }
}

fn json(verdict: &Verdict) -> serde_json::Value {
    // Texts and numbers become JSON without fail.
    serde_json::to_value(verdict).unwrap_or_default()
}

fn show(text: &str) -> Result<(), Stop> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).or_else(gone_is_fine)
}

/// What the connection tells whoever waits.
struct Shared {
    roll: Mutex<Roll>,
    /// Why nothing is heard, while nothing is.
    why_deaf: Mutex<Option<String>>,
    /// A state came.
    state_came: Notify,
    /// Anything came, or the connection came or went.
    changed: Notify,
    clock: Clock,
}

impl Shared {
    fn roll(&self) -> MutexGuard<'_, Roll> {
        // Nothing panics while it holds this, and what it holds is whole at any time.
        self.roll.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn why_deaf(&self) -> MutexGuard<'_, Option<String>> {
        self.why_deaf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verdict(&self) -> Verdict {
        Verdict::of(&self.roll(), self.clock.monotonic_us())
    }

    /// The page for who watches: what is shown while the broker is away is old, and says so.
    fn watched(&self, verdict: &Verdict) -> String {
        let away =
            self.why_deaf().as_ref().map(|why| format!("The broker is away ({why}); this is what was last heard.\n\n"));
        let page = if verdict.total == 0 { format!("{NOBODY}.\n") } else { page::page(verdict) };
        format!("{}{page}", away.unwrap_or_default())
    }
}

/// Whoever hears what the broker says.
struct Hearer(Arc<Shared>);

impl Subscriber for Hearer {
    fn take(&mut self, received: &Received<'_>) {
        let now = Now { monotonic_us: self.0.clock.monotonic_us(), wall_us: self.0.clock.wall_us() };
        if self.0.roll().take(received.topic, received.payload, received.retained, now) {
            self.0.state_came.notify_one();
        }
        self.0.changed.notify_one();
    }

    fn listening(&mut self, filter: usize) {
        self.0.roll().hears(filter, Some(self.0.clock.monotonic_us()));
        *self.0.why_deaf() = None;
        self.0.changed.notify_one();
    }

    fn outage(&mut self, filter: usize, reason: &str) {
        self.0.roll().hears(filter, None);
        *self.0.why_deaf() = Some(reason.to_owned());
        self.0.changed.notify_one();
    }
}
