use proptest::prelude::*;

use super::*;
use crate::sharing::directory::tests::{customer, shared};
use crate::sharing::scanner::Scanner;
use crate::sharing::table::tests::{heard, payload};
use crate::sharing::wire::Entry;
use crate::sharing::{BEAT_US, LEASE_US};

const SECOND_US: u64 = 1_000_000;

/// A message under way.
struct Message {
    arrives_us: u64,
    to: Option<usize>,
    text: String,
}

/// What the network does to a message: how late each copy of it arrives; none is a loss.
type Fate = Vec<u64>;

/// A decider and its scanners, and a network between them that does what it is told.
struct Shop {
    hub: Hub,
    scanners: Vec<Scanner>,
    under_way: Vec<Message>,
    now_us: u64,
    /// Lives that were begun, for a name each.
    lives: u64,
    /// What the decider took: when, of which scanner, whom and how often.
    taken: Vec<(u64, usize, Sighted, u8)>,
    rejected: BTreeMap<&'static str, u64>,
}

fn name(scanner: usize) -> Name {
    format!("gw-{scanner}").into()
}

impl Shop {
    fn new(scanners: usize, customers: &[(usize, u16)]) -> Self {
        let mut hub = Hub::default();
        hub.configure((0..scanners).map(name).collect());
        hub.share(&shared(customers), Nonce(1_000), 0);
        let mut shop = Self {
            hub,
            scanners: Vec::new(),
            under_way: Vec::new(),
            now_us: 1_000 * SECOND_US,
            lives: 0,
            taken: Vec::new(),
            rejected: BTreeMap::new(),
        };
        for _ in 0..scanners {
            let scanner = Scanner::new(shop.life(), shop.now_us);
            shop.scanners.push(scanner);
        }
        shop
    }

    fn life(&mut self) -> Nonce {
        self.lives += 1;
        Nonce(self.lives)
    }

    /// One quarter of a second in which every scanner hears each of these once.
    fn beat(&mut self, minors: &[u16], mut fate: impl FnMut() -> Fate) {
        self.now_us += BEAT_US;
        for index in 0..self.scanners.len() {
            let fresh = self.life();
            for minor in minors {
                self.scanners[index].hear(&heard(&payload(*minor)), self.now_us);
            }
            let said = self.scanners[index].beat(self.now_us, fresh);
            if let Some(text) = said {
                self.send(None, Some(index), &text, &fate());
            }
        }
        for Letter { gateway, page } in self.hub.beat(self.now_us) {
            let index = (0..self.scanners.len()).find(|index| name(*index) == gateway).unwrap();
            self.send(Some(index), None, &page, &fate());
        }
        self.deliver();
    }

    fn send(&mut self, to: Option<usize>, from: Option<usize>, text: &str, fate: &Fate) {
        for late_us in fate {
            // The sender's name is the topic's last level.
            let text = from.map_or_else(|| text.to_owned(), |from| format!("{from} {text}"));
            self.under_way.push(Message { arrives_us: self.now_us + late_us, to, text });
        }
    }

    fn deliver(&mut self) {
        let now_us = self.now_us;
        let (arrived, under_way): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.under_way).into_iter().partition(|message| message.arrives_us <= now_us);
        self.under_way = under_way;
        for message in arrived {
            if let Some(index) = message.to {
                self.scanners[index].take(message.text.as_bytes(), now_us).unwrap_or_default();
                continue;
            }
            let (from, text) = message.text.split_once(' ').unwrap();
            let from: usize = from.parse().unwrap();
            match self.hub.take(&name(from), text.as_bytes(), false, now_us) {
                Ok(account) => {
                    self.taken.extend(
                        account.sightings.into_iter().map(|sighting| (now_us, from, sighting.who, sighting.count)),
                    );
                    for (why, count) in account.rejected {
                        *self.rejected.entry(why).or_default() += count;
                    }
                }
                Err(Refused::Batch(refusal)) => *self.rejected.entry(refusal.word()).or_default() += 1,
                Err(Refused::UnknownScanner) => panic!("every scanner is known"),
            }
        }
    }

    fn beats(&mut self, count: usize, minors: &[u16]) {
        (0..count).for_each(|_| self.beat(minors, || vec![0]));
    }

    fn tables(&mut self) -> Vec<usize> {
        let now_us = self.now_us;
        self.scanners.iter_mut().map(|scanner| scanner.table(now_us).len()).collect()
    }

    fn readings(&self, number: usize, since_us: u64) -> u64 {
        let who = customer(number);
        let of = self.taken.iter().filter(|(at_us, _, taken, _)| *taken == who && *at_us >= since_us);
        of.map(|(_, _, _, count)| u64::from(*count)).sum()
    }
}

