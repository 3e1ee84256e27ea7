//! The command line: one file a subcommand. Each returns its exit code; nothing below this module ends the process.

pub mod backup;

mod broker;

pub mod campaign;

pub mod check;

pub mod completions;

pub mod config;

pub mod consent;

pub mod coupon;

mod daemon;

mod door;

mod files;

pub mod halt;

pub mod log;

pub mod man;

pub mod notice;

#[cfg(feature = "demo")]
pub mod demo;

pub mod doctor;

pub mod explain;

mod export;

pub mod fleet;

mod printable;

mod screen;

pub mod record;

pub mod evaluate;

mod recordings;

pub mod replay;

pub mod report;

pub mod run;

pub mod schema;

pub mod simulate;

pub mod status;

pub mod survey;

mod tester;

pub mod walk;

pub mod watch;

pub mod zones;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use jiff::civil::Date;
use rusqlite::ErrorCode;

use crate::ledger::LedgerError;
use crate::{discretion, exit};

const LONG_ABOUT: &str = "\
Emma hears the Bluetooth beacons of customers who opted in, knows which zone of the shop they are in, and publishes an \
offer over MQTT when one is welcome. Everyone else's devices leave no trace.

Begin with:
  emma demo                        a shop at work, with nothing installed
  emma config zones.toml           the commented template of a file
  emma check --config DIR          every problem of a configuration at once
  emma run --config DIR            the daemon";

#[derive(Parser)]
#[command(name = "emma", version, about = "A BLE beacon proximity-offer gateway", long_about = LONG_ABOUT)]
#[command(after_help = "emma exit-codes says how each command ends.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon: scan, decide, publish.
    Run(run::Arguments),
    /// Show a shop at work: no hardware, no broker, no set-up.
    #[cfg(feature = "demo")]
    Demo(demo::Arguments),
    /// Write what the radio hears of test consents and fixed beacons to a capture.
    Record(record::Arguments),
    /// Run captures through the daemon's own core, and tell what happened.
    Replay(replay::Arguments),
    /// Score what is said of captures against where people truly were.
    Evaluate(evaluate::Arguments),
    /// Find every problem of a configuration folder at once.
    Check(check::Arguments),
    /// Print the commented template of a configuration file.
    Config(config::Arguments),
    /// Examine this machine: what is amiss, and what to do.
    Doctor(doctor::Arguments),
    /// Say how the running daemon does.
    Status(status::Arguments),
    /// Log more or less for a while, without a restart.
    Log(log::Arguments),
    /// Restraint, measured: the totals of a week.
    Report(report::Arguments),
    /// Write the notice for the door and the page behind it, from the configuration.
    Notice(notice::Arguments),
    /// Say nothing in the whole shop, at once.
    Pause(halt::Pause),
    /// Speak again after a pause.
    Resume(halt::Resume),
    /// Why a customer would, or would not, be told of a campaign now.
    Explain(explain::Arguments),
    /// Stop, start, list and preview campaigns.
    Campaign(campaign::Arguments),
    /// Polygon zones as GeoJSON in metres, out and in.
    Zones(zones::Arguments),
    /// Carry a test tag to nine points, and find what levels do in this shop.
    Survey(survey::Arguments),
    /// Carry a test tag through the shop: each zone announces itself.
    Walk(walk::Arguments),
    /// Show what is said on a broker, a line each.
    Watch(watch::Arguments),
    /// How the Pis of all shops do: which need a hand, why, and what to do.
    Fleet(fleet::Arguments),
    /// How many offers these caps allow, on customers who do not exist.
    Simulate(simulate::Arguments),
    /// Keep a copy of the ledger in one file, while Emma runs.
    Backup(backup::Backup),
    /// Put a ledger back from a backup.
    Restore(backup::Restore),
    /// Take, list, show and withdraw consents.
    Consent(consent::Arguments),
    /// Make a key for coupons, and verify a code.
    Coupon(coupon::Arguments),
    /// Print a message of the contract as JSON Schema.
    Schema(schema::Arguments),
    /// Print a completion script for a shell.
    Completions(completions::Arguments),
    /// Write the manual pages, for whoever packages Emma.
    #[command(hide = true)]
    Man(man::Arguments),
    /// Print what each exit code means.
    ExitCodes,
}

