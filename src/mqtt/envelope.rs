//! What every event has in common: a `CloudEvent` in structured mode (`CloudEvents` 1.0, JSON format).

use serde::Serialize;

use super::event::{instant, json};

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
        json(&Event {
            specversion: "1.0",
            id,
            source: format!("/sites/{site}/gateways/{gateway}"),
            kind,
            subject,
            time: instant(at_us),
            expirytime: instant(until_us),
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

#[derive(Serialize)]
struct Event<'a, D> {
    specversion: &'static str,
    id: &'a str,
    source: String,
    #[serde(rename = "type")]
    kind: &'static str,
    subject: &'a str,
    time: String,
    expirytime: String,
    dataschema: &'static str,
    datacontenttype: &'static str,
    dataclassification: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataregulation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<bool>,
    data: &'a D,
}
