//! What an export shows is all there is: held against every byte of every file of the state folder, and against a dump of the
//! tables that knows nothing of how the export is made.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/scanner.rs"]
mod scanner;
#[path = "common/scene.rs"]
mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use emma::gateway::consent::CustomerId;
use emma::ledger::Store;
use emma::ledger::retention::Kept;
use jiff::Timestamp;
use listener::until;
use rusqlite::Connection;
use rusqlite::types::Value as Sql;
use scene::{INBOX, RELAY_INBOX, Scene, of_both, with_a_relay};
use serde_json::{Value, json};
use tempfile::TempDir;

const DAY_KEY: &str = "00112233445566778899aabbccddeeff0102030405060708090a0b0c0d0e0f10";
const IRK: &str = "ec0234a357c8ad05341010a60a397d9b";
const ADDRESS: &str = "D8:3A:DD:12:34:56";
const UUID: &str = "41424344-4546-4748-494a-4b4c4d4e4f50";

const HOUR_US: i64 = 3_600_000_000;

/// Everything that somebody can have said of themselves.
fn record() -> String {
    let identifiers = json!([
        {"ibeacon": {"uuid": UUID, "major": 1, "minor": 2}},
        {"rolling": {"day_key": DAY_KEY, "day": "2026-06-01"}},
        {"irk": IRK},
        {"address": ADDRESS},
        {"phone": {"id": "karolines-phone"}},
    ]);
    let mut record: Value = serde_json::from_str(&of_both()).unwrap();
    record["tier"] = json!("personal");
    record["purposes"] = json!(["offers", "personalisation"]);
    record["identifiers"] = identifiers;
    record["interests"] = json!(["old-maps"]);
    record["pinned_categories"] = json!(["tables"]);
    record["wishes"] = json!([{"category": "walnut-desks", "max_price": "731 CHF"}]);
    record["price_band"] = json!("lavish");
    record["time_zone"] = json!("Atlantic/Azores");
    record["notice"] = json!({"version": "notice-of-june"});
    record.to_string()
}

/// What of her may be found anywhere, however it is written.
fn values() -> Vec<&'static str> {
    vec![
        "karoline-7",
        INBOX,
        RELAY_INBOX,
        UUID,
        DAY_KEY,
        IRK,
        ADDRESS,
        "karolines-phone",
        "old-maps",
        "walnut-desks",
        "731 CHF",
        "lavish",
        "Atlantic/Azores",
        "notice-of-june",
    ]
}

/// A value as it can lie in a file: as it is; and what is a number in hex also in other hex, as bytes and in base64.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let digits = value.replace(['-', ':'], "");
    let mut forms = vec![value.as_bytes().to_vec()];
    if let Ok(bytes) = hex::decode(&digits) {
        let mirrored = bytes.iter().rev().copied().collect();
        forms.extend([digits.to_lowercase().into(), digits.to_uppercase().into(), base64(&bytes).into(), mirrored]);
        forms.push(bytes);
    }
    forms
}

/// RFC 4648, without its padding: what follows would change the last character.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |three: &[u8]| {
        let number = three.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[number >> shift & 63]))
    };
    bytes.chunks_exact(3).flat_map(digits).collect()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len().max(1)).any(|window| window == part)
}

/// The same; a text that is long may go on on another page.
fn holds_in_two(bytes: &[u8], part: &[u8]) -> bool {
    let cuts = if part.len() > 100 { 0..part.len() } else { 0..1 };
    let mut rest = cuts.map(|cut| part.split_at(cut));
    rest.any(|(head, tail)| holds(bytes, tail) && (head.is_empty() || holds(bytes, head)))
}

/// Every file of the folder, by name. A socket cannot be read, and holds nothing.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            all.insert(path.display().to_string(), bytes);
        }
    }
    all
}

/// Every row of every table, by what the file itself says of its tables: column and value.
fn dump(folder: &Path) -> Vec<(String, Vec<(String, Sql)>)> {
    let db = Connection::open(folder.join("ledger.db")).unwrap();
    let mut tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut all = Vec::new();
    for table in tables {
        let mut rows = db.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let names: Vec<String> = rows.column_names().into_iter().map(str::to_owned).collect();
        let mut read = rows.query([]).unwrap();
        while let Some(row) = read.next().unwrap() {
            let values = names.iter().enumerate().map(|(index, name)| (name.clone(), row.get(index).unwrap()));
            all.push((table.clone(), values.collect()));
        }
    }
    all
}

/// What is in a value, down to the texts and numbers.
fn leaves(value: &Value, all: &mut BTreeSet<String>) {
    match value {
        Value::Null => {}
        Value::String(text) => drop(all.insert(text.clone())),
        Value::Array(values) => values.iter().for_each(|value| leaves(value, all)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            all.insert(name.trim_end_matches("_us").to_owned());
            leaves(value, all);
        }),
        Value::Bool(_) | Value::Number(_) => drop(all.insert(value.to_string())),
    }
}

