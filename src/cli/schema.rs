//! `emma schema [NAME]`: the messages of the contract as JSON Schemas, for whoever builds on them.

use crate::config::problem::nearest;
use crate::exit;
use crate::schema::{MESSAGES, Message};

/// What it is asked.
#[derive(clap::Args)]
pub struct Arguments {
    /// The message; without it, all of them are listed.
    name: Option<String>,
}

/// Prints the schema.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let Some(name) = arguments.name.as_deref() else { return super::say(&list()) };
    match Message::of(name) {
        Some(message) => super::say(&message.text()),
        None => super::complain(exit::USAGE, unknown(name)),
    }
}

/// A line for each message: its name, its version, and the name that events have for its schema.
fn list() -> String {
    let line = |message: &Message| {
        let Message { name, version: (major, minor), .. } = message;
        format!("{name:<18}{major}.{minor}   {}\n", message.urn())
    };
    MESSAGES.iter().map(line).collect()
}

fn unknown(name: &str) -> String {
    let hint = nearest(name, MESSAGES.map(|message| message.name))
        .map_or_else(|| "`emma schema` lists them".to_owned(), |near| format!("did you mean {near}?"));
    format!("there is no message `{}`: {hint}", name.escape_debug())
}
