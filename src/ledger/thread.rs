//! The ledger's own thread: it takes orders from a bounded queue, commits them in groups, and answers after the commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};

use super::fault::Trouble;
use super::{LedgerError, Store};
use crate::clock::Clock;
use crate::gateway::consent::CustomerId;
use crate::gateway::effect::{Answer, DeliveryId, Reservation, VisitMemory};
use crate::mqtt::event::Draft;
use crate::mqtt::{Outbox, OutboxRow, Outcome};

/// An offer waits at most so long for others to share its sync with: an SD card makes 200 to 500 syncs a second and
/// wears with each (dependencies, Store).
const GROUP: Duration = Duration::from_millis(20);

/// What nobody waits for (visits, acknowledgements) shares a sync over a longer while.
const LAZY_GROUP: Duration = Duration::from_secs(1);

/// Expired rows are looked for this often.
const SWEEP: Duration = Duration::from_secs(1);

/// Orders that may wait for a slow disk; beyond it reservations are answered "unavailable" at once.
const QUEUE: usize = 4_096;

/// Orders in one group at the most, so that a flood cannot make a transaction without end.
const MAX_GROUP: usize = 512;

/// What the thread is asked to do.
enum Order {
    Reserve(Box<Reservation>, Vec<Draft>),
    SaveVisit(VisitMemory),
    DropVisit(CustomerId),
    EndOffers(CustomerId),
    IgnoreUntil(CustomerId, i64),
    Redate(i64),
    NoteWall(i64),
    NoteStop,
    SaveConsent { customer: CustomerId, epoch: u64, record: String, done: oneshot::Sender<Result<(), String>> },
    Forget { customer: CustomerId, wall_us: i64, done: oneshot::Sender<Result<(), String>> },
    Consent { customer: CustomerId, done: oneshot::Sender<Option<String>> },
    Prune { deliveries_before_us: Option<i64>, forgotten_before_us: i64, now_us: i64 },
    Take { limit: usize, done: oneshot::Sender<Vec<OutboxRow>> },
    Wanted { rows: Vec<i64>, done: oneshot::Sender<Vec<i64>> },
    Settle(i64, Outcome),
    Stop,
}

/// What others may see of the thread without asking it.
#[derive(Debug, Default)]
pub struct Gauges {
    rows: AtomicU64,
    oldest_us: AtomicI64,
    commits: AtomicU64,
    recovered: AtomicBool,
    ended: AtomicBool,
}

impl Gauges {
    /// Messages that wait or are on their way.
    pub fn outbox_rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// When the oldest of them was committed (wall, microseconds).
    pub fn outbox_oldest_us(&self) -> Option<i64> {
        (self.outbox_rows() > 0).then(|| self.oldest_us.load(Ordering::Relaxed))
    }

    /// Transactions committed since the start.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Whether the ledger can be written again since this was last asked: what it was told meanwhile is lost.
    pub fn take_recovered(&self) -> bool {
        self.recovered.swap(false, Ordering::Relaxed)
    }

    /// Whether the thread has ended: nothing is remembered any more, so nothing may be said.
    pub fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

/// A handle on the thread; clones share it.
#[derive(Clone, Debug)]
pub struct Ledger {
    orders: SyncSender<Order>,
    answers: mpsc::UnboundedSender<(DeliveryId, Answer)>,
    changed: Arc<Notify>,
    gauges: Arc<Gauges>,
}

/// The thread's end, joined after [`Ledger::stop`].
pub type Handle = JoinHandle<()>;

/// Answers to reservations. There is at most one open reservation a customer, which bounds it.
pub type Answers = mpsc::UnboundedReceiver<(DeliveryId, Answer)>;

impl Ledger {
    /// Gives `store` a thread.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(store: Store, clock: Clock) -> std::io::Result<(Self, Handle, Answers)> {
        let (orders, queue) = sync_channel(QUEUE);
        let (answers, receiver) = mpsc::unbounded_channel();
        let changed = Arc::new(Notify::new());
        let gauges = Arc::new(Gauges::default());
        let worker = Worker {
            store,
            clock,
            queue,
            answers: answers.clone(),
            changed: Arc::clone(&changed),
            gauges: Arc::clone(&gauges),
            unsettled: Vec::new(),
            swept_us: 0,
            trouble: Trouble::default(),
        };
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(move || worker.run())?;
        Ok((Self { orders, answers, changed, gauges }, thread, receiver))
    }

