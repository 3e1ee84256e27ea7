//! Who there is, as their messages tell. Whatever a broker sends, it is held in so much memory and no more.

use std::collections::{BTreeMap, BTreeSet};

use super::expected::Expected;
use super::finding::Finding;
use super::said::{self, Standing};
use crate::config::is_id;

/// So many Pis are told apart, of at most a dozen findings of 600 characters each: 40 MB. A hundred shops of a dozen Pis are a
/// quarter of it; who finds no room is counted.
pub(super) const MAX_PIS: usize = 5_000;

/// Health comes each minute: who is online and has missed two gives no sign of life.
const SILENT_AFTER_US: u64 = 130_000_000;

/// A Pi, by what its topics call it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The shop.
    pub(super) site: String,
    /// The Pi.
    pub(super) gateway: String,
}

/// When something came.
#[derive(Clone, Copy)]
pub(super) struct Now {
    /// On the monotonic clock.
    pub(super) monotonic_us: u64,
    /// On the wall.
    pub(super) wall_us: i64,
}

/// What was last heard of a Pi's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Last {
    /// Nothing, only its health.
    #[default]
    Unsaid,
    /// Something that is no state.
    Unreadable,
    /// This.
    Said(Standing),
}

/// What is held of one Pi.
#[derive(Default)]
pub(super) struct Pi {
    pub(super) state: Last,
    /// What its last health told.
    pub(super) health: Vec<Finding>,
    /// When that came (monotonic).
    health_us: Option<u64>,
}

impl Pi {
    pub(super) fn standing(&self) -> Option<&Standing> {
        match &self.state {
            Last::Said(standing) => Some(standing),
            Last::Unsaid | Last::Unreadable => None,
        }
    }

    pub(super) fn is_online(&self) -> bool {
        self.standing().is_some_and(|standing| standing.online)
    }
}

/// Everybody who was heard of.
pub(super) struct Roll {
    /// What every topic begins with.
    below: String,
    pub(super) pis: BTreeMap<Place, Pi>,
    /// Who should be there; nothing where nobody was named.
    pub(super) expected: Option<BTreeSet<Expected>>,
    /// Messages that were of no use, by why.
    pub(super) useless: BTreeMap<&'static str, u64>,
    /// Since when states and health are heard (monotonic), while they are.
    since_us: [Option<u64>; 2],
}

/// What is subscribed to, in this order.
const STATE: usize = 0;
const HEALTH: usize = 1;

impl Roll {
    /// Of the topics below `root`.
    pub(super) fn new(root: &str, expected: Option<BTreeSet<Expected>>) -> Self {
        let below = format!("{root}/v1/");
        Self { below, pis: BTreeMap::new(), expected, useless: BTreeMap::new(), since_us: [None; 2] }
    }

    /// From now on what is said is heard, or it is not any more: states, for an even `filter`, or else health.
    pub(super) fn hears(&mut self, filter: usize, since_us: Option<u64>) {
        if let Some(kind) = self.since_us.get_mut(filter % 2) {
            *kind = since_us;
        }
    }

    /// What is retained of a Pi's state is on this topic.
    pub(super) fn state_topic(&self, Place { site, gateway }: &Place) -> String {
        format!("{}{site}/gateway/{gateway}/state", self.below)
    }

    /// Whether states are heard.
    pub(super) fn hears_states(&self) -> bool {
        self.since_us[STATE].is_some()
    }

    /// Whether health is heard.
    pub(super) fn hears_health(&self) -> bool {
        self.since_us[HEALTH].is_some()
    }

    /// Takes what came; true for a state.
    pub(super) fn take(&mut self, topic: &str, payload: &[u8], retained: bool, now: Now) -> bool {
        match self.judge(topic, payload, retained, now) {
            Ok(is_state) => is_state,
            Err(why) => {
                *self.useless.entry(why).or_default() += 1;
                false
            }
        }
    }

    fn judge(&mut self, topic: &str, payload: &[u8], retained: bool, now: Now) -> Result<bool, &'static str> {
        let (place, what) = self.place(topic)?;
        if what == "health" {
            // Nobody retains a health but by mistake, and an old one is no sign of life.
            if retained {
                return Err("retained-health");
            }
            let health = said::of_health(payload, now.wall_us).ok_or("no-health")?;
            let pi = self.pi(place)?;
            (pi.health, pi.health_us) = (health, Some(now.monotonic_us));
            return Ok(false);
        }
        if payload.is_empty() {
            // Somebody took back what was retained: this Pi is nobody's any more.
            self.pis.remove(&place);
            return Ok(true);
        }
        let standing = said::of_state(payload, now.wall_us);
        let is_readable = standing.is_some();
        self.pi(place)?.state = standing.map_or(Last::Unreadable, Last::Said);
        if is_readable { Ok(true) } else { Err("no-state") }
    }

    /// Who speaks, and of what.
    fn place<'a>(&self, topic: &'a str) -> Result<(Place, &'a str), &'static str> {
        let rest = topic.strip_prefix(&self.below).ok_or("topic")?;
        let levels: Vec<&str> = rest.split('/').take(5).collect();
        let [site, "gateway", gateway, what @ ("state" | "health")] = levels[..] else { return Err("topic") };
        // No configuration allows other names, so that what is not one is nobody's; these are fit for a terminal and a shell.
        if !is_id(site) || !is_id(gateway) {
            return Err("name");
        }
        Ok((Place { site: site.to_owned(), gateway: gateway.to_owned() }, what))
    }

    fn pi(&mut self, place: Place) -> Result<&mut Pi, &'static str> {
        if self.pis.len() >= MAX_PIS && !self.pis.contains_key(&place) {
            return Err("too-many");
        }
        Ok(self.pis.entry(place).or_default())
    }

    /// Whether everybody who is there has given a sign of life since it could be heard.
    pub(super) fn has_heard_all(&self) -> bool {
        let mut online = self.pis.values().filter(|pi| pi.is_online());
        !self.hears_health() || online.all(|pi| pi.health_us >= self.since_us[HEALTH])
    }

    /// Whether a Pi that is said to be there gives no sign of life.
    pub(super) fn is_silent(&self, pi: &Pi, now_us: u64) -> bool {
        // What could not be heard was not silent.
        let Some(since_us) = self.since_us[HEALTH] else { return false };
        let last_us = pi.health_us.map_or(since_us, |health_us| health_us.max(since_us));
        pi.is_online() && now_us.saturating_sub(last_us) > SILENT_AFTER_US
    }

    /// Whether nothing but its state is known of a Pi that is there.
    pub(super) fn is_unheard(&self, pi: &Pi, now_us: u64) -> bool {
        pi.is_online() && pi.health_us.is_none() && !self.is_silent(pi, now_us)
    }
}

/// For whoever waits: by then who gives no sign of life is known.
pub(super) const LONGEST_WAIT_SECS: u64 = SILENT_AFTER_US / 1_000_000 + 5;

#[cfg(test)]
#[path = "roll_tests.rs"]
mod tests;
