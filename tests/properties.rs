//! Properties of the two small judges that everything hangs on: caps, and trust in the clock.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use emma::clock::Moment;
use emma::config::offers::Class;
use emma::config::span::Span;
use emma::gateway::cap::{CapRule, CapScope, Missing, Window, judge};
use emma::gateway::consent::CustomerId;
use emma::gateway::effect::{Delivery, DeliveryId};
use emma::gateway::trust::Trust;
use proptest::prelude::*;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
const START: i64 = 1_790_000_000 * SECOND;

const SCOPES: [CapScope; 9] = [
    CapScope::Customer,
    CapScope::Visit,
    CapScope::Gap,
    CapScope::Campaign,
    CapScope::Category,
    CapScope::Zone,
    CapScope::Site,
    CapScope::Budget,
    CapScope::Service,
];

fn delivery() -> impl Strategy<Value = Delivery> {
    let class = prop_oneof![Just(Class::Offer), Just(Class::Reward), Just(Class::Service)];
    let which = (0..3_u8, proptest::option::of(0..2_u8), 0..2_u8, 0..2_u8);
    // Few instants, so that many fall together and onto the ends of windows.
    ((-20..20_i64), class, which, (0..2_i64), (0..2_u64)).prop_map(
        |(at_us, class, (campaign, category, zone, site), visit_us, epoch)| Delivery {
            id: DeliveryId("id".into()),
            customer: CustomerId::new("ann").unwrap(),
            at_us,
            class,
            campaign: campaign.to_string().into(),
            category: category.map(|category| category.to_string().into()),
            zone: zone.to_string().into(),
            site: site.to_string().into(),
            visit_us,
            epoch,
            ghost: false,
            test: false,
        },
    )
}

fn rule() -> impl Strategy<Value = CapRule> {
    (proptest::sample::select(&SCOPES[..]), 0..4_u32, proptest::option::of(-25..25_i64), any::<bool>()).prop_map(
        |(scope, at_most, after_us, promised)| CapRule { scope, at_most, after_us, promised, window: Window::Ever },
    )
}

/// The promise's words, one by one, without a thought for speed.
fn has_room(log: &[Delivery], wanted: &Delivery, rule: &CapRule, forgotten_us: Option<i64>) -> bool {
    if let (true, Some(after_us), Some(forgotten_us)) = (rule.promised, rule.after_us, forgotten_us)
        && forgotten_us > after_us
    {
        return false;
    }
    let mut counted = 0;
    for row in log {
        let is_service = row.class == Class::Service;
        let same_site = row.site == wanted.site;
        let is_meant = match rule.scope {
            CapScope::Customer | CapScope::Gap => !is_service,
            CapScope::Visit => !is_service && same_site && row.visit_us == wanted.visit_us,
            CapScope::Campaign => row.campaign == wanted.campaign,
            CapScope::Category => !is_service && wanted.category.is_some() && row.category == wanted.category,
            CapScope::Zone => !is_service && same_site && row.zone == wanted.zone,
            CapScope::Site => !is_service && same_site,
            CapScope::Budget => !is_service && same_site && row.epoch == wanted.epoch,
            CapScope::Service => is_service,
        };
        let is_inside = match rule.after_us {
            Some(after_us) => row.at_us > after_us,
            None => true,
        };
        if is_meant && is_inside {
            counted += 1;
        }
    }
    counted < rule.at_most
}

