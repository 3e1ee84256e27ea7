//! A radio that listens now: what it hears, how it fares, and how it is stopped.
//!
//! A driver has a thread of its own and never waits for whoever takes what it hears: what does not fit into the channel
//! is dropped and counted. Nothing here, nor in a driver, logs an address, a name or a payload at any level.

use std::time::Duration;
use std::{fmt, thread};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tracing::{error, info, warn};

use super::btleplug;
use crate::config::Name;
use crate::config::gateway::{Driver, Radio};
use crate::gateway::advertisement::Address;

/// So many advertisements wait to be taken; when they do, the newest is dropped. A level is a median over many, so one
/// lost is not missed. A fast core hears at most 1,550 in a second through D-Bus: the core may stall for 0.6 s. Legacy
/// advertisements keep it under 100 KB, the longest extended ones under 2 MB.
const CHANNEL: usize = 1_024;

/// A driver that was told to stop has ended after so long, or is left behind: the 2 s that it gives the scan, and one
/// more for what it was in the middle of.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// One advertisement, heard just now.
#[derive(Clone, PartialEq, Eq)]
pub struct Heard {
    /// Who transmitted. Where the system hides addresses (macOS), random and all zeros.
    pub address: Address,
    /// The advertising data as AD structures, at most
    /// [`MAX_PAYLOAD_LEN`](crate::gateway::advertisement::MAX_PAYLOAD_LEN) bytes, never empty.
    pub payload: Vec<u8>,
    /// Received signal strength in dBm, never 127 ("not available").
    pub rssi_dbm: i8,
}

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Heard(..)")
    }
}

/// How the radio fares. A change of a count alone wakes nobody who watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RadioStatus {
    /// Which library drives it: `btleplug` or `none`.
    pub driver: &'static str,
    /// The adapter that listens, or the one that was asked for.
    pub adapter: Option<Name>,
    /// Whether it listens.
    pub scanning: bool,
    /// Times that scanning was started again. An empty shop is not a dead radio: some of them changed nothing.
    pub restarts: u64,
    /// Advertisements dropped because they were not taken in time.
    pub dropped: u64,
    /// Why it does not listen, or last did not.
    pub last_error: Option<String>,
}

/// A running source.
#[derive(Debug)]
pub struct LiveRadio {
    /// What it hears; ends when the source has stopped.
    pub heard: mpsc::Receiver<Heard>,
    /// How it fares.
    pub status: watch::Receiver<RadioStatus>,
    /// Stops it.
    pub stop: Stop,
}

/// Stops a source; dropping it asks the same without waiting.
#[derive(Debug)]
pub struct Stop {
    signal: oneshot::Sender<()>,
    status: watch::Receiver<RadioStatus>,
    /// The far ends of a source that never says anything.
    _silence: Option<Outlet>,
}

impl Stop {
    /// Ends the scan and waits until the source has ended, at most 3 s.
    pub async fn stop(self) {
        let Self { signal, mut status, _silence: silence } = self;
        drop((signal, silence));
        // The source's end of the status is gone when the source is.
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

/// Starts the source that `config` asks for. It begins to listen by itself, now and after every outage: a radio that is
/// not there is no error, the status says so until it is. Where the system gives no thread, the source has ended at once,
/// and its status says why.
pub fn start(config: &Radio) -> LiveRadio {
    let (heard, heard_taken) = mpsc::channel(CHANNEL);
    let (status, status_watched) = watch::channel(RadioStatus {
        driver: driver_name(config),
        adapter: config.adapter.clone(),
        scanning: false,
        restarts: 0,
        dropped: 0,
        last_error: None,
    });
    let outlet = Outlet { heard, status: status.clone(), standing: Standing::New };
    let (signal, stopped) = oneshot::channel();
    let silence = if config.driver == Driver::None {
        Some(outlet)
    } else {
        let adapter = config.adapter.clone();
        let run = move || btleplug::run(adapter.as_deref(), outlet, stopped);
        if let Err(error) = thread::Builder::new().name("radio".to_owned()).spawn(run) {
            error!("the system gives no thread for the radio: {error}");
            status.send_modify(|status| status.last_error = Some(error.to_string()));
        }
        None
    };
    let stop = Stop { signal, status: status_watched.clone(), _silence: silence };
    LiveRadio { heard: heard_taken, status: status_watched, stop }
}

/// Where a driver stands, so that an outage is two lines in the log however long it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    New,
    Listening,
    Outage { listened_before: bool },
}

/// Where a driver puts what it hears and how it fares.
#[derive(Debug)]
pub(super) struct Outlet {
    heard: mpsc::Sender<Heard>,
    status: watch::Sender<RadioStatus>,
    standing: Standing,
}

impl Outlet {
    /// Hands one advertisement on, or drops and counts it.
    pub(super) fn hear(&self, heard: Heard) {
        if let Err(TrySendError::Full(_)) = self.heard.try_send(heard) {
            self.count(|status| status.dropped += 1);
        }
    }

