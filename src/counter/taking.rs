//! A record is taken or refused by one set of rules, whoever brings it: a file, the command line, or the registrar.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::{accepted, refused, tell};
use crate::config::Config;
use crate::control::{Answer, Reply};
use crate::daemon::Daemon;
use crate::gateway::consent::record::{self, ConsentRecord, MAX_RECORD_LEN, Record};
use crate::gateway::consent::registry::Refusal;
use crate::gateway::consent::{Consent, CustomerId};
use crate::gateway::effect::Input;
use crate::incoming::consent::Told;
use crate::ledger::order::Saved;
use crate::ledger::registrar::{self, Prepared};
use crate::ledger::thread::Ledger;

/// What is to be done about a record.
pub(crate) enum Verdict {
    /// It stands once it is on disk.
    Save(Prepared),
    /// Its customer is to be forgotten.
    Forget {
        customer: CustomerId,
        /// That of the withdrawal.
        epoch: u64,
    },
    /// It holds no longer: this is what stands in its place once it is on disk.
    Lapse(Arc<Consent>),
    /// A consent is to end, and its customer is not registered.
    Unknown {
        customer: CustomerId,
        /// That of the word that ends it.
        epoch: u64,
        /// Its customer is to be forgotten, and not to be brought back by what was said before.
        forgets: bool,
    },
    /// It is not taken.
    Refused(Refused),
}

/// Why a record is not taken.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The word.
    pub(crate) word: &'static str,
    /// A sentence each. None holds an identifier, a key or a pseudonym.
    pub(crate) problems: Vec<String>,
}

impl Refused {
    pub(crate) fn new(word: &'static str, problem: &str) -> Self {
        Self { word, problems: vec![problem.to_owned()] }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.word(), &refusal.to_string())
    }
}

impl From<Refused> for Reply {
    /// A terminal is told the word too, before each sentence that does not begin with it.
    fn from(Refused { word, problems }: Refused) -> Self {
        let with_word =
            |problem: String| if problem.starts_with(word) { problem } else { format!("{word}: {problem}") };
        Self::Refused { problems: problems.into_iter().map(with_word).collect() }
    }
}

/// Judges one line of a consent file. `find` knows who is registered, and `admits` what can stand beside them; `now_us` is
/// when it is judged (wall, microseconds).
pub(crate) fn judge(
    line: &str,
    config: &Config,
    find: &dyn Fn(&CustomerId) -> Option<Arc<Consent>>,
    admits: impl Fn(&Consent) -> Result<(), Refusal>,
    now_us: i64,
) -> Verdict {
    if line.len() > MAX_RECORD_LEN {
        return Verdict::Refused(Refused::new(
            "too-long",
            &format!("the record is longer than {MAX_RECORD_LEN} bytes"),
        ));
    }
    match record::parse(line) {
        Ok(Record::Grant(record)) => grant(*record, config, find, admits).map_or_else(Verdict::Refused, Verdict::Save),
        Ok(Record::Withdraw { customer, epoch }) => match find(&customer) {
            Some(known) if epoch < known.epoch => Verdict::Refused(Refusal::StaleEpoch.into()),
            Some(_) => Verdict::Forget { customer, epoch },
            None => Verdict::Unknown { customer, epoch, forgets: true },
        },
        Ok(Record::Lapse { customer, epoch }) => match find(&customer) {
            Some(known) if epoch < known.epoch => Verdict::Refused(Refusal::StaleEpoch.into()),
            Some(known) => Verdict::Lapse(Arc::new(known.lapsed(epoch, now_us))),
            None => Verdict::Unknown { customer, epoch, forgets: false },
        },
        Err(error) => Verdict::Refused(Refused { word: "record", problems: error.problems().to_vec() }),
    }
}

