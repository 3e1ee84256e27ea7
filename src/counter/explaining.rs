//! Why a customer would, or would not, be told of a campaign: the core says what its gates say, the ledger's log how full each
//! cap is. Nothing of it happens, and nothing is kept.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::{Counter, halting, refused, tell, wake, when};
use crate::clock::Moment;
use crate::config::span::Span;
use crate::config::{Config, Name};
use crate::control::{Answer, Reply};
use crate::daemon::{CodesLeft, Daemon};
use crate::gateway::Gateway;
use crate::gateway::cap::{self, CapRule, Missing, Room, Window};
use crate::gateway::consent::CustomerId;
use crate::gateway::effect::{Delivery, Reason};
use crate::gateway::offer::explain::{Explanation, Wanted};
use crate::ledger::{LedgerError, Log, Store};
use crate::words::{self, Language, Reader};

/// What is asked.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) customer: CustomerId,
    pub(super) campaign: Option<String>,
    pub(super) at: Option<String>,
    pub(super) language: Option<String>,
}

/// Why one customer would, or would not, be told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Explained {
    /// The instant it is judged at, in the site's time; nothing while the clock is not known to be right.
    pub at: Option<String>,
    /// The customer is in the shop.
    pub in_the_shop: bool,
    /// The zone they are in.
    pub zone: Option<String>,
    /// They were here for more than three hours: nothing is said to them until tomorrow.
    pub at_work: bool,
    /// One campaign, or each.
    pub campaigns: Vec<CampaignExplained>,
}

/// Why one customer would, or would not, be told of one campaign.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct CampaignExplained {
    /// Which.
    pub campaign: String,
    /// The zone it was judged in; nothing where it speaks in none.
    pub zone: Option<String>,
    /// The customer is in that zone now; else it was judged as if they were.
    pub is_there: bool,
    /// Each gate and each cap, in their order.
    pub gates: Vec<Verdict>,
    /// They would be told of it.
    pub would_be_told: bool,
    /// The first that says no, by its word.
    pub reason: Option<String>,
    /// The same in a sentence.
    pub why: Option<String>,
}

/// What one gate, or one cap, says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Verdict {
    /// Its reason's word.
    pub gate: String,
    /// It lets the campaign pass.
    pub passes: bool,
    /// What there is to know of it: why it does not, or how full it is.
    pub says: Option<String>,
}

/// What the core knows, on its way to the ledger.
struct Asked {
    customer: CustomerId,
    place: crate::gateway::following::Place,
    explanations: Vec<Explanation>,
    /// The instant that is asked about, if the clock is trusted or it was given.
    at_us: Option<i64>,
    /// What times are told from.
    told_us: i64,
    zone: TimeZone,
    language: Language,
    codes_left: CodesLeft,
}

impl Daemon {
    /// Answers from the core that runs, and the log.
    pub(super) fn explain(&mut self, question: Question, reply: oneshot::Sender<Answer>) {
        let (moment, raw_us) = (self.now(), self.raw_wall_us());
        let codes_left = self.codes.left(&self.config.offers);
        let asked = match ask(question, &self.gateway, &self.config, moment, raw_us) {
            Ok(asked) => Asked { codes_left, ..asked },
            Err(why_not) => return tell(reply, why_not),
        };
        let ledger = self.ledger.clone();
        tokio::spawn(async move {
            let explained = ledger.read(move |store| asked.answer(store)).await;
            tell(
                reply,
                match explained {
                    Ok(explained) => Reply::Explained { explained: Box::new(explained) },
                    Err(problem) => Reply::Failed { problem },
                },
            );
        });
    }
}

impl Counter {
    /// Answers from a core that knows what the ledger remembers.
    pub(super) fn explain(&self, question: Question) -> Result<Reply, LedgerError> {
        let now = Moment { monotonic_us: 0, wall_us: Some(self.wall_us) };
        // What follows from waking is for a daemon to do.
        let (gateway, _) = wake(&self.config, &self.store, now)?;
        match ask(question, &gateway, &self.config, now, self.wall_us) {
            Ok(asked) => {
                let asked = Asked { codes_left: self.codes_left()?, ..asked };
                Ok(Reply::Explained { explained: Box::new(asked.answer(&self.store)?) })
            }
            Err(why_not) => Ok(why_not),
        }
    }
}

