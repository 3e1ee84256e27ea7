//! Capture files as they come: whole, cut off, damaged, of the wrong kind, mixed.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::io::Cursor;
use std::path::{Path, PathBuf};

use emma::config::Name;
use emma::gateway::advertisement::AddressKind;
use emma::radio::capture::{self, Capture, CaptureError, Flaw, Heard, Place};
use proptest::prelude::*;
use tempfile::TempDir;

/// 1970 in microseconds since the year 0.
const EPOCH_US: i64 = 0x00dc_ddb3_0f2f_8000;

/// An LE advertising report of `ble_monitor`'s test-suite: an iBeacon at -77 dBm from a random address.
const EVENT: &str = "3e2a02010001433ea2c96b6a1e02011a1aff4c000215e2c56db5dffb48d2b060d0f5a71096e000640000c5b3";

fn header(datalink: u32) -> Vec<u8> {
    [&b"btsnoop\0"[..], &1_u32.to_be_bytes(), &datalink.to_be_bytes()].concat()
}

fn record(flags: u32, t_us: i64, data: &[u8]) -> Vec<u8> {
    let len = u32::try_from(data.len()).unwrap().to_be_bytes();
    let time = (t_us + EPOCH_US).to_be_bytes();
    [&len[..], &len, &flags.to_be_bytes(), &[0; 4], &time, data].concat()
}

fn event() -> Vec<u8> {
    hex::decode(EVENT).unwrap()
}

fn line(t_us: i64, gateway: &str) -> String {
    format!(
        r#"{{"t":{t_us},"gateway":"{gateway}","address":"C0:FF:EE:00:00:01","address_type":"public","rssi":-67,"data":"020106"}}"#
    )
}

fn file(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn read(bytes: Vec<u8>) -> Result<Capture, CaptureError> {
    capture::read(Path::new("gw-shoes.btsnoop"), Box::new(Cursor::new(bytes)), None)
}

fn all(capture: &mut Capture) -> Vec<Heard> {
    capture.map(Result::unwrap).collect()
}

fn expect_beacon(heard: &Heard, t_us: i64, gateway: &str) {
    assert_eq!((heard.t_us, &*heard.gateway, heard.rssi_dbm), (t_us, gateway, -77));
    assert_eq!((heard.address.bytes[0], heard.address.kind), (0x6a, AddressKind::Random));
    assert_eq!(heard.payload, event()[13..43]);
}

#[test]
fn all_three_datalinks_are_read() {
    let h4 = [&[4][..], &event()].concat();
    let command = [&[1][..], &event()].concat();
    let files = [
        (1001, record(3, 5, &event()), record(2, 4, &event())),
        (1002, record(3, 5, &h4), record(2, 4, &command)),
        (2001, record(0x0001_0003, 5, &event()), record(0x0001_0002, 4, &event())),
    ];
    for (datalink, heard, not_heard) in files {
        let mut capture = read([header(datalink), not_heard, heard].concat()).unwrap();
        let found = all(&mut capture);
        assert_eq!(found.len(), 1, "{datalink}");
        expect_beacon(&found[0], 5, "gw-shoes");
        assert_eq!(capture.tally().damaged(), 0);
    }
}

#[test]
fn a_btsnoop_gateway_is_named_by_the_caller() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "shop.log", [header(2001), record(3, 5, &event())].concat());
    let mut capture = capture::open(&path, Some(Name::from("gw-till"))).unwrap();
    expect_beacon(&all(&mut capture)[0], 5, "gw-till");
    expect_beacon(&all(&mut capture::open(&path, None).unwrap())[0], 5, "shop");
}

#[test]
fn a_cut_off_btsnoop_is_read_as_far_as_it_goes() {
    let whole = [header(2001), record(3, 5, &event()), record(3, 6, &event())].concat();
    let second = 16 + 24 + event().len();
    for len in 16..whole.len() {
        let mut capture = read(whole[..len].to_vec()).unwrap();
        assert_eq!(all(&mut capture).len(), usize::from(len >= second), "{len}");
        let at_an_end = len == 16 || len == second;
        assert_eq!(capture.tally().count(Flaw::CutOff), u64::from(!at_an_end), "{len}");
        if len > second {
            assert_eq!(capture.tally().complaints()[0].place, Place::Offset(second as u64));
        }
    }
}

#[test]
fn damaged_records_are_counted_and_skipped() {
    let mut short = event();
    short.truncate(20);
    let bad_time = record(3, -EPOCH_US, &event());
    let records = [record(3, 5, &short), bad_time, record(3, 6, &event())].concat();
    let mut capture = read([header(2001), records].concat()).unwrap();
    assert_eq!(all(&mut capture).len(), 1);
    assert_eq!((capture.tally().count(Flaw::Report), capture.tally().count(Flaw::Time)), (1, 1));
    assert_eq!(capture.tally().complaints()[0].place, Place::Offset(16));

    let mut impossible = record(3, 5, &event());
    impossible[4] = 0xff;
    let mut capture = read([header(2001), impossible, record(3, 6, &event())].concat()).unwrap();
    assert_eq!(all(&mut capture).len(), 0);
    assert_eq!(capture.tally().count(Flaw::Length), 1);
}

