//! `emma consent`: the embedded registry, over the daemon's socket or, without a daemon, on the ledger itself.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::door::{Door, NOBODY, not_understood, problems};
use super::export::page;
use super::replay::unmatched;
use super::report::spoken;
use super::{Stop, complain, say};
use crate::control::{Listed, Reply, Request};
use crate::discretion::is_open_to_all;
use crate::exit;
use crate::gateway::consent::record::{ConsentRecord, MAX_RECORD_LEN};
use crate::words::{self, Language};
use crate::{config, receipt};

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
    /// Take one consent once its tag is held to the Pi.
    Hold {
        /// The file with the record; - reads standard input.
        file: PathBuf,
        /// The gateway that it is held to; this Pi where it is left out.
        #[arg(long, value_name = "GATEWAY")]
        at: Option<String>,
    },
    /// Every consent, in short.
    List,
    /// One consent, whole, its inboxes included.
    Show {
        /// The customer's pseudonym.
        id: String,
    },
    /// What a customer agreed to, for them to keep: in words, or in the shape of ISO/IEC TS 27560.
    Receipt {
        /// The customer's pseudonym.
        id: String,
        /// The language: de, en, fr or it; the customer's, else the shop's, where it is not said.
        #[arg(long, value_name = "LANG", value_parser = language)]
        lang: Option<Language>,
        /// Sentences, or one JSON object.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Everything that is stored of a customer, what for, and for how long.
    Export {
        /// The customer's pseudonym.
        id: String,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
        /// The language of the sentences: de, en, fr or it. Without it, that of the customer's consent, else of site.toml.
        #[arg(long = "lang", value_name = "LANG", value_parser = spoken)]
        language: Option<Language>,
    },
    /// Withdraw a consent and forget the customer.
    #[command(group(ArgGroup::new("whose").required(true).args(["id", "held"])))]
    Withdraw {
        /// The customer's pseudonym.
        id: Option<String>,
        /// Whose tag is held to the Pi.
        #[arg(long)]
        held: bool,
        /// The gateway that it is held to; this Pi where it is left out.
        #[arg(long, value_name = "GATEWAY", requires = "held")]
        at: Option<String>,
    },
}

/// How a receipt is printed.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

fn language(word: &str) -> Result<Language, String> {
    Language::of(word).ok_or_else(|| "it is none of de, en, fr, it".to_owned())
}

/// Does what is asked.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let outcome = Door::open(&arguments.config).and_then(|mut door| match &arguments.command {
        Command::Import { file } => import(&mut door, file),
        Command::List => list(&mut door),
        Command::Show { id } => show(&mut door, id),
        Command::Receipt { id, lang, format } => receipt(&mut door, &arguments.config, id, *lang, *format),
        Command::Export { id, json, language } => export(&mut door, id, *json, *language),
        Command::Hold { file, at } => hold(&mut door, file, at.clone()),
        Command::Withdraw { id: Some(id), .. } => withdraw(&mut door, Request::Withdraw { customer: id.clone() }),
        Command::Withdraw { at, .. } => {
            complain(exit::OK, HOLD_IT);
            withdraw(&mut door, Request::WithdrawHeld { at: at.clone() })
        }
    });
    outcome.unwrap_or_else(|(code, what)| complain(code, what))
}

/// What is said while somebody listens.
const HOLD_IT: &str = "hold the tag to the Pi, for ten seconds at the most";

fn unreadable(file: &Path, error: &std::io::Error) -> Stop {
    if error.kind() == std::io::ErrorKind::InvalidData {
        return (exit::DATA, format!("{}: not-json: it is not UTF-8 text", file.display()));
    }
    (exit::NO_INPUT, format!("{}: {error}", file.display()))
}

fn open(file: &Path) -> Result<Box<dyn BufRead>, Stop> {
    if file == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let opened = std::fs::File::open(file).map_err(|error| unreadable(file, &error))?;
    complain_if_open(file, &opened);
    Ok(Box::new(BufReader::new(opened)))
}

/// Takes the one record of a file, once its tags are held.
fn hold(door: &mut Door, file: &Path, at: Option<String>) -> Result<u8, Stop> {
    let lines: Result<Vec<String>, _> = open(file)?.take(MAX_RECORD_LEN as u64 * 2).lines().collect();
    let lines = lines.map_err(|error| unreadable(file, &error))?;
    let mut records = lines.into_iter().filter(|line| !line.trim().is_empty());
    let (Some(record), None) = (records.next(), records.next()) else {
        let what =
            format!("{}: one record, in one line, is taken at a time: its tag is held meanwhile", file.display());
        return Err((exit::DATA, what));
    };
    complain(exit::OK, HOLD_IT);
    match door.ask(Request::Hold { record, at })? {
        Reply::Accepted { unmatched: kinds } => {
            for kind in &kinds {
                complain(exit::OK, unmatched(kind, 1));
            }
            Ok(say("held, and taken\n"))
        }
        Reply::Failed { problem } => Err((exit::IO, problem)),
        refused => Err((exit::DATA, format!("refused: {}", problems(refused).join("; ")))),
    }
}

