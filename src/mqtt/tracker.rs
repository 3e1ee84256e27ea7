//! What has been handed over and not been acknowledged. The client library has no acknowledgement per message and
//! forgets what was pending when a broker has lost the session, so the session keeps this account of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::OutboxRow;
use super::state::Presence;

/// Something handed to the client library that will be acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// A row of the outbox.
    Row(OutboxRow),
    /// The retained state. It is said anew at every connect, so it is never sent again.
    State(Presence),
}

/// The account: each message is in one of three places.
#[derive(Default)]
pub(super) struct Tracker {
    /// Handed to the library, which has not given them packet ids yet. It gives them in this order.
    handed: VecDeque<Message>,
    /// Written under a packet id, with their place in the order of writing.
    in_flight: BTreeMap<u16, (u64, Message)>,
    /// Packet ids of what expired unacknowledged: the broker and the library still hold them on this connection.
    spent: BTreeSet<u16>,
    /// To be handed over again, before any new row.
    again: VecDeque<OutboxRow>,
    /// Rows that were written on a connection which ended before they were acknowledged: someone may have them, whatever
    /// becomes of a resend.
    doubtful: BTreeSet<i64>,
    written: u64,
}

impl Tracker {
    /// The library took this message.
    pub(super) fn handed(&mut self, message: Message) {
        self.handed.push_back(message);
    }

    /// The library wrote a message under this packet id. An id in flight is a resend; id 0 needs no acknowledgement.
    pub(super) fn written(&mut self, packet_id: u16) {
        if packet_id == 0 || self.in_flight.contains_key(&packet_id) {
            return;
        }
        if let Some(message) = self.handed.pop_front() {
            self.written += 1;
            self.in_flight.insert(packet_id, (self.written, message));
        }
    }

    /// The broker acknowledged this packet id: that message is done.
    pub(super) fn acknowledged(&mut self, packet_id: u16) -> Option<Message> {
        self.spent.remove(&packet_id);
        self.in_flight.remove(&packet_id).map(|(_, message)| message)
    }

    /// The connection is gone. What had no packet id never left this process: it waits in front of all others.
    pub(super) fn disconnected(&mut self) {
        for message in self.handed.drain(..).rev() {
            if let Message::Row(row) = message {
                self.again.push_front(row);
            }
        }
        self.in_flight.retain(|_, (_, message)| matches!(message, Message::Row(_)));
        self.doubtful.extend(self.in_flight.values().filter_map(|(_, message)| row(message)).map(|row| row.row));
    }

    /// A row is done; whether someone may have had it before its last hand-over.
    pub(super) fn done(&mut self, row: i64) -> bool {
        self.doubtful.remove(&row)
    }

    /// Every row that is not settled.
    pub(super) fn rows(&self) -> Vec<i64> {
        let messages = self.handed.iter().chain(self.in_flight.values().map(|(_, message)| message));
        messages.filter_map(row).chain(&self.again).map(|row| row.row).collect()
    }

    /// Forgets the rows that nobody wants any more, unless they are just being handed over.
    pub(super) fn keep_only(&mut self, wanted: &[i64]) {
        self.in_flight.retain(|_, (_, message)| row(message).is_none_or(|row| wanted.contains(&row.row)));
        self.again.retain(|row| wanted.contains(&row.row));
        self.doubtful.retain(|row| wanted.contains(row));
    }

    /// The rows that are to be handed over again.
    pub(super) fn again(&self) -> Vec<i64> {
        self.again.iter().map(|row| row.row).collect()
    }

    /// Forgets those of them that nobody wants any more.
    pub(super) fn keep_again(&mut self, wanted: &[i64]) {
        for row in self.again.iter().filter(|row| !wanted.contains(&row.row)) {
            self.doubtful.remove(&row.row);
        }
        self.again.retain(|row| wanted.contains(&row.row));
    }

