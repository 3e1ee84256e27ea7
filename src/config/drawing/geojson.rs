//! A drawing as GeoJSON (RFC 7946), in metres on the floor plan.
//!
//! The RFC wants longitude and latitude, and leaves other systems to those who agree on one (section 4); a member of the
//! collection says so to whoever opens the file.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::{KEYS, Shape, counterclockwise, rounded};
use crate::config::floor;
use crate::config::values::no_id;

/// The largest drawing, in bytes: the most zones with the most corners, each on lines of its own, in half of it.
pub const LARGEST_DRAWING: u64 = 4 << 20;

/// How the drawing's numbers are meant.
const COORDINATES: &str =
    "metres on the floor plan: first to the right, then into the depth, both from the plan's corner; not WGS 84";

/// The text of a drawing.
pub(super) fn write(shapes: &[Shape], plan_m: Option<(f64, f64)>) -> String {
    let feature = |shape: &Shape| {
        let ring = shape.corners.iter().chain(shape.corners.first());
        let ring: Vec<_> = ring.map(|(x, y)| json!([x, y])).collect();
        let mut properties = Map::from_iter([("id".to_owned(), shape.id.as_str().into())]);
        properties.extend(shape.properties.clone());
        json!({"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}})
    };
    let mut collection = json!({
        "type": "FeatureCollection",
        "coordinates-in": COORDINATES,
        "features": shapes.iter().map(feature).collect::<Vec<_>>(),
    });
    if let Some((width, depth)) = plan_m {
        collection["plan-m"] = json!([width, depth]);
    }
    // Strings and finite numbers: serialising them cannot fail.
    serde_json::to_string_pretty(&collection).unwrap_or_default() + "\n"
}

/// What was read of a drawing.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) shapes: Vec<Shape>,
    /// Properties that are none of a zone: drawing programs add their own.
    pub(super) left_out: BTreeSet<String>,
}

/// Reads a drawing.
///
/// # Errors
/// Everything that is wrong, a sentence each.
pub(super) fn read(text: &str) -> Result<Read, Vec<String>> {
    let drawing: Json = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| vec![format!("the drawing is no JSON: {error}")])?;
    let Some(features) = drawing["features"].as_array().filter(|_| drawing["type"] == "FeatureCollection") else {
        return Err(vec!["the drawing is no GeoJSON FeatureCollection: export it as GeoJSON".to_owned()]);
    };
    let (mut read, mut problems) = (Read::default(), Vec::new());
    for (index, feature) in features.iter().enumerate() {
        match shape(feature, &mut read.left_out) {
            Ok(shape) if read.shapes.iter().any(|other| other.id == shape.id) => {
                problems.push(format!("two zones of the drawing are called `{}`: give each its own id", shape.id));
            }
            Ok(shape) => read.shapes.push(shape),
            Err((id, what)) => {
                let called = id.map_or_else(|| format!("zone {} of the drawing", index + 1), |id| format!("`{id}`"));
                problems.push(format!("{called}: {what}"));
            }
        }
    }
    if problems.is_empty() { Ok(read) } else { Err(problems) }
}

/// A zone's id, where it has one, and what is wrong with it.
type Problem = (Option<String>, String);

fn shape(feature: &Json, left_out: &mut BTreeSet<String>) -> Result<Shape, Problem> {
    let properties = feature["properties"].as_object().cloned().unwrap_or_default();
    let id = match properties.get("id").filter(|id| !id.is_null()).unwrap_or(&feature["id"]) {
        Json::String(id) => id.clone(),
        Json::Number(id) => id.to_string(),
        _ => return Err((None, "it has no property `id`, such as \"shoes\"".to_owned())),
    };
    if let Some((what, hint)) = no_id(&id) {
        return Err((None, format!("{what}: {hint}")));
    }
    let corners = corners(&feature["geometry"]).map_err(|what| (Some(id.clone()), what))?;
    let is_known = |key: &str| KEYS.contains(&key);
    left_out.extend(properties.keys().filter(|key| !is_known(key) && *key != "id").map(|key| shown(key)));
    let given = properties.into_iter().filter(|(key, value)| is_known(key) && !value.is_null());
    Ok(Shape { id, corners, properties: given.collect() })
}

fn corners(geometry: &Json) -> Result<Vec<(f64, f64)>, String> {
    let Some(kind) = geometry["type"].as_str() else { return Err("it has no outline".to_owned()) };
    let rings = geometry["coordinates"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ring = match (kind, rings) {
        ("Polygon", [ring]) => ring,
        // Some programs know no polygon of one part.
        ("MultiPolygon", [part]) if part.as_array().is_some_and(|rings| rings.len() == 1) => &part[0],
        ("Polygon", [_, _, ..]) => {
            return Err("it has a hole, which zones have not: draw what is inside as a zone of its own, the narrower \
                 zone is the one that counts"
                .to_owned());
        }
        ("MultiPolygon", _) => return Err("it has several parts: draw each as a zone of its own".to_owned()),
        (kind, _) => return Err(format!("it is a {}, and a zone is a polygon", shown(kind))),
    };
    let corner = |position: &Json| Some((position[0].as_f64()?, position[1].as_f64()?));
    let corners: Option<Vec<_>> = ring.as_array().and_then(|ring| ring.iter().map(corner).collect());
    let corners = corners.ok_or("its corners are not pairs of numbers")?;
    if let Some((what, hint)) = corners.iter().find_map(|corner| floor::far_away(*corner)) {
        return Err(format!("{what}: {hint}"));
    }
    // As it was drawn: degrees rounded to millimetres would be something else.
    floor::polygon(&corners).map_err(|(what, hint)| format!("{what}: {hint}"))?;
    let mut corners: Vec<_> = corners.into_iter().map(|(x, y)| (rounded(x), rounded(y))).collect();
    if corners.len() > 1 && corners.first() == corners.last() {
        corners.pop();
    }
    Ok(counterclockwise(corners))
}

/// What somebody wrote, as it may be shown: it must not move a terminal.
fn shown(text: &str) -> String {
    text.chars().take(64).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
