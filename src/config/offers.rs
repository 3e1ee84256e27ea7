//! `offers.toml`: categories and campaigns. Marketing edits it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;

use super::beside::Beside;
use super::campaign::{self, CampaignRead};
use super::file::File;
use super::price::Price;
use super::promise::Cap;
use super::reader::Table;
use super::span::Span;
use super::tree::At;
use super::values::check_unique;
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
    /// How long nobody who bought needs another.
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

impl Trigger {
    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::Dwelled(_) => "dwelled",
            Self::Left => "left",
        }
    }
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
    /// What it gives away, where there is something.
    pub coupon: Option<Coupon>,
    /// Its text by language.
    pub text: BTreeMap<Name, Text>,
    /// The live values that its texts name, `{value.NAME}`.
    pub values: BTreeSet<Name>,
    /// The kinds of zones that its texts name, `{nearest.KIND}`.
    pub nearest: BTreeSet<Name>,
    /// Who it is for; everybody where it is empty.
    pub audience: Audience,
    /// What the goods cost, held against wishes.
    pub price: Option<Price>,
    /// The share of customers who agreed to be measured and hear nothing, 0 to 1.
    pub control_share: f64,
    /// How often a reward thanks somebody; of class `reward` alone.
    pub once_per: Option<OncePer>,
    /// For the lock screen, where it differs from the neutral one.
    pub lock_screen: Texts,
}

/// A code that a till takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coupon {
    /// Where codes come from.
    pub scheme: Scheme,
    /// Each code is taken once: the till, or a list that the tills share, sees to it.
    pub single_use: bool,
}

/// Where a coupon's codes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// One code for everyone.
    Fixed(Name),
    /// A list of codes, each given away once, in its order.
    Pool(Arc<[Name]>),
    /// Computed from the offer's id under a key that the tills have.
    Derived(CouponKey),
}

/// The key of a derived coupon.
#[derive(Clone, PartialEq, Eq)]
pub struct CouponKey(pub [u8; 32]);

impl CouponKey {
    /// The key that a file of 64 hex digits holds.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

/// `Debug` shows nothing: it is a secret.
impl fmt::Debug for CouponKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CouponKey(..)")
    }
}

/// Whom a campaign is for, by what customers themselves declared. All that is given has to fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// One of these interests is declared; empty asks for none.
    pub interests: Vec<Name>,
    /// One of these price bands is declared; empty asks for none.
    pub price_bands: Vec<Name>,
    /// Its category is wished for.
    pub wishes: bool,
}

/// How often a reward thanks somebody for coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OncePer {
    /// Once a visit.
    Visit,
    /// Once a civil day of the site.
    Day,
    /// Once a civil week of the site, which begins on Monday.
    Week,
}

/// One language's text; `{zone}` stands for the zone's name, `{nearest.KIND}` for that of the nearest zone of a kind,
/// `{value.NAME}` for a live value.
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

/// More campaigns than a shop can mean; it bounds what one decision costs.
const MOST_CAMPAIGNS: usize = 1_000;

/// Live values of a shop: waiting minutes at each till, with room to spare. All of them are kept in memory.
const MOST_VALUES_IN_ALL: usize = 64;

/// A `[[category]]`, if it has an id, and where that stands.
type CategoryRead = (Option<Category>, At);

/// What was read, and what the other files are held against, even where the rest is wrong.
pub(super) struct Read {
    categories: Vec<CategoryRead>,
    pub(super) campaigns: Vec<CampaignRead>,
}

impl Read {
    /// The categories' ids, in the order of the file.
    pub(super) fn category_ids(&self) -> Vec<Name> {
        self.categories.iter().filter_map(|(category, _)| Some(category.as_ref()?.id.clone())).collect()
    }

    /// The checked offers, if everything in them is complete.
    pub(super) fn into_offers(self) -> Option<Offers> {
        let categories = self.categories.into_iter().map(|(category, _)| category).collect::<Option<_>>()?;
        let campaigns = self.campaigns.into_iter().map(|read| read.campaign).collect::<Option<_>>()?;
        Some(Offers { categories, campaigns })
    }
}

/// Reads `offers.toml`; files that it names are looked for `beside` it.
pub(super) fn read(file: &File<'_>, language: &str, beside: &Beside<'_>) -> Read {
    let mut table = file.root("offers.toml");
    let categories: Vec<_> =
        table.tables("category", "a category").into_iter().map(|entry| read_category(entry, language)).collect();
    let tables = table.tables("campaign", "a campaign");
    if let Some(excess) = tables.get(MOST_CAMPAIGNS) {
        file.error(&excess.here, format!("more than {MOST_CAMPAIGNS} campaigns"), "take out those that are over");
    }
    let campaigns: Vec<_> = tables.into_iter().map(|entry| campaign::read(entry, language, beside)).collect();
    table.finish();
    let category_ids: Vec<_> =
        categories.iter().filter_map(|(category, at)| Some((category.as_ref()?.id.clone(), at.clone()))).collect();
    let campaign_ids: Vec<_> = campaigns.iter().filter_map(|campaign: &CampaignRead| campaign.id.clone()).collect();
    check_unique(file, &category_ids, "category");
    check_unique(file, &campaign_ids, "campaign");
    check_pools(file, &campaigns);
    check_values(file, &campaigns);
    Read { categories, campaigns }
}

/// A code is given away once, so a list of them belongs to one campaign.
fn check_pools(file: &File<'_>, campaigns: &[CampaignRead]) {
    let mut pools: BTreeMap<&Name, &At> = BTreeMap::new();
    for (pool, at) in campaigns.iter().filter_map(|campaign| campaign.pool.as_ref()) {
        if let Some(first) = pools.insert(pool, at) {
            let place = if let At::Line(line) = first { format!(" in line {line}") } else { String::new() };
            let what =
                format!("`{pool}` is another campaign's list already{place}, and its codes would be given away twice");
            file.error(at, what, "give each campaign a list of its own");
        }
    }
}

fn check_values(file: &File<'_>, campaigns: &[CampaignRead]) {
    let mut values: BTreeSet<&Name> = BTreeSet::new();
    for (value, at) in campaigns.iter().flat_map(|campaign| &campaign.named.values) {
        if values.insert(value) && values.len() == MOST_VALUES_IN_ALL + 1 {
            let what = format!("the campaigns' texts name more than {MOST_VALUES_IN_ALL} values");
            file.error(at, what, "say less, or the same value in several texts");
        }
    }
}

fn read_category(mut table: Table<'_>, language: &str) -> CategoryRead {
    table.need("id", "\"shoes\"");
    let id = table.id("id");
    table.texts("name", language);
    let sensitive = table.flag("sensitive").unwrap_or(false);
    let replacement_interval = table.span("replacement-interval");
    let at = table.at("id");
    table.finish();
    (id.map(|id| Category { id, sensitive, replacement_interval }), at)
}

#[cfg(test)]
#[path = "offers_tests.rs"]
mod tests;