/// What a column holds, down to the texts and numbers.
fn parts(value: &Sql) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let json = |text: &str| serde_json::from_str::<Value>(text).ok().filter(|json| json.is_object() || json.is_array());
    match value {
        Sql::Null => {}
        Sql::Integer(number) => leaves(&json!(number), &mut all),
        Sql::Real(number) => leaves(&json!(number), &mut all),
        Sql::Text(text) => leaves(&json(text).unwrap_or_else(|| json!(text)), &mut all),
        Sql::Blob(bytes) => leaves(&json!(hex::encode(bytes)), &mut all),
    }
    all
}

/// Whether what lies in the file is told: as it is, as an instant, as yes or no, or as a length of stay.
fn is_told(part: &str, told: &BTreeSet<String>) -> bool {
    let Ok(number) = part.parse::<i64>() else { return told.contains(part) };
    let instant = Timestamp::from_microsecond(number).map(|at| at.to_string()).unwrap_or_default();
    let yes = ["false", "true"].get(usize::try_from(number).unwrap_or(2)).copied().unwrap_or_default();
    [part, &*instant, yes, &*(number / 1_000_000).to_string()].into_iter().any(|word| told.contains(word))
}

/// Whether what is told lies in the file: as it is, in JSON, or as a number that `SQLite` writes in six or eight bytes.
fn is_there(told: &str, bytes: &[u8]) -> bool {
    let number = told.parse::<Timestamp>().ok().map(Timestamp::as_microsecond);
    let in_json = serde_json::to_string(told).unwrap();
    let escaped = in_json.trim_matches('"');
    let as_number = |us: i64| {
        holds(bytes, &us.to_be_bytes())
            || holds(bytes, &us.to_be_bytes()[2..])
            || holds(bytes, us.to_string().as_bytes())
    };
    holds_in_two(bytes, told.as_bytes())
        || holds_in_two(bytes, escaped.as_bytes())
        || number.is_some_and(as_number)
        || hex::decode(told).is_ok_and(|raw| holds(bytes, &raw))
}

/// The items of the kinds on the disk, and what is in them.
fn told_of(export: &Value) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let on_disk = export["stored"].as_array().unwrap().iter().filter(|kind| kind["place"] == "disk");
    on_disk.for_each(|kind| leaves(&kind["items"], &mut all));
    all
}

