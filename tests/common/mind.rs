//! What a customer makes of offers, and what the shop has halted, as the auditor reckons it from what was said alone: from
//! the promise's tables of signals, and not from the code that keeps them.

use std::collections::{BTreeMap, VecDeque};

use emma::config::span::Span;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// Yes, no, or nobody can tell: what was said while no clock was believed has no exact date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Yes,
    No,
    Unclear,
}

/// One customer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mind {
    matters: BTreeMap<String, Matter>,
    last_five: VecDeque<bool>,
    pub(crate) snoozed_until_us: i64,
    pub(crate) stopped_epoch: Option<u64>,
    /// Since when each wish is gone.
    gone: BTreeMap<String, i64>,
}

#[derive(Clone, Debug, Default)]
struct Matter {
    score: u32,
    /// Silent until then for sure, and until then perhaps.
    silent_us: (i64, i64),
    no_more: bool,
    more: bool,
    sold_us: Option<i64>,
    returned_us: Option<i64>,
    undated: bool,
}

/// What the customer did about an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    Ignored,
    Dismissed,
    Engaged,
    More,
    NoMore,
}

impl Mind {
    /// The first word about an offer says whether it was taken up; what is said besides (`besides`) does not.
    pub(crate) fn reacts(&mut self, matter: &str, reaction: Reaction, at_us: i64, with_clock: bool, besides: bool) {
        let matter = self.matters.entry(matter.to_owned()).or_default();
        match reaction {
            Reaction::Ignored => matter.says_no(1, at_us, with_clock),
            Reaction::Dismissed => matter.says_no(3, at_us, with_clock),
            Reaction::Engaged => matter.is_reset(),
            Reaction::More => {
                matter.is_reset();
                (matter.more, matter.no_more) = (true, false);
            }
            Reaction::NoMore => (matter.more, matter.no_more) = (false, true),
        }
        if besides {
            return;
        }
        self.last_five.push_back(matches!(reaction, Reaction::Engaged | Reaction::More));
        if self.last_five.len() > 5 {
            self.last_five.pop_front();
        }
    }

    /// Four of the last five were not taken up.
    pub(crate) fn wants_less(&self) -> bool {
        self.last_five.iter().filter(|engaged| !**engaged).count() >= 4
    }

    pub(crate) fn declines(&self, matter: &str, at_us: i64) -> Holds {
        match self.matters.get(matter) {
            Some(matter) if matter.no_more || at_us < matter.silent_us.0 => Holds::Yes,
            Some(matter) if at_us < matter.silent_us.1 => Holds::Unclear,
            _ => Holds::No,
        }
    }

    /// No more of it; a dismissal is none.
    pub(crate) fn has_enough(&self, matter: &str) -> Holds {
        let has_enough = self.matters.get(matter).is_some_and(|matter| matter.no_more);
        if has_enough { Holds::Yes } else { Holds::No }
    }

    pub(crate) fn likes(&self, interest: &str) -> bool {
        self.matters.get(interest).is_some_and(|matter| matter.more)
    }

    pub(crate) fn buys(&mut self, category: &str, is_return: bool, at_us: i64, with_clock: bool) {
        let matter = self.matters.entry(category.to_owned()).or_default();
        let last = if is_return { &mut matter.returned_us } else { &mut matter.sold_us };
        *last = (*last).max(Some(at_us));
        matter.undated |= !with_clock;
    }

    /// Whether they have one that is not due for replacement.
    pub(crate) fn has_one(&self, category: &str, interval: Span, at_us: i64, zone: &TimeZone) -> Holds {
        let Some(matter) = self.matters.get(category) else { return Holds::No };
        let Some(sold_us) = matter.sold_us else { return Holds::No };
        let due_us = match interval {
            Span::Micros(us) => sold_us + us.cast_signed(),
            Span::Months(months) => {
                let sold = Timestamp::from_microsecond(sold_us).unwrap().to_zoned(zone.clone());
                sold.checked_add(i64::from(months).months()).unwrap().timestamp().as_microsecond()
            }
        };
        let is_kept = matter.returned_us.is_none_or(|returned_us| returned_us <= sold_us);
        match (matter.undated, is_kept && at_us < due_us) {
            (true, _) => Holds::Unclear,
            (false, true) => Holds::Yes,
            (false, false) => Holds::No,
        }
    }

