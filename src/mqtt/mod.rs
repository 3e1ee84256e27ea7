//! Say it once: topics, events, one session that hands committed outbox rows over and sees them acknowledged. Beside it, a
//! listener for what scanners and phones publish.

use crate::config::Name;

pub mod topic;

pub(crate) mod envelope;

pub mod event;

pub mod ended;

pub mod answer;

pub mod consent;

pub mod report;

pub mod state;

pub mod tls;

mod identity;

pub mod client;

pub mod connection;

mod tracker;

mod outage;

pub mod status;

mod discovery;

mod voice;

mod desk;

pub mod session;

pub mod listener;

pub mod received;

pub mod knock;

pub mod memory;

#[cfg(feature = "demo")]
pub mod embedded;

#[cfg(feature = "demo")]
pub mod rehearsal;

/// What says at `warn` what is said here once and better, each time that a broker refuses a subscription again, in MQTT 5 and
/// in 3.1.1: held at `error`.
pub const TARGETS_HELD_AT_ERROR: [&str; 2] = ["rumqttc::v5::state", "rumqttc::state"];

/// A committed message that waits for its acknowledgement.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// The ledger's number for it; rows are handed over in ascending order.
    pub row: i64,
    /// The `CloudEvent`'s id, the same at every resend.
    pub event_id: Name,
    /// Where it goes.
    pub topic: String,
    /// The event as JSON, its `sequence` given.
    pub payload: String,
    /// Wall time after which it is no longer said, in microseconds.
    pub expires_us: i64,
}

/// `Debug` shows the number alone: topic and payload name an inbox.
impl std::fmt::Debug for OutboxRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutboxRow").field("row", &self.row).finish_non_exhaustive()
    }
}

/// How a row ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// PUBACK with a success code.
    Acknowledged,
    /// PUBACK with a code of 0x80 or above, or a message that no broker could be given: it provably reached nobody.
    Refused,
    /// It expired after it was handed over and before it was acknowledged: nobody knows whom it reached, so it counts
    /// as shown.
    Expired,
}

/// What the session needs of the ledger.
pub trait Outbox: Clone + Send + Sync + 'static {
    /// Up to `limit` rows that wait, unexpired, oldest first. From now on they count as handed over: whether they
    /// reached anyone is unknown until they are settled. Rows once taken are not given again in this process's life.
    fn take(&self, limit: usize) -> impl Future<Output = Vec<OutboxRow>> + Send;
    /// Which of these rows, taken before, are still wanted; those that are not are not sent again, and not settled.
    fn wanted(&self, rows: Vec<i64>) -> impl Future<Output = Vec<i64>> + Send;
    /// This row is done.
    fn settle(&self, row: i64, outcome: Outcome) -> impl Future<Output = ()> + Send;
    /// Returns when there may be rows to take; spurious returns are harmless. A change while nobody waits is kept for
    /// the next call, and dropping the future loses none.
    fn changed(&self) -> impl Future<Output = ()> + Send;
}
