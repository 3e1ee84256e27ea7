//! The ledger on real files: what is granted is remembered, what is forgotten leaves no byte, what reached nobody is
//! refunded, and nothing leaves before its commit.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[allow(dead_code, reason = "each test uses its part")]
#[path = "common/deliveries.rs"]
mod deliveries;

use std::path::{Path, PathBuf};

use deliveries::{HOUR_US, KEY, MINUTE_US, answer, customer, draft, grant, open, reservation};
use emma::clock::Clock;
use emma::gateway::SAVE_EVERY_US;
use emma::gateway::cap::CapScope;
use emma::gateway::effect::{Answer, Ending, VisitMemory};
use emma::gateway::feedback::Kind;
use emma::ledger::folder::Folder;
use emma::ledger::halts::Word;
use emma::ledger::retention::Kept;
use emma::ledger::said::{Feedback, Noted};
use emma::ledger::thread::Ledger;
use emma::ledger::{LedgerError, Store};
use emma::mqtt::event::Draft;
use emma::mqtt::{Outbox, Outcome};
use tempfile::TempDir;

#[test]
fn what_was_granted_is_remembered_by_the_next_life() {
    let dir = TempDir::new().unwrap();
    assert_eq!(grant(&open(&dir), "ann", HOUR_US, &[]), Answer::Granted);
    let store = open(&dir);
    assert_eq!(grant(&store, "ann", 2 * HOUR_US, &[]), Answer::Refused(CapScope::Customer));
    assert_eq!(grant(&store, "bob", 2 * HOUR_US, &[]), Answer::Granted);
    assert_eq!(grant(&store, "ann", 25 * HOUR_US, &[]), Answer::Granted, "at exactly the window it has aged out");
    assert_eq!(store.high_water_us().unwrap(), 25 * HOUR_US);
}

#[test]
fn a_row_that_expired_unsent_is_refunded_in_the_same_life_and_not_after_a_crash() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    grant(&store, "ann", HOUR_US, &[draft("e1", HOUR_US + 1)]);
    store.expire(HOUR_US + 1).unwrap();
    assert_eq!(grant(&store, "ann", HOUR_US + 2, &[draft("e2", HOUR_US + 3)]), Answer::Granted, "refunded");
    drop(store);
    let next_life = open(&dir);
    next_life.expire(HOUR_US + 3).unwrap();
    assert_eq!(next_life.depth().unwrap().rows, 0);
    assert_eq!(grant(&next_life, "ann", HOUR_US + 4, &[]), Answer::Refused(CapScope::Customer), "unknown counts");
}

#[test]
fn a_row_that_is_passed_over_because_it_expired_is_refunded() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&dir);
    grant(&store, "ann", HOUR_US, &[draft("e1", HOUR_US + 10)]);
    grant(&store, "bob", HOUR_US, &[draft("e2", HOUR_US + 99)]);
    let taken: Vec<_> = store.take(9, HOUR_US + 10).unwrap().into_iter().map(|row| row.event_id).collect();
    assert_eq!(taken, ["e2".into()]);
    assert_eq!(store.depth().unwrap().rows, 1);
    assert_eq!(grant(&store, "ann", HOUR_US + 11, &[]), Answer::Granted, "nobody got it");
}

#[test]
fn a_refusal_is_refunded_and_an_acknowledgement_is_not() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&dir);
    for (outcome, expected) in [
        (Outcome::Refused, Answer::Granted),
        (Outcome::Expired, Answer::Refused(CapScope::Customer)),
        (Outcome::Acknowledged, Answer::Refused(CapScope::Customer)),
    ] {
        let who = format!("{outcome:?}");
        grant(&store, &who, HOUR_US, &[draft("e", HOUR_US + MINUTE_US)]);
        let rows = store.take(10, HOUR_US).unwrap();
        assert_eq!(rows.len(), 1);
        store.settle(rows[0].row, outcome).unwrap();
        assert_eq!(grant(&store, &who, HOUR_US + 1, &[]), expected, "{outcome:?}");
        assert_eq!(store.depth().unwrap().rows, 0);
    }
}

