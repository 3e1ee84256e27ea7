//! The goals' row for `near` zones: one to three receivers of the hall as Pis, their surroundings as the zones.
//!
//! A reach has two levels, and with path loss two circles around its Pi: whoever is inside the inner one, where the model
//! gives the enter level, is in the zone; whoever is outside the outer one, where it gives the leave level, is not;
//! between the two either answer is right, that being what two levels are for. The strict score counts the inner
//! circle alone.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![allow(clippy::cast_precision_loss, reason = "there are few seconds")]
#![allow(clippy::print_stdout, reason = "a bench prints a table")]

use std::fmt::Write as _;
use std::ops::AddAssign;

use emma::config::{Config, Sources, check};
use emma::gateway::zone::Floor;

use crate::hall_goals::{Engine, Judge};
use crate::tetam::{HALL_M, Reading, Sensor, Tetam};

const SECOND_US: i64 = 1_000_000;

/// Truth is judged from so many seconds after a recording's start; a stay counts above so many.
const SETTLING_S: i64 = 10;
const STAY_S: usize = 20;

/// A Pi is clearly the nearest where path loss makes it stronger by the margin of `near` zones, 4 dB: so many times nearer.
const CLEARLY: f64 = 1.585;

/// A reach, as in zones.toml.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    pub(crate) name: &'static str,
    enter_dbm: f64,
    leave_dbm: f64,
}

/// At an arm's length, 0.6 m, nobody ever stood. The one in between is what ops write for 4.5 m.
pub(crate) const REACHES: [Reach; 3] = [
    Reach { name: "aisle", enter_dbm: -65.0, leave_dbm: -73.0 },
    Reach { name: "4.5 m", enter_dbm: -72.0, leave_dbm: -80.0 },
    Reach { name: "department", enter_dbm: -78.0, leave_dbm: -84.0 },
];

/// As path loss has it, and as whoever wants to be sure writes it.
const STRICTER_DB: [f64; 2] = [0.0, 4.0];

impl Reach {
    /// The inner and the outer circle, in metres: a device of -59 dBm at 1 m, as in free space.
    fn circles_m(self) -> [f64; 2] {
        [self.enter_dbm, self.leave_dbm].map(|dbm| 10_f64.powf((-59.0 - dbm) / 20.0))
    }
}

/// Which receivers are Pis at once: each alone, neighbours, and triples across the hall.
pub(crate) fn shops(pis: usize) -> Vec<Vec<u8>> {
    match pis {
        1 => [10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 42].map(|one| vec![one]).into(),
        2 => [[10, 20], [30, 40], [11, 42], [12, 21], [22, 31], [32, 41], [10, 41], [21, 30]].map(Vec::from).into(),
        _ => [[10, 22, 32], [20, 11, 41], [30, 12, 42], [40, 21, 31], [10, 20, 30]].map(Vec::from).into(),
    }
}

/// Counts of all, of what is right by the outer circle, and by the inner one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count([usize; 3]);

impl Count {
    fn add(&mut self, outer: bool, inner: bool) {
        self.0[0] += 1;
        self.0[1] += usize::from(outer);
        self.0[2] += usize::from(inner);
    }

    /// In a hundred: right by the outer circle.
    pub(crate) fn right(self) -> f64 {
        percent(self.0[1], self.0[0])
    }

    /// In a hundred: right by the inner circle.
    pub(crate) fn strictly(self) -> f64 {
        percent(self.0[2], self.0[0])
    }
}

/// What was said of recordings.
#[derive(Clone, Debug, Default)]
pub(crate) struct NearScore {
    pub(crate) seconds: Count,
    pub(crate) entries: Count,
    stays: usize,
    found: usize,
    stay_s: usize,
    covered_s: usize,
    delays_s: Vec<i64>,
    flaps: usize,
    all_s: usize,
}

impl AddAssign for NearScore {
    fn add_assign(&mut self, other: Self) {
        for (mine, others) in [(&mut self.seconds, other.seconds), (&mut self.entries, other.entries)] {
            mine.0.iter_mut().zip(others.0).for_each(|(mine, others)| *mine += others);
        }
        self.stays += other.stays;
        self.found += other.found;
        self.stay_s += other.stay_s;
        self.covered_s += other.covered_s;
        self.delays_s.extend(other.delays_s);
        self.flaps += other.flaps;
        self.all_s += other.all_s;
    }
}

impl NearScore {
    /// Of the true stays of over 20 s, so many in a hundred are found.
    pub(crate) fn found(&self) -> f64 {
        percent(self.found, self.stays)
    }

    /// Of their seconds, so many in a hundred are announced.
    pub(crate) fn covered(&self) -> f64 {
        percent(self.covered_s, self.stay_s)
    }

    /// Entries of one recording beyond the first, a minute.
    pub(crate) fn flaps_a_minute(&self) -> f64 {
        self.flaps as f64 * 60.0 / self.all_s.max(1) as f64
    }

