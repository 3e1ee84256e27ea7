//! Drawings out and in, and what is said of those that are none.

use serde_json::{Value as Json, json};

use super::*;
use crate::config::{Sources, check};

const ZONES: &str = r#"# The manager's own words.
enter-after = "3s"

[[zone]]
id = "shoes" # where the benches are
name = { de = "Schuhe", en = "Shoes" }
polygon-m = [
  [0, 0], # by the door
  [4, 0],
  [4.0, 3.0],
  [0.0, 3.0],
]
categories = ["shoes"]

[[zone]]
id = "till"
name = "Till"
near = "gw-till"   # the one on the counter

[[zone]]
id = "bags"
name = "Bags"
polygon-m = [[0, 4], [0, 8], [4, 8], [4, 4], [0, 4]]
sensitive = true
leave-after = "60s"
# Nothing below.
"#;

fn exported() -> Json {
    let (text, left_out) = export(ZONES, Some((12.0, 8.0))).unwrap();
    assert_eq!(left_out, ["till"]);
    serde_json::from_str(&text).unwrap()
}

/// A drawing of one feature with these properties and this ring.
fn drawing(properties: &Json, ring: &Json) -> String {
    let geometry = json!({"type": "Polygon", "coordinates": [ring]});
    json!({"type": "FeatureCollection", "features": [{"type": "Feature", "properties": properties, "geometry": geometry}]})
        .to_string()
}

fn square(x: f64) -> Json {
    json!([[x, 0.0], [x + 2.0, 0.0], [x + 2.0, 2.0], [x, 2.0], [x, 0.0]])
}

#[test]
fn a_drawing_is_geojson_in_metres_and_says_so() {
    let drawing = exported();
    assert_eq!(drawing["type"], "FeatureCollection");
    assert!(drawing["coordinates-in"].as_str().unwrap().starts_with("metres on the floor plan"));
    assert_eq!(drawing["plan-m"], json!([12.0, 8.0]));
    let bags = &drawing["features"][1];
    assert_eq!(bags["properties"], json!({"id": "bags", "name": "Bags", "sensitive": true, "leave-after": "60s"}));
    // Counterclockwise and closed, as RFC 7946 wants it, whichever way it was written.
    assert_eq!(bags["geometry"]["coordinates"], json!([[[4.0, 4.0], [4.0, 8.0], [0.0, 8.0], [0.0, 4.0], [4.0, 4.0]]]));
    assert_eq!(drawing["features"][0]["properties"]["name"], json!({"de": "Schuhe", "en": "Shoes"}));
}

#[test]
fn what_comes_back_as_it_went_changes_no_byte() {
    let imported = import(ZONES, &exported().to_string()).unwrap();
    assert_eq!(imported.text, ZONES);
    assert_eq!((imported.same.len(), imported.changed.len(), imported.new.len()), (2, 0, 0));
    let shipped = Sources::shipped();
    let (text, _) = export(&shipped.zones, None).unwrap();
    assert_eq!(import(&shipped.zones, &text).unwrap().text, shipped.zones);
}

#[test]
fn the_whole_drawing_survives_an_empty_file() {
    let drawing = exported();
    let imported = import("", &drawing.to_string()).unwrap();
    assert_eq!(imported.new, ["shoes", "bags"]);
    let (again, _) = export(&imported.text, Some((12.0, 8.0))).unwrap();
    assert_eq!(serde_json::from_str::<Json>(&again).unwrap(), drawing);
}

