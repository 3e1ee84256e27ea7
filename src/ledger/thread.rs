//! The ledger's own thread: it takes orders from a bounded queue, commits them in groups, and answers after the commit.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

pub use super::client::{Answers, Handle, Ledger};
use super::fault::Trouble;
use super::gauges::Ended;
pub use super::gauges::Gauges;
use super::order::{Again, Done, Order, Saved, Told};
use super::pruning::Pruned;
use super::redating::BroughtBack;
use super::retention::Kept;
use super::said::Noted;
use super::{LedgerError, Store};
use crate::clock::Clock;
use crate::gateway::consent::CustomerId;
use crate::gateway::effect::Answer;
use crate::gateway::stance::Stance;

/// An offer waits at most so long for others to share its sync with: an SD card makes 200 to 500 syncs a second and
/// wears with each (dependencies, Store).
const GROUP: Duration = Duration::from_millis(20);

/// What customers say back shares a sync over a longer while than offers: a broker gives twenty messages at once before it
/// waits for the first to be acknowledged, so that this takes in 200 a second with ten syncs.
const FEEDBACK_GROUP: Duration = Duration::from_millis(100);

/// What nobody waits for (visits, acknowledgements) shares a sync over a longer while.
pub(super) const LAZY_GROUP: Duration = Duration::from_secs(1);

/// Expired rows are looked for this often.
const SWEEP: Duration = Duration::from_secs(1);

/// Offers that have ended are looked for this often: a coupon ends at a full hour, and nobody waits for it.
const ENDINGS: Duration = Duration::from_mins(1);

/// What is tried again after the disk could be written, at the most: as much as the outbox and its feedback are. The latest
/// are lost.
const MOST_AGAIN: usize = 20_000;

/// Orders that may wait for a slow disk; beyond it reservations are answered "unavailable" at once.
pub(super) const QUEUE: usize = 4_096;

/// Orders in one group at the most, so that a flood cannot make a transaction without end.
const MAX_GROUP: usize = 512;

pub(super) struct Worker {
    store: Store,
    clock: Clock,
    queue: Receiver<Order>,
    answers: mpsc::UnboundedSender<Told>,
    changed: Arc<Notify>,
    gauges: Arc<Gauges>,
    /// What the disk did not take; tried again with the next group.
    again: Vec<Again>,
    /// When the core was last told to believe the wall clock, on the monotonic clock, and what it said (microseconds).
    believed: Option<(u64, i64)>,
    /// When expired rows were last looked for, on the monotonic clock.
    swept_us: u64,
    /// When offers that have ended, and endings for which there was no room, were last looked for, on the monotonic clock.
    ended_us: u64,
    trouble: Trouble,
}

/// What a group answers once it is on disk, or is not.
#[derive(Default)]
struct Group {
    /// What is told of each order, in the order in which the ledger took them: of two that concern one customer or campaign
    /// the later holds.
    told: Vec<Told>,
    /// Whoever waits for it, with what to answer if it is on disk.
    done: Vec<Box<dyn FnOnce(Option<String>) + Send>>,
    again: Vec<Again>,
    forgot: bool,
    wrote_rows: bool,
    /// The session was sent away empty-handed and has to be told to come again.
    put_off: bool,
}

impl Group {
    /// Answers `value` once it is on disk, or why it is not.
    fn answer<T: Send + 'static>(&mut self, done: Done<T>, value: T) {
        // Whoever asked may have gone; what was done stays done.
        self.done.push(Box::new(move |failed| drop(done.send(failed.map_or(Ok(value), Err)))));
    }

    fn tell_brought_back(&mut self, back: BroughtBack) {
        self.tell_stances(back.stances);
        self.told.extend(back.halts.map(Told::Halts));
    }

    fn tell_stances(&mut self, changed: impl IntoIterator<Item = (CustomerId, Stance)>) {
        self.told.extend(changed.into_iter().map(|(customer, stance)| Told::Stance(customer, Box::new(stance))));
    }
}

