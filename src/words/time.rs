//! Lengths of time in words.

use super::catalogue::Phrase;
use crate::config::span::Span;

const SECOND_US: u64 = 1_000_000;

/// The units, the largest first: their messages and their seconds.
const UNITS: [(&str, u64); 4] =
    [("time-days", 86_400), ("time-hours", 3_600), ("time-minutes", 60), ("time-seconds", 1)];

/// A length in microseconds, in the largest unit of which it is two or more: nobody counts 180 seconds, and a window of
/// 24 hours is not the same to people as one day. Parts of a second are left out, so that "at least" stays true.
pub(super) fn exact(us: u64) -> Phrase<'static> {
    let secs = us / SECOND_US;
    let fits = |(_, unit): &&(&str, u64)| secs >= 2 * unit && secs.is_multiple_of(*unit);
    let (id, unit) = UNITS.iter().find(fits).copied().unwrap_or(("time-seconds", 1));
    Phrase::new(id).number("n", secs / unit)
}

/// A length as it is configured.
pub(super) fn span(span: Span) -> Phrase<'static> {
    match span {
        Span::Micros(us) => exact(us),
        Span::Months(months) => Phrase::new("time-months").number("n", months.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    #[test]
    fn a_time_is_told_in_the_unit_that_people_use() {
        let told = |text: &str, language| span(text.parse().unwrap()).say(language);
        assert_eq!(told("1s", Language::En), "1 second");
        assert_eq!(told("20s", Language::De), "20 Sekunden");
        assert_eq!(told("119s", Language::It), "119 secondi");
        assert_eq!(told("120s", Language::Fr), "2 minutes");
        assert_eq!(told("90m", Language::It), "90 minuti");
        assert_eq!(told("24h", Language::De), "24 Stunden");
        assert_eq!(told("2w", Language::Fr), "14 jours");
        assert_eq!(told("1 month", Language::It), "1 mese");
        assert_eq!(told("30 months", Language::De), "30 Monate");
        assert_eq!(exact(20_900_000).say(Language::En), "20 seconds");
    }
}
