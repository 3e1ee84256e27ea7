//! What a survey says of a shop: path loss and how much louder each gateway hears than the rest, from the levels of one
//! tag at a few places that are known.
//!
//! A level is taken to be `at-1m + offset - 10 exponent log10(distance)`, and what all gateways hear louder or weaker at
//! one place: the tag's way of being carried there. Offsets and that are held near nothing by what is usual of them. What
//! strays does so by a Student t distribution, gateway by gateway and place by place, so that neither a rack in between
//! nor one place that was mistaken for another decides.

use super::equations::{Equations, Solved};
use super::model::{Anchor, PathLoss};

/// A straight line can be drawn through two places; from four on they begin to contradict each other (zones,
/// "Calibration": four are nearly as good as nine).
pub const FEWEST_SPOTS: usize = 4;

/// Nearer to each other than this, in metres, two places are one: what is bound to the place is bound to both.
const APART_M: f64 = 1.0;

/// Two gateways tell distance from strength; one does not.
pub const FEWEST_GATEWAYS: usize = 2;

/// Levels in shops fall with these exponents: below is a corridor that guides waves, above walls of concrete.
pub const EXPONENTS: (f64, f64) = (1.2, 4.0);

/// An exponent that is held is not moved by so much.
const HELD: f64 = 1e-4;

/// What is known of any shop before it is surveyed: the exponent and the level at 1 m, each with how far off it may be.
const EXPONENT: (f64, f64) = (2.0, 0.8);
const AT_1M_DBM: (f64, f64) = (-60.0, 10.0);

/// Gateways of one kind hear so much louder or weaker than each other, in dB (recordings showed 2.2 rms, from -5 to 4.6).
const OFFSET_DB: f64 = 3.0;

/// So much weaker or louder a tag is heard at one place than at another by all, in dB: how it is carried, and bodies.
const CARRIED_DB: f64 = 2.0;

/// How far averages of 20 s stray from path loss at a place, in dB, and so many levels would have to say otherwise to
/// count as much (zones, "What the numbers say").
const STRAY_DB: f64 = 4.5;
const STRAY_LEVELS: f64 = 10.0;

/// What an average of 20 s hides of how levels sway in one place, in dB². Whoever is followed is judged each second: of
/// the 3.8 dB that levels sway, the filter counts what two readings share as fading (9 / 2 dB²); the rest stays alike for
/// 10 s, so that 20 s hide half of it.
const SWAY_DB2: f64 = 5.0;

/// Fading in place of a single reading, in dB², as the filter has it.
const FADING_DB2: f64 = 9.0;

/// The Student t distribution's degrees of freedom, as the filter has them.
const NU: f64 = 5.0;

/// Each round weighs what strays less than the one before; after so many nothing moves by a hundredth of a dB.
const ROUNDS: usize = 40;

/// A place that counts for less than this contradicts the others.
const CONTRADICTS: f64 = 0.4;

/// What one gateway heard at a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Which, counted as in site.toml.
    pub gateway: usize,
    /// The mean of what it heard, in dBm, as if the tag transmitted -59 dBm at 1 m.
    pub level_dbm: f64,
    /// How many readings that is the mean of.
    pub count: u32,
}

/// A place at which the tag was held for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Spot {
    /// Metres from the plan's corner.
    pub place_m: (f64, f64),
    /// What was heard of it; a gateway that heard nothing is left out.
    pub levels: Vec<Level>,
}

/// A number, and how far off it may be: one standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
}

/// What a survey found.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// Path loss as site.toml has it.
    pub path_loss: PathLoss,
    /// Its exponent.
    pub exponent: Estimate,
    /// Its level at 1 m, in dBm.
    pub at_1m_dbm: Estimate,
    /// How much louder each gateway hears, in dB, in the order of site.toml; nothing where it heard nothing or its place
    /// is not known.
    pub offsets_db: Vec<Option<Estimate>>,
    /// By place: how far its levels stray from all this, in dB rms, and whether it contradicts the others.
    pub spots: Vec<(f64, bool)>,
}

/// Why a survey says nothing yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLittle {
    /// Places at which anything was heard.
    Spots(usize),
    /// Gateways that heard anything and whose places are known.
    Gateways(usize),
}

