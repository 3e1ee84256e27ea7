//! How one `[[campaign]]` is read.

use std::collections::{BTreeMap, BTreeSet};

use super::civil::{self, Refusal};
use super::file::File;
use super::offers::{Active, Audience, Campaign, Class, Coupon, Scheme, Text, Trigger};
use super::promise::{Cap, caps};
use super::reader::Table;
use super::tree::{At, Value};
use super::values::{check_language, choice_of, wrong_type};
use super::{Name, Texts};
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
    pub(super) campaign: Option<Campaign>,
}

/// What a campaign's texts ask for besides the zone.
#[derive(Default)]
struct Named {
    values: BTreeSet<Name>,
    nearest: BTreeSet<Name>,
}

/// Reads one `[[campaign]]`; plain texts are in `language`.
pub(super) fn read(mut table: Table<'_>, language: &str) -> CampaignRead {
    table.need("id", "\"boots-autumn\"");
    table.need("zones", "[\"shoes\"], or `zones = \"any\"`");
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
    if table.number("control-group", 0.0..=1.0).is_some_and(|share| share > 0.0) {
        table.file.not_in_force(&table.at("control-group"), "`control-group`");
    }
    let valid_for = table.span("valid-for");
    let image = table.text("image");
    let link = read_link(&mut table);
    let coupon_code = table.table("coupon", "`coupon`").and_then(read_coupon);
    let mut named = Named::default();
    let text = read_text(&mut table, &mut named);
    let lock_screen = read_lock_screen(&mut table, language, &mut named);
    let id_place = id.clone().map(|id| (id, table.at("id")));
    let category_place = category.clone().map(|category| (category, table.at("category")));
    let caps_at = table.at("caps");
    let is_service = class == Some(Class::Service);
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
            coupon: coupon_code.map(|code| Coupon { scheme: Scheme::Fixed(code), single_use: false }),
            text: text?,
            values: named.values,
            nearest: named.nearest,
            audience: Audience::default(),
            price: None,
            control_share: 0.0,
            once_per: None,
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
    let rest = link.strip_prefix("https://").or_else(|| link.strip_prefix("http://"));
    let is_address =
        rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !link.contains(char::is_whitespace));
    if !is_address {
        table.error("link", "`link` is no web address", "write https://…");
    }
    Some(link)
}

fn read_coupon(mut table: Table<'_>) -> Option<Name> {
    let code = table.text("code");
    let scheme = table.choice("scheme", &[("pool", true), ("derived", false)]);
    table.text("file");
    if scheme == Some(true) {
        table.need("file", "\"boots.codes\"");
    }
    if !table.has("code") && !table.has("scheme") {
        table.error("code", "the coupon has no code", "write `coupon = { code = \"BOOTS10\" }`");
    }
    if table.has("code") && (table.has("scheme") || table.has("file")) {
        table.error("code", "a coupon has one code for everyone or a scheme, not both", "keep one of the two");
    } else if scheme.is_some() {
        table.file.warning(
            &table.here,
            "a coupon by `scheme` is not in force yet in this version",
            "the campaign goes out without a coupon; `code = \"…\"` works",
        );
    }
    table.finish();
    code
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
            check_placeholders(table.file, &entry.at(key), &text, named);
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

fn read_lock_screen(table: &mut Table<'_>, language: &str, named: &mut Named) -> Texts {
    let texts = table.texts("lock-screen", language).unwrap_or_default();
    for text in texts.values() {
        let at = table.at("lock-screen");
        check_title(table.file, &at, "lock-screen", Some(text));
        check_placeholders(table.file, &at, text, named);
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

/// Checks what stands in braces: `{zone}` is filled, a value is not yet, anything else would be shown as it is.
fn check_placeholders(file: &File<'_>, at: &At, text: &str, named: &mut Named) {
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once('{') {
        let Some((name, after)) = behind.split_once('}') else {
            file.error(at, "a `{` is not closed", "write `{zone}` for the zone's name");
            return;
        };
        let is_word = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        let is_value = ["value.", "nearest."].iter().any(|prefix| name.strip_prefix(prefix).is_some_and(is_word));
        if is_value {
            match name.split_once('.') {
                Some(("value", value)) => named.values.insert(value.into()),
                Some((_, kind)) => named.nearest.insert(kind.into()),
                None => false,
            };
            file.warning(
                at,
                format!("`{{{name}}}` is not in force yet in this version"),
                "the campaign is withheld with the reason `stale-value`",
            );
        } else if name != "zone" {
            let shown: String = name.chars().take(40).collect();
            file.error(
                at,
                format!("nothing can be put in for `{{{}}}`", shown.escape_debug()),
                "write `{zone}` for the zone's name",
            );
        }
        rest = after;
    }
}
