//! How right the zones are in a real hall: the goals' table in full, the margin rule beside it. It needs the recordings
//! (`EMMA_SHARED`) and `gzip`.
//!
//! An answer is forced by taking the zone with the highest confidence, announced or not; `emma evaluate`, which knows the
//! timeline alone, takes the last that was entered.

#![expect(clippy::print_stdout, reason = "a table is printed")]

#[path = "../tests/common/hall_goals.rs"]
mod hall_goals;
#[path = "../tests/common/margin.rs"]
mod margin;
#[path = "../tests/common/near_goals.rs"]
mod near_goals;
#[path = "../tests/common/score.rs"]
mod score;
#[path = "../tests/common/tetam.rs"]
mod tetam;

use emma::gateway::zone::Floor;
use hall_goals::{Engine, Setup, Survey};
use margin::Margin;
use score::Score;
use tetam::{TRACKS, Tetam};

/// Gateways, zones, surveyed: the rows.
const ROWS: [(usize, usize, bool); 10] = [
    (12, 4, false),
    (12, 4, true),
    (12, 9, false),
    (12, 9, true),
    (8, 4, false),
    (8, 4, true),
    (6, 4, false),
    (6, 4, true),
    (4, 4, false),
    (4, 4, true),
];

fn main() {
    let Some(tetam) = Tetam::find("the table of the goals") else { return };
    let Some(resting) = tetam.resting() else { return };
    let walks: Vec<_> = TRACKS.map(|track| tetam.track(&format!("{track}_all_sensors.mbd"))).into();
    println!(
        "gateways, zones        likeliest zone all/>1.5 m   walking    at rest  flaps/min  delay s      error walking/rest  of sure entries"
    );
    for (gateways, zones, surveyed) in ROWS {
        let setup = Setup { gateways, zones, surveyed };
        let survey = surveyed.then(|| Survey::fit(setup, &tetam, &resting));
        let floor = Floor::new(&setup.config(&tetam, survey.as_ref()));
        let name = format!("{gateways}, {zones}, {}", if surveyed { "surveyed" } else { "generic" });
        row(&name, &setup.score(&walks, || Engine::new(&floor)), &setup.score(&resting, || Engine::new(&floor)));
        if !surveyed {
            let judge = || Margin::new(setup, &setup.sensors(&tetam));
            row("  margin rule", &setup.score(&walks, judge), &setup.score(&resting, judge));
        }
    }
    near_goals::print(&tetam, &walks, &resting);
}

fn row(name: &str, walking: &Score, resting: &Score) {
    let [all, far] = walking.forced();
    let (median, slow, missed) = walking.delay_s();
    let (right, entries) =
        [walking, resting].map(Score::sure_entries).into_iter().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    println!(
        "{name:22} {all:16.0} / {far:.0} {:11.0} @ {:.0} {:7.0} @ {:.0} {:8.2} {median:6.0} / {slow:.0} ({missed} never) {:8.3} / {:.3} {right:8} of {entries}",
        walking.precision(),
        walking.coverage(),
        resting.precision(),
        resting.coverage(),
        resting.flaps_a_minute(),
        walking.calibration_error(),
        resting.calibration_error(),
    );
}
