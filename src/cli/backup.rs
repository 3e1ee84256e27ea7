//! `emma backup` and `emma restore`: the ledger in one file, and back.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Stop, complain, files, ledger_stop, say};
use crate::backup::{self, FORMAT, MAX_BACKUP_LEN, Manifest};
use crate::clock::Clock;
use crate::config::gateway::Gateway;
use crate::ledger::folder::{self, Folder};
use crate::ledger::{LedgerError, copying, restoring};
use crate::{config, exit, export};

/// What a backup is asked.
#[derive(Args)]
pub struct Backup {
    /// The file that is made, or looked at; `-` is standard output, or input.
    file: PathBuf,
    /// Make none: say whether this one is whole, and what it is of.
    #[arg(long)]
    check: bool,
    /// The folder with the five configuration files; it says where the state folder is.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
}

/// What a restore is asked.
#[derive(Args)]
pub struct Restore {
    /// The backup; `-` is standard input.
    file: PathBuf,
    /// Put it in the place of the ledger that is here, which is deleted.
    #[arg(long)]
    replace: bool,
    /// The folder with the five configuration files; it says where the state folder is, and which shop this is.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
}

/// Makes a backup, or looks at one.
pub(super) fn backup(arguments: &Backup) -> u8 {
    let outcome = if arguments.check { check(&arguments.file) } else { make(&arguments.file, &arguments.config) };
    outcome.unwrap_or_else(|(code, what)| complain(code, what))
}

/// Restores a backup.
pub(super) fn restore(arguments: &Restore) -> u8 {
    put_back(arguments).unwrap_or_else(|(code, what)| complain(code, what))
}

fn make(file: &Path, config_folder: &Path) -> Result<u8, Stop> {
    let to_stdout = file == Path::new("-");
    if to_stdout && io::stdout().is_terminal() {
        let what = "a backup is nothing for a terminal: name a file, or pipe it on: emma backup - | …";
        return Err((exit::USAGE, what.to_owned()));
    }
    let failed = |error: io::Error| (exit::CANNOT_CREATE, format!("{}: {error}", file.display()));
    if !to_stdout && file.symlink_metadata().is_ok() {
        return Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, "is there already: name another file")));
    }
    let gateway = gateway(config_folder)?;
    let (manifest, ledger) = copy(&gateway).map_err(ledger_stop)?;
    if to_stdout {
        let written = backup::write(&manifest, &ledger, io::stdout().lock());
        written.map_err(|error| (exit::IO, format!("standard output: {error}")))?;
    } else {
        files::keep_new(file, |out| backup::write(&manifest, &ledger, out)).map_err(failed)?;
    }
    // Beside standard output, which may be the backup.
    complain(exit::OK, format!("{}: {}", file.display(), line(&manifest)));
    Ok(complain(exit::OK, "it holds all that the ledger does, its key too: keep it where nobody else reads it"))
}

/// The ledger as it is now, whether Emma runs or not.
fn copy(gateway: &Gateway) -> Result<(Manifest, Vec<u8>), LedgerError> {
    let path = folder::path(gateway.ledger_path.as_deref());
    if !folder::has_ledger(&path) {
        let source = io::Error::new(io::ErrorKind::NotFound, "there is no ledger here to be kept");
        return Err(LedgerError::Folder { path: path.display().to_string(), source });
    }
    // Whoever holds the lock has looked at the journal, and may be writing it.
    let lock = match Folder::open(&path) {
        Err(LedgerError::Locked { .. }) => None,
        opened => Some(opened?),
    };
    let copying::Copy { bytes, schema, consents, deliveries } = copying::copy(&folder::ledger(&path), lock.is_some())?;
    let manifest = Manifest {
        emma_backup: FORMAT,
        emma: env!("CARGO_PKG_VERSION").to_owned(),
        site: gateway.site.to_string(),
        gateway: gateway.gateway.to_string(),
        schema,
        at: export::instant(Clock::start().wall_us()).as_str().unwrap_or_default().to_owned(),
        consents,
        deliveries,
        length: bytes.len(),
    };
    Ok((manifest, bytes))
}

fn check(file: &Path) -> Result<u8, Stop> {
    let bytes = read(file)?;
    let (manifest, ledger) = open(file, &bytes)?;
    copying::look(ledger, &file.display().to_string()).map_err(ledger_stop)?;
    Ok(say(&format!("{} is whole: {}\n", file.display(), line(&manifest))))
}

