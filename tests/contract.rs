//! The contract on the wire: its schemas are those of the types, no schema changes without a new version, the
//! `AsyncAPI` document has every topic, and what Emma says is as both of them say, by a validator that is not ours.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "common/broker.rs"]
mod broker;
#[path = "contract/change.rs"]
mod change;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use change::{breaks, digest};
use emma::gateway::consent::record::{self, Record};
use emma::gateway::effect::Ending;
use emma::gateway::key::Key;
use emma::incoming::consent;
use emma::incoming::ear::{OF_CUSTOMERS, OF_THE_SHOP};
use emma::mqtt::answer;
use emma::mqtt::ended::{self, Ended, Speaker};
use emma::mqtt::event::{CONTENT_TYPE, with_sequence};
use emma::mqtt::topic::{Topics, is_retained, matches};
use emma::radio::phone;
use emma::schema::{Direction, MESSAGES, Message};
use emma::sharing::wire::{Batch, Page};
use serde_json::{Value, json};

/// Set, the schemas and their lock are written instead of compared, where their versions allow it.
const WRITES: &str = "EMMA_WRITE_SCHEMAS";

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn file_of(message: &Message) -> PathBuf {
    docs().join("schemas").join(format!("{}.json", message.name))
}

/// The version and the hash of each schema's shape, as they were last committed.
fn lock() -> BTreeMap<String, ((u32, u32), String)> {
    let text = fs::read_to_string(docs().join("schemas/versions.lock")).unwrap_or_default();
    let line = |line: &str| {
        let [name, version, digest] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("versions.lock: {line}")
        };
        let (major, minor) = version.split_once('.').unwrap();
        (name.to_owned(), ((major.parse().unwrap(), minor.parse().unwrap()), digest.to_owned()))
    };
    text.lines().filter(|line| !line.starts_with('#')).map(line).collect()
}

/// Whether the version of a message tells what was done to its schema, and if not, what to do.
fn judge(message: &Message, locked: Option<&((u32, u32), String)>) -> Result<(), String> {
    let Some(((major, minor), locked)) = locked else { return Ok(()) };
    let Message { name, version, direction, .. } = *message;
    let schema = message.schema();
    let committed: Value = serde_json::from_str(&fs::read_to_string(file_of(message)).unwrap()).unwrap();
    if digest(&committed) != *locked {
        return Err(format!("docs/schemas/{name}.json is not the one in versions.lock: take both from one commit"));
    }
    let broken = breaks(&committed, &schema, direction);
    match version {
        now if now == (*major, *minor) && digest(&schema) == *locked => Ok(()),
        now if now == (*major, minor + 1) && broken.is_empty() => Ok(()),
        now if now == (major + 1, 0) => Ok(()),
        _ if broken.is_empty() => Err(format!(
            "{name}: its schema is another, and whoever built on it need not know: make its version ({major}, {}) in \
             src/schema.rs, then run the tests with {WRITES}=1",
            minor + 1
        )),
        _ => Err(format!(
            "{name}: a change that breaks whoever built on it: {}. Take it back, or make it a new type with a schema of \
             version ({}, 0) in src/schema.rs, and say both for a while",
            broken.join("; "),
            major + 1
        )),
    }
}

#[test]
fn a_schema_is_that_of_the_type_and_changes_with_its_version() {
    let locked = lock();
    let problems: Vec<_> =
        MESSAGES.iter().filter_map(|message| judge(message, locked.get(message.name)).err()).collect();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
    let line = |message: &Message| {
        let Message { name, version: (major, minor), .. } = message;
        format!("{name} {major}.{minor} {}\n", digest(&message.schema()))
    };
    let head = "# What each schema was when its version was given: SHA-256 of it without its wording. Written by\n\
                # EMMA_WRITE_SCHEMAS=1 cargo test --test contract a_schema\n";
    let new_lock = head.to_owned() + &MESSAGES.iter().map(line).collect::<String>();
    let mut files: BTreeMap<PathBuf, String> =
        MESSAGES.iter().map(|message| (file_of(message), message.text())).collect();
    files.insert(docs().join("schemas/versions.lock"), new_lock);
    for (path, text) in files {
        if std::env::var_os(WRITES).is_some() {
            fs::write(path, text).unwrap();
        } else {
            let is_same = fs::read_to_string(&path).is_ok_and(|committed| committed == text);
            assert!(is_same, "{} is out of date: {WRITES}=1 cargo test --test contract a_schema", path.display());
        }
    }
}

