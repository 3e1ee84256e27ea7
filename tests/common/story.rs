//! One customer's story as the timeline tells it, and what a timeline may never tell.

use std::collections::BTreeSet;

use emma::config::Config;
use emma::gateway::effect::{Happening, What};
use jiff::{Timestamp, ToSpan as _};

const MINUTE_US: i64 = 60_000_000;

/// A visit lasts until so long without a sighting.
const GRACE_US: i64 = 15 * MINUTE_US;

/// An open visit is on disk at most so late: after a crash its last sighting may be older than it was.
const SAVED_US: i64 = 5 * MINUTE_US;

/// Whoever is there for longer is at work.
const AT_WORK_US: i64 = 180 * MINUTE_US;

/// One customer's story so far.
#[derive(Default)]
pub(crate) struct Story {
    visit: Option<Visit>,
    /// When each visit started.
    starts: Vec<i64>,
    /// From when until when they were at work.
    at_work: Vec<(i64, i64)>,
    delivered: Vec<String>,
}

/// What the ledger holds of an open visit.
pub(crate) struct Kept {
    pub(crate) zone: Option<String>,
    pub(crate) dwelled: BTreeSet<(String, u64)>,
}

/// The open visit.
struct Visit {
    start_us: i64,
    heard_us: i64,
    zone: Option<Stay>,
    dwelled: BTreeSet<(String, u64)>,
    /// The process died since they were last heard; and what it knew of them may not have been on disk.
    died: bool,
    lost: bool,
    /// What was told last could not be remembered: without a clock a visit has no date.
    unsaved: bool,
}

struct Stay {
    zone: String,
    since_us: i64,
    unsure: bool,
}

impl Story {
    /// A transmission of theirs was taken in.
    pub(crate) fn heard(&mut self, at_us: i64, with_clock: bool) {
        if let Some(visit) = &mut self.visit {
            visit.heard_us = at_us;
            (visit.died, visit.lost) = (false, false);
            visit.unsaved |= !with_clock;
        }
    }

    /// Which visit an instant falls into.
    pub(crate) fn visit_of(&self, at_us: i64) -> usize {
        self.starts.partition_point(|start_us| *start_us <= at_us)
    }

    pub(crate) fn is_at_work(&self, at_us: i64) -> bool {
        self.at_work.iter().any(|(from_us, until_us)| (*from_us..*until_us).contains(&at_us))
    }

    pub(crate) fn delivered(&self) -> impl Iterator<Item = &str> {
        self.delivered.iter().map(String::as_str)
    }

    /// Forgotten: whoever returns is a stranger, and not at work.
    pub(crate) fn forgotten(&mut self, at_us: i64) {
        self.at_work.iter_mut().for_each(|(_, until_us)| *until_us = (*until_us).min(at_us));
    }

    /// A changed consent may be one of whom nothing was kept until now.
    pub(crate) fn consented(&mut self) {
        self.visit.iter_mut().for_each(|visit| visit.unsaved = true);
    }

