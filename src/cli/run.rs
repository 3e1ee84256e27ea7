//! `emma run`: the daemon, wired together. The folder is locked, what was remembered is taken up, every shell is
//! started, and the loop runs until SIGTERM.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use super::{Stop, complain, ledger_stop};
use crate::clock::{Clock, Moment};
use crate::config::{self, Config};
use crate::control::Control;
use crate::daemon::{self, Codes, Daemon, Doors, Voices};
use crate::exit;
use crate::gateway::consent::Needs;
use crate::incoming::tally::Tally;
use crate::incoming::{consent, ear, room};
use crate::ledger::folder::{self, Folder};
use crate::ledger::store::random_key;
use crate::ledger::thread::Ledger;
use crate::logging::Logging;
use crate::metrics::{self, Figures, Totals};
use crate::mqtt::connection::Options;
use crate::mqtt::ended::Speaker;
use crate::mqtt::session::{Command, Session, Wiring};
use crate::mqtt::state::{ClockTrust, Health, State};
use crate::mqtt::status::Standing;
use crate::radio::source::Orderer;
use crate::radio::{live, shared};
use crate::service::Service;
use crate::sharing::scanner::Scanner;
use crate::timesync::TimeSync;
use crate::{counter, discretion, scanner, watching};

/// A broker that does not answer does not keep the process from stopping; systemd's own patience is 90 s.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// The system answers at once whether its clock is synchronised, or is not up yet.
const CLOCK_PATIENCE: Duration = Duration::from_secs(3);

/// What it is asked.
#[derive(Args)]
pub struct Arguments {
    /// The folder with the five configuration files.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
}

/// Runs the daemon.
pub(super) fn main(arguments: &Arguments) -> u8 {
    match start(&arguments.config) {
        Ok(()) => exit::OK,
        Err((code, what)) => complain(code, what),
    }
}

fn start(config_folder: &Path) -> Result<(), Stop> {
    let digest = config::digest(config_folder);
    let loaded = config::load(config_folder);
    for problem in &loaded.problems {
        complain(exit::OK, problem);
    }
    let config = loaded.config.ok_or_else(|| (exit::CONFIG, "the configuration has an error".to_owned()))?;
    let log = Logging::start(&config.gateway.log_level);
    for complaint in discretion::secrets(config.gateway.brokers()).filter_map(|file| discretion::complaint(file)) {
        tracing::warn!("{complaint}");
    }
    // The loop is one task; a second thread carries the radio's library and the broker's.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| (exit::SOFTWARE, error.to_string()))?;
    if config.gateway.decides {
        runtime.block_on(run(Arc::new(config), config_folder, &digest, log))
    } else {
        runtime.block_on(scan(&Arc::new(config), &digest, log))
    }
}

