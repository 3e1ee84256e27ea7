//! `emma consent`: the embedded registry, over the daemon's socket or, without a daemon, on the ledger itself.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::door::{Door, NOBODY, not_understood, problems};
use super::export::page;
use super::replay::unmatched;
use super::{Stop, complain, say};
use crate::control::{Listed, Reply, Request};
use crate::discretion::is_open_to_all;
use crate::exit;

/// What it is asked.
#[derive(Args)]
pub struct Arguments {
    /// The folder with the five configuration files.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma", global = true)]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Take consents and withdrawals, one JSON object a line; - reads standard input.
    Import {
        /// The file.
        file: PathBuf,
    },
    /// Every consent, in short.
    List,
    /// One consent, whole, its inboxes included.
    Show {
        /// The customer's pseudonym.
        id: String,
    },
    /// Everything that is stored of a customer, what for, and for how long.
    Export {
        /// The customer's pseudonym.
        id: String,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Withdraw a consent and forget the customer.
    Withdraw {
        /// The customer's pseudonym.
        id: String,
    },
}

/// Does what is asked.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let outcome = Door::open(&arguments.config).and_then(|mut door| match &arguments.command {
        Command::Import { file } => import(&mut door, file),
        Command::List => list(&mut door),
        Command::Show { id } => show(&mut door, id),
        Command::Export { id, json } => export(&mut door, id, *json),
        Command::Withdraw { id } => withdraw(&mut door, id),
    });
    outcome.unwrap_or_else(|(code, what)| complain(code, what))
}

fn import(door: &mut Door, file: &Path) -> Result<u8, Stop> {
    let failed = |error: std::io::Error| (exit::NO_INPUT, format!("{}: {error}", file.display()));
    let source: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        let opened = std::fs::File::open(file).map_err(failed)?;
        complain_if_open(file, &opened);
        Box::new(BufReader::new(opened))
    };
    let (mut taken, mut forgotten, mut refused) = (0_usize, 0_usize, 0_usize);
    let mut kept = BTreeMap::new();
    for (index, line) in source.split(b'\n').enumerate() {
        let line = line.map_err(failed)?;
        let place = format!("{}:{}", file.display(), index + 1);
        let Ok(record) = String::from_utf8(line) else {
            refused += 1;
            complain(exit::OK, format!("{place}: refused: it is not UTF-8 text"));
            continue;
        };
        if record.trim().is_empty() {
            continue;
        }
        match door.ask(Request::Accept { record })? {
            Reply::Accepted { unmatched } => {
                taken += 1;
                for kind in unmatched {
                    *kept.entry(kind).or_insert(0) += 1;
                }
            }
            Reply::Forgotten => forgotten += 1,
            Reply::Failed { problem } => {
                let done = format!("{taken} consents are taken; import the rest again when it can be written");
                return Err((exit::IO, format!("{place}: {problem}: {done}")));
            }
            Reply::Unknown => {
                complain(exit::OK, format!("{place}: nothing to withdraw: this customer is not registered"));
            }
            other => {
                refused += 1;
                for problem in problems(other) {
                    complain(exit::OK, format!("{place}: refused: {problem}"));
                }
            }
        }
    }
    for (kind, count) in kept {
        complain(exit::OK, unmatched(&kind, count));
    }
    say(&format!("{taken} consents taken, {forgotten} customers forgotten, {refused} records refused\n"));
    Ok(if refused == 0 { exit::OK } else { exit::DATA })
}

/// Records say who agreed, and hold the keys by which they are known.
fn complain_if_open(path: &Path, file: &std::fs::File) {
    if file.metadata().is_ok_and(|metadata| metadata.is_file() && is_open_to_all(&metadata)) {
        let shown = path.display();
        let what =
            format!("{shown} is open to every user of this machine: chmod 600 {shown}, or delete it once it is taken");
        complain(exit::OK, what);
    }
}

fn list(door: &mut Door) -> Result<u8, Stop> {
    let Reply::Consents { consents } = door.ask(Request::List)? else { return Err(not_understood()) };
    let line = |listed: &Listed| {
        let Listed { customer, epoch, tier, valid_until, leased } = listed;
        let lease = match leased {
            _ if is_closed(valid_until) => "  restored: it holds again once it is imported or told anew",
            true => "  on a lease",
            false => "",
        };
        format!("{customer:<24} {epoch:>6}  {tier:<11} {valid_until}{lease}\n")
    };
    let lines: Vec<String> = consents.iter().map(line).collect();
    let head = format!("{:<24} {:>6}  {:<11} valid until\n", "customer", "epoch", "tier");
    Ok(say(&format!("{head}{}{} consents\n", lines.concat(), lines.len())))
}

/// A consent that came back with a backup is on a lease that ended before anybody lived to see it.
fn is_closed(until: &str) -> bool {
    until.starts_with("1970")
}

fn show(door: &mut Door, id: &str) -> Result<u8, Stop> {
    match door.ask(Request::Show { customer: id.to_owned() })? {
        Reply::Consent { record, lease } => {
            let value: serde_json::Value =
                serde_json::from_str(&record).map_err(|error| (exit::SOFTWARE, error.to_string()))?;
            let shown = say(&format!("{value:#}\n"));
            if lease.as_deref().is_some_and(is_closed) {
                let what = "it came back with a backup, and holds again once it is imported or told anew";
                complain(exit::OK, what);
            } else if let Some(until) = lease {
                // Beside the record, which programs read.
                complain(exit::OK, format!("on a lease: it holds until {until}, longer if the registrar's feed beats"));
            }
            Ok(shown)
        }
        Reply::Unknown => Err((NOBODY, "this customer is not registered".to_owned())),
        other => Err((exit::UNAVAILABLE, problems(other).join("; "))),
    }
}

fn export(door: &mut Door, id: &str, json: bool) -> Result<u8, Stop> {
    match door.ask(Request::Export { customer: id.to_owned() })? {
        Reply::Exported { export } if json => {
            Ok(say(&format!("{:#}\n", serde_json::to_value(&export).unwrap_or_default())))
        }
        Reply::Exported { export } => Ok(say(&page(id, &export))),
        Reply::Failed { problem } => Err((exit::IO, problem)),
        other => Err((exit::UNAVAILABLE, problems(other).join("; "))),
    }
}

fn withdraw(door: &mut Door, id: &str) -> Result<u8, Stop> {
    match door.ask(Request::Withdraw { customer: id.to_owned() })? {
        Reply::Forgotten => Ok(say("withdrawn and forgotten\n")),
        Reply::Unknown => Err((NOBODY, "this customer is not registered".to_owned())),
        other => Err((exit::UNAVAILABLE, problems(other).join("; "))),
    }
}
