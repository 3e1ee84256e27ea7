//! `near` zones in a real hall and in made-up ones: pockets, metal shelves, bodies, devices that speak rarely.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/chance.rs"]
mod chance;
#[path = "common/hall_goals.rs"]
mod hall_goals;
#[path = "common/near_goals.rs"]
mod near_goals;
#[path = "common/score.rs"]
mod score;
#[allow(dead_code, reason = "only its configuration is used")]
#[path = "common/shop.rs"]
mod shop;
#[path = "common/tetam.rs"]
mod tetam;

use chance::Chance;
use emma::gateway::advertisement::GatewayIndex;
use emma::gateway::zone::{Floor, Move, Whereabouts};
use near_goals::{NearScore, REACHES, Reach, shops};
use shop::Shop;
use tetam::{Reading, TRACKS, Tetam};

/// How many made-up shoppers each case has; each has a channel of its own.
const SHOPPERS: u64 = 200;

/// A shop whose zones are `near` these many Pis, each with the reach of an aisle: -65 dBm in, -73 dBm out.
fn aisles(pis: u16) -> Floor {
    let ids = || (0..pis).map(|pi| format!("pi-{pi}"));
    let zone = |id: String| format!("[[zone]]\nid = 'at-{id}'\nname = 'Z'\nnear = '{id}'\n");
    let shop = Shop {
        gateways: ids().map(|id| (id, (0.0, 0.0))).collect(),
        zones: ids().map(zone).collect(),
        offers: String::new(),
        promise: "[caps]\ncustomer = [{ at-most = 2, per = '1d' }]\n".into(),
    };
    Floor::new(&shop.config())
}

/// The level at so many metres of a device that says it transmits -59 dBm at 1 m.
fn level_dbm(metres: f64) -> f64 {
    -59.0 - 20.0 * metres.log10()
}

/// What a channel without a direct path adds to its median, which is 1.6 dB below its mean power.
fn rayleigh_db(chance: &mut Chance) -> f64 {
    let even = (f64::from(u32::try_from(chance.below(1_000_000)).unwrap()) + 1.0) / 1_000_001.0;
    10.0 * (-even.ln()).log10() + 1.6
}

/// What is announced of one device.
#[derive(Default)]
struct Told {
    entered_at_s: Vec<(u64, usize)>,
    left_at_s: Vec<u64>,
}

/// Says what each Pi hears at each of these times, in milliseconds.
fn told(floor: &Floor, times_ms: impl Iterator<Item = u64>, mut heard: impl FnMut(u64, u16) -> f64, pis: u16) -> Told {
    let (mut whereabouts, mut told) = (Whereabouts::default(), Told::default());
    for at_ms in times_ms {
        let now_us = (at_ms + 60_000) * 1_000;
        let mut moves = Vec::new();
        while let Some(due_us) = whereabouts.due_us(floor).filter(|due_us| *due_us <= now_us) {
            moves.extend(whereabouts.tick(floor, due_us));
        }
        for pi in 0..pis {
            moves.extend(whereabouts.hear(floor, GatewayIndex(pi), heard(at_ms, pi), now_us));
        }
        for step in moves {
            match step {
                Move::Entered(zone, _) => told.entered_at_s.push((at_ms / 1_000, zone)),
                Move::Left(_) => told.left_at_s.push(at_ms / 1_000),
                Move::Unsure(..) | Move::Sure(..) => {}
            }
        }
    }
    told
}

fn every(ms: u64, minutes: u64) -> impl Iterator<Item = u64> {
    (0..minutes * 60_000 / ms).map(move |n| n * ms)
}

#[test]
fn a_body_that_turns_moves_nobody_who_stands_still() {
    let floor = aisles(1);
    let body_db = |at_ms: u64| if at_ms / 1_000 % 30 < 5 { 10.0 } else { 0.0 };
    let told = told(&floor, every(1_000, 30), |at_ms, _| level_dbm(1.2) - body_db(at_ms + 10_000), 1);
    assert_eq!((told.entered_at_s.as_slice(), told.left_at_s.len()), (&[(5, 0)][..], 0));
}

