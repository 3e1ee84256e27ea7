//! What the auditor hears beside the timeline: what was published and came of it, what customers and the shop said.

use emma::gateway::feedback::Kind;
use emma::ledger::halts::Word;
use emma::ledger::said::{Feedback, Noted};
use emma::mqtt::{OutboxRow, Outcome};

use super::{Audit, in_force, rules, shown};
use crate::mind::Reaction;
use crate::post::Fate;

impl Audit {
    /// Messages that were committed and are new to the auditor; `alive` while the process lives that committed them.
    pub(super) fn read_outbox(&mut self, alive: bool) {
        let mut found = Vec::new();
        let last = self.outbox_row;
        {
            let sql = "SELECT row, payload, topic, delivery, customer FROM outbox WHERE row > ?1 ORDER BY row";
            let mut read = self.db().prepare_cached(sql).unwrap();
            let mut rows = read.query([last]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let text = |column| row.get::<_, String>(column).unwrap();
                found.push((row.get::<_, i64>(0).unwrap(), text(1), text(2), text(3), text(4)));
            }
        }
        for (row, payload, topic, delivery, customer) in found {
            if delivery.is_empty() {
                self.outbox_row = row;
                continue;
            }
            // What else was committed in the same breath is told next.
            let Some(of) = self.rows.get(&delivery) else { break };
            if of.ghost {
                self.wrongs.push(format!("a message of a ghost: {delivery}"));
            }
            self.outbox_row = row;
            self.post.committed(&payload, &topic, &delivery, &customer, alive);
        }
    }

    /// A message was handed over at this time by a clock that was right, or is not known to have been.
    pub(crate) fn published(&mut self, at_us: i64, row: &OutboxRow, outcome: Option<Outcome>) -> Option<String> {
        self.read_outbox(true);
        let event: serde_json::Value = serde_json::from_str(&row.payload).unwrap();
        if event["type"] != "emma.offer.issued.v1" {
            return None;
        }
        let offer = event["subject"].as_str().unwrap().to_owned();
        let Some(letter) = self.post.letters.get_mut(&offer) else {
            self.wrongs.push(format!("published at {}, and never committed: {offer}", shown(at_us)));
            return None;
        };
        letter.fate =
            if outcome == Some(Outcome::Refused) && letter.fate == Fate::Waits { Fate::Refused } else { Fate::Unknown };
        let file = &self.files[&letter.customer];
        let mut wrong =
            |what: &str| self.wrongs.push(format!("published at {}, {what}: {}", shown(at_us), row.payload));
        match in_force(&file.consents, at_us) {
            None => wrong("to somebody who withdrew"),
            Some(consent) => {
                let has_paused = consent.paused_until_us.is_some_and(|until_us| at_us < until_us);
                let has_stopped = file.mind.stopped_epoch.is_some_and(|stopped| consent.epoch <= stopped);
                if has_paused || has_stopped || at_us < file.mind.snoozed_until_us || !consent.purposes.offers {
                    wrong("to somebody who wants silence");
                }
                if !rules::is_live(&self.config, consent, at_us) {
                    wrong("to somebody whose consent is over");
                }
            }
        }
        if self.halted.holds(&letter.campaign, at_us) {
            wrong("while it was halted");
        }
        if at_us >= letter.notify_until_us {
            wrong("too late");
        }
        Some(offer)
    }

