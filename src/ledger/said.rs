//! Each recipient's copy of an offer, until it ends: what is said back about it, and that it was taken back.

use rusqlite::{OptionalExtension, Row, params};

use super::LedgerError;
use super::outbox::FRESHEST_US;
use super::store::{MAX_OUTBOX_ROWS, Store};
use crate::gateway::consent::CustomerId;
use crate::gateway::effect::{Ending, Reservation};
use crate::gateway::feedback::{self, Heard, Kind};
use crate::gateway::stance::{Stance, matter};
use crate::mqtt::ended::{self, Ended, Speaker};
use crate::mqtt::event::Draft;

type Result<T> = std::result::Result<T, LedgerError>;

/// Offers that are looked through at once when they end: one transaction stays short.
const ENDED_AT_ONCE: usize = 256;

/// What somebody said back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// The inbox that the offer went to, as its topic names it.
    pub inbox: String,
    /// The offer.
    pub offer_id: String,
    /// What was said.
    pub kind: Kind,
    /// Until when a snooze lasts (wall, microseconds).
    pub snooze_until_us: i64,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It was taken; the stance, where it changed, and the campaign that stopped itself over it.
    Taken {
        /// Whose offer it is.
        customer: CustomerId,
        /// What they make of offers now, where that changed.
        stance: Option<Stance>,
        /// The campaign that too many have dismissed now.
        stopped: Option<String>,
    },
    /// It was told before.
    Again,
    /// There is no such offer for this inbox, or it has ended.
    Unknown,
}

/// One copy of an offer.
pub(super) struct Said {
    pub(super) offer: String,
    customer: String,
    pub(super) recipient: String,
    pub(super) inbox: String,
    campaign: String,
    matter: String,
    pub(super) test: bool,
    pub(super) valid_until_us: i64,
    heard: Heard,
    delivery: String,
}

pub(super) const COLUMNS: &str =
    "offer, customer, recipient, inbox, campaign, matter, test, valid_until_us, heard, delivery";

impl Store {
    /// Says from now on as whom it speaks.
    pub fn speak_as(&mut self, speaker: Speaker) {
        self.speaker = speaker;
    }

    pub(super) fn insert_said(&self, wanted: &Reservation, draft: &Draft) -> Result<()> {
        let delivery = &wanted.delivery;
        let sql = "INSERT OR REPLACE INTO said (offer, delivery, customer, recipient, inbox, campaign, matter, test,
                       notify_until_us, valid_until_us, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        self.db.prepare_cached(sql)?.execute(params![
            &*draft.offer_id,
            &*delivery.id.0,
            delivery.customer.as_str(),
            &*draft.recipient,
            &*draft.inbox,
            &*delivery.campaign,
            &*matter(&delivery.campaign, delivery.category.as_ref()),
            delivery.test,
            wanted.offer.notify_until_us,
            wanted.offer.valid_until_us,
            draft.why,
        ])?;
        Ok(())
    }

