//! An outbox without a disk, for tests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{Outbox, OutboxRow, Outcome};
use crate::clock::Clock;

/// Rows in memory, and how each ended.
#[derive(Clone)]
pub struct MemoryOutbox {
    clock: Clock,
    rows: Arc<Mutex<Rows>>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Rows {
    waiting: VecDeque<OutboxRow>,
    settled: Vec<(i64, Outcome)>,
}

impl MemoryOutbox {
    /// An empty outbox that judges expiry by this clock.
    pub fn new(clock: Clock) -> Self {
        Self { clock, rows: Arc::default(), changed: Arc::default() }
    }

    /// Adds a row behind those that wait.
    pub fn push(&self, row: OutboxRow) {
        self.rows().waiting.push_back(row);
        self.changed.notify_one();
    }

    /// The rows that are done, in the order in which they were settled.
    pub fn settled(&self) -> Vec<(i64, Outcome)> {
        self.rows().settled.clone()
    }

    /// How many rows still wait to be taken.
    pub fn waiting(&self) -> usize {
        self.rows().waiting.len()
    }

    /// Nothing here can be half done when a test panics, so a poisoned lock is as good as another.
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox for MemoryOutbox {
    async fn take(&self, limit: usize) -> Vec<OutboxRow> {
        let now_us = self.clock.wall_us();
        let mut rows = self.rows();
        rows.waiting.retain(|row| row.expires_us > now_us);
        let taken = limit.min(rows.waiting.len());
        rows.waiting.drain(..taken).collect()
    }

    async fn wanted(&self, rows: Vec<i64>) -> Vec<i64> {
        rows
    }

    async fn settle(&self, row: i64, outcome: Outcome) {
        self.rows().settled.push((row, outcome));
    }

    async fn changed(&self) {
        self.changed.notified().await;
    }
}
