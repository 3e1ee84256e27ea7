//! The weekly report of restraint as an event: a `CloudEvent` that the broker keeps for whoever comes later.

use super::ended::Speaker;
use super::envelope::Envelope;
use super::event::Draft;
use super::topic::Topics;
use crate::gateway::key::Key;
use crate::report::Report;

const REPORTED: &str = "emma.report.restraint.v1";
pub(crate) const REPORTED_SCHEMA: &str = "urn:emma:schema:report-restraint:v1";

/// A broker that was away for so long is told the next week's.
const SAID_FOR_US: i64 = 7 * 86_400_000_000;

/// The event that says `report`, composed at `now_us` (wall, microseconds). The same week is the same event.
pub fn draft(report: &Report, speaker: &Speaker, key: &Key, now_us: i64) -> Draft {
    let Speaker { root, site, gateway } = speaker;
    let event_id = key.id(&[b"report", report.week.as_bytes()]);
    let expires_us = now_us.saturating_add(SAID_FOR_US);
    let envelope = Envelope {
        id: &event_id,
        kind: REPORTED,
        schema: REPORTED_SCHEMA,
        subject: &report.week,
        at_us: now_us,
        until_us: expires_us,
        personal: None,
    };
    let payload = envelope.around(report, site, gateway);
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
