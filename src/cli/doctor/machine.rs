//! The machine itself: power, clock, disk and card.

use std::path::{Path, PathBuf};

use super::Patient;
use super::finding::Finding;
use super::root::Root;
use super::wifi;
use crate::timesync;

/// Below so much free space (bytes) the outbox of 40 MB and its journal may not fit beside what the system logs.
const LEAST_FREE: u64 = 100 << 20;

/// Below so much free space (bytes) it is time to look.
const LITTLE_FREE: u64 = 500 << 20;

/// The checks of this group.
pub(super) async fn examine(patient: &Patient) -> Vec<Finding> {
    let root = &patient.root;
    let assumed = patient.loaded.gateway.as_ref().is_some_and(|gateway| gateway.clock_assumed);
    let (wifi, power, is_synchronised) = tokio::join!(wifi::check(root), power(root), timesync::synchronised());
    let on = patient.state_folder.ancestors().find(|folder| folder.exists()).map(Path::to_owned).unwrap_or_default();
    let only_scans = patient.loaded.gateway.as_ref().is_some_and(|gateway| !gateway.decides);
    let clock = if only_scans { clock_of_a_scanner(is_synchronised) } else { clock(is_synchronised, assumed) };
    vec![wifi, power, clock, disk(root, &on), card(root)]
}

/// A Pi that only scans asks for no time of day.
fn clock_of_a_scanner(is_synchronised: bool) -> Finding {
    let is = if is_synchronised { "" } else { "not known to be " };
    Finding::ok("clock", format!("{is}synchronised; a Pi that only scans does not need it"))
}

fn clock(is_synchronised: bool, assumed: bool) -> Finding {
    const CHECK: &str = "clock";
    match (assumed, is_synchronised) {
        (true, true) => Finding::note(CHECK, "synchronised; gateway.toml believes it without asking")
            .advise("leave out `[clock] trust = \"assume\"`, which is for a bench"),
        (true, false) => Finding::warn(
            CHECK,
            "not synchronised, and believed all the same: caps and quiet hours may be wrong",
            "`[clock] trust = \"assume\"` is for a bench: leave it out in a shop",
        ),
        (false, true) => Finding::ok(CHECK, "synchronised"),
        (false, false) => Finding::fail(
            CHECK,
            "not known to be synchronised, so no offer is made",
            "timedatectl says why; sudo timedatectl set-ntp true, and let the Pi reach a time server (UDP port 123)",
        ),
    }
}

/// Under-voltage, as the Pi's firmware tells it: bit 0 now, bit 16 since the start (`vcgencmd get_throttled`).
async fn power(root: &Root) -> Finding {
    const CHECK: &str = "power";
    const NOW: u32 = 1;
    const SINCE_START: u32 = 1 << 16;
    let mend = "use the Pi's own power supply and a short cable, and a hub with power for USB radios";
    let answered = match firmware(root) {
        Some(hex) => Some(hex),
        None => root.ask("vcgencmd", &["get_throttled"]).await,
    };
    let bits = answered.as_deref().and_then(throttled);
    match (bits, voltage_alarm(root)) {
        (Some(bits), _) if bits & NOW != 0 => {
            Finding::warn(CHECK, "under-voltage, now: radio and card suffer first", mend)
        }
        (_, Some(true)) => Finding::warn(CHECK, "under-voltage lately: radio and card suffer first", mend),
        (Some(bits), _) if bits & SINCE_START != 0 => {
            Finding::warn(CHECK, "there was under-voltage since the start: radio and card suffer first", mend)
        }
        (Some(_), _) | (_, Some(false)) => Finding::ok(CHECK, "no under-voltage is told"),
        (None, None) if is_a_pi(root) => {
            Finding::unknown(CHECK, "neither vcgencmd nor the kernel's voltage sensor answers")
                .advise("sudo vcgencmd get_throttled: throttled=0x0 is well")
        }
        (None, None) => Finding::unknown(CHECK, "this is no Raspberry Pi; other machines do not tell"),
    }
}

/// The kernel's own window on it; the folder is `soc` up to a Pi 4 and has an address behind it on a Pi 5.
fn firmware(root: &Root) -> Option<String> {
    let chips = root.names("sys/devices/platform").ok()?.into_iter().filter(|name| name.starts_with("soc"));
    let mut answers =
        chips.filter_map(|chip| root.line(&format!("sys/devices/platform/{chip}/{chip}:firmware/get_throttled")));
    answers.next()
}

fn throttled(answer: &str) -> Option<u32> {
    let hex = answer.trim().trim_start_matches("throttled=").trim_start_matches("0x");
    u32::from_str_radix(hex, 16).ok()
}

/// The kernel's `rpi_volt` sensor: an alarm is under-voltage at one of its last looks.
fn voltage_alarm(root: &Root) -> Option<bool> {
    let sensors = root.names("sys/class/hwmon").ok()?;
    let folder = sensors.iter().map(|sensor| format!("sys/class/hwmon/{sensor}"));
    let mut named = folder.filter(|folder| root.line(&format!("{folder}/name")).as_deref() == Some("rpi_volt"));
    Some(root.line(&format!("{}/in0_lcrit_alarm", named.next()?))? == "1")
}

