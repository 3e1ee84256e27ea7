//! How the rest of Emma speaks to the ledger's thread.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use tokio::sync::{Notify, mpsc, oneshot};

use super::halts::Word;
use super::leases::{Feed, Leased};
use super::order::{Again, Done, Order, Saved, Told};
use super::retention::Kept;
use super::said::{Feedback, Noted};
use super::thread::{Gauges, LAZY_GROUP, QUEUE, Worker};
use super::{LedgerError, Store};
use crate::clock::Clock;
use crate::config::Name;
use crate::gateway::consent::CustomerId;
use crate::gateway::effect::{Answer, Ending, Reservation, VisitMemory};
use crate::gateway::stance::Signal;
use crate::mqtt::event::Draft;
use crate::mqtt::{Outbox, OutboxRow, Outcome};

/// A handle on the thread; clones share it.
#[derive(Clone, Debug)]
pub struct Ledger {
    orders: SyncSender<Order>,
    answers: mpsc::UnboundedSender<Told>,
    changed: Arc<Notify>,
    gauges: Arc<Gauges>,
}

/// The thread's end, joined after [`Ledger::stop`].
pub type Handle = JoinHandle<()>;

/// What the thread tells: answers to reservations, of which there is at most one open a customer, and stances, each for an
/// order; the queue of orders bounds it.
pub type Answers = mpsc::UnboundedReceiver<Told>;

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
        let worker = Worker::new(store, clock, queue, answers.clone(), Arc::clone(&changed), Arc::clone(&gauges));
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(move || worker.run())?;
        Ok((Self { orders, answers, changed, gauges }, thread, receiver))
    }

    /// Asks for a delivery together with its messages; the answer comes on the receiver.
    pub fn reserve(&self, reservation: Box<Reservation>, drafts: Vec<Draft>) {
        let id = reservation.delivery.id.clone();
        if self.orders.try_send(Order::Reserve(reservation, drafts)).is_err() {
            // The receiver is gone only when the daemon is stopping, and then nobody waits for the answer.
            self.answers.send(Told::Reserved(id, Answer::Unavailable)).unwrap_or_default();
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

    /// Ends what is on its way to a customer.
    pub fn end_offers(&self, customer: CustomerId, ending: Ending) {
        self.lazily(Order::EndOffers(customer, ending));
    }

    /// Remembers what a customer said or did; [`Told::Stance`] follows.
    pub fn note(&self, customer: CustomerId, signal: Signal) {
        self.lazily(Order::Again(Again::Note(customer, signal)));
    }

    /// Takes what was said back about an offer; [`Told::Stance`] and [`Told::Stopped`] follow. It is asked for now, whenever
    /// the answer is waited for, so that what one says after the other is taken in that order.
    ///
    /// # Errors
    /// A sentence that says why it could not be remembered.
    pub fn feedback(&self, feedback: Feedback) -> impl Future<Output = Result<Noted, String>> + Send + use<> {
        self.ask(|done| Order::Feedback(feedback, done))
    }

    /// Takes a word on what is to be halted, given at `word_us` (wall); [`Told::Halts`] follows. Whether it was news. It is
    /// asked for now, as [`Ledger::feedback`].
    ///
    /// # Errors
    /// A sentence that says why it could not be remembered.
    pub fn give_word(&self, word: Word, word_us: i64) -> impl Future<Output = Result<bool, String>> + Send + use<> {
        self.ask(move |done| Order::GiveWord { word, word_us, done })
    }

    /// Takes back one offer, by the id of any of its copies; see [`Store::recall_offer`]. Whether there is one that holds.
    ///
    /// # Errors
    /// A sentence that says why it could not be.
    pub fn recall_offer(&self, offer: Name) -> impl Future<Output = Result<bool, String>> + Send + use<> {
        self.ask(move |done| Order::Recall { offer, done })
    }

    /// Ends when everything that was asked for before is on disk.
    ///
    /// # Errors
    /// A sentence that says why it is not.
    pub fn settled(&self) -> impl Future<Output = Result<(), String>> + Send + use<> {
        self.ask(|done| Order::Say { to: None, drafts: Vec::new(), done })
    }

    /// Puts messages into the outbox that are no deliveries, `to` a customer or nobody in particular; see [`Store::say`].
    ///
    /// # Errors
    /// A sentence that says why not.
    pub async fn say(&self, to: Option<CustomerId>, drafts: Vec<Draft>) -> Result<(), String> {
        self.ask(|done| Order::Say { to, drafts, done }).await
    }

    /// Counts so many more of each; see [`Store::count`].
    pub fn count(&self, counts: Vec<(String, i64)>) {
        self.lazily(Order::Count(counts));
    }

    /// See [`Store::count_longest`].
    pub fn count_longest(&self, what: &str, n: i64) {
        self.lazily(Order::CountLongest(what.to_owned(), n));
    }

    /// See [`Store::begin_week`].
    pub fn begin_week(&self, week_us: i64) {
        self.lazily(Order::BeginWeek(week_us));
    }

    /// Asks the store something that changes nothing.
    ///
    /// # Errors
    /// A sentence that says why there is no answer.
    pub async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Store) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, String> {
        self.ask(|done: Done<T>| {
            // Whoever asked may have gone.
            Order::Read(Box::new(move |store| drop(done.send(question(store).map_err(|error| error.to_string())))))
        })
        .await
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

    /// Lets go of what has had its life; see [`Store::prune`]. [`Told::Pruned`] follows where somebody was forgotten.
    pub fn prune(&self, kept: Kept, over: Vec<CustomerId>, now_us: i64) {
        self.lazily(Order::Prune { kept, over, now_us });
    }

    /// Remembers a consent record; on disk when this returns.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub async fn save_consent(&self, customer: CustomerId, epoch: u64, record: String) -> Result<Saved, String> {
        self.ask(|done| Order::SaveConsent { customer, epoch, record, done }).await
    }

    /// Remembers a consent that came over the network; see [`Store::save_leased`]. On disk when this returns.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub async fn save_leased(&self, leased: Leased) -> Result<Saved, String> {
        self.ask(|done| Order::SaveLeased(leased, done)).await
    }

    /// Remembers the registrar's feed, soon.
    pub fn save_feed(&self, feed: Feed) {
        self.lazily(Order::SaveFeed(feed));
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

    fn ask<T, F: FnOnce(Done<T>) -> Order>(&self, order: F) -> impl Future<Output = Result<T, String>> + use<T, F> {
        let (done, answer) = oneshot::channel();
        let sent = self.orders.try_send(order(done)).map_err(|_| "the ledger is busy; try again".to_owned());
        async move {
            sent?;
            answer.await.unwrap_or_else(|_| Err("the ledger has stopped".to_owned()))
        }
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
        self.lazily(Order::Again(Again::Settle(row, outcome)));
    }

    async fn changed(&self) {
        self.changed.notified().await;
    }
}
