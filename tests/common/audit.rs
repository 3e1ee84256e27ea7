//! The auditor: holds everything that was said and told against the promise, by its own arithmetic.
//!
//! It knows the checked configurations and the consents as they were accepted, what customers and the shop said, and reads
//! the ledger with its own SQL. Nothing of the gates, the caps, the stances or the civil time of the core is used here. It
//! remembers what Emma forgets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use emma::config::Config;
use emma::gateway::consent::Consent;
use emma::gateway::effect::{Happening, What};
use rusqlite::{Connection, params};

use crate::mind::{Halted, Mind};
use crate::post::Post;
use crate::rules::{self, Scene};
use crate::story::{Kept, Story};

#[path = "hearsay.rs"]
mod hearsay;

#[path = "windows.rs"]
mod windows;

/// A delivery as the ledger's file has it, and what was in force when it was made.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) customer: String,
    pub(crate) at_us: i64,
    pub(crate) class: String,
    pub(crate) campaign: String,
    pub(crate) category: Option<String>,
    pub(crate) zone: String,
    pub(crate) site: String,
    pub(crate) epoch: i64,
    pub(crate) ghost: bool,
    pub(crate) test: bool,
    /// How often the customer had been forgotten before it.
    pub(crate) era: usize,
    /// The customer's caps were halved.
    pub(crate) less: bool,
    pub(crate) law: Arc<Law>,
}

/// The configuration and the consent under which a delivery was made.
pub(crate) struct Law {
    pub(crate) config: Arc<Config>,
    pub(crate) consent: Option<Arc<Consent>>,
}

/// A whole configuration would bury what is wrong.
impl fmt::Debug for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.config.promise.caps.customer)
    }
}

impl Row {
    fn is_marketing(&self) -> bool {
        self.class != "service"
    }
}

/// What is known of one customer.
#[derive(Default)]
struct File {
    /// Each consent and withdrawal, with when.
    consents: Vec<(i64, Option<Arc<Consent>>)>,
    forgotten: usize,
    story: Story,
    mind: Mind,
    /// Whether they are in a campaign's control group.
    groups: BTreeMap<String, bool>,
}

/// Everything so far.
pub(crate) struct Audit {
    config: Arc<Config>,
    ledger: PathBuf,
    db: Option<Connection>,
    files: BTreeMap<String, File>,
    rows: BTreeMap<String, Row>,
    halted: Halted,
    post: Post,
    totals: BTreeMap<String, i64>,
    /// Deliveries that were taken back.
    refunded: BTreeSet<String>,
    /// The last row of the outbox that was read, and until when deliveries were.
    outbox_row: i64,
    read_us: i64,
    last_us: i64,
    withdrawing: Option<String>,
    wrongs: Vec<String>,
}

impl Audit {
    pub(crate) fn new(config: Arc<Config>, ledger: &Path) -> Self {
        Self {
            config,
            ledger: ledger.to_owned(),
            db: None,
            files: BTreeMap::new(),
            rows: BTreeMap::new(),
            halted: Halted::default(),
            post: Post::default(),
            totals: BTreeMap::new(),
            refunded: BTreeSet::new(),
            outbox_row: 0,
            read_us: 0,
            last_us: 0,
            withdrawing: None,
            wrongs: Vec::new(),
        }
    }

    fn db(&mut self) -> &Connection {
        self.db.get_or_insert_with(|| Connection::open(&self.ledger).unwrap())
    }

    /// Another configuration came into force.
    pub(crate) fn configured(&mut self, config: &Arc<Config>) {
        self.config = Arc::clone(config);
        // A share that changes draws anew.
        self.files.values_mut().for_each(|file| file.groups.clear());
    }

    /// A consent came into force.
    pub(crate) fn consented(&mut self, at_us: i64, consent: Arc<Consent>) {
        let file = self.files.entry(consent.customer.as_str().to_owned()).or_default();
        file.consents.push((at_us, Some(consent)));
        file.story.consented();
    }

