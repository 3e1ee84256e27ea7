//! A root file system that is mounted read-only: Emma writes into her state folder and nowhere else.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/crowd.rs"]
mod crowd;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/disk.rs"]
mod disk;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use broker::Mosquitto;
use daemon::Shop;
use disk::has_namespaces;

/// Everything but the state folder is read-only, and that is tried. What the kernel itself makes up is no disk.
const READ_ONLY: &str = r#"mount --make-rprivate /
mount --bind "$1" "$1"
for place in $(cut -d' ' -f5 /proc/self/mountinfo | sort -u); do
  case "$place" in "$1"|/proc*|/sys*|/dev*) continue;; esac
  mount -o remount,bind,ro "$place"
done
if touch "$1/../tried" 2>/dev/null; then echo "not read-only" >&2; exit 9; fi"#;

fn can_be_read_only(shop: &Shop) -> bool {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-ec", READ_ONLY, "sh"]).arg(shop.state());
    command.output().is_ok_and(|output| output.status.success())
}

#[test]
fn with_a_read_only_root_offers_are_made_and_customers_forgotten() {
    const SKIPPED: &str = "a read-only root";
    if !has_namespaces(SKIPPED) {
        return;
    }
    let Some(broker) = Mosquitto::start(SKIPPED, "persistence false") else { return };
    let shop = crowd::shop(broker.port, 100);
    crowd::come(&shop, 0..100, 200_000);
    if !can_be_read_only(&shop) {
        eprintln!("skipped, a mount of this machine cannot be made read-only here: {SKIPPED}");
        return;
    }
    let emma = shop.run_after(READ_ONLY);
    shop.until("offers are made", |log| log.matches("an offer is committed").count() > 10);
    assert!(shop.consent(&["withdraw", "c00001"]).status.success());
    assert_eq!(written(&emma.id(), &shop.state()), Vec::<PathBuf>::new());
    assert_eq!(emma.terminate(), Some(0));
    assert!(!shop.holds("c00001"));
}

/// The files outside of the state folder that the process has open for writing, but for its log.
fn written(process: &str, state: &Path) -> Vec<PathBuf> {
    // How a file was opened (open(2), fcntl.h).
    const FOR_WRITING: u32 = 0o3;
    let folder = Path::new("/proc").join(process);
    let mut found = Vec::new();
    for descriptor in fs::read_dir(folder.join("fd")).unwrap().map(Result::unwrap) {
        let Ok(file) = fs::read_link(descriptor.path()) else { continue };
        let is_file = fs::metadata(descriptor.path()).is_ok_and(|file| file.mode() & 0o170_000 == 0o100_000);
        let info = fs::read_to_string(folder.join("fdinfo").join(descriptor.file_name())).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).map_or("0", str::trim);
        let writes = u32::from_str_radix(flags, 8).unwrap() & FOR_WRITING != 0;
        let is_log = descriptor.file_name() == "2";
        if is_file && writes && !is_log && !file.starts_with(state) {
            found.push(file);
        }
    }
    found
}
