//! The ledger against a model of it that is a few lists: whatever is asked of both, in any order and over crashes, they
//! agree on what was said, what was refunded, what customers made of it, and the totals. What fails shrinks to the shortest.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use emma::config::offers::{Campaign, Class};
use emma::config::span::Span;
use emma::config::{self, Sources};
use emma::gateway::cap::{CapRule, CapScope, Window};
use emma::gateway::consent::CustomerId;
use emma::gateway::effect::{Answer, Delivery, DeliveryId, Ending, Offer, Reservation};
use emma::gateway::feedback::{self, Heard, Kind};
use emma::gateway::stance::{Signal, Stance};
use emma::ledger::Store;
use emma::ledger::halts::Word;
use emma::ledger::said::{Feedback, Noted};
use emma::mqtt::Outcome;
use emma::mqtt::event::Draft;
use proptest::prelude::*;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
const START: i64 = 1_790_000_000 * SECOND;
const NOTIFY: i64 = 90 * SECOND;
const PEOPLE: [&str; 2] = ["ann", "bob"];
const CAMPAIGNS: [&str; 2] = ["boots", "socks"];
const RECIPIENTS: [&str; 2] = ["push", "till"];
const AT_MOST: usize = 2;

static CAMPAIGN: LazyLock<Arc<Campaign>> =
    LazyLock::new(|| Arc::new(config::check(&Sources::shipped()).config.unwrap().offers.campaigns[0].clone()));

/// What is asked of both.
#[derive(Clone, Debug)]
enum Ask {
    Reserve { who: usize, campaign: usize, valid_s: i64, recipients: usize },
    Take(usize),
    Settle(usize, Outcome),
    Expire,
    EndOffers(usize),
    Feedback(usize, Kind),
    EndSaid,
    Word { campaign: usize, stops: bool, late_s: i64 },
    Forget(usize),
    Consent(usize),
    Crash,
    Pass(i64),
}

