//! The decider's side of the table: who has which handle, and what has changed since it was last looked.

use std::collections::BTreeMap;

use super::wire::{Edition, Handle, Nonce, PRINTS_A_PAGE, Row};
use crate::gateway::consent::fingerprint::{Fingerprint, Salt};
use crate::gateway::effect::Sighted;
use crate::gateway::sharing::Shared;

/// One numbered change of the table, as long as a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its number.
    pub rev: u64,
    /// Who is new or transmits something else.
    pub rows: Vec<Row>,
    /// Who is gone.
    pub gone: Vec<Handle>,
}

/// The table as the decider has it. A handle is given once in the life of a table, so that what a scanner says of somebody
/// who withdrew is nobody's.
pub struct Directory {
    edition: Edition,
    salt: Option<Salt>,
    last: Handle,
    rows: BTreeMap<Handle, (Sighted, Vec<Fingerprint>)>,
    handles: BTreeMap<Sighted, Handle>,
    addresses: bool,
}

impl Default for Directory {
    /// Nobody, in a table that no scanner is ever given.
    fn default() -> Self {
        let edition = Edition { table: Nonce(0), rev: 0 };
        Self { edition, salt: None, last: 0, rows: BTreeMap::new(), handles: BTreeMap::new(), addresses: false }
    }
}

impl Directory {
    /// Takes over who may be heard now, and says what has changed. Another salt begins another table, named `fresh`; of
    /// that nothing has changed, since nobody has it.
    pub fn update(&mut self, shared: &Shared, fresh: Nonce) -> Vec<Change> {
        let begins = self.salt != Some(shared.salt);
        if begins {
            let edition = Edition { table: fresh, rev: 0 };
            *self = Self { edition, salt: Some(shared.salt), ..Self::default() };
        }
        let now: BTreeMap<&Sighted, &Vec<Fingerprint>> =
            shared.rows.iter().map(|(who, prints)| (who, prints)).collect();
        let left: Vec<Handle> =
            self.handles.iter().filter(|(who, _)| !now.contains_key(who)).map(|(_, handle)| *handle).collect();
        for handle in &left {
            self.rows.remove(handle).and_then(|(who, _)| self.handles.remove(&who));
        }
        let mut rows = Vec::new();
        // In the order of what they transmit, which is nobody's: handles are counted, and tell nothing of names.
        let mut named: Vec<(&Sighted, &Vec<Fingerprint>)> = now.into_iter().collect();
        named.sort_by_key(|(_, prints)| prints.first().copied());
        for (who, prints) in named {
            rows.extend(self.note(who, prints));
        }
        let addresses = std::mem::replace(&mut self.addresses, shared.addresses);
        if begins || (rows.is_empty() && left.is_empty() && addresses == self.addresses) {
            return Vec::new();
        }
        self.changes(rows, &left)
    }

    /// Notes one who may be heard; their row if that is new.
    fn note(&mut self, who: &Sighted, prints: &[Fingerprint]) -> Option<Row> {
        let handle = *self.handles.entry(who.clone()).or_insert_with(|| {
            self.last = self.last.saturating_add(1);
            self.last
        });
        let known = self.rows.get(&handle).is_some_and(|(_, known)| known == prints);
        (!known).then(|| {
            self.rows.insert(handle, (who.clone(), prints.to_vec()));
            Row { handle, prints: prints.to_vec() }
        })
    }

    /// Numbers a change; those who are gone first.
    fn changes(&mut self, rows: Vec<Row>, gone: &[Handle]) -> Vec<Change> {
        let mut changes: Vec<Change> =
            gone.chunks(PRINTS_A_PAGE).map(|gone| Change { rev: 0, rows: Vec::new(), gone: gone.to_vec() }).collect();
        for (index, rows) in in_pages(rows).into_iter().enumerate() {
            match changes.last_mut().filter(|_| index == 0) {
                Some(last) => last.rows = rows,
                None => changes.push(Change { rev: 0, rows, gone: Vec::new() }),
            }
        }
        for change in &mut changes {
            self.edition.rev += 1;
            change.rev = self.edition.rev;
        }
        changes
    }

    /// The whole table in pages' rows, and the salt; nothing while there is none.
    pub fn whole(&self) -> Option<(Salt, Vec<Vec<Row>>)> {
        let row = |(handle, (_, prints)): (&Handle, &(Sighted, Vec<Fingerprint>))| Row {
            handle: *handle,
            prints: prints.clone(),
        };
        Some((self.salt?, in_pages(self.rows.iter().map(row).collect())))
    }

