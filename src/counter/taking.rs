//! A record is taken or refused by one set of rules, whoever brings it: a file, the command line, or the registrar.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::{accepted, tell};
use crate::config::Config;
use crate::control::{Answer, Reply};
use crate::daemon::Daemon;
use crate::gateway::consent::record::{self, ConsentRecord, Record};
use crate::gateway::consent::registry::Refusal;
use crate::gateway::consent::{Consent, CustomerId};
use crate::gateway::effect::Input;
use crate::incoming::consent::Told;
use crate::ledger::order::Saved;
use crate::ledger::registrar::{self, Prepared};

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
    /// Its customer is to be forgotten, and is not registered.
    Unknown {
        customer: CustomerId,
        /// That of the withdrawal.
        epoch: u64,
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
    fn from(refused: Refused) -> Self {
        Self::Refused { problems: refused.problems }
    }
}

/// Judges one line of a consent file. `find` knows who is registered, and `admits` what can stand beside them.
pub(crate) fn judge(
    line: &str,
    config: &Config,
    find: &dyn Fn(&CustomerId) -> Option<Arc<Consent>>,
    admits: impl Fn(&Consent) -> Result<(), Refusal>,
) -> Verdict {
    match record::parse(line) {
        Ok(Record::Grant(record)) => grant(*record, config, find, admits).map_or_else(Verdict::Refused, Verdict::Save),
        Ok(Record::Withdraw { customer, epoch }) => match find(&customer) {
            Some(known) if epoch < known.epoch => Verdict::Refused(Refusal::StaleEpoch.into()),
            Some(_) => Verdict::Forget { customer, epoch },
            None => Verdict::Unknown { customer, epoch },
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
    let prepared = registrar::prepare(record, &config.promise, known.as_deref(), |_| {
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

/// Ends when the consent is on disk, or cannot be.
pub(crate) async fn saved(saving: &mut Option<Saving>) -> Result<Saved, String> {
    match saving {
        Some(saving) => (&mut saving.saved).await,
        None => std::future::pending().await,
    }
}

impl Daemon {
    /// The disk has answered: the consent is in force, or was refused.
    pub(crate) fn saved(&mut self, saving: Saving, outcome: Result<Saved, String>) {
        let Saving { consent, asker, .. } = saving;
        let customer = consent.customer.clone();
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
                Ok(_) => tell(reply, accepted(self.gateway.left_out(&customer))),
                Err(problem) => tell(reply, Reply::Failed { problem }),
            },
        }
    }
}
