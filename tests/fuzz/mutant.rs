//! Bytes that nearly are what they were.

use crate::chance::Chance;

/// Values at which things are off by one.
const EDGES: [u8; 8] = [0x00, 0x01, 0x7f, 0x80, 0x81, 0xfe, 0xff, b'"'];

/// The longest that a mutant gets, in bytes: a few records, and past the limit of one.
const LONGEST: usize = 20_000;

/// A seed with one to eight changes; `other` is what parts are taken from.
pub(crate) fn mutant(chance: &mut Chance, seed: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=below(chance, 8) {
        change(chance, &mut bytes, other);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(chance: &mut Chance, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = below(chance, bytes.len() + 1);
    let until = at + below(chance, (bytes.len() - at).min(32) + 1);
    match below(chance, 8) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..until)),
        2 => bytes.insert(at, EDGES[below(chance, EDGES.len())]),
        3 => {
            let copy = bytes[at..until].to_vec();
            bytes.splice(at..at, copy);
        }
        4 if !other.is_empty() => {
            let from = below(chance, other.len());
            let part = &other[from..(from + below(chance, 64)).min(other.len())];
            bytes.splice(at..until, part.iter().copied());
        }
        5 => {
            let digits = [&b"9"[..], b"-1", b"1e308", b"18446744073709551616", b"0.1", b"null", b"[[", b"\xc3\xa9"];
            bytes.splice(at..until, digits[below(chance, digits.len())].iter().copied());
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = match below(chance, 3) {
                    0 => *byte ^ (1 << below(chance, 8)),
                    1 => byte.wrapping_add(1),
                    _ => EDGES[below(chance, EDGES.len())],
                };
            }
        }
    }
}

/// Less than `n`, which is not 0.
pub(crate) fn below(chance: &mut Chance, n: usize) -> usize {
    usize::try_from(chance.below(n as u64)).unwrap_or_default()
}