/// Whether the device tree says so.
pub(super) fn is_a_pi(root: &Root) -> bool {
    root.line("proc/device-tree/model").is_some_and(|model| model.contains("Raspberry Pi"))
}

fn disk(root: &Root, folder: &Path) -> Finding {
    const CHECK: &str = "disk";
    let shown = folder.display();
    match mount(root, folder) {
        Some(mount) if mount.read_only => {
            let what = format!("{shown} is mounted read-only: nothing can be remembered, so nothing is said");
            return Finding::fail(CHECK, what, "dmesg says why: often a failing card, which wants to be replaced");
        }
        Some(mount) if mount.is_in_memory() => {
            let what = format!("{shown} is in memory: what was promised to customers is forgotten at a restart");
            return Finding::fail(CHECK, what, "name a folder on the card: [ledger] path in gateway.toml");
        }
        Some(mount) if mount.kind == "overlay" => {
            let what = format!("{shown} is on an overlay, which may be in memory: then promises end at a restart");
            return Finding::warn(CHECK, what, "sudo raspi-config switches the overlay file system off");
        }
        _ => {}
    }
    match rustix::fs::statvfs(folder) {
        Ok(volume) => space(folder, volume.f_bavail.saturating_mul(volume.f_frsize)),
        Err(error) => Finding::unknown(CHECK, format!("{shown}: {error}")),
    }
}

fn space(folder: &Path, free: u64) -> Finding {
    const CHECK: &str = "disk";
    let what = format!("{} MB free for {}", free >> 20, folder.display());
    let clear = "sudo journalctl --vacuum-size=100M, sudo apt clean, and see du -xh / | sort -h | tail";
    if free < LEAST_FREE {
        Finding::fail(CHECK, what, clear)
    } else if free < LITTLE_FREE {
        Finding::warn(CHECK, what, clear)
    } else {
        Finding::ok(CHECK, what)
    }
}

/// What is mounted where a folder lies.
pub(super) struct Mount {
    pub(super) kind: String,
    pub(super) read_only: bool,
}

impl Mount {
    /// Whether what is written there is gone after a restart.
    pub(super) fn is_in_memory(&self) -> bool {
        matches!(self.kind.as_str(), "tmpfs" | "ramfs")
    }
}

/// The mount that `folder`, an absolute path, lies in, by /proc/self/mountinfo (`proc_pid_mountinfo(5)`).
pub(super) fn mount(root: &Root, folder: &Path) -> Option<Mount> {
    let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let table = root.read("proc/self/mountinfo").ok()?;
    let mounts = table.lines().filter_map(|line| {
        let (fields, rest) = line.split_once(" - ")?;
        let mut fields = fields.split(' ').skip(4);
        let (at, options) = (PathBuf::from(fields.next()?.replace("\\040", " ")), fields.next()?);
        let mut rest = rest.split(' ');
        let (kind, of_file_system) = (rest.next()?, rest.nth(1)?);
        let read_only = [options, of_file_system].iter().any(|options| options.split(',').any(|word| word == "ro"));
        folder.starts_with(&at).then(|| (at, Mount { kind: kind.to_owned(), read_only }))
    });
    // Of two on one folder the later covers the earlier.
    mounts.max_by_key(|(at, _)| at.components().count()).map(|(_, mount)| mount)
}

/// Wear, where the card tells it: eMMC does (JEDEC JESD84-B51: `life_time` in tenths, `pre_eol_info`), SD cards do not.
fn card(root: &Root) -> Finding {
    const CHECK: &str = "card";
    let replace = "copy it to a new one before it fails; what was promised to customers is on it";
    let cards =
        root.names("sys/block").unwrap_or_default().into_iter().filter(|name| {
            name.strip_prefix("mmcblk").is_some_and(|number| number.chars().all(|c| c.is_ascii_digit()))
        });
    let mut found = Vec::new();
    for name in cards {
        let read = |file: &str| root.line(&format!("sys/block/{name}/device/{file}"));
        let tenths =
            read("life_time").and_then(|both| both.split(' ').filter_map(hex_byte).max()).filter(|used| *used > 0);
        let end = read("pre_eol_info").as_deref().and_then(hex_byte).filter(|end| *end > 0);
        match (tenths, end) {
            (_, Some(2..)) | (Some(10..), _) => {
                return Finding::warn(CHECK, format!("{name} is at the end of its life"), replace);
            }
            (Some(used), _) => found.push(format!("{name}: at most {} % of its life is used", used.saturating_mul(10))),
            (None, Some(_)) => found.push(format!("{name}: not near its end")),
            (None, None) => {
                let kind = read("type").unwrap_or_else(|| "card".to_owned());
                return Finding::unknown(CHECK, format!("{name} ({kind}) does not tell its wear; SD cards do not"))
                    .advise("take one made for endurance, and change it every few years");
            }
        }
    }
    if found.is_empty() {
        Finding::unknown(CHECK, "there is no SD card or eMMC here")
    } else {
        Finding::ok(CHECK, found.join("; "))
    }
}

