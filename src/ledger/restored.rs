//! That a ledger was restored from a backup: what was said after the backup is not known, so every window counts as full until
//! it has passed once; and whoever withdrew meanwhile is not known either, so no consent is in force until it is told again.

use rusqlite::{OptionalExtension, params};

use super::LedgerError;
use super::retention::Kept;
use super::store::Store;
use crate::gateway::cap::Missing;
use crate::gateway::consent::CustomerId;
use crate::gateway::consent::lease::{RESTORED_BY_FILE_US, RESTORED_US};

type Result<T> = std::result::Result<T, LedgerError>;

/// When it was, before any clock was believed: later than every window begins.
pub(super) const UNDATED_US: i64 = i64::MAX;

/// Customers who are forgotten at once, where nobody confirmed them: each is an order to the ledger, of which 4,096 may wait.
pub(crate) const LET_GO_AT_ONCE: u16 = 1_000;

impl Store {
    /// What a customer's log may lack.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn missing(&self, customer: &CustomerId) -> Result<Missing> {
        Ok(Missing { forgotten_us: self.forgotten_us(customer)?, restored_us: self.restored_us()? })
    }

    /// When the ledger was restored (wall, microseconds), `i64::MAX` before any clock was believed; nothing where it was not,
    /// or every window has passed since.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn restored_us(&self) -> Result<Option<i64>> {
        let mut row = self.db.prepare_cached("SELECT value FROM meta WHERE name = 'restored'")?;
        let found: Option<[u8; 8]> = row.query_row([], |row| row.get(0)).optional()?;
        Ok(found.map(i64::from_be_bytes))
    }

    /// Dates the restore `wall_us` (believed), where it is not dated, or was by a clock that was ahead. The clock of whoever
    /// restored it is not asked: one that is a month behind would end the wait at once.
    pub(super) fn date_restore(&self, wall_us: i64) -> Result<()> {
        match self.restored_us()? {
            Some(restored_us) if restored_us > wall_us => self.set_meta("restored", &wall_us.to_be_bytes()),
            _ => Ok(()),
        }
    }

    /// Those whom nobody confirmed since the restore, to be forgotten: as long after it as whoever's consent ended then. The
    /// windows wait for as long as deliveries are looked back on, and until there is nobody left of them.
    pub(super) fn end_restore(&self, kept: &Kept, now_us: i64) -> Result<Option<Vec<CustomerId>>> {
        let restored_us = self.restored_us()?;
        let is_past = |us| restored_us.is_some_and(|restored_us| restored_us < now_us.saturating_sub_unsigned(us));
        if !is_past(kept.ended_us) {
            return Ok(None);
        }
        let mut rows = self.db.prepare("SELECT customer FROM consent WHERE told_us IN (?1, ?2) LIMIT ?3")?;
        let names =
            rows.query_map([RESTORED_US, RESTORED_BY_FILE_US, LET_GO_AT_ONCE.into()], |row| row.get::<_, String>(0))?;
        let names = names.collect::<rusqlite::Result<Vec<_>>>()?;
        // Where a cap has no end the mark stays, and costs nobody anything: windows with an end are over.
        if names.is_empty() && kept.deliveries_us.is_some_and(is_past) {
            self.db.execute("DELETE FROM meta WHERE name = 'restored'", [])?;
        }
        Ok(Some(names.iter().filter_map(|name| CustomerId::new(name)).collect()))
    }

    /// Marks a ledger as restored: nobody's consent is in force, every window is full, nothing is on its way and nobody is in
    /// the shop.
    pub(super) fn hold_back(&self) -> Result<()> {
        self.set_meta("restored", &UNDATED_US.to_be_bytes())?;
        let sql = "UPDATE consent SET told_us = CASE WHEN told_us IS NULL OR told_us = ?1 THEN ?1 ELSE ?2 END";
        self.db.execute(sql, [RESTORED_BY_FILE_US, RESTORED_US])?;
        self.db.execute("UPDATE feed SET since_us = ?1, last_us = ?2", params![i64::MAX, i64::MIN])?;
        self.db.execute("DELETE FROM outbox", [])?;
        self.db.execute("DELETE FROM visit", [])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_US: i64 = 86_400_000_000;
    const NOW_US: i64 = 1_795_510_800_000_000;

    fn customer(name: &str) -> CustomerId {
        CustomerId::new(name).unwrap()
    }

    /// A restored ledger with one consent by file and one from the registrar.
    fn restored() -> Store {
        let store = Store::in_memory([7; 32]).unwrap();
        store.write_consent(&customer("ann"), 1, "{}", None).unwrap();
        store.write_consent(&customer("bob"), 1, "{}", Some(NOW_US)).unwrap();
        store.hold_back().unwrap();
        store
    }

    fn told(store: &Store) -> Vec<Option<i64>> {
        store.consents().unwrap().into_iter().map(|(_, told_us)| told_us).collect()
    }

    #[test]
    fn the_wait_is_dated_by_the_first_clock_that_is_believed_and_by_an_earlier_one_again() {
        let store = restored();
        assert_eq!(store.restored_us().unwrap(), Some(UNDATED_US));
        store.date_restore(NOW_US + 365 * DAY_US).unwrap();
        store.date_restore(NOW_US).unwrap();
        assert_eq!(store.restored_us().unwrap(), Some(NOW_US), "the first clock was a year ahead");
        store.date_restore(NOW_US + DAY_US).unwrap();
        assert_eq!(store.restored_us().unwrap(), Some(NOW_US));
        let fresh = Store::in_memory([7; 32]).unwrap();
        fresh.date_restore(NOW_US).unwrap();
        assert_eq!(fresh.restored_us().unwrap(), None, "what was not restored waits for nothing");
    }

    #[test]
    fn every_consent_is_closed_and_is_known_by_where_it_came_from() {
        let store = restored();
        assert_eq!(told(&store), [Some(RESTORED_BY_FILE_US), Some(RESTORED_US)]);
        store.hold_back().unwrap();
        assert_eq!(told(&store), [Some(RESTORED_BY_FILE_US), Some(RESTORED_US)], "also when it is restored again");
    }

    const MONTH_US: i64 = 31 * DAY_US;

    /// A shop whose longest cap looks back so far.
    fn kept(deliveries_us: Option<i64>) -> Kept {
        let deliveries_us = deliveries_us.map(i64::unsigned_abs);
        Kept { deliveries_us, ended_us: MONTH_US.unsigned_abs(), forgotten_us: 0 }
    }

    #[test]
    fn when_the_wait_is_over_who_was_not_told_again_is_let_go_and_then_the_mark() {
        let store = restored();
        let kept = kept(Some(2 * MONTH_US));
        let (over_us, later_us) = (NOW_US + MONTH_US + 1, NOW_US + 2 * MONTH_US + 1);
        assert_eq!(store.end_restore(&kept, later_us).unwrap(), None, "nobody knows when it was");
        store.date_restore(NOW_US).unwrap();
        assert_eq!(store.end_restore(&kept, over_us - 1).unwrap(), None, "half-open");
        store.save_consent(&customer("ann"), 1, "{}").unwrap();
        assert_eq!(store.end_restore(&kept, over_us).unwrap(), Some(vec![customer("bob")]));
        assert_eq!(store.end_restore(&kept, later_us).unwrap(), Some(vec![customer("bob")]));
        assert!(store.restored_us().unwrap().is_some(), "until there is nobody left");
        store.forget(&customer("bob"), NOW_US).unwrap();
        assert_eq!(store.end_restore(&kept, later_us - 1).unwrap(), Some(Vec::new()));
        assert!(store.restored_us().unwrap().is_some(), "a window of two months has not passed");
        assert_eq!(store.end_restore(&kept, later_us).unwrap(), Some(Vec::new()));
        assert_eq!(store.restored_us().unwrap(), None);
    }

    #[test]
    fn nobody_stays_for_good_because_a_cap_has_no_end() {
        let store = restored();
        store.date_restore(NOW_US).unwrap();
        let everybody = vec![customer("ann"), customer("bob")];
        assert_eq!(store.end_restore(&kept(None), NOW_US + MONTH_US + 1).unwrap(), Some(everybody));
    }
}