fn grant(
    record: ConsentRecord,
    config: &Config,
    find: &dyn Fn(&CustomerId) -> Option<Arc<Consent>>,
    admits: impl Fn(&Consent) -> Result<(), Refusal>,
) -> Result<Prepared, Refused> {
    if config.promise.responsible.is_none() {
        let what = "promise.toml says nobody who is responsible: add [responsible] before taking anyone's consent";
        return Err(Refused::new("not-responsible", what));
    }
    let known = CustomerId::new(&record.customer).and_then(|customer| find(&customer));
    let mut luck = Ok(());
    let prepared = registrar::prepare(record, config, known.as_deref(), |_| {
        registrar::random_inbox().unwrap_or_else(|error| {
            luck = Err(error);
            "".into()
        })
    });
    luck.map_err(|error| Refused::new("no-randomness", &error.to_string()))?;
    let prepared = prepared.map_err(|problems| Refused { word: "record", problems })?;
    admits(&prepared.consent)?;
    Ok(prepared)
}

/// A consent on its way to the disk; it counts when it is there, and until then no other is looked at.
pub(crate) struct Saving {
    /// What came of it; a sentence where the disk cannot be written.
    pub(crate) saved: Pin<Box<dyn Future<Output = Result<Saved, String>> + Send>>,
    pub(crate) consent: Arc<Consent>,
    pub(crate) asker: Asker,
}

/// Who waits for a consent to be on disk.
pub(crate) enum Asker {
    /// Somebody at a terminal.
    Terminal(oneshot::Sender<Answer>),
    /// The registrar.
    Registrar(Box<Told>),
}

impl Saving {
    /// A consent that has lapsed, on its way to the disk.
    pub(crate) fn lapsed(consent: Arc<Consent>, ledger: Ledger, asker: Asker) -> Self {
        let lapsed = Arc::clone(&consent);
        let saved = Box::pin(async move {
            let kept = ledger.consent(lapsed.customer.clone()).await;
            let kept = kept.ok_or("the ledger does not say what it keeps of this consent")?;
            let record = registrar::lapsed(&kept, &lapsed)?;
            ledger.save_consent(lapsed.customer.clone(), lapsed.epoch, record).await
        });
        Self { saved, consent, asker }
    }
}

/// Ends when the consent is on disk, or cannot be.
pub(crate) async fn saved(saving: &mut Option<Saving>) -> Result<Saved, String> {
    match saving {
        Some(saving) => (&mut saving.saved).await,
        None => std::future::pending().await,
    }
}

impl Daemon {
    /// Sends a consent that may be taken on its way to the disk, for whoever asked at a terminal.
    pub(super) fn save(&self, prepared: Prepared, reply: oneshot::Sender<Answer>) -> Option<Saving> {
        let Prepared { consent, record } = prepared;
        if self.forgetting.contains(&consent.customer) {
            tell(reply, refused("this customer is being forgotten; try again when that is done"));
            return None;
        }
        let (customer, epoch, ledger) = (consent.customer.clone(), consent.epoch, self.ledger.clone());
        let saved = Box::pin(async move { ledger.save_consent(customer, epoch, record).await });
        Some(Saving { saved, consent, asker: Asker::Terminal(reply) })
    }

    /// The disk has answered: the consent is in force, or was refused.
    pub(crate) fn saved(&mut self, saving: Saving, outcome: Result<Saved, String>) {
        let Saving { consent, asker, .. } = saving;
        let (customer, holds) = (consent.customer.clone(), consent.state.opens());
        if let Ok(Saved::Taken(refusals)) = &outcome {
            self.input(Input::Consent(consent));
            // Before anything is heard of them again.
            if let Some(refusals) = refusals {
                self.input(Input::Stance(customer.clone(), refusals.clone()));
            }
        }
        match asker {
            Asker::Registrar(told) => self.saved_told(&customer, *told, &outcome),
            Asker::Terminal(reply) => match outcome {
                Ok(_) if !holds => tell(reply, Reply::Lapsed),
                Ok(_) => tell(reply, accepted(self.gateway.left_out(&customer))),
                Err(problem) => tell(reply, Reply::Failed { problem }),
            },
        }
    }
}
