//! The ledger in need, under the real `emma run`: a full disk, one that cannot be written, a lock of another program, and files
//! that are damaged. No offer is made, one line says what to do, and what ends by itself is recovered from by itself.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/crowd.rs"]
mod crowd;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/disk.rs"]
mod disk;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use broker::Mosquitto;
use daemon::Shop;
use disk::{IN_MEMORY, has_namespaces};
use emma::ledger::LedgerError;
use emma::ledger::folder::Folder;
use rusqlite::Connection;
use tempfile::TempDir;

const NO_OFFER: &str = "no offer is made until the ledger can be written again";
const AGAIN: &str = "the ledger can be written again";
const COMMITTED: &str = "an offer is committed";
const WITHHELD: &str = "reason=\"ledger\"";

/// Customers enough for two minutes of offers, five a second.
const CUSTOMERS: u16 = 600;
const EVERY_US: u64 = 200_000;

/// A shop with a broker that makes offers from its next start on.
fn busy_shop(skipped: &str) -> Option<(Mosquitto, Shop)> {
    let broker = Mosquitto::start(skipped, "persistence false")?;
    let shop = crowd::shop(broker.port, CUSTOMERS);
    crowd::come(&shop, 0..CUSTOMERS, EVERY_US);
    Some((broker, shop))
}

/// Offers are made, then `begin` happens and none are, with one line that contains `what`; then `end`, and they are again.
fn recovers<T>(shop: &Shop, what: &str, begin: impl FnOnce() -> T, end: impl FnOnce(T)) {
    shop.until_more(COMMITTED);
    let trouble = begin();
    shop.until_more(WITHHELD);
    let committed = shop.log().matches(COMMITTED).count();
    shop.until_more(WITHHELD);
    assert_eq!(shop.log().matches(COMMITTED).count(), committed, "an offer without a ledger");
    let line = shop.log().lines().find(|line| line.contains(NO_OFFER)).map(str::to_owned).unwrap();
    assert!(line.contains(what), "{line}");
    end(trouble);
    shop.until(AGAIN, |log| log.matches(AGAIN).count() == 2);
    shop.until_more(COMMITTED);
    assert_eq!(shop.log().matches(NO_OFFER).count(), 1, "{}", shop.log());
    // The first of them says it too.
    assert_eq!(shop.log().matches(AGAIN).count(), 2, "{}", shop.log());
}

#[test]
fn a_full_disk_is_said_once_and_recovered_from() {
    if !has_namespaces("a full disk") {
        return;
    }
    let Some((_broker, shop)) = busy_shop("a full disk") else { return };
    let emma = shop.run_after(IN_MEMORY);
    let filler = shop.state().join("filler");
    let fill = || {
        let filler = emma.sees(&filler);
        disk::fill(&filler);
        filler
    };
    recovers(&shop, "make room on the disk", fill, |filler| fs::remove_file(filler).unwrap());
    assert_eq!(emma.terminate(), Some(0));
}

#[test]
fn a_lock_of_another_program_is_said_once_and_recovered_from() {
    let Some((_broker, shop)) = busy_shop("a locked ledger") else { return };
    let emma = shop.run("unix:path=/nowhere");
    let lock = || {
        let other = Connection::open(shop.state().join("ledger.db")).unwrap();
        // A busy ledger lets go of the lock for a moment between two groups: whoever asks now and then never meets it.
        other.busy_timeout(Duration::ZERO).unwrap();
        shop.until("the lock between two groups", |_| {
            (0..1_000).any(|_| other.execute_batch("BEGIN EXCLUSIVE").is_ok())
        });
        other
    };
    recovers(&shop, "another program has it open", lock, drop);
    assert_eq!(emma.terminate(), Some(0));
}

/// It does not start, says `what` in one line, and ends with this code, after which systemd begins it anew or does not.
fn refuses(shop: &Shop, prepare: &str, what: &str, code: i32) {
    let before = shop.log().len();
    let mut emma = if prepare.is_empty() { shop.run("unix:path=/nowhere") } else { shop.run_after(prepare) };
    assert_eq!(emma.exit_code(), Some(code), "{}", shop.log());
    let log = shop.log().split_off(before);
    assert_eq!(log.lines().filter(|line| line.contains(what)).count(), 1, "{what}: {log}");
}

fn starts(shop: &Shop) {
    let so_far = shop.log().matches("Emma is up").count();
    let emma = shop.run("unix:path=/nowhere");
    shop.until("Emma is up", |log| log.matches("Emma is up").count() > so_far);
    assert_eq!(emma.terminate(), Some(0));
}

