//! What Emma logs: to the journal with fields where systemd gave her one, else to standard error. Whatever goes on, one
//! kind of line is told so often and no more, and the rest is counted.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt as stderr, reload};

use crate::clock::Clock;
use crate::config::Name;
use crate::control::LastError;
use crate::mqtt;
use crate::mqtt::consent::at;
use crate::radio;
use crate::radio::limit::{Limit, Rate};

/// The levels, the least telling first.
pub const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// So many lines of one kind are told at once: a folder of configuration files with an error in every other line is one
/// such moment, and `emma check` tells the rest.
const LINES_AT_ONCE: u64 = 60;

/// After them six a minute: what flaps all day, a broker or a loose plug, costs an SD card 2 MB, and not a line each time.
const LINES: Rate = Rate { interval_us: 10_000_000, burst: LINES_AT_ONCE };

/// Details are told because somebody asked for them, of a busy shop ten a second of each kind.
const DETAILS: Rate = Rate { interval_us: 100_000, burst: 600 };

/// What was not told is counted in a line this often.
const SUM_UP_EVERY_US: u64 = 60_000_000;

/// A line that is quoted by another is cut after so many characters.
const LONGEST_QUOTE: usize = 300;

/// The running log; clones share it.
#[derive(Clone)]
pub struct Logging {
    filter: reload::Handle<EnvFilter, Registry>,
    configured: Name,
    kept: Kept,
    clock: Clock,
}

impl Logging {
    /// Starts logging, Emma's own words at `level`. Libraries are held at `warn`, whatever is configured, and the environment
    /// cannot loosen that: below it they log what they carry, addresses, payloads and topics included.
    pub fn start(level: &str) -> Self {
        let clock = Clock::start();
        let (filter, handle) = reload::Layer::new(EnvFilter::new(directives(level)));
        let kept = Kept::default();
        let journal = journal();
        let plain = journal
            .is_none()
            .then(|| stderr::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal()).with_target(false));
        let limit = Limiter { kept: kept.clone(), clock };
        tracing_subscriber::registry().with(filter).with(limit).with(journal).with(plain).init();
        Self { filter: handle, configured: level.into(), kept, clock }
    }

    /// Logs at another level from now on, and after so long at the configured one again.
    ///
    /// # Errors
    /// There is no such level.
    pub fn set(&self, level: &str, for_long: Duration) -> Result<(), String> {
        if !LEVELS.contains(&level) {
            return Err(format!("`{level}` is no level: write {}", LEVELS.join(", ")));
        }
        let length_us = u64::try_from(for_long.as_micros()).unwrap_or(u64::MAX);
        let ends_us = (level != &*self.configured).then(|| self.clock.monotonic_us().saturating_add(length_us));
        self.kept.lines().ends_us = ends_us;
        self.filter.reload(directives(level)).map_err(|error| error.to_string())?;
        tracing::info!(level, "the log is at this level");
        Ok(())
    }

    /// The level that gateway.toml names.
    pub fn configured(&self) -> &str {
        &self.configured
    }

    /// Says how much was held back, and ends what was for a while; the loop calls it every few seconds.
    pub fn look(&self) {
        let now_us = self.clock.monotonic_us();
        // The lock is let go of before anything is said: what is said takes it again.
        let held_back = self.kept.lines().held_back(now_us);
        for (more, like) in held_back {
            tracing::warn!(more, like, "held back, to spare the disk");
        }
        let is_over = self.kept.lines().ends_us.is_some_and(|ends_us| ends_us <= now_us);
        if is_over && let Err(problem) = self.set(&self.configured, Duration::ZERO) {
            tracing::warn!(problem, "the log stays at the level that it was set to");
        }
    }

    /// The last error or warning.
    pub fn last_error(&self) -> Option<LastError> {
        self.kept.lines().last_error.clone()
    }
}

/// All libraries, those that are added one day as well, and those that say too much at `warn`.
fn directives(level: &str) -> String {
    let libraries = if level == "error" { "error" } else { "warn" };
    let held = radio::TARGETS_HELD_AT_ERROR.iter().chain(&mqtt::TARGETS_HELD_AT_ERROR);
    let held = held.map(|target| format!("{target}=error"));
    [libraries.to_owned(), format!("emma={level}")].into_iter().chain(held).collect::<Vec<_>>().join(",")
}

