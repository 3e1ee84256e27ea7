//! `promise.toml`: what the company promises every customer. Nothing may loosen it.

use super::civil;
use super::file::File;
use super::reader::Table;
use super::span::Span;
use super::tree::{At, Node, Value};
use super::values::{check_unique, is_web_address};
use super::zones::DayRange;
use super::{Name, Texts};

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
    /// The controller (GDPR art. 4(7)), name and address, by language.
    pub controller: Texts,
    /// Where to write.
    pub contact: Name,
    /// The supervisory authority, by language.
    pub authority: Option<Texts>,
    /// How to say no, by language.
    pub withdraw: Texts,
    /// Where the notice is read, the address of its QR code at the door.
    pub notice_url: Option<Name>,
    /// Who gets offers to pass on.
    pub recipients: Vec<Recipient>,
}

/// Someone who receives offers to pass on to the customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Its id, a topic level.
    pub id: Name,
    /// Its name, for people, by language.
    pub name: Texts,
    /// What it does with an offer, by language.
    pub purpose: Texts,
}

/// More windows than anybody can keep apart; it bounds what one decision costs.
const MOST_CAPS: usize = 16;

/// A cap beyond this promises nothing.
const MOST_OFFERS: u32 = 100_000;

/// Reads `promise.toml`; plain texts are in `language`.
pub(super) fn read(file: &File<'_>, language: &str) -> Option<Promise> {
    let mut table = file.root("promise.toml");
    let mut caps = table.table("caps", "[caps]");
    if !table.has("caps") {
        let what = "there is no [caps]: without a promise nothing is said to anyone".to_owned();
        file.lacks(&At::File, "caps", what, "write [caps] and `customer = [{ at-most = 2, per = \"1d\" }]`".to_owned());
    }
    let mut responsible = table.table("responsible", "[responsible]");
    if !table.has("responsible") && !file.has_gaps() {
        file.warning(
            &At::File,
            "there is no [responsible], so nobody's consent can be taken",
            "say who answers for it: [responsible]",
        );
    }
    // Both stand behind a table's header in the usual order of the file, where TOML takes them for that table's.
    let quiet_hours = one_of(&mut table, caps.as_mut(), "quiet-hours").and_then(|node| quiet_hours(file, node));
    let adults_only = if responsible.as_mut().is_some_and(|table| table.has("adults-only")) {
        if table.has("adults-only") {
            table.error("adults-only", "`adults-only` is given twice", "keep one of the two");
        }
        responsible.as_mut().and_then(|table| table.flag("adults-only"))
    } else {
        table.flag("adults-only")
    };
    let caps = caps.and_then(read_caps);
    let has_responsible = responsible.is_some();
    let responsible = responsible.and_then(|table| read_responsible(table, language));
    table.finish();
    if has_responsible && responsible.is_none() {
        return None;
    }
    Some(Promise { caps: caps?, quiet_hours, responsible, adults_only: adults_only.unwrap_or(false) })
}

/// The value of `key` in one of two tables; in both is an error.
fn one_of<'a>(outer: &mut Table<'a>, inner: Option<&mut Table<'a>>, key: &'static str) -> Option<&'a Node> {
    let outside = outer.node(key);
    let inside = inner.and_then(|table| table.node(key));
    if outside.is_some() && inside.is_some() {
        outer.error(key, format!("`{key}` is given twice"), "keep one of the two");
    }
    outside.or(inside)
}

fn quiet_hours(file: &File<'_>, node: &Node) -> Option<QuietHours> {
    let times: Option<Vec<&str>> = match &node.value {
        Value::List(items) => {
            let text = |item: &'_ Node| {
                if let Value::Text(text) | Value::Date(text) = &item.value { Some(text.clone()) } else { None }
            };
            let texts: Option<Vec<String>> = items.iter().map(text).collect();
            return match texts.as_deref() {
                Some([start, end]) => range(file, node, start, end),
                _ => refuse(file, node),
            };
        }
        Value::Text(text) => text.split_once('-').map(|(start, end)| vec![start, end]),
        _ => None,
    };
    match times.as_deref() {
        Some(&[start, end]) => range(file, node, start, end),
        _ => refuse(file, node),
    }
}

