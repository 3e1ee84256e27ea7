//! `offers.toml`: categories and campaigns. Marketing edits it.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::promise::Cap;
use super::span::Span;
use super::zones::DayRange;
use super::{Name, Texts};
use crate::gateway::consent::Tier;

/// What `offers.toml` says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offers {
    /// The categories, in the order of the file.
    pub categories: Vec<Category>,
    /// The campaigns, in the order of the file.
    pub campaigns: Vec<Campaign>,
}

/// A kind of goods.
#[derive(Clone, Debug, PartialEq)]
pub struct Category {
    /// Its id.
    pub id: Name,
    /// Served only to consents that name it.
    pub sensitive: bool,
    /// How long nobody who bought needs another; a later stage.
    pub replacement_interval: Option<Span>,
}

/// What kind of message a campaign is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Marketing.
    Offer,
    /// A thank-you for coming.
    Reward,
    /// Recall, order ready: its own caps, no room for marketing.
    Service,
}

/// What makes a campaign speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A zone is entered.
    Entered,
    /// A customer has been in a zone for so many microseconds.
    Dwelled(u64),
    /// A zone is left; class `service` alone.
    Left,
}

/// What marketing configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Campaign {
    /// Its id.
    pub id: Name,
    /// Its kind.
    pub class: Class,
    /// What it is about.
    pub category: Option<Name>,
    /// The zones it speaks in; nothing is any.
    pub zones: Option<Vec<Name>>,
    /// When it speaks.
    pub trigger: Trigger,
    /// The least tier that it may be said to.
    pub tier: Tier,
    /// 0 to 100, higher first.
    pub priority: u8,
    /// Dates, days and hours in which it runs.
    pub active: Active,
    /// Its own caps, a customer each.
    pub caps: Vec<Cap>,
    /// How long the coupon holds; nothing is as long as the campaign and the day.
    pub valid_for: Option<Span>,
    /// A picture's address.
    pub image: Option<Name>,
    /// Where to read on.
    pub link: Option<Name>,
    /// A fixed code, where there is one.
    pub coupon_code: Option<Name>,
    /// Its text by language.
    pub text: BTreeMap<Name, Text>,
    /// Its text uses values that this build cannot fill: `stale-value` withholds it.
    pub needs_values: bool,
    /// For the lock screen, where it differs from the neutral one.
    pub lock_screen: Texts,
}

/// One language's text; `{zone}` stands for the zone's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The line in bold.
    pub title: Name,
    /// The rest.
    pub body: Name,
}

/// `active`: dates (both inclusive), hours, days, all in the site's civil time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Active {
    /// First day.
    pub from: Option<Date>,
    /// Last day.
    pub until: Option<Date>,
    /// Hours of the day.
    pub hours: Option<DayRange>,
    /// Days of the week, Monday first; nothing is all.
    pub days: Option<[bool; 7]>,
}
