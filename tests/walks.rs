//! Walks through a shop: what was heard in, what happened out, beside each other in `walks/`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at what it did not expect")]

#[allow(dead_code, reason = "each test uses its part")]
#[path = "common/life.rs"]
mod life;
#[allow(dead_code, reason = "each test uses its part")]
#[path = "common/shop.rs"]
mod shop;
#[path = "common/walk.rs"]
mod walk;

macro_rules! walks {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            let told = walk::walk(include_str!(concat!("walks/", stringify!($name), ".walk")));
            insta::with_settings!({ snapshot_path => "walks", prepend_module_to_snapshot => false, omit_expression => true }, {
                insta::assert_snapshot!(stringify!($name), told);
            });
        })*
    };
}

walks! {
    a_near_zone_is_entered_after_its_level_held_5_s
    a_stray_reading_moves_nobody
    a_zone_is_left_after_45_s_without_evidence
    the_stronger_near_zone_by_4_db_wins_and_the_other_is_left_at_the_same_instant
    between_two_gateways_nobody_is_placed
    a_weak_tag_is_read_by_its_own_measured_power
    dwelled_fires_once_a_visit_even_when_entered_again
    unsure_stops_the_dwell_clock_and_fires_nothing
    of_nested_polygons_the_narrower_is_entered
    a_sensitive_zone_hides_who_is_in_it
    a_visit_ends_after_15_min_and_a_new_one_starts
    present_for_more_than_3_h_is_at_work_until_the_next_day
    a_restart_within_15_min_resumes_without_entering_again
    a_crash_keeps_the_zone_and_the_dwell_marks
    a_restart_after_15_min_closes_the_visit
    at_work_stays_at_work_over_a_restart_without_a_clock
    of_two_campaigns_the_higher_speaks_and_the_other_is_outranked
    the_visit_cap_is_full_then_the_gap
    quiet_hours_are_quiet
    without_a_clock_nothing_is_said
    a_visit_named_late_is_one_visit
    a_consent_withdrawn_in_the_shop_ends_everything
    who_forgets_while_the_clock_is_wrong_returns_with_full_windows
    a_consent_that_ends_in_the_shop_ends_the_visit
    a_pause_says_nothing_and_forgets_nothing
    on_request_is_told_nothing_unasked
    two_customers_in_one_transmission_are_nobody
    a_rotated_identifier_is_the_same_visit
    without_a_clock_a_rolling_id_is_nobody_s
    a_reload_that_removes_the_zone_leaves_it
    a_zone_that_went_while_down_is_left
}
