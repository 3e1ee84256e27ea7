//! What a process knows stays in it: no core dump, no panic that quotes, no file that others may read.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/chance.rs"]
mod chance;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/strangers.rs"]
mod strangers;

use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use std::{env, thread};

use chance::Chance;
use daemon::{CONSENT, Shop};
use strangers::{printed, strangers};
use tempfile::TempDir;

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(1);

/// A user of every system, who may do nothing.
const NOBODY: u32 = 65_534;

/// Names to a process of this test program how it is to fail.
const FAIL: &str = "EMMA_TEST_FAIL";

/// What a stranger's device calls itself.
const NAME: &str = "Zoés Ohrhörer";

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Waits until `condition` holds.
fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..PATIENCE.as_millis() / 20 {
        if condition() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("never happened: {what}");
}

/// Fails as it is told to; on its own a test of nothing.
#[test]
fn failing_process() {
    let Ok(how) = env::var(FAIL) else { return };
    emma::discretion::begin();
    match how.as_str() {
        "slice" => drop(NAME[..3].to_owned()),
        "result" => drop(NAME.parse::<u8>().map_err(|_| NAME).unwrap()),
        "thread" => thread::spawn(|| panic!("{NAME}")).join().unwrap_or_default(),
        "constant" => panic!("the ledger's thread has ended"),
        _ => std::process::abort(),
    }
}

fn fail(how: &str) -> Output {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "failing_process", "--nocapture", "--test-threads=1"]).env(FAIL, how);
    command.env("RUST_BACKTRACE", "1").output().unwrap()
}

#[test]
fn a_panic_s_message_is_left_out_where_it_may_quote_what_was_heard() {
    for how in ["slice", "result", "thread"] {
        let output = fail(how);
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert!(told.contains("tests/discretion.rs:") && told.contains("its message is left out"), "{how}: {told}");
        assert!(!told.contains("Ohr") && !told.contains("Zo"), "{how}: {told}");
    }
    let constant = String::from_utf8_lossy(&fail("constant").stderr).into_owned();
    assert!(constant.contains("the ledger's thread has ended"), "a constant quotes nobody: {constant}");
}

#[test]
fn the_program_itself_panics_without_a_word_of_what_it_held() {
    // No thread may be begun any more, which tokio answers with a panic of many words.
    let mut command = Command::new("prlimit");
    command.args(["--nproc=1", "--", env!("CARGO_BIN_EXE_emma"), "run", "--config"]);
    let shop = Shop::new(1);
    mode(shop.config().parent().unwrap(), 0o755);
    command.arg(shop.config());
    if is_root() {
        // Root may begin as many as it likes.
        command.uid(NOBODY).gid(NOBODY);
    }
    let Ok(output) = command.output() else { return eprintln!("skipped, prlimit is not installed: a real panic") };
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("a fault in Emma herself") && told.contains("its message is left out"), "{told}");
    assert!(!told.contains("Resource temporarily"), "{told}");
}

/// The demo, which needs nothing and lasts long enough to be looked at.
fn demo() -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
    command.arg("demo").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.spawn().unwrap()
}

#[test]
fn a_crash_leaves_no_core_dump_and_nobody_looks_into_the_memory() {
    let mut emma = demo();
    let proc = Path::new("/proc").join(emma.id().to_string());
    let limits = || fs::read_to_string(proc.join("limits")).unwrap_or_default();
    until("no core", || {
        let core = limits().lines().find(|line| line.starts_with("Max core file size")).map(str::to_owned);
        core.is_some_and(|core| core.split_whitespace().filter(|word| *word == "0").count() == 2)
    });
    if is_root() {
        // The system gives the memory of a process that may not be dumped to root, whoever runs it (proc(5)).
        assert_eq!(fs::metadata(proc.join("mem")).unwrap().uid(), 0);
    }
    assert!(Command::new("kill").args(["-ABRT", &emma.id().to_string()]).status().unwrap().success());
    let ended = emma.wait().unwrap();
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(6), false));
    let ended = fail("abort").status;
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(6), false));
}

