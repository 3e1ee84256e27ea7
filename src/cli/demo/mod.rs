//! `emma demo`: a shop at work with nothing installed. A simulated floor is heard through the radio's own door, the
//! core decides, the ledger commits, and a broker on the loopback interface carries real offers to whoever looks on.
//!
//! The story follows from the seed alone: each input carries the instant at which it was planned, deadlines fall on
//! theirs, and every answer is waited for, so a slow machine tells it later and not differently.

mod air;
mod cast;
mod contract;
mod scene;
mod shop;
mod stage;
mod story;
mod walk;
mod words;

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::sync::{mpsc, watch};

use super::{Stop, complain, gone_is_fine};
use crate::clock::{Clock, Moment};
use crate::config::Config;
use crate::exit;
use crate::ledger::thread::Ledger;
use crate::logging::Logging;
use crate::mqtt::connection::Options;
use crate::mqtt::embedded::{EmbeddedBroker, EmbeddedError};
use crate::mqtt::session::{Command, Session, Wiring};
use crate::mqtt::state::{ClockTrust, Health, SourceState, State};
use crate::mqtt::status::Status;
use scene::Scene;
use shop::Pace;
use stage::{Ended, Stage};
use story::{Ink, Story, Totals};

/// Where it listens unless told otherwise: beside the usual 1883, which a broker of one's own may have.
const USUAL_PORT: u16 = 1884;

/// From the first word to the first step: the scene is set meanwhile, and a reader finds the line to copy.
const CURTAIN: Duration = Duration::from_secs(1);

/// A broker in the same process answers at once, on a machine that stalls a little later; whoever waits so long has a
/// fault. An offer is still fresh then.
const PATIENCE: Duration = Duration::from_mins(1);

/// What it is asked.
#[derive(Args)]
#[command(after_help = "\
The same seed tells the same story. To watch the offers themselves, in another terminal:

  mosquitto_sub -p 1884 -V mqttv5 -t 'emma/v1/#' -v

With --contract it is no story: every event of the contract is played at a subscriber that
you build, and each step says what a good one does now. docs/subscribers has some.")]
pub struct Arguments {
    /// How long the story takes, from 10 seconds to an hour.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(10..=3600))]
    seconds: u32,
    /// Which story.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Where the broker listens on 127.0.0.1; 0 is any free port [default: 1884, or any free port if that is taken; with
    /// --contract 1883]
    #[arg(long, value_name = "P", conflicts_with = "url")]
    port: Option<u16>,
    #[command(flatten)]
    contract: contract::ContractArguments,
}

/// Shows the shop.
pub(super) fn main(arguments: &Arguments) -> u8 {
    Logging::start("warn");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let shown = runtime.map_err(fault).and_then(|runtime| runtime.block_on(show(arguments)));
    match shown {
        Ok(()) => exit::OK,
        Err((code, what)) => complain(code, what),
    }
}

