//! The one table of what is kept of a person: each kind, where it lies, what finds it, and how long it lives. What an export
//! shows, what a withdrawal deletes, what pruning lets go of and what the notice says of keeping are all made from it; the
//! words for it are in the catalogues, by the kind's name (`stored-consent` and so on).

use super::retention::Kept;
use crate::gateway::{SAVE_EVERY_US, VISIT_GRACE_US};
use crate::incoming::withdrawn;

/// One kind of what is kept of a person on the disk.
pub(super) struct Kind {
    /// The word for it.
    pub(super) what: &'static str,
    /// The table that it lies in.
    pub(super) table: &'static str,
    /// What finds a person's rows there.
    pub(super) by: By,
    pub(super) keeping: Keeping,
    /// Every column, in the order in which it is shown; the first that is an instant orders the rows.
    pub(super) columns: &'static [(&'static str, Form)],
}

/// What finds a person's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The column `customer`.
    Pseudonym,
    /// The column `hash`, of the pseudonym.
    Hash,
}

impl Kind {
    /// Whether it goes when somebody is forgotten: all but the one thing that stays.
    pub(super) fn goes(&self) -> bool {
        self.keeping != Keeping::Forgotten
    }
}

impl By {
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::Pseudonym => "customer",
            Self::Hash => "hash",
        }
    }
}

/// How a column is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is: a text or a number.
    Plain,
    /// Microseconds of wall time, as RFC 3339; the name loses its unit.
    Instant,
    Yes,
    /// JSON, its own instants likewise.
    Json,
    /// Zones, and lengths of stay in microseconds.
    Stays,
    /// Kinds of feedback, a bit each.
    Feedback,
    Hex,
}

/// For how long something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Until the customer withdraws, or so long after their consent has ended.
    Consent,
    Deliveries,
    Offer,
    Message,
    Visit,
    Day,
    Refusals,
    Forgotten,
    /// In memory, for a day.
    Withdrawn,
}

/// What ends the life of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// That its customer's consent is not remembered any more, and nothing else.
    WithTheConsent,
    /// Whatever whoever has it in memory does about it.
    InMemory,
    /// That the instant in this column is so many microseconds ago (wall).
    After(&'static str, u64),
}

/// How long a kind lives.
pub(super) struct Life {
    pub(super) ends: Ends,
    /// The same as it is told, in microseconds, where it is a length of time.
    pub(super) told_us: Option<u64>,
}

/// Every table that names a person.
pub(super) const KINDS: [Kind; 9] = [
    Kind {
        what: "consent",
        table: "consent",
        by: By::Pseudonym,
        keeping: Keeping::Consent,
        columns: &[
            ("customer", Form::Plain),
            ("epoch", Form::Plain),
            ("record", Form::Json),
            ("told_us", Form::Instant),
        ],
    },
    Kind {
        what: "offers-made",
        table: "delivery",
        by: By::Pseudonym,
        keeping: Keeping::Deliveries,
        columns: &[
            ("id", Form::Plain),
            ("customer", Form::Plain),
            ("at_us", Form::Instant),
            ("class", Form::Plain),
            ("campaign", Form::Plain),
            ("category", Form::Plain),
            ("zone", Form::Plain),
            ("site", Form::Plain),
            ("visit_us", Form::Instant),
            ("epoch", Form::Plain),
            ("reached", Form::Yes),
            ("ghost", Form::Yes),
            ("test", Form::Yes),
        ],
    },
    Kind {
        what: "offers-that-hold",
        table: "said",
        by: By::Pseudonym,
        keeping: Keeping::Offer,
        columns: &[
            ("offer", Form::Plain),
            ("delivery", Form::Plain),
            ("customer", Form::Plain),
            ("recipient", Form::Plain),
            ("inbox", Form::Plain),
            ("campaign", Form::Plain),
            ("matter", Form::Plain),
            ("test", Form::Yes),
            ("notify_until_us", Form::Instant),
            ("valid_until_us", Form::Instant),
            ("heard", Form::Feedback),
            ("ending", Form::Plain),
            ("ended", Form::Yes),
            ("why", Form::Json),
        ],
    },
    Kind {
        what: "messages",
        table: "outbox",
        by: By::Pseudonym,
        keeping: Keeping::Message,
        columns: &[
            ("row", Form::Plain),
            ("delivery", Form::Plain),
            ("customer", Form::Plain),
            ("event_id", Form::Plain),
            ("topic", Form::Plain),
            ("payload", Form::Json),
            ("expires_us", Form::Instant),
            ("sequence", Form::Plain),
            ("offer", Form::Plain),
        ],
    },
    Kind {
        what: "stance",
        table: "stance",
        by: By::Pseudonym,
        keeping: Keeping::Consent,
        columns: &[("customer", Form::Plain), ("stance", Form::Json)],
    },
    Kind {
        what: "visit",
        table: "visit",
        by: By::Pseudonym,
        keeping: Keeping::Visit,
        columns: &[
            ("customer", Form::Plain),
            ("started_us", Form::Instant),
            ("last_seen_us", Form::Instant),
            ("zone", Form::Plain),
            ("zone_since_us", Form::Instant),
            ("dwelled", Form::Stays),
        ],
    },
    Kind {
        what: "at-work",
        table: "ignored",
        by: By::Pseudonym,
        keeping: Keeping::Day,
        columns: &[("customer", Form::Plain), ("until_us", Form::Instant)],
    },
    Kind {
        what: "said-no",
        table: "declined",
        by: By::Hash,
        keeping: Keeping::Refusals,
        columns: &[("hash", Form::Hex), ("stance", Form::Json), ("at_us", Form::Instant)],
    },
    Kind {
        what: "forgotten",
        table: "forgotten",
        by: By::Hash,
        keeping: Keeping::Forgotten,
        columns: &[("hash", Form::Hex), ("at_us", Form::Instant)],
    },
];

