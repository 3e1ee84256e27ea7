//! Whose an inbox may be: what comes back about an offer names nobody else.

use std::collections::BTreeSet;

use siphasher::sip::SipHasher24;

use crate::gateway::consent::Consent;
use crate::gateway::consent::registry::Slot;
use crate::gateway::key::Key;

/// A keyed hash of each inbox, and whose it is: a third of what the inboxes themselves would take. It is keyed, so that
/// nobody can write inboxes that share one.
pub(super) struct Inboxes {
    hasher: SipHasher24,
    /// A set and not a map: an inbox may be two customers', and so may a hash.
    owners: BTreeSet<(u64, Slot)>,
}

impl Inboxes {
    /// Nobody has one. `key` is the installation's.
    pub(super) fn new(key: &Key) -> Self {
        Self { hasher: SipHasher24::new_with_key(&key.digest(&[b"inboxes"])), owners: BTreeSet::new() }
    }

    /// From now on those of `consent` are `slot`'s.
    pub(super) fn extend(&mut self, consent: &Consent, slot: Slot) {
        self.owners.extend(consent.inbox().map(|(_, inbox)| (self.hasher.hash(inbox.as_bytes()), slot)));
    }

    /// They are `slot`'s no longer.
    pub(super) fn remove(&mut self, consent: &Consent, slot: Slot) {
        for (_, inbox) in consent.inbox() {
            self.owners.remove(&(self.hasher.hash(inbox.as_bytes()), slot));
        }
    }

    /// Everybody whose inbox has the same hash, each once. Whether it is theirs is for whoever knows the consents to say.
    pub(super) fn perhaps(&self, inbox: &str) -> impl Iterator<Item = Slot> {
        let hash = self.hasher.hash(inbox.as_bytes());
        self.owners.range((hash, Slot(0))..=(hash, Slot(u32::MAX))).map(|(_, slot)| *slot)
    }
}
