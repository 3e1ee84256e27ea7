//! `emma backup` and `emma restore` as somebody at a shop uses them: beside a running Emma, on a card that died, with the wrong
//! file, and with the plug pulled in the middle.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/crowd.rs"]
mod crowd;
#[path = "common/daemon.rs"]
mod daemon;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use broker::{Mosquitto, find};
use daemon::Shop;
use emma::backup::{self, Fault};
use emma::ledger::folder::Folder;
use rusqlite::Connection;

const COMMITTED: &str = "an offer is committed";
const NOWHERE: &str = "unix:path=/nowhere";

fn command(shop: &Shop, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
    command.args(arguments).arg("--config").arg(shop.config());
    command
}

fn emma(shop: &Shop, arguments: &[&str]) -> Output {
    command(shop, arguments).output().unwrap()
}

/// What it printed, once it ended well.
fn well(output: &Output) -> String {
    let told = [&output.stdout[..], &output.stderr].map(|told| String::from_utf8_lossy(told).into_owned()).concat();
    assert!(output.status.success(), "{told}");
    told
}

fn refused(output: &Output, code: i32, what: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{told}");
    assert!(told.contains(what), "{what}: {told}");
}

/// A backup of the shop, beside its folders.
fn backup_of(shop: &Shop, name: &str) -> PathBuf {
    let file = shop.config().parent().unwrap().join(name);
    well(&emma(shop, &["backup", file.to_str().unwrap()]));
    file
}

fn restore(shop: &Shop, file: &Path) -> String {
    well(&emma(shop, &["restore", "--replace", file.to_str().unwrap()]))
}