/// What is held in memory alone of somebody, in the order in which it is shown.
pub(super) const HELD: [(&str, Keeping); 3] =
    [("visit-now", Keeping::Visit), ("lease", Keeping::Consent), ("withdrawn-lately", Keeping::Withdrawn)];

/// A message that was handed over is the session's to settle for so long after it has expired.
const SETTLING_US: u64 = 60_000_000;

/// What somebody whose consent ended has said no to is heeded for so long if they come back: whoever comes to the same sale once a
/// year does not have to say it again, and a few weeks more than a year are what a sale moves by.
const REFUSALS_US: u64 = 400 * 86_400_000_000;

impl Keeping {
    /// The life that this configuration gives it.
    pub(super) fn life(self, kept: &Kept) -> Life {
        let after = |column, us, told_us| Life { ends: Ends::After(column, us), told_us };
        let with_the_consent = |told_us| Life { ends: Ends::WithTheConsent, told_us };
        match self {
            Self::Consent => with_the_consent(Some(kept.ended_us)),
            // Somebody has a cap without an end.
            Self::Deliveries if kept.deliveries_us.is_none() => with_the_consent(None),
            Self::Deliveries => after("at_us", kept.deliveries_us.unwrap_or(u64::MAX), kept.deliveries_us),
            Self::Offer => after("valid_until_us", 0, None),
            Self::Message => after("expires_us", SETTLING_US, None),
            // A visit that goes on is written every few minutes.
            Self::Visit => after("last_seen_us", VISIT_GRACE_US + SAVE_EVERY_US, Some(VISIT_GRACE_US)),
            Self::Day => after("until_us", 0, None),
            Self::Refusals => after("at_us", REFUSALS_US, Some(REFUSALS_US)),
            Self::Forgotten => after("at_us", kept.forgotten_us, Some(kept.forgotten_us)),
            Self::Withdrawn => Life { ends: Ends::InMemory, told_us: Some(withdrawn::KEPT_US) },
        }
    }
}

/// Every kind of what is kept on the disk: the word for it, and for how many seconds, where that is a length of time. The
/// notice is made of it, so that it says no less than an export shows.
pub fn kinds(kept: &Kept) -> impl Iterator<Item = (&'static str, Option<u64>)> {
    KINDS.iter().map(|kind| (kind.what, secs(kind.keeping, kept)))
}

/// The same, and what is held in memory alone.
pub fn kinds_and_held(kept: &Kept) -> impl Iterator<Item = (&'static str, Option<u64>)> {
    kinds(kept).chain(HELD.iter().map(|(what, keeping)| (*what, secs(*keeping, kept))))
}

/// For how many seconds, where it is a length of time; rounded up.
pub(super) fn secs(keeping: Keeping, kept: &Kept) -> Option<u64> {
    keeping.life(kept).told_us.map(|us| us.div_ceil(1_000_000))
}
