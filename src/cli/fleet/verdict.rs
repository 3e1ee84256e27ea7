//! What is to be said of everybody together: who is missing, who is left behind, who decides for whom.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::expected::Expected;
use super::finding::{Finding, need_hand};
use super::roll::{Last, Pi, Place, Roll};

/// How one Pi does.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Told {
    /// The shop.
    pub(super) site: String,
    /// The Pi; nothing where any of a shop is missed.
    pub(super) gateway: Option<String>,
    /// Whether the broker takes it for there; nothing where that is not known.
    pub(super) online: Option<bool>,
    /// Whether it decides for its shop.
    pub(super) decides: Option<bool>,
    /// Emma's version.
    pub(super) version: Option<String>,
    /// Nothing is amiss.
    pub(super) well: bool,
    /// What is amiss, and what is worth knowing.
    pub(super) findings: Vec<Finding>,
}

/// How all of them do.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Verdict {
    /// How many there are, those that are missed included.
    pub(super) total: usize,
    /// How many of them are well.
    pub(super) well: usize,
    /// In how many shops.
    pub(super) shops: usize,
    /// Of whom nothing but the state is known: their outbox, their ledger and their beacons are not.
    pub(super) unheard: usize,
    /// Messages that were of no use, by why.
    pub(super) useless: BTreeMap<&'static str, u64>,
    /// Each of them.
    pub(super) pis: Vec<Told>,
}

impl Verdict {
    /// What `roll` tells now (monotonic, microseconds).
    pub(super) fn of(roll: &Roll, now_us: u64) -> Self {
        let rest = Rest::of(roll);
        let known = roll.pis.iter().map(|(place, pi)| told(place, pi, rest.findings(roll, place, pi, now_us)));
        let mut pis: Vec<Told> = known.chain(missing(roll)).collect();
        pis.sort_by(|a, b| (&a.site, &a.gateway).cmp(&(&b.site, &b.gateway)));
        let shops: BTreeSet<&str> = pis.iter().map(|pi| &*pi.site).collect();
        Self {
            total: pis.len(),
            well: pis.iter().filter(|pi| pi.well).count(),
            shops: shops.len(),
            unheard: roll.pis.values().filter(|pi| roll.is_unheard(pi, now_us)).count(),
            useless: roll.useless.clone(),
            pis,
        }
    }

    /// Everybody is there and well.
    pub(super) fn is_well(&self) -> bool {
        self.well == self.total
    }
}

fn told(place: &Place, pi: &Pi, findings: Vec<Finding>) -> Told {
    let standing = pi.standing();
    Told {
        site: place.site.clone(),
        gateway: Some(place.gateway.clone()),
        online: standing.map(|standing| standing.online),
        decides: standing.map(|standing| standing.decides),
        version: standing.map(|standing| standing.version.clone()),
        well: !need_hand(&findings),
        findings,
    }
}

/// Who should be there, and never said a word.
fn missing(roll: &Roll) -> impl Iterator<Item = Told> {
    let is_there = |expected: &&Expected| match expected {
        Expected::Shop(site) => {
            roll.pis.iter().any(|(place, pi)| place.site == *site && pi.standing().is_none_or(|known| known.decides))
        }
        Expected::Pi(place) => roll.pis.contains_key(place),
    };
    roll.expected.iter().flatten().filter(move |expected| !is_there(expected)).map(|expected| {
        let (gateway, sentence) = match expected {
            Expected::Shop(_) => (None, "no Pi that decides for this shop has ever connected to this broker"),
            Expected::Pi(place) => (Some(place.gateway.clone()), "it has never connected to this broker"),
        };
        let to_do =
            "are site and gateway in its gateway.toml as in the list, and its [mqtt] this broker? on it: emma doctor";
        let findings = vec![Finding::hand("missing", sentence, to_do)];
        let site = expected.site().to_owned();
        Told { site, gateway, online: None, decides: None, version: None, well: false, findings }
    })
}

/// What one Pi is held against.
struct Rest<'a> {
    /// The version that most of those who are there have; of two, the later.
    version: Option<&'a str>,
    /// By shop: who is there and decides.
    deciders: BTreeMap<&'a str, Vec<&'a str>>,
    /// Shops of which every Pi says that it only scans, and the first of them.
    without: BTreeMap<&'a str, &'a str>,
}

