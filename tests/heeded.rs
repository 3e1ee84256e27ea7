//! What customers and the shop say, as the ledger takes it: a no is heard however often it is said, an offer is one in
//! whatever copies, and a wrong clock silences nobody for good.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[allow(dead_code, reason = "each test uses its part")]
#[path = "common/deliveries.rs"]
mod deliveries;

use std::collections::BTreeSet;

use deliveries::{HOUR_US, MINUTE_US, answer, customer, draft, grant, open, reservation};
use emma::clock::Clock;
use emma::gateway::effect::{Answer, Ending};
use emma::gateway::feedback::Kind;
use emma::gateway::stance::Stance;
use emma::ledger::Store;
use emma::ledger::halts::Word;
use emma::ledger::order::Told;
use emma::ledger::said::{Feedback, Noted};
use emma::ledger::thread::Ledger;
use tempfile::TempDir;

/// What ann says of the copy `offer`.
fn says(store: &Store, offer: &str, kind: Kind, now_us: i64) -> Noted {
    let (inbox, offer_id) = ("inbox-7".to_owned(), offer.to_owned());
    store.hear_feedback(&Feedback { inbox, offer_id, kind, snooze_until_us: 0 }, now_us).unwrap()
}

/// A ledger in which ann was told something, in two copies.
fn told_ann(dir: &TempDir) -> Store {
    let mut store = open(dir);
    store.begin_week(1).unwrap();
    store.save_consent(&customer("ann"), 1, "{}").unwrap();
    grant(&store, "ann", HOUR_US, &[draft("o1", HOUR_US + MINUTE_US), draft("o2", HOUR_US + MINUTE_US)]);
    store
}

fn stance_of_ann(store: &Store) -> Stance {
    store.stance(&customer("ann")).unwrap().unwrap_or_default()
}

#[test]
fn a_no_is_heeded_however_often_it_is_said() {
    let dir = TempDir::new().unwrap();
    let store = told_ann(&dir);
    says(&store, "o1", Kind::Stop, HOUR_US);
    store.save_consent(&customer("ann"), 2, "{}").unwrap();
    assert!(!stance_of_ann(&store).has_stopped(2), "she consented anew");
    says(&store, "o1", Kind::Stop, HOUR_US);
    assert!(stance_of_ann(&store).has_stopped(2), "and said stop again");
    let declines = || stance_of_ann(&store).matters.values().any(|attitude| attitude.declines(i64::MAX));
    for (kind, expected) in [(Kind::NoMore, true), (Kind::More, false), (Kind::NoMore, true), (Kind::More, true)] {
        says(&store, "o1", kind, HOUR_US);
        assert_eq!(declines(), expected, "{kind:?}: of what comes twice the no holds");
    }
    assert_eq!(store.totals(1).unwrap()["stop:jackets-tenth"], 1, "it is counted once");
    says(&store, "o1", Kind::Dismissed, HOUR_US);
    assert_eq!(stance_of_ann(&store).outcomes.0, 1, "it is one offer that was not taken up");
}

#[test]
fn what_is_said_of_one_copy_is_said_of_the_offer() {
    let dir = TempDir::new().unwrap();
    let store = told_ann(&dir);
    says(&store, "o1", Kind::Displayed, HOUR_US);
    says(&store, "o2", Kind::Displayed, HOUR_US);
    says(&store, "o2", Kind::Opened, HOUR_US);
    store.end_said(HOUR_US).unwrap();
    assert_eq!(stance_of_ann(&store), Stance::default(), "opened, and nothing ignored");
    assert_eq!(store.totals(1).unwrap()["displayed:jackets-tenth"], 1);
    let other = TempDir::new().unwrap();
    let store = told_ann(&other);
    says(&store, "o1", Kind::Displayed, HOUR_US);
    assert_eq!(store.end_said(HOUR_US).unwrap().len(), 1);
    assert_eq!(stance_of_ann(&store).matters.values().map(|attitude| attitude.score).sum::<u8>(), 1, "ignored once");
}

