//! The table's lives against the file: whatever has had its life is gone, of every kind that there is.

use rusqlite::types::Value;

use super::*;
use crate::gateway::stance::Signal;
use crate::ledger::kinds::{By, Form, Kind};

const DAY_US: i64 = 86_400_000_000;
const NOW_US: i64 = 1_800_000_000_000_000;

const KEPT: Kept =
    Kept { deliveries_us: Some(62 * 86_400_000_000), ended_us: 62 * 86_400_000_000, forgotten_us: 7 * 86_400_000_000 };

fn ann() -> CustomerId {
    CustomerId::new("ann").unwrap()
}

/// An empty ledger whose first message is on its way to the broker.
fn store() -> Store {
    let mut store = Store::in_memory([7; 32]).unwrap();
    store.taken_row = 1;
    store
}

/// A row of Ann's, every instant in it `at_us`, whatever the kind is.
fn write_row(store: &Store, kind: &Kind, at_us: i64) {
    let value = |(name, form): &(&str, Form)| match (*name, *form) {
        ("customer", _) => Value::Text("ann".into()),
        ("hash", _) => Value::Blob(store.forgotten_hash(&ann()).into()),
        (_, Form::Json) => Value::Text("{}".into()),
        (_, Form::Stays) => Value::Text("[]".into()),
        (_, Form::Instant) => Value::Integer(at_us),
        (_, Form::Yes | Form::Feedback) => Value::Integer(0),
        (_, Form::Hex) => Value::Blob(vec![7]),
        ("epoch" | "row" | "sequence", Form::Plain) => Value::Integer(1),
        (_, Form::Plain) => Value::Text("x".into()),
    };
    let values: Vec<Value> = kind.columns.iter().map(value).collect();
    let names: Vec<&str> = kind.columns.iter().map(|(name, _)| *name).collect();
    let places = vec!["?"; names.len()].join(", ");
    let sql = format!("INSERT INTO {} ({}) VALUES ({places})", kind.table, names.join(", "));
    store.db.execute(&sql, rusqlite::params_from_iter(values)).unwrap();
}

fn rows(store: &Store, kind: &Kind) -> i64 {
    store.db.query_one(&format!("SELECT count(*) FROM {}", kind.table), [], |row| row.get(0)).unwrap()
}

#[test]
fn every_kind_has_a_life_and_when_it_is_over_no_row_of_it_is_left() {
    for kind in &KINDS {
        let what = kind.what;
        let store = store();
        write_row(&store, kind, NOW_US);
        match kind.keeping.life(&KEPT).ends {
            Ends::After(column, us) => {
                let is_dated = |(name, form): &(&str, Form)| *name == column && *form == Form::Instant;
                assert!(kind.columns.iter().any(is_dated), "{what}: {column} is an instant of its table");
                let over_us = NOW_US.saturating_add_unsigned(us);
                store.prune(&KEPT, &[], over_us - 1).unwrap();
                assert_eq!(rows(&store, kind), 1, "{what} has its life");
                store.prune(&KEPT, &[], over_us + 1).unwrap();
            }
            Ends::WithTheConsent => {
                assert_eq!(kind.by, By::Pseudonym, "{what}: is found when its customer is forgotten");
                store.prune(&KEPT, &[], NOW_US + 10_000 * DAY_US).unwrap();
                assert_eq!(rows(&store, kind), 1, "{what}: nobody's consent is over");
                store.prune(&KEPT, &[ann()], NOW_US).unwrap();
            }
            Ends::InMemory => panic!("{what} is on the disk"),
        }
        assert_eq!(rows(&store, kind), 0, "{what} has had its life");
    }
}

#[test]
fn whoever_s_consent_is_over_leaves_no_row_that_names_them() {
    let store = store();
    let (of_a_person, by_hash): (Vec<&Kind>, Vec<&Kind>) = KINDS.iter().partition(|kind| kind.by == By::Pseudonym);
    for kind in &of_a_person {
        write_row(&store, kind, NOW_US);
    }
    assert_eq!(store.prune(&KEPT, &[ann()], NOW_US - 1).unwrap().forgotten, [], "an offer to them holds");
    assert!(store.names(&ann()).unwrap());
    assert_eq!(store.prune(&KEPT, &[ann()], NOW_US).unwrap().forgotten, [ann()]);
    assert!(!store.names(&ann()).unwrap());
    for kind in &of_a_person {
        assert_eq!(rows(&store, kind), 0, "{}", kind.what);
    }
    let left: Vec<&str> = by_hash.iter().filter(|kind| rows(&store, kind) > 0).map(|kind| kind.what).collect();
    assert_eq!(left, ["forgotten"], "they had an offer, and said no to nothing");
    assert_eq!(store.forgotten_us(&ann()).unwrap(), Some(NOW_US), "the date of their last offer");
}

#[test]
fn a_no_outlives_the_consent_and_a_yes_does_not() {
    let store = store();
    let [shoes, coats, hats] = ["shoes", "coats", "hats"].map(Into::into);
    let said = [
        Signal::NoMore(shoes),
        Signal::More(coats),
        Signal::Dismissed(hats),
        Signal::Stop(1),
        Signal::Shown(vec![[1; 8]]),
        Signal::Bought("belts".into(), NOW_US, Vec::new()),
    ];
    store.save_consent(&ann(), 1, "{}").unwrap();
    for signal in said {
        store.note(&ann(), signal, NOW_US).unwrap();
    }
    let later_us = NOW_US + 62 * DAY_US;
    store.prune(&KEPT, &[ann()], later_us).unwrap();
    assert_eq!(store.stance(&ann()).unwrap(), None);
    let kept = store.refusals(&ann()).unwrap().unwrap();
    let matters: Vec<&str> = kept.matters.keys().map(|matter| &**matter).collect();
    assert_eq!(matters, ["shoes"], "the silence of a day about hats is over");
    assert!(kept.has_stopped(1) && !kept.is_personal() && !kept.of("shoes").unwrap().more);
    store.prune(&KEPT, &[], later_us + 399 * DAY_US).unwrap();
    store.save_consent(&ann(), 1, "{}").unwrap();
    assert_eq!(store.stance(&ann()).unwrap(), Some(kept), "they are back, and need not say it again");
    assert_eq!(store.refusals(&ann()).unwrap(), None, "it is in one place");
    store.prune(&KEPT, &[ann()], later_us).unwrap();
    assert!(store.refusals(&ann()).unwrap().is_some());
    assert!(store.names(&ann()).unwrap(), "so that an erasure finds it");
    store.forget(&ann(), later_us).unwrap();
    assert_eq!(store.refusals(&ann()).unwrap(), None, "whoever withdraws is forgotten altogether");
}
