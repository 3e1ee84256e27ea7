//! Properties of what customers and the shop say: in whatever order and however often it is told, the same comes of it, it
//! stays small, and a clock that was wrong silences nobody for good.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use emma::config::Name;
use emma::config::span::Span;
use emma::gateway::feedback::{Heard, Kind, signal};
use emma::gateway::halt::Halts;
use emma::gateway::stance::{Outcomes, Signal, Stance};
use emma::ledger::Store;
use emma::ledger::halts::Word;
use jiff::tz::TimeZone;
use proptest::prelude::*;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
const NOW: i64 = 1_790_000_000 * SECOND;
const YEAR: i64 = 365 * DAY;

fn matter() -> impl Strategy<Value = Name> {
    proptest::sample::select(&["shoes", "coats", "campaign:coffee"][..]).prop_map(Into::into)
}

fn purchase() -> impl Strategy<Value = Signal> {
    (matter(), any::<bool>(), -40..40_i64, any::<bool>()).prop_map(|(category, is_return, days, wished)| {
        let at_us = NOW + days * DAY;
        let wishes = if wished { vec![[7; 8]] } else { Vec::new() };
        if is_return { Signal::Returned(category, at_us) } else { Signal::Bought(category, at_us, wishes) }
    })
}

fn anything() -> impl Strategy<Value = Signal> {
    prop_oneof![
        matter().prop_map(Signal::Ignored),
        matter().prop_map(Signal::Dismissed),
        matter().prop_map(Signal::Engaged),
        matter().prop_map(Signal::More),
        matter().prop_map(Signal::NoMore),
        (-100..100_i64).prop_map(|days| Signal::Snooze(NOW + days * DAY)),
        (0..5_u64).prop_map(Signal::Stop),
        (0..200_u8).prop_map(|wish| Signal::Shown(vec![[wish; 8]])),
        purchase(),
    ]
}

fn heard(signals: &[Signal]) -> Stance {
    let mut stance = Stance::default();
    for signal in signals {
        stance.hear(signal.clone(), NOW);
    }
    stance
}

/// A list, and the same in another order, with some of it told twice.
fn shuffled<T: Clone + std::fmt::Debug + 'static>(
    one: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = (Vec<T>, Vec<T>)> {
    proptest::collection::vec(one, 0..12).prop_flat_map(|list| {
        let twice = [&list[..], &list[..list.len() / 2]].concat();
        (Just(list), Just(twice).prop_shuffle())
    })
}

