//! The likelihood: what one burst says of each cell.
//!
//! What a gateway hears strays from the model by a Student t distribution, so that one gateway behind a body or a rack
//! cannot outvote the rest. What all gateways hear louder is the device and not its place, and is integrated out.

use super::filter::Heard;
use super::model::{LANES, Lanes};

/// Fading in place of a single reading, 3.8 dB, in dB² (zones, "What the numbers say"); readings of one burst share it.
pub(super) const FADING_DB2: f32 = 14.4;

/// The Student t distribution's degrees of freedom.
const NU: f32 = 5.0;

/// What a burst says of each cell. The last lanes are filled up and mean nothing.
#[derive(Default)]
pub(super) struct Weighed {
    /// By what the cell's likelihood is divided, before an exponent is given to it.
    pub(super) against: Vec<[f64; LANES]>,
    /// The device's power, more than was believed, if it is there, in dB; and how much was heard that says so, a dB².
    pub(super) power_db: Vec<Lanes>,
    pub(super) weight: Vec<Lanes>,
}

impl Weighed {
    /// Holds what was `heard` against so many cells. `power` is what is believed of the device's, in dB, and how well it
    /// is known, as 1 / dB²; gateways stray from the model by `sigma_db`.
    pub(super) fn new(heard: &[Heard<'_>], cells: usize, (power_db, doubt): (f32, f32), sigma_db: f32) -> Self {
        let lanes = cells.div_ceil(LANES);
        let mut weighed = Self::default();
        weighed.against.reserve_exact(lanes);
        weighed.power_db.reserve_exact(lanes);
        weighed.weight.reserve_exact(lanes);
        let told =
            |heard: &Heard<'_>| (heard.level_dbm - power_db, 1.0 / (sigma_db * sigma_db + FADING_DB2 / heard.count));
        let told: Vec<(f32, f32)> = heard.iter().map(told).collect();
        let mut residuals = Vec::with_capacity(heard.len());
        for lane in 0..lanes {
            residuals.clear();
            residuals.extend(heard.iter().zip(&told).filter_map(|(heard, (level, weight))| {
                Some((heard.expected.get(lane)?.map(|expected| level - expected), *weight))
            }));
            weighed.weigh(&residuals, doubt);
        }
        weighed
    }

    /// Holds what each gateway heard, less what it should hear there, and how much it counts, against a few cells. The
    /// power that the gateways have in common is put right first, those that stray counting less the second time;
    /// `doubt` says how well the power is known, as 1 / dB².
    fn weigh(&mut self, residuals: &[(Lanes, f32)], doubt: f32) {
        let mut rough = [0.0; LANES];
        for (residual, counts) in residuals {
            for (rough, r) in rough.iter_mut().zip(residual) {
                *rough += counts * r;
            }
        }
        let share = 1.0 / residuals.iter().fold(doubt, |sum, (_, counts)| sum + counts);
        let rough = rough.map(|rough| rough * share);
        let (mut sum, mut weight) = ([0.0; LANES], [0.0; LANES]);
        for (residual, counts) in residuals {
            for (((sum, weight), r), rough) in sum.iter_mut().zip(&mut weight).zip(residual).zip(&rough) {
                let stray = r - rough;
                let counts = counts * (NU + 1.0) / (NU + counts * stray * stray);
                *weight += counts;
                *sum += counts * r;
            }
        }
        let (mut common, mut power_db) = (sum, sum);
        for ((common, power), weight) in common.iter_mut().zip(&mut power_db).zip(&weight) {
            *common /= weight + doubt;
            *power /= weight;
        }
        let mut against = common.map(|common| f64::from(1.0 + doubt / NU * common * common));
        // A stray of 150 dB is a factor of some 10^3: eight of them fit a number of four bytes, and a hundred one of eight.
        // A cell against which there is even more is as unlikely as one can be.
        for few in residuals.chunks(8) {
            let mut product = [1.0; LANES];
            for (residual, counts) in few {
                let counts = counts / NU;
                for ((product, r), common) in product.iter_mut().zip(residual).zip(&common) {
                    let stray = r - common;
                    *product *= 1.0 + counts * stray * stray;
                }
            }
            for (against, product) in against.iter_mut().zip(product) {
                *against = (*against * f64::from(product)).min(f64::MAX);
            }
        }
        self.against.push(against);
        self.power_db.push(power_db);
        self.weight.push(weight);
    }
}