    /// Goes on with the story; says what cannot be. `over` is whether the consent ended or was withdrawn.
    pub(crate) fn told(
        &mut self,
        config: &Config,
        happening: &Happening,
        at_us: i64,
        over: bool,
    ) -> Option<&'static str> {
        let wrong = self.step(config, happening, at_us, over);
        let is_saved = |what: &What| {
            matches!(what, What::VisitStarted | What::Entered { .. } | What::Dwelled { .. } | What::Left { .. })
        };
        if is_saved(&happening.what) {
            self.visit.iter_mut().for_each(|visit| visit.unsaved = happening.at.wall_us.is_none());
        }
        wrong
    }

    fn step(&mut self, config: &Config, happening: &Happening, at_us: i64, over: bool) -> Option<&'static str> {
        if matches!(happening.what, What::VisitStarted) {
            if self.visit.is_some() {
                return Some("a second visit at once");
            }
            self.starts.push(at_us);
            self.visit = Some(Visit::new(at_us));
            return self.is_at_work(at_us).then_some("a visit of someone at work");
        }
        let Some(visit) = &mut self.visit else { return Some("outside a visit") };
        match &happening.what {
            What::VisitEnded => {
                let wrong = visit.ends(at_us, over);
                if at_us - visit.start_us > AT_WORK_US && at_us - visit.heard_us < GRACE_US && !over && !visit.died {
                    self.at_work.extend(next_day_us(config, happening).map(|until_us| (at_us, until_us)));
                }
                self.visit = None;
                wrong
            }
            What::Entered { zone, .. } => visit.enters(config, zone, at_us),
            What::Left { zone, .. } => match visit.zone.take() {
                Some(stay) if *stay.zone == **zone => None,
                _ => Some("left where they were not"),
            },
            What::Unsure { zone, .. } => visit.becomes(zone, true),
            What::Sure { zone, .. } => visit.becomes(zone, false),
            What::Dwelled { zone, dwell_us } => visit.dwells(zone, *dwell_us, at_us),
            What::Delivered { delivery, .. } => {
                self.delivered.push(delivery.0.to_string());
                None
            }
            What::Withheld { .. } | What::VisitStarted => None,
        }
    }

    /// The process ended. What the ledger holds of an open visit is where the next life goes on.
    pub(crate) fn died(&mut self, kept: Option<Kept>, excused: bool, at_us: i64) -> Option<String> {
        let told = self.visit.as_ref().map(Visit::memorable);
        let known = kept.as_ref().map(|kept| (kept.zone.clone(), kept.dwelled.clone()));
        let excused = excused || self.visit.as_ref().is_some_and(|visit| visit.unsaved);
        let wrong = (told != known && !excused).then(|| format!("told {told:?} and remembered {known:?}"));
        match kept {
            None => self.visit = None,
            Some(Kept { zone, dwelled }) => {
                let visit = self.visit.get_or_insert_with(|| Visit::new(at_us));
                visit.died = true;
                visit.lost = excused;
                visit.dwelled = dwelled;
                let told = visit.zone.take().filter(|stay| Some(&stay.zone) == zone.as_ref());
                let anew = |zone: &String| Stay { zone: zone.clone(), since_us: i64::MIN, unsure: false };
                visit.zone = told.map(|stay| Stay { unsure: false, ..stay }).or_else(|| zone.as_ref().map(anew));
            }
        }
        wrong
    }
}

impl Visit {
    fn new(at_us: i64) -> Self {
        Self {
            start_us: at_us,
            heard_us: at_us,
            zone: None,
            dwelled: BTreeSet::new(),
            died: false,
            lost: false,
            unsaved: false,
        }
    }

    fn memorable(&self) -> (Option<String>, BTreeSet<(String, u64)>) {
        (self.zone.as_ref().map(|stay| stay.zone.clone()), self.dwelled.clone())
    }

    fn ends(&self, at_us: i64, over: bool) -> Option<&'static str> {
        let silent_us = at_us - self.heard_us;
        let at_work = at_us - self.start_us > AT_WORK_US;
        let grace_us = match (self.died, self.lost) {
            (true, true) => 0,
            (true, false) => GRACE_US - SAVED_US,
            (false, _) => GRACE_US,
        };
        if self.zone.is_some() {
            Some("the visit ended in a zone")
        } else if silent_us < grace_us && !over && !at_work {
            Some("the visit ended early")
        } else if silent_us > GRACE_US && !self.died {
            Some("the visit ended late")
        } else {
            None
        }
    }

    fn enters(&mut self, config: &Config, zone: &str, at_us: i64) -> Option<&'static str> {
        let known = config.zones.zones.iter().find(|known| *known.id == *zone);
        let was = self.zone.replace(Stay { zone: zone.to_owned(), since_us: at_us, unsure: false });
        if was.is_some() {
            Some("entered without leaving")
        } else if known.is_none_or(|known| known.sensitive) {
            Some("entered what nobody enters")
        } else {
            None
        }
    }

    fn becomes(&mut self, zone: &str, unsure: bool) -> Option<&'static str> {
        match &mut self.zone {
            Some(stay) if stay.zone == zone && stay.unsure != unsure => {
                stay.unsure = unsure;
                None
            }
            _ => Some("sure or unsure where they were not"),
        }
    }

    fn dwells(&mut self, zone: &str, dwell_us: u64, at_us: i64) -> Option<&'static str> {
        match &self.zone {
            Some(stay) if stay.zone == zone && !stay.unsure => {
                if at_us.saturating_sub(stay.since_us) < dwell_us.cast_signed() {
                    return Some("dwelled too soon");
                }
                (!self.dwelled.insert((zone.to_owned(), dwell_us))).then_some("dwelled twice")
            }
            _ => Some("dwelled where they were not"),
        }
    }
}

/// When the next day begins in the shop; nobody knows without a clock.
fn next_day_us(config: &Config, happening: &Happening) -> Option<i64> {
    let here = Timestamp::from_microsecond(happening.at.wall_us?).ok()?.to_zoned(config.site.time_zone.clone());
    let tomorrow = here.date().checked_add(1.day()).ok()?.to_zoned(config.site.time_zone.clone()).ok()?;
    Some(tomorrow.timestamp().as_microsecond())
}
