//! What is remembered of the devices around, in memory alone and never of more than so many.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// So many devices are known at once: phones change their address every 15 minutes, so a thousand of them fit for an hour.
pub(super) const MAX_DEVICES: usize = 4_096;

/// Something of each device, of at most so many; the one known longest is forgotten first.
#[derive(Clone)]
pub(super) struct Devices<Id, T> {
    most: usize,
    known: HashMap<Id, (u64, T)>,
    /// Who is known for how long: counted up with each newcomer.
    order: BTreeMap<u64, Id>,
    newcomers: u64,
}

impl<Id: Clone + Eq + Hash, T: Default> Devices<Id, T> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, known: HashMap::new(), order: BTreeMap::new(), newcomers: 0 }
    }

    /// What is remembered of that device; nothing yet, if it is new.
    pub(super) fn of(&mut self, id: &Id) -> &mut T {
        if !self.known.contains_key(id) {
            if self.known.len() >= self.most
                && let Some((_, oldest)) = self.order.pop_first()
            {
                self.known.remove(&oldest);
            }
            self.newcomers += 1;
            self.order.insert(self.newcomers, id.clone());
        }
        &mut self.known.entry(id.clone()).or_insert_with(|| (self.newcomers, T::default())).1
    }

    /// What is remembered of that device, if it is known.
    pub(super) fn known(&mut self, id: &Id) -> Option<&mut T> {
        self.known.get_mut(id).map(|(_, remembered)| remembered)
    }

    /// Forgets that device.
    pub(super) fn forget(&mut self, id: &Id) {
        if let Some((place, _)) = self.known.remove(id) {
            self.order.remove(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_known_longest_is_forgotten_first() {
        let mut devices = Devices::new(2);
        for id in [1, 2, 1, 3] {
            *devices.of(&id) = -50;
        }
        assert_eq!((devices.known(&2).copied(), devices.known(&3).copied()), (Some(-50), Some(-50)));
        assert_eq!(devices.known(&1), None);
        assert_eq!((devices.known.len(), devices.order.len()), (2, 2));
    }

    #[test]
    fn a_million_addresses_take_the_room_of_a_few_thousand() {
        let mut devices: Devices<u64, i8> = Devices::new(MAX_DEVICES);
        (0..1_000_000).for_each(|id| *devices.of(&id) = -50);
        assert_eq!((devices.known.len(), devices.order.len()), (MAX_DEVICES, MAX_DEVICES));
        // The table doubles once for the gaps that whoever is forgotten leaves, and then fills them.
        assert!(devices.known.capacity() <= 4 * MAX_DEVICES, "{}", devices.known.capacity());
    }

    #[test]
    fn a_forgotten_device_leaves_nothing() {
        let mut devices = Devices::new(2);
        *devices.of(&1) = -50;
        devices.forget(&1);
        devices.forget(&7);
        assert_eq!((devices.known.len(), devices.order.len()), (0, 0));
        assert_eq!(*devices.of(&1), 0);
    }
}
