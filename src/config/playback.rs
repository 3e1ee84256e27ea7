//! `[capture]` of `gateway.toml`: captures that are heard again.

use std::path::{Path, PathBuf};

use super::gateway::in_folder;
use super::reader::Table;
use super::tree::Value;

/// A day in a minute and a half; faster, and the sources' channel would drop what a busy hour holds.
const FASTEST: u32 = 1_000;

/// Captures that are heard as if they were live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playback {
    /// JSON Lines or btsnoop, merged by time.
    pub files: Vec<PathBuf>,
    /// How many times as fast as they were recorded, at least 1.
    pub speed: u32,
}

/// Reads the table. A recording speaks as if it were live, which is for a test bench and nowhere else.
pub(super) fn read(mut table: Table<'_>, folder: Option<&Path>) -> Option<Playback> {
    table.need("files", "[\"monday.jsonl\"]");
    let mut files = Vec::new();
    for item in table.list("files").unwrap_or_default() {
        match &item.value {
            Value::Text(file) => files.push(in_folder(folder, file)),
            _ => table.file.error(&item.at, "a capture is named by a text", "write \"monday.jsonl\""),
        }
    }
    if table.has("files") && files.is_empty() {
        table.error("files", "no capture is named", "write `files = [\"monday.jsonl\"]`, or leave [capture] out");
    }
    for missing in files.iter().filter(|file| folder.is_some() && !file.exists()) {
        table.error("files", format!("there is no file {}", missing.display()), "name a capture that exists");
    }
    let speed = if table.has("speed") { table.whole("speed", 1..=FASTEST) } else { Some(1) };
    table.file.warning(
        &table.here,
        "[capture] is heard as if it were live: its customers, if they are registered, are made real offers",
        "leave it out everywhere but on a test bench",
    );
    table.finish();
    (!files.is_empty()).then_some(Playback { files, speed: speed? })
}