#[test]
fn what_a_clock_said_that_was_ahead_is_brought_back() {
    let (dir, year_us) = (TempDir::new().unwrap(), 365 * 24 * HOUR_US);
    let store = told_ann(&dir);
    assert!(matches!(says(&store, "o1", Kind::Dismissed, year_us), Noted::Taken { .. }), "a no is heard");
    grant(&store, "ann", year_us, &[draft("o3", year_us + MINUTE_US)]);
    store.give_word(&Word::Pause(year_us + HOUR_US), year_us, year_us).unwrap();
    store.give_word(&Word::Stop("boots".into()), year_us, year_us).unwrap();
    let back = store.redate(2 * HOUR_US).unwrap();
    let [(_, stance)] = &back.stances[..] else { panic!("one stance: {back:?}") };
    assert!(stance.matters.values().all(|attitude| !attitude.declines(2 * HOUR_US + 90 * 24 * HOUR_US)));
    let halts = back.halts.unwrap();
    assert_eq!(halts.paused_until_us, Some(3 * HOUR_US), "an hour, as it was meant");
    assert!(halts.campaigns.contains("boots"));
    assert_eq!(says(&store, "o3", Kind::Opened, 2 * HOUR_US), Noted::Unknown, "it ended long ago");
    assert!(store.redate(2 * HOUR_US).unwrap().halts.is_none());
}

#[test]
fn a_preview_is_forgotten_with_the_tester() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store.say(Some(&customer("tia")), &draft("p", HOUR_US)).unwrap();
    store.say(None, &draft("report", HOUR_US)).unwrap();
    store.forget(&customer("tia"), 0).unwrap();
    assert_eq!(store.depth().unwrap().rows, 1);
}

#[test]
fn what_is_refunded_in_another_week_is_in_no_total_of_it() {
    let dir = TempDir::new().unwrap();
    let mut store = told_ann(&dir);
    store.begin_week(2).unwrap();
    store.expire(HOUR_US + MINUTE_US).unwrap();
    assert_eq!(store.totals(2).unwrap()["delivered:jackets-tenth"], 0);
}

#[test]
fn what_was_left_and_is_then_recalled_are_two_events() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&dir);
    let mut wanted = reservation("ann", HOUR_US);
    (wanted.offer.notify_until_us, wanted.offer.valid_until_us) = (HOUR_US + MINUTE_US, 9 * HOUR_US);
    store.reserve(&wanted, &[draft("o1", HOUR_US + MINUTE_US)]).unwrap();
    store.take(9, HOUR_US).unwrap();
    store.end_offers(&customer("ann"), Ending::Left, HOUR_US).unwrap();
    store.give_word(&Word::Stop("jackets-tenth".into()), HOUR_US, HOUR_US).unwrap();
    let ids: BTreeSet<_> = store.take(9, HOUR_US).unwrap().into_iter().map(|row| row.event_id).collect();
    assert_eq!(ids.len(), 2);
}

#[tokio::test]
async fn of_two_things_that_are_written_together_the_later_is_told_later() {
    let dir = TempDir::new().unwrap();
    let clock = Clock::start();
    let (ledger, thread, mut answers) = Ledger::start(told_ann(&dir), clock).unwrap();
    let dismissed =
        Feedback { inbox: "inbox-7".into(), offer_id: "o1".into(), kind: Kind::Dismissed, snooze_until_us: 0 };
    let mut wanted = reservation("ann", clock.wall_us());
    wanted.wishes = vec![[1; 8]];
    let said = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.feedback(dismissed).await }
    });
    tokio::task::yield_now().await;
    ledger.reserve(Box::new(wanted), Vec::new());
    // The core, which takes the wish off its list when it is granted, must not get the list of before after that.
    assert!(matches!(answers.recv().await.unwrap(), Told::Stance(..)));
    assert_eq!(answer(&answers.recv().await.unwrap()), Answer::Granted);
    assert!(matches!(said.await.unwrap().unwrap(), Noted::Taken { .. }));
    ledger.stop();
    thread.join().unwrap();
}
