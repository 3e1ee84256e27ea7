//! What customers said and did about offers, as it lies on the disk: one row a customer, changed by the core's own rules in
//! the transaction that remembers why.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::LedgerError;
use super::store::Store;
use crate::gateway::consent::CustomerId;
use crate::gateway::stance::{Attitude, Outcomes, Signal, Stance};

type Result<T> = std::result::Result<T, LedgerError>;

impl Store {
    /// What a customer said and did, if anything.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn stance(&self, customer: &CustomerId) -> Result<Option<Stance>> {
        let mut row = self.db.prepare_cached("SELECT stance FROM stance WHERE customer = ?1")?;
        let text: Option<String> = row.query_row([customer.as_str()], |row| row.get(0)).optional()?;
        text.map(|text| read(&text)).transpose()
    }

    /// Applies a signal that came at `now_us` (wall), and returns what became of the stance; nothing for somebody without a
    /// consent, of whom nothing is kept.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn note(&self, customer: &CustomerId, signal: Signal, now_us: i64) -> Result<Option<Stance>> {
        if self.epoch_of(customer)?.is_none() {
            return Ok(None);
        }
        let mut stance = self.stance(customer)?.unwrap_or_default();
        // A clock that is behind must not end a silence before its time.
        stance.hear(signal, now_us.max(self.high_water_us()?));
        self.save_stance(customer.as_str(), &stance)?;
        Ok(Some(stance))
    }

    /// The epoch of the consent in force.
    pub(super) fn epoch_of(&self, customer: &CustomerId) -> Result<Option<u64>> {
        let mut row = self.db.prepare_cached("SELECT epoch FROM consent WHERE customer = ?1")?;
        let epoch: Option<i64> = row.query_row([customer.as_str()], |row| row.get(0)).optional()?;
        Ok(epoch.map(i64::cast_unsigned))
    }

    /// Brings back what a clock that was ahead has dated (see [`Stance::redate`]); what became of it.
    pub(super) fn redate_stances(&self, wall_us: i64) -> Result<Vec<(CustomerId, Stance)>> {
        let mut changed = Vec::new();
        let mut rows = self.db.prepare("SELECT customer, stance FROM stance")?;
        let all = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for (customer, text) in all.collect::<rusqlite::Result<Vec<(String, String)>>>()? {
            let before = read(&text)?;
            let mut stance = before.clone();
            stance.redate(wall_us);
            if stance != before {
                self.save_stance(&customer, &stance)?;
                changed.extend(CustomerId::new(&customer).map(|customer| (customer, stance)));
            }
        }
        Ok(changed)
    }

    fn save_stance(&self, customer: &str, stance: &Stance) -> Result<()> {
        if stance.is_empty() {
            self.db.execute("DELETE FROM stance WHERE customer = ?1", [customer])?;
            return Ok(());
        }
        let text = written(stance)?;
        self.db.prepare_cached("INSERT OR REPLACE INTO stance VALUES (?1, ?2)")?.execute(params![customer, text])?;
        Ok(())
    }
}

pub(super) fn written(stance: &Stance) -> Result<String> {
    serde_json::to_string(&OnDisk::from(stance)).map_err(damaged)
}

pub(super) fn read(text: &str) -> Result<Stance> {
    serde_json::from_str::<OnDisk>(text).map(Into::into).map_err(damaged)
}

fn damaged(error: impl std::fmt::Display) -> LedgerError {
    LedgerError::Damaged(format!("what a customer said about offers: {error}"))
}

/// A stance's shape on the disk.
#[derive(Deserialize, Serialize)]
struct OnDisk {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    matters: BTreeMap<String, AttitudeOnDisk>,
    #[serde(default)]
    outcomes: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    snoozed_until_us: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stopped_epoch: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gone_wishes: Vec<u64>,
}

#[derive(Deserialize, Serialize)]
struct AttitudeOnDisk {
    #[serde(default)]
    score: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    silent_until_us: Option<i64>,
    #[serde(default)]
    no_more: bool,
    #[serde(default)]
    more: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bought_us: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    returned_us: Option<i64>,
}

impl From<&Stance> for OnDisk {
    fn from(stance: &Stance) -> Self {
        let on_disk = |attitude: &Attitude| {
            let Attitude { score, silent_until_us, no_more, more, bought_us, returned_us } = *attitude;
            AttitudeOnDisk { score, silent_until_us, no_more, more, bought_us, returned_us }
        };
        Self {
            matters: stance.matters.iter().map(|(name, attitude)| (name.to_string(), on_disk(attitude))).collect(),
            outcomes: stance.outcomes.0,
            snoozed_until_us: stance.snoozed_until_us,
            stopped_epoch: stance.stopped_epoch,
            gone_wishes: stance.gone_wishes.iter().map(|id| u64::from_be_bytes(*id)).collect(),
        }
    }
}

impl From<OnDisk> for Stance {
    fn from(on_disk: OnDisk) -> Self {
        let attitude = |read: AttitudeOnDisk| {
            let AttitudeOnDisk { score, silent_until_us, no_more, more, bought_us, returned_us } = read;
            Attitude { score, silent_until_us, no_more, more, bought_us, returned_us }
        };
        Self {
            matters: on_disk.matters.into_iter().map(|(name, read)| (name.into(), attitude(read))).collect(),
            outcomes: Outcomes(on_disk.outcomes),
            snoozed_until_us: on_disk.snoozed_until_us,
            stopped_epoch: on_disk.stopped_epoch,
            gone_wishes: on_disk.gone_wishes.into_iter().map(u64::to_be_bytes).collect(),
        }
    }
}
