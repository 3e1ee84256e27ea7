//! Published vectors, where they are to be had.

use serde_json::Value;

/// `cases/crypto_vectors.json`.
pub(super) fn vectors() -> Option<Value> {
    read("crypto_vectors.json")
}

/// `cases/advertisements.json`.
pub(super) fn cases() -> Option<Value> {
    read("advertisements.json")
}

fn read(name: &str) -> Option<Value> {
    let shared = std::env::var("EMMA_SHARED").unwrap_or_else(|_| "../shared".into());
    let path = format!("{shared}/cases/{name}");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: there is no {path}");
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

/// The bytes of a text in hex.
pub(super) fn bytes<const N: usize>(text: &Value) -> [u8; N] {
    hex::decode(text.as_str().unwrap()).unwrap().try_into().unwrap()
}
