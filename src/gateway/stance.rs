//! A customer's stance: what they have said no and yes to, bought, and asked to be spared. A score, five bits and
//! until-times, never a history (semantics, "Listening to no, and to yes").
//!
//! The ledger applies a [`Signal`] in the transaction that remembers it, by [`Stance::hear`]; the core has a copy.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::offer::civil;
use crate::config::Name;
use crate::config::span::Span;

/// A dismissal says no, plainly (semantics).
const DISMISSED: u8 = 3;

/// An offer that was shown and never opened says it softly (semantics).
const IGNORED: u8 = 1;

/// From which score a matter is silent, and for how long in microseconds: 24 h, 14 days, 90 days (semantics).
const SILENCES: [(u8, i64); 3] = [(9, 90 * DAY_US), (6, 14 * DAY_US), (3, DAY_US)];

const DAY_US: i64 = 86_400_000_000;

/// The longest that somebody can snooze at a stroke: a month. Whoever wants longer pauses.
const LONGEST_SNOOZE_US: i64 = 31 * DAY_US;

/// A bound for what a person can have a stance on: categories and campaigns of a configuration and its predecessors. What
/// is a score alone goes first, then the oldest purchase, and a "no more" last.
const MAX_MATTERS: usize = 1_000;

/// A bound for wishes that are gone: more than anybody wishes for. Ids are hashes, so that the first is any: at the worst
/// a wish of years ago is granted again.
const MAX_GONE_WISHES: usize = 1_000;

/// How many of a customer's last offers are remembered as taken up or not, and how many of them not make less of
/// everything (semantics).
const OUTCOMES: u32 = 5;
const TOO_MANY_UNENGAGED: u32 = 4;

/// What tells one wish from another: a hash of what was wished.
pub type WishId = [u8; 8];

/// Everything that is kept of what a customer said and did about offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stance {
    /// By what an offer was about: its category, or, where it has none, the campaign ([`matter`]).
    pub matters: BTreeMap<Name, Attitude>,
    /// The last five offers, taken up or not.
    pub outcomes: Outcomes,
    /// They asked not to be told before this instant (wall, microseconds).
    pub snoozed_until_us: Option<i64>,
    /// They said stop under this epoch of their consent: nothing until a later one.
    pub stopped_epoch: Option<u64>,
    /// Wishes that were shown or bought.
    pub gone_wishes: BTreeSet<WishId>,
}

/// What a customer makes of one matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attitude {
    /// How often they said no, and how plainly.
    pub score: u8,
    /// Silence until this instant (wall, microseconds).
    pub silent_until_us: Option<i64>,
    /// No more of it, until they say otherwise.
    pub no_more: bool,
    /// More of it: as good as a declared interest.
    pub more: bool,
    /// The last purchase (wall, microseconds).
    pub bought_us: Option<i64>,
    /// The last return.
    pub returned_us: Option<i64>,
}

/// The last five offers as bits, the latest the lowest: 1 is one that was not taken up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcomes(pub u8);

/// Something that a customer said or did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// An offer was shown, and ended without having been opened.
    Ignored(Name),
    /// An offer was dismissed.
    Dismissed(Name),
    /// An offer was opened, redeemed or called helpful.
    Engaged(Name),
    /// More of this, please.
    More(Name),
    /// No more of this.
    NoMore(Name),
    /// Not before this instant (wall, microseconds).
    Snooze(i64),
    /// Nothing at all, under this epoch of the consent.
    Stop(u64),
    /// Something of a category was bought at an instant, and with it these wishes came true.
    Bought(Name, i64, Vec<WishId>),
    /// Something of a category was given back at an instant.
    Returned(Name, i64),
    /// These wishes were shown.
    Shown(Vec<WishId>),
    /// Another word about an offer of which it is known whether it was taken up.
    Besides(Box<Signal>),
    /// They agree no longer that what they buy and wish for is used.
    Impersonal,
}

/// What an offer is about, to whoever has had enough of it: its category, or, where it has none, itself. No id of a
/// category has a colon.
pub fn matter(campaign: &Name, category: Option<&Name>) -> Name {
    category.cloned().unwrap_or_else(|| format!("campaign:{campaign}").into())
}

