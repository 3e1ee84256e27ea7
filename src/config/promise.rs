//! `promise.toml`: what the company promises every customer. Nothing may loosen it.

use super::Name;
use super::span::Span;
use super::zones::DayRange;

/// What `promise.toml` says.
#[derive(Clone, Debug, PartialEq)]
pub struct Promise {
    /// Caps for every customer, in every shop, for every campaign.
    pub caps: Caps,
    /// Nothing is said in these hours.
    pub quiet_hours: Option<QuietHours>,
    /// Who answers for it; required before anyone's consent is taken.
    pub responsible: Option<Responsible>,
    /// Consents must say `adult`.
    pub adults_only: bool,
}

/// Civil hours in the customer's time zone, else the site's.
pub type QuietHours = DayRange;

/// At most N in any rolling window; without a window, for as long as the consent is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// N; 0 is never.
    pub at_most: u32,
    /// The window.
    pub per: Option<Span>,
}

/// Caps by scope, for one customer each. An absent scope is no cap at this level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// All offers to a customer.
    pub customer: Vec<Cap>,
    /// Offers in one visit.
    pub visit: Option<u32>,
    /// Least time between two offers.
    pub gap: Option<Span>,
    /// Offers of one campaign.
    pub campaign: Vec<Cap>,
    /// Offers of one category.
    pub category: Vec<Cap>,
    /// Offers in one zone.
    pub zone: Vec<Cap>,
    /// Offers in one site.
    pub site: Vec<Cap>,
    /// Messages of class `service`.
    pub service: Vec<Cap>,
}

/// `[responsible]`: the notice is made from this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Responsible {
    /// The controller (GDPR art. 4(7)), name and address.
    pub controller: Name,
    /// Where to write.
    pub contact: Name,
    /// The supervisory authority.
    pub authority: Option<Name>,
    /// How to say no.
    pub withdraw: Name,
    /// Who gets offers to pass on.
    pub recipients: Vec<Recipient>,
}

/// Someone who receives offers to pass on to the customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Its id, a topic level.
    pub id: Name,
    /// Its name, for people.
    pub name: Name,
    /// What it does with an offer.
    pub purpose: Name,
}