async fn run(config: Arc<Config>, config_folder: &Path, digest: &str, log: Logging) -> Result<(), Stop> {
    // Before anybody can see that Emma is there: whoever does may stop her.
    let stop = asked_to_stop()?;
    let clock = Clock::start();
    let state_folder = folder::path(config.gateway.ledger_path.as_deref());
    let lock = Folder::open(&state_folder).map_err(ledger_stop)?;
    let mut store = random_key().and_then(|key| lock.store(key)).map_err(ledger_stop)?;
    store.speak_as(Speaker::of(&config.gateway));
    let codes = Codes::new(store.key(), store.used_codes().map_err(ledger_stop)?, &config.offers);
    let time = TimeSync::start(config.gateway.clock_assumed);
    let trusted = is_synchronised(time.synchronised.clone()).await;
    let now = Moment { monotonic_us: clock.monotonic_us(), wall_us: trusted.then(|| clock.wall_us()) };
    let (gateway, effects) = counter::wake(&config, &store, now).map_err(ledger_stop)?;
    let feed = store.feed().map_err(ledger_stop)?;
    tracing::info!(consents = gateway.snapshot().customers, present = gateway.snapshot().present, "remembered");
    let (ledger, thread, answers) = Ledger::start(store, clock).map_err(|error| (exit::SOFTWARE, error.to_string()))?;
    let (orderer, orders) = Orderer::new(gateway.needs(), Arc::clone(&config), time.synchronised.clone(), clock);
    let sources = live::start(orders).map_err(|error| (exit::CONFIG, error.to_string()))?;
    let trust = if config.gateway.clock_assumed { ClockTrust::Assumed } else { ClockTrust::Untrusted };
    let listening = sources.status.borrow().iter().map(daemon::source_state).collect();
    let first_state = State::begin(&config.gateway, trust, digest, listening, clock.wall_us());
    let (state, health) = (watch::channel(first_state), watch::channel(Health { clock: trust, ..Health::default() }));
    let session = broker(&config, &ledger, clock, state.1.clone(), health.1.clone())?;
    let totals = watch::channel(Totals::default());
    tell_metrics(&config, state.1, health.1, session.as_ref(), Some((ledger.clone(), totals.1)));
    let (again, incoming) = mpsc::channel(room::WAITING);
    let tally = Tally::default();
    let _ears =
        ear::listen(&config.gateway, clock, &tally, &again).map_err(|error| (exit::CONFIG, error.to_string()))?;
    let (door, told) = mpsc::channel(room::WAITING);
    let _registrar =
        consent::listen(&config.gateway, clock, &tally, door).map_err(|error| (exit::CONFIG, error.to_string()))?;
    stand_down_together(&sources.taken_over, session.as_ref());
    let (control, asked) = Control::listen(&folder::socket(&state_folder))
        .map_err(|error| (exit::CANNOT_CREATE, format!("{}: {error}", folder::socket(&state_folder).display())))?;
    let watching = watching::watch(config_folder);
    let doors = Doors {
        heard: sources.heard,
        answers,
        incoming,
        told,
        asked,
        changed: watching.changed,
        synchronised: time.synchronised.clone(),
        sources: sources.status.clone(),
        taken_over: sources.taken_over.subscribe(),
        session: session.as_ref().map(|(_, session)| session.status.clone()),
        service: Service::find(),
    };
    let voices = Voices { state: state.0, health: health.0, totals: totals.0, log, orderer, tally, again };
    let mut daemon = Daemon::new(gateway, ledger.clone(), config, config_folder.to_owned(), clock, codes, voices);
    daemon.begin(effects);
    daemon.remember_feed(feed.as_ref());
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "Emma is up");
    daemon.run(doors, stop).await;
    tracing::info!("Emma is stopping: offline is said, what waits is kept");
    drop(control);
    end_session(session).await;
    sources.stop.stop().await;
    ledger.stop();
    tokio::task::spawn_blocking(move || thread.join().is_ok())
        .await
        .ok()
        .filter(|joined| *joined)
        .ok_or_else(|| (exit::SOFTWARE, "the ledger's thread ended in a panic".to_owned()))
        .map(|_| ())
}

/// A Pi that only scans: no ledger, and in the state folder nothing but the lock and the socket.
async fn scan(config: &Arc<Config>, digest: &str, log: Logging) -> Result<(), Stop> {
    // Before anybody can see that Emma is there: whoever does may stop her.
    let stop = asked_to_stop()?;
    let clock = Clock::start();
    let state_folder = folder::path(config.gateway.ledger_path.as_deref());
    let _lock = Folder::open(&state_folder).map_err(ledger_stop)?;
    if folder::has_ledger(&state_folder) {
        let folder = state_folder.display();
        tracing::warn!(
            "a Pi that only scans remembers nobody, but {folder} has the ledger of one that decided: move it to the Pi that decides now, or delete it"
        );
    }
    let time = TimeSync::start(config.gateway.clock_assumed);
    let scanner = Arc::new(Mutex::new(Scanner::new(shared::nonce(clock), clock.monotonic_us())));
    let (orderer, orders) = Orderer::new(Needs::default(), Arc::clone(config), time.synchronised.clone(), clock);
    let sources = live::start_scanner(orders, &scanner).map_err(|error| (exit::CONFIG, error.to_string()))?;
    let listening = sources.status.borrow().iter().map(daemon::source_state).collect();
    let first_state = State::begin(&config.gateway, ClockTrust::Untrusted, digest, listening, clock.wall_us());
    let (state, health) = (watch::channel(first_state), watch::channel(Health::default()));
    let session = state_session(config, clock, state.1.clone(), health.1.clone())?;
    tell_metrics(config, state.1, health.1, session.as_ref(), None);
    stand_down_together(&sources.taken_over, session.as_ref());
    let (control, asked) = Control::listen(&folder::socket(&state_folder))
        .map_err(|error| (exit::CANNOT_CREATE, format!("{}: {error}", folder::socket(&state_folder).display())))?;
    let doors = scanner::Doors {
        heard: sources.heard,
        asked,
        sources: sources.status.clone(),
        synchronised: time.synchronised.clone(),
        taken_over: sources.taken_over.subscribe(),
        session: session.as_ref().map(|(_, session)| session.status.clone()),
        service: Service::find(),
    };
    let voices = scanner::Voices { state: state.0, health: health.0, log, orderer };
    let mut daemon = scanner::Daemon::new(scanner, Arc::clone(config), clock, voices);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "Emma is up, and scans for the Pi that decides");
    let end = daemon.run(doors, stop).await;
    tracing::info!("Emma is stopping: offline is said, and whom this Pi could hear is forgotten");
    drop(control);
    end_session(session).await;
    sources.stop.stop().await;
    match end {
        scanner::End::Stopped => Ok(()),
        // systemd begins it anew.
        scanner::End::StoodDown => Err((exit::TEMPORARY, "another Pi was connected as this gateway".to_owned())),
    }
}

