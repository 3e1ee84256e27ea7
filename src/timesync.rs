//! Whether the wall clock can be believed: a Pi has no battery clock and may boot years off.
//!
//! The system is asked, not the time: on Linux either systemd-timesyncd has left its mark since boot, or the kernel's
//! clock is disciplined by whatever does that there (chrony, ntpd), as `timedatectl` shows. Elsewhere nobody is asked and
//! the clock is not believed, unless the configuration says so.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::{info, warn};

/// While time is unknown nothing is offered, so it is asked for often.
const UNTIL_SYNCHRONISED: Duration = Duration::from_secs(15);

/// A clock that was right drifts by some 20 ppm: 6 ms in 5 minutes.
const AFTERWARDS: Duration = Duration::from_mins(5);

/// The task that keeps asking; it ends when this is dropped.
#[derive(Debug)]
pub struct TimeSync {
    /// Whether the wall clock is believed now; it can be lost again.
    pub synchronised: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl TimeSync {
    /// Starts asking; with `assumed`, believes without. Must be called within a tokio runtime.
    pub fn start(assumed: bool) -> Self {
        let (said, synchronised) = watch::channel(assumed);
        let task = tokio::spawn(async move {
            if assumed {
                said.closed().await;
            } else {
                keep_asking(&said, self::synchronised, pause_after).await;
            }
        });
        Self { synchronised, task }
    }
}

impl Drop for TimeSync {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether the system says that its clock is synchronised; no within 2 s if nobody answers.
pub async fn synchronised() -> bool {
    // A question over D-Bus blocks.
    tokio::task::spawn_blocking(system::synchronised).await.unwrap_or(false)
}

/// Asks until nobody wants to know, and says what changed.
async fn keep_asking(said: &watch::Sender<bool>, ask: impl AsyncFn() -> bool, pause: impl Fn(bool) -> Duration) {
    loop {
        let now = ask().await;
        if said.send_if_modified(|before| std::mem::replace(before, now) != now) {
            if now {
                info!("the clock is synchronised");
            } else {
                warn!("the clock is no longer synchronised; what needs the time waits");
            }
        }
        tokio::select! {
            () = said.closed() => return,
            () = sleep(pause(now)) => {}
        }
    }
}

fn pause_after(synchronised: bool) -> Duration {
    if synchronised { AFTERWARDS } else { UNTIL_SYNCHRONISED }
}

#[cfg(target_os = "linux")]
mod system {
    use std::path::Path;
    use std::time::Duration;

    use dbus::blocking::Connection;
    use dbus::blocking::stdintf::org_freedesktop_dbus::Properties;

    /// systemd-timesyncd touches it at each synchronisation since boot (systemd-timesyncd.service(8)).
    const MARK: &str = "/run/systemd/timesync/synchronized";

    /// An answer that takes longer counts as no; it is asked again soon.
    const TIMEOUT: Duration = Duration::from_secs(2);

    pub(super) fn synchronised() -> bool {
        Path::new(MARK).exists() || ntp_synchronised().unwrap_or(false)
    }

    /// `NTPSynchronized` of systemd-timedated: the kernel's own view (org.freedesktop.timedate1(5)).
    fn ntp_synchronised() -> Result<bool, dbus::Error> {
        let bus = Connection::new_system()?;
        let timedate = bus.with_proxy("org.freedesktop.timedate1", "/org/freedesktop/timedate1", TIMEOUT);
        timedate.get("org.freedesktop.timedate1", "NTPSynchronized")
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn synchronised() -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test]
    async fn what_is_assumed_is_said_at_once_and_stays() {
        let time = TimeSync::start(true);
        assert!(*time.synchronised.borrow());
        tokio::task::yield_now().await;
        assert!(!time.synchronised.has_changed().unwrap());
    }

    #[tokio::test]
    async fn each_change_is_said_the_loss_as_well() {
        let (said, watching) = watch::channel(false);
        let (answers, watching) = (RefCell::new([false, true, true, false].into_iter()), RefCell::new(Some(watching)));
        let (seen, pauses) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let ask = async || {
            seen.borrow_mut().push(*said.borrow());
            let answer = answers.borrow_mut().next();
            if answer.is_none() {
                watching.borrow_mut().take();
            }
            answer.unwrap_or_default()
        };
        let pause = |synchronised| {
            pauses.borrow_mut().push(pause_after(synchronised));
            Duration::from_millis(1)
        };
        keep_asking(&said, ask, pause).await;
        assert_eq!(seen.borrow()[..5], [false, false, true, true, false]);
        let (often, seldom) = (UNTIL_SYNCHRONISED, AFTERWARDS);
        assert_eq!(pauses.borrow()[..4], [often, seldom, seldom, often]);
    }
}
