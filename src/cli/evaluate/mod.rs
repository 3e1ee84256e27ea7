//! `emma evaluate`: captures replayed, and what is said of them held against where people truly were.

pub(super) mod ground;

mod judge;

mod score;

mod sheet;

pub(super) mod truth;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::recordings::Recordings;
use super::replay::{REPLAY_KEY, Replay, Tape, warn};
use super::{Stop, complain, ledger_stop, say};
use crate::config::{Config, Name};
use crate::exit;
use crate::gateway::effect::{Happening, What};
use crate::ledger::Store;
use ground::Ground;
use judge::{Line, Said};
use score::{Score, ZoneScore};
use sheet::Sheet;
use truth::{LARGEST_TRUTH, Track, Tracks};

/// What it is asked.
#[derive(Args)]
#[command(after_help = "\
The truth is JSON Lines or a table (CSV); docs/evaluate.md has its format and what each number means:

  {\"t\":1668027000000000,\"customer\":\"c-0001\",\"x_m\":4.2,\"y_m\":1.7}
  {\"t\":1668027000000000,\"customer\":\"c-0001\",\"zone\":\"till\"}

  emma evaluate --truth truth.jsonl --config shop --consents consents.jsonl monday.jsonl")]
pub struct Arguments {
    /// Where people truly were.
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    recordings: Recordings,
}

/// Evaluates.
pub(super) fn main(arguments: &Arguments) -> u8 {
    match evaluate(arguments) {
        Ok(sheet) if arguments.json => say(&sheet.json()),
        Ok(sheet) => say(&sheet.table()),
        Err((code, what)) => complain(code, what),
    }
}

fn evaluate(arguments: &Arguments) -> Result<Sheet, Stop> {
    let config = arguments.recordings.config()?;
    let ids: Vec<Name> = config.zones.zones.iter().map(|zone| zone.id.clone()).collect();
    let ground = Ground::new(&config);
    let tracks = read(&arguments.truth, &ids, &ground)?;
    let captures = arguments.recordings.open()?;
    let ledger = Store::in_memory(REPLAY_KEY).map_err(ledger_stop)?;
    let mut replay = Replay::begin(config.clone(), ledger, arguments.recordings.records()?)?;
    let mut notes = Notes { places: places(&config), lines: BTreeMap::new() };
    replay.play(captures, &mut notes)?;
    let Some(heard_us) = replay.heard_us() else {
        return Err((exit::DATA, "the captures are empty, so there is nothing to evaluate".to_owned()));
    };
    let mut score = Score { zones: vec![ZoneScore::default(); ids.len()], ..Score::default() };
    let mut customers = 0;
    for (customer, track) in &named(tracks, &replay.customers())? {
        let lines = notes.lines.get(customer).map(Vec::as_slice).unwrap_or_default();
        if judge::judge(&ground, track, lines, heard_us, &mut score) {
            customers += 1;
        } else {
            warn(&format!("the captures hold less than ten seconds of the truth of `{customer}`: it is left out"));
        }
    }
    if customers == 0 {
        return Err((exit::DATA, "truth and captures are of different times: nothing can be compared".to_owned()));
    }
    Ok(Sheet::new(&score, &ids, customers))
}

/// Reads the truth. Somebody who is never on the plan was measured in another unit, or from another corner.
fn read(path: &Path, ids: &[Name], ground: &Ground) -> Result<Tracks, Stop> {
    let failed = |what: String| (exit::NO_INPUT, format!("{}: {what}", path.display()));
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(LARGEST_TRUTH + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > LARGEST_TRUTH {
        return Err(failed("it is larger than 64 MiB: one position a second is enough".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8 text".to_owned()))?;
    let tracks = truth::read(&text, ids).map_err(|complaints| {
        let places = complaints.iter().map(|complaint| format!("{}:{complaint}", path.display()));
        (exit::DATA, places.collect::<Vec<_>>().join("\nemma: "))
    })?;
    let mut samples = tracks.values().flat_map(Track::samples).peekable();
    if samples.peek().is_none() {
        return Err((exit::DATA, format!("{}: it is empty", path.display())));
    }
    if samples.all(|sample| !ground.is_inside(sample.place)) {
        let what = "nobody is ever on the floor plan: positions are in metres from the plan's corner, as in site.toml";
        return Err((exit::DATA, format!("{}: {what}", path.display())));
    }
    Ok(tracks)
}

/// Whose each track is. Where the truth names nobody, it can only be the one customer there is.
fn named(tracks: Tracks, known: &[Name]) -> Result<Vec<(Name, Track)>, Stop> {
    let refused = |what: String| Err((exit::DATA, what));
    let mut named = Vec::new();
    let is_mixed = tracks.len() > 1;
    for (customer, track) in tracks {
        match (customer, known) {
            (None, _) if is_mixed => {
                return refused("some lines of the truth name a `customer` and others do not".to_owned());
            }
            (None, [only]) => named.push((only.clone(), track)),
            (None, []) => {}
            (None, several) => {
                return refused(format!("the truth names no `customer`, and {} have a consent", several.len()));
            }
            (Some(customer), known) if known.contains(&customer) => named.push((customer, track)),
            (Some(customer), _) => {
                warn(&format!("`{}` of the truth has no consent in force: left out", customer.escape_debug()));
            }
        }
    }
    if named.is_empty() {
        refused("nobody of the truth has a consent in force: see --consents".to_owned())
    } else {
        Ok(named)
    }
}

/// Each zone's place in zones.toml.
fn places(config: &Config) -> BTreeMap<Name, usize> {
    config.zones.zones.iter().enumerate().map(|(place, zone)| (zone.id.clone(), place)).collect()
}

/// What the timeline says of zones, by customer.
struct Notes {
    places: BTreeMap<Name, usize>,
    lines: BTreeMap<Name, Vec<Line>>,
}

impl Tape for Notes {
    fn write(&mut self, happened: &[Happening]) -> Result<(), Stop> {
        for happening in happened {
            let place = |zone: &Name| self.places.get(zone).copied();
            let said = match &happening.what {
                What::Entered { zone, confidence, .. } => place(zone).map(|zone| Said::Entered(zone, *confidence)),
                What::Sure { zone, confidence, .. } => place(zone).map(|zone| Said::Sure(zone, *confidence)),
                What::Unsure { .. } => Some(Said::Unsure),
                What::Left { .. } => Some(Said::Left),
                What::VisitStarted
                | What::VisitEnded
                | What::Dwelled { .. }
                | What::Delivered { .. }
                | What::Withheld { .. } => None,
            };
            if let Some((t_us, said)) = happening.at.wall_us.zip(said) {
                self.lines.entry(happening.customer.as_str().into()).or_default().push(Line { t_us, said });
            }
        }
        Ok(())
    }
}