#[test]
fn a_delivery_to_two_recipients_is_refunded_only_if_both_reached_nobody() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&dir);
    grant(&store, "ann", HOUR_US, &[draft("e1", HOUR_US + MINUTE_US), draft("e2", HOUR_US + MINUTE_US)]);
    let rows = store.take(10, HOUR_US).unwrap();
    store.settle(rows[0].row, Outcome::Acknowledged).unwrap();
    store.settle(rows[1].row, Outcome::Refused).unwrap();
    assert_eq!(grant(&store, "ann", HOUR_US + 1, &[]), Answer::Refused(CapScope::Customer));
}

#[test]
fn rows_are_taken_once_in_order_and_numbered_without_a_gap_over_two_lives() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&dir);
    for n in 0..3 {
        grant(&store, &format!("c{n}"), HOUR_US, &[draft(&format!("e{n}"), HOUR_US + MINUTE_US)]);
    }
    let events = |store: &mut Store, limit| -> Vec<(String, String)> {
        let rows = store.take(limit, HOUR_US).unwrap();
        let sequence = |payload: &str| {
            let event: serde_json::Value = serde_json::from_str(payload).unwrap();
            event["sequence"].as_str().unwrap().trim_start_matches('0').to_owned()
        };
        rows.into_iter().map(|row| (row.event_id.to_string(), sequence(&row.payload))).collect()
    };
    let pair = |event: &str, n: &str| (event.to_owned(), n.to_owned());
    assert_eq!(events(&mut store, 2), [pair("e0", "1"), pair("e1", "2")]);
    drop(store);
    let mut next_life = open(&dir);
    assert_eq!(events(&mut next_life, 2), [pair("e0", "1"), pair("e1", "2")], "the same event keeps its number");
    assert_eq!(events(&mut next_life, 2), [pair("e2", "3")]);
    assert_eq!(events(&mut next_life, 2), []);
}

#[test]
fn each_kind_of_event_is_numbered_by_itself() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&dir);
    let on = |topic: &str, event: &str| Draft { topic: topic.to_owned(), ..draft(event, HOUR_US + MINUTE_US) };
    let topics = ["emma/v1/s/offer/push/a", "emma/v1/s/report/restraint", "emma/v1/s/offer/push/b"];
    for (n, topic) in topics.into_iter().enumerate() {
        grant(&store, &format!("c{n}"), HOUR_US, &[on(topic, &format!("e{n}"))]);
    }
    let numbers: Vec<String> = store.take(10, HOUR_US).unwrap().into_iter().map(|row| row.payload).collect();
    let number = |payload: &String| serde_json::from_str::<serde_json::Value>(payload).unwrap()["sequence"].clone();
    let numbers: Vec<_> = numbers.iter().map(number).collect();
    assert_eq!(numbers, ["00000000000000000001", "00000000000000000001", "00000000000000000002"]);
}

#[test]
fn what_waits_for_someone_who_left_the_zone_is_ended() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&dir);
    grant(&store, "ann", HOUR_US, &[draft("e1", HOUR_US + MINUTE_US)]);
    grant(&store, "bob", HOUR_US, &[draft("e2", HOUR_US + MINUTE_US)]);
    store.end_offers(&customer("ann"), Ending::Left, HOUR_US).unwrap();
    let rows = store.take(10, HOUR_US).unwrap();
    assert_eq!(rows.iter().map(|row| &*row.event_id).collect::<Vec<_>>(), ["e2"]);
}

