//! `emma doctor`: what may keep this machine from hearing, remembering or speaking, one line each with what to do.
//!
//! It changes nothing and writes nothing, runs beside a daemon or without one, and guesses nothing: what cannot be read
//! is `unknown`, with the reason. Every question to somebody else has a timeout, and the three groups of questions that
//! wait for an answer wait side by side, so that the whole is done within 40 s.

mod bluetoothd;
mod bluez;
mod certificate;
mod daemon;
mod finding;
mod folder;
mod machine;
mod network;
mod radio;
mod root;
mod watch;
mod wifi;

use std::fmt::Write;
use std::path::PathBuf;

use self::bluez::Bluez;
use self::daemon::Asked;
use self::finding::{Finding, Verdict};
use self::root::Root;
use super::{complain, say};
use crate::config::{self, Loaded};
use crate::ledger;
use crate::{clock::Clock, exit};

/// What it is asked.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder with the five configuration files.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
    /// The state folder, where gateway.toml cannot be read.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Print a JSON array of {check, verdict, what, do}; a verdict is ok, note, warn, fail or unknown.
    #[arg(long)]
    json: bool,
    /// Where /proc, /sys, /etc, /var and programs are looked for.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

/// Examines and prints. The exit code: 2 where something fails, else 0.
pub(super) fn main(arguments: &Arguments) -> u8 {
    // One thread: everything here waits, nothing computes.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(exit::SOFTWARE, error),
    };
    let findings = runtime.block_on(async { examine(&Patient::new(arguments).await).await });
    // A question that nobody answered may still be held by a thread; it is not waited for.
    runtime.shutdown_background();
    let text = if arguments.json { json(&findings) } else { page(&findings) };
    let is_unwell = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    say(&text).max(if is_unwell { exit::UNWELL } else { exit::OK })
}

/// What the checks look at, asked once.
struct Patient {
    root: Root,
    config_folder: PathBuf,
    loaded: Loaded,
    state_folder: PathBuf,
    daemon: Asked,
    bluez: Bluez,
    clock: Clock,
}

impl Patient {
    async fn new(arguments: &Arguments) -> Self {
        let loaded = config::load(&arguments.config);
        let configured = loaded.gateway.as_ref().and_then(|gateway| gateway.ledger_path.clone());
        let state_folder = ledger::folder::path(arguments.state.as_deref().or(configured.as_deref()));
        Self {
            root: Root::new(&arguments.root),
            config_folder: arguments.config.clone(),
            daemon: daemon::ask(&state_folder),
            bluez: Bluez::survey().await,
            loaded,
            state_folder,
            clock: Clock::start(),
        }
    }
}

/// Every check, in the order in which it is told.
async fn examine(patient: &Patient) -> Vec<Finding> {
    let (radio, machine, network) =
        tokio::join!(radio::examine(patient), machine::examine(patient), network::examine(patient));
    [folder::examine(patient), daemon::examine(patient), radio, machine, network].concat()
}

fn json(findings: &[Finding]) -> String {
    // Texts become JSON without fail.
    format!("{:#}\n", serde_json::to_value(findings).unwrap_or_default())
}

fn page(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { check, verdict, what, to_do } in findings {
        let to_do = if to_do.is_empty() { String::new() } else { format!(". To do: {to_do}") };
        // Writing to a text cannot fail.
        writeln!(text, "{:<8}{check:<18}{what}{to_do}", verdict.word()).unwrap_or_default();
    }
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (fail, warn, unknown) = (count(Verdict::Fail), count(Verdict::Warn), count(Verdict::Unknown));
    let checks = findings.len();
    writeln!(text, "\n{checks} checks: {fail} fail, {warn} warn, {unknown} unknown").unwrap_or_default();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_with_what_to_do() {
        let findings = [
            Finding::ok("disk", "10.0 GB free"),
            Finding::fail("adapter", "there is none", "plug one in"),
            Finding::unknown("power", "this is no Raspberry Pi"),
        ];
        insta::assert_snapshot!(page(&findings), @"
        ok      disk              10.0 GB free
        fail    adapter           there is none. To do: plug one in
        unknown power             this is no Raspberry Pi

        3 checks: 1 fail, 0 warn, 1 unknown
        ");
    }

    #[test]
    fn programs_get_four_fields() {
        let value: serde_json::Value =
            serde_json::from_str(&json(&[Finding::warn("le-only", "both kinds", "say le")])).unwrap();
        let expected =
            serde_json::json!([{ "check": "le-only", "verdict": "warn", "what": "both kinds", "do": "say le" }]);
        assert_eq!(value, expected);
    }
}