async fn show(arguments: &Arguments) -> Result<(), Stop> {
    if arguments.contract.is_wanted()? {
        return contract::show(&arguments.contract, arguments.port).await;
    }
    let broker = broker(arguments.port).await?;
    let pace = Pace { seconds: arguments.seconds };
    let config = shop::config(pace, broker.port()).map(Arc::new).ok_or_else(|| fault("the shipped shop is not one"))?;
    let clock = Clock::start();
    let now = Moment { monotonic_us: clock.monotonic_us(), wall_us: Some(clock.wall_us()) };
    let start = now.at_monotonic(now.monotonic_us + shop::micros(CURTAIN));

    let ink = if io::stdout().is_terminal() { Ink::COLOURS } else { Ink::default() };
    let mut story = Story::new(io::stdout(), ink, &config, start.monotonic_us);
    story.open(&config.site.name, arguments.seconds, broker.port()).or_else(gone_is_fine)?;

    let Scene { standalone, air } = Scene::set(&config, pace, arguments.seed, start).map_err(fault)?;
    let key = standalone.store.key().clone();
    let (ledger, thread, answers) = Ledger::start(standalone.store, clock).map_err(fault)?;
    let (commands, session, said_state, health) = session(&config, &ledger, clock)?;
    let mut status = session.status.clone();
    let connected = tokio::time::timeout(PATIENCE, status.wait_for(Status::is_connected)).await;
    if !matches!(connected, Ok(Ok(_))) {
        return Err((exit::UNAVAILABLE, "the demo's own broker does not answer".to_owned()));
    }
    drop(connected);

    let before = standalone.gateway.snapshot().counters;
    let mut stage = Stage {
        gateway: standalone.gateway,
        ledger: ledger.clone(),
        answers,
        key,
        config: Arc::clone(&config),
        clock,
        start,
        stop: asked_to_stop(),
        status: session.status.clone(),
        offers: 0,
        endings: 0,
        health,
        story,
    };
    let ended = stage.play(&air, pace).await;
    stage.settle().await;
    let after = stage.gateway.snapshot().counters;
    let totals = Totals {
        published: stage.published(),
        acknowledged: session.status.borrow().acknowledged,
        heard: after.heard - before.heard,
        matched: after.matched - before.matched,
    };
    let told = match ended {
        Ok(Ended { at, stopped }) => {
            stage.story.close(at, stopped).and_then(|()| stage.story.summary(&config, totals)).or_else(gone_is_fine)
        }
        Err(stage::Failed::Unread(error)) => gone_is_fine(error),
        Err(stage::Failed::Ledger) => Err(fault("the ledger's thread has ended")),
    };

    // A session that has ended already needs no telling.
    commands.send(Command::Stop).await.unwrap_or_default();
    if tokio::time::timeout(PATIENCE, session.task).await.is_err() {
        tracing::warn!("the demo's own broker does not answer: its last will says offline");
    }
    drop(said_state);
    ledger.stop();
    let joined = tokio::task::spawn_blocking(move || thread.join().is_ok()).await;
    // Whoever still looks on is told by the connection's end; nobody waits for them.
    drop(broker);
    told?;
    joined.ok().filter(|joined| *joined).map(|_| ()).ok_or_else(|| fault("the ledger's thread ended in a panic"))
}

/// The broker at the port that was named, else at the usual one, else at any.
async fn broker(named: Option<u16>) -> Result<EmbeddedBroker, Stop> {
    let broker = match EmbeddedBroker::start(named.unwrap_or(USUAL_PORT)).await {
        Err(_) if named.is_none() => EmbeddedBroker::start(0).await,
        other => other,
    };
    broker.map_err(|error| match &error {
        EmbeddedError::Port { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
            (exit::UNAVAILABLE, format!("{error}; name another --port, or none"))
        }
        EmbeddedError::Port { .. } | EmbeddedError::Broker(_) => (exit::UNAVAILABLE, error.to_string()),
    })
}

/// How to stop the session, it, and what it is told of state and health.
type Wired = (mpsc::Sender<Command>, Session, watch::Sender<State>, watch::Sender<Health>);

fn session(config: &Config, ledger: &Ledger, clock: Clock) -> Result<Wired, Stop> {
    let gateway = &config.gateway;
    let mqtt = gateway.mqtt.as_ref().ok_or_else(|| fault("the shipped shop names no broker"))?;
    let options = Options::new(mqtt, &gateway.site, &gateway.gateway).map_err(fault)?;
    let (commands, commanded) = mpsc::channel(1);
    let sources = vec![SourceState::new("simulated", None, true)];
    let first_state = State::begin(gateway, ClockTrust::Assumed, "demo", sources, clock.wall_us());
    let (state, state_watched) = watch::channel(first_state);
    let (health, health_watched) = watch::channel(Health { clock: ClockTrust::Assumed, ..Health::default() });
    let outbox = ledger.clone();
    let wiring = Wiring { options, outbox, clock, commands: commanded, state: state_watched, health: health_watched };
    Ok((commands, Session::start(wiring), state, health))
}

/// True from the first Ctrl-C on. Where signals cannot be had, Ctrl-C ends the process as it always did.
fn asked_to_stop() -> watch::Receiver<bool> {
    let (asked, stop) = watch::channel(false);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            asked.send_replace(true);
        }
        // The receiver lives as long as the story, and must never see the sender gone.
        asked.closed().await;
    });
    stop
}

fn fault(what: impl std::fmt::Display) -> Stop {
    (exit::SOFTWARE, what.to_string())
}
