//! Civil times as people write them: `"09:00-19:00"`, `mon-fri`, `"2026-12-24"`.

use jiff::civil::Date;

use super::problem::nearest;
use super::zones::DayRange;

/// A refusal: what is wrong, and what to do.
pub(super) type Refusal = (String, String);

/// The days of the week as they are written, Monday first.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Minutes since midnight of `"09:00"`; `24:00` is the end of the day.
pub(super) fn minute(text: &str) -> Result<u16, Refusal> {
    let refusal = || {
        (format!("`{text}` is no time of day"), "write hours and minutes from 00:00 to 24:00, such as 09:30".to_owned())
    };
    let two = |part: &str| {
        (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = text.split_once(':').ok_or_else(refusal)?;
    match (two(hours), two(minutes)) {
        (Some(hours @ 0..=23), Some(minutes @ 0..=59)) => Ok(hours * 60 + minutes),
        (Some(24), Some(0)) => Ok(24 * 60),
        _ => Err(refusal()),
    }
}

/// The range from `start` to `end`, which may wrap midnight.
pub(super) fn range(start: &str, end: &str) -> Result<DayRange, Refusal> {
    let (start, end) = (start.trim(), end.trim());
    let range = DayRange { start_min: minute(start)?, end_min: minute(end)? };
    if range.start_min == 24 * 60 {
        return Err(("a range cannot start at 24:00".to_owned(), "write 00:00 for the start of a day".to_owned()));
    }
    if range.start_min == range.end_min {
        return Err((
            format!("`{start}` to `{end}` starts where it ends"),
            "leave it out, or write 00:00 to 24:00 for the whole day".to_owned(),
        ));
    }
    Ok(range)
}

/// The range `"09:00-19:00"`.
pub(super) fn hours(text: &str) -> Result<DayRange, Refusal> {
    let refusal = || (format!("`{text}` is no range of hours"), "write \"09:00-19:00\"".to_owned());
    let (start, end) = text.split_once('-').ok_or_else(refusal)?;
    range(start, end)
}

/// The ranges of a day: `"09:00-12:00, 13:30-18:30"`, or `"closed"`, which is none.
pub(super) fn day(text: &str) -> Result<Vec<DayRange>, Refusal> {
    if text.trim() == "closed" {
        return Ok(Vec::new());
    }
    text.split(',').map(|part| hours(part.trim())).collect()
}

/// The days of `mon`, `mon-fri` or `mon, wed-fri`, Monday first; a range may run over Sunday.
pub(super) fn days(text: &str) -> Result<[bool; 7], Refusal> {
    let mut named = [false; 7];
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut index, last) = (weekday(first.trim())?, weekday(last.trim())?);
        named[index] = true;
        while index != last {
            index = (index + 1) % 7;
            named[index] = true;
        }
    }
    Ok(named)
}

fn weekday(text: &str) -> Result<usize, Refusal> {
    DAYS.iter().position(|day| *day == text).ok_or_else(|| {
        let short: String = text.to_lowercase().chars().take(3).collect();
        let near = DAYS.iter().find(|day| **day == short).copied().or_else(|| nearest(text, DAYS));
        let hint = near.map_or_else(|| format!("write {}", DAYS.join(", ")), |near| format!("write `{near}`"));
        (format!("`{text}` is no day of the week"), hint)
    })
}

/// The name of a day, Monday is 0.
pub(super) fn day_name(index: usize) -> &'static str {
    DAYS.get(index).copied().unwrap_or_default()
}

/// The date `2026-12-24`.
pub(super) fn date(text: &str) -> Result<Date, Refusal> {
    let shape = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let date = if shape { text.parse().ok() } else { None };
    date.ok_or_else(|| (format!("`{text}` is no date"), "write year, month and day: 2026-12-24".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read() {
        assert_eq!(day("09:00-12:00, 13:30-18:30").unwrap().len(), 2);
        assert_eq!(hours("18:00-24:00"), Ok(DayRange { start_min: 1080, end_min: 1440 }));
        assert_eq!(hours("22:00-02:00"), Ok(DayRange { start_min: 1320, end_min: 120 }));
        assert_eq!(day("closed"), Ok(Vec::new()));
    }

    #[test]
    fn impossible_hours_are_refused() {
        for text in [
            "",
            "-",
            "9-19",
            "25:00-26:00",
            "09:60-10:00",
            "09:00",
            "09:00-09:00",
            "24:00-10:00",
            "+9:00-10:00",
            "é:00-10:00",
        ] {
            assert!(hours(text).is_err(), "{text}");
        }
    }

    #[test]
    fn days_are_read_and_refused() {
        assert_eq!(days("mon-fri"), Ok([true, true, true, true, true, false, false]));
        assert_eq!(days("sat-mon"), Ok([true, false, false, false, false, true, true]));
        assert_eq!(days("tuesday").unwrap_err().1, "write `tue`");
        assert!(date("2026-02-30").is_err() && date("24.12.2026").is_err());
    }
}
