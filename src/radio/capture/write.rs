//! Writing captures, in the two formats that are read here.
//!
//! btsnoop is what `btmon -w` writes: datalink 2001, the Linux monitor. What the radio's door hands in says nothing of how
//! it was sent, so up to 31 bytes become a legacy report, and more an extended one in as many parts as events hold.

use std::io::{self, Write};

use serde::Serialize;

use super::btsnoop::{EPOCH_US, MAGIC, MONITOR_EVENT};
use super::reports::{EXTENDED, LE_META, LEGACY};
use super::{Format, Heard};
use crate::gateway::advertisement::AddressKind;

/// Datalink of the Linux monitor (`doc/btsnoop.rst` of `BlueZ`).
const MONITOR: u32 = 2001;

/// The most data of a legacy advertisement, in bytes (Core 5.4, Vol 6 Part B, 2.3.1).
const LEGACY_LEN: usize = 31;

/// The most data of one extended report, in bytes (Core 5.4, Vol 4 Part E, 7.7.65.13).
const EXTENDED_LEN: usize = 229;

/// Event type of an advertisement that nobody can connect to, as beacons send.
const NOT_CONNECTABLE: u8 = 0x03;

/// Bit of an extended event type: more of this advertisement follows.
const MORE_TO_COME: u8 = 0x20;

/// A capture being written.
pub struct Writer<W> {
    out: W,
    format: Format,
}

#[derive(Serialize)]
struct Line<'a> {
    t: i64,
    gateway: &'a str,
    address: String,
    address_type: &'a str,
    rssi: i8,
    data: String,
}

impl<W: Write> Writer<W> {
    /// Begins a capture.
    ///
    /// # Errors
    /// `out` cannot be written.
    pub fn new(format: Format, mut out: W) -> io::Result<Self> {
        if format == Format::Btsnoop {
            out.write_all(MAGIC)?;
            out.write_all(&MONITOR.to_be_bytes())?;
        }
        Ok(Self { out, format })
    }

    /// Writes one advertisement. btsnoop does not say which gateway heard it: one file is one gateway's.
    ///
    /// # Errors
    /// `out` cannot be written.
    pub fn write(&mut self, heard: &Heard) -> io::Result<()> {
        match self.format {
            Format::Jsonl => self.write_line(heard),
            Format::Btsnoop => events(heard).iter().try_for_each(|event| self.write_event(heard.t_us, event)),
        }
    }

    /// Hands on what was written.
    ///
    /// # Errors
    /// `out` cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn write_line(&mut self, heard: &Heard) -> io::Result<()> {
        let line = Line {
            t: heard.t_us,
            gateway: &heard.gateway,
            address: heard.address.bytes.map(|byte| format!("{byte:02X}")).join(":"),
            address_type: match heard.address.kind {
                AddressKind::Public => "public",
                AddressKind::Random => "random",
            },
            rssi: heard.rssi_dbm,
            data: hex::encode(&heard.payload),
        };
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.write_all(b"\n")
    }

    /// One record: original and included length, flags (adapter 0, an event), drops, time, data.
    fn write_event(&mut self, t_us: i64, event: &[u8]) -> io::Result<()> {
        // An event has at most 257 bytes.
        let length = u32::try_from(event.len()).unwrap_or(u32::MAX).to_be_bytes();
        let time = t_us.saturating_add(EPOCH_US).to_be_bytes();
        let header = [length, length, MONITOR_EVENT.to_be_bytes(), [0; 4]].concat();
        self.out.write_all(&[&header, &time[..], event].concat())
    }
}

/// The HCI events that report it.
fn events(heard: &Heard) -> Vec<Vec<u8>> {
    if heard.payload.len() <= LEGACY_LEN {
        return vec![event(LEGACY, &legacy(heard))];
    }
    let parts = heard.payload.chunks(EXTENDED_LEN);
    let last = parts.len() - 1;
    parts.enumerate().map(|(index, part)| event(EXTENDED, &extended(heard, part, index < last))).collect()
}

/// Event code, length, subevent, one report.
fn event(subevent: u8, report: &[u8]) -> Vec<u8> {
    let length = u8::try_from(report.len() + 2).unwrap_or(u8::MAX);
    [&[LE_META, length, subevent, 1], report].concat()
}

