//! What is played, step by step: what is said, what a good subscriber does now, and what becomes of each offer.

use std::time::Duration;

use serde_json::json;

use super::judge::Fate;
use super::maker::{ISSUED, ISSUED_V2, Maker, changed, whole_micros};
use crate::mqtt::event::Draft;
use crate::mqtt::rehearsal::Line;
use crate::mqtt::state::Presence;

/// One step: what is said, in words and as messages, and what a good subscriber does.
pub(super) struct Step {
    pub(super) what: &'static str,
    pub(super) wants: &'static str,
    say: Say,
}

/// Which messages.
enum Say {
    Offer(&'static str),
    Again,
    Odd,
    Tester,
    Ago(Duration, Fate),
    Future,
    Gap,
    End(&'static str),
    State(Presence),
    Report,
    Health,
}

/// A coupon that holds for two hours.
const COUPON: &str = "jackets-tenth";
/// An offer without one.
const PLAIN: &str = "shoes-fitting";

/// So late that nothing is to be told any more, and early enough for the coupon.
const LATE: Duration = Duration::from_mins(3);
/// So late that the coupon is over as well.
const OVER: Duration = Duration::from_hours(3);

const fn step(say: Say, what: &'static str, wants: &'static str) -> Step {
    Step { what, wants, say }
}

const SHOW: &str = "Show it, and say `displayed` on feedback/{inbox}.";
const TAKE_BACK: &str = "Take it off the screen and out of the app.";

/// All of it, round by round.
pub(super) const ROUNDS: [(&str, &[Step]); 4] = [
    (
        "what is to be shown",
        &[
            step(
                Say::State(Presence::Online),
                "The shop's Pi is online (retained)",
                "Whoever looks after shops notes it.",
            ),
            step(
                Say::Offer(COUPON),
                "An offer: each recipient has an offer id of its own, and nothing to join them by",
                SHOW,
            ),
            step(Say::Again, "The same event once more, as after an outage", "Nothing: you know its `id`."),
            step(Say::Odd, "An offer with fields that nobody knows", "Show it, and pass over what you do not know."),
            step(Say::Tester, "A tester's offer: `test` is true", "Show it, marked as a test, and count it nowhere."),
            step(Say::Offer("thank-you"), "A reward: its `class` says so", SHOW),
            step(
                Say::Offer("order-ready"),
                "A service message: its `class` says so",
                "Show it, with no advertising beside it.",
            ),
        ],
    ),
    (
        "what is not to be shown",
        &[
            step(
                Say::Ago(OVER, Fate::Expired),
                "An offer that some queue kept until it was over",
                "Nothing, anywhere.",
            ),
            step(
                Say::Ago(LATE, Fate::Late),
                "A late one: `expirytime` has passed, `valid_until` has not",
                "No notification. It may lie in the app, silently, until `valid_until`.",
            ),
            step(
                Say::Future,
                "An event of a type from the future: `emma.offer.issued.v2`",
                "Nothing: you cannot know it.",
            ),
            step(
                Say::Gap,
                "An offer after a gap in `sequence`",
                "Show it. Whoever subscribes to everything notes that something was lost; a single recipient sees gaps always.",
            ),
        ],
    ),
    (
        "what is taken back",
        &[
            step(Say::Offer(COUPON), "An offer", SHOW),
            step(Say::End("left"), "Its customer has left the zone: offer-end, `left`", TAKE_BACK),
            step(Say::Offer(COUPON), "An offer", SHOW),
            step(
                Say::End("withdrawn"),
                "Its customer has withdrawn: offer-end, `withdrawn`",
                "Take it back, and forget it.",
            ),
            step(Say::Offer(COUPON), "An offer", SHOW),
            step(Say::End("recalled"), "The shop takes it back: offer-end, `recalled`", TAKE_BACK),
            step(Say::Offer(COUPON), "An offer", SHOW),
            step(Say::End("expired"), "It is over: offer-end, `expired`", TAKE_BACK),
        ],
    ),
    (
        "what is said of the shop",
        &[
            step(
                Say::Report,
                "The weekly report (retained): totals, and nothing of anybody",
                "Whoever runs shops reads it.",
            ),
            step(Say::Health, "What the Pi has counted, once a minute", "Whoever looks after shops watches it."),
            step(
                Say::State(Presence::Offline),
                "The shop's Pi is offline (retained)",
                "Whoever looks after shops notes it.",
            ),
        ],
    ),
];

/// What a step comes to.
#[derive(Default)]
pub(super) struct Played {
    pub(super) lines: Vec<Line>,
    /// Its offers, and what becomes of each.
    pub(super) offers: Vec<(Draft, Fate)>,
}

/// Plays steps, and remembers the last offer.
pub(super) struct Player {
    pub(super) maker: Maker,
    last: Vec<Draft>,
    last_lines: Vec<Line>,
}

impl Player {
    pub(super) fn new(maker: Maker) -> Self {
        Self { maker, last: Vec::new(), last_lines: Vec::new() }
    }

    /// The messages of `step` at `now_us` (wall).
    ///
    /// # Errors
    /// A sentence: the shipped shop does not say what is played.
    pub(super) fn play(&mut self, step: &Step, now_us: i64) -> Result<Played, String> {
        let alone = |line: Line| Played { lines: vec![line], offers: Vec::new() };
        Ok(match &step.say {
            Say::Offer(campaign) => self.offer(campaign, now_us, false, Fate::Show)?,
            Say::Again => Played { lines: self.last_lines.clone(), offers: Vec::new() },
            Say::Tester => self.offer(PLAIN, now_us, true, Fate::Show)?,
            Say::Ago(ago, fate) => {
                self.offer_of(COUPON, now_us.saturating_sub(whole_micros(*ago)), now_us, false, *fate)?
            }
            Say::Odd => {
                let played = self.offer("shoes-socks", now_us, false, Fate::Show)?;
                rewritten(played, |event| {
                    event["mood"] = json!("sunny");
                    event["data"]["scent"] = json!({ "of": "leather", "strength": 3 });
                })
            }
            Say::Future => {
                let played = self.offer(COUPON, now_us, false, Fate::Future)?;
                rewritten(played, |event| {
                    event["type"] = json!(ISSUED_V2);
                    event["dataschema"] = json!("urn:emma:schema:offer-issued:v2");
                })
            }
            Say::Gap => {
                self.maker.lose_one();
                self.offer(PLAIN, now_us, false, Fate::Show)?
            }
            Say::End(reason) => Played {
                lines: self.last.iter().map(|draft| self.maker.end(draft, reason, now_us)).collect(),
                offers: self.last.iter().map(|draft| (draft.clone(), Fate::Ended(reason))).collect(),
            },
            Say::State(presence) => alone(self.maker.state(*presence)),
            Say::Report => alone(self.maker.report(now_us)),
            Say::Health => alone(self.maker.health(now_us)),
        })
    }

    fn offer(&mut self, campaign: &str, now_us: i64, test: bool, fate: Fate) -> Result<Played, String> {
        self.offer_of(campaign, now_us, now_us, test, fate)
    }

    /// A campaign as it was made at `at_us`, said at `now_us`.
    fn offer_of(&mut self, campaign: &str, at_us: i64, now_us: i64, test: bool, fate: Fate) -> Result<Played, String> {
        self.last = self.maker.offer(campaign, at_us, test)?;
        let kind = if fate == Fate::Future { ISSUED_V2 } else { ISSUED };
        self.last_lines = self.last.iter().map(|draft| self.maker.say(draft, kind, now_us)).collect();
        let offers = self.last.iter().map(|draft| (draft.clone(), fate)).collect();
        Ok(Played { lines: self.last_lines.clone(), offers })
    }
}

/// What is said of a shop that is ahead of this version.
fn rewritten(played: Played, change: impl Fn(&mut serde_json::Value)) -> Played {
    let lines = played.lines.into_iter().map(|line| changed(line, &change));
    Played { lines: lines.collect(), ..played }
}
