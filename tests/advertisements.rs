//! Decoding, against packets from other decoders' test-suites, a corpus of known truth, and any bytes at all.
//!
//! Vectors and corpus live in the shared folder: `EMMA_SHARED`, else `../shared` beside this package. What is not
//! there is said and skipped.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use emma::gateway::decode::{Frame, eddystone, frames};
use emma::radio::encode;
use proptest::prelude::*;
use serde_json::Value;

fn shared(path: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("EMMA_SHARED").map_or(beside, PathBuf::from);
    let file = folder.join(path);
    if file.exists() {
        return Some(file);
    }
    println!("skipped: {path} is not in the shared folder");
    None
}

/// The advertising data of a vector, which may hold less or more than that.
fn advertising_data(form: &str, bytes: &[u8]) -> Vec<u8> {
    match form {
        "ad" => bytes.to_vec(),
        "svc_feaa" => encode::service_data16(0xfeaa, bytes).unwrap(),
        "mfr" => {
            let (company, data) = bytes.split_first_chunk::<2>().unwrap();
            encode::manufacturer_data(u16::from_le_bytes(*company), data).unwrap()
        }
        // H4 type, event, length, subevent, reports, event type, address type, address, length; then data and RSSI.
        "hci" => bytes[14..14 + usize::from(bytes[13])].to_vec(),
        other => panic!("a form that this test does not know: {other}"),
    }
}

fn uuid(bytes: [u8; 16]) -> String {
    let h = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..])
}

/// A frame in the vectors' words.
fn described(frame: Option<Frame<'_>>) -> Value {
    let Some(frame) = frame else { return serde_json::json!({"type": "none"}) };
    let mut described = match frame {
        Frame::IBeacon { uuid: id, major, minor, measured_power_dbm } => {
            serde_json::json!({"uuid": uuid(id), "major": major, "minor": minor, "tx_power_1m": measured_power_dbm})
        }
        Frame::AltBeacon { company, id1, id2, id3, measured_power_dbm, reserved } => serde_json::json!({
            "company": company, "id1": uuid(id1), "id2": id2, "id3": id3, "tx_power_1m": measured_power_dbm,
            "mfg_reserved": reserved,
        }),
        Frame::EddystoneUid { namespace, instance, power_0m_dbm } => serde_json::json!({
            "namespace": hex::encode(namespace), "instance": hex::encode(instance), "tx_power_0m": power_0m_dbm,
        }),
        Frame::EddystoneUrl { scheme, encoded, power_0m_dbm } => {
            serde_json::json!({"url": eddystone::expand_url(scheme, encoded), "tx_power_0m": power_0m_dbm})
        }
        Frame::EddystoneTlm { voltage_mv, temperature_c256, advertisements, uptime_ds } => serde_json::json!({
            "voltage_mv": voltage_mv, "temperature_c": f64::from(temperature_c256) / 256.0,
            "adv_count": advertisements, "uptime_ds": uptime_ds,
        }),
        Frame::EddystoneEid { eid, power_0m_dbm } => {
            serde_json::json!({"eid": hex::encode(eid), "tx_power_0m": power_0m_dbm})
        }
    };
    described["type"] = frame.kind().into();
    described
}

#[test]
fn every_vector_is_decoded_as_expected() {
    let Some(file) = shared("cases/advertisements.json") else { return };
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let vectors = cases["vectors"].as_array().unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let bytes = hex::decode(vector["hex"].as_str().unwrap()).unwrap();
        let payload = advertising_data(vector["form"].as_str().unwrap(), &bytes);
        let found = described(frames(&payload).next());
        let mut expected = vector["expect"].clone();
        // The envelope's own fields belong to the capture reader, which has tests of its own.
        for envelope in ["mac", "rssi", "addr_type"] {
            expected.as_object_mut().unwrap().remove(envelope);
        }
        assert_eq!(found, expected, "{}", vector["id"]);
    }
}

/// What the corpus calls a class that transmits beacons.
const KIND_OF_CLASS: [&str; 7] =
    ["ibeacon", "ibeacon", "eddystone-uid", "eddystone-url", "eddystone-tlm", "eddystone-eid", "altbeacon"];

/// The first class of strangers without a beacon, and the last; after them comes what is malformed.
const STRANGERS: std::ops::RangeInclusive<u8> = 7..=14;

/// Calls `each` with the truth class and payload of every record of a corpus in `folder`.
fn read_corpus(folder: &Path, mut each: impl FnMut(u8, &[u8])) {
    let (corpus, truth) = (std::fs::read(folder.join("corpus.bin")), std::fs::read(folder.join("truth.bin")));
    let (corpus, truth) = (corpus.unwrap(), truth.unwrap());
    let mut rest = &corpus[16..];
    for record in truth[16..].chunks_exact(12) {
        let (payload, after) = rest[18..].split_at(usize::from(rest[17]));
        each(record[0], payload);
        rest = after;
    }
}