impl Stance {
    /// Takes a signal that came at `now_us` (wall, microseconds).
    pub fn hear(&mut self, signal: Signal, now_us: i64) {
        match signal {
            Signal::Ignored(matter) => {
                self.outcomes.push(false);
                self.about(matter).refuse(IGNORED, now_us);
            }
            Signal::Dismissed(matter) => {
                self.outcomes.push(false);
                self.about(matter).refuse(DISMISSED, now_us);
            }
            Signal::Engaged(matter) => {
                self.outcomes.push(true);
                self.about(matter).forgive();
            }
            Signal::More(matter) => {
                self.outcomes.push(true);
                let attitude = self.about(matter);
                attitude.forgive();
                (attitude.more, attitude.no_more) = (true, false);
            }
            Signal::NoMore(matter) => {
                self.outcomes.push(false);
                let attitude = self.about(matter);
                (attitude.more, attitude.no_more) = (false, true);
            }
            Signal::Snooze(until_us) => {
                let until_us = until_us.min(now_us.saturating_add(LONGEST_SNOOZE_US));
                self.snoozed_until_us = self.snoozed_until_us.max(Some(until_us));
            }
            Signal::Stop(epoch) => self.stopped_epoch = self.stopped_epoch.max(Some(epoch)),
            // The latest of each counts, so that it does not matter in which order, or how often, they are told.
            Signal::Bought(category, at_us, wishes) => {
                let attitude = self.about(category);
                attitude.bought_us = attitude.bought_us.max(Some(at_us.min(now_us)));
                self.gone_wishes.extend(wishes);
            }
            Signal::Returned(category, at_us) => {
                let attitude = self.about(category);
                attitude.returned_us = attitude.returned_us.max(Some(at_us.min(now_us)));
            }
            Signal::Shown(wishes) => self.gone_wishes.extend(wishes),
            Signal::Besides(signal) => {
                let outcomes = self.outcomes;
                self.hear(*signal, now_us);
                self.outcomes = outcomes;
            }
            Signal::Impersonal => {
                self.gone_wishes.clear();
                for attitude in self.matters.values_mut() {
                    (attitude.bought_us, attitude.returned_us) = (None, None);
                }
            }
        }
        self.matters.retain(|_, attitude| *attitude != Attitude::default());
        while self.gone_wishes.len() > MAX_GONE_WISHES {
            self.gone_wishes.pop_first();
        }
    }

    /// The attitude to a matter, if there is one.
    pub fn of(&self, matter: &str) -> Option<&Attitude> {
        self.matters.get(matter)
    }

    /// Whether it holds what tier `personal` alone lets be kept.
    pub fn is_personal(&self) -> bool {
        let bought = |attitude: &Attitude| attitude.bought_us.or(attitude.returned_us).is_some();
        !self.gone_wishes.is_empty() || self.matters.values().any(bought)
    }

    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether anything is kept of how they answered offers: what they bought, and which wishes were shown, is no answer.
    pub fn has_answers(&self) -> bool {
        let unbought = |attitude: &Attitude| Attitude { bought_us: None, returned_us: None, ..*attitude };
        let is_about_offers = self.matters.values().any(|attitude| unbought(attitude) != Attitude::default());
        let is_silenced = self.snoozed_until_us.is_some() || self.stopped_epoch.is_some();
        is_about_offers || is_silenced || self.outcomes != Outcomes::default()
    }

    /// What of it asks for silence beyond `now_us` (wall): all that is kept of somebody whose consent ended, so that they need not
    /// say it again. What they liked, bought and wished for is no part of it.
    #[must_use]
    pub fn refusals(&self, now_us: i64) -> Self {
        let refused = |attitude: &Attitude| {
            let Attitude { score, silent_until_us, no_more, .. } = *attitude;
            Attitude { score, silent_until_us, no_more, ..Attitude::default() }
        };
        let declined = self.matters.iter().filter(|(_, attitude)| attitude.declines(now_us));
        Self {
            matters: declined.map(|(matter, attitude)| (matter.clone(), refused(attitude))).collect(),
            outcomes: if self.outcomes.ask_for_less() { self.outcomes } else { Outcomes::default() },
            snoozed_until_us: self.snoozed_until_us.filter(|until_us| now_us < *until_us),
            stopped_epoch: self.stopped_epoch,
            gone_wishes: BTreeSet::new(),
        }
    }

