//! The lines that nothing else holds: what the core may not know, how long a file may be, what the map may not forget.
//! Each failure says where the thing belongs.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fs;
use std::path::{Path, PathBuf};

/// What the core may not know, and where it belongs instead.
const NOT_IN_THE_CORE: &[(&str, &str)] = &[
    ("async", "the core waits for nothing: hand in what happened, and wait in src/daemon.rs"),
    ("await", "the core waits for nothing: hand in what happened, and wait in src/daemon.rs"),
    ("tokio", "tasks and channels belong to src/daemon.rs and the shells it joins"),
    ("rusqlite", "what must survive is asked for with an Effect and written in src/ledger/"),
    ("rumqttc", "what is said is committed by the ledger and sent by src/mqtt/"),
    ("btleplug", "what is heard comes in as an Advertisement from src/radio/"),
    ("std::fs", "files are read by src/config/, src/radio/capture/ and src/ledger/"),
    ("std::net", "sockets belong to src/mqtt/ and src/control.rs"),
    ("std::thread", "the one thread there is belongs to src/ledger/thread.rs"),
    ("Instant", "time comes in as a Moment; src/clock.rs alone asks for it"),
    ("SystemTime", "time comes in as a Moment; src/clock.rs alone asks for it"),
    ("getrandom", "randomness comes in as a Key; src/ledger/ makes it"),
    ("tracing", "the core says what happened with an Effect; src/daemon.rs logs it"),
    ("crate::radio", "the core knows no shell"),
    ("crate::ledger", "the core knows no shell"),
    ("crate::mqtt", "the core knows no shell"),
    ("crate::daemon", "the core knows no shell"),
    ("crate::cli", "the core knows no shell"),
];

/// Where what identifies somebody may be named: what hears, decodes and attributes, what writes captures and plays them, the
/// configuration's fixed beacons, and the doors through which a transmission is handed to the core.
const MAY_KNOW_DEVICES: &[&str] = &[
    "src/radio/",
    "src/sharing/",
    "src/cli/",
    "src/config/fixed.rs",
    "src/daemon.rs",
    "src/scanner.rs",
    "src/gateway/advertisement.rs",
    "src/gateway/consent/",
    "src/gateway/decode/",
    "src/gateway/effect.rs",
    "src/gateway/fixture.rs",
    "src/gateway/mod.rs",
    "src/gateway/sharing.rs",
    "src/inventory.rs",
];

/// The types that hold an address, a payload, an identifier or a key.
const OF_DEVICES: [&str; 6] = ["Advertisement", "Address", "AddressKind", "Frame", "Identifier", "Rotating"];

/// What says to a regulator which test shows what.
const FOR_A_REGULATOR: [&str; 2] = ["docs/threat-model.md", "docs/privacy.md"];

/// A file that is read in one sitting.
const LONGEST_FILE: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `folder`, by path from the package's root.
fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The lines of a file that run in production, numbered: no comments, and nothing from the first test module on.
fn code(path: &Path) -> Vec<(usize, String)> {
    let name = path.file_stem().unwrap().to_str().unwrap();
    if name == "tests" || name.ends_with("_tests") {
        return Vec::new();
    }
    let text = read(path);
    let lines: Vec<&str> = text.lines().collect();
    let is_attribute = |line: &&&str| line.trim().starts_with("#[");
    let is_test = |index: usize| {
        let rest = lines[index..].iter().find(|line| !is_attribute(line));
        lines[index].trim() == "#[cfg(test)]" && rest.is_some_and(|line| has_word(line, "mod"))
    };
    let end = (0..lines.len()).find(|index| is_test(*index)).unwrap_or(lines.len());
    let uncommented = |line: &&str| line.split("//").next().unwrap_or_default().to_owned();
    lines[..end].iter().map(uncommented).enumerate().map(|(index, line)| (index + 1, line)).collect()
}

/// Whether `word` stands in `line` by itself, not as a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(part) && !line[at + word.len()..].starts_with(part))
}

fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn the_core_knows_no_shell() {
    let mut problems = Vec::new();
    for path in rust_files("src/gateway") {
        for (number, line) in code(&path) {
            for (word, belongs) in NOT_IN_THE_CORE.iter().filter(|(word, _)| has_word(&line, word)) {
                problems.push(format!("{}:{number}: `{word}` is not for the core: {belongs}", path.display()));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn a_file_is_read_in_one_sitting() {
    let long = |path: &PathBuf| {
        let lines = read(path).lines().count();
        let hint = "one file, one thing: give what it does besides a file of its own";
        (lines > LONGEST_FILE).then(|| format!("{}: {lines} lines: {hint}", path.display()))
    };
    assert_none(&rust_files("src").iter().filter_map(long).collect::<Vec<_>>());
}

#[test]
fn nothing_in_production_stops_at_what_it_did_not_expect() {
    let mut problems = Vec::new();
    for path in rust_files("src") {
        for (number, line) in code(&path) {
            for word in [".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!("] {
                if line.contains(word) {
                    let hint = "answer with an error, or count it; a panic forgets a whole shop";
                    problems.push(format!("{}:{number}: `{word}`: {hint}", path.display()));
                }
            }
        }
    }
    assert_none(&problems);
}

/// What stands between backticks in `text` and starts with `start`.
fn quoted<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    text.split('`').skip(1).step_by(2).filter(|word| word.starts_with(start)).collect()
}

#[test]
fn what_the_documents_name_exists() {
    let mut problems = Vec::new();
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "deploy/README.md",
        "deploy/by-hand.md",
        "docs/rolling-id.md",
    ]
    .into_iter()
    .chain(FOR_A_REGULATOR)
    {
        let text = read(Path::new(document));
        let folders = ["src/", "tests/", "benches/", "config/", "deploy/", ".ci/"];
        for name in folders.iter().flat_map(|folder| quoted(&text, folder)) {
            let path = name.split(['*', ' ', ':']).next().unwrap();
            if !root().join(path).exists() {
                problems.push(format!("{document}: there is no `{name}`"));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn past_the_consent_stage_no_type_can_hold_a_stranger() {
    let may_know = |path: &PathBuf| MAY_KNOW_DEVICES.iter().any(|may| path.starts_with(may));
    let mut problems = Vec::new();
    let past_it = rust_files("src").into_iter().filter(|path| !may_know(path));
    let lines =
        past_it.flat_map(|path| code(&path).into_iter().map(move |(number, line)| (path.clone(), number, line)));
    // Of the core's door, what goes in may know; what comes out may not.
    let door = PathBuf::from("src/gateway/effect.rs");
    let door_lines = code(&door);
    let out = door_lines.iter().position(|(_, line)| line.contains("pub enum Effect")).unwrap();
    let out = door_lines[out..].iter().cloned().map(|(number, line)| (door.clone(), number, line));
    for (path, number, line) in lines.chain(out) {
        for word in OF_DEVICES.iter().filter(|word| has_word(&line, word)) {
            let hint = "who is heard ends at the consent: hand on a slot, a level, a zone";
            problems.push(format!("{}:{number}: `{word}` is not for here: {hint}", path.display()));
        }
    }
    assert_none(&problems);
}

#[test]
fn every_test_that_a_regulator_is_told_of_exists() {
    let mut problems = Vec::new();
    let mut told = 0;
    for document in FOR_A_REGULATOR {
        let text = read(Path::new(document));
        for (path, name) in text.split('`').skip(1).step_by(2).filter_map(|quoted| quoted.split_once("::")) {
            told += 1;
            let source = fs::read_to_string(root().join(path)).unwrap_or_default();
            let mut before = "";
            let is_test = source.lines().any(|line| {
                let found = before.contains("test") && line.contains(&format!("fn {name}("));
                before = line;
                found
            });
            if !is_test {
                problems.push(format!("{document}: there is no test {name} in {path}"));
            }
        }
    }
    assert!(told > 20, "the documents name no tests any more");
    assert_none(&problems);
}

#[test]
fn the_map_shows_every_part() {
    let text = read(Path::new("ARCHITECTURE.md"));
    let named = quoted(&text, "src/");
    let mut problems = Vec::new();
    for folder in ["src", "src/gateway", "src/ledger"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
            // A folder beside a file of its name holds that file's tests.
            let own = name.ends_with("/tests.rs")
                || name.ends_with("/mod.rs")
                || path.with_extension("rs").exists() && path.is_dir();
            if !own && !named.iter().any(|shown| shown.trim_end_matches('/') == name) {
                problems.push(format!("ARCHITECTURE.md, Code map: `{name}` is missing"));
            }
        }
    }
    problems.sort();
    assert_none(&problems);
}

#[test]
fn every_bound_in_the_table_is_in_the_code() {
    let text = read(Path::new("ARCHITECTURE.md"));
    let table = text.split("## Limits").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut problems = Vec::new();
    let mut bounds = 0;
    for row in table.lines().filter(|line| line.starts_with("| ")) {
        let words: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
        let [.., constant, file] = &words[..] else { continue };
        bounds += 1;
        let source = fs::read_to_string(root().join(file)).unwrap_or_default();
        if !source.lines().any(|line| line.contains(&format!("const {constant}: "))) {
            problems.push(format!("ARCHITECTURE.md, Limits: there is no {constant} in {file}"));
        }
    }
    assert!(bounds > 20, "the table is gone");
    assert_none(&problems);
}
