//! The journal that commits go to first, and whether what is committed in it will be read: `SQLite` reads its write-ahead log up to the first frame that is
//! not whole and takes what follows for a tail that was never synced. Where that is not so, deliveries would be forgotten
//! without a word, and a delivery forgotten is a cap broken.
//!
//! The format is <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

const HEADER_LEN: usize = 32;
const FRAME_HEADER_LEN: usize = 24;

/// An offer changes a dozen rows all over the file, and each commit writes their pages whole: at the usual 4,096 bytes a day
/// in a shop writes two and a half times as much to the card. Smaller ones do not hold a delivery's row any more.
const PAGE_BYTES: u32 = 1_024;

/// The journal is worked into the file when it holds so many: 4 MB, as it is at the usual page. A page that changed many times
/// is then written there once.
const JOURNAL_PAGES: u32 = 4_000;

/// Of the two numbers that a journal begins with, the one whose sums are of little-endian words; the other's are big-endian.
const MAGIC_LITTLE: u32 = 0x377f_0682;

/// Has changes written to a journal first, and a full sync a commit: what was granted must be remembered after a power cut
/// (dependencies, Store).
///
/// # Errors
/// The file cannot be written.
pub(super) fn begin(db: &Connection) -> rusqlite::Result<()> {
    // Only a file that is just made heeds it; an older one keeps its own.
    db.pragma_update(None, "page_size", PAGE_BYTES)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "wal_autocheckpoint", JOURNAL_PAGES)?;
    db.pragma_update(None, "synchronous", "FULL")
}

/// Where the journal of a ledger lies.
pub(super) fn of(file: &Path) -> PathBuf {
    let mut journal = file.as_os_str().to_owned();
    journal.push("-wal");
    journal.into()
}

/// Whether the journal in `file` holds a commit behind what is not whole that is not the last one. Commits come one after
/// the other, each synced before the next is written, so only the last can be torn by a power cut. Without a file nothing
/// is lost.
///
/// # Errors
/// It cannot be read.
pub(super) fn has_lost_commits(file: &Path) -> io::Result<bool> {
    let mut journal = match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => BufReader::new(opened?),
    };
    let mut header = [0; HEADER_LEN];
    if !fill(&mut journal, &mut header)? {
        return Ok(false);
    }
    let Some(mut sums) = Sums::begin(&header) else { return Ok(true) };
    let mut frame = vec![0; FRAME_HEADER_LEN + word(&header, 8, u32::from_be_bytes) as usize];
    let (mut is_whole, mut commits_behind) = (true, 0);
    while fill(&mut journal, &mut frame)? {
        // What an earlier round left behind, its pages long in the file itself, has other salts.
        let is_ours = frame.get(8..16) == header.get(16..24);
        is_whole = is_whole && is_ours && sums.take(&frame);
        let is_commit = word(&frame, 4, u32::from_be_bytes) != 0;
        commits_behind += usize::from(is_ours && is_commit && !is_whole);
    }
    Ok(commits_behind > 1)
}

/// The running sums of a journal, over its header and every frame so far.
struct Sums {
    read: fn([u8; 4]) -> u32,
    so_far: (u32, u32),
}

impl Sums {
    /// Of a header; nothing if it is not whole.
    fn begin(header: &[u8; HEADER_LEN]) -> Option<Self> {
        let magic = word(header, 0, u32::from_be_bytes);
        let read = if magic == MAGIC_LITTLE { u32::from_le_bytes } else { u32::from_be_bytes };
        let mut sums = Self { read, so_far: (0, 0) };
        sums.add(header.get(..24)?);
        let is_page = matches!(word(header, 8, u32::from_be_bytes), 512..=65_536);
        (magic & !1 == MAGIC_LITTLE && is_page && sums.so_far == pair(header, 24)).then_some(sums)
    }

    /// Whether a frame is the next one, and whole.
    fn take(&mut self, frame: &[u8]) -> bool {
        self.add(frame.get(..8).unwrap_or_default());
        self.add(frame.get(FRAME_HEADER_LEN..).unwrap_or_default());
        self.so_far == pair(frame, 16)
    }

    fn add(&mut self, bytes: &[u8]) {
        let (mut s0, mut s1) = self.so_far;
        for at in (0..bytes.len()).step_by(8) {
            s0 = s0.wrapping_add(word(bytes, at, self.read)).wrapping_add(s1);
            s1 = s1.wrapping_add(word(bytes, at + 4, self.read)).wrapping_add(s0);
        }
        self.so_far = (s0, s1);
    }
}

fn pair(bytes: &[u8], at: usize) -> (u32, u32) {
    (word(bytes, at, u32::from_be_bytes), word(bytes, at + 4, u32::from_be_bytes))
}

fn word(bytes: &[u8], at: usize, read: fn([u8; 4]) -> u32) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |four| read(*four))
}

/// Reads until `into` is full; false where the file ends before.
fn fill(from: &mut impl Read, into: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(into) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A journal of so many commits that nobody has closed, one frame each; its folder lasts as long as the first.
    fn journal(commits: i64) -> (TempDir, Vec<u8>) {
        let dir = TempDir::new().unwrap();
        let db = Connection::open(dir.path().join("db")).unwrap();
        db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (n)").unwrap();
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        for n in 0..commits {
            db.execute("INSERT INTO t VALUES (?1)", [n]).unwrap();
        }
        let bytes = fs::read(dir.path().join("db-wal")).unwrap();
        drop(db);
        (dir, bytes)
    }

    fn lost(bytes: &[u8]) -> bool {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("wal");
        fs::write(&file, bytes).unwrap();
        has_lost_commits(&file).unwrap()
    }

    const FRAME_LEN: usize = FRAME_HEADER_LEN + 4_096;

    #[test]
    fn a_torn_tail_is_no_loss_and_a_torn_middle_is() {
        let (_dir, whole) = journal(5);
        assert_eq!(whole.len(), HEADER_LEN + 5 * FRAME_LEN);
        assert!(!lost(&whole) && !lost(&[]) && !lost(&whole[..31]));
        for at in [HEADER_LEN, HEADER_LEN + 3 * FRAME_LEN, HEADER_LEN + 5 * FRAME_LEN - 1] {
            assert!(!lost(&whole[..at]), "cut at {at}");
        }
        for (frame, expected) in [(0, true), (1, true), (3, true), (4, false)] {
            for within in [8, 16, FRAME_HEADER_LEN, FRAME_LEN - 1] {
                let mut damaged = whole.clone();
                damaged[HEADER_LEN + frame * FRAME_LEN + within] ^= 1;
                // A frame whose salts are others' is not counted as a commit of this journal itself.
                let expected = expected && (frame < 3 || within != 8);
                assert_eq!(lost(&damaged), expected, "frame {frame}, byte {within}");
            }
        }
    }

    #[test]
    fn a_journal_without_a_whole_header_is_lost() {
        let (_dir, whole) = journal(2);
        for at in [0, 9, 16, 31] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert!(lost(&damaged), "{at}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_lost_nothing() {
        assert!(!has_lost_commits(Path::new("/nowhere/wal")).unwrap());
    }
}