fn range(file: &File<'_>, node: &Node, start: &str, end: &str) -> Option<QuietHours> {
    civil::range(start, end).map_err(|(what, hint)| file.error(&node.at, what, hint)).ok()
}

fn refuse(file: &File<'_>, node: &Node) -> Option<QuietHours> {
    file.error(&node.at, "`quiet-hours` is no range of hours", "write `quiet-hours = [\"21:00\", \"08:00\"]`");
    None
}

fn read_caps(mut table: Table<'_>) -> Option<Caps> {
    table.need("customer", "[{ at-most = 2, per = \"1d\" }]");
    let caps = Caps {
        customer: caps(&mut table, "customer"),
        visit: table.whole("visit", 0..=MOST_OFFERS),
        gap: table.span("gap"),
        campaign: caps(&mut table, "campaign"),
        category: caps(&mut table, "category"),
        zone: caps(&mut table, "zone"),
        site: caps(&mut table, "site"),
        service: caps(&mut table, "service"),
    };
    let is_given = table.has("customer");
    table.finish();
    is_given.then_some(caps)
}

/// The caps of a scope, each `{ at-most = 2, per = "1d" }`.
pub(super) fn caps(table: &mut Table<'_>, key: &'static str) -> Vec<Cap> {
    if !table.has(key) {
        return Vec::new();
    }
    let tables = table.tables(key, "a cap");
    if matches!(table.node(key), Some(Node { value: Value::List(items), .. }) if items.is_empty()) {
        table.error(
            key,
            format!("`{key}` is an empty list"),
            "write `[{ at-most = 2, per = \"1d\" }]`, or leave the key out",
        );
    }
    if tables.len() > MOST_CAPS {
        table.error(key, format!("more than {MOST_CAPS} windows"), "a few say the same");
    }
    let cap = |mut cap: Table<'_>| {
        cap.need("at-most", "2");
        let at_most = cap.whole("at-most", 0..=MOST_OFFERS);
        let per = if cap.has("per") { Some(cap.span("per")) } else { None };
        cap.finish();
        // A window that cannot be read is an error already, never a cap without one.
        Some(Cap { at_most: at_most?, per: per.flatten() })
    };
    tables.into_iter().filter_map(cap).collect()
}

fn read_responsible(mut table: Table<'_>, language: &str) -> Option<Responsible> {
    table.need("controller", "\"Example Ltd, 1 High Street\"");
    table.need("contact", "\"privacy@shop.example\"");
    table.need("withdraw", "\"https://shop.example/emma or at any till\"");
    let contact = table.text("contact");
    let [controller, authority, withdraw] =
        ["controller", "authority", "withdraw"].map(|key| table.texts(key, language));
    let given = table.tables("recipients", "a recipient");
    let recipients_at = table.at("recipients");
    if given.is_empty() {
        table.file.warning(
            &recipients_at,
            "`recipients` is empty, so no offer reaches anyone",
            "write `recipients = [{ id = \"push\", name = \"…\", purpose = \"…\" }]`",
        );
    }
    let (mut recipients, mut ids) = (Vec::new(), Vec::new());
    for mut entry in given {
        entry.need("id", "\"push\"");
        entry.need("name", "\"Shop App\"");
        entry.need("purpose", "\"shows you the offer\"");
        let (id, name, purpose) = (entry.id("id"), entry.texts("name", language), entry.texts("purpose", language));
        ids.extend(id.clone().map(|id| (id, entry.at("id"))));
        entry.finish();
        if let (Some(id), Some(name), Some(purpose)) = (id, name, purpose) {
            recipients.push(Recipient { id, name, purpose });
        }
    }
    check_unique(table.file, &ids, "recipient");
    let notice_url = table.text("notice-url").filter(|url| check_notice_url(&table, url));
    table.finish();
    Some(Responsible {
        controller: controller?,
        contact: contact?,
        authority,
        withdraw: withdraw?,
        notice_url,
        recipients,
    })
}

/// The longest address that a QR code holds which a phone reads from a door: some 60 squares a side.
const LONGEST_URL: usize = 200;