/// Event type, address type, address, length, data, RSSI.
fn legacy(heard: &Heard) -> Vec<u8> {
    let length = u8::try_from(heard.payload.len()).unwrap_or(u8::MAX);
    let rssi = heard.rssi_dbm.cast_unsigned();
    [&[NOT_CONNECTABLE], &address(heard)[..], &[length], &heard.payload, &[rssi]].concat()
}

/// Event type, address type, address, both PHYs (1 Mbit/s), advertising set, sent power (not known), RSSI, no periodic
/// interval, no directed address, length, data.
fn extended(heard: &Heard, part: &[u8], more: bool) -> Vec<u8> {
    let event_type = [if more { MORE_TO_COME } else { 0 }, 0];
    let length = u8::try_from(part.len()).unwrap_or(u8::MAX);
    let how = [1, 1, 0, 0x7f, heard.rssi_dbm.cast_unsigned()];
    [&event_type, &address(heard)[..], &how, &[0; 9], &[length], part].concat()
}

/// Address type, and the address as on air: the least significant byte first.
fn address(heard: &Heard) -> [u8; 7] {
    let mut address = [0; 7];
    let [kind, bytes @ ..] = &mut address;
    *kind = u8::from(heard.address.kind == AddressKind::Random);
    bytes.copy_from_slice(&heard.address.bytes);
    bytes.reverse();
    address
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::path::Path;

    use super::*;
    use crate::gateway::advertisement::Address;
    use crate::radio::capture;

    fn heard(t_us: i64, kind: AddressKind, length: usize) -> Heard {
        let payload = (0..length).map(|index| u8::try_from(index % 251).unwrap()).collect();
        let address = Address { bytes: [0xc0, 0xff, 0xee, 1, 2, 3], kind };
        Heard { t_us, gateway: "gw-till".into(), address, rssi_dbm: -67, payload }
    }

    #[test]
    fn what_is_written_is_read_back_in_both_formats() {
        let all: Vec<Heard> = [0, 1, 31, 32, 62, 229, 230, 458, 459, 1_650]
            .into_iter()
            .zip(1_668_027_000_123_456..)
            .flat_map(|(length, t_us)| [AddressKind::Public, AddressKind::Random].map(|kind| heard(t_us, kind, length)))
            .collect();
        for format in [Format::Jsonl, Format::Btsnoop] {
            let mut writer = Writer::new(format, Vec::new()).unwrap();
            for heard in &all {
                writer.write(heard).unwrap();
            }
            let source = Box::new(Cursor::new(writer.out));
            let mut capture = capture::read(Path::new("gw-till.btsnoop"), source, None).unwrap();
            let read: Vec<Heard> = capture.by_ref().map(Result::unwrap).collect();
            assert!(read == all, "{format:?} says something else");
            assert_eq!(capture.tally().damaged(), 0, "{format:?}");
        }
    }

    #[test]
    fn a_line_is_that_of_the_contract() {
        let mut writer = Writer::new(Format::Jsonl, Vec::new()).unwrap();
        writer.write(&heard(1_668_027_000_123_456, AddressKind::Random, 3)).unwrap();
        let expected = r#"{"t":1668027000123456,"gateway":"gw-till","address":"C0:FF:EE:01:02:03","address_type":"random","rssi":-67,"data":"000102"}"#;
        assert_eq!(String::from_utf8(writer.out).unwrap(), format!("{expected}\n"));
    }

    #[test]
    fn a_full_disk_is_an_error_and_what_fits_is_kept() {
        let mut room = [0_u8; 100];
        let mut writer = Writer::new(Format::Btsnoop, &mut room[..]).unwrap();
        assert!(writer.write(&heard(0, AddressKind::Public, 10)).is_ok());
        assert!(writer.write(&heard(0, AddressKind::Public, 31)).is_err());
        let mut capture = capture::read(Path::new("x"), Box::new(Cursor::new(room)), None).unwrap();
        assert_eq!(capture.next().unwrap().unwrap().payload.len(), 10);
    }
}
