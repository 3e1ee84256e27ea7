//! What goes in and out beside the radio: offers to the broker, feedback, purchases, the shop's words, live values, and
//! reloads. All of it comes late, twice, or out of order now and then.

use std::collections::VecDeque;
use std::sync::Arc;

use emma::config::Config;
use emma::gateway::consent::CustomerId;
use emma::gateway::effect::{Input, Purchase};
use emma::gateway::feedback::Kind;
use emma::ledger::halts::Word;
use emma::ledger::said::{Feedback, Noted};
use emma::mqtt::Outcome;
use jiff::ToSpan as _;

use super::{DAY, Event, HOUR, MINUTE, SECOND, World, customer};

const CATEGORIES: [&str; 4] = ["shoes", "coats", "wine", "gone"];
const CAMPAIGNS: [&str; 6] = ["socks", "boots", "coats", "wine", "coffee", "collect"];
const VALUE: &str = "till-minutes";

/// What is on its way.
pub(super) struct Chatter {
    configs: Vec<Arc<Config>>,
    /// A broker is about to be given what waits.
    publishing: bool,
    feedback: Vec<Feedback>,
    /// Feedback and purchases that the process died over: a broker tells them again.
    again: VecDeque<Again>,
    /// The last value told, which a broker keeps.
    value: Option<(i64, i64)>,
    words: Vec<(Word, i64)>,
}

#[derive(Clone)]
enum Again {
    Feedback(Feedback),
    Purchase(Purchase),
}

impl Chatter {
    pub(super) fn new(configs: Vec<Arc<Config>>) -> Self {
        Self {
            configs,
            publishing: false,
            feedback: Vec::new(),
            again: VecDeque::new(),
            value: None,
            words: Vec::new(),
        }
    }
}

impl World {
    /// Something was committed: the broker is given it soon, or is away for as long as it holds.
    pub(super) fn plan_publishing(&mut self) {
        if !std::mem::replace(&mut self.chatter.publishing, true) {
            let away_us = if self.chance.once_in(12) { 3 * MINUTE } else { 0 };
            let at_us = self.now_us + away_us + self.up_to(4 * SECOND);
            self.plan_whenever(at_us, Event::Publish);
        }
    }

    pub(super) fn publish(&mut self) {
        self.chatter.publishing = false;
        let now = self.moment(self.now_us);
        // A clock that is not synchronised may show anything; this one shows 1970.
        let raw_us = now.wall_us.unwrap_or(self.now_us - self.woke_us);
        let Some(life) = &mut self.life else { return };
        let store = &mut life.standalone.store;
        let rows = store.take(100, raw_us).unwrap();
        for row in rows {
            let outcome = match self.chance.below(20) {
                0 => None,
                1 => Some(Outcome::Expired),
                2 => Some(Outcome::Refused),
                _ => Some(Outcome::Acknowledged),
            };
            let offer = self.audit.published(self.now_us, &row, outcome);
            if let Some(outcome) = outcome {
                let store = &self.life.as_ref().unwrap().standalone.store;
                store.begin().unwrap();
                store.settle(row.row, outcome).unwrap();
                store.commit().unwrap();
            }
            if let Some(offer) = offer.filter(|_| outcome != Some(Outcome::Refused)) {
                self.react(&offer, row.topic.rsplit('/').next().unwrap());
            }
        }
        self.audit.look_for_refunds();
    }

    /// What a customer is going to say about an offer.
    fn react(&mut self, offer: &str, inbox: &str) {
        let plan = |world: &mut Self, kind, at_us| {
            let snooze_until_us = at_us + HOUR + world.up_to(40 * HOUR);
            let inbox = if world.chance.once_in(40) { "nobody's" } else { inbox };
            let told = Feedback { inbox: inbox.to_owned(), offer_id: offer.to_owned(), kind, snooze_until_us };
            world.chatter.feedback.push(told);
            world.plan(at_us, Event::Say(world.chatter.feedback.len() - 1));
        };
        if self.chance.once_in(5) {
            return;
        }
        let mut at_us = self.now_us + self.up_to(MINUTE);
        plan(self, Kind::Displayed, at_us);
        let kinds: &[Kind] = match self.chance.below(40) {
            0..9 => &[Kind::Dismissed],
            9..15 => &[Kind::Opened],
            15..18 => &[Kind::Opened, Kind::Redeemed],
            18..20 => &[Kind::Helpful, Kind::Dismissed],
            20 => &[Kind::NoMore, Kind::Dismissed],
            21 => &[Kind::NoMore, Kind::More],
            22..24 => &[Kind::More],
            24 => &[Kind::Snooze],
            25 => &[Kind::Stop],
            26 => &[Kind::Why, Kind::Why, Kind::Opened],
            _ => &[],
        };
        for kind in kinds {
            at_us += self.up_to(20 * MINUTE);
            plan(self, *kind, at_us);
            if self.chance.once_in(5) {
                let later_us = at_us + self.up_to(30 * HOUR);
                plan(self, *kind, later_us);
            }
        }
    }