#[test]
fn who_is_forgotten_leaves_no_byte_and_finds_the_promise_full_on_return() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let record = r#"{"customer":"karoline-7","inbox":{"push":"inbox-7"},"uuid":"f7826da6"}"#;
    store.save_consent(&customer("karoline-7"), 1, record).unwrap();
    grant(&store, "karoline-7", HOUR_US, &[draft("e1", HOUR_US + MINUTE_US)]);
    let visit = VisitMemory {
        customer: customer("karoline-7"),
        started_us: HOUR_US,
        last_seen_us: HOUR_US,
        zone: Some(("shoes".into(), HOUR_US)),
        dwelled: vec![("shoes".into(), 20_000_000)],
    };
    store.save_visit(&visit).unwrap();
    let memory = store.memories().unwrap().remove(0);
    assert_eq!(
        (memory.visit, memory.slack_us),
        (Some(visit), SAVE_EVERY_US),
        "after a crash they may have been seen since"
    );
    store.note_stop().unwrap();
    assert_eq!(open(&dir).memories().unwrap()[0].slack_us, 0, "after a stop they have not");
    assert!(found_in(dir.path(), b"karoline-7"), "it was there");
    store.begin().unwrap();
    store.forget(&customer("karoline-7"), 2 * HOUR_US).unwrap();
    store.commit().unwrap();
    store.scrub().unwrap();
    for trace in [&b"karoline"[..], b"inbox-7", b"f7826da6"] {
        assert!(!found_in(dir.path(), trace), "{}", String::from_utf8_lossy(trace));
    }
    assert_eq!(grant(&store, "karoline-7", 3 * HOUR_US, &[]), Answer::Refused(CapScope::Customer));
    let kept = Kept { deliveries_us: None, ended_us: 0, forgotten_us: 0 };
    store.prune(&kept, &[], 2 * HOUR_US + 1).unwrap();
    assert_eq!(grant(&store, "karoline-7", 3 * HOUR_US, &[]), Answer::Granted, "the hash has ended with its window");
}

#[test]
fn among_hundreds_who_come_and_go_nobody_leaves_a_byte() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let name = |n: usize| format!("somebody-{n:04}-x");
    store.begin().unwrap();
    for n in 0..300 {
        store
            .save_consent(&customer(&name(n)), 1, &format!(r#"{{"customer":"{}","inbox":"{n:0200}"}}"#, name(n)))
            .unwrap();
        for hour in 0..i64::try_from(n % 7).unwrap() {
            store.reserve(&reservation(&name(n), (hour + 1) * 48 * HOUR_US), &[]).unwrap();
        }
    }
    store.commit().unwrap();
    for n in (0..300).step_by(10) {
        store.forget_now(&customer(&name(n)), 9_000 * HOUR_US).unwrap();
        assert!(!found_in(dir.path(), name(n).as_bytes()), "{n}");
    }
    assert!(found_in(dir.path(), name(1).as_bytes()));
}

#[test]
fn forgetting_is_not_said_to_be_done_while_somebody_reads_the_journal() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store.save_consent(&customer("ann"), 1, "{}").unwrap();
    let reader = rusqlite::Connection::open(dir.path().join("ledger.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM consent").unwrap();
    assert!(store.forget_now(&customer("ann"), HOUR_US).is_err());
    reader.execute_batch("ROLLBACK").unwrap();
    store.forget_now(&customer("ann"), HOUR_US).unwrap();
    assert!(!found_in(dir.path(), b"ann"));
}

#[test]
fn a_row_whose_time_lies_too_far_ahead_was_dated_by_another_clock() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&dir);
    grant(&store, "ann", HOUR_US, &[draft("e1", HOUR_US + MINUTE_US)]);
    assert!(store.take(9, HOUR_US - 10 * MINUTE_US).unwrap().is_empty());
    store.expire(HOUR_US - 10 * MINUTE_US).unwrap();
    assert_eq!(store.depth().unwrap().rows, 0);
}

#[test]
fn what_was_handed_over_and_ended_is_not_wanted_any_more() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&dir);
    grant(&store, "ann", HOUR_US, &[draft("e1", HOUR_US + MINUTE_US)]);
    grant(&store, "bob", HOUR_US, &[draft("e2", HOUR_US + MINUTE_US)]);
    let rows: Vec<i64> = store.take(9, HOUR_US).unwrap().iter().map(|row| row.row).collect();
    store.end_offers(&customer("ann"), Ending::Left, HOUR_US).unwrap();
    assert_eq!(store.wanted(&rows).unwrap(), rows[1..]);
    assert_eq!(grant(&store, "ann", HOUR_US + 1, &[]), Answer::Refused(CapScope::Customer), "it may have been said");
}

