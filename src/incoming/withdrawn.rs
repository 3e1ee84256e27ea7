//! Who withdrew lately: a keyed hash and an epoch each, in memory alone, so that a message that is repeated, or comes late,
//! brings nobody back. A restart forgets it, and a day does.

use std::collections::BTreeMap;

use crate::gateway::consent::CustomerId;
use crate::gateway::key::Key;

/// So long, in microseconds: a broker keeps for a day what was not taken from it.
pub const KEPT_US: u64 = 86_400_000_000;

/// So many, of 60 bytes each: 600 KB, and more than a shop has in a day. The one who withdrew the longest ago goes.
const MOST: usize = 10_000;

/// Those who withdrew.
#[derive(Debug, Default)]
pub struct Withdrawn {
    /// By the hash of the pseudonym: under which epoch, and when (monotonic, microseconds).
    each: BTreeMap<[u8; 16], (u64, u64)>,
}

impl Withdrawn {
    /// A customer withdraws at `now_us` (monotonic, microseconds), under this epoch.
    pub fn note(&mut self, key: &Key, customer: &CustomerId, epoch: u64, now_us: u64) {
        let hash = hash(key, customer);
        if self.each.len() >= MOST && !self.each.contains_key(&hash) {
            self.make_room(now_us);
        }
        let earlier = self.each.get(&hash).map_or(0, |(epoch, _)| *epoch);
        self.each.insert(hash, (epoch.max(earlier), now_us));
    }

    /// Whether a customer withdrew lately under this epoch or a later one.
    pub fn outranks(&self, key: &Key, customer: &CustomerId, epoch: u64, now_us: u64) -> bool {
        let withdrew = self.each.get(&hash(key, customer));
        withdrew.is_some_and(|(under, at_us)| epoch <= *under && now_us.saturating_sub(*at_us) < KEPT_US)
    }

    /// Under which epoch a customer withdrew lately, and until when that is known (monotonic, microseconds).
    pub fn of(&self, key: &Key, customer: &CustomerId, now_us: u64) -> Option<(u64, u64)> {
        let (epoch, at_us) = self.each.get(&hash(key, customer))?;
        let until_us = at_us.saturating_add(KEPT_US);
        (now_us < until_us).then_some((*epoch, until_us))
    }

    fn make_room(&mut self, now_us: u64) {
        self.each.retain(|_, (_, at_us)| now_us.saturating_sub(*at_us) < KEPT_US);
        if self.each.len() >= MOST
            && let Some(first) = self.each.iter().min_by_key(|(_, (_, at_us))| *at_us).map(|(hash, _)| *hash)
        {
            self.each.remove(&first);
        }
    }
}

fn hash(key: &Key, customer: &CustomerId) -> [u8; 16] {
    key.digest(&[b"withdrawn", customer.as_str().as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_withdrawal_outranks_what_came_before_it_for_a_day() {
        let (key, mut withdrawn) = (Key::new([7; 32]), Withdrawn::default());
        let [ann, bob] = ["ann", "bob"].map(|name| CustomerId::new(name).unwrap());
        withdrawn.note(&key, &ann, 5, 0);
        let outranks = |withdrawn: &Withdrawn, epoch, now_us| withdrawn.outranks(&key, &ann, epoch, now_us);
        assert!(outranks(&withdrawn, 4, 1) && outranks(&withdrawn, 5, 1) && !outranks(&withdrawn, 6, 1));
        assert!(!withdrawn.outranks(&key, &bob, 1, 1));
        assert!(outranks(&withdrawn, 5, KEPT_US - 1) && !outranks(&withdrawn, 5, KEPT_US));
        withdrawn.note(&key, &ann, 3, 2);
        assert!(outranks(&withdrawn, 5, 3), "an older withdrawal lets nobody back");
    }

    #[test]
    fn no_more_than_so_many_are_remembered() {
        let (key, mut withdrawn) = (Key::new([7; 32]), Withdrawn::default());
        let name = |n: usize| CustomerId::new(&n.to_string()).unwrap();
        (0..=MOST).for_each(|n| withdrawn.note(&key, &name(n), 1, n as u64));
        assert_eq!(withdrawn.each.len(), MOST);
        let now_us = MOST as u64;
        assert!(!withdrawn.outranks(&key, &name(0), 1, now_us) && withdrawn.outranks(&key, &name(1), 1, now_us));
    }
}
