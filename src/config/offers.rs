//! `offers.toml`: categories and campaigns. Marketing edits it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;

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

/// More campaigns than a shop can mean; it bounds what one decision costs.
const MOST_CAMPAIGNS: usize = 1_000;

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

/// Reads `offers.toml`.
pub(super) fn read(file: &File<'_>, language: &str) -> Read {
    let mut table = file.root("offers.toml");
    let categories: Vec<_> =
        table.tables("category", "a category").into_iter().map(|entry| read_category(entry, language)).collect();
    let tables = table.tables("campaign", "a campaign");
    if let Some(excess) = tables.get(MOST_CAMPAIGNS) {
        file.error(&excess.here, format!("more than {MOST_CAMPAIGNS} campaigns"), "take out those that are over");
    }
    let campaigns: Vec<_> = tables.into_iter().map(|entry| campaign::read(entry, language)).collect();
    table.finish();
    let category_ids: Vec<_> =
        categories.iter().filter_map(|(category, at)| Some((category.as_ref()?.id.clone(), at.clone()))).collect();
    let campaign_ids: Vec<_> = campaigns.iter().filter_map(|campaign: &CampaignRead| campaign.id.clone()).collect();
    check_unique(file, &category_ids, "category");
    check_unique(file, &campaign_ids, "campaign");
    Read { categories, campaigns }
}

fn read_category(mut table: Table<'_>, language: &str) -> CategoryRead {
    table.need("id", "\"shoes\"");
    let id = table.id("id");
    table.texts("name", language);
    let sensitive = table.flag("sensitive").unwrap_or(false);
    let replacement_interval = table.span("replacement-interval");
    if replacement_interval.is_some() {
        table.file.not_in_force(&table.at("replacement-interval"), "`replacement-interval`");
    }
    let at = table.at("id");
    table.finish();
    (id.map(|id| Category { id, sensitive, replacement_interval }), at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str) -> (Option<Offers>, Vec<String>) {
        let file = File::new("offers.toml", text, &[]);
        let offers = read(&file, "en").into_offers();
        (
            offers,
            file.into_problems().into_iter().map(|problem| format!("{:?} {}", problem.line, problem.what)).collect(),
        )
    }

    fn campaign(more: &str) -> String {
        format!(
            "[[campaign]]\nid = 'a'\ncategory = 'c'\nzones = ['z']\ntext = {{ en = {{ title = 'T', body = 'B' }} }}\n{more}\n"
        )
    }

    #[test]
    fn nothing_to_offer_is_legal() {
        assert_eq!(read_all(""), (Some(Offers::default()), vec![]));
    }

    #[test]
    fn a_campaign_has_its_defaults() {
        let (offers, problems) = read_all(&campaign("trigger = { dwelled = '20s' }"));
        assert_eq!(problems, [""; 0]);
        let campaign = &offers.unwrap().campaigns[0];
        assert_eq!((campaign.class, campaign.tier, campaign.priority), (Class::Offer, Tier::Contextual, 50));
        assert_eq!(campaign.trigger, Trigger::Dwelled(20_000_000));
    }

    #[test]
    fn what_a_campaign_cannot_say_is_told() {
        for (more, problem) in [
            ("trigger = 'left'", "Some(6) `left` is for class `service` alone: nobody is called back to buy"),
            ("trigger = 'entred'", "Some(6) `trigger` cannot be \"entred\""),
            (
                "trigger = 'entered'\ntier = 'on-request'",
                "Some(7) a campaign cannot be for `on-request`: those customers are answered when they ask",
            ),
            ("trigger = 'entered'\npriority = 101", "Some(7) `priority` cannot be 101"),
            ("trigger = 'entered'\nlink = 'javascript:x'", "Some(7) `link` is no web address"),
            (
                "trigger = 'entered'\nactive = { from = 2026-10-02, until = '2026-10-01' }",
                "Some(7) `until` 2026-10-01 is before `from` 2026-10-02",
            ),
            ("trigger = 'entered'\ncontrol-group = 0.1", "Some(7) `control-group` is not in force yet in this version"),
            ("trigger = 'entered'\nlock-screen = 'Hello {name}'", "Some(7) nothing can be put in for `{name}`"),
        ] {
            assert_eq!(read_all(&campaign(more)).1, [problem], "{more}");
        }
    }

    #[test]
    fn a_value_withholds_the_campaign_and_says_so() {
        let text = campaign("trigger = 'entered'").replace("'B'", "'{zone}: {value.price} at {nearest.till}'");
        let (offers, problems) = read_all(&text);
        assert_eq!(offers.unwrap().campaigns[0].values.len(), 1);
        assert_eq!(problems.len(), 2, "{problems:?}");
    }

    #[test]
    fn a_coupon_is_a_code_or_a_scheme() {
        let (offers, problems) = read_all(&campaign("trigger = 'entered'\ncoupon = { code = 'BOOTS10' }"));
        let fixed = Coupon { scheme: Scheme::Fixed("BOOTS10".into()), single_use: false };
        assert_eq!((offers.unwrap().campaigns[0].coupon.clone(), problems), (Some(fixed), vec![]));
        let (offers, problems) = read_all(&campaign("trigger = 'entered'\ncoupon = { scheme = 'pool', file = 'x' }"));
        assert_eq!(offers.unwrap().campaigns[0].coupon, None);
        assert!(problems[0].contains("not in force yet"), "{problems:?}");
    }
}
