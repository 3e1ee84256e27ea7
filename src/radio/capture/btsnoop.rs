//! btsnoop (RFC 1761 with other datalinks): what `btmon -w` and Android write.
//!
//! A header of 16 bytes (name, version, datalink), then records: original length, included length, flags, drops, time,
//! data; numbers big endian. What is not an LE advertising report is passed over.

use std::collections::VecDeque;
use std::io::{self, Read};

use super::reports::{Reports, advertising_reports};
use super::tally::{Flaw, Place, Tally};
use super::{Heard, Source, TIME_US};
use crate::config::Name;

/// The file's name and version 1.
pub(super) const MAGIC: &[u8] = b"btsnoop\0\0\0\0\x01";

/// Name, version, datalink.
const HEADER_LEN: u64 = 16;

/// The five numbers before a record's data.
const RECORD_HEADER_LEN: u64 = 24;

/// The most data of a record, in bytes: ISO and ACL packets have a 16-bit length, and a few bytes before it. More means
/// that this is no length.
const MAX_RECORD_LEN: u32 = 0x1_0000 + 16;

/// Microseconds from the year 0, where btsnoop counts from, to 1970 (`src/shared/btsnoop.c` of `BlueZ` says it for 2000).
pub(super) const EPOCH_US: i64 = 0x00dc_ddb3_0f2f_8000;

/// Code of an HCI event in H4 (Core 5.4, Vol 4 Part A, 2).
const H4_EVENT: u8 = 0x04;

/// Opcode of an HCI event in the Linux monitor (`doc/btsnoop.rst` of `BlueZ`).
pub(super) const MONITOR_EVENT: u32 = 3;

/// Flags of an event without encapsulation: received, and command or event.
const RECEIVED_EVENT: u32 = 0b11;

/// How a record holds an HCI packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Datalink {
    /// 1001: without encapsulation; the flags say what it is.
    Plain,
    /// 1002: H4; the first byte says what it is.
    H4,
    /// 2001: the Linux monitor; the lower half of the flags says what it is, the upper half which adapter.
    Monitor,
}

/// How a file that begins like `probe` holds HCI packets, if it is a btsnoop file and does.
pub(super) fn recognise(probe: &[u8]) -> Option<Datalink> {
    let datalink = probe.strip_prefix(MAGIC)?.first_chunk::<4>()?;
    match u32::from_be_bytes(*datalink) {
        1001 => Some(Datalink::Plain),
        1002 => Some(Datalink::H4),
        2001 => Some(Datalink::Monitor),
        _ => None,
    }
}

/// Reads a file record by record.
pub(super) struct Reader {
    source: Source,
    datalink: Datalink,
    reports: Reports,
    /// What a record held beyond the first.
    ready: VecDeque<Heard>,
    data: Vec<u8>,
    offset: u64,
    ended: bool,
}

/// A record's own header.
struct Record {
    offset: u64,
    flags: u32,
    t_us: Option<i64>,
}

impl Reader {
    /// `source` still has its header.
    pub(super) fn new(source: Source, datalink: Datalink, gateway: Name) -> Self {
        let (ready, data) = (VecDeque::new(), Vec::new());
        Self { source, datalink, reports: Reports::new(gateway), ready, data, offset: 0, ended: false }
    }

    /// The next advertisement, past whatever is damaged; nothing at the end.
    pub(super) fn next(&mut self, tally: &mut Tally) -> io::Result<Option<Heard>> {
        loop {
            if let Some(heard) = self.ready.pop_front() {
                return Ok(Some(heard));
            }
            let Some(record) = self.read_record(tally)? else { return Ok(None) };
            if let Err(flaw) = self.read_reports(&record, tally) {
                tally.found(Place::Offset(record.offset), flaw);
            }
        }
    }

    /// Reads one record into `data`; nothing at the end, or where no further record can be found.
    fn read_record(&mut self, tally: &mut Tally) -> io::Result<Option<Record>> {
        if self.offset == 0 {
            self.read_data(HEADER_LEN)?;
        }
        let offset = self.offset;
        if self.ended || self.read_data(RECORD_HEADER_LEN)? == 0 {
            return Ok(None);
        }
        let Some((included, flags, time)) = record_header(&self.data) else {
            return Ok(self.end(tally, offset, Flaw::CutOff));
        };
        if included > MAX_RECORD_LEN {
            return Ok(self.end(tally, offset, Flaw::Length));
        }
        if self.read_data(included.into())? < u64::from(included) {
            return Ok(self.end(tally, offset, Flaw::CutOff));
        }
        let t_us = time.checked_sub(EPOCH_US).filter(|t_us| TIME_US.contains(t_us));
        Ok(Some(Record { offset, flags, t_us }))
    }

    /// Reads up to `len` bytes into `data`, and says how many there were.
    fn read_data(&mut self, len: u64) -> io::Result<u64> {
        self.data.clear();
        let read = self.source.by_ref().take(len).read_to_end(&mut self.data)? as u64;
        self.offset += read;
        Ok(read)
    }

    fn end(&mut self, tally: &mut Tally, offset: u64, flaw: Flaw) -> Option<Record> {
        tally.found(Place::Offset(offset), flaw);
        self.ended = true;
        None
    }

    /// Takes the advertising reports out of `data`, if it is an event that has some.
    fn read_reports(&mut self, record: &Record, tally: &mut Tally) -> Result<(), Flaw> {
        let event = match self.datalink {
            Datalink::Plain => (record.flags & RECEIVED_EVENT == RECEIVED_EVENT).then_some(&*self.data),
            Datalink::H4 => self.data.strip_prefix(&[H4_EVENT]),
            Datalink::Monitor => (record.flags & 0xffff == MONITOR_EVENT).then_some(&*self.data),
        };
        let Some(reports) = event.map(advertising_reports).transpose()?.flatten() else { return Ok(()) };
        let t_us = record.t_us.ok_or(Flaw::Time)?;
        let adapter = if self.datalink == Datalink::Monitor { record.flags >> 16 } else { 0 };
        for report in &reports {
            match self.reports.complete(adapter, t_us, report, tally) {
                Ok(heard) => self.ready.extend(heard),
                Err(flaw) => tally.found(Place::Offset(record.offset), flaw),
            }
        }
        Ok(())
    }
}

/// Included length, flags and time of a record's header, if it is whole.
fn record_header(header: &[u8]) -> Option<(u32, u32, i64)> {
    let (_original, rest) = header.split_first_chunk::<4>()?;
    let (included, rest) = rest.split_first_chunk::<4>()?;
    let (flags, rest) = rest.split_first_chunk::<4>()?;
    let (_drops, time) = rest.split_first_chunk::<4>()?;
    let time = time.first_chunk::<8>()?;
    Some((u32::from_be_bytes(*included), u32::from_be_bytes(*flags), i64::from_be_bytes(*time)))
}
