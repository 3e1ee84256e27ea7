//! The hall as the goals' table has it: which gateways, which zones, surveyed or not, and what the engine makes of it.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fmt::Write as _;

use emma::config::{Config, Sources, check};
use emma::gateway::advertisement::GatewayIndex;
use emma::gateway::zone::survey::{self, Level, Spot};
use emma::gateway::zone::{Anchor, Floor, Move, PathLoss, Whereabouts};

use crate::score::{Score, Second};
use crate::tetam::{HALL_M, Reading, Sensor, Tetam};

/// Microseconds in a second.
const SECOND_US: i64 = 1_000_000;

/// Truth is judged from so many seconds after a recording's start.
const SETTLING_S: i64 = 10;

/// Nearer to an edge than this, in metres, two zones are hard to tell.
const EDGE_M: f64 = 1.5;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) gateways: usize,
    pub(crate) zones: usize,
    pub(crate) surveyed: bool,
}

/// What is believed of one recording: the zones' confidences, and what is announced.
pub(crate) trait Judge {
    /// Takes one reading.
    fn hear(&mut self, gateway: u16, rssi_dbm: f64, t_us: i64);
    /// Time has come so far.
    fn until(&mut self, t_us: i64);
    /// What is announced.
    fn announced(&self) -> Option<usize>;
    /// How sure one can be of each zone.
    fn confidences(&self) -> Vec<f64>;
    /// Entries since the last call: which, and how sure.
    fn take_entries(&mut self) -> Vec<(usize, f64)>;
}

/// Where recordings were made: the gateways by name, and where the floor is cut into zones.
pub(crate) trait Ground {
    /// The gateways, in the order of the configuration.
    fn names(&self) -> Vec<String>;

    /// Where the floor is cut along x and y, in metres.
    fn cuts_m(&self) -> (&[f64], &[f64]);

    /// The true zone of a place.
    fn zone_at(&self, x_m: f64, y_m: f64) -> usize {
        let (xs, ys) = self.cuts_m();
        let over = |cuts: &[f64], at: f64| cuts.iter().filter(|cut| at >= **cut).count();
        over(ys, y_m) * (xs.len() + 1) + over(xs, x_m)
    }

    fn is_near_an_edge(&self, x_m: f64, y_m: f64) -> bool {
        let (xs, ys) = self.cuts_m();
        xs.iter().any(|cut| (x_m - cut).abs() <= EDGE_M) || ys.iter().any(|cut| (y_m - cut).abs() <= EDGE_M)
    }

    fn second(&self, judge: &impl Judge, at: &Reading) -> Second {
        let truth = self.zone_at(at.x_m, at.y_m);
        let confidences = judge.confidences();
        let likeliest = confidences.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        Second {
            announced: judge.announced(),
            forced: likeliest.map(|(zone, _)| zone),
            likeliest: likeliest.map(|(zone, sure)| (sure, zone == truth)),
            truth,
            near_an_edge: self.is_near_an_edge(at.x_m, at.y_m),
        }
    }
}

/// Scores recordings with one judge each.
pub(crate) fn score<J: Judge>(
    ground: &impl Ground,
    recordings: &[Vec<Reading>],
    judge: impl Fn() -> J,
    score: &mut Score,
) {
    let names = ground.names();
    for recording in recordings {
        let mut judge = judge();
        let (begin_us, end_us) = (recording[0].t_us, recording[recording.len() - 1].t_us);
        let (mut seconds, mut at, mut next_us) = (Vec::new(), &recording[0], begin_us + SETTLING_S * SECOND_US);
        for reading in recording {
            while next_us < end_us && next_us <= reading.t_us {
                judge.until(next_us);
                seconds.push(ground.second(&judge, at));
                next_us += SECOND_US;
            }
            judge.until(reading.t_us);
            at = reading;
            for (zone, sure) in judge.take_entries() {
                score.entries.push((sure, ground.zone_at(at.x_m, at.y_m) == zone));
            }
            if let Some(index) = names.iter().position(|name| *name == reading.sensor) {
                judge.hear(u16::try_from(index).unwrap(), f64::from(reading.rssi_dbm), reading.t_us);
            }
        }
        score.add(&seconds);
    }
}

impl Ground for Setup {
    /// As the recordings' own page has it ("To score alike").
    fn names(&self) -> Vec<String> {
        let numbers: &[u8] = match self.gateways {
            12 => &[10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 42],
            8 => &[11, 12, 21, 22, 31, 32, 41, 42],
            6 => &[10, 12, 22, 30, 32, 42],
            _ => &[10, 20, 30, 40],
        };
        numbers.iter().map(|number| format!("sensor{number}")).collect()
    }

