//! The ledger's file: every question and every change, each inside whatever transaction its caller opened.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::check_file;
use super::parting::Partings;
use super::{LedgerError, Log, journal, schema};
use crate::config::Name;
use crate::config::offers::Class;
use crate::gateway::cap;
use crate::gateway::consent::CustomerId;
use crate::gateway::effect::{Answer, Delivery, DeliveryId, Reservation};
use crate::gateway::key::Key;
use crate::gateway::stance::Signal;
use crate::mqtt::ended::Speaker;
use crate::mqtt::event::Draft;
use crate::mqtt::topic::Kind;

/// Rows that may wait for the broker: a busy shop's day, at 4 KB a row 40 MB of disk. Beyond it nothing new is said.
pub(super) const MAX_OUTBOX_ROWS: i64 = 10_000;

type Result<T> = std::result::Result<T, LedgerError>;

/// The open ledger.
#[derive(Debug)]
pub struct Store {
    pub(super) db: Connection,
    key: Key,
    /// Rows up to here were in the outbox when the ledger was opened: whether they were said is unknown.
    pub(super) recovered_row: i64,
    /// Rows up to here have been handed to the session in this process's life.
    pub(super) taken_row: i64,
    /// The last number given to an event, by kind.
    pub(super) sequences: BTreeMap<Kind, u64>,
    /// The last life ended with [`Store::note_stop`]: what it remembered is exact.
    pub(super) stopped_cleanly: bool,
    /// The latest wall time seen, once it was asked for: the log is long, and it is asked with every visit that is saved.
    pub(super) high_water: Cell<Option<i64>>,
    /// Which week totals are counted in, by the instant it began.
    pub(super) week_us: i64,
    /// As whom it speaks, where it has to say that an offer ended.
    pub(super) speaker: Speaker,
    /// What is left to be said of those who were forgotten.
    pub(super) partings: RefCell<Partings>,
    /// There was no ledger before.
    is_fresh: bool,
}

