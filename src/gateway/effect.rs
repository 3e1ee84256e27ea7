//! What goes in and what comes out of the core: two closed lists.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::advertisement::{Advertisement, GatewayIndex};
use super::cap::{CapRule, CapScope};
use super::consent::{Consent, CustomerId, Identifier};
use super::halt::Halts;
pub use super::reason::Reason;
use super::stance::{Signal, Stance, WishId};
use crate::clock::Moment;
use crate::config::offers::{Class, Text};
use crate::config::{Config, Name};

/// Everything that can happen to the core.
#[derive(Clone)]
pub enum Input<'a> {
    /// A radio heard something.
    Advertisement(Advertisement<'a>),
    /// A phone says what it hears.
    Report(Report<'a>),
    /// Another Pi of the shop heard somebody.
    Sighting(Sighting<'a>),
    /// A deadline asked for by `next_wakeup` may be due.
    Tick,
    /// The ledger's answer to [`Effect::Reserve`].
    Reserved(DeliveryId, Answer),
    /// A consent was accepted, or changed.
    Consent(Arc<Consent>),
    /// The registrar's feed beat at this instant (wall, microseconds), and agrees: leases hold from then.
    Beat(i64),
    /// A customer withdrew: nothing more is said, and nothing is remembered.
    Withdraw(CustomerId),
    /// The configuration changed.
    Configure(Arc<Config>),
    /// What the ledger remembered of a customer, once after a start.
    Resume(Memory),
    /// What the ledger made of something that a customer said or did.
    Stance(CustomerId, Box<Stance>),
    /// What the shop has halted, whole.
    Halts(Halts),
    /// Something was bought or given back.
    Purchase(Purchase),
}

/// Something was bought, or given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// By whom.
    pub customer: CustomerId,
    /// Of which category.
    pub category: Name,
    /// It was given back.
    pub is_return: bool,
    /// When (wall, microseconds).
    pub at_us: i64,
}

/// A phone that listens instead of transmitting says that it hears a fixed beacon of the shop.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    /// The `id` of the consent's `phone` identifier.
    pub phone: &'a str,
    /// What the phone heard.
    pub beacon: Identifier,
    /// How strongly the phone heard it, in dBm.
    pub rssi_dbm: i8,
}

/// Another Pi heard somebody that it knows by a handle of the table alone, several times within a moment.
#[derive(Clone, Copy)]
pub struct Sighting<'a> {
    /// Who.
    pub who: &'a Sighted,
    /// The Pi that heard them.
    pub gateway: GatewayIndex,
    /// The mean level in dBm, as if the device transmitted -59 dBm at 1 m.
    pub level_dbm: f64,
    /// How many readings it is the mean of, at least one.
    pub count: u8,
}

/// Whom another Pi can hear.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sighted {
    /// The shop's own transmitter, by its id in `site.toml`.
    FixedBeacon(Name),
    /// A customer.
    Customer(CustomerId),
}

/// `Debug` names the kind and nothing more: a pseudonym is in no log line.
impl fmt::Debug for Sighted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FixedBeacon(_) => "FixedBeacon(..)",
            Self::Customer(_) => "Customer(..)",
        })
    }
}

/// What the core asks the shells to do, in order.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Something happened that the operator's own timeline tells.
    Happened(Happening),
    /// Ask the ledger for this delivery; it answers with [`Input::Reserved`].
    Reserve(Box<Reservation>),
    /// Remember this open visit across a restart.
    SaveVisit(VisitMemory),
    /// The visit is over; nothing of it need be remembered.
    DropVisit(CustomerId),
    /// What is still on its way to the customer is no longer wanted.
    EndOffers(CustomerId, Ending),
    /// This person's presence passed three hours: not seen again before that wall time, in microseconds.
    IgnoreUntil(CustomerId, i64),
    /// A tester who is followed was heard.
    Read(Reading),
    /// Remember what a customer said or did; the ledger answers with [`Input::Stance`].
    Note(CustomerId, Signal),
    /// The ledger's high-water mark was a wrong clock's: rows dated after this wall time, in microseconds, are dated
    /// with it.
    Redate(i64),
}