fn put_back(arguments: &Restore) -> Result<u8, Stop> {
    let Restore { file, replace, config } = arguments;
    let gateway = gateway(config)?;
    let bytes = read(file)?;
    let (manifest, ledger) = open(file, &bytes)?;
    if *manifest.site != *gateway.site {
        let (theirs, ours) = (&manifest.site, &gateway.site);
        let what = "a promise is one shop's, and so is its ledger";
        return Err((
            exit::DATA,
            format!("{} is a backup of `{theirs}`, and this is `{ours}`: {what}", file.display()),
        ));
    }
    let path = folder::path(gateway.ledger_path.as_deref());
    let folder = Folder::open(&path).map_err(|error| match error {
        LedgerError::Locked { path } => (exit::TEMPORARY, format!("{path}: Emma runs: systemctl stop emma first")),
        other => ledger_stop(other),
    })?;
    let has_one = folder::has_ledger(&path);
    if has_one && !*replace {
        let what =
            "there is a ledger here already: emma backup FILE keeps a copy of it, and with --replace it is deleted";
        return Err((exit::CANNOT_CREATE, format!("{}: {what}", path.display())));
    }
    let present = has_one.then(|| folder.ledger());
    let restored = restoring::restore(ledger, &file.display().to_string(), present.as_deref()).map_err(ledger_stop)?;
    restored.bytes().and_then(|ledger| folder.put(&ledger)).map_err(ledger_stop)?;
    let left_out = match (has_one, restored.asked) {
        (true, true) => format!("{} customers who withdrew since are left out\n", restored.left_out),
        (true, false) => "the ledger that was here was damaged: it could not say who withdrew since\n".to_owned(),
        (false, _) => String::new(),
    };
    Ok(say(&format!("restored: {}\n{left_out}{AFTER}", line(&manifest))))
}

/// What holds after a restore.
const AFTER: &str = "\
What was said after that is not known: each cap's window counts as full until it has passed once, from when Emma runs again
and believes the clock. Who withdrew after that is not known either: nothing is said to anybody until their consent is told
again. A registrar is asked for all of them at its next beat; without one, take the file of consents as it is today:
  emma consent import FILE
Whoever is not told again is forgotten after a month, or the longest window that has an end. Pauses, stopped campaigns and
lists of codes are those of the backup: stop again what was stopped since, and give lists codes that nobody has yet.
";

fn line(manifest: &Manifest) -> String {
    let Manifest { emma, site, gateway, schema, at, consents, deliveries, .. } = manifest;
    let what = format!("{consents} consents and {deliveries} deliveries of {site} ({gateway})");
    format!("{what} as of {at}, by Emma {emma}, tables of version {schema}")
}

/// Which shop and Pi this is, and where its state folder is; whatever else is wrong with the configuration.
fn gateway(config_folder: &Path) -> Result<Gateway, Stop> {
    let hint = || format!("gateway.toml has an error: emma check --config {} says what", config_folder.display());
    let gateway = config::load(config_folder).gateway.ok_or_else(|| (exit::CONFIG, hint()))?;
    if !gateway.decides {
        let what = "this Pi only scans and remembers nobody: ask on the one that decides";
        return Err((exit::UNAVAILABLE, what.to_owned()));
    }
    Ok(gateway)
}

fn read(file: &Path) -> Result<Vec<u8>, Stop> {
    let failed = |error: io::Error| (exit::NO_INPUT, format!("{}: {error}", file.display()));
    let source: Box<dyn Read> =
        if file == Path::new("-") { Box::new(io::stdin().lock()) } else { Box::new(File::open(file).map_err(failed)?) };
    let mut bytes = Vec::new();
    source.take(MAX_BACKUP_LEN + 1).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BACKUP_LEN {
        return Err((exit::DATA, format!("{} is larger than any backup of Emma's", file.display())));
    }
    Ok(bytes)
}

fn open<'a>(file: &Path, bytes: &'a [u8]) -> Result<(Manifest, &'a [u8]), Stop> {
    backup::read(bytes).map_err(|fault| (exit::DATA, format!("{} {fault}", file.display())))
}