/// Whether the clock is known to be right. The system is given a moment to say so: what the ledger remembers is read
/// with the time in hand, and a visit of yesterday is not taken for today's.
async fn is_synchronised(mut synchronised: watch::Receiver<bool>) -> bool {
    let said = tokio::time::timeout(CLOCK_PATIENCE, synchronised.wait_for(|said| *said)).await;
    let trusted = matches!(said, Ok(Ok(_)));
    if !trusted {
        tracing::warn!("the clock is not known to be synchronised: no offer is made until it is");
    }
    trusted
}

/// Tells the metrics where gateway.toml wants them, until the process ends.
fn tell_metrics(
    config: &Config,
    state: watch::Receiver<State>,
    health: watch::Receiver<Health>,
    session: Option<&(mpsc::Sender<Command>, Session)>,
    decider: Option<(Ledger, watch::Receiver<Totals>)>,
) {
    let Some(listen) = config.gateway.metrics.clone() else { return };
    let session = session.map(|(_, session)| session.status.clone());
    tokio::spawn(metrics::serve(listen, Figures { state, health, session, decider }));
}

/// The session with the broker, if one is configured.
fn broker(
    config: &Config,
    ledger: &Ledger,
    clock: Clock,
    state: watch::Receiver<State>,
    health: watch::Receiver<Health>,
) -> Result<Option<(mpsc::Sender<Command>, Session)>, Stop> {
    let Some(mqtt) = &config.gateway.mqtt else {
        tracing::warn!("gateway.toml names no broker: nothing is published");
        return Ok(None);
    };
    let options = Options::new(mqtt, &config.gateway.site, &config.gateway.gateway)
        .map_err(|error| (exit::CONFIG, error.to_string()))?
        .told_to(&config.gateway.home_assistant);
    let (commands, receiver) = mpsc::channel(1);
    let outbox = ledger.clone();
    let wiring = Wiring { options, outbox, clock, commands: receiver, state, health };
    Ok(Some((commands, Session::start(wiring))))
}

/// The session of a Pi that only scans says how it does, and nothing else: on `[mqtt]`, or the shop's own broker.
fn state_session(
    config: &Config,
    clock: Clock,
    state: watch::Receiver<State>,
    health: watch::Receiver<Health>,
) -> Result<Option<(mpsc::Sender<Command>, Session)>, Stop> {
    let gateway = &config.gateway;
    let Some(mqtt) = gateway.mqtt.as_ref().or(gateway.shop_mqtt.as_ref()) else { return Ok(None) };
    let options = Options::for_listener(mqtt, &gateway.site, &gateway.gateway, "state")
        .map_err(|error| (exit::CONFIG, error.to_string()))?
        .told_to(&gateway.home_assistant);
    let (commands, receiver) = mpsc::channel(1);
    let wiring = Wiring { options, outbox: scanner::NoOutbox, clock, commands: receiver, state, health };
    Ok(Some((commands, Session::start(wiring))))
}

/// Of two Emmas of one name the second takes over. Whichever connection notices it first, the others end with it: on two
/// brokers each of the two could find itself the first once, and both would stand down.
fn stand_down_together(taken_over: &watch::Sender<bool>, session: Option<&(mpsc::Sender<Command>, Session)>) {
    let Some((commands, session)) = session else { return };
    let (commands, mut status) = (commands.clone(), session.status.clone());
    let (noticed, mut elsewhere) = (taken_over.clone(), taken_over.subscribe());
    tokio::spawn(async move {
        let here = async { status.wait_for(|status| status.standing == Standing::TakenOver).await.is_ok() };
        let elsewhere = async { elsewhere.wait_for(|taken_over| *taken_over).await.is_ok() };
        tokio::select! {
            true = here => {
                noticed.send_replace(true);
            }
            // A session that has ended already needs no telling.
            true = elsewhere => commands.send(Command::Stop).await.unwrap_or_default(),
            else => {}
        }
    });
}

/// Says offline and ends the session, if there is one.
async fn end_session(session: Option<(mpsc::Sender<Command>, Session)>) {
    let Some((commands, session)) = session else { return };
    // A session that has ended already needs no telling.
    commands.send(Command::Stop).await.unwrap_or_default();
    if tokio::time::timeout(STOP_WITHIN, session.task).await.is_err() {
        tracing::warn!("the broker does not answer: its last will says offline");
    }
}

/// Ends at SIGTERM or SIGINT.
pub(super) fn asked_to_stop() -> Result<impl Future<Output = ()>, Stop> {
    let failed = |error: std::io::Error| (exit::SOFTWARE, error.to_string());
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    })
}
