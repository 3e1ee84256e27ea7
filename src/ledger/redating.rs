//! What a clock that was ahead has dated, once it is known to have been: nothing is silent, full or kept for good.

use super::LedgerError;
use super::store::Store;
use crate::gateway::consent::CustomerId;
use crate::gateway::halt::Halts;
use crate::gateway::stance::Stance;

/// No civil day of a shop that is not cut short by its clocks is much longer.
const DAY_US: i64 = 86_400_000_000;

type Result<T> = std::result::Result<T, LedgerError>;

/// What was dated later than now and is not any more.
#[derive(Debug, Default)]
pub struct BroughtBack {
    /// The stances in which something was.
    pub stances: Vec<(CustomerId, Stance)>,
    /// What is halted, where something was.
    pub halts: Option<Halts>,
}

impl Store {
    /// Gives up a high-water mark that a wrong clock set: it, and every row dated later, is dated `wall_us`. What the core is
    /// to know of it is returned, as [`Store::bring_dates_back`] has it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn redate(&self, wall_us: i64) -> Result<BroughtBack> {
        self.high_water.set(Some(wall_us));
        self.set_meta("high-water", &wall_us.to_be_bytes())?;
        self.db.execute("UPDATE delivery SET at_us = ?1 WHERE at_us > ?1", [wall_us])?;
        self.db.execute("UPDATE forgotten SET at_us = ?1 WHERE at_us > ?1", [wall_us])?;
        // Nobody is at work for longer than until tomorrow.
        let tomorrow_us = wall_us.saturating_add(DAY_US);
        self.db.execute("UPDATE ignored SET until_us = ?1 WHERE until_us > ?1", [tomorrow_us])?;
        self.end_leases_after(wall_us)?;
        self.bring_dates_back(wall_us)
    }

    /// Brings back to `wall_us` (believed) what a clock that was ahead dated later, so that nothing is silent, and nothing
    /// kept, for good.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn bring_dates_back(&self, wall_us: i64) -> Result<BroughtBack> {
        self.forget_said_ahead(wall_us)?;
        self.date_restore(wall_us)?;
        let halts = if self.redate_halts(wall_us)? { Some(self.halts()?) } else { None };
        Ok(BroughtBack { stances: self.redate_stances(wall_us)?, halts })
    }
}
