//! The text of `zones.toml`, read and edited without touching what a drawing does not say.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value, value};

use super::geojson::{self, Read};
use super::{FINEST_M, KEYS, Shape, counterclockwise};

/// What an import comes to.
#[derive(Debug, PartialEq, Eq)]
pub struct Imported {
    /// `zones.toml` as it would be.
    pub text: String,
    /// The zones that the drawing changes.
    pub changed: Vec<String>,
    /// Those that it adds.
    pub new: Vec<String>,
    /// Those that are in the drawing as they are in the file.
    pub same: Vec<String>,
    /// Polygons that are not in the drawing. They stay: leaving a zone out of a selection is no wish to be rid of it.
    pub kept: Vec<String>,
    /// Properties of the drawing that are none of a zone.
    pub left_out: BTreeSet<String>,
}

/// The polygons of `zones`, a text that has been checked, as GeoJSON with the plan's width and depth in metres, and the
/// ids of the zones without a polygon.
///
/// # Errors
/// The text cannot be read: a sentence.
pub fn export(zones: &str, plan_m: Option<(f64, f64)>) -> Result<(String, Vec<String>), String> {
    let document = parse(zones)?;
    let (mut shapes, mut left_out) = (Vec::new(), Vec::new());
    for zone in tables(&document) {
        let id = id(zone).unwrap_or_default();
        match corners(zone) {
            Some(corners) => shapes.push(Shape { id, corners, properties: properties(zone) }),
            None => left_out.push(id),
        }
    }
    Ok((geojson::write(&shapes, plan_m), left_out))
}

/// `zones`, the text of the file, with what `drawing`, the text of a GeoJSON file, says of its polygons.
///
/// # Errors
/// Everything that stands in the way, a sentence each.
pub fn import(zones: &str, drawing: &str) -> Result<Imported, Vec<String>> {
    let Read { shapes, left_out } = geojson::read(drawing)?;
    let mut document = parse(zones).map_err(|what| vec![what])?;
    let zone = document.entry("zone").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let Some(tables) = zone.as_array_of_tables_mut() else {
        return Err(vec!["zones.toml has its zones in one list: write each as `[[zone]]` first".to_owned()]);
    };
    let mut problems = Vec::new();
    let (mut changed, mut new, mut same) = (Vec::new(), Vec::new(), Vec::new());
    for shape in &shapes {
        let place = tables.iter().position(|table| id(table).as_deref() == Some(&shape.id));
        match place.and_then(|place| tables.get_mut(place)) {
            Some(table) if table.contains_key("near") => problems.push(format!(
                "`{0}` is what a gateway hears well (`near`), and the drawing has a polygon of that name: rename one",
                shape.id
            )),
            Some(table) => {
                let list = if update(table, shape) { &mut changed } else { &mut same };
                list.push(shape.id.clone());
            }
            None if !shape.properties.contains_key("name") => {
                problems.push(format!("`{}` is new and has no property `name`, such as \"Shoes\"", shape.id));
            }
            None => {
                tables.push(added(shape));
                new.push(shape.id.clone());
            }
        }
    }
    let is_drawn = |id: &String| shapes.iter().any(|shape| shape.id == *id);
    let polygons = tables.iter().filter(|table| table.contains_key("polygon-m"));
    let kept = polygons.filter_map(|table| id(table)).filter(|id| !is_drawn(id)).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Imported { text: with_line_ends_of(zones, &document.to_string()), changed, new, same, kept, left_out })
}

fn parse(zones: &str) -> Result<DocumentMut, String> {
    zones.parse().map_err(|error: toml_edit::TomlError| format!("zones.toml cannot be read: {}", error.message()))
}

/// The zones, whichever way they are written.
fn tables(document: &DocumentMut) -> Vec<&dyn TableLike> {
    match document.get("zone") {
        Some(Item::ArrayOfTables(tables)) => tables.iter().map(|table| table as &dyn TableLike).collect(),
        Some(Item::Value(Value::Array(list))) => {
            list.iter().filter_map(Value::as_inline_table).map(|table| table as &dyn TableLike).collect()
        }
        _ => Vec::new(),
    }
}

fn id(zone: &dyn TableLike) -> Option<String> {
    zone.get("id").and_then(Item::as_str).map(str::to_owned)
}

fn corners(zone: &dyn TableLike) -> Option<Vec<(f64, f64)>> {
    let corner = |corner: &Value| {
        let corner = corner.as_array()?;
        Some((number(corner.get(0)?)?, number(corner.get(1)?)?))
    };
    let mut corners: Vec<_> = zone.get("polygon-m")?.as_array()?.iter().map(corner).collect::<Option<_>>()?;
    if corners.len() > 1 && corners.first() == corners.last() {
        corners.pop();
    }
    Some(counterclockwise(corners))
}

