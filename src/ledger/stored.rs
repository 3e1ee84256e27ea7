//! What is stored of a person, for whoever asks what that is: each table of the ledger that names somebody, its columns, what
//! it is for, where it comes from and for how long it is kept. What the core holds in memory besides is told in the same
//! shape.
//!
//! `KINDS` is all there is: it is held against the schema, column by column, so that nothing can be stored that an export
//! does not show.

use rusqlite::types::ValueRef;
use rusqlite::{Row, ToSql};
use serde_json::{Map, Value, json};

use super::LedgerError;
use super::retention::Kept;
use super::store::Store;
use crate::export::{Stored, instant, plain};
use crate::gateway::consent::CustomerId;
use crate::gateway::feedback::Heard;
use crate::gateway::held::Held;

type Result<T> = std::result::Result<T, LedgerError>;

/// One kind of what is kept of a person.
struct Kind {
    /// The word for it.
    what: &'static str,
    /// The table that it lies in.
    table: &'static str,
    /// What finds a person's rows there.
    by: By,
    purpose: &'static str,
    origin: &'static str,
    keeping: Keeping,
    /// Every column, in the order in which it is shown; the first that is an instant orders the rows.
    columns: &'static [(&'static str, Form)],
}

/// What finds a person's rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// The column `customer`.
    Pseudonym,
    /// The column `hash`, of the pseudonym.
    Hash,
}

/// How a column is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As it is: a text or a number.
    Plain,
    /// Microseconds of wall time, as RFC 3339; the name loses its unit.
    Instant,
    Yes,
    /// JSON, its own instants likewise.
    Json,
    /// Zones, and lengths of stay in microseconds.
    Stays,
    /// Kinds of feedback, a bit each.
    Feedback,
    Hex,
}

/// For how long it is kept.
#[derive(Clone, Copy)]
enum Keeping {
    Consent,
    Deliveries,
    Offer,
    Message,
    Stance,
    Visit,
    Day,
    Forgotten,
}

