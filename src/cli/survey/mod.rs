//! `emma survey`: a test tag carried to nine points tells what levels do in this shop (`docs/survey.md`).

mod judge;

mod measure;

mod notebook;

mod plan;

mod recorded;

mod report;

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::io::{self, IsTerminal, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::files::replace;
use super::tester::{self, Event, Events, tell};
use super::{Stop, complain, say};
use crate::config::span::Span;
use crate::config::{self, Config, SurveyedPoint};
use crate::exit;
use crate::gateway::zone::survey::{Level, TooLittle};
use judge::{Found, agreeing, judge};
use measure::{End, Walk};
use notebook::{LONGEST, Notebook, Stand};
use plan::Given;
use report::Report;

/// The file that a survey is for.
const SITE: &str = "site.toml";

/// What --write is answered where the points say no.
const WORSE: &str = "site.toml stays as it is: the points say that zones are told worse with this. Measure again what \
    contradicts the others; without --write the same command asks, and writes it if you say y";

/// A table of points is written by hand, in bytes.
const LARGEST_POINTS: u64 = 1 << 20;

/// What is said where levels are none that can be.
const OTHER_POWER: &str =
    "such levels cannot be: the tag transmits otherwise than it says; set its measured power at 1 m, and measure again";

/// What it is asked.
#[derive(Args)]
#[command(after_help = "\
Emma runs meanwhile, since she hears all gateways. What was measured is kept after each point: the same command goes on.

  emma survey --config shop
  emma survey --config shop --points points.csv --write
  emma survey --config shop --from walk.jsonl --consents testers.jsonl --points spans.csv")]
pub struct Arguments {
    /// The test tag, by the pseudonym of its consent; without it the only one there is.
    customer: Option<String>,
    /// The folder with the five configuration files.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
    /// Where to stand: a table `name,x_m,y_m`. Without it nine points are proposed.
    #[arg(long, value_name = "FILE")]
    points: Option<PathBuf>,
    /// How long each point is measured.
    #[arg(long = "for", value_name = "SPAN", value_parser = span, default_value = "20s")]
    lasting: Duration,
    /// What was measured is kept here.
    #[arg(long, value_name = "FILE", default_value = "survey.json")]
    file: PathBuf,
    /// Forget what was measured, and begin anew.
    #[arg(long)]
    restart: bool,
    /// From these captures instead of a walk; --points then says from when until when each point was measured.
    #[arg(long, value_name = "CAPTURE", num_args = 1.., requires = "consents", requires = "points")]
    from: Vec<PathBuf>,
    /// For --from: consent records, one JSON object a line.
    #[arg(long, value_name = "FILE", requires = "from")]
    consents: Option<PathBuf>,
    /// Put what was found into site.toml without asking.
    #[arg(long)]
    write: bool,
    /// Print what was found as one JSON object.
    #[arg(long)]
    json: bool,
}

fn span(text: &str) -> Result<Duration, String> {
    let longest = || format!("write a time from 1s to {} minutes, such as 20s", LONGEST.as_secs() / 60);
    match text.parse::<Span>()? {
        Span::Micros(us) if (1_000_000..=LONGEST.as_micros()).contains(&u128::from(us)) => {
            Ok(Duration::from_micros(us))
        }
        Span::Micros(_) | Span::Months(_) => Err(longest()),
    }
}

/// Surveys.
pub(super) fn main(arguments: &Arguments) -> u8 {
    start(arguments).unwrap_or_else(|(code, what)| complain(code, what))
}

fn start(arguments: &Arguments) -> Result<u8, Stop> {
    let config = Arc::new(tester::load(&arguments.config)?);
    let plan_m = ready(&config)?;
    let given = arguments.points.as_deref().map(|path| read_points(path, plan_m)).transpose()?;
    if let (Some(consents), Some(given)) = (&arguments.consents, &given) {
        let customer = arguments.customer.as_deref();
        let notebook = recorded::measured(&config, given.clone(), &arguments.from, consents, customer)?;
        return conclude(arguments, &notebook, None);
    }
    let mut notebook = open(arguments, &config, plan_m, given)?;
    let all = notebook.points.len();
    if notebook.done() == all {
        tell(&format!("All {all} points are measured already ({}); --restart begins anew.", arguments.file.display()));
        return conclude(arguments, &notebook, None);
    }
    let events = Events::begin()?;
    let state_folder = tester::state_folder(&config);
    tester::state(&state_folder, &arguments.config)?;
    tester::follow(&state_folder, arguments.customer.as_deref(), &events)?;
    Notebook::can_keep(&arguments.file)?;
    welcome(&config, &notebook, arguments.lasting);
    let (file, lasting) = (arguments.file.as_path(), arguments.lasting);
    let (config, events, notes, typed_ahead) = (&*config, &events, &mut notebook, VecDeque::new());
    let mut walk = Walk { config, plan_m, file, lasting, events, notebook: notes, typed_ahead };
    match walk.go()? {
        End::Failed(code) => {
            measure::later(&notebook, &arguments.file);
            Ok(code)
        }
        End::Later => Ok(measure::later(&notebook, &arguments.file)),
        End::Done => conclude(arguments, &notebook, Some(events)),
    }
}

/// What a survey needs: a floor, and gateways whose places on it are known.
fn ready(config: &Config) -> Result<(f64, f64), Stop> {
    let missing = |what: &str| (exit::CONFIG, format!("site.toml: {what}"));
    let plan_m = config.site.floor_m.ok_or_else(|| {
        missing("a survey needs to know how large the floor is: write floor-plan = { width-m = 12.0, height-m = 8.0 }")
    })?;
    if config.site.gateways.iter().filter(|gateway| gateway.position_m.is_some()).count() < 2 {
        return Err(missing(
            "a survey needs at least two gateways whose places are known: write position-m = [2.5, 4.0] for each",
        ));
    }
    Ok(plan_m)
}

fn read_points(path: &Path, plan_m: (f64, f64)) -> Result<Given, Stop> {
    let failed = |what: String| (exit::NO_INPUT, format!("{}: {what}", path.display()));
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(LARGEST_POINTS + 1).read_to_end(&mut bytes));
    read.map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > LARGEST_POINTS {
        return Err(failed("it is larger than 1 MiB, and a point is a line".to_owned()));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| failed("it is not UTF-8 text: save it as such (Excel: CSV UTF-8)".to_owned()))?;
    plan::read(&text, plan_m).map_err(|what| (exit::DATA, format!("{}: {what}", path.display())))
}