impl Store {
    /// Opens the ledger in `file`; a new one takes `fresh_key` as the installation's.
    ///
    /// # Errors
    /// It cannot be opened, is damaged, or was written by a newer Emma.
    pub fn open(file: &Path, fresh_key: [u8; 32]) -> Result<Self> {
        // A ledger that is refused below stays as it is to the byte: its journal is not worked into it at the end. Where there
        // is none, the empty one that a look makes goes with the look.
        let has_journal = fs::metadata(journal::of(file)).is_ok_and(|journal| journal.len() > 0);
        let db = Connection::open(file)?;
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_journal)?;
        check_file(&db, file)?;
        journal::begin(&db)?;
        let store = Self::with(db, fresh_key, &file.display().to_string())?;
        store.db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        // A torn tail ends here: of two in one journal nobody could say that they were the last commits. Whoever reads the file
        // meanwhile leaves it as it is, and nothing is lost by that.
        store.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        // Somebody was being forgotten when the last process ended; of an older Emma's ledger nobody knows.
        if store.meta_or("unscrubbed", &[1])? == [1] {
            store.scrub()?;
        }
        Ok(store)
    }

    /// A ledger that ends with the process, its key given.
    ///
    /// # Errors
    /// Memory cannot be had.
    pub fn in_memory(key: [u8; 32]) -> Result<Self> {
        Self::with(Connection::open_in_memory()?, key, "memory")
    }

    pub(super) fn with(mut db: Connection, fresh_key: [u8; 32], path: &str) -> Result<Self> {
        // What is forgotten must not lie in free pages, nor in a temporary file of the rewriting that `scrub` does.
        db.pragma_update(None, "secure_delete", true)?;
        db.pragma_update(None, "temp_store", "MEMORY")?;
        schema::bring_up(&mut db, path)?;
        let mut store = Self {
            db,
            key: Key::new(fresh_key),
            recovered_row: 0,
            taken_row: 0,
            sequences: BTreeMap::new(),
            stopped_cleanly: false,
            high_water: Cell::new(None),
            week_us: 0,
            speaker: Speaker::default(),
            partings: RefCell::default(),
            is_fresh: true,
        };
        store.is_fresh = !store.has_meta("key")?;
        store.stopped_cleanly = store.meta_or("clean-stop", &[0])? == [1];
        store.set_meta("clean-stop", &[0])?;
        store.key = Key::new(store.meta_or("key", &fresh_key)?);
        store.sequences = store.read_sequences()?;
        store.week_us = i64::from_be_bytes(store.meta_or("week", &[0; 8])?);
        store.recovered_row = store.db.query_one("SELECT coalesce(max(row), 0) FROM outbox", [], |row| row.get(0))?;
        Ok(store)
    }

    /// Whether there was no ledger before this one was opened.
    pub(super) fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// The installation's key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The latest wall time seen, in microseconds; 0 in a new ledger.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn high_water_us(&self) -> Result<i64> {
        if let Some(known_us) = self.high_water.get() {
            return Ok(known_us);
        }
        let noted = i64::from_be_bytes(self.meta_or("high-water", &[0; 8])?);
        let last: Option<i64> = self.db.query_one("SELECT max(at_us) FROM delivery", [], |row| row.get(0))?;
        let found_us = noted.max(last.unwrap_or(0));
        self.high_water.set(Some(found_us));
        Ok(found_us)
    }

    /// Opens a transaction.
    ///
    /// # Errors
    /// The file cannot be locked.
    pub fn begin(&self) -> Result<()> {
        Ok(self.db.execute_batch("BEGIN IMMEDIATE")?)
    }

    /// Commits it: on disk when this returns.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn commit(&self) -> Result<()> {
        self.db.execute_batch("COMMIT")?;
        self.partings.borrow_mut().commit();
        Ok(())
    }

    /// Undoes it, if one is open; a transaction that cannot even be undone was never written.
    pub fn rollback(&self) {
        self.high_water.set(None);
        self.partings.borrow_mut().roll_back();
        if !self.db.is_autocommit() {
            self.db.execute_batch("ROLLBACK").unwrap_or_default();
        }
    }

    /// Makes one change in a transaction of its own: on disk when this returns, or not at all.
    ///
    /// # Errors
    /// Those of the change; the file cannot be locked or written.
    pub fn transaction<T>(&self, change: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        self.begin()?;
        let changed = change(self).and_then(|changed| self.commit().map(|()| changed));
        if changed.is_err() {
            self.rollback();
        }
        changed
    }

    /// Notes that every open visit is remembered as it is now: the last thing of a life.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note_stop(&self) -> Result<()> {
        self.set_meta("clean-stop", &[1])
    }

    /// Writes what says nothing: it succeeds only where the file can be written.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn prove_writable(&self) -> Result<()> {
        // The same value again would change no page.
        let sql = "INSERT OR REPLACE INTO meta VALUES ('proof', randomblob(8))";
        self.db.execute(sql, [])?;
        Ok(())
    }

    /// Notes a wall time that was believed.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note_wall(&self, wall_us: i64) -> Result<()> {
        if wall_us <= self.high_water_us()? {
            return Ok(());
        }
        self.high_water.set(Some(wall_us));
        self.set_meta("high-water", &wall_us.to_be_bytes())
    }

    /// Judges a reservation on the customer's log and, if there is room, writes the delivery and its messages.
    ///
    /// # Errors
    /// The file cannot be read or written; the caller's transaction must be rolled back.
    pub fn reserve(&self, wanted: &Reservation, drafts: &[Draft]) -> Result<Answer> {
        let delivery = &wanted.delivery;
        let waiting: i64 = self.db.query_one("SELECT count(*) FROM outbox", [], |row| row.get(0))?;
        if waiting.saturating_add_unsigned(drafts.len() as u64) > MAX_OUTBOX_ROWS {
            return Ok(Answer::OutboxFull);
        }
        let log = self.log(&delivery.customer)?;
        if let Err(scope) = cap::judge(&log, delivery, &wanted.caps, self.missing(&delivery.customer)?) {
            return Ok(Answer::Refused(scope));
        }
        let high_water_us = self.high_water_us()?;
        self.insert_delivery(delivery)?;
        self.high_water.set(Some(high_water_us.max(delivery.at_us)));
        for draft in drafts {
            self.insert_draft(delivery, draft)?;
            self.insert_said(wanted, draft)?;
        }
        for code in &wanted.codes {
            self.insert_code(&delivery.campaign, code)?;
        }
        if !wanted.wishes.is_empty() {
            self.note(&delivery.customer, Signal::Shown(wanted.wishes.clone()), delivery.at_us)?;
        }
        self.count_delivery(delivery)?;
        Ok(Answer::Granted)
    }

    /// Everything said to one customer, oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn log(&self, customer: &CustomerId) -> Result<Log> {
        let sql = "SELECT id, at_us, class, campaign, category, zone, site, visit_us, epoch, ghost, test
                   FROM delivery WHERE customer = ?1 ORDER BY at_us, id";
        let mut rows = self.db.prepare_cached(sql)?;
        let log = rows.query_map([customer.as_str()], |row| delivery(customer, row))?;
        Ok(log.collect::<rusqlite::Result<_>>()?)
    }

    /// Remembers a consent record as it was accepted by file or command line.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_consent(&self, customer: &CustomerId, epoch: u64, record: &str) -> Result<()> {
        self.write_consent(customer, epoch, record, None)
    }

    /// Remembers a consent record, and what its customer had said no to before an earlier one ended; `told_us` is when it was told
    /// over the network (wall), if it was.
    pub(super) fn write_consent(
        &self,
        customer: &CustomerId,
        epoch: u64,
        record: &str,
        told_us: Option<i64>,
    ) -> Result<()> {
        let sql = "INSERT INTO consent (customer, epoch, record, told_us) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE
                   SET epoch = excluded.epoch, record = excluded.record, told_us = excluded.told_us";
        self.db.prepare_cached(sql)?.execute(params![customer.as_str(), epoch.cast_signed(), record, told_us])?;
        self.take_up_refusals(customer)
    }

    /// One customer's consent record, as JSON.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn consent(&self, customer: &CustomerId) -> Result<Option<String>> {
        let sql = "SELECT record FROM consent WHERE customer = ?1";
        Ok(self.db.query_row(sql, [customer.as_str()], |row| row.get(0)).optional()?)
    }

    /// Every consent record, as JSON, and when it was told over the network (wall, microseconds), if it was; by pseudonym.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn consents(&self) -> Result<Vec<(String, Option<i64>)>> {
        let mut rows = self.db.prepare("SELECT record, told_us FROM consent ORDER BY customer")?;
        let records = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(records.collect::<rusqlite::Result<_>>()?)
    }

    /// Forgets a customer: every row that names them goes; a keyed hash and a date stay if anything was ever said to
    /// them, and the recipients of offers that still hold are told. The caller commits and then calls [`Store::scrub`].
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn forget(&self, customer: &CustomerId, wall_us: i64) -> Result<()> {
        // A clock that is behind must not date the hash before the windows it keeps full.
        let wall_us = wall_us.max(self.high_water_us()?);
        self.part_with(customer, wall_us)?;
        let said = "SELECT EXISTS (SELECT 1 FROM delivery WHERE customer = ?1)";
        if self.db.query_one(said, [customer.as_str()], |row| row.get(0))? {
            self.note_forgotten(&self.forgotten_hash(customer), wall_us)?;
        }
        // With the rows gone nothing else tells the next start that a crash left bytes of them behind.
        self.set_meta("unscrubbed", &[1])?;
        self.delete_all_of(customer)
    }

    /// Keeps the hash of somebody who was forgotten at `at_us` (wall).
    pub(super) fn note_forgotten(&self, hash: &[u8; 16], at_us: i64) -> Result<()> {
        let sql = "INSERT INTO forgotten VALUES (?1, ?2) ON CONFLICT DO UPDATE SET at_us = excluded.at_us";
        self.db.execute(sql, params![hash, at_us])?;
        Ok(())
    }

    /// Leaves no byte of what was forgotten: rewrites the pages, because moving rows about leaves copies in the slack
    /// of those that stay in use, and empties the journal. Outside a transaction.
    ///
    /// # Errors
    /// The file cannot be written, or someone else is reading it; try again.
    pub fn scrub(&self) -> Result<()> {
        self.db.execute_batch("VACUUM")?;
        let busy: bool = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy { Err(LedgerError::Read) } else { self.set_meta("unscrubbed", &[0]) }
    }

    /// [`Store::forget`] in a transaction of its own, and [`Store::scrub`].
    ///
    /// # Errors
    /// The file cannot be written; try again.
    pub fn forget_now(&self, customer: &CustomerId, wall_us: i64) -> Result<()> {
        self.transaction(|store| store.forget(customer, wall_us))?;
        self.scrub()
    }

    /// When somebody with this pseudonym was last forgotten (wall, microseconds).
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn forgotten_us(&self, customer: &CustomerId) -> Result<Option<i64>> {
        let mut row = self.db.prepare_cached("SELECT at_us FROM forgotten WHERE hash = ?1")?;
        Ok(row.query_row([self.forgotten_hash(customer)], |row| row.get(0)).optional()?)
    }

    pub(super) fn forgotten_hash(&self, customer: &CustomerId) -> [u8; 16] {
        forgotten_hash(&self.key, customer)
    }

    /// The codes of lists that were given away: of which campaign, and a hash.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn used_codes(&self) -> Result<Vec<(Name, [u8; 16])>> {
        let mut rows = self.db.prepare("SELECT campaign, hash FROM used_code")?;
        let read = rows.query_map([], |row| Ok((name(row, 0)?, row.get(1)?)))?;
        Ok(read.collect::<rusqlite::Result<_>>()?)
    }

    fn insert_code(&self, campaign: &str, hash: &[u8; 16]) -> Result<()> {
        // Given twice it is a fault, and nothing is committed.
        self.db.prepare_cached("INSERT INTO used_code VALUES (?1, ?2)")?.execute(params![campaign, hash])?;
        Ok(())
    }

    fn insert_delivery(&self, delivery: &Delivery) -> Result<()> {
        let sql = "INSERT INTO delivery
                       (id, customer, at_us, class, campaign, category, zone, site, visit_us, epoch, ghost, test)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        self.db.prepare_cached(sql)?.execute(params![
            &*delivery.id.0,
            delivery.customer.as_str(),
            delivery.at_us,
            class_word(delivery.class),
            &*delivery.campaign,
            delivery.category.as_deref(),
            &*delivery.zone,
            &*delivery.site,
            delivery.visit_us,
            delivery.epoch.cast_signed(),
            delivery.ghost,
            delivery.test,
        ])?;
        Ok(())
    }

    fn insert_draft(&self, delivery: &Delivery, draft: &Draft) -> Result<()> {
        let sql = "INSERT INTO outbox (delivery, customer, event_id, topic, payload, expires_us, offer)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.db.prepare_cached(sql)?.execute(params![
            &*delivery.id.0,
            delivery.customer.as_str(),
            &*draft.event_id,
            draft.topic,
            draft.payload,
            draft.expires_us,
            &*draft.offer_id,
        ])?;
        Ok(())
    }

    /// Puts a message into the outbox that is no delivery: nothing is counted, and nothing refunded. Where it goes to a
    /// customer it is forgotten with them.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn say(&self, to: Option<&CustomerId>, draft: &Draft) -> Result<()> {
        let sql = "INSERT INTO outbox (delivery, customer, event_id, topic, payload, expires_us, offer)
                   VALUES ('', ?1, ?2, ?3, ?4, ?5, '')";
        let to = to.map_or("", CustomerId::as_str);
        self.db.execute(sql, params![to, &*draft.event_id, draft.topic, draft.payload, draft.expires_us])?;
        Ok(())
    }

    pub(super) fn set_meta(&self, name: &str, value: &[u8]) -> Result<()> {
        self.db.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", params![name, value])?;
        Ok(())
    }

    fn has_meta(&self, name: &str) -> Result<bool> {
        Ok(self.db.query_row("SELECT EXISTS (SELECT 1 FROM meta WHERE name = ?1)", [name], |row| row.get(0))?)
    }

    /// The value of `name`, written as `fresh` if there is none.
    pub(super) fn meta_or<const N: usize>(&self, name: &str, fresh: &[u8; N]) -> Result<[u8; N]> {
        let found: Option<Vec<u8>> =
            self.db.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).optional()?;
        match found {
            Some(value) => value.try_into().map_err(|_| LedgerError::Damaged(format!("meta `{name}`"))),
            None => self.set_meta(name, fresh).map(|()| *fresh),
        }
    }
}

