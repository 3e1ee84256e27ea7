//! A campaign shown before customers see it: its texts in the terminal, and the whole of it on a tester's own device.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::{Counter, halting, refused, tell, wake};
use crate::clock::Moment;
use crate::config::Config;
use crate::control::{Answer, Reply};
use crate::daemon::{Daemon, messages};
use crate::gateway::Gateway;
use crate::gateway::consent::record::ConsentRecord;
use crate::gateway::consent::{Consent, CustomerId};
use crate::gateway::effect::Reservation;
use crate::ledger::LedgerError;

/// Somebody who tries out a text; it counts in no cap, so it has a limit of its own.
const MAX_PREVIEWS_AN_HOUR: usize = 20;

const HOUR_US: u64 = 3_600_000_000;

/// One language's text, filled in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct PreviewText {
    /// The language.
    pub language: String,
    /// The line in bold.
    pub title: String,
    /// The rest.
    pub body: String,
}

/// When previews were sent, on the monotonic clock: those of the last hour.
#[derive(Debug, Default)]
pub(crate) struct Previews(VecDeque<u64>);

impl Previews {
    /// Whether one more may be sent; it is counted then.
    fn admit(&mut self, now_us: u64) -> bool {
        self.0.retain(|sent_us| now_us.saturating_sub(*sent_us) < HOUR_US);
        let has_room = self.0.len() < MAX_PREVIEWS_AN_HOUR;
        if has_room {
            self.0.push_back(now_us);
        }
        has_room
    }
}

impl Daemon {
    /// Tells the texts, and sends the campaign to the tester `to`.
    pub(super) fn preview(&mut self, campaign: &str, to: Option<&str>, reply: oneshot::Sender<Answer>) {
        let wall_us = self.raw_wall_us();
        let Some(to) = to else { return tell(reply, show(&self.gateway, &self.config, campaign, wall_us)) };
        match self.prepare(campaign, to, wall_us) {
            Err(why_not) => tell(reply, why_not),
            Ok(reservation) => {
                // No code of a list is given away for it.
                let drafts = messages(&reservation, self.key(), &self.config, &BTreeMap::new());
                let ledger = self.ledger.clone();
                tokio::spawn(async move {
                    tell(
                        reply,
                        match ledger.say(Some(reservation.delivery.customer.clone()), drafts).await {
                            Ok(()) => previewed(&reservation),
                            Err(problem) => Reply::Failed { problem },
                        },
                    );
                });
            }
        }
    }

    fn prepare(&mut self, campaign: &str, to: &str, wall_us: i64) -> Result<Reservation, Reply> {
        let now_us = self.now().monotonic_us;
        let consent = CustomerId::new(to).and_then(|customer| self.gateway.consent_of(&customer).cloned());
        let consent = consent.ok_or(Reply::Unknown)?;
        if !consent.test {
            return Err(refused(
                "this is a customer, not a tester: a preview goes to test consents alone (\"test\": true)",
            ));
        }
        if !self.gateway.may_be_followed(&consent.customer) {
            return Err(refused("the consent of this test tag has ended, or is for other shops: import it anew"));
        }
        if self.session.is_none() {
            return Err(refused("gateway.toml names no broker: nothing can be sent"));
        }
        let reservation = compose(&self.gateway, &self.config, campaign, &consent, wall_us)?;
        if reservation.offer.recipients.is_empty() {
            return Err(refused(
                "this tester's consent names no recipient of promise.toml (\"inbox\"): import it anew",
            ));
        }
        if !self.previews.admit(now_us) {
            return Err(refused(format!(
                "{MAX_PREVIEWS_AN_HOUR} previews were sent in the last hour: try again later"
            )));
        }
        Ok(reservation)
    }
}

impl Counter {
    /// Tells the texts; without a daemon nobody can send them.
    pub(super) fn preview(&self, campaign: &str, to: Option<&str>) -> Result<Reply, LedgerError> {
        if to.is_some() {
            return Ok(refused("no Emma runs on this folder: a preview is sent by a running one"));
        }
        let now = Moment { monotonic_us: 0, wall_us: Some(self.wall_us) };
        let (gateway, _) = wake(&self.config, &self.store, now)?;
        Ok(show(&gateway, &self.config, campaign, self.wall_us))
    }
}

/// The texts as nobody in particular would read them.
fn show(gateway: &Gateway, config: &Config, campaign: &str, wall_us: i64) -> Reply {
    let Some(nobody) = nobody(wall_us) else { return refused("the clock says a time that no consent can name") };
    compose(gateway, config, campaign, &nobody, wall_us).map_or_else(|why_not| why_not, |told| previewed(&told))
}

fn compose(
    gateway: &Gateway,
    config: &Config,
    campaign: &str,
    consent: &Consent,
    wall_us: i64,
) -> Result<Reservation, Reply> {
    if config.offers.campaigns.iter().all(|known| *known.id != *campaign) {
        return Err(halting::unknown(campaign, config));
    }
    let composed = gateway.preview(campaign, consent, wall_us);
    composed.ok_or_else(|| refused("this campaign speaks in no zone"))
}

fn previewed(reservation: &Reservation) -> Reply {
    let offer = &reservation.offer;
    let texts = offer.texts.iter().map(|(language, text)| PreviewText {
        language: language.to_string(),
        title: text.title.to_string(),
        body: text.body.to_string(),
    });
    Reply::Previewed { zone: offer.zone.to_string(), trigger: offer.trigger.to_owned(), texts: texts.collect() }
}

/// A consent of nobody, good for a day: a text is composed for somebody.
fn nobody(wall_us: i64) -> Option<Consent> {
    let time = |us: i64| Some(Timestamp::from_microsecond(us).ok()?.to_string());
    let record = serde_json::json!({
        "customer": "nobody", "epoch": 1, "tier": "contextual", "purposes": ["offers"], "test": true,
        "identifiers": [{"ibeacon": {"uuid": "00000000-0000-0000-0000-000000000000", "major": 0, "minor": 0}}],
        "valid_from": time(wall_us)?, "valid_until": time(wall_us.checked_add(86_400_000_000)?)?,
    });
    serde_json::from_value::<ConsentRecord>(record).ok()?.check().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_an_hour_and_no_more() {
        let mut previews = Previews::default();
        assert!((0..20).all(|n| previews.admit(n)));
        assert!(!previews.admit(HOUR_US - 1) && previews.admit(HOUR_US) && !previews.admit(HOUR_US));
    }
}
