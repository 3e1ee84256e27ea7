//! A ledger and a session as the daemon wires them, and no radio: whatever a test asks it to offer is committed on a real
//! disk, and handed over to a real broker.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeSet;
use std::path::Path;

use emma::clock::Clock;
use emma::gateway::cap::CapRule;
use emma::gateway::effect::{Answer, Reservation};
use emma::gateway::key::Key;
use emma::ledger::folder::Folder;
use emma::ledger::order::Told;
use emma::ledger::thread::{Answers, Handle, Ledger};
use emma::mqtt::event::{Draft, OfferIds, drafts};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::deliveries::{KEY, reservation};
use crate::listener::{Emma, mqtt, until};

/// An offer that a test wants to be made.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) customer: u64,
    /// Whom it goes to besides the push relay.
    pub(crate) also: Option<&'static str>,
    /// For how long it may be said, in milliseconds.
    pub(crate) fresh_ms: i64,
}

/// One recipient's copy of an offer that the ledger granted.
#[derive(Clone, Debug)]
pub(crate) struct Committed {
    pub(crate) delivery: String,
    pub(crate) topic: String,
    pub(crate) event: String,
    pub(crate) offer: String,
    /// When it was asked for, and until when it may be said (wall, microseconds).
    pub(crate) asked_us: i64,
    pub(crate) expires_us: i64,
}

/// A gateway without a radio.
pub(crate) struct Teller {
    pub(crate) emma: Emma<Ledger>,
    pub(crate) ledger: Ledger,
    dir: TempDir,
    _folder: Folder,
    thread: Handle,
    answers: Answers,
    /// What an offer is made from; reading the shipped configuration anew for each takes long.
    pattern: Reservation,
    offers: i64,
}

impl Teller {
    /// One whose broker is on `port`.
    pub(crate) fn start(port: u16) -> Self {
        let dir = TempDir::new().unwrap();
        let folder = Folder::open(&dir.path().join("state")).unwrap();
        let store = folder.store(KEY).unwrap();
        let clock = Clock::start();
        let (ledger, thread, answers) = Ledger::start(store, clock).unwrap();
        let emma = Emma::over(ledger.clone(), &mqtt(port), clock);
        let pattern = Reservation { caps: Vec::new(), ..reservation("pattern", clock.wall_us()) };
        Self { emma, ledger, dir, _folder: folder, thread, answers, pattern, offers: 0 }
    }

    /// Asks for an offer, under these caps.
    pub(crate) fn ask(&mut self, wanted: &Wanted, caps: Vec<CapRule>) -> Vec<Committed> {
        self.offers += 1;
        let asked_us = self.emma.clock.wall_us();
        let reservation = reservation_of(&self.pattern, wanted, self.offers, asked_us, caps);
        let drafts = drafts_of(&reservation);
        let delivery = &reservation.delivery.id.0;
        let committed = drafts.iter().map(|draft| committed(draft, delivery, asked_us)).collect();
        self.ledger.reserve(Box::new(reservation), drafts);
        committed
    }

    /// The ledger's next answer.
    pub(crate) async fn answer(&mut self) -> Answer {
        loop {
            if let Told::Reserved(_, answer) = self.answers.recv().await.unwrap() {
                return answer;
            }
        }
    }

    /// Makes these offers, which nothing speaks against.
    pub(crate) async fn commit(&mut self, wanted: &[Wanted]) -> Vec<Committed> {
        let committed = wanted.iter().flat_map(|wanted| self.ask(wanted, Vec::new())).collect();
        for _ in wanted {
            assert_eq!(self.answer().await, Answer::Granted);
        }
        // The gauges follow the answers.
        self.ledger.settled().await.unwrap();
        committed
    }

    /// Waits until nothing is left in the outbox.
    pub(crate) async fn emptied(&self) {
        until("the outbox empties", || self.ledger.gauges().outbox_rows() == 0).await;
    }

    /// Stops it and says what it remembers: the deliveries that count.
    pub(crate) async fn stop(self) -> BTreeSet<String> {
        self.emma.stop().await;
        self.ledger.stop();
        self.thread.join().unwrap();
        deliveries(&self.dir.path().join("state/ledger.db"))
    }
}

/// The deliveries in a ledger.
pub(crate) fn deliveries(ledger: &Path) -> BTreeSet<String> {
    let db = Connection::open(ledger).unwrap();
    let mut read = db.prepare("SELECT id FROM delivery").unwrap();
    let ids = read.query_map([], |row| row.get(0)).unwrap();
    ids.collect::<rusqlite::Result<_>>().unwrap()
}

/// The `nth` offer, as the core would ask for it.
pub(crate) fn reservation_of(
    pattern: &Reservation,
    wanted: &Wanted,
    nth: i64,
    at_us: i64,
    caps: Vec<CapRule>,
) -> Reservation {
    let mut reservation = Reservation { caps, ..pattern.clone() };
    let inbox = |recipient: &str| (recipient.into(), format!("{recipient}-inbox-{}", wanted.customer).into());
    reservation.delivery.id.0 = format!("delivery-{nth}").into();
    reservation.delivery.customer = crate::deliveries::customer(&format!("c{}", wanted.customer));
    reservation.delivery.at_us = at_us;
    reservation.offer.notify_until_us = at_us + wanted.fresh_ms * 1_000;
    reservation.offer.valid_until_us = at_us + 3_600_000_000;
    reservation.offer.recipients = ["push"].into_iter().chain(wanted.also).map(inbox).collect();
    reservation
}

/// Its messages.
pub(crate) fn drafts_of(reservation: &Reservation) -> Vec<Draft> {
    let ids = |recipient: &str| OfferIds::derive(&Key::new(KEY), &reservation.delivery.id, recipient);
    drafts(reservation, ids, |_, _| None, "emma", "bern", "gw-till")
}

/// What is committed of a draft.
pub(crate) fn committed(draft: &Draft, delivery: &str, asked_us: i64) -> Committed {
    Committed {
        delivery: delivery.to_owned(),
        topic: draft.topic.clone(),
        event: draft.event_id.to_string(),
        offer: draft.offer_id.to_string(),
        asked_us,
        expires_us: draft.expires_us,
    }
}
