//! What the real binary logs: to the journal with fields, one kind of line so often, at another level for a while; and what
//! `emma status --watch` goes on saying.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/daemon.rs"]
mod daemon;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::sleep;
use std::time::Duration;

use daemon::Shop;
use serde_json::Value;

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(1);
const STEP: Duration = Duration::from_millis(50);

const PROMISE_WITH_AN_ERROR: &str = "caps = 7\n";

fn emma(shop: &Shop, arguments: &[&str]) -> (Option<i32>, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_emma")).args(arguments).arg("--config").arg(shop.config()).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// Waits until the log has that many of a text.
fn until_logged(shop: &Shop, text: &str, times: usize) {
    for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
        if shop.log().matches(text).count() >= times {
            return;
        }
        sleep(STEP);
    }
    panic!("never {times} times {text:?}:\n{}", shop.log());
}

/// Waits until a changed configuration is refused, or is not any more.
fn until_refused(shop: &Shop, refused: bool) {
    for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
        let status: Value = serde_json::from_str(&emma(shop, &["status", "--json"]).1).unwrap_or_default();
        if status["state"]["configuration"]["refused"].is_object() == refused && status["state"].is_object() {
            return;
        }
        sleep(STEP);
    }
    panic!("refused is never {refused}:\n{}", shop.log());
}

#[test]
fn the_level_changes_while_running_and_goes_back() {
    let shop = Shop::new(1);
    let gateway = fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
    shop.write("gateway.toml", &gateway.replace("\"trace\"", "\"info\""));
    let promise = fs::read_to_string(shop.config().join("promise.toml")).unwrap();
    let edit = |comment: &str| {
        shop.write("promise.toml", PROMISE_WITH_AN_ERROR);
        until_refused(&shop, true);
        shop.write("promise.toml", &format!("{promise}# {comment}\n"));
        until_refused(&shop, false);
    };
    let (code, said) = emma(&shop, &["log", "debug"]);
    assert!(code == Some(69) && said.contains("no Emma runs"), "{said}");
    let _emma = shop.run_with(&[]);
    until_logged(&shop, "Emma is up", 1);
    assert_eq!(
        emma(&shop, &["log", "error"]),
        (Some(0), "The log is at error for 3600 s, then at info again.\n".to_owned())
    );
    edit("once");
    assert!(shop.log().contains("is refused"), "an error is told: {}", shop.log());
    assert!(!shop.log().contains("configuration is in force"), "and nothing less: {}", shop.log());
    assert_eq!(emma(&shop, &["log"]), (Some(0), "The log is at info, as configured.\n".to_owned()));
    edit("twice");
    until_logged(&shop, "configuration is in force", 1);
    assert_eq!(emma(&shop, &["log", "trace", "--for", "1s"]).0, Some(0));
    // Once by hand, and once by itself.
    until_logged(&shop, "the log is at this level level=\"info\"", 2);
    let (code, said) = emma(&shop, &["log", "noisy"]);
    assert!(code == Some(64) && said.contains("possible values"), "{said}");
}

#[test]
fn one_kind_of_line_is_told_so_often_and_the_rest_is_counted() {
    let shop = Shop::new(1);
    let _emma = shop.run_with(&[]);
    until_logged(&shop, "Emma is up", 1);
    let promise = fs::read_to_string(shop.config().join("promise.toml")).unwrap();
    // Twenty problems of a file are told, and the rest counted.
    for edit in 1..=6 {
        let rubbish: Vec<String> = (0..20).map(|n| format!("rubbish-{edit}-{n} = 1")).collect();
        shop.write("promise.toml", &format!("{}\n{promise}", rubbish.join("\n")));
        until_logged(&shop, "the changed configuration is refused", edit);
    }
    until_logged(&shop, "held back, to spare the disk", 1);
    let log = shop.log();
    let told = log.lines().filter(|line| line.contains("ERROR") && line.contains("rubbish-")).count();
    assert!((60..120).contains(&told), "{told} of 120 are told:\n{log}");
    let sum = log.lines().find(|line| line.contains("held back")).unwrap();
    assert!(sum.contains(" more=") && sum.contains("like=\"promise.toml"), "{sum}");
}

