use super::*;
use crate::gateway::consent::CustomerId;
use crate::gateway::effect::DeliveryId;

fn delivery(at_us: i64) -> Delivery {
    Delivery {
        id: DeliveryId("d".into()),
        customer: CustomerId::new("c-1").unwrap(),
        at_us,
        class: Class::Offer,
        campaign: "boots".into(),
        category: Some("shoes".into()),
        zone: "shoes".into(),
        site: "bern".into(),
        visit_us: 0,
        epoch: 1,
        ghost: false,
        test: false,
    }
}

fn rule(scope: CapScope, at_most: u32, after_us: Option<i64>) -> CapRule {
    CapRule { scope, at_most, after_us, promised: scope == CapScope::Customer, window: Window::Ever }
}

const KNOWN: Missing = Missing { forgotten_us: None, restored_us: None };

fn forgotten(at_us: i64) -> Missing {
    Missing { forgotten_us: Some(at_us), ..KNOWN }
}

fn restored(at_us: i64) -> Missing {
    Missing { restored_us: Some(at_us), ..KNOWN }
}

#[test]
fn at_exactly_the_window_the_old_one_has_aged_out() {
    let cap = [rule(CapScope::Customer, 1, Some(0))];
    assert_eq!(judge(&[delivery(0)], &delivery(10), &cap, KNOWN), Ok(()));
    assert_eq!(judge(&[delivery(1)], &delivery(10), &cap, KNOWN), Err(CapScope::Customer));
}

#[test]
fn zero_is_never() {
    assert_eq!(judge(&[], &delivery(0), &[rule(CapScope::Gap, 0, None)], KNOWN), Err(CapScope::Gap));
}

#[test]
fn rows_dated_in_the_future_count() {
    let cap = [rule(CapScope::Customer, 1, Some(0))];
    assert_eq!(judge(&[delivery(1_000)], &delivery(10), &cap, KNOWN), Err(CapScope::Customer));
}

#[test]
fn the_forgotten_who_return_find_the_promise_full_and_only_that() {
    let caps = [rule(CapScope::Customer, 5, Some(0)), rule(CapScope::Campaign, 1, Some(0))];
    assert_eq!(judge(&[], &delivery(10), &caps, forgotten(5)), Err(CapScope::Customer));
    assert_eq!(judge(&[], &delivery(10), &caps, forgotten(0)), Ok(()));
    assert_eq!(judge(&[], &delivery(10), &caps[1..], forgotten(5)), Ok(()));
}

#[test]
fn after_a_restore_every_window_is_full_once_and_what_has_none_is_as_it_was() {
    let caps = [rule(CapScope::Customer, 5, Some(0)), rule(CapScope::Campaign, 1, Some(0))];
    for cap in caps {
        assert_eq!(judge(&[], &delivery(10), &[cap], restored(5)), Err(cap.scope));
        assert_eq!(judge(&[], &delivery(10), &[cap], restored(0)), Ok(()), "the window has passed");
        assert_eq!(judge(&[], &delivery(10), &[cap], restored(i64::MAX)), Err(cap.scope), "nobody knows when it was");
    }
    assert_eq!(judge(&[], &delivery(10), &[rule(CapScope::Budget, 1, None)], restored(5)), Ok(()));
    let long_ago = Missing { forgotten_us: Some(5), restored_us: Some(0) };
    assert_eq!(judge(&[], &delivery(10), &caps, long_ago), Err(CapScope::Customer));
    assert_eq!(judge(&[], &delivery(10), &caps[1..], long_ago), Ok(()));
}

#[test]
fn service_and_marketing_do_not_count_each_other() {
    let service = Delivery { class: Class::Service, ..delivery(5) };
    let customer = [rule(CapScope::Customer, 1, Some(0))];
    let own = [rule(CapScope::Service, 1, Some(0))];
    assert_eq!(judge(std::slice::from_ref(&service), &delivery(10), &customer, KNOWN), Ok(()));
    assert_eq!(judge(&[delivery(5)], &service, &own, KNOWN), Ok(()));
    assert_eq!(judge(std::slice::from_ref(&service), &service, &own, KNOWN), Err(CapScope::Service));
}

