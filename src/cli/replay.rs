//! `emma replay`: captures through the daemon's own core, in their own time (the contract in `captures`).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::recordings::{Recordings, Records};
use super::{Stop, complain, gone_is_fine, ledger_stop};
use crate::clock::Moment;
use crate::config::{Config, Name};
use crate::counter;
use crate::exit;
use crate::gateway::Gateway;
use crate::gateway::consent::record::Record;
use crate::gateway::consent::registry::Refusal;
use crate::gateway::effect::{Happening, Input};
use crate::ledger::folder::Folder;
use crate::ledger::{Store, registrar};
use crate::mqtt::ended::Speaker;
use crate::radio::capture::{self, Capture, CaptureError, Heard, Tally};
use crate::standalone::Standalone;
use crate::timeline;

/// The same input gives the same bytes, offer ids included.
pub(super) const REPLAY_KEY: [u8; 32] = *b"a replay is not a secret, 32 b. ";

/// What it is asked.
#[derive(Args)]
#[command(after_help = "\
The timeline goes to standard output, messages to standard error. The network is never touched.

  emma replay --config shop --consents consents.jsonl monday.jsonl
  emma replay --config shop --consents consents.jsonl --gateway-of till.btsnoop=gw-till till.btsnoop")]
pub struct Arguments {
    #[command(flatten)]
    recordings: Recordings,
    /// Where the timeline goes; - is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    timeline: PathBuf,
    /// A state folder to go on from, made if missing; without it the ledger is a fresh one in memory.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Add to each line why it happened.
    #[arg(long)]
    explain: bool,
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
    let config = arguments.recordings.config()?;
    let captures = arguments.recordings.open()?;
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
    let mut tape = Written { out: BufWriter::new(out), explain: arguments.explain };
    let mut replay = Replay::begin(config, store, arguments.recordings.records()?)?;
    if arguments.explain {
        replay.standalone.gateway.explain();
    }
    replay.play(captures, &mut tape)?;
    tape.out.flush().or_else(gone_is_fine)
}

/// A timeline in the place of a capture would cost the recording.
fn refuse_to_overwrite(arguments: &Arguments) -> Result<(), Stop> {
    let same =
        |path: &&PathBuf| path.canonicalize().is_ok_and(|path| Some(path) == arguments.timeline.canonicalize().ok());
    match arguments.recordings.captures.iter().find(same) {
        Some(path) => {
            Err((exit::USAGE, format!("{}: is a capture; name another file for the timeline", path.display())))
        }
        None => Ok(()),
    }
}

/// Who takes down what happens while captures are replayed.
pub(super) trait Tape {
    /// What happened next, in order.
    fn write(&mut self, happened: &[Happening]) -> Result<(), Stop>;
}

/// The timeline, as it is written.
struct Written {
    out: BufWriter<Box<dyn Write>>,
    explain: bool,
}

impl Tape for Written {
    fn write(&mut self, happened: &[Happening]) -> Result<(), Stop> {
        for line in happened.iter().filter_map(|happening| timeline::line(happening, self.explain)) {
            writeln!(self.out, "{line}").or_else(gone_is_fine)?;
        }
        Ok(())
    }
}

/// Captures on their way through a core of their own.
pub(super) struct Replay {
    config: Arc<Config>,
    standalone: Standalone,
    unknown_gateways: BTreeMap<Name, u64>,
    /// How many consents have identifiers of a kind that is kept and not matched yet.
    unmatched: BTreeMap<&'static str, u64>,
    /// The consents' file, each record with its place. They are taken at the captures' first moment, which decides what
    /// has ended; what was refused already has been told.
    records: Vec<(String, Record)>,
    refused: usize,
    /// The first and the last instant of the captures, in microseconds since 1970 UTC.
    heard_us: Option<(i64, i64)>,
    started: bool,
    high_water_us: i64,
}

impl Replay {
    /// A core with `config` that goes on from what `store` remembers.
    pub(super) fn begin(config: Arc<Config>, mut store: Store, (records, refused): Records) -> Result<Self, Stop> {
        store.speak_as(Speaker::of(&config.gateway));
        let high_water_us = store.high_water_us().map_err(ledger_stop)?;
        let gateway = Gateway::new(Arc::clone(&config), store.key().clone(), high_water_us);
        let standalone = Standalone { gateway, store };
        let (unknown_gateways, unmatched) = (BTreeMap::new(), BTreeMap::new());
        let (heard_us, started) = (None, false);
        Ok(Self { config, standalone, unknown_gateways, unmatched, records, refused, heard_us, started, high_water_us })
    }

    /// The first and the last instant of the captures that were played, in microseconds since 1970 UTC.
    pub(super) fn heard_us(&self) -> Option<(i64, i64)> {
        self.heard_us
    }

    /// Whose consent is in force.
    pub(super) fn customers(&self) -> Vec<Name> {
        self.standalone.gateway.consents().map(|consent| consent.customer.as_str().into()).collect()
    }

    /// Plays `captures` to their end, and on until no deadline is left.
    pub(super) fn play(&mut self, captures: Vec<Capture>, tape: &mut dyn Tape) -> Result<(), Stop> {
        let mut merged = capture::merge(captures);
        let mut now = at(self.high_water_us.max(0));
        let mut failed: Option<CaptureError> = None;
        for heard in merged.by_ref() {
            match heard {
                Ok(heard) => {
                    now = at(heard.t_us);
                    self.heard_us = Some((self.heard_us.map_or(heard.t_us, |(first, _)| first), heard.t_us));
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
    fn start(&mut self, now: Moment, tape: &mut dyn Tape) -> Result<(), Stop> {
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

    fn take(&mut self, record: Record, now: Moment, tape: &mut dyn Tape) -> Result<(), Stop> {
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
            Record::Lapse { customer, epoch } => match self.standalone.gateway.consent_of(&customer).cloned() {
                Some(known) if epoch < known.epoch => {
                    return Err((exit::DATA, Refusal::StaleEpoch.to_string()));
                }
                Some(known) => {
                    let consent = Arc::new(known.lapsed(epoch, wall_us));
                    registrar::save_lapsed(&self.standalone.store, &consent).map_err(ledger_stop)?;
                    self.standalone.handle(Input::Consent(consent), now).map_err(ledger_stop)?
                }
                None => Vec::new(),
            },
            Record::Grant(record) => {
                let known = crate::gateway::consent::CustomerId::new(&record.customer)
                    .and_then(|customer| self.standalone.gateway.consent_of(&customer).cloned());
                let key = self.standalone.store.key();
                let customer = record.customer.clone();
                let inbox = |recipient: &str| key.id(&[b"inbox", customer.as_bytes(), recipient.as_bytes()]);
                let prepared = registrar::prepare(*record, &self.config, known.as_deref(), inbox)
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

    fn hear(&mut self, heard: &Heard, now: Moment, tape: &mut dyn Tape) -> Result<(), Stop> {
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

/// For consents with identifiers that are kept and not matched.
pub(super) fn unmatched(kind: &str, count: u64) -> String {
    format!(
        "identifiers of kind `{kind}` are kept and not matched, the site has all it can tell apart: {count} of the consents have some"
    )
}

pub(super) fn warn(what: &str) {
    complain(exit::OK, what);
}