/// The fields of a datagram in the journal's native protocol (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL>).
fn fields(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        let line = String::from_utf8(bytes[..end].to_vec()).unwrap();
        bytes = &bytes[end + 1..];
        if let Some((name, value)) = line.split_once('=') {
            fields.push((name.to_owned(), value.to_owned()));
        } else {
            let (length, rest) = bytes.split_at(8);
            let length = usize::try_from(u64::from_le_bytes(length.try_into().unwrap())).unwrap();
            fields.push((line, String::from_utf8(rest[..length].to_vec()).unwrap()));
            bytes = &rest[length + 1..];
        }
    }
    fields
}

#[test]
fn the_journal_gets_fields_and_standard_error_nothing() {
    let mounts = ["--user", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs none /run"];
    if !Command::new("unshare").args(mounts).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped, no mount namespaces here: the journal");
        return;
    }
    let shop = Shop::new(1);
    let folder = tempfile::TempDir::new().unwrap();
    let journal = UnixDatagram::bind(folder.path().join("socket")).unwrap();
    journal.set_read_timeout(Some(PATIENCE)).unwrap();
    let emma = shop.run_after(&format!(
        "mount -t tmpfs none /run; mkdir -p /run/systemd/journal; mount --bind {} /run/systemd/journal\n\
         JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2); export JOURNAL_STREAM",
        folder.path().display()
    ));
    let mut buffer = vec![0; 65_536];
    let mut line_of = |message: &str| loop {
        let length = journal.recv(&mut buffer).unwrap_or_else(|_| panic!("never {message}: {}", shop.log()));
        let fields = fields(&buffer[..length]);
        if fields.iter().any(|(name, value)| name == "MESSAGE" && value.starts_with(message)) {
            return fields;
        }
    };
    let value = |fields: &[(String, String)], name: &str| {
        fields.iter().find(|(of, _)| of == name).map(|(_, value)| value.clone())
    };
    let up = line_of("Emma is up");
    assert_eq!(value(&up, "PRIORITY").as_deref(), Some("6"));
    assert_eq!(value(&up, "SYSLOG_IDENTIFIER").as_deref(), Some("emma"));
    assert_eq!(value(&up, "EMMA_VERSION").as_deref(), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!(emma.terminate(), Some(0));
    assert!(!shop.log().contains("Emma is up"), "each line is told once: {}", shop.log());
}

#[test]
fn a_stream_of_somebody_else_is_not_taken_for_the_journal() {
    let shop = Shop::new(1);
    let _emma = shop.run_with(&[("JOURNAL_STREAM", "1:1")]);
    until_logged(&shop, "Emma is up", 1);
}

/// `emma status --watch` with its lines.
fn watching(shop: &Shop, arguments: &[&str]) -> (Child, Receiver<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
    command.args(["status", "--watch"]).args(arguments).arg("--config").arg(shop.config());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let (said, lines) = channel();
    let out = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
    (child, lines)
}

fn until_said(lines: &Receiver<String>, text: &str) -> String {
    loop {
        let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("never {text}"));
        if line.contains(text) {
            return line;
        }
    }
}

#[test]
fn who_watches_sees_a_daemon_go_and_come_back() {
    let shop = Shop::new(1);
    let (mut child, lines) = watching(&shop, &[]);
    until_said(&lines, "no Emma runs on");
    let emma = shop.run_with(&[]);
    let line = until_said(&lines, "; broker ");
    assert!(line.contains(" sensor10; ") && line.contains("; clock assumed"), "{line}");
    assert_eq!(emma.terminate(), Some(0));
    until_said(&lines, "no Emma runs on");
    let _emma = shop.run_with(&[]);
    until_said(&lines, "; broker ");
    assert!(child.try_wait().unwrap().is_none(), "it goes on");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn programs_watch_objects_a_line_and_nobody_who_reads_ends_it() {
    let shop = Shop::new(1);
    let _emma = shop.run_with(&[]);
    until_logged(&shop, "Emma is up", 1);
    let (mut child, lines) = watching(&shop, &["--json"]);
    for _ in 0..2 {
        let status: Value = serde_json::from_str(&lines.recv_timeout(PATIENCE).unwrap()).unwrap();
        assert_eq!(status["state"]["site"], "hall");
        assert!(
            status["counted"]["withheld"]["cap-customer"].is_null() && status["counted"]["withheld"].is_object(),
            "{status}"
        );
        assert!(status["last_error"]["what"].as_str().is_some_and(|what| what.contains("broker")), "{status}");
    }
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(0), "a reader that has gone is no failure");
}