fn found_in(folder: &Path, trace: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|file| {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        bytes.windows(trace.len()).any(|window| window == trace)
    })
}

#[test]
fn rows_from_a_future_that_was_none_are_dated_now() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    grant(&store, "ann", 9_000 * HOUR_US, &[]);
    store.redate(HOUR_US).unwrap();
    assert_eq!(store.high_water_us().unwrap(), HOUR_US);
    assert_eq!(grant(&store, "ann", 2 * HOUR_US, &[]), Answer::Refused(CapScope::Customer));
    assert_eq!(grant(&store, "ann", 26 * HOUR_US, &[]), Answer::Granted);
}

#[test]
fn a_folder_is_one_emmas_and_a_newer_ledger_is_left_alone() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("state");
    let first = Folder::open(&path).unwrap();
    assert!(matches!(Folder::open(&path), Err(LedgerError::Locked { .. })));
    drop(first.store(KEY).unwrap());
    let raw = rusqlite::Connection::open(path.join("ledger.db")).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    let files = || -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|file| (file.clone(), std::fs::read(file).unwrap())).collect()
    };
    let before = files();
    assert!(matches!(first.store(KEY), Err(LedgerError::Newer { .. })));
    // What SQLite adds beside it to look at it, an empty journal, is not part of it.
    let untouched = before.iter().all(|(file, bytes)| std::fs::read(file).is_ok_and(|now| now == *bytes));
    assert!(untouched, "a newer ledger is not touched");
    std::fs::write(path.join("ledger.db"), "").unwrap();
    assert!(matches!(first.store(KEY), Err(LedgerError::Damaged(_))), "one that was there and is gone");
    drop(first);
    assert!(Folder::open(&path).is_ok());
}

#[test]
fn a_newer_ledger_is_left_as_it_is_to_the_byte_its_journal_too() {
    let dir = TempDir::new().unwrap();
    let (path, cut) = (dir.path().join("state"), dir.path().join("cut"));
    let folder = Folder::open(&path).unwrap();
    drop(folder.store(KEY).unwrap());
    let newer = rusqlite::Connection::open(path.join("ledger.db")).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    // Whoever wrote it was cut off: the journal has what the file has not.
    std::fs::create_dir(&cut).unwrap();
    let files = ["ledger.db", "ledger.db-wal", "emma.lock"];
    for file in files {
        std::fs::copy(path.join(file), cut.join(file)).unwrap();
    }
    drop(newer);
    std::fs::set_permissions(&cut, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let bytes = || files.map(|file| std::fs::read(cut.join(file)).unwrap());
    let before = bytes();
    assert!(!before[1].is_empty(), "there is a journal");
    assert!(matches!(Folder::open(&cut).unwrap().store(KEY), Err(LedgerError::Newer { .. })));
    assert!(bytes() == before);
}

#[test]
fn a_file_that_is_no_ledger_is_said_to_be_none() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("ledger.db");
    std::fs::write(&file, [b'x'; 8192]).unwrap();
    assert!(Store::open(&file, KEY).is_err());
    assert_eq!(std::fs::read(&file).unwrap(), [b'x'; 8192], "and is left as it was");
}

#[tokio::test]
async fn the_thread_answers_every_reservation_and_hands_over_only_what_is_committed() {
    let dir = TempDir::new().unwrap();
    let clock = Clock::start();
    let now_us = clock.wall_us();
    let (ledger, thread, mut answers) = Ledger::start(open(&dir), clock).unwrap();
    for n in 0..200 {
        ledger.reserve(
            Box::new(reservation(&format!("c{n}"), now_us)),
            vec![draft(&format!("e{n}"), now_us + MINUTE_US)],
        );
    }
    let mut taken = 0;
    let mut granted = 0;
    while taken < 200 {
        tokio::select! {
            Some(told) = answers.recv() => granted += usize::from(answer(&told) == Answer::Granted),
            () = ledger.changed() => {
                // What is handed over can be read by another connection: it is on disk.
                for row in ledger.take(500).await {
                    let raw = rusqlite::Connection::open(dir.path().join("ledger.db")).unwrap();
                    let found: i64 = raw.query_row("SELECT count(*) FROM outbox WHERE row = ?1", [row.row], |r| r.get(0)).unwrap();
                    assert_eq!(found, 1);
                    taken += 1;
                }
            }
        }
    }
    while granted < 200 {
        granted += usize::from(answer(&answers.recv().await.unwrap()) == Answer::Granted);
    }
    assert!(ledger.gauges().commits() <= 50, "200 offers cost {} commits", ledger.gauges().commits());
    ledger.stop();
    thread.join().unwrap();
}

