//! The counter at which consents are taken and withdrawn: what the command line asks, answered by the running daemon
//! or, without one, by the ledger itself. One set of rules for both.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::clock::Moment;
use crate::config::Config;
use crate::control::{Answer, Counted, Halting, Listed, Reply, Request, Restored, Status};
use crate::daemon::{Daemon, reporting};
use crate::gateway::consent::lease::Beats;
use crate::gateway::consent::record::ConsentRecord;
use crate::gateway::consent::registry::{Refusal, Registry};
use crate::gateway::consent::{Consent, CustomerId, Tier};
use crate::gateway::effect::{Effect, Input, Reason};
use crate::gateway::{Counters, Gateway};
use crate::ledger::registrar::{self, Prepared};
use crate::ledger::{LedgerError, Store};
use crate::logging::Logging;
use crate::mqtt::ended::Speaker;
use crate::mqtt::state::Presence;
use crate::mqtt::status::Standing;
use crate::report::{Report, group};
use crate::words::Language;

pub mod explaining;
mod forgetting;
pub(crate) mod halting;
pub(crate) mod possession;
pub mod preview;
mod subject;
pub(crate) mod taking;
pub(crate) mod when;

use explaining::Question;
pub(crate) use forgetting::Forgetting;
use taking::{Asker, Saving, Verdict};

/// So many test consents are told at once: more tags than a test has people. Of 16 KiB each, 1.6 MB.
const MAX_TESTERS: usize = 100;

/// What is to be done about a request, once it is understood.
enum Errand {
    Save(Prepared),
    Hold {
        record: Prepared,
        at: Option<String>,
    },
    WithdrawHeld {
        at: Option<String>,
    },
    Lapse(Arc<Consent>),
    Forget(CustomerId),
    /// Nobody is registered so; what they said no to before their consent ended may be kept.
    ForgetFormer(CustomerId),
    Show(CustomerId),
    Export(CustomerId, Option<Language>),
    Status,
    Log {
        level: Option<String>,
        secs: u64,
    },
    Report(Option<String>),
    Testers,
    Follow(CustomerId),
    Halt(Halting),
    Recall(String),
    Campaigns,
    Explain(Question),
    Preview {
        campaign: String,
        to: Option<String>,
    },
    Answer(Reply),
}

impl Daemon {
    /// Answers one request, now or when the disk has answered: the radio does not wait for it.
    pub(crate) fn answer(&mut self, request: Request, reply: oneshot::Sender<Answer>) -> Option<Saving> {
        let now = self.now();
        let gateway = &self.gateway;
        let find = |customer: &CustomerId| gateway.consent_of(customer).cloned();
        let admits = |consent: &Consent| gateway.admits(consent, now);
        let ledger = self.ledger.clone();
        let now_us = self.at_least_us();
        match errand(request, &self.config, &find, admits, now_us, || listed(gateway.consents(), gateway.beats())) {
            Errand::Save(prepared) => return self.save(prepared, reply),
            Errand::Hold { record, at } => self.seek_tags(record, at.as_deref(), reply),
            Errand::WithdrawHeld { at } => self.seek_holder(at.as_deref(), reply),
            Errand::Lapse(consent) => return Some(Saving::lapsed(consent, ledger, Asker::Terminal(reply))),
            Errand::Forget(customer) => self.forget(customer, move || tell(reply, Reply::Forgotten)),
            Errand::ForgetFormer(customer) => self.forget_former(customer, move |was_kept| {
                tell(reply, if was_kept { Reply::Forgotten } else { Reply::Unknown });
            }),
            Errand::Export(customer, language) => self.show_all(customer, language, reply),
            Errand::Show(customer) => {
                let lease = lease_end(gateway.consent_of(&customer), gateway.beats());
                tokio::spawn(async move {
                    let record = ledger.consent(customer).await;
                    tell(reply, record.map_or(Reply::Unknown, |record| Reply::Consent { record, lease }));
                });
            }
            Errand::Status => tell(reply, Reply::Status { status: Box::new(self.status()) }),
            Errand::Log { level, secs } => tell(reply, level_set(&self.voices.log, level.as_deref(), secs)),
            Errand::Report(week) => {
                self.tell_counts();
                let question = self.question(week);
                tokio::spawn(async move { tell(reply, reported(ledger.read(question).await)) });
            }
            Errand::Testers => {
                let testers = testers(gateway.consents().filter(|consent| gateway.is_in_force(consent)));
                tokio::spawn(async move {
                    let mut records = Vec::new();
                    for customer in testers {
                        records.extend(ledger.consent(customer).await);
                    }
                    tell(reply, Reply::Testers { records });
                });
            }
            Errand::Follow(customer) => tell(reply, self.follow(&customer)),
            Errand::Halt(what) => self.halt(&what, reply),
            Errand::Recall(offer) => self.recall(&offer, reply),
            Errand::Campaigns => self.list_campaigns(reply),
            Errand::Explain(question) => self.explain(question, reply),
            Errand::Preview { campaign, to } => self.preview(&campaign, to.as_deref(), reply),
            Errand::Answer(answer) => tell(reply, answer),
        }
        None
    }