    /// Whether they said stop, and have not changed their consent since.
    pub fn has_stopped(&self, epoch: u64) -> bool {
        self.stopped_epoch.is_some_and(|stopped| epoch <= stopped)
    }

    /// Dates by a clock that was ahead are brought back to `wall_us`, so that nothing is silent for good. A purchase
    /// counts from now; a silence lasts no longer than it would if it began now.
    pub fn redate(&mut self, wall_us: i64) {
        let at_most = |date: &mut Option<i64>, later_us: i64| {
            *date = date.map(|us| us.min(wall_us.saturating_add(later_us)));
        };
        at_most(&mut self.snoozed_until_us, LONGEST_SNOOZE_US);
        for attitude in self.matters.values_mut() {
            at_most(&mut attitude.silent_until_us, silence_us(attitude.score).unwrap_or(0));
            at_most(&mut attitude.bought_us, 0);
            at_most(&mut attitude.returned_us, 0);
        }
    }

    fn about(&mut self, matter: Name) -> &mut Attitude {
        if self.matters.len() >= MAX_MATTERS && !self.matters.contains_key(&matter) {
            let least = self.matters.iter().min_by_key(|(_, attitude)| (attitude.no_more, attitude.bought_us));
            let least = least.map(|(name, _)| name.clone());
            least.and_then(|name| self.matters.remove(&name));
        }
        self.matters.entry(matter).or_default()
    }
}

/// For how long a score silences a matter, in microseconds.
fn silence_us(score: u8) -> Option<i64> {
    SILENCES.iter().find(|(from, _)| *from <= score).map(|(_, us)| *us)
}

impl Attitude {
    fn refuse(&mut self, by: u8, now_us: i64) {
        self.score = self.score.saturating_add(by);
        let until_us = silence_us(self.score).map(|us| now_us.saturating_add(us));
        self.silent_until_us = self.silent_until_us.max(until_us);
    }

    fn forgive(&mut self) {
        (self.score, self.silent_until_us) = (0, None);
    }

    /// Whether nothing of it is to be said at `now_us` (wall).
    pub fn declines(&self, now_us: i64) -> bool {
        self.no_more || self.silent_until_us.is_some_and(|until_us| now_us < until_us)
    }

    /// Whether it was bought within `interval` before `now_us` (wall) and not given back; months are those of `zone`.
    pub fn suffices(&self, interval: Span, now_us: i64, zone: &TimeZone) -> bool {
        let kept = self.bought_us.filter(|bought_us| self.returned_us.is_none_or(|returned| returned <= *bought_us));
        kept.is_some_and(|bought_us| now_us < civil::after_us(bought_us, interval, zone))
    }
}

impl Outcomes {
    fn push(&mut self, engaged: bool) {
        let kept = (1_u8 << OUTCOMES) - 1;
        self.0 = (self.0 << 1 | u8::from(!engaged)) & kept;
    }

