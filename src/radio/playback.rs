//! Captures as a source: what was recorded is heard again, at the speed at which it was recorded or a multiple of it.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::capture::{self, Capture, CaptureError};
use super::source::{Heard, Outlet};
use crate::clock::Clock;
use crate::config::playback::Playback;

/// It is asked this often whether it shall stop, so a stop waits no longer.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Plays the captures, merged by time, until their end or until it is told to stop. A file that cannot be read ends it
/// before it has begun; one that cannot be read on leaves the others.
pub(super) fn run(playback: &Playback, mut outlet: Outlet, mut stop: oneshot::Receiver<()>) {
    let captures = match open(&playback.files) {
        Ok(captures) => captures,
        Err(error) => return outlet.outage(&error.to_string()),
    };
    let name = playback.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
    outlet.listening(&name, None, None);
    let clock = Clock::start();
    let begun_us = clock.monotonic_us();
    let mut first_us = None;
    let mut merged = capture::merge(captures);
    for heard in merged.by_ref() {
        let Ok(heard) = heard else {
            outlet.reject("unreadable");
            continue;
        };
        let offset_us = heard.t_us.saturating_sub(*first_us.get_or_insert(heard.t_us)).max(0).unsigned_abs();
        let due_us = begun_us.saturating_add(offset_us / u64::from(playback.speed.max(1)));
        if !wait_until(due_us, clock, &outlet, &mut stop) {
            return outlet.ended(None);
        }
        let capture::Heard { gateway, address, payload, rssi_dbm, .. } = heard;
        outlet.hear(Heard::Advertisement { gateway: Some(gateway), address, payload, rssi_dbm });
    }
    let damaged: u64 = merged.tallies().map(|(_, tally)| tally.damaged()).sum();
    (0..damaged).for_each(|_| outlet.reject("damaged"));
    outlet.ended(Some("the captures have been played to their end"));
}

fn open(files: &[PathBuf]) -> Result<Vec<Capture>, CaptureError> {
    files.iter().map(|file| capture::open(file, None)).collect()
}

/// Whether the time has come; false where it is told to stop first.
fn wait_until(due_us: u64, clock: Clock, outlet: &Outlet, stop: &mut oneshot::Receiver<()>) -> bool {
    loop {
        // The other end of the signal is only ever dropped.
        if stop.try_recv() != Err(TryRecvError::Empty) || outlet.board().is_closed() {
            return false;
        }
        let left = Duration::from_micros(due_us.saturating_sub(clock.monotonic_us()));
        if left.is_zero() {
            return true;
        }
        thread::sleep(left.min(LOOK_EVERY));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::testing::shipped;
    use crate::gateway::consent::Needs;
    use crate::radio::source::{Orders, Switchboard};

    fn capture(dir: &tempfile::TempDir, name: &str, times_us: &[i64]) -> PathBuf {
        let path = dir.path().join(name);
        let line = |t: &i64| {
            format!(
                r#"{{"t":{t},"gateway":"{name}","address":"C0:FF:EE:00:00:01","address_type":"random","rssi":-60,"data":"020106"}}"#
            )
        };
        std::fs::write(&path, times_us.iter().map(line).collect::<Vec<_>>().join("\n")).unwrap();
        path
    }

    fn play(files: Vec<PathBuf>, speed: u32) -> (Vec<String>, crate::radio::source::SourceStatus, u64) {
        let (board, mut taken) = Switchboard::new(Orders::fixed(Needs::default(), Arc::new(shipped())));
        let (_signal, stop) = oneshot::channel();
        let clock = Clock::start();
        let begun_us = clock.monotonic_us();
        run(&Playback { files, speed }, board.outlet("capture", None), stop);
        let mut gateways = Vec::new();
        while let Ok(Heard::Advertisement { gateway, .. }) = taken.try_recv() {
            gateways.push(gateway.unwrap().to_string());
        }
        let status = board.status().borrow()[0].clone();
        (gateways, status, clock.monotonic_us() - begun_us)
    }

    #[test]
    fn captures_are_heard_in_the_order_of_their_time_and_not_faster_than_asked() {
        let dir = tempfile::tempdir().unwrap();
        let files = vec![capture(&dir, "a", &[1_000_000, 4_000_000]), capture(&dir, "b", &[2_000_000, 3_000_000])];
        let (gateways, status, took_us) = play(files, 10);
        assert_eq!(gateways, ["a", "b", "b", "a"]);
        assert!(took_us >= 300_000, "{took_us}");
        assert_eq!((status.heard, status.listening), (4, false));
        assert_eq!(status.last_error.as_deref(), Some("the captures have been played to their end"));
    }

    #[test]
    fn a_file_that_is_none_is_said_and_nothing_is_played() {
        let dir = tempfile::tempdir().unwrap();
        let files = vec![capture(&dir, "a", &[1_000_000]), dir.path().join("absent")];
        let (gateways, status, _) = play(files, 1);
        assert!(gateways.is_empty());
        assert!(status.last_error.unwrap().contains("absent: cannot be read"));
    }

    #[test]
    fn it_stops_when_told_to_whatever_is_still_to_come() {
        let dir = tempfile::tempdir().unwrap();
        let files = vec![capture(&dir, "a", &[0, 86_400_000_000])];
        let (board, _taken) = Switchboard::new(Orders::fixed(Needs::default(), Arc::new(shipped())));
        let (signal, stop) = oneshot::channel();
        let outlet = board.outlet("capture", None);
        let player = thread::spawn(move || run(&Playback { files, speed: 1 }, outlet, stop));
        drop(signal);
        player.join().unwrap();
        assert!(!board.status().borrow()[0].listening);
    }
}