#[test]
fn an_edit_touches_what_it_says_and_nothing_else() {
    let mut drawing = exported();
    drawing["features"][0]["geometry"]["coordinates"][0][1] = json!([4.999_999_9, 0.0]);
    drawing["features"][0]["properties"]["categories"] = Json::Null;
    drawing["features"][0]["properties"]["fid"] = json!(1);
    drawing["features"][1]["properties"]["sensitive"] = json!(false);
    let imported = import(ZONES, &drawing.to_string()).unwrap();
    let expected = ZONES
        .replace("  [0, 0], # by the door\n  [4, 0],", "  [0.0, 0.0], # by the door\n  [5.0, 0.0],")
        .replace("sensitive = true", "sensitive = false");
    assert_eq!(imported.text, expected);
    assert_eq!((imported.changed.len(), imported.left_out.len()), (2, 1));
}

#[test]
fn a_polygon_may_gain_and_lose_corners() {
    let grown = json!([[0, 0], [4, 0], [5, 1], [4, 3], [0, 3], [0, 0]]);
    let text = import(ZONES, &drawing(&json!({"id": "shoes"}), &grown)).unwrap().text;
    assert!(text.contains("# by the door") && text.contains("[5.0, 1.0]"), "{text}");
    let shrunk = json!([[0, 0], [4, 0], [0, 3]]);
    let imported = import(&text, &drawing(&json!({"id": "shoes"}), &shrunk)).unwrap();
    assert!(imported.text.contains("# by the door") && !imported.text.contains("[5.0, 1.0]"), "{}", imported.text);
    assert_eq!(imported.kept, ["bags"], "what is not drawn stays");
    let (again, _) = export(&imported.text, None).unwrap();
    let again: Json = serde_json::from_str(&again).unwrap();
    assert_eq!(again["features"][0]["geometry"]["coordinates"][0].as_array().unwrap().len(), 4);
}

#[test]
fn a_new_zone_comes_last_and_is_one() {
    let shipped = Sources::shipped();
    let new =
        drawing(&json!({"id": "bags", "name": {"de": "Taschen", "en": "Bags"}, "categories": ["shoes"]}), &square(8.0));
    let imported = import(&shipped.zones, &new).unwrap();
    assert_eq!((imported.new, imported.kept), (vec!["bags".to_owned()], vec![]), "none of the shop's own is drawn");
    assert!(imported.text.contains(
        "\n[[zone]]\nid = \"bags\"\nname = { de = \"Taschen\", en = \"Bags\" }\n\
         polygon-m = [[8.0, 0.0], [10.0, 0.0], [10.0, 2.0], [8.0, 2.0]]\ncategories = [\"shoes\"]\n"
    ));
    let config = check(&Sources { zones: imported.text, ..shipped }).config.unwrap();
    assert_eq!(
        config.zones.zones.iter().map(|zone| &*zone.id).collect::<Vec<_>>(),
        ["jackets", "shoes", "till", "bags"]
    );
}

