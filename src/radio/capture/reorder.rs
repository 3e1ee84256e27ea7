//! One order of time: each capture's own disorder is mended first, then captures are merged.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::path::Path;

use super::tally::{Flaw, Tally};
use super::{Capture, CaptureError, Heard};

/// How far behind the newest of its file an advertisement may come and still be taken in its place, in microseconds.
/// Gateways that send over a network are late by less.
const PATIENCE_US: i64 = 2_000_000;

/// The most advertisements held of one file while they wait for earlier ones: 32,000 a second for 2 s. Of legacy ones
/// that is 10 MB. When there are more, the earliest is let go before its time.
const MAX_HELD: usize = 65_536;

/// An advertisement in its place: by time, then by the order of the file.
struct Held {
    sequence: u64,
    heard: Heard,
}

impl Held {
    fn key(&self) -> (i64, u64) {
        (self.heard.t_us, self.sequence)
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Held {}

/// One capture in order of time.
struct Ordered {
    capture: Capture,
    /// Why the file ended early; told when what was read before has been given.
    error: Option<CaptureError>,
    held: BinaryHeap<Reverse<Held>>,
    sequence: u64,
    newest_us: i64,
    /// The time of the last one given: nothing earlier can follow.
    given_us: i64,
    ended: bool,
}

impl Ordered {
    fn new(capture: Capture) -> Self {
        Self {
            capture,
            error: None,
            held: BinaryHeap::new(),
            sequence: 0,
            newest_us: i64::MIN,
            given_us: i64::MIN,
            ended: false,
        }
    }

    fn next(&mut self) -> Option<Heard> {
        while !self.ended && !self.is_ripe() {
            match self.capture.next() {
                Some(Ok(heard)) => self.hold(heard),
                Some(Err(error)) => self.error = Some(error),
                None => self.ended = true,
            }
        }
        let Reverse(held) = self.held.pop()?;
        self.given_us = held.heard.t_us;
        Some(held.heard)
    }

    /// Whether nothing that may still come can go before the earliest one held.
    fn is_ripe(&self) -> bool {
        let Some(Reverse(earliest)) = self.held.peek() else { return false };
        self.held.len() > MAX_HELD || earliest.heard.t_us <= self.newest_us.saturating_sub(PATIENCE_US)
    }

    fn hold(&mut self, heard: Heard) {
        self.newest_us = self.newest_us.max(heard.t_us);
        let behind = heard.t_us < self.newest_us.saturating_sub(PATIENCE_US) || heard.t_us < self.given_us;
        if behind {
            self.capture.tally.drop_one(Flaw::Late);
            return;
        }
        self.sequence += 1;
        self.held.push(Reverse(Held { sequence: self.sequence, heard }));
    }
}

/// Several captures in one order of time.
pub struct Merged {
    files: Vec<Ordered>,
    /// The next of each file: in `sequence` stands the file's place, so that ties keep the files' order.
    heads: BinaryHeap<Reverse<Held>>,
    started: bool,
}

/// Merges `captures` by time. Of the same instant, files come in the order given, lines in the order of their file.
pub fn merge(captures: Vec<Capture>) -> Merged {
    let files = captures.into_iter().map(Ordered::new).collect();
    Merged { files, heads: BinaryHeap::new(), started: false }
}

impl Merged {
    /// What was found in each file so far.
    pub fn tallies(&self) -> impl Iterator<Item = (&Path, &Tally)> {
        self.files.iter().map(|file| (file.capture.path(), file.capture.tally()))
    }

    /// Puts the next of file number `file` among the heads.
    fn advance(&mut self, file: u64) {
        let ordered = usize::try_from(file).ok().and_then(|place| self.files.get_mut(place));
        if let Some(heard) = ordered.and_then(Ordered::next) {
            self.heads.push(Reverse(Held { sequence: file, heard }));
        }
    }

    /// An error is told as soon as it is met: the file's remaining advertisements follow it.
    fn take_error(&mut self) -> Option<CaptureError> {
        self.files.iter_mut().find_map(|file| file.error.take())
    }
}

impl Iterator for Merged {
    type Item = Result<Heard, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        if !self.started {
            self.started = true;
            (0..self.files.len() as u64).for_each(|file| self.advance(file));
        }
        if let Some(error) = self.take_error() {
            return Some(Err(error));
        }
        let Reverse(Held { sequence: file, heard }) = self.heads.pop()?;
        self.advance(file);
        Some(Ok(heard))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::radio::capture;

    /// A capture with one advertisement for each time in milliseconds; its gateway is its `name`.
    fn capture(name: &str, times_ms: &[i64]) -> Capture {
        let line = |t_ms: &i64| {
            format!(
                r#"{{"t":{},"gateway":"{name}","address":"00:00:00:00:00:00","address_type":"random","rssi":-60,"data":""}}"#,
                t_ms * 1000
            )
        };
        let text: Vec<_> = times_ms.iter().map(line).collect();
        capture::read(Path::new(name), Box::new(Cursor::new(text.join("\n").into_bytes())), None).unwrap()
    }

    fn order(merged: &mut Merged) -> Vec<(i64, String)> {
        merged.map(|heard| heard.map(|heard| (heard.t_us / 1000, heard.gateway.to_string())).unwrap()).collect()
    }

    #[test]
    fn what_is_two_seconds_behind_is_taken_and_more_is_dropped() {
        let mut merged = merge(vec![capture("a", &[5000, 7000, 5000, 4999, 6000])]);
        let times: Vec<_> = order(&mut merged).into_iter().map(|(t, _)| t).collect();
        assert_eq!(times, [5000, 5000, 6000, 7000]);
        assert_eq!(merged.tallies().next().unwrap().1.count(Flaw::Late), 1);
    }

    #[test]
    fn ties_keep_the_order_of_files_and_lines() {
        let mut merged = merge(vec![capture("a", &[2, 3]), capture("b", &[1, 2, 2, 3])]);
        let found = order(&mut merged);
        let found: Vec<_> = found.iter().map(|(t, name)| (*t, name.as_str())).collect();
        assert_eq!(found, [(1, "b"), (2, "a"), (2, "b"), (2, "b"), (3, "a"), (3, "b")]);
    }

    #[test]
    fn one_instant_for_ever_holds_no_more_than_its_bound() {
        let mut ordered = Ordered::new(capture("a", &vec![1; MAX_HELD + 10]));
        assert!(ordered.next().is_some());
        assert_eq!(ordered.held.len(), MAX_HELD);
        let mut rest = 1;
        while ordered.next().is_some() {
            rest += 1;
        }
        assert_eq!(rest, MAX_HELD + 10);
    }
}
