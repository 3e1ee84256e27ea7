//! Polygon zones as a drawing: out of `zones.toml` as GeoJSON in metres, and in again.
//!
//! The text of the file is edited where the drawing says something else, so that comments, the order of zones and the
//! zones around a gateway, which no drawing shows, stay as they are. What comes out is text: whoever asked for it has the
//! folder checked with it before it goes anywhere.

mod edit;

mod geojson;

pub use edit::{Imported, export, import};
pub(super) use edit::{put, with_line_ends_of};
pub use geojson::LARGEST_DRAWING;

use serde_json::{Map, Value as Json};

/// What a drawing may say of a polygon zone besides its id and its corners; what is missing stays as it is.
const KEYS: [&str; 8] =
    ["name", "categories", "kind", "sensitive", "enter-confidence", "enter-after", "leave-after", "unsure-below"];

/// Corners closer than half of this, in metres, are one: a millimetre is finer than anybody measures a shop.
const FINEST_M: f64 = 0.001;

/// One zone of a drawing.
#[derive(Clone, Debug, PartialEq)]
struct Shape {
    id: String,
    /// Counterclockwise, in metres, the first not repeated.
    corners: Vec<(f64, f64)>,
    /// Those of [`KEYS`] that are given.
    properties: Map<String, Json>,
}

/// To whole millimetres: a drawing program's 6.999999999 is 7.
fn rounded(metres: f64) -> f64 {
    // Divided by a whole number, so that 6.9 stays 6.9.
    (metres * 1_000.0).round() / 1_000.0
}

/// The corners, counterclockwise: the right-hand rule of RFC 7946, section 3.1.6.
fn counterclockwise(mut corners: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let next = corners.iter().cycle().skip(1);
    let twice_the_area: f64 = corners.iter().zip(next).map(|((x0, y0), (x1, y1))| x0 * y1 - x1 * y0).sum();
    if twice_the_area < 0.0 {
        corners.reverse();
    }
    corners
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
