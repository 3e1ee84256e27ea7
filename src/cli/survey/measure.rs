//! Walking from point to point: where to go next, twenty seconds of listening, and what was heard.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use super::OTHER_POWER;
use super::notebook::{MAX_POINTS, MAX_READINGS, Measured, Notebook, Point, are_possible, check_name};
use super::plan::described;
use crate::cli::tester::{Event, Events, gone, tell};
use crate::cli::{Stop, complain};
use crate::clock::Clock;
use crate::config::Config;
use crate::exit;
use crate::follow::Told;

/// A tag that transmits once a second is heard by somebody that often.
const LEAST_A_SECOND: f64 = 1.0;

/// How walking from point to point ended.
#[derive(Debug)]
pub(super) enum End {
    /// Every point is measured or was skipped, or it is enough.
    Done,
    /// The rest is for another time.
    Later,
    /// The rest cannot be measured now; the exit code, everything said.
    Failed(u8),
}

/// Someone walking from point to point.
pub(super) struct Walk<'a> {
    pub(super) config: &'a Config,
    pub(super) plan_m: (f64, f64),
    pub(super) file: &'a Path,
    pub(super) lasting: Duration,
    pub(super) events: &'a Events,
    pub(super) notebook: &'a mut Notebook,
    /// Words of a script that came while a point was measured. At a keyboard they are fidgeting.
    pub(super) typed_ahead: VecDeque<String>,
}

/// What is to be done at a point.
enum Order {
    Measure,
    Skip,
    /// The one before it again.
    Again,
    Finish,
    End(End),
}