    /// Lets somebody follow a tester.
    fn follow(&mut self, customer: &CustomerId) -> Answer {
        if !self.gateway.may_be_followed(customer) {
            return refused("the consent of this test tag has ended, or is for other shops: import it anew").into();
        }
        let Some(told) = self.followers.admit(customer.clone()) else {
            return refused("enough terminals follow a tester already: end one of them").into();
        };
        self.gateway.follow(self.followers.customers());
        let place = self.gateway.place_of(customer, self.now().monotonic_us);
        let zone = place.zone.map(|zone| zone.to_string());
        let reply = Reply::Following { zone, unsure: place.is_unsure, at_work: place.is_at_work };
        Answer { reply, told: Some(told) }
    }

    /// How Emma does, in the words of her own topics.
    fn status(&self) -> Status {
        let snapshot = self.gateway.snapshot();
        let presence = match self.session {
            Some(Standing::Connected) => Presence::Online,
            _ => Presence::Offline,
        };
        let incoming = self.voices.tally.health();
        self.voices.health.send_modify(|health| health.incoming = incoming);
        // What was JSON a moment ago is JSON.
        let json = |message: String| serde_json::from_str(&message).unwrap_or_default();
        Status {
            state: json(self.voices.state.borrow().message(presence)),
            health: json(self.voices.health.borrow().message(self.raw_wall_us())),
            broker: self.session.map(|standing| standing.word().to_owned()),
            customers: snapshot.customers,
            by_address: self.gateway.consents().filter(|consent| consent.needs_addresses()).count(),
            present: snapshot.present,
            table: None,
            last_error: self.voices.log.last_error(),
            counted: Some(counted(&snapshot.counters)),
            restored: self.ledger.gauges().restored_us().map(|restored_us| Restored {
                at: Some(restored_us).filter(|us| *us < i64::MAX).map(instant),
                unconfirmed: self.gateway.consents().filter(|consent| consent.is_unconfirmed()).count(),
            }),
        }
    }
}

/// What may be told of what the core has counted.
fn counted(counters: &Counters) -> Counted {
    let withheld = |reason: Reason| group(counters.withheld.get(&reason).copied().unwrap_or(0));
    Counted {
        visits: group(counters.visits_ended),
        offers: group(counters.delivered),
        // All of them, so that a reason that is named says of nobody that they were refused for it.
        withheld: Reason::ALL.into_iter().map(|reason| (reason.as_str().to_owned(), withheld(reason))).collect(),
    }
}

