//! Whose it is: consents, and the table that attributes a frame to the customer who opted in.

mod compare;

pub mod fingerprint;

pub mod lease;

pub mod possession;

pub mod record;

pub mod registry;

pub mod rotating;

mod state;

pub use state::{Meaning, State};

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::config::Name;
use crate::config::price::Price;
use crate::config::promise::{Caps, QuietHours};
use rotating::Rotating;

/// A customer's pseudonym: 1 to 64 of `A-Z a-z 0-9 . _ -`, chosen by whoever registers customers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerId(Arc<str>);

impl CustomerId {
    /// The pseudonym, if `text` is one.
    pub fn new(text: &str) -> Option<Self> {
        let legal = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
        ((1..=64).contains(&text.len()) && text.bytes().all(legal)).then(|| Self(text.into()))
    }

    /// The pseudonym as text, for the ledger and the operator's own timeline.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `Debug` shows nothing, so that no log line can carry a pseudonym by accident.
impl fmt::Debug for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerId(..)")
    }
}

/// How much a customer lets Emma do, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Answers when the customer asks in a zone; keeps nothing after the answer.
    OnRequest,
    /// Offers by zone.
    Contextual,
    /// Also declared interests, wishes, price band.
    Personal,
}

/// The purposes a customer switched on; each is off unless given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purposes {
    /// Offers may be made.
    pub offers: bool,
    /// Declared wishes and interests may shape them.
    pub personalisation: bool,
    /// The customer may be in a control group.
    pub lift_measurement: bool,
}

/// What a device says it is, where that is matched exactly.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identifier {
    /// iBeacon UUID, major, minor.
    IBeacon([u8; 16], u16, u16),
    /// `AltBeacon` id1, id2, id3.
    AltBeacon([u8; 16], u16, u16),
    /// Eddystone-UID namespace and instance.
    EddystoneUid([u8; 10], [u8; 6]),
    /// A public device address: tags only, never phones.
    PublicAddress([u8; 6]),
}

/// `Debug` names the kind and nothing more, so that no log line can carry an identifier by accident.
impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IBeacon(..) => "IBeacon(..)",
            Self::AltBeacon(..) => "AltBeacon(..)",
            Self::EddystoneUid(..) => "EddystoneUid(..)",
            Self::PublicAddress(..) => "PublicAddress(..)",
        })
    }
}

/// A phone that says what it hears, by the id that its topic names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneId(pub Name);

/// `Debug` shows nothing, so that no log line can carry it by accident.
impl fmt::Debug for PhoneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneId(..)")
    }
}

/// So that a phone is looked up by what its topic says, without a copy of it.
impl Borrow<str> for PhoneId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// What a customer declared of their taste and budget, tier `personal` alone. Nothing of it is ever inferred.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// What they are interested in.
    pub interests: Vec<Name>,
    /// What they like to spend.
    pub price_band: Option<Name>,
    /// The categories they want to hear of first.
    pub pinned_categories: Vec<Name>,
    /// What they want to be reminded of in the shop.
    pub wishes: Vec<Wish>,
}

/// Remind me in the shop; gone when shown or bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Of what.
    pub category: Name,
    /// Only if it costs no more.
    pub max_price: Option<Price>,
    /// The last day, in the customer's time zone, else the site's.
    pub until: Option<Date>,
}