fn ask() -> impl Strategy<Value = Ask> {
    let outcome = prop_oneof![Just(Outcome::Acknowledged), Just(Outcome::Refused), Just(Outcome::Expired)];
    prop_oneof![
        4 => (0..2_usize, 0..2_usize, 1..8_000_i64, 1..3_usize)
            .prop_map(|(who, campaign, valid_s, recipients)| Ask::Reserve { who, campaign, valid_s, recipients }),
        3 => (1..4_usize).prop_map(Ask::Take),
        3 => (0..4_usize, outcome).prop_map(|(nth, outcome)| Ask::Settle(nth, outcome)),
        1 => Just(Ask::Expire),
        1 => (0..2_usize).prop_map(Ask::EndOffers),
        4 => (0..6_usize, proptest::sample::select(&Kind::ALL[..])).prop_map(|(nth, kind)| Ask::Feedback(nth, kind)),
        1 => Just(Ask::EndSaid),
        1 => (0..2_usize, any::<bool>(), 0..40_i64)
            .prop_map(|(campaign, stops, late_s)| Ask::Word { campaign, stops, late_s }),
        1 => (0..2_usize).prop_map(Ask::Forget),
        1 => (0..2_usize).prop_map(Ask::Consent),
        1 => Just(Ask::Crash),
        3 => (1..4_000_i64).prop_map(Ask::Pass),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// In the outbox, not handed over in this life.
    Waits,
    /// In the outbox, handed over.
    HandedOver,
    Gone,
}

/// One recipient's copy.
#[derive(Clone, Debug)]
struct Copy {
    offer: String,
    row: i64,
    way: Way,
    /// It was in the outbox when this life began.
    earlier: bool,
    expires_us: i64,
    valid_until_us: i64,
    heard: Heard,
    /// Feedback on it is understood.
    said: bool,
    ending: bool,
}

#[derive(Clone, Debug)]
struct Said {
    id: String,
    who: usize,
    campaign: usize,
    at_us: i64,
    reached: bool,
    copies: Vec<Copy>,
}

/// The same in lists.
#[derive(Default)]
struct Model {
    now_us: i64,
    rows: i64,
    /// Rows in the outbox that tell of endings, until when, and whom: they are handed over like others.
    endings: BTreeMap<i64, (i64, usize)>,
    taken_row: i64,
    log: Vec<Said>,
    stances: [Stance; 2],
    consents: [bool; 2],
    forgotten_us: [Option<i64>; 2],
    words: BTreeMap<usize, (i64, bool)>,
    totals: BTreeMap<String, i64>,
}

impl Model {
    fn count(&mut self, what: &str, campaign: usize, n: i64) {
        *self.totals.entry(format!("{what}:{}", CAMPAIGNS[campaign])).or_default() += n;
    }

    fn note(&mut self, who: usize, signal: Signal) {
        if self.consents[who] {
            self.stances[who].hear(signal, self.now_us);
        }
    }

    fn reserve(&mut self, who: usize, campaign: usize, valid_us: i64, recipients: usize) -> Answer {
        let is_inside = |at_us: i64| at_us > self.now_us - HOUR;
        let inside = self.log.iter().filter(|said| said.who == who && is_inside(said.at_us)).count();
        if inside >= AT_MOST || self.forgotten_us[who].is_some_and(is_inside) {
            return Answer::Refused(CapScope::Customer);
        }
        let id = format!("{}-{}", PEOPLE[who], self.now_us);
        let copies = RECIPIENTS[..recipients].iter().map(|recipient| {
            self.rows += 1;
            Copy {
                offer: format!("{id}-{recipient}"),
                row: self.rows,
                way: Way::Waits,
                earlier: false,
                expires_us: self.now_us + NOTIFY,
                valid_until_us: self.now_us + valid_us,
                heard: Heard::default(),
                said: true,
                ending: false,
            }
        });
        let copies = copies.collect();
        self.log.push(Said { id, who, campaign, at_us: self.now_us, reached: false, copies });
        self.count("delivered", campaign, 1);
        Answer::Granted
    }

    /// A copy is on its way no more.
    fn ends(&mut self, nth: (usize, usize), reached: bool) {
        let said = &mut self.log[nth.0];
        said.copies[nth.1].way = Way::Gone;
        said.reached |= reached;
        if !said.reached && said.copies.iter().all(|copy| copy.way == Way::Gone) {
            let campaign = said.campaign;
            said.copies.iter_mut().for_each(|copy| copy.said = false);
            said.id.clear();
            self.count("delivered", campaign, -1);
        }
    }

    fn all(&self, is_meant: impl Fn(&Said, &Copy) -> bool) -> Vec<(usize, usize)> {
        let of = |(nth, said): (usize, &Said)| {
            let copies = said.copies.iter().enumerate().filter(|(_, copy)| is_meant(said, copy));
            copies.map(|(copy, _)| (nth, copy)).collect::<Vec<_>>()
        };
        self.log.iter().enumerate().flat_map(of).collect()
    }

    fn take_back(&mut self, is_meant: impl Fn(&Said, &Copy) -> bool) {
        let mut endings = Vec::new();
        for nth in self.all(|said, copy| copy.said && is_meant(said, copy)) {
            let who = self.log[nth.0].who;
            let copy = &mut self.log[nth.0].copies[nth.1];
            if copy.way == Way::Waits && !copy.earlier {
                copy.said = false;
                self.ends(nth, false);
                continue;
            }
            copy.ending = true;
            let (is_on_its_way, until_us, offer) = (copy.way != Way::Gone, copy.valid_until_us, copy.offer.clone());
            if is_on_its_way {
                self.ends(nth, true);
            }
            endings.push((until_us, offer, who));
        }
        // What ends first is told first.
        endings.sort();
        for (until_us, _, who) in endings {
            self.rows += 1;
            self.endings.insert(self.rows, (until_us, who));
        }
        self.log.retain(|said| !said.id.is_empty());
    }

    fn take(&mut self, limit: usize) -> Vec<i64> {
        let now_us = self.now_us;
        let fresh = self.all(|_, copy| copy.way != Way::Gone && copy.row > self.taken_row && copy.expires_us > now_us);
        let mut rows: Vec<i64> = fresh.iter().map(|nth| self.log[nth.0].copies[nth.1].row).collect();
        let endings = self.endings.iter().filter(|(row, (until_us, _))| **row > self.taken_row && *until_us > now_us);
        rows.extend(endings.map(|(row, _)| *row));
        rows.sort_unstable();
        rows.truncate(limit);
        self.taken_row = rows.last().copied().unwrap_or(self.taken_row);
        for nth in self.all(|_, copy| copy.way == Way::Waits && copy.row <= self.taken_row) {
            let copy = &mut self.log[nth.0].copies[nth.1];
            if rows.contains(&copy.row) {
                copy.way = Way::HandedOver;
            } else {
                // It expired before those that were taken.
                let earlier = copy.earlier;
                self.ends(nth, earlier);
            }
        }
        self.log.retain(|said| !said.id.is_empty());
        rows
    }

    fn settle(&mut self, row: i64, outcome: Outcome) {
        self.endings.remove(&row);
        for nth in self.all(|_, copy| copy.row == row && copy.way != Way::Gone) {
            let reached = outcome != Outcome::Refused || self.log[nth.0].copies[nth.1].earlier;
            self.ends(nth, reached);
        }
        self.log.retain(|said| !said.id.is_empty());
    }

    fn expire(&mut self) {
        let now_us = self.now_us;
        for nth in self.all(|_, copy| copy.way == Way::Waits && copy.expires_us <= now_us) {
            let earlier = self.log[nth.0].copies[nth.1].earlier;
            self.ends(nth, earlier);
        }
        for nth in self.all(|_, copy| copy.way == Way::HandedOver && copy.expires_us <= now_us - 60 * SECOND) {
            self.ends(nth, true);
        }
        self.log.retain(|said| !said.id.is_empty());
    }

    fn feedback(&mut self, offer: &str, kind: Kind) -> &'static str {
        let now_us = self.now_us;
        let found = self.all(|_, copy| copy.offer == offer && copy.said && copy.valid_until_us > now_us);
        let Some(nth) = found.first().copied() else { return "unknown" };
        let said = &mut self.log[nth.0];
        let (who, campaign) = (said.who, said.campaign);
        let before = said.copies[nth.1].heard;
        let Some(after) = before.with(kind) else { return "again" };
        said.copies.iter_mut().for_each(|copy| copy.heard = after);
        let matter = format!("campaign:{}", CAMPAIGNS[campaign]).into();
        let epoch = u64::from(self.consents[who]);
        if let Some(signal) = feedback::signal(kind, before, &matter, now_us + HOUR, epoch) {
            self.note(who, signal);
        }
        if after != before || kind == Kind::Why {
            self.count(kind.as_str(), campaign, 1);
        }
        "taken"
    }

    /// A delivery ends with all its copies.
    fn end_said(&mut self) {
        let now_us = self.now_us;
        for nth in self.all(|_, copy| copy.said && copy.valid_until_us <= now_us) {
            let said = &mut self.log[nth.0];
            if !said.copies[nth.1].said {
                continue;
            }
            let matter = format!("campaign:{}", CAMPAIGNS[said.campaign]).into();
            let who = said.who;
            said.copies.iter_mut().for_each(|copy| copy.said = false);
            if let Some(signal) = said.copies[nth.1].heard.at_the_end(&matter) {
                self.note(who, signal);
            }
        }
    }

    fn crash(&mut self) {
        for nth in self.all(|_, copy| copy.way != Way::Gone) {
            let copy = &mut self.log[nth.0].copies[nth.1];
            (copy.way, copy.earlier) = (Way::Waits, true);
        }
        self.taken_row = 0;
    }

    fn forget(&mut self, who: usize) {
        if self.log.iter().any(|said| said.who == who) {
            self.forgotten_us[who] = Some(self.now_us);
        }
        self.log.retain(|said| said.who != who);
        self.endings.retain(|_, (_, of)| *of != who);
        self.stances[who] = Stance::default();
        self.consents[who] = false;
    }
}

