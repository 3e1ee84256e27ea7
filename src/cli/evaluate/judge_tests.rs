//! Timelines and truths whose score can be told by hand.

use super::*;
use crate::cli::evaluate::score::ZoneScore;
use crate::cli::evaluate::truth;
use crate::config::{Name, Sources, check};

/// Microseconds of a Wednesday in 2022, and some seconds.
fn at(secs: i64) -> i64 {
    (1_668_027_000 + secs) * SECOND_US
}

/// `west` and `east` meet at x = 5 in a plan of 12 by 8 m; behind x = 10 is no zone.
fn ground() -> Ground {
    let zones = "\
        [[zone]]\nid = 'west'\nname = 'West'\npolygon-m = [[0, 0], [5, 0], [5, 8], [0, 8]]\n\
        [[zone]]\nid = 'east'\nname = 'East'\npolygon-m = [[5, 0], [10, 0], [10, 8], [5, 8]]\n\
        [[zone]]\nid = 'till'\nname = 'Till'\nnear = 'gw-till'\n";
    Ground::new(&check(&Sources { zones: zones.into(), offers: String::new(), ..Sources::shipped() }).config.unwrap())
}

const WEST: usize = 0;
const EAST: usize = 1;
const TILL: usize = 2;

fn track(lines: &str) -> Track {
    let zones: [Name; 3] = ["west".into(), "east".into(), "till".into()];
    truth::read(&format!("t,x_m,y_m,zone,rest\n{lines}"), &zones).unwrap().remove(&None).unwrap()
}

/// Half a minute in the west, half a minute in the east, each far from the edge, with `rest`.
fn there_and_here(rest: bool) -> Track {
    track(&format!("{},2,2,,{rest}\n{},8,2,,{rest}\n{},8,2,,{rest}\n", at(0), at(30), at(60)))
}

fn said(lines: &[(i64, Said)]) -> Vec<Line> {
    lines.iter().map(|(secs, said)| Line { t_us: at(*secs), said: *said }).collect()
}

fn score(track: &Track, lines: &[(i64, Said)]) -> Score {
    let mut score = Score { zones: vec![ZoneScore::default(); 3], ..Score::default() };
    assert!(judge(&ground(), track, &said(lines), (at(0), at(1_000)), &mut score));
    score
}

#[test]
fn a_perfect_timeline_scores_everything() {
    let score = score(&there_and_here(false), &[(2, Said::Entered(WEST, 1.0)), (30, Said::Entered(EAST, 1.0))]);
    // From second 10 to second 60, both included.
    assert_eq!((score.all.secs, score.walking.secs, score.at_rest.secs), (51, 51, 0));
    assert_eq!((score.all.precision(), score.all.coverage()), (Some(1.0), Some(1.0)));
    assert_eq!((score.all.forced_share(), score.all.forced_far_share()), (Some(1.0), Some(1.0)));
    assert_eq!((score.moves, score.delays_secs.as_slice(), score.stays, score.stays_announced), (1, &[0][..], 2, 2));
    assert_eq!((score.all.at_90(), score.all.calibration_error()), ((2, Some(1.0)), Some(0.0)));
    assert_eq!((score.zones[WEST].right, score.zones[EAST].right), (20, 31));
}

#[test]
fn a_wrong_timeline_scores_nothing() {
    let score = score(&there_and_here(false), &[(2, Said::Entered(EAST, 0.9)), (29, Said::Entered(WEST, 0.9))]);
    // The second 29 is west, and so it is announced; all others are wrong.
    assert_eq!((score.all.right_secs, score.all.announced_secs, score.all.secs), (1, 51, 51));
    assert_eq!((score.moves, score.delays_secs.len()), (1, 0), "a move that is never announced has no delay");
    assert_eq!((score.stays, score.stays_announced), (2, 1));
}

#[test]
fn what_is_not_announced_costs_coverage_and_never_precision() {
    let lines = [(2, Said::Entered(WEST, 0.8)), (20, Said::Unsure), (25, Said::Sure(WEST, 0.85)), (35, Said::Left)];
    let score = score(&there_and_here(false), &lines);
    // Right in 10 to 19 and 25 to 29, wrong in 30 to 34, silent in the other 31.
    assert_eq!((score.all.right_secs, score.all.announced_secs), (15, 20));
    assert_eq!((score.all.precision(), score.all.coverage()), (Some(0.75), Some(20.0 / 51.0)));
    // Forced, the last zone entered is the answer: the west, true for 20 of 51 seconds.
    assert_eq!(score.all.forced_share(), Some(20.0 / 51.0));
    // `sure` is said with a confidence as well, and what is said in the first seconds counts: both rightly.
    assert!((score.all.calibration_error().unwrap() - 0.175).abs() < 1e-9);
}

