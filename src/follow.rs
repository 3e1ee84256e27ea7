//! Following a tester from the command line: who follows, and what they are told, a line each over the control socket.
//! The core says whom it can be ([`crate::gateway::following`]); whoever is slow to read misses some, and is told.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::clock::Moment;
use crate::gateway::consent::CustomerId;
use crate::gateway::effect::{Happening, Reading, What};

/// A tag that twelve gateways hear twice a second fills this in ten seconds, at 100 bytes each; the newest is dropped.
const QUEUE: usize = 256;

/// Of the socket's connections so many can be taken by those who follow: a withdrawal always finds a free one.
const MAX_FOLLOWERS: usize = 4;

/// Whoever takes no line for so long has gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// One thing that whoever follows a tester is told; `t` is what the machine's clock says, in microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(tag = "told", rename_all = "kebab-case")]
pub enum Told {
    /// The tag was heard.
    Reading {
        /// When.
        t: i64,
        /// By which gateway; of a phone, which fixed beacon it heard.
        gateway: String,
        /// As received, in dBm.
        rssi_dbm: i8,
        /// As if the tag transmitted -59 dBm at 1 m, in dBm.
        level_dbm: f64,
    },
    /// A zone was entered.
    Entered {
        /// When.
        t: i64,
        /// Which.
        zone: String,
        /// How sure, 0 to 1.
        confidence: f64,
    },
    /// Confidence in it was lost.
    Unsure {
        /// When.
        t: i64,
        /// Which.
        zone: String,
        /// How sure, 0 to 1.
        confidence: f64,
    },
    /// Confidence was regained.
    Sure {
        /// When.
        t: i64,
        /// Which.
        zone: String,
        /// How sure, 0 to 1.
        confidence: f64,
    },
    /// It was left.
    Left {
        /// When.
        t: i64,
        /// Which.
        zone: String,
    },
    /// The tag was in the shop for more than three hours: until the next day no zone is told of it.
    AtWork,
    /// So many lines were dropped because they were not read in time.
    Missed {
        /// How many.
        count: u64,
    },
    /// Nothing more is told of this tester.
    Ended {
        /// Why, a sentence.
        why: String,
    },
}

impl Told {
    fn reading(reading: &Reading, t: i64) -> Self {
        let Reading { anchor, rssi_dbm, level_dbm, .. } = reading;
        Self::Reading { t, gateway: anchor.to_string(), rssi_dbm: *rssi_dbm, level_dbm: *level_dbm }
    }

    /// What is told of a happening, if it is about a zone.
    fn happening(what: &What, t: i64) -> Option<Self> {
        match what {
            What::Entered { zone, confidence, .. } => {
                Some(Self::Entered { t, zone: zone.to_string(), confidence: *confidence })
            }
            What::Unsure { zone, confidence, .. } => {
                Some(Self::Unsure { t, zone: zone.to_string(), confidence: *confidence })
            }
            What::Sure { zone, confidence, .. } => {
                Some(Self::Sure { t, zone: zone.to_string(), confidence: *confidence })
            }
            What::Left { zone, .. } => Some(Self::Left { t, zone: zone.to_string() }),
            What::VisitStarted
            | What::VisitEnded
            | What::Dwelled { .. }
            | What::Delivered { .. }
            | What::Withheld { .. } => None,
        }
    }
}

/// Those who follow.
#[derive(Default)]
pub(crate) struct Followers(Vec<Follower>);

struct Follower {
    customer: CustomerId,
    lines: mpsc::Sender<Told>,
    missed: u64,
}

impl Followers {
    /// One more; nothing where there are enough.
    pub(crate) fn admit(&mut self, customer: CustomerId) -> Option<mpsc::Receiver<Told>> {
        self.0.retain(|follower| !follower.lines.is_closed());
        if self.0.len() >= MAX_FOLLOWERS {
            return None;
        }
        let (lines, told) = mpsc::channel(QUEUE);
        self.0.push(Follower { customer, lines, missed: 0 });
        Some(told)
    }

    /// Who is followed.
    pub(crate) fn customers(&self) -> BTreeSet<CustomerId> {
        self.0.iter().map(|follower| follower.customer.clone()).collect()
    }

    /// Lets go of those who have gone, and of those whose tester can be followed no more. Whether there were any.
    pub(crate) fn review(&mut self, may_be_followed: impl Fn(&CustomerId) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|follower| {
            let stays = may_be_followed(&follower.customer);
            if !stays {
                let why = "the consent of this test tag was withdrawn, has ended, or is a test no more".to_owned();
                // Whoever is too slow even for this sees the connection end.
                follower.lines.try_send(Told::Ended { why }).unwrap_or_default();
            }
            stays && !follower.lines.is_closed()
        });
        before != self.0.len()
    }

    /// Tells a reading; `wall_us` is what the clock says at `now`.
    pub(crate) fn read(&mut self, reading: &Reading, now: Moment, wall_us: i64) {
        let t = wall_at(reading.at, now, wall_us);
        self.tell(&reading.customer, || Some(Told::reading(reading, t)));
    }

    /// Tells what happened, if it is about a zone.
    pub(crate) fn happened(&mut self, happening: &Happening, now: Moment, wall_us: i64) {
        let t = wall_at(happening.at, now, wall_us);
        self.tell(&happening.customer, || Told::happening(&happening.what, t));
    }

    /// Tells that zones are not told until the next day.
    pub(crate) fn at_work(&mut self, customer: &CustomerId) {
        self.tell(customer, || Some(Told::AtWork));
    }

    fn tell(&mut self, customer: &CustomerId, told: impl Fn() -> Option<Told>) {
        for follower in self.0.iter_mut().filter(|follower| follower.customer == *customer) {
            if let Some(told) = told() {
                follower.tell(told);
            }
        }
    }
}