impl<'a> Rest<'a> {
    fn of(roll: &'a Roll) -> Self {
        let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
        let mut deciders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut without: BTreeMap<&str, &str> = BTreeMap::new();
        let mut may_decide: BTreeSet<&str> = BTreeSet::new();
        for (Place { site, gateway }, pi) in &roll.pis {
            let standing = pi.standing();
            if standing.is_none_or(|standing| standing.decides) {
                may_decide.insert(site);
            }
            without.entry(site).or_insert(gateway);
            let Some(standing) = standing.filter(|standing| standing.online) else { continue };
            *versions.entry(&standing.version).or_default() += 1;
            if standing.decides {
                deciders.entry(site).or_default().push(gateway);
            }
        }
        without.retain(|site, _| !may_decide.contains(site));
        let version =
            versions.iter().max_by_key(|(version, count)| (**count, numbers(version))).map(|(version, _)| *version);
        Self { version, deciders, without }
    }

    /// All that is found of one Pi.
    fn findings(&self, roll: &Roll, place: &Place, pi: &Pi, now_us: u64) -> Vec<Finding> {
        let standing = match &pi.state {
            Last::Said(standing) => standing,
            Last::Unreadable => {
                let to_do = "who writes to its state topic? only its own user may: deploy/mosquitto/acl; it says its state anew after a restart";
                return vec![Finding::hand("unreadable", "what is kept as its state is none", to_do)];
            }
            Last::Unsaid => {
                let to_do = "may it write its state topic, and this user read it? it says its state at every connect";
                return vec![Finding::hand("stateless", "it counts, and no state of it is kept", to_do)];
            }
        };
        let mut findings = Vec::new();
        if !standing.online {
            findings.push(self.offline(roll, place));
        } else if roll.is_silent(pi, now_us) {
            let to_do = "its connection hangs, or the broker has forgotten how it ended: on it: systemctl status emma";
            findings.push(Finding::hand(
                "silent",
                "it is said to be online, and has given no sign of life for two minutes",
                to_do,
            ));
        }
        findings.extend(standing.findings.iter().cloned());
        if standing.online {
            findings.extend(self.beside(place, standing.decides));
            findings.extend(self.version(&standing.version));
            findings.extend(pi.health.iter().cloned());
        }
        findings
    }

    fn offline(&self, roll: &Roll, place: &Place) -> Finding {
        let clear = format!("mosquitto_pub -r -n -t {}", roll.state_topic(place));
        if roll.expected.as_ref().is_some_and(|expected| !is_expected(expected, place)) {
            return Finding::note("retired", format!("it is offline, and not on the list; to forget it: {clear}"));
        }
        if let Some(other) = self.deciders.get(&*place.site).and_then(|deciders| deciders.first()) {
            let sentence = format!("it is offline, and {other} decides in its shop");
            let to_do = format!(
                "did {other} take its place, or take it over? one decides: emma status on both; if it is gone for good: {clear}"
            );
            return Finding::hand("offline", sentence, to_do);
        }
        let to_do = format!(
            "has it power and network? on it: systemctl status emma, emma doctor; if it is gone for good: {clear}"
        );
        Finding::hand("offline", "it is offline", to_do)
    }

    /// Who decides beside it, or that nobody does.
    fn beside(&self, place: &Place, decides: bool) -> Option<Finding> {
        let site = &*place.site;
        if let Some([first, second, ..]) = self.deciders.get(site).map(Vec::as_slice).filter(|_| decides) {
            let other = if *first == place.gateway { second } else { first };
            let sentence = format!("{other} decides for this shop as well: its customers have two promises");
            let to_do =
                "one decides: roles = [\"scan\"] in gateway.toml of the other, or a site of its own, then restart it";
            return Some(Finding::hand("two-deciders", sentence, to_do));
        }
        let is_first = self.without.get(site).is_some_and(|first| *first == place.gateway);
        is_first.then(|| {
            let to_do = "roles = [\"scan\", \"decide\"] in gateway.toml of one of its Pis: docs/several-pis.md";
            Finding::hand("no-decider", "nobody decides in its shop: its Pis only scan, and no offer is made", to_do)
        })
    }

    /// Whether it is left behind, or goes ahead.
    fn version(&self, version: &str) -> Option<Finding> {
        let usual = self.version.filter(|usual| *usual != version)?;
        if numbers(version) > numbers(usual) {
            return Some(Finding::note("version", format!("it runs {version}, ahead of the {usual} of most")));
        }
        let to_do = "was it left out of an update, or put back? docs/updates.md says what goes together";
        Some(Finding::hand("version", format!("it runs {version}, and most run {usual}"), to_do))
    }
}

fn is_expected(expected: &BTreeSet<Expected>, place: &Place) -> bool {
    expected.contains(&Expected::Pi(place.clone())) || expected.contains(&Expected::Shop(place.site.clone()))
}

/// The numbers of a version, so that 0.10 is later than 0.9.
fn numbers(version: &str) -> Vec<u64> {
    version.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse().ok()).collect()
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
