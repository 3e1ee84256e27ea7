//! From a record as it is written to a consent that the core holds: what it leaves open is written down as it stands on the
//! day it is taken, so that no later configuration says more than what was agreed to. Both forms are kept together.

use std::sync::Arc;

use jiff::Timestamp;

use super::{LedgerError, Store};
use crate::config::{Config, Name};
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
/// recipient that is promised today. A recipient promised later is not served until the customer says so; no more is a
/// category that is sensitive today.
///
/// # Errors
/// Sentences that say what to do.
pub fn prepare(
    mut record: ConsentRecord,
    config: &Config,
    known: Option<&Consent>,
    mut fresh: impl FnMut(&str) -> Name,
) -> Result<Prepared, Vec<String>> {
    if record.inbox.is_none() {
        let recipients = config.promise.responsible.iter().flat_map(|responsible| &responsible.recipients);
        let given = match known {
            Some(known) => known.inbox().map(|(id, inbox)| (id.to_string(), inbox.to_string())).collect(),
            None => recipients.map(|recipient| (recipient.id.to_string(), fresh(&recipient.id).to_string())).collect(),
        };
        record.inbox = Some(given);
    }
    record.sensitive = sensitive(&record, config, known);
    let consent = record.check().map_err(|error| error.problems().to_vec())?;
    let record = serde_json::to_string(&record).map_err(|error| vec![error.to_string()])?;
    Ok(Prepared { consent: Arc::new(consent), record })
}

/// The categories that a record without a list of categories leaves out: those it says, those that its customer left out
/// before, and those that are sensitive today.
fn sensitive(record: &ConsentRecord, config: &Config, known: Option<&Consent>) -> Option<Vec<String>> {
    if record.categories.as_ref().is_some_and(|named| !named.is_empty()) {
        return None;
    }
    let today = config.offers.categories.iter().filter(|category| category.sensitive).map(|category| &category.id);
    let before = known.into_iter().flat_map(|known| &known.sensitive);
    let mut all = record.sensitive.clone().unwrap_or_default();
    all.extend(before.chain(today).map(ToString::to_string));
    all.sort();
    all.dedup();
    (!all.is_empty()).then_some(all)
}

/// The record of a consent that has lapsed ([`Consent::lapsed`]), from the one that is kept of it.
///
/// # Errors
/// What is kept is no record.
pub fn lapsed(record: &str, consent: &Consent) -> Result<String, String> {
    let mut record: ConsentRecord = serde_json::from_str(record).map_err(|error| error.to_string())?;
    let end = Timestamp::from_microsecond(consent.valid_until_us).map_err(|error| error.to_string())?;
    record.epoch = consent.epoch;
    record.state = Some(consent.state.word().to_owned());
    record.valid_until = end.to_string();
    serde_json::to_string(&record).map_err(|error| error.to_string())
}

/// Remembers that a consent has lapsed.
///
/// # Errors
/// The ledger cannot be read or written, or what it keeps is no record.
pub fn save_lapsed(store: &Store, consent: &Consent) -> Result<(), LedgerError> {
    let record = store.consent(&consent.customer)?.unwrap_or_default();
    let record = lapsed(&record, consent).map_err(LedgerError::Damaged)?;
    store.save_consent(&consent.customer, consent.epoch, &record)
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