impl Scene {
    fn exported(&self, more: &[&str]) -> Value {
        let output = self.shop.consent(&[&["export", "karoline-7", "--json"][..], more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn campaign(&self, arguments: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
        let done = command.arg("campaign").args(arguments).arg("--config").arg(self.shop.config()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// A copy of the folder, for readers that would change it.
    fn copied(&self) -> TempDir {
        let copy = TempDir::new().unwrap();
        for (file, bytes) in files(&self.shop.state()) {
            fs::write(copy.path().join(Path::new(&file).file_name().unwrap()), bytes).unwrap();
        }
        copy
    }

    /// Holds what is told of her against the bytes and the tables, both ways.
    fn is_all_told(&self, kinds: &[&str], traces: &[&str]) {
        let (files, copy) = (files(&self.shop.state()), self.copied());
        let bytes = files.values().flatten().copied().collect::<Vec<u8>>();
        let rows = dump(copy.path());
        let export = self.exported(&[]);
        let full = export["stored"].as_array().unwrap().iter().filter(|kind| kind["items"] != json!([]));
        assert_eq!(full.map(|kind| kind["what"].as_str().unwrap()).collect::<Vec<_>>(), kinds);
        let told = told_of(&export);
        for value in values() {
            for form in forms(value).iter().filter(|form| holds(&bytes, form)) {
                assert!(holds(export.to_string().as_bytes(), form), "{value} is on the disk, and is not told");
            }
        }
        for (file, bytes) in files.iter().filter(|(file, _)| !file.contains("ledger.db")) {
            for value in values() {
                assert!(forms(value).iter().all(|form| !holds(bytes, form)), "{value} is in {file}");
            }
        }
        // A row is hers where anything in it is: her name, an inbox of hers, an offer to her, her hash.
        let is_hers = |row: &[(String, Sql)]| {
            let parts: BTreeSet<String> = row.iter().flat_map(|(_, value)| parts(value)).collect();
            traces.iter().any(|trace| parts.iter().any(|part| part.contains(trace)))
        };
        let hers: Vec<_> = rows.iter().filter(|(_, row)| is_hers(row)).collect();
        assert!(hers.len() >= kinds.len(), "{} rows", hers.len());
        for (table, row) in &hers {
            for (column, value) in row.iter().filter(|(column, _)| column != "heard") {
                for part in parts(value) {
                    assert!(is_told(&part, &told), "{table}.{column} holds {part}, which is not told: {export:#}");
                }
            }
        }
        // A number is anywhere; and what was said back lies in the file as bits.
        let is_word = |word: &&String| word.len() > 5 && !["displayed", "dismissed"].contains(&word.as_str());
        let columns: BTreeSet<&str> = rows.iter().flat_map(|(_, row)| row).map(|(column, _)| &**column).collect();
        let is_column = |word: &str| columns.contains(word) || columns.contains(&*format!("{word}_us"));
        let texts = rows.iter().flat_map(|(_, row)| row).filter_map(|(_, value)| match value {
            Sql::Text(text) => Some(text.as_bytes()),
            _ => None,
        });
        let texts = texts.collect::<Vec<_>>().concat();
        for word in told.iter().filter(is_word).filter(|word| !is_column(word)) {
            // A long row lies in several pages, and a word of it in two.
            assert!(is_there(word, &bytes) || is_there(word, &texts), "{word} is told, and is in no file");
        }
    }
}

/// Pages that nothing is in any more, by the file's own list of them (the file format's "freelist"): they are empty.
fn assert_free_pages_are_empty(file: &Path) {
    let bytes = fs::read(file).unwrap();
    let number = |at: usize| usize::try_from(u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())).unwrap();
    let page_size = match u16::from_be_bytes([bytes[16], bytes[17]]) {
        1 => 65_536,
        size => usize::from(size),
    };
    let mut trunk = number(32);
    while trunk != 0 {
        let start = (trunk - 1) * page_size;
        for leaf in 0..number(start + 4) {
            let page = (number(start + 8 + 4 * leaf) - 1) * page_size;
            assert!(bytes[page..page + page_size].iter().all(|byte| *byte == 0), "a free page holds something");
        }
        trunk = number(start);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_that_is_stored_of_a_person_is_told_and_nothing_else_is() {
    let Some(mut scene) = Scene::begin_with("every byte", &[record()], with_a_relay).await else { return };
    scene.is_told("omg", 2).await;
    let oak = scene.heard("/hall/offer/push/").pop().unwrap()["data"].clone();
    scene.say_back(&oak, "displayed").await;
    scene.say_back(&oak, "dismissed").await;
    let no_more = json!({"offer_id": oak["offer_id"], "kind": "no-more"});
    scene.say(&format!("feedback/{INBOX}"), &no_more).await;
    let sale = json!({"inbox": INBOX, "category": "tables", "kind": "sale", "at": scene.at(-60)});
    scene.say("purchase", &sale).await;
    scene.taken(4).await;
    scene.campaign(&["stop", "elm"]);
    // The broker goes, so that what is said of a recall waits in the outbox; then the power does.
    scene.broker.kill();
    until("it is noticed", || scene.status()["broker"] != "connected").await;
    let offer = oak["offer_id"].as_str().unwrap().to_owned();
    scene.campaign(&["recall-offer", &offer]);
    until("it waits", || scene.status()["health"]["outbox"]["depth"].as_u64() > Some(0)).await;
    scene.emma.take().unwrap().kill();
    let customer = CustomerId::new("karoline-7").unwrap();
    let now_us = scene.clock.wall_us();
    let ledger = scene.shop.state().join("ledger.db");
    let open = || Store::open(&ledger, [0; 32]).unwrap();
    open().ignore_until(&customer, now_us + HOUR_US).unwrap();
    let kinds = ["consent", "offers-made", "offers-that-hold", "messages", "stance", "visit", "at-work"];
    scene.is_all_told(&kinds, &["karoline-7", INBOX, RELAY_INBOX, &offer]);
    assert_free_pages_are_empty(&ledger);
    // Her consent ends, and is over: what is kept of her by her hash is told as well, and there is nothing else of her.
    let kept = Kept { deliveries_us: None, ended_us: 0, forgotten_us: 86_400_000_000 };
    let store = open();
    let pruned =
        store.transaction(|store| store.prune(&kept, std::slice::from_ref(&customer), now_us + 3 * HOUR_US)).unwrap();
    store.scrub().unwrap();
    assert_eq!(pruned.forgotten, [customer]);
    drop(store);
    let hash = scene.exported(&[])["stored"]
        .as_array()
        .unwrap()
        .iter()
        .find(|kind| kind["what"] == "forgotten")
        .unwrap()["items"][0]["hash"]
        .as_str()
        .unwrap()
        .to_owned();
    let bytes: Vec<u8> = files(&scene.shop.state()).into_values().flatten().collect();
    for value in values().into_iter().chain([&*offer]) {
        assert!(forms(value).iter().all(|form| !holds(&bytes, form)), "{value} is still there");
    }
    scene.is_all_told(&["said-no", "forgotten"], &[&hash]);
    // Whoever is not registered any more can still withdraw, and then that goes as well.
    assert!(scene.shop.consent(&["withdraw", "karoline-7"]).status.success());
    scene.is_all_told(&["forgotten"], &[&hash]);
    assert_eq!(scene.shop.consent(&["withdraw", "karoline-7"]).status.code(), Some(1), "there is nothing to forget");
    // She is told in her language, which nobody knows any more, so in the shop's; or in the one that is asked for.
    let asked_for = |language: &str| scene.exported(&["--lang", language])["stored"][0]["purpose"].to_string();
    assert!(asked_for("de").contains("Emma") && asked_for("de") != asked_for("fr"));
}
