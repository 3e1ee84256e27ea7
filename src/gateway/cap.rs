//! Caps: at most N in any rolling window, judged by one pure function over a customer's log.

use jiff::tz::TimeZone;

use super::consent::Consent;
use super::effect::Delivery;
use super::offer::civil;
use crate::config::offers::{Campaign, Class, OncePer};
use crate::config::promise::{Cap, Caps};
use crate::config::span::Span;

/// Which deliveries a cap counts, in the order in which caps are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CapScope {
    /// All offers.
    Customer,
    /// Those of this visit.
    Visit,
    /// The last one.
    Gap,
    /// Those of this campaign.
    Campaign,
    /// Those of this category.
    Category,
    /// Those in this zone.
    Zone,
    /// Those in this site.
    Site,
    /// Those under this consent's epoch.
    Budget,
    /// Those of class `service`.
    Service,
}

impl CapScope {
    /// The reason's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "cap-customer",
            Self::Visit => "cap-visit",
            Self::Gap => "cap-gap",
            Self::Campaign => "cap-campaign",
            Self::Category => "cap-category",
            Self::Zone => "cap-zone",
            Self::Site => "cap-site",
            Self::Budget => "cap-budget",
            Self::Service => "cap-service",
        }
    }
}

/// A cap resolved for one reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapRule {
    /// What it counts.
    pub scope: CapScope,
    /// N.
    pub at_most: u32,
    /// A delivery counts if it is later than this wall time (the window is half-open); nothing counts them all.
    pub after_us: Option<i64>,
    /// The promise's own customer windows start full for someone who was forgotten and returns.
    pub promised: bool,
    /// For how long a delivery counts: what `after_us` was resolved from.
    pub window: Window,
}

/// For how long a delivery counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// As long as it is remembered, or the visit lasts.
    Ever,
    /// So long, rolling.
    Rolling(Span),
    /// Until the civil day ends.
    Day,
    /// Until the civil week ends.
    Week,
}

/// What a cap counts for one customer, for whoever asks why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Deliveries that count.
    pub counted: u32,
    /// There is none.
    pub is_full: bool,
    /// When there is again (wall, microseconds), if time alone makes it.
    pub again_us: Option<i64>,
}

/// What a customer's log may lack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// When somebody with this pseudonym was last forgotten (wall, microseconds): the promise's own windows start full for
    /// them.
    pub forgotten_us: Option<i64>,
    /// When the ledger was restored from a backup (wall, microseconds), `i64::MAX` as long as nobody knows: what was said
    /// before is not all known, and every window starts full.
    pub restored_us: Option<i64>,
}

/// Whether a customer's log, and what it may lack, leave room for one more.
///
/// # Errors
/// The scope of the first rule, in the order of the rules, that has no room.
pub fn judge(log: &[Delivery], wanted: &Delivery, rules: &[CapRule], missing: Missing) -> Result<(), CapScope> {
    match rules.iter().find(|rule| is_full(log, wanted, rule, missing)) {
        Some(rule) => Err(rule.scope),
        None => Ok(()),
    }
}

fn is_full(log: &[Delivery], wanted: &Delivery, rule: &CapRule, missing: Missing) -> bool {
    if rule.lacks_since_us(missing).is_some() {
        return true;
    }
    // When it was is asked first: most rows are outside, and of those no name need be compared.
    let counted = log.iter().filter(|row| rule.has_inside(row.at_us) && counts(row, wanted, rule.scope)).count();
    counted >= usize::try_from(rule.at_most).unwrap_or(usize::MAX)
}

impl CapRule {
    /// The last instant inside the window before which deliveries may be missing; with one the window is full.
    fn lacks_since_us(&self, missing: Missing) -> Option<i64> {
        let forgotten_us = missing.forgotten_us.filter(|_| self.promised);
        forgotten_us.max(missing.restored_us).filter(|us| self.after_us.is_some() && self.has_inside(*us))
    }

    /// Later than the window's start, without an upper end: rows dated in the future count as inside.
    fn has_inside(&self, at_us: i64) -> bool {
        self.after_us.is_none_or(|after_us| at_us > after_us)
    }

    /// How many of a customer's log this rule counts, and when it has room again; months are those of `zone`. The rest is
    /// as [`judge`] has it.
    pub fn room(&self, log: &[Delivery], wanted: &Delivery, missing: Missing, zone: &TimeZone) -> Room {
        let inside = log.iter().filter(|row| counts(row, wanted, self.scope) && self.has_inside(row.at_us));
        let mut inside_us: Vec<i64> = inside.map(|row| row.at_us).collect();
        inside_us.sort_unstable();
        let counted = u32::try_from(inside_us.len()).unwrap_or(u32::MAX);
        let too_many = counted.checked_sub(self.at_most);
        let lacks_us = self.lacks_since_us(missing);
        // So many have to age out, and with the last of them there is room for one.
        let last_us = too_many.and_then(|too_many| inside_us.get(usize::try_from(too_many).ok()?).copied());
        Room {
            counted,
            is_full: too_many.is_some() || lacks_us.is_some(),
            again_us: last_us
                .max(lacks_us)
                .filter(|us| self.at_most > 0 && *us < i64::MAX)
                .and_then(|us| self.ends_us(us, wanted, zone)),
        }
    }

    /// When a delivery of `at_us` counts no more.
    fn ends_us(&self, at_us: i64, wanted: &Delivery, zone: &TimeZone) -> Option<i64> {
        match self.window {
            Window::Ever => None,
            Window::Rolling(span) => Some(civil::after_us(at_us, span, zone)),
            Window::Day => civil::next_midnight_us(wanted.at_us, zone),
            Window::Week => civil::next_monday_us(wanted.at_us, zone),
        }
    }
}

