//! A backup: the ledger in one file, with what it is and whether it is whole.
//!
//! The first line is JSON ([`Manifest`]), so that `head -1` tells one backup from another. Then come as many bytes as it says,
//! the file of `SQLite`'s, and at the end a SHA-256 over all that was before. It tells a file that was cut or damaged, not one
//! that somebody wrote: whoever can write backups is trusted with the ledger.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The form of the file. A later one that this Emma cannot read has a higher number.
pub const FORMAT: u32 = 1;

/// A backup that is read into memory, in bytes: consents of 200,000 customers at half a kilobyte each, their deliveries and a
/// full outbox, with room to spare. A shop's is a few MB.
pub const MAX_BACKUP_LEN: u64 = 512 * 1024 * 1024;

/// The first line is a few short fields; a file without an end to it is something else.
const MAX_MANIFEST_LEN: usize = 4_096;

const SUM_LEN: usize = 32;

/// What a backup is of.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub emma_backup: u32,
    /// The version of Emma that made it.
    pub emma: String,
    /// The shop.
    pub site: String,
    /// The Pi.
    pub gateway: String,
    /// The version of the ledger's tables.
    pub schema: i64,
    /// When it was made, RFC 3339, as the machine's clock had it.
    pub at: String,
    /// Consents in it.
    pub consents: i64,
    /// Deliveries in it.
    pub deliveries: i64,
    /// Bytes of the ledger that follow.
    pub length: usize,
}

/// Why a file is no backup that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is something else.
    #[error("is no backup of Emma's: emma backup FILE makes one")]
    Other,
    /// A later Emma made it.
    #[error("was made by a newer Emma than this one: restore it with that version")]
    Newer,
    /// It ends too early.
    #[error("is cut short: copy it again, or take another backup")]
    Cut,
    /// Its bytes are not those that were written.
    #[error("is damaged: copy it again, or take another backup")]
    Damaged,
}

/// Writes a backup.
///
/// # Errors
/// Those of `out`.
pub fn write(manifest: &Manifest, ledger: &[u8], mut out: impl Write) -> io::Result<()> {
    let mut head = serde_json::to_vec(manifest)?;
    head.push(b'\n');
    let sum = Sha256::new().chain_update(&head).chain_update(ledger).finalize();
    out.write_all(&head)?;
    out.write_all(ledger)?;
    out.write_all(&sum)?;
    out.flush()
}

/// Reads a backup: what it is, and the ledger.
///
/// # Errors
/// It cannot be used.
pub fn read(bytes: &[u8]) -> Result<(Manifest, &[u8]), Fault> {
    /// What every later form begins with as well.
    #[derive(Deserialize)]
    struct Form {
        emma_backup: u32,
    }
    let begins_so = bytes.starts_with(br#"{"emma_backup":"#);
    let end = bytes.iter().take(MAX_MANIFEST_LEN).position(|byte| *byte == b'\n');
    let end = end.ok_or(if begins_so { Fault::Cut } else { Fault::Other })?;
    let (head, rest) = bytes.split_at(end + 1);
    let damaged = if begins_so { Fault::Damaged } else { Fault::Other };
    let form: Form = serde_json::from_slice(head).map_err(|_| damaged)?;
    if form.emma_backup > FORMAT {
        return Err(Fault::Newer);
    }
    let manifest: Manifest = serde_json::from_slice(head).map_err(|_| damaged)?;
    let whole = manifest.length.checked_add(SUM_LEN).ok_or(Fault::Damaged)?;
    if rest.len() < whole {
        return Err(Fault::Cut);
    }
    let (ledger, sum) = rest.split_at(manifest.length);
    let is_whole = *Sha256::new().chain_update(head).chain_update(ledger).finalize() == *sum;
    if is_whole { Ok((manifest, ledger)) } else { Err(Fault::Damaged) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup() -> (Manifest, Vec<u8>) {
        let manifest = Manifest {
            emma_backup: FORMAT,
            emma: "0.1.0".to_owned(),
            site: "bern".to_owned(),
            gateway: "gw-till".to_owned(),
            schema: 4,
            at: "2026-11-24T10:00:00Z".to_owned(),
            consents: 1,
            deliveries: 2,
            length: 300,
        };
        let mut bytes = Vec::new();
        write(&manifest, &[7; 300], &mut bytes).unwrap();
        (manifest, bytes)
    }

    #[test]
    fn what_was_written_is_read() {
        let (manifest, bytes) = backup();
        assert_eq!(read(&bytes), Ok((manifest, &[7; 300][..])));
    }

    #[test]
    fn a_backup_that_was_cut_anywhere_is_none() {
        let (_, bytes) = backup();
        for end in 0..bytes.len() {
            assert!(matches!(read(&bytes[..end]), Err(Fault::Cut | Fault::Other)), "cut at {end}");
        }
    }

    #[test]
    fn a_backup_of_which_one_bit_is_another_is_none() {
        let (_, bytes) = backup();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut other = bytes.clone();
                other[at] ^= 1 << bit;
                assert!(read(&other).is_err(), "byte {at}, bit {bit}");
            }
        }
        let longer = [bytes, vec![0]].concat();
        assert_eq!(read(&longer), Err(Fault::Damaged));
    }

    #[test]
    fn a_later_form_is_known_for_one_whatever_else_it_says() {
        let later = b"{\"emma_backup\":2,\"something\":\"else\"}\nbytes";
        assert_eq!(read(later), Err(Fault::Newer));
        for none in [&b""[..], b"SQLite format 3\0", b"{}\n", b"\n\n", &[0; 5_000]] {
            assert_eq!(read(none), Err(Fault::Other));
        }
    }
}
