//! Floors, gateways and zones that somebody measured, typed or drew wrongly, and the sentence that each gets.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use emma::config::{Sources, check};

/// A shop of 21 by 18 m with three gateways and two zones.
const SITE: &str = "name = 'Bern'\ntime-zone = 'Europe/Zurich'\nfloor-plan = { width-m = 21.0, height-m = 18.0 }\n\
    [[gateway]]\nid = 'gw-till'\nposition-m = [3.0, 3.0]\n\
    [[gateway]]\nid = 'gw-shoes'\nposition-m = [10.0, 9.0]\n\
    [[gateway]]\nid = 'gw-bags'\nposition-m = [18.0, 15.0]\n";

const ZONES: &str = "[[zone]]\nid = 'shoes'\nname = 'Shoes'\npolygon-m = [[7, 6], [14, 6], [14, 12], [7, 12]]\n\
    [[zone]]\nid = 'bags'\nname = 'Bags'\npolygon-m = [[14, 12], [20, 12], [20, 17], [14, 17]]\n";

/// What is said of the shop once `from` reads `to`, of the floor alone.
fn told(from: &str, to: &str) -> Vec<String> {
    let change = |text: &str| text.replacen(from, to, 1);
    assert!(SITE.contains(from) || ZONES.contains(from), "{from}");
    let sources = Sources { site: change(SITE), zones: change(ZONES), offers: String::new(), ..Sources::shipped() };
    let problems = check(&sources).problems;
    problems
        .iter()
        .filter(|problem| ["site.toml", "zones.toml"].contains(&problem.file))
        .map(ToString::to_string)
        .collect()
}

/// Asserts that one problem is told, with this sentence, this severity and this hint.
#[track_caller]
fn says(from: &str, to: &str, what: &str, hint: &str) {
    let told = told(from, to);
    let is_it = |problem: &&String| problem.contains(what) && problem.contains(&format!("= {hint}"));
    assert!(told.iter().any(|problem| is_it(&problem)), "{what}\n{hint}\n{}", told.join("\n"));
}

#[test]
fn a_shop_that_is_drawn_rightly_has_no_error() {
    let told = told("Bern", "Thun");
    assert!(!told.iter().any(|problem| problem.contains("error:")), "{told:?}");
}

#[test]
fn a_plan_in_the_wrong_unit_is_asked_about() {
    let width = "width-m = 21.0";
    says(width, "width-m = 21000", "error: a shop 21 km across: are these millimetres?", "write metres");
    says(width, "width-m = 2100", "error: a shop 2 km across: are these centimetres?", "write metres");
    says(width, "width-m = 800", "warning: a shop 800 m across: are these centimetres?", "write metres; if it truly");
    says(width, "width-m = 0.021", "error: a shop 0.021 m across is none", "write metres");
    says(width, "width-m = -21", "error: `width-m` cannot be -21", "write a number from 0 up");
    says(width, "width-m = nan", "error: `width-m` cannot be NaN", "write a number from 0 up");
    says(width, "width = 21", "error: `floor-plan` needs `width-m`", "write `width-m = 12.0`");
}

#[test]
fn a_gateway_outside_the_plan_is_told_what_was_probably_meant() {
    let place = "[10.0, 9.0]";
    let outside = |numbers: &str| format!("error: {numbers} is outside the floor plan");
    says(place, "[22, 9]", &outside("[22, 9]"), "the plan goes from [0, 0] to [21, 18]");
    says(
        place,
        "[17, 19.5]",
        &outside("[17, 19.5]"),
        "the plan goes from [0, 0] to [21, 18]: are the two numbers the wrong",
    );
    says(
        place,
        "[10, -9]",
        &outside("[10, -9]"),
        "the plan goes from [0, 0] to [21, 18]: the second number counts into",
    );
    says(
        place,
        "[1000, 900]",
        &outside("[1000, 900]"),
        "the plan goes from [0, 0] to [21, 18]: are these centimetres?",
    );
    says(
        place,
        "[10000, 9000]",
        "error: [10000, 9000] is 10 km away from the plan's corner: are these millimetres?",
        "write metres",
    );
    says(place, "[10.0]", "error: a point of `position-m` has 1 numbers", "write `[x, y]` in metres");
}

#[test]
fn a_gateway_that_was_copied_is_noticed() {
    says(
        "[10.0, 9.0]",
        "[3.0, 3.0]",
        "warning: `gw-shoes` hangs where `gw-till` does: at [3, 3]",
        "measure where each",
    );
    says(
        "'gw-shoes'",
        "'gw-till'",
        "error: another gateway is called `gw-till` already in line 5",
        "give each its own id",
    );
}