/// Logs at that level for so many seconds, or at the configured one again.
pub(crate) fn level_set(log: &Logging, level: Option<&str>, secs: u64) -> Reply {
    let configured = log.configured().to_owned();
    let level = level.unwrap_or(&configured);
    match log.set(level, Duration::from_secs(secs)) {
        Ok(()) if level == configured => Reply::Done { sentence: format!("The log is at {level}, as configured.") },
        Ok(()) => Reply::Done { sentence: format!("The log is at {level} for {secs} s, then at {configured} again.") },
        Err(problem) => refused(problem),
    }
}

/// Whoever asked may have gone; what was done stays done.
fn tell(reply: oneshot::Sender<Answer>, answer: impl Into<Answer>) {
    // An answer that is not taken comes back.
    drop(reply.send(answer.into()));
}

/// The ledger without a daemon.
pub struct Counter {
    config: Arc<Config>,
    store: Store,
    registry: Registry,
    wall_us: i64,
}

impl Counter {
    /// Opens the counter on a ledger whose lock the caller holds. `wall_us` is what the clock says.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn open(config: Arc<Config>, mut store: Store, wall_us: i64) -> Result<Self, LedgerError> {
        store.speak_as(Speaker::of(&config.gateway));
        let mut registry = Registry::new(store.key());
        registry.keep_for_the_shop(config.site.fixed_beacons.iter().map(|beacon| beacon.identifier));
        registry.hold(store.feed()?.map_or(Beats::NONE, |feed| feed.beats));
        for consent in remembered(&store)? {
            registry.restore(consent);
        }
        Ok(Self { config, store, registry, wall_us })
    }

    /// Answers one request; what it changes is on disk when this returns.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn answer(&mut self, request: Request) -> Result<Reply, LedgerError> {
        let registry = &self.registry;
        let find = |customer: &CustomerId| registry.slot_of(customer).and_then(|slot| registry.get(slot)).cloned();
        // Nobody knows whether the clock is right, so an ended consent still holds its identifiers here.
        let admits = |consent: &Consent| registry.admits(consent, None);
        let list = || listed(registry.iter().map(|(_, consent)| consent), registry.beats());
        match errand(request, &self.config, &find, admits, self.wall_us, list) {
            Errand::Save(Prepared { consent, record }) => {
                let customer = consent.customer.clone();
                self.store.save_consent(&customer, consent.epoch, &record)?;
                self.registry.accept(consent, None).map_err(|refusal| LedgerError::Damaged(refusal.to_string()))?;
                Ok(accepted(self.registry.left_out(&customer)))
            }
            Errand::Lapse(consent) => {
                registrar::save_lapsed(&self.store, &consent)?;
                self.registry.accept(consent, None).map_err(|refusal| LedgerError::Damaged(refusal.to_string()))?;
                Ok(Reply::Lapsed)
            }
            Errand::Forget(customer) => {
                self.registry.withdraw(&customer);
                self.store.forget_now(&customer, self.wall_us)?;
                Ok(Reply::Forgotten)
            }
            Errand::ForgetFormer(customer) if self.store.names(&customer)? => {
                self.store.forget_now(&customer, self.wall_us)?;
                Ok(Reply::Forgotten)
            }
            Errand::ForgetFormer(_) => Ok(Reply::Unknown),
            Errand::Show(customer) => {
                let lease = lease_end(find(&customer).as_ref(), registry.beats());
                Ok(self.store.consent(&customer)?.map_or(Reply::Unknown, |record| Reply::Consent { record, lease }))
            }
            Errand::Export(customer, language) => self.show_all(&customer, language),
            Errand::Status
            | Errand::Log { .. }
            | Errand::Follow(_)
            | Errand::Hold { .. }
            | Errand::WithdrawHeld { .. } => Ok(refused("no Emma runs on this folder")),
            Errand::Report(week) => {
                let oldest_us = registry.iter().map(|(_, consent)| consent.valid_from_us).min();
                let asked = reporting::of_week(&self.store, &self.config, week.as_deref(), self.wall_us, oldest_us)?;
                Ok(reported(Ok(asked)))
            }
            Errand::Testers => {
                // A lease is known here alone; whoever is told judges what the record says.
                let holds = |consent: &Consent| self.wall_us < consent.ends_us(registry.beats());
                let testers = testers(registry.iter().map(|(_, consent)| consent).filter(|consent| holds(consent)));
                let records: Result<Vec<_>, _> = testers.iter().map(|customer| self.store.consent(customer)).collect();
                Ok(Reply::Testers { records: records?.into_iter().flatten().collect() })
            }
            Errand::Halt(what) => self.halt(&what),
            Errand::Recall(offer) => self.recall(&offer),
            Errand::Campaigns => self.list_campaigns(),
            Errand::Explain(question) => self.explain(question),
            Errand::Preview { campaign, to } => self.preview(&campaign, to.as_deref()),
            Errand::Answer(reply) => Ok(reply),
        }
    }
}