impl Worker {
    pub(super) fn new(
        store: Store,
        clock: Clock,
        queue: Receiver<Order>,
        answers: mpsc::UnboundedSender<Told>,
        changed: Arc<Notify>,
        gauges: Arc<Gauges>,
    ) -> Self {
        Self {
            store,
            clock,
            queue,
            answers,
            changed,
            gauges,
            again: Vec::new(),
            believed: None,
            swept_us: 0,
            ended_us: 0,
            trouble: Trouble::default(),
        }
    }

    pub(super) fn run(mut self) {
        self.gauge();
        // However this ends, a panic included, the others learn that nobody answers any more.
        let _ended = Ended(Arc::clone(&self.gauges));
        loop {
            self.gauges.turned_us.store(self.clock.monotonic_us(), Ordering::Relaxed);
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
        let outcome = outcome.and_then(|()| self.sweep_when_due(&mut group)).and_then(|()| self.store.commit());
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
                group.told.push(Told::Reserved(wanted.delivery.id, told));
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
            Order::Again(again) => {
                group.again.push(again.clone());
                if ok { self.repeat(again, group) } else { Ok(()) }
            }
            Order::Feedback(feedback, done) => {
                let hear = || self.store.hear_feedback(&feedback, self.believed_us()?);
                let noted = if ok { hear() } else { Ok(Noted::Unknown) };
                noted.and_then(|noted| self.noted(noted, done, group))
            }
            Order::GiveWord { word, word_us, done } => {
                let give = || self.store.give_word(&word, word_us, self.at_least_us()?);
                let taken = if ok { give() } else { Ok(false) };
                group.wrote_rows = true;
                taken.and_then(|taken| {
                    group.answer(done, taken);
                    self.store.halts().map(|halts| group.told.push(Told::Halts(halts)))
                })
            }
            Order::Recall { offer, done } => {
                let recall = || self.store.recall_offer(&offer, self.believed_us()?);
                let known = if ok { recall() } else { Ok(false) };
                group.wrote_rows = true;
                known.map(|known| group.answer(done, known))
            }
            Order::Say { to, drafts, done } => {
                group.answer(done, ());
                group.wrote_rows = true;
                if ok { drafts.iter().try_for_each(|draft| self.store.say(to.as_ref(), draft)) } else { Ok(()) }
            }
            Order::Read(question) => {
                question(&self.store);
                Ok(())
            }
            Order::SaveConsent { customer, epoch, record, done } => {
                let save = || self.store.save_consent(&customer, epoch, &record).map(|()| true);
                self.saved(&customer, ok, save, done, group)
            }
            Order::SaveLeased(leased, done) => {
                self.saved(&leased.customer, ok, || self.store.save_leased(&leased), done, group)
            }
            Order::Forget { customer, wall_us, done } => {
                group.answer(done, ());
                (group.forgot, group.wrote_rows) = (true, true);
                if ok { self.store.forget(&customer, wall_us) } else { Ok(()) }
            }
            Order::Consent { customer, done } => {
                self.store.consent(&customer).map(|record| done.send(record).unwrap_or_default())
            }
            _ if !ok => Ok(()),
            Order::SaveVisit(visit) => self.store.save_visit(&visit),
            Order::DropVisit(customer) => self.store.drop_visit(&customer),
            Order::EndOffers(customer, ending) => {
                group.wrote_rows = true;
                self.believed_us().and_then(|now_us| self.store.end_offers(&customer, ending, now_us))
            }
            Order::Count(counts) => counts.iter().try_for_each(|(what, n)| self.store.count(what, *n)),
            Order::CountLongest(what, n) => self.store.count_longest(&what, n),
            Order::BeginWeek(week_us) => {
                self.store.begin_week(week_us).map(|ended_us| group.told.extend(ended_us.map(Told::WeekEnded)))
            }
            Order::IgnoreUntil(customer, until_us) => self.store.ignore_until(&customer, until_us),
            Order::Redate(wall_us) => self.store.redate(wall_us).map(|back| group.tell_brought_back(back)),
            Order::NoteWall(wall_us) => {
                self.believed = Some((self.clock.monotonic_us(), wall_us));
                self.store.note_wall(wall_us).and_then(|()| self.store.date_restore(wall_us))
            }
            Order::SaveFeed(feed) => self.store.save_feed(&feed),
            Order::NoteStop => self.store.note_stop(),
            Order::Prune { kept, over, now_us } => self.prune(&kept, &over, now_us, group),
            Order::Stop => Ok(()),
        };
        so_far.and(written)
    }