    /// Four of the last five were not taken up: the customer's caps halve.
    pub fn ask_for_less(self) -> bool {
        self.0.count_ones() >= TOO_MANY_UNENGAGED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_US: i64 = 1_800_000_000_000_000;

    fn shoes() -> Name {
        "shoes".into()
    }

    fn heard(signals: impl IntoIterator<Item = Signal>) -> Stance {
        let mut stance = Stance::default();
        signals.into_iter().for_each(|signal| stance.hear(signal, NOW_US));
        stance
    }

    #[test]
    fn each_dismissal_is_answered_by_a_longer_silence() {
        for (times, days) in [(1, 1), (2, 14), (3, 90), (4, 90)] {
            let stance = heard(vec![Signal::Dismissed(shoes()); times]);
            let attitude = stance.of("shoes").unwrap();
            assert!(attitude.declines(NOW_US + days * DAY_US - 1), "{times}");
            assert!(!attitude.declines(NOW_US + days * DAY_US), "{times}");
            assert_eq!(stance.of("boots"), None);
        }
    }

    #[test]
    fn three_that_nobody_opened_are_a_dismissal() {
        assert!(!heard(vec![Signal::Ignored(shoes()); 2]).of("shoes").unwrap().declines(NOW_US));
        assert!(heard(vec![Signal::Ignored(shoes()); 3]).of("shoes").unwrap().declines(NOW_US));
    }

    #[test]
    fn interest_takes_the_silence_back() {
        let stance = heard([Signal::Dismissed(shoes()), Signal::Engaged(shoes())]);
        assert_eq!(stance.of("shoes"), None, "nothing is left of it");
    }

    #[test]
    fn no_more_holds_until_more() {
        let mut stance = heard([Signal::NoMore(shoes()), Signal::Engaged(shoes())]);
        assert!(stance.of("shoes").unwrap().declines(i64::MAX));
        stance.hear(Signal::More(shoes()), NOW_US);
        let attitude = stance.of("shoes").unwrap();
        assert!(!attitude.declines(NOW_US) && attitude.more);
    }

    #[test]
    fn four_of_five_that_were_not_taken_up_ask_for_less() {
        let three =
            [Signal::Engaged(shoes()), Signal::Ignored(shoes()), Signal::Ignored(shoes()), Signal::Ignored(shoes())];
        let mut stance = heard(three);
        assert!(!stance.outcomes.ask_for_less());
        stance.hear(Signal::Dismissed(shoes()), NOW_US);
        assert!(stance.outcomes.ask_for_less());
        stance.hear(Signal::Engaged(shoes()), NOW_US);
        assert!(stance.outcomes.ask_for_less(), "still four of the last five");
        stance.hear(Signal::Engaged(shoes()), NOW_US);
        assert!(!stance.outcomes.ask_for_less());
    }

    #[test]
    fn a_purchase_suffices_until_its_interval_is_over_or_it_is_given_back() {
        let interval = Span::Micros(30 * DAY_US.unsigned_abs());
        let suffices = |stance: &Stance, us| stance.of("shoes").unwrap().suffices(interval, us, &TimeZone::UTC);
        let mut stance = heard([Signal::Bought(shoes(), NOW_US, vec![])]);
        assert!(suffices(&stance, NOW_US + 30 * DAY_US - 1) && !suffices(&stance, NOW_US + 30 * DAY_US));
        stance.hear(Signal::Returned(shoes(), NOW_US + 1), NOW_US + 1);
        assert!(!suffices(&stance, NOW_US + 2));
        stance.hear(Signal::Bought(shoes(), NOW_US, vec![]), NOW_US + 2);
        assert!(!suffices(&stance, NOW_US + 3), "told again, and late");
    }

    #[test]
    fn what_a_wrong_clock_said_does_not_last() {
        let mut stance = Stance::default();
        let far_us = NOW_US + 20 * 365 * DAY_US;
        stance.hear(Signal::Dismissed(shoes()), far_us);
        stance.hear(Signal::Snooze(far_us + DAY_US), far_us);
        stance.hear(Signal::Bought("boots".into(), far_us, vec![]), far_us);
        stance.redate(NOW_US);
        assert!(!stance.of("shoes").unwrap().declines(NOW_US + DAY_US), "as long as one dismissal silences");
        assert!(stance.snoozed_until_us.unwrap() <= NOW_US + 31 * DAY_US);
        assert_eq!(stance.of("boots").unwrap().bought_us, Some(NOW_US));
    }

    #[test]
    fn stop_holds_under_the_consent_that_it_was_said_under() {
        let stance = heard([Signal::Stop(3)]);
        assert!(stance.has_stopped(2) && stance.has_stopped(3) && !stance.has_stopped(4));
    }

    #[test]
    fn what_is_kept_is_bounded_and_a_no_stays() {
        let mut stance = heard([Signal::NoMore(shoes())]);
        (0..3_000).for_each(|n| stance.hear(Signal::Dismissed(format!("c{n}").into()), NOW_US));
        assert!(stance.matters.len() <= MAX_MATTERS && stance.of("shoes").unwrap().no_more);
    }

    #[test]
    fn what_was_bought_is_no_answer_to_an_offer() {
        let bought = || Signal::Bought(shoes(), NOW_US, vec![[1; 8]]);
        assert!(!heard([bought(), Signal::Shown(vec![[2; 8]])]).has_answers());
        for answer in [Signal::Ignored(shoes()), Signal::More(shoes()), Signal::Snooze(NOW_US), Signal::Stop(1)] {
            assert!(heard([bought(), answer.clone()]).has_answers(), "{answer:?}");
        }
    }
}
