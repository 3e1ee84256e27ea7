//! What is stored of a person, for whoever asks what that is, as the table of [`kinds`] has it; and what of them goes when
//! they are forgotten. What is held in memory alone is told in the same shape.
//!
//! [`kinds`]: super::kinds

use rusqlite::types::ValueRef;
use rusqlite::{Row, ToSql};
use serde_json::{Map, Value, json};

use super::LedgerError;
use super::kinds::{By, Form, HELD, KINDS, Keeping, Kind, secs};
use super::retention::Kept;
use super::store::Store;
use crate::export::{Stored, instant, plain};
use crate::gateway::consent::CustomerId;
use crate::gateway::feedback::Heard;
use crate::gateway::held::Held;
use crate::words::{self, Language};

type Result<T> = std::result::Result<T, LedgerError>;

impl Store {
    /// Everything that the ledger has of a customer, kind by kind, told in this language; of nobody the same, empty.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn stored(&self, customer: Option<&CustomerId>, kept: &Kept, language: Language) -> Result<Vec<Stored>> {
        let shown = |kind: &Kind| {
            let items = customer.map(|customer| self.items(kind, customer)).transpose()?;
            Ok(told(kind.what, "disk", kind.keeping, items.unwrap_or_default(), kept, language))
        };
        KINDS.iter().map(shown).collect()
    }

    /// Whether any row is this customer's that a withdrawal deletes.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn names(&self, customer: &CustomerId) -> Result<bool> {
        for kind in KINDS.iter().filter(|kind| kind.goes()) {
            let sql = format!("SELECT EXISTS (SELECT 1 FROM {} WHERE {} = ?1)", kind.table, kind.by.column());
            if self.db.query_one(&sql, [self.found_by(kind, customer)], |row| row.get(0))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Deletes every row of this customer's but the hash and the date of who was forgotten.
    pub(super) fn delete_all_of(&self, customer: &CustomerId) -> Result<()> {
        for kind in KINDS.iter().filter(|kind| kind.goes()) {
            let sql = format!("DELETE FROM {} WHERE {} = ?1", kind.table, kind.by.column());
            self.db.execute(&sql, [self.found_by(kind, customer)])?;
        }
        Ok(())
    }

    /// What a person's rows of this kind are found by.
    fn found_by(&self, kind: &Kind, customer: &CustomerId) -> Box<dyn ToSql> {
        match kind.by {
            By::Pseudonym => Box::new(customer.as_str().to_owned()),
            By::Hash => Box::new(self.forgotten_hash(customer)),
        }
    }

    fn items(&self, kind: &Kind, customer: &CustomerId) -> Result<Vec<Value>> {
        let columns: Vec<&str> = kind.columns.iter().map(|(name, _)| *name).collect();
        let order = kind.columns.iter().find(|(_, form)| *form == Form::Instant).or(kind.columns.first());
        let order = order.map_or("1", |(name, _)| *name);
        let by = kind.by.column();
        let sql = format!("SELECT {} FROM {} WHERE {by} = ?1 ORDER BY {order}", columns.join(", "), kind.table);
        let mut rows = self.db.prepare(&sql)?;
        let items = rows.query_map([self.found_by(kind, customer)], |row| item(kind, row))?;
        Ok(items.collect::<rusqlite::Result<_>>()?)
    }
}

/// A kind as it is told, with what there is of it.
fn told(what: &str, place: &str, keeping: Keeping, items: Vec<Value>, kept: &Kept, language: Language) -> Stored {
    let kept_secs = secs(keeping, kept);
    let words = words::notice::stored(what, kept_secs, language);
    Stored {
        what: what.to_owned(),
        place: place.to_owned(),
        purpose: words.purpose,
        origin: words.origin,
        kept: words.kept,
        kept_secs,
        items,
        left_out: 0,
    }
}

fn item(kind: &Kind, row: &Row<'_>) -> rusqlite::Result<Value> {
    let shown = |(index, (name, form)): (usize, &(&str, Form))| {
        let name = if *form == Form::Instant { name.trim_end_matches("_us") } else { name };
        Ok((name.to_owned(), form.show(row.get_ref(index)?)))
    };
    kind.columns.iter().enumerate().map(shown).collect::<rusqlite::Result<Map<_, _>>>().map(Value::Object)
}

impl Form {
    fn show(self, value: ValueRef<'_>) -> Value {
        match (self, value) {
            (Self::Instant, ValueRef::Integer(us)) => instant(us),
            (Self::Yes, ValueRef::Integer(yes)) => Value::from(yes != 0),
            (Self::Feedback, ValueRef::Integer(bits)) => {
                let heard = Heard(u16::try_from(bits).unwrap_or(u16::MAX));
                heard.kinds().map(|kind| Value::from(kind.as_str())).collect()
            }
            (Self::Json, ValueRef::Text(text)) => plain(serde_json::from_slice(text).unwrap_or(Value::Null)),
            (Self::Stays, ValueRef::Text(text)) => {
                stays(&serde_json::from_slice::<Vec<(String, u64)>>(text).unwrap_or_default())
            }
            (_, ValueRef::Null) => Value::Null,
            (_, ValueRef::Integer(number)) => Value::from(number),
            (_, ValueRef::Real(number)) => Value::from(number),
            (_, ValueRef::Text(text)) => Value::from(String::from_utf8_lossy(text)),
            (_, ValueRef::Blob(bytes)) => Value::from(hex::encode(bytes)),
        }
    }
}

