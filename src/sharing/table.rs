//! A scanner's table: whom it may hear, for as long as its lease runs. It lies in memory and nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use super::LEASE_US;
use super::wire::{Edition, Handle, Page, Part, Row};
use crate::gateway::advertisement::Advertisement;
use crate::gateway::consent::fingerprint::{Fingerprint, Salt};
use crate::gateway::decode::frames;
use crate::gateway::level_dbm;

/// The most fingerprints that a scanner holds: twice what a decider hands over, since within a change of several pages some
/// are there and others not gone yet. 50 bytes each, 1 MB. What brings more is taken for broken, and the table asked for
/// anew.
const MAX_PRINTS: usize = 20_000;

/// What became of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is in force.
    InForce,
    /// It is a part of a table of which others are still to come: the old one is as good as it was, and its lease as long.
    Coming,
    /// A page before it is missing: it does nothing, and the lease is not renewed.
    Gap,
    /// It brings more than a table can have: there is none now.
    TooMany,
}

/// Whom an advertisement shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found {
    /// Nobody whom this Pi may know.
    Nobody,
    /// This handle, at this level in dBm as if it transmitted -59 dBm at 1 m.
    One(Handle, f64),
    /// Two at once: nobody.
    Several,
}

/// The table and its lease; by default there is none.
#[derive(Default)]
pub struct Table {
    held: Option<Held>,
    /// A table of which not all parts are there, and how many are.
    coming: Option<(Held, u32)>,
    until_us: u64,
}

struct Held {
    edition: Edition,
    salt: Salt,
    addresses: bool,
    rows: BTreeMap<Handle, Vec<Fingerprint>>,
    /// A set and not a map: what two transmit is in it twice, and nobody is found by it.
    prints: BTreeSet<(Fingerprint, Handle)>,
}

impl Table {
    /// Takes a page that answers a batch sent at `sent_us` (monotonic).
    pub fn take(&mut self, page: &Page, sent_us: u64) -> Taken {
        let good_until_us = sent_us.saturating_add(LEASE_US);
        let taken = match page.part {
            Some(_) if self.has_overtaken(page, good_until_us) => Taken::Gap,
            Some(part) => self.take_part(page, part),
            None => self.take_change(page),
        };
        if taken == Taken::InForce {
            self.until_us = self.until_us.max(good_until_us);
        }
        taken
    }

    /// Whether a whole table is older than the one in force: whoever is gone since then would be back in it.
    fn has_overtaken(&self, page: &Page, good_until_us: u64) -> bool {
        let is_newer = |own: Edition| own.table == page.edition.table && own.rev > page.edition.rev;
        good_until_us < self.until_us || self.edition().is_some_and(is_newer)
    }

    /// A part of a new table: the first begins it, and with the last it takes the place of the old one.
    fn take_part(&mut self, page: &Page, part: Part) -> Taken {
        let begun = self.coming.take().filter(|(held, _)| held.edition == page.edition && part.number > 1);
        let (mut held, parts) = begun.unwrap_or_else(|| (Held::new(page.edition, part.salt), 0));
        if part.number != parts + 1 {
            return Taken::Gap;
        }
        if !held.change(page) {
            return Taken::TooMany;
        }
        if part.number == part.of {
            self.held = Some(held);
            Taken::InForce
        } else {
            self.coming = Some((held, part.number));
            Taken::Coming
        }
    }

    fn take_change(&mut self, page: &Page) -> Taken {
        let Some(held) = self.held.as_mut().filter(|held| held.edition.table == page.edition.table) else {
            return Taken::Gap;
        };
        if page.edition.rev == held.edition.rev {
            // Nothing new, or what the broker brought twice.
            return Taken::InForce;
        }
        if Some(page.edition.rev) != held.edition.rev.checked_add(1) {
            return Taken::Gap;
        }
        held.edition = page.edition;
        if held.change(page) {
            return Taken::InForce;
        }
        self.held = None;
        Taken::TooMany
    }

    /// Whom `heard` shows. It has been looked whether the lease still runs.
    pub fn find(&self, heard: &Advertisement<'_>) -> Found {
        let Some(held) = &self.held else { return Found::Nobody };
        let mut found = Found::Nobody;
        for frame in frames(heard.payload) {
            let Some(print) = held.salt.of_frame(&frame) else { continue };
            found = found.and(held.whose(print, || level_dbm(heard.rssi_dbm, frame.measured_power_dbm())));
        }
        // An address says nothing of its device's power; a frame beside it may.
        if let Some(print) = held.salt.of_address(heard.address) {
            let power = || frames(heard.payload).find_map(|frame| frame.measured_power_dbm());
            found = found.and(held.whose(print, || level_dbm(heard.rssi_dbm, power())));
        }
        found
    }

    /// Lets go of a table whose lease has ended; whether one has.
    pub fn expire(&mut self, now_us: u64) -> bool {
        let ends = self.held.is_some() && self.until_us <= now_us;
        if ends {
            *self = Self::default();
        }
        ends
    }

