//! Shops that never were: what gateways would hear of people in them, by what was measured of real ones (zones, "What the
//! numbers say"). The numbers of the zone engine were chosen here, and only held against recordings.

#![allow(dead_code, reason = "each of its users takes a part")]
#![allow(clippy::unwrap_used, reason = "what fails here fails whoever asked for it")]

use std::f64::consts::TAU;
use std::fmt::Write as _;

use emma::config::{Config, Sources, check};

use crate::chance::Chance;
use crate::hall_goals::{Ground, Survey};
use crate::tetam::{Reading, Sensor};

/// Path loss leaves 3.9 dB that are bound to the place, alike over a step or two, and 2.2 dB that are each gateway's own.
const SHADOW_DB: f64 = 3.9;
const SHADOW_M: f64 = 2.0;
const OFFSET_DB: f64 = 2.2;

/// In place, levels fade by 3.8 dB: 3.0 anew with each advertisement, and 2.4 over some 8 s, as bodies turn and doors open.
const FADING_DB: f64 = 3.0;
const SLOW_DB: f64 = 2.4;
const SLOW_S: f64 = 8.0;

/// Behind the body that carries it, a device is 5 dB weaker than before it.
const BODY_DB: f64 = 2.5;

/// How far devices differ from what they say they transmit, in dB.
const POWER_DB: f64 = 4.0;

/// A quarter of all advertisements is heard by this gateway or that, but not by all; below -97 dBm none is.
const HEARD_OF_FOUR: u64 = 3;
const DEAF_DBM: f64 = -97.0;

/// People move in steps of so many seconds.
const STEP_S: f64 = 0.1;

/// What somebody does while they are heard.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Way {
    /// Walks about.
    Walks,
    /// Stands somewhere.
    Stands,
    /// Stands here and turns round and round, as for a survey.
    Turns((f64, f64)),
}

/// One kind of shop.
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    size_m: (f64, f64),
    /// Where it is cut into zones.
    cuts_m: (&'static [f64], &'static [f64]),
    /// x, y and height.
    gateways_m: &'static [[f64; 3]],
    /// What a wall along each cut takes.
    wall_db: f64,
}

/// Four departments of a hall by twelve gateways, two rows of three in a shop by eight, four rooms of a flat by six, and
/// a hall by four.
pub(crate) const PLANS: [Plan; 4] = [
    Plan {
        name: "hall, 12 gateways, 4 zones",
        size_m: (20.0, 18.0),
        cuts_m: (&[10.0], &[9.0]),
        gateways_m: &[
            [7.0, 7.0, 1.2],
            [7.0, 0.7, 2.3],
            [0.7, 6.0, 2.3],
            [7.0, 11.4, 1.2],
            [0.8, 12.0, 2.3],
            [7.0, 17.6, 2.3],
            [13.0, 12.3, 1.2],
            [12.8, 16.8, 2.3],
            [18.0, 12.0, 2.3],
            [13.0, 5.5, 1.2],
            [17.8, 6.3, 2.3],
            [12.8, 0.3, 2.3],
        ],
        wall_db: 0.0,
    },
    Plan {
        name: "shop, 8 gateways, 6 zones",
        size_m: (30.0, 20.0),
        cuts_m: (&[10.0, 20.0], &[10.0]),
        gateways_m: &[
            [5.0, 5.0, 2.6],
            [15.0, 4.0, 2.6],
            [25.0, 5.0, 2.6],
            [5.0, 15.0, 2.6],
            [15.0, 16.0, 2.6],
            [25.0, 15.0, 2.6],
            [10.0, 10.0, 2.6],
            [20.0, 10.0, 2.6],
        ],
        wall_db: 0.0,
    },
    Plan {
        name: "flat, 6 gateways, 4 rooms",
        size_m: (10.0, 8.0),
        cuts_m: (&[5.0], &[4.0]),
        gateways_m: &[
            [0.3, 0.3, 2.2],
            [9.7, 0.3, 2.2],
            [0.3, 7.7, 2.2],
            [9.7, 7.7, 2.2],
            [4.5, 4.0, 2.2],
            [7.0, 4.2, 1.5],
        ],
        wall_db: 4.0,
    },
    Plan {
        name: "hall, 4 gateways, 4 zones",
        size_m: (20.0, 18.0),
        cuts_m: (&[10.0], &[9.0]),
        gateways_m: &[[7.0, 7.0, 1.2], [7.0, 11.4, 1.2], [13.0, 12.3, 1.2], [13.0, 5.5, 1.2]],
        wall_db: 0.0,
    },
];

/// One shop of a kind, with shelves of its own.
pub(crate) struct Shop<'a> {
    plan: &'a Plan,
    shadows: Vec<Shadow>,
    offsets_db: Vec<f64>,
    exponent: f64,
    /// How often a device advertises, in seconds.
    interval_s: f64,
}

