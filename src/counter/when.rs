//! Times as a shop says them: read in the site's zone, and told in words.

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

use crate::config::span::Span;
use crate::gateway::offer::civil;

/// A civil day, for the next time that it is that late; where clocks change it is an hour more or less, and read again.
const DAY_US: i64 = 86_400_000_000;

/// Within so many days the day of the week says which one.
const A_WEEK_DAYS: i32 = 6;

/// The instant (wall, microseconds) of `2h` from now, `18:30` today, `2026-12-24`, `2026-12-24 18:30`, or an RFC 3339 time.
///
/// # Errors
/// What cannot be read, and how to write it.
pub(crate) fn read(text: &str, now_us: i64, zone: &TimeZone) -> Result<i64, String> {
    let text = text.trim();
    if let Some(at_us) = time_of_day(text, now_us, zone) {
        return Ok(at_us);
    }
    if let Ok(span) = text.parse::<Span>() {
        return Ok(civil::after_us(now_us, span, zone));
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant.as_microsecond());
    }
    let local = text.parse::<DateTime>().ok().and_then(|local| civil::instant_us(local, zone));
    local.ok_or_else(|| format!("`{text}` is no time: write 2h, 18:30, 2026-12-24 or \"2026-12-24 18:30\""))
}

/// The same, and of a time of day the next one.
///
/// # Errors
/// Those of [`read`], and a time that is over.
pub(crate) fn read_next(text: &str, now_us: i64, zone: &TimeZone) -> Result<i64, String> {
    let at_us = read(text, now_us, zone)?;
    if at_us > now_us {
        return Ok(at_us);
    }
    let tomorrow = time_of_day(text.trim(), now_us.saturating_add(DAY_US), zone);
    tomorrow.ok_or_else(|| format!("{} is over already", words(at_us, now_us, zone)))
}

/// An instant in words, as short as `now_us` lets it be: `18:30`, `Wed 14:05`, `2026-12-24 14:05`.
pub(crate) fn words(at_us: i64, now_us: i64, zone: &TimeZone) -> String {
    let local = |us| Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone());
    let (at, now) = (local(at_us), local(now_us));
    let days = at.date().since(now.date()).map_or(i32::MAX, |span| span.get_days());
    let form = match days {
        0 => "%H:%M",
        1..=A_WEEK_DAYS => "%a %H:%M",
        _ => "%Y-%m-%d %H:%M",
    };
    at.strftime(form).to_string()
}

fn time_of_day(text: &str, now_us: i64, zone: &TimeZone) -> Option<i64> {
    let is_written_so = text.len() == 5 && text.as_bytes().get(2) == Some(&b':');
    let time = text.parse::<Time>().ok().filter(|_| is_written_so)?;
    let today = Timestamp::from_microsecond(now_us).ok()?.to_zoned(zone.clone()).date();
    civil::instant_us(today.to_datetime(time), zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn times_are_read_as_a_shop_writes_them() {
        let zone = TimeZone::get("Europe/Zurich").unwrap();
        let now_us = us("2026-11-24T13:00:00Z"); // a Tuesday, 14:00 in Zurich
        for (text, instant) in [
            ("2h", "2026-11-24T15:00:00Z"),
            ("18:30", "2026-11-24T17:30:00Z"),
            ("09:00", "2026-11-24T08:00:00Z"),
            ("2026-12-24", "2026-12-23T23:00:00Z"),
            ("2026-12-24 18:30", "2026-12-24T17:30:00Z"),
            ("2026-12-24T18:30:00+02:00", "2026-12-24T16:30:00Z"),
        ] {
            assert_eq!(read(text, now_us, &zone), Ok(us(instant)), "{text}");
        }
        assert_eq!(read_next("09:00", now_us, &zone), Ok(us("2026-11-25T08:00:00Z")), "tomorrow's");
        assert!(read_next("2026-11-01", now_us, &zone).unwrap_err().contains("over"));
        for text in ["", "later", "25:00", "18.30", "9:00", "2026-13-01"] {
            assert!(read(text, now_us, &zone).unwrap_err().contains("18:30"), "{text}");
        }
    }

    #[test]
    fn they_are_told_as_shortly_as_they_can_be() {
        let zone = TimeZone::get("Europe/Zurich").unwrap();
        let now_us = us("2026-11-24T13:00:00Z");
        let told = |text| words(us(text), now_us, &zone);
        assert_eq!(told("2026-11-24T17:30:00Z"), "18:30");
        assert_eq!(told("2026-11-25T13:05:00Z"), "Wed 14:05");
        assert_eq!(told("2026-12-24T17:30:00Z"), "2026-12-24 18:30");
        assert_eq!(told("2026-11-23T17:30:00Z"), "2026-11-23 18:30", "what is over is told in full");
    }
}