/// Everything that a process has in memory and may write to.
fn memory(process: &str) -> Vec<u8> {
    let mut all = Vec::new();
    let mut memory = fs::File::open(format!("/proc/{process}/mem")).unwrap();
    for area in fs::read_to_string(format!("/proc/{process}/maps")).unwrap().lines().filter(|area| area.contains(" rw"))
    {
        let (from, to) = area.split(' ').next().unwrap().split_once('-').unwrap();
        let [from, to] = [from, to].map(|address| u64::from_str_radix(address, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        // An area may have gone meanwhile.
        if memory.seek(SeekFrom::Start(from)).is_ok() && memory.read_exact(&mut bytes).is_ok() {
            // What was never used is empty.
            all.extend(bytes.chunks(4_096).filter(|page| page.iter().any(|byte| *byte != 0)).flatten());
        }
    }
    all
}

#[test]
fn what_strangers_transmitted_is_wiped_from_memory_once_it_was_dealt_with() {
    if !is_root() {
        return eprintln!("skipped, only root looks into another process: what is left in memory");
    }
    let shop = Shop::new(1);
    let crowd = strangers(40, &mut Chance(17));
    let lines =
        crowd.iter().enumerate().map(|(index, one)| one.line(10_000 * i64::try_from(index).unwrap(), "sensor10"));
    shop.write("passing.jsonl", &lines.collect::<Vec<_>>().join("\n"));
    let gateway = fs::read_to_string(shop.config().join("gateway.toml")).unwrap().replace("\"auto\"", "\"none\"");
    shop.write("gateway.toml", &format!("{gateway}\n[capture]\nfiles = [\"passing.jsonl\"]\nspeed = 1\n"));
    let emma = shop.run("unix:path=/nowhere");
    until("all have passed", || {
        let mut status = Command::new(env!("CARGO_BIN_EXE_emma"));
        let told = status.args(["status", "--config"]).arg(shop.config()).output().unwrap().stdout;
        String::from_utf8_lossy(&told).contains("played to their end")
    });
    let memory = memory(&emma.id());
    // Behind the header of its first structure, what no other device says, as it is and in hex; and the address as text.
    let parts = crowd.iter().flat_map(|one| {
        let its_own = one.payload[6..14].to_vec();
        [
            hex::encode(&its_own).into_bytes()[..8].to_vec(),
            its_own,
            printed(one.address, ":").into_bytes()[..8].to_vec(),
        ]
    });
    let parts: HashSet<Vec<u8>> = parts.collect();
    assert!(memory.windows(8).any(|part| part == b"sensor10"), "its memory can be read");
    let left: Vec<_> = memory.windows(8).filter(|part| parts.contains(*part)).map(<[u8]>::escape_ascii).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_service_keeps_memory_off_the_disk() {
    let unit = include_str!("../deploy/emma.service");
    for line in ["LimitCORE=0", "MemorySwapMax=0", "UMask=0077", "StateDirectoryMode=0700", "ProtectProc=invisible"] {
        assert!(unit.lines().any(|told| told == line), "{line} is gone from the unit");
    }
}

fn list(shop: &Shop) -> (Option<i32>, String) {
    let output = shop.consent(&["list"]);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_state_folder_that_is_open_to_others_is_refused() {
    let shop = Shop::new(1);
    fs::create_dir(shop.state()).unwrap();
    for open in [0o755, 0o750, 0o710, 0o707] {
        mode(&shop.state(), open);
        let (code, told) = list(&shop);
        assert_eq!(code, Some(78), "{told}");
        assert!(told.contains(&format!("mode {open:03o}")) && told.contains("sudo chmod 700"), "{told}");
        let mut emma = shop.run("unix:path=/nowhere");
        assert_eq!(emma.exit_code(), Some(78));
        assert!(fs::read_dir(shop.state()).unwrap().next().is_none(), "nothing is made in it");
    }
    mode(&shop.state(), 0o700);
    assert_eq!(list(&shop).0, Some(0));
}

#[test]
fn what_a_restored_backup_opened_is_closed_again_and_nothing_else_is_touched() {
    let shop = Shop::new(1);
    shop.import(CONSENT);
    let (ledger, note) = (shop.state().join("ledger.db"), shop.state().join("notes.txt"));
    fs::write(&note, "of whoever looks after this Pi").unwrap();
    mode(&ledger, 0o644);
    mode(&note, 0o644);
    assert_eq!(list(&shop).0, Some(0));
    let modes = [&ledger, &note].map(|file| fs::metadata(file).unwrap().mode() & 0o777);
    assert_eq!(modes, [0o600, 0o644]);
}

#[test]
fn every_file_that_emma_makes_is_its_owners_alone() {
    let shop = Shop::new(1);
    shop.import(CONSENT);
    let _emma = shop.run("unix:path=/nowhere");
    until("it is up", || shop.log().contains("Emma is up"));
    let files: Vec<_> = fs::read_dir(shop.state()).unwrap().map(|entry| entry.unwrap()).collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let mode = file.metadata().unwrap().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{}: mode {mode:03o}", file.path().display());
    }
}

#[test]
fn a_secret_that_everybody_can_read_is_told_at_the_start_without_its_content() {
    let folder = TempDir::new().unwrap();
    let password = folder.path().join("password");
    fs::write(&password, "hunter2").unwrap();
    let shop = Shop::new(1);
    let gateway = fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
    let named = format!("[mqtt]\nusername = \"emma\"\npassword-file = {:?}\n", password.display().to_string());
    shop.write("gateway.toml", &gateway.replace("[mqtt]\n", &named));
    let started = |open: u32| {
        mode(&password, open);
        let before = shop.log().len();
        let emma = shop.run("unix:path=/nowhere");
        until("it is up", || shop.log()[before..].contains("Emma is up"));
        assert_eq!(emma.terminate(), Some(0));
        shop.log()[before..].to_owned()
    };
    let told = started(0o644);
    assert!(told.contains("open to every user of this machine") && told.contains("chmod 400"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
    assert!(!started(0o440).contains("open to every user"), "a group of Emma's own is fine");
}

#[test]
fn records_that_everybody_can_read_are_told_at_the_import() {
    let shop = Shop::new(1);
    let file = shop.config().join("consents.jsonl");
    fs::write(&file, CONSENT).unwrap();
    for (open, told) in [(0o644, true), (0o600, false)] {
        mode(&file, open);
        let output = shop.consent(&["import", file.to_str().unwrap()]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(error.contains("open to every user of this machine"), told, "{error}");
        assert!(output.status.success(), "{error}");
    }
}
