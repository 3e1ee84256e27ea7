//! The auditor: holds everything that was said and told against the promise, by its own arithmetic.
//!
//! It knows the checked configuration and the consents as they were accepted, and reads the ledger with its own SQL.
//! Nothing of the gates, the caps or the civil time of the core is used here. It remembers what Emma forgets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use emma::config::Config;
use emma::config::promise::Cap;
use emma::gateway::consent::Consent;
use emma::gateway::effect::Happening;
use rusqlite::Connection;

use crate::rules;
use crate::story::{Kept, Story};

/// A delivery as the ledger's file has it.
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
    /// How often the customer had been forgotten before it.
    pub(crate) era: usize,
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
}

/// Everything so far.
pub(crate) struct Audit {
    config: Arc<Config>,
    files: BTreeMap<String, File>,
    rows: BTreeMap<String, Row>,
    last_us: i64,
    withdrawing: Option<String>,
    wrongs: Vec<String>,
}

impl Audit {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            files: BTreeMap::new(),
            rows: BTreeMap::new(),
            last_us: 0,
            withdrawing: None,
            wrongs: Vec::new(),
        }
    }

    /// A consent came into force.
    pub(crate) fn consented(&mut self, at_us: i64, consent: Arc<Consent>) {
        let file = self.files.entry(consent.customer.as_str().to_owned()).or_default();
        file.consents.push((at_us, Some(consent)));
        file.story.consented();
    }

    /// A customer withdraws: whatever is told of them from now on can only be an end.
    pub(crate) fn withdraws(&mut self, customer: &str) {
        self.withdrawing = Some(customer.to_owned());
    }

    /// A customer is about to be forgotten: what the ledger knows now is remembered here.
    pub(crate) fn forgets(&mut self, at_us: i64, customer: &str, ledger: &Path) {
        self.read(ledger, Some(customer));
        self.withdrawing = None;
        let file = self.files.entry(customer.to_owned()).or_default();
        file.consents.push((at_us, None));
        file.forgotten += 1;
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
            let consent = in_force(&file.consents, at_us);
            let mut wrong = |what: &str| {
                self.wrongs.push(format!("{} at {}: {what}: {happening:?}", happening.customer.as_str(), shown(at_us)));
            };
            match consent {
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
                    rules::withheld(&self.config, consent, happening).into_iter().for_each(&mut wrong);
                }
            }
            let is_live = consent.is_some_and(|consent| rules::is_live(&self.config, consent, at_us));
            let over = !is_live || self.withdrawing.as_deref() == Some(happening.customer.as_str());
            file.story.told(&self.config, happening, at_us, over).into_iter().for_each(wrong);
        }
    }

    /// The process ended; `cut` in the middle of something. The ledger's open visits are what the next life knows.
    pub(crate) fn died(&mut self, at_us: i64, cut: bool, ledger: &Path) {
        let db = Connection::open(ledger).unwrap();
        let mut read = db.prepare("SELECT customer, zone, dwelled FROM visit").unwrap();
        let mut rows = read.query([]).unwrap();
        let mut visits = BTreeMap::new();
        while let Some(row) = rows.next().unwrap() {
            let dwelled = serde_json::from_str(&row.get::<_, String>(2).unwrap()).unwrap();
            visits.insert(row.get::<_, String>(0).unwrap(), Kept { zone: row.get(1).unwrap(), dwelled });
        }
        for (customer, file) in &mut self.files {
            let remembers = in_force(&file.consents, at_us).is_some_and(|consent| rules::is_remembered(consent));
            if let Some(what) = file.story.died(visits.remove(customer), cut || !remembers, at_us) {
                self.wrongs.push(format!("{customer} at {}: {what}", shown(at_us)));
            }
        }
    }

    /// Reads the ledger's deliveries; those known already stay as they were.
    pub(crate) fn read(&mut self, ledger: &Path, customer: Option<&str>) {
        let db = Connection::open(ledger).unwrap();
        let sql = "SELECT id, customer, at_us, class, campaign, category, zone, site, epoch FROM delivery
                   WHERE ?1 IS NULL OR customer = ?1";
        let mut read = db.prepare(sql).unwrap();
        let mut rows = read.query([customer]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let customer: String = row.get(1).unwrap();
            let era = self.files.get(&customer).map_or(0, |file| file.forgotten);
            let row = Row {
                id: row.get(0).unwrap(),
                customer,
                at_us: row.get(2).unwrap(),
                class: row.get(3).unwrap(),
                campaign: row.get(4).unwrap(),
                category: row.get(5).unwrap(),
                zone: row.get(6).unwrap(),
                site: row.get(7).unwrap(),
                epoch: row.get(8).unwrap(),
                era,
            };
            self.rows.entry(row.id.clone()).or_insert(row);
        }
    }

    /// Judges the whole life, and returns how many deliveries there were and everything that was wrong.
    pub(crate) fn judge(mut self, ledger: &Path) -> (usize, Vec<String>) {
        self.read(ledger, None);
        let mut by_customer: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
        for row in self.rows.values() {
            by_customer.entry(&row.customer).or_default().push(row);
        }
        let mut wrongs = std::mem::take(&mut self.wrongs);
        let told: BTreeSet<&str> = self.files.values().flat_map(|file| file.story.delivered()).collect();
        wrongs.extend(
            told.iter().filter(|id| !self.rows.contains_key(**id)).map(|id| format!("{id} is not in the ledger")),
        );
        for (customer, mut rows) in by_customer {
            rows.sort_by_key(|row| row.at_us);
            let Some(file) = self.files.get(customer) else {
                wrongs.push(format!("{customer} is in the ledger and never consented"));
                continue;
            };
            for row in &rows {
                let consent = in_force(&file.consents, row.at_us);
                let reasons =
                    consent.map_or(vec!["without a consent"], |consent| rules::delivered(&self.config, consent, row));
                wrongs.extend(reasons.into_iter().map(|what| format!("{what}: {} {row:?}", shown(row.at_us))));
                if file.story.is_at_work(row.at_us) {
                    wrongs.push(format!("said to someone at work: {row:?}"));
                }
            }
            self.windows(file, &rows, &mut wrongs);
        }
        (self.rows.len(), wrongs)
    }

    /// Every window of every scope. In a list by time, N + 1 in one window are neighbours N apart.
    fn windows(&self, file: &File, rows: &[&Row], wrongs: &mut Vec<String>) {
        let promise = &self.config.promise.caps;
        let marketing: Vec<&Row> = rows.iter().copied().filter(|row| row.is_marketing()).collect();
        // The promise's own customer windows hold over forgetting; everything else begins anew with each era.
        hold(
            &marketing,
            |_| promise.customer.iter().filter(|cap| cap.per.is_some()).copied().collect(),
            "customer",
            wrongs,
        );
        let gap = |gap: Option<_>| gap.map(|per| Cap { at_most: 1, per: Some(per) }).into_iter().collect::<Vec<_>>();
        let ever = |n: Option<u32>| n.map(|at_most| Cap { at_most, per: None }).into_iter().collect::<Vec<_>>();
        let own =
            |row: &Row| in_force(&file.consents, row.at_us).map(|consent| consent.caps.clone()).unwrap_or_default();
        let campaign = |row: &Row| self.config.offers.campaigns.iter().find(|known| *known.id == *row.campaign);

        for (_, rows) in by(&marketing, |row| row.era) {
            let all = |list: fn(&emma::config::promise::Caps) -> &Vec<Cap>| {
                move |row: &Row| -> Vec<Cap> { list(promise).iter().chain(list(&own(row))).copied().collect() }
            };
            hold(&rows, all(|caps| &caps.customer), "customer", wrongs);
            hold(&rows, |row| [gap(promise.gap), gap(own(row).gap)].concat(), "gap", wrongs);
            for (_, rows) in by(&rows, |row| file.story.visit_of(row.at_us)) {
                hold(&rows, |row| [ever(promise.visit), ever(own(row).visit)].concat(), "visit", wrongs);
            }
            for (_, rows) in by(&rows, |row| row.campaign.clone()) {
                hold(&rows, all(|caps| &caps.campaign), "campaign", wrongs);
            }
            for (category, rows) in by(&rows, |row| row.category.clone()) {
                if category.is_some() {
                    hold(&rows, all(|caps| &caps.category), "category", wrongs);
                }
            }
            for (_, rows) in by(&rows, |row| row.zone.clone()) {
                hold(&rows, all(|caps| &caps.zone), "zone", wrongs);
            }
            for (_, rows) in by(&rows, |row| row.site.clone()) {
                hold(&rows, all(|caps| &caps.site), "site", wrongs);
            }
            for (_, rows) in by(&rows, |row| row.epoch) {
                let budget = |row: &Row| in_force(&file.consents, row.at_us).and_then(|consent| consent.budget);
                hold(&rows, |row| ever(budget(row)), "budget", wrongs);
            }
        }
        for (_, rows) in by(rows, |row| row.era) {
            for (_, rows) in by(&rows, |row| row.campaign.clone()) {
                hold(
                    &rows,
                    |row| campaign(row).map(|campaign| campaign.caps.clone()).unwrap_or_default(),
                    "campaign",
                    wrongs,
                );
            }
            let service: Vec<&Row> = rows.into_iter().filter(|row| !row.is_marketing()).collect();
            hold(&service, |row| promise.service.iter().chain(&own(row).service).copied().collect(), "service", wrongs);
        }
    }
}