/// A core that knows what the ledger remembers, and what follows from it.
///
/// # Errors
/// The ledger cannot be read, or a record in it is none.
pub fn wake(config: &Arc<Config>, store: &Store, now: Moment) -> Result<(Gateway, Vec<Effect>), LedgerError> {
    let mut gateway = Gateway::new(Arc::clone(config), store.key().clone(), store.high_water_us()?);
    let mut effects = Vec::new();
    gateway.hold(store.feed()?.map_or(Beats::NONE, |feed| feed.beats));
    for consent in remembered(store)? {
        gateway.restore(consent);
    }
    gateway.handle(Input::Halts(store.halts()?), now);
    for memory in store.memories()? {
        effects.extend(gateway.handle(Input::Resume(memory), now));
    }
    Ok((gateway, effects))
}

/// Every consent that a ledger remembers, for a core or a counter.
///
/// # Errors
/// The ledger cannot be read, or a record in it is none.
pub fn remembered(store: &Store) -> Result<Vec<Arc<Consent>>, LedgerError> {
    let damaged = |what: String| LedgerError::Damaged(format!("a consent record: {what}"));
    let read = |(line, told_us): (String, Option<i64>)| {
        let record: ConsentRecord = serde_json::from_str(&line).map_err(|error| damaged(error.to_string()))?;
        let consent = record.check().map_err(|error| damaged(error.to_string()))?;
        Ok(Arc::new(Consent { told_us, ..consent }))
    };
    store.consents()?.into_iter().map(read).collect()
}