/// Every table that names a person.
const KINDS: [Kind; 8] = [
    Kind {
        what: "consent",
        table: "consent",
        by: By::Pseudonym,
        purpose: "to know what you agreed to, how your devices are recognised, and where offers to you are sent; Emma acts on nothing that it does not name",
        origin: "from you, through whoever registered your consent",
        keeping: Keeping::Consent,
        columns: &[
            ("customer", Form::Plain),
            ("epoch", Form::Plain),
            ("record", Form::Json),
            ("told_us", Form::Instant),
        ],
    },
    Kind {
        what: "offers-made",
        table: "delivery",
        by: By::Pseudonym,
        purpose: "to keep the promises about how often you are told something: each offer counts, also one that was not said because you are in a control group (`ghost`)",
        origin: "Emma wrote it down when the offer was made",
        keeping: Keeping::Deliveries,
        columns: &[
            ("id", Form::Plain),
            ("customer", Form::Plain),
            ("at_us", Form::Instant),
            ("class", Form::Plain),
            ("campaign", Form::Plain),
            ("category", Form::Plain),
            ("zone", Form::Plain),
            ("site", Form::Plain),
            ("visit_us", Form::Instant),
            ("epoch", Form::Plain),
            ("reached", Form::Yes),
            ("ghost", Form::Yes),
            ("test", Form::Yes),
        ],
    },
    Kind {
        what: "offers-that-hold",
        table: "said",
        by: By::Pseudonym,
        purpose: "to understand what you say back about an offer, to tell you why it was made, and to take it back: one for each recipient's copy",
        origin: "Emma wrote it down when the offer was made, and what you said back about it",
        keeping: Keeping::Offer,
        columns: &[
            ("offer", Form::Plain),
            ("delivery", Form::Plain),
            ("customer", Form::Plain),
            ("recipient", Form::Plain),
            ("inbox", Form::Plain),
            ("campaign", Form::Plain),
            ("matter", Form::Plain),
            ("test", Form::Yes),
            ("notify_until_us", Form::Instant),
            ("valid_until_us", Form::Instant),
            ("heard", Form::Feedback),
            ("ending", Form::Plain),
            ("ended", Form::Yes),
            ("why", Form::Json),
        ],
    },
    Kind {
        what: "messages",
        table: "outbox",
        by: By::Pseudonym,
        purpose: "to hand an offer, or the word that it ended, over to a recipient that your consent names",
        origin: "Emma wrote it down when there was something to say",
        keeping: Keeping::Message,
        columns: &[
            ("row", Form::Plain),
            ("delivery", Form::Plain),
            ("customer", Form::Plain),
            ("event_id", Form::Plain),
            ("topic", Form::Plain),
            ("payload", Form::Json),
            ("expires_us", Form::Instant),
            ("sequence", Form::Plain),
            ("offer", Form::Plain),
        ],
    },
    Kind {
        what: "stance",
        table: "stance",
        by: By::Pseudonym,
        purpose: "to say less of what you do not want, and nothing about what you have bought: scores, dates and yes or no, no history. Wishes that were shown or bought are kept as numbers that stand for them",
        origin: "from what you said back about offers and, if you agreed to that, from the till",
        keeping: Keeping::Stance,
        columns: &[("customer", Form::Plain), ("stance", Form::Json)],
    },
    Kind {
        what: "visit",
        table: "visit",
        by: By::Pseudonym,
        purpose: "to take up your visit again after a restart, so that no promise about a visit begins anew",
        origin: "from your device, as the shop's receivers heard it",
        keeping: Keeping::Visit,
        columns: &[
            ("customer", Form::Plain),
            ("started_us", Form::Instant),
            ("last_seen_us", Form::Instant),
            ("zone", Form::Plain),
            ("zone_since_us", Form::Instant),
            ("dwelled", Form::Stays),
        ],
    },
    Kind {
        what: "at-work",
        table: "ignored",
        by: By::Pseudonym,
        purpose: "not to see you for the rest of a day on which you were in the shop for more than three hours: you are at work there",
        origin: "from how long your device was heard that day",
        keeping: Keeping::Day,
        columns: &[("customer", Form::Plain), ("until_us", Form::Instant)],
    },
    Kind {
        what: "forgotten",
        table: "forgotten",
        by: By::Hash,
        purpose: "so that the promises about how often you are told something hold if you come back: a keyed hash of your pseudonym, and one date",
        origin: "Emma wrote it down when you were forgotten",
        keeping: Keeping::Forgotten,
        columns: &[("hash", Form::Hex), ("at_us", Form::Instant)],
    },
];

/// A visit ends after so many seconds without a sighting (semantics, the words).
const VISIT_GRACE_SECS: u64 = 900;

const US_A_DAY: u64 = 86_400_000_000;

impl Keeping {
    /// In words, and in seconds where it is a length of time.
    fn told(self, kept: &Kept) -> (String, Option<u64>) {
        let days = |us: u64| (format!("for {} days", us.div_ceil(US_A_DAY)), Some(us / 1_000_000));
        let words = |words: &str| (words.to_owned(), None);
        match self {
            Self::Consent => words("until you withdraw, also when its own end has passed"),
            Self::Deliveries => kept.deliveries_us.map_or_else(
                || words("until you withdraw: somebody's promise in this shop has no end"),
                |us| {
                    let (days, secs) = days(us);
                    (format!("{days}, as far back as a promise in this shop can look"), secs)
                },
            ),
            Self::Offer => words("until the offer has ended (`valid_until`)"),
            Self::Message => words("until it is handed over, or is not worth saying any more (`expires`)"),
            Self::Stance => {
                words("until you withdraw; what you bought and wished for, until you agree to that no longer")
            }
            Self::Visit => (
                "until a quarter of an hour after you were last heard, or until Emma runs again".to_owned(),
                Some(VISIT_GRACE_SECS),
            ),
            Self::Day => words("until the day is over, and at the most a day longer"),
            Self::Forgotten => {
                let (days, secs) = days(kept.forgotten_us);
                (format!("{days}, as far back as the shop's promise to every customer looks"), secs)
            }
        }
    }
}

