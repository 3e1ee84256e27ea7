//! The Debian package as retail ops meet it: built by the documented command, installed, upgraded, removed and purged on a clean
//! Debian. What asks a running systemd for something is not run here: nothing is started in that Debian.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/debian.rs"]
mod debian;

use std::fs;
use std::path::Path;
use std::process::Output;

use debian::{Debian, older_package, package};
use emma::clock::Clock;

/// How exposed the service may be at the most, on systemd's scale of ten.
const MOST_EXPOSED: f64 = 2.0;

/// What systemd 252, Debian 12's, does not know yet: it goes without.
const UNKNOWN_TO_252: [&str; 2] = ["'RestartSteps'", "'RestartMaxDelaySec'"];

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A ledger of the first schema, with one offer of an hour ago, in the place of whatever is there.
fn ledger_of_the_first_version(debian: &Debian) {
    let hour_ago = Clock::start().wall_us() - 3_600_000_000;
    let sql = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/package/ledger-1.sql")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.db");
    let ledger = rusqlite::Connection::open(&file).unwrap();
    ledger.execute_batch(&sql.replace("1795510825000000", &hour_ago.to_string())).unwrap();
    drop(ledger);
    debian.put(&file, "/var/lib/emma/ledger.db");
    debian.sh("rm -f /var/lib/emma/emma.*; chown emma:emma /var/lib/emma/ledger.db; chmod 600 /var/lib/emma/ledger.db");
}

#[test]
fn a_clean_debian_gets_a_service_that_waits_for_its_shop() {
    let Some(debian) = Debian::new("the package on a clean Debian") else { return };
    let printed = debian.install(package());
    assert!(printed.contains("the shop in /etc/emma is an example") && printed.contains("emma check"), "{printed}");

    for file in [
        "/usr/share/man/man1/emma.1.gz",
        "/usr/share/man/man1/emma-consent-import.1.gz",
        "/usr/share/man/man5/emma-config.5.gz",
        "/usr/share/bash-completion/completions/emma",
        "/usr/share/zsh/vendor-completions/_emma",
        "/usr/share/fish/vendor_completions.d/emma.fish",
        "/usr/share/doc/emma/README.Debian",
        "/usr/share/doc/emma/changelog.gz",
        "/usr/share/doc/emma/what-changed.md.gz",
        "/usr/share/doc/emma/licences.gz",
        "/usr/share/polkit-1/rules.d/50-emma.rules",
        "/usr/share/dbus-1/system.d/emma.conf",
    ] {
        assert!(debian.path(file).is_file(), "{file} is not there");
    }
    let copyright = fs::read_to_string(debian.path("/usr/share/doc/emma/copyright")).unwrap();
    assert!(copyright.contains("License: MIT or Apache-2.0") && copyright.contains("\n  rusqlite "), "{copyright}");
    assert_eq!(debian.sh("getent passwd emma | cut -d: -f6,7").trim(), "/var/lib/emma:/usr/sbin/nologin");
    assert_eq!(
        debian.sh("stat -c '%a %U:%G' /var/lib/emma /etc/emma /etc/emma/promise.toml").trim(),
        "700 emma:emma\n755 root:root\n644 root:root"
    );
    assert_eq!(
        debian.sh("find /etc/systemd/system -name 'emma*'"),
        "",
        "it is not enabled: nobody's shop is the example"
    );
    assert!(!debian.sh("emma check").is_empty());
    let consents = debian.emma(&["consent", "list"]);
    assert!(consents.status.success(), "Emma's user needs no start for that: {}", said(&consents));
}

#[test]
fn the_units_verify_and_are_exposed_little() {
    let Some(debian) = Debian::new("the package's units") else { return };
    debian.install(package());
    for unit in ["emma.service", "bluetooth.service", "var-lib-bluetooth.mount"] {
        let verified = debian.command("systemd-analyze").args(["verify", "--man=no", unit]).output().unwrap();
        assert!(verified.status.success(), "{unit}: {}", said(&verified));
        let complaints = said(&verified);
        let ours = complaints.lines().filter(|line| line.contains("emma") || line.contains("bluetooth"));
        let ours: Vec<_> = ours.filter(|line| !UNKNOWN_TO_252.iter().any(|key| line.contains(key))).collect();
        assert!(ours.is_empty(), "{unit}: {ours:?}");
    }
    let bluetooth = debian.sh("systemd-analyze cat-config systemd/system/bluetooth.service");
    assert!(bluetooth.contains("bluetoothd -E -f /run/bluetooth-main.conf"), "{bluetooth}");
    let bluetoothd = bluetooth.lines().rev().find_map(|line| line.strip_prefix("ExecStart=/")).unwrap();
    let program = bluetoothd.split(' ').next().unwrap();
    assert!(debian.path(program).is_file(), "BlueZ lies elsewhere: {program}");

    let unit = "$(find /lib/systemd/system /usr/lib/systemd/system -name emma.service | head -1)";
    let judged = debian.sh(&format!("systemd-analyze security --offline=true --no-pager {unit} 2>&1"));
    let overall = judged.lines().find_map(|line| line.split_once("exposure level for emma.service: ")).unwrap().1;
    let exposure: f64 = overall.split(' ').next().unwrap().parse().unwrap();
    assert!(exposure <= MOST_EXPOSED, "{judged}");
}

