//! What the ledger of a real process says, read from copies of its files.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use emma::gateway::effect::DeliveryId;
use emma::gateway::key::Key;
use emma::mqtt::event::OfferIds;
use rusqlite::{Connection, OpenFlags, Row};
use tempfile::TempDir;

use crate::teller::{Committed, deliveries};

/// All that the ledger ever said it had committed, and what it says now.
#[derive(Default)]
pub(crate) struct Memory {
    /// By offer.
    committed: BTreeMap<String, Committed>,
    /// Offers that hold, as far as the ledger knows.
    hold: HashSet<String>,
    /// The deliveries that count.
    pub(crate) remembered: BTreeSet<String>,
    /// The events that are in the outbox.
    pub(crate) waiting: HashSet<String>,
}

impl Memory {
    /// Looks at the ledger in this folder.
    pub(crate) fn look(&mut self, state: &Path) {
        let copy = copy(state);
        let ledger = copy.path().join("ledger.db");
        self.remembered = deliveries(&ledger);
        self.hold.clear();
        let db = Connection::open(ledger).unwrap();
        let mut read = db.prepare("SELECT event_id FROM outbox").unwrap();
        self.waiting = read.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let key = db.query_row("SELECT value FROM meta WHERE name = 'key'", [], |row| row.get(0)).unwrap();
        let key = Key::new(key);
        let sql = "SELECT delivery, recipient, inbox, offer, at_us, notify_until_us, ending FROM said
                   JOIN delivery ON delivery.id = said.delivery";
        let mut read = db.prepare(sql).unwrap();
        let rows = read.query_map([], |row| Ok((said(row, &key)?, row.get::<_, Option<String>>(6)?))).unwrap();
        for (offer, ending) in rows.map(Result::unwrap) {
            if ending.is_none() {
                self.hold.insert(offer.offer.clone());
            }
            self.committed.entry(offer.offer.clone()).or_insert(offer);
        }
    }

    /// Each recipient's copy of an offer, in the order in which they were committed.
    pub(crate) fn committed(&self) -> Vec<Committed> {
        let mut committed: Vec<_> = self.committed.values().cloned().collect();
        committed.sort_by_key(|offer| offer.asked_us);
        committed
    }

    /// The events of those that do not hold any more.
    pub(crate) fn taken_back(&self) -> HashSet<String> {
        let gone = self.committed.values().filter(|offer| !self.hold.contains(&offer.offer));
        gone.map(|offer| offer.event.clone()).collect()
    }
}

fn said(row: &Row<'_>, key: &Key) -> rusqlite::Result<Committed> {
    let (delivery, recipient, inbox): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let ids = OfferIds::derive(key, &DeliveryId(delivery.as_str().into()), &recipient);
    Ok(Committed {
        delivery,
        topic: format!("emma/v1/hall/offer/{recipient}/{inbox}"),
        event: ids.event_id.to_string(),
        offer: row.get(3)?,
        asked_us: row.get(4)?,
        expires_us: row.get(5)?,
    })
}

/// How many rows are in the outbox of a process that lives.
pub(crate) fn waiting(state: &Path) -> u64 {
    let db = Connection::open_with_flags(state.join("ledger.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    db.busy_timeout(Duration::from_secs(10)).unwrap();
    let rows: i64 = db.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0)).unwrap();
    rows.unsigned_abs()
}

/// A copy of what a process that was killed has left, so that looking at it changes nothing.
fn copy(state: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    fs::copy(state.join("ledger.db"), copy.path().join("ledger.db")).unwrap();
    // After a clean stop there is no journal.
    fs::copy(state.join("ledger.db-wal"), copy.path().join("ledger.db-wal")).ok();
    copy
}
