//! Carrying a test tag: whose it is, what the daemon tells of it, and what is typed meanwhile, as one stream of events.

use std::cell::Cell;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::daemon::{Daemon, Following, State};
use super::run::asked_to_stop;
use super::status::unreachable;
use super::{Stop, complain};
use crate::config::{self, Config};
use crate::control::{Reply, Request};
use crate::exit;
use crate::follow::Told;
use crate::gateway::consent::record::ConsentRecord;
use crate::ledger::folder;

/// Whoever carries the tag reads more slowly than it transmits: beyond this the daemon waits, then drops and counts.
const QUEUE: usize = 256;

/// The longest line that is typed, in bytes; the rest is another.
const LONGEST_LINE: u64 = 1_024;

/// What happens while a tag is carried.
#[derive(Debug)]
pub(super) enum Event {
    /// The daemon tells something.
    Told(Told),
    /// A line was typed.
    Line(String),
    /// Nothing more will be typed.
    NoMoreLines,
    /// Ctrl-C, SIGTERM, or a terminal that was closed.
    Interrupted,
    /// The daemon has gone, or says what is not understood: why.
    Gone(String),
}

/// Where events come from.
pub(super) struct Events {
    sender: SyncSender<Event>,
    queue: Receiver<Event>,
    /// Nothing more will be typed, and that was said once.
    is_typed_out: Cell<bool>,
}

impl Events {
    /// From the keyboard, and Ctrl-C, which from now on ends nothing by itself.
    pub(super) fn begin() -> Result<Self, Stop> {
        let (sender, queue) = sync_channel(QUEUE);
        let failed = |error: io::Error| (exit::SOFTWARE, error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (stop, mut hung_up) =
            runtime.block_on(async { Ok((asked_to_stop()?, signal(SignalKind::hangup()).map_err(failed)?)) })?;
        let interrupted = sender.clone();
        thread::spawn(move || {
            // A connection that is lost costs no sheet of a walk.
            runtime.block_on(async {
                tokio::select! { () = stop => {}, _ = hung_up.recv() => {} }
            });
            interrupted.send(Event::Interrupted).unwrap_or_default();
        });
        let typed = sender.clone();
        thread::spawn(move || read_lines(&typed));
        Ok(Self { sender, queue, is_typed_out: Cell::new(false) })
    }

    /// The next event. Whoever waits for a word where nothing more will be typed is told so again.
    pub(super) fn next(&self) -> Event {
        let event = if self.is_typed_out.get() {
            self.queue.try_recv().unwrap_or(Event::NoMoreLines)
        } else {
            // A sender of its own is kept, so that it never ends.
            self.queue.recv().unwrap_or(Event::Interrupted)
        };
        self.note(event)
    }

    /// The next event within that time.
    pub(super) fn next_within(&self, patience: Duration) -> Option<Event> {
        match self.queue.recv_timeout(patience) {
            Ok(event) => Some(self.note(event)),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Event::Interrupted),
        }
    }

    fn note(&self, event: Event) -> Event {
        self.is_typed_out.set(self.is_typed_out.get() || matches!(event, Event::NoMoreLines));
        event
    }

    /// From now on also what the daemon tells of this tester.
    fn follow(&self, mut following: Following) {
        let told = self.sender.clone();
        thread::spawn(move || {
            loop {
                let event = match following.told() {
                    Ok(Some(thing)) => Event::Told(thing),
                    Ok(None) => Event::Gone("it has stopped".to_owned()),
                    Err(error) => Event::Gone(format!("it says what is not understood: {error}")),
                };
                let is_over = matches!(event, Event::Gone(_));
                if told.send(event).is_err() || is_over {
                    return;
                }
            }
        });
    }
}

fn read_lines(typed: &SyncSender<Event>) {
    let mut input = io::stdin().lock();
    loop {
        let mut line = Vec::new();
        match (&mut input).take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(length) if length > 0 => {
                let line = String::from_utf8_lossy(&line).trim().to_owned();
                if typed.send(Event::Line(line)).is_err() {
                    return;
                }
            }
            Ok(_) | Err(_) => {
                typed.send(Event::NoMoreLines).unwrap_or_default();
                return;
            }
        }
    }
}

/// A tester who is followed.
pub(super) struct Tester {
    /// What the tag transmits, by kind: `ibeacon`, or several.
    pub(super) tag: String,
    /// The zone they are in, with confidence in it lost or not.
    pub(super) zone: Option<(String, bool)>,
    /// Zones are not told of them until the next day.
    pub(super) at_work: bool,
}

/// The state folder of a configuration.
pub(super) fn state_folder(config: &Config) -> PathBuf {
    folder::path(config.gateway.ledger_path.as_deref())
}

