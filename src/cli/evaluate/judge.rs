//! One customer's timeline held against where they truly were, second by second.

use super::ground::Ground;
use super::score::Score;
use super::truth::{Place, Track};

/// The first seconds are not counted: whoever comes in has to be heard first, and no algorithm is quicker than air.
const SETTLE_US: i64 = 10_000_000;

/// Farther than this from an edge, in metres, no error of the truth or of a shelf explains a wrong zone.
const FAR_M: f64 = 1.5;

/// A stay of so many seconds is one that an offer could be meant for.
const STAY_SECS: u32 = 20;

const SECOND_US: i64 = 1_000_000;

/// What the timeline says of a customer, by the zone's place in zones.toml.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Said {
    /// A zone was entered, so sure.
    Entered(usize, f64),
    /// Not sure any more.
    Unsure,
    /// Sure again, so sure.
    Sure(usize, f64),
    /// The zone was left.
    Left,
}

/// What was said, and when, in microseconds since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) t_us: i64,
    pub(super) said: Said,
}

/// Scores `lines`, in order of time, against `track` over the part of it that lies in `heard_us`: the first and the last
/// instant of the captures. Whether any second could be scored.
pub(super) fn judge(ground: &Ground, track: &Track, lines: &[Line], heard_us: (i64, i64), score: &mut Score) -> bool {
    let Some((first_us, last_us)) = track.span_us() else { return false };
    let (begin_us, end_us) = (first_us.max(heard_us.0), last_us.min(heard_us.1));
    let mut judge = Judge { ground, track, score, announced: None, entered: None, stay: None, rest: None };
    let mut rest = lines;
    let mut t_us = begin_us;
    while t_us <= end_us {
        let now = rest.partition_point(|line| line.t_us <= t_us);
        let (new, later) = rest.split_at_checked(now).unwrap_or_default();
        judge.second(t_us, new, t_us >= begin_us + SETTLE_US);
        rest = later;
        t_us += SECOND_US;
    }
    judge.end_stay();
    end_us >= begin_us + SETTLE_US
}

/// A time in one true zone, or in none.
struct Stay {
    zone: Option<usize>,
    secs: u32,
    /// It began with a move that was seen: it is not the one with which the recording begins.
    is_move: bool,
    /// After so many seconds it was announced.
    announced_after_secs: Option<u32>,
}

struct Judge<'a> {
    ground: &'a Ground,
    track: &'a Track,
    score: &'a mut Score,
    /// From `entered` or `sure` until `unsure`, `left` or another zone.
    announced: Option<usize>,
    /// The last zone that was entered: the answer where one is forced.
    entered: Option<usize>,
    stay: Option<Stay>,
    /// At rest in this true zone, in which so many entries were announced.
    rest: Option<(Option<usize>, u32)>,
}

impl Judge<'_> {
    fn second(&mut self, t_us: i64, new: &[Line], is_counted: bool) {
        let Some(place) = self.track.at(t_us).map(|sample| sample.place) else { return };
        let is_at_rest = self.track.is_at_rest(t_us);
        let zone = self.ground.zone(place);
        if is_at_rest != Some(true) {
            self.rest = None;
        } else if self.rest.is_none_or(|(there, _)| there != zone) {
            self.rest = Some((zone, 0));
        }
        for line in new {
            self.hear(line, is_at_rest, is_counted);
        }
        if is_counted {
            self.count(place, zone, is_at_rest);
            self.stay(zone);
        }
    }

    fn hear(&mut self, line: &Line, is_at_rest: Option<bool>, is_counted: bool) {
        match line.said {
            Said::Entered(zone, confidence) => {
                (self.announced, self.entered) = (Some(zone), Some(zone));
                if let Some((_, entries)) = &mut self.rest {
                    *entries += 1;
                    if *entries > 1 && is_counted {
                        self.score.each(is_at_rest, |group| group.flaps += 1);
                    }
                }
                self.assure(line.t_us, zone, confidence, is_at_rest);
            }
            Said::Sure(zone, confidence) => {
                self.announced = Some(zone);
                self.assure(line.t_us, zone, confidence, is_at_rest);
            }
            Said::Unsure | Said::Left => self.announced = None,
        }
    }

    /// Whether what was said with some confidence was right when it was said, from the first second on: whoever is told
    /// at once is told. A `near` zone has none to speak of.
    fn assure(&mut self, t_us: i64, zone: usize, confidence: f64, is_at_rest: Option<bool>) {
        if self.ground.is_near(zone) {
            return;
        }
        let truth = self.track.at(t_us).and_then(|sample| self.ground.zone(sample.place));
        self.score.each(is_at_rest, |group| group.assured(confidence, truth == Some(zone)));
    }

    fn count(&mut self, place: Place, zone: Option<usize>, is_at_rest: Option<bool>) {
        let is_judged = |said: Option<usize>| said.is_none_or(|said| self.ground.is_judged(said, place));
        if !is_judged(self.announced) {
            self.score.unjudged_secs += 1;
            return;
        }
        let is_far = self.ground.to_edge_m(place).is_some_and(|distance| distance > FAR_M);
        let forced = is_judged(self.entered).then_some(self.entered == zone);
        let announced = self.announced;
        self.score.each(is_at_rest, |group| {
            group.second(zone, announced);
            if let (Some(is_right), true) = (forced, zone.is_some()) {
                group.forced(is_right, is_far);
            }
        });
        self.score.zone_second(zone, announced);
    }

    fn stay(&mut self, zone: Option<usize>) {
        if self.stay.as_ref().is_none_or(|stay| stay.zone != zone) {
            self.end_stay();
            let is_move = self.stay.is_some();
            self.stay = Some(Stay { zone, secs: 0, is_move, announced_after_secs: None });
        }
        if let Some(stay) = &mut self.stay {
            if stay.announced_after_secs.is_none() && self.announced == zone {
                stay.announced_after_secs = Some(stay.secs);
            }
            stay.secs += 1;
        }
    }

    fn end_stay(&mut self) {
        let Some(stay) = self.stay.as_ref().filter(|stay| stay.zone.is_some()) else { return };
        if stay.is_move {
            self.score.moves += 1;
            self.score.delays_secs.extend(stay.announced_after_secs);
        }
        if stay.secs >= STAY_SECS {
            self.score.stays += 1;
            self.score.stays_announced += u32::from(stay.announced_after_secs.is_some());
        }
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
