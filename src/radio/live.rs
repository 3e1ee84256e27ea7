//! The sources that a configuration asks for, started together and stopped together.

use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tracing::{error, warn};

#[cfg(target_os = "linux")]
use super::bluez::{self, Wanted};
use super::btleplug;
use super::source::{Heard, Orders, SourceStatus, Switchboard};
use crate::config::Name;
use crate::config::gateway::{Adapters, Driver, Radio};

/// Sources that were told to stop have ended after so long, or are left behind: the 2 s that a driver gives the scan, and
/// one more for what it was in the middle of.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// Running sources.
#[derive(Debug)]
pub struct Sources {
    /// What they hear; ends when all have stopped.
    pub heard: mpsc::Receiver<Heard>,
    /// How they fare, the radio of this machine first.
    pub status: watch::Receiver<Vec<SourceStatus>>,
    /// Stops them.
    pub stop: Stop,
}

/// Stops the sources; dropping it asks the same without waiting.
#[derive(Debug)]
pub struct Stop {
    signals: Vec<oneshot::Sender<()>>,
    status: watch::Receiver<Vec<SourceStatus>>,
    /// The far ends of a source that never says anything.
    silence: Option<Switchboard>,
}

impl Stop {
    /// Ends every scan and waits until the sources have ended, at most 3 s.
    pub async fn stop(self) {
        let Self { signals, mut status, silence } = self;
        drop((signals, silence));
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
            ("bluez", "auto takes the Linux driver, which listens without asking")
        }
        Driver::Auto => ("btleplug", "auto takes the portable driver, since this is not Linux"),
        Driver::Bluez => ("bluez", "the configuration says so"),
        Driver::Btleplug => ("btleplug", "the configuration says so"),
        Driver::None => ("none", "the configuration says so"),
    }
}

/// Starts the sources that `config` asks for. They begin to listen by themselves, now and after every
/// outage: a radio that is not there is no error, the status says so until it is. Where the system gives no thread, the
/// source has ended at once, and its status says why.
pub fn start(config: &Radio, orders: Orders) -> Sources {
    let (board, heard) = Switchboard::new(orders);
    let mut signals = Vec::new();
    if let Some(run) = radio(config, &board) {
        let (signal, stopped) = oneshot::channel();
        signals.push(signal);
        if let Err(error) = thread::Builder::new().name("radio".to_owned()).spawn(move || run(stopped)) {
            error!("the system gives no thread for the radio: {error}");
        }
    }
    let status = board.status();
    let silence = (config.driver == Driver::None).then_some(board);
    Sources { heard, status: status.clone(), stop: Stop { signals, status, silence } }
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
            let (board, may_restart) = (board.clone(), config.may_restart_bluetoothd);
            Some(Box::new(move |stop| bluez::run(wanted, &board, may_restart, stop)))
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
    use std::sync::Arc;

    use super::*;
    use crate::config::testing::shipped;
    use crate::gateway::consent::Needs;

    #[tokio::test]
    async fn no_radio_says_nothing_until_it_is_stopped() {
        let orders = Orders::fixed(Needs::default(), Arc::new(shipped()));
        let mut sources = start(&Radio { driver: Driver::None, ..Radio::default() }, orders);
        assert!(timeout(Duration::from_millis(20), sources.heard.recv()).await.is_err());
        assert!(!sources.status.borrow()[0].listening);
        sources.stop.stop().await;
        assert!(sources.heard.recv().await.is_none());
    }
}