#[tokio::test]
async fn a_ledger_that_cannot_be_written_refuses_and_recovers_by_itself() {
    let dir = TempDir::new().unwrap();
    let clock = Clock::start();
    let now_us = clock.wall_us();
    let (ledger, thread, mut answers) = Ledger::start(open(&dir), clock).unwrap();
    let other = rusqlite::Connection::open(dir.path().join("ledger.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    ledger.reserve(Box::new(reservation("ann", now_us)), Vec::new());
    assert_eq!(answer(&answers.recv().await.unwrap()), Answer::Unavailable);
    other.execute_batch("ROLLBACK").unwrap();
    ledger.reserve(Box::new(reservation("ann", now_us)), Vec::new());
    assert_eq!(answer(&answers.recv().await.unwrap()), Answer::Granted);
    ledger.stop();
    thread.join().unwrap();
}

/// The machine's clock is a year ahead of what the core believes: a dismissal counts from the right time, and a coupon that
/// holds is not ended.
#[tokio::test]
async fn what_is_said_while_a_clock_is_a_year_ahead_is_dated_by_the_one_that_was_believed() {
    const YEAR_US: i64 = 365 * 24 * HOUR_US;
    let dir = TempDir::new().unwrap();
    let clock = Clock::start();
    let believed_us = clock.wall_us() - YEAR_US;
    let mut store = open(&dir);
    store.save_consent(&customer("ann"), 1, "{}").unwrap();
    let mut wanted = reservation("ann", believed_us);
    (wanted.offer.notify_until_us, wanted.offer.valid_until_us) = (believed_us + MINUTE_US, believed_us + HOUR_US);
    store.begin().unwrap();
    store.reserve(&wanted, &[draft("e1", believed_us + MINUTE_US)]).unwrap();
    store.commit().unwrap();
    let row = store.take(1, believed_us).unwrap().remove(0).row;
    store.settle(row, Outcome::Acknowledged).unwrap();
    let (ledger, thread, _answers) = Ledger::start(store, clock).unwrap();
    ledger.note_wall(believed_us);
    let told = Feedback { inbox: "inbox-7".into(), offer_id: "e1".into(), kind: Kind::Dismissed, snooze_until_us: 0 };
    let Noted::Taken { stance: Some(stance), .. } = ledger.feedback(told).await.unwrap() else {
        panic!("the offer has not ended");
    };
    let silent_until_us = stance.matters.values().find_map(|attitude| attitude.silent_until_us).unwrap();
    let silence_us = silent_until_us - believed_us;
    assert!((24 * HOUR_US..25 * HOUR_US).contains(&silence_us), "{silence_us}");
    ledger.stop();
    thread.join().unwrap();
}

#[test]
fn a_pause_that_a_wrong_clock_dated_lasts_as_long_as_it_was_meant_to() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let year_us = 365 * 24 * HOUR_US;
    let paused = Word::Pause(year_us + 2 * HOUR_US);
    assert!(store.give_word(&paused, year_us, year_us).unwrap());
    assert!(store.give_word(&Word::Stop("boots".into()), year_us, year_us).unwrap());
    store.redate(HOUR_US).unwrap();
    let halts = store.halts().unwrap();
    assert_eq!(halts.paused_until_us, Some(3 * HOUR_US));
    assert!(halts.campaigns.contains("boots"), "a stop lasts until somebody starts it");
    assert!(store.give_word(&Word::Resume, HOUR_US + 1, HOUR_US + 1).unwrap(), "the next word counts");
    assert_eq!(store.halts().unwrap().paused_until_us, None);
}
