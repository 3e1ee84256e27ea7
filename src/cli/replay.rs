//! `emma replay`: captures through the daemon's own core, in their own time (the contract in `captures`).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::{Stop, complain, gone_is_fine, ledger_stop};
use crate::clock::Moment;
use crate::config::{self, Config, Name};
use crate::counter;
use crate::exit;
use crate::gateway::Gateway;
use crate::gateway::consent::record::{self, Record};
use crate::gateway::effect::{Happening, Input};
use crate::ledger::folder::Folder;
use crate::ledger::{Store, registrar};
use crate::radio::capture::{self, Capture, CaptureError, Heard, Tally};
use crate::standalone::Standalone;
use crate::timeline;

/// The same input gives the same bytes, offer ids included.
const REPLAY_KEY: [u8; 32] = *b"a replay is not a secret, 32 b. ";

/// What it is asked.
#[derive(Args)]
#[command(after_help = "\
The timeline goes to standard output, messages to standard error. The network is never touched.

  emma replay --config shop --consents consents.jsonl monday.jsonl
  emma replay --config shop --consents consents.jsonl --gateway-of till.btsnoop=gw-till till.btsnoop")]
pub struct Arguments {
    /// The folder with the five configuration files.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
    /// Consent records, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    consents: Option<PathBuf>,
    /// Where the timeline goes; - is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    timeline: PathBuf,
    /// A state folder to go on from, made if missing; without it the ledger is a fresh one in memory.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Add to each line why it happened.
    #[arg(long)]
    explain: bool,
    /// Which gateway a btsnoop file is of; else it is the file's name.
    #[arg(long, value_name = "FILE=ID", value_parser = file_and_gateway)]
    gateway_of: Vec<(PathBuf, Name)>,
    /// Captures: JSON Lines or btsnoop, told apart by content and merged by time.
    #[arg(required = true, value_name = "CAPTURE")]
    captures: Vec<PathBuf>,
}

/// Replays.
pub(super) fn main(arguments: &Arguments) -> u8 {
    match replay(arguments) {
        Ok(()) => exit::OK,
        Err((code, what)) => complain(code, what),
    }
}

fn replay(arguments: &Arguments) -> Result<(), Stop> {
    refuse_to_overwrite(arguments)?;
    let config = load(&arguments.config)?;
    let captures = arguments.captures.iter().map(|path| open(path, &arguments.gateway_of));
    let captures = captures.collect::<Result<Vec<_>, _>>().map_err(|error| (exit::NO_INPUT, error.to_string()))?;
    let lock = arguments.state.as_deref().map(Folder::open).transpose().map_err(ledger_stop)?;
    let store = match &lock {
        Some(folder) => folder.store(REPLAY_KEY),
        None => Store::in_memory(REPLAY_KEY),
    };
    let store = store.map_err(ledger_stop)?;
    let out: Box<dyn Write> = if arguments.timeline == Path::new("-") {
        Box::new(io::stdout().lock())
    } else {
        let failed = |error| (exit::CANNOT_CREATE, format!("{}: {error}", arguments.timeline.display()));
        Box::new(File::create(&arguments.timeline).map_err(failed)?)
    };
    let mut tape = Tape { out: BufWriter::new(out), explain: arguments.explain };
    let mut replay = Replay::begin(config, store, arguments)?;
    replay.play(captures, &mut tape)?;
    tape.out.flush().or_else(gone_is_fine)
}

/// A timeline in the place of a capture would cost the recording; a gateway of no capture is a slip of the pen.
fn refuse_to_overwrite(arguments: &Arguments) -> Result<(), Stop> {
    let same =
        |path: &&PathBuf| path.canonicalize().is_ok_and(|path| Some(path) == arguments.timeline.canonicalize().ok());
    if let Some(path) = arguments.captures.iter().find(same) {
        return Err((exit::USAGE, format!("{}: is a capture; name another file for the timeline", path.display())));
    }
    match arguments.gateway_of.iter().find(|(file, _)| !arguments.captures.contains(file)) {
        Some((file, _)) => Err((exit::USAGE, format!("--gateway-of {}: is none of the captures", file.display()))),
        None => Ok(()),
    }
}

/// Where the timeline is written.
struct Tape {
    out: BufWriter<Box<dyn Write>>,
    explain: bool,
}

impl Tape {
    fn write(&mut self, happened: &[Happening]) -> Result<(), Stop> {
        for line in happened.iter().filter_map(|happening| timeline::line(happening, self.explain)) {
            writeln!(self.out, "{line}").or_else(gone_is_fine)?;
        }
        Ok(())
    }
}