    /// Seconds from a stay's begin until it is announced: median, and nine in ten.
    pub(crate) fn delay_s(&self) -> (i64, i64) {
        let mut delays = self.delays_s.clone();
        delays.sort_unstable();
        let at = |tenths: usize| delays.get((delays.len().max(1) - 1) * tenths / 10).copied().unwrap_or(0);
        (at(5), at(9))
    }

    /// One row.
    pub(crate) fn row(&self) -> String {
        let (median, slow) = self.delay_s();
        let (seconds, entries) = (self.seconds, self.entries);
        format!(
            "seconds {:3.0} (strict {:3.0}), entries {:3.0} (strict {:3.0}) of {:3} @ stays {:3.0}, their seconds {:3.0} of {:3}; delay {median:2} / {slow:2} s; {:.3} flaps/min",
            seconds.right(),
            seconds.strictly(),
            entries.right(),
            entries.strictly(),
            entries.0[0],
            self.found(),
            self.covered(),
            self.stays,
            self.flaps_a_minute(),
        )
    }
}

/// Some receivers as the Pis of a shop, a zone around each.
pub(crate) struct Shop {
    pis: Vec<Sensor>,
    reach: Reach,
    floor: Floor,
    /// What the tag measures at 1 m is corrected to -59 dBm, as a frame's own measured power is.
    correction_db: f64,
}

impl Shop {
    /// The zones' levels are `stricter_db` higher than the circles'.
    pub(crate) fn new(tetam: &Tetam, numbers: &[u8], reach: Reach, at_1m_dbm: f64, stricter_db: f64) -> Self {
        let is_one = |sensor: &&Sensor| numbers.iter().any(|number| sensor.name == format!("sensor{number}"));
        let pis: Vec<Sensor> = tetam.sensors.iter().filter(is_one).cloned().collect();
        let (enter_dbm, leave_dbm) = (reach.enter_dbm + stricter_db, reach.leave_dbm + stricter_db);
        let floor = Floor::new(&config(&pis, Reach { enter_dbm, leave_dbm, ..reach }));
        Self { pis, reach, floor, correction_db: -59.0 - at_1m_dbm }
    }

    /// Scores recordings of one device each.
    pub(crate) fn score(&self, recordings: &[Vec<Reading>]) -> NearScore {
        let mut all = NearScore::default();
        for recording in recordings {
            all += self.score_one(recording);
        }
        all
    }

    fn score_one(&self, recording: &[Reading]) -> NearScore {
        let mut score = NearScore::default();
        let mut engine = Engine::new(&self.floor);
        let (begin_us, end_us) = (recording[0].t_us, recording[recording.len() - 1].t_us);
        let (mut stay, mut at, mut next_us) = (None::<Stay>, &recording[0], begin_us);
        let mut entries = 0;
        for reading in recording {
            while next_us < end_us && next_us <= reading.t_us {
                engine.until(next_us);
                let second = (next_us - begin_us) / SECOND_US;
                let announced = engine.announced();
                if second >= SETTLING_S {
                    score.all_s += 1;
                    if let Some(zone) = announced {
                        score.seconds.add(self.is_about(zone, at), self.is_in(zone, at));
                    }
                }
                let here = (0..self.pis.len()).find(|zone| self.is_clearly_in(*zone, at));
                if let Some(stay) = stay.take_if(|stay| Some(stay.zone) != here) {
                    stay.ends(&mut score);
                }
                if let Some(zone) = here {
                    let stay = stay.get_or_insert(Stay { zone, begin_s: second, seconds: Vec::new() });
                    stay.seconds.push((second, announced == Some(zone)));
                }
                next_us += SECOND_US;
            }
            engine.until(reading.t_us);
            at = reading;
            if let Some(pi) = self.pis.iter().position(|pi| pi.name == reading.sensor) {
                let level_dbm = f64::from(reading.rssi_dbm) + self.correction_db;
                engine.hear(u16::try_from(pi).unwrap(), level_dbm, reading.t_us);
            }
            for (zone, _) in engine.take_entries() {
                entries += 1;
                score.entries.add(self.is_about(zone, at), self.is_in(zone, at));
            }
        }
        if let Some(stay) = stay {
            stay.ends(&mut score);
        }
        score.flaps += usize::saturating_sub(entries, 1);
        score
    }

    fn distances_m(&self, at: &Reading) -> Vec<f64> {
        self.pis.iter().map(|pi| (pi.position_m[0] - at.x_m).hypot(pi.position_m[1] - at.y_m)).collect()
    }

    /// Whether it is in the inner circle, and no other Pi is nearer.
    fn is_in(&self, zone: usize, at: &Reading) -> bool {
        let distances_m = self.distances_m(at);
        distances_m[zone] <= self.reach.circles_m()[0] && distances_m.iter().all(|other| distances_m[zone] <= *other)
    }