#[expect(clippy::cast_precision_loss, reason = "metres in a shop")]
fn number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|number| number as f64))
}

fn properties(zone: &dyn TableLike) -> Map<String, Json> {
    let given = KEYS.iter().filter_map(|key| Some(((*key).to_owned(), to_json(zone.get(key)?)?)));
    given.collect()
}

fn to_json(item: &Item) -> Option<Json> {
    match item {
        Item::Value(value) => Some(value_to_json(value)),
        Item::Table(table) => Some(table_to_json(table)),
        Item::None | Item::ArrayOfTables(_) => None,
    }
}

fn table_to_json(table: &dyn TableLike) -> Json {
    table.iter().filter_map(|(key, item)| Some((key.to_owned(), to_json(item)?))).collect()
}

fn value_to_json(value: &Value) -> Json {
    match value {
        Value::String(text) => text.value().as_str().into(),
        Value::Integer(number) => (*number.value()).into(),
        Value::Float(number) => (*number.value()).into(),
        Value::Boolean(flag) => (*flag.value()).into(),
        Value::Datetime(date) => date.value().to_string().into(),
        Value::Array(list) => list.iter().map(value_to_json).collect(),
        Value::InlineTable(table) => table_to_json(table),
    }
}

fn from_json(json: &Json) -> Value {
    match json {
        Json::String(text) => text.as_str().into(),
        Json::Bool(flag) => (*flag).into(),
        Json::Number(number) => number.as_i64().map_or_else(|| number.as_f64().unwrap_or_default().into(), Value::from),
        Json::Array(list) => Value::Array(list.iter().map(from_json).collect()),
        Json::Object(object) => Value::InlineTable(
            object.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key, from_json(value))).collect(),
        ),
        Json::Null => Value::InlineTable(InlineTable::new()),
    }
}

/// Whether they say the same: 5 is 5.0.
fn is_same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        _ => a == b,
    }
}

/// Whether they are the same outline, wherever it begins.
fn is_same_outline(a: &[(f64, f64)], b: &[(f64, f64)]) -> bool {
    let is_close = |((ax, ay), (bx, by)): (&(f64, f64), &(f64, f64))| {
        (ax - bx).abs() < FINEST_M / 2.0 && (ay - by).abs() < FINEST_M / 2.0
    };
    a.len() == b.len() && (0..b.len()).any(|begin| a.iter().zip(b.iter().cycle().skip(begin)).all(is_close))
}

fn list(corners: &[(f64, f64)]) -> Value {
    Value::Array(corners.iter().map(|(x, y)| Array::from_iter([*x, *y])).collect())
}

/// Edits what differs, and says whether anything did.
fn update(zone: &mut Table, shape: &Shape) -> bool {
    let mut is_changed = false;
    if !corners(zone).is_some_and(|corners| is_same_outline(&corners, &shape.corners)) {
        put(zone, "polygon-m", list(&shape.corners));
        is_changed = true;
    }
    for (key, json) in &shape.properties {
        if !zone.get(key).and_then(to_json).is_some_and(|old| is_same(&old, json)) {
            put(zone, key, from_json(json));
            is_changed = true;
        }
    }
    is_changed
}

/// Puts a value in its place, with the comments around it.
pub(in crate::config) fn put(table: &mut dyn TableLike, key: &str, new: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => replace(old, new),
        None => {
            table.insert(key, value(new));
        }
    }
}

/// `text` with line ends as `before` has them: an editor writes a file on Windows with its own throughout, and reading it
/// loses them.
pub(in crate::config) fn with_line_ends_of(before: &str, text: &str) -> String {
    let is_of_windows = before.contains("\r\n") && before.matches('\n').count() == before.matches("\r\n").count();
    if is_of_windows { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text.to_owned() }
}

/// Puts `new` in the place of `old` with the comments around it, and within a list those around what it holds.
fn replace(old: &mut Value, new: Value) {
    if let (Value::Array(old), Value::Array(new)) = (&mut *old, &new) {
        while old.len() > new.len() {
            old.remove(new.len());
        }
        for (index, item) in new.iter().enumerate() {
            match old.get_mut(index) {
                Some(place) => replace(place, item.clone()),
                None => old.push(item.clone()),
            }
        }
        return;
    }
    let decor = old.decor().clone();
    *old = new;
    *old.decor_mut() = decor;
}

fn added(shape: &Shape) -> Table {
    let mut zone = Table::new();
    zone.decor_mut().set_prefix("\n");
    zone.insert("id", value(shape.id.as_str()));
    if let Some(name) = shape.properties.get("name") {
        zone.insert("name", value(from_json(name)));
    }
    zone.insert("polygon-m", value(list(&shape.corners)));
    for (key, json) in shape.properties.iter().filter(|(key, _)| *key != "name") {
        zone.insert(key, value(from_json(json)));
    }
    zone
}
