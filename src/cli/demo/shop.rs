//! The demo's shop: the five files that Emma ships, and the few changes without which a story of a minute could not be
//! told at any hour.

use std::time::Duration;

use crate::config::offers::{Active, Trigger};
use crate::config::{self, Config, Sources};

/// The story takes so many seconds in the shop, whatever the terminal makes of them: long enough for twelve visits
/// that overlap, short enough that somebody comes, stops or leaves every few seconds.
pub(super) const STORY: Duration = Duration::from_secs(STORY_SECS as u64);
const STORY_SECS: u32 = 120;

/// Whoever is gone is gone after so many seconds of the shop; the usual 45 would outlast most of the story.
const LEAVE_AFTER: Duration = Duration::from_secs(12);

/// No campaign waits longer than so many seconds of the shop; five minutes in one place are longer than the story.
const LONGEST_DWELL: Duration = Duration::from_secs(50);

/// How the shop's time runs in the terminal's.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// The terminal's seconds for the whole story.
    pub(super) seconds: u32,
}

impl Pace {
    /// The whole story, in the terminal's time.
    pub(super) fn length(self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    /// So much of the shop's time, in the terminal's.
    pub(super) fn real(self, shop: Duration) -> Duration {
        shop * self.seconds / STORY_SECS
    }

    /// So much of the terminal's time, in the shop's.
    pub(super) fn shop(self, real: Duration) -> Duration {
        real * STORY_SECS / self.seconds.max(1)
    }

    fn real_us(self, shop_us: u64) -> u64 {
        micros(self.real(Duration::from_micros(shop_us)))
    }
}

/// The shipped files, checked, with the demo's changes; nothing if they do not pass their own check.
pub(super) fn config(pace: Pace, port: u16) -> Option<Config> {
    let mut config = config::check(&Sources::shipped()).config?;
    // It is shown at any hour of any day: no opening hours, no night, no season. Customers' own quiet hours hold.
    config.zones.opening_hours = None;
    config.promise.quiet_hours = None;
    for campaign in &mut config.offers.campaigns {
        campaign.active = Active::default();
        if let Trigger::Dwelled(us) = &mut campaign.trigger {
            *us = pace.real_us((*us).min(micros(LONGEST_DWELL)));
        }
    }
    // People walk at the story's pace, so what Emma makes of their steps is measured at the same pace.
    config.zones.hearing.window_us = pace.real_us(config.zones.hearing.window_us);
    config.zones.hearing.silence_us = pace.real_us(config.zones.hearing.silence_us);
    config.zones.hearing.second_us = pace.real_us(config.zones.hearing.second_us);
    for zone in &mut config.zones.zones {
        zone.holds.enter_after_us = pace.real_us(zone.holds.enter_after_us);
        zone.holds.leave_after_us = pace.real_us(zone.holds.leave_after_us.min(micros(LEAVE_AFTER)));
    }
    // The broker is the demo's own, on the loopback interface, and the radio is the simulated one.
    let mqtt = config.gateway.mqtt.as_mut()?;
    mqtt.host = "127.0.0.1".into();
    mqtt.port = port;
    config.gateway.radio.driver = config::gateway::Driver::None;
    // Nobody synchronises the clock of a laptop for a demo.
    config.gateway.clock_assumed = true;
    Some(config)
}

/// A length of time as the core counts it.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