    fn cuts_m(&self) -> (&[f64], &[f64]) {
        if self.zones == 4 { (&[10.0], &[9.2]) } else { (&[6.9, 13.8], &[5.9, 11.8]) }
    }
}

impl Setup {
    /// The configuration; `path_loss` is what a survey would have written, and `offsets_db` by gateway.
    pub(crate) fn config(self, tetam: &Tetam, survey: Option<&Survey>) -> Config {
        let mut site = format!(
            "name = 'Hall'\ntime-zone = 'Europe/Zurich'\nlanguage = 'en'\nfloor-plan = {{ width-m = {:?}, height-m = {:?} }}\n",
            HALL_M.0, HALL_M.1
        );
        site += &survey.map(Survey::toml).unwrap_or_default();
        for (index, sensor) in self.sensors(tetam).iter().enumerate() {
            let [x, y, height] = sensor.position_m;
            let offset_db = survey.map_or(0.0, |survey| survey.offsets_db[index]);
            let name = &sensor.name;
            writeln!(site, "[[gateway]]\nid = '{name}'\nposition-m = [{x:?}, {y:?}]\nheight-m = {height:?}\noffset-db = {offset_db:.2}").unwrap();
        }
        let (xs, ys) = self.cuts_m();
        let lines = |cuts: &[f64], end: f64| [&[0.0], cuts, &[end]].concat();
        let (xs, ys) = (lines(xs, HALL_M.0), lines(ys, HALL_M.1));
        let mut zones = String::new();
        for (j, y) in ys.windows(2).enumerate() {
            for (i, x) in xs.windows(2).enumerate() {
                let corners = format!(
                    "[[{:?}, {:?}], [{:?}, {:?}], [{:?}, {:?}], [{:?}, {:?}]]",
                    x[0], y[0], x[1], y[0], x[1], y[1], x[0], y[1]
                );
                writeln!(zones, "[[zone]]\nid = 'z{j}{i}'\nname = 'Z'\npolygon-m = {corners}").unwrap();
            }
        }
        let gateway = format!("site = 'hall'\ngateway = '{}'\n[radio]\ndriver = 'none'\n", self.names()[0]);
        let promise = "[caps]\ncustomer = [{ at-most = 2, per = '1d' }]\n".to_owned();
        let loaded = check(&Sources { gateway, site, zones, promise, ..Sources::default() });
        let problems = loaded.problems;
        loaded.config.unwrap_or_else(|| panic!("{problems:?}"))
    }

    /// Its receivers, in the order of their names.
    pub(crate) fn sensors(self, tetam: &Tetam) -> Vec<Sensor> {
        let names = self.names();
        tetam.sensors.iter().filter(|sensor| names.contains(&sensor.name)).cloned().collect()
    }

    /// Scores recordings with one judge each.
    pub(crate) fn score<J: Judge>(self, recordings: &[Vec<Reading>], judge: impl Fn() -> J) -> Score {
        let mut all = Score::default();
        score(&self, recordings, judge, &mut all);
        all
    }
}

/// The engine itself, without the rest of Emma.
pub(crate) struct Engine<'a> {
    floor: &'a Floor,
    whereabouts: Whereabouts,
    begin_us: Option<i64>,
    announced: Option<usize>,
    entries: Vec<(usize, f64)>,
}

impl<'a> Engine<'a> {
    pub(crate) fn new(floor: &'a Floor) -> Self {
        Self { floor, whereabouts: Whereabouts::default(), begin_us: None, announced: None, entries: Vec::new() }
    }

    fn monotonic_us(&mut self, t_us: i64) -> u64 {
        1_000_000_000 + (t_us - *self.begin_us.get_or_insert(t_us)).unsigned_abs()
    }

    fn take(&mut self, moves: Vec<Move>) {
        for step in moves {
            self.announced = match step {
                Move::Entered(zone, _) | Move::Sure(zone, _) => Some(zone),
                Move::Unsure(..) | Move::Left(_) => None,
            };
            if let Move::Entered(zone, sure) = step {
                self.entries.push((zone, sure));
            }
        }
    }
}