impl<'a> Shop<'a> {
    pub(crate) fn new(plan: &'a Plan, chance: &mut Chance) -> Self {
        let gateways = || 0..plan.gateways_m.len();
        Self {
            plan,
            shadows: gateways().map(|_| Shadow::new(chance)).collect(),
            offsets_db: gateways().map(|_| OFFSET_DB * normal(chance)).collect(),
            exponent: 1.4 + 0.8 * uniform(chance),
            interval_s: 0.55 + 0.65 * uniform(chance),
        }
    }

    /// What a gateway hears of a device at this place that is as loud as it says, before anything fades, in dBm.
    fn level_dbm(&self, gateway: usize, (x, y): (f64, f64)) -> f64 {
        let [gx, gy, height] = self.plan.gateways_m[gateway];
        let metres = ((gx - x).powi(2) + (gy - y).powi(2) + (height - 1.2).powi(2)).sqrt().max(0.5);
        let (xs, ys) = self.plan.cuts_m;
        let walls = count_between(xs, x, gx) + count_between(ys, y, gy);
        -60.0 - 10.0 * self.exponent * metres.log10() + self.offsets_db[gateway] + self.shadows[gateway].db((x, y))
            - self.plan.wall_db * walls
    }

    /// What nine points of 20 s find.
    pub(crate) fn survey(&self, chance: &mut Chance) -> Survey {
        let (width, depth) = self.plan.size_m;
        let thirds = [1.0, 3.0, 5.0].map(|sixths| sixths / 6.0);
        let places = thirds.into_iter().flat_map(|x| thirds.map(|y| (x * width, y * depth)));
        let points: Vec<_> = places.map(|place| self.visit(20.0, Way::Turns(place), chance)).collect();
        let sensor = |(name, position_m): (String, &[f64; 3])| Sensor::new(name, *position_m);
        let sensors: Vec<Sensor> = self.names().into_iter().zip(self.plan.gateways_m).map(sensor).collect();
        Survey::of(&sensors, points.iter())
    }

    /// What is heard of somebody, and where they truly are.
    pub(crate) fn visit(&self, seconds: f64, way: Way, chance: &mut Chance) -> Vec<Reading> {
        let power_db = POWER_DB * normal(chance);
        let mut person = Person::new(self.plan.size_m, chance);
        if let Way::Turns(place) = way {
            person.at = place;
        }
        let mut slow_db = vec![0.0; self.plan.gateways_m.len()];
        let keeps = (-STEP_S / SLOW_S).exp();
        let (mut heard, mut t_s, mut next_s) = (Vec::new(), 0.0, 0.0);
        while t_s < seconds {
            match way {
                Way::Walks => person.step(chance),
                Way::Stands => {}
                Way::Turns(_) => person.heading += TAU * STEP_S / 20.0,
            }
            for slow in &mut slow_db {
                *slow = *slow * keeps + SLOW_DB * (1.0 - keeps * keeps).sqrt() * normal(chance);
            }
            if t_s >= next_s {
                next_s += self.interval_s;
                for (gateway, slow_db) in slow_db.iter().enumerate() {
                    let fading_db = slow_db + FADING_DB * normal(chance);
                    let body_db = BODY_DB * (1.0 - person.faces(self.plan.gateways_m[gateway]));
                    let level_dbm = self.level_dbm(gateway, person.at) + power_db + fading_db - body_db;
                    if chance.below(4) < HEARD_OF_FOUR && level_dbm >= DEAF_DBM {
                        heard.push(person.heard(t_s, gateway, level_dbm));
                    }
                }
            }
            t_s += STEP_S;
        }
        heard
    }

    /// The shop as it was surveyed, or as nobody did.
    pub(crate) fn config(&self, survey: Option<&Survey>) -> Config {
        let Plan { size_m: (width, depth), gateways_m, cuts_m: (xs, ys), .. } = self.plan;
        let mut site = format!(
            "name = 'Shop'\ntime-zone = 'Europe/Zurich'\nlanguage = 'en'\nfloor-plan = {{ width-m = {width:?}, height-m = {depth:?} }}\n"
        );
        site += &survey.map(Survey::toml).unwrap_or_default();
        for (index, [x, y, height]) in gateways_m.iter().enumerate() {
            let place = format!("id = 'gw{index}'\nposition-m = [{x:?}, {y:?}]\nheight-m = {height:?}");
            let offset_db = survey.map_or(0.0, |survey| survey.offsets_db[index]);
            writeln!(site, "[[gateway]]\n{place}\noffset-db = {offset_db:.2}").unwrap();
        }
        let lines = |cuts: &[f64], end: f64| [&[0.0], cuts, &[end]].concat();
        let (xs, ys) = (lines(xs, *width), lines(ys, *depth));
        let mut zones = String::new();
        for (j, y) in ys.windows(2).enumerate() {
            for (i, x) in xs.windows(2).enumerate() {
                let corners =
                    [(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])].map(|(x, y)| format!("[{x:?}, {y:?}]"));
                writeln!(zones, "[[zone]]\nid = 'z{j}{i}'\nname = 'Z'\npolygon-m = [{}]", corners.join(", ")).unwrap();
            }
        }
        let gateway = "site = 'shop'\ngateway = 'gw0'\n[radio]\ndriver = 'none'\n".to_owned();
        let promise = "[caps]\ncustomer = [{ at-most = 2, per = '1d' }]\n".to_owned();
        let loaded = check(&Sources { gateway, site, zones, promise, ..Sources::default() });
        let problems = loaded.problems;
        loaded.config.unwrap_or_else(|| panic!("{problems:?}"))
    }
}

