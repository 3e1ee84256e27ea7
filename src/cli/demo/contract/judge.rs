//! What a subscriber says back, and whether it fits what it was told.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Name;
use crate::gateway::feedback::Kind;
use crate::gateway::offer::ask::Answered;
use crate::incoming::{Flaw, Message, parse};
use crate::mqtt::answer;
use crate::mqtt::event::Draft;
use crate::mqtt::rehearsal::Heard;

/// What was on its way when its offer was taken back, or was over, is no fault, in microseconds.
const ON_ITS_WAY_US: i64 = 10_000_000;

/// What becomes of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is to be shown.
    Show,
    /// It was over when it came.
    Expired,
    /// Its time to be told was over when it came, its coupon was not.
    Late,
    /// Nobody can know its type.
    Future,
    /// It was taken back, for that reason.
    Ended(&'static str),
}

/// Everything said, and what came of it.
#[derive(Default)]
pub(super) struct Judge {
    offers: BTreeMap<Name, Known>,
    /// What did not fit.
    pub(super) misfits: u64,
}

struct Known {
    draft: Draft,
    fate: Fate,
    /// Since when (wall, microseconds).
    since_us: i64,
    /// It was to be shown once, whatever became of it later.
    was_to_be_shown: bool,
    heard: BTreeSet<Kind>,
}

/// What is thought of a message, and what whoever asked is answered.
pub(super) struct Verdict {
    pub(super) says: String,
    pub(super) answer: Option<String>,
    fits: bool,
}

impl Verdict {
    fn fits(what: &str, answer: Option<String>) -> Self {
        Self { says: format!("{what}. Fits."), answer, fits: true }
    }

    fn does_not(what: &str, why: &str) -> Self {
        Self { says: format!("{what}. Does not fit: {why}."), answer: None, fits: false }
    }
}

impl Judge {
    /// Offers were said, or taken back, at `now_us` (wall).
    pub(super) fn note(&mut self, offers: Vec<(Draft, Fate)>, now_us: i64) {
        for (draft, fate) in offers {
            let (id, was_to_be_shown) = (draft.offer_id.clone(), fate == Fate::Show);
            let known = Known { draft, fate, since_us: now_us, was_to_be_shown, heard: BTreeSet::new() };
            let known = self.offers.entry(id).or_insert(known);
            (known.fate, known.since_us) = (fate, now_us);
        }
    }

    /// A message came, on a topic without `{root}/v1/{site}/`, at `now_us` (wall).
    pub(super) fn hear(&mut self, below: &str, heard: &Heard, now_us: i64, site: &str) -> Verdict {
        let has_place = heard.response_topic.is_some();
        let verdict = match parse(below, &heard.payload) {
            Err(flaw) => Verdict::does_not(&format!("{below} is not taken, `{}`", flaw.word()), hint(flaw)),
            Ok(Message::Feedback { inbox, offer_id, kind, .. }) => {
                self.feedback(&inbox, &offer_id, kind, has_place, now_us)
            }
            Ok(Message::Ask { .. }) if has_place => {
                let nothing = answer::asked(&Answered::default(), None, now_us, site);
                Verdict::fits("asks what there is; answered: nobody is in a zone here", Some(nothing))
            }
            Ok(Message::Ask { .. }) => Verdict::does_not("asks what there is", NO_PLACE),
            Ok(_) => Verdict::does_not(below, "a recipient does not say that"),
        };
        self.misfits += u64::from(!verdict.fits);
        verdict
    }

    fn feedback(&mut self, inbox: &str, offer_id: &str, kind: Kind, has_place: bool, now_us: i64) -> Verdict {
        let word = kind.as_str();
        let Some(known) = self.offers.get_mut(offer_id) else {
            let what = format!("`{word}` of an offer that nobody was given");
            return Verdict::does_not(&what, "say the `offer_id` as it came");
        };
        let who = format!("{} says `{word}`", known.draft.recipient);
        if *known.draft.inbox != *inbox {
            return Verdict::does_not(&format!("{who} in another inbox"), "answer in the inbox that the offer went to");
        }
        if kind == Kind::Why && !has_place {
            return Verdict::does_not(&who, NO_PLACE);
        }
        if let Some(wrong) = known.wrong(kind, now_us) {
            return Verdict::does_not(&who, &wrong);
        }
        let why = (kind == Kind::Why).then(|| answer::why(offer_id, Some(&known.draft.why)));
        Verdict::fits(&who, why)
    }

    /// By recipient, of how many offers that were to be shown how many were said to be `displayed`.
    pub(super) fn displayed(&self) -> BTreeMap<&str, (usize, usize)> {
        let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for known in self.offers.values().filter(|known| known.was_to_be_shown) {
            let (displayed, all) = counts.entry(&known.draft.recipient).or_default();
            *displayed += usize::from(known.heard.contains(&Kind::Displayed));
            *all += 1;
        }
        counts
    }
}

