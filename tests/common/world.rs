//! The simulated world: shoppers who come and go, consents that change, a clock that errs, a process that dies.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::path::PathBuf;
use std::sync::Arc;

use emma::clock::Moment;
use emma::config::Config;
use emma::gateway::consent::CustomerId;
use emma::gateway::effect::{Happening, Input, What};
use tempfile::TempDir;

use crate::audit::Audit;
use crate::chance::Chance;
use crate::life::Life;
use crate::mall::{self, SPOTS};
use crate::shop::{DAY_US, beacon, heard};

#[path = "chatter.rs"]
mod chatter;

#[path = "fate.rs"]
mod fate;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// What is going to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Come(u16),
    Round(u16),
    Consent(u16),
    Withdraw(u16),
    Episode,
    ClockRight,
    Wake,
    Prune,
    Publish,
    Sweep,
    Say(usize),
    Buy(u16),
    Word,
    Value,
    Reload,
    Week,
}

/// A walk through the shop.
struct Walk {
    /// Where they stand until when, the last stop first.
    stops: Vec<(u16, i64)>,
    every_us: i64,
}

/// Totals of what the run has seen, so that it can be shown not to be empty.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) transmissions: u64,
    pub(crate) crashes: u64,
    pub(crate) crashes_amid: u64,
    pub(crate) stops: u64,
    pub(crate) forgotten: u64,
    pub(crate) refused: u64,
    /// Deliveries to customers whose caps were halved.
    pub(crate) with_less: usize,
    /// Deliveries that reached nobody, and were taken back.
    pub(crate) refunded: usize,
    pub(crate) told: BTreeMap<String, u64>,
}

/// The world.
pub(crate) struct World {
    chance: Chance,
    _folder: TempDir,
    file: PathBuf,
    config: Arc<Config>,
    life: Option<Life>,
    audit: Audit,
    queue: BinaryHeap<Reverse<(i64, u64, Event)>>,
    queued: u64,
    walks: BTreeMap<u16, Walk>,
    epochs: Vec<u64>,
    now_us: i64,
    end_us: i64,
    woke_us: i64,
    wakes_at_us: i64,
    /// How wrong the wall clock is; nothing while it is not synchronised.
    clock: Option<i64>,
    /// After a boot the clock is not synchronised until then.
    booted_us: i64,
    fuse: u32,
    /// What was let go of is older.
    pruned_us: i64,
    chatter: chatter::Chatter,
    seen: Seen,
}

impl World {
    pub(crate) fn new(seed: u64, shoppers: u16, days: u16) -> Self {
        // In memory where the system has such a folder: how fast a disk syncs is nobody's promise.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let file = folder.path().join("ledger.db");
        let configs: Vec<_> = (0..mall::SHOPS).map(|which| mall::shop(which).config()).collect();
        let config = Arc::clone(&configs[0]);
        let start_us = "2026-10-12T00:00:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond();
        let mut world = Self {
            chance: Chance(seed),
            _folder: folder,
            audit: Audit::new(Arc::clone(&config), &file),
            file,
            config,
            life: None,
            queue: BinaryHeap::new(),
            queued: 0,
            walks: BTreeMap::new(),
            epochs: vec![0; usize::from(shoppers)],
            now_us: start_us,
            end_us: start_us + i64::from(days) * DAY,
            woke_us: start_us,
            wakes_at_us: start_us,
            clock: Some(0),
            booted_us: start_us,
            fuse: 0,
            pruned_us: 0,
            chatter: chatter::Chatter::new(configs),
            seen: Seen::default(),
        };
        world.wake();
        for n in 0..shoppers {
            let at_us = start_us + world.up_to(6 * HOUR);
            world.plan(at_us, Event::Consent(n));
            world.plan_visit(n);
        }
        world.plan(start_us + 9 * HOUR, Event::Episode);
        world.plan(start_us + 7 * DAY, Event::Prune);
        for (at_us, event) in [
            (MINUTE, Event::Sweep),
            (9 * HOUR, Event::Word),
            (0, Event::Value),
            (3 * DAY, Event::Reload),
            (0, Event::Week),
        ] {
            world.plan(start_us + at_us, event);
        }
        world
    }