#[test]
fn what_breaks_readers_is_told_from_what_does_not() {
    let field = |kind: Value| json!({"type": kind, "description": "any wording"});
    let schema = |fields: Value, required: Value| json!({"type": "object", "properties": fields, "required": required});
    let old = schema(json!({"a": field("string".into()), "b": {"enum": ["x", "y"]}}), json!(["a"]));
    let more = schema(json!({"a": field("string".into()), "b": {"enum": ["x", "y", "z"]}, "c": {}}), json!(["a"]));
    let asks = schema(json!({"a": field("string".into()), "b": {"enum": ["x", "y"]}}), json!(["a", "b"]));
    let less = schema(json!({"a": field(json!(["string", "null"])), "b": {"enum": ["x"]}}), json!([]));
    let gone = schema(json!({"a": field("string".into())}), json!(["a"]));
    let count = |new: &Value| [Direction::Said, Direction::Read].map(|direction| breaks(&old, new, direction).len());
    assert_eq!((count(&old), count(&more)), ([0, 0], [0, 0]));
    assert_eq!(count(&asks), [0, 1], "what was optional is asked for");
    assert_eq!(count(&less), [2, 1], "a field may be absent and null; a word is not taken");
    assert_eq!(count(&gone), [1, 1]);
    assert_eq!(breaks(&old, &gone, Direction::Said), [".b is gone"]);
    let mut worded = old.clone();
    worded["properties"]["a"]["description"] = "another".into();
    assert_eq!(digest(&old), digest(&worded));
}

fn asyncapi() -> Value {
    serde_saphyr::from_str(&fs::read_to_string(docs().join("asyncapi.yaml")).unwrap()).unwrap()
}

/// The addresses of the channels, and of them those that Emma has operations of that kind on.
fn addresses(document: &Value, action: &str) -> BTreeSet<String> {
    let operations = document["operations"].as_object().unwrap().values();
    let channels = operations.filter(|operation| operation["action"] == action).map(|operation| {
        let channel = operation["channel"]["$ref"].as_str().unwrap().strip_prefix('#').unwrap();
        document.pointer(channel).unwrap()["address"].as_str().unwrap().to_owned()
    });
    channels.collect()
}

#[test]
fn every_topic_that_is_said_or_heard_is_in_the_document_and_no_other() {
    let document = asyncapi();
    let topics = Topics { root: "{root}", site: "{site}" };
    let said = [
        topics.offer("{recipient}", "{inbox}"),
        topics.offer_end("{recipient}", "{inbox}"),
        topics.report(),
        topics.gateway_state("{gateway}"),
        topics.gateway_health("{gateway}"),
        topics.answers_under() + "{question}",
        topics.sighting("{gateway}"),
        topics.registry("{gateway}"),
    ];
    assert_eq!(addresses(&document, "send"), said.into());

    let heard = addresses(&document, "receive");
    let filters =
        [OF_CUSTOMERS, OF_THE_SHOP, &consent::FILTERS].concat().into_iter().map(|filter| topics.incoming(filter));
    let filters: Vec<String> = filters.chain([topics.heard(), topics.sighting("+"), topics.registry("+")]).collect();
    for filter in &filters {
        assert!(
            heard.iter().any(|topic| matches(filter, topic)),
            "{filter} is heard, and docs/asyncapi.yaml has no channel"
        );
    }
    for topic in &heard {
        assert!(filters.iter().any(|filter| matches(filter, topic)), "docs/asyncapi.yaml: nobody hears {topic}");
    }
    let channels = document["channels"].as_object().unwrap().values();
    let all: BTreeSet<String> = channels.map(|channel| channel["address"].as_str().unwrap().to_owned()).collect();
    assert_eq!(all, &addresses(&document, "send") | &heard, "a channel that nobody uses");
}

#[test]
fn every_reference_of_the_document_is_one() {
    fn references(node: &Value, into: &mut BTreeSet<String>) {
        if let Some(reference) = node["$ref"].as_str() {
            into.insert(reference.to_owned());
        }
        node.as_object().into_iter().flat_map(|members| members.values()).for_each(|child| references(child, into));
        node.as_array().into_iter().flatten().for_each(|child| references(child, into));
    }
    let document = asyncapi();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in &found {
        let is_there = match reference.strip_prefix('#') {
            Some(pointer) => document.pointer(pointer).is_some(),
            None => docs().join(reference).is_file(),
        };
        assert!(is_there, "docs/asyncapi.yaml: {reference}");
    }
    for message in MESSAGES {
        let file = format!("schemas/{}.json", message.name);
        assert!(found.contains(&file), "docs/asyncapi.yaml says nothing of {file}");
    }
}