fn check_notice_url(table: &Table<'_>, url: &str) -> bool {
    let what = if !is_web_address(url) {
        "`notice-url` is no web address".to_owned()
    } else if url.len() > LONGEST_URL {
        format!("`notice-url` is longer than {LONGEST_URL} bytes, and no phone would read its QR code from a door")
    } else {
        return true;
    };
    table.error("notice-url", what, "write https://…");
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str) -> (Option<Promise>, Vec<String>) {
        let file = File::new("promise.toml", text, &[]);
        let promise = read(&file, "en");
        (
            promise,
            file.into_problems().into_iter().map(|problem| format!("{:?} {}", problem.line, problem.what)).collect(),
        )
    }

    const CAPS: &str = "[caps]\ncustomer = [{ at-most = 2, per = '1d' }]\n";

    #[test]
    fn caps_with_customer_alone_are_a_promise() {
        let (promise, problems) = read_all(CAPS);
        assert_eq!(problems, ["None there is no [responsible], so nobody's consent can be taken"]);
        let caps = promise.unwrap().caps;
        assert_eq!(
            caps,
            Caps { customer: vec![Cap { at_most: 2, per: Some(Span::Micros(86_400_000_000)) }], ..Caps::default() }
        );
    }

    #[test]
    fn quiet_hours_stand_at_the_top_or_behind_the_caps() {
        let night = Some(DayRange { start_min: 21 * 60, end_min: 8 * 60 });
        let key = "quiet-hours = ['21:00', '08:00']\n";
        assert_eq!(read_all(&format!("{key}{CAPS}")).0.unwrap().quiet_hours, night);
        assert_eq!(read_all(&format!("{CAPS}{key}")).0.unwrap().quiet_hours, night);
        let (_, problems) = read_all(&format!("{key}{CAPS}{key}"));
        assert!(problems.contains(&"Some(1) `quiet-hours` is given twice".to_owned()), "{problems:?}");
        let (_, problems) = read_all(&format!("{CAPS}quiet-hours = ['21:00', '21:00']\n"));
        assert!(problems.contains(&"Some(3) `21:00` to `21:00` starts where it ends".to_owned()), "{problems:?}");
    }

    #[test]
    fn what_customers_read_can_be_in_several_languages() {
        let text = |rest: &str| {
            let responsible = "[responsible]\ncontroller = 'a'\ncontact = 'b'\nwithdraw = 'c'\n";
            let authority = "authority = { de = 'EDÖB', fr = 'PFPDT' }\n";
            let recipient =
                "recipients = [{ id = 'push', name = { de = 'd', en = 'g' }, purpose = { de = 'e', en = 'f' } }]\n";
            let responsible = format!("{responsible}{authority}");
            read_all(&format!("{CAPS}{responsible}{recipient}{rest}"))
        };
        let (promise, problems) = text("notice-url = 'https://shop.example/n'\n");
        assert_eq!(problems, [""; 0]);
        let responsible = promise.unwrap().responsible.unwrap();
        assert_eq!(responsible.withdraw, Texts::from([("en".into(), "c".into())]));
        assert_eq!(responsible.controller, Texts::from([("en".into(), "a".into())]));
        assert_eq!(responsible.authority.unwrap().get("fr").map(|text| &**text), Some("PFPDT"));
        assert_eq!((responsible.recipients[0].purpose.len(), responsible.recipients[0].name.len()), (2, 2));
        assert_eq!(responsible.notice_url.as_deref(), Some("https://shop.example/n"));
        for (wrong, told) in
            [("shop.example", "no web address"), (&format!("https://{}", "a".repeat(200)), "longer than 200")]
        {
            let (_, problems) = text(&format!("notice-url = '{wrong}'\n"));
            assert!(problems.len() == 1 && problems[0].contains(told), "{problems:?}");
        }
    }

    #[test]
    fn no_promise_no_start() {
        assert_eq!(read_all("").0, None);
        assert_eq!(read_all("[caps]\nvisit = 1\n").0, None);
        let (_, problems) = read_all("[caps]\ncustomer = []\nvisit = -1\n");
        assert!(
            problems.iter().any(|what| what.contains("empty list"))
                && problems.iter().any(|what| what.contains("cannot be -1")),
            "{problems:?}"
        );
    }
}
