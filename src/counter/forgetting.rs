//! Forgetting somebody while Emma runs: silence first, and then the rows, however long the disk takes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::daemon::Daemon;
use crate::gateway::consent::CustomerId;
use crate::gateway::effect::Input;

/// A disk that cannot be written is asked again this often: who wants to be forgotten is, as soon as it can.
const RETRY_FORGETTING: Duration = Duration::from_secs(1);

/// Whoever withdraws twice waits for the first time to be done, and looks this often: within 2 s nobody notices it.
const LOOK_AT_FORGETTING: Duration = Duration::from_millis(50);

/// Customers whose rows are being deleted, a slow disk included: a consent that came meanwhile would be deleted with
/// them.
#[derive(Clone, Default)]
pub(crate) struct Forgetting(Arc<Mutex<BTreeSet<CustomerId>>>);

impl Forgetting {
    fn set(&self) -> MutexGuard<'_, BTreeSet<CustomerId>> {
        // A set is whole whatever its holder was doing when it panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.set().is_empty()
    }

    pub(crate) fn contains(&self, customer: &CustomerId) -> bool {
        self.set().contains(customer)
    }

    /// Ends when nothing of this customer is being deleted.
    pub(crate) async fn ended(&self, customer: &CustomerId) {
        while self.contains(customer) {
            tokio::time::sleep(LOOK_AT_FORGETTING).await;
        }
    }

    fn add(&self, customer: CustomerId) {
        self.set().insert(customer);
    }

    fn remove(&self, customer: &CustomerId) {
        self.set().remove(customer);
    }
}

impl Daemon {
    /// Forgets a customer, and does `then` when the ledger has.
    pub(crate) fn forget(&mut self, customer: CustomerId, then: impl FnOnce() + Send + 'static) {
        let consent = self.gateway.consent_of(&customer);
        let (is_test, epoch) = consent.map_or((false, 0), |consent| (consent.test, consent.epoch));
        self.note_withdrawn(&customer, epoch);
        // First silence, then forgetting: nothing may be decided for someone who is being forgotten.
        self.input(Input::Withdraw(customer.clone()));
        let wall_us = self.raw_wall_us();
        let (ledger, forgetting) = (self.ledger.clone(), self.forgetting.clone());
        let (clock, asked_us) = (self.clock(), self.now().monotonic_us);
        forgetting.add(customer.clone());
        tokio::spawn(async move {
            while ledger.forget(customer.clone(), wall_us).await.is_err() {
                tokio::time::sleep(RETRY_FORGETTING).await;
            }
            forgetting.remove(&customer);
            let took_us = clock.monotonic_us().saturating_sub(asked_us);
            if !is_test {
                ledger.count_longest("withdrawal-us", took_us.try_into().unwrap_or(i64::MAX));
            }
            then();
        });
    }

    /// Forgets what is kept of somebody who is not registered, and does `then` when the ledger has: was there anything? It is
    /// looked for first, since forgetting rewrites the file, and names of nobody cost nothing.
    pub(crate) fn forget_former(&mut self, customer: CustomerId, then: impl FnOnce(bool) + Send + 'static) {
        let (ledger, forgetting, wall_us) = (self.ledger.clone(), self.forgetting.clone(), self.raw_wall_us());
        let is_under_way = forgetting.contains(&customer);
        // Now and not later: a consent that came meanwhile would be deleted with what there was before it.
        forgetting.add(customer.clone());
        tokio::spawn(async move {
            if is_under_way {
                forgetting.ended(&customer).await;
                return then(true);
            }
            let was_kept = loop {
                let named = customer.clone();
                match ledger.read(move |store| store.names(&named)).await {
                    Ok(false) => break false,
                    Ok(true) if ledger.forget(customer.clone(), wall_us).await.is_ok() => break true,
                    Ok(true) | Err(_) => tokio::time::sleep(RETRY_FORGETTING).await,
                }
            };
            forgetting.remove(&customer);
            then(was_kept);
        });
    }
}
