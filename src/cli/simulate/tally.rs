//! What came of it: counts of visits, offers and refusals, and the most that anybody received in any window.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use crate::config::Name;
use crate::config::offers::{Campaign, Class};
use crate::config::promise::{Cap, Caps};
use crate::config::span::Span;
use crate::gateway::cap::CapScope;
use crate::gateway::consent::CustomerId;
use crate::gateway::effect::{Delivery, Happening, Reason, What};
use crate::gateway::offer::civil;

const WEEK_US: i64 = 7 * 86_400_000_000;

/// What is counted while the simulation runs. A service message is said, and is no offer.
#[derive(Default)]
pub(super) struct Tally {
    services: BTreeSet<Name>,
    pub(super) visits: u64,
    pub(super) visits_without: u64,
    pub(super) said: BTreeMap<Name, u64>,
    pub(super) dismissed: BTreeMap<Name, u64>,
    pub(super) withheld: BTreeMap<Name, BTreeMap<Reason, u64>>,
    /// Who came in which week, and how many offers they had.
    weeks: BTreeMap<(CustomerId, i64), u64>,
    /// Who is in the shop, and has had an offer.
    present: BTreeMap<CustomerId, bool>,
    /// Zones in which somebody was placed.
    pub(super) entered: BTreeMap<Name, u64>,
}

impl Tally {
    /// Nothing is counted yet.
    pub(super) fn begin(campaigns: &[Campaign]) -> Self {
        let services = campaigns.iter().filter(|campaign| campaign.class == Class::Service);
        Self { services: services.map(|campaign| campaign.id.clone()).collect(), ..Self::default() }
    }

    /// Of what was said, offers and service messages.
    pub(super) fn said_by_class(&self) -> (u64, u64) {
        let is_service = |(campaign, _): &(&Name, &u64)| self.services.contains(*campaign);
        let services = self.said.iter().filter(is_service).map(|(_, count)| count).sum();
        (self.said.values().sum::<u64>().saturating_sub(services), services)
    }

    /// Counts one thing that happened.
    pub(super) fn count(&mut self, happening: &Happening, began_us: i64) {
        let customer = &happening.customer;
        let week = happening.at.wall_us.unwrap_or(began_us).saturating_sub(began_us) / WEEK_US;
        match &happening.what {
            What::VisitStarted => {
                self.visits += 1;
                self.present.insert(customer.clone(), false);
                self.weeks.entry((customer.clone(), week)).or_default();
            }
            What::VisitEnded => {
                let had_offer = self.present.remove(customer).unwrap_or(false);
                self.visits_without += u64::from(!had_offer);
            }
            What::Entered { zone, .. } => *self.entered.entry(zone.clone()).or_default() += 1,
            What::Delivered { campaign, .. } => {
                *self.said.entry(campaign.clone()).or_default() += 1;
                if !self.services.contains(campaign) {
                    *self.weeks.entry((customer.clone(), week)).or_default() += 1;
                    self.present.insert(customer.clone(), true);
                }
            }
            What::Withheld { campaign, reason, .. } => {
                *self.withheld.entry(campaign.clone()).or_default().entry(*reason).or_default() += 1;
            }
            What::Unsure { .. } | What::Sure { .. } | What::Dwelled { .. } | What::Left { .. } => {}
        }
    }

    /// How many visitors' weeks had no offer, one, two, …; the last counts those with more too.
    pub(super) fn by_week<const N: usize>(&self) -> [u64; N] {
        let mut weeks = [0; N];
        for offers in self.weeks.values() {
            let most = weeks.len().saturating_sub(1);
            if let Some(count) = weeks.get_mut(usize::try_from(*offers).unwrap_or(most).min(most)) {
                *count += 1;
            }
        }
        weeks
    }

    /// Everybody who came.
    pub(super) fn visitors(&self) -> BTreeSet<&CustomerId> {
        self.weeks.keys().map(|(customer, _)| customer).collect()
    }

    /// Everybody who came and was offered nothing.
    pub(super) fn without_any(&self) -> BTreeSet<&CustomerId> {
        let offered: BTreeSet<_> =
            self.weeks.iter().filter(|(_, offers)| **offers > 0).map(|((customer, _), _)| customer).collect();
        self.visitors().difference(&offered).copied().collect()
    }
}

/// A cap of the promise, and the most that was counted against it.
pub(super) struct Held {
    pub(super) scope: CapScope,
    pub(super) at_most: u32,
    /// Nothing is a visit, or for ever.
    pub(super) per: Option<Span>,
    pub(super) most: u32,
}

/// The promise's caps.
pub(super) fn promised(caps: &Caps) -> Vec<Held> {
    let scoped = [
        (CapScope::Customer, &caps.customer),
        (CapScope::Campaign, &caps.campaign),
        (CapScope::Category, &caps.category),
        (CapScope::Zone, &caps.zone),
        (CapScope::Site, &caps.site),
        (CapScope::Service, &caps.service),
    ];
    let held = |scope, Cap { at_most, per }: Cap| Held { scope, at_most, per, most: 0 };
    let visit = caps.visit.map(|at_most| held(CapScope::Visit, Cap { at_most, per: None }));
    let gap = caps.gap.map(|gap| held(CapScope::Gap, Cap { at_most: 1, per: Some(gap) }));
    let listed = scoped.into_iter().flat_map(|(scope, caps)| caps.iter().map(move |cap| held(scope, *cap)));
    listed.chain(visit).chain(gap).collect()
}

impl Held {
    /// Takes a customer's log, oldest first: every window that ends with a delivery is looked at.
    pub(super) fn look(&mut self, log: &[Delivery], zone: &TimeZone) {
        for (index, last) in log.iter().enumerate() {
            let after_us = self.per.map(|per| match per {
                Span::Micros(us) => last.at_us.saturating_sub(i64::try_from(us).unwrap_or(i64::MAX)),
                Span::Months(months) => civil::add_months_us(last.at_us, -i64::from(months), zone),
            });
            let inside = |row: &&Delivery| after_us.is_none_or(|after_us| row.at_us > after_us);
            let so_far = log.iter().take(index + 1).rev().take_while(inside);
            let counted = so_far.filter(|row| self.is_counted(row, last)).count();
            self.most = self.most.max(u32::try_from(counted).unwrap_or(u32::MAX));
        }
    }

    fn is_counted(&self, row: &Delivery, last: &Delivery) -> bool {
        let is_service = |row: &Delivery| row.class == Class::Service;
        let marketing = !is_service(row) && !is_service(last);
        match self.scope {
            CapScope::Campaign => row.campaign == last.campaign,
            CapScope::Service => is_service(row) && is_service(last),
            CapScope::Customer | CapScope::Gap | CapScope::Site | CapScope::Budget => marketing,
            CapScope::Visit => marketing && row.visit_us == last.visit_us,
            CapScope::Category => marketing && row.category.is_some() && row.category == last.category,
            CapScope::Zone => marketing && row.zone == last.zone,
        }
    }
}
