//! Writes the recorded hall as a shop, a capture and a truth:
//!
//!     EMMA_SHARED=… cargo run --example tetam -- OUT [RECEIVERS [ZONES]]
//!     emma evaluate --truth OUT/truth.jsonl --config OUT/shop --consents OUT/consents.jsonl OUT/capture.jsonl
//!
//! RECEIVERS is 12, 8, 6 or 4, ZONES 4 or 9.

#![allow(clippy::unwrap_used, reason = "a tool for whoever works on Emma: what fails stops it, and says where")]

#[path = "../tests/common/tetam.rs"]
mod tetam;

#[path = "../tests/common/hall.rs"]
mod hall;

use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, usual: usize| arguments.get(index).map_or(usual, |text| text.parse().unwrap());
    let (receivers, zones) = (number(1, 12), number(2, 4));
    let Some(folder) = arguments.first().filter(|_| [12, 8, 6, 4].contains(&receivers) && [4, 9].contains(&zones))
    else {
        eprintln!("usage: tetam OUT [12|8|6|4 [4|9]]");
        std::process::exit(64);
    };
    let Some(tetam) = tetam::Tetam::find("nothing is written") else { std::process::exit(66) };
    let recordings: Vec<_> = hall::walks(&tetam).into_iter().chain(hall::points(&tetam)).collect();
    hall::write(Path::new(folder), &tetam, receivers, zones, &recordings);
}
