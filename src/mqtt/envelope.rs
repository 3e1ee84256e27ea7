//! What every event has in common: a `CloudEvent` in structured mode (`CloudEvents` 1.0, JSON format).

use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::event::{PURPOSE, instant, json, second};

/// Which event it is, and for how long it is worth saying.
#[derive(Clone, Copy)]
pub(super) struct Envelope<'a> {
    /// The same at every resend: the same id is the same event.
    pub(super) id: &'a str,
    /// The event's type; a breaking change is a new one.
    pub(super) kind: &'static str,
    /// The schema of its data.
    pub(super) schema: &'static str,
    /// What it is about, never a person.
    pub(super) subject: &'a str,
    /// When it happened (wall, microseconds).
    pub(super) at_us: i64,
    /// Until when it is said (wall, microseconds).
    pub(super) until_us: i64,
    /// It goes to one person: what for, and that it is a tester's.
    pub(super) personal: Option<Personal>,
}

/// What is said of an event that goes to one person.
#[derive(Clone, Copy)]
pub(super) struct Personal {
    /// What their data is used for.
    pub(super) purpose: &'static str,
    /// They are a tester.
    pub(super) test: bool,
}

impl Envelope<'_> {
    /// The event as JSON, said by `gateway` of `site`; its `sequence` is given at the hand-over.
    pub(super) fn around(self, data: &impl Serialize, site: &str, gateway: &str) -> String {
        let Self { id, kind, schema, subject, at_us, until_us, personal } = self;
        let told = if personal.is_some() { second } else { instant };
        json(&Event {
            specversion: "1.0",
            id,
            source: format!("/sites/{site}/gateways/{gateway}"),
            kind,
            subject,
            time: told(at_us),
            expirytime: told(until_us),
            dataschema: schema,
            datacontenttype: "application/json",
            dataclassification: if personal.is_some() { "restricted" } else { "internal" },
            dataregulation: personal.map(|_| "GDPR"),
            purpose: personal.map(|personal| personal.purpose),
            test: personal.filter(|personal| personal.test).map(|_| true),
            data,
        })
    }
}

/// What every event has in common: a `CloudEvent` 1.0 in structured mode (`application/cloudevents+json`). `data` is
/// described by the schema that `dataschema` names.
#[derive(JsonSchema, Serialize)]
#[schemars(transform = numbered)]
pub(crate) struct Event<'a, D> {
    /// The version of `CloudEvents`.
    #[schemars(extend("const" = "1.0"))]
    specversion: &'static str,
    /// Which event it is. The same id is the same event, however often it comes: remember it, and pass over what you had.
    #[schemars(length(min = 1))]
    id: &'a str,
    /// Who says it: `/sites/{site}/gateways/{gateway}`.
    #[schemars(regex(pattern = "^/sites/[^/]+/gateways/[^/]+$"), extend("format" = "uri-reference"))]
    source: String,
    /// What happened. A change that breaks readers is a new type: `v2` in the place of `v1`.
    #[serde(rename = "type")]
    #[schemars(regex(pattern = r"^emma\.[a-z]+\.[a-z]+\.v[1-9][0-9]*$"))]
    kind: &'static str,
    /// What it is about: the offer's id, or the week of a report. Never a person.
    #[schemars(length(min = 1))]
    subject: &'a str,
    /// When it happened.
    #[schemars(extend("format" = "date-time"))]
    time: String,
    /// Until when it is worth saying. After it nothing is shown to anybody, whatever held it up on its way: brokers are not
    /// dependable about expiry, so this is what counts.
    #[schemars(extend("format" = "date-time"))]
    expirytime: String,
    /// The schema of `data`.
    #[schemars(regex(pattern = "^urn:emma:schema:[a-z-]+:v[1-9][0-9]*$"), extend("format" = "uri"))]
    dataschema: &'static str,
    /// What `data` is.
    #[schemars(extend("const" = "application/json"))]
    datacontenttype: &'static str,
    /// Who may see it: `restricted` is for the recipient that it was sent to, `internal` for the shop.
    #[schemars(extend("enum" = ["restricted", "internal"]))]
    dataclassification: &'static str,
    /// The law that it falls under, where it goes to one person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = "GDPR"))]
    dataregulation: Option<&'static str>,
    /// What their data may be used for, where it goes to one person: this and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = PURPOSE))]
    purpose: Option<&'static str>,
    /// It goes to a tester: show it, and count it nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = true))]
    test: Option<bool>,
    /// What there is to say.
    data: &'a D,
}

/// `sequence` is written in front of the rest at the hand-over ([`super::event::with_sequence`]).
fn numbered(schema: &mut Schema) {
    let sequence = schemars::json_schema!({
        "description": "Counts the events of one source and type, in twenty digits, so that they sort as text. A gap means \
                        loss, for whoever subscribes to everything; after a crash a number may come again.",
        "type": "string",
        "pattern": "^[0-9]{20}$",
    });
    if let Some(properties) = schema.get_mut("properties").and_then(|properties| properties.as_object_mut()) {
        properties.insert("sequence".to_owned(), sequence.to_value());
    }
    if let Some(required) = schema.get_mut("required").and_then(|required| required.as_array_mut()) {
        required.push("sequence".into());
    }
}