/// What was measured so far, and what is still to be.
fn open(arguments: &Arguments, config: &Config, plan_m: (f64, f64), given: Option<Given>) -> Result<Notebook, Stop> {
    let kept = if arguments.restart { None } else { Notebook::open(&arguments.file, config)? };
    let given = given.map(|given| given.into_iter().map(|(point, _)| point).collect::<Vec<_>>());
    let Some(mut kept) = kept else {
        return Ok(Notebook::new(config, given.unwrap_or_else(|| plan::proposed(config, plan_m))));
    };
    if let Some(given) = given {
        // What is measured stays measured; where else to go is what the file says now.
        kept.points.retain(|point| point.measured.is_some());
        let is_new = |point: &notebook::Point| kept.points.iter().all(|known| known.name != point.name);
        let new: Vec<_> = given.into_iter().filter(is_new).take(notebook::MAX_POINTS - kept.points.len()).collect();
        kept.points.extend(new);
    }
    Ok(kept)
}

fn welcome(config: &Config, notebook: &Notebook, lasting: Duration) {
    let (done, all) = (notebook.done(), notebook.points.len());
    let gateways = config.site.gateways.iter().filter(|gateway| gateway.position_m.is_some()).count();
    tell(&format!(
        "Survey of {}: {gateways} gateways, {all} points of {} s each.",
        config.site.name,
        lasting.as_secs()
    ));
    tell("Carry the tag as a customer would, at the height of a pocket. At each point turn slowly on the spot.");
    tell("Places are metres from the front left corner of the floor plan, as in site.toml.");
    if done > 0 {
        tell(&format!("{done} of them measured already; it goes on with the next."));
    }
}

/// Says what was found, and writes it where somebody wants it.
fn conclude(arguments: &Arguments, notebook: &Notebook, events: Option<&Events>) -> Result<u8, Stop> {
    let before = config::read_text(&arguments.config, SITE).map_err(|problem| (exit::CONFIG, problem.to_string()))?;
    let Some(config) = config::load_with(&arguments.config, SITE, &before).config else {
        return Err(tester::load(&arguments.config).err().unwrap_or((exit::CONFIG, "site.toml changed".to_owned())));
    };
    let stands: Vec<Stand> = notebook.stands(&config).into_iter().filter(|stand| !stand.readings.is_empty()).collect();
    if let Some(stand) = stands.iter().find(|stand| !notebook::are_possible(&stand.readings)) {
        return Err((exit::DATA, format!("the point `{}`: {OTHER_POWER}", stand.name)));
    }
    let found = judge(&config, &stands).map_err(too_little)?;
    let report = Report {
        config: &config,
        found: &found,
        names: stands.iter().map(|stand| stand.name.clone()).collect(),
        heard_at: heard_at(&config, &stands),
    };
    if !arguments.json {
        say(&report.page());
    }
    let is_worse = report.better() == Some(Ordering::Less);
    let is_refused = arguments.write && is_worse;
    let asks = || !arguments.json && !arguments.write && asks_to_write(events, is_worse);
    let wants = !is_refused && (arguments.write || asks());
    if wants {
        write(&arguments.config, &config, &found, &stands, &before)?;
    }
    if arguments.json {
        say(&format!("{:#}\n", report.json(wants)));
    }
    if is_refused {
        return Err((exit::DATA, WORSE.to_owned()));
    }
    Ok(exit::OK)
}