proptest! {
    #[test]
    fn purchases_and_returns_come_to_the_same_in_any_order_and_however_often((told, again) in shuffled(purchase())) {
        prop_assert_eq!(heard(&told), heard(&again));
    }

    #[test]
    fn stops_snoozes_and_wishes_come_to_the_same_in_any_order(
        (told, again) in shuffled(prop_oneof![
            (-100..100_i64).prop_map(|days| Signal::Snooze(NOW + days * DAY)),
            (0..5_u64).prop_map(Signal::Stop),
            (0..9_u8).prop_map(|wish| Signal::Shown(vec![[wish; 8]])),
        ])
    ) {
        prop_assert_eq!(heard(&told), heard(&again));
    }

    #[test]
    fn matters_do_not_touch_each_other(told in proptest::collection::vec(anything(), 0..30)) {
        let about = |signal: &Signal, wanted: &str| match signal {
            Signal::Ignored(matter) | Signal::Dismissed(matter) | Signal::Engaged(matter) | Signal::More(matter)
            | Signal::NoMore(matter) | Signal::Bought(matter, ..) | Signal::Returned(matter, _) => &**matter == wanted,
            Signal::Snooze(_) | Signal::Stop(_) | Signal::Shown(_) | Signal::Besides(_) | Signal::Impersonal => false,
        };
        let alone: Vec<Signal> = told.iter().filter(|signal| about(signal, "shoes")).cloned().collect();
        let (all, alone) = (heard(&told), heard(&alone));
        prop_assert_eq!(all.of("shoes"), alone.of("shoes"));
    }

    #[test]
    fn nothing_that_was_said_before_a_no_more_or_after_it_speaks_again_but_more(
        before in proptest::collection::vec(anything(), 0..10),
        after in proptest::collection::vec(anything(), 0..10),
    ) {
        let after: Vec<Signal> = after.into_iter().filter(|signal| !matches!(signal, Signal::More(_))).collect();
        let stance = heard(&[&before[..], &[Signal::NoMore("shoes".into())], &after].concat());
        prop_assert!(stance.of("shoes").unwrap().declines(i64::MAX));
    }

    #[test]
    fn whatever_a_wrong_clock_dated_ends_within_a_silence_of_when_the_right_one_is_believed(
        told in proptest::collection::vec(anything(), 0..20),
        ahead_years in 1..50_i64,
    ) {
        let mut stance = Stance::default();
        told.iter().filter(|signal| !matches!(signal, Signal::NoMore(_)))
            .for_each(|signal| stance.hear(signal.clone(), NOW + ahead_years * YEAR));
        stance.hear(Signal::Bought("coats".into(), NOW + ahead_years * YEAR, Vec::new()), NOW + ahead_years * YEAR);
        stance.hear(Signal::Snooze(i64::MAX), NOW + ahead_years * YEAR);
        stance.redate(NOW);
        let month = Span::Micros((30 * DAY).unsigned_abs());
        for attitude in stance.matters.values() {
            prop_assert!(!attitude.declines(NOW + 90 * DAY));
            prop_assert!(!attitude.suffices(month, NOW + 30 * DAY, &TimeZone::UTC));
        }
        prop_assert!(stance.snoozed_until_us.unwrap() <= NOW + 31 * DAY);
    }

    #[test]
    fn the_last_five_offers_and_no_others_halve_the_caps(taken_up in proptest::collection::vec(any::<bool>(), 0..40)) {
        let told: Vec<Signal> = taken_up
            .iter()
            .map(|yes| if *yes { Signal::Engaged("shoes".into()) } else { Signal::Ignored("shoes".into()) })
            .collect();
        let unengaged = taken_up.iter().rev().take(5).filter(|yes| !**yes).count();
        let outcomes = heard(&told).outcomes;
        prop_assert_eq!(outcomes.ask_for_less(), unengaged >= 4);
        prop_assert!(outcomes <= Outcomes(0b11111));
    }

    #[test]
    fn each_kind_of_feedback_counts_once_and_one_offer_is_taken_up_once(
        kinds in proptest::collection::vec(proptest::sample::select(&Kind::ALL[..]), 0..30),
    ) {
        let (mut heard, mut engaged, mut taken) = (Heard::default(), 0, Vec::new());
        for kind in kinds {
            let Some(with) = heard.with(kind) else {
                prop_assert!(taken.contains(&kind));
                continue;
            };
            prop_assert!(kind == Kind::Why || !taken.contains(&kind));
            engaged += usize::from(matches!(signal(kind, heard, &"shoes".into(), 0, 1), Some(Signal::Engaged(_))));
            heard = with;
            taken.push(kind);
        }
        prop_assert!(engaged <= 1);
    }

    #[test]
    fn words_in_any_order_and_however_often_end_in_the_newest((words, again) in shuffled((0..3_u8, any::<bool>(), 1..20_i64))) {
        let told = |words: &[(u8, bool, i64)]| -> Halts {
            let store = Store::in_memory([7; 32]).unwrap();
            for (what, halts, word_s) in words {
                let word_us = NOW + word_s * SECOND;
                let campaign: Name = format!("c{what}").into();
                let word = match (what, halts) {
                    (0, true) => Word::Pause(word_us + DAY),
                    (0, false) => Word::Resume,
                    (_, true) => Word::Stop(campaign),
                    (_, false) => Word::Start(campaign),
                };
                store.give_word(&word, word_us, NOW + DAY).unwrap();
                assert!(!store.give_word(&word, word_us, NOW + DAY).unwrap(), "told twice, taken twice");
            }
            store.halts().unwrap()
        };
        // Two words of one instant contradict each other; nobody gives those.
        let mut newest = std::collections::BTreeMap::new();
        for (what, halts, at) in &words {
            newest.entry((*what, *at)).or_insert(*halts);
        }
        let agreed = |words: &[(u8, bool, i64)]| -> Vec<(u8, bool, i64)> {
            words.iter().map(|(what, _, at)| (*what, newest[&(*what, *at)], *at)).collect()
        };
        prop_assert_eq!(told(&agreed(&words)), told(&agreed(&again)));
    }
}

proptest! {
    // Each case is thousands of signals.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 64, ..ProptestConfig::default() })]
    #[test]
    fn what_is_kept_is_bounded_whatever_comes(names in proptest::collection::vec((0..5_000_u16, 0..4_u8), 2_000..6_000)) {
        let mut stance = Stance::default();
        for (name, kind) in names {
            let matter: Name = format!("c{name}").into();
            stance.hear(match kind {
                0 => Signal::Dismissed(matter),
                1 => Signal::NoMore(matter),
                2 => Signal::Bought(matter, NOW, Vec::new()),
                _ => Signal::Shown((0..9_u64).map(|n| (u64::from(name) * 9 + n).to_be_bytes()).collect()),
            }, NOW);
        }
        prop_assert!(stance.matters.len() <= 1_000, "{} matters", stance.matters.len());
        prop_assert!(stance.gone_wishes.len() <= 1_000, "{} wishes", stance.gone_wishes.len());
    }
}