impl Ground for Shop<'_> {
    fn names(&self) -> Vec<String> {
        (0..self.plan.gateways_m.len()).map(|index| format!("gw{index}")).collect()
    }

    fn cuts_m(&self) -> (&[f64], &[f64]) {
        self.plan.cuts_m
    }
}

/// What shelves do to one gateway's levels: many waves across the floor, whose lengths have a heavy tail.
struct Shadow(Vec<[f64; 3]>);

impl Shadow {
    const WAVES: usize = 64;

    fn new(chance: &mut Chance) -> Self {
        let wave = |_| {
            let stretch = (0..3).map(|_| normal(chance).powi(2)).sum::<f64>() / 3.0;
            let by = 1.0 / (SHADOW_M * stretch.max(0.15).sqrt());
            [by * normal(chance), by * normal(chance), TAU * uniform(chance)]
        };
        Self((0..Self::WAVES).map(wave).collect())
    }

    fn db(&self, (x, y): (f64, f64)) -> f64 {
        let sum: f64 = self.0.iter().map(|[a, b, phase]| (a * x + b * y + phase).cos()).sum();
        SHADOW_DB * sum * (2.0 / float(Self::WAVES)).sqrt()
    }
}

/// Somebody on their way, mostly along the shelves, who stops now and then.
struct Person {
    floor_m: (f64, f64),
    at: (f64, f64),
    to: (f64, f64),
    speed_m_s: f64,
    heading: f64,
    pause_s: f64,
}

impl Person {
    fn new(floor_m: (f64, f64), chance: &mut Chance) -> Self {
        let at = (uniform(chance) * floor_m.0, uniform(chance) * floor_m.1);
        Self { floor_m, at, to: at, speed_m_s: 0.7, heading: TAU * uniform(chance), pause_s: 0.0 }
    }

    fn step(&mut self, chance: &mut Chance) {
        if self.pause_s > 0.0 {
            self.pause_s -= STEP_S;
            return;
        }
        let (dx, dy) = (self.to.0 - self.at.0, self.to.1 - self.at.1);
        let left_m = dx.hypot(dy);
        if left_m < 0.2 {
            self.decide(chance);
            return;
        }
        self.heading = dy.atan2(dx);
        self.at.0 += self.speed_m_s * STEP_S * dx / left_m;
        self.at.1 += self.speed_m_s * STEP_S * dy / left_m;
    }

    fn decide(&mut self, chance: &mut Chance) {
        self.pause_s = if chance.below(20) < 7 { 5.0 + 20.0 * uniform(chance) } else { 0.0 };
        let within = |length_m: f64, share: f64| 0.3 + share * (length_m - 0.6);
        self.to = (within(self.floor_m.0, uniform(chance)), within(self.floor_m.1, uniform(chance)));
        match chance.below(10) {
            0..5 => self.to.0 = self.at.0,
            5..8 => self.to.1 = self.at.1,
            _ => {}
        }
        self.speed_m_s = 0.4 + 0.6 * uniform(chance);
    }

    /// 1 when a gateway is straight ahead, -1 when it is behind.
    fn faces(&self, [x, y, _]: [f64; 3]) -> f64 {
        ((y - self.at.1).atan2(x - self.at.0) - self.heading).cos()
    }

    #[allow(clippy::cast_possible_truncation, reason = "a level and some minutes")]
    fn heard(&self, t_s: f64, gateway: usize, level_dbm: f64) -> Reading {
        // Gateways hear one advertisement within some milliseconds.
        let micros = (t_s * 1e6) as i64 + i64::try_from(gateway).unwrap() * 1_500;
        Reading {
            t_us: micros,
            sensor: format!("gw{gateway}"),
            rssi_dbm: level_dbm.round() as i8,
            x_m: self.at.0,
            y_m: self.at.1,
        }
    }
}

fn count_between(cuts: &[f64], a: f64, b: f64) -> f64 {
    float(cuts.iter().filter(|cut| (a - **cut) * (b - **cut) < 0.0).count())
}

/// From 0 to 1.
fn uniform(chance: &mut Chance) -> f64 {
    f64::from(u32::try_from(chance.next() >> 32).unwrap()) / f64::from(u32::MAX)
}

/// A normal deviate, by Box and Muller.
fn normal(chance: &mut Chance) -> f64 {
    (-2.0 * uniform(chance).max(1e-12).ln()).sqrt() * (TAU * uniform(chance)).cos()
}

#[allow(clippy::cast_precision_loss, reason = "there are few")]
fn float(count: usize) -> f64 {
    count as f64
}