    /// Asks for a delivery together with its messages; the answer comes on the receiver.
    pub fn reserve(&self, reservation: Box<Reservation>, drafts: Vec<Draft>) {
        let id = reservation.delivery.id.clone();
        if self.orders.try_send(Order::Reserve(reservation, drafts)).is_err() {
            // The receiver is gone only when the daemon is stopping, and then nobody waits for the answer.
            self.answers.send((id, Answer::Unavailable)).unwrap_or_default();
        }
    }

    /// Remembers an open visit, soon.
    pub fn save_visit(&self, visit: VisitMemory) {
        self.lazily(Order::SaveVisit(visit));
    }

    /// Forgets a visit that is over, soon.
    pub fn drop_visit(&self, customer: CustomerId) {
        self.lazily(Order::DropVisit(customer));
    }

    /// Ends what still waits for a customer.
    pub fn end_offers(&self, customer: CustomerId) {
        self.lazily(Order::EndOffers(customer));
    }

    /// Remembers that a customer is at work until `until_us` (wall).
    pub fn ignore_until(&self, customer: CustomerId, until_us: i64) {
        self.lazily(Order::IgnoreUntil(customer, until_us));
    }

    /// Gives up a high-water mark that a wrong clock set.
    pub fn redate(&self, wall_us: i64) {
        self.lazily(Order::Redate(wall_us));
    }

    /// Remembers a wall time that was believed.
    pub fn note_wall(&self, wall_us: i64) {
        self.lazily(Order::NoteWall(wall_us));
    }

    /// Lets go of what no rule can need any more; see [`Store::prune`].
    pub fn prune(&self, deliveries_before_us: Option<i64>, forgotten_before_us: i64, now_us: i64) {
        self.lazily(Order::Prune { deliveries_before_us, forgotten_before_us, now_us });
    }

    /// Remembers a consent record; on disk when this returns.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub async fn save_consent(&self, customer: CustomerId, epoch: u64, record: String) -> Result<(), String> {
        self.ask(|done| Order::SaveConsent { customer, epoch, record, done }).await
    }

    /// Forgets a customer; no byte of them is left when this returns.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub async fn forget(&self, customer: CustomerId, wall_us: i64) -> Result<(), String> {
        self.ask(|done| Order::Forget { customer, wall_us, done }).await
    }

    /// A customer's consent record as JSON, if there is one.
    pub async fn consent(&self, customer: CustomerId) -> Option<String> {
        let (done, record) = oneshot::channel();
        self.lazily(Order::Consent { customer, done });
        record.await.ok().flatten()
    }

    /// Totals.
    pub fn gauges(&self) -> &Gauges {
        &self.gauges
    }

    /// Remembers that every open visit was saved just now, and that nothing follows.
    pub fn note_stop(&self) {
        self.lazily(Order::NoteStop);
    }

    /// Commits what is queued and ends the thread.
    pub fn stop(&self) {
        // A blocking send: the thread empties the queue as long as it lives, and if it does not the send fails.
        self.orders.send(Order::Stop).unwrap_or_default();
    }

    /// Orders that may be lost when thousands wait for a stalled disk. None breaks a promise: a visit is told again by
    /// what happens next, a row expires, and a row that was settled counts as shown.
    fn lazily(&self, order: Order) {
        self.orders.try_send(order).unwrap_or_default();
    }

    async fn ask(&self, order: impl FnOnce(oneshot::Sender<Result<(), String>>) -> Order) -> Result<(), String> {
        let (done, answer) = oneshot::channel();
        self.orders.try_send(order(done)).map_err(|_| "the ledger is busy; try again".to_owned())?;
        answer.await.unwrap_or_else(|_| Err("the ledger has stopped".to_owned()))
    }
}

impl Outbox for Ledger {
    async fn take(&self, limit: usize) -> Vec<OutboxRow> {
        let (done, rows) = oneshot::channel();
        if self.orders.try_send(Order::Take { limit, done }).is_err() {
            tokio::time::sleep(LAZY_GROUP).await;
            self.changed.notify_one();
            return Vec::new();
        }
        rows.await.unwrap_or_default()
    }

    async fn wanted(&self, rows: Vec<i64>) -> Vec<i64> {
        let (done, wanted) = oneshot::channel();
        // Who cannot be asked is not answered for: nothing is said again.
        if self.orders.try_send(Order::Wanted { rows, done }).is_err() {
            return Vec::new();
        }
        wanted.await.unwrap_or_default()
    }