/// Every kind of what is kept of a person: the word for it, and for how many seconds, where that is a length of time. The
/// notice is made of it, so that it says no less than an export shows.
pub fn kinds(kept: &Kept) -> impl Iterator<Item = (&'static str, Option<u64>)> {
    KINDS.iter().map(|kind| (kind.what, kind.keeping.told(kept).1))
}

impl Store {
    /// Everything that the ledger has of a customer, kind by kind; of nobody the same, empty.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn stored(&self, customer: Option<&CustomerId>, kept: &Kept) -> Result<Vec<Stored>> {
        let told = |kind: &Kind| {
            let items = customer.map(|customer| self.items(kind, customer)).transpose()?;
            let (words, secs) = kind.keeping.told(kept);
            Ok(Stored {
                what: kind.what.to_owned(),
                place: "disk".to_owned(),
                purpose: kind.purpose.to_owned(),
                origin: kind.origin.to_owned(),
                kept: words,
                kept_secs: secs,
                items: items.unwrap_or_default(),
                left_out: 0,
            })
        };
        KINDS.iter().map(told).collect()
    }

    /// Whether any row names this customer. The hash of somebody who was forgotten names nobody.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn names(&self, customer: &CustomerId) -> Result<bool> {
        for Kind { table, .. } in KINDS.iter().filter(|kind| kind.by == By::Pseudonym) {
            let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE customer = ?1)");
            if self.db.query_one(&sql, [customer.as_str()], |row| row.get(0))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Deletes every row that names this customer.
    pub(super) fn delete_all_of(&self, customer: &CustomerId) -> Result<()> {
        for Kind { table, .. } in KINDS.iter().filter(|kind| kind.by == By::Pseudonym) {
            self.db.execute(&format!("DELETE FROM {table} WHERE customer = ?1"), [customer.as_str()])?;
        }
        Ok(())
    }

    fn items(&self, kind: &Kind, customer: &CustomerId) -> Result<Vec<Value>> {
        let columns: Vec<&str> = kind.columns.iter().map(|(name, _)| *name).collect();
        let hash = self.forgotten_hash(customer);
        let (by, value): (&str, &dyn ToSql) = match kind.by {
            By::Pseudonym => ("customer", &customer.as_str()),
            By::Hash => ("hash", &hash),
        };
        let order = kind.columns.iter().find(|(_, form)| *form == Form::Instant).or(kind.columns.first());
        let order = order.map_or("1", |(name, _)| *name);
        let sql = format!("SELECT {} FROM {} WHERE {by} = ?1 ORDER BY {order}", columns.join(", "), kind.table);
        let mut rows = self.db.prepare(&sql)?;
        let items = rows.query_map([value], |row| item(kind, row))?;
        Ok(items.collect::<rusqlite::Result<_>>()?)
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

/// What the core holds in memory of somebody who is in the shop now.
pub fn held(held: Option<&Held>) -> Stored {
    let item = |held: &Held| {
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
    };
    Stored {
        what: "visit-now".to_owned(),
        place: "memory".to_owned(),
        purpose: "to know in which zone of the shop you are, and whether an offer is welcome there. How strongly your device was heard in the last seconds is part of it, and is not written out".to_owned(),
        origin: "from your device, as the shop's receivers heard it".to_owned(),
        kept: "until a quarter of an hour after you were last heard".to_owned(),
        kept_secs: Some(VISIT_GRACE_SECS),
        items: held.map(item).into_iter().collect(),
        left_out: 0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

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
        let kept = Kept { deliveries_us: None, forgotten_us: 7 * US_A_DAY };
        let nobody = store.stored(None, &kept).unwrap();
        assert_eq!(nobody, store.stored(CustomerId::new("unknown").as_ref(), &kept).unwrap());
        assert_eq!(nobody.len(), KINDS.len());
        assert!(nobody.iter().all(|stored| stored.items.is_empty() && !stored.kept.is_empty()));
        assert!(nobody.last().unwrap().kept.starts_with("for 7 days"));
    }
}
