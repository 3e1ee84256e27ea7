//! The weekly report of restraint as an event: a `CloudEvent` that the broker keeps for whoever comes later.

use serde::Serialize;

use super::ended::Speaker;
use super::event::{Draft, instant, json};
use super::topic::Topics;
use crate::gateway::key::Key;
use crate::report::Report;

const REPORTED: &str = "emma.report.restraint.v1";
const REPORTED_SCHEMA: &str = "urn:emma:schema:report-restraint:v1";

/// A broker that was away for so long is told the next week's.
const SAID_FOR_US: i64 = 7 * 86_400_000_000;

/// The event that says `report`, composed at `now_us` (wall, microseconds). The same week is the same event.
pub fn draft(report: &Report, speaker: &Speaker, key: &Key, now_us: i64) -> Draft {
    let Speaker { root, site, gateway } = speaker;
    let event_id = key.id(&[b"report", report.week.as_bytes()]);
    let expires_us = now_us.saturating_add(SAID_FOR_US);
    let event = Event {
        specversion: "1.0",
        id: &event_id,
        source: format!("/sites/{site}/gateways/{gateway}"),
        kind: REPORTED,
        subject: &report.week,
        time: instant(now_us),
        expirytime: instant(expires_us),
        dataschema: REPORTED_SCHEMA,
        datacontenttype: "application/json",
        dataclassification: "internal",
        data: report,
    };
    let payload = json(&event);
    Draft {
        recipient: "".into(),
        inbox: "".into(),
        topic: Topics { root, site }.report(),
        offer_id: "".into(),
        payload,
        why: String::new(),
        expires_us,
        valid_until_us: expires_us,
        event_id,
    }
}

#[derive(Serialize)]
struct Event<'a> {
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
    data: &'a Report,
}