    /// The scan was started again.
    pub(super) fn restarted(&self) {
        self.count(|status| status.restarts += 1);
    }

    /// The scan runs on `adapter`.
    pub(super) fn listening(&mut self, adapter: &str) {
        match self.standing {
            Standing::New => info!(adapter, "the radio listens"),
            Standing::Listening => {}
            Standing::Outage { .. } => info!(adapter, "the radio listens again"),
        }
        let again = self.standing == Standing::Outage { listened_before: true };
        self.standing = Standing::Listening;
        self.status.send_modify(|status| {
            status.adapter = Some(adapter.into());
            status.scanning = true;
            status.restarts += u64::from(again);
        });
    }

    /// Nothing is heard, and why.
    pub(super) fn outage(&mut self, reason: &str) {
        if !matches!(self.standing, Standing::Outage { .. }) {
            warn!(reason, "the radio does not listen; it is tried again until it does");
            self.standing = Standing::Outage { listened_before: self.standing == Standing::Listening };
        }
        self.status.send_if_modified(|status| {
            let changed = status.scanning || status.last_error.as_deref() != Some(reason);
            status.scanning = false;
            status.last_error = Some(reason.to_owned());
            changed
        });
    }

    /// Returns when nobody takes what is heard any more.
    pub(super) async fn closed(&self) {
        self.heard.closed().await;
    }

    fn count(&self, change: impl FnOnce(&mut RadioStatus)) {
        self.status.send_if_modified(|status| {
            change(status);
            false
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::advertisement::AddressKind;

    fn outlet(room: usize) -> (Outlet, mpsc::Receiver<Heard>) {
        let (heard, taken) = mpsc::channel(room);
        let status = RadioStatus {
            driver: "btleplug",
            adapter: None,
            scanning: false,
            restarts: 0,
            dropped: 0,
            last_error: None,
        };
        (Outlet { heard, status: watch::Sender::new(status), standing: Standing::New }, taken)
    }

    fn heard(rssi_dbm: i8) -> Heard {
        Heard { address: Address { bytes: [1; 6], kind: AddressKind::Random }, payload: vec![2, 1, 6], rssi_dbm }
    }

    #[test]
    fn what_does_not_fit_is_dropped_the_newest_first_and_counted_quietly() {
        let (outlet, mut taken) = outlet(2);
        let watching = outlet.status.subscribe();
        for rssi_dbm in [-50, -51, -52, -53] {
            outlet.hear(heard(rssi_dbm));
        }
        assert_eq!(taken.try_recv().unwrap().rssi_dbm, -50);
        assert_eq!(taken.try_recv().unwrap().rssi_dbm, -51);
        assert!(taken.try_recv().is_err());
        assert_eq!(watching.borrow().dropped, 2);
        assert!(!watching.has_changed().unwrap());
    }

    #[test]
    fn listening_again_counts_as_a_restart_the_first_time_does_not() {
        let (mut outlet, _taken) = outlet(1);
        outlet.outage("no adapter");
        outlet.listening("hci0");
        assert_eq!(outlet.status.borrow().restarts, 0);
        outlet.outage("switched off");
        outlet.outage("no adapter");
        assert!(!outlet.status.borrow().scanning);
        outlet.listening("hci0");
        let status = outlet.status.borrow().clone();
        assert_eq!((status.scanning, status.restarts), (true, 1));
        assert_eq!(status.last_error.as_deref(), Some("no adapter"));
    }

    #[tokio::test]
    async fn no_radio_says_nothing_until_it_is_stopped() {
        let mut radio = start(&Radio { driver: Driver::None, adapter: None });
        assert!(timeout(Duration::from_millis(20), radio.heard.recv()).await.is_err());
        assert!(!radio.status.borrow().scanning);
        radio.stop.stop().await;
        assert!(radio.heard.recv().await.is_none());
    }
}