fn hex_byte(text: &str) -> Option<u8> {
    u8::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::super::root::tests::fake;
    use super::*;

    #[tokio::test]
    async fn under_voltage_is_told_now_and_since_the_start() {
        const FIRMWARE: [&str; 2] = [
            "sys/devices/platform/soc/soc:firmware/get_throttled",
            "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled",
        ];
        for (bits, verdict, word) in [
            ("0", Verdict::Ok, "no under"),
            ("50005", Verdict::Warn, "now"),
            ("50000", Verdict::Warn, "since"),
            ("e0008", Verdict::Ok, "no under"),
        ] {
            for file in FIRMWARE {
                let (_dir, root) = fake(&[(file, bits)]);
                let found = power(&root).await;
                assert_eq!(found.verdict, verdict, "{bits}");
                assert!(found.what.contains(word), "{bits}: {}", found.what);
            }
        }
        let sensor =
            |alarm| [("sys/class/hwmon/hwmon1/name", "rpi_volt\n"), ("sys/class/hwmon/hwmon1/in0_lcrit_alarm", alarm)];
        let (_dir, root) = fake(&sensor("1\n"));
        assert_eq!(power(&root).await.verdict, Verdict::Warn);
        let (_dir, root) = fake(&sensor("0\n"));
        assert_eq!(power(&root).await.verdict, Verdict::Ok);
    }

    #[tokio::test]
    async fn what_does_not_tell_is_unknown() {
        let (_dir, root) = fake(&[("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.5\0")]);
        assert!(power(&root).await.to_do.contains("vcgencmd"));
        let (_dir, root) = fake(&[("sys/devices/platform/soc/soc:firmware/get_throttled", "rubbish")]);
        assert_eq!(power(&root).await.verdict, Verdict::Unknown);
    }

    #[test]
    fn an_emmc_tells_its_wear_and_an_sd_card_does_not() {
        let emmc = |life: &'static str, end: &'static str| {
            fake(&[("sys/block/mmcblk0/device/life_time", life), ("sys/block/mmcblk0/device/pre_eol_info", end)])
        };
        for (life, end, verdict) in [
            ("0x01 0x02\n", "0x01\n", Verdict::Ok),
            ("0x01 0x0b\n", "0x01\n", Verdict::Warn),
            ("0x01 0x01\n", "0x03\n", Verdict::Warn),
            ("0x00 0x00\n", "0x00\n", Verdict::Unknown),
        ] {
            let (_dir, root) = emmc(life, end);
            assert_eq!(card(&root).verdict, verdict, "{life} {end}");
        }
        let (_dir, root) = fake(&[("sys/block/mmcblk0/device/type", "SD\n"), ("sys/block/mmcblk0boot0/size", "0")]);
        assert!(card(&root).what.contains("(SD)"));
        let (_dir, root) = fake(&[]);
        assert_eq!(card(&root).verdict, Verdict::Unknown);
    }

    #[test]
    fn the_innermost_mount_is_the_one() {
        let table = "20 1 0:1 / / rw,noatime shared:1 - ext4 /dev/root rw\n\
                     30 20 0:2 / /var/lib/bluetooth rw - tmpfs tmpfs rw,size=8M\n\
                     31 20 0:3 / /nowhere/with\\040space rw - ext4 /dev/sda1 ro\nrubbish\n";
        let (_dir, root) = fake(&[("proc/self/mountinfo", table)]);
        let found = |folder: &str| mount(&root, Path::new(folder)).map(|mount| (mount.kind, mount.read_only));
        assert_eq!(found("/var/lib/bluetooth/cache"), Some(("tmpfs".to_owned(), false)));
        assert_eq!(found("/nowhere/emma"), Some(("ext4".to_owned(), false)));
        assert_eq!(found("/nowhere/with space/x"), Some(("ext4".to_owned(), true)));
    }

    #[test]
    fn a_promise_is_not_kept_in_memory() {
        let verdict = |kind: &str, options: &str| {
            let (_dir, root) = fake(&[("proc/self/mountinfo", &format!("1 0 0:1 / / {options} - {kind} x rw\n"))]);
            disk(&root, Path::new("/")).verdict
        };
        assert_eq!([verdict("tmpfs", "rw"), verdict("ext4", "ro,noatime")], [Verdict::Fail, Verdict::Fail]);
        assert_eq!(verdict("overlay", "rw"), Verdict::Warn);
    }

    #[test]
    fn space_is_judged_by_what_emma_writes() {
        let verdict = |megabytes: u64| space(Path::new("/x"), megabytes << 20).verdict;
        assert_eq!([verdict(99), verdict(100), verdict(500)], [Verdict::Fail, Verdict::Warn, Verdict::Ok]);
    }

    #[test]
    fn only_a_clock_that_is_believed_for_a_reason_is_well() {
        let verdict = |is_synchronised, assumed| clock(is_synchronised, assumed).verdict;
        assert_eq!([verdict(true, false), verdict(false, false)], [Verdict::Ok, Verdict::Fail]);
        assert_eq!([verdict(true, true), verdict(false, true)], [Verdict::Note, Verdict::Warn]);
    }
}