    async fn settle(&self, row: i64, outcome: Outcome) {
        self.lazily(Order::Settle(row, outcome));
    }

    async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// Notes the end of the thread when it is dropped.
struct Ended(Arc<Gauges>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Relaxed);
    }
}

struct Worker {
    store: Store,
    clock: Clock,
    queue: Receiver<Order>,
    answers: mpsc::UnboundedSender<(DeliveryId, Answer)>,
    changed: Arc<Notify>,
    gauges: Arc<Gauges>,
    /// Settled rows whose commit failed; tried again with the next group.
    unsettled: Vec<(i64, Outcome)>,
    /// When expired rows were last looked for, on the monotonic clock.
    swept_us: u64,
    trouble: Trouble,
}

/// What a group answers once it is on disk, or is not.
#[derive(Default)]
struct Group {
    granted: Vec<(DeliveryId, Answer)>,
    done: Vec<oneshot::Sender<Result<(), String>>>,
    settled: Vec<(i64, Outcome)>,
    forgot: bool,
    wrote_rows: bool,
    /// The session was sent away empty-handed and has to be told to come again.
    put_off: bool,
}

impl Worker {
    fn run(mut self) {
        self.gauge();
        // However this ends, a panic included, the others learn that nobody answers any more.
        let _ended = Ended(Arc::clone(&self.gauges));
        loop {
            match self.queue.recv_timeout(SWEEP) {
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(first) => {
                    if self.group(first) {
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.sweep(),
            }
        }
    }

    /// Commits one group that starts with `first`; true if a stop came with it.
    fn group(&mut self, first: Order) -> bool {
        let mut group = Group::default();
        let mut outcome = self.begin(&mut group);
        let mut deadline_us = self.clock.monotonic_us().saturating_add(micros(patience(&first)));
        let mut next = Some(first);
        let mut stop = false;
        let mut size = 0;
        while let Some(order) = next.take() {
            if matches!(order, Order::Stop) {
                stop = true;
                break;
            }
            deadline_us = deadline_us.min(self.clock.monotonic_us().saturating_add(micros(patience(&order))));
            outcome = self.perform(order, outcome, &mut group);
            size += 1;
            let left_us = deadline_us.saturating_sub(self.clock.monotonic_us());
            if size < MAX_GROUP && left_us > 0 {
                next = self.queue.recv_timeout(Duration::from_micros(left_us)).ok();
            }
        }
        let outcome = outcome.and_then(|()| self.expire_when_due()).and_then(|()| self.store.commit());
        self.finish(group, outcome);
        stop
    }

    /// One order. After a failure nothing more is written in this group, but everyone is still answered.
    fn perform(&mut self, order: Order, so_far: Result<(), LedgerError>, group: &mut Group) -> Result<(), LedgerError> {
        let ok = so_far.is_ok();
        let written = match order {
            Order::Reserve(wanted, drafts) => {
                let answer = if ok { self.store.reserve(&wanted, &drafts) } else { Ok(Answer::Unavailable) };
                group.wrote_rows |= matches!(answer, Ok(Answer::Granted));
                let told = answer.as_ref().copied().unwrap_or(Answer::Unavailable);
                group.granted.push((wanted.delivery.id, told));
                answer.map(|_| ())
            }
            Order::Take { limit, done } => {
                // Rows of this group are not on disk yet, and nothing leaves before it is: the session is told to
                // come again after the commit.
                let may = ok && !group.wrote_rows;
                let rows = if may { self.store.take(limit, self.clock.wall_us()) } else { Ok(Vec::new()) };
                group.put_off |= !may || rows.is_err();
                rows.map(|rows| done.send(rows).unwrap_or_default())
            }
            Order::Wanted { rows, done } => {
                self.store.wanted(&rows).map(|wanted| done.send(wanted).unwrap_or_default())
            }
            Order::Settle(row, outcome) => {
                group.settled.push((row, outcome));
                if ok { self.store.settle(row, outcome) } else { Ok(()) }
            }
            Order::SaveConsent { customer, epoch, record, done } => {
                group.done.push(done);
                if ok { self.store.save_consent(&customer, epoch, &record) } else { Ok(()) }
            }
            Order::Forget { customer, wall_us, done } => {
                group.done.push(done);
                group.forgot = true;
                if ok { self.store.forget(&customer, wall_us) } else { Ok(()) }
            }
            Order::Consent { customer, done } => {
                self.store.consent(&customer).map(|record| done.send(record).unwrap_or_default())
            }
            _ if !ok => Ok(()),
            Order::SaveVisit(visit) => self.store.save_visit(&visit),
            Order::DropVisit(customer) => self.store.drop_visit(&customer),
            Order::EndOffers(customer) => self.store.end_offers(&customer),
            Order::IgnoreUntil(customer, until_us) => self.store.ignore_until(&customer, until_us),
            Order::Redate(wall_us) => self.store.redate(wall_us),
            Order::NoteWall(wall_us) => self.store.note_wall(wall_us),
            Order::NoteStop => self.store.note_stop(),
            Order::Prune { deliveries_before_us, forgotten_before_us, now_us } => {
                self.store.prune(deliveries_before_us, forgotten_before_us, now_us)
            }
            Order::Stop => Ok(()),
        };
        so_far.and(written)
    }

    /// Tells everyone how it ended: after the commit, and not before.
    fn finish(&mut self, group: Group, outcome: Result<(), LedgerError>) {
        if let Err(error) = &outcome {
            self.store.rollback();
            self.trouble.failed(error, self.clock.monotonic_us());
            self.unsettled.extend(group.settled);
        } else {
            self.gauges.commits.fetch_add(1, Ordering::Relaxed);
            if self.trouble.ends(self.clock.monotonic_us()) {
                self.gauges.recovered.store(true, Ordering::Relaxed);
            }
        }
        let failed = outcome.err().map(|error| error.to_string());
        for (delivery, answer) in group.granted {
            let answer = if failed.is_some() { Answer::Unavailable } else { answer };
            self.answers.send((delivery, answer)).unwrap_or_default();
        }
        // What was granted is granted; only who waits to be forgotten waits for the last byte.
        let scrub = || if group.forgot { self.store.scrub().err().map(|error| error.to_string()) } else { None };
        let failed = failed.or_else(scrub);
        for done in group.done {
            done.send(failed.clone().map_or(Ok(()), Err)).unwrap_or_default();
        }
        if group.put_off || (group.wrote_rows && failed.is_none()) {
            self.changed.notify_one();
        }
        self.gauge();
    }

    /// Opens a transaction. Many change nothing, and such a one succeeds on a full disk too: after a failure each begins
    /// with a write, so that only a disk that takes it is one that can be written again.
    fn begin(&mut self, group: &mut Group) -> Result<(), LedgerError> {
        self.trouble.admits()?;
        self.store.begin()?;
        if self.trouble.is_on() {
            self.store.prove_writable()?;
        }
        self.retry_settled(group)
    }

    fn retry_settled(&mut self, group: &mut Group) -> Result<(), LedgerError> {
        group.settled = std::mem::take(&mut self.unsettled);
        group.settled.iter().try_for_each(|(row, outcome)| self.store.settle(*row, *outcome))
    }

    /// Expired rows go, so that a broker that is away costs no promise.
    fn sweep(&mut self) {
        if self.gauges.outbox_rows() == 0 && self.unsettled.is_empty() && !self.trouble.is_on() {
            return;
        }
        let mut group = Group::default();
        let outcome = self.begin(&mut group).and_then(|()| self.expire_when_due()).and_then(|()| self.store.commit());
        self.finish(group, outcome);
    }

    /// Steady orders must not keep expired rows from being looked for, so each group looks when it is time.
    fn expire_when_due(&mut self) -> Result<(), LedgerError> {
        let now_us = self.clock.monotonic_us();
        if self.gauges.outbox_rows() == 0 || now_us.saturating_sub(self.swept_us) < micros(SWEEP) {
            return Ok(());
        }
        self.swept_us = now_us;
        self.store.expire(self.clock.wall_us())
    }

    fn gauge(&self) {
        // A ledger that cannot be read keeps its last figures.
        let Ok(depth) = self.store.depth() else { return };
        self.gauges.oldest_us.store(depth.oldest_us.unwrap_or(0), Ordering::Relaxed);
        self.gauges.rows.store(depth.rows, Ordering::Relaxed);
    }
}

/// How long an order can wait for company.
fn patience(order: &Order) -> Duration {
    match order {
        Order::Reserve(..) | Order::Forget { .. } => GROUP,
        // A registrar's file comes one record at a time, each after the answer to the last: there is no company.
        Order::SaveConsent { .. } | Order::Stop => Duration::ZERO,
        _ => LAZY_GROUP,
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