    /// What it is, if there is one.
    pub fn edition(&self) -> Option<Edition> {
        self.held.as_ref().map(|held| held.edition)
    }

    /// Whether the radio has to deliver public addresses for it.
    pub fn needs_addresses(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.addresses)
    }

    /// Whether it lets this Pi hear that handle.
    pub fn has(&self, handle: Handle) -> bool {
        self.held.as_ref().is_some_and(|held| held.rows.contains_key(&handle))
    }

    /// How many it lets this Pi hear.
    pub fn len(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.rows.len())
    }

    /// Whether nobody may be heard.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Held {
    fn new(edition: Edition, salt: Salt) -> Self {
        Self { edition, salt, addresses: false, rows: BTreeMap::new(), prints: BTreeSet::new() }
    }

    /// Makes the change that a page says; whether there was room.
    fn change(&mut self, page: &Page) -> bool {
        self.addresses = page.addresses;
        page.gone.iter().for_each(|handle| self.drop_row(*handle));
        for Row { handle, prints } in &page.rows {
            self.drop_row(*handle);
            self.prints.extend(prints.iter().map(|print| (*print, *handle)));
            self.rows.insert(*handle, prints.clone());
        }
        self.prints.len() <= MAX_PRINTS && self.rows.len() <= MAX_PRINTS
    }

    fn drop_row(&mut self, handle: Handle) {
        for print in self.rows.remove(&handle).unwrap_or_default() {
            self.prints.remove(&(print, handle));
        }
    }

    fn whose(&self, print: Fingerprint, level_dbm: impl Fn() -> f64) -> Found {
        let all = self.prints.range((print, Handle::MIN)..=(print, Handle::MAX));
        all.fold(Found::Nobody, |found, (_, handle)| found.and(Found::One(*handle, level_dbm())))
    }
}

impl Found {
    /// Whom both show; the level is the first's.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nobody, found) | (found, Self::Nobody) => found,
            (Self::One(one, _), Self::One(another, _)) if one == another => self,
            (Self::One(..) | Self::Several, Self::One(..) | Self::Several) => Self::Several,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::gateway::advertisement::{Address, AddressKind, GatewayIndex};
    use crate::gateway::consent::Identifier;
    use crate::radio::encode;
    use crate::sharing::wire::{Answers, Nonce};

    pub(in crate::sharing) const SALT: Salt = Salt([7; 16]);
    const SECOND_US: u64 = 1_000_000;

    /// The fingerprint of an iBeacon with this minor.
    pub(in crate::sharing) fn print(minor: u16) -> Fingerprint {
        SALT.of_identifier(&Identifier::IBeacon([1; 16], 1, minor))
    }

    /// What it transmits.
    pub(in crate::sharing) fn payload(minor: u16) -> Vec<u8> {
        encode::ibeacon(&[1; 16], 1, minor, -65)
    }