impl Follower {
    fn tell(&mut self, told: Told) {
        if self.missed > 0 && self.lines.try_send(Told::Missed { count: self.missed }).is_ok() {
            self.missed = 0;
        }
        if let Err(TrySendError::Full(_)) = self.lines.try_send(told) {
            self.missed = self.missed.saturating_add(1);
        }
    }
}

/// What the clock said at `then`, whether it is believed or not.
fn wall_at(then: Moment, now: Moment, wall_us: i64) -> i64 {
    wall_us.saturating_sub_unsigned(now.monotonic_us.saturating_sub(then.monotonic_us))
}

/// Writes what is told until there is no more, or until the other end has gone or says anything: whoever follows asks
/// nothing else. When it ends, what still waits for a slow reader is told no more: a withdrawal ends what is queued.
pub(crate) async fn stream(
    mut asking: impl AsyncBufRead + Unpin,
    mut write: impl AsyncWrite + Unpin,
    mut told: mpsc::Receiver<Told>,
) -> std::io::Result<()> {
    loop {
        let line = tokio::select! {
            line = told.recv() => line,
            _ = asking.fill_buf() => None,
        };
        let Some(mut line) = line else { return Ok(()) };
        if told.is_closed() {
            while let Ok(newer) = told.try_recv() {
                line = newer;
            }
            if !matches!(line, Told::Ended { .. }) {
                return Ok(());
            }
        }
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        tokio::time::timeout(PATIENCE, write.write_all(&text)).await??;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(customer: &CustomerId, rssi_dbm: i8) -> Reading {
        let at = Moment { monotonic_us: 5, wall_us: None };
        Reading { at, customer: customer.clone(), anchor: "gw".into(), rssi_dbm, level_dbm: f64::from(rssi_dbm) }
    }

    const NOW: Moment = Moment { monotonic_us: 7, wall_us: None };

    #[test]
    fn whoever_is_slow_misses_the_newest_and_is_told_how_many() {
        let (tester, other) = (CustomerId::new("tester").unwrap(), CustomerId::new("other").unwrap());
        let mut followers = Followers::default();
        let mut told = followers.admit(tester.clone()).unwrap();
        for _ in 0..QUEUE + 10 {
            followers.read(&reading(&tester, -60), NOW, 1_000);
            followers.read(&reading(&other, -10), NOW, 1_000);
        }
        let first = told.try_recv().unwrap();
        assert_eq!(first, Told::Reading { t: 998, gateway: "gw".into(), rssi_dbm: -60, level_dbm: -60.0 });
        told.try_recv().unwrap();
        followers.read(&reading(&tester, -61), NOW, 1_000);
        let rest: Vec<Told> = std::iter::from_fn(|| told.try_recv().ok()).collect();
        assert_eq!(rest[QUEUE - 2], Told::Missed { count: 10 });
        assert!(matches!(rest[QUEUE - 1], Told::Reading { rssi_dbm: -61, .. }) && rest.len() == QUEUE);
    }

    #[tokio::test]
    async fn a_withdrawal_ends_what_waits_for_a_slow_reader() {
        let tester = CustomerId::new("tester").unwrap();
        let mut followers = Followers::default();
        let told = followers.admit(tester.clone()).unwrap();
        for _ in 0..20 {
            followers.read(&reading(&tester, -60), NOW, 1_000);
        }
        followers.review(|_| false);
        let (_open, asking) = tokio::io::duplex(1);
        let mut written = Vec::new();
        stream(tokio::io::BufReader::new(asking), &mut written, told).await.unwrap();
        let written = String::from_utf8(written).unwrap();
        assert!(written.lines().count() == 1 && written.contains("\"ended\""), "{written}");
    }

    #[test]
    fn there_is_room_for_a_few_and_a_withdrawal_ends_it() {
        let (tester, other) = (CustomerId::new("tester").unwrap(), CustomerId::new("other").unwrap());
        let mut followers = Followers::default();
        let mut first = followers.admit(tester.clone()).unwrap();
        let rest: Vec<_> = (1..MAX_FOLLOWERS).map(|_| followers.admit(other.clone()).unwrap()).collect();
        assert!(followers.admit(other.clone()).is_none());
        drop(rest);
        assert!(followers.admit(other.clone()).is_some(), "those who have gone leave room");
        assert!(followers.review(|customer| *customer != tester));
        assert!(matches!(first.try_recv(), Ok(Told::Ended { .. })));
        assert!(first.try_recv().is_err() && !followers.customers().contains(&tester));
    }
}