/// The configuration; one that has an error ends the command.
pub(super) fn load(folder: &Path) -> Result<Config, Stop> {
    let loaded = config::load(folder);
    loaded.config.ok_or_else(|| {
        let hint = format!("emma check --config {} says what", folder.display());
        (exit::CONFIG, format!("the configuration has an error: {hint}"))
    })
}

/// What the daemon says of itself; that it goes by other files than those of `folder` is told.
pub(super) fn state(state_folder: &Path, folder: &Path) -> Result<State, Stop> {
    let status = Daemon::find(state_folder).and_then(|mut daemon| daemon.status());
    let state = State::of(&status.map_err(|error| unreachable(state_folder, &error))?);
    if state.configuration.in_force.digest != config::digest(folder) {
        tell("The running Emma has another configuration in force than this folder: emma status says which.");
    }
    Ok(state)
}

/// Follows the tester named `wanted`, or the only one there is; of several it is asked which.
pub(super) fn follow(state: &Path, wanted: Option<&str>, events: &Events) -> Result<Tester, Stop> {
    let find = || Daemon::find(state).map_err(|error| unreachable(state, &error));
    let refused = |error: io::Error| unreachable(state, &error);
    let records = match find()?.ask(&Request::Testers).map_err(refused)? {
        Reply::Testers { records } => records,
        // A Pi that only scans says where to ask, and an older Emma that the question is not understood.
        Reply::Refused { problems } => return Err((exit::UNAVAILABLE, problems.join("; "))),
        _ => {
            return Err((
                exit::UNAVAILABLE,
                "the daemon says what nobody asked: is it of the same version?".to_owned(),
            ));
        }
    };
    let testers: Vec<ConsentRecord> = records.iter().filter_map(|record| serde_json::from_str(record).ok()).collect();
    let names: Vec<&str> = testers.iter().map(|tester| tester.customer.as_str()).collect();
    let chosen = match wanted {
        Some(wanted) => wanted.to_owned(),
        None => choose(&names, events)?,
    };
    let following = find()?.follow(&chosen).map_err(refused)?;
    let mut following = following.map_err(|problems| (exit::UNAVAILABLE, problems.join("; ")))?;
    let (zone, at_work) = (following.zone.take(), following.at_work);
    events.follow(following);
    let record = testers.iter().find(|tester| tester.customer == chosen);
    Ok(Tester { tag: record.map(kinds).unwrap_or_default(), zone, at_work })
}

/// What a tag transmits: the kinds of its identifiers, and none of them.
fn kinds(record: &ConsentRecord) -> String {
    let record = serde_json::to_value(record).unwrap_or_default();
    let identifiers = record["identifiers"].as_array().cloned().unwrap_or_default();
    let mut kinds: Vec<String> =
        identifiers.iter().filter_map(|identifier| Some(identifier.as_object()?.keys().next()?.clone())).collect();
    kinds.sort();
    kinds.dedup();
    kinds.join(", ")
}

/// The only one of these testers, or the one who is chosen.
pub(super) fn choose(names: &[&str], events: &Events) -> Result<String, Stop> {
    match names {
        [] => {
            let hint = "import a consent with \"test\": true for the tag (emma consent import FILE)";
            Err((exit::UNAVAILABLE, format!("there is no test tag: {hint}")))
        }
        [only] => Ok((*only).to_owned()),
        several if io::stdin().is_terminal() => ask_which(several, events),
        several => Err((exit::USAGE, format!("there are several test tags: name one of {}", several.join(", ")))),
    }
}

fn ask_which(names: &[&str], events: &Events) -> Result<String, Stop> {
    tell("Several test tags are registered. Which one do you carry?");
    for (name, number) in names.iter().zip(1..) {
        tell(&format!("  {number}  {name}"));
    }
    loop {
        match events.next() {
            Event::Line(line) => {
                let by_number = line.parse::<usize>().ok().and_then(|number| names.get(number.checked_sub(1)?));
                match by_number.or_else(|| names.iter().find(|name| **name == line)) {
                    Some(name) => return Ok((*name).to_owned()),
                    None => tell("Type its number."),
                }
            }
            _ => return Err((exit::USAGE, "no test tag was chosen".to_owned())),
        }
    }
}

/// Says something to whoever carries the tag: on standard error, since results go to standard output.
pub(super) fn tell(text: &str) {
    // Where standard error is closed there is nobody left to tell.
    writeln!(io::stderr(), "{text}").unwrap_or_default();
}

/// Says that a daemon that was followed tells no more.
pub(super) fn gone(why: &str) -> u8 {
    complain(exit::UNAVAILABLE, format!("Emma tells nothing more: {why}"))
}
