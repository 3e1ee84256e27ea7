//! Is the tag in their hand? Whoever registers a tag, or wants its consent withdrawn, holds it at a gateway while somebody at
//! the desk listens. Only what is sought is looked at: of any other device nothing is counted, kept or told.

use super::{CustomerId, Identifier};
use crate::gateway::advertisement::{Address, AddressKind, GatewayIndex};

/// As strong as this, in dBm, as received and as if the tag transmitted -59 dBm at 1 m: 20 cm from the antenna in the open, 6 cm
/// in a hand that takes 10 dB. It is 10 dB above what an arm's reach begins with (`docs/near.md`): what lies a metre away lacks
/// 14 dB, and what reflections add is below 6 dB.
const HELD_DBM: f64 = -45.0;

/// So many such readings: one may be a reflection, and a tag that transmits once a second makes ten in [`LISTEN_US`].
const HELD_READINGS: u8 = 5;

/// So long somebody listens, in microseconds: the command line waits 30 s for an answer.
pub const LISTEN_US: u64 = 10_000_000;

/// Tags of so many customers are told apart at once; more are too many anyway.
const MAX_CANDIDATES: usize = 8;

/// How strongly one tag is heard.
#[derive(Clone, Copy, Default)]
struct Count {
    is_heard: bool,
    strong: u8,
}

impl Count {
    fn hear(&mut self, level_dbm: f64) {
        self.is_heard = true;
        self.strong = self.strong.saturating_add(u8::from(level_dbm >= HELD_DBM));
    }

    fn is_held(self) -> bool {
        self.strong >= HELD_READINGS
    }
}

/// What is sought.
enum Sought {
    /// Exactly these.
    Tags(Vec<(Identifier, Count)>),
    /// The one customer whose tag is held.
    Owner(Vec<(CustomerId, Count)>),
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Every tag is in their hand.
    Held,
    /// One of them was not heard.
    Unheard,
    /// One of them was heard, and is further away than a hand.
    Far,
    /// The tag of this customer is.
    HeldBy(CustomerId),
    /// Those of several are.
    Several,
}

/// Somebody listens at a gateway for what is held there.
pub struct Possession {
    gateway: GatewayIndex,
    sought: Sought,
}

impl Possession {
    /// Listens for all of these.
    pub fn of_tags(gateway: GatewayIndex, tags: impl IntoIterator<Item = Identifier>) -> Self {
        let tags = tags.into_iter().map(|tag| (tag, Count::default())).collect();
        Self { gateway, sought: Sought::Tags(tags) }
    }

    /// Listens for whichever customer's tag is held.
    pub fn of_somebody(gateway: GatewayIndex) -> Self {
        Self { gateway, sought: Sought::Owner(Vec::new()) }
    }

    /// Whether an address is sought, which a radio does not tell otherwise.
    pub fn needs_addresses(&self) -> bool {
        let Sought::Tags(tags) = &self.sought else { return false };
        tags.iter().any(|(tag, _)| matches!(tag, Identifier::PublicAddress(_)))
    }

    /// Something transmits this; `level_dbm` is as received, or as from a usual tag where that is less: a tag that says it is
    /// weaker than it is does not come nearer by it.
    pub(in crate::gateway) fn hear(&mut self, gateway: GatewayIndex, identifier: Identifier, level_dbm: f64) {
        let Sought::Tags(tags) = &mut self.sought else { return };
        if gateway == self.gateway {
            let sought = tags.iter_mut().filter(|(tag, _)| *tag == identifier);
            sought.for_each(|(_, count)| count.hear(level_dbm));
        }
    }

    /// The same of a transmitter's address.
    pub(in crate::gateway) fn hear_address(&mut self, gateway: GatewayIndex, address: Address, level_dbm: f64) {
        if address.kind == AddressKind::Public {
            self.hear(gateway, Identifier::PublicAddress(address.bytes), level_dbm);
        }
    }

