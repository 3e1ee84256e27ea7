//! What is shipped has been run: the configuration, its templates, and the systemd unit.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
#![allow(unreachable_pub, dead_code, reason = "the helpers' modules are shared by tests")]

#[path = "common/shipped.rs"]
mod shipped;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use shipped::{FILES, Shop, TUESDAY_10, among_the_shoes, consent, emma, shipped};

#[test]
fn the_shipped_configuration_passes_its_own_check() {
    let folder = shipped();
    let ended = emma(&["check", "--config", folder.to_str().unwrap()]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    assert!(ended.out.starts_with("5 files, all is well.\n"), "not even a warning: {}", ended.out);
}

#[test]
fn a_template_is_the_shipped_file() {
    for file in FILES {
        assert_eq!(emma(&["config", file]).out, fs::read_to_string(shipped().join(file)).unwrap(), "{file}");
    }
}

#[test]
fn the_shipped_shop_makes_its_offer() {
    let shop = Shop::new();
    let consents = shop.write("consents.jsonl", consent(1, 1));
    let capture = shop.write("tuesday.jsonl", among_the_shoes(1, TUESDAY_10, 30));
    let ended = shop.emma(&["replay", "--consents", &consents, &capture]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let told: Vec<serde_json::Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<&str> = told.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        ["visit.started", "zone.entered", "offer.delivered", "offer.withheld", "zone.left", "visit.ended"],
        "{}",
        ended.out
    );
    assert_eq!((&told[1]["zone"], &told[2]["campaign"]), (&"shoes".into(), &"shoes-fitting".into()));
    assert_eq!((&told[3]["campaign"], &told[3]["reason"]), (&"shoes-socks".into(), &"outranked".into()));
}

/// The unit's options: section and key to values, in order.
fn unit() -> BTreeMap<(String, String), Vec<String>> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/emma.service")).unwrap();
    let mut section = String::new();
    let mut options: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').into();
        } else {
            let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("no option: {line}"));
            options.entry((section.clone(), key.to_owned())).or_default().push(value.to_owned());
        }
    }
    options
}

#[test]
fn the_unit_starts_what_there_is() {
    let unit = unit();
    let service = |key: &str| unit.get(&("Service".to_owned(), key.to_owned())).map(|values| values.join(" "));
    let start = service("ExecStart").unwrap();
    let words: Vec<&str> = start.split_whitespace().collect();
    let [program, subcommand, arguments @ ..] = &words[..] else { panic!("{start}") };
    assert!(Path::new(program).is_absolute() && program.ends_with("/emma"), "{program}");
    let help = emma(&[subcommand, "--help"]);
    assert_eq!(help.code, 0, "{subcommand}");
    for option in arguments.iter().filter(|word| word.starts_with('-')) {
        assert!(help.out.contains(option), "emma {subcommand} has no {option}");
    }
    assert!(help.out.contains(&format!("[default: {}]", arguments.last().unwrap())), "the usual folder: {}", help.out);
    assert_eq!(service("StateDirectory").as_deref(), Some("emma"));
    assert_eq!(service("StateDirectoryMode").as_deref(), Some("0700"));
    assert_eq!(service("RuntimeDirectory").as_deref(), Some("emma"), "where docs/metrics.md has a socket");
    assert_eq!(service("RuntimeDirectoryMode").as_deref(), Some("0750"), "its collector is of Emma's group");
    assert_eq!(service("Type").as_deref(), Some("notify"));
    assert_eq!(service("NotifyAccess").as_deref(), Some("main"), "she says herself that she is up");
    assert_eq!(service("WatchdogSec").as_deref(), Some("60s"), "a loop that is stuck is started again");
    assert_eq!(service("LimitCORE").as_deref(), Some("0"), "a core dump would hold everyone's pseudonym");

    let page = emma(&["exit-codes"]).out;
    for code in service("RestartPreventExitStatus").unwrap().split_whitespace() {
        assert!(page.lines().any(|line| line.trim_start().starts_with(&format!("{code}  "))), "{code}");
    }
}