    /// Whether a consent is in force at a true time.
    pub(crate) fn is_live(&self, at_us: i64, customer: &str) -> bool {
        let consent = self.files.get(customer).and_then(|file| in_force(&file.consents, at_us));
        consent.is_some_and(|consent| rules::is_live(&self.config, consent, at_us))
    }

    /// A customer withdraws: whatever is told of them from now on can only be an end.
    pub(crate) fn withdraws(&mut self, customer: &str) {
        self.withdrawing = Some(customer.to_owned());
    }

    /// A customer was forgotten.
    pub(crate) fn forgets(&mut self, at_us: i64, customer: &str) {
        self.withdrawing = None;
        self.post.forget(|letter| letter.customer == customer);
        // Somebody may be reading: the pages are about to be rewritten.
        self.db = None;
        let file = self.files.entry(customer.to_owned()).or_default();
        file.consents.push((at_us, None));
        file.forgotten += 1;
        file.mind = Mind::default();
        file.story.forgotten(at_us);
    }

    /// A transmission of theirs was taken in at this true time.
    pub(crate) fn heard(&mut self, at_us: i64, customer: &str, with_clock: bool) {
        self.files.entry(customer.to_owned()).or_default().story.heard(at_us, with_clock);
    }

    /// What the timeline tells, in its order; `true_us` is what a right clock would have shown.
    pub(crate) fn happened(&mut self, happened: &[Happening], true_us: impl Fn(u64) -> i64) {
        for happening in happened {
            let at_us = true_us(happening.at.monotonic_us);
            if at_us < self.last_us && !is_answer(happening) {
                self.wrongs.push(format!("told out of order: {happening:?}"));
            }
            self.last_us = self.last_us.max(at_us);
            let Some(file) = self.files.get_mut(happening.customer.as_str()) else {
                self.wrongs.push(format!("of somebody unknown: {happening:?}"));
                continue;
            };
            let consent = in_force(&file.consents, at_us).cloned();
            let mut wrong = |what: &str| {
                self.wrongs.push(format!("{} at {}: {what}: {happening:?}", happening.customer.as_str(), shown(at_us)));
            };
            match &consent {
                None => wrong("without a consent"),
                Some(consent) => {
                    if let Some(wall_us) = happening.at.wall_us {
                        if (wall_us - at_us).abs() > 1 {
                            wrong("a wrong clock was believed");
                        }
                        if !rules::is_closing(happening) && !rules::is_live(&self.config, consent, wall_us) {
                            wrong("outside the consent's dates");
                        }
                    }
                    let (config, mind, halted) = (&*self.config, &file.mind, &self.halted);
                    rules::withheld(Scene { config, consent, mind, halted }, happening)
                        .into_iter()
                        .for_each(&mut wrong);
                }
            }
            let is_live = consent.as_ref().is_some_and(|consent| rules::is_live(&self.config, consent, at_us));
            let over = !is_live || self.withdrawing.as_deref() == Some(happening.customer.as_str());
            file.story.told(&self.config, happening, at_us, over).into_iter().for_each(wrong);
            if let Some((campaign, ghost)) = made(happening) {
                self.read_one(happening.customer.as_str(), at_us, campaign, ghost);
            }
        }
    }