    pub(super) fn say(&mut self, n: usize) {
        let told = self.chatter.feedback[n].clone();
        if self.life.is_none() {
            self.chatter.again.push_back(Again::Feedback(told));
        } else {
            self.take_feedback(told);
        }
    }

    fn take_feedback(&mut self, told: Feedback) {
        let now = self.moment(self.now_us);
        let life = self.life.as_mut().unwrap();
        // So that whoever is asked knows whether the clock is believed now.
        let happened = life.handle(Input::Tick, now);
        let with_clock = life.standalone.gateway.wall_us().is_some();
        let (noted, led) = if self.fuse == 0 {
            let (noted, happened) = life.standalone.feedback(&told, now).unwrap();
            (Some(noted), crate::life::Led { happened, died: false })
        } else {
            life.feedback_until(&told, now, &mut self.fuse)
        };
        self.tell(&happened);
        *self.seen.told.entry(format!("{} {}", told.kind.as_str(), word(noted.as_ref()))).or_default() += 1;
        if let Some(Noted::Taken { stopped: Some(_), .. }) = &noted {
            *self.seen.told.entry("stopped by itself".to_owned()).or_default() += 1;
        }
        if let Some(noted) = &noted {
            self.audit.answered(self.now_us, with_clock, &told, noted);
        }
        self.ends(&led, Again::Feedback(told));
    }

    pub(super) fn plan_purchases(&mut self, n: u16) {
        if self.chance.once_in(3) {
            let at_us = self.now_us + self.up_to(HOUR);
            self.plan(at_us, Event::Buy(n));
        }
    }

    pub(super) fn buy(&mut self, n: u16) {
        let late_us = if self.chance.once_in(5) { self.up_to(3 * DAY) } else { self.up_to(HOUR) };
        let purchase = Purchase {
            customer: CustomerId::new(&customer(n)).unwrap(),
            category: self.chance.one_of(&CATEGORIES).into(),
            is_return: self.chance.once_in(4),
            at_us: self.now_us - late_us,
        };
        let times = if self.chance.once_in(4) { 2 } else { 1 };
        for _ in 0..times {
            self.take_purchase(purchase.clone());
        }
    }

    fn take_purchase(&mut self, purchase: Purchase) {
        let now = self.moment(self.now_us);
        let Some(life) = &mut self.life else { return self.chatter.again.push_back(Again::Purchase(purchase)) };
        let happened = life.handle(Input::Tick, now);
        let with_clock = life.standalone.gateway.wall_us().is_some();
        let is_live = with_clock || self.audit.is_live(self.now_us, purchase.customer.as_str());
        self.tell(&happened);
        if !is_live {
            // Without a clock nobody knows that their consent is over.
            return;
        }
        let life = self.life.as_mut().unwrap();
        let mut endless = u32::MAX;
        let fuse = if self.fuse == 0 { &mut endless } else { &mut self.fuse };
        let led = life.handle_until(Input::Purchase(purchase.clone()), now, fuse);
        if !led.died {
            let Purchase { customer, category, is_return, at_us } = &purchase;
            self.audit.bought(self.now_us, with_clock, customer.as_str(), category, (*is_return, *at_us));
        }
        self.ends(&led, Again::Purchase(purchase));
    }

    /// What an input led to is told; if the process died over it, a broker tells it again.
    fn ends(&mut self, led: &crate::life::Led, again: Again) {
        self.tell(&led.happened);
        if led.died {
            self.seen.crashes_amid += 1;
            self.chatter.again.push_back(again);
            self.life = None;
            self.dies(true);
        }
    }

    /// What a broker tells a process that woke: values it keeps, and what was not acknowledged.
    pub(super) fn hear_again(&mut self) {
        self.chatter.publishing = false;
        self.plan_publishing();
        self.tell_value();
        for _ in 0..self.chatter.again.len() {
            match (self.chatter.again.pop_front(), self.life.is_some()) {
                (Some(Again::Feedback(told)), true) => self.take_feedback(told),
                (Some(Again::Purchase(purchase)), true) => self.take_purchase(purchase),
                (Some(again), false) => self.chatter.again.push_back(again),
                (None, _) => {}
            }
        }
        // Words are kept by the broker too: the last one comes again, and an older one now and then.
        for _ in 0..2 {
            let count = self.chatter.words.len() as u64;
            if count > 0 {
                let nth = usize::try_from(self.chance.below(count)).unwrap();
                let (word, word_us) = self.chatter.words[nth].clone();
                self.give_word(&word, word_us);
            }
        }
    }