#[test]
fn the_unit_has_no_option_that_nobody_knows() {
    // Those of systemd 252 and later that the unit uses; a slip of the pen would only be a line in the journal.
    const KNOWN: &[&str] = &[
        "After",
        "AmbientCapabilities",
        "CapabilityBoundingSet",
        "Description",
        "Documentation",
        "ExecReload",
        "ExecStart",
        "Group",
        "LimitCORE",
        "LockPersonality",
        "MemoryDenyWriteExecute",
        "MemoryMax",
        "MemorySwapMax",
        "NoNewPrivileges",
        "NotifyAccess",
        "PrivateDevices",
        "PrivateMounts",
        "PrivateTmp",
        "ProcSubset",
        "ProtectClock",
        "ProtectControlGroups",
        "ProtectHome",
        "ProtectHostname",
        "ProtectKernelLogs",
        "ProtectKernelModules",
        "ProtectKernelTunables",
        "ProtectProc",
        "ProtectSystem",
        "RemoveIPC",
        "Restart",
        "RestartMaxDelaySec",
        "RestartPreventExitStatus",
        "RestartSec",
        "RestartSteps",
        "RestrictAddressFamilies",
        "RestrictNamespaces",
        "RestrictRealtime",
        "RestrictSUIDSGID",
        "RuntimeDirectory",
        "RuntimeDirectoryMode",
        "StartLimitIntervalSec",
        "StateDirectory",
        "StateDirectoryMode",
        "SystemCallArchitectures",
        "SystemCallErrorNumber",
        "SystemCallFilter",
        "TasksMax",
        "TimeoutStartSec",
        "TimeoutStopSec",
        "Type",
        "UMask",
        "User",
        "WantedBy",
        "Wants",
        "WatchdogSec",
    ];
    for (section, key) in unit().keys() {
        assert!(["Unit", "Service", "Install"].contains(&section.as_str()), "[{section}]");
        assert!(KNOWN.contains(&key.as_str()), "{key}: a slip, or add it here");
    }
}

#[test]
fn the_readme_s_smallest_configuration_is_one() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let smallest = readme.split("<!-- smallest -->").nth(1).unwrap().split("<!-- /smallest -->").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for block in smallest.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        let name = block.strip_prefix("# ").unwrap().split(':').next().unwrap();
        fs::write(folder.path().join(name), block).unwrap();
    }
    let ended = emma(&["check", "--config", folder.path().to_str().unwrap()]);
    assert_eq!(ended.code, 0, "{}", ended.out);
    assert!(ended.out.starts_with("5 files, all is well.\n"), "{}", ended.out);
}

#[test]
fn the_readme_tells_every_subcommand() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let help = emma(&["--help"]).out;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    for name in listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        assert!(readme.contains(&format!("| `emma {name}` |")), "emma {name}");
    }
}

/// A doctor's line that a document quotes: `fail adapter: bluetoothd does not run`.
fn quoted_findings(document: &str) -> Vec<(String, String, String)> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap();
    let quoted = text.split('`').skip(1).step_by(2).filter_map(|quoted| {
        let (head, words) = quoted.split_once(": ").or_else(|| Some((quoted.strip_suffix(':')?, "")))?;
        let (verdict, check) = head.split_once(' ')?;
        let is_verdict = ["ok", "note", "warn", "fail", "unknown"].contains(&verdict);
        is_verdict.then(|| (verdict.to_owned(), check.to_owned(), words.to_owned()))
    });
    quoted.collect()
}

#[test]
fn each_line_of_the_doctor_that_troubleshooting_quotes_is_one_that_she_says() {
    // A sentence and its verdict stand together; what lies between them is the other arm of a match at the most.
    const NEAR_LINES: usize = 4;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/doctor");
    let files: Vec<String> =
        fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let quoted = quoted_findings("deploy/README.md");
    assert!(quoted.len() >= 20, "symptoms are told by what the doctor says: {quoted:?}");
    for (verdict, check, words) in quoted {
        let said = files.iter().filter(|file| file.contains(&format!("\"{check}\""))).any(|file| {
            let program = file.split("#[cfg(test)]").next().unwrap();
            let lines: Vec<&str> = program.lines().collect();
            let spoken = lines.iter().enumerate().filter(|(_, line)| line.contains('"') && line.contains(&words));
            spoken.map(|(at, _)| &lines[at.saturating_sub(NEAR_LINES)..lines.len().min(at + NEAR_LINES)]).any(|near| {
                let calls = [format!("Finding::{verdict}("), format!(" {verdict}(")];
                near.iter().any(|line| calls.iter().any(|call| line.contains(call)))
            })
        });
        assert!(said, "deploy/README.md quotes what the doctor does not say: `{verdict} {check}: {words}`");
    }
}