/// What a customer agreed to, without who they are and how they are known. Most customers of a shop agree to the same, so
/// that the registry keeps it once for all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// How much.
    pub tier: Tier,
    /// What for.
    pub purposes: Purposes,
    /// The sites it names; nothing is every site.
    pub sites: Option<Vec<Name>>,
    /// The categories it names; empty is every category that is not sensitive.
    pub categories: Vec<Name>,
    /// Those that were sensitive when it was taken: without being named they are not served, whatever they are called later.
    pub sensitive: Vec<Name>,
    /// Who is given an inbox, in order; [`Consent::inbox`] knows which.
    pub recipients: Vec<Name>,
    /// At most so many offers under this epoch, in this site.
    pub budget: Option<u32>,
    /// Preferred language, such as `de`.
    pub language: Option<Name>,
    /// The customer's time zone; nothing is the site's.
    pub time_zone: Option<TimeZone>,
    /// The customer's own quiet hours.
    pub quiet_hours: Option<QuietHours>,
    /// The customer's own caps.
    pub caps: Caps,
    /// They said that they are of age.
    pub adult: bool,
    /// The version of the notice they accepted.
    pub notice: Option<Name>,
    /// A tester's tag: marked on the wire.
    pub test: bool,
}

/// A checked grant. It is kept for each customer, 100,000 of them in a Pi's memory: what most leave out takes little room.
#[derive(Clone, Debug)]
pub struct Consent {
    /// Whose.
    pub customer: CustomerId,
    /// Grows with each change the customer makes.
    pub epoch: u64,
    /// What became of it; what has been forgotten is not there at all.
    pub state: State,
    /// What they agreed to; its fields read as the consent's own.
    pub terms: Arc<Terms>,
    /// The identifiers that are matched as they are.
    pub identifiers: Box<[Identifier]>,
    /// The identifiers that change, by their keys.
    pub rotating: Box<[Rotating]>,
    /// The phones that say what they hear.
    pub phones: Box<[PhoneId]>,
    /// First microsecond (wall) at which it is live.
    pub valid_from_us: i64,
    /// First microsecond (wall) at which the record says that it is no longer live; [`Consent::ends_us`] is when it ends.
    pub valid_until_us: i64,
    /// When it was last told over the network (wall, microseconds): it is on a lease ([`lease`]). Nothing for one that was
    /// given by file or command line.
    pub told_us: Option<i64>,
    /// The address offers go to for each of the terms' recipients, a line each: one text is half of what several cost.
    pub inboxes: Box<str>,
    /// Nothing is said before this instant (wall, microseconds).
    pub paused_until_us: Option<i64>,
    /// Taste and budget; nothing where none was declared.
    pub declared: Option<Box<Declared>>,
}

/// Which of a consent's fields are kept once for many customers concerns nobody who reads one.
impl Deref for Consent {
    type Target = Terms;

    fn deref(&self) -> &Terms {
        &self.terms
    }
}

/// What the consents in force need a radio to deliver besides frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Advertisements without a frame, known by a public or a resolvable address: patterns cannot ask for them.
    pub addresses: bool,
}

impl Consent {
    /// The same after it has lapsed at `at_us` (wall, microseconds), by a word of this epoch.
    #[must_use]
    pub fn lapsed(&self, epoch: u64, at_us: i64) -> Self {
        let valid_until_us = self.valid_until_us.min(at_us).max(self.valid_from_us.saturating_add(1));
        Self { epoch, state: State::Expired, valid_until_us, told_us: None, ..self.clone() }
    }

    /// Each recipient, and the address offers go to.
    pub fn inbox(&self) -> impl Iterator<Item = (&Name, &str)> {
        self.recipients.iter().zip(self.inboxes.lines())
    }

    /// The address at which `recipient` passes offers on.
    pub fn inbox_at(&self, recipient: &str) -> Option<&str> {
        self.inbox().find(|(id, _)| ***id == *recipient).map(|(_, inbox)| inbox)
    }

    /// Whether it names a device that is known by its address alone: a tag with a public one, or a bonded device.
    pub fn needs_addresses(&self) -> bool {
        self.identifiers.iter().any(|identifier| matches!(identifier, Identifier::PublicAddress(_)))
            || self.rotating.iter().any(|rotating| matches!(rotating, Rotating::Irk(_)))
    }

    /// Whether it covers the shop `site`.
    pub fn covers_site(&self, site: &str) -> bool {
        self.sites.as_ref().is_none_or(|sites| sites.iter().any(|named| **named == *site))
    }
}