#[test]
fn damaged_lines_are_counted_and_skipped() {
    let text = format!("{}\nnonsense\n\n{}\n\u{1}\n{{}}\n{}", line(1, "a"), line(2, "b"), &line(3, "c")[..50]);
    let mut capture = read(text.into_bytes()).unwrap();
    assert_eq!(all(&mut capture).len(), 2);
    assert_eq!(capture.tally().damaged(), 4);
    let places: Vec<_> = capture.tally().complaints().iter().map(|complaint| complaint.place).collect();
    assert_eq!(places, [Place::Line(2), Place::Line(5), Place::Line(6), Place::Line(7)]);
}

#[test]
fn what_is_no_capture_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let strange: [(&str, &[u8]); 7] = [
        ("floor.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("trace.pcap", b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0"),
        ("consents.jsonl", br#"{"customer":"c-0001","epoch":1}"#),
        ("notes.txt", b"heard nothing\n"),
        ("blank.jsonl", b"\n\n"),
        ("ethernet.btsnoop", b"btsnoop\0\0\0\0\x01\0\0\0\x04"),
        ("short.btsnoop", b"btsnoop\0"),
    ];
    for (name, bytes) in strange {
        let error = capture::open(&file(&folder, name, bytes), None).err().unwrap();
        assert!(matches!(error, CaptureError::NotACapture { .. }), "{name}: {error}");
        assert!(error.to_string().contains(name));
    }
    let empty = capture::open(&file(&folder, "empty.jsonl", b""), None).err().unwrap();
    assert!(matches!(empty, CaptureError::Empty { .. }));
    for unreadable in [folder.path().to_owned(), folder.path().join("absent.jsonl")] {
        let error = capture::open(&unreadable, None).err().unwrap();
        assert!(matches!(error, CaptureError::Unreadable { .. }), "{error}");
    }
}

#[test]
fn mixed_captures_are_merged_by_time() {
    let lines = [line(30, "a"), line(10, "a"), line(20, "b")].join("\n");
    let snoop = [header(1001), record(3, 10, &event()), record(3, 25, &event())].concat();
    let captures = vec![read(lines.into_bytes()).unwrap(), read(snoop).unwrap()];
    let mut merged = capture::merge(captures);
    let found: Vec<_> = merged.by_ref().map(|heard| heard.map(|heard| (heard.t_us, heard.gateway)).unwrap()).collect();
    let found: Vec<_> = found.iter().map(|(t_us, gateway)| (*t_us, &**gateway)).collect();
    assert_eq!(found, [(10, "a"), (10, "gw-shoes"), (20, "b"), (25, "gw-shoes"), (30, "a")]);
    assert_eq!(merged.tallies().map(|(_, tally)| tally.heard).collect::<Vec<_>>(), [3, 2]);
}

/// Gives a line, and then an error for ever.
struct Broken(Option<Vec<u8>>);

impl std::io::Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.0.take().ok_or_else(|| std::io::Error::other("the disk is gone"))?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

#[test]
fn a_disk_that_fails_is_an_error_once() {
    let bytes = format!("{}\n", line(1, "a")).into_bytes();
    let source = std::io::BufReader::new(Broken(Some(bytes)));
    let broken = capture::read(Path::new("broken"), Box::new(source), None).unwrap();
    let found: Vec<_> = capture::merge(vec![broken]).collect();
    assert!(found.iter().filter(|item| item.is_err()).count() == 1 && found.len() == 2);
}

fn drain(bytes: Vec<u8>) {
    if let Ok(capture) = read(bytes) {
        for heard in capture::merge(vec![capture]) {
            heard.unwrap();
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        drain(bytes.clone());
        for datalink in [1001, 1002, 2001] {
            drain([header(datalink), bytes.clone()].concat());
            drain([header(datalink), record(3, 5, &bytes), record(3, 6, &event())].concat());
        }
        drain([line(1, "a").into_bytes(), b"\n".to_vec(), bytes].concat());
    }

    #[test]
    fn any_damage_to_an_event_is_read_without_a_panic(at in 0_usize..44, byte in any::<u8>(), extended in any::<bool>()) {
        let mut event = event();
        if extended {
            event[2] = 0x0d;
        }
        event[at] = byte;
        drain([header(2001), record(3, 5, &event), record(3, 6, &event)].concat());
    }
}