#[test]
fn a_body_that_turns_moves_nobody_into_the_wider_zone_around() {
    let near = |reach: &str| format!("[[zone]]\nid = '{reach}'\nname = 'Z'\nnear = 'pi-0'\nreach = '{reach}'\n");
    let around = "[[zone]]\nid = 'shop'\nname = 'Z'\npolygon-m = [[0, 0], [20, 0], [20, 12], [0, 12]]\n";
    let places = [(10.0, 6.0), (1.0, 1.0), (19.0, 1.0), (1.0, 11.0), (19.0, 11.0)];
    for zones in [near("aisle") + &near("department"), near("aisle") + around] {
        let shop = Shop {
            gateways: (0..).zip(places).map(|(pi, place)| (format!("pi-{pi}"), place)).collect(),
            zones,
            offers: String::new(),
            promise: "[caps]\ncustomer = [{ at-most = 2, per = '1d' }]\n".into(),
        };
        let floor = Floor::new(&shop.config());
        let at = |(x, y): (f64, f64), pi: u16| {
            let (pi_x, pi_y): (f64, f64) = places[usize::from(pi)];
            level_dbm((x - pi_x).hypot(y - pi_y))
        };
        let body_db = |at_ms: u64, pi| if pi == 0 && at_ms / 1_000 % 30 >= 25 { 14.0 } else { 0.0 };
        let rests = told(&floor, every(1_000, 30), |at_ms, pi| at((11.5, 6.0), pi) - body_db(at_ms, pi), 5);
        let narrow = rests.entered_at_s.iter().filter(|(_, zone)| *zone == 0).count();
        assert_eq!((narrow, rests.entered_at_s.last().unwrap().1), (1, 0), "{:?}", rests.entered_at_s);
        // Whoever walks off is told to be in the wider zone a few seconds later.
        let place = |at_ms| if at_ms < 60_000 { (11.5, 6.0) } else { (4.0, 3.0) };
        let left = told(&floor, every(1_000, 2), |at_ms, pi| at(place(at_ms), pi), 5);
        let &(at_s, zone) = left.entered_at_s.last().unwrap();
        assert!(zone == 1 && (65..80).contains(&at_s), "{:?}", left.entered_at_s);
    }
}

#[test]
fn a_phone_that_goes_into_a_pocket_stays_where_it_is() {
    let floor = aisles(1);
    for seed in 0..SHOPPERS {
        let mut chance = Chance(seed);
        let pocket_db = |at_ms| if at_ms > 20_000 { 10.0 } else { 0.0 };
        let heard = |at_ms, _| level_dbm(1.3) - pocket_db(at_ms) + rayleigh_db(&mut chance);
        let told = told(&floor, every(500, 10), heard, 1);
        assert!(told.left_at_s.is_empty() || told.entered_at_s.is_empty(), "{seed}: {:?}", told.left_at_s);
    }
}

#[test]
fn a_phone_in_a_pocket_is_found_at_the_pi_and_by_nobody_across_the_shop() {
    let floor = aisles(1);
    let pocket = |metres| told(&floor, every(1_000, 5), |_, _| level_dbm(metres) - 10.0, 1).entered_at_s.len();
    assert_eq!((pocket(0.6), pocket(3.0)), (1, 0));
}

/// Of the shoppers at this distance among metal shelves, in a hundred: found within 15 s, ever, and flaps a minute.
fn among_shelves(metres: f64, times_ms: impl Fn() -> Vec<u64>) -> (u64, u64, f64) {
    let floor = aisles(1);
    let (mut soon, mut ever, mut flaps, mut minutes) = (0, 0, 0, 0.0);
    for seed in 0..SHOPPERS {
        let mut chance = Chance(seed);
        let told = told(&floor, times_ms().into_iter(), |_, _| level_dbm(metres) + rayleigh_db(&mut chance), 1);
        soon += u64::from(told.entered_at_s.first().is_some_and(|(at_s, _)| *at_s <= 15));
        ever += u64::from(!told.entered_at_s.is_empty());
        flaps += told.entered_at_s.len().saturating_sub(1);
        minutes += 5.0;
    }
    (soon * 100 / SHOPPERS, ever * 100 / SHOPPERS, f64::from(u32::try_from(flaps).unwrap()) / minutes)
}