#[test]
fn scanners_are_given_the_table_and_what_they_hear_is_taken_once() {
    let mut shop = Shop::new(2, &[(1, 1), (2, 2)]);
    shop.beats(2, &[]);
    assert_eq!(shop.tables(), [2, 2]);
    shop.beats(8, &[1, 7]);
    shop.beats(2, &[]);
    assert_eq!((shop.readings(1, 0), shop.readings(2, 0)), (16, 0));
    assert_eq!(shop.rejected, BTreeMap::new());
}

#[test]
fn a_change_reaches_every_scanner_with_the_next_beat() {
    let mut shop = Shop::new(3, &[(1, 1), (2, 2)]);
    shop.beats(8, &[1]);
    shop.hub.share(&shared(&[(2, 2)]), Nonce(1_001), shop.now_us);
    shop.beats(1, &[1]);
    assert_eq!(shop.tables(), [1, 1, 1]);
    let from_us = shop.now_us + 1;
    shop.beats(8, &[1]);
    assert_eq!(shop.readings(1, from_us), 0);
    assert!(shop.rejected.get("unknown-handle").is_none_or(|count| *count <= 3), "{:?}", shop.rejected);
}

#[test]
fn a_scanner_that_is_cut_off_forgets_everybody_with_its_lease() {
    let mut shop = Shop::new(1, &[(1, 1)]);
    shop.beats(8, &[1]);
    let cut_us = shop.now_us;
    shop.hub.share(&shared(&[]), Nonce(1_001), shop.now_us);
    while shop.tables() == [1] {
        shop.beat(&[1], Vec::new);
        assert!(shop.now_us <= cut_us + LEASE_US + BEAT_US, "the lease never ends");
    }
    assert!(shop.now_us > cut_us + LEASE_US / 2, "it ends too soon for a broker that is restarted");
}

#[test]
fn a_lease_ends_where_nothing_is_heard_and_nothing_said() {
    let mut shop = Shop::new(1, &[(1, 1)]);
    shop.beats(8, &[]);
    assert_eq!(shop.tables(), [1]);
    shop.now_us += LEASE_US;
    assert_eq!(shop.tables(), [0]);
}

#[test]
fn a_page_that_lagged_cannot_make_a_lease_longer() {
    let mut shop = Shop::new(1, &[(1, 1)]);
    shop.beats(8, &[]);
    let cut_us = shop.now_us;
    // What the decider says from here on arrives a minute later.
    while shop.now_us < cut_us + 3 * LEASE_US {
        shop.now_us += BEAT_US;
        let fresh = shop.life();
        if let Some(text) = shop.scanners[0].beat(shop.now_us, fresh) {
            shop.send(None, Some(0), &text, &vec![0]);
        }
        for Letter { page, .. } in shop.hub.beat(shop.now_us) {
            shop.send(Some(0), None, &page, &vec![LEASE_US]);
        }
        shop.deliver();
        assert!(shop.now_us < cut_us + LEASE_US + BEAT_US || shop.tables() == [0]);
    }
}

#[test]
fn a_scanner_that_restarts_is_taken_up_at_once() {
    let mut shop = Shop::new(1, &[(1, 1)]);
    shop.beats(20, &[1]);
    let fresh = shop.life();
    shop.scanners[0] = Scanner::new(fresh, shop.now_us);
    let from_us = shop.now_us;
    shop.beats(8, &[1]);
    assert_eq!(shop.tables(), [1]);
    assert!(shop.readings(1, from_us) >= 6, "{:?}", shop.rejected);
}

#[test]
fn a_decider_that_restarts_gives_a_table_of_its_own() {
    let mut shop = Shop::new(2, &[(1, 1)]);
    shop.beats(20, &[1]);
    shop.hub = Hub::default();
    shop.hub.configure((0..2).map(name).collect());
    shop.hub.share(&shared(&[(1, 1), (2, 2)]), Nonce(2_000), shop.now_us);
    let from_us = shop.now_us;
    shop.beats(8, &[1]);
    assert_eq!(shop.tables(), [2, 2]);
    assert!(shop.readings(1, from_us) >= 10);
}

#[test]
fn what_is_late_is_not_taken_whatever_the_clocks_say() {
    let mut shop = Shop::new(1, &[(1, 1)]);
    shop.beats(8, &[1]);
    let late_from_us = shop.now_us;
    for _ in 0..40 {
        shop.beat(&[1], || vec![4 * SECOND_US]);
    }
    assert_eq!(shop.readings(1, late_from_us + 1), 0, "{:?}", shop.rejected);
    assert!(shop.rejected["late"] > 10);
}

#[test]
fn a_way_that_was_long_from_the_start_is_noticed() {
    let mut shop = Shop::new(1, &[(1, 1)]);
    for _ in 0..200 {
        // Half of it there and half of it back: as far as one can tell, all of it there.
        shop.beat(&[1], || vec![2 * SECOND_US]);
    }
    assert_eq!(shop.readings(1, 0), 0);
    let from_us = shop.now_us + 65 * SECOND_US;
    shop.beats(300, &[1]);
    assert!(shop.readings(1, from_us) > 0, "once the way is short, it is taken again: {:?}", shop.rejected);
}

