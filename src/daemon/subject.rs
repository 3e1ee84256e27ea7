//! Exports and erasures that are asked for over MQTT.

use tokio::sync::oneshot;

use super::Daemon;
use crate::counter::taking::Saving;
use crate::gateway::consent::CustomerId;
use crate::incoming::Whom;
use crate::incoming::ear::Incoming;
use crate::incoming::subject::Wish;
use crate::mqtt::answer;
use crate::mqtt::received::Reply;

impl Daemon {
    pub(super) fn subject(&mut self, whom: &Whom, wish: Wish, incoming: Incoming) {
        match wish {
            Wish::Export => self.export_to(whom, incoming),
            Wish::Erase => self.erase(whom, incoming),
        }
    }

    /// Answers with all that is stored. Whoever is unknown gets an answer of the same shape.
    fn export_to(&mut self, whom: &Whom, incoming: Incoming) {
        let Some(room) = incoming.reply.as_ref().map(Reply::room) else {
            return self.conclude(incoming, Err("answer-topic"));
        };
        let exported = self.export(self.customer(whom), None);
        self.done_when(incoming, async move { exported.await.map(|export| Ok(answer::exported(export, room))) });
    }

    /// Forgets somebody, and answers when no byte of them is left; of whoever is unknown there is none.
    fn erase(&mut self, whom: &Whom, incoming: Incoming) {
        // A consent that comes to the disk now would bring them back, on it or in memory.
        if self.is_being_saved(whom) {
            return self.again(incoming);
        }
        let customer = self.customer(whom);
        let is_known = |customer: &CustomerId| self.gateway.consent_of(customer).is_some();
        if let Some(customer) = customer.clone().filter(is_known) {
            let (done, forgotten) = oneshot::channel();
            // A connection that has gone waits for nothing.
            self.forget(customer, move || done.send(()).unwrap_or_default());
            return self.done_when(incoming, async move {
                forgotten.await.map(|()| Ok(answer::forgotten())).map_err(|gone| gone.to_string())
            });
        }
        // Whoever is just being forgotten is known to nobody any more, and is on the disk still.
        if !self.forgetting.is_empty() {
            return self.again(incoming);
        }
        let Some(customer) = customer else { return self.conclude(incoming, Ok(answer::forgotten())) };
        let (done, forgotten) = oneshot::channel();
        // A connection that has gone waits for nothing.
        self.forget_former(customer, move |_| done.send(()).unwrap_or_default());
        self.done_when(incoming, async move {
            forgotten.await.map(|()| Ok(answer::forgotten())).map_err(|gone| gone.to_string())
        });
    }

    /// Whether a consent of theirs is on its way to the disk.
    fn is_being_saved(&self, whom: &Whom) -> bool {
        self.saving.as_ref().is_some_and(|Saving { consent, .. }| match whom {
            Whom::Customer(customer) => consent.customer == *customer,
            Whom::Inbox(inbox) => consent.inbox().any(|(_, theirs)| *theirs == **inbox),
        })
    }

    /// Who is meant; nobody where an inbox is nobody's.
    fn customer(&self, whom: &Whom) -> Option<CustomerId> {
        match whom {
            Whom::Customer(customer) => Some(customer.clone()),
            Whom::Inbox(inbox) => self.gateway.customer_of_inbox(inbox).cloned(),
        }
    }
}