    /// A customer's device was heard; one that is not held leaves nothing here.
    pub(in crate::gateway) fn hear_customer(&mut self, gateway: GatewayIndex, customer: &CustomerId, level_dbm: f64) {
        let Sought::Owner(candidates) = &mut self.sought else { return };
        if gateway != self.gateway || level_dbm < HELD_DBM {
            return;
        }
        if let Some((_, count)) = candidates.iter_mut().find(|(candidate, _)| candidate == customer) {
            count.hear(level_dbm);
        } else if candidates.len() < MAX_CANDIDATES {
            let mut count = Count::default();
            count.hear(level_dbm);
            candidates.push((customer.clone(), count));
        }
    }

    /// Whether nothing that is heard later changes the finding. Whose tag is held is known when nobody else's was.
    pub fn is_settled(&self) -> bool {
        matches!(&self.sought, Sought::Tags(tags) if tags.iter().all(|(_, count)| count.is_held()))
    }

    /// What was found so far.
    pub fn finding(&self) -> Finding {
        match &self.sought {
            Sought::Tags(_) if self.is_settled() => Finding::Held,
            Sought::Tags(tags) if tags.iter().all(|(_, count)| count.is_heard) => Finding::Far,
            Sought::Tags(_) => Finding::Unheard,
            Sought::Owner(candidates) => match candidates.as_slice() {
                [(customer, count)] if count.is_held() => Finding::HeldBy(customer.clone()),
                [] | [_] => Finding::Unheard,
                // Whoever else is so near might be the one who is meant: nobody is forgotten by mistake.
                _ => Finding::Several,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: GatewayIndex = GatewayIndex(0);
    const THERE: GatewayIndex = GatewayIndex(1);
    const MINE: Identifier = Identifier::EddystoneUid([7; 10], [1; 6]);
    const TOO: Identifier = Identifier::PublicAddress([2; 6]);

    fn hears(listens: &mut Possession, tag: Identifier, level_dbm: f64, times: u8) -> Finding {
        (0..times).for_each(|_| listens.hear(HERE, tag, level_dbm));
        listens.finding()
    }

    #[test]
    fn a_tag_is_held_where_it_is_heard_strongly_and_often_at_this_gateway() {
        let mut listens = Possession::of_tags(HERE, [MINE]);
        (0..99).for_each(|_| listens.hear(THERE, MINE, -20.0));
        assert_eq!(hears(&mut listens, TOO, -20.0, 99), Finding::Unheard, "another tag, another gateway");
        assert_eq!(hears(&mut listens, MINE, -45.1, 99), Finding::Far);
        assert_eq!(hears(&mut listens, MINE, -45.0, 4), Finding::Far, "a reflection");
        assert_eq!(hears(&mut listens, MINE, -45.0, 1), Finding::Held);
    }

    #[test]
    fn each_tag_of_a_record_has_to_be_held() {
        let mut listens = Possession::of_tags(HERE, [MINE, TOO]);
        assert!(listens.needs_addresses() && !Possession::of_tags(HERE, [MINE]).needs_addresses());
        assert_eq!(hears(&mut listens, MINE, -30.0, 9), Finding::Unheard);
        let at = |kind| Address { bytes: [2; 6], kind };
        (0..9).for_each(|_| listens.hear_address(HERE, at(AddressKind::Random), -30.0));
        assert_eq!(listens.finding(), Finding::Unheard, "an address that anybody may choose");
        (0..9).for_each(|_| listens.hear_address(HERE, at(AddressKind::Public), -30.0));
        assert_eq!(listens.finding(), Finding::Held);
    }

    #[test]
    fn of_two_customers_at_the_desk_nobody_is_meant() {
        let ann = CustomerId::new("ann").unwrap();
        let mut listens = Possession::of_somebody(HERE);
        (0..99).for_each(|n| listens.hear_customer(HERE, &CustomerId::new(&format!("far-{n}")).unwrap(), -60.0));
        assert_eq!(listens.finding(), Finding::Unheard);
        (0..5).for_each(|_| listens.hear_customer(HERE, &ann, -40.0));
        assert_eq!(listens.finding(), Finding::HeldBy(ann));
        listens.hear_customer(HERE, &CustomerId::new("bob").unwrap(), -44.0);
        assert_eq!(listens.finding(), Finding::Several);
    }
}
