//! What befalls the process and its clock: stops, crashes between and amid effects, boots, wrong time.

use emma::gateway::effect::Input;
use emma::ledger::retention;

use super::{DAY, Event, HOUR, MINUTE, SECOND, World};
use crate::life::Life;

impl World {
    /// Now and then the process stops, dies, or is going to die amid what it does next.
    pub(super) fn mishap(&mut self) {
        let ahead = self.clock.is_some_and(|error_us| error_us > 0);
        if self.life.is_none() || ahead || self.fuse > 0 || !self.chance.once_in(400) {
            return;
        }
        match self.chance.below(6) {
            0 => {
                self.seen.stops += 1;
                let now = self.moment(self.now_us);
                let happened = self.life.take().unwrap().stop(now);
                self.tell(&happened);
                self.dies(false);
            }
            1 | 2 => {
                self.seen.crashes += 1;
                self.life = None;
                self.dies(false);
            }
            _ => self.fuse = 1 + u32::try_from(self.chance.below(9)).unwrap(),
        }
    }

    pub(super) fn dies(&mut self, amid: bool) {
        self.audit.look_for_refunds();
        self.audit.died(self.now_us, amid);
        self.fuse = 0;
        let down_us = match self.chance.below(3) {
            0 => 1 + self.up_to(5 * SECOND),
            1 => self.up_to(8 * MINUTE),
            _ => 16 * MINUTE + self.up_to(2 * HOUR),
        };
        self.wakes_at_us = self.now_us + down_us;
        self.plan_whenever(self.wakes_at_us, Event::Wake);
    }

    pub(super) fn wake(&mut self) {
        self.woke_us = self.now_us;
        // A Pi has no battery clock; and a wrong clock that nothing contradicts could only be believed.
        let is_wrong = self.clock.is_some_and(|error_us| error_us != 0);
        let unsure_us = match (is_wrong, self.chance.once_in(3)) {
            (true, _) => 31 * MINUTE,
            (false, true) => 2 * MINUTE + self.up_to(20 * MINUTE),
            (false, false) => 0,
        };
        self.booted_us = self.now_us + unsure_us;
        let (life, happened) = Life::wake(&self.file, &self.config, self.moment(self.now_us));
        self.life = Some(life);
        self.tell(&happened);
        self.hear_again();
    }

    /// The clock goes wrong for a while: lost, a year ahead for a minute, an hour behind.
    pub(super) fn episode(&mut self) {
        // A wrong clock is noticed by one that was right before; a boot has only the ledger's mark.
        let is_noticed = self.life.is_some() && self.booted_us < self.now_us && self.fuse == 0;
        let (clock, for_us) = match self.chance.below(3) {
            0 if is_noticed => (Some(365 * DAY), MINUTE),
            1 if is_noticed => (Some(-HOUR), 30 * MINUTE),
            _ => (None, 5 * MINUTE + self.up_to(2 * HOUR)),
        };
        self.clock = clock;
        self.act(Input::Tick, self.now_us);
        self.plan_whenever(self.now_us + for_us, Event::ClockRight);
        let next_us = self.now_us + 4 * HOUR + self.up_to(36 * HOUR);
        self.plan(next_us, Event::Episode);
    }

    /// What no cap can need any more is let go, and read by the auditor before.
    pub(super) fn prune(&mut self) {
        let Some(life) = &self.life else { return self.plan(self.now_us + HOUR, Event::Prune) };
        let gateway = &life.standalone.gateway;
        let kept = retention::kept(&self.config, gateway.consents().map(|consent| &**consent));
        let deliveries_us = kept.deliveries_us.map(|us| self.now_us.saturating_sub_unsigned(us));
        // Nobody's consent is over for as long as a life is simulated.
        life.standalone.store.prune(&kept, &[], self.now_us).unwrap();
        self.pruned_us = deliveries_us.unwrap_or(0).max(self.pruned_us);
        self.plan(self.now_us + 7 * DAY, Event::Prune);
    }
}