/// Reads the arguments and does what they ask.
pub fn main() -> ExitCode {
    discretion::begin();
    // The provider is process-wide; a second installation would only say that there is one already.
    tokio_rustls::rustls::crypto::ring::default_provider().install_default().unwrap_or_default();
    ExitCode::from(match Arguments::try_parse() {
        Ok(arguments) => dispatch(arguments.command),
        Err(error) => {
            let wrong = error.use_stderr();
            error.print().unwrap_or_default();
            if wrong { exit::USAGE } else { exit::OK }
        }
    })
}

fn dispatch(command: Command) -> u8 {
    match command {
        Command::Run(arguments) => run::main(&arguments),
        #[cfg(feature = "demo")]
        Command::Demo(arguments) => demo::main(&arguments),
        Command::Record(arguments) => record::main(&arguments),
        Command::Replay(arguments) => replay::main(&arguments),
        Command::Evaluate(arguments) => evaluate::main(&arguments),
        Command::Check(arguments) => check::main(&arguments),
        Command::Config(arguments) => config::main(&arguments),
        Command::Doctor(arguments) => doctor::main(&arguments),
        Command::Status(arguments) => status::main(&arguments),
        Command::Log(arguments) => log::main(&arguments),
        Command::Report(arguments) => report::main(&arguments),
        Command::Notice(arguments) => notice::main(&arguments),
        Command::Pause(arguments) => halt::pause(&arguments),
        Command::Resume(arguments) => halt::resume(&arguments),
        Command::Explain(arguments) => explain::main(&arguments),
        Command::Campaign(arguments) => campaign::main(&arguments),
        Command::Zones(arguments) => zones::main(&arguments),
        Command::Survey(arguments) => survey::main(&arguments),
        Command::Walk(arguments) => walk::main(&arguments),
        Command::Watch(arguments) => watch::main(&arguments),
        Command::Fleet(arguments) => fleet::main(&arguments),
        Command::Simulate(arguments) => simulate::main(&arguments),
        Command::Backup(arguments) => backup::backup(&arguments),
        Command::Restore(arguments) => backup::restore(&arguments),
        Command::Consent(arguments) => consent::main(&arguments),
        Command::Coupon(arguments) => coupon::main(&arguments),
        Command::Schema(arguments) => schema::main(&arguments),
        Command::Completions(arguments) => completions::main(&arguments),
        Command::Man(arguments) => man::main(&arguments),
        Command::ExitCodes => say(exit::PAGE),
    }
}

/// Prints to standard output.
pub(crate) fn say(text: &str) -> u8 {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()).or_else(gone_is_fine) {
        Ok(()) => exit::OK,
        Err((code, what)) => complain(code, what),
    }
}

/// A day as people type it on a command line.
pub(crate) fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "write year, month and day: 2026-12-24".to_owned())
}

/// Says on standard error what went wrong, and hands the exit code on.
pub(crate) fn complain(code: u8, what: impl std::fmt::Display) -> u8 {
    // Where standard error is closed there is nobody left to tell.
    writeln!(io::stderr(), "emma: {what}").unwrap_or_default();
    code
}

/// Why a command ends early: the exit code, and the sentence.
pub(crate) type Stop = (u8, String);

/// A ledger that cannot be used ends a command.
#[expect(clippy::needless_pass_by_value, reason = "it is handed to `map_err`")]
pub(crate) fn ledger_stop(error: LedgerError) -> Stop {
    let code = match &error {
        LedgerError::Folder { .. } => exit::CANNOT_CREATE,
        LedgerError::Open { .. } => exit::CONFIG,
        LedgerError::Locked { .. } | LedgerError::Read => exit::TEMPORARY,
        LedgerError::Newer { .. } | LedgerError::Damaged(_) => exit::DATA,
        LedgerError::Sqlite(error) => match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => exit::DATA,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => exit::TEMPORARY,
            _ => exit::IO,
        },
        LedgerError::Migration(_) => exit::IO,
    };
    (code, error.to_string())
}

/// A reader that has gone away is no failure of ours.
#[expect(clippy::needless_pass_by_value, reason = "it is handed to `or_else`")]
pub(crate) fn gone_is_fine(error: io::Error) -> Result<(), Stop> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err((exit::IO, error.to_string())) }
}