    /// The broker has lost the session, and with it the packet ids: everything in flight is handed over again.
    pub(super) fn session_lost(&mut self) {
        self.spent.clear();
        for (_, row) in self.take_in_flight().into_iter().rev() {
            self.again.push_front(row);
        }
    }

    /// The broker still has the session: what is to be sent again under its packet id, in the order of writing.
    pub(super) fn session_resumed(&mut self) -> Vec<(u16, &OutboxRow)> {
        self.spent.clear();
        let mut rows: Vec<_> =
            self.in_flight.iter().filter_map(|(id, (order, m))| Some((order, *id, row(m)?))).collect();
        rows.sort_unstable_by_key(|(order, ..)| *order);
        rows.into_iter().map(|(_, id, row)| (id, row)).collect()
    }

    /// Forgets what expired by `now_us` (wall, microseconds) while it waits to be sent again, and names those rows.
    pub(super) fn expire(&mut self, now_us: i64) -> Vec<i64> {
        let mut expired = Vec::new();
        let mut keep = |row: &OutboxRow| {
            let live = row.expires_us > now_us;
            if !live {
                expired.push(row.row);
            }
            live
        };
        self.in_flight.retain(|packet_id, (_, message)| {
            let live = row(message).is_none_or(&mut keep);
            if !live {
                self.spent.insert(*packet_id);
            }
            live
        });
        self.again.retain(|row| keep(row));
        expired
    }

    /// A row that could not be handed over after all.
    pub(super) fn put_back(&mut self, row: OutboxRow) {
        self.again.push_front(row);
    }

    /// The next row to be handed over again.
    pub(super) fn next_again(&mut self) -> Option<OutboxRow> {
        self.again.pop_front()
    }

    /// Rows that the broker has been or is being given; the window bounds them.
    pub(super) fn in_window(&self) -> usize {
        let in_flight = self.in_flight.values().map(|(_, message)| message);
        self.handed.iter().chain(in_flight).filter(|message| row(message).is_some()).count()
    }

    /// Packet ids that rows have or are about to get.
    pub(super) fn occupied(&self) -> usize {
        self.in_window() + self.spent.len()
    }

    /// Rows that are not settled.
    pub(super) fn outstanding(&self) -> usize {
        self.in_window() + self.again.len()
    }

    /// Whether a state message waits for its acknowledgement.
    pub(super) fn state_outstanding(&self) -> bool {
        let in_flight = self.in_flight.values().map(|(_, message)| message);
        self.handed.iter().chain(in_flight).any(|message| row(message).is_none())
    }

    fn take_in_flight(&mut self) -> Vec<(u64, OutboxRow)> {
        let in_flight = std::mem::take(&mut self.in_flight).into_values();
        let mut rows: Vec<_> = in_flight
            .filter_map(|(order, message)| match message {
                Message::Row(row) => Some((order, row)),
                Message::State(_) => None,
            })
            .collect();
        rows.sort_unstable_by_key(|(order, _)| *order);
        rows
    }
}