/// Whether a row of the log counts in a scope. `service` is its own class, and nothing else counts it.
fn counts(row: &Delivery, wanted: &Delivery, scope: CapScope) -> bool {
    let marketing = row.class != Class::Service;
    match scope {
        CapScope::Customer | CapScope::Gap => marketing,
        CapScope::Visit => marketing && row.visit_us == wanted.visit_us && row.site == wanted.site,
        CapScope::Campaign => row.campaign == wanted.campaign,
        CapScope::Category => marketing && row.category.is_some() && row.category == wanted.category,
        CapScope::Zone => marketing && row.site == wanted.site && row.zone == wanted.zone,
        CapScope::Site => marketing && row.site == wanted.site,
        CapScope::Budget => marketing && row.site == wanted.site && row.epoch == wanted.epoch,
        CapScope::Service => !marketing,
    }
}

/// A customer who takes up one offer in five hears half as much; a window of one doubles up to this (semantics).
const LONGEST_DOUBLED_US: u64 = 7 * 86_400_000_000;

/// Every cap in force for one delivery: promise, campaign and customer together, so that a level can tighten and
/// never loosen. In the order in which they are judged. `less` halves the customer's caps.
pub fn rules(
    promise: &Caps,
    campaign: &Campaign,
    consent: &Consent,
    wanted: &Delivery,
    zone: &TimeZone,
    less: bool,
) -> Vec<CapRule> {
    let mut rules = Rules { all: Vec::with_capacity(16), now_us: wanted.at_us, zone };
    rules.add(CapScope::Campaign, false, &campaign.caps);
    rules.all.extend(once(campaign, wanted, zone));
    if campaign.class == Class::Service {
        rules.add(CapScope::Service, false, &promise.service);
        rules.add(CapScope::Service, false, &consent.caps.service);
    } else {
        rules.add_level(promise, true, less);
        rules.add_level(&consent.caps, false, less);
        rules.add_count(CapScope::Budget, consent.budget);
    }
    rules.all.sort_by_key(|rule| rule.scope);
    rules.all
}

/// The rules gathered so far.
struct Rules<'a> {
    all: Vec<CapRule>,
    now_us: i64,
    zone: &'a TimeZone,
}

impl Rules<'_> {
    fn add_level(&mut self, caps: &Caps, promised: bool, less: bool) {
        let wanted = |cap: Cap| if less { halved(cap) } else { cap };
        for cap in &caps.customer {
            self.add(CapScope::Customer, promised, &[wanted(*cap)]);
        }
        self.add_count(CapScope::Visit, caps.visit);
        if let Some(gap) = caps.gap {
            // A gap is a cap of one (semantics), and one in a window halves as any other.
            self.add(CapScope::Gap, promised, &[wanted(Cap { at_most: 1, per: Some(gap) })]);
        }
        self.add(CapScope::Campaign, false, &caps.campaign);
        self.add(CapScope::Category, false, &caps.category);
        self.add(CapScope::Zone, false, &caps.zone);
        self.add(CapScope::Site, false, &caps.site);
    }

    fn add(&mut self, scope: CapScope, promised: bool, caps: &[Cap]) {
        let rule = |cap: &Cap| CapRule {
            scope,
            at_most: cap.at_most,
            after_us: window_began_us(cap.per, self.now_us, self.zone),
            promised,
            window: cap.per.map_or(Window::Ever, Window::Rolling),
        };
        self.all.extend(caps.iter().map(rule));
    }

    fn add_count(&mut self, scope: CapScope, at_most: Option<u32>) {
        let rule = |at_most| CapRule { scope, at_most, after_us: None, promised: false, window: Window::Ever };
        self.all.extend(at_most.map(rule));
    }
}

/// Half as many; of one, one in twice the time.
fn halved(cap: Cap) -> Cap {
    match (cap.at_most, cap.per) {
        (1, Some(Span::Micros(us))) => {
            Cap { per: Some(Span::Micros(us.max(us.saturating_mul(2).min(LONGEST_DOUBLED_US)))), ..cap }
        }
        (0 | 1, _) => cap,
        (at_most, _) => Cap { at_most: at_most / 2, ..cap },
    }
}

/// A reward thanks once a visit, a civil day or a civil week; what is dated later counts as inside.
fn once(campaign: &Campaign, wanted: &Delivery, zone: &TimeZone) -> Option<CapRule> {
    let (began_us, window) = match campaign.once_per? {
        OncePer::Visit => (wanted.visit_us.min(wanted.at_us), Window::Ever),
        OncePer::Day => (civil::day_began_us(wanted.at_us, zone)?, Window::Day),
        OncePer::Week => (civil::week_began_us(wanted.at_us, zone)?, Window::Week),
    };
    let after_us = Some(began_us.saturating_sub(1));
    Some(CapRule { scope: CapScope::Campaign, at_most: 1, after_us, promised: false, window })
}

/// The instant after which a delivery counts: the window is `(now - W, now]`.
pub fn window_began_us(per: Option<Span>, now_us: i64, zone: &TimeZone) -> Option<i64> {
    match per? {
        Span::Micros(us) => Some(now_us.saturating_sub(i64::try_from(us).unwrap_or(i64::MAX))),
        Span::Months(months) => Some(civil::add_months_us(now_us, -i64::from(months), zone)),
    }
}

#[cfg(test)]
mod tests;