#[test]
fn what_is_no_zone_is_told_in_sentences() {
    let bags = json!({"id": "bags", "name": "Bags"});
    let told = |drawing: &str| import(ZONES, drawing).unwrap_err().join("; ");
    let of = |properties: &Json, geometry: &Json| {
        let feature = json!({"type": "Feature", "properties": properties, "geometry": geometry});
        told(&json!({"type": "FeatureCollection", "features": [feature]}).to_string())
    };
    for (said, wanted) in [
        (told("<kml>"), "the drawing is no JSON: "),
        (told("{}"), "the drawing is no GeoJSON FeatureCollection"),
        (told(&drawing(&json!({"name": "Bags"}), &square(1.0))), "zone 1 of the drawing: it has no property `id`"),
        (
            told(&drawing(&json!({"id": "a\u{1b}b"}), &square(1.0))),
            "zone 1 of the drawing: `a b` cannot be an id: an id is",
        ),
        (told(&drawing(&json!({"id": "hats"}), &square(1.0))), "`hats` is new and has no property `name`"),
        (told(&drawing(&json!({"id": "till"}), &square(1.0))), "`till` is what a gateway hears well (`near`)"),
        (
            told(&drawing(&bags, &json!([[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]))),
            "`bags`: the edge from [0, 0] to [2, 2] crosses the edge from [2, 0] to [0, 2]: name the corners in order",
        ),
        (
            told(&drawing(&bags, &json!([[7.4474, 46.948], [7.4475, 46.948], [7.4475, 46.949], [7.4474, 46.948]]))),
            "`bags`: the zone is smaller than a hand: are these degrees, or kilometres?: write metres",
        ),
        (told(&drawing(&bags, &json!([[0, 0], [1e308, 0], [1e308, 7000]]))), "`bags`: [1000"),
        (of(&bags, &json!({"type": "Point", "coordinates": [1, 1]})), "`bags`: it is a Point, and a zone is a polygon"),
        (of(&bags, &Json::Null), "`bags`: it has no outline"),
        (of(&bags, &json!({"type": "Polygon", "coordinates": [square(0.0), square(0.5)]})), "`bags`: it has a hole"),
        (of(&bags, &json!({"type": "Polygon", "coordinates": [[["0", 0]]]})), "`bags`: its corners are not pairs"),
        (
            of(&bags, &json!({"type": "MultiPolygon", "coordinates": [[square(0.0)], [square(5.0)]]})),
            "`bags`: it has several parts: draw each as a zone of its own",
        ),
    ] {
        assert!(said.starts_with(wanted), "{wanted}\n{said}");
    }
    let mut twice = exported();
    twice["features"][1]["properties"]["id"] = json!("shoes");
    assert_eq!(told(&twice.to_string()), "two zones of the drawing are called `shoes`: give each its own id");
    let one = json!({"type": "MultiPolygon", "coordinates": [[square(0.0)]]});
    let feature = json!({"type": "Feature", "id": 7, "properties": {"name": "Seven"}, "geometry": one});
    let drawing = json!({"type": "FeatureCollection", "features": [feature]}).to_string();
    assert_eq!(import(ZONES, &drawing).unwrap().new, ["7"], "one part is a polygon, and a feature's own id is one");
}

#[test]
fn every_key_of_a_polygon_can_be_drawn() {
    let zones = "[[zone]]\nid = 'a'\nname = 'A'\npolygon-m = [[0, 0], [2, 0], [2, 2]]\nqqqqqqqqqqqq = 1\n";
    let problems = check(&Sources { zones: zones.into(), ..Sources::shipped() }).problems;
    let hint = &problems.iter().find(|problem| problem.what.contains("qqq")).unwrap().hint;
    let known: Vec<&str> = hint.split('`').skip(1).step_by(2).collect();
    let of_near = ["near", "reach", "enter-dbm", "leave-dbm"];
    for key in known.iter().filter(|key| !of_near.contains(key) && !["id", "polygon-m"].contains(key)) {
        assert!(KEYS.contains(key), "`{key}` is a key of a polygon, and is lost in a drawing: add it to KEYS");
    }
    assert!(KEYS.iter().all(|key| known.contains(key)), "{known:?}");
}

#[test]
fn a_damaged_drawing_is_refused_or_read_and_never_worse() {
    let (text, _) = export(ZONES, None).unwrap();
    let damaged = |at: usize, byte: u8| {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = byte;
        String::from_utf8(bytes).ok()
    };
    let drawings = (0..text.len()).flat_map(|at| b"\"]{}-9e\0".iter().filter_map(move |byte| damaged(at, *byte)));
    let (mut read, mut refused) = (0, 0);
    for drawing in drawings.chain((0..text.len()).filter_map(|end| Some(text.get(..end)?.to_owned()))) {
        match import(ZONES, &drawing) {
            Ok(imported) => {
                read += 1;
                assert!(export(&imported.text, None).is_ok(), "what comes of it is TOML: {drawing}");
            }
            Err(problems) => {
                refused += 1;
                assert!(!problems.is_empty() && problems.iter().all(|problem| !problem.contains(char::is_control)));
            }
        }
    }
    assert!(read > 100 && refused > 1_000, "{read} {refused}");
}
