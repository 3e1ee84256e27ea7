//! How one `[[campaign]]` is read.

use std::collections::BTreeMap;

use super::beside::Beside;
use super::civil::{self, Refusal};
use super::coupon::{self, CouponRead};
use super::file::File;
use super::offers::{Active, Audience, Campaign, Class, OncePer, Text, Trigger};
use super::placeholder::Named;
use super::price::Price;
use super::promise::{Cap, caps};
use super::reader::Table;
use super::tree::{At, Value};
use super::values::{check_language, choice_of, is_web_address, wrong_type};
use super::{Name, Texts, audience};
use crate::gateway::consent::Tier;

/// A title is one line in bold on a phone, in characters.
const LONGEST_TITLE: usize = 120;

/// Who is in the shop for longer is at work, and hears nothing: 3 h in microseconds.
const LONGEST_DWELL_US: u64 = 3 * 3_600 * 1_000_000;

/// One `[[campaign]]` as it was read, with what the other files are held against.
pub(super) struct CampaignRead {
    pub(super) id: Option<(Name, At)>,
    pub(super) category: Option<(Name, At)>,
    pub(super) zones: Vec<(Name, At)>,
    pub(super) caps: Vec<Cap>,
    pub(super) caps_at: At,
    /// Counted by the promise's `service` caps alone.
    pub(super) is_service: bool,
    /// The list of codes that it gives away.
    pub(super) pool: Option<(Name, At)>,
    /// What its texts ask for besides the zone.
    pub(super) named: Named,
    pub(super) campaign: Option<Campaign>,
}

/// Reads one `[[campaign]]`; plain texts are in `language`, and files that it names are looked for `beside` it.
pub(super) fn read(mut table: Table<'_>, language: &str, beside: &Beside<'_>) -> CampaignRead {
    table.need("id", "\"boots-autumn\"");
    table.need("zones", "[\"shoes\"]` or `zones = \"any\"");
    table.need("trigger", "\"entered\"");
    let id = table.id("id");
    let classes = [("offer", Class::Offer), ("reward", Class::Reward), ("service", Class::Service)];
    let class = if table.has("class") { table.choice("class", &classes) } else { Some(Class::Offer) };
    if class == Some(Class::Offer) {
        table.need("category", "\"shoes\"");
    }
    let category = table.id("category");
    let zones = read_zones(&mut table);
    let trigger = read_trigger(&mut table, class);
    let tier = read_tier(&mut table);
    let priority = table.whole("priority", 0..=100).and_then(|priority| u8::try_from(priority).ok());
    let active = table.table("active", "`active`").map(read_active).unwrap_or_default();
    let caps = caps(&mut table, "caps");
    let audience = read_audience(&mut table, tier);
    let price = read_price(&mut table);
    let control_share = read_control_share(&mut table);
    let once_per = read_once_per(&mut table, class);
    let valid_for = table.span("valid-for");
    let image = table.text("image");
    let link = read_link(&mut table);
    let coupon = coupon_table(&mut table).map(|coupon| coupon::read(coupon, beside));
    let CouponRead { coupon, pool } = coupon.unwrap_or_default();
    let mut named = Named::default();
    let text = read_text(&mut table, &mut named);
    let lock_screen = read_lock_screen(&mut table, language);
    let id_place = id.clone().map(|id| (id, table.at("id")));
    let category_place = category.clone().map(|category| (category, table.at("category")));
    let caps_at = table.at("caps");
    let is_service = class == Some(Class::Service);
    if is_service {
        check_service(&mut table, control_share);
    }
    table.finish();
    let zone_places = zones.clone().flatten().unwrap_or_default();
    let campaign = || {
        Some(Campaign {
            id: id?,
            class: class?,
            category,
            zones: zones?.map(|zones| zones.into_iter().map(|(zone, _)| zone).collect()),
            trigger: trigger?,
            tier: tier?,
            priority: priority.unwrap_or(50),
            active,
            caps: caps.clone(),
            valid_for,
            image,
            link,
            coupon,
            text: text?,
            values: named.values.iter().map(|(name, _)| name.clone()).collect(),
            nearest: named.nearest.iter().map(|(kind, _)| kind.clone()).collect(),
            audience,
            price,
            control_share,
            once_per,
            lock_screen,
        })
    };
    CampaignRead {
        id: id_place,
        category: category_place,
        zones: zone_places,
        campaign: campaign(),
        caps,
        caps_at,
        is_service,
        pool,
        named,
    }
}