/// Whether none of `rows`, by time, is one too many under the caps that held for it.
fn hold(rows: &[&Row], caps: impl Fn(&Row) -> Vec<Cap>, scope: &str, wrongs: &mut Vec<String>) {
    for (index, row) in rows.iter().enumerate() {
        for cap in caps(row) {
            let before = index.checked_sub(usize::try_from(cap.at_most).unwrap());
            let within = |first: &Row| match cap.per {
                None => true,
                // Half-open: at exactly W the old one has aged out.
                Some(per) => row.at_us - first.at_us < i64::try_from(per.exact_us().expect("no months here")).unwrap(),
            };
            if before.is_some_and(|before| within(rows[before])) {
                wrongs.push(format!("one over the {scope} cap {cap:?}: {} {row:?}", shown(row.at_us)));
            }
        }
    }
}

fn by<'a, K: Ord>(rows: &[&'a Row], key: impl Fn(&Row) -> K) -> BTreeMap<K, Vec<&'a Row>> {
    let mut groups: BTreeMap<K, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(row)).or_default().push(row);
    }
    groups
}

fn in_force(consents: &[(i64, Option<Arc<Consent>>)], at_us: i64) -> Option<&Arc<Consent>> {
    consents.iter().rev().find(|(from_us, _)| *from_us <= at_us)?.1.as_ref()
}

/// The ledger's answers are told with the instant of their trigger, after what else happened then.
fn is_answer(happening: &Happening) -> bool {
    use emma::gateway::effect::What;
    matches!(happening.what, What::Delivered { .. } | What::Withheld { .. })
}

fn shown(at_us: i64) -> String {
    jiff::Timestamp::from_microsecond(at_us).unwrap().to_string()
}
