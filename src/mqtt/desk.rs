//! The session's decisions: what is handed over, what an acknowledgement means, what is said of Emma herself. The
//! connection itself is `session`'s.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, MissedTickBehavior, Sleep, interval, sleep};
use tracing::{info, warn};

use super::client::{Client, Identity, Puback, Publication};
use super::identity::{self, Files};
use super::outage::{Ending, Outage, elapsed};
use super::session::{Command, Wiring};
use super::state::{DeliveryTrouble, Health, Presence, State};
use super::status::{Standing, Status};
use super::tracker::{Message, Tracker};
use super::voice::Voice;
use super::{Outbox, OutboxRow, Outcome};
use crate::clock::Clock;

/// Rows that may wait for their acknowledgement. Below the library's in-flight limit, so that its own queues, which it
/// loses, stay empty; measured to lose nothing over kills of the broker.
const WINDOW: u16 = 20;

/// Between two health messages.
const HEALTH_EVERY: Duration = Duration::from_mins(1);

/// How long a clean stop waits for the broker to acknowledge that Emma is offline.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// Something other than the connection that wants to be done.
pub(super) enum Errand {
    Rows,
    State,
    Health,
    Steady,
    Files,
    Stop,
    GiveUp,
}

/// Why a connection is left that stands.
pub(super) enum Leave {
    /// There is nothing left to stay for.
    Stopped,
    /// The files that Emma is known by have changed.
    Renewed,
}

/// The session's side of the work.
pub(super) struct Desk<O> {
    voice: Voice,
    outbox: O,
    clock: Clock,
    commands: mpsc::Receiver<Command>,
    state: watch::Receiver<State>,
    health: watch::Receiver<Health>,
    tracker: Tracker,
    outage: Outage,
    health_due: Interval,
    files: Files,
    files_due: Interval,
    published: watch::Sender<Status>,
    status: Status,
    /// Packet ids that the broker allows, from its last CONNACK.
    in_flight_limit: u16,
    /// The outbox may hold rows.
    rows_wait: bool,
    /// The state has changed since it was last said.
    state_due: bool,
    /// Whoever changes the state is still there.
    state_alive: bool,
    /// The last acknowledgement, if it was not success.
    complaint: Option<Puback>,
    stop: Stop,
}

/// How far a clean stop has come.
enum Stop {
    Unasked,
    /// Offline is being said, for as long as the timer runs.
    Asked(Pin<Box<Sleep>>),
    /// DISCONNECT is written.
    Done,
}

impl Stop {
    fn timer(&mut self) -> Option<&mut Pin<Box<Sleep>>> {
        match self {
            Self::Asked(timer) => Some(timer),
            Self::Unasked | Self::Done => None,
        }
    }
}

impl<O: Outbox> Desk<O> {
    pub(super) fn new(wiring: Wiring<O>, client: Client) -> (Self, watch::Receiver<Status>) {
        let status = Status { since_us: wiring.clock.wall_us(), ..Status::default() };
        let (published, watched) = watch::channel(status.clone());
        let mut health_due = interval(HEALTH_EVERY);
        health_due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let desk = Self {
            files: wiring.options.files(),
            files_due: identity::looks(),
            voice: Voice::new(&wiring.options, client),
            outbox: wiring.outbox,
            clock: wiring.clock,
            commands: wiring.commands,
            state: wiring.state,
            health: wiring.health,
            tracker: Tracker::default(),
            outage: Outage::new(),
            health_due,
            published,
            status,
            in_flight_limit: 0,
            rows_wait: true,
            state_due: false,
            state_alive: true,
            complaint: None,
            stop: Stop::Unasked,
        };
        (desk, watched)
    }

    /// Waits for the next errand. Dropping the future loses nothing.
    pub(super) async fn next_errand(&mut self) -> Errand {
        let up = self.status.is_connected();
        let stopping = self.is_stopping();
        tokio::select! {
            // No sender is left to say stop: the rest of Emma is gone.
            _ = self.commands.recv(), if !stopping => Errand::Stop,
            () = self.outbox.changed(), if up && !stopping && !self.rows_wait => Errand::Rows,
            changed = self.state.changed(), if self.state_alive && !stopping => {
                self.state_alive = changed.is_ok();
                Errand::State
            }
            _ = self.health_due.tick(), if up && !stopping => Errand::Health,
            _ = self.files_due.tick(), if up && !stopping => Errand::Files,
            () = elapsed(self.outage.timer()) => Errand::Steady,
            () = elapsed(self.stop.timer()) => Errand::GiveUp,
        }
    }

