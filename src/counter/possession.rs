//! Held at a gateway while somebody at the desk listens: a tag that is registered, or one whose consent is withdrawn.

use tokio::sync::oneshot;

use super::taking::Saving;
use super::{refused, tell};
use crate::config::Config;
use crate::control::{Answer, Reply};
use crate::daemon::Daemon;
use crate::gateway::advertisement::GatewayIndex;
use crate::gateway::consent::possession::{Finding, LISTEN_US, Possession};
use crate::ledger::registrar::Prepared;

/// Somebody waits at the desk.
pub(crate) struct Waiting {
    reply: oneshot::Sender<Answer>,
    /// When listening ends, on the monotonic clock.
    until_us: u64,
    /// What is saved once the tag was held; nothing where its holder withdraws.
    record: Option<Prepared>,
}

impl Waiting {
    /// When listening ends, on the monotonic clock.
    pub(crate) fn until_us(&self) -> u64 {
        self.until_us
    }
}

/// Where the tag is held: at this gateway, or at the Pi that decides.
fn gateway(config: &Config, at: Option<&str>) -> Result<GatewayIndex, Reply> {
    let id = at.unwrap_or(&config.gateway.gateway);
    config.site.gateway(id).ok_or_else(|| refused(format!("site.toml has no gateway `{id}`")))
}

impl Daemon {
    /// Listens until every tag of this record is held at a gateway, and takes the record then.
    pub(crate) fn seek_tags(&mut self, prepared: Prepared, at: Option<&str>, reply: oneshot::Sender<Answer>) {
        let tags = prepared.consent.identifiers.to_vec();
        if tags.is_empty() {
            let what = "the record names no tag that can be held here: `emma consent import` takes it";
            return tell(reply, refused(what));
        }
        self.listen(at, reply, Some(prepared), |gateway| Possession::of_tags(gateway, tags));
    }

    /// Listens for the one customer whose tag is held at a gateway, and forgets them then.
    pub(crate) fn seek_holder(&mut self, at: Option<&str>, reply: oneshot::Sender<Answer>) {
        self.listen(at, reply, None, Possession::of_somebody);
    }

    fn listen(
        &mut self,
        at: Option<&str>,
        reply: oneshot::Sender<Answer>,
        record: Option<Prepared>,
        possession: impl FnOnce(GatewayIndex) -> Possession,
    ) {
        if self.waiting.is_some() {
            return tell(reply, refused("somebody else holds a tag: try again in ten seconds"));
        }
        match gateway(&self.config, at) {
            Err(problem) => tell(reply, problem),
            Ok(gateway) => {
                let until_us = self.now().monotonic_us.saturating_add(LISTEN_US);
                self.gateway.listen_for(Some(possession(gateway)));
                self.waiting = Some(Waiting { reply, until_us, record });
                self.tell_needs();
            }
        }
    }

    /// Answers whoever waits at the desk, once it is known what they hold; a consent on its way to the disk, where it is one.
    pub(crate) fn settle_possession(&mut self) -> Option<Saving> {
        let is_over = self.waiting.as_ref()?.until_us <= self.now().monotonic_us;
        let listens = self.gateway.listened_for()?;
        if !is_over && !listens.is_settled() {
            return None;
        }
        let finding = listens.finding();
        self.gateway.listen_for(None);
        self.tell_needs();
        let Waiting { reply, record, .. } = self.waiting.take()?;
        if reply.is_closed() {
            // Nobody is registered or forgotten for somebody who has gone.
            return None;
        }
        match (finding, record) {
            (Finding::Held, Some(prepared)) => return self.save_held(prepared, reply),
            (Finding::HeldBy(customer), None) => self.forget(customer, move || tell(reply, Reply::Forgotten)),
            (finding, record) => tell(reply, refused(sentence(&finding, record.is_some()))),
        }
        None
    }

    /// What was admitted when they began to hold it is asked again: others may have come meanwhile.
    fn save_held(&mut self, prepared: Prepared, reply: oneshot::Sender<Answer>) -> Option<Saving> {
        if let Err(refusal) = self.gateway.admits(&prepared.consent, self.now()) {
            tell(reply, refused(refusal));
            return None;
        }
        self.save(prepared, reply)
    }
}

fn sentence(finding: &Finding, is_record: bool) -> &'static str {
    match finding {
        Finding::Far => {
            "not-held: the tag is heard, but further away than a hand's breadth; hold it to the Pi, and nothing in between"
        }
        Finding::Several => {
            "not-held: tags of several customers are at the Pi, and nobody is forgotten by mistake; put the others further away"
        }
        _ if is_record => {
            "not-held: a tag of the record is not heard here; is it switched on, and is it the one in the record?"
        }
        _ => "not-held: no customer's tag is held here; switch it on, and hold it to the Pi for ten seconds",
    }
}