/// The journal, where standard error is one of its streams (systemd.exec(5), `JOURNAL_STREAM`) and it answers.
fn journal() -> Option<tracing_journald::Layer> {
    let stream = std::env::var("JOURNAL_STREAM").ok()?;
    let stderr = rustix::fs::fstat(io::stderr()).ok()?;
    if stream != format!("{}:{}", stderr.st_dev, stderr.st_ino) {
        return None;
    }
    let priorities = PriorityMappings {
        info: Priority::Informational,
        debug: Priority::Debug,
        trace: Priority::Debug,
        ..PriorityMappings::new()
    };
    let journal = tracing_journald::layer().ok()?.with_syslog_identifier("emma".to_owned());
    Some(journal.with_field_prefix(Some("EMMA".to_owned())).with_priority_mappings(priorities))
}

/// Holds back what comes too often.
struct Limiter {
    kept: Kept,
    clock: Clock,
}

impl<S: Subscriber> Layer<S> for Limiter {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        self.kept.lines().admits(event, self.clock)
    }
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Lines>>);

impl Kept {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        // Counts are whole whatever their holder was doing when it panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is remembered of what was logged.
#[derive(Default)]
struct Lines {
    /// By the file and line that write them, of which there are so many and no more.
    kinds: BTreeMap<(&'static str, u32), Kind>,
    last_error: Option<LastError>,
    /// When the configured level is back (monotonic, microseconds).
    ends_us: Option<u64>,
}

/// One kind of line.
#[derive(Default)]
struct Kind {
    limit: Limit,
    held_back: u64,
    /// The first that was held back.
    like: String,
    summed_up_us: u64,
}

impl Lines {
    /// Whether an event is told.
    fn admits(&mut self, event: &Event<'_>, clock: Clock) -> bool {
        let level = *event.metadata().level();
        let rate = if level <= Level::INFO { LINES } else { DETAILS };
        let place = (event.metadata().file().unwrap_or_default(), event.metadata().line().unwrap_or_default());
        let kind = self.kinds.entry(place).or_default();
        let is_told = kind.limit.allows(rate, clock.monotonic_us());
        if !is_told {
            kind.held_back += 1;
            if kind.held_back == 1 {
                kind.like = Quote::of(event);
            }
        } else if level <= Level::WARN {
            let level = level.to_string().to_lowercase();
            self.last_error = Some(LastError { at: at(clock.wall_us()), level, what: Quote::of(event) });
        }
        is_told
    }

    /// How many of each kind were held back since it was last said, and the first of them.
    fn held_back(&mut self, now_us: u64) -> Vec<(u64, String)> {
        let due = |kind: &&mut Kind| kind.held_back > 0 && now_us.saturating_sub(kind.summed_up_us) >= SUM_UP_EVERY_US;
        let sum_up = |kind: &mut Kind| {
            kind.summed_up_us = now_us;
            (std::mem::take(&mut kind.held_back), std::mem::take(&mut kind.like))
        };
        self.kinds.values_mut().filter(due).map(sum_up).collect()
    }
}

/// An event as one line.
#[derive(Default)]
struct Quote {
    message: String,
    fields: String,
}

impl Quote {
    fn of(event: &Event<'_>) -> String {
        let mut quote = Self::default();
        event.record(&mut quote);
        (quote.message + &quote.fields).chars().take(LONGEST_QUOTE).collect()
    }
}

impl Visit for Quote {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a text cannot fail.
        let written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
        written.unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_words_are_at_the_configured_level() {
        let held = "bluez_async=error,rumqttc::v5::state=error,rumqttc::state=error";
        assert_eq!(directives("trace"), format!("warn,emma=trace,{held}"));
        assert_eq!(directives("error"), format!("error,emma=error,{held}"));
    }

    #[test]
    fn what_comes_too_often_is_counted_and_the_last_error_remembered() {
        let (kept, clock) = (Kept::default(), Clock::start());
        let limited = tracing_subscriber::registry().with(Limiter { kept: kept.clone(), clock });
        tracing::subscriber::with_default(limited, || {
            for n in 0..LINES_AT_ONCE + 5 {
                tracing::warn!(n, "the plug is loose");
            }
            tracing::info!("all is well");
        });
        let first = format!("the plug is loose n={LINES_AT_ONCE}");
        assert_eq!(kept.lines().held_back(clock.monotonic_us()), [(5, first)]);
        assert_eq!(kept.lines().held_back(clock.monotonic_us()), [], "it is said once");
        let last = kept.lines().last_error.clone().unwrap();
        assert_eq!((last.level.as_str(), last.what), ("warn", format!("the plug is loose n={}", LINES_AT_ONCE - 1)));
    }
}