/// Why an offer ends before its time; the words of `offer-end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The customer left the zone: it is not pushed any more, and a coupon holds.
    Left,
    /// The customer withdrew, or wants silence.
    Withdrawn,
    /// The shop took it back.
    Recalled,
}

impl Ending {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Left, Self::Withdrawn, Self::Recalled];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Withdrawn => "withdrawn",
            Self::Recalled => "recalled",
        }
    }
}

/// Something that happened to one customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// The time of the input or deadline that caused it.
    pub at: Moment,
    /// To whom.
    pub customer: CustomerId,
    /// What.
    pub what: What,
}

/// One reading of a tester who is followed ([`crate::gateway::following`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// When.
    pub at: Moment,
    /// Whose tag.
    pub customer: CustomerId,
    /// The gateway that heard it, or the fixed beacon that their phone heard.
    pub anchor: Name,
    /// As received, in dBm.
    pub rssi_dbm: i8,
    /// As if the tag transmitted -59 dBm at 1 m, in dBm.
    pub level_dbm: f64,
}

/// The kinds of happening, as in the timeline's contract.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// First sighting in the site.
    VisitStarted,
    /// 15 minutes without one.
    VisitEnded,
    /// A zone was entered.
    Entered {
        /// Which.
        zone: Name,
        /// How sure, 0 to 1; 1 in a `near` zone.
        confidence: f64,
        /// What moved it, for `--explain`.
        evidence: Evidence,
    },
    /// Confidence lost inside a zone.
    Unsure {
        /// Which.
        zone: Name,
        /// How sure, 0 to 1.
        confidence: f64,
        /// What moved it, for `--explain`.
        evidence: Evidence,
    },
    /// Confidence regained.
    Sure {
        /// Which.
        zone: Name,
        /// How sure, 0 to 1.
        confidence: f64,
        /// What moved it, for `--explain`.
        evidence: Evidence,
    },
    /// Long enough in a zone.
    Dwelled {
        /// Which.
        zone: Name,
        /// How long, in microseconds.
        dwell_us: u64,
    },
    /// A zone was left.
    Left {
        /// Which.
        zone: Name,
        /// What moved it, for `--explain`.
        evidence: Evidence,
    },
    /// An offer was committed to the ledger.
    Delivered {
        /// Where.
        zone: Name,
        /// What.
        campaign: Name,
        /// Its id, known to the ledger alone.
        delivery: DeliveryId,
    },
    /// An offer was not made.
    Withheld {
        /// Where.
        zone: Name,
        /// What.
        campaign: Name,
        /// The first gate that said no.
        reason: Reason,
    },
}

/// What moved a transition, if that was asked for ([`super::Gateway::explain`]) and is not a sensitive zone's.
pub type Evidence = Option<Box<super::zone::why::Why>>;

/// A delivery's id: 128 bits in hex, known to the ledger alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub Name);

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the core asks the ledger to commit, if these caps allow it.
#[derive(Clone, Debug)]
pub struct Reservation {
    /// The delivery, as it will be remembered.
    pub delivery: Delivery,
    /// Every cap in force for it, already resolved to instants.
    pub caps: Vec<CapRule>,
    /// Wishes that it grants.
    pub wishes: Vec<WishId>,
    /// Hashes of the codes that it gives away from a list; whoever composes its messages fills them in.
    pub codes: Vec<[u8; 16]>,
    /// What is to be said, and to whom; nobody where it is a ghost.
    pub offer: Offer,
}

/// One row of a customer's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Whose.
    pub customer: CustomerId,
    /// When, on the wall clock, in microseconds.
    pub at_us: i64,
    /// Offer, reward or service.
    pub class: Class,
    /// Which campaign.
    pub campaign: Name,
    /// Which category.
    pub category: Option<Name>,
    /// Which zone.
    pub zone: Name,
    /// Which site.
    pub site: Name,
    /// The wall time at which the visit started: which visit.
    pub visit_us: i64,
    /// The consent's epoch.
    pub epoch: u64,
    /// It is a control group's: it counts, and nothing was said.
    pub ghost: bool,
    /// It is a tester's: it counts for them, and in no total.
    pub test: bool,
}

