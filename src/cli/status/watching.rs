//! `emma status --watch`: the page again and again, on a terminal in its place, else a line each.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::{Health, Source, State, Status, ask, outbox_line, page};
use crate::cli::screen::redrawn;
use crate::cli::{complain, gone_is_fine};
use crate::exit;

/// The daemon looks every five seconds; what is asked of it more often is what has come in meanwhile.
const EVERY: Duration = Duration::from_secs(2);

/// Says it until ctrl-c, or until nobody reads. A daemon that is not there is waited for.
pub(super) fn watch(state_folder: &Path, json: bool) -> u8 {
    let is_screen = io::stdout().is_terminal() && !json;
    loop {
        let status = ask(state_folder).map_err(|(_, what)| what);
        let text = match (&status, is_screen) {
            (Ok(status), true) => redrawn(&page(status)),
            (Err(what), true) => redrawn(&format!("{what}\nIt is asked again until it answers.\n")),
            (Ok(status), false) if json => format!("{}\n", serde_json::to_value(status).unwrap_or_default()),
            (Ok(status), false) => format!("{}\n", line(status)),
            (Err(what), false) if json => format!("{}\n", serde_json::json!({ "error": what })),
            (Err(what), false) => format!("{what}\n"),
        };
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => {}
            Err(error) => return gone_is_fine(error).map_or_else(|(code, what)| complain(code, what), |()| exit::OK),
        }
        drop(out);
        sleep(EVERY);
    }
}

/// What matters of a page, on one line.
fn line(status: &Status) -> String {
    let (state, health) = (State::of(status), Health::of(status));
    let is_well = |source: &&Source| source.listening || source.last_error.is_none();
    let well = state.sources.iter().filter(is_well).count();
    let mut parts = vec![
        format!("{} {}", health.at, state.gateway),
        format!("{well} of {} sources well", state.sources.len()),
        format!("broker {}", status.broker.as_deref().unwrap_or("none")),
        format!("outbox {}", outbox_line(&health.outbox)),
        format!("clock {}", state.clock),
    ];
    parts.extend(state.paused_until.map(|_| "PAUSED".to_owned()));
    parts.extend(state.configuration.refused.map(|_| "a change is REFUSED".to_owned()));
    parts.join("; ")
}