fn stays<S: AsRef<str>>(stays: &[(S, u64)]) -> Value {
    stays.iter().map(|(zone, us)| json!({"zone": zone.as_ref(), "secs": us / 1_000_000})).collect()
}

/// What of somebody is held in memory alone, and by whom.
#[derive(Clone, Debug, Default)]
pub struct InMemory {
    /// Their visit, where they are in the shop now.
    pub visit: Option<Held>,
    /// Until when their consent holds (wall, microseconds), and whether it is on a lease.
    pub lease: Option<(i64, bool)>,
    /// The epoch under which they withdrew lately, and until when that is known (wall, microseconds).
    pub withdrew: Option<(u64, i64)>,
}

/// What is held in memory alone of somebody, kind by kind, told in this language; of nobody the same, empty.
pub fn held(held: &InMemory, kept: &Kept, language: Language) -> Vec<Stored> {
    let items = [
        held.visit.as_ref().map(visit_now),
        held.lease.map(|(until_us, is_leased)| json!({"until": instant(until_us), "leased": is_leased})),
        held.withdrew.map(|(epoch, until_us)| json!({"epoch": epoch, "until": instant(until_us)})),
    ];
    let shown = |((what, keeping), item): ((&str, Keeping), Option<Value>)| {
        told(what, "memory", keeping, item.into_iter().collect(), kept, language)
    };
    HELD.into_iter().zip(items).map(shown).collect()
}

fn visit_now(held: &Held) -> Value {
    let (zone, since_us) = held.zone.clone().unzip();
    json!({
        "started": held.started_us.map(instant),
        "last_seen": held.last_seen_us.map(instant),
        "zone": zone.as_deref(),
        "zone_since": since_us.flatten().map(instant),
        "unsure": held.is_unsure,
        "dwelled": stays(&held.dwelled),
        "undecided": held.undecided.iter().map(|zone| &**zone).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const DAY_US: u64 = 86_400_000_000;

    /// Tables in which nobody is: what is in them is the shop's, a total, or a secret of the installation.
    const IMPERSONAL: [&str; 6] = ["meta", "halt", "trial", "total", "used_code", "feed"];

    #[test]
    fn every_column_of_the_schema_is_shown_or_is_about_nobody() {
        let store = Store::in_memory([7; 32]).unwrap();
        let names = |sql: &str| -> BTreeSet<String> {
            let mut rows = store.db.prepare(sql).unwrap();
            let names = rows.query_map([], |row| row.get(0)).unwrap();
            names.collect::<rusqlite::Result<_>>().unwrap()
        };
        let tables = names("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
        let shown = KINDS.iter().map(|kind| kind.table).chain(IMPERSONAL).map(str::to_owned).collect();
        assert_eq!(tables, shown, "a table that names somebody belongs into KINDS, any other into IMPERSONAL");
        for kind in &KINDS {
            let columns = names(&format!("SELECT name FROM pragma_table_info('{}')", kind.table));
            let shown: BTreeSet<String> = kind.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
            assert_eq!(columns, shown, "{}: each column belongs into KINDS", kind.table);
        }
    }

    #[test]
    fn what_is_about_nobody_has_no_column_for_a_person() {
        let store = Store::in_memory([7; 32]).unwrap();
        for table in IMPERSONAL {
            let sql = format!("SELECT name FROM pragma_table_info('{table}')");
            let mut rows = store.db.prepare(&sql).unwrap();
            let names = rows.query_map([], |row| row.get::<_, String>(0)).unwrap();
            for name in names {
                let name = name.unwrap();
                assert!(!["customer", "inbox", "delivery", "offer"].contains(&&*name), "{table}.{name}");
            }
        }
    }

    #[test]
    fn of_nobody_the_same_is_told_as_of_somebody_and_it_is_empty() {
        let store = Store::in_memory([7; 32]).unwrap();
        let kept = Kept { deliveries_us: None, ended_us: 31 * DAY_US, forgotten_us: 7 * DAY_US };
        let nobody = store.stored(None, &kept, Language::En).unwrap();
        assert_eq!(nobody, store.stored(CustomerId::new("unknown").as_ref(), &kept, Language::En).unwrap());
        assert_eq!(nobody.len(), KINDS.len());
        assert!(nobody.iter().all(|stored| stored.items.is_empty() && !stored.kept.is_empty()));
        assert!(nobody.last().unwrap().kept.starts_with("7 days"));
    }
}