fn reservation(model: &Model, who: usize, campaign: usize, valid_us: i64) -> Reservation {
    let at_us = model.now_us;
    Reservation {
        delivery: Delivery {
            id: DeliveryId(format!("{}-{at_us}", PEOPLE[who]).into()),
            customer: CustomerId::new(PEOPLE[who]).unwrap(),
            at_us,
            class: Class::Offer,
            campaign: CAMPAIGNS[campaign].into(),
            category: None,
            zone: "z".into(),
            site: "s".into(),
            visit_us: at_us,
            epoch: 1,
            ghost: false,
            test: false,
        },
        caps: vec![CapRule {
            scope: CapScope::Customer,
            at_most: u32::try_from(AT_MOST).unwrap(),
            after_us: Some(at_us - HOUR),
            promised: true,
            window: Window::Rolling(Span::Micros(HOUR.unsigned_abs())),
        }],
        wishes: Vec::new(),
        codes: Vec::new(),
        offer: Offer {
            zone: "z".into(),
            zone_name: BTreeMap::new(),
            trigger: "entered",
            texts: Vec::new(),
            notify_until_us: at_us + NOTIFY,
            valid_until_us: at_us + valid_us,
            recipients: Vec::new(),
            used: Vec::new(),
            notice: None,
            test: false,
            campaign: Arc::clone(&CAMPAIGN),
        },
    }
}