    pub(crate) fn wish_is_gone(&mut self, wish: &str, at_us: i64) {
        self.gone.entry(wish.to_owned()).or_insert(at_us);
    }

    /// What is told with one instant was decided before what came of it.
    pub(crate) fn still_wishes(&self, wish: &str, at_us: i64) -> bool {
        self.gone.get(wish).is_none_or(|gone_us| at_us <= *gone_us)
    }
}

impl Matter {
    fn says_no(&mut self, by: u32, at_us: i64, with_clock: bool) {
        self.score += by;
        let silence_us = match self.score {
            0..3 => return,
            3..6 => 24 * HOUR,
            6..9 => 14 * DAY,
            _ => 90 * DAY,
        };
        if with_clock {
            self.silent_us.0 = self.silent_us.0.max(at_us + silence_us);
        }
        self.silent_us.1 = self.silent_us.1.max(at_us + silence_us);
    }

    fn is_reset(&mut self) {
        (self.score, self.silent_us) = (0, (0, 0));
    }
}

/// What the shop said is not to be said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Halted {
    paused_until_us: i64,
    pause_word_us: i64,
    /// When the last word on a campaign was given, and whether it is stopped.
    campaigns: BTreeMap<String, (i64, bool)>,
    /// Since its last start: how often it was said, and how often dismissed.
    trials: BTreeMap<String, (i64, i64)>,
    /// For each live value, of when it is and until when it may be said.
    values: BTreeMap<String, (i64, i64)>,
}

impl Halted {
    pub(crate) fn holds(&self, campaign: &str, at_us: i64) -> bool {
        at_us < self.paused_until_us || self.campaigns.get(campaign).is_some_and(|(_, stopped)| *stopped)
    }

    /// A pause until then, or its end; an older word is not heeded.
    pub(crate) fn pause(&mut self, until_us: i64, word_us: i64) {
        if word_us > self.pause_word_us {
            (self.paused_until_us, self.pause_word_us) = (until_us, word_us);
        }
    }

    pub(crate) fn campaign(&mut self, campaign: &str, stops: bool, word_us: i64) {
        let last = self.campaigns.entry(campaign.to_owned()).or_default();
        if word_us > last.0 {
            *last = (word_us, stops);
            if !stops {
                self.trials.remove(campaign);
            }
        }
    }

    pub(crate) fn said(&mut self, campaign: &str, n: i64) {
        let trial = self.trials.entry(campaign.to_owned()).or_default();
        trial.0 = (trial.0 + n).max(0);
    }

    /// One more has dismissed it: whether it stops over that.
    pub(crate) fn dismissed(&mut self, campaign: &str, at_us: i64) -> bool {
        let trial = self.trials.entry(campaign.to_owned()).or_default();
        trial.1 += 1;
        let is_too_much = trial.0 >= 20 && trial.1 * 10 >= trial.0 * 3;
        let stops = is_too_much && !self.campaigns.get(campaign).is_some_and(|(_, stopped)| *stopped);
        if stops {
            self.campaigns.insert(campaign.to_owned(), (at_us, true));
        }
        stops
    }

    pub(crate) fn value(&mut self, name: &str, value_us: i64, good_for_us: i64) {
        let known = self.values.entry(name.to_owned()).or_default();
        if value_us >= known.0 {
            *known = (value_us, value_us + good_for_us);
        }
    }

    /// A new life knows no values until they are told again.
    pub(crate) fn knows_no_values(&mut self) {
        self.values.clear();
    }

    pub(crate) fn is_fresh(&self, name: &str, at_us: i64) -> bool {
        self.values.get(name).is_some_and(|(_, until_us)| at_us < *until_us)
    }
}
