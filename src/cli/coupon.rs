//! `emma coupon`: keys for derived codes, and whether a code is true (`docs/coupons.md`).

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Stop, complain, day, ledger_stop, say};
use crate::clock::Clock;
use crate::config::offers::CouponKey;
use crate::coupon::verify;
use crate::exit;
use crate::ledger::store::random_key;

/// A key is 64 hex digits; of a file that is none no more is read, in bytes.
const MAX_KEY_LEN: u64 = 1_024;

/// What it is asked.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a new key for derived codes, for its owner alone. A file that is there is left as it is.
    Key {
        /// Where to put it: beside offers.toml, as `key-file` names it.
        file: PathBuf,
    },
    /// Say until when a derived code is good, or why it is not.
    Verify {
        /// The key that the campaign's coupons are made with.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The campaign that the coupon is for.
        #[arg(long, value_name = "ID")]
        campaign: String,
        /// The day it is shown at the till; this machine's today if left out.
        #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
        on: Option<Date>,
        /// The code, with or without its dashes; capitals do not count.
        #[arg(required = true)]
        code: Vec<String>,
    },
}

/// Does what is asked.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let outcome = match &arguments.command {
        Command::Key { file } => make_key(file),
        Command::Verify { key, campaign, on, code } => judge(key, campaign, &code.concat(), on.unwrap_or_else(today)),
    };
    match outcome {
        Ok(text) => say(&text),
        Err((code, what)) => complain(code, what),
    }
}

fn make_key(path: &Path) -> Result<String, Stop> {
    let key = random_key().map_err(ledger_stop)?;
    let shown = path.display();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| {
        let what = match error.kind() {
            ErrorKind::AlreadyExists => {
                format!("{shown} is there already and stays: coupons made with another key would be refused")
            }
            _ => format!("{shown}: {error}"),
        };
        (exit::CANNOT_CREATE, what)
    })?;
    let written = writeln!(file, "{}", hex::encode(key)).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // Half a key would be in the way of the next attempt.
        fs::remove_file(path).unwrap_or_default();
        return Err((exit::IO, format!("{shown}: {error}")));
    }
    Ok(format!(
        "{shown}: a new key, for its owner alone.\n\
         Emma's user has to be that owner (sudo chown emma {shown}), and each till that verifies needs the same key.\n\
         Whoever has it can make coupons.\n"
    ))
}

fn judge(key: &Path, campaign: &str, code: &str, today: Date) -> Result<String, Stop> {
    let key = read_key(key)?;
    match verify(&key, campaign, code, today) {
        Ok(last) => Ok(format!("good until {last}, that day included\n")),
        Err(why) => Err((exit::DATA, format!("the code is not taken: {why}"))),
    }
}

fn read_key(path: &Path) -> Result<CouponKey, Stop> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_KEY_LEN).read_to_end(&mut bytes))
        .map_err(|error| (exit::NO_INPUT, format!("{}: {error}", path.display())))?;
    let key = std::str::from_utf8(&bytes).ok().and_then(CouponKey::from_hex);
    key.ok_or_else(|| (exit::DATA, format!("{} is no key: that is 32 random bytes as 64 hex digits", path.display())))
}

/// The civil day of this machine: a till goes by its own.
fn today() -> Date {
    let now = Timestamp::from_microsecond(Clock::start().wall_us()).unwrap_or(Timestamp::UNIX_EPOCH);
    TimeZone::system().to_datetime(now).date()
}
