//! A JSON object in, a [`Record`] out: which fields there are and of which type. What they mean is `check`'s.

#![allow(clippy::wildcard_enum_match_arm, reason = "JSON has the six kinds of value that it has")]

use std::collections::BTreeMap;

use serde_json::Value;

use super::shape::Object;
use super::{
    CapRecord, CapsRecord, ConsentRecord, IdentifierRecord, MAX_IDENTIFIERS, MAX_RECORD_LEN, Notice, Record,
    RecordError, TestTag, WishRecord,
};
use crate::gateway::consent::{CustomerId, Meaning, State};

/// The most entries of each list of words (sites, categories, interests …).
pub(super) const MAX_WORDS: usize = 64;

/// The most inboxes: one for each recipient of promise.toml.
pub(super) const MAX_INBOXES: usize = 16;

/// The most wishes.
pub(super) const MAX_WISHES: usize = 32;

/// The most windows of one scope.
const MAX_CAPS: usize = 8;

/// Epochs are kept as signed 64-bit numbers in the ledger.
const MAX_EPOCH: u64 = i64::MAX.cast_unsigned();

/// The fields of a consent record.
const FIELDS: &[&str] = &[
    "customer",
    "epoch",
    "tier",
    "purposes",
    "identifiers",
    "valid_from",
    "valid_until",
    "state",
    "given_at",
    "proof",
    "sites",
    "categories",
    "sensitive",
    "inbox",
    "budget",
    "language",
    "time_zone",
    "quiet_hours",
    "caps",
    "interests",
    "price_band",
    "pinned_categories",
    "wishes",
    "adult",
    "notice",
    "test",
    "paused_until",
    "withdrawn",
];

/// The fields of a record that ends a consent; its state is read before.
const ENDING: &[&str] = &["customer", "epoch", "withdrawn"];

const REQUIRED: &[&str] = &["customer", "epoch", "tier", "purposes", "identifiers", "valid_from", "valid_until"];

/// Reads a record, and checks it.
pub(super) fn record(value: Value) -> Result<Record, RecordError> {
    let says_withdrawn = value.get("withdrawn").is_some_and(|withdrawn| *withdrawn != Value::Bool(false));
    let state = value.get("state").and_then(Value::as_str).and_then(State::of);
    match state.map_or(Meaning::Opens, State::meaning) {
        Meaning::Opens if says_withdrawn => withdrawal(value),
        Meaning::Opens => consent(value).map(|grant| Record::Grant(Box::new(grant))),
        Meaning::Lapses if !says_withdrawn => lapse(value),
        Meaning::Lapses | Meaning::Forgets => withdrawal(essence(value)),
    }
}

/// Reads a consent as it is told, or as it is kept, and checks it.
pub(super) fn consent(value: Value) -> Result<ConsentRecord, RecordError> {
    let mut problems = Vec::new();
    let grant = Object::open("", value, FIELDS, &mut problems).map(grant).unwrap_or_default();
    let grant = RecordError::unless(grant, problems)?;
    grant.check()?;
    Ok(grant)
}

fn withdrawal(value: Value) -> Result<Record, RecordError> {
    ending(value).map(|(customer, epoch)| Record::Withdraw { customer, epoch })
}

fn lapse(value: Value) -> Result<Record, RecordError> {
    ending(essence(value)).map(|(customer, epoch)| Record::Lapse { customer, epoch })
}

/// Without what else a consent has, which may stand beside a state that ends it: no end is lost for a field.
fn essence(value: Value) -> Value {
    let Value::Object(mut fields) = value else { return value };
    fields.retain(|name, _| ENDING.contains(&name.as_str()));
    Value::Object(fields)
}

fn ending(value: Value) -> Result<(CustomerId, u64), RecordError> {
    let mut problems = Vec::new();
    let mut read = None;
    if let Some(mut object) = Object::open("", value, ENDING, &mut problems) {
        object.require(&["customer", "epoch"]);
        object.flag("withdrawn");
        let customer = object.text("customer").and_then(|text| {
            let customer = CustomerId::new(&text);
            if customer.is_none() {
                object.problem("customer", super::check::PSEUDONYM);
            }
            customer
        });
        read = customer.zip(object.number("epoch", MAX_EPOCH));
    }
    RecordError::unless(read, problems)?.ok_or_else(|| RecordError::one("it is no withdrawal"))
}

/// What has a problem is left at its default: the record is refused anyway.
fn grant(mut object: Object<'_>) -> ConsentRecord {
    object.require(REQUIRED);
    object.take("withdrawn");
    ConsentRecord {
        customer: object.text("customer").unwrap_or_default(),
        epoch: object.number("epoch", MAX_EPOCH).unwrap_or_default(),
        state: object.text("state"),
        tier: object.text("tier").unwrap_or_default(),
        purposes: object.texts("purposes", MAX_WORDS).unwrap_or_default(),
        sites: object.texts("sites", MAX_WORDS),
        categories: object.texts("categories", MAX_WORDS),
        // As many as fit into a record: they are the shop's and not the customer's.
        sensitive: object.texts("sensitive", MAX_RECORD_LEN),
        identifiers: identifiers(&mut object),
        valid_from: object.text("valid_from").unwrap_or_default(),
        valid_until: object.text("valid_until").unwrap_or_default(),
        given_at: object.text("given_at"),
        proof: object.text("proof"),
        inbox: inbox(&mut object),
        budget: object.number("budget", u32::MAX.into()),
        language: object.text("language"),
        time_zone: object.text("time_zone"),
        quiet_hours: quiet_hours(&mut object),
        caps: caps(&mut object),
        interests: object.texts("interests", MAX_WORDS),
        price_band: object.text("price_band"),
        pinned_categories: object.texts("pinned_categories", MAX_WORDS),
        wishes: wishes(&mut object),
        adult: object.flag("adult"),
        notice: notice(&mut object),
        test: test(&mut object),
        paused_until: object.text("paused_until"),
    }
}