    pub(super) fn word(&mut self) {
        let word = match self.chance.below(8) {
            0 => Word::Pause(self.now_us + self.up_to(5 * HOUR)),
            1 => Word::Resume,
            2..4 => Word::Stop(self.chance.one_of(&CAMPAIGNS).into()),
            _ => Word::Start(self.chance.one_of(&CAMPAIGNS).into()),
        };
        self.chatter.words.push((word.clone(), self.now_us));
        self.give_word(&word, self.now_us);
        let next_us = self.now_us + HOUR + self.up_to(10 * HOUR);
        self.plan(next_us, Event::Word);
    }

    fn give_word(&mut self, word: &Word, word_us: i64) {
        let now = self.moment(self.now_us);
        let Some(life) = &mut self.life else { return };
        let happened = life.handle(Input::Tick, now);
        // The daemon hands in whatever the clock says; a ledger that knows no better takes each word.
        let is_believed = life.standalone.gateway.wall_us().is_some();
        self.tell(&happened);
        if is_believed {
            self.life.as_mut().unwrap().standalone.give_word(word, word_us, now).unwrap();
            self.audit.halted(word, word_us);
            self.audit.look_for_refunds();
        }
    }

    pub(super) fn value(&mut self) {
        let good_for_us = MINUTE + self.up_to(2 * HOUR);
        self.chatter.value = Some((self.now_us - self.up_to(10 * MINUTE), good_for_us));
        self.tell_value();
        let next_us = self.now_us + self.up_to(4 * HOUR);
        self.plan(next_us, Event::Value);
    }

    fn tell_value(&mut self) {
        let now = self.moment(self.now_us);
        let (Some((value_us, good_for_us)), Some(life)) = (self.chatter.value, &mut self.life) else { return };
        let happened = life.handle(Input::Tick, now);
        let gateway = &mut life.standalone.gateway;
        if gateway.take_value(&VALUE.into(), &"4".into(), value_us, good_for_us).is_ok() {
            self.audit.value(VALUE, value_us, good_for_us);
        }
        self.tell(&happened);
    }

    /// Expired rows go, and offers that have ended.
    pub(super) fn sweep(&mut self) {
        let now = self.moment(self.now_us);
        let raw_us = now.wall_us.unwrap_or(self.now_us - self.woke_us);
        if let Some(life) = &mut self.life {
            let happened = life.handle(Input::Tick, now);
            let standalone = &mut life.standalone;
            standalone.store.expire(raw_us).unwrap();
            let is_believed = standalone.gateway.wall_us().is_some();
            self.tell(&happened);
            self.audit.look_for_refunds();
            if is_believed {
                let happened = self.life.as_mut().unwrap().standalone.end_said(now).unwrap();
                self.audit.swept(self.now_us);
                self.tell(&happened);
            }
        }
        let next_us = self.now_us + 5 * MINUTE + self.up_to(15 * MINUTE);
        self.plan(next_us, Event::Sweep);
    }

    /// A file is edited: tighter, looser, or back.
    pub(super) fn reload(&mut self) {
        let which = usize::try_from(self.chance.below(self.chatter.configs.len() as u64)).unwrap();
        let config = Arc::clone(&self.chatter.configs[which]);
        let now = self.moment(self.now_us);
        if let Some(life) = &mut self.life {
            let happened = life.configure(&config, now);
            self.tell(&happened);
        }
        self.audit.configured(&config);
        self.config = config;
        let next_us = self.now_us + 6 * HOUR + self.up_to(3 * DAY);
        self.plan(next_us, Event::Reload);
    }

    /// Totals begin anew on Monday.
    pub(super) fn week(&mut self) {
        let here = jiff::Timestamp::from_microsecond(self.now_us).unwrap().to_zoned(self.config.site.time_zone.clone());
        let monday = here.date().checked_sub(i64::from(here.date().weekday().to_monday_zero_offset()).days()).unwrap();
        let began = monday.to_zoned(self.config.site.time_zone.clone()).unwrap();
        if let Some(life) = &mut self.life {
            life.standalone.store.begin_week(began.timestamp().as_microsecond()).unwrap();
        }
        self.plan(self.now_us + DAY, Event::Week);
    }
}

fn word(noted: Option<&Noted>) -> &'static str {
    match noted {
        Some(Noted::Taken { .. }) => "taken",
        Some(Noted::Again) => "again",
        Some(Noted::Unknown) => "unknown",
        None => "lost",
    }
}
