//! Durations as people write them: `"20s"`, `"90m"`, `"2h"`, `"7d"`, `"2w"`, `"30 months"`.

use std::fmt;
use std::str::FromStr;

const SECOND_US: u64 = 1_000_000;
const MINUTE_US: u64 = 60 * SECOND_US;
const HOUR_US: u64 = 60 * MINUTE_US;
const DAY_US: u64 = 24 * HOUR_US;
const WEEK_US: u64 = 7 * DAY_US;

/// Ten years: nothing that a shop promises, measures or sells is kept apart for longer.
const LONGEST_US: u64 = 3_653 * DAY_US;
const LONGEST_MONTHS: u64 = 120;

/// A length of time. A day is 24 h exactly; months are calendar months in the site's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Exactly so many microseconds.
    Micros(u64),
    /// So many calendar months.
    Months(u32),
}

impl Span {
    /// The length in microseconds, where it is the same in every month.
    pub fn exact_us(self) -> Option<u64> {
        match self {
            Self::Micros(us) => Some(us),
            Self::Months(_) => None,
        }
    }

    /// Whether this is at least as long as `other` whatever the calendar says: a month has 28 to 31 days.
    pub fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::Micros(mine), Self::Micros(theirs)) => mine >= theirs,
            (Self::Months(mine), Self::Months(theirs)) => mine >= theirs,
            (Self::Micros(mine), Self::Months(theirs)) => mine >= u64::from(theirs).saturating_mul(31 * DAY_US),
            (Self::Months(mine), Self::Micros(theirs)) => u64::from(mine).saturating_mul(28 * DAY_US) >= theirs,
        }
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        if number.is_empty() {
            return Err(format!("`{text}` is no duration"));
        }
        let unit_us = match unit.trim() {
            "s" => SECOND_US,
            "m" => MINUTE_US,
            "h" => HOUR_US,
            "d" => DAY_US,
            "w" => WEEK_US,
            "month" | "months" => return months(text, number),
            "" => return Err(format!("`{text}` has no unit")),
            other => return Err(format!("`{other}` is no unit of time")),
        };
        match number.parse::<u64>().ok().and_then(|count| count.checked_mul(unit_us)) {
            Some(0) => Err(format!("`{text}` is no time at all")),
            Some(us) if us <= LONGEST_US => Ok(Self::Micros(us)),
            Some(_) | None => Err(format!("`{text}` is longer than 10 years")),
        }
    }
}

fn months(text: &str, number: &str) -> Result<Span, String> {
    match number.parse::<u64>() {
        Ok(0) => Err(format!("`{text}` is no time at all")),
        Ok(count) if count <= LONGEST_MONTHS => {
            u32::try_from(count).map(Span::Months).map_err(|_| format!("`{text}` is longer than 10 years"))
        }
        Ok(_) | Err(_) => Err(format!("`{text}` is longer than 10 years")),
    }
}

/// As a person would write it, in the largest unit that divides it; days are the largest.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Months(1) => f.write_str("1 month"),
            Self::Months(count) => write!(f, "{count} months"),
            Self::Micros(us) if us.is_multiple_of(DAY_US) => write!(f, "{}d", us / DAY_US),
            Self::Micros(us) if us.is_multiple_of(HOUR_US) => write!(f, "{}h", us / HOUR_US),
            Self::Micros(us) if us.is_multiple_of(MINUTE_US) => write!(f, "{}m", us / MINUTE_US),
            Self::Micros(us) if us.is_multiple_of(SECOND_US) => write!(f, "{}s", us / SECOND_US),
            Self::Micros(us) => {
                write!(f, "{}.{}s", us / SECOND_US, format!("{:06}", us % SECOND_US).trim_end_matches('0'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_with_and_without_a_space() {
        for (text, us) in [("20s", 20), ("90m", 5_400), ("2h", 7_200), ("7d", 604_800), ("2w", 1_209_600), ("20 s", 20)]
        {
            assert_eq!(text.parse(), Ok(Span::Micros(us * SECOND_US)), "{text}");
        }
        assert_eq!("30 months".parse(), Ok(Span::Months(30)));
        assert_eq!("1month".parse(), Ok(Span::Months(1)));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in
            ["", "s", "20", "0s", "0 months", "-5s", "1.5h", "20 sec", "11000d", "121 months", "99999999999999999999w"]
        {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn it_is_shown_as_it_was_meant() {
        for text in ["20s", "90m", "2h", "7d", "30 months", "1 month"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!(Span::Micros(1_500_000).to_string(), "1.5s");
    }

    #[test]
    fn a_month_covers_four_weeks_and_no_more() {
        assert!(Span::Months(1).covers(Span::Micros(28 * DAY_US)));
        assert!(!Span::Months(1).covers(Span::Micros(29 * DAY_US)));
        assert!(!Span::Micros(30 * DAY_US).covers(Span::Months(1)));
    }
}
