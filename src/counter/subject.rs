//! What a person may ask of whoever keeps something of them: all of it. At a terminal and over MQTT the same is told.

use tokio::sync::oneshot;

use super::{Counter, tell};
use crate::config::Config;
use crate::control::{Answer, Reply};
use crate::daemon::Daemon;
use crate::export::{Export, Stored, instant};
use crate::gateway::consent::CustomerId;
use crate::ledger::{LedgerError, retention, stored};

impl Daemon {
    /// Everything that is stored of a customer, on the disk and in memory; of nobody the same, empty.
    pub(crate) fn export(
        &self,
        customer: Option<CustomerId>,
    ) -> impl Future<Output = Result<Export, String>> + Send + use<> {
        let now = stored::held(customer.as_ref().and_then(|customer| self.gateway.held(customer, self.now())).as_ref());
        let kept = retention::kept(&self.config, self.gateway.consents().map(|consent| &**consent));
        let (ledger, config, at_us) = (self.ledger.clone(), self.config.clone(), self.raw_wall_us());
        async move {
            let mut stored = ledger.read(move |store| store.stored(customer.as_ref(), &kept)).await?;
            stored.push(now);
            Ok(export(&config, stored, at_us))
        }
    }

    pub(super) fn show_all(&self, customer: CustomerId, reply: oneshot::Sender<Answer>) {
        let exported = self.export(Some(customer));
        tokio::spawn(async move {
            let exported = exported.await.map(|export| Reply::Exported { export: Box::new(export) });
            tell(reply, exported.unwrap_or_else(|problem| Reply::Failed { problem }));
        });
    }
}

impl Counter {
    /// Everything that is stored of a customer: without a daemon nothing is in memory.
    pub(super) fn show_all(&self, customer: &CustomerId) -> Result<Reply, LedgerError> {
        let kept = retention::kept(&self.config, self.registry.iter().map(|(_, consent)| &**consent));
        let mut stored = self.store.stored(Some(customer), &kept)?;
        stored.push(stored::held(None));
        Ok(Reply::Exported { export: Box::new(export(&self.config, stored, self.wall_us)) })
    }
}

fn export(config: &Config, stored: Vec<Stored>, at_us: i64) -> Export {
    let responsible = config.promise.responsible.as_ref();
    Export {
        at: instant(at_us).as_str().unwrap_or_default().to_owned(),
        controller: responsible.map(|responsible| responsible.controller.to_string()),
        contact: responsible.map(|responsible| responsible.contact.to_string()),
        stored,
    }
}