/// The zones with where each is named; nothing within is any zone.
#[expect(clippy::option_option, reason = "what cannot be read differs from a campaign that speaks in any zone")]
fn read_zones(table: &mut Table<'_>) -> Option<Option<Vec<(Name, At)>>> {
    let node = table.node("zones")?;
    if let Value::Text(text) = &node.value {
        if text == "any" {
            return Some(None);
        }
        table.file.error(
            &node.at,
            format!("`zones` cannot be \"{}\"", text.escape_debug()),
            format!("write `zones = [\"{}\"]` or `zones = \"any\"`", text.escape_debug()),
        );
        return None;
    }
    let zones = table.ids("zones")?;
    if zones.is_empty() {
        table.error("zones", "a campaign without a zone never speaks", "name its zones, or write `zones = \"any\"`");
    }
    Some(Some(zones))
}

fn read_trigger(table: &mut Table<'_>, class: Option<Class>) -> Option<Trigger> {
    let node = table.node("trigger")?;
    match &node.value {
        Value::Table(_) => {
            let mut dwelled = table.table("trigger", "`trigger`")?;
            dwelled.need("dwelled", "\"20s\"");
            let us = dwelled.exact_us("dwelled");
            if us.is_some_and(|us| us >= LONGEST_DWELL_US) {
                dwelled.file.warning(
                    &dwelled.at("dwelled"),
                    "nobody shops in one zone for 3 h: this never speaks",
                    "write minutes, such as \"2m\"",
                );
            }
            dwelled.finish();
            us.map(Trigger::Dwelled)
        }
        Value::Text(text) if text == "dwelled" => {
            table.error("trigger", "`dwelled` needs a time", "write `trigger = { dwelled = \"20s\" }`");
            None
        }
        Value::Text(text) => {
            let words = [("entered", Trigger::Entered), ("left", Trigger::Left)];
            let trigger = choice_of(table.file, &node.at, text, "trigger", &words);
            if trigger == Some(Trigger::Left) && class != Some(Class::Service) {
                table.error(
                    "trigger",
                    "`left` is for class `service` alone: nobody is called back to buy",
                    "write \"entered\" or `{ dwelled = \"20s\" }`",
                );
            }
            trigger
        }
        _ => wrong_type(table.file, node, "trigger", "\"entered\" or `{ dwelled = \"20s\" }`"),
    }
}

fn read_tier(table: &mut Table<'_>) -> Option<Tier> {
    if !table.has("tier") {
        return Some(Tier::Contextual);
    }
    let tier = table.choice(
        "tier",
        &[("contextual", Tier::Contextual), ("personal", Tier::Personal), ("on-request", Tier::OnRequest)],
    );
    if tier == Some(Tier::OnRequest) {
        table.error(
            "tier",
            "a campaign cannot be for `on-request`: those customers are answered when they ask",
            "write \"contextual\" or \"personal\"",
        );
    }
    tier
}

fn read_active(mut table: Table<'_>) -> Active {
    let from = told(&mut table, "from", civil::date);
    let until = told(&mut table, "until", civil::date);
    let hours = told(&mut table, "hours", civil::hours);
    let days = told(&mut table, "days", civil::days);
    if let (Some(from), Some(until)) = (from, until)
        && until < from
    {
        table.error("until", format!("`until` {until} is before `from` {from}"), "swap them, or put the year right");
    }
    table.finish();
    Active { from, until, hours, days }
}

fn told<T>(table: &mut Table<'_>, key: &'static str, read: impl Fn(&str) -> Result<T, Refusal>) -> Option<T> {
    let text = table.date_text(key)?;
    read(&text).map_err(|(what, hint)| table.error(key, what, hint)).ok()
}

fn read_link(table: &mut Table<'_>) -> Option<Name> {
    let link = table.text("link")?;
    if !is_web_address(&link) {
        table.error("link", "`link` is no web address", "write https://…");
    }
    Some(link)
}

/// What customers declare is known of tier `personal` alone.
fn read_audience(table: &mut Table<'_>, tier: Option<Tier>) -> Audience {
    let Some(audience) = table.table("audience", "`audience`").map(audience::read) else { return Audience::default() };
    if tier.is_some_and(|tier| tier != Tier::Personal) {
        table.error(
            "audience",
            "an `audience` needs `tier = \"personal\"`: only those customers declare interests, price bands and wishes",
            "write `tier = \"personal\"`, or take the audience out",
        );
    }
    if audience.wishes && !table.has("category") {
        table.error(
            "audience",
            "`wishes` needs a `category`: that is what customers wish for",
            "write `category = \"…\"`",
        );
    }
    audience
}