/// A number that a question to the ledger's file has as its answer.
fn number(shop: &Shop, sql: &str) -> i64 {
    Connection::open(shop.state().join("ledger.db")).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// A shop that never ran, with so many consents and a delivery to each.
fn quiet_shop(customers: u16) -> Shop {
    let shop = crowd::shop(1, customers);
    let db = Connection::open(shop.state().join("ledger.db")).unwrap();
    for n in 0..customers {
        db.execute(
            "INSERT INTO delivery (id, customer, at_us, class, campaign, category, zone, site, visit_us, epoch)
             VALUES (?1, ?2, 1767225600000000, 'offer', 'oak', 'tables', 'at-the-desk', 'hall', 1767225600000000, 1)",
            (format!("d{n}"), format!("c{n:05}")),
        )
        .unwrap();
    }
    shop
}

#[test]
fn a_backup_beside_a_running_emma_is_whole_and_after_the_restore_everybody_waits() {
    let Some(broker) = Mosquitto::start("a backup beside a running Emma", "persistence false") else { return };
    let shop = crowd::shop(broker.port, 400);
    crowd::come(&shop, 0..400, 100_000);
    let running = shop.run(NOWHERE);
    shop.until_more(COMMITTED);
    let file = backup_of(&shop, "monday.emma");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(well(&emma(&shop, &["backup", "--check", file.to_str().unwrap()])).contains("is whole: 400 consents"));
    refused(&emma(&shop, &["backup", file.to_str().unwrap()]), 73, "is there already");
    refused(&emma(&shop, &["restore", "--replace", file.to_str().unwrap()]), 75, "systemctl stop emma");
    shop.until_more(COMMITTED);
    assert_eq!(running.terminate(), Some(0));

    // The card died, and a new one has an empty folder.
    fs::remove_dir_all(shop.state()).unwrap();
    let told = well(&emma(&shop, &["restore", file.to_str().unwrap()]));
    assert!(told.starts_with("restored: 400 consents and ") && told.contains("emma consent import FILE"), "{told}");
    let committed = shop.log().matches(COMMITTED).count();
    let running = shop.run(NOWHERE);
    shop.until("it is up", |log| log.matches("Emma is up").count() == 2);
    let status = || well(&emma(&shop, &["status"]));
    shop.until("the restore is dated", |_| status().contains("RESTORED       since 2"));
    assert!(status().contains("400 consents wait to be told again"), "{}", status());
    let said: serde_json::Value = serde_json::from_str(&well(&emma(&shop, &["status", "--json"]))).unwrap();
    assert_eq!(said["health"]["ledger_restored"], true, "and whoever asks from outside is told: {said}");
    let listed = well(&shop.consent(&["list"]));
    assert_eq!(listed.matches("restored: it holds again once it is imported").count(), 400, "{listed}");
    assert!(!shop.log().contains("reason=\"cap-"), "nobody is matched, so nobody is refused either");
    // The same file of consents brings them back, and each finds its windows full.
    let consents: String = (0..400).map(|n| crowd::consent(n) + "\n").collect();
    shop.import(&consents);
    shop.until("somebody is recognised", |log| log.contains("reason=\"cap-customer\""));
    let explained = well(&emma(&shop, &["explain", "c00399", "oak"]));
    assert!(explained.contains("full since the ledger was restored"), "{explained}");
    assert!(!status().contains("wait to be told again"), "{}", status());
    assert_eq!(running.terminate(), Some(0));
    assert_eq!(shop.log().matches(COMMITTED).count(), committed, "an offer within a window of the restore");
}

#[test]
fn who_withdrew_since_the_backup_is_left_out_where_the_ledger_still_knows() {
    let shop = quiet_shop(3);
    let file = backup_of(&shop, "before.emma");
    well(&shop.consent(&["withdraw", "c00001"]));
    let later = "INSERT INTO delivery (id, customer, at_us, class, campaign, zone, site, visit_us, epoch)
                 VALUES ('later', 'c00002', 1767225700000000, 'offer', 'elm', 'at-the-door', 'hall', 1, 1)";
    Connection::open(shop.state().join("ledger.db")).unwrap().execute(later, []).unwrap();
    refused(&emma(&shop, &["restore", file.to_str().unwrap()]), 73, "--replace");
    let told = restore(&shop, &file);
    assert!(told.contains("1 customers who withdrew since are left out"), "{told}");
    assert!(!shop.holds("c00001"), "a byte of somebody who withdrew");
    refused(&shop.consent(&["receipt", "c00002"]), 1, "holds again once it is imported or told anew");
    assert_eq!(number(&shop, "SELECT count(*) FROM consent"), 2);
    assert_eq!(number(&shop, "SELECT count(*) FROM consent WHERE told_us = 1"), 2, "closed, and by file");
    assert_eq!(number(&shop, "SELECT count(*) FROM delivery"), 3, "what was said since is remembered");
    assert_eq!(number(&shop, "SELECT count(*) FROM forgotten"), 1);
    // A folder that was begun anew knows whom it forgot itself.
    fs::remove_dir_all(shop.state()).unwrap();
    shop.import(&crowd::consent(0));
    well(&shop.consent(&["withdraw", "c00000"]));
    let told = restore(&shop, &file);
    assert!(told.contains("0 customers who withdrew since are left out"), "nothing was said to them here: {told}");
    assert_eq!(number(&shop, "SELECT count(*) FROM consent WHERE told_us = 1"), 3);
    shop.import(&crowd::consent(2));
    assert!(well(&shop.consent(&["receipt", "c00002"])).contains("c00002/1"));
}

#[test]
fn a_file_that_is_no_backup_of_this_shop_changes_nothing() {
    let shop = quiet_shop(3);
    let file = backup_of(&shop, "good.emma");
    let good = fs::read(&file).unwrap();
    let before = fs::read(shop.state().join("ledger.db")).unwrap();
    let (manifest, ledger) = backup::read(&good).unwrap();
    let remade = |change: &dyn Fn(&mut backup::Manifest), ledger: &[u8]| {
        let mut manifest = manifest.clone();
        manifest.length = ledger.len();
        change(&mut manifest);
        let mut bytes = Vec::new();
        backup::write(&manifest, ledger, &mut bytes).unwrap();
        bytes
    };
    // The version of the tables lies at byte 60 of a file of SQLite's.
    let newer = [&ledger[..60], &999_u32.to_be_bytes(), &ledger[64..]].concat();
    let page = [&ledger[..8_192], &vec![0x5a; 4_096], &ledger[12_288..]].concat();
    let mut bit = good.clone();
    bit[good.len() / 2] ^= 1;
    let other = dir_with_table();
    for (what, code, bytes) in [
        ("cut short", 65, good[..good.len() - 1].to_vec()),
        ("is damaged", 65, bit),
        ("is no backup of Emma's", 65, b"something else".to_vec()),
        ("is no backup of Emma's", 65, Vec::new()),
        ("is a backup of `basel`, and this is `hall`", 65, remade(&|head| head.site = "basel".to_owned(), ledger)),
        ("made by a newer Emma", 65, remade(&|head| head.emma_backup = 2, ledger)),
        ("written by a newer Emma", 65, remade(&|_| {}, &newer)),
        ("is damaged", 65, remade(&|_| {}, &page)),
        ("is damaged", 65, remade(&|_| {}, b"no database at all")),
        ("holds something else than a ledger", 65, remade(&|_| {}, &other)),
    ] {
        let file = shop.config().parent().unwrap().join("bad.emma");
        fs::write(&file, bytes).unwrap();
        refused(&emma(&shop, &["restore", "--replace", file.to_str().unwrap()]), code, what);
        assert!(fs::read(shop.state().join("ledger.db")).unwrap() == before, "{what}: the ledger is another");
        assert!(!shop.state().join("ledger.db.coming").exists(), "{what}");
    }
    refused(&emma(&shop, &["restore", "--replace", "/nowhere.emma"]), 66, "/nowhere.emma");
    assert_eq!(backup::read(&good[..9]), Err(Fault::Other));
    restore(&shop, &file);
}

/// A database that is none of Emma's.
fn dir_with_table() -> Vec<u8> {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE consent (customer TEXT)").unwrap();
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("db");
    db.execute("VACUUM INTO ?1", [file.to_str().unwrap()]).unwrap();
    fs::read(file).unwrap()
}

#[test]
fn a_damaged_ledger_is_replaced_and_nothing_of_its_journal_is_read() {
    let shop = quiet_shop(3);
    let file = backup_of(&shop, "good.emma");
    let ledger = shop.state().join("ledger.db");
    let mut bytes = fs::read(&ledger).unwrap();
    bytes[8_192..12_288].fill(0x5a);
    fs::write(&ledger, bytes).unwrap();
    fs::write(shop.state().join("ledger.db-wal"), vec![0x37; 5_000]).unwrap();
    let told = restore(&shop, &file);
    assert!(told.contains("could not say who withdrew since"), "{told}");
    assert_eq!(number(&shop, "SELECT count(*) FROM consent WHERE told_us = 1"), 3);
}

#[test]
fn a_backup_goes_through_pipes() {
    let shop = quiet_shop(2);
    let pipe = format!(
        "'{emma}' backup - --config '{config}' | cat > through && '{emma}' restore - --replace --config '{config}' < through",
        emma = env!("CARGO_BIN_EXE_emma"),
        config = shop.config().display()
    );
    let output = Command::new("sh").args(["-c", &pipe]).current_dir(shop.state().parent().unwrap()).output().unwrap();
    assert!(well(&output).contains("restored: 2 consents"));
    fs::remove_dir_all(shop.state()).unwrap();
    refused(&emma(&shop, &["backup", "-"]), 73, "there is no ledger here");
}

/// `kill -9` at every call with which a restore changes a file, one after the other.
#[test]
fn killed_in_the_middle_a_restore_leaves_the_old_ledger_or_the_new_one() {
    let Some(strace) = find("strace", "a restore that is killed in the middle") else { return };
    let shop = quiet_shop(40);
    let file = backup_of(&shop, "good.emma");
    // As a crash left it: what is in the journal alone is to be brought into the file first.
    let crash = |shop: &Shop| {
        let files = ["ledger.db", "ledger.db-wal"].map(|file| shop.state().join(file));
        let db = Connection::open(&files[0]).unwrap();
        let undo = "DELETE FROM meta WHERE name = 'restored'; UPDATE consent SET told_us = NULL; DELETE FROM visit";
        db.execute_batch(&format!("PRAGMA journal_mode = WAL; {undo}")).unwrap();
        let bytes = files.each_ref().map(|file| fs::read(file).unwrap());
        drop(db);
        files.iter().zip(bytes).for_each(|(file, bytes)| fs::write(file, bytes).unwrap());
    };
    let (mut old, mut new) = (0, 0);
    for call in ["openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "unlink", "rename"] {
        for nth in 1..=40 {
            crash(&shop);
            let mut command = Command::new(&strace);
            command.args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}")]);
            command.args(["-e", &format!("inject={call}:signal=KILL:when={nth}")]);
            command.arg(env!("CARGO_BIN_EXE_emma")).args(["restore", "--replace"]).arg(&file);
            let output = command.arg("--config").arg(shop.config()).output().unwrap();
            let was_killed = !output.status.success();
            let store = Folder::open(&shop.state()).and_then(|folder| folder.store([9; 32]));
            let store = store.unwrap_or_else(|error| panic!("killed at {call} {nth}: {error}"));
            drop(store);
            let closed = number(&shop, "SELECT count(*) FROM consent WHERE told_us = 1");
            let marked = number(&shop, "SELECT count(*) FROM meta WHERE name = 'restored'");
            assert!([(0, 0), (40, 1)].contains(&(closed, marked)), "killed at {call} {nth}: {closed} {marked}");
            assert_eq!(number(&shop, "SELECT count(*) FROM delivery"), 40, "killed at {call} {nth}");
            assert!(was_killed || marked == 1, "it ended well, and the old one is there");
            (old, new) = (old + usize::from(marked == 0), new + usize::from(marked == 1));
            if !was_killed {
                break;
            }
        }
    }
    assert!(old > 10 && new > 8, "{old} old, {new} new");
}
