use super::super::{Eid, MAJOR_AND_MINOR, Rolling, SECOND_US};
use super::*;

/// 2026-11-22T00:00:00Z, which begins a day and an interval.
const MIDNIGHT_US: i64 = 1_795_305_600 * SECOND_US;
const DAY: i32 = 20_779;
const INTERVAL_US: i64 = 600 * SECOND_US;

fn rolling(key: u8, day: i32) -> Rotating {
    Rotating::Rolling(Rolling::new(&[key; 32], day))
}

fn eid(key: u8, k: u8) -> Rotating {
    Rotating::EddystoneEid(Eid::new([key; 16], k, 0, MIDNIGHT_US))
}

/// What `rotating` transmits when its own clock says `wall_us`.
fn frame(rotating: Rotating, wall_us: i64) -> Option<Frame<'static>> {
    let schedule = rotating.schedule()?;
    let period = Some(schedule.period(wall_us)).filter(|period| (schedule.first..=schedule.last).contains(period))?;
    Some(match rotating.of_period(period)? {
        Ephemeral::Rolling(uuid) => {
            let (major, minor) = MAJOR_AND_MINOR;
            Frame::IBeacon { uuid, major, minor, measured_power_dbm: -59 }
        }
        Ephemeral::Eid(eid) => Frame::EddystoneEid { eid, power_0m_dbm: -18 },
    })
}

fn table(all: &[(Rotating, u32)]) -> Table {
    let mut table = Table::default();
    for (rotating, slot) in all {
        table.claim(*rotating, Slot(*slot));
    }
    table
}

/// Whose it is at `wall_us` when its clock is `ahead_us` ahead.
fn found(table: &mut Table, rotating: Rotating, wall_us: i64, ahead_us: i64) -> Match {
    table.advance(wall_us);
    frame(rotating, wall_us + ahead_us).map_or(Match::Nobody, |frame| table.find(&frame))
}

const ONE: Match = Match::One(Slot(1));

#[test]
fn this_period_and_its_neighbours_match_and_no_other() {
    for (rotating, len_us) in [
        (rolling(7, DAY), INTERVAL_US),
        (eid(7, 10), 1_024 * SECOND_US),
        (eid(7, 15), 32_768 * SECOND_US),
        (eid(7, 0), SECOND_US),
    ] {
        let mut table = table(&[(rotating, 1)]);
        let start_us = MIDNIGHT_US + 65_536 * SECOND_US / len_us * len_us;
        for into_us in [0, len_us / 2, len_us - 1] {
            for ahead_us in [-len_us, 0, len_us] {
                assert_eq!(found(&mut table, rotating, start_us + into_us, ahead_us), ONE, "{into_us} {ahead_us}");
            }
            for ahead_us in [-2 * len_us, 2 * len_us] {
                assert_eq!(found(&mut table, rotating, start_us + into_us, ahead_us), Match::Nobody);
            }
        }
    }
}

#[test]
fn a_rolling_id_beside_other_numbers_is_not_one() {
    let rotating = rolling(7, DAY);
    let mut table = table(&[(rotating, 1)]);
    table.advance(MIDNIGHT_US);
    let Some(Frame::IBeacon { uuid, .. }) = frame(rotating, MIDNIGHT_US) else { panic!("no iBeacon") };
    let beside = |major, minor| Frame::IBeacon { uuid, major, minor, measured_power_dbm: -59 };
    assert_eq!(table.find(&beside(0, 0)), ONE);
    assert_eq!(table.find(&beside(0, 1)), Match::Nobody);
    assert_eq!(table.find(&beside(1, 0)), Match::Nobody);
}

#[test]
fn over_midnight_a_device_needs_the_key_of_each_day() {
    let (today, tomorrow) = (rolling(7, DAY - 1), rolling(8, DAY));
    let mut one = table(&[(today, 1)]);
    assert_eq!(found(&mut one, today, MIDNIGHT_US + INTERVAL_US - 1, -INTERVAL_US), ONE, "a slow clock");
    assert_eq!(found(&mut one, tomorrow, MIDNIGHT_US + INTERVAL_US - 1, 0), Match::Nobody);
    assert_eq!(found(&mut one, today, MIDNIGHT_US + INTERVAL_US, -INTERVAL_US - 1), Match::Nobody);
    assert!(one.transmitted.is_empty() && one.due.is_empty(), "a key whose day is over is never looked at again");
    let mut both = table(&[(today, 1), (tomorrow, 1)]);
    for (rotating, at_us, ahead_us) in [
        (tomorrow, MIDNIGHT_US - 1, 1),
        (today, MIDNIGHT_US - 1, 0),
        (today, MIDNIGHT_US, -1),
        (tomorrow, MIDNIGHT_US, 0),
    ] {
        assert_eq!(found(&mut both, rotating, at_us, ahead_us), ONE);
    }
}

#[test]
fn a_key_of_another_day_waits_for_it_without_being_looked_at() {
    let rotating = rolling(7, DAY);
    let mut table = table(&[(rotating, 1)]);
    table.advance(MIDNIGHT_US - 30 * INTERVAL_US);
    assert!(table.transmitted.is_empty());
    assert_eq!(table.due.first().map(|(due_us, _)| *due_us), Some(MIDNIGHT_US - INTERVAL_US));
}