proptest! {
    #[test]
    fn caps_are_judged_as_the_promise_words_them(
        log in proptest::collection::vec(delivery(), 0..12),
        wanted in delivery(),
        rules in proptest::collection::vec(rule(), 0..6),
        forgotten_us in proptest::option::of(-25..25_i64),
    ) {
        let first = rules.iter().find(|rule| !has_room(&log, &wanted, rule, forgotten_us));
        prop_assert_eq!(judge(&log, &wanted, &rules, Missing { forgotten_us, restored_us: None }), first.map_or(Ok(()), |rule| Err(rule.scope)));
    }

    #[test]
    fn what_is_full_stays_full_when_more_was_said(
        log in proptest::collection::vec(delivery(), 0..12),
        more in delivery(),
        wanted in delivery(),
        rule in rule(),
    ) {
        let judged = |log: &[Delivery]| judge(log, &wanted, &[rule], Missing::default()).is_ok();
        let grown = [&log[..], &[more]].concat();
        prop_assert!(judged(&log) || !judged(&grown));
    }

    #[test]
    fn whoever_asks_at_any_pace_never_has_more_than_n_in_a_window(
        steps in proptest::collection::vec(0..30_i64, 1..80),
        at_most in 0..4_u32,
        window_us in 1..60_i64,
    ) {
        let (mut log, mut at_us): (Vec<Delivery>, i64) = (Vec::new(), 0);
        for step in steps {
            at_us += step;
            let wanted = Delivery {
                id: DeliveryId("id".into()), customer: CustomerId::new("ann").unwrap(), at_us, class: Class::Offer,
                campaign: "c".into(), category: None, zone: "z".into(), site: "s".into(), visit_us: 0, epoch: 1,
                ghost: false, test: false,
            };
            let rule =
                CapRule {
                    scope: CapScope::Customer,
                    at_most,
                    after_us: Some(at_us - window_us),
                    promised: true,
                    window: Window::Rolling(Span::Micros(window_us.unsigned_abs())),
                };
            if judge(&log, &wanted, &[rule], Missing::default()).is_ok() {
                log.push(wanted);
            }
        }
        for end in &log {
            let inside = log.iter().filter(|row| end.at_us - window_us < row.at_us && row.at_us <= end.at_us).count();
            prop_assert!(inside <= at_most as usize);
        }
    }

    /// Readings at any pace from a clock that runs, jumps, steps back and is lost.
    #[test]
    fn a_clock_below_the_mark_is_not_believed_within_a_day(
        mark_days in -3..3_i64,
        readings in proptest::collection::vec((1..40_000_i64, -400_000..400_000_i64, 0..8_u8), 1..60),
    ) {
        let mut mark_us = START + mark_days * DAY;
        let mut trust = Trust::new(mark_us);
        let (mut monotonic_us, mut error_us): (i64, i64) = (0, 0);
        let mut low_since_us = None;
        for (step_s, jump_s, kind) in readings {
            monotonic_us += step_s * SECOND;
            if kind == 0 {
                error_us = jump_s * SECOND;
                low_since_us = None;
            }
            let wall_us = (kind != 1).then_some(START + monotonic_us + error_us);
            let judged = trust.judge(Moment { monotonic_us: monotonic_us.unsigned_abs(), wall_us }).wall_us;
            let gave_up = trust.take_give_up();
            let Some(wall_us) = wall_us else {
                prop_assert_eq!(judged, None, "nobody said what time it is");
                low_since_us = None;
                continue;
            };
            prop_assert!(judged.is_none() || judged == Some(wall_us), "what is believed is what was said");
            if wall_us < mark_us {
                let since_us = *low_since_us.get_or_insert(monotonic_us);
                let is_proven = monotonic_us - since_us >= DAY;
                prop_assert_eq!(judged.is_some(), is_proven, "a day of a steady lower clock, and no less");
                prop_assert_eq!(gave_up, is_proven);
            } else {
                prop_assert!(!gave_up, "nothing to give up");
                low_since_us = None;
            }
            if let Some(believed_us) = judged {
                mark_us = believed_us;
                low_since_us = None;
            }
        }
    }

    #[test]
    fn a_jump_is_not_believed_for_ten_minutes(
        before_s in 0..100_000_i64,
        jump_s in prop_oneof![61..40_000_000_i64, -40_000_000..-61_i64],
        after_s in proptest::collection::vec(0..700_i64, 1..20),
    ) {
        let mut trust = Trust::new(0);
        let at = |s: i64, error_s: i64| Moment {
            monotonic_us: (s * SECOND).unsigned_abs(),
            wall_us: Some(START + (s + error_s) * SECOND),
        };
        prop_assert!(trust.judge(at(before_s, 0)).wall_us.is_some());
        prop_assert_eq!(trust.judge(at(before_s + 1, jump_s)).wall_us, None);
        let mut after_s = after_s;
        after_s.sort_unstable();
        for s in after_s {
            let judged = trust.judge(at(before_s + 1 + s, jump_s)).wall_us;
            prop_assert_eq!(judged.is_some(), s >= 600 && jump_s > 0, "{} s after", s);
        }
    }
}
