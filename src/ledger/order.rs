//! What the ledger's thread is asked, and what it tells of its own accord.

use tokio::sync::oneshot;

use super::Store;
use super::halts::Word;
use super::leases::{Feed, Leased};
use super::retention::Kept;
use super::said::{Feedback, Noted};
use crate::config::Name;
use crate::gateway::consent::CustomerId;
use crate::gateway::effect::{Answer, DeliveryId, Ending, Reservation, VisitMemory};
use crate::gateway::halt::Halts;
use crate::gateway::stance::{Signal, Stance};
use crate::mqtt::event::Draft;
use crate::mqtt::{OutboxRow, Outcome};

/// Whoever waits for an order to be on disk; the sentence says why it is not.
pub(super) type Done<T> = oneshot::Sender<Result<T, String>>;

/// What the thread is asked to do.
pub(super) enum Order {
    Reserve(Box<Reservation>, Vec<Draft>),
    SaveVisit(VisitMemory),
    DropVisit(CustomerId),
    EndOffers(CustomerId, Ending),
    IgnoreUntil(CustomerId, i64),
    Redate(i64),
    NoteWall(i64),
    NoteStop,
    Again(Again),
    Feedback(Feedback, Done<Noted>),
    GiveWord { word: Word, word_us: i64, done: Done<bool> },
    Recall { offer: Name, done: Done<bool> },
    Say { to: Option<CustomerId>, drafts: Vec<Draft>, done: Done<()> },
    Count(Vec<(String, i64)>),
    CountLongest(String, i64),
    BeginWeek(i64),
    Read(Box<dyn FnOnce(&Store) + Send>),
    SaveConsent { customer: CustomerId, epoch: u64, record: String, done: Done<Saved> },
    SaveLeased(Leased, Done<Saved>),
    SaveFeed(Feed),
    Forget { customer: CustomerId, wall_us: i64, done: Done<()> },
    Consent { customer: CustomerId, done: oneshot::Sender<Option<String>> },
    Prune { kept: Kept, over: Vec<CustomerId>, now_us: i64 },
    Take { limit: usize, done: oneshot::Sender<Vec<OutboxRow>> },
    Wanted { rows: Vec<i64>, done: oneshot::Sender<Vec<i64>> },
    Stop,
}

/// What is done again with the next group where the disk did not take it.
#[derive(Clone)]
pub(super) enum Again {
    /// A row is done.
    Settle(i64, Outcome),
    /// A customer said or did something.
    Note(CustomerId, Signal),
}

/// What came of a consent that was to be remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is on disk; with what its customer had said no to before an earlier consent of theirs ended, where that was kept.
    Taken(Option<Box<Stance>>),
    /// It is not taken: its customer was forgotten since it began.
    Forgotten,
}

/// What the thread tells whoever drives the core.
#[derive(Clone, Debug)]
pub enum Told {
    /// The answer to a reservation.
    Reserved(DeliveryId, Answer),
    /// What became of a customer's stance.
    Stance(CustomerId, Box<Stance>),
    /// These were forgotten, for their consents ended long ago.
    Pruned(Vec<CustomerId>),
    /// A campaign stopped itself: too many dismiss it.
    Stopped(String),
    /// What is halted now.
    Halts(Halts),
    /// The wait after a restore is over, and nobody confirmed these: they are to be forgotten.
    Unconfirmed(Vec<CustomerId>),
    /// The civil week that began at this instant (wall, microseconds) is over: it can be reported.
    WeekEnded(i64),
}