impl Known {
    /// What is wrong with `kind` being said of it now, if something is.
    fn wrong(&mut self, kind: Kind, now_us: i64) -> Option<String> {
        if kind != Kind::Why && !self.heard.insert(kind) {
            return Some("once is enough, each kind counts once an offer".to_owned());
        }
        let is_displayed = kind == Kind::Displayed;
        match self.fate {
            Fate::Expired => Some("it had expired when it came".to_owned()),
            Fate::Future => Some("nobody can know what an event of its type says".to_owned()),
            Fate::Late if is_displayed => Some("its `expirytime` had passed when it came".to_owned()),
            Fate::Ended(reason) if is_displayed && now_us - self.since_us > ON_ITS_WAY_US => {
                Some(format!("it was taken back before, `{reason}`"))
            }
            Fate::Show if is_displayed && now_us > self.draft.expires_us + ON_ITS_WAY_US => {
                Some("by now its `expirytime` has passed".to_owned())
            }
            Fate::Show | Fate::Late | Fate::Ended(_) => None,
        }
    }
}

const NO_PLACE: &str = "name a response topic below answer/ (MQTT 5), or nobody is answered";

fn hint(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Topic => "feedback/{inbox} and ask/{inbox} are read",
        Flaw::NotJson => "a JSON object is wanted",
        Flaw::Fields => "`offer_id` and `kind` are texts, and both are needed",
        Flaw::Kind => "docs/talking-back.md has the kinds",
        Flaw::Time => "a length of time is written \"90m\", \"2h\", \"3d\"",
        _ => "docs/talking-back.md says how it is written",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_US: i64 = 1_793_613_600_000_000;

    fn draft() -> Draft {
        Draft {
            recipient: "push".into(),
            inbox: "q7".into(),
            topic: String::new(),
            event_id: "event".into(),
            offer_id: "b9".into(),
            payload: String::new(),
            why: r#"{"purpose":"instore-offer"}"#.to_owned(),
            expires_us: NOW_US + 60_000_000,
            valid_until_us: NOW_US + 3_600_000_000,
        }
    }

    fn said(judge: &mut Judge, below: &str, payload: &str, response: Option<&str>) -> Verdict {
        let heard = Heard {
            topic: String::new(),
            payload: payload.as_bytes().to_vec(),
            response_topic: response.map(str::to_owned),
            correlation: None,
        };
        judge.hear(below, &heard, NOW_US, "bern")
    }

    fn after(fates: &[Fate]) -> Judge {
        let mut judge = Judge::default();
        for fate in fates {
            judge.note(vec![(draft(), *fate)], NOW_US - 2 * ON_ITS_WAY_US);
        }
        judge
    }

    #[test]
    fn displayed_fits_what_is_to_be_shown_and_nothing_else() {
        const DISPLAYED: &str = r#"{"offer_id":"b9","kind":"displayed"}"#;
        for (fates, fits) in [
            (&[Fate::Show][..], true),
            (&[Fate::Expired], false),
            (&[Fate::Late], false),
            (&[Fate::Future], false),
            (&[Fate::Show, Fate::Ended("left")], false),
            (&[], false),
        ] {
            let mut judge = after(fates);
            let verdict = said(&mut judge, "feedback/q7", DISPLAYED, None);
            assert_eq!(
                (verdict.says.ends_with("Fits."), judge.misfits),
                (fits, u64::from(!fits)),
                "{fates:?}: {}",
                verdict.says
            );
        }
        let mut judge = after(&[Fate::Show]);
        said(&mut judge, "feedback/q7", DISPLAYED, None);
        assert!(said(&mut judge, "feedback/q7", DISPLAYED, None).says.contains("once is enough"));
        assert!(said(&mut judge, "feedback/q8", DISPLAYED, None).says.contains("another inbox"));
        assert_eq!(judge.displayed(), BTreeMap::from([("push", (1, 1))]));
    }

    #[test]
    fn what_is_of_no_use_is_told_with_what_to_do() {
        let mut judge = after(&[Fate::Show]);
        for (payload, word) in [("shown", "not-json"), ("{}", "fields"), (r#"{"offer_id":"b9","kind":"seen"}"#, "kind")]
        {
            let says = said(&mut judge, "feedback/q7", payload, None).says;
            assert!(says.contains(&format!("`{word}`")), "{says}");
        }
    }

    #[test]
    fn a_question_is_answered_where_it_names_a_place() {
        let mut judge = after(&[Fate::Show]);
        let why = r#"{"offer_id":"b9","kind":"why"}"#;
        let answer = said(&mut judge, "feedback/q7", why, Some("emma/v1/bern/answer/1")).answer.unwrap();
        assert_eq!(answer, r#"{"offer_id":"b9","why":{"purpose":"instore-offer"}}"#);
        assert!(said(&mut judge, "feedback/q7", why, None).answer.is_none());
        let nothing = said(&mut judge, "ask/q7", "", Some("emma/v1/bern/answer/1")).answer.unwrap();
        assert_eq!(nothing, r#"{"offers":[],"withheld":[]}"#);
    }
}
