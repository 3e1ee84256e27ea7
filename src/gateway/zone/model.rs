//! What each gateway should hear of a device in each cell: the log-distance model of path loss.

use super::grid::Grid;

/// A phone in a pocket or a tag on a bag is so high above the floor, in metres (zones, "The method to build").
const DEVICE_HEIGHT_M: f64 = 1.2;

/// Nearer than this a level rises no further, in metres: antennas are not points.
const NEAREST_M: f64 = 0.5;

/// So many cells are computed side by side; a processor's registers hold four or eight.
pub(super) const LANES: usize = 8;

/// Cells side by side.
pub(super) type Lanes = [f32; LANES];

/// Path loss in this shop: what levels do with distance, and how far they stray from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathLoss {
    /// The level falls by ten times this many dB a decade of distance.
    pub exponent: f64,
    /// The level at 1 m in dBm, of a device that says it transmits -59 dBm there.
    pub at_1m_dbm: f64,
    /// How far a gateway's level strays from the model at a place, however long one listens, in dB.
    pub sigma_db: f64,
}

impl Default for PathLoss {
    /// What is known of a shop that nobody surveyed: as in free space, with the strays that recordings showed (zones).
    fn default() -> Self {
        Self { exponent: 2.0, at_1m_dbm: -60.0, sigma_db: 6.0 }
    }
}

/// A receiver whose place is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anchor {
    /// Metres from the plan's corner.
    pub position_m: (f64, f64),
    /// Metres above the floor.
    pub height_m: f64,
    /// How much louder than the model it hears everything, in dB.
    pub offset_db: f64,
}

impl Anchor {
    /// The distance in metres to a device that is carried at this place.
    pub(super) fn distance_m(&self, (x, y): (f64, f64)) -> f64 {
        let (dx, dy, dz) = (self.position_m.0 - x, self.position_m.1 - y, self.height_m - DEVICE_HEIGHT_M);
        libm::sqrt(dx * dx + dy * dy + dz * dz).max(NEAREST_M)
    }

    /// The level in dBm that it should hear of a device at this place.
    pub fn level_dbm(&self, place: (f64, f64), loss: PathLoss) -> f64 {
        loss.at_1m_dbm + self.offset_db - 10.0 * loss.exponent * libm::log10(self.distance_m(place))
    }

    /// The level in dBm that it should hear in each cell, with what is to be added there, in dB, where that is known. The
    /// last lanes are filled up and mean nothing.
    pub(super) fn levels(&self, grid: &Grid, loss: PathLoss, corrections_db: Option<&[f64]>) -> Vec<Lanes> {
        let corrections_db = corrections_db.unwrap_or_default().iter().copied().chain(std::iter::repeat(0.0));
        let levels = grid.middles().map(|place| self.level_dbm(place, loss));
        let mut cells = levels.zip(corrections_db).map(|(level, correction)| narrow(level + correction));
        let lanes = (0..grid.len().div_ceil(LANES)).map(|_| std::array::from_fn(|_| cells.next().unwrap_or(0.0)));
        lanes.collect()
    }
}

/// Seven digits are more than a level has.
#[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
pub(super) fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_falls_with_distance_and_height_counts() {
        let grid = Grid::of_plan((10.0, 1.0));
        let wall = Anchor { position_m: (0.5, 0.5), height_m: 1.2, offset_db: 0.0 };
        let levels = wall.levels(&grid, PathLoss::default(), None);
        let levels = levels.as_flattened();
        assert!((levels[1] + 60.0).abs() < 1e-4, "1 m away: {}", levels[1]);
        assert!((levels[9] - (-60.0 - 20.0 * libm::log10f(9.0))).abs() < 1e-4, "9 m away: {}", levels[9]);
        let ceiling = Anchor { height_m: 3.2, offset_db: -2.0, ..wall };
        assert!((ceiling.distance_m((0.5, 0.5)) - 2.0).abs() < 1e-9);
        assert!(ceiling.levels(&grid, PathLoss::default(), None)[0][0] < levels[1] - 2.0);
    }

    #[test]
    fn beside_an_antenna_the_level_has_an_end() {
        let anchor = Anchor { position_m: (1.0, 1.0), height_m: 1.2, offset_db: 0.0 };
        assert!((anchor.distance_m((1.0, 1.0)) - NEAREST_M).abs() < 1e-9);
    }
}