    /// Why an offer was made that went to this inbox, as JSON; nothing once it has ended.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn why(&self, offer_id: &str, inbox: &str) -> Result<Option<String>> {
        let sql = "SELECT why FROM said WHERE offer = ?1 AND inbox = ?2";
        Ok(self.db.query_row(sql, [offer_id, inbox], |row| row.get(0)).optional()?)
    }

    /// Takes feedback that came at `now_us` (wall): each kind once an offer, whichever of its copies it is about, and a no
    /// whenever it is said.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn hear_feedback(&self, told: &Feedback, now_us: i64) -> Result<Noted> {
        let sql = format!("SELECT {COLUMNS} FROM said WHERE offer = ?1 AND inbox = ?2 AND valid_until_us > ?3");
        let found =
            self.db.prepare_cached(&sql)?.query_row(params![told.offer_id, told.inbox, now_us], said).optional()?;
        let Some(said) = found else { return Ok(Noted::Unknown) };
        let Some(customer) = CustomerId::new(&said.customer) else { return Ok(Noted::Unknown) };
        let Some(heard) = said.heard.with(told.kind) else { return Ok(Noted::Again) };
        self.db.execute("UPDATE said SET heard = ?1 WHERE delivery = ?2", params![heard.0, said.delivery])?;
        let epoch = self.epoch_of(&customer)?.unwrap_or(0);
        let matter = said.matter.as_str().into();
        let signal = feedback::signal(told.kind, said.heard, &matter, told.snooze_until_us, epoch);
        let stance = signal.map(|signal| self.note(&customer, signal, now_us)).transpose()?.flatten();
        let counts = !said.test && (heard != said.heard || told.kind == Kind::Why);
        let stopped = if counts { self.count_feedback(&said, told.kind, now_us)? } else { None };
        Ok(Noted::Taken { customer, stance, stopped })
    }

    /// Counts it, and stops a campaign that too many dismiss.
    fn count_feedback(&self, said: &Said, kind: Kind, now_us: i64) -> Result<Option<String>> {
        self.count(&format!("{}:{}", kind.as_str(), said.campaign), 1)?;
        let dismissed = matches!(kind, Kind::Dismissed | Kind::NoMore);
        if !dismissed || said.heard.is_dismissed() || !self.try_campaign(&said.campaign, 0, 1)? {
            return Ok(None);
        }
        Ok(self.stop_unwelcome(&said.campaign, now_us)?.then(|| said.campaign.clone()))
    }

    /// Lets go of offers that have ended by `now_us` (wall, believed), with all their copies. Who was shown one and did
    /// nothing has ignored it; what became of their stances is returned.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn end_said(&self, now_us: i64) -> Result<Vec<(CustomerId, Stance)>> {
        let sql = format!("SELECT {COLUMNS} FROM said WHERE valid_until_us <= ?1 LIMIT {ENDED_AT_ONCE}");
        let mut changed = Vec::new();
        for said in self.said(&sql, &[&now_us])? {
            if self.db.execute("DELETE FROM said WHERE delivery = ?1", [&said.delivery])? == 0 {
                // It went with another copy.
                continue;
            }
            let signal = said.heard.at_the_end(&said.matter.as_str().into());
            if let (Some(signal), Some(customer)) = (signal, CustomerId::new(&said.customer)) {
                changed.extend(self.note(&customer, signal, now_us)?.map(|stance| (customer, stance)));
            }
        }
        Ok(changed)
    }

    /// The same, however many have ended.
    pub(super) fn end_all_said(&self, now_us: i64) -> Result<Vec<(CustomerId, Stance)>> {
        let mut changed = Vec::new();
        let sql = "SELECT EXISTS (SELECT 1 FROM said WHERE valid_until_us <= ?1)";
        while self.db.query_one(sql, [now_us], |row| row.get(0))? {
            changed.extend(self.end_said(now_us)?);
        }
        Ok(changed)
    }

    /// Lets go of offers that seem to begin later than `wall_us`: a clock that was ahead made them, and they ended long ago.
    pub(super) fn forget_said_ahead(&self, wall_us: i64) -> Result<()> {
        let freshest_us = wall_us.saturating_add(FRESHEST_US);
        self.db.execute("DELETE FROM said WHERE notify_until_us > ?1", [freshest_us])?;
        Ok(())
    }

    /// What of one customer's is not told yet ends: they left the zone, or want silence.
    pub(super) fn take_back_fresh(&self, customer: &CustomerId, ending: Ending, now_us: i64) -> Result<()> {
        let sql = format!("SELECT {COLUMNS} FROM said WHERE customer = ?1 AND notify_until_us > ?2 AND ending IS NULL");
        self.take_back(&sql, &[&customer.as_str(), &now_us], ending, now_us)
    }

    /// Whatever of a campaign still holds is taken back.
    pub(super) fn recall_campaign(&self, campaign: &str, now_us: i64) -> Result<()> {
        let sql = format!(
            "SELECT {COLUMNS} FROM said
             WHERE campaign = ?1 AND valid_until_us > ?2 AND (ending IS NULL OR ending = 'left')"
        );
        self.take_back(&sql, &[&campaign, &now_us], Ending::Recalled, now_us)
    }

    /// Takes back an offer that still holds, by the id of any of its copies: that one and the other recipients'. Whether
    /// there is such an offer; one that was recalled before is, and stays recalled.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn recall_offer(&self, offer: &str, now_us: i64) -> Result<bool> {
        let sql = "SELECT delivery FROM said WHERE offer = ?1 AND valid_until_us > ?2";
        let found: Option<String> = self.db.query_row(sql, params![offer, now_us], |row| row.get(0)).optional()?;
        let Some(delivery) = found else { return Ok(false) };
        let sql = format!("SELECT {COLUMNS} FROM said WHERE delivery = ?1 AND (ending IS NULL OR ending = 'left')");
        self.take_back(&sql, &[&delivery], Ending::Recalled, now_us)?;
        Ok(true)
    }

    /// What of a campaign is not told yet is taken back; coupons hold.
    pub(super) fn recall_fresh_of(&self, campaign: &str, now_us: i64) -> Result<()> {
        let sql = format!("SELECT {COLUMNS} FROM said WHERE campaign = ?1 AND notify_until_us > ?2 AND ending IS NULL");
        self.take_back(&sql, &[&campaign, &now_us], Ending::Recalled, now_us)
    }

    /// Whatever is not told yet is taken back.
    pub(super) fn recall_fresh(&self, now_us: i64) -> Result<()> {
        let sql = format!("SELECT {COLUMNS} FROM said WHERE notify_until_us > ?1 AND ending IS NULL");
        self.take_back(&sql, &[&now_us], Ending::Recalled, now_us)
    }

    /// Takes back each copy that `sql` finds: one that still waits in the outbox was never said, and is refunded; of the
    /// others the recipient is told.
    fn take_back(&self, sql: &str, values: &[&dyn rusqlite::ToSql], ending: Ending, now_us: i64) -> Result<()> {
        for said in self.said(sql, values)? {
            let row: Option<i64> = self
                .db
                .query_row("SELECT row FROM outbox WHERE offer = ?1", [&said.offer], |row| row.get(0))
                .optional()?;
            match row {
                Some(row) if row > self.taken_row && row > self.recovered_row => {
                    self.end_rows(&[row], true)?;
                    self.db.execute("DELETE FROM said WHERE offer = ?1", [&said.offer])?;
                }
                row => {
                    // It may have been said; it is not said again.
                    self.end_rows(row.as_slice(), false)?;
                    let sql = "UPDATE said SET ending = ?1, ended = 0 WHERE offer = ?2";
                    self.db.execute(sql, params![ending.as_str(), said.offer])?;
                }
            }
        }
        self.say_endings(now_us)
    }

    /// Puts endings into the outbox as there is room; the rest is said later.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn say_endings(&self, now_us: i64) -> Result<()> {
        let sql = format!(
            "SELECT {COLUMNS} FROM said WHERE ending IS NOT NULL AND ended = 0 AND valid_until_us > ?1 LIMIT ?2"
        );
        let waiting: i64 = self.db.query_one("SELECT count(*) FROM outbox", [], |row| row.get(0))?;
        let room = MAX_OUTBOX_ROWS.saturating_sub(waiting).max(0);
        for said in self.said(&sql, &[&now_us, &room])? {
            self.say_ending(&said, now_us)?;
        }
        Ok(())
    }

    /// How many copies of offers that are still remembered have been taken back, their recipients told.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn endings(&self) -> Result<u64> {
        let ended: i64 = self.db.query_one("SELECT count(*) FROM said WHERE ended = 1", [], |row| row.get(0))?;
        Ok(ended.unsigned_abs())
    }

    fn say_ending(&self, said: &Said, now_us: i64) -> Result<()> {
        let reason: String =
            self.db.query_one("SELECT ending FROM said WHERE offer = ?1", [&said.offer], |row| row.get(0))?;
        let Said { offer, recipient, inbox, test, valid_until_us: until_us, .. } = said;
        let ended = Ended {
            offer_id: offer,
            recipient,
            inbox,
            reason: &reason,
            at_us: now_us,
            until_us: *until_us,
            test: *test,
        };
        let message = ended::message(ended, &self.speaker, self.key());
        let sql = "INSERT INTO outbox (delivery, customer, event_id, topic, payload, expires_us, offer)
                   VALUES ('', ?1, ?2, ?3, ?4, ?5, '')";
        let values = params![said.customer, &*message.event_id, message.topic, message.payload, until_us];
        self.db.prepare_cached(sql)?.execute(values)?;
        self.db.execute("UPDATE said SET ended = 1 WHERE offer = ?1", [&said.offer])?;
        Ok(())
    }

    pub(super) fn said(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<Said>> {
        let mut rows = self.db.prepare_cached(sql)?;
        let read = rows.query_map(values, said)?;
        Ok(read.collect::<rusqlite::Result<_>>()?)
    }
}

fn said(row: &Row<'_>) -> rusqlite::Result<Said> {
    Ok(Said {
        offer: row.get(0)?,
        customer: row.get(1)?,
        recipient: row.get(2)?,
        inbox: row.get(3)?,
        campaign: row.get(4)?,
        matter: row.get(5)?,
        test: row.get(6)?,
        valid_until_us: row.get(7)?,
        heard: Heard(row.get(8)?),
        delivery: row.get(9)?,
    })
}

impl Noted {
    /// What the core is to know of it.
    pub fn stance(&self) -> Option<(CustomerId, Stance)> {
        match self {
            Self::Taken { customer, stance, .. } => stance.clone().map(|stance| (customer.clone(), stance)),
            Self::Again | Self::Unknown => None,
        }
    }
}
