//! Lists of codes, each given away once, in the list's order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::config::Name;
use crate::config::offers::{Offers, Scheme};
use crate::gateway::key::Key;

/// What is remembered of a code that was given away: of what campaign and which one, under the installation's key. It says
/// nothing of to whom.
pub type CodeHash = [u8; 16];

/// A code that was taken from a list, for one recipient of one offer.
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    /// What a till takes.
    pub text: Name,
    /// What the ledger remembers of it.
    pub hash: CodeHash,
    /// Its place in the list of that reading.
    index: usize,
    reading: u64,
}

/// `Debug` shows no code: it is worth money.
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").field("index", &self.index).finish_non_exhaustive()
    }
}

/// The lists of all campaigns, and what was given away of them. Whoever takes codes writes their hashes down in the
/// transaction that commits the offer, and gives them back if it was refused; what is written down is told at the next start.
///
/// A code is never given twice for one campaign: not after a restart, not when the list's lines are put in another order, not
/// when a list goes, comes back, or gets more lines. A campaign under a new id is another campaign.
#[derive(Debug)]
pub struct Pools {
    key: Key,
    by_campaign: BTreeMap<Name, Pool>,
    used: BTreeMap<Name, BTreeSet<CodeHash>>,
    /// Counts the lists that were read.
    readings: u64,
}

struct Pool {
    codes: Arc<[Name]>,
    /// The places of the codes that were not given away.
    free: BTreeSet<usize>,
    reading: u64,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("codes", &self.codes.len()).field("free", &self.free.len()).finish_non_exhaustive()
    }
}

impl Pools {
    /// No lists yet; `used` is what the ledger remembers: campaign and hash.
    pub fn new(key: &Key, used: impl IntoIterator<Item = (Name, CodeHash)>) -> Self {
        let mut given: BTreeMap<Name, BTreeSet<CodeHash>> = BTreeMap::new();
        for (campaign, hash) in used {
            given.entry(campaign).or_default().insert(hash);
        }
        Self { key: key.clone(), by_campaign: BTreeMap::new(), used: given, readings: 0 }
    }

    /// Takes the lists of a configuration over. A list that has not changed is not looked at again; another costs a hash a
    /// code, a second for a million.
    pub fn configure(&mut self, offers: &Offers) {
        let mut before = std::mem::take(&mut self.by_campaign);
        for campaign in &offers.campaigns {
            let Some(Scheme::Pool(codes)) = campaign.coupon.as_ref().map(|coupon| &coupon.scheme) else { continue };
            let same = before.remove(&campaign.id).filter(|pool| pool.codes == *codes);
            let pool = same.unwrap_or_else(|| self.read(&campaign.id, codes));
            self.by_campaign.insert(campaign.id.clone(), pool);
        }
    }

    fn read(&mut self, campaign: &str, codes: &Arc<[Name]>) -> Pool {
        self.readings += 1;
        let used = self.used.get(campaign).filter(|used| !used.is_empty());
        let is_free = |code: &Name| used.is_none_or(|used| !used.contains(&hash(&self.key, campaign, code)));
        let free = codes.iter().enumerate().filter(|(_, code)| is_free(code)).map(|(index, _)| index).collect();
        Pool { codes: Arc::clone(codes), free, reading: self.readings }
    }

    /// The next `n` codes of the campaign's list, in its order: one for each recipient of an offer. All or none: nothing
    /// where fewer are left, or where the campaign has no list.
    pub fn take(&mut self, campaign: &str, n: usize) -> Option<Vec<Code>> {
        let Pool { codes, free, reading } = self.by_campaign.get_mut(campaign).filter(|pool| pool.free.len() >= n)?;
        let used = self.used.entry(campaign.into()).or_default();
        let places = std::iter::from_fn(|| free.pop_first()).take(n);
        let code = |index: usize| {
            let text = codes.get(index)?.clone();
            let hash = hash(&self.key, campaign, &text);
            used.insert(hash);
            Some(Code { text, hash, index, reading: *reading })
        };
        places.map(code).collect()
    }

    /// Takes codes back that reached nobody, because the ledger refused the offer. They are the next to be given away.
    pub fn give_back(&mut self, campaign: &str, codes: Vec<Code>) {
        if let Some(used) = self.used.get_mut(campaign) {
            for code in &codes {
                used.remove(&code.hash);
            }
        }
        let Some(pool) = self.by_campaign.get_mut(campaign) else { return };
        if codes.iter().all(|code| code.reading == pool.reading) {
            pool.free.extend(codes.into_iter().map(|code| code.index));
            return;
        }
        // The list was exchanged meanwhile, and their places with it.
        let codes = Arc::clone(&pool.codes);
        let pool = self.read(campaign, &codes);
        self.by_campaign.insert(campaign.into(), pool);
    }

    /// How many codes of the campaign's list are left; nothing where it has no list.
    pub fn left(&self, campaign: &str) -> Option<usize> {
        Some(self.by_campaign.get(campaign)?.free.len())
    }
}

