//! From a record as it is written to a consent that the core holds: inboxes given, and both forms kept together.

use std::sync::Arc;

use crate::config::Name;
use crate::config::promise::Promise;
use crate::gateway::consent::Consent;
use crate::gateway::consent::record::ConsentRecord;

/// A consent, and the record that the ledger keeps of it.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// For the core.
    pub consent: Arc<Consent>,
    /// For the ledger, as JSON, its inboxes given.
    pub record: String,
}

impl Prepared {
    /// The same, told over the network at `told_us` (wall, microseconds): it is on a lease.
    #[must_use]
    pub fn told_at(mut self, told_us: i64) -> Self {
        Arc::make_mut(&mut self.consent).told_us = Some(told_us);
        self
    }
}

/// Checks a record and gives it its inboxes: those it names, else those the customer has, else a fresh one for each
/// recipient that is promised today. A recipient promised later is not served until the customer says so.
///
/// # Errors
/// Sentences that say what to do.
pub fn prepare(
    mut record: ConsentRecord,
    promise: &Promise,
    known: Option<&Consent>,
    mut fresh: impl FnMut(&str) -> Name,
) -> Result<Prepared, Vec<String>> {
    if record.inbox.is_none() {
        let recipients = promise.responsible.iter().flat_map(|responsible| &responsible.recipients);
        let given = match known {
            Some(known) => known.inbox().map(|(id, inbox)| (id.to_string(), inbox.to_string())).collect(),
            None => recipients.map(|recipient| (recipient.id.to_string(), fresh(&recipient.id).to_string())).collect(),
        };
        record.inbox = Some(given);
    }
    let consent = record.check().map_err(|error| error.problems().to_vec())?;
    let record = serde_json::to_string(&record).map_err(|error| vec![error.to_string()])?;
    Ok(Prepared { consent: Arc::new(consent), record })
}

/// An inbox that nobody can guess: 128 random bits in hex.
///
/// # Errors
/// The system has no randomness.
pub fn random_inbox() -> Result<Name, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes).into())
}
