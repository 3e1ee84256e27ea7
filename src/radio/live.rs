//! The sources that a configuration asks for, started together and stopped together.

use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tracing::{error, warn};

use super::source::{Heard, Orders, Outlet, SourceStatus, Switchboard};
use super::{btleplug, over_mqtt, playback};
use crate::config::gateway::{Driver, Gateway, Radio};
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

/// The library that `config` comes to in this build: `btleplug` or `none`.
pub fn driver_name(config: &Radio) -> &'static str {
    match config.driver {
        Driver::Auto | Driver::Bluez | Driver::Btleplug => "btleplug",
        Driver::None => "none",
    }
}

/// Starts the sources that `config` asks for. They begin to listen by themselves, now and after every outage: a radio
/// or a broker that is not there is no error, the status says so until it is. Must be called within a tokio runtime.
///
/// # Errors
/// The connection to a broker cannot even be tried.
pub fn start(config: &Gateway, orders: Orders) -> Result<Sources, OptionsError> {
    let (board, heard) = Switchboard::new(orders);
    let mut signals = Vec::new();
    let outlet = board.outlet(driver_name(&config.radio), config.radio.adapter.clone());
    if config.radio.driver != Driver::None {
        let adapter = config.radio.adapter.clone();
        signals.push(spawn("radio", outlet, move |outlet, stop| btleplug::run(adapter.as_deref(), outlet, stop)));
    }
    if let Some(capture) = config.playback.clone() {
        let outlet = board.outlet("capture", None);
        signals.push(spawn("capture", outlet, move |outlet, stop| playback::run(&capture, outlet, stop)));
    }
    let listeners: Vec<Listener> =
        [over_mqtt::scanners(&board)?, over_mqtt::phones(&board)?].into_iter().flatten().collect();
    let status = board.status();
    let silence = (signals.is_empty() && listeners.is_empty()).then_some(board);
    Ok(Sources { heard, status: status.clone(), stop: Stop { signals, listeners, status, silence } })
}

/// Runs a source in a thread of its own, and gives the signal that stops it. Where the system gives no thread, the source
/// has ended at once.
fn spawn(
    name: &str,
    outlet: Outlet,
    run: impl FnOnce(Outlet, oneshot::Receiver<()>) + Send + 'static,
) -> oneshot::Sender<()> {
    let (signal, stopped) = oneshot::channel();
    if let Err(error) = thread::Builder::new().name(name.to_owned()).spawn(move || run(outlet, stopped)) {
        error!("the system gives no thread to listen with ({name}): {error}");
    }
    signal
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
        let mut gateway = shipped().gateway;
        gateway.radio.driver = Driver::None;
        gateway.mqtt = None;
        let mut sources = start(&gateway, orders).unwrap();
        assert!(timeout(Duration::from_millis(20), sources.heard.recv()).await.is_err());
        assert!(!sources.status.borrow()[0].listening);
        sources.stop.stop().await;
        assert!(sources.heard.recv().await.is_none());
    }
}
