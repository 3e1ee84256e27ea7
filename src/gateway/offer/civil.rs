//! Civil time: quiet hours, opening hours, a campaign's days. Instants are converted to civil time and never compared
//! the other way round, so DST needs no rule.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

use crate::config::offers::Active;
use crate::config::span::Span;
use crate::config::zones::{DayRange, OpeningHours};

/// Minutes in a civil day.
const DAY_MIN: u16 = 1_440;

/// A wall instant in a shop's or a customer's civil time.
#[derive(Clone, Debug)]
pub struct Civil {
    date: Date,
    /// Minutes since midnight, 0 to 1439.
    minute: u16,
    zone: TimeZone,
}

impl Civil {
    /// The civil time of `wall_us` (microseconds since 1970 UTC) in `zone`.
    pub fn at(wall_us: i64, zone: &TimeZone) -> Self {
        let local = zoned(wall_us, zone);
        let minute = u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        Self { date: local.date(), minute, zone: zone.clone() }
    }

    /// Whether quiet hours hold now.
    pub fn is_within(&self, hours: DayRange) -> bool {
        hours.contains(self.minute)
    }

    /// Whether the shop is open; a range that wraps midnight belongs to the day it starts on.
    pub fn is_open(&self, hours: &OpeningHours) -> bool {
        self.open_range(hours).is_some()
    }

    /// The day of the calendar.
    pub fn date(&self) -> Date {
        self.date
    }

    /// The instant at which the shop closes, if it is open, in microseconds (wall).
    pub fn closes_us(&self, hours: &OpeningHours) -> Option<i64> {
        let (date, range) = self.open_range(hours)?;
        let last_day = if range.start_min < range.end_min { date } else { date.tomorrow().ok()? };
        let midnight = last_day.to_datetime(jiff::civil::Time::midnight());
        instant_us(midnight.checked_add(i64::from(range.end_min).minutes()).ok()?, &self.zone)
    }

    /// Whether a campaign's dates, days and hours hold now.
    pub fn is_active(&self, active: &Active) -> bool {
        active.from.is_none_or(|from| from <= self.date)
            && active.until.is_none_or(|until| self.date <= until)
            && active.days.is_none_or(|days| days.get(weekday(self.date)).copied().unwrap_or(false))
            && active.hours.is_none_or(|hours| hours.contains(self.minute))
    }

    fn open_range(&self, hours: &OpeningHours) -> Option<(Date, DayRange)> {
        let today = ranges(hours, self.date).iter().copied().find(|range| {
            if range.start_min < range.end_min { range.contains(self.minute) } else { range.start_min <= self.minute }
        });
        if let Some(range) = today {
            return Some((self.date, range));
        }
        let yesterday = self.date.yesterday().ok()?;
        let wraps = |range: &DayRange| range.start_min > range.end_min && self.minute < range.end_min;
        ranges(hours, yesterday).iter().copied().find(wraps).map(|range| (yesterday, range))
    }
}

impl DayRange {
    /// Whether a minute of the day (0 to 1439) is inside; half-open, `start > end` wraps midnight.
    pub fn contains(self, minute: u16) -> bool {
        if self.start_min < self.end_min {
            (self.start_min..self.end_min).contains(&minute)
        } else {
            (self.start_min..DAY_MIN).contains(&minute) || minute < self.end_min
        }
    }
}

/// `wall_us` moved by calendar months in `zone`; the day is clamped to the month's last.
pub fn add_months_us(wall_us: i64, months: i64, zone: &TimeZone) -> i64 {
    let span = jiff::Span::new().try_months(months);
    let moved = span.and_then(|span| zoned(wall_us, zone).checked_add(span));
    moved.map_or(wall_us, |moved| moved.timestamp().as_microsecond())
}

/// `span` after `wall_us`, in microseconds; months are calendar months in `zone`.
pub fn after_us(wall_us: i64, span: Span, zone: &TimeZone) -> i64 {
    match span {
        Span::Micros(us) => wall_us.saturating_add(i64::try_from(us).unwrap_or(i64::MAX)),
        Span::Months(months) => add_months_us(wall_us, i64::from(months), zone),
    }
}

/// The first instant of the civil day of `wall_us` in `zone`, in microseconds.
pub fn day_began_us(wall_us: i64, zone: &TimeZone) -> Option<i64> {
    instant_us(zoned(wall_us, zone).date().to_datetime(jiff::civil::Time::midnight()), zone)
}

/// The first instant of the civil week of `wall_us` in `zone`, which begins on Monday, in microseconds.
pub fn week_began_us(wall_us: i64, zone: &TimeZone) -> Option<i64> {
    let date = zoned(wall_us, zone).date();
    let monday = date.checked_sub(i64::from(date.weekday().to_monday_zero_offset()).days()).ok()?;
    instant_us(monday.to_datetime(jiff::civil::Time::midnight()), zone)
}

