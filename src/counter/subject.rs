//! What a person may ask of whoever keeps something of them: all of it. At a terminal and over MQTT the same is told.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Counter, tell};
use crate::config::Config;
use crate::control::{Answer, Reply};
use crate::daemon::Daemon;
use crate::export::{Export, Stored, instant};
use crate::gateway::consent::{Consent, CustomerId};
use crate::ledger::stored::{self, InMemory};
use crate::ledger::{LedgerError, retention};
use crate::words::{Language, in_language};

impl Daemon {
    /// Everything that is stored of a customer, on the disk and in memory; of nobody the same, empty. It is told in `language`,
    /// else in that of their consent, else in the shop's.
    pub(crate) fn export(
        &self,
        customer: Option<CustomerId>,
        language: Option<Language>,
    ) -> impl Future<Output = Result<Export, String>> + Send + use<> {
        let consent = customer.as_ref().and_then(|customer| self.gateway.consent_of(customer));
        let language = language.unwrap_or_else(|| language_of(consent, &self.config));
        let in_memory = customer.as_ref().map(|customer| self.in_memory(customer)).unwrap_or_default();
        let kept = retention::kept(&self.config, self.gateway.consents().map(|consent| &**consent));
        let kept = kept.of(consent.map(|consent| &**consent));
        let (ledger, config, at_us) = (self.ledger.clone(), self.config.clone(), self.raw_wall_us());
        async move {
            let mut stored = ledger.read(move |store| store.stored(customer.as_ref(), &kept, language)).await?;
            stored.extend(stored::held(&in_memory, &kept, language));
            Ok(export(&config, stored, at_us, language))
        }
    }

    fn in_memory(&self, customer: &CustomerId) -> InMemory {
        let (now, beats) = (self.now(), self.gateway.beats());
        // When it ends on the wall clock, right or not: it is the monotonic one that ends it.
        let wall_us = |us: u64| self.raw_wall_us().saturating_add_unsigned(us.saturating_sub(now.monotonic_us));
        // What came back with a backup, and was not told anew, has no end that means anything.
        let consent = self.gateway.consent_of(customer).filter(|consent| !consent.is_unconfirmed());
        InMemory {
            visit: self.gateway.held(customer, now),
            lease: consent.map(|consent| (consent.ends_us(beats), consent.told_us.is_some())),
            withdrew: self.withdrew(customer).map(|(epoch, until_us)| (epoch, wall_us(until_us))),
        }
    }

    pub(super) fn show_all(&self, customer: CustomerId, language: Option<Language>, reply: oneshot::Sender<Answer>) {
        let exported = self.export(Some(customer), language);
        tokio::spawn(async move {
            let exported = exported.await.map(|export| Reply::Exported { export: Box::new(export) });
            tell(reply, exported.unwrap_or_else(|problem| Reply::Failed { problem }));
        });
    }
}

impl Counter {
    /// Everything that is stored of a customer: without a daemon nothing is in memory.
    pub(super) fn show_all(&self, customer: &CustomerId, language: Option<Language>) -> Result<Reply, LedgerError> {
        let kept = retention::kept(&self.config, self.registry.iter().map(|(_, consent)| &**consent));
        let consent = self.registry.slot_of(customer).and_then(|slot| self.registry.get(slot));
        let kept = kept.of(consent.map(|consent| &**consent));
        let language = language.unwrap_or_else(|| language_of(consent, &self.config));
        let mut stored = self.store.stored(Some(customer), &kept, language)?;
        stored.extend(stored::held(&InMemory::default(), &kept, language));
        Ok(Reply::Exported { export: Box::new(export(&self.config, stored, self.wall_us, language)) })
    }
}

/// The customer's language, else the shop's.
fn language_of(consent: Option<&Arc<Consent>>, config: &Config) -> Language {
    let theirs = consent.and_then(|consent| consent.language.as_deref()).and_then(Language::of);
    theirs.or_else(|| config.site.language.as_deref().and_then(Language::of)).unwrap_or(Language::En)
}

fn export(config: &Config, stored: Vec<Stored>, at_us: i64, language: Language) -> Export {
    let responsible = config.promise.responsible.as_ref();
    Export {
        at: instant(at_us).as_str().unwrap_or_default().to_owned(),
        controller: responsible.map(|responsible| in_language(&responsible.controller, language).to_owned()),
        contact: responsible.map(|responsible| responsible.contact.to_string()),
        language: language.word().to_owned(),
        stored,
    }
}
