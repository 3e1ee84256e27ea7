//! `emma zones`: polygons as a drawing, for those who draw elsewhere (`docs/zones.md`).

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::files::replace;
use super::{Stop, complain, say};
use crate::config::drawing::{self, Imported, LARGEST_DRAWING};
use crate::config::{self, Loaded};
use crate::exit;

/// The file that holds the zones.
const FILE: &str = "zones.toml";

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
    /// Print the polygons as GeoJSON, in metres on the floor plan.
    Export,
    /// Take polygons from GeoJSON in metres, and print the zones.toml that comes of it.
    Import {
        /// Put it in the place of zones.toml instead of printing it.
        #[arg(long)]
        write: bool,
        /// The drawing; - reads standard input.
        file: PathBuf,
    },
}

/// Does what is asked.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let outcome = match &arguments.command {
        Command::Export => export(&arguments.config),
        Command::Import { write, file } => import(&arguments.config, file, *write),
    };
    match outcome {
        Ok(text) => say(&text),
        Err((code, what)) => complain(code, what),
    }
}

fn export(folder: &Path) -> Result<String, Stop> {
    let Some(config) = told(&config::load(folder)).config.clone() else {
        return Err((exit::CONFIG, "the configuration has an error".to_owned()));
    };
    let (text, left_out) =
        drawing::export(&zones(folder)?, config.site.floor_m).map_err(|what| (exit::CONFIG, what))?;
    if !left_out.is_empty() {
        complain(exit::OK, format!("left out, for they have no outline: {}", listed(&left_out)));
    }
    Ok(text)
}

fn import(folder: &Path, file: &Path, write: bool) -> Result<String, Stop> {
    let before = zones(folder)?;
    let imported =
        drawing::import(&before, &drawing(file)?).map_err(|problems| (exit::DATA, problems.join("\nemma: ")))?;
    if told(&config::load_with(folder, FILE, &imported.text)).config.is_none() {
        return Err((exit::DATA, format!("with this drawing the configuration has an error; {FILE} stays as it is")));
    }
    for line in summary(&imported) {
        complain(exit::OK, line);
    }
    if !write {
        return Ok(imported.text);
    }
    if imported.text != before {
        replace(&folder.join(FILE), &imported.text)
            .map_err(|error| (exit::CANNOT_CREATE, format!("{}: {error}", folder.join(FILE).display())))?;
        complain(exit::OK, format!("{} is written; a running Emma takes it over", folder.join(FILE).display()));
    }
    Ok(String::new())
}

fn zones(folder: &Path) -> Result<String, Stop> {
    config::read_text(folder, FILE).map_err(|problem| (exit::CONFIG, problem.to_string()))
}

fn drawing(file: &Path) -> Result<String, Stop> {
    let failed = |what: String| (exit::NO_INPUT, format!("{}: {what}", file.display()));
    let mut bytes = Vec::new();
    let source: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(file).map_err(|error| failed(error.to_string()))?)
    };
    source.take(LARGEST_DRAWING + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > LARGEST_DRAWING {
        return Err(failed("it is larger than 4 MiB, which is more than all zones of a shop".to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8 text".to_owned()))
}

/// Tells every problem.
fn told(loaded: &Loaded) -> &Loaded {
    for problem in &loaded.problems {
        writeln!(io::stderr(), "{problem}").unwrap_or_default();
    }
    loaded
}

/// What is different, in sentences.
fn summary(imported: &Imported) -> Vec<String> {
    let Imported { changed, new, same, kept, left_out, .. } = imported;
    let left_out: Vec<String> = left_out.iter().cloned().collect();
    let lines = [
        ("changed", changed),
        ("new", new),
        ("as before", same),
        ("not in the drawing, and kept", kept),
        ("properties of the drawing that are none of a zone, left out", &left_out),
    ];
    lines.iter().filter(|(_, ids)| !ids.is_empty()).map(|(what, ids)| format!("{what}: {}", listed(ids))).collect()
}

fn listed(ids: &[String]) -> String {
    ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
}