/// What is kept of somebody who was forgotten, under an installation's key.
pub(super) fn forgotten_hash(key: &Key, customer: &CustomerId) -> [u8; 16] {
    key.digest(&[b"forgotten", customer.as_str().as_bytes()])
}

/// A key for a new installation.
///
/// # Errors
/// The system has no randomness.
pub fn random_key() -> Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| LedgerError::Damaged(format!("no randomness for a key: {error}")))?;
    Ok(key)
}

fn delivery(customer: &CustomerId, row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        id: DeliveryId(name(row, 0)?),
        customer: customer.clone(),
        at_us: row.get(1)?,
        class: class(&row.get::<_, String>(2)?),
        campaign: name(row, 3)?,
        category: row.get::<_, Option<String>>(4)?.map(Into::into),
        zone: name(row, 5)?,
        site: name(row, 6)?,
        visit_us: row.get(7)?,
        epoch: row.get::<_, i64>(8)?.cast_unsigned(),
        ghost: row.get(9)?,
        test: row.get(10)?,
    })
}

pub(super) fn name(row: &Row<'_>, column: usize) -> rusqlite::Result<Name> {
    row.get::<_, String>(column).map(Into::into)
}

fn class_word(class: Class) -> &'static str {
    match class {
        Class::Offer => "offer",
        Class::Reward => "reward",
        Class::Service => "service",
    }
}

/// A class that this build does not know counts like an offer: a cap may then be too tight, never too loose.
fn class(word: &str) -> Class {
    match word {
        "reward" => Class::Reward,
        "service" => Class::Service,
        _ => Class::Offer,
    }
}
