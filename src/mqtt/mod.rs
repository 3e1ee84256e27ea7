//! Say it once: topics, events, one session that hands committed outbox rows over and sees them acknowledged.

use crate::config::Name;

/// A committed message that waits for its acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// How a row ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// PUBACK with a success code.
    Acknowledged,
    /// PUBACK with a code of 0x80 or above: it provably reached nobody.
    Refused,
}

/// What the session needs of the ledger.
pub trait Outbox: Clone + Send + Sync + 'static {
    /// Up to `limit` rows that wait, unexpired, oldest first. From now on they count as handed over: whether they
    /// reached anyone is unknown until they are settled. Rows once taken are not given again in this process's life.
    fn take(&self, limit: usize) -> impl Future<Output = Vec<OutboxRow>> + Send;
    /// This row is done.
    fn settle(&self, row: i64, outcome: Outcome) -> impl Future<Output = ()> + Send;
    /// Returns when there may be rows to take; spurious returns are harmless.
    fn changed(&self) -> impl Future<Output = ()> + Send;
}