    pub(in crate::sharing) fn heard(payload: &[u8]) -> Advertisement<'_> {
        let address = Address { bytes: [6; 6], kind: AddressKind::Public };
        Advertisement { address, payload, rssi_dbm: -70, gateway: GatewayIndex(0) }
    }

    fn page(table: u64, rev: u64, part: Option<(u32, u32)>, rows: &[(Handle, u16)], gone: &[Handle]) -> Page {
        Page {
            edition: Edition { table: Nonce(table), rev },
            answers: Answers { life: Nonce(1), seq: 1, held_ms: 0 },
            part: part.map(|(number, of)| Part { number, of, salt: SALT }),
            addresses: false,
            rows: rows.iter().map(|(handle, minor)| Row { handle: *handle, prints: vec![print(*minor)] }).collect(),
            gone: gone.to_vec(),
        }
    }

    fn who(table: &Table, minor: u16) -> Option<Handle> {
        match table.find(&heard(&payload(minor))) {
            Found::One(handle, _) => Some(handle),
            Found::Nobody | Found::Several => None,
        }
    }

    #[test]
    fn a_table_that_comes_late_brings_nobody_back() {
        let mut table = Table::default();
        let whole = page(9, 4, Some((1, 1)), &[(1, 1), (2, 2)], &[]);
        assert_eq!(table.take(&whole, 5 * SECOND_US), Taken::InForce);
        assert_eq!(table.take(&page(9, 5, None, &[], &[2]), 6 * SECOND_US), Taken::InForce);
        for sent_us in [5 * SECOND_US, 6 * SECOND_US] {
            assert_eq!(table.take(&whole, sent_us), Taken::Gap);
        }
        assert_eq!((who(&table, 1), who(&table, 2)), (Some(1), None));
        assert_eq!(table.take(&page(9, 5, Some((1, 1)), &[(1, 1)], &[]), 6 * SECOND_US), Taken::InForce, "told again");
    }

    #[test]
    fn a_table_comes_in_parts_and_is_changed_by_numbers() {
        let mut table = Table::default();
        assert_eq!(table.take(&page(9, 4, Some((1, 2)), &[(1, 1)], &[]), 0), Taken::Coming);
        assert_eq!((table.len(), who(&table, 1)), (0, None), "half a table is none");
        assert_eq!(table.take(&page(9, 4, Some((2, 2)), &[(2, 2)], &[]), 0), Taken::InForce);
        assert_eq!((who(&table, 1), who(&table, 2), who(&table, 3)), (Some(1), Some(2), None));
        assert_eq!(table.take(&page(9, 5, None, &[(2, 3)], &[1]), 0), Taken::InForce);
        assert_eq!((who(&table, 1), who(&table, 2), who(&table, 3)), (None, None, Some(2)));
        assert_eq!(table.take(&page(9, 7, None, &[(3, 4)], &[]), 0), Taken::Gap, "6 is missing");
        assert_eq!(table.take(&page(9, 5, None, &[(3, 4)], &[]), 0), Taken::InForce, "what came twice");
        assert_eq!((who(&table, 4), table.edition().unwrap().rev), (None, 5));
        assert_eq!(table.take(&page(8, 6, None, &[(3, 4)], &[]), 0), Taken::Gap, "another table's");
        assert_eq!(table.take(&page(8, 1, Some((1, 1)), &[(3, 4)], &[]), 0), Taken::InForce);
        assert_eq!((who(&table, 3), who(&table, 4)), (None, Some(3)));
    }

    #[test]
    fn a_part_that_is_missing_makes_no_table() {
        let mut table = Table::default();
        assert_eq!(table.take(&page(9, 4, Some((2, 2)), &[(1, 1)], &[]), 0), Taken::Gap);
        table.take(&page(9, 4, Some((1, 3)), &[(1, 1)], &[]), 0);
        assert_eq!(table.take(&page(9, 4, Some((3, 3)), &[(1, 1)], &[]), 0), Taken::Gap);
        assert_eq!(table.edition(), None);
    }

    #[test]
    fn a_table_ends_with_its_lease_and_only_what_it_follows_renews_it() {
        let mut table = Table::default();
        table.take(&page(9, 4, Some((1, 1)), &[(1, 1)], &[]), 10 * SECOND_US);
        assert!(!table.expire(70 * SECOND_US - 1));
        table.take(&page(9, 4, None, &[], &[]), 30 * SECOND_US);
        table.take(&page(9, 6, None, &[], &[]), 80 * SECOND_US);
        table.take(&page(9, 4, None, &[], &[]), 20 * SECOND_US);
        assert!(!table.expire(90 * SECOND_US - 1), "a page that lagged shortens nothing");
        assert!(table.expire(90 * SECOND_US), "a page behind a gap renews nothing");
        assert_eq!((who(&table, 1), table.len(), table.expire(90 * SECOND_US)), (None, 0, false));
    }

    #[test]
    fn what_two_transmit_is_nobody_s() {
        let mut table = Table::default();
        table.take(&page(9, 1, Some((1, 1)), &[(1, 1), (2, 1), (3, 3)], &[]), 0);
        assert_eq!(table.find(&heard(&payload(1))), Found::Several);
        let both = [payload(3), payload(1)].concat();
        assert_eq!(table.find(&heard(&both)), Found::Several);
        table.take(&page(9, 2, None, &[], &[2]), 0);
        assert_eq!(who(&table, 1), Some(1));
    }

    #[test]
    fn a_level_is_corrected_by_the_frame_that_matched_and_an_address_matches_as_well() {
        let mut table = Table::default();
        let mut first = page(9, 1, Some((1, 1)), &[(1, 1)], &[]);
        first.addresses = true;
        first.rows.push(Row { handle: 2, prints: vec![SALT.of_identifier(&Identifier::PublicAddress([6; 6]))] });
        table.take(&first, 0);
        assert!(table.needs_addresses());
        assert_eq!(table.find(&heard(&[])), Found::One(2, -70.0));
        assert_eq!(table.find(&heard(&payload(9))), Found::One(2, -64.0));
        table.take(&page(9, 2, None, &[], &[2]), 0);
        assert_eq!(table.find(&heard(&payload(1))), Found::One(1, -64.0));
    }

    #[test]
    fn a_table_without_end_is_none() {
        let mut table = Table::default();
        table.take(&page(9, 1, Some((1, 1)), &[(1, 1)], &[]), 0);
        let mut taken = Taken::InForce;
        let mut rev = 1;
        while taken == Taken::InForce && rev < 1_000 {
            rev += 1;
            let from = u32::try_from(rev).unwrap() * 1_000;
            let rows: Vec<(Handle, u16)> = (from..from + 1_000).map(|handle| (handle, 7)).collect();
            taken = table.take(&page(9, rev, None, &rows, &[]), 0);
        }
        assert_eq!((taken, table.len()), (Taken::TooMany, 0));
        assert!(rev < 30);
    }
}