    /// Runs to the end, and hands over what was seen and what was wrong.
    pub(crate) fn run(mut self) -> (Seen, usize, Vec<String>) {
        while let Some(Reverse((at_us, _, event))) = self.queue.pop() {
            self.now_us = at_us;
            self.run_deadlines();
            self.take(event);
        }
        if self.life.is_none() {
            self.now_us = self.wakes_at_us;
            self.wake();
        }
        self.clock = Some(0);
        self.booted_us = self.now_us;
        let now = self.moment(self.now_us);
        let life = self.life.as_mut().unwrap();
        let happened = life.standalone.run_out(now).unwrap();
        let snapshot = life.standalone.gateway.snapshot();
        assert_eq!((snapshot.present, life.standalone.gateway.next_wakeup()), (0, None), "nothing may be left over");
        self.tell(&happened);
        (self.seen.with_less, self.seen.refunded) = self.audit.counts();
        let (deliveries, wrongs) = self.audit.judge(self.pruned_us);
        (self.seen, deliveries, wrongs)
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Come(n) => {
                let walk = self.new_walk();
                self.walks.insert(n, walk);
                self.plan(self.now_us, Event::Round(n));
            }
            Event::Round(n) => self.round(n),
            Event::Consent(n) => self.consent(n),
            Event::Withdraw(n) => self.withdraw(n),
            Event::Episode => self.episode(),
            Event::ClockRight => self.clock = Some(0),
            Event::Wake => self.wake(),
            Event::Prune => self.prune(),
            Event::Publish => self.publish(),
            Event::Sweep => self.sweep(),
            Event::Say(n) => self.say(n),
            Event::Buy(n) => self.buy(n),
            Event::Word => self.word(),
            Event::Value => self.value(),
            Event::Reload => self.reload(),
            Event::Week => self.week(),
        }
    }

    /// Everyone near hears the shopper; strangers transmit as well.
    fn round(&mut self, n: u16) {
        let Some(walk) = self.walks.get_mut(&n) else { return };
        while walk.stops.last().is_some_and(|(_, until_us)| *until_us <= self.now_us) {
            walk.stops.pop();
        }
        let Some((spot, _)) = walk.stops.last().copied() else {
            self.walks.remove(&n);
            self.plan_visit(n);
            self.plan_purchases(n);
            return;
        };
        let every_us = walk.every_us;
        let other = self.chance.one_of(&SPOTS);
        let loud = if self.chance.once_in(8) { -56 } else { -78 };
        let noise = |chance: &mut Chance| i8::try_from(chance.below(7)).unwrap() - 3;
        let near = noise(&mut self.chance);
        self.transmit(n, spot, -55 + near);
        if other != spot && self.chance.once_in(2) {
            let far = noise(&mut self.chance);
            self.transmit(n, other, loud + far);
        }
        if self.chance.once_in(3) {
            let stranger = 60_000 + u16::try_from(self.chance.below(5_000)).unwrap();
            self.hear(stranger, spot, -60);
        }
        self.mishap();
        let next_us = self.now_us + every_us / 2 + self.up_to(every_us);
        self.plan(next_us, Event::Round(n));
    }

    fn transmit(&mut self, n: u16, gateway: u16, dbm: i8) {
        if self.hear(n, gateway, dbm) {
            let with_clock = self.life.as_ref().is_some_and(|life| life.standalone.gateway.snapshot().clock_trusted);
            self.audit.heard(self.now_us, &customer(n), with_clock);
        }
    }

    fn hear(&mut self, tag: u16, gateway: u16, dbm: i8) -> bool {
        self.seen.transmissions += 1;
        self.act(Input::Advertisement(heard(&beacon(tag, -59), gateway, dbm)), self.now_us)
    }

    fn consent(&mut self, n: u16) {
        let now = self.moment(self.now_us);
        if self.life.is_none() {
            self.plan(self.wakes_at_us + SECOND, Event::Consent(n));
            return;
        }
        // Records come out of order, and again.
        let known = self.epochs[usize::from(n)];
        let epoch = match self.chance.below(10) {
            0 => known.saturating_sub(1),
            1 => known,
            _ => known + 1,
        };
        let until_us = self.end_us + 30 * DAY;
        let record = mall::consent(&mut self.chance, n, epoch, self.now_us, until_us);
        let life = self.life.as_mut().unwrap();
        match life.accept(&record, now) {
            Ok((consent, happened)) => {
                assert!(epoch >= known, "an older epoch was taken");
                self.epochs[usize::from(n)] = epoch;
                self.audit.consented(self.now_us, consent);
                self.tell(&happened);
            }
            Err(_) => self.seen.refused += 1,
        }
        let next_us = self.now_us + 2 * HOUR + self.up_to(10 * DAY);
        let withdraws = !mall::is_regular(n) && self.chance.once_in(4);
        let next = if withdraws { Event::Withdraw(n) } else { Event::Consent(n) };
        self.plan(next_us, next);
    }

    /// Forgotten, with whatever the clock says at the moment; most return.
    fn withdraw(&mut self, n: u16) {
        if self.life.is_none() {
            self.plan(self.wakes_at_us + SECOND, Event::Withdraw(n));
            return;
        }
        let now = self.moment(self.now_us);
        let raw_us = now.wall_us.unwrap_or(self.now_us - self.woke_us);
        let id = CustomerId::new(&customer(n)).unwrap();
        self.audit.withdraws(&customer(n));
        let happened = self.life.as_mut().unwrap().handle(Input::Withdraw(id.clone()), now);
        self.tell(&happened);
        self.audit.forgets(self.now_us, &customer(n));
        self.life.as_ref().unwrap().forget(&id, raw_us);
        self.epochs[usize::from(n)] = 0;
        self.seen.forgotten += 1;
        let back_us = self.now_us + MINUTE + self.up_to(DAY);
        self.plan(back_us, Event::Consent(n));
    }

    /// One input, if the process lives; whether it still does.
    fn act(&mut self, input: Input<'_>, at_us: i64) -> bool {
        let now = self.moment(at_us);
        let Some(life) = &mut self.life else { return false };
        if self.fuse == 0 {
            let happened = life.handle(input, now);
            self.tell(&happened);
            return true;
        }
        let led = life.handle_until(input, now, &mut self.fuse);
        self.tell(&led.happened);
        if led.died {
            self.seen.crashes_amid += 1;
            self.life = None;
            self.dies(true);
        }
        !led.died
    }

    fn run_deadlines(&mut self) {
        while let Some(due_us) = self.life.as_ref().and_then(|life| life.standalone.gateway.next_wakeup()) {
            let due_us = self.true_us(due_us);
            if due_us > self.now_us || !self.act(Input::Tick, due_us) {
                return;
            }
        }
    }

    fn tell(&mut self, happened: &[Happening]) {
        if happened.iter().any(|one| matches!(one.what, What::Delivered { .. })) {
            self.plan_publishing();
        }
        for Happening { what, .. } in happened {
            let word = match what {
                What::Withheld { reason, .. } => reason.as_str().to_owned(),
                What::Delivered { campaign, .. } => format!("delivered {campaign}"),
                What::Entered { zone, .. } => format!("entered {zone}"),
                What::Unsure { .. } => "unsure".to_owned(),
                What::Sure { .. } => "sure".to_owned(),
                What::Dwelled { .. } => "dwelled".to_owned(),
                What::VisitEnded => "visits".to_owned(),
                What::VisitStarted | What::Left { .. } => continue,
            };
            *self.seen.told.entry(word).or_default() += 1;
        }
        let woke_us = self.woke_us;
        self.audit.happened(happened, |monotonic_us| woke_us + (monotonic_us - DAY_US).cast_signed());
        self.audit.look_for_refunds();
    }

    fn new_walk(&mut self) -> Walk {
        let is_long = self.chance.once_in(60);
        let count = 2 + self.chance.below(3);
        let mut until_us = self.now_us;
        let mut stops = Vec::new();
        for _ in 0..count {
            let stay_us = if is_long { HOUR } else { 20 * SECOND };
            until_us += stay_us + self.up_to(2 * MINUTE);
            stops.push((self.chance.one_of(&SPOTS), until_us));
        }
        stops.reverse();
        Walk { stops, every_us: if is_long { 60 * SECOND } else { 13 * SECOND } }
    }

    /// The next visit: some day, mostly by day; or soon after the last one. Regulars come each day.
    fn plan_visit(&mut self, n: u16) {
        let midnight_us = self.now_us - self.now_us % DAY;
        let at_us = if mall::is_regular(n) {
            midnight_us + DAY + 7 * HOUR + self.up_to(10 * HOUR)
        } else if self.chance.once_in(5) {
            self.now_us + MINUTE + self.up_to(2 * HOUR)
        } else {
            midnight_us + DAY * (1 + self.up_to(35)) + 5 * HOUR + self.up_to(16 * HOUR)
        };
        self.plan(at_us, Event::Come(n));
    }

    fn plan(&mut self, at_us: i64, event: Event) {
        if at_us < self.end_us {
            self.plan_whenever(at_us, event);
        }
    }

    /// What has begun is brought to its end after the last day as well.
    fn plan_whenever(&mut self, at_us: i64, event: Event) {
        self.queued += 1;
        self.queue.push(Reverse((at_us, self.queued, event)));
    }

    fn up_to(&mut self, us: i64) -> i64 {
        self.chance.below(us.unsigned_abs()).cast_signed()
    }

    fn moment(&self, at_us: i64) -> Moment {
        let synchronised = at_us >= self.booted_us;
        let wall_us = self.clock.filter(|_| synchronised).map(|error_us| at_us + error_us);
        Moment { monotonic_us: (at_us - self.woke_us).unsigned_abs() + DAY_US, wall_us }
    }

    fn true_us(&self, monotonic_us: u64) -> i64 {
        self.woke_us + (monotonic_us - DAY_US).cast_signed()
    }
}

fn customer(n: u16) -> String {
    format!("c-{n:05}")
}