    /// The process ended; `cut` in the middle of something. The ledger's open visits are what the next life knows.
    pub(crate) fn died(&mut self, at_us: i64, cut: bool) {
        self.read_since(self.read_us);
        self.read_outbox(false);
        self.post.died();
        self.halted.knows_no_values();
        let mut visits = BTreeMap::new();
        {
            let mut read = self.db().prepare("SELECT customer, zone, dwelled FROM visit").unwrap();
            let mut rows = read.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let dwelled = serde_json::from_str(&row.get::<_, String>(2).unwrap()).unwrap();
                visits.insert(row.get::<_, String>(0).unwrap(), Kept { zone: row.get(1).unwrap(), dwelled });
            }
        }
        for (customer, file) in &mut self.files {
            let remembers = in_force(&file.consents, at_us).is_some_and(|consent| rules::is_remembered(consent));
            if let Some(what) = file.story.died(visits.remove(customer), cut || !remembers, at_us) {
                self.wrongs.push(format!("{customer} at {}: {what}", shown(at_us)));
            }
        }
        self.read_us = at_us;
    }

    /// A delivery that was just told has to be in the ledger.
    fn read_one(&mut self, customer: &str, at_us: i64, campaign: &str, ghost: bool) {
        let condition = "customer = ?1 AND at_us = ?2 AND campaign = ?3 AND ghost = ?4";
        let fresh = self.read(condition, params![customer, at_us, campaign, ghost]);
        if fresh != 1 {
            self.wrongs.push(format!("{customer} at {}: what was told is {fresh} times in the ledger", shown(at_us)));
        }
        self.read_outbox(true);
    }

    fn read_since(&mut self, since_us: i64) {
        self.read("at_us >= ?1", params![since_us]);
    }

    /// Reads deliveries, and returns how many were new; those known already stay as they were.
    fn read(&mut self, condition: &str, values: &[&dyn rusqlite::ToSql]) -> usize {
        let sql = format!(
            "SELECT id, customer, at_us, class, campaign, category, zone, site, epoch, ghost, test FROM delivery
             WHERE {condition}"
        );
        let mut fresh = Vec::new();
        {
            let law = Arc::new(Law { config: Arc::clone(&self.config), consent: None });
            let mut read = self.db().prepare_cached(&sql).unwrap();
            let mut rows = read.query(values).unwrap();
            while let Some(row) = rows.next().unwrap() {
                fresh.push(Row {
                    id: row.get(0).unwrap(),
                    customer: row.get(1).unwrap(),
                    at_us: row.get(2).unwrap(),
                    class: row.get(3).unwrap(),
                    campaign: row.get(4).unwrap(),
                    category: row.get(5).unwrap(),
                    zone: row.get(6).unwrap(),
                    site: row.get(7).unwrap(),
                    epoch: row.get(8).unwrap(),
                    ghost: row.get(9).unwrap(),
                    test: row.get(10).unwrap(),
                    era: 0,
                    less: false,
                    law: Arc::clone(&law),
                });
            }
        }
        fresh.retain(|row| !self.rows.contains_key(&row.id));
        let count = fresh.len();
        for row in fresh {
            self.learn(row);
        }
        count
    }

    /// A delivery is new: it is judged as things stood, and changes how they stand.
    fn learn(&mut self, mut row: Row) {
        let Some(file) = self.files.get_mut(&row.customer) else {
            self.wrongs.push(format!("{row:?} is of somebody who never consented"));
            return;
        };
        let consent = in_force(&file.consents, row.at_us).cloned();
        row.era = file.forgotten;
        row.less = file.mind.wants_less();
        row.law = Arc::new(Law { config: Arc::clone(&self.config), consent: consent.clone() });
        let mut wrong = |what: &str| self.wrongs.push(format!("{what}: {} {row:?}", shown(row.at_us)));
        let Some(consent) = consent else { return wrong("without a consent") };
        let (config, halted) = (&*self.config, &self.halted);
        let scene = Scene { config, consent: &consent, mind: &file.mind, halted };
        rules::delivered(scene, &row).into_iter().for_each(&mut wrong);
        if file.story.is_at_work(row.at_us) {
            wrong("said to someone at work");
        }
        let campaign = config.offers.campaigns.iter().find(|known| *known.id == *row.campaign).unwrap();
        if campaign.control_share > 0.0 && consent.purposes.lift_measurement {
            let group = *file.groups.entry(row.campaign.clone()).or_insert(row.ghost);
            if group != row.ghost {
                wrong("in the control group, and then not");
            }
        }
        let granted = if row.ghost { Vec::new() } else { rules::wishes(scene, campaign, row.at_us) };
        for wish in &granted {
            file.mind.wish_is_gone(wish, row.at_us);
        }
        if !row.test {
            let kind = if row.ghost { "ghost" } else { "delivered" };
            *self.totals.entry(format!("{kind}:{}", row.campaign)).or_default() += 1;
            self.halted.said(&row.campaign, i64::from(!row.ghost));
        }
        self.rows.insert(row.id.clone(), row);
    }

    /// How many were made to customers whose caps were halved, and how many taken back.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.rows.values().filter(|row| row.less).count(), self.refunded.len())
    }

    /// Judges the whole life, and returns how many deliveries there were and everything that was wrong. `pruned_us` is when
    /// what is older was let go.
    pub(crate) fn judge(mut self, pruned_us: i64) -> (usize, Vec<String>) {
        self.read_since(0);
        let present = self.present();
        let mut by_customer: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
        for row in self.rows.values() {
            by_customer.entry(&row.customer).or_default().push(row);
        }
        let mut wrongs = std::mem::take(&mut self.wrongs);
        let told: BTreeSet<&str> = self.files.values().flat_map(|file| file.story.delivered()).collect();
        wrongs.extend(
            told.iter()
                .filter(|id| !self.rows.contains_key(**id) && !self.refunded.contains(**id))
                .map(|id| format!("{id} is not in the ledger")),
        );
        for (customer, mut rows) in by_customer {
            rows.sort_by_key(|row| row.at_us);
            let file = &self.files[customer];
            let gone = rows.iter().filter(|row| row.era == file.forgotten && row.at_us >= pruned_us);
            let gone = gone.filter(|row| !present.contains(&row.id));
            wrongs.extend(gone.map(|row| format!("it is not in the ledger any more, and was not refunded: {row:?}")));
            windows::hold(&file.story, &rows, &mut wrongs);
        }
        wrongs.extend(self.wrong_totals());
        (self.rows.len(), wrongs)
    }

    fn present(&mut self) -> BTreeSet<String> {
        let mut read = self.db().prepare("SELECT id FROM delivery").unwrap();
        read.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// The ledger's totals of what was said and heard have to be what was counted here.
    fn wrong_totals(&mut self) -> Vec<String> {
        let mut found: BTreeMap<String, i64> = BTreeMap::new();
        {
            let mut read = self.db().prepare("SELECT what, sum(count) FROM total WHERE what LIKE '%:%' AND what NOT LIKE 'withheld:%' GROUP BY what").unwrap();
            let mut rows = read.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                found.insert(row.get(0).unwrap(), row.get(1).unwrap());
            }
        }
        self.totals.retain(|_, count| *count != 0);
        found.retain(|_, count| *count != 0);
        let differ = self.totals.keys().chain(found.keys()).collect::<BTreeSet<_>>().into_iter();
        let differ = differ.filter(|what| self.totals.get(*what) != found.get(*what));
        let told = |what: &String| {
            let [counted, found] = [&self.totals, &found].map(|totals| totals.get(what).copied().unwrap_or(0));
            format!("the total of {what} is {found}, and was {counted}")
        };
        differ.map(told).collect()
    }
}

fn in_force(consents: &[(i64, Option<Arc<Consent>>)], at_us: i64) -> Option<&Arc<Consent>> {
    consents.iter().rev().find(|(from_us, _)| *from_us <= at_us)?.1.as_ref()
}

/// The campaign of which something was committed, and whether it was a ghost.
fn made(happening: &Happening) -> Option<(&str, bool)> {
    match &happening.what {
        What::Delivered { campaign, .. } => Some((campaign, false)),
        What::Withheld { campaign, reason, .. } if reason.as_str() == "control" => Some((campaign, true)),
        _ => None,
    }
}

/// The ledger's answers are told with the instant of their trigger, after what else happened then.
fn is_answer(happening: &Happening) -> bool {
    matches!(happening.what, What::Delivered { .. } | What::Withheld { .. })
}

fn shown(at_us: i64) -> String {
    jiff::Timestamp::from_microsecond(at_us).unwrap().to_string()
}
