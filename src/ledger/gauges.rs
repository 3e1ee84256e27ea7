//! What others may see of the ledger's thread without asking it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// What others may see of the thread without asking it.
#[derive(Debug, Default)]
pub struct Gauges {
    pub(super) rows: AtomicU64,
    pub(super) oldest_us: AtomicI64,
    pub(super) commits: AtomicU64,
    pub(super) recovered: AtomicBool,
    pub(super) fails: AtomicBool,
    pub(super) restored_us: AtomicI64,
    pub(super) ended: AtomicBool,
    pub(super) turned_us: AtomicU64,
}

impl Gauges {
    /// Messages that wait or are on their way.
    pub fn outbox_rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// When the oldest offer of them was committed (wall, microseconds).
    pub fn outbox_oldest_us(&self) -> Option<i64> {
        let oldest_us = self.oldest_us.load(Ordering::Relaxed);
        (self.outbox_rows() > 0 && oldest_us > 0).then_some(oldest_us)
    }

    /// Transactions committed since the start.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Whether the ledger cannot be written.
    pub fn fails(&self) -> bool {
        self.fails.load(Ordering::Relaxed)
    }

    /// Whether the ledger can be written again since this was last asked: what it was told meanwhile is lost.
    pub fn take_recovered(&self) -> bool {
        self.recovered.swap(false, Ordering::Relaxed)
    }

    /// When the thread last turned to something, or found nothing to do (monotonic, microseconds): a second ago, unless the
    /// disk keeps it.
    pub fn turned_us(&self) -> u64 {
        self.turned_us.load(Ordering::Relaxed)
    }

    /// When the ledger was restored; see [`Store::restored_us`](super::Store::restored_us).
    pub fn restored_us(&self) -> Option<i64> {
        Some(self.restored_us.load(Ordering::Relaxed)).filter(|us| *us != 0)
    }

    /// Whether the thread has ended: nothing is remembered any more, so nothing may be said.
    pub fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

/// Notes the end of the thread when it is dropped.
pub(super) struct Ended(pub(super) Arc<Gauges>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Relaxed);
    }
}
