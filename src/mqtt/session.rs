//! One task that owns the connection to the broker.
//!
//! Its contract: a row is taken from the outbox only while a broker is connected and fewer than a window of rows wait
//! for their acknowledgement; it is settled once, when its PUBACK came or when it expired before one did. Delivery is
//! at least once, every resend the same event under the same id.
//!
//! A second decider of the site takes the session over, and this one stands down: at once when the broker says so and
//! the client library can read it, after the third time in a row when not (`outage`).

use std::ops::ControlFlow;
use std::pin::pin;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::warn;

use super::Outbox;
use super::client::{self, Connected, Event, EventLoop, Failure, IN_FLIGHT_LIMIT, Why};
use super::connection::{Options, row_message};
use super::desk::{Desk, Leave};
use super::state::{Health, State};
use super::status::{Standing, Status};
use crate::clock::Clock;

/// Room in the channel to the client library: a window of rows, two states, and health.
const CHANNEL: usize = 32;

/// What the rest of Emma asks of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Say offline, disconnect and end. Dropping the sender asks the same.
    Stop,
}

/// What the session is built from.
pub struct Wiring<O> {
    /// Where to connect and as whom.
    pub options: Options,
    /// The committed rows.
    pub outbox: O,
    /// The machine's clocks.
    pub clock: Clock,
    /// What is asked of it.
    pub commands: mpsc::Receiver<Command>,
    /// What the retained state says; said again whenever it changes.
    pub state: watch::Receiver<State>,
    /// What health says; said every minute.
    pub health: watch::Receiver<Health>,
}

/// The running session.
pub struct Session {
    /// What it says about itself.
    pub status: watch::Receiver<Status>,
    /// Ends when it is stopped or taken over. Aborting it is a crash as far as the broker can tell: the last will says
    /// offline.
    pub task: JoinHandle<()>,
}

impl Session {
    /// Starts the task; it connects by itself, now and after every outage. Must be called within a tokio runtime.
    pub fn start<O: Outbox>(wiring: Wiring<O>) -> Self {
        let (client, eventloop) = client::open(&wiring.options.to_speak(), CHANNEL);
        let (desk, status) = Desk::new(wiring, client);
        Self { status, task: tokio::spawn(run(eventloop, desk)) }
    }
}

/// How a connection, or the attempt at one, ended.
enum End {
    Stopped,
    TakenOver,
    Renewed,
    Lost(String),
}

async fn run<O: Outbox>(mut eventloop: EventLoop, mut desk: Desk<O>) {
    loop {
        eventloop.set_last_will(desk.last_will());
        eventloop.identify(&desk.identity().await);
        match connection(&mut eventloop, &mut desk).await {
            End::Stopped => return desk.stands(Standing::Stopped),
            End::TakenOver => {
                warn!("another Emma of this name has taken the session over; this one says nothing more");
                return desk.stands(Standing::TakenOver);
            }
            // Files that change are no outage; they change seldom, so there is no pause either.
            End::Renewed => continue,
            End::Lost(reason) => desk.lost(&reason),
        }
        if desk.pause().await.is_break() {
            return desk.stands(Standing::Stopped);
        }
    }
}

/// Connects, and serves the connection until it ends.
async fn connection<O: Outbox>(eventloop: &mut EventLoop, desk: &mut Desk<O>) -> End {
    loop {
        let event = match next_event(eventloop, desk).await {
            ControlFlow::Continue(event) => event,
            ControlFlow::Break(Leave::Stopped) => return End::Stopped,
            ControlFlow::Break(Leave::Renewed) => return renewed(eventloop, desk).await,
        };
        let failure = match event {
            Ok(Event::Connected(broker)) => {
                connected(broker, eventloop, desk).await;
                None
            }
            Ok(event) => {
                note(event, desk).await;
                None
            }
            Err(failure) => Some(failure),
        };
        // What came in one read is noted as a whole, also what came before an error.
        while let Some(event) = eventloop.next_noted() {
            note(event, desk).await;
        }
        if let Some(failure) = failure {
            return disconnected(failure, eventloop, desk);
        }
        if desk.is_done() {
            return End::Stopped;
        }
        desk.hand_over().await;
    }
}

/// The library's next event; meanwhile the desk does what comes up. The library's future is kept until it is done:
/// dropping it half-way could lose a packet that it counts as written.
async fn next_event<O: Outbox>(
    eventloop: &mut EventLoop,
    desk: &mut Desk<O>,
) -> ControlFlow<Leave, Result<Event, Failure>> {
    let mut poll = pin!(eventloop.poll());
    loop {
        tokio::select! {
            event = &mut poll => return ControlFlow::Continue(event),
            errand = desk.next_errand() => if let ControlFlow::Break(leave) = desk.run(errand).await {
                return ControlFlow::Break(leave);
            },
        }
    }
}

async fn note<O: Outbox>(event: Event, desk: &mut Desk<O>) {
    match event {
        Event::Written(packet_id) => desk.written(packet_id),
        Event::SaidGoodbye => desk.done(),
        Event::Acknowledged(packet_id, puback) => desk.acknowledged(packet_id, puback).await,
        Event::Connected(_) | Event::Subscribed(_) | Event::Came(_) | Event::Other => {}
    }
}

/// A broker accepted the session. What is outstanding goes out again: under its packet ids if the broker still knows
/// them, else as new messages, the library's account started afresh. That account is not usable either when the broker
/// changed its limit, since the library then hands out ids beyond it.
async fn connected<O: Outbox>(broker: Connected, eventloop: &mut EventLoop, desk: &mut Desk<O>) {
    let receive_max = broker.receive_max.unwrap_or(u16::MAX);
    let same_limit = desk.set_limits(receive_max.min(IN_FLIGHT_LIMIT), broker.max_packet_len);
    desk.expire().await;
    desk.drop_unwanted().await;
    if broker.session_present && same_limit {
        let now_us = desk.now_us();
        let again = desk.session_resumed().into_iter();
        eventloop.say_again(again.map(|(id, row)| (id, row_message(row, now_us))).collect());
    } else {
        eventloop.start_afresh();
        desk.session_lost();
    }
    desk.connected();
}

/// The connection is gone. The library's own list of what to resend is dropped, and a stashed collision with it: the
/// tracker's account decides alone, so nothing is sent by both.
fn disconnected<O: Outbox>(failure: Failure, eventloop: &mut EventLoop, desk: &mut Desk<O>) -> End {
    eventloop.forget();
    let suspected = desk.disconnected(failure.why == Why::Closed);
    if suspected || failure.why == Why::TakenOver {
        End::TakenOver
    } else if desk.is_stopping() {
        End::Stopped
    } else {
        End::Lost(failure.reason)
    }
}

/// Gives up a connection that stands, to come again as whom the files say now. There is no DISCONNECT: if the broker does
/// not take the new certificate, its last will has to say that Emma is offline.
async fn renewed<O: Outbox>(eventloop: &mut EventLoop, desk: &mut Desk<O>) -> End {
    while let Some(event) = eventloop.next_noted() {
        note(event, desk).await;
    }
    eventloop.forget();
    desk.disconnected(false);
    End::Renewed
}