#[test]
fn metal_shelves_hide_nobody_who_is_near_and_bring_nobody_who_is_far() {
    let twice_a_second = || every(500, 5).collect();
    let once_in_two = || every(2_000, 5).collect();
    // Four packets in 90 ms, then nothing for three seconds.
    let bursts = || every(3_000, 5).flat_map(|at_ms| (0..4).map(move |n| at_ms + n * 30)).collect();
    for (what, times_ms) in
        [("2 Hz", &twice_a_second as &dyn Fn() -> Vec<u64>), ("0.5 Hz", &once_in_two), ("bursts", &bursts)]
    {
        let near = among_shelves(1.0, times_ms);
        let far = among_shelves(6.0, times_ms);
        eprintln!("{what}: near {near:?}, far {far:?}");
        assert!(near.0 >= 85 && near.1 >= 99, "{what}: found soon, and at all: {near:?}");
        assert!(near.2 <= 0.02, "{what}: {near:?}");
        assert!(far.1 <= 1, "{what}: who is at thrice the distance is entered: {far:?}");
    }
}

#[test]
fn between_two_pis_fading_places_few_and_moves_nobody_to_and_fro() {
    let floor = aisles(3);
    let metres = [1.2, 1.2, 9.0];
    let (mut placed, mut flaps) = (0, 0);
    for seed in 0..SHOPPERS {
        let mut chance = Chance(seed);
        let heard = |_, pi: u16| level_dbm(metres[usize::from(pi)]) + rayleigh_db(&mut chance);
        let told = told(&floor, every(500, 5), heard, 3);
        placed += u64::from(!told.entered_at_s.is_empty());
        flaps += told.entered_at_s.len().saturating_sub(1);
        assert!(told.entered_at_s.iter().all(|(_, zone)| *zone < 2));
    }
    eprintln!("{placed} of {SHOPPERS} placed, {flaps} flaps");
    assert!(placed * 100 <= SHOPPERS * 20 && flaps == 0, "{placed} of {SHOPPERS} placed, {flaps} flaps");
}

#[test]
fn a_lead_of_a_moment_moves_nobody() {
    let floor = aisles(2);
    // Three seconds of a rival that is louder by 10 dB, over and over.
    let heard = |at_ms: u64, pi| if pi == 1 && at_ms / 1_000 % 20 < 3 { -50.0 } else { -60.0 - 10.0 * f64::from(pi) };
    let told = told(&floor, every(1_000, 10), heard, 2);
    assert_eq!(told.entered_at_s.iter().map(|(_, zone)| *zone).collect::<Vec<_>>(), [0]);
    assert_eq!(told.left_at_s, [0_u64; 0]);
}

#[test]
fn a_wide_zone_is_not_lost_to_a_narrow_one_next_to_it() {
    let near =
        |pi: u8, reach: &str| format!("[[zone]]\nid = 'z{pi}'\nname = 'Z'\nnear = 'pi-{pi}'\nreach = '{reach}'\n");
    let shop = Shop {
        gateways: vec![("pi-0".into(), (0.0, 0.0)), ("pi-1".into(), (5.0, 0.0))],
        zones: near(0, "department") + &near(1, "arm"),
        offers: String::new(),
        promise: "[caps]\ncustomer = [{ at-most = 2, per = '1d' }]\n".into(),
    };
    // 5 m from the Pi of the department and 3 m from the other, whose zone goes no farther than an arm.
    let heard = |_, pi| level_dbm(if pi == 0 { 5.0 } else { 3.0 });
    let told = told(&Floor::new(&shop.config()), every(1_000, 2), heard, 2);
    assert_eq!(told.entered_at_s, [(5, 0)]);
}