/// The table of `coupon`; a bare code is what people write first.
fn coupon_table<'a>(table: &mut Table<'a>) -> Option<Table<'a>> {
    if table.node("coupon").is_some_and(|node| matches!(node.value, Value::Text(_))) {
        table.error("coupon", "`coupon` is a text", "write `coupon = { code = \"BOOTS10\" }`");
        return None;
    }
    table.table("coupon", "`coupon`")
}

fn read_price(table: &mut Table<'_>) -> Option<Price> {
    let text = table.text("price")?;
    let price = Price::parse(&text);
    if price.is_none() {
        table.error(
            "price",
            format!("`price`: `{text}` is no price"),
            "write an amount, a space and three capital letters, such as \"129 CHF\" or \"12.50 EUR\"",
        );
    }
    price
}

fn read_control_share(table: &mut Table<'_>) -> f64 {
    let share = table.number("control-group", 0.0..=1.0).unwrap_or(0.0);
    if share >= 1.0 {
        table.file.warning(
            &table.at("control-group"),
            "a control group of 1 is everybody who agreed to be measured: they are never told",
            "write the share that is to hear nothing, such as 0.1",
        );
    }
    share
}

/// How often a reward is given; once a day where nothing is written.
fn read_once_per(table: &mut Table<'_>, class: Option<Class>) -> Option<OncePer> {
    let words = [("visit", OncePer::Visit), ("day", OncePer::Day), ("week", OncePer::Week)];
    let once_per = if table.has("once-per") { table.choice("once-per", &words) } else { Some(OncePer::Day) };
    if class == Some(Class::Reward) {
        return once_per;
    }
    if table.has("once-per") && class.is_some() {
        table.error(
            "once-per",
            "`once-per` is for class `reward` alone: it thanks for coming",
            "write `class = \"reward\"`, or use `caps`",
        );
    }
    None
}

/// A service message is told to everyone whom it concerns, and sells nothing.
fn check_service(table: &mut Table<'_>, control_share: f64) {
    for key in ["coupon", "price", "audience"] {
        if table.has(key) {
            table.error(
                key,
                format!("a service message has no `{key}`: it has no room for marketing"),
                "take it out, or make an offer of it: `class = \"offer\"`",
            );
        }
    }
    if control_share > 0.0 {
        table.error("control-group", "a service message has no control group: a recall is told to all", "take it out");
    }
}

fn read_text(table: &mut Table<'_>, named: &mut Named) -> Option<BTreeMap<Name, Text>> {
    table.need("text", "{ en = { title = \"…\", body = \"…\" } }");
    let languages = table.table("text", "`text`")?;
    let mut texts = BTreeMap::new();
    let mut is_complete = true;
    for (language, at, node) in languages.entries() {
        check_language(table.file, at, language);
        let Value::Table(branch) = &node.value else {
            let hint = format!("a table: [campaign.text.{}] with `title` and `body`", language.escape_debug());
            wrong_type::<()>(table.file, node, "text", &hint);
            continue;
        };
        let mut entry = Table::new(table.file, "a campaign's text", at.clone(), branch, String::new());
        entry.need("title", "\"…\"");
        entry.need("body", "\"…\"");
        let [title, body] = ["title", "body"].map(|key| {
            let text = entry.text(key)?;
            named.take(table.file, &entry.at(key), &text);
            Some(text)
        });
        check_title(table.file, &entry.at("title"), "title", title.as_ref());
        entry.finish();
        match (title, body) {
            (Some(title), Some(body)) => {
                texts.insert(language.into(), Text { title, body });
            }
            _ => is_complete = false,
        }
    }
    if texts.is_empty() && is_complete {
        table.error("text", "the campaign has no text", "write [campaign.text.en] with `title` and `body`");
    }
    is_complete.then_some(texts)
}

/// It can be read over somebody's shoulder, so nothing is put in there.
fn read_lock_screen(table: &mut Table<'_>, language: &str) -> Texts {
    let texts = table.texts("lock-screen", language).unwrap_or_default();
    for text in texts.values() {
        check_title(table.file, &table.at("lock-screen"), "lock-screen", Some(text));
        if text.contains(['{', '}']) {
            table.error(
                "lock-screen",
                "nothing is put in on a lock screen, and braces would be shown",
                "write it without braces: say where it is in `title` or `body`",
            );
        }
    }
    texts
}

fn check_title(file: &File<'_>, at: &At, key: &str, title: Option<&Name>) {
    let Some(title) = title else { return };
    let chars = title.chars().count();
    if chars > LONGEST_TITLE {
        file.error(
            at,
            format!("`{key}` has {chars} characters"),
            format!("a phone shows {LONGEST_TITLE} at most: say the rest in `body`"),
        );
    }
}
