//! `emma zones` as people and scripts meet it: a drawing out and in, and a file that is only touched when it was asked.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
#![allow(unreachable_pub, dead_code, reason = "the helpers' modules are shared by tests")]

#[path = "common/shipped.rs"]
mod shipped;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::{Value, json};
use shipped::Shop;

fn zones(shop: &Shop) -> String {
    fs::read_to_string(shop.path("config/zones.toml")).unwrap()
}

fn drawn(shop: &Shop) -> Value {
    let ended = shop.emma(&["zones", "export"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.err.contains("left out, for they have no outline: `till`"), "{}", ended.err);
    serde_json::from_str(&ended.out).unwrap()
}

#[test]
fn a_drawing_goes_out_and_comes_in_again() {
    let shop = Shop::drawn();
    let before = zones(&shop);
    let drawing = drawn(&shop);
    assert_eq!(drawing["plan-m"], json!([12.0, 8.0]));
    let same = shop.emma_with(&["zones", "import", "-"], &drawing.to_string());
    assert_eq!((same.code, same.out.as_str()), (0, before.as_str()), "{}", same.err);
    assert!(same.err.contains("as before: `jackets`, `shoes`"), "{}", same.err);
}

#[test]
fn only_write_writes_and_the_rest_stays() {
    let shop = Shop::drawn();
    let before = zones(&shop);
    let mut drawing = drawn(&shop);
    drawing["features"][1]["geometry"]["coordinates"] =
        json!([[[5.0, 2.0], [10.0, 2.0], [10.0, 8.0], [5.0, 8.0], [5.0, 2.0]]]);
    drawing["features"].as_array_mut().unwrap().remove(0);
    let file = shop.write("drawing.geojson", drawing.to_string());
    let printed = shop.emma(&["zones", "import", &file]);
    assert_eq!(printed.code, 0, "{}", printed.err);
    assert_eq!(zones(&shop), before, "nothing was asked to be written");
    assert_eq!(printed.out, before.replace("[5.0, 3.0], [10.0, 3.0]", "[5.0, 2.0], [10.0, 2.0]"));
    for line in ["changed: `shoes`", "not in the drawing, and kept: `jackets`"] {
        assert!(printed.err.contains(line), "{}", printed.err);
    }
    let path = shop.path("config/zones.toml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let written = shop.emma(&["zones", "import", "--write", &file]);
    assert_eq!((written.code, written.out.as_str()), (0, ""), "{}", written.err);
    assert!(written.err.contains("zones.toml is written"), "{}", written.err);
    assert_eq!(zones(&shop), printed.out);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(shop.path("config")).unwrap().count(), 5, "nothing lies about");
    let again = shop.emma(&["zones", "import", "--write", &file]);
    assert_eq!(again.code, 0);
    assert!(!again.err.contains("is written"), "{}", again.err);
}

#[test]
fn a_link_stays_a_link() {
    let shop = Shop::drawn();
    let path = shop.path("config/zones.toml");
    fs::rename(&path, shop.path("zones-of-the-chain.toml")).unwrap();
    symlink(shop.path("zones-of-the-chain.toml"), &path).unwrap();
    let mut drawing = drawn(&shop);
    drawing["features"][0]["properties"]["name"] = "Coats".into();
    let ended = shop.emma_with(&["zones", "import", "--write", "-"], &drawing.to_string());
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    assert!(fs::read_to_string(shop.path("zones-of-the-chain.toml")).unwrap().contains("name = \"Coats\""));
}

#[test]
fn a_drawing_with_an_error_changes_nothing() {
    let shop = Shop::drawn();
    let before = zones(&shop);
    let drawing = drawn(&shop);
    let with = |place: &str, value: Value| {
        let mut drawing = drawing.clone();
        *drawing.pointer_mut(place).unwrap() = value;
        shop.emma_with(&["zones", "import", "--write", "-"], &drawing.to_string())
    };
    for (ended, told) in [
        (with("/features/0/geometry/coordinates/0/1", json!([50.0, 0.0])), "outside the floor plan"),
        (with("/features/0/properties/categories", json!(["hats"])), "no category of offers.toml"),
        (with("/features/0/properties/id", json!("two words")), "cannot be an id"),
        (with("/features/0/properties/id", json!("shoes")), "two zones of the drawing are called `shoes`"),
        (with("/type", json!("Topology")), "no GeoJSON FeatureCollection"),
    ] {
        assert_eq!((ended.code, ended.out.as_str()), (65, ""), "{told}: {}", ended.err);
        assert!(ended.err.contains(told), "{told}: {}", ended.err);
        assert_eq!(zones(&shop), before, "{told}");
    }
    assert_eq!(shop.emma(&["zones", "import", &shop.text("missing")]).code, 66);
    shop.write("config/zones.toml", "[[zone]\n");
    assert_eq!(shop.emma(&["zones", "export"]).code, 78);
    assert_eq!(shop.emma_with(&["zones", "import", "-"], &drawing.to_string()).code, 65);
}
