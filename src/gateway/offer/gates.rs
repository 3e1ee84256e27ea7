//! The gates above rank, in order; the first that says no is the reason. All of them fail closed.
//!
//! A gate answers from the case alone. To add one: its function here, its line in [`GATES`], its [`Reason`].

use super::civil::Civil;
use super::wish;
use super::{Person, Shop};
use crate::config::offers::{Campaign, Class};
use crate::config::{Config, Name};
use crate::gateway::consent::{Declared, Tier};
use crate::gateway::effect::Reason;
use crate::gateway::stance::{Attitude, matter};

/// What a gate may look at.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) config: &'a Config,
    pub(super) shop: &'a Shop,
    pub(super) campaign: &'a Campaign,
    pub(super) person: Person<'a>,
    /// Nothing while the clock is not trusted.
    pub(super) now: Option<&'a Now>,
    /// The customer asked, so that tier `on-request` is enough.
    pub(super) asked: bool,
}

/// A trusted instant, and what it is on the clocks of the shop and of the customer.
#[derive(Clone, Debug)]
pub(super) struct Now {
    pub(super) wall_us: i64,
    site: Civil,
    customer: Civil,
}

impl Now {
    pub(super) fn at(wall_us: i64, config: &Config, person: Person<'_>) -> Self {
        let site = Civil::at(wall_us, &config.site.time_zone);
        let customer = person.consent.time_zone.as_ref().map_or_else(|| site.clone(), |zone| Civil::at(wall_us, zone));
        Self { wall_us, site, customer }
    }

    /// The day of the customer's calendar.
    pub(super) fn customers_date(&self) -> jiff::civil::Date {
        self.customer.date()
    }
}

/// Whether a gate lets a campaign pass at an instant.
type Gate = fn(Case<'_>, &Now) -> bool;

/// The gates that need the time, in their order.
const GATES: [(Reason, Gate); 7] = [
    (Reason::Paused, is_not_paused),
    (Reason::Quiet, is_not_quiet),
    (Reason::Inactive, is_active),
    (Reason::Audience, is_for_them),
    (Reason::Bought, is_not_bought),
    (Reason::Declined, is_not_declined),
    (Reason::StaleValue, is_fresh),
];

/// The first gate that says no to this campaign, or nothing: then rank and caps decide.
pub(super) fn refuse(case: Case<'_>) -> Option<Reason> {
    if !consents(case) {
        return Some(Reason::Consent);
    }
    let Some(now) = case.now else { return Some(Reason::Clock) };
    GATES.iter().find(|(_, passes)| !passes(case, now)).map(|(reason, _)| *reason)
}

/// Each gate by its reason, and whether it lets the campaign pass. Without a clock nobody knows more than the first two.
pub(super) fn each(case: Case<'_>) -> Vec<(Reason, bool)> {
    let mut told = vec![(Reason::Consent, consents(case)), (Reason::Clock, case.now.is_some())];
    told.extend(case.now.iter().flat_map(|now| GATES.map(|(reason, passes)| (reason, passes(case, now)))));
    told
}

fn consents(case: Case<'_>) -> bool {
    let Case { config, campaign, person, now, .. } = case;
    let consent = person.consent;
    let live = consent.may_be_live(now.map(|now| now.wall_us), person.beats);
    let tier = match campaign.tier {
        Tier::OnRequest | Tier::Contextual => case.asked || consent.tier >= Tier::Contextual,
        Tier::Personal => person.is_personal(),
    };
    live && tier
        && consent.purposes.offers
        && category_included(case)
        && consent.covers_site(&config.gateway.site)
        && (consent.adult || !config.promise.adults_only)
        && (case.asked || recipient_included(case))
}

/// Without a list: every category that is not sensitive, and was not when the consent was taken. With one: those on it.
fn category_included(case: Case<'_>) -> bool {
    let Some(category) = &case.campaign.category else { return true };
    let named = &case.person.consent.categories;
    if named.is_empty() {
        let sensitive =
            |id: &Name| case.config.offers.categories.iter().any(|known| known.id == *id && known.sensitive);
        !sensitive(category) && !case.person.consent.sensitive.contains(category)
    } else {
        named.contains(category)
    }
}

/// A consent that names none of the promise's recipients can be told nothing. A promise that names nobody is one for a
/// bench, and `check` says so.
fn recipient_included(case: Case<'_>) -> bool {
    let Some(responsible) = &case.config.promise.responsible else { return true };
    responsible.recipients.is_empty()
        || responsible.recipients.iter().any(|recipient| case.person.consent.inbox_at(&recipient.id).is_some())
}

/// The customer's pause and their stop, the site's pause, and a campaign that was stopped.
fn is_not_paused(case: Case<'_>, now: &Now) -> bool {
    !case.person.wants_silence(now.wall_us) && !case.shop.halts.hold(&case.campaign.id, now.wall_us)
}

fn is_not_quiet(case: Case<'_>, now: &Now) -> bool {
    let Case { config, person, .. } = case;
    let snoozed = person.stance.snoozed_until_us.is_some_and(|until_us| now.wall_us < until_us);
    let mut quiet = [config.promise.quiet_hours, person.consent.quiet_hours].into_iter().flatten();
    let open = config.zones.opening_hours.as_ref().is_none_or(|hours| now.site.is_open(hours));
    !snoozed && open && !quiet.any(|hours| now.customer.is_within(hours))
}

fn is_active(case: Case<'_>, now: &Now) -> bool {
    now.site.is_active(&case.campaign.active)
}

/// All that the campaign asks for was declared. What nobody declared, nobody is taken for.
fn is_for_them(case: Case<'_>, now: &Now) -> bool {
    let Case { campaign, person, .. } = case;
    let audience = &campaign.audience;
    let nothing = Declared::default();
    let declared = person.declared().unwrap_or(&nothing);
    let interested = |interest: &Name| {
        declared.interests.contains(interest) || person.stance.of(interest).is_some_and(|attitude| attitude.more)
    };
    let band = |band: &Name| declared.price_band.as_ref() == Some(band);
    (audience.interests.is_empty() || audience.interests.iter().any(interested))
        && (audience.price_bands.is_empty() || audience.price_bands.iter().any(band))
        && (!audience.wishes || !wish::granted(campaign, person, now).is_empty())
}

/// A recall, and an order that is ready, are for those who bought.
fn is_not_bought(case: Case<'_>, now: &Now) -> bool {
    let Case { config, campaign, .. } = case;
    let category = config.offers.categories.iter().find(|category| Some(&category.id) == campaign.category.as_ref());
    let interval = category.and_then(|category| category.replacement_interval).filter(|_| !is_service(campaign));
    let attitude = campaign.category.as_ref().and_then(|category| case.person.stance.of(category));
    !interval
        .zip(attitude)
        .is_some_and(|(interval, attitude)| attitude.suffices(interval, now.wall_us, &config.site.time_zone))
}

/// A service message that was wiped away was read; only "no more" is a no to it.
fn is_not_declined(case: Case<'_>, now: &Now) -> bool {
    let Case { campaign, person, .. } = case;
    let declines =
        |attitude: &Attitude| if is_service(campaign) { attitude.no_more } else { attitude.declines(now.wall_us) };
    person.stance.matters.is_empty()
        || !person.stance.of(&matter(&campaign.id, campaign.category.as_ref())).is_some_and(declines)
}

fn is_fresh(case: Case<'_>, now: &Now) -> bool {
    case.campaign.values.iter().all(|value| case.shop.values.is_fresh(value, now.wall_us))
}

fn is_service(campaign: &Campaign) -> bool {
    campaign.class == Class::Service
}
