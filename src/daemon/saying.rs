//! From what the core wants to be said to the messages that the ledger commits with it, codes of coupons included.

use std::collections::{BTreeMap, BTreeSet};

use super::Daemon;
use crate::config::offers::{Offers, Scheme};
use crate::config::{Config, Name};
use crate::coupon::{self, Code, CodeHash, Pools};
use crate::gateway::effect::{Answer, DeliveryId, Input, Reservation};
use crate::gateway::key::Key;
use crate::mqtt::event::{Draft, OfferIds, drafts};

/// The installation's key, from which ids are derived; the lists of codes, and what was taken of them for reservations that
/// are open.
pub struct Codes {
    pub(super) key: Key,
    pools: Pools,
    open: BTreeMap<DeliveryId, (Name, Vec<Code>)>,
    /// Campaigns whose list is at its end, told once.
    empty: BTreeSet<Name>,
}

/// How many codes are left to each campaign that has a list.
pub(crate) type CodesLeft = BTreeMap<Name, usize>;

impl Codes {
    /// The lists of `offers`; `used` is what the ledger remembers of them.
    pub fn new(key: &Key, used: Vec<(Name, CodeHash)>, offers: &Offers) -> Self {
        let mut pools = Pools::new(key, used);
        pools.configure(offers);
        Self { key: key.clone(), pools, open: BTreeMap::new(), empty: BTreeSet::new() }
    }

    /// Takes the lists of a changed configuration over.
    pub(super) fn configure(&mut self, offers: &Offers) {
        self.pools.configure(offers);
        let pools = &self.pools;
        self.empty.retain(|campaign| pools.left(campaign) == Some(0));
    }

    /// How many codes are left to each campaign that has a list.
    pub(crate) fn left(&self, offers: &Offers) -> CodesLeft {
        let left = |id: &Name| Some((id.clone(), self.pools.left(id)?));
        offers.campaigns.iter().filter_map(|campaign| left(&campaign.id)).collect()
    }

    /// Takes a code for each recipient of a reservation, and writes their hashes into it; nothing where there are not
    /// enough. Where codes are no list's, none is needed.
    fn take(&mut self, reservation: &mut Reservation) -> Option<BTreeMap<Name, Name>> {
        let offer = &reservation.offer;
        let is_listed = matches!(offer.campaign.coupon.as_ref().map(|coupon| &coupon.scheme), Some(Scheme::Pool(_)));
        if !is_listed || offer.recipients.is_empty() {
            return Some(BTreeMap::new());
        }
        let campaign = &offer.campaign.id;
        let Some(codes) = self.pools.take(campaign, offer.recipients.len()) else {
            if self.empty.insert(campaign.clone()) {
                tracing::warn!(%campaign, "its list of codes is at its end: it says nothing more until the file has new ones");
            }
            return None;
        };
        let recipients = offer.recipients.iter().map(|(recipient, _)| recipient.clone());
        let given = recipients.zip(codes.iter().map(|code| code.text.clone())).collect();
        reservation.codes = codes.iter().map(|code| code.hash).collect();
        self.open.insert(reservation.delivery.id.clone(), (campaign.clone(), codes));
        Some(given)
    }

    /// The ledger has answered. Codes of what it refused are given to the next; of what could not be written nobody knows
    /// whether it was, so they are kept back until a restart reads what is there.
    pub(super) fn settle(&mut self, delivery: &DeliveryId, answer: Answer) {
        let Some((campaign, codes)) = self.open.remove(delivery) else { return };
        match answer {
            Answer::Refused(_) | Answer::OutboxFull | Answer::NoCode => self.pools.give_back(&campaign, codes),
            Answer::Granted | Answer::Unavailable => {}
        }
    }
}

impl Daemon {
    /// Hands a reservation to the ledger, with its messages.
    pub(super) fn reserve(&mut self, mut reservation: Box<Reservation>) {
        let Some(codes) = self.codes.take(&mut reservation) else {
            return self.input(Input::Reserved(reservation.delivery.id, Answer::NoCode));
        };
        let drafts = messages(&reservation, &self.codes.key, &self.config, &codes);
        self.ledger.reserve(reservation, drafts);
    }
}

/// The messages of a reservation, one a recipient; `listed` has each recipient's code where codes are a list's.
pub(crate) fn messages(
    reservation: &Reservation,
    key: &Key,
    config: &Config,
    listed: &BTreeMap<Name, Name>,
) -> Vec<Draft> {
    let Config { gateway, site, .. } = config;
    let offer = &reservation.offer;
    let ids = |recipient: &str| OfferIds::derive(key, &reservation.delivery.id, recipient);
    let last_day = coupon::last_day(offer.valid_until_us, &site.time_zone);
    let code = |recipient: &str, offer_id: &str| {
        let computed = || coupon::code(offer.campaign.coupon.as_ref()?, &offer.campaign.id, offer_id, last_day);
        listed.get(recipient).cloned().or_else(computed)
    };
    let root = gateway.mqtt.as_ref().map_or("emma", |mqtt| &*mqtt.root);
    drafts(reservation, ids, code, root, &gateway.site, &gateway.gateway)
}
