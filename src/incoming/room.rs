//! The room that what came in takes until it is done. Brokers may be told how many messages a client takes before it has
//! acknowledged the first; mosquitto 2.0.11 gives whatever it has all the same, a day's at once, so the bound is here.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::mqtt::received::Received;

/// Messages that wait for the loop, from all connections of a door: those of a shop's day told at once. The newest is refused.
pub const WAITING: usize = 16_384;

/// What those of one connection may have together, in bytes: half a kilobyte each. The newest is refused.
const WAITING_LEN: usize = 8 * 1024 * 1024;

/// The room of one connection.
pub(super) struct Room(Arc<Semaphore>);

/// What a message takes of it, given back when it is done.
pub(super) struct Taken(#[expect(dead_code, reason = "it is there to be dropped")] OwnedSemaphorePermit);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(WAITING_LEN)))
    }
}

impl Room {
    /// Takes what a message needs with its topic and what it is answered by; nothing where that is not free.
    pub(super) fn take(&self, received: &Received<'_>) -> Option<Taken> {
        self.take_len(received.total_len())
    }

    fn take_len(&self, len: usize) -> Option<Taken> {
        let len = u32::try_from(len).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(len).ok().map(Taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_free_again_when_a_message_is_done() {
        let room = Room::default();
        let taken = room.take_len(WAITING_LEN).unwrap();
        assert!(room.take_len(1).is_none());
        drop(taken);
        assert!(room.take_len(WAITING_LEN).is_some() && room.take_len(WAITING_LEN + 1).is_none());
    }
}