fn generate_corpus(folder: &Path, records: u32) -> bool {
    let Some(generator) = shared("bench/gen_corpus.py") else { return false };
    let mut python = Command::new("python3");
    python.arg(generator).args(["--seed", "1", "--seconds", "200", "-n", &records.to_string(), "-o"]).arg(folder);
    let Ok(output) = python.output() else {
        println!("skipped: no python3 to generate the corpus with");
        return false;
    };
    assert!(output.status.success(), "the generator failed");
    true
}

#[test]
fn a_corpus_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    if !generate_corpus(folder.path(), 20_000) {
        return;
    }
    let mut records = 0;
    read_corpus(folder.path(), |class, payload| {
        records += 1;
        let kinds: Vec<_> = frames(payload).map(|frame| frame.kind()).collect();
        match KIND_OF_CLASS.get(usize::from(class)) {
            Some(kind) => assert_eq!(kinds, [*kind]),
            // What is malformed may still begin with a whole frame; the count of the large corpus says how many.
            None => assert!(kinds.is_empty() || !STRANGERS.contains(&class), "class {class}"),
        }
    });
    assert_eq!(records, 20_000);
}

/// The corpus of a million has 450,168 records with a beacon: 449,811 that are one and 357 malformed ones whose
/// structures hold a whole Eddystone-URL all the same: type, power and a scheme byte, whatever its number.
#[test]
#[ignore = "takes ten seconds: run with --ignored after a change to a decoder"]
fn the_large_corpus_has_the_known_count() {
    let folder = tempfile::tempdir().unwrap();
    if !generate_corpus(folder.path(), 1_000_000) {
        return;
    }
    let mut decoded = 0;
    read_corpus(folder.path(), |_, payload| decoded += u32::from(frames(payload).next().is_some()));
    assert_eq!(decoded, 450_168);
}

/// Noise rarely looks like a beacon, so half of what is tried begins like one.
const STARTS: &[&[u8]] = &[
    &[0x1a, 0xff, 0x4c, 0x00, 0x02, 0x15],
    &[0x1b, 0xff, 0x18, 0x01, 0xbe, 0xac],
    &[0x15, 0x16, 0xaa, 0xfe, 0x00],
    &[0x06, 0x16, 0xaa, 0xfe, 0x10],
    &[0x11, 0x16, 0xaa, 0xfe, 0x20, 0x00],
    &[0x0d, 0x16, 0xaa, 0xfe, 0x30],
];

fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec(any::<u8>(), 0..80);
    let beacon = (prop::sample::select(STARTS).prop_map(<[u8]>::to_vec), prop::collection::vec(any::<u8>(), 0..40));
    prop_oneof![noise, beacon.prop_map(|(start, rest)| [start, rest].concat())]
}

proptest! {
    #[test]
    fn nothing_past_the_end_is_read(payload in any_payload(), after in prop::collection::vec(any::<u8>(), 0..40)) {
        let larger = [&*payload, &*after].concat();
        let alone: Vec<_> = frames(&payload).collect();
        let inside: Vec<_> = frames(&larger[..payload.len()]).collect();
        prop_assert_eq!(alone, inside);
    }

    #[test]
    fn what_is_encoded_is_decoded(
        (id, ns, inst) in any::<([u8; 16], [u8; 10], [u8; 6])>(),
        (a, b, company, power) in any::<(u16, u16, u16, i8)>(),
        (voltage_mv, temperature_c256, advertisements, uptime_ds) in any::<(u16, i16, u32, u32)>(),
        (eid, scheme) in any::<([u8; 8], u8)>(),
        url in prop::collection::vec(any::<u8>(), 0..249),
    ) {
        let structures = [
            encode::flags(0x06),
            encode::ibeacon(&id, a, b, power),
            encode::altbeacon(company, &id, a, b, power),
            encode::eddystone_uid(&ns, &inst, power),
            encode::eddystone_url(scheme, &url, power).unwrap(),
            encode::eddystone_tlm(voltage_mv, temperature_c256, advertisements, uptime_ds),
            encode::eddystone_eid(&eid, power),
        ];
        let payload = encode::payload(structures.iter().map(|s| &s[..]), encode::EXTENDED_PAYLOAD_LEN);
        let expected = [
            Frame::IBeacon { uuid: id, major: a, minor: b, measured_power_dbm: power },
            Frame::AltBeacon { company, id1: id, id2: a, id3: b, measured_power_dbm: power, reserved: 0 },
            Frame::EddystoneUid { namespace: ns, instance: inst, power_0m_dbm: power },
            Frame::EddystoneUrl { scheme, encoded: &url, power_0m_dbm: power },
            Frame::EddystoneTlm { voltage_mv, temperature_c256, advertisements, uptime_ds },
            Frame::EddystoneEid { eid, power_0m_dbm: power },
        ];
        prop_assert_eq!(frames(&payload).collect::<Vec<_>>(), expected);
    }
}
