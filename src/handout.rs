//! What is handed to the shop's other Pis, and when: whom they may hear changes with consents, with what devices transmit,
//! and with time.

use crate::clock::Moment;
use crate::gateway::Gateway;
use crate::gateway::consent::fingerprint::Salt;
use crate::gateway::sharing::Shared;

/// How often it is looked whether a change is due, in milliseconds: a withdrawal has 2 s to reach every Pi, and gets
/// there by the second beat of the decider's connection.
pub(crate) const LOOK_EVERY_MS: u64 = 250;

/// What no input says is looked for so often, in microseconds: consents that end, who is at work, identifiers that rotate.
/// With the two beats after it every Pi knows of an end within the 2 s of a withdrawal. Of 10,000 fingerprints it is 2 ms.
const AT_LEAST_EVERY_US: u64 = 1_000_000;

/// A salt, and the handles with it, is good for so long, in microseconds: nobody's handle is the same two days running,
/// and as a rule nobody's visit sees it change.
const SALT_LASTS_US: u64 = 43_200_000_000;

/// The salt in use, and when somebody last looked.
#[derive(Default)]
pub(crate) struct Handout {
    salt: Option<(Salt, u64)>,
    looked_us: Option<u64>,
    due: bool,
    left_out: usize,
}

impl Handout {
    /// A consent, or the configuration, has changed.
    pub(crate) fn is_due(&mut self) {
        self.due = true;
    }

    /// Whom the other Pis may hear at `now`, if it is time to look; `draw` gives a salt, or nothing where there is no
    /// randomness: then nobody is handed out.
    pub(crate) fn look(
        &mut self,
        gateway: &mut Gateway,
        now: Moment,
        draw: impl FnOnce() -> Option<Salt>,
    ) -> Option<Shared> {
        let now_us = now.monotonic_us;
        let is_time = self.looked_us.is_none_or(|looked_us| now_us.saturating_sub(looked_us) >= AT_LEAST_EVERY_US);
        if !self.due && !is_time {
            return None;
        }
        (self.due, self.looked_us) = (false, Some(now_us));
        let good = self.salt.filter(|(_, drawn_us)| now_us.saturating_sub(*drawn_us) < SALT_LASTS_US);
        self.salt = good.or_else(|| Some((draw()?, now_us)));
        let shared = gateway.shared(self.salt?.0, now);
        if shared.left_out > 0 && self.left_out == 0 {
            tracing::warn!(
                customers = shared.left_out,
                "the shop's other Pis have no room for more customers: these are heard by this Pi alone"
            );
        }
        self.left_out = shared.left_out;
        Some(shared)
    }
}
