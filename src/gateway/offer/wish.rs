//! Wishes: remind me in the shop. Declared, never inferred; gone when shown or bought.

use super::Person;
use super::gates::Now;
use crate::config::Name;
use crate::config::offers::Campaign;
use crate::gateway::consent::{Declared, Wish};
use crate::gateway::key::Key;
use crate::gateway::stance::WishId;

/// The wishes of this customer that the campaign would grant now. One with a price limit is granted by a price alone.
pub(super) fn granted(campaign: &Campaign, person: Person<'_>, now: &Now) -> Vec<WishId> {
    let Some(declared) = person.declared() else { return Vec::new() };
    let affordable = |wish: &Wish| {
        wish.max_price.as_ref().is_none_or(|limit| campaign.price.as_ref().is_some_and(|price| price.is_within(limit)))
    };
    let in_time = |wish: &Wish| wish.until.is_none_or(|until| now.customers_date() <= until);
    let wishes = declared
        .wishes
        .iter()
        .filter(|wish| Some(&wish.category) == campaign.category.as_ref() && affordable(wish) && in_time(wish));
    wishes.map(|wish| id(person.key, wish)).filter(|id| !person.stance.gone_wishes.contains(id)).collect()
}

/// The wishes in a category, which a purchase in it fulfils.
pub(in crate::gateway) fn in_category(declared: &Declared, category: &Name, key: &Key) -> Vec<WishId> {
    declared.wishes.iter().filter(|wish| wish.category == *category).map(|wish| id(key, wish)).collect()
}

/// The same wish told again has the same id; one with another price or date is another wish.
fn id(key: &Key, wish: &Wish) -> WishId {
    let price = wish.max_price.as_ref();
    let currency = price.map_or("", |price| &*price.currency);
    let hundredths = price.map_or(0, |price| price.hundredths).to_be_bytes();
    let until = wish.until.map(|until| until.to_string()).unwrap_or_default();
    let parts = [b"wish", wish.category.as_bytes(), currency.as_bytes(), &hundredths, until.as_bytes()];
    key.digest(&parts).first_chunk().copied().unwrap_or_default()
}