fn import(door: &mut Door, file: &Path) -> Result<u8, Stop> {
    let failed = |error| unreadable(file, &error);
    let source = open(file)?;
    let (mut taken, mut forgotten, mut lapsed, mut refused) = (0_usize, 0_usize, 0_usize, 0_usize);
    let mut kept = BTreeMap::new();
    for (index, line) in source.split(b'\n').enumerate() {
        let line = line.map_err(failed)?;
        let place = format!("{}:{}", file.display(), index + 1);
        let Ok(record) = String::from_utf8(line) else {
            refused += 1;
            complain(exit::OK, format!("{place}: refused: not-json: it is not UTF-8 text"));
            continue;
        };
        if record.trim().is_empty() {
            continue;
        }
        if record.len() > MAX_RECORD_LEN {
            refused += 1;
            complain(exit::OK, format!("{place}: refused: too-long: the record is longer than {MAX_RECORD_LEN} bytes"));
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
            Reply::Lapsed => lapsed += 1,
            Reply::Failed { problem } => {
                let done = format!("{taken} consents are taken; import the rest again when it can be written");
                return Err((exit::IO, format!("{place}: {problem}: {done}")));
            }
            Reply::Unknown => {
                complain(exit::OK, format!("{place}: nothing to end: this customer is not registered"));
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
    let lapsed = if lapsed == 0 { String::new() } else { format!(", {lapsed} consents lapsed") };
    say(&format!("{taken} consents taken, {forgotten} customers forgotten, {refused} records refused{lapsed}\n"));
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

/// What is said of one that came back with a backup.
const CLOSED: &str = "it came back with a backup, and holds again once it is imported or told anew";

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
                complain(exit::OK, CLOSED);
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

fn receipt(door: &mut Door, folder: &Path, id: &str, lang: Option<Language>, format: Format) -> Result<u8, Stop> {
    let (record, lease) = match door.ask(Request::Show { customer: id.to_owned() })? {
        // Nobody knows whether they have withdrawn since: it is no receipt of a yes.
        Reply::Consent { lease, .. } if lease.as_deref().is_some_and(is_closed) => {
            return Err((NOBODY, format!("there is no receipt of it now: {CLOSED}")));
        }
        Reply::Consent { record, lease } => (record, lease),
        Reply::Unknown => return Err((NOBODY, "this customer is not registered".to_owned())),
        other => return Err((exit::UNAVAILABLE, problems(other).join("; "))),
    };
    let Some(config) = config::load(folder).config else {
        let hint = format!("emma check --config {} says what", folder.display());
        return Err((
            exit::CONFIG,
            format!("who is responsible cannot be read, the configuration has an error: {hint}"),
        ));
    };
    let record: ConsentRecord = serde_json::from_str(&record).map_err(|error| (exit::SOFTWARE, error.to_string()))?;
    let theirs = [record.language.as_deref(), config.site.language.as_deref()];
    let theirs = theirs.into_iter().flatten().find_map(Language::of);
    let language = lang.or(theirs).unwrap_or(Language::En);
    let receipt = receipt::of(&record, lease, &config, language);
    Ok(match format {
        Format::Json => say(&format!("{:#}\n", serde_json::to_value(&receipt).unwrap_or_default())),
        Format::Text => {
            let sentences = words::receipt(&receipt, &config.site.name, &config.site.time_zone, language);
            let (head, rest) = sentences.split_first().map_or(("", &[][..]), |(head, rest)| (head, rest));
            say(&format!("{head}\n\n{}\n", rest.join("\n")))
        }
    })
}

fn export(door: &mut Door, id: &str, json: bool, language: Option<Language>) -> Result<u8, Stop> {
    let language = language.map(|language| language.word().to_owned());
    match door.ask(Request::Export { customer: id.to_owned(), language })? {
        Reply::Exported { export } if json => {
            Ok(say(&format!("{:#}\n", serde_json::to_value(&export).unwrap_or_default())))
        }
        Reply::Exported { export } => Ok(say(&page(id, &export))),
        Reply::Failed { problem } => Err((exit::IO, problem)),
        other => Err((exit::UNAVAILABLE, problems(other).join("; "))),
    }
}

fn withdraw(door: &mut Door, request: Request) -> Result<u8, Stop> {
    match door.ask(request)? {
        Reply::Forgotten => Ok(say("withdrawn and forgotten\n")),
        Reply::Unknown => Err((NOBODY, "this customer is not registered".to_owned())),
        refused @ Reply::Refused { .. } => Err((exit::DATA, problems(refused).join("; "))),
        other => Err((exit::UNAVAILABLE, problems(other).join("; "))),
    }
}
