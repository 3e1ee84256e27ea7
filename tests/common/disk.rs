//! A state folder on a small file system of its own, which a test fills.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// The state folder becomes a file system of 8 MB, with what was in it.
pub(crate) const IN_MEMORY: &str = "cp -a \"$1\" \"$1.was\"; mount -t tmpfs -o size=8m,mode=700 tmpfs \"$1\"; cp -a \"$1.was/.\" \"$1\"; rm -r \"$1.was\"";

/// Whether a mount can be made for a test alone, or not once it has said what is skipped.
pub(crate) fn has_namespaces(skipped: &str) -> bool {
    let mounts = ["--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"];
    let has = Command::new("unshare").args(mounts).output().is_ok_and(|output| output.status.success());
    if !has {
        eprintln!("skipped, no mount namespace can be made here: {skipped}");
    }
    has
}

/// Writes this file until not a byte more fits beside it.
pub(crate) fn fill(filler: &Path) {
    let mut file = OpenOptions::new().create(true).append(true).open(filler).unwrap();
    for size in [65_536, 4_096, 1] {
        while file.write_all(&vec![7; size]).is_ok() {}
    }
}
