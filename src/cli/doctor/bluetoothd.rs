//! bluetoothd as it is installed, set and started, and what it writes.

use std::path::Path;

use super::bluez::Adapter;
use super::finding::Finding;
use super::machine::mount;
use super::root::{Root, setting};

/// Monitors and what else Emma needs were tried with it and with 5.82; major and minor.
const OLDEST_TRIED: (u32, u32) = (5, 66);

const BLUETOOTH_STATE: &str = "/var/lib/bluetooth";

pub(super) async fn version(root: &Root) -> Finding {
    const CHECK: &str = "bluez-version";
    let Some(answer) = root.ask("bluetoothd", &["--version"]).await else {
        return Finding::unknown(CHECK, "there is no bluetoothd where it usually lies, or it does not tell");
    };
    let shown = answer.trim();
    let number = shown.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    match number {
        Some(number) if number >= OLDEST_TRIED => Finding::ok(CHECK, format!("BlueZ {shown}")),
        Some(_) => {
            let (major, minor) = OLDEST_TRIED;
            let what = format!("BlueZ {shown} is older than {major}.{minor}, the oldest that Emma was tried with");
            Finding::warn(CHECK, what, "use Debian 12 or Raspberry Pi OS Bookworm, or later")
        }
        None => Finding::unknown(CHECK, "bluetoothd tells no version"),
    }
}

/// Whether advertisement monitors are to be had, so that the radio can listen without asking anybody anything.
pub(super) fn monitor(root: &Root, adapter: Option<&Adapter>) -> Finding {
    const CHECK: &str = "monitor";
    let Some(adapter) = adapter else {
        return Finding::unknown(CHECK, "without an adapter BlueZ does not tell");
    };
    if adapter.has_monitor {
        return Finding::ok(CHECK, "bluetoothd offers advertisement monitors: the radio can listen passively");
    }
    let cost = "so every device around is asked for more, and everything that it says comes through";
    let restart = "sudo systemctl restart bluetooth";
    let is_set = setting(&main_conf(root), "General", "Experimental").as_deref() == Some("true");
    let is_flagged = arguments(root).is_some_and(|words| words.iter().any(|word| is_experimental(word)));
    match (is_flagged, is_set) {
        (true, _) => {
            let what = format!("bluetoothd runs with -E and offers no advertisement monitors, {cost}");
            Finding::warn(CHECK, what, "update the kernel (5.10 or later) and BlueZ, then restart the Pi")
        }
        (_, true) => {
            let what = format!("main.conf says Experimental = true, and bluetoothd does not know yet, {cost}");
            Finding::warn(CHECK, what, restart)
        }
        _ => {
            let what = format!("bluetoothd runs without -E and offers no advertisement monitors, {cost}");
            let to_do = format!("Experimental = true below [General] in /etc/bluetooth/main.conf, then {restart}");
            Finding::warn(CHECK, what, to_do)
        }
    }
}

/// What the running bluetoothd was started with; nothing where none is seen.
fn arguments(root: &Root) -> Option<Vec<String>> {
    let processes = root.names("proc").ok()?.into_iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let lines = processes.filter_map(|process| root.read(&format!("proc/{process}/cmdline")).ok());
    let mut daemons = lines.filter(|line| {
        line.split('\0')
            .next()
            .is_some_and(|program| Path::new(program).file_name().is_some_and(|name| name == "bluetoothd"))
    });
    Some(daemons.next()?.split('\0').skip(1).map(str::to_owned).collect())
}

/// What bluetoothd is configured with: the file that it was told of, as the package does, else its usual one.
fn main_conf(root: &Root) -> String {
    let arguments = arguments(root).unwrap_or_default();
    let told = arguments.iter().enumerate().find_map(|(index, word)| match word.strip_prefix("--configfile=") {
        Some(path) => Some(path),
        None if word == "-f" || word == "--configfile" => arguments.get(index.saturating_add(1)).map(String::as_str),
        None => word.strip_prefix("-f").filter(|path| path.starts_with('/')),
    });
    let path = told.unwrap_or("/etc/bluetooth/main.conf");
    root.read(path.trim_start_matches('/')).unwrap_or_default()
}

