//! What the shop has halted, so that it outlives a restart.

use rusqlite::{OptionalExtension, params};

use super::LedgerError;
use super::store::Store;
use crate::config::Name;
use crate::gateway::halt::{Halts, is_unwelcome};

type Result<T> = std::result::Result<T, LedgerError>;

/// The name under which the whole site is halted; no campaign's id is empty.
const SITE: &str = "";

/// Why a campaign is halted, as `emma status` and the state topic tell it.
pub const BY_HAND: &str = "stopped by hand";

/// See [`BY_HAND`].
pub const BY_DISMISSALS: &str = "three in ten dismissed it";

/// A word on what is to be halted, or not any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// The site says nothing until an instant (wall, microseconds); `i64::MAX` is until somebody resumes.
    Pause(i64),
    /// The site speaks again.
    Resume,
    /// This campaign stops.
    Stop(Name),
    /// It starts again, and is tried anew.
    Start(Name),
}

impl Word {
    fn campaign(&self) -> &str {
        match self {
            Self::Pause(_) | Self::Resume => SITE,
            Self::Stop(campaign) | Self::Start(campaign) => campaign,
        }
    }
}

impl Store {
    /// What is halted.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn halts(&self) -> Result<Halts> {
        let mut halts = Halts::default();
        let mut rows = self.db.prepare_cached("SELECT campaign, until_us FROM halt WHERE halted = 1")?;
        let read = rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
        for (campaign, until_us) in read.collect::<rusqlite::Result<Vec<_>>>()? {
            if campaign == SITE {
                halts.paused_until_us = Some(until_us);
            } else {
                halts.campaigns.insert(campaign.into());
            }
        }
        Ok(halts)
    }

    /// Each campaign that is halted, and why.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn stopped_campaigns(&self) -> Result<Vec<(Name, String)>> {
        let sql = "SELECT campaign, why FROM halt WHERE halted = 1 AND campaign <> '' ORDER BY campaign";
        let mut rows = self.db.prepare_cached(sql)?;
        let read = rows.query_map([], |row| Ok((row.get::<_, String>(0)?.into(), row.get(1)?)))?;
        Ok(read.collect::<rusqlite::Result<_>>()?)
    }

    /// Takes a word that was given at `word_us` (wall). One that is no newer than the last on the same matter is not taken:
    /// a broker tells retained words again at every connect. What is halted takes back what is on its way: of a campaign
    /// all that still holds, of a pause what is not told yet. Whether it was taken.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn give_word(&self, word: &Word, word_us: i64, now_us: i64) -> Result<bool> {
        let campaign = word.campaign();
        let sql = "SELECT word_us FROM halt WHERE campaign = ?1";
        let last: Option<i64> = self.db.query_row(sql, [campaign], |row| row.get(0)).optional()?;
        // The last word may have been given by a clock that was ahead; what is given now counts then.
        if last.is_some_and(|last_us| word_us <= last_us && last_us <= now_us) {
            return Ok(false);
        }
        match word {
            Word::Pause(until_us) => self.set_halt(SITE, true, *until_us, word_us, BY_HAND)?,
            Word::Resume => self.set_halt(SITE, false, 0, word_us, BY_HAND)?,
            Word::Stop(campaign) => self.set_halt(campaign, true, i64::MAX, word_us, BY_HAND)?,
            Word::Start(campaign) => {
                self.set_halt(campaign, false, 0, word_us, BY_HAND)?;
                self.db.execute("DELETE FROM trial WHERE campaign = ?1", [&**campaign])?;
            }
        }
        match word {
            Word::Pause(_) => self.recall_fresh(now_us)?,
            Word::Stop(campaign) => self.recall_campaign(campaign, now_us)?,
            Word::Resume | Word::Start(_) => {}
        }
        Ok(true)
    }

    /// A campaign was delivered or dismissed so many times more since it was started; where too many dismiss it, it stops
    /// by itself, and this is true.
    pub(super) fn try_campaign(&self, campaign: &str, delivered: i64, dismissed: i64) -> Result<bool> {
        let sql = "INSERT INTO trial VALUES (?1, max(?2, 0), ?3) ON CONFLICT DO UPDATE
                   SET delivered = max(trial.delivered + ?2, 0), dismissed = trial.dismissed + ?3
                   RETURNING delivered, dismissed";
        let mut row = self.db.prepare_cached(sql)?;
        let (delivered, dismissals): (i64, i64) =
            row.query_row(params![campaign, delivered, dismissed], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(dismissed > 0 && is_unwelcome(delivered.unsigned_abs(), dismissals.unsigned_abs()))
    }

    /// Words that a clock gave that was ahead are dated `wall_us`: a pause lasts as long as it was meant to. Whether there was
    /// one.
    pub(super) fn redate_halts(&self, wall_us: i64) -> Result<bool> {
        let sql = "UPDATE halt SET word_us = ?1, until_us = iif(until_us = ?2, ?2, until_us - word_us + ?1)
                   WHERE word_us > ?1";
        Ok(self.db.execute(sql, [wall_us, i64::MAX])? > 0)
    }

    /// Stops a campaign that too many dismiss; whether it was running.
    pub(super) fn stop_unwelcome(&self, campaign: &str, now_us: i64) -> Result<bool> {
        if self.halts()?.campaigns.contains(campaign) {
            return Ok(false);
        }
        self.set_halt(campaign, true, i64::MAX, now_us, BY_DISMISSALS)?;
        self.recall_fresh_of(campaign, now_us)?;
        Ok(true)
    }

    fn set_halt(&self, campaign: &str, halted: bool, until_us: i64, word_us: i64, why: &str) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO halt VALUES (?1, ?2, ?3, ?4, ?5)";
        self.db.execute(sql, params![campaign, halted, until_us, word_us, why])?;
        Ok(())
    }
}
