//! Durations as people write them: `"20s"`, `"90m"`, `"2h"`, `"7d"`, `"2w"`, `"30 months"`.

/// A length of time. A day is 24 h exactly; months are calendar months in the site's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Exactly so many microseconds.
    Micros(u64),
    /// So many calendar months.
    Months(u32),
}