/// At least one, each once.
fn identifiers(object: &mut Object<'_>) -> Vec<IdentifierRecord> {
    let Some(list) = object.list("identifiers", MAX_IDENTIFIERS) else { return Vec::new() };
    if list.is_empty() {
        object.problem("identifiers", "is empty; at least one is required");
    }
    let mut identifiers = Vec::new();
    for (index, value) in list.into_iter().enumerate() {
        let read = object.identifier(index, value);
        identifiers.extend(read.filter(|identifier| !identifiers.contains(identifier)));
    }
    identifiers
}

fn inbox(object: &mut Object<'_>) -> Option<BTreeMap<String, String>> {
    let Value::Object(entries) = object.take("inbox")? else {
        object.problem("inbox", "is not an object such as {\"push\": \"…\"}");
        return None;
    };
    if entries.len() > MAX_INBOXES {
        object.problem("inbox", format_args!("has more than {MAX_INBOXES} entries"));
    }
    let texts: Option<_> =
        entries.into_iter().map(|(recipient, inbox)| Some((recipient, inbox.as_str()?.to_owned()))).collect();
    if texts.is_none() {
        object.problem("inbox", "holds an entry that is not a text in quotes");
    }
    texts
}

fn quiet_hours(object: &mut Object<'_>) -> Option<[String; 2]> {
    let pair = object.texts("quiet_hours", 2)?.try_into().ok();
    if pair.is_none() {
        object.problem("quiet_hours", "is not a start and an end such as [\"22:00\", \"06:00\"]");
    }
    pair
}

fn wishes(object: &mut Object<'_>) -> Option<Vec<WishRecord>> {
    let list = object.list("wishes", MAX_WISHES)?;
    let mut wishes = Vec::new();
    for (index, value) in list.into_iter().enumerate() {
        let Some(mut wish) = object.item("wishes", index, value, &["category", "max_price", "until"]) else { continue };
        wish.require(&["category"]);
        let category = wish.text("category").unwrap_or_default();
        wishes.push(WishRecord { category, max_price: wish.text("max_price"), until: wish.text("until") });
    }
    Some(wishes)
}

fn notice(object: &mut Object<'_>) -> Option<Notice> {
    let mut notice = object.object("notice", &["version", "language"])?;
    notice.require(&["version"]);
    Some(Notice { version: notice.text("version").unwrap_or_default(), language: notice.text("language") })
}

fn test(object: &mut Object<'_>) -> Option<TestTag> {
    match object.take("test")? {
        Value::Bool(flag) => Some(TestTag::Flag(flag)),
        Value::String(name) => Some(TestTag::Name(name)),
        _ => {
            object.problem("test", "is neither a tag in quotes nor `true`");
            None
        }
    }
}

const SCOPES: &[&str] = &["customer", "visit", "gap", "campaign", "category", "zone", "site", "service"];

fn caps(object: &mut Object<'_>) -> Option<CapsRecord> {
    let mut caps = object.object("caps", SCOPES)?;
    Some(CapsRecord {
        customer: windows(&mut caps, "customer"),
        visit: visit(&mut caps),
        gap: gap(&mut caps),
        campaign: windows(&mut caps, "campaign"),
        category: windows(&mut caps, "category"),
        zone: windows(&mut caps, "zone"),
        site: windows(&mut caps, "site"),
        service: windows(&mut caps, "service"),
    })
}

fn windows(caps: &mut Object<'_>, scope: &str) -> Vec<CapRecord> {
    let list = caps.list(scope, MAX_CAPS).unwrap_or_default();
    let mut windows = Vec::new();
    for (index, value) in list.into_iter().enumerate() {
        let Some(mut cap) = caps.item(scope, index, value, &["at_most", "per"]) else { continue };
        cap.require(&["at_most"]);
        let at_most = cap.number("at_most", u32::MAX.into()).unwrap_or_default();
        windows.push(CapRecord { at_most, per: cap.text("per") });
    }
    windows
}

/// A number, as in promise.toml, or a list of one cap without a window, as in the other scopes.
fn visit(caps: &mut Object<'_>) -> Option<u32> {
    if !caps.is_list("visit") {
        return caps.number("visit", u32::MAX.into());
    }
    if let [CapRecord { at_most, per: None }] = windows(caps, "visit").as_slice() {
        return Some(*at_most);
    }
    caps.problem("visit", "is not a number such as 1: the visit is its own window");
    None
}

/// A duration, as in promise.toml, or a list of one cap of one, as in the other scopes.
fn gap(caps: &mut Object<'_>) -> Option<String> {
    if !caps.is_list("gap") {
        return caps.text("gap");
    }
    if let [CapRecord { at_most: 1, per: Some(per) }] = windows(caps, "gap").as_slice() {
        return Some(per.clone());
    }
    caps.problem("gap", "is not a duration such as \"2h\": a gap is a cap of 1");
    None
}
