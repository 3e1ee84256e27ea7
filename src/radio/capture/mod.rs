//! Captures: what radios heard, kept in a file.
//!
//! Two formats, told apart by content: JSON Lines and btsnoop. [`open`] gives a [`Capture`], an iterator over what was
//! heard; [`merge`] puts several into one order of time. Files may be larger than memory: a line, a record, and two
//! seconds of advertisements are all that is held.
//!
//! What is damaged is counted and skipped, never an error. A [`Complaint`] names a place and a kind of flaw, and nothing
//! that a stranger transmitted.

mod btsnoop;

mod jsonl;

mod reorder;

mod reports;

mod tally;

pub mod write;

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

pub use reorder::{Merged, merge};
pub use tally::{Complaint, Flaw, Place, Tally};

use crate::config::Name;
use crate::gateway::advertisement::{Address, Advertisement, GatewayIndex};

/// How a capture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    /// What `btmon -w` writes.
    Btsnoop,
}

/// One advertisement out of a capture.
#[derive(Clone, PartialEq, Eq)]
pub struct Heard {
    /// Microseconds since 1970 UTC.
    pub t_us: i64,
    /// The id of the gateway that heard it; whether the shop has such a one is for others to say.
    pub gateway: Name,
    /// Who transmitted, as far as the radio knew.
    pub address: Address,
    /// Received signal strength in dBm.
    pub rssi_dbm: i8,
    /// The advertising data as on air.
    pub payload: Vec<u8>,
}

impl Heard {
    /// The same for the core, the gateway in its numbers.
    pub fn advertisement(&self, gateway: GatewayIndex) -> Advertisement<'_> {
        Advertisement { address: self.address, payload: &self.payload, rssi_dbm: self.rssi_dbm, gateway }
    }
}

/// `Debug` shows nothing, so that no log line can carry what a stranger transmitted.
impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Heard(..)")
    }
}

/// Why a file gives nothing, or nothing more.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file has nothing in it.
    #[error("{}: is empty, and so no capture", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{}: is no capture: neither JSON Lines with `t` in each line, nor btsnoop with HCI packets", path.display())]
    NotACapture {
        /// Which file.
        path: PathBuf,
    },
}

/// How much of a file is looked at to tell its format, in bytes: four of the longest lines.
const PROBE_LEN: usize = 4 * jsonl::MAX_LINE_LEN;

/// The strengths that a radio can report, in dBm (Core 5.4, Vol 4 Part E, 7.7.65.2); 127 is "not available".
const RSSI_DBM: std::ops::RangeInclusive<i64> = -127..=20;

/// The times that a capture can hold, in microseconds since 1970: up to the year 9999, where civil time ends here.
const TIME_US: std::ops::RangeInclusive<i64> = 0..=253_402_207_200_000_000;

/// A capture being read.
pub struct Capture {
    path: PathBuf,
    reader: Reader,
    tally: Tally,
    failed: bool,
}

/// Where a capture's bytes come from.
type Source = Box<dyn BufRead + Send>;

enum Reader {
    Jsonl(jsonl::Reader),
    Btsnoop(btsnoop::Reader),
}

/// Opens the capture at `path`. A btsnoop file is of one gateway: `gateway`, else the file's name without its suffix.
pub fn open(path: &Path, gateway: Option<Name>) -> Result<Capture, CaptureError> {
    let file = File::open(path).map_err(|source| CaptureError::Unreadable { path: path.into(), source })?;
    read(path, Box::new(BufReader::with_capacity(PROBE_LEN, file)), gateway)
}

/// The same for bytes from elsewhere; `path` is what they are called.
pub fn read(path: &Path, mut source: Source, gateway: Option<Name>) -> Result<Capture, CaptureError> {
    let unreadable = |source| CaptureError::Unreadable { path: path.into(), source };
    let probe = source.fill_buf().map_err(unreadable)?;
    if probe.is_empty() {
        return Err(CaptureError::Empty { path: path.into() });
    }
    let reader = if let Some(link) = btsnoop::recognise(probe) {
        let gateway = gateway.unwrap_or_else(|| path.file_stem().unwrap_or_default().to_string_lossy().into());
        Reader::Btsnoop(btsnoop::Reader::new(source, link, gateway))
    } else if jsonl::recognise(probe) {
        Reader::Jsonl(jsonl::Reader::new(source))
    } else {
        return Err(CaptureError::NotACapture { path: path.into() });
    };
    Ok(Capture { path: path.into(), reader, tally: Tally::default(), failed: false })
}

impl Capture {
    /// What the capture is called.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was found so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// In the file's own order. An error ends it.
impl Iterator for Capture {
    type Item = Result<Heard, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = match &mut self.reader {
            Reader::Jsonl(reader) => reader.next(&mut self.tally),
            Reader::Btsnoop(reader) => reader.next(&mut self.tally),
        };
        match next {
            Ok(heard) => {
                self.tally.heard += u64::from(heard.is_some());
                heard.map(Ok)
            }
            Err(source) => {
                self.failed = true;
                Some(Err(CaptureError::Unreadable { path: self.path.clone(), source }))
            }
        }
    }
}

/// `rssi` as a strength in dBm, if a radio can have measured it.
fn rssi_dbm(rssi: i64) -> Option<i8> {
    RSSI_DBM.contains(&rssi).then(|| i8::try_from(rssi).ok()).flatten()
}