fn too_little(error: TooLittle) -> Stop {
    let what = match error {
        TooLittle::Spots(spots) => {
            format!(
                "the tag was heard at too few places ({spots}), and with fewer than four a survey says nothing: measure more"
            )
        }
        TooLittle::Gateways(gateways) => format!(
            "too few gateways with a known place heard the tag ({gateways}), and a survey needs two: emma status says who hears"
        ),
    };
    (exit::DATA, what)
}

fn heard_at(config: &Config, stands: &[Stand]) -> Vec<usize> {
    let heard = |stand: &&Stand, gateway: usize| stand.readings.iter().any(|reading| reading.1 == gateway);
    let gateways = 0..config.site.gateways.len();
    gateways.map(|gateway| stands.iter().filter(|stand| heard(stand, gateway)).count()).collect()
}

/// Whether somebody at the keyboard says yes. Nobody there says no.
fn asks_to_write(events: Option<&Events>, is_worse: bool) -> bool {
    if !io::stdin().is_terminal() {
        tell("site.toml stays as it is; --write puts this into it.");
        return false;
    }
    let own;
    let events = match events {
        Some(events) => events,
        None => match Events::begin() {
            Ok(begun) => {
                own = begun;
                &own
            }
            Err(_) => return false,
        },
    };
    let advice = if is_worse { " It is not recommended." } else { "" };
    tell(&format!("\nPut this into site.toml?{advice} y: yes, anything else: no"));
    loop {
        match events.next() {
            Event::Line(line) if is_yes(&line) => return true,
            Event::Line(_) | Event::NoMoreLines | Event::Interrupted => {
                tell("site.toml stays as it is. What was measured is kept: the same command asks again.");
                return false;
            }
            Event::Told(_) | Event::Gone(_) => {}
        }
    }
}

fn is_yes(line: &str) -> bool {
    ["y", "yes", "j", "ja", "o", "oui", "si", "sì"].contains(&line.to_lowercase().as_str())
}

/// Puts what was found into site.toml, if that is still what it was and all is well with it.
fn write(folder: &Path, config: &Config, found: &Found, stands: &[Stand], before: &str) -> Result<(), Stop> {
    let path = folder.join(SITE);
    let offsets: Vec<(&str, f64)> = config
        .site
        .gateways
        .iter()
        .zip(&found.fit.offsets_db)
        .filter_map(|(gateway, offset)| Some((&*gateway.id, (*offset)?.value)))
        .collect();
    let points: Vec<SurveyedPoint<'_>> =
        agreeing(&found.fit, stands).map(|stand| surveyed_point(config, stand)).collect();
    let after =
        config::with_survey(before, found.fit.path_loss, &offsets, &points).map_err(|what| (exit::CONFIG, what))?;
    let loaded = config::load_with(folder, SITE, &after);
    if loaded.config.is_none() {
        let errors = loaded.problems.iter().filter(|problem| problem.is_error());
        let problems: Vec<&str> = errors.map(|problem| problem.what.as_str()).collect();
        return Err((exit::DATA, format!("with this {SITE} has an error and stays as it is: {}", problems.join("; "))));
    }
    if config::read_text(folder, SITE).is_ok_and(|now| now != before) {
        let what = "changed meanwhile and stays as it is; what was measured is kept: the same command tries again";
        return Err((exit::TEMPORARY, format!("{} {what}", path.display())));
    }
    replace(&path, &after).map_err(|error| (exit::CANNOT_CREATE, format!("{}: {error}", path.display())))?;
    tell(&format!("{} is written; a running Emma takes it over.", path.display()));
    Ok(())
}

fn surveyed_point<'a>(config: &'a Config, stand: &'a Stand) -> SurveyedPoint<'a> {
    let level = |level: &Level| Some((&*config.site.gateways.get(level.gateway)?.id, level.level_dbm));
    let levels_dbm = stand.spot().levels.iter().filter_map(level).collect();
    SurveyedPoint { name: &stand.name, position_m: stand.place_m, levels_dbm }
}