    /// Which deliveries the ledger took back: only what provably reached nobody.
    pub(crate) fn look_for_refunds(&mut self) {
        let open: Vec<String> = self.post.open.iter().cloned().collect();
        for delivery in open {
            let sql = "SELECT EXISTS (SELECT 1 FROM delivery WHERE id = ?1),
                       EXISTS (SELECT 1 FROM outbox WHERE delivery = ?1)";
            let (is_there, is_on_its_way): (bool, bool) = {
                let mut read = self.db().prepare_cached(sql).unwrap();
                read.query_row([&delivery], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
            };
            if is_there && is_on_its_way {
                continue;
            }
            self.post.open.remove(&delivery);
            if is_there {
                continue;
            }
            let Some(row) = self.rows.get(&delivery).cloned() else { continue };
            if row.era != self.files[&row.customer].forgotten {
                continue;
            }
            if !self.post.reached_nobody(&delivery) {
                self.wrongs.push(format!("refunded, and may have been said: {row:?}"));
            }
            self.rows.remove(&delivery);
            self.refunded.insert(delivery.clone());
            self.post.forget(|letter| letter.delivery == delivery);
            if !row.test {
                *self.totals.entry(format!("delivered:{}", row.campaign)).or_default() -= 1;
                self.halted.said(&row.campaign, -1);
            }
        }
    }

    /// Feedback was committed, and this came of it.
    pub(crate) fn answered(&mut self, at_us: i64, with_clock: bool, told: &Feedback, noted: &Noted) {
        let mut wrong =
            |what: &str| self.wrongs.push(format!("feedback at {}, {what}: {told:?} {noted:?}", shown(at_us)));
        let letter = self.post.letters.get_mut(&told.offer_id).filter(|letter| letter.inbox == told.inbox);
        let Some(letter) = letter else {
            if *noted != Noted::Unknown {
                wrong("on nothing");
            }
            return;
        };
        if *noted == Noted::Unknown {
            // Without a clock nobody knows how late it is.
            if with_clock && at_us < letter.valid_until_us {
                wrong("not understood");
            }
            return;
        }
        if with_clock && at_us >= letter.valid_until_us {
            wrong("on what has ended");
        }
        let is_news = told.kind == Kind::Why || letter.heard.insert(told.kind.as_str());
        // A no is heeded whenever it is said.
        let is_no = matches!(told.kind, Kind::NoMore | Kind::Snooze | Kind::Stop);
        match (is_news || is_no, noted) {
            (false, Noted::Again) => return,
            (true, Noted::Taken { .. }) => {}
            _ => wrong("taken twice, or not at all"),
        }
        let has = |kinds: &[Kind]| kinds.iter().any(|kind| *kind != told.kind && letter.heard.contains(kind.as_str()));
        let was_engaged = has(&[Kind::Opened, Kind::Redeemed, Kind::Helpful, Kind::More]);
        let was_dismissed = has(&[Kind::Dismissed, Kind::NoMore]) || (!is_news && told.kind == Kind::NoMore);
        let besides = was_engaged || was_dismissed;
        let (campaign, is_test) = (letter.campaign.clone(), letter.test);
        let file = self.files.get_mut(&letter.customer).unwrap();
        let consent = in_force(&file.consents, at_us);
        let mind = &mut file.mind;
        match told.kind {
            Kind::Displayed | Kind::Why => {}
            Kind::Opened | Kind::Redeemed | Kind::Helpful if was_engaged => {}
            Kind::Opened | Kind::Redeemed | Kind::Helpful => {
                mind.reacts(&letter.matter, Reaction::Engaged, at_us, with_clock, besides);
            }
            Kind::Dismissed => mind.reacts(&letter.matter, Reaction::Dismissed, at_us, with_clock, besides),
            Kind::NoMore => mind.reacts(&letter.matter, Reaction::NoMore, at_us, with_clock, besides),
            Kind::More => mind.reacts(&letter.matter, Reaction::More, at_us, with_clock, besides),
            Kind::Snooze => mind.snoozed_until_us = mind.snoozed_until_us.max(told.snooze_until_us),
            Kind::Stop => mind.stopped_epoch = mind.stopped_epoch.max(consent.map(|consent| consent.epoch)),
        }
        let mut expected = None;
        if !is_test && is_news && told.kind != Kind::Why {
            *self.totals.entry(format!("{}:{campaign}", told.kind.as_str())).or_default() += 1;
            let is_dismissal = matches!(told.kind, Kind::Dismissed | Kind::NoMore);
            let stops = is_dismissal && !was_dismissed && self.halted.dismissed(&campaign, at_us);
            expected = stops.then_some(campaign);
        }
        let Noted::Taken { stopped, .. } = noted else { return };
        if *stopped != expected {
            self.wrongs.push(format!("{stopped:?} stopped over its dismissals, and not {expected:?}"));
        }
    }

    /// Offers that ended were let go of, by a clock that is believed.
    pub(crate) fn swept(&mut self, at_us: i64) {
        let ended = self.post.letters.values().filter(|letter| letter.valid_until_us <= at_us);
        for letter in ended {
            let is_ignored = letter.heard.iter().all(|kind| *kind == "displayed") && !letter.heard.is_empty();
            if let Some(file) = self.files.get_mut(&letter.customer).filter(|_| is_ignored) {
                file.mind.reacts(&letter.matter, Reaction::Ignored, at_us, true, false);
            }
        }
        self.post.forget(|letter| letter.valid_until_us <= at_us);
    }

    /// Something was bought, or given back.
    pub(crate) fn bought(&mut self, at_us: i64, with_clock: bool, customer: &str, category: &str, sale: (bool, i64)) {
        let Some(file) = self.files.get_mut(customer) else { return };
        let Some(consent) = in_force(&file.consents, at_us).cloned() else { return };
        let is_known = self.config.offers.categories.iter().any(|known| *known.id == *category);
        if !rules::is_personal(&consent) || !is_known || !rules::is_live(&self.config, &consent, at_us) {
            return;
        }
        let (is_return, sold_us) = sale;
        file.mind.buys(category, is_return, sold_us, with_clock);
        if !is_return {
            let wishes = consent.declared.iter().flat_map(|declared| &declared.wishes);
            let fulfilled = wishes.filter(|wish| *wish.category == *category);
            fulfilled.for_each(|wish| file.mind.wish_is_gone(&rules::name(wish), at_us));
        }
    }

    /// A word of the shop was taken.
    pub(crate) fn halted(&mut self, word: &Word, word_us: i64) {
        match word {
            Word::Pause(until_us) => self.halted.pause(*until_us, word_us),
            Word::Resume => self.halted.pause(0, word_us),
            Word::Stop(campaign) => self.halted.campaign(campaign, true, word_us),
            Word::Start(campaign) => self.halted.campaign(campaign, false, word_us),
        }
    }

    /// A live value was told.
    pub(crate) fn value(&mut self, name: &str, value_us: i64, good_for_us: i64) {
        self.halted.value(name, value_us, good_for_us);
    }
}