impl Judge for Engine<'_> {
    fn hear(&mut self, gateway: u16, rssi_dbm: f64, t_us: i64) {
        let now_us = self.monotonic_us(t_us);
        let moves = self.whereabouts.hear(self.floor, GatewayIndex(gateway), rssi_dbm, now_us);
        self.take(moves);
    }

    fn until(&mut self, t_us: i64) {
        let now_us = self.monotonic_us(t_us);
        while let Some(due_us) = self.whereabouts.due_us(self.floor).filter(|due_us| *due_us <= now_us) {
            let moves = self.whereabouts.tick(self.floor, due_us);
            self.take(moves);
        }
    }

    fn announced(&self) -> Option<usize> {
        self.announced
    }

    fn confidences(&self) -> Vec<f64> {
        (0..self.floor.len()).map(|zone| self.whereabouts.confidence(self.floor, zone)).collect()
    }

    fn take_entries(&mut self) -> Vec<(usize, f64)> {
        std::mem::take(&mut self.entries)
    }
}

/// What nine points of 20 s say of the hall, as `emma survey` finds it.
#[derive(Clone, Debug)]
pub(crate) struct Survey {
    exponent: f64,
    at_1m_dbm: f64,
    sigma_db: f64,
    pub(crate) offsets_db: Vec<f64>,
    /// Where the tag was held, and the mean level at each gateway.
    points: Vec<Point>,
}

/// A place in metres, and the mean level at each gateway in dBm.
type Point = ((f64, f64), Vec<(String, f64)>);

impl Survey {
    /// Fits the nine of the resting points that lie nearest to an even grid.
    pub(crate) fn fit(setup: Setup, tetam: &Tetam, resting: &[Vec<Reading>]) -> Self {
        let even = [2.59, 10.36, 18.13].into_iter().flat_map(|x| [2.19, 8.78, 15.33].map(|y| (x, y)));
        let nearest = even.map(|(x, y)| {
            let far = |point: &&Vec<Reading>| (point[0].x_m - x).hypot(point[0].y_m - y);
            resting.iter().min_by(|a, b| far(a).total_cmp(&far(b))).unwrap()
        });
        Self::of(&setup.sensors(tetam), nearest)
    }

    /// What site.toml says of it, but for the gateways' offsets.
    pub(crate) fn toml(&self) -> String {
        let Self { exponent, at_1m_dbm, sigma_db, points, .. } = self;
        let loss = format!("exponent = {exponent:.3}\nat-1m-dbm = {at_1m_dbm:.2}\nsigma-db = {sigma_db:.2}");
        let mut toml = format!("[path-loss]\n{loss}\n");
        for ((x, y), levels) in points {
            let levels: Vec<String> = levels.iter().map(|(name, dbm)| format!("{name} = {dbm:.2}")).collect();
            let levels = levels.join(", ");
            writeln!(toml, "[[survey-point]]\nposition-m = [{x:?}, {y:?}]\nlevels-dbm = {{ {levels} }}").unwrap();
        }
        toml
    }

    /// Fits 20 s of each of these points.
    pub(crate) fn of<'a>(sensors: &[Sensor], points: impl Iterator<Item = &'a Vec<Reading>>) -> Self {
        let anchors: Vec<Option<Anchor>> = sensors
            .iter()
            .map(|Sensor { position_m: [x, y, height_m], .. }| {
                Some(Anchor { position_m: (*x, *y), height_m: *height_m, offset_db: 0.0 })
            })
            .collect();
        let spots: Vec<Spot> = points.map(|point| spot(sensors, point)).collect();
        let fit = survey::fit(&anchors, &spots).unwrap();
        let PathLoss { exponent, at_1m_dbm, sigma_db } = fit.path_loss;
        let offsets_db = fit.offsets_db.iter().map(|offset| offset.map_or(0.0, |offset| offset.value)).collect();
        let named = |level: &Level| (sensors[level.gateway].name.clone(), level.level_dbm);
        let points = spots.iter().map(|spot| (spot.place_m, spot.levels.iter().map(named).collect())).collect();
        Self { exponent, at_1m_dbm, sigma_db, offsets_db, points }
    }
}

fn spot(sensors: &[Sensor], point: &[Reading]) -> Spot {
    let begin_us = point[0].t_us;
    let level = |(gateway, sensor): (usize, &Sensor)| {
        let heard =
            point.iter().filter(|reading| reading.sensor == sensor.name && reading.t_us < begin_us + 20 * SECOND_US);
        let levels: Vec<f64> = heard.map(|reading| f64::from(reading.rssi_dbm)).collect();
        let count = u32::try_from(levels.len()).unwrap();
        (count > 0).then(|| Level { gateway, level_dbm: levels.iter().sum::<f64>() / f64::from(count), count })
    };
    let levels = sensors.iter().enumerate().filter_map(level).collect();
    Spot { place_m: (point[0].x_m, point[0].y_m), levels }
}