/// The ledger's answer to a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// On disk; it counts.
    Granted,
    /// A cap is full; nothing was written.
    Refused(CapScope),
    /// The ledger cannot be reached; nothing was written.
    Unavailable,
    /// Too many rows wait for the broker; nothing was written.
    OutboxFull,
    /// The coupon has no code left to give; nothing was written.
    NoCode,
}

/// What is to be said, before it takes a wire's shape.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The zone's id.
    pub zone: Name,
    /// The zone's name by language.
    pub zone_name: BTreeMap<Name, Name>,
    /// What set it off: `entered`, `dwelled` or `left`.
    pub trigger: &'static str,
    /// Title and body by language, placeholders filled; first the one for this customer.
    pub texts: Vec<(Name, Text)>,
    /// The wall time until which it may be pushed, in microseconds.
    pub notify_until_us: i64,
    /// The wall time until which the coupon holds, in microseconds.
    pub valid_until_us: i64,
    /// Whom it goes to: recipient and inbox.
    pub recipients: Vec<(Name, Name)>,
    /// What was read of the customer to decide it.
    pub used: Vec<Used>,
    /// The version of the notice that the customer accepted.
    pub notice: Option<Name>,
    /// A tester's.
    pub test: bool,
    /// The campaign, whole: its link, coupon, image and lock-screen text.
    pub campaign: Arc<crate::config::offers::Campaign>,
}

/// What a decision read of a customer; the words of `data_used`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Used {
    /// The zone they are in.
    Zone,
    /// How long they have been in it.
    Dwell,
    /// What they agreed to.
    Consent,
    /// What was said to them before.
    EarlierOffers,
    /// What they declared to be interested in.
    Interests,
    /// What they declared to wish for.
    Wishes,
    /// What they declared to like to spend.
    PriceBand,
    /// Whether they bought such a thing.
    Purchases,
    /// What they made of earlier offers.
    Feedback,
}

impl Used {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Zone,
        Self::Dwell,
        Self::Consent,
        Self::EarlierOffers,
        Self::Interests,
        Self::Wishes,
        Self::PriceBand,
        Self::Purchases,
        Self::Feedback,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zone => "zone",
            Self::Dwell => "dwell",
            Self::Consent => "consent",
            Self::EarlierOffers => "earlier-offers",
            Self::Interests => "interests",
            Self::Wishes => "wishes",
            Self::PriceBand => "price-band",
            Self::Purchases => "purchases",
            Self::Feedback => "feedback",
        }
    }
}

/// What must survive a restart of an open visit.
#[derive(Clone, Debug, PartialEq)]
pub struct VisitMemory {
    /// Whose.
    pub customer: CustomerId,
    /// Wall time of its first sighting, in microseconds.
    pub started_us: i64,
    /// Wall time of its last sighting, in microseconds.
    pub last_seen_us: i64,
    /// The zone they are in, and since when (wall, microseconds).
    pub zone: Option<(Name, i64)>,
    /// Which dwell lengths have fired in which zone, in microseconds.
    pub dwelled: Vec<(Name, u64)>,
}

/// What the ledger remembers of a customer when Emma starts.
#[derive(Clone, Debug)]
pub struct Memory {
    /// Whose.
    pub customer: CustomerId,
    /// An open visit.
    pub visit: Option<VisitMemory>,
    /// Its last sighting may have been so much later, in microseconds: what a crash can have cost.
    pub slack_us: u64,
    /// Not to be seen before that wall time.
    pub ignore_until_us: Option<i64>,
    /// The wall time of the last delivery of each campaign.
    pub last_deliveries: Vec<(Name, i64)>,
    /// What they said and did about offers.
    pub stance: Option<Stance>,
}
