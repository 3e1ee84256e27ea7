//! The gates above rank, in order; the first that says no is the reason. All of them fail closed.

use jiff::tz::TimeZone;

use super::civil::Civil;
use crate::config::offers::Campaign;
use crate::config::{Config, Name};
use crate::gateway::consent::{Consent, Tier};
use crate::gateway::effect::Reason;

/// What a gate may look at.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) config: &'a Config,
    pub(super) campaign: &'a Campaign,
    pub(super) consent: &'a Consent,
    /// Nothing while the clock is not trusted.
    pub(super) wall_us: Option<i64>,
}

/// The first gate that says no to this campaign, or nothing: then rank and caps decide.
pub(super) fn refuse(case: Case<'_>) -> Option<Reason> {
    consent(case).or_else(|| {
        let Some(wall_us) = case.wall_us else { return Some(Reason::Clock) };
        let site = Civil::at(wall_us, &case.config.site.time_zone);
        paused(case, wall_us)
            .or_else(|| quiet(case, wall_us, &site))
            .or_else(|| inactive(case, &site))
            .or_else(|| stale_value(case))
    })
}

fn consent(case: Case<'_>) -> Option<Reason> {
    let Case { config, campaign, consent, wall_us } = case;
    let live = wall_us.is_none_or(|wall_us| consent.is_live(wall_us));
    let tier = match campaign.tier {
        Tier::OnRequest | Tier::Contextual => consent.tier >= Tier::Contextual,
        Tier::Personal => consent.tier >= Tier::Personal && consent.purposes.personalisation,
    };
    let reaches = live
        && tier
        && consent.purposes.offers
        && category_included(case)
        && consent.covers_site(&config.gateway.site)
        && (consent.adult || !config.promise.adults_only)
        && recipient_included(case);
    (!reaches).then_some(Reason::Consent)
}

/// Without a list: every category that is not sensitive. With one: those on it.
fn category_included(case: Case<'_>) -> bool {
    let Some(category) = &case.campaign.category else { return true };
    if case.consent.categories.is_empty() {
        let sensitive =
            |id: &Name| case.config.offers.categories.iter().any(|known| known.id == *id && known.sensitive);
        !sensitive(category)
    } else {
        case.consent.categories.contains(category)
    }
}

/// A consent that names none of the promise's recipients can be told nothing. A promise that names nobody is one for a
/// bench, and `check` says so.
fn recipient_included(case: Case<'_>) -> bool {
    let Some(responsible) = &case.config.promise.responsible else { return true };
    responsible.recipients.is_empty()
        || responsible.recipients.iter().any(|recipient| case.consent.inbox_at(&recipient.id).is_some())
}

fn paused(case: Case<'_>, wall_us: i64) -> Option<Reason> {
    case.consent.paused_until_us.is_some_and(|until_us| wall_us < until_us).then_some(Reason::Paused)
}

fn quiet(case: Case<'_>, wall_us: i64, site: &Civil) -> Option<Reason> {
    let zone: &TimeZone = case.consent.time_zone.as_ref().unwrap_or(&case.config.site.time_zone);
    let customer = Civil::at(wall_us, zone);
    let quiet = [case.config.promise.quiet_hours, case.consent.quiet_hours].into_iter().flatten();
    let closed = case.config.zones.opening_hours.as_ref().is_some_and(|hours| !site.is_open(hours));
    (quiet.into_iter().any(|hours| customer.is_within(hours)) || closed).then_some(Reason::Quiet)
}

fn inactive(case: Case<'_>, site: &Civil) -> Option<Reason> {
    (!site.is_active(&case.campaign.active)).then_some(Reason::Inactive)
}

fn stale_value(case: Case<'_>) -> Option<Reason> {
    (!case.campaign.values.is_empty() || !case.campaign.nearest.is_empty()).then_some(Reason::StaleValue)
}
