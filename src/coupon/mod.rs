//! The codes of coupons: for everyone, from a list, or computed so that a till can verify them (`docs/coupons.md`). Pure.

mod derived;
mod pools;

pub use derived::{Why, verify};
pub use pools::{Code, CodeHash, Pools};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::config::Name;
use crate::config::offers::{Coupon, Scheme};

/// The code of one recipient's copy of an offer, whose id is `offer_id` and whose coupon is good until `last_day`, that day
/// included. Nothing where codes come from a list: [`Pools`] gives them away.
pub fn code(coupon: &Coupon, campaign: &str, offer_id: &str, last_day: Date) -> Option<Name> {
    match &coupon.scheme {
        Scheme::Fixed(code) => Some(code.clone()),
        Scheme::Derived(key) => Some(derived::code(key, campaign, offer_id, last_day)),
        Scheme::Pool(_) => None,
    }
}

/// The civil day in which a coupon that is good until `valid_until_us` (wall, microseconds, exclusive) is good for the last
/// time. A till goes by days: its clock and the shop's need not agree on minutes.
pub fn last_day(valid_until_us: i64, zone: &TimeZone) -> Date {
    let end = Timestamp::from_microsecond(valid_until_us).unwrap_or(Timestamp::MAX);
    let last = end.checked_sub(SignedDuration::from_micros(1)).unwrap_or(end);
    zone.to_datetime(last).date()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::offers::CouponKey;

    #[test]
    fn the_last_day_is_the_one_before_the_end() {
        let zone = TimeZone::get("Europe/Zurich").unwrap();
        let us = |text: &str| text.parse::<Timestamp>().unwrap().as_microsecond();
        let day = |text| last_day(us(text), &zone).to_string();
        assert_eq!(day("2026-11-02T17:00:00Z"), "2026-11-02");
        assert_eq!(day("2026-11-02T23:00:00Z"), "2026-11-02", "midnight in Zurich ends the day");
        assert_eq!(day("2026-11-02T23:00:00.000001Z"), "2026-11-03");
        assert_eq!(last_day(i64::MAX, &zone).year(), 9999, "a consent without an end");
    }

    #[test]
    fn a_list_computes_no_code() {
        let day = jiff::civil::date(2026, 11, 2);
        let of = |scheme| code(&Coupon { scheme, single_use: false }, "boots", "00ff", day);
        assert_eq!(of(Scheme::Fixed("BOOTS10".into())).as_deref(), Some("BOOTS10"));
        assert_eq!(of(Scheme::Pool(["A".into()].into())), None);
        assert_eq!(of(Scheme::Derived(CouponKey([7; 32]))).map(|code| code.len()), Some(23));
    }
}
