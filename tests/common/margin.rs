//! The margin rule that the filter replaced, to be scored beside it: the strongest gateway inside a zone against the
//! strongest outside, medians of 5 s, through a logistic curve on which 4 dB is 0.8.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::VecDeque;

use crate::hall_goals::{Ground, Judge, Setup};
use crate::tetam::Sensor;

const UNHEARD_DBM: f64 = -95.0;
const LOGIT_PER_DB: f64 = 0.346_573_590_279_972_65;
const WINDOW_US: i64 = 5_000_000;
const ENTER: f64 = 0.8;
const UNSURE: f64 = 0.4;
const HOLD_US: i64 = 2_000_000;

pub(crate) struct Margin {
    /// The zone in which each gateway hangs.
    homes: Vec<usize>,
    zones: usize,
    heard: Vec<VecDeque<(i64, f64)>>,
    now_us: i64,
    held_since_us: Vec<Option<i64>>,
    inside: Option<usize>,
    unsure: bool,
    entries: Vec<(usize, f64)>,
}

impl Margin {
    pub(crate) fn new(setup: Setup, sensors: &[Sensor]) -> Self {
        let homes: Vec<usize> =
            sensors.iter().map(|sensor| setup.zone_at(sensor.position_m[0], sensor.position_m[1])).collect();
        Self {
            heard: vec![VecDeque::new(); homes.len()],
            held_since_us: vec![None; setup.zones],
            zones: setup.zones,
            homes,
            now_us: 0,
            inside: None,
            unsure: false,
            entries: Vec::new(),
        }
    }

    fn level(&self, gateway: usize) -> Option<f64> {
        let mut recent: Vec<f64> = self.heard[gateway]
            .iter()
            .filter(|(at_us, _)| *at_us >= self.now_us - WINDOW_US)
            .map(|(_, dbm)| *dbm)
            .collect();
        recent.sort_by(f64::total_cmp);
        recent.get(recent.len() / 2).copied()
    }

    fn confidence(&self, zone: usize) -> f64 {
        let best = |here: bool| {
            let of = self.homes.iter().enumerate().filter(|(_, home)| (**home == zone) == here);
            of.filter_map(|(gateway, _)| self.level(gateway)).fold(UNHEARD_DBM, f64::max)
        };
        if self.homes.contains(&zone) { 1.0 / (1.0 + (-LOGIT_PER_DB * (best(true) - best(false))).exp()) } else { 0.0 }
    }
}

impl Judge for Margin {
    fn hear(&mut self, gateway: u16, rssi_dbm: f64, t_us: i64) {
        self.now_us = t_us;
        let heard = &mut self.heard[usize::from(gateway)];
        heard.push_back((t_us, rssi_dbm));
        while heard.front().is_some_and(|(at_us, _)| *at_us < t_us - 2 * WINDOW_US) {
            heard.pop_front();
        }
        for zone in 0..self.zones {
            let reached = self.confidence(zone) >= ENTER;
            self.held_since_us[zone] = if reached { self.held_since_us[zone].or(Some(t_us)) } else { None };
        }
        let held = |since: Option<i64>| since.is_some_and(|since_us| t_us - since_us >= HOLD_US);
        if let Some(zone) = self.inside {
            let kept = self.confidence(zone) >= UNSURE;
            self.unsure = !kept || (self.unsure && !held(self.held_since_us[zone]));
        }
        let lost = self.inside.is_none_or(|zone| self.confidence(zone) < UNSURE);
        let next = (0..self.zones).find(|zone| held(self.held_since_us[*zone]) && self.inside != Some(*zone));
        if let Some(zone) = next.filter(|_| lost) {
            (self.inside, self.unsure) = (Some(zone), false);
            self.entries.push((zone, self.confidence(zone)));
        }
    }

    fn until(&mut self, t_us: i64) {
        self.now_us = t_us;
    }

    fn announced(&self) -> Option<usize> {
        self.inside.filter(|_| !self.unsure)
    }

    fn confidences(&self) -> Vec<f64> {
        (0..self.zones).map(|zone| self.confidence(zone)).collect()
    }

    fn take_entries(&mut self) -> Vec<(usize, f64)> {
        std::mem::take(&mut self.entries)
    }
}