#[test]
fn a_delay_runs_from_the_true_move_to_the_first_second_that_tells_it() {
    let score = score(&there_and_here(false), &[(2, Said::Entered(WEST, 0.8)), (37, Said::Entered(EAST, 0.8))]);
    assert_eq!(score.delays_secs, [7]);
    let brush = track(&format!("{},2,2,,\n{},6,2,,\n{},2,2,,\n{},2,2,,\n", at(0), at(20), at(22), at(40)));
    let score = self::score(&brush, &[(2, Said::Entered(WEST, 0.8))]);
    assert_eq!((score.moves, score.delays_secs.as_slice()), (2, &[0][..]), "there, untold, and back, never gone");
}

#[test]
fn only_entries_at_rest_after_the_first_are_flaps() {
    let walk = [(2, Said::Entered(WEST, 0.8)), (32, Said::Entered(EAST, 0.8))];
    assert_eq!(score(&there_and_here(true), &walk).at_rest.flaps, 0, "a first entry is none, and a move has its own");
    let restless = [
        (2, Said::Entered(WEST, 0.8)),
        (15, Said::Left),
        (18, Said::Entered(WEST, 0.8)),
        (20, Said::Entered(EAST, 0.8)),
        (33, Said::Unsure),
        (36, Said::Sure(EAST, 0.8)),
    ];
    let score = score(&there_and_here(true), &restless);
    assert_eq!((score.at_rest.flaps, score.all.flaps, score.walking.secs), (2, 2, 0));
    assert_eq!(self::score(&there_and_here(false), &restless).all.flaps, 0, "walking, nothing is a flap");
}

#[test]
fn beyond_all_zones_whatever_is_announced_is_wrong() {
    let outside = track(&format!("{},11,2,,\n{},11,2,,\n", at(0), at(29)));
    let score = score(&outside, &[(15, Said::Entered(EAST, 0.8))]);
    assert_eq!((score.all.precision(), score.all.coverage(), score.all.forced_share()), (Some(0.0), None, None));
    assert_eq!((score.moves, score.stays), (0, 0));
}

#[test]
fn near_an_edge_is_counted_apart() {
    let edge = track(&format!("{},4,2,,\n{},4,2,,\n", at(0), at(29)));
    let score = score(&edge, &[(2, Said::Entered(WEST, 0.8))]);
    assert_eq!((score.all.forced_share(), score.all.forced_far_share()), (Some(1.0), None));
}

#[test]
fn a_near_zone_is_judged_by_a_truth_that_names_zones() {
    let lines = [(2, Said::Entered(TILL, 1.0))];
    let point = track(&format!("{},2,2,,\n{},2,2,,\n", at(0), at(29)));
    let unjudged = score(&point, &lines);
    assert_eq!((unjudged.all.secs, unjudged.unjudged_secs), (0, 20));
    let named = track(&format!("{},,,till,\n{},,,,\n{},,,,\n", at(0), at(20), at(29)));
    let score = score(&named, &lines);
    assert_eq!((score.all.right_secs, score.all.announced_secs, score.unjudged_secs), (10, 20, 0));
    assert_eq!((score.all.at_90().0, score.walking.secs, score.at_rest.secs), (0, 0, 0), "no confidence, no motion");
}

#[test]
fn only_what_both_tell_of_is_compared() {
    let mut score = Score { zones: vec![ZoneScore::default(); 3], ..Score::default() };
    let track = there_and_here(false);
    assert!(!judge(&ground(), &track, &[], (at(-500), at(9)), &mut score), "less than ten seconds");
    assert!(!judge(&ground(), &track, &[], (at(61), at(900)), &mut score), "the truth is over");
    assert!(judge(&ground(), &track, &[], (at(40), at(55)), &mut score));
    assert_eq!((score.all.secs, score.all.coverage()), (6, Some(0.0)));
}