/// `-E`, also among other letters, and `--experimental`.
fn is_experimental(word: &str) -> bool {
    match word.strip_prefix("--") {
        Some(long) => long == "experimental",
        None => word.strip_prefix('-').is_some_and(|letters| letters.contains('E')),
    }
}

pub(super) fn le_only(root: &Root, driver: &str) -> Finding {
    const CHECK: &str = "le-only";
    let mode = setting(&main_conf(root), "General", "ControllerMode").unwrap_or_else(|| "dual".to_owned());
    let mend = "ControllerMode = le below [General] in /etc/bluetooth/main.conf, then sudo systemctl restart bluetooth";
    match (mode.as_str(), driver) {
        ("le", _) => Finding::ok(CHECK, "BlueZ is told that there is LE alone"),
        ("bredr", _) => {
            Finding::fail(CHECK, "BlueZ is told that there is classic Bluetooth alone: no beacon is heard", mend)
        }
        (_, "bluez") => {
            let what = "BlueZ also knows classic Bluetooth; Emma asks for LE alone, another program's search may not";
            Finding::note(CHECK, what).advise(mend)
        }
        _ => {
            let what = "BlueZ also looks for classic devices, 5.12 s of every 10.24: half of all beacons are lost";
            Finding::warn(CHECK, what, mend)
        }
    }
}