#[test]
fn missing_positions_are_told() {
    says(
        "position-m = [10.0, 9.0]\n",
        "",
        "warning: `gw-shoes` has no position, so it says nothing about the polygons of zones.toml",
        "write `position-m = [x, y]`",
    );
    says(
        "floor-plan = { width-m = 21.0, height-m = 18.0 }\n",
        "",
        "warning: zones are drawn, and nothing says how large the floor is",
        "write `floor-plan = { width-m = 12.0, height-m = 8.0 }`",
    );
}

#[test]
fn a_wrong_floor_is_not_said_to_be_missing() {
    let told = told("width-m = 21.0", "width-m = 21000").join("\n");
    assert!(told.contains("a shop 21 km across") && !told.contains("nothing says how large"), "{told}");
}

#[test]
fn what_is_no_number_is_told_without_three_hundred_digits() {
    says("[10.0, 9.0]", "[nan, 9.0]", "error: `position-m` cannot be NaN", "write a number with digits, such as 2.5");
}

#[test]
fn a_polygon_that_is_none_is_told_where() {
    let shoes = "[[7, 6], [14, 6], [14, 12], [7, 12]]";
    says(
        shoes,
        "[[7, 6], [14, 12], [14, 6], [7, 12]]",
        "error: the edge from [7, 6] to [14, 12] crosses the edge from [14, 6] to [7, 12]",
        "name the corners in order, walking along the edge of the zone",
    );
    says(
        shoes,
        "[[7, 6], [14, 6], [10, 6], [10, 12]]",
        "error: at the corner [14, 6] the edge turns back",
        "leave that corner out",
    );
    says(shoes, "[[7, 6], [14, 6]]", "error: a polygon has at least 3 corners, not 2", "name the corners in order");
    says(
        shoes,
        "[[7, 6], [9, 6], [14, 6]]",
        "error: the corners lie on one line: the zone has no area",
        "name the corners",
    );
    says(
        shoes,
        "[[0.007, 0.006], [0.014, 0.006], [0.014, 0.012]]",
        "error: the zone is smaller than a hand",
        "write metres",
    );
    says(shoes, "[[7, 6], [14], [14, 12]]", "error: a point of `polygon-m` has 1 numbers", "write `[x, y]` in metres");
    says(shoes, "'7,6 14,6'", "error: `polygon-m` is a text", "write a list in square brackets");
    let many: Vec<String> = (0..120).map(|n| format!("[{}, {}]", 7.0 + f64::from(n) / 20.0, 6 + n % 2)).collect();
    says(shoes, &format!("[{}]", many.join(", ")), "error: a polygon with 120 corners", "100 are enough for any zone");
}

#[test]
fn a_polygon_may_go_either_way_round() {
    let shoes = "[[7, 6], [14, 6], [14, 12], [7, 12]]";
    for same in ["[[7, 12], [14, 12], [14, 6], [7, 6]]", "[[7, 6], [14, 6], [14, 6], [14, 12], [7, 12], [7, 6]]"] {
        assert_eq!(told(shoes, same).len(), told("Bern", "Thun").len(), "{same}");
    }
}

#[test]
fn a_polygon_outside_the_plan_is_told_what_was_probably_meant() {
    let shoes = "[[7, 6], [14, 6], [14, 12], [7, 12]]";
    let plan = "the plan goes from [0, 0] to [21, 18]";
    let outside = |corner: &str| format!("error: the corner {corner} is outside the floor plan");
    says(shoes, "[[7, 6], [22, 6], [22, 12], [7, 12]]", &outside("[22, 6]"), plan);
    says(
        shoes,
        "[[700, 600], [900, 600], [900, 900], [700, 900]]",
        &outside("[700, 600]"),
        &format!("{plan}: are these centimetres?"),
    );
    says(shoes, "[[7, -6], [7, -12], [14, -12]]", &outside("[7, -6]"), &format!("{plan}: the second number counts"));
    says(
        shoes,
        "[[7000, 6000], [14000, 6000], [14000, 12000]]",
        "error: [7000, 6000] is 7 km away from the plan's corner: are these millimetres?",
        "write metres",
    );
}

#[test]
fn zones_that_cannot_be_told_apart_are_noticed() {
    says(
        "id = 'bags'",
        "id = 'shoes'",
        "error: another zone is called `shoes` already in line 2",
        "give each its own id",
    );
    let bags = "[[14, 12], [20, 12], [20, 17], [14, 17]]";
    says(
        bags,
        "[[7, 12], [14, 12], [14, 6], [7, 6]]",
        "warning: `bags` is the same area as `shoes`",
        "nobody can be told",
    );
    says(
        bags,
        "[[12, 10], [20, 10], [20, 17], [12, 17]]",
        "warning: `bags` and `shoes` overlap by 4.0 m²",
        "let them touch",
    );
}