#[test]
fn a_ledger_that_is_locked_at_the_start_is_waited_for_by_systemd() {
    let shop = crowd::shop(1, 1);
    let other = Connection::open(shop.state().join("ledger.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    refuses(&shop, "", "another program has it open", 75);
    drop(other);
    starts(&shop);
}

#[test]
fn a_disk_that_is_full_or_read_only_at_the_start_is_said() {
    if !has_namespaces("a disk that is full or read-only at the start") {
        return;
    }
    let shop = crowd::shop(1, 50);
    let read_only = "mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"";
    refuses(&shop, read_only, "mount it for writing", 73);
    let file = "mount --bind \"$1/ledger.db\" \"$1/ledger.db\"; mount -o remount,bind,ro \"$1/ledger.db\"";
    refuses(&shop, file, "mount it for writing", 73);
    let full = format!("{IN_MEMORY}; dd if=/dev/zero of=\"$1/filler\" bs=1k 2>/dev/null || true");
    refuses(&shop, &full, "make room on", 74);
    starts(&shop);
}

/// What a ledger knows of who was told something when.
fn deliveries(folder: &Path) -> BTreeSet<(String, String, i64)> {
    let db = Connection::open(folder.join("ledger.db")).unwrap();
    let mut read = db.prepare("SELECT id, customer, at_us FROM delivery").unwrap();
    let rows = read.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

/// A ledger with deliveries, and the journal that a kill left.
fn killed(skipped: &str) -> Option<(Mosquitto, Shop)> {
    let (broker, shop) = busy_shop(skipped)?;
    let emma = shop.run("unix:path=/nowhere");
    shop.until("offers", |log| log.matches(COMMITTED).count() > 20);
    emma.kill();
    Some((broker, shop))
}

/// Opens a copy of the state folder with other bytes for one of its files, and says what the ledger then knows.
fn opened(shop: &Shop, file: &str, bytes: &[u8]) -> Option<BTreeSet<(String, String, i64)>> {
    let copy = TempDir::new().unwrap();
    fs::set_permissions(copy.path(), fs::Permissions::from_mode(0o700)).unwrap();
    for name in ["ledger.db", "ledger.db-wal", "emma.lock"] {
        if let Ok(bytes) = fs::read(shop.state().join(name)) {
            fs::write(copy.path().join(name), bytes).unwrap();
        }
    }
    fs::write(copy.path().join(file), bytes).unwrap();
    match Folder::open(copy.path()).unwrap().store([7; 32]) {
        Ok(store) => {
            drop(store);
            Some(deliveries(copy.path()))
        }
        Err(LedgerError::Damaged(what)) => {
            assert!(what.contains("restore"), "{what}");
            assert_eq!(fs::read(copy.path().join(file)).unwrap(), bytes, "it is left as it was");
            None
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_torn_tail_of_the_journal_costs_what_was_never_synced_and_a_torn_middle_stops_the_start() {
    let Some((_broker, shop)) = killed("a torn journal") else { return };
    let journal = fs::read(shop.state().join("ledger.db-wal")).unwrap();
    let whole = opened(&shop, "ledger.db-wal", &journal).unwrap();
    assert!(whole.len() > 20);
    let mut before = BTreeSet::new();
    for cut in (0..=40).map(|part| journal.len() * part / 40) {
        let found = opened(&shop, "ledger.db-wal", &journal[..cut]).unwrap();
        assert!(before.is_subset(&found) && found.is_subset(&whole), "cut at {cut}");
        before = found;
    }
    assert_eq!(before, whole);
    // Overwritten at its end, it is as if the last commit had never been written.
    let without_last = opened(&shop, "ledger.db-wal", &journal[..journal.len() - 1]).unwrap();
    for torn in [1, 100, 4_096] {
        let mut damaged = journal.clone();
        let from = damaged.len() - torn;
        damaged[from..].fill(0xaa);
        assert_eq!(opened(&shop, "ledger.db-wal", &damaged).unwrap(), without_last, "the last {torn} bytes");
    }
    for at in [0, 20, 32, 60, journal.len() / 4, journal.len() / 2] {
        let mut damaged = journal.clone();
        damaged[at] ^= 0x10;
        assert_eq!(opened(&shop, "ledger.db-wal", &damaged), None, "at {at}");
    }
    let mut damaged = journal.clone();
    damaged[journal.len() / 2] ^= 0x10;
    fs::write(shop.state().join("ledger.db-wal"), damaged).unwrap();
    refuses(&shop, "", "has a damaged journal, so nobody knows what was said to whom", 65);
}

#[test]
fn a_damaged_page_stops_the_start_or_costs_no_delivery() {
    let Some((_broker, shop)) = killed("a damaged page") else { return };
    // Whoever closes it last puts the journal into the file.
    let whole = deliveries(&shop.state());
    let file = fs::read(shop.state().join("ledger.db")).unwrap();
    assert_eq!(opened(&shop, "ledger.db", &file).as_ref(), Some(&whole));
    let mut stopped = 0;
    for page in (0..file.len()).step_by(4_096) {
        let damage = [(page, 4_096, 0), (page + 2_048, 2_048, 0), (page, 512, 0xaa), (page + 2_048, 2_048, 0xaa)];
        for (from, len, with) in damage {
            let mut damaged = file.clone();
            let end = file.len();
            damaged[from.min(end)..(from + len).min(end)].fill(with);
            let found = opened(&shop, "ledger.db", &damaged);
            assert!(found.as_ref().is_none_or(|found| *found == whole), "{len} bytes of {with:#x} from {from} on");
            stopped += usize::from(found.is_none());
        }
        assert_eq!(opened(&shop, "ledger.db", &file[..=page]), None, "cut in the page at {page}");
    }
    assert!(stopped > file.len() / 4_096, "{stopped}");
    // In its last page, as above: what lies there may be free, and then nothing is lost.
    fs::write(shop.state().join("ledger.db"), &file[..=file.len() - 4_096]).unwrap();
    refuses(&shop, "", "is damaged, so nobody knows what was said to whom", 65);
}

#[test]
fn another_ledger_in_the_place_of_the_one_that_was_here_is_not_taken() {
    let shop = crowd::shop(1, 1);
    fs::remove_file(shop.state().join("ledger.db")).unwrap();
    refuses(&shop, "", "is empty, cut or gone", 65);
    Connection::open(shop.state().join("ledger.db"))
        .unwrap()
        .execute_batch("CREATE TABLE t (n); DROP TABLE t")
        .unwrap();
    refuses(&shop, "", "is not the one that was here", 65);
}