    /// Does an errand; breaks when the connection is to be left.
    pub(super) async fn run(&mut self, errand: Errand) -> ControlFlow<Leave> {
        match errand {
            Errand::Rows => self.rows_wait = true,
            Errand::State => self.state_due = true,
            Errand::Health => {
                // A broker that stays and acknowledges nothing must not keep the window shut for good.
                self.expire().await;
                self.say_health();
            }
            Errand::Steady => self.recovered(),
            Errand::Files => {
                if self.files.look().await {
                    return ControlFlow::Break(Leave::Renewed);
                }
            }
            Errand::Stop if !self.status.is_connected() => return ControlFlow::Break(Leave::Stopped),
            Errand::Stop => {
                self.stop = Stop::Asked(Box::pin(sleep(STOP_WITHIN)));
                self.say_state(Presence::Offline);
            }
            Errand::GiveUp => return ControlFlow::Break(Leave::Stopped),
        }
        self.hand_over().await;
        ControlFlow::Continue(())
    }

    /// Gives the library what the window has room for: first what goes out again, then new rows.
    pub(super) async fn hand_over(&mut self) {
        if self.status.is_connected() && !self.is_stopping() {
            if self.state_due && !self.tracker.state_outstanding() {
                self.say_state(Presence::Online);
            }
            self.hand_over_again().await;
            self.hand_over_new().await;
        }
        self.publish_status();
    }

    /// What waited for room is asked for once more: its customer may have been forgotten, or may have left, meanwhile.
    async fn hand_over_again(&mut self) {
        let again = self.tracker.again();
        if again.is_empty() || self.room() == 0 {
            return;
        }
        let wanted = self.outbox.wanted(again).await;
        self.tracker.keep_again(&wanted);
        while self.room() > 0 {
            let Some(row) = self.tracker.next_again() else { return };
            self.offer(row).await;
        }
    }

    async fn hand_over_new(&mut self) {
        while self.rows_wait && self.room() > 0 {
            let room = self.room();
            let rows = self.outbox.take(room).await;
            self.rows_wait = rows.len() == room;
            for row in rows {
                self.offer(row).await;
            }
        }
    }

    /// How many more rows may be handed over: no more than the library can write at once. What waits in it for a packet id
    /// would be written whenever that is free, expired or not. One id is left for the state.
    fn room(&self) -> usize {
        let limit = usize::from(self.in_flight_limit);
        let for_state = usize::from(limit > 1 || self.tracker.state_outstanding());
        let free = limit.saturating_sub(for_state + self.tracker.occupied());
        free.min(usize::from(WINDOW).saturating_sub(self.tracker.in_window()))
    }

    /// Hands one row over, or settles it at once: too late, or nothing that a broker could be given.
    async fn offer(&mut self, row: OutboxRow) {
        let now_us = self.now_us();
        if row.expires_us <= now_us {
            return self.settle(row.row, Outcome::Expired).await;
        }
        if !self.voice.fits(&row) {
            warn!("an offer is too long for this broker, or its inbox is no topic level; it is dropped");
            return self.settle(row.row, Outcome::Refused).await;
        }
        if self.voice.say_row(&row, now_us) {
            self.status.sent += 1;
            self.tracker.handed(Message::Row(row));
        } else {
            // The channel has room for the window, so this is not expected; the row keeps its turn.
            self.tracker.put_back(row);
        }
    }

    async fn settle(&mut self, row: i64, outcome: Outcome) {
        // What an earlier connection may have brought to someone was not refused by all.
        let doubtful = self.tracker.done(row);
        let outcome = if doubtful && outcome == Outcome::Refused { Outcome::Expired } else { outcome };
        match outcome {
            Outcome::Acknowledged => self.status.acknowledged += 1,
            Outcome::Refused => self.status.refused += 1,
            Outcome::Expired => self.status.expired += 1,
        }
        self.outbox.settle(row, outcome).await;
    }

    fn say_state(&mut self, presence: Presence) {
        let message = self.state.borrow_and_update().message(presence);
        let said = self.voice.say_state(message);
        if said {
            self.tracker.handed(Message::State(presence));
        }
        self.state_due = !said;
    }

    fn say_health(&self) {
        let delivery_trouble = self.status.delivery_trouble;
        let health = Health { delivery_trouble, ..self.health.borrow().clone() };
        self.voice.say_health(health.message(self.now_us()));
    }

    pub(super) fn written(&mut self, packet_id: u16) {
        self.tracker.written(packet_id);
    }

    /// A PUBACK came.
    pub(super) async fn acknowledged(&mut self, packet_id: u16, puback: Puback) {
        match self.tracker.acknowledged(packet_id) {
            Some(Message::Row(row)) => {
                self.complain(&puback);
                self.status.nobody_listening += u64::from(puback == Puback::NobodyListens);
                self.settle(row.row, outcome(&puback)).await;
            }
            Some(Message::State(Presence::Online)) => self.outage.proven(),
            Some(Message::State(Presence::Offline)) => self.voice.disconnect(),
            None => {}
        }
    }