/// The hall, judged with so many Pis: at rest, and walking.
fn hall(tetam: &Tetam, resting: &[Vec<Reading>], reach: Reach, pis: usize, stricter_db: f64) -> [NearScore; 2] {
    let walks: Vec<_> = TRACKS.map(|track| tetam.track(&format!("{track}_all_sensors.mbd"))).into();
    let at_1m_dbm = near_goals::at_1m_dbm(tetam, resting);
    let mut scores = [NearScore::default(), NearScore::default()];
    for numbers in shops(pis) {
        let shop = near_goals::Shop::new(tetam, &numbers, reach, at_1m_dbm, stricter_db);
        scores[0] += shop.score(resting);
        scores[1] += shop.score(&walks);
    }
    scores
}

#[test]
fn one_to_three_pis_of_the_hall_announce_what_is_within_reach() {
    let Some(tetam) = Tetam::find("the goals for near zones") else { return };
    let Some(resting) = tetam.resting() else { return };
    let resting: Vec<_> = resting.into_iter().step_by(2).collect();
    // By reach and Pis: what is right of the seconds announced at rest, stays found at rest, what is right of the entries
    // walking, stays found walking.
    let least = [
        ("4.5 m", [[84.0, 78.0, 95.0, 85.0], [80.0, 62.0, 93.0, 70.0], [87.0, 55.0, 93.0, 70.0]]),
        ("department", [[89.0, 86.0, 96.0, 90.0], [86.0, 63.0, 93.0, 65.0], [86.0, 50.0, 90.0, 60.0]]),
    ];
    for (name, of_pis) in least {
        let reach = REACHES.into_iter().find(|reach| reach.name == name).unwrap();
        for (pis, [rest, found_rest, walk, found_walk]) in (1..).zip(of_pis) {
            let [at_rest, walking] = hall(&tetam, &resting, reach, pis, 0.0);
            let all = format!("{name}, {pis}: at rest {}\n walking {}", at_rest.row(), walking.row());
            eprintln!("{all}");
            assert!(at_rest.seconds.right() >= rest && at_rest.found() >= found_rest, "{all}");
            assert!(walking.entries.right() >= walk && walking.found() >= found_walk, "{all}");
            assert!(at_rest.flaps_a_minute() <= 0.02, "{all}");
            assert!(at_rest.delay_s().0 <= 8 && walking.delay_s().1 <= 20, "{all}");
        }
    }
}

#[test]
fn one_pi_whose_levels_are_4_db_stricter_than_path_loss_is_right_19_times_in_20() {
    let Some(tetam) = Tetam::find("the goal for near zones") else { return };
    let Some(resting) = tetam.resting() else { return };
    for reach in REACHES.into_iter().skip(1) {
        let [at_rest, walking] = hall(&tetam, &resting, reach, 1, 4.0);
        let all = format!("{reach:?}: at rest {}\n walking {}", at_rest.row(), walking.row());
        eprintln!("{all}");
        assert!(at_rest.entries.right() >= 95.0 && at_rest.found() >= 60.0, "{all}");
        assert!(walking.entries.right() >= 95.0 && walking.found() >= 60.0, "{all}");
        assert!(at_rest.flaps_a_minute() <= 0.02 && at_rest.delay_s().0 <= 8, "{all}");
    }
}

#[test]
fn whoever_stays_is_announced_after_five_seconds_and_whoever_passes_is_not() {
    let floor = aisles(1);
    let stays = told(&floor, every(1_000, 1), |_, _| level_dbm(1.5), 1);
    assert_eq!(stays.entered_at_s, [(5, 0)]);
    // At a walking pace, 1.2 m in a second, past the Pi at 0.8 m.
    let passes = |at_ms: u64| (f64::from(u32::try_from(at_ms).unwrap()) / 1_000.0 * 1.2 - 12.0).hypot(0.8);
    let passes = told(&floor, every(250, 1), |at_ms, _| level_dbm(passes(at_ms)), 1);
    assert_eq!(passes.entered_at_s, []);
}