/// The first instant of the next civil week after `wall_us`, in microseconds.
pub fn next_monday_us(wall_us: i64, zone: &TimeZone) -> Option<i64> {
    let date = zoned(wall_us, zone).date();
    let left = 7 - i64::from(date.weekday().to_monday_zero_offset());
    instant_us(date.checked_add(left.days()).ok()?.to_datetime(jiff::civil::Time::midnight()), zone)
}

/// The first instant of the day after `date` in `zone`, in microseconds.
pub fn end_of_day_us(date: Date, zone: &TimeZone) -> Option<i64> {
    instant_us(date.tomorrow().ok()?.to_datetime(jiff::civil::Time::midnight()), zone)
}

/// The first instant of the next civil day after `wall_us`, in microseconds.
pub fn next_midnight_us(wall_us: i64, zone: &TimeZone) -> Option<i64> {
    end_of_day_us(zoned(wall_us, zone).date(), zone)
}

/// The instant of a civil time in `zone`, in microseconds. In a DST gap the later, in a fold the earlier instant (the MQTT
/// contract, Two lifetimes): jiff's "compatible".
pub fn instant_us(local: DateTime, zone: &TimeZone) -> Option<i64> {
    zone.to_ambiguous_zoned(local).compatible().ok().map(|zoned| zoned.timestamp().as_microsecond())
}

fn zoned(wall_us: i64, zone: &TimeZone) -> Zoned {
    // Outside jiff's years -9999 to 9999 there is no civil time; 1970 is as good as any for a clock that far off.
    Timestamp::from_microsecond(wall_us).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone())
}

fn ranges(hours: &OpeningHours, date: Date) -> &[DayRange] {
    let week = || hours.week.get(weekday(date));
    hours.exceptions.get(&date).or_else(week).map_or(&[], Vec::as_slice)
}

/// Monday is 0.
fn weekday(date: Date) -> usize {
    usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zurich() -> TimeZone {
        TimeZone::get("Europe/Zurich").unwrap()
    }

    fn us(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    fn hours(start_min: u16, end_min: u16) -> DayRange {
        DayRange { start_min, end_min }
    }

    #[test]
    fn a_range_that_wraps_belongs_to_the_day_it_starts_on() {
        let mut opening = OpeningHours::default();
        opening.week[4] = vec![hours(18 * 60, 2 * 60)]; // Friday night
        let open = |text| Civil::at(us(text), &zurich()).is_open(&opening);
        assert!(open("2026-11-20T17:00:00Z"), "Friday 18:00");
        assert!(open("2026-11-21T00:59:59Z"), "Saturday 01:59");
        assert!(!open("2026-11-21T01:00:00Z"), "Saturday 02:00");
        assert!(!open("2026-11-21T17:00:00Z"), "Saturday 18:00");
    }

    #[test]
    fn closing_time_is_the_end_of_the_range_that_is_open() {
        let mut opening = OpeningHours::default();
        opening.week[4] = vec![hours(9 * 60, 12 * 60), hours(13 * 60, DAY_MIN)];
        let closes = |text| Civil::at(us(text), &zurich()).closes_us(&opening);
        assert_eq!(closes("2026-11-20T09:00:00Z"), Some(us("2026-11-20T11:00:00Z")));
        assert_eq!(closes("2026-11-20T11:30:00Z"), None);
        assert_eq!(closes("2026-11-20T14:00:00Z"), Some(us("2026-11-20T23:00:00Z")));
    }

    #[test]
    fn an_exception_replaces_the_week() {
        let mut opening = OpeningHours { week: std::array::from_fn(|_| vec![hours(0, DAY_MIN)]), ..Default::default() };
        opening.exceptions.insert(jiff::civil::date(2026, 12, 25), Vec::new());
        assert!(!Civil::at(us("2026-12-25T12:00:00Z"), &zurich()).is_open(&opening));
        assert!(Civil::at(us("2026-12-26T12:00:00Z"), &zurich()).is_open(&opening));
    }

    #[test]
    fn months_are_calendar_months() {
        let zone = zurich();
        assert_eq!(add_months_us(us("2026-03-31T10:00:00Z"), -1, &zone), us("2026-02-28T11:00:00Z"));
    }

    #[test]
    fn both_dates_of_a_campaign_are_inside() {
        let date = jiff::civil::date(2026, 11, 20);
        let active = Active { from: Some(date), until: Some(date), ..Active::default() };
        let is_active = |text| Civil::at(us(text), &zurich()).is_active(&active);
        assert!(!is_active("2026-11-19T22:59:59Z"));
        assert!(is_active("2026-11-19T23:00:00Z"));
        assert!(is_active("2026-11-20T22:59:59Z"));
        assert!(!is_active("2026-11-20T23:00:00Z"));
    }
}