/// What these places say of gateways that hang at `anchors`; nothing for one whose place is not known.
///
/// # Errors
/// They are too few to say anything.
pub fn fit(anchors: &[Option<Anchor>], spots: &[Spot]) -> Result<Fit, TooLittle> {
    let rows: Vec<Row> = spots.iter().enumerate().flat_map(|(index, spot)| rows_of(anchors, index, spot)).collect();
    let heard = |which: &dyn Fn(&Row) -> usize, all: usize| {
        (0..all).map(|one| rows.iter().any(|row| which(row) == one)).collect::<Vec<bool>>()
    };
    let (at, by) = (heard(&|row| row.spot, spots.len()), heard(&|row| row.gateway, anchors.len()));
    let count = |all: &[bool]| all.iter().filter(|heard| **heard).count();
    let places = distinct(spots.iter().zip(&at).filter(|(_, heard)| **heard).map(|(spot, _)| spot.place_m));
    if places < FEWEST_SPOTS {
        return Err(TooLittle::Spots(places));
    }
    if count(&by) < FEWEST_GATEWAYS {
        return Err(TooLittle::Gateways(count(&by)));
    }
    let shop = Shop { rows, gateways: anchors.len(), spots: spots.len() };
    let free = shop.settle(EXPONENT);
    let told = shop.tell(&free, &by);
    let exponent = told.exponent.value.clamp(EXPONENTS.0, EXPONENTS.1);
    if (exponent - told.exponent.value).abs() < HELD {
        return Ok(told);
    }
    // Beyond what shops do the exponent is the bound, and the rest is what fits it best; it is known no better for that.
    let held = shop.tell(&shop.settle((exponent, HELD)), &by);
    Ok(Fit { exponent: Estimate { error: told.exponent.error, ..held.exponent }, ..held })
}

/// Whether two places are one, to a survey.
pub fn is_one_place((ax, ay): (f64, f64), (bx, by): (f64, f64)) -> bool {
    (ax - bx) * (ax - bx) + (ay - by) * (ay - by) < APART_M * APART_M
}

/// How many of these are places of their own.
fn distinct(places: impl Iterator<Item = (f64, f64)>) -> usize {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for place in places {
        if !kept.iter().any(|known| is_one_place(*known, place)) {
            kept.push(place);
        }
    }
    kept.len()
}

/// One level.
#[derive(Clone, Copy, Debug)]
struct Row {
    spot: usize,
    gateway: usize,
    /// By what the exponent is multiplied: -10 log10 of the distance.
    decades: f64,
    level_dbm: f64,
    fading_db2: f64,
}

fn rows_of(anchors: &[Option<Anchor>], spot: usize, heard: &Spot) -> Vec<Row> {
    let row = |level: &Level| {
        let anchor = anchors.get(level.gateway).copied().flatten()?;
        let decades = -10.0 * libm::log10(anchor.distance_m(heard.place_m));
        let is_sound = level.level_dbm.is_finite() && decades.is_finite() && level.count > 0;
        let fading_db2 = FADING_DB2 / f64::from(level.count.max(1));
        is_sound.then_some(Row { spot, gateway: level.gateway, decades, level_dbm: level.level_dbm, fading_db2 })
    };
    heard.levels.iter().filter_map(row).collect()
}

/// Every level, and what is asked of them.
struct Shop {
    rows: Vec<Row>,
    gateways: usize,
    spots: usize,
}

/// Where the rounds have come to.
#[derive(Default)]
struct Settled {
    solved: Solved,
    stray_db2: f64,
    /// By level and by place: how much it counts against what is usual; nothing before the first round.
    trust: Vec<f64>,
    spot_trust: Vec<f64>,
}

impl Settled {
    fn trust_in(&self, spot: usize) -> f64 {
        self.spot_trust.get(spot).copied().unwrap_or(1.0)
    }
}

impl Shop {
    const AT_1M: usize = 0;
    const EXPONENT: usize = 1;

    fn offset(gateway: usize) -> usize {
        2 + gateway
    }

    fn carried(&self, spot: usize) -> usize {
        2 + self.gateways + spot
    }

    fn settle(&self, exponent: (f64, f64)) -> Settled {
        let mut settled = Settled { stray_db2: STRAY_DB * STRAY_DB, ..Settled::default() };
        settled.solved = self.solve(exponent, &settled);
        for _ in 0..ROUNDS {
            let squares = self.squares(&settled);
            settled.trust = squares.iter().map(|square| (NU + 1.0) / (NU + square)).collect();
            settled.spot_trust = (0..self.spots).map(|spot| self.spot_trust(spot, &squares)).collect();
            settled.solved = self.solve(exponent, &settled);
            settled.stray_db2 = self.stray_db2(&settled);
        }
        settled
    }

    /// Each level's stray from what is expected, squared, against what is usual.
    fn squares(&self, settled: &Settled) -> Vec<f64> {
        let square = |row: &Row| {
            let stray_db = self.stray_db(row, &settled.solved);
            stray_db * stray_db / (settled.stray_db2 + row.fading_db2)
        };
        self.rows.iter().map(square).collect()
    }

    fn stray_db(&self, row: &Row, solved: &Solved) -> f64 {
        let own = solved.value(Self::offset(row.gateway)) + solved.value(self.carried(row.spot));
        row.level_dbm - solved.value(Self::AT_1M) - solved.value(Self::EXPONENT) * row.decades - own
    }

