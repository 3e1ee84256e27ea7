//! A flood of random addresses, a hundred thousand a minute, leaves memory and disk as they were.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/chance.rs"]
mod chance;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/strangers.rs"]
mod strangers;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use chance::Chance;
use daemon::Shop;
use emma::clock::Moment;
use emma::config::{self, Sources};
use emma::gateway::Gateway;
use emma::gateway::advertisement::{Address, AddressKind, Advertisement, GatewayIndex};
use emma::gateway::consent::record::{self, Record};
use emma::gateway::effect::Input;
use emma::ledger::folder::Folder;
use emma::standalone::Standalone;
use strangers::{Stranger, strangers};
use tempfile::TempDir;

/// So many addresses a minute, for so many minutes.
const A_MINUTE: u64 = 100_000;
const MINUTES: u64 = 10;

/// What the allocator may keep for itself, in KiB. Of a million devices a single byte each would be a quarter of it.
const SLACK_KIB: u64 = 4_096;

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(2);

/// Identifiers of every kind, so that every table that strangers are looked up in is there.
const CONSENT: &str = r#"{"customer":"c-0001","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{"ibeacon":{"uuid":"41424344-4546-4748-494a-4b4c4d4e4f50","major":1,"minor":2}},{"address":"00:11:22:33:44:55"},{"rolling":{"day_key":"000102030405060708090a0b0c0d0e0f","day":"2026-09-21"}},{"eddystone_eid":{"identity_key":"0102030405060708090a111213141516","k":10,"counter_at":[7,"2026-01-01T00:00:00Z"]}},{"irk":"ec0234a357c8ad05341010a60a397d9b"}],"valid_from":"2020-01-01T00:00:00Z","valid_until":"2035-01-01T00:00:00Z"}"#;

/// 21 September 2026, in microseconds.
const BEGIN_US: i64 = 1_790_000_000_000_000;

/// Memory in use by that process, in KiB.
fn memory_kib(process: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

/// Every file of a folder by name, and its content.
fn disk(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let read =
        |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap_or_default());
    let mut files: Vec<_> = entries.map(read).collect();
    files.sort();
    files
}

#[test]
fn a_million_addresses_in_ten_minutes_leave_memory_and_disk_as_they_were() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    let lock = Folder::open(&state).unwrap();
    let store = lock.store([7; 32]).unwrap();
    let config = Arc::new(config::check(&Sources::shipped()).config.unwrap());
    let gateway = Gateway::new(config, store.key().clone(), 0);
    let mut shop = Standalone { gateway, store };
    let at = |us: u64| Moment { monotonic_us: us, wall_us: Some(BEGIN_US + us.cast_signed()) };
    let Record::Grant(grant) = record::parse(CONSENT).unwrap() else { panic!("no grant") };
    shop.handle(Input::Consent(Arc::new(grant.check().unwrap())), at(0)).unwrap();

    let crowd = strangers(64, &mut Chance(3));
    let mut chance = Chance(5);
    let mut minute = |minute: u64| {
        for index in 0..A_MINUTE {
            let now = at(60_000_000 * minute + 60_000_000 / A_MINUTE * index);
            let Stranger { payload, .. } = &crowd[usize::try_from(index).unwrap() % crowd.len()];
            let bytes: [u8; 6] = chance.next().to_be_bytes()[..6].try_into().unwrap();
            let address = Address { bytes, kind: AddressKind::Random };
            let heard = Advertisement { address, payload, rssi_dbm: -50, gateway: GatewayIndex(0) };
            assert!(shop.handle(Input::Advertisement(heard), now).unwrap().is_empty());
        }
        assert!(shop.run_until(at(60_000_000 * (minute + 1))).unwrap().is_empty());
    };
    // The first makes what customers cost: the cache of addresses, the table of identifiers that rotate.
    minute(0);
    let (memory, on_disk) = (memory_kib("self"), disk(&state));
    (1..MINUTES).for_each(minute);
    let grown = memory_kib("self").saturating_sub(memory);
    assert!(grown < SLACK_KIB, "{grown} KiB more");
    assert_eq!(shop.gateway.snapshot().counters.heard, A_MINUTE * MINUTES);
    assert!(disk(&state) == on_disk, "something was written");
    assert!(on_disk.iter().any(|(name, bytes)| name == "ledger.db" && !bytes.is_empty()));
}

/// What the running daemon has heard so far, as `emma status` tells it; dropped counts, for it was on the air.
fn heard(shop: &Shop) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
    let output = command.args(["status", "--json", "--config"]).arg(shop.config()).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let sources = status["health"]["sources"].as_array().cloned().unwrap_or_default();
    sources.iter().map(|source| source["heard"].as_u64().unwrap_or(0) + source["dropped"].as_u64().unwrap_or(0)).sum()
}

#[test]
fn a_flood_leaves_the_real_program_s_memory_and_disk_flat() {
    let shop = Shop::new(1);
    let capture = shop.config().join("flood.jsonl");
    let mut file = std::io::BufWriter::new(fs::File::create(&capture).unwrap());
    let (mut chance, mut one) = (Chance(9), strangers(1, &mut Chance(3)).remove(0));
    for index in 0..2 * A_MINUTE {
        one.address.copy_from_slice(&chance.next().to_be_bytes()[..6]);
        let line = one.line((60_000_000 / A_MINUTE * index).cast_signed(), "sensor10");
        writeln!(file, "{line}").unwrap();
    }
    drop(file);
    let gateway = fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
    let gateway = gateway.replace("\"auto\"", "\"none\"");
    shop.write("gateway.toml", &format!("{gateway}\n[capture]\nfiles = [\"flood.jsonl\"]\nspeed = 10\n"));
    let emma = shop.run("unix:path=/nowhere");
    let until = |count: u64| {
        for _ in 0..PATIENCE.as_millis() / 200 {
            if heard(&shop) >= count {
                return;
            }
            sleep(Duration::from_millis(200));
        }
        panic!("{} of {count} were heard\n{}", heard(&shop), shop.log());
    };
    let size = || disk(&shop.state()).iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
    until(A_MINUTE / 10);
    let (memory, on_disk, log) = (memory_kib(&emma.id()), size(), shop.log().lines().count());
    until(2 * A_MINUTE);
    let grown = memory_kib(&emma.id()).saturating_sub(memory);
    assert!(grown < SLACK_KIB, "{grown} KiB more");
    // A clock's mark may have been noted meanwhile, which is a page of the journal and nobody's.
    let written = size().saturating_sub(on_disk);
    assert!(written <= 3 * 4_152, "{written} bytes more");
    assert!(shop.log().lines().count() <= log + 3, "{}", shop.log());
    assert_eq!(emma.terminate(), Some(0));
}
