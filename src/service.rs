//! What whoever started Emma as a service is told (systemd's `sd_notify(3)`): that she is up, how she does, that she is
//! alive, and that she stops. Datagrams of a line each; where nobody asked for them, none.
//!
//! Of our own, and not the crate `sd-notify`: that one waits for a manager whose queue is full, which would hang the very
//! loop that it is to vouch for, and knows no abstract sockets.

use std::ffi::OsStr;
use std::future::pending;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};

use crate::mqtt::state::{ClockTrust, State};
use crate::mqtt::status::Standing;

/// Whoever started Emma, if it wants to be told anything.
#[derive(Debug, Default)]
pub struct Service {
    manager: Option<UnixDatagram>,
    watchdog: Option<Watchdog>,
    is_up: bool,
    status: String,
}

/// It ends whoever does not say in time that it is alive.
#[derive(Debug)]
struct Watchdog {
    /// In which time.
    within: Duration,
    /// Twice as often.
    due: Interval,
}

impl Service {
    /// As the environment says, inside the runtime; a socket that cannot be reached is told to the log.
    pub fn find() -> Self {
        let Some(address) = std::env::var_os("NOTIFY_SOCKET") else { return Self::default() };
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let watched = watched(number("WATCHDOG_USEC"), number("WATCHDOG_PID"), std::process::id());
        match connect(&address) {
            Ok(manager) => Self { manager: Some(manager), watchdog: watched.map(Watchdog::new), ..Self::default() },
            Err(error) => {
                tracing::warn!(%error, "NOTIFY_SOCKET cannot be reached: nobody is told that this service is up");
                Self::default()
            }
        }
    }

    /// Ends when it is time to say that one is alive; never where nobody asks.
    pub async fn is_due(&mut self) {
        match &mut self.watchdog {
            Some(watchdog) => {
                watchdog.due.tick().await;
            }
            None => pending().await,
        }
    }

    /// Says that the loop is alive, if what it cannot do without was as well, `ago_us` microseconds ago.
    pub fn feed(&self, ago_us: u64) {
        let hangs = |watchdog: &Watchdog| Duration::from_micros(ago_us) > watchdog.within;
        if !self.watchdog.as_ref().is_some_and(hangs) {
            self.tell("WATCHDOG=1");
        }
    }

    /// Says how the loop finds everything, where that is news, and the first time that it is up.
    pub fn looked(&mut self, status: String) {
        if self.status == status {
            return;
        }
        let up = if self.is_up { "" } else { "READY=1\n" };
        // Said again at the next look, where the manager was too busy for it.
        if self.tell(&format!("{up}STATUS={status}")) {
            (self.is_up, self.status) = (true, status);
        }
    }

    /// Says that it ends.
    pub fn stops(&self) {
        self.tell("STOPPING=1\nSTATUS=stops: says offline, keeps what waits");
    }

    /// Whether there is nobody to tell, or it was told. It is not waited for.
    fn tell(&self, what: &str) -> bool {
        let busy = |error: io::Error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted);
        self.manager.as_ref().is_none_or(|manager| !manager.send(what.as_bytes()).is_err_and(busy))
    }
}

impl Watchdog {
    fn new(within: Duration) -> Self {
        let mut due = tokio::time::interval(within / 2);
        // A loop that was late says once that it is alive, and not once for each time it did not.
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is at once, and there is nothing to vouch for yet.
        due.reset();
        Self { within, due }
    }
}

/// In which time this process is to say that it is alive: it is the one that is meant, or no one is named.
fn watched(usec: Option<u64>, meant: Option<u64>, me: u32) -> Option<Duration> {
    let is_meant = meant.is_none_or(|meant| meant == u64::from(me));
    // Half of it is the rhythm, which has to be a time at all.
    usec.filter(|usec| is_meant && *usec >= 2).map(Duration::from_micros)
}

/// A path, or a name that begins with `@` for one that is in no file system.
fn connect(address: &OsStr) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    match address.as_encoded_bytes() {
        [b'@', name @ ..] => connect_abstract(&socket, name)?,
        _ => socket.connect(address)?,
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(target_os = "linux")]
fn connect_abstract(socket: &UnixDatagram, name: &[u8]) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    socket.connect_addr(&std::os::unix::net::SocketAddr::from_abstract_name(name)?)
}

#[cfg(not(target_os = "linux"))]
fn connect_abstract(_: &UnixDatagram, _: &[u8]) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// How Emma does, on one line for `systemctl status`; nothing of customers.
pub fn status_line(state: &State, session: Option<Standing>) -> String {
    let listening = state.sources.iter().filter(|source| source.listening).count();
    let broker = session.map_or("none", Standing::word);
    let clock = match state.clock {
        ClockTrust::Synchronised => "synchronised",
        ClockTrust::Assumed => "assumed",
        ClockTrust::Untrusted => "not trusted, nothing is said",
    };
    let paused = if state.paused_until_us.is_some() { "; PAUSED" } else { "" };
    let refused = if state.refused.is_some() { "; a changed configuration is refused" } else { "" };
    format!("{listening} of {} sources listen; broker: {broker}; clock: {clock}{paused}{refused}", state.sources.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(within: Option<Duration>) -> (Service, UnixDatagram) {
        let (manager, other) = UnixDatagram::pair().unwrap();
        manager.set_nonblocking(true).unwrap();
        other.set_nonblocking(true).unwrap();
        (Service { manager: Some(manager), watchdog: within.map(Watchdog::new), ..Service::default() }, other)
    }

    fn told(manager: &UnixDatagram) -> Vec<String> {
        let mut buffer = [0; 512];
        let mut next =
            || manager.recv(&mut buffer).ok().map(|length| String::from_utf8(buffer[..length].to_vec()).unwrap());
        std::iter::from_fn(&mut next).collect()
    }

    #[test]
    fn the_watchdog_is_for_the_process_that_it_names() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(watched(Some(1_000_000), None, 7), second);
        assert_eq!(watched(Some(1_000_000), Some(7), 7), second);
        assert_eq!(watched(Some(1_000_000), Some(8), 7), None);
        assert_eq!(watched(Some(0), None, 7), None);
        assert_eq!(watched(None, None, 7), None);
    }

    #[tokio::test]
    async fn a_ledger_that_hangs_is_not_vouched_for() {
        let (service, manager) = service(Some(Duration::from_mins(1)));
        service.feed(60_000_001);
        assert_eq!(told(&manager), [""; 0]);
        service.feed(60_000_000);
        assert_eq!(told(&manager), ["WATCHDOG=1"]);
    }

    #[tokio::test]
    async fn what_is_no_news_is_not_told_and_up_is_told_once() {
        let (mut service, manager) = service(None);
        for status in ["a", "a", "b"] {
            service.looked(status.to_owned());
        }
        service.stops();
        let stops = "STOPPING=1\nSTATUS=stops: says offline, keeps what waits";
        assert_eq!(told(&manager), ["READY=1\nSTATUS=a", "STATUS=b", stops]);
    }

    #[tokio::test]
    async fn a_manager_that_takes_nothing_holds_nobody_up() {
        let (mut service, manager) = service(Some(Duration::from_mins(1)));
        (0..10_000).for_each(|_| service.feed(0));
        service.looked("up".to_owned());
        let before = told(&manager);
        assert!(before.iter().all(|line| line == "WATCHDOG=1"), "{before:?}");
        service.looked("up".to_owned());
        assert_eq!(told(&manager), ["READY=1\nSTATUS=up"], "what it had no room for is told again");
    }
}