    /// How much a place counts, at most 1: as a whole it is right, or somebody stood somewhere else.
    fn spot_trust(&self, spot: usize, squares: &[f64]) -> f64 {
        let own = self.rows.iter().zip(squares).filter(|(row, _)| row.spot == spot);
        let (sum, count) = own.fold((0.0, 0.0), |(sum, count), (_, square)| (sum + square, count + 1.0));
        ((NU + count) / (NU + sum)).min(1.0)
    }

    fn solve(&self, exponent: (f64, f64), settled: &Settled) -> Solved {
        let mut equations = Equations::new(2 + self.gateways + self.spots);
        let mut expect = |unknown, (value, error): (f64, f64), trust: f64| {
            equations.observe(&[(unknown, 1.0)], value, trust / (error * error));
        };
        expect(Self::AT_1M, AT_1M_DBM, 1.0);
        expect(Self::EXPONENT, exponent, 1.0);
        (0..self.gateways).for_each(|gateway| expect(Self::offset(gateway), (0.0, OFFSET_DB), 1.0));
        for spot in 0..self.spots {
            // Somebody may have stood on the tag: what is usual holds for most places and not for all.
            let carried = settled.solved.value(self.carried(spot)) / CARRIED_DB;
            expect(self.carried(spot), (0.0, CARRIED_DB), (NU + 1.0) / (NU + carried * carried));
        }
        for (row, trust) in self.rows.iter().zip(settled.trust.iter().copied().chain(std::iter::repeat(1.0))) {
            let [at_1m, exponent] = [(Self::AT_1M, 1.0), (Self::EXPONENT, row.decades)];
            let [offset, carried] = [(Self::offset(row.gateway), 1.0), (self.carried(row.spot), 1.0)];
            let weight = trust * settled.trust_in(row.spot) / (settled.stray_db2 + row.fading_db2);
            equations.observe(&[at_1m, exponent, offset, carried], row.level_dbm, weight);
        }
        // Something is expected of every unknown, so that they are determined.
        equations.solve().unwrap_or_default()
    }

    /// How far levels stray, in dB²; what contradicts counts less. An unknown that the levels moved is one level less to
    /// judge by.
    fn stray_db2(&self, settled: &Settled) -> f64 {
        let moved = |unknown: usize, usual_db: f64| 1.0 - settled.solved.variance(unknown) / (usual_db * usual_db);
        let offsets = (0..self.gateways).map(|gateway| moved(Self::offset(gateway), OFFSET_DB));
        let carried = (0..self.spots).map(|spot| moved(self.carried(spot), CARRIED_DB));
        let unknowns = 2.0 + offsets.chain(carried).map(|moved| moved.clamp(0.0, 1.0)).sum::<f64>();
        let (mut squares, mut count) = (STRAY_LEVELS * STRAY_DB * STRAY_DB, STRAY_LEVELS - unknowns);
        for (row, trust) in self.rows.iter().zip(&settled.trust) {
            let stray_db = self.stray_db(row, &settled.solved);
            let own = settled.stray_db2 / (settled.stray_db2 + row.fading_db2);
            let spot = settled.trust_in(row.spot);
            squares += spot * trust * own * stray_db * stray_db;
            count += spot;
        }
        squares / count.max(1.0)
    }

    fn tell(&self, settled: &Settled, by: &[bool]) -> Fit {
        let estimate = |unknown: usize| Estimate {
            value: settled.solved.value(unknown),
            // By Fisher's information, what strays like this tells less than the last round's weights add up to.
            error: libm::sqrt((NU + 3.0) / (NU + 1.0) * settled.solved.variance(unknown)),
        };
        let (exponent, at_1m_dbm) = (estimate(Self::EXPONENT), estimate(Self::AT_1M));
        let heard = by.iter().enumerate();
        let spots = (0..self.spots).map(|spot| {
            let own = self.rows.iter().filter(|row| row.spot == spot).map(|row| self.stray_db(row, &settled.solved));
            let (sum, count) = own.fold((0.0, 0.0_f64), |(sum, count), db| (sum + db * db, count + 1.0));
            (libm::sqrt(sum / count.max(1.0)), settled.trust_in(spot) < CONTRADICTS)
        });
        Fit {
            path_loss: PathLoss {
                exponent: exponent.value,
                at_1m_dbm: at_1m_dbm.value,
                sigma_db: libm::sqrt(settled.stray_db2 + SWAY_DB2),
            },
            exponent,
            at_1m_dbm,
            offsets_db: heard.map(|(gateway, heard)| heard.then(|| estimate(Self::offset(gateway)))).collect(),
            spots: spots.collect(),
        }
    }
}

#[cfg(test)]
#[path = "survey_tests.rs"]
mod tests;