struct Replay {
    config: Arc<Config>,
    standalone: Standalone,
    unknown_gateways: BTreeMap<Name, u64>,
    /// How many consents have identifiers of a kind that is kept and not matched yet.
    unmatched: BTreeMap<&'static str, u64>,
    /// The consents' file, each record with its place. They are taken at the captures' first moment, which decides what
    /// has ended; what was refused already has been told.
    records: Vec<(String, Record)>,
    refused: usize,
    started: bool,
    high_water_us: i64,
}

impl Replay {
    fn begin(config: Arc<Config>, store: Store, arguments: &Arguments) -> Result<Self, Stop> {
        let high_water_us = store.high_water_us().map_err(ledger_stop)?;
        let gateway = Gateway::new(Arc::clone(&config), store.key().clone(), high_water_us);
        let standalone = Standalone { gateway, store };
        let (records, refused) = arguments.consents.as_deref().map(read_records).transpose()?.unwrap_or_default();
        let (unknown_gateways, unmatched) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { config, standalone, unknown_gateways, unmatched, records, refused, started: false, high_water_us })
    }

    fn play(&mut self, captures: Vec<Capture>, tape: &mut Tape) -> Result<(), Stop> {
        let mut merged = capture::merge(captures);
        let mut now = at(self.high_water_us.max(0));
        let mut failed: Option<CaptureError> = None;
        for heard in merged.by_ref() {
            match heard {
                Ok(heard) => {
                    now = at(heard.t_us);
                    if !self.started {
                        self.start(now, tape)?;
                    }
                    self.hear(&heard, now, tape)?;
                }
                // What the other files hold is still told; the exit code says that one could not be read to its end.
                Err(error) => failed = Some(error),
            }
        }
        if !self.started {
            self.start(now, tape)?;
        }
        let rest = self.standalone.run_out(now).map_err(ledger_stop)?;
        tape.write(&rest)?;
        // The state has lived through all that was told: a capture of that time would tell it twice.
        let told_us = rest.last().and_then(|last| last.at.wall_us).max(now.wall_us).unwrap_or_default();
        self.standalone.store.note_wall(told_us).map_err(ledger_stop)?;
        self.report(merged.tallies());
        failed.map_or(Ok(()), |error| Err((exit::NO_INPUT, error.to_string())))
    }

    /// Takes the consents and what the state folder remembers, at the first moment of the captures.
    fn start(&mut self, now: Moment, tape: &mut Tape) -> Result<(), Stop> {
        self.started = true;
        if now.wall_us < Some(self.high_water_us) {
            return Err((
                exit::DATA,
                "the state folder is newer than the capture: name an older one, or a new one".into(),
            ));
        }
        for consent in counter::remembered(&self.standalone.store).map_err(ledger_stop)? {
            self.standalone.gateway.restore(consent);
        }
        for memory in self.standalone.store.memories().map_err(ledger_stop)? {
            tape.write(&self.standalone.handle(Input::Resume(memory), now).map_err(ledger_stop)?)?;
        }
        for (place, record) in std::mem::take(&mut self.records) {
            if let Err((_, what)) = self.take(record, now, tape) {
                self.refused += 1;
                warn(&format!("{place}: refused: {what}"));
            }
        }
        if self.refused > 0 {
            warn(&format!("{} consent records are refused; the others stand", self.refused));
        }
        for (kind, count) in &self.unmatched {
            warn(&unmatched(kind, *count));
        }
        if self.standalone.gateway.consents().next().is_none() {
            warn("nobody's consent is in force, so nothing can be told: --consents names a file of them");
        }
        Ok(())
    }

    fn take(&mut self, record: Record, now: Moment, tape: &mut Tape) -> Result<(), Stop> {
        let wall_us = now.wall_us.unwrap_or_default();
        let happened = match record {
            Record::Withdraw { customer, epoch } => {
                let known = self.standalone.gateway.consent_of(&customer).map(|known| known.epoch);
                if known.is_some_and(|known| epoch < known) {
                    return Err((exit::DATA, "the withdrawal's `epoch` is below the last seen".to_owned()));
                }
                let happened = self.standalone.handle(Input::Withdraw(customer.clone()), now).map_err(ledger_stop)?;
                self.standalone.store.forget_now(&customer, wall_us).map_err(ledger_stop)?;
                happened
            }
            Record::Grant(record) => {
                let known = crate::gateway::consent::CustomerId::new(&record.customer)
                    .and_then(|customer| self.standalone.gateway.consent_of(&customer).cloned());
                let key = self.standalone.store.key();
                let customer = record.customer.clone();
                let inbox = |recipient: &str| key.id(&[b"inbox", customer.as_bytes(), recipient.as_bytes()]);
                let prepared = registrar::prepare(*record, &self.config.promise, known.as_deref(), inbox)
                    .map_err(|problems| (exit::DATA, problems.join("; ")))?;
                let consent = prepared.consent;
                self.standalone.gateway.admits(&consent, now).map_err(|refusal| (exit::DATA, refusal.to_string()))?;
                self.standalone
                    .store
                    .save_consent(&consent.customer, consent.epoch, &prepared.record)
                    .map_err(ledger_stop)?;
                let customer = consent.customer.clone();
                let happened = self.standalone.handle(Input::Consent(consent), now).map_err(ledger_stop)?;
                for kind in self.standalone.gateway.left_out(&customer) {
                    *self.unmatched.entry(kind).or_default() += 1;
                }
                happened
            }
        };
        tape.write(&happened)
    }

    fn hear(&mut self, heard: &Heard, now: Moment, tape: &mut Tape) -> Result<(), Stop> {
        let due = self.standalone.run_until(now).map_err(ledger_stop)?;
        tape.write(&due)?;
        let Some(gateway) = self.config.site.gateway(&heard.gateway) else {
            self.count_unknown(&heard.gateway);
            return Ok(());
        };
        let happened =
            self.standalone.handle(Input::Advertisement(heard.advertisement(gateway)), now).map_err(ledger_stop)?;
        tape.write(&happened)
    }

    /// Names come from the capture, so only so many are told apart.
    fn count_unknown(&mut self, gateway: &Name) {
        const TOLD_APART: usize = 10;
        let others: Name = "(others)".into();
        let known = self.unknown_gateways.contains_key(gateway) || self.unknown_gateways.len() < TOLD_APART;
        *self.unknown_gateways.entry(if known { gateway.clone() } else { others }).or_default() += 1;
    }

    fn report<'a>(&self, tallies: impl Iterator<Item = (&'a Path, &'a Tally)>) {
        for (path, tally) in tallies {
            for complaint in tally.complaints() {
                warn(&format!("{}: {complaint}", path.display()));
            }
            for (flaw, count) in tally.counts() {
                warn(&format!("{}: skipped {count}: each {}", path.display(), flaw.as_str()));
            }
        }
        for (gateway, count) in &self.unknown_gateways {
            warn(&format!("dropped {count} advertisements of gateway `{gateway}`: site.toml has no such gateway"));
        }
        let counters = self.standalone.gateway.snapshot().counters;
        warn(&format!(
            "{} heard, {} of consenting customers, {} of two customers at once; {} visits, {} offers",
            counters.heard, counters.matched, counters.ambiguous, counters.visits, counters.delivered
        ));
    }
}

