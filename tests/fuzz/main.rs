//! Mutants of sound bytes against every door, with a seed, so that a failure can be had again.
//!
//! `EMMA_FUZZ_SECS` makes it longer, so many a target (`tests/long/run` does); `EMMA_FUZZ_TARGET` picks one, `EMMA_SEED` gives other mutants, and
//! `EMMA_FUZZ_INPUT` is one input in hex for the target picked: what a failure prints.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it does"
)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use chance::Chance;
use emma::clock::Clock;
use emma::config::remote::Format;
use emma::radio::{phone, remote};
use mutant::{below, mutant};
use targets::{TARGETS, Target};

#[path = "../common/chance.rs"]
mod chance;
mod mutant;
mod seeds;
mod targets;

/// Mutants a target: a few seconds for all of them, unoptimised.
const ROUNDS: u64 = 2_000;

/// A file of the configuration is checked with the other four, which takes a hundred times as long as anything else.
const ROUNDS_OF_A_FILE: u64 = 50;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

fn picked() -> impl Iterator<Item = (&'static str, Target)> {
    let only = std::env::var("EMMA_FUZZ_TARGET").ok();
    TARGETS.into_iter().filter(move |(name, _)| only.as_ref().is_none_or(|only| only == name))
}

/// Runs the target, and says with what it failed.
fn attempt(name: &str, target: Target, input: &[u8]) {
    let again = || format!("EMMA_FUZZ_TARGET={name} EMMA_FUZZ_INPUT={} does it again", hex::encode(input));
    assert!(catch_unwind(AssertUnwindSafe(|| target(input))).is_ok(), "{name} fails: {}", again());
}

#[test]
fn no_bytes_are_too_much_for_any_door() {
    if let Ok(input) = std::env::var("EMMA_FUZZ_INPUT") {
        let input = hex::decode(input).unwrap();
        return picked().for_each(|(_, target)| target(&input));
    }
    let seed = number("EMMA_SEED").unwrap_or(1);
    for (name, target) in picked() {
        let pool = seeds::of(name);
        for bytes in &pool {
            attempt(name, target, bytes);
        }
        let mut chance = Chance(seed);
        let mut done = 0;
        let goes_on = another_round(name);
        while goes_on(done) {
            let bytes = &pool[below(&mut chance, pool.len())];
            let other = &pool[below(&mut chance, pool.len())];
            attempt(name, target, &mutant(&mut chance, bytes, other));
            done += 1;
        }
        println!("{name}: {done} mutants of {} seeds, seed {seed}", pool.len());
    }
}

/// Whether another round is due after so many.
fn another_round(name: &str) -> Box<dyn Fn(u64) -> bool> {
    if let Some(secs) = number("EMMA_FUZZ_SECS") {
        let clock = Clock::start();
        return Box::new(move |_| clock.monotonic_us() < secs * 1_000_000);
    }
    let rounds = if Path::new(name).extension().is_some() { ROUNDS_OF_A_FILE } else { ROUNDS };
    Box::new(move |done| done < rounds)
}

/// A seed that is refused at the door makes mutants that are refused as well.
#[test]
fn the_seeds_are_sound() {
    for file in ["ad", "ibeacon", "altbeacon", "eddystone"] {
        assert!(!seeds::of(file).is_empty(), "{file}");
    }
    for format in Format::ALL {
        for bytes in seeds::of(format.word()) {
            let text = String::from_utf8(bytes).unwrap();
            let (topic, message) = text.split_once('\n').unwrap();
            assert!(remote::parse(format, topic, message.as_bytes()).is_ok(), "{text}");
        }
    }
    for bytes in seeds::of("phone") {
        let message = bytes.splitn(2, |byte| *byte == b'\n').nth(1).unwrap();
        assert!(phone::parse(message, Some(1_668_027_000_500_000)).is_ok_and(|report| !report.heard.is_empty()));
    }
    for text in seeds::of("consent") {
        let refused = emma::gateway::consent::record::parse(std::str::from_utf8(&text).unwrap()).err();
        assert!(refused.is_none(), "{refused:?}");
    }
}

/// Where libFuzzer begins: one file a seed in `fuzz/corpus/TARGET`.
#[test]
#[ignore = "writes into the folder of the package, for libFuzzer"]
fn the_seeds_are_written_for_libfuzzer() {
    for (name, _) in picked() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        fs::create_dir_all(&folder).unwrap();
        for (index, bytes) in seeds::of(name).iter().enumerate() {
            fs::write(folder.join(format!("seed-{index}")), bytes).unwrap();
        }
    }
}
