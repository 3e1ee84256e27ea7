//! The floor as a grid: how large its cells are, and what share of each lies in a zone.

use geo::{BoundingRect, Contains, Coord, Point, Polygon, Rect};

/// No floor has more cells: 60 x 40 m are 600 of 2 m. Two masses of each are 4.8 KB a device.
pub(super) const MAX_CELLS: usize = 600;

/// By so many metres cells grow until there are no more than allowed.
const CELL_STEP_M: f64 = 0.25;

/// Cells are no smaller than this, in metres: what levels tell is three times as coarse (zones, "The method to build").
const LEAST_CELL_M: f64 = 1.0;

/// Without a floor plan people may stand so far around what is drawn, in metres.
const MARGIN_M: f64 = 2.0;

/// A cell's share in a zone is that of so many points a side: 64 of them, on a grid of an eighth of a cell.
const POINTS_A_SIDE: u8 = 8;

/// A rectangle of cells, counted row by row from its corner.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    corner_m: (f64, f64),
    /// Width and depth of a cell in metres.
    pub(super) cell_m: (f64, f64),
    pub(super) columns: usize,
    pub(super) rows: usize,
}

impl Grid {
    /// The grid of a floor plan of this width and depth.
    pub(super) fn of_plan((width_m, depth_m): (f64, f64)) -> Self {
        Self::over(Rect::new(Coord { x: 0.0, y: 0.0 }, Coord { x: width_m, y: depth_m }))
    }

    /// The grid around polygons and positions, where there is no plan; nothing if there is nothing to go around.
    pub(super) fn around<'a>(
        polygons: impl Iterator<Item = &'a Polygon<f64>>,
        positions: impl Iterator<Item = (f64, f64)>,
    ) -> Option<Self> {
        let corners = polygons.filter_map(BoundingRect::bounding_rect).flat_map(|rect| [rect.min(), rect.max()]);
        let points = corners.chain(positions.map(|(x, y)| Coord { x, y }));
        let join = |rect: Rect<f64>, point: Coord<f64>| {
            let (min, max) = (rect.min(), rect.max());
            Rect::new(
                Coord { x: min.x.min(point.x), y: min.y.min(point.y) },
                Coord { x: max.x.max(point.x), y: max.y.max(point.y) },
            )
        };
        let rect = points.map(|point| Rect::new(point, point)).reduce(|rect, point| join(rect, point.min()))?;
        let rect = [rect.min(), rect.max()].into_iter().fold(rect, join);
        let margin = Coord { x: MARGIN_M, y: MARGIN_M };
        Some(Self::over(Rect::new(rect.min() - margin, rect.max() + margin)))
    }

    /// Square cells, or nearly, as small as allowed and as many as fit.
    fn over(floor: Rect<f64>) -> Self {
        let (width, depth) = (floor.width(), floor.height());
        let mut side_m = LEAST_CELL_M;
        while cells_along(width, side_m).saturating_mul(cells_along(depth, side_m)) > MAX_CELLS {
            side_m += CELL_STEP_M;
        }
        let (columns, rows) = (cells_along(width, side_m), cells_along(depth, side_m));
        let cell_m = (width / count(columns), depth / count(rows));
        Self { corner_m: (floor.min().x, floor.min().y), cell_m, columns, rows }
    }

    /// How many cells there are.
    pub(super) fn len(&self) -> usize {
        self.columns * self.rows
    }

    /// The middle of every cell in metres, in order.
    pub(super) fn middles(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.points_in_cells((0.5, 0.5))
    }

    /// The share of each cell that lies in `polygon`, by cell, where there is any.
    pub(super) fn shares(&self, polygon: &Polygon<f64>) -> Vec<(usize, f32)> {
        let Some(bounds) = polygon.bounding_rect() else { return Vec::new() };
        let mut hits = vec![0_u8; self.len()];
        let steps = || (0..POINTS_A_SIDE).map(|step| (f64::from(step) + 0.5) / f64::from(POINTS_A_SIDE));
        for at in steps().flat_map(|y| steps().map(move |x| (x, y))) {
            for (hit, (x, y)) in hits.iter_mut().zip(self.points_in_cells(at)) {
                let point = Point::new(x, y);
                *hit += u8::from(bounds.contains(&point) && polygon.contains(&point));
            }
        }
        let all = f32::from(POINTS_A_SIDE) * f32::from(POINTS_A_SIDE);
        let shares = hits.iter().enumerate().filter(|(_, hit)| **hit > 0);
        shares.map(|(cell, hit)| (cell, f32::from(*hit) / all)).collect()
    }

    /// The point at this part of the way through each cell, in order.
    fn points_in_cells(&self, (along, up): (f64, f64)) -> impl Iterator<Item = (f64, f64)> + '_ {
        let ((x0, y0), (width, depth)) = (self.corner_m, self.cell_m);
        let row = move |row| (0..self.columns).map(move |column| (column, row));
        (0..self.rows)
            .flat_map(row)
            .map(move |(column, row)| (x0 + (count(column) + along) * width, y0 + (count(row) + up) * depth))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates, and 1 is least"
)]
fn cells_along(length_m: f64, side_m: f64) -> usize {
    ((length_m / side_m).ceil() as usize).max(1)
}

#[expect(clippy::cast_precision_loss, reason = "there are at most a few hundred cells")]
fn count(cells: usize) -> f64 {
    cells as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::polygon;

    #[test]
    fn a_small_floor_has_cells_of_1_m_and_a_large_one_not_more_than_allowed() {
        let small = Grid::of_plan((20.7, 17.7));
        assert_eq!((small.columns, small.rows), (21, 18));
        let large = Grid::of_plan((60.0, 40.0));
        assert!((large.columns, large.rows) == (30, 20), "{}", large.len());
        let long = Grid::of_plan((1_000.0, 0.5));
        assert!(long.len() <= MAX_CELLS && long.rows == 1, "{}", long.len());
    }

    #[test]
    fn a_cell_is_shared_between_the_zones_that_cut_it() {
        let grid = Grid::of_plan((2.0, 1.0));
        let half = polygon![(x: 0.0, y: 0.0), (x: 1.5, y: 0.0), (x: 1.5, y: 1.0), (x: 0.0, y: 1.0)];
        assert_eq!(grid.shares(&half), [(0, 1.0), (1, 0.5)]);
    }

    #[test]
    fn without_a_plan_the_floor_goes_a_little_around_what_is_drawn() {
        let zone = polygon![(x: 3.0, y: 3.0), (x: 6.0, y: 3.0), (x: 6.0, y: 5.0)];
        let grid = Grid::around([&zone].into_iter(), [(10.0, 1.0)].into_iter()).unwrap();
        assert_eq!(grid.corner_m, (1.0, -1.0));
        assert_eq!((grid.columns, grid.rows), (11, 8));
        assert!(Grid::around([].into_iter(), [].into_iter()).is_none());
    }
}
