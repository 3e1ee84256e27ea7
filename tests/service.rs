//! What systemd is told by the real binary, over a real socket: that Emma is up, when she is; that she is alive, while she
//! is; and that she stops.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/daemon.rs"]
mod daemon;

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use daemon::{Daemon, Shop};
use emma::clock::Clock;
use emma::ledger::thread::Ledger;
use emma::ledger::{Store, store::random_key};

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(1);

/// Half of it is the rhythm. That of a shop is a minute; nothing depends on which.
const WATCHDOG: Duration = Duration::from_secs(2);

/// Stands in for systemd, which reads what a service sends to it.
struct Manager(UnixDatagram);

impl Manager {
    fn of(shop: &Shop) -> (Self, String) {
        let path = shop.config().join("notify");
        (Self(UnixDatagram::bind(&path).unwrap()), path.to_str().unwrap().to_owned())
    }

    /// The next datagram; nothing where none comes in that time.
    fn told(&self, within: Duration) -> Option<String> {
        let mut buffer = [0; 4096];
        self.0.set_read_timeout(Some(within)).unwrap();
        self.0.recv(&mut buffer).ok().map(|length| String::from_utf8(buffer[..length].to_vec()).unwrap())
    }

    /// Waits for the datagram that begins so.
    fn until(&self, beginning: &str) -> String {
        std::iter::from_fn(|| self.told(PATIENCE))
            .find(|told| told.starts_with(beginning))
            .unwrap_or_else(|| panic!("no {beginning}"))
    }

    /// Reads until nothing comes any more.
    fn until_silent(&self, for_long: Duration) {
        while self.told(for_long).is_some() {}
    }
}

/// Emma as a service that is watched.
fn watched(shop: &Shop, socket: &str) -> Daemon {
    shop.run_with(&[("NOTIFY_SOCKET", socket), ("WATCHDOG_USEC", &WATCHDOG.as_micros().to_string())])
}

#[test]
fn a_service_is_up_when_its_ledger_is_open_and_it_answers() {
    let shop = Shop::new(1);
    let (manager, socket) = Manager::of(&shop);
    let emma = watched(&shop, &socket);
    let first = manager.told(PATIENCE).unwrap();
    let (ready, status) = first.split_once('\n').unwrap();
    assert_eq!(ready, "READY=1", "the first word");
    assert!(status.starts_with("STATUS=") && status.contains("broker: ") && !status.contains('\n'), "{status}");
    assert!(shop.state().join("ledger.db").exists(), "the ledger is open");
    let asked =
        Command::new(env!("CARGO_BIN_EXE_emma")).arg("status").arg("--config").arg(shop.config()).output().unwrap();
    assert!(asked.status.success(), "and whoever asks is answered: {}", String::from_utf8_lossy(&asked.stderr));
    for _ in 0..3 {
        assert_eq!(manager.until("WATCHDOG"), "WATCHDOG=1");
    }
    assert_eq!(emma.terminate(), Some(0));
    assert!(manager.until("STOPPING=1").contains("\nSTATUS="));
}

#[test]
fn a_configuration_with_an_error_is_never_up() {
    let shop = Shop::new(1);
    shop.write("promise.toml", "caps = 7\n");
    let (manager, socket) = Manager::of(&shop);
    assert_eq!(watched(&shop, &socket).exit_code(), Some(78));
    assert_eq!(manager.told(Duration::from_millis(100)), None);
}

#[test]
fn a_process_that_hangs_is_not_said_to_be_alive() {
    let shop = Shop::new(1);
    let (manager, socket) = Manager::of(&shop);
    let emma = watched(&shop, &socket);
    manager.until("WATCHDOG");
    emma.signal("STOP");
    manager.until_silent(WATCHDOG * 2);
    emma.signal("CONT");
    manager.until("WATCHDOG");
}

#[test]
fn a_manager_may_listen_where_there_is_no_file() {
    let shop = Shop::new(1);
    let name = format!("emma-notify-{}", std::process::id());
    let manager = Manager(UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap());
    let _emma = watched(&shop, &format!("@{name}"));
    manager.until("READY=1");
}

#[test]
fn nobody_who_listens_is_no_reason_to_stay_down() {
    let shop = Shop::new(1);
    let emma = watched(&shop, "/nowhere/notify");
    while !shop.log().contains("Emma is up") {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(shop.log().contains("NOTIFY_SOCKET cannot be reached"), "{}", shop.log());
    assert_eq!(emma.terminate(), Some(0));
}

/// What keeps the thread here keeps it as a disk would: it does not come back.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_hangs_does_not_turn() {
    let folder = tempfile::TempDir::new().unwrap();
    let clock = Clock::start();
    let store = Store::open(&folder.path().join("ledger.db"), random_key().unwrap()).unwrap();
    let (ledger, thread, _answers) = Ledger::start(store, clock).unwrap();
    let turns = async |after_us: u64| {
        while ledger.gauges().turned_us() <= after_us {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    turns(clock.monotonic_us()).await;
    let (hangs, hanging) = channel::<()>();
    let (begins, begun) = channel();
    let asked = tokio::spawn({
        let ledger = ledger.clone();
        async move {
            ledger
                .read(move |_| {
                    begins.send(()).unwrap();
                    hanging.recv().unwrap_or_default();
                    Ok(())
                })
                .await
        }
    });
    tokio::task::spawn_blocking(move || begun.recv()).await.unwrap().unwrap();
    let then_us = ledger.gauges().turned_us();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(ledger.gauges().turned_us(), then_us, "idle it turns every second");
    drop(hangs);
    asked.await.unwrap().unwrap();
    turns(then_us).await;
    ledger.stop();
    thread.join().unwrap();
}