    /// Says once what is wrong, until it is right again or something else is wrong.
    fn complain(&mut self, puback: &Puback) {
        self.status.delivery_trouble = trouble(puback);
        let complaint = (*puback != Puback::Taken).then(|| puback.clone());
        if complaint != self.complaint {
            match puback {
                Puback::Taken => info!("offers arrive again"),
                Puback::NobodyListens => warn!("nobody listens to a recipient's offers; they count as shown"),
                Puback::Refused(reason) => warn!(reason, "the broker refuses offers"),
            }
            self.complaint = complaint;
        }
    }

    fn recovered(&mut self) {
        if self.outage.steady() {
            info!(outages = self.status.outages, "the broker is back");
        }
    }

    /// The broker's limits; whether the first is the one it had before.
    pub(super) fn set_limits(&mut self, in_flight_limit: u16, max_packet_len: Option<u32>) -> bool {
        self.voice.set_max_packet_len(max_packet_len);
        std::mem::replace(&mut self.in_flight_limit, in_flight_limit) == in_flight_limit
    }

    /// Gives up on what nobody wants any more: the customer left the zone, or was forgotten, while the broker was away.
    pub(super) async fn drop_unwanted(&mut self) {
        let rows = self.tracker.rows();
        if !rows.is_empty() {
            let wanted = self.outbox.wanted(rows).await;
            self.tracker.keep_only(&wanted);
        }
    }

    /// Gives up on what expired unacknowledged.
    pub(super) async fn expire(&mut self) {
        for row in self.tracker.expire(self.now_us()) {
            self.settle(row, Outcome::Expired).await;
        }
    }

    pub(super) fn session_lost(&mut self) {
        self.tracker.session_lost();
    }

    pub(super) fn session_resumed(&mut self) -> Vec<(u16, &OutboxRow)> {
        let again = self.tracker.session_resumed();
        self.status.sent += again.len() as u64;
        again
    }

    pub(super) fn connected(&mut self) {
        self.voice.say_discovery();
        self.state_due = true;
        self.rows_wait = true;
        self.stands(Standing::Connected);
    }

    /// The connection is gone, closed by the other side or otherwise; whether to believe that it was taken over.
    pub(super) fn disconnected(&mut self, closed: bool) -> bool {
        let ending = match (closed, self.tracker.in_window() == 0 && !self.tracker.state_outstanding()) {
            (true, true) => Ending::ClosedIdle,
            (true, false) => Ending::ClosedBusy,
            (false, _) => Ending::Failed,
        };
        self.tracker.disconnected();
        self.stands(Standing::Connecting);
        self.outage.ended(ending)
    }

    /// Tells the outage, once.
    pub(super) fn lost(&mut self, reason: &str) {
        if self.outage.begins() {
            self.status.outages += 1;
            warn!(reason, "the broker cannot be reached; trying again, and offers wait until they expire");
        }
        self.publish_status();
    }

    /// Waits before the next attempt; breaks when it is not wanted any more.
    pub(super) async fn pause(&mut self) -> ControlFlow<Leave> {
        let mut pause = std::pin::pin!(sleep(self.outage.next_pause()));
        loop {
            tokio::select! {
                () = &mut pause => return ControlFlow::Continue(()),
                errand = self.next_errand() => self.run(errand).await?,
            }
        }
    }

    /// Who Emma is, from the files as they are now.
    pub(super) async fn identity(&mut self) -> Identity {
        self.files.renewed().await
    }

    pub(super) fn last_will(&self) -> Publication {
        self.voice.state_message(self.state.borrow().message(Presence::Offline))
    }

    pub(super) fn now_us(&self) -> i64 {
        self.clock.wall_us()
    }

    pub(super) fn done(&mut self) {
        self.stop = Stop::Done;
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.stop, Stop::Done)
    }

    pub(super) fn is_stopping(&self) -> bool {
        !matches!(self.stop, Stop::Unasked)
    }

    pub(super) fn stands(&mut self, standing: Standing) {
        if self.status.standing != standing {
            self.status.standing = standing;
            self.status.since_us = self.now_us();
        }
        self.publish_status();
    }

    fn publish_status(&mut self) {
        self.status.outstanding = self.tracker.outstanding();
        self.published.send_if_modified(|published| {
            let modified = *published != self.status;
            if modified {
                published.clone_from(&self.status);
            }
            modified
        });
    }
}

/// What an acknowledgement means for a row.
fn outcome(puback: &Puback) -> Outcome {
    match puback {
        Puback::Taken | Puback::NobodyListens => Outcome::Acknowledged,
        Puback::Refused(_) => Outcome::Refused,
    }
}

/// How an acknowledgement is told on the health topic and to Prometheus, where it says that offers do not arrive.
fn trouble(puback: &Puback) -> Option<DeliveryTrouble> {
    match puback {
        Puback::Taken => None,
        Puback::NobodyListens => Some(DeliveryTrouble::NobodyListens),
        Puback::Refused(_) => Some(DeliveryTrouble::Refused),
    }
}