    /// Whether it is in the inner circle, and this Pi is clearly the nearest.
    fn is_clearly_in(&self, zone: usize, at: &Reading) -> bool {
        let distances_m = self.distances_m(at);
        let is_nearest = |(other, metres): (usize, &f64)| other == zone || *metres >= CLEARLY * distances_m[zone];
        distances_m[zone] <= self.reach.circles_m()[0] && distances_m.iter().enumerate().all(is_nearest)
    }

    /// Whether it is in the outer circle, and no other Pi is clearly nearer.
    fn is_about(&self, zone: usize, at: &Reading) -> bool {
        let distances_m = self.distances_m(at);
        distances_m[zone] <= self.reach.circles_m()[1]
            && distances_m.iter().all(|other| *other * CLEARLY > distances_m[zone])
    }
}

struct Stay {
    zone: usize,
    begin_s: i64,
    /// Whether each second of it was announced.
    seconds: Vec<(i64, bool)>,
}

impl Stay {
    fn ends(self, score: &mut NearScore) {
        if self.seconds.len() <= STAY_S {
            return;
        }
        score.stays += 1;
        let judged = self.seconds.iter().filter(|(second, _)| *second >= SETTLING_S);
        score.stay_s += judged.clone().count();
        score.covered_s += judged.filter(|(_, announced)| *announced).count();
        if let Some((second, _)) = self.seconds.iter().find(|(_, announced)| *announced) {
            score.found += 1;
            score.delays_s.push(second - self.begin_s);
        }
    }
}

/// What the tag reads at 1 m, as an installer would find out: around the receivers, as path loss has it.
pub(crate) fn at_1m_dbm(tetam: &Tetam, resting: &[Vec<Reading>]) -> f64 {
    let at_1m = |reading: &Reading| {
        let sensor = tetam.sensors.iter().find(|sensor| sensor.name == reading.sensor)?;
        let metres = (sensor.position_m[0] - reading.x_m).hypot(sensor.position_m[1] - reading.y_m);
        (0.5..3.5).contains(&metres).then(|| f64::from(reading.rssi_dbm) + 20.0 * metres.log10())
    };
    let all: Vec<f64> = resting.iter().flatten().filter_map(at_1m).collect();
    (all.iter().sum::<f64>() / all.len() as f64).round()
}

/// Prints the row for every reach and for one to three Pis.
pub(crate) fn print(tetam: &Tetam, walks: &[Vec<Reading>], resting: &[Vec<Reading>]) {
    let at_1m_dbm = at_1m_dbm(tetam, resting);
    println!(
        "near zones, a tag of {at_1m_dbm} dBm at 1 m; right is within the leave level's circle, strictly the enter level's"
    );
    for (reach, stricter_db) in REACHES.into_iter().flat_map(|reach| STRICTER_DB.map(|db| (reach, db))) {
        for pis in 1..=3 {
            let (mut walking, mut at_rest) = (NearScore::default(), NearScore::default());
            for numbers in shops(pis) {
                let shop = Shop::new(tetam, &numbers, reach, at_1m_dbm, stricter_db);
                walking += shop.score(walks);
                at_rest += shop.score(resting);
            }
            let name = format!("{:10} +{stricter_db} dB {pis}", reach.name);
            println!("{name} at rest  {}", at_rest.row());
            println!("{name} walking  {}", walking.row());
        }
    }
}

fn config(pis: &[Sensor], reach: Reach) -> Config {
    let (width, height) = HALL_M;
    let mut site = format!(
        "name = 'Hall'\ntime-zone = 'Europe/Zurich'\nlanguage = 'en'\nfloor-plan = {{ width-m = {width:?}, height-m = {height:?} }}\n"
    );
    let mut zones = String::new();
    for Sensor { name, position_m: [x, y, height], .. } in pis {
        writeln!(site, "[[gateway]]\nid = '{name}'\nposition-m = [{x:?}, {y:?}]\nheight-m = {height:?}").unwrap();
        let Reach { enter_dbm, leave_dbm, .. } = reach;
        writeln!(
            zones,
            "[[zone]]\nid = 'at-{name}'\nname = 'Z'\nnear = '{name}'\nenter-dbm = {enter_dbm:?}\nleave-dbm = {leave_dbm:?}"
        )
        .unwrap();
    }
    let gateway = format!("site = 'hall'\ngateway = '{}'\n[radio]\ndriver = 'none'\n", pis[0].name);
    let promise = "[caps]\ncustomer = [{ at-most = 2, per = '1d' }]\n".to_owned();
    let loaded = check(&Sources { gateway, site, zones, promise, ..Sources::default() });
    let problems = loaded.problems;
    loaded.config.unwrap_or_else(|| panic!("{problems:?}"))
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}