/// A Python with what the validator needs, or nothing once it has said what is skipped.
fn python(skipped: &str) -> Option<&'static str> {
    let has = |program: &&str| {
        let output =
            Command::new(program).args(["-c", "import yaml, jsonschema; jsonschema.Draft202012Validator"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let found = ["python3", "/usr/bin/python3"].into_iter().find(has);
    if found.is_none() {
        eprintln!("skipped, python3-jsonschema (4.0 or later) or python3-yaml is not installed: {skipped}");
    }
    found
}

/// The example of a message.
fn example(document: &Value, name: &str) -> String {
    document["components"]["messages"][name]["examples"][0]["payload"].to_string()
}

#[test]
fn the_examples_of_what_is_read_are_taken() {
    let document = asyncapi();
    for (topic, name) in [
        ("feedback/q7Jr", "feedback"),
        ("ask/q7Jr", "ask"),
        ("purchase", "purchase"),
        ("value/till-minutes", "value"),
        ("control/pause", "controlPause"),
        ("control/campaign/oak", "controlCampaign"),
        ("control/offer/b9d1", "controlOffer"),
    ] {
        let read = emma::incoming::parse(topic, example(&document, name).as_bytes());
        assert!(read.is_ok(), "{name}: {read:?}");
    }
    assert!(consent::parse("consent-feed", example(&document, "consentFeed").as_bytes(), true).is_ok());
    let heard = example(&document, "heard");
    let at_us = serde_json::from_str::<Value>(&heard).unwrap()[0]["t"].as_i64();
    assert!(phone::parse(heard.as_bytes(), at_us).unwrap().passed_over == 0);
    assert!(matches!(record::parse(&example(&document, "consent")), Ok(Record::Grant(_))));
    assert!(matches!(record::parse(&example(&document, "withdrawal")), Ok(Record::Withdraw { .. })));
    assert!(matches!(record::parse(&example(&document, "consentEnded")), Ok(Record::Lapse { .. })));
}

/// A line of a record, as if a broker had handed it on.
fn line(topic: &str, qos: u8, retained: bool, content_type: &str, payload: &str) -> String {
    let retained = u8::from(retained);
    format!("{topic}\t{qos}\t{retained}\t{content_type}\t1\t60\t\t{}\n", hex::encode(payload))
}

/// What Emma's own functions make of each kind that the demo may not say.
fn said_by_hand() -> String {
    let document = asyncapi();
    let example = |name| example(&document, name);
    let (speaker, key) = (Speaker::default(), Key::new([7; 32]));
    let event =
        |topic: &str, payload: &str| line(topic, 1, is_retained(topic), CONTENT_TYPE, &with_sequence(payload, 1));
    let totals: Value = serde_json::from_str(&example("restraintReported")).unwrap();
    let totals = serde_json::from_value(totals["data"].clone()).unwrap();
    let reported = emma::mqtt::report::draft(&totals, &speaker, &key, 0);
    let ended = |ending: Ending| {
        let ended = Ended {
            offer_id: "7",
            recipient: "push",
            inbox: "q7Jr",
            reason: ending.as_str(),
            at_us: 0,
            until_us: 60_000_000,
            test: ending == Ending::Left,
        };
        let message = ended::message(ended, &speaker, &key);
        event(&message.topic, &message.payload)
    };
    let answer = |payload: &str| line("emma/v1/site/answer/app/7", 1, false, "application/json", payload);
    let batch = Batch::read(example("sighting").as_bytes()).unwrap().message();
    let page = Page::read(example("registry").as_bytes()).unwrap().message();
    [
        Ending::ALL.map(ended).concat(),
        event(&reported.topic, &reported.payload),
        answer(&answer::why("7", None)),
        answer(&answer::taken()),
        answer(&answer::rejected("fields", &["a sentence".to_owned()])),
        line("emma/v1/site/sighting/gw-shoes", 0, false, "application/json", &batch),
        line("emma/v1/site/registry/gw-shoes", 1, false, "application/json", &page),
    ]
    .concat()
}

fn validator() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/validate.py")
}

/// The validator's verdict on records.
fn assert_valid(python: &str, records: &[&Path]) -> String {
    let output = Command::new(python).arg(validator()).args(records).output().unwrap();
    let [told, complaints] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{told}{complaints}");
    told
}

#[test]
fn what_is_said_is_as_a_validator_that_is_not_ours_wants_it() {
    let Some(python) = python("messages of each kind against the contract") else { return };
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("by-hand.tsv");
    fs::write(&record, said_by_hand()).unwrap();
    assert_valid(python, &[&record]);
    for (right, wrong) in
        [("\"offer_id\"", "\"order_id\""), ("\"recalled\"", "\"revoked\""), ("1970-01-01T", "1970-01-32T")]
    {
        let changed = said_by_hand().replace(&hex::encode(right), &hex::encode(wrong));
        assert_ne!(changed, said_by_hand(), "nothing has {right}");
        fs::write(&record, changed).unwrap();
        let output = Command::new(python).arg(validator()).arg(&record).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "it takes {wrong}");
    }
}

#[cfg(feature = "demo")]
#[test]
fn what_the_demo_says_is_as_the_contract_says() {
    use std::io::{BufRead, BufReader};

    let Some(python) = python("the demo against the contract") else { return };
    let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
    command.args(["demo", "--seconds", "10", "--port", "0", "--seed", "1"]).stdout(std::process::Stdio::piped());
    let mut demo = command.spawn().unwrap();
    let mut story = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    let to_copy = story.find(|line| line.contains("mosquitto_sub")).unwrap();
    let recorder = broker::recorder::Recorder::of_port(to_copy.split_whitespace().nth(2).unwrap().parse().unwrap());
    story.for_each(drop);
    assert!(demo.wait().unwrap().success());
    let Some(recorder) = recorder else { return };
    let told = assert_valid(python, &[&recorder.path]);
    for kind in ["offerIssued", "gatewayState"] {
        let count = told.lines().find_map(|line| line.trim().strip_prefix(kind)).unwrap();
        assert_ne!(count.trim(), "0", "{told}");
    }
}
