//! The sources that a configuration asks for, started together and stopped together.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tracing::{error, warn};

#[cfg(target_os = "linux")]
use super::bluez::{self, Manner, Wanted};
use super::shared::Shared;
use super::source::{Heard, Orders, SourceStatus, Switchboard};
use super::{btleplug, over_mqtt, playback, shared};
use crate::config::Name;
use crate::config::gateway::{Adapters, Driver, Radio};
use crate::mqtt::connection::OptionsError;
use crate::mqtt::listener::Listener;

/// Sources that were told to stop have ended after so long, or are left behind: the 2 s that a driver gives the scan, and
/// one more for what it was in the middle of.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// Running sources.
pub struct Sources {
    /// What they hear; ends when all have stopped.
    pub heard: mpsc::Receiver<Heard>,
    /// How they fare, the radio of this machine first.
    pub status: watch::Receiver<Vec<SourceStatus>>,
    /// Whether another Emma of the same name is in this shop now. Whoever notices says so, and every connection ends: two
    /// brokers must not find for one each.
    pub taken_over: watch::Sender<bool>,
    /// Stops them.
    pub stop: Stop,
}

/// Stops the sources; dropping it asks the same without waiting.
pub struct Stop {
    signals: Vec<oneshot::Sender<()>>,
    listeners: Vec<Listener>,
    status: watch::Receiver<Vec<SourceStatus>>,
    /// The far ends of a source that never says anything.
    silence: Option<Switchboard>,
}

impl Stop {
    /// Ends every scan and waits until the sources have ended, at most 3 s.
    pub async fn stop(self) {
        let Self { signals, listeners, mut status, silence } = self;
        drop((signals, listeners, silence));
        // The sources' end of the status is gone when they are.
        let ended = async { while status.changed().await.is_ok() {} };
        if timeout(STOP_PATIENCE, ended).await.is_err() {
            warn!("the radio does not stop; it is left behind");
        }
    }
}

/// The driver that `configured` comes to in this build, and why.
pub fn choose(configured: Driver) -> (&'static str, &'static str) {
    match configured {
        Driver::Auto if cfg!(target_os = "linux") => {
            ("bluez", "`auto` takes Emma's own driver on Linux: it can listen passively, and to LE alone")
        }
        Driver::Auto => ("btleplug", "`auto` takes the portable driver where there is no Linux"),
        Driver::Bluez => ("bluez", "as gateway.toml says"),
        Driver::Btleplug => {
            ("btleplug", "as gateway.toml says; on a shop's Pi `auto` hears more and asks nobody's phone")
        }
        Driver::None => ("none", "as gateway.toml says: this Pi does not listen by itself"),
    }
}

/// Starts the sources that the configuration in the orders asks for. They begin to listen by themselves, now and after
/// every outage: a radio or a broker that is not there is no error, the status says so until it is. Must be called within
/// a tokio runtime.
///
/// # Errors
/// The connection to a broker cannot even be tried.
pub fn start(orders: Orders) -> Result<Sources, OptionsError> {
    start_with(orders, |board| {
        Ok([over_mqtt::scanners(board)?, over_mqtt::phones(board)?, shared::decider(board)?]
            .into_iter()
            .flatten()
            .collect())
    })
}

/// The same on a Pi that only scans: it hears for a decider, with what it says to `scanner`.
///
/// # Errors
/// The connection to a broker cannot even be tried.
pub fn start_scanner(orders: Orders, scanner: &Shared) -> Result<Sources, OptionsError> {
    start_with(orders, |board| shared::scanner(board, scanner).map(|listener| listener.into_iter().collect()))
}

fn start_with(
    orders: Orders,
    listeners: impl FnOnce(&Switchboard) -> Result<Vec<Listener>, OptionsError>,
) -> Result<Sources, OptionsError> {
    let config = Arc::clone(&orders.config.borrow());
    let config = &config.gateway;
    let (board, heard) = Switchboard::new(orders);
    let mut signals = Vec::new();
    if let Some(run) = radio(&config.radio, &board) {
        signals.push(spawn("radio", run));
    }
    if let Some(capture) = config.playback.clone() {
        let outlet = board.outlet("capture", None);
        signals.push(spawn("capture", move |stop| playback::run(&capture, outlet, stop)));
    }
    let listeners = listeners(&board)?;
    let status = board.status();
    let taken_over = board.taken_over().clone();
    let silence = (signals.is_empty() && listeners.is_empty()).then_some(board);
    Ok(Sources { heard, status: status.clone(), taken_over, stop: Stop { signals, listeners, status, silence } })
}

/// Runs a source in a thread of its own, and gives the signal that stops it. Where the system gives no thread, the source
/// has ended at once.
fn spawn(name: &str, run: impl FnOnce(oneshot::Receiver<()>) + Send + 'static) -> oneshot::Sender<()> {
    let (signal, stopped) = oneshot::channel();
    if let Err(error) = thread::Builder::new().name(name.to_owned()).spawn(move || run(stopped)) {
        error!("the system gives no thread to listen with ({name}): {error}");
    }
    signal
}

type Run = Box<dyn FnOnce(oneshot::Receiver<()>) + Send>;

/// The radio of this machine, on the list and ready to run.
fn radio(config: &Radio, board: &Switchboard) -> Option<Run> {
    let (kind, _) = choose(config.driver);
    match kind {
        #[cfg(target_os = "linux")]
        "bluez" => {
            let wanted = match &config.adapters {
                Adapters::First => Wanted::First(board.outlet(kind, None)),
                Adapters::All => Wanted::All(board.outlet(kind, None)),
                Adapters::Named(names) => {
                    let outlet = |name: &Name| (name.clone(), board.outlet(kind, Some(name.clone())));
                    Wanted::Named(names.iter().map(outlet).collect())
                }
            };
            let board = board.clone();
            let manner = Manner { may_restart: config.may_restart_bluetoothd, passive: config.passive };
            Some(Box::new(move |stop| bluez::run(wanted, &board, manner, stop)))
        }
        "btleplug" => {
            let adapter = match &config.adapters {
                Adapters::First | Adapters::All => None,
                Adapters::Named(names) => names.first().cloned(),
            };
            let outlet = board.outlet(kind, adapter.clone());
            let one = "the portable driver listens on one adapter";
            let reason = (!matches!(config.adapters, Adapters::First)).then_some(one);
            Some(Box::new(move |stop| btleplug::run(adapter.as_deref(), reason, outlet, stop)))
        }
        _ => {
            board.outlet(kind, None);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::shipped;
    use crate::gateway::consent::Needs;

    #[tokio::test]
    async fn no_radio_says_nothing_until_it_is_stopped() {
        let mut config = shipped();
        config.gateway.radio.driver = Driver::None;
        config.gateway.mqtt = None;
        let mut sources = start(Orders::fixed(Needs::default(), Arc::new(config))).unwrap();
        assert!(timeout(Duration::from_millis(20), sources.heard.recv()).await.is_err());
        assert!(!sources.status.borrow()[0].listening);
        sources.stop.stop().await;
        assert!(sources.heard.recv().await.is_none());
    }
}