fn drafts(wanted: &Reservation, recipients: usize) -> Vec<Draft> {
    let draft = |recipient: &&str| {
        let offer_id = format!("{}-{recipient}", wanted.delivery.id);
        Draft {
            recipient: (*recipient).into(),
            inbox: "inbox".into(),
            topic: format!("emma/v1/s/offer/{recipient}/inbox"),
            event_id: offer_id.as_str().into(),
            offer_id: offer_id.as_str().into(),
            payload: "{}".into(),
            why: "{}".into(),
            expires_us: wanted.offer.notify_until_us,
            valid_until_us: wanted.offer.valid_until_us,
        }
    };
    RECIPIENTS[..recipients].iter().map(draft).collect()
}

/// Asks both the same, and holds their answers against each other.
fn asked(store: &mut Store, model: &mut Model, file: &Path, offers: &mut Vec<String>, taken: &mut Vec<i64>, ask: &Ask) {
    model.now_us += 1;
    let now_us = model.now_us;
    let id = |who: usize| CustomerId::new(PEOPLE[who]).unwrap();
    match *ask {
        Ask::Reserve { who, campaign, valid_s, recipients } => {
            let wanted = reservation(model, who, campaign, valid_s * SECOND);
            let drafts = drafts(&wanted, recipients);
            offers.extend(drafts.iter().map(|draft| draft.offer_id.to_string()));
            let answer = store.reserve(&wanted, &drafts).unwrap();
            assert_eq!(answer, model.reserve(who, campaign, valid_s * SECOND, recipients));
        }
        Ask::Take(limit) => {
            let rows: Vec<i64> = store.take(limit, now_us).unwrap().iter().map(|row| row.row).collect();
            assert_eq!(rows, model.take(limit), "what is handed over");
            taken.extend(rows);
        }
        Ask::Settle(nth, outcome) => {
            if nth < taken.len() {
                let row = taken.remove(nth);
                store.settle(row, outcome).unwrap();
                model.settle(row, outcome);
            }
        }
        Ask::Expire => {
            store.expire(now_us).unwrap();
            model.expire();
        }
        Ask::EndOffers(who) => {
            store.end_offers(&id(who), Ending::Withdrawn, now_us).unwrap();
            model.take_back(|said, copy| said.who == who && copy.expires_us > now_us && !copy.ending);
            for nth in model.all(|said, copy| said.who == who && copy.way != Way::Gone) {
                let copy = &model.log[nth.0].copies[nth.1];
                let reached = copy.way == Way::HandedOver || copy.earlier;
                model.ends(nth, reached);
            }
            model.log.retain(|said| !said.id.is_empty());
        }
        Ask::Feedback(nth, kind) => {
            let Some(offer_id) = offers.iter().rev().nth(nth).cloned() else { return };
            let expected = model.feedback(&offer_id, kind);
            let told = Feedback { inbox: "inbox".into(), offer_id, kind, snooze_until_us: now_us + HOUR };
            let noted = match store.hear_feedback(&told, now_us).unwrap() {
                Noted::Taken { .. } => "taken",
                Noted::Again => "again",
                Noted::Unknown => "unknown",
            };
            assert_eq!(noted, expected, "{told:?}");
        }
        Ask::EndSaid => {
            store.end_said(now_us).unwrap();
            model.end_said();
        }
        Ask::Word { campaign, stops, late_s } => {
            let word_us = now_us - late_s * SECOND;
            let name = CAMPAIGNS[campaign].into();
            let word = if stops { Word::Stop(name) } else { Word::Start(name) };
            let is_news = model.words.get(&campaign).is_none_or(|(last_us, _)| word_us > *last_us);
            assert_eq!(store.give_word(&word, word_us, now_us).unwrap(), is_news);
            if is_news {
                model.words.insert(campaign, (word_us, stops));
            }
            if is_news && stops {
                model.take_back(|said, copy| said.campaign == campaign && copy.valid_until_us > now_us && !copy.ending);
            }
        }
        Ask::Forget(who) => {
            store.forget(&id(who), now_us).unwrap();
            model.forget(who);
        }
        Ask::Consent(who) => {
            store.save_consent(&id(who), 1, "{}").unwrap();
            model.consents[who] = true;
        }
        Ask::Crash => {
            *store = Store::open(file, [7; 32]).unwrap();
            model.crash();
            taken.clear();
        }
        Ask::Pass(s) => model.now_us += s * SECOND,
    }
}