#[test]
fn each_scope_counts_its_own() {
    let log = [Delivery { zone: "till".into(), campaign: "socks".into(), category: None, visit_us: 7, ..delivery(5) }];
    for scope in [CapScope::Visit, CapScope::Campaign, CapScope::Category, CapScope::Zone] {
        assert_eq!(judge(&log, &delivery(10), &[rule(scope, 1, None)], KNOWN), Ok(()), "{scope:?}");
    }
    for scope in [CapScope::Customer, CapScope::Gap, CapScope::Site, CapScope::Budget] {
        assert_eq!(judge(&log, &delivery(10), &[rule(scope, 1, None)], KNOWN), Err(scope));
    }
}

#[test]
fn whoever_takes_up_one_in_five_hears_half_as_much() {
    const HOUR_US: u64 = 3_600_000_000;
    let per = |hours: u64| Some(Span::Micros(hours * HOUR_US));
    let caps = Caps {
        customer: vec![
            Cap { at_most: 5, per: per(24) },
            Cap { at_most: 1, per: per(24) },
            Cap { at_most: 1, per: per(5 * 24) },
            Cap { at_most: 1, per: per(30 * 24) },
            Cap { at_most: 0, per: None },
        ],
        gap: per(2),
        ..Caps::default()
    };
    let windows = |less| {
        let mut rules = Rules { all: Vec::new(), now_us: 0, zone: &TimeZone::UTC };
        rules.add_level(&caps, true, less);
        let window = |rule: &CapRule| (rule.at_most, rule.after_us.map(|us| -us / HOUR_US.cast_signed()));
        rules.all.iter().map(window).collect::<Vec<_>>()
    };
    let all = [(5, Some(24)), (1, Some(24)), (1, Some(120)), (1, Some(720)), (0, None), (1, Some(2))];
    assert_eq!(windows(false), all);
    let half = [(2, Some(24)), (1, Some(48)), (1, Some(168)), (1, Some(720)), (0, None), (1, Some(4))];
    assert_eq!(windows(true), half, "of one, one in twice the time, up to a week; a gap is a cap of one");
}

#[test]
fn there_is_room_again_when_the_last_that_is_too_many_ages_out() {
    let at = |times: &[i64]| times.iter().map(|at_us| delivery(*at_us)).collect::<Vec<_>>();
    let day = CapRule { window: Window::Rolling(Span::Micros(100)), ..rule(CapScope::Customer, 2, Some(900)) };
    let room = |log: &[Delivery], missing| day.room(log, &delivery(1_000), missing, &TimeZone::UTC);
    assert_eq!(room(&at(&[900, 950]), KNOWN), Room { counted: 1, is_full: false, again_us: None });
    assert_eq!(room(&at(&[910, 950]), KNOWN), Room { counted: 2, is_full: true, again_us: Some(1_010) });
    assert_eq!(
        room(&at(&[910, 950, 990]), KNOWN).again_us,
        Some(1_050),
        "a tightened cap: two of the three have to go"
    );
    assert_eq!(room(&[], forgotten(960)), Room { counted: 0, is_full: true, again_us: Some(1_060) }, "they returned");
    for log in [at(&[]), at(&[910]), at(&[910, 950]), at(&[910, 950, 990])] {
        for missing in [KNOWN, forgotten(960), restored(930), restored(i64::MAX)] {
            let room = room(&log, missing);
            assert_eq!(room.is_full, judge(&log, &delivery(1_000), &[day], missing).is_err());
            let Some(again_us) = room.again_us else { continue };
            let then = |us| CapRule { after_us: Some(us - 100), ..day };
            assert!(judge(&log, &delivery(again_us), &[then(again_us)], missing).is_ok(), "{log:?}");
            assert!(judge(&log, &delivery(again_us - 1), &[then(again_us - 1)], missing).is_err(), "{log:?}");
        }
    }
}

#[test]
fn time_alone_makes_no_room_where_nothing_is_allowed_or_nothing_is_let_go() {
    let log = [delivery(950)];
    let never = CapRule { window: Window::Rolling(Span::Micros(100)), ..rule(CapScope::Campaign, 0, Some(900)) };
    let ever = rule(CapScope::Campaign, 1, None);
    for rule in [never, ever] {
        let room = rule.room(&log, &delivery(1_000), KNOWN, &TimeZone::UTC);
        assert_eq!((room.is_full, room.again_us), (true, None));
    }
}