#[test]
fn whoever_is_unknown_kept_or_rubbish_is_not_believed() {
    let mut shop = Shop::new(1, &[(1, 1)]);
    let now_us = shop.now_us;
    let mut take = |gateway: &str, payload: &[u8], retained| shop.hub.take(gateway, payload, retained, now_us);
    assert_eq!(take("gw-9", b"{}", false), Err(Refused::UnknownScanner));
    assert_eq!(take("gw-0", b"{}", true), Err(Refused::Batch(Refusal::Retained)));
    for rubbish in [&b""[..], b"{}", b"[[[[", &[0xff; 9_000]] {
        assert!(matches!(take("gw-0", rubbish, false), Err(Refused::Batch(Refusal::Flaw(_)))));
    }
    let floods = (0..1_000).filter(|_| take("gw-0", b"{}", false) == Err(Refused::Batch(Refusal::TooMany))).count();
    assert!(floods > 970);
}

#[test]
fn a_handle_of_no_table_or_of_nobody_is_nobody_s() {
    let mut shop = Shop::new(1, &[(1, 1)]);
    let entry = |handle| Entry { handle, age_ms: 0, level_ddbm: -600, count: 1 };
    let batch = |seq, table| Batch {
        life: Nonce(77),
        seq,
        at_ms: 0,
        way_ms: None,
        edition: Some(Edition { table: Nonce(table), rev: 0 }),
        heard: vec![entry(1), entry(2)],
    };
    let account = shop.hub.take("gw-0", batch(1, 1_000).message().as_bytes(), false, shop.now_us).unwrap();
    assert_eq!((account.sightings.len(), account.rejected), (1, vec![("unknown-handle", 1)]));
    let account = shop.hub.take("gw-0", batch(2, 1_001).message().as_bytes(), false, shop.now_us).unwrap();
    assert_eq!((account.sightings.len(), account.rejected), (0, vec![("unknown-handle", 2)]));
}

/// A network that loses, repeats, delays and so reorders.
fn any_fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(vec![0]),
        2 => Just(Vec::new()),
        1 => (0..5 * SECOND_US).prop_map(|late_us| vec![late_us]),
        1 => (0..5 * SECOND_US, 0..9 * SECOND_US).prop_map(|(one, two)| vec![one, two]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever the network does: nothing is taken twice or late, who withdrew is heard no more, and once the network is
    /// well again, everything is.
    #[test]
    fn a_bad_network_costs_sightings_and_nothing_else(
        fates in prop::collection::vec(any_fate(), 600..900),
        withdrawn_at in 20_usize..120,
    ) {
        let mut shop = Shop::new(2, &[(1, 1), (2, 2)]);
        shop.beats(4, &[]);
        let mut fates = fates.into_iter();
        let mut withdrawn_us = None;
        let mut heard = 0_u64;
        for beat in 0..150 {
            if beat == withdrawn_at {
                shop.hub.share(&shared(&[(1, 1)]), Nonce(1_001), shop.now_us);
                withdrawn_us = Some(shop.now_us);
            }
            shop.beat(&[1, 2], || fates.next().unwrap_or_else(|| vec![0]));
            heard += 2;
            prop_assert!(shop.readings(1, 0) <= heard, "taken twice");
        }
        let withdrawn_us = withdrawn_us.unwrap_or(0);
        prop_assert_eq!(shop.readings(2, withdrawn_us + 1), 0);
        shop.beats(280, &[1]);
        prop_assert_eq!(shop.tables(), [1, 1]);
        let from_us = shop.now_us;
        shop.beats(40, &[1]);
        prop_assert!(shop.readings(1, from_us) >= 70, "{} {:?}", shop.readings(1, from_us), shop.rejected);
    }
}

#[test]
fn a_scanner_that_hears_nobody_is_not_given_the_table_again_for_each_change() {
    let mut shop = Shop::new(1, &[(1, 1)]);
    shop.beats(4, &[]);
    let mut tables = 0;
    // A change each 2.75 s, as where identifiers rotate: it falls into every quarter between two of its batches.
    for change in 0..40_u16 {
        shop.hub.share(&shared(&[(1, change + 2)]), Nonce(1_001), shop.now_us);
        for _ in 0..11 {
            shop.now_us += BEAT_US;
            let fresh = shop.life();
            if let Some(text) = shop.scanners[0].beat(shop.now_us, fresh) {
                shop.send(None, Some(0), &text, &vec![0]);
            }
            for Letter { page, .. } in shop.hub.beat(shop.now_us) {
                tables += u32::from(page.contains("\"salt\""));
                shop.send(Some(0), None, &page, &vec![0]);
            }
            shop.deliver();
        }
    }
    assert_eq!(tables, 0);
}