fn errand(
    request: Request,
    config: &Config,
    find: &dyn Fn(&CustomerId) -> Option<Arc<Consent>>,
    admits: impl Fn(&Consent) -> Result<(), Refusal>,
    now_us: i64,
    list: impl Fn() -> Vec<Listed>,
) -> Errand {
    match request {
        Request::Accept { record } => match taking::judge(&record, config, find, admits, now_us) {
            Verdict::Save(prepared) => Errand::Save(prepared),
            Verdict::Lapse(consent) => Errand::Lapse(consent),
            Verdict::Forget { customer, .. } => Errand::Forget(customer),
            Verdict::Unknown { customer, forgets: true, .. } => Errand::ForgetFormer(customer),
            Verdict::Unknown { .. } => Errand::Answer(Reply::Unknown),
            Verdict::Refused(refused) => Errand::Answer(refused.into()),
        },
        Request::Hold { record, at } => match taking::judge(&record, config, find, admits, now_us) {
            Verdict::Save(record) => Errand::Hold { record, at },
            Verdict::Refused(refused) => Errand::Answer(refused.into()),
            Verdict::Forget { .. } | Verdict::Unknown { .. } | Verdict::Lapse(_) => Errand::Answer(refused(
                "this is no yes; for a withdrawal hold the tag with `emma consent withdraw --held`",
            )),
        },
        Request::WithdrawHeld { at } => Errand::WithdrawHeld { at },
        Request::Status => Errand::Status,
        Request::Log { level, secs } => Errand::Log { level, secs },
        Request::Report { week } => Errand::Report(week),
        Request::Halt { what } => Errand::Halt(what),
        Request::Recall { offer } => Errand::Recall(offer),
        Request::Campaigns => Errand::Campaigns,
        Request::Preview { campaign, to } => Errand::Preview { campaign, to },
        Request::Explain { customer, campaign, at, language } => {
            match CustomerId::new(&customer).filter(|customer| find(customer).is_some()) {
                Some(customer) => Errand::Explain(Question { customer, campaign, at, language }),
                None => Errand::Answer(Reply::Unknown),
            }
        }
        Request::List => Errand::Answer(Reply::Consents { consents: list() }),
        Request::Testers => Errand::Testers,
        Request::Follow { customer } => match CustomerId::new(&customer).and_then(|customer| find(&customer)) {
            Some(consent) if consent.test => Errand::Follow(consent.customer.clone()),
            Some(_) => Errand::Answer(refused(
                "this is a customer, not a tester: only who carries a test tag can be followed (\"test\": true)",
            )),
            None => Errand::Answer(Reply::Unknown),
        },
        Request::Show { customer } => match CustomerId::new(&customer).filter(|customer| find(customer).is_some()) {
            Some(customer) => Errand::Show(customer),
            None => Errand::Answer(Reply::Unknown),
        },
        Request::Export { customer, language } => match CustomerId::new(&customer) {
            Some(customer) => Errand::Export(customer, language.as_deref().and_then(Language::of)),
            None => Errand::Answer(refused("a pseudonym has 1 to 64 letters, digits, dots, hyphens and underscores")),
        },
        Request::Withdraw { customer } => match CustomerId::new(&customer) {
            Some(customer) if find(&customer).is_some() => Errand::Forget(customer),
            Some(customer) => Errand::ForgetFormer(customer),
            None => Errand::Answer(Reply::Unknown),
        },
    }
}

fn reported(asked: Result<Option<Report>, String>) -> Reply {
    match asked {
        Ok(Some(report)) => Reply::Report { report: Box::new(report) },
        Ok(None) => refused(
            "nothing was counted in that week: write another such as 2026-W47, `last`, or `this` for what there is so far",
        ),
        Err(problem) => Reply::Failed { problem },
    }
}

fn testers<'a>(consents: impl Iterator<Item = &'a Arc<Consent>>) -> Vec<CustomerId> {
    consents.filter(|consent| consent.test).take(MAX_TESTERS).map(|consent| consent.customer.clone()).collect()
}

fn listed<'a>(consents: impl Iterator<Item = &'a Arc<Consent>>, beats: Beats) -> Vec<Listed> {
    consents
        .map(|consent| Listed {
            customer: consent.customer.as_str().to_owned(),
            epoch: consent.epoch,
            tier: tier(consent.tier).to_owned(),
            valid_until: instant(consent.ends_us(beats)),
            leased: consent.told_us.is_some(),
        })
        .collect()
}

/// Until when a customer's lease holds, if they are on one.
fn lease_end(consent: Option<&Arc<Consent>>, beats: Beats) -> Option<String> {
    let leased = consent.filter(|consent| consent.told_us.is_some());
    leased.map(|consent| instant(consent.ends_us(beats)))
}

fn instant(wall_us: i64) -> String {
    Timestamp::from_microsecond(wall_us).map_or_else(|_| "?".to_owned(), |t| t.to_string())
}

fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::OnRequest => "on-request",
        Tier::Contextual => "contextual",
        Tier::Personal => "personal",
    }
}

fn accepted(unmatched: Vec<&'static str>) -> Reply {
    Reply::Accepted { unmatched: unmatched.into_iter().map(str::to_owned).collect() }
}

fn refused(problem: impl std::fmt::Display) -> Reply {
    Reply::Refused { problems: vec![problem.to_string()] }
}
