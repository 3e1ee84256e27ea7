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
    CapRule { scope, at_most, after_us, promised: scope == CapScope::Customer }
}

#[test]
fn at_exactly_the_window_the_old_one_has_aged_out() {
    let cap = [rule(CapScope::Customer, 1, Some(0))];
    assert_eq!(judge(&[delivery(0)], &delivery(10), &cap, None), Ok(()));
    assert_eq!(judge(&[delivery(1)], &delivery(10), &cap, None), Err(CapScope::Customer));
}

#[test]
fn zero_is_never() {
    assert_eq!(judge(&[], &delivery(0), &[rule(CapScope::Gap, 0, None)], None), Err(CapScope::Gap));
}

#[test]
fn rows_dated_in_the_future_count() {
    let cap = [rule(CapScope::Customer, 1, Some(0))];
    assert_eq!(judge(&[delivery(1_000)], &delivery(10), &cap, None), Err(CapScope::Customer));
}

#[test]
fn the_forgotten_who_return_find_the_promise_full_and_only_that() {
    let caps = [rule(CapScope::Customer, 5, Some(0)), rule(CapScope::Campaign, 1, Some(0))];
    assert_eq!(judge(&[], &delivery(10), &caps, Some(5)), Err(CapScope::Customer));
    assert_eq!(judge(&[], &delivery(10), &caps, Some(0)), Ok(()));
    assert_eq!(judge(&[], &delivery(10), &caps[1..], Some(5)), Ok(()));
}

#[test]
fn service_and_marketing_do_not_count_each_other() {
    let service = Delivery { class: Class::Service, ..delivery(5) };
    let customer = [rule(CapScope::Customer, 1, Some(0))];
    let own = [rule(CapScope::Service, 1, Some(0))];
    assert_eq!(judge(std::slice::from_ref(&service), &delivery(10), &customer, None), Ok(()));
    assert_eq!(judge(&[delivery(5)], &service, &own, None), Ok(()));
    assert_eq!(judge(std::slice::from_ref(&service), &service, &own, None), Err(CapScope::Service));
}

#[test]
fn each_scope_counts_its_own() {
    let log = [Delivery { zone: "till".into(), campaign: "socks".into(), category: None, visit_us: 7, ..delivery(5) }];
    for scope in [CapScope::Visit, CapScope::Campaign, CapScope::Category, CapScope::Zone] {
        assert_eq!(judge(&log, &delivery(10), &[rule(scope, 1, None)], None), Ok(()), "{scope:?}");
    }
    for scope in [CapScope::Customer, CapScope::Gap, CapScope::Site, CapScope::Budget] {
        assert_eq!(judge(&log, &delivery(10), &[rule(scope, 1, None)], None), Err(scope));
    }
}