    /// What it is.
    pub fn edition(&self) -> Edition {
        self.edition
    }

    /// Whether somebody is known by a public address.
    pub fn needs_addresses(&self) -> bool {
        self.addresses
    }

    /// Who has that handle in that table, if they may still be heard.
    pub fn who(&self, table: Nonce, handle: Handle) -> Option<&Sighted> {
        self.rows.get(&handle).filter(|_| table == self.edition.table).map(|(who, _)| who)
    }
}

/// Rows in groups that a page has room for, at least one.
fn in_pages(rows: Vec<Row>) -> Vec<Vec<Row>> {
    let mut pages = vec![Vec::new()];
    let mut prints = 0;
    for row in rows {
        prints += row.prints.len();
        if prints > PRINTS_A_PAGE {
            prints = row.prints.len();
            pages.push(Vec::new());
        }
        pages.last_mut().into_iter().for_each(|page| page.push(row.clone()));
    }
    pages
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::gateway::consent::CustomerId;
    use crate::sharing::table::tests::{SALT, print};

    pub(in crate::sharing) fn customer(number: usize) -> Sighted {
        Sighted::Customer(CustomerId::new(&format!("customer-{number}")).unwrap())
    }

    /// Customers by number, each with the iBeacon of that minor.
    pub(in crate::sharing) fn shared(all: &[(usize, u16)]) -> Shared {
        let rows = all.iter().map(|(number, minor)| (customer(*number), vec![print(*minor)])).collect();
        Shared { rows, ..Shared::nobody(SALT) }
    }

    #[test]
    fn a_handle_is_given_once_and_changes_are_numbered() {
        let mut directory = Directory::default();
        assert_eq!(directory.whole(), None);
        assert_eq!(directory.update(&shared(&[(1, 1), (2, 2)]), Nonce(9)), []);
        assert_eq!(directory.update(&shared(&[(1, 1), (2, 2)]), Nonce(8)), [], "nothing changed");
        assert_eq!(directory.edition(), Edition { table: Nonce(9), rev: 0 });
        let handle = |directory: &Directory, number: usize| *directory.handles.get(&customer(number)).unwrap();
        let (one, two) = (handle(&directory, 1), handle(&directory, 2));
        assert_eq!(directory.who(Nonce(9), one), Some(&customer(1)));
        assert_eq!(directory.who(Nonce(8), one), None);

        let changes = directory.update(&shared(&[(2, 5)]), Nonce(8));
        let row = Row { handle: two, prints: vec![print(5)] };
        assert_eq!(changes, [Change { rev: 1, rows: vec![row], gone: vec![one] }]);
        assert_eq!(directory.who(Nonce(9), one), None);
        directory.update(&shared(&[(1, 1), (2, 5)]), Nonce(8));
        assert!(handle(&directory, 1) > two.max(one), "whoever is back is another");
        assert_eq!(directory.edition().rev, 2);
    }

    #[test]
    fn another_salt_is_another_table() {
        let mut directory = Directory::default();
        directory.update(&shared(&[(1, 1)]), Nonce(9));
        let shared = Shared { salt: Salt([8; 16]), ..shared(&[(1, 1)]) };
        assert_eq!(directory.update(&shared, Nonce(10)), []);
        assert_eq!(directory.edition(), Edition { table: Nonce(10), rev: 0 });
    }

    #[test]
    fn what_a_page_has_no_room_for_is_the_next_one_s() {
        let mut directory = Directory::default();
        let many: Vec<(usize, u16)> = (0..2_500).map(|number| (number, u16::try_from(number).unwrap())).collect();
        directory.update(&shared(&[]), Nonce(9));
        let changes = directory.update(&shared(&many), Nonce(9));
        assert_eq!(
            changes.iter().map(|change| (change.rev, change.rows.len())).collect::<Vec<_>>(),
            [(1, 1_000), (2, 1_000), (3, 500)]
        );
        assert_eq!(directory.whole().unwrap().1.len(), 3);
        let changes = directory.update(&shared(&many[..5]), Nonce(9));
        assert_eq!(changes.iter().map(|change| change.gone.len()).sum::<usize>(), 2_495);
        assert!(changes.iter().all(|change| change.gone.len() <= 1_000 && change.rows.is_empty()));
    }
}
