//! How people move over the grid between two looks at them, and how it shows that they do.

use super::grid::Grid;
use super::model::narrow;
use super::weigh::FADING_DB2;

/// How far a walker gets in one second along an axis, as a standard deviation in metres; it grows with the root of time,
/// because people in shops turn (zones, "Predict").
const STEP_M: f64 = 1.0;

/// How far a step's bell is cut off, in standard deviations; beyond lies a four-hundredth.
const REACH: f64 = 3.0;

/// A level strays from what was usual there by fading alone while a device rests; some metres on, by twice the square:
/// on the recordings 0.98 times fading at rest and 1.8 on the way.
const WALKER_STRAYS: f32 = 2.0;

/// Fading of one burst is shared between gateways in part, when a body turns: half of what they show is believed.
const CAUTION: f32 = 0.5;

/// However clearly, one burst shows no more than this, as a logarithm: 20 to 1.
const MOST_SHOWN: f32 = 3.0;

/// How levels of a burst have changed against what was usual in the seconds before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unrest {
    /// Squares of the changes, each in units of what fading alone explains; and how many.
    squares: f32,
    gateways: f32,
}

impl Unrest {
    /// Adds what one gateway hears now, and what it usually heard: each a level in dBm and of how many readings.
    pub(super) fn add(&mut self, (now_dbm, now): (f32, f32), (usual_dbm, usual): (f32, f32)) {
        let change_db = now_dbm - usual_dbm;
        self.squares += change_db * change_db / (FADING_DB2 * (1.0 / now + 1.0 / usual));
        self.gateways += 1.0;
    }

    /// How many times likelier it is with somebody who walks than with somebody who stands.
    pub(super) fn odds_of_walking(self) -> f32 {
        let shown = self.squares * (1.0 - 1.0 / WALKER_STRAYS) - self.gateways * libm::logf(WALKER_STRAYS);
        libm::expf((CAUTION / 2.0 * shown).clamp(-MOST_SHOWN, MOST_SHOWN))
    }
}

/// What a walker's place becomes after `seconds`, at most a few: each cell's mass spread by a bell, and turned back at
/// the walls.
pub(super) fn walk(grid: &Grid, mass: &[f32], seconds: f64) -> Vec<f32> {
    let sigma_m = STEP_M * libm::sqrt(seconds);
    let along = spread_rows(mass, grid.columns, &bell(sigma_m / grid.cell_m.0));
    spread_columns(&along, grid.columns, grid.rows, &bell(sigma_m / grid.cell_m.1))
}

/// A bell narrower than this, in cells, is not seen by its middle values any more: it is three weights of its variance.
const NARROW_CELLS: f64 = 0.6;

/// The bell's weights at 0, 1, 2, … cells; on both sides together they sum to 1.
fn bell(sigma_cells: f64) -> Vec<f32> {
    if sigma_cells < NARROW_CELLS {
        let variance = sigma_cells * sigma_cells;
        return vec![narrow(1.0 - variance), narrow(variance / 2.0)];
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
    let reach = (REACH * sigma_cells).ceil().clamp(1.0, 20.0) as u32;
    let weight = |cells: u32| libm::exp(-0.5 * (f64::from(cells) / sigma_cells) * (f64::from(cells) / sigma_cells));
    let weights: Vec<f64> = (0..=reach).map(weight).collect();
    let sum: f64 = weights.iter().sum::<f64>() * 2.0 - 1.0;
    weights.iter().map(|weight| narrow(weight / sum)).collect()
}

fn spread_rows(mass: &[f32], columns: usize, bell: &[f32]) -> Vec<f32> {
    let both: Vec<f32> = bell.iter().skip(1).rev().chain(bell).copied().collect();
    let reach = bell.len() - 1;
    let mut wide = Vec::with_capacity(columns + 2 * reach);
    let mut spread = Vec::with_capacity(mass.len());
    for row in mass.chunks_exact(columns) {
        wide.clear();
        wide.extend((0..columns + 2 * reach).map(|at| row.get(mirrored(at, reach, columns)).copied().unwrap_or(0.0)));
        let dot = |window: &[f32]| window.iter().zip(&both).map(|(mass, weight)| mass * weight).sum::<f32>();
        spread.extend(wide.windows(both.len()).map(dot));
    }
    spread
}

fn spread_columns(mass: &[f32], columns: usize, rows: usize, bell: &[f32]) -> Vec<f32> {
    let both: Vec<f32> = bell.iter().skip(1).rev().chain(bell).copied().collect();
    let reach = bell.len() - 1;
    let mut spread = vec![0.0; mass.len()];
    for (row, sums) in spread.chunks_exact_mut(columns).enumerate() {
        for (offset, weight) in both.iter().enumerate() {
            let from = mirrored(row + offset, reach, rows) * columns;
            let source = mass.get(from..from + columns).unwrap_or_default();
            for (sum, mass) in sums.iter_mut().zip(source) {
                *sum += weight * mass;
            }
        }
    }
    spread
}

/// The cell at `at - reach`, counted back from the walls at 0 and `cells`.
fn mirrored(at: usize, reach: usize, cells: usize) -> usize {
    // Twice the cells there and back; enough rounds are added that nothing is below zero.
    let round = 2 * cells;
    let place = (at + round * reach - reach) % round;
    if place < cells { place } else { round - 1 - place }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_lost_at_the_walls() {
        for (width, depth) in [(9.0, 5.0), (1.0, 1.0), (2.0, 1.0)] {
            let grid = Grid::of_plan((width, depth));
            let mut mass = vec![0.0; grid.len()];
            mass[0] = 1.0;
            let sum: f32 = walk(&grid, &mass, 4.0).iter().sum();
            assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        }
    }

    #[test]
    fn a_walker_goes_a_metre_in_a_second_and_two_in_four() {
        let grid = Grid::of_plan((41.0, 1.0));
        let mut mass = vec![0.0; grid.len()];
        mass[20] = 1.0;
        for (seconds, metres) in [(0.04, 0.2), (0.25, 0.5), (0.49, 0.7), (1.0, 1.0), (4.0, 2.0)] {
            let spread = walk(&grid, &mass, seconds);
            let squares = spread.iter().zip(grid.middles()).map(|(mass, (x, _))| f64::from(*mass) * (x - 20.5).powi(2));
            let sigma_m = squares.sum::<f64>().sqrt();
            assert!((sigma_m - metres).abs() < 0.05 + 0.05 * metres, "{seconds} s: {sigma_m} m");
        }
    }

    #[test]
    fn levels_that_stay_show_rest_and_levels_that_change_a_walk() {
        let unrest = |change_db: f32| {
            let mut unrest = Unrest::default();
            (0..8).for_each(|_| unrest.add((-70.0 + change_db, 1.0), (-70.0, 8.0)));
            unrest.odds_of_walking()
        };
        assert!(unrest(0.0) < 0.3 && unrest(3.0) < 1.0, "{} {}", unrest(0.0), unrest(3.0));
        assert!(unrest(7.0) > 2.0 && unrest(100.0) < 20.1, "{} {}", unrest(7.0), unrest(100.0));
        assert!((Unrest::default().odds_of_walking() - 1.0).abs() < 1e-6, "nothing is known before anything was usual");
    }
}