impl Walk<'_> {
    /// Goes to every point that is not measured yet. What was measured is kept at once.
    pub(super) fn go(&mut self) -> Result<End, Stop> {
        let mut todo: Vec<usize> = (0..self.notebook.points.len()).rev().collect();
        todo.retain(|index| self.notebook.points[*index].measured.is_none());
        let (mut last, mut is_first): (Option<usize>, bool) = (None, true);
        while let Some(index) = todo.pop() {
            let order = self.ask(index, last.is_some(), is_first);
            is_first = false;
            match order {
                Order::Measure => match self.measure(index)? {
                    Some(end) => return Ok(end),
                    None if self.notebook.points[index].measured.is_some() => last = Some(index),
                    None => todo.push(index),
                },
                Order::Skip => last = None,
                Order::Again => {
                    todo.push(index);
                    todo.extend(last.take());
                }
                Order::Finish => return Ok(End::Done),
                Order::End(end) => return Ok(end),
            }
        }
        Ok(End::Done)
    }

    /// Says where to go, and waits for a word.
    fn ask(&mut self, index: usize, has_last: bool, is_first: bool) -> Order {
        self.say_where(index, has_last, is_first);
        loop {
            let event = self.typed_ahead.pop_front().map_or_else(|| self.events.next(), Event::Line);
            let line = match event {
                Event::Line(line) => line,
                Event::Told(Told::Ended { why }) | Event::Gone(why) => return Order::End(End::Failed(gone(&why))),
                Event::Told(_) => continue,
                Event::NoMoreLines | Event::Interrupted => return Order::End(End::Later),
            };
            // One letter is a key, however it is typed.
            match if line.len() == 1 { line.to_lowercase() } else { line.clone() }.as_str() {
                "" => return Order::Measure,
                "s" => return Order::Skip,
                "r" if has_last => return Order::Again,
                "f" => return Order::Finish,
                "q" => return Order::End(End::Later),
                words => self.change(index, words),
            }
        }
    }

    fn say_where(&self, index: usize, has_last: bool, is_first: bool) {
        let (point, count) = (&self.notebook.points[index], self.notebook.points.len());
        tell(&format!("\nPoint {} of {count}: {}", index + 1, point.name));
        tell(&format!("  Go to {}.", described(self.config, point)));
        let again = if has_last { ", r: the last one again" } else { "" };
        tell(&format!("  Enter: I am there{again}, s: skip it, f: that is enough, q: the rest later"));
        if is_first {
            tell("  Or type where you stand instead, such as 3.5 2.0, or what to call the point.");
        }
    }

    /// Takes the point to where somebody stands, or calls it what they call it.
    fn change(&mut self, index: usize, words: &str) {
        let name = self.notebook.points[index].name.clone();
        let changed = match metres(words)[..] {
            [Some(x_m), Some(y_m)] => Point::checked(&name, x_m, y_m, self.plan_m),
            ref metres if metres.iter().all(Option::is_some) => {
                Err("write two numbers, with a point in each: 3.5 2.0".to_owned())
            }
            // A single letter is a slip of the finger.
            _ if words.chars().count() < 2 => Err("there is no such key, and no point of one letter".to_owned()),
            _ => check_name(words).map(|()| Point { name: words.to_owned(), ..self.notebook.points[index].clone() }),
        };
        match changed {
            Ok(point) => {
                tell(&format!("  {}: {}. Enter: I am there", point.name, described(self.config, &point)));
                self.notebook.points[index] = point;
            }
            Err(what) => tell(&format!("  That cannot be: {what}.")),
        }
    }

    /// Listens, and keeps what was heard; where nothing was, nothing is kept.
    fn measure(&mut self, index: usize) -> Result<Option<End>, Stop> {
        let clock = Clock::start();
        let (begun_us, span_us) = (clock.monotonic_us(), micros(self.lasting));
        let mut heard = Heard::new(self.config);
        let mut shown = 0;
        loop {
            let passed_us = clock.monotonic_us().saturating_sub(begun_us);
            if passed_us >= span_us {
                break;
            }
            if passed_us / 1_000_000 > shown {
                shown = passed_us / 1_000_000;
                heard.show(shown, span_us / 1_000_000);
            }
            let left_us = (span_us - passed_us).min(1_000_000 - passed_us % 1_000_000);
            match self.events.next_within(Duration::from_micros(left_us)) {
                Some(Event::Line(line)) if !io::stdin().is_terminal() && self.typed_ahead.len() < MAX_POINTS => {
                    self.typed_ahead.push_back(line);
                }
                Some(Event::Told(Told::Reading { gateway, level_dbm, .. })) => {
                    let at_us = clock.monotonic_us().saturating_sub(begun_us);
                    heard.take(self.notebook, at_us / 1_000, &gateway, level_dbm);
                }
                Some(Event::Told(Told::Missed { count })) => heard.missed += count,
                Some(Event::Told(Told::Ended { why }) | Event::Gone(why)) => return Ok(Some(End::Failed(gone(&why)))),
                Some(Event::Interrupted) => return Ok(Some(End::Later)),
                None | Some(Event::Line(_) | Event::NoMoreLines | Event::Told(_)) => {}
            }
        }
        if !heard.sum_up(self.config, self.lasting) {
            return Ok(None);
        }
        if !are_possible(&heard.readings) {
            tell(&format!("  Nothing is kept: {OTHER_POWER}."));
            return Ok(None);
        }
        let lasting_ms = u32::try_from(self.lasting.as_millis()).unwrap_or(u32::MAX);
        self.notebook.points[index].measured = Some(Measured { lasting_ms, readings: heard.readings });
        self.notebook.keep(self.file)?;
        Ok(None)
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// The numbers of what somebody typed, in metres; nothing for each word that is none.
fn metres(words: &str) -> Vec<Option<f64>> {
    let words = words.split([' ', ',', ';']).filter(|word| !word.is_empty() && *word != "m");
    words.map(|word| word.trim_end_matches('m').parse().ok()).collect()
}

/// What is heard at one point.
struct Heard {
    readings: Vec<(u32, usize, f64)>,
    /// By gateway of site.toml: its id, and how many readings.
    counts: Vec<(String, u32)>,
    /// By fixed beacons, which a phone hears: they say nothing of gateways.
    elsewhere: u32,
    missed: u64,
}

impl Heard {
    fn new(config: &Config) -> Self {
        let counts = config.site.gateways.iter().map(|gateway| (gateway.id.to_string(), 0)).collect();
        Self { readings: Vec::new(), counts, elsewhere: 0, missed: 0 }
    }

    fn take(&mut self, notebook: &mut Notebook, at_ms: u64, gateway: &str, level_dbm: f64) {
        let Some((_, count)) = self.counts.iter_mut().find(|(id, _)| id == gateway) else {
            self.elsewhere += 1;
            return;
        };
        *count += 1;
        if self.readings.len() < MAX_READINGS {
            let at_ms = u32::try_from(at_ms).unwrap_or(u32::MAX);
            self.readings.push((at_ms, notebook.number_of(gateway), level_dbm));
        }
    }

    fn counted(&self) -> String {
        self.counts.iter().map(|(id, count)| format!("{id} {count}")).collect::<Vec<_>>().join("   ")
    }

    /// The progress line of a terminal; elsewhere it would only fill a file.
    fn show(&self, secs: u64, of_secs: u64) {
        if io::stderr().is_terminal() {
            write!(io::stderr(), "\r\x1b[K  {secs:>2} of {of_secs} s   {}", self.counted()).unwrap_or_default();
        }
    }

    /// Says what was heard; whether that is anything.
    fn sum_up(&self, config: &Config, lasting: Duration) -> bool {
        let begin = if io::stderr().is_terminal() { "\r\x1b[K" } else { "" };
        tell(&format!("{begin}  Heard: {}", self.counted()));
        if self.missed > 0 {
            tell(&format!("  {} readings were missed: this terminal was too slow.", self.missed));
        }
        if self.readings.is_empty() {
            let hint = if self.elsewhere > 0 {
                "A phone was placed by fixed beacons. A survey needs a tag, or an app that transmits."
            } else {
                "Is the tag switched on, its battery good, and is it the one of this consent?"
            };
            tell(&format!("  No gateway heard the tag, so that nothing is kept. {hint}"));
            return false;
        }
        let best = self.counts.iter().map(|(_, count)| *count).max().unwrap_or_default();
        if f64::from(best) < LEAST_A_SECOND * lasting.as_secs_f64() {
            tell("  The tag is hardly heard: it should transmit at least once a second. r measures this point again.");
        }
        let silent: Vec<&str> = config
            .site
            .gateways
            .iter()
            .zip(&self.counts)
            .filter(|(gateway, (_, count))| gateway.position_m.is_some() && *count == 0)
            .map(|(gateway, _)| &*gateway.id)
            .collect();
        if !silent.is_empty() {
            tell(&format!("  Nothing was heard by {}: too far away, or down? emma status says.", silent.join(", ")));
        }
        true
    }
}

/// What is said when the rest is for another time.
pub(super) fn later(notebook: &Notebook, file: &Path) -> u8 {
    let (done, all) = (notebook.done(), notebook.points.len());
    if done == 0 {
        return complain(exit::NO_INPUT, format!("none of {all} points was measured: Enter begins with one"));
    }
    tell(&format!("\n{done} of {all} points are measured and kept in {}: the same command goes on.", file.display()));
    exit::OK
}