    /// Tells everyone how it ended: after the commit, and not before.
    fn finish(&mut self, group: Group, outcome: Result<(), LedgerError>) {
        if let Err(error) = &outcome {
            self.store.rollback();
            self.trouble.failed(error, self.clock.monotonic_us());
            self.again.extend(group.again);
            self.again.truncate(MOST_AGAIN);
        } else {
            self.gauges.commits.fetch_add(1, Ordering::Relaxed);
            if self.trouble.ends(self.clock.monotonic_us()) {
                self.gauges.recovered.store(true, Ordering::Relaxed);
            }
        }
        self.gauges.fails.store(self.trouble.is_on(), Ordering::Relaxed);
        let failed = outcome.err().map(|error| error.to_string());
        for told in group.told {
            let told = if failed.is_some() { unwritten(told) } else { Some(told) };
            if let Some(told) = told {
                self.answers.send(told).unwrap_or_default();
            }
        }
        // What was granted is granted; only who waits to be forgotten waits for the last byte.
        let scrub = || if group.forgot { self.store.scrub().err().map(|error| error.to_string()) } else { None };
        let failed = failed.or_else(scrub);
        for done in group.done {
            done(failed.clone());
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
        self.try_again(group)
    }

    fn try_again(&mut self, group: &mut Group) -> Result<(), LedgerError> {
        let again = std::mem::take(&mut self.again);
        group.again.clone_from(&again);
        again.into_iter().try_for_each(|again| self.repeat(again, group))
    }

    fn repeat(&self, again: Again, group: &mut Group) -> Result<(), LedgerError> {
        match again {
            Again::Settle(row, outcome) => self.store.settle(row, outcome),
            Again::Note(customer, signal) => {
                let stance = self.store.note(&customer, signal, self.believed_us()?)?;
                group.tell_stances(stance.map(|stance| (customer, stance)));
                Ok(())
            }
        }
    }

    /// Feedback was taken: the core hears of it, and where a campaign stopped over it, everybody does.
    fn noted(&self, noted: Noted, done: Done<Noted>, group: &mut Group) -> Result<(), LedgerError> {
        group.tell_stances(noted.stance());
        if let Noted::Taken { stopped: Some(campaign), .. } = &noted {
            group.wrote_rows = true;
            group.told.push(Told::Stopped(campaign.clone()));
            group.told.push(Told::Halts(self.store.halts()?));
        }
        group.answer(done, noted);
        Ok(())
    }

    /// A consent, by `save`, which says whether it was taken; where its customer is back, with what they had said no to.
    fn saved(
        &self,
        customer: &CustomerId,
        ok: bool,
        save: impl FnOnce() -> Result<bool, LedgerError>,
        done: Done<Saved>,
        group: &mut Group,
    ) -> Result<(), LedgerError> {
        let taken = |refusals: Option<Stance>| {
            Ok(if save()? { Saved::Taken(refusals.map(Box::new)) } else { Saved::Forgotten })
        };
        let saved = if ok { self.store.refusals(customer).and_then(taken) } else { Ok(Saved::Forgotten) };
        // Whoever waits is told of an error in the place of this.
        let (answer, outcome) = saved.map_or_else(|error| (Saved::Forgotten, Err(error)), |saved| (saved, Ok(())));
        group.answer(done, answer);
        outcome
    }

    /// What has had its life goes, and whoever's consent is over is forgotten, down to the last byte.
    fn prune(&self, kept: &Kept, over: &[CustomerId], now_us: i64, group: &mut Group) -> Result<(), LedgerError> {
        let Pruned { forgotten, stances } = self.store.prune(kept, over, now_us)?;
        group.tell_stances(stances);
        if !forgotten.is_empty() {
            group.forgot = true;
            group.told.push(Told::Pruned(forgotten));
        }
        let before_us = kept.deliveries_us.map(|us| now_us.saturating_sub_unsigned(us));
        group.told.extend(self.store.end_restore(before_us)?.map(Told::Unconfirmed));
        group.tell_brought_back(self.store.bring_dates_back(now_us)?);
        Ok(())
    }

    /// Expired rows go, so that a broker that is away costs no promise, and so do offers that have ended.
    fn sweep(&mut self) {
        let idle = self.gauges.outbox_rows() == 0 && self.again.is_empty() && !self.trouble.is_on();
        if idle && !self.is_time_for_endings() {
            return;
        }
        let mut group = Group::default();
        let swept = self.begin(&mut group).and_then(|()| self.sweep_when_due(&mut group));
        let outcome = swept.and_then(|()| self.store.commit());
        self.finish(group, outcome);
    }

    /// Steady orders must not keep expired rows from being looked for, so each group looks when it is time.
    fn sweep_when_due(&mut self, group: &mut Group) -> Result<(), LedgerError> {
        let (now_us, wall_us) = (self.clock.monotonic_us(), self.clock.wall_us());
        if self.is_time_for_endings() {
            self.ended_us = now_us;
            let believed_us = self.believed_us()?;
            group.tell_stances(self.store.end_said(believed_us)?);
            self.store.say_endings(believed_us)?;
        }
        if self.gauges.outbox_rows() == 0 || now_us.saturating_sub(self.swept_us) < micros(SWEEP) {
            return Ok(());
        }
        self.swept_us = now_us;
        self.store.expire(wall_us)
    }

    /// What time it is (wall, microseconds) for what is remembered for days: as the core believed it last, and what has
    /// passed since; before that, as late as it has been. A clock that is a year ahead for a minute would otherwise end
    /// every coupon, and date a silence that nothing brings back.
    fn believed_us(&self) -> Result<i64, LedgerError> {
        let Some((then_us, wall_us)) = self.believed else { return self.store.high_water_us() };
        Ok(wall_us.saturating_add_unsigned(self.clock.monotonic_us().saturating_sub(then_us)))
    }

    /// The same, and before the core believed a clock whatever it says, where that is later: by it an old word is known for
    /// one, and nothing else hangs on it.
    fn at_least_us(&self) -> Result<i64, LedgerError> {
        let believed_us = self.believed_us()?;
        Ok(self.believed.map_or_else(|| believed_us.max(self.clock.wall_us()), |_| believed_us))
    }

    fn is_time_for_endings(&self) -> bool {
        self.clock.monotonic_us().saturating_sub(self.ended_us) >= micros(ENDINGS)
    }

    fn gauge(&self) {
        // A ledger that cannot be read keeps its last figures.
        let Ok(depth) = self.store.depth() else { return };
        self.gauges.oldest_us.store(depth.oldest_us.unwrap_or(0), Ordering::Relaxed);
        self.gauges.rows.store(depth.rows, Ordering::Relaxed);
        let Ok(restored_us) = self.store.restored_us() else { return };
        self.gauges.restored_us.store(restored_us.unwrap_or(0), Ordering::Relaxed);
    }
}

/// What is told of something that could not be written down. What a customer said is heeded all the same. What the shop
/// halts the core knew before it came here, and nothing else lets it speak again.
fn unwritten(told: Told) -> Option<Told> {
    match told {
        Told::Reserved(delivery, _) => Some(Told::Reserved(delivery, Answer::Unavailable)),
        Told::Stance(..) | Told::WeekEnded(_) => Some(told),
        Told::Halts(_) | Told::Stopped(_) | Told::Pruned(_) | Told::Unconfirmed(_) => None,
    }
}

/// How long an order can wait for company.
fn patience(order: &Order) -> Duration {
    match order {
        Order::Reserve(..)
        | Order::Forget { .. }
        | Order::GiveWord { .. }
        | Order::Recall { .. }
        | Order::Say { .. } => GROUP,
        Order::Feedback(..) => FEEDBACK_GROUP,
        // A registrar's file comes one record at a time, each after the answer to the last: there is no company.
        Order::SaveConsent { .. } | Order::SaveLeased(..) | Order::Read(_) | Order::Stop => Duration::ZERO,
        _ => LAZY_GROUP,
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