/// What the core says of it.
fn ask(question: Question, gateway: &Gateway, config: &Config, now: Moment, raw_us: i64) -> Result<Asked, Reply> {
    let Question { customer, campaign, at, language } = question;
    let zone = config.site.time_zone.clone();
    let at_us = match at {
        Some(at) => Some(when::read(&at, raw_us, &zone).map_err(refused)?),
        None => now.wall_us,
    };
    let is_known = |campaign: &String| config.offers.campaigns.iter().any(|known| *known.id == **campaign);
    if let Some(campaign) = campaign.as_ref().filter(|campaign| !is_known(campaign)) {
        return Err(halting::unknown(campaign, config));
    }
    let explanations = gateway.explain_to(&customer, campaign.as_deref(), at_us).ok_or(Reply::Unknown)?;
    let place = gateway.place_of(&customer, now.monotonic_us);
    let language = language.as_deref().and_then(Language::of).unwrap_or(Language::En);
    Ok(Asked {
        customer,
        place,
        explanations,
        at_us,
        told_us: at_us.unwrap_or(raw_us),
        zone,
        language,
        codes_left: CodesLeft::new(),
    })
}

impl Asked {
    /// What the log makes of it.
    fn answer(&self, store: &Store) -> Result<Explained, LedgerError> {
        let (log, missing) = (store.log(&self.customer)?, store.missing(&self.customer)?);
        let at = self.at_us.and_then(|us| Timestamp::from_microsecond(us).ok());
        let campaigns = self.explanations.iter().map(|explanation| self.campaign(explanation, &log, missing));
        Ok(Explained {
            at: at.map(|at| at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S%:z").to_string()),
            in_the_shop: self.place.is_present,
            zone: self.place.zone.as_ref().map(ToString::to_string),
            at_work: self.place.is_at_work,
            campaigns: campaigns.collect(),
        })
    }

    fn campaign(&self, told: &Explanation, log: &Log, missing: Missing) -> CampaignExplained {
        let mut judged: Vec<(Reason, Verdict)> =
            told.gates.iter().map(|(reason, passes)| self.gate(&told.campaign, *reason, *passes)).collect();
        if let Some((delivery, caps)) = &told.wanted {
            let is_said = |(rival, caps): &&Wanted| {
                !rival.ghost && self.has_codes(&rival.campaign) && cap::judge(log, rival, caps, missing).is_ok()
            };
            let rival = told.before.iter().find(is_said).map(|(rival, _)| rival.campaign.to_string());
            judged.push(self.verdict(Reason::Outranked, rival.is_none(), rival.as_deref()));
            judged.extend(caps.iter().map(|rule| self.cap(rule, delivery, log, missing)));
            judged.push(self.verdict(Reason::Control, !delivery.ghost, None));
        }
        let refused = judged.iter().find(|(_, verdict)| !verdict.passes);
        let why = refused.map(|(reason, verdict)| match (reason, &verdict.says) {
            (Reason::Cap(_), Some(says)) => self.no(*reason, Some(says)),
            (_, says) => says.clone().unwrap_or_default(),
        });
        CampaignExplained {
            campaign: told.campaign.to_string(),
            zone: told.zone.as_ref().map(ToString::to_string),
            is_there: told.is_there,
            would_be_told: refused.is_none() && told.zone.is_some() && !self.place.is_at_work,
            reason: refused.map(|(reason, _)| reason.as_str().to_owned()),
            why,
            gates: judged.into_iter().map(|(_, verdict)| verdict).collect(),
        }
    }

    /// The core knows nothing of lists of codes: one at its end is found out when a code is to be taken.
    fn gate(&self, campaign: &Name, reason: Reason, passes: bool) -> (Reason, Verdict) {
        self.verdict(reason, passes && (reason != Reason::Inactive || self.has_codes(campaign)), None)
    }

    fn has_codes(&self, campaign: &Name) -> bool {
        self.codes_left.get(campaign) != Some(&0)
    }

    /// What a gate says: what it asks where it lets pass, else its no, and what is known besides.
    fn verdict(&self, reason: Reason, passes: bool, besides: Option<&str>) -> (Reason, Verdict) {
        let says = if passes { words::question(reason, self.language) } else { self.no(reason, besides) };
        (reason, Verdict { gate: reason.as_str().to_owned(), passes, says: Some(says) })
    }

    /// A reason's sentence to whoever runs the shop, and in brackets what is known besides.
    fn no(&self, reason: Reason, besides: Option<&str>) -> String {
        let sentence = words::reason(reason, self.language, Reader::Manager);
        match besides {
            Some(besides) => format!("{} ({besides}).", sentence.trim_end_matches('.')),
            None => sentence,
        }
    }

    fn cap(&self, rule: &CapRule, wanted: &Delivery, log: &Log, missing: Missing) -> (Reason, Verdict) {
        let room = rule.room(log, wanted, missing, &self.zone);
        let reason = Reason::Cap(rule.scope);
        let says = Some(self.fullness(rule, room, missing));
        (reason, Verdict { gate: reason.as_str().to_owned(), passes: !room.is_full, says })
    }

    /// `2 of 2 in 1 day, room again Wed 14:05`.
    fn fullness(&self, rule: &CapRule, Room { counted, is_full, again_us }: Room, missing: Missing) -> String {
        let in_window = match rule.window {
            Window::Ever => String::new(),
            Window::Rolling(span) => format!(" in {}", length(span)),
            Window::Day => " today".to_owned(),
            Window::Week => " this week".to_owned(),
        };
        let unknown = match (is_full && counted < rule.at_most, missing.restored_us.is_some()) {
            (false, _) => "",
            (true, false) => ", full since they were forgotten and came back",
            (true, true) => ", full since the ledger was restored, or they were forgotten and came back",
        };
        let again = again_us.map(|us| format!(", room again {}", when::words(us, self.told_us, &self.zone)));
        format!("{counted} of {}{in_window}{unknown}{}", rule.at_most, again.unwrap_or_default())
    }
}

/// A length of time in words.
fn length(span: Span) -> String {
    const UNITS: [(u64, &str); 4] =
        [(86_400_000_000, "day"), (3_600_000_000, "hour"), (60_000_000, "minute"), (1_000_000, "second")];
    let Some(us) = span.exact_us() else { return span.to_string() };
    let unit = UNITS.iter().find(|(unit_us, _)| us.is_multiple_of(*unit_us));
    unit.map_or_else(
        || span.to_string(),
        |(unit_us, name)| match us / unit_us {
            1 => format!("1 {name}"),
            n => format!("{n} {name}s"),
        },
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::testing::shipped;
    use crate::gateway::consent::record::ConsentRecord;
    use crate::gateway::key::Key;

    const KEY: [u8; 32] = [7; 32];

    /// What is said of the customer `c` on a Tuesday at ten, with these control shares of the first two campaigns among the
    /// shoes.
    fn explained(campaign: &str, shares: [f64; 2]) -> CampaignExplained {
        let mut config = shipped();
        for (id, share) in ["shoes-fitting", "shoes-socks"].into_iter().zip(shares) {
            config
                .offers
                .campaigns
                .iter_mut()
                .filter(|known| *known.id == *id)
                .for_each(|one| one.control_share = share);
        }
        let config = Arc::new(config);
        let line = r#"{"customer":"c","epoch":1,"tier":"contextual","purposes":["offers","lift-measurement"],
            "identifiers":[{"ibeacon":{"uuid":"f7826da6-4fa2-4e98-8024-bc5b71e0893e","major":1,"minor":2}}],
            "valid_from":"2026-01-01T00:00:00Z","valid_until":"2027-01-01T00:00:00Z","inbox":{"push":"i"}}"#;
        let consent = Arc::new(serde_json::from_str::<ConsentRecord>(line).unwrap().check().unwrap());
        let mut gateway = Gateway::new(Arc::clone(&config), Key::new(KEY), 0);
        gateway.restore(Arc::clone(&consent));
        let wall_us = 1_795_510_800_000_000;
        let now = Moment { monotonic_us: 0, wall_us: Some(wall_us) };
        let customer = consent.customer.clone();
        let question = Question { customer, campaign: Some(campaign.to_owned()), at: None, language: None };
        let asked = ask(question, &gateway, &config, now, wall_us).unwrap();
        let store = Store::in_memory(KEY).unwrap();
        asked.answer(&store).unwrap().campaigns.remove(0)
    }

    #[test]
    fn a_control_group_is_told_and_outranks_nobody() {
        let ghost = explained("shoes-fitting", [1.0, 0.0]);
        assert_eq!((ghost.would_be_told, ghost.reason.as_deref()), (false, Some("control")));
        let behind = explained("shoes-socks", [1.0, 0.0]);
        assert!(behind.would_be_told, "what ranks first is recorded and not said: {behind:?}");
        let outranked = explained("shoes-socks", [0.0, 0.0]);
        assert_eq!(outranked.reason.as_deref(), Some("outranked"));
        assert!(outranked.why.unwrap().ends_with("(shoes-fitting)."));
    }

    #[test]
    fn lengths_are_told_in_words() {
        let told = |text: &str| length(text.parse().unwrap());
        assert_eq!(
            [told("1d"), told("2h"), told("90m"), told("3 months")],
            ["1 day", "2 hours", "90 minutes", "3 months"]
        );
    }
}