fn row(message: &Message) -> Option<&OutboxRow> {
    match message {
        Message::Row(row) => Some(row),
        Message::State(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(row: i64, expires_us: i64) -> Message {
        let (topic, payload) = (format!("topic-{row}"), String::new());
        Message::Row(OutboxRow { row, event_id: format!("event-{row}").into(), topic, payload, expires_us })
    }

    /// Rows 1 to 3 written under the packet ids 9, 10 and 1 (ids wrap), row 4 handed over only.
    fn tracker() -> Tracker {
        let mut tracker = Tracker::default();
        for row in 1..=4 {
            tracker.handed(message(row, row * 10));
        }
        for id in [9, 10, 1] {
            tracker.written(id);
        }
        tracker
    }

    #[test]
    fn what_nobody_wants_any_more_is_not_sent_again() {
        let mut tracker = tracker();
        tracker.disconnected();
        assert_eq!(tracker.rows(), [3, 1, 2, 4], "by packet id, then what waits");
        tracker.keep_only(&[2, 4]);
        tracker.session_lost();
        assert_eq!(again(&mut tracker), [2, 4]);
    }

    #[test]
    fn a_row_that_was_written_and_not_acknowledged_is_in_doubt() {
        let mut tracker = tracker();
        tracker.disconnected();
        assert!(tracker.done(1));
        assert!(!tracker.done(1), "once");
        assert!(!tracker.done(4), "it never left this process");
    }

    fn again(tracker: &mut Tracker) -> Vec<i64> {
        std::iter::from_fn(|| tracker.next_again()).map(|row| row.row).collect()
    }

    #[test]
    fn an_acknowledgement_finds_its_row_whatever_the_order() {
        let mut tracker = tracker();
        assert_eq!(tracker.acknowledged(10), Some(message(2, 20)));
        assert_eq!(tracker.acknowledged(10), None);
        assert_eq!(tracker.acknowledged(9), Some(message(1, 10)));
        assert_eq!((tracker.in_window(), tracker.outstanding()), (2, 2));
    }

    #[test]
    fn a_lost_session_hands_everything_over_again_in_order() {
        let mut tracker = tracker();
        tracker.disconnected();
        tracker.session_lost();
        assert_eq!(tracker.outstanding(), 4);
        assert_eq!(again(&mut tracker), [1, 2, 3, 4]);
    }

    #[test]
    fn a_resumed_session_sends_again_under_the_same_packet_ids_and_the_rest_anew() {
        let mut tracker = tracker();
        tracker.disconnected();
        let resent: Vec<_> = tracker.session_resumed().into_iter().map(|(id, row)| (id, row.row)).collect();
        assert_eq!(resent, [(9, 1), (10, 2), (1, 3)]);
        for id in [9, 10, 1] {
            tracker.written(id);
        }
        assert_eq!(again(&mut tracker), [4]);
        assert_eq!(tracker.acknowledged(9), Some(message(1, 10)));
    }

    #[test]
    fn two_outages_in_a_row_lose_nothing_and_keep_the_order() {
        let mut tracker = tracker();
        tracker.disconnected();
        tracker.session_lost();
        let first = tracker.next_again().unwrap();
        tracker.handed(Message::Row(first));
        tracker.disconnected();
        tracker.session_lost();
        assert_eq!(again(&mut tracker), [1, 2, 3, 4]);
    }

    #[test]
    fn what_expired_is_named_and_not_sent_again() {
        let mut tracker = tracker();
        tracker.disconnected();
        assert_eq!(tracker.expire(20), [1, 2]);
        tracker.session_lost();
        assert_eq!(again(&mut tracker), [3, 4]);
    }

    #[test]
    fn what_expired_on_a_connection_keeps_its_packet_id_until_it_is_acknowledged_or_the_connection_ends() {
        let mut tracker = tracker();
        assert_eq!(tracker.expire(20), [1, 2]);
        assert_eq!((tracker.in_window(), tracker.occupied()), (2, 4));
        assert_eq!(tracker.acknowledged(9), None);
        assert_eq!(tracker.occupied(), 3);
        tracker.disconnected();
        tracker.session_resumed();
        assert_eq!((tracker.in_window(), tracker.occupied()), (1, 1));
    }

    #[test]
    fn a_state_message_takes_its_place_and_is_never_sent_again() {
        let mut tracker = Tracker::default();
        tracker.handed(Message::State(Presence::Online));
        tracker.handed(message(1, 10));
        tracker.written(0);
        tracker.written(1);
        tracker.written(2);
        assert!(tracker.state_outstanding());
        assert_eq!(tracker.in_window(), 1);
        assert_eq!(tracker.acknowledged(1), Some(Message::State(Presence::Online)));
        tracker.handed(Message::State(Presence::Online));
        tracker.disconnected();
        tracker.session_lost();
        assert!(!tracker.state_outstanding());
        assert_eq!(again(&mut tracker), [1]);
    }
}