#[test]
fn where_two_customers_identifiers_collide_both_stay_in_the_table() {
    let rotating = rolling(7, DAY);
    let mut table = table(&[(rotating, 1)]);
    table.advance(MIDNIGHT_US);
    // 64 bits do not collide by themselves, so the second is put in by hand.
    let heard = frame(rotating, MIDNIGHT_US).unwrap();
    table.transmitted.insert((Ephemeral::of(&heard).unwrap().short(), Slot(2)));
    assert_eq!(table.find(&heard), Match::Several);
    table.release(&rotating.claim(), Slot(1));
    assert_eq!(table.find(&heard), Match::One(Slot(2)), "the other's is still there");
}

#[test]
fn what_is_released_or_taken_over_leaves_nothing_behind() {
    let rotating = eid(7, 5);
    let mut table = table(&[(rotating, 1)]);
    assert_eq!(found(&mut table, rotating, MIDNIGHT_US, 0), ONE);
    table.release(&rotating.claim(), Slot(2));
    assert_eq!(found(&mut table, rotating, MIDNIGHT_US, 0), ONE, "it is not slot 2's to free");
    table.claim(rotating, Slot(2));
    assert_eq!(found(&mut table, rotating, MIDNIGHT_US, 0), Match::One(Slot(2)));
    assert_eq!((table.len(), table.swift()), (1, 1));
    table.release(&rotating.claim(), Slot(2));
    assert_eq!((table.len(), table.swift()), (0, 0));
    assert!(table.transmitted.is_empty() && table.due.is_empty());
}

#[test]
fn a_beacon_s_key_is_one_however_its_clock_was_read() {
    let (one, other) = (eid(7, 10), Rotating::EddystoneEid(Eid::new([7; 16], 12, 99, MIDNIGHT_US)));
    assert!(one.claim() == other.claim());
    assert!(rolling(7, DAY).claim() != rolling(7, DAY + 1).claim());
}

#[test]
fn more_than_one_input_can_move_are_moved_by_the_next() {
    let all: Vec<_> = (0..2_500_u16).map(|n| Rolling::new(&n.to_be_bytes(), DAY)).map(Rotating::Rolling).collect();
    let mut table = Table::default();
    for (slot, rotating) in (0..).zip(&all) {
        table.claim(*rotating, Slot(slot));
    }
    let late = |table: &Table| table.due.iter().filter(|(due_us, _)| *due_us <= MIDNIGHT_US).count();
    table.advance(MIDNIGHT_US);
    assert_eq!(late(&table), 2_500 - MOVES_AN_INPUT);
    table.advance(MIDNIGHT_US);
    assert_eq!(late(&table), 0);
    // At the interval's end every id of now is there already, whether or not its device was moved on.
    table.advance(MIDNIGHT_US + INTERVAL_US);
    for (slot, rotating) in (0..).zip(&all) {
        let heard = frame(*rotating, MIDNIGHT_US + INTERVAL_US).unwrap();
        assert_eq!(table.find(&heard), Match::One(Slot(slot)));
    }
}

#[test]
fn a_clock_that_is_set_back_matches_what_is_transmitted_then() {
    let rotating = rolling(7, DAY);
    let mut table = table(&[(rotating, 1)]);
    let noon_us = MIDNIGHT_US + 43_200 * SECOND_US;
    assert_eq!(found(&mut table, rotating, noon_us, 0), ONE);
    assert_eq!(found(&mut table, rotating, noon_us - 3_600 * SECOND_US, 0), ONE);
    assert_eq!(found(&mut table, rotating, noon_us - 3_600 * SECOND_US, 3_600 * SECOND_US), Match::Nobody);
}

proptest::proptest! {
    /// Whatever the clocks say, a device is recognised if and only if its period is this one or a neighbour, and the
    /// table holds what a fresh one would.
    #[test]
    fn walking_through_time_equals_arriving(
        k in 0_u8..16, steps in proptest::collection::vec((0_i64..100_000, -70_000_i64..70_000), 1..20),
    ) {
        let all = [(rolling(7, DAY), 1), (eid(8, k), 2), (rolling(9, DAY + 1), 3)];
        let mut walked = table(&all);
        let mut now_us = MIDNIGHT_US;
        for (step_secs, ahead_secs) in steps {
            now_us += step_secs * SECOND_US;
            let mut fresh = table(&all);
            walked.advance(now_us);
            fresh.advance(now_us);
            proptest::prop_assert!(walked.transmitted == fresh.transmitted);
            for (rotating, slot) in all {
                let schedule = rotating.schedule().unwrap();
                let of_device = schedule.period(now_us + ahead_secs * SECOND_US);
                let near = schedule.period(now_us).abs_diff(of_device) <= 1;
                let exists = (schedule.first..=schedule.last).contains(&of_device);
                let expected = if near && exists { Match::One(Slot(slot)) } else { Match::Nobody };
                proptest::prop_assert_eq!(found(&mut walked, rotating, now_us, ahead_secs * SECOND_US), expected);
            }
        }
    }
}