#[test]
fn bluetoothd_reads_what_others_wrote_and_emmas_word_after_it() {
    let Some(debian) = Debian::new("BlueZ's configuration") else { return };
    debian.install(package());
    let drop_in = fs::read_to_string(debian.path("/usr/lib/systemd/system/bluetooth.service.d/emma.conf")).unwrap();
    let line = drop_in.lines().find_map(|line| line.strip_prefix("ExecStartPre=-+/bin/sh -c '")).unwrap();
    let line = line.strip_suffix('\'').unwrap();
    for main_conf in ["[General]\nName = Till\nControllerMode = dual\n[Policy]\nAutoEnable = true", ""] {
        fs::write(debian.path("/etc/bluetooth/main.conf"), main_conf).unwrap();
        debian.sh(line);
        let read = fs::read_to_string(debian.path("/run/bluetooth-main.conf")).unwrap();
        let lines: Vec<&str> = read.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        assert!(read.starts_with(main_conf) && lines.ends_with(&["[General]", "ControllerMode = le"]), "{read}");
        // Seen by the doctor, on a machine of files where it runs.
        debian.sh("mkdir -p /machine/proc/7 /machine/run; cp /run/bluetooth-main.conf /machine/run");
        let running = format!("{}\0-E\0-f\0/run/bluetooth-main.conf\0", "/usr/libexec/bluetooth/bluetoothd");
        fs::write(debian.path("/machine/proc/7/cmdline"), running).unwrap();
        let told = said(&debian.emma(&["doctor", "--root", "/machine"]));
        assert!(told.contains("ok      le-only           BlueZ is told that there is LE alone"), "{told}");
    }
    debian.sh("rm /etc/bluetooth/main.conf");
    debian.command("sh").args(["-c", line]).output().unwrap();
    assert!(fs::read_to_string(debian.path("/run/bluetooth-main.conf")).unwrap().contains("ControllerMode = le"));
}

#[test]
fn an_upgrade_keeps_what_was_edited_and_what_was_promised() {
    let Some(debian) = Debian::new("an upgrade of the package") else { return };
    debian.install(older_package());
    assert_eq!(debian.sh("dpkg-query -W -f '${Version}' emma"), "0.0.9");
    debian.sh("sed -i 's/corner-shop/high-street/' /etc/emma/gateway.toml; echo secret >/etc/emma/mqtt-password");
    debian.sh("chmod 400 /etc/emma/mqtt-password; chown emma /etc/emma/mqtt-password");
    let edited = fs::read_to_string(debian.path("/etc/emma/gateway.toml")).unwrap();
    ledger_of_the_first_version(&debian);

    let printed = debian.install(package());
    assert!(!printed.contains("is an example"), "whoever upgrades has a shop: {printed}");
    assert_eq!(fs::read_to_string(debian.path("/etc/emma/gateway.toml")).unwrap(), edited);
    let zones = fs::read_to_string(debian.path("/etc/emma/zones.toml")).unwrap();
    assert!(!zones.contains("Of an older version"), "nobody edited it: the new one is taken");
    assert_eq!(debian.sh("stat -c '%a %U' /etc/emma/mqtt-password").trim(), "400 emma");

    let export = debian.emma(&["consent", "export", "me", "--json"]);
    assert!(export.status.success(), "the first version's ledger is brought to this one's: {}", said(&export));
    assert!(said(&export).contains("shoes-fitting"), "and has the offer that was made: {}", said(&export));

    // As a newer Emma, rolled back, would leave it.
    let ledger = debian.path("/var/lib/emma/ledger.db");
    let raw = rusqlite::Connection::open(&ledger).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    debian.sh("chown -R emma:emma /var/lib/emma");
    let before = fs::read(&ledger).unwrap();
    let refused = debian.emma(&["run"]);
    assert_eq!(refused.status.code(), Some(65), "{}", said(&refused));
    assert!(said(&refused).contains("newer"), "{}", said(&refused));
    assert!(fs::read(&ledger).unwrap() == before, "it is left as it was, to the byte");
}

#[test]
fn a_removal_keeps_the_shop_and_a_purge_leaves_nothing() {
    let Some(debian) = Debian::new("the package removed and purged") else { return };
    let before = debian.files();
    debian.install(package());
    debian.sh("echo secret >/etc/emma/mqtt-password; touch /run/bluetooth-main.conf");
    ledger_of_the_first_version(&debian);
    debian.sh("apt-get remove -y emma 2>&1");
    for file in ["/etc/emma/gateway.toml", "/etc/emma/mqtt-password", "/var/lib/emma/ledger.db"] {
        assert!(debian.path(file).exists(), "{file} is what a removal keeps");
    }
    let left: Vec<_> = debian.files().into_keys().filter(|path| !before.contains_key(path)).collect();
    let strays = left.iter().filter(|path| !["./etc/emma", "./var/lib/emma"].iter().any(|kept| path.starts_with(kept)));
    let strays: Vec<_> = strays.filter(|path| !path.starts_with("./var/lib/systemd/deb-systemd-helper")).collect();
    assert!(strays.is_empty(), "BlueZ is as it was: {strays:?}");
    debian.sh("apt-get purge -y emma 2>&1");
    let after = debian.files();
    let differs = |path: &&String| before.get(*path) != after.get(*path);
    // Backups of the list of users, and the caches of what is installed.
    let expected = ["passwd-", "group-", "shadow-", "gshadow-", "ld.so.cache"].map(|name| format!("./etc/{name}"));
    let mut changed: Vec<_> =
        before.keys().chain(after.keys()).filter(differs).filter(|path| !expected.contains(path)).collect();
    changed.dedup();
    assert!(changed.is_empty(), "a purge leaves nothing: {changed:?}");
}
