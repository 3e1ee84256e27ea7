//! The door that `EMMA_FUZZ_TARGET` names; their names are in `tests/fuzz/targets.rs`.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use targets::{TARGETS, Target};

#[path = "../../tests/fuzz/targets.rs"]
mod targets;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let wanted = std::env::var("EMMA_FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.into_iter().find(|(name, _)| *name == wanted);
    found.unwrap_or_else(|| panic!("EMMA_FUZZ_TARGET={wanted} is no target: {:?}", TARGETS.map(|(name, _)| name))).1
});

fuzz_target!(|bytes: &[u8]| (*TARGET)(bytes));
