//! The only place that asks the time.
//!
//! Everything below it is handed a [`Moment`]: two clocks as plain numbers, so that a test writes time as a number.

use std::sync::atomic::{AtomicU64, Ordering};

/// One instant on two clocks.
///
/// `monotonic_us` serves what is elapsed (hold times, dwell, grace); `wall_us` serves what is civil (caps, quiet
/// hours, consent dates) and is absent until the wall clock is known to be synchronised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Microseconds since some fixed instant of this process; never runs backwards.
    pub monotonic_us: u64,
    /// Microseconds since 1970-01-01T00:00:00Z, or nothing while the clock cannot be trusted.
    pub wall_us: Option<i64>,
}

impl Moment {
    /// The instant `us` microseconds earlier or later on the monotonic clock, the wall clock moved with it.
    #[must_use]
    pub fn at_monotonic(self, us: u64) -> Self {
        let delta = us.cast_signed().wrapping_sub(self.monotonic_us.cast_signed());
        Self { monotonic_us: us, wall_us: self.wall_us.map(|wall| wall.saturating_add(delta)) }
    }
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
    /// By how many microseconds whoever simulates a day has it run ahead.
    ahead_us: Option<&'static AtomicU64>,
}

impl Clock {
    /// A clock whose monotonic time starts now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the time")]
    pub fn start() -> Self {
        Self { origin: std::time::Instant::now(), ahead_us: None }
    }

    /// The same, and ahead of the machine's by what `ahead_us` holds: a day need not be waited for.
    pub fn start_ahead(ahead_us: &'static AtomicU64) -> Self {
        Self { ahead_us: Some(ahead_us), ..Self::start() }
    }

    fn ahead_us(&self) -> u64 {
        self.ahead_us.map_or(0, |us| us.load(Ordering::Relaxed))
    }

    /// Microseconds since a day before [`Clock::start`]: a visit that began before a restart has an instant as well.
    pub fn monotonic_us(&self) -> u64 {
        const DAY_US: u64 = 86_400_000_000;
        u64::try_from(self.origin.elapsed().as_micros())
            .unwrap_or(u64::MAX)
            .saturating_add(DAY_US)
            .saturating_add(self.ahead_us())
    }

    /// What the wall clock says, believed or not, in microseconds since 1970 UTC.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the time")]
    pub fn wall_us(&self) -> i64 {
        jiff::Timestamp::now().as_microsecond().saturating_add_unsigned(self.ahead_us())
    }
}