fn hash(key: &Key, campaign: &str, code: &str) -> CodeHash {
    key.digest(&[b"used code", campaign.as_bytes(), code.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, check};

    fn key() -> Key {
        Key::new([7; 32])
    }

    /// A shop whose campaign `jackets-tenth` gives these codes away.
    fn offers(codes: &str) -> Offers {
        let mut sources = Sources::shipped();
        sources.offers = sources.offers.replace("{ code = \"JACKET10\" }", "{ scheme = \"pool\", file = \"a.codes\" }");
        sources.beside = vec![("a.codes".to_owned(), codes.replace(' ', "\n"))];
        check(&sources).config.unwrap().offers
    }

    fn pools(codes: &str) -> Pools {
        let mut pools = Pools::new(&key(), []);
        pools.configure(&offers(codes));
        pools
    }

    fn taken(pools: &mut Pools, n: usize) -> Vec<Code> {
        pools.take("jackets-tenth", n).unwrap()
    }

    fn texts(codes: &[Code]) -> String {
        codes.iter().map(|code| &*code.text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn codes_are_given_away_in_order_and_all_or_none() {
        let mut pools = pools("A B C");
        assert_eq!(texts(&taken(&mut pools, 2)), "A B");
        assert_eq!((pools.take("jackets-tenth", 2), pools.left("jackets-tenth")), (None, Some(1)));
        assert_eq!(texts(&taken(&mut pools, 1)), "C");
        assert_eq!((pools.take("jackets-tenth", 1), pools.left("jackets-tenth")), (None, Some(0)));
        assert_eq!((pools.take("shoes-socks", 1), pools.left("shoes-socks")), (None, None), "no list");
        assert_eq!(pools.take("jackets-tenth", 0), Some(Vec::new()), "an offer to nobody needs none");
    }

    #[test]
    fn what_is_given_back_is_the_next_in_the_lists_order() {
        let mut pools = pools("A B C D");
        let (first, second) = (taken(&mut pools, 1), taken(&mut pools, 2));
        pools.give_back("jackets-tenth", second);
        pools.give_back("jackets-tenth", first);
        assert_eq!(texts(&taken(&mut pools, 4)), "A B C D");
    }

    #[test]
    fn a_restart_and_another_order_give_no_code_twice() {
        let mut before = pools("A B C D");
        let used: Vec<_> = taken(&mut before, 2).iter().map(|code| ("jackets-tenth".into(), code.hash)).collect();
        let mut after = Pools::new(&key(), used);
        after.configure(&offers("D B A C"));
        assert_eq!(texts(&taken(&mut after, 2)), "D C");
        assert_eq!(after.left("jackets-tenth"), Some(0));
    }

    #[test]
    fn a_list_that_gets_longer_goes_on_and_one_that_comes_back_remembers() {
        let mut pools = pools("A B");
        taken(&mut pools, 2);
        pools.configure(&offers("A B C"));
        assert_eq!(pools.left("jackets-tenth"), Some(1));
        pools.configure(&Offers::default());
        assert_eq!(pools.take("jackets-tenth", 1), None);
        pools.configure(&offers("A B C"));
        assert_eq!(texts(&taken(&mut pools, 1)), "C");
    }

    #[test]
    fn what_is_given_back_after_a_reload_keeps_its_place() {
        let mut pools = pools("A B C");
        let two = taken(&mut pools, 2);
        pools.configure(&offers("X B A C"));
        pools.give_back("jackets-tenth", two);
        assert_eq!(texts(&taken(&mut pools, 4)), "X B A C");
        let mut gone = self::pools("A B");
        let one = taken(&mut gone, 1);
        gone.configure(&offers("X B"));
        gone.give_back("jackets-tenth", one);
        assert_eq!(texts(&taken(&mut gone, 2)), "X B", "a code that was taken off the list is not given away");
    }

    #[test]
    fn the_same_list_read_again_changes_nothing() {
        let mut pools = pools("A B C");
        let one = taken(&mut pools, 1);
        pools.configure(&offers("A B C"));
        assert_eq!(pools.left("jackets-tenth"), Some(2));
        pools.give_back("jackets-tenth", one);
        assert_eq!(texts(&taken(&mut pools, 3)), "A B C");
    }

    #[test]
    fn no_code_is_shown() {
        let mut pools = pools("SECRET-1 SECRET-2");
        let codes = taken(&mut pools, 1);
        assert!(!format!("{codes:?} {pools:?}").contains("SECRET"));
    }

    /// Against a model that remembers by text: whatever happens in whatever order, no code is out twice.
    #[test]
    fn no_sequence_of_events_gives_a_code_twice() {
        use proptest::prelude::*;
        proptest!(|(events in prop::collection::vec((0_u8..4, 1_usize..4), 0..40))| {
            let lists = ["A B C D E F G H", "H G F E D C B A I J", "C A E", "A B C D E F G H I J K"];
            let mut pools = pools(lists[0]);
            let mut out: Vec<Vec<Code>> = Vec::new();
            for (event, n) in events {
                match event {
                    0 | 1 => out.extend(pools.take("jackets-tenth", n)),
                    2 if !out.is_empty() => {
                        let codes = out.remove(n % out.len());
                        pools.give_back("jackets-tenth", codes);
                    }
                    _ => pools.configure(&offers(lists[n])),
                }
                let held: Vec<&Name> = out.iter().flatten().map(|code| &code.text).collect();
                let distinct: BTreeSet<&Name> = held.iter().copied().collect();
                prop_assert_eq!(held.len(), distinct.len());
            }
        });
    }
}