/// bluetoothd writes a file for each device that it discovers, with its name. They are other people's.
pub(super) fn strangers(root: &Root) -> Finding {
    const CHECK: &str = "stranger-cache";
    let mend = "keep the folder in memory, as the package does: deploy/by-hand.md, step 3";
    if mount(root, Path::new(BLUETOOTH_STATE)).is_some_and(|mount| mount.is_in_memory()) {
        return Finding::ok(CHECK, format!("{BLUETOOTH_STATE} is in memory"));
    }
    let folder = BLUETOOTH_STATE.trim_start_matches('/');
    match root.names(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Finding::note(CHECK, format!("there is no {BLUETOOTH_STATE} yet; it would be on disk")).advise(mend)
        }
        Err(error) => {
            let what = format!(
                "{BLUETOOTH_STATE} is on disk, where BlueZ keeps names of strangers' devices; how many cannot be read: {error}"
            );
            Finding::warn(CHECK, what, mend)
        }
        Ok(adapters) => {
            let cached =
                |adapter: &String| root.names(&format!("{folder}/{adapter}/cache")).map_or(0, |files| files.len());
            let count: usize = adapters.iter().map(cached).sum();
            let what = format!("{BLUETOOTH_STATE} is on disk, with files about strangers' devices: {count}");
            if count == 0 { Finding::note(CHECK, what).advise(mend) } else { Finding::warn(CHECK, what, mend) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::super::root::tests::{fake, program};
    use super::*;

    fn adapter(has_monitor: bool) -> Adapter {
        Adapter { name: "hci0".to_owned(), powered: true, has_monitor }
    }

    #[tokio::test]
    async fn the_version_is_the_program_s_own() {
        let (dir, root) = fake(&[("usr/libexec/bluetooth/bluetoothd", "#!/bin/sh\necho 5.50\n")]);
        assert_eq!(version(&root).await.verdict, Verdict::Unknown, "it cannot be run");
        for (printed, verdict) in [
            ("5.50", Verdict::Warn),
            ("5.66", Verdict::Ok),
            ("5.82", Verdict::Ok),
            ("6.0", Verdict::Ok),
            ("?", Verdict::Unknown),
        ] {
            program(dir.path(), "usr/libexec/bluetooth/bluetoothd", printed);
            assert_eq!(version(&root).await.verdict, verdict, "{printed}");
        }
    }

    #[test]
    fn without_a_monitor_it_is_said_why_and_what_to_do() {
        let what = |files: &[(&str, &str)]| {
            let (_dir, root) = fake(files);
            let found = monitor(&root, Some(&adapter(false)));
            assert_eq!(found.verdict, Verdict::Warn);
            format!("{} / {}", found.what, found.to_do)
        };
        let plain =
            what(&[("proc/7/cmdline", "/usr/libexec/bluetooth/bluetoothd\0-d\0"), ("proc/8/cmdline", "grep\0-E\0")]);
        assert!(plain.contains("runs without -E") && plain.contains("Experimental = true"), "{plain}");
        let old = what(&[("proc/7/cmdline", "/usr/lib/bluetooth/bluetoothd\0-nE\0")]);
        assert!(old.contains("runs with -E") && old.contains("kernel"), "{old}");
        let set = what(&[("etc/bluetooth/main.conf", "[General]\nExperimental = true\n")]);
        assert!(set.contains("does not know yet"), "{set}");
        let (_dir, root) = fake(&[]);
        assert_eq!(monitor(&root, Some(&adapter(true))).verdict, Verdict::Ok);
        assert_eq!(monitor(&root, None).verdict, Verdict::Unknown);
    }

    #[test]
    fn only_one_kind_of_bluetooth_is_wanted() {
        let verdict = |mode: &str, driver| {
            let (_dir, root) = fake(&[("etc/bluetooth/main.conf", &format!("[General]\n{mode}\n"))]);
            le_only(&root, driver).verdict
        };
        assert_eq!(verdict("ControllerMode = le", "btleplug"), Verdict::Ok);
        assert_eq!(verdict("#ControllerMode = dual", "btleplug"), Verdict::Warn);
        assert_eq!(verdict("#ControllerMode = dual", "bluez"), Verdict::Note);
        assert_eq!(verdict("ControllerMode = bredr", "bluez"), Verdict::Fail);
    }

    #[test]
    fn the_file_that_bluetoothd_was_told_of_is_the_one_that_counts() {
        for told in [
            "-E\0-f\0/run/told.conf",
            "-f/run/told.conf",
            "--configfile=/run/told.conf",
            "--configfile\0/run/told.conf",
        ] {
            let (_dir, root) = fake(&[
                ("etc/bluetooth/main.conf", "[General]\nControllerMode = dual\n"),
                ("run/told.conf", "[General]\nControllerMode = dual\n[General]\nControllerMode = le\n"),
                ("proc/7/cmdline", &format!("/usr/libexec/bluetooth/bluetoothd\0{told}\0")),
            ]);
            assert_eq!(le_only(&root, "bluez").verdict, Verdict::Ok, "{told}");
        }
    }

    #[test]
    fn strangers_on_disk_are_counted_and_never_named() {
        let (_dir, root) = fake(&[
            ("var/lib/bluetooth/00:11:22:33:44:55/cache/DE:AD:BE:EF:13:37", "[General]\nName=Anna's headphones\n"),
            ("var/lib/bluetooth/00:11:22:33:44:55/settings", ""),
        ]);
        let found = strangers(&root);
        assert_eq!(found.verdict, Verdict::Warn);
        assert!(found.what.ends_with(": 1"), "{}", found.what);
        assert!(!format!("{found:?}").contains("DE:AD") && !format!("{found:?}").contains("Anna"));
        let memory = "36 20 0:31 / /var/lib/bluetooth rw,relatime - tmpfs tmpfs rw,size=8192k,mode=700\n";
        let (_dir, root) = fake(&[("proc/self/mountinfo", memory)]);
        assert_eq!(strangers(&root).verdict, Verdict::Ok);
        let (_dir, root) = fake(&[]);
        assert_eq!(strangers(&root).verdict, Verdict::Note);
    }
}
