//! The command line as people and scripts meet it: what is printed, and how each command ends.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
#![allow(unreachable_pub, dead_code, reason = "the helpers' modules are shared by tests")]

#[path = "common/shipped.rs"]
mod shipped;

use std::fs::{self, File};
use std::path::Path;

use shipped::{FILES, Shop, TUESDAY_10, among_the_shoes, consent, customer, emma, uuid};

/// The subcommands that `emma --help` lists, but for clap's own.
fn subcommands() -> Vec<String> {
    let help = emma(&["--help"]).out;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

#[test]
fn every_subcommand_explains_itself() {
    let names = subcommands();
    assert!(["run", "replay", "check", "config", "consent"].iter().all(|name| names.iter().any(|n| n == name)));
    for name in names {
        let help = emma(&[&name, "--help"]);
        assert_eq!((help.code, help.err.as_str()), (0, ""), "{name}");
        assert!(help.out.contains(&format!("Usage: emma {name}")), "{name}: {}", help.out);
        assert!(help.out.lines().next().unwrap().len() > 10, "{name} says nothing of itself");
        let lines: Vec<&str> = help.out.lines().collect();
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.trim_start().starts_with('-')) {
            let beside = line.trim_start().contains("  ");
            let below = lines.get(index + 1).is_some_and(|next| next.starts_with("          "));
            assert!(beside || below, "{name}: nothing is said of `{line}`");
        }
    }
}