fn agree(store: &Store, model: &Model) {
    for (who, name) in PEOPLE.iter().enumerate() {
        let id = CustomerId::new(name).unwrap();
        let log = store.log(&id).unwrap();
        let mut expected: Vec<&Said> = model.log.iter().filter(|said| said.who == who).collect();
        expected.sort_by_key(|said| said.at_us);
        let ids: Vec<&str> = log.iter().map(|delivery| &*delivery.id.0).collect();
        assert_eq!(ids, expected.iter().map(|said| said.id.as_str()).collect::<Vec<_>>(), "what counts of {name}");
        assert_eq!(store.stance(&id).unwrap().unwrap_or_default(), model.stances[who], "what {name} made of it");
    }
    let stopped = model.words.iter().filter(|(_, (_, stops))| *stops).map(|(campaign, _)| CAMPAIGNS[*campaign].into());
    assert_eq!(store.halts().unwrap().campaigns, stopped.collect(), "what is halted");
    let mut totals: BTreeMap<String, i64> =
        store.totals(0).unwrap().into_iter().map(|(what, count)| (what, count.cast_signed())).collect();
    totals.retain(|_, count| *count != 0);
    let mut expected = model.totals.clone();
    expected.retain(|_, count| *count != 0);
    assert_eq!(totals, expected, "the totals");
}

proptest! {
    // Each case opens a file of its own.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_ledger_does_what_a_few_lists_would(asks in proptest::collection::vec(ask(), 1..60)) {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let file = folder.path().join("ledger.db");
        let mut store = Store::open(&file, [7; 32]).unwrap();
        let mut model = Model { now_us: START, consents: [true; 2], ..Model::default() };
        for name in PEOPLE {
            store.save_consent(&CustomerId::new(name).unwrap(), 1, "{}").unwrap();
        }
        let (mut offers, mut taken) = (Vec::new(), Vec::new());
        for ask in &asks {
            asked(&mut store, &mut model, &file, &mut offers, &mut taken, ask);
            agree(&store, &model);
        }
    }
}