/// The captures' own time is both clocks.
fn at(t_us: i64) -> Moment {
    Moment { monotonic_us: t_us.max(0).unsigned_abs(), wall_us: Some(t_us.max(0)) }
}

fn load(dir: &Path) -> Result<Arc<Config>, Stop> {
    let loaded = config::load(dir);
    for problem in &loaded.problems {
        eprint_line(&problem.to_string());
    }
    loaded.config.map(Arc::new).ok_or_else(|| (exit::CONFIG, "the configuration has an error".to_owned()))
}

fn open(path: &Path, named: &[(PathBuf, Name)]) -> Result<Capture, CaptureError> {
    let gateway = named.iter().find(|(file, _)| file == path).map(|(_, gateway)| gateway.clone());
    capture::open(path, gateway)
}

/// The records of a consents file, and how many lines are none.
fn read_records(path: &Path) -> Result<(Vec<(String, Record)>, usize), Stop> {
    let text =
        std::fs::read_to_string(path).map_err(|error| (exit::NO_INPUT, format!("{}: {error}", path.display())))?;
    let (mut records, mut refused) = (Vec::new(), 0);
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match record::parse(line) {
            Ok(record) => records.push((format!("{}:{}", path.display(), index + 1), record)),
            Err(error) => {
                refused += 1;
                warn(&format!("{}:{}: refused: {error}", path.display(), index + 1));
            }
        }
    }
    Ok((records, refused))
}

fn file_and_gateway(text: &str) -> Result<(PathBuf, Name), String> {
    let (file, gateway) = text.rsplit_once('=').ok_or("write FILE=ID, such as till.btsnoop=gw-till")?;
    Ok((file.into(), gateway.into()))
}

/// For consents with identifiers that are kept and not matched.
pub(super) fn unmatched(kind: &str, count: u64) -> String {
    format!(
        "identifiers of kind `{kind}` are kept and not matched, the site has all it can tell apart: {count} of the consents have some"
    )
}

fn warn(what: &str) {
    complain(exit::OK, what);
}

fn eprint_line(text: &str) {
    writeln!(io::stderr(), "{text}").unwrap_or_default();
}