#[test]
fn the_version_is_the_package_s() {
    assert_eq!(emma(&["--version"]).out, format!("emma {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = emma(&["completions", shell]);
        assert_eq!(script.code, 0, "{shell}");
        assert!(script.out.contains("replay") && script.out.contains("consent"), "{shell}");
    }
}

#[test]
fn every_subcommand_has_a_manual_page_and_so_have_the_five_files() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("pages");
    assert_eq!(emma(&["man", pages.to_str().unwrap()]).code, 0);
    for name in subcommands() {
        let page = fs::read_to_string(pages.join(format!("emma-{name}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{name}: {page}");
    }
    let files = fs::read_to_string(pages.join("emma-config.5")).unwrap();
    for file in FILES {
        assert!(files.contains(&format!(".SH {file}\n")), "{file}: {files}");
    }
    assert!(files.contains("gateway = \"gw\\-entrance\""), "the files' own lines: {files}");
    let blocked = emma(&["man", pages.join("emma.1").to_str().unwrap()]);
    assert_eq!(blocked.code, 73, "{}", blocked.err);
}

#[test]
fn what_is_not_understood_ends_with_64() {
    for arguments in [&["chekc"][..], &["check", "--cofnig", "x"], &["replay"], &["completions", "tcsh"]] {
        let ended = emma(arguments);
        assert_eq!((ended.code, ended.out.as_str()), (64, ""), "{arguments:?}");
        assert!(ended.err.contains("--help"), "{arguments:?}: {}", ended.err);
    }
    assert!(emma(&["chekc"]).err.contains("check"), "the nearest one is named");
    assert_eq!(emma(&["config", "zone.toml"]).code, 64);
}

#[test]
fn the_page_of_exit_codes_lists_every_one() {
    let page = emma(&["exit-codes"]).out;
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/exit.rs")).unwrap();
    let codes: Vec<&str> = source
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split_once(": u8 = ")?.1.strip_suffix(';'))
        .collect();
    assert!(codes.len() >= 10, "{codes:?}");
    for code in codes {
        assert!(page.lines().any(|line| line.trim_start().starts_with(&format!("{code}  "))), "{code} is not told");
    }
}

#[test]
fn a_missing_folder_is_told_file_by_file() {
    let ended = emma(&["check", "--config", "/nonexistent/emma"]);
    assert_eq!(ended.code, 78);
    for file in FILES {
        assert!(ended.out.contains(&format!("{file}: error: ")), "{}", ended.out);
        assert!(ended.out.contains(&format!("emma config {file} > ")), "{}", ended.out);
    }
    assert_eq!(ended.out.matches(": error: ").count(), 5);
}

#[test]
fn a_configuration_with_an_error_ends_every_command_with_78() {
    let shop = Shop::new();
    shop.write("config/promise.toml", "[caps]\n");
    let capture = shop.write("one.jsonl", "");
    for arguments in [&["check"][..], &["run"], &["consent", "list"], &["replay", &capture]] {
        assert_eq!(shop.emma(arguments).code, 78, "{arguments:?}");
    }
    assert!(!shop.path("state").exists(), "nothing was begun");
}

#[test]
fn what_is_no_capture_ends_with_66() {
    let shop = Shop::new();
    let missing = shop.text("missing.jsonl");
    assert_eq!(shop.emma(&["replay", &missing]).code, 66);
    let picture = shop.write("till.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    let ended = shop.emma(&["replay", &picture]);
    assert_eq!((ended.code, ended.out.as_str()), (66, ""), "{}", ended.err);
    assert!(ended.err.contains("till.png"), "{}", ended.err);
    let capture = shop.write("one.jsonl", among_the_shoes(1, TUESDAY_10, 5));
    assert_eq!(shop.emma(&["replay", &capture, &picture]).code, 66, "one bad file among good ones");
    assert_eq!(shop.emma(&["replay", "--consents", &missing, &capture]).code, 66);
}

#[test]
fn a_replay_says_the_same_twice_and_where_it_is_told_to() {
    let shop = Shop::new();
    let consents = shop.write("consents.jsonl", consent(1, 1));
    let capture = shop.write("tuesday.jsonl", among_the_shoes(1, TUESDAY_10, 60));
    let first = shop.emma(&["replay", "--consents", &consents, &capture]);
    assert_eq!(first.code, 0, "{}", first.err);
    assert!(first.out.contains(r#""event":"offer.delivered""#), "{}", first.out);
    assert!(first.out.ends_with("}\n") && first.out.lines().all(|line| line.starts_with(r#"{"t":"#)));
    let second = shop.emma(&["replay", "--consents", &consents, &capture]);
    assert_eq!(first.out, second.out);

    let timeline = shop.text("timeline.jsonl");
    let third = shop.emma(&["replay", "--consents", &consents, "--timeline", &timeline, &capture]);
    assert_eq!((third.code, third.out.as_str()), (0, ""));
    assert_eq!(fs::read_to_string(timeline).unwrap(), first.out);

    let explained = shop.emma(&["replay", "--explain", "--consents", &consents, &capture]);
    assert_eq!(explained.out.lines().count(), first.out.lines().count(), "the same lines, with `why`");
    assert!(explained.out.contains(r#""why":"#));
}

#[test]
fn a_replay_goes_on_from_its_state_and_never_backwards() {
    let shop = Shop::new();
    let state = shop.text("replayed");
    let consents = shop.write("consents.jsonl", consent(1, 1));
    let morning = shop.write("morning.jsonl", among_the_shoes(1, TUESDAY_10, 60));
    let later = shop.write("later.jsonl", among_the_shoes(1, TUESDAY_10 + 3_600, 60));
    let first = shop.emma(&["replay", "--state", &state, "--consents", &consents, &morning]);
    assert_eq!(first.code, 0, "{}", first.err);
    let second = shop.emma(&["replay", "--state", &state, &later]);
    assert_eq!(second.code, 0, "{}", second.err);
    assert!(second.out.contains(r#""event":"zone.entered""#), "the consent is remembered: {}", second.out);
    assert!(second.out.contains(r#""reason":"cap-gap""#), "what was said is remembered: {}", second.out);
    let back = shop.emma(&["replay", "--state", &state, &morning]);
    assert_eq!((back.code, back.out.as_str()), (65, ""));
    assert!(back.err.contains("newer than the capture"), "{}", back.err);
}

#[test]
fn consents_come_and_go_without_a_daemon() {
    let shop = Shop::new();
    let bad = r#"{"customer":"x","epoch":1}"#;
    let file =
        shop.write("consents.jsonl", [&consent(1, 1), "", bad, &consent(2, 1), "nonsense", &consent(3, 1)].join("\n"));
    let imported = shop.emma(&["consent", "import", &file]);
    assert_eq!(imported.code, 65);
    assert_eq!(imported.out, "3 consents taken, 0 customers forgotten, 2 records refused\n");
    for line in [3, 5] {
        assert!(imported.err.contains(&format!("consents.jsonl:{line}: refused: ")), "{}", imported.err);
    }
    for line in [1, 4, 6] {
        assert!(!imported.err.contains(&format!("consents.jsonl:{line}:")), "{}", imported.err);
    }

    let listed = shop.emma(&["consent", "list"]);
    assert_eq!(listed.code, 0);
    assert!((1..=3).all(|n| listed.out.contains(&format!("{} ", customer(n)))), "{}", listed.out);
    assert!(listed.out.ends_with("\n3 consents\n"), "{}", listed.out);

    let shown = shop.emma(&["consent", "show", "customer-02"]);
    assert_eq!(shown.code, 0);
    let record: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    let given: serde_json::Value = serde_json::from_str(&consent(2, 1)).unwrap();
    assert_eq!(record, given, "nothing was lost");

    let stale = shop.emma_with(&["consent", "import", "-"], &consent(2, 0));
    assert_eq!(stale.code, 65);
    assert!(stale.err.contains("-:1: refused: stale-epoch"), "{}", stale.err);
    let taken = consent(9, 1).replace(&uuid(9), &uuid(2));
    let taken = shop.emma_with(&["consent", "import", "-"], &taken);
    assert_eq!(taken.code, 65);
    assert!(taken.err.contains("identifier-taken"), "{}", taken.err);

    let gone = shop.emma_with(&["consent", "import", "-"], r#"{"customer":"customer-03","epoch":2,"withdrawn":true}"#);
    assert_eq!((gone.code, gone.out.starts_with("0 consents taken, 1 customers forgotten")), (0, true), "{}", gone.out);
    for command in ["show", "withdraw"] {
        let nobody = shop.emma(&["consent", command, "customer-03"]);
        assert_eq!((nobody.code, nobody.out.as_str()), (1, ""), "{command}");
    }
    assert_eq!(shop.emma(&["consent", "import", "/nonexistent/consents"]).code, 66);
}

#[test]
fn a_receipt_says_what_was_agreed_to_and_nothing_that_somebody_could_be_recognised_by() {
    let shop = Shop::new();
    let given = consent(1, 1)
        .replace(r#""language":"de""#, r#""language":"de","proof":"p/77","given_at":"2025-12-24T11:00:00Z""#);
    assert_eq!(shop.emma_with(&["consent", "import", "-"], &given).code, 0);
    let before = shop.emma(&["consent", "show", "customer-01"]).out;
    let text = shop.emma(&["consent", "receipt", "customer-01"]);
    assert_eq!((text.code, text.err.as_str()), (0, ""));
    for part in ["Sie haben Ja gesagt.", "2025-12-24 12:00", "an der Kasse", "p/77", "customer-01/1"] {
        assert!(text.out.contains(part), "{part} is missing:\n{}", text.out);
    }
    let english = shop.emma(&["consent", "receipt", "customer-01", "--lang", "en"]).out;
    assert!(english.contains("You receive offers.\n"), "{english}");
    let json = shop.emma(&["consent", "receipt", "customer-01", "--format", "json"]).out;
    let receipt: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(receipt["event"][0]["consent_status"], "dpv:ConsentGiven");
    assert_eq!(receipt["pii_processing"]["purposes"][0]["purpose"], "offers");
    assert_eq!(receipt["pii_processing"]["recipient_third_parties"][0], "recipient:push");
    for told in [&text.out, &english, &json] {
        assert!(!told.contains(&uuid(1)) && !told.contains("inbox-of-1"), "{told}");
    }
    assert_eq!(shop.emma(&["consent", "show", "customer-01"]).out, before, "nothing is kept for it");
    let expired = r#"{"customer":"customer-01","epoch":1,"state":"expired"}"#;
    let lapsed = shop.emma_with(&["consent", "import", "-"], expired);
    assert_eq!(lapsed.out, "0 consents taken, 0 customers forgotten, 0 records refused, 1 consents lapsed\n");
    let over = shop.emma(&["consent", "receipt", "customer-01", "--lang", "en"]).out;
    assert!(over.contains("It has run out") && !over.contains("You receive offers."), "{over}");
    assert_eq!(shop.emma(&["consent", "receipt", "customer-02"]).code, 1);
    assert_eq!(shop.emma(&["consent", "receipt", "customer-01", "--lang", "es"]).code, 64);
}

#[test]
fn an_identifier_that_changed_hands_stays_with_its_new_owner() {
    let shop = Shop::new();
    let state = shop.text("state");
    // The former owner comes after the new one in the order of pseudonyms, in which the ledger lists them.
    let former = consent(9, 1).replace(&uuid(9), &uuid(1)).replace("2028-01-01", "2026-11-01");
    let consents = shop.write("consents.jsonl", [former, consent(1, 1)].join("\n"));
    let morning = shop.write("morning.jsonl", among_the_shoes(1, TUESDAY_10, 5));
    let later = shop.write("later.jsonl", among_the_shoes(1, TUESDAY_10 + 3_600, 5));
    let first = shop.emma(&["replay", "--state", &state, "--consents", &consents, &morning]);
    assert_eq!(first.code, 0, "{}", first.err);
    for (arguments, told) in
        [(&["consent", "list"][..], "2 consents"), (&["replay", "--state", &state, &later], "customer-01")]
    {
        let ended = shop.emma(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.err);
        assert!(ended.out.contains(told), "{arguments:?}: {}", ended.out);
    }
}

#[test]
fn a_line_that_is_no_text_is_refused_and_the_next_is_read() {
    let shop = Shop::new();
    let file = shop.write("consents.jsonl", [b"\xff\xfe\n", consent(1, 1).as_bytes()].concat());
    let imported = shop.emma(&["consent", "import", &file]);
    assert_eq!((imported.code, imported.out.starts_with("1 consents taken")), (65, true), "{}", imported.out);
    assert!(imported.err.contains("consents.jsonl:1: refused: not-json: it is not UTF-8 text"), "{}", imported.err);
}

#[test]
fn a_consent_without_inboxes_is_given_some() {
    let shop = Shop::new();
    let mut record: serde_json::Value = serde_json::from_str(&consent(1, 1)).unwrap();
    record.as_object_mut().unwrap().remove("inbox");
    assert_eq!(shop.emma_with(&["consent", "import", "-"], &record.to_string()).code, 0);
    let shown = shop.emma(&["consent", "show", "customer-01"]).out;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["inbox"]["push"].as_str().unwrap().len(), 32);
}

/// Every file below `folder`, by name and content.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[test]
fn after_a_withdrawal_no_byte_of_the_customer_is_left() {
    let shop = Shop::new();
    // Enough customers for several pages, and two changes, so that records move within them and between them.
    let everyone = |epoch| (1..=60).map(|n| consent(n, epoch) + "\n").collect::<String>();
    for epoch in 1..=3 {
        assert_eq!(shop.emma_with(&["consent", "import", "-"], &everyone(epoch)).code, 0);
    }
    let traces = |n: u8| {
        let plain = [customer(n), uuid(n), uuid(n).replace('-', "")].map(String::into_bytes);
        let inboxes = (1..=3).map(|epoch| format!("inbox-of-{n}-under-{epoch}").into_bytes());
        let raw = hex::decode(uuid(n).replace('-', "")).unwrap();
        plain.into_iter().chain(inboxes).chain([raw]).collect::<Vec<_>>()
    };
    let held = |n: u8| {
        let files = files(&shop.path("state"));
        let found = files.iter().filter(|(_, bytes)| traces(n).iter().any(|trace| holds(bytes, trace)));
        found.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    assert!(!held(37).is_empty(), "the scan finds who is there");
    for n in [37, 1, 60, 38] {
        let gone = shop.emma(&["consent", "withdraw", &customer(n)]);
        assert_eq!((gone.code, gone.out.as_str()), (0, "withdrawn and forgotten\n"), "{}", gone.err);
        assert_eq!(held(n), Vec::<String>::new(), "customer {n}");
    }
    assert!(!held(2).is_empty(), "and nobody else is forgotten");
    assert!(shop.emma(&["consent", "list"]).out.ends_with("\n56 consents\n"));
}

#[test]
fn a_folder_in_use_is_not_touched() {
    let shop = Shop::new();
    assert_eq!(shop.emma_with(&["consent", "import", "-"], &consent(1, 1)).code, 0);
    let lock = File::open(shop.path("state/emma.lock")).unwrap();
    lock.lock().unwrap();
    let state = shop.text("state");
    let capture = shop.write("one.jsonl", among_the_shoes(1, TUESDAY_10, 5));
    for arguments in [&["consent", "list"][..], &["run"], &["replay", "--state", &state, &capture]] {
        let ended = shop.emma(arguments);
        assert_eq!((ended.code, ended.out.as_str()), (75, ""), "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains("another Emma"), "{}", ended.err);
    }
    lock.unlock().unwrap();
    assert_eq!(shop.emma(&["consent", "list"]).code, 0);
}

#[test]
fn a_state_folder_that_cannot_be_made_ends_with_73() {
    let shop = Shop::new();
    shop.write("state", "a file where a folder is wanted");
    assert_eq!(shop.emma(&["consent", "list"]).code, 73);
}

#[test]
fn nothing_is_readable_by_others() {
    use std::os::unix::fs::PermissionsExt;
    let shop = Shop::new();
    assert_eq!(shop.emma_with(&["consent", "import", "-"], &consent(1, 1)).code, 0);
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(shop.path("state")), 0o700);
}
