//! `emma notice`: what customers read at the door, and behind it; what staff answer; what changed (`docs/notice.md`).

use std::fs;
use std::path::{Path, PathBuf};

use super::report::spoken;
use super::{Stop, complain, say};
use crate::config::{self, Config};
use crate::exit;
use crate::notice::{Facts, changes, html, text};
use crate::words::Language;
use crate::words::notice::{self, Sheet};

/// Beside the five files: the facts of former notices, each named by its version.
const FORMER: &str = "notices";

/// Facts are a few pages of text, in bytes; whatever is larger is another file.
const LARGEST_FACTS: u64 = 1 << 20;

/// What it is asked.
#[derive(clap::Args)]
#[command(after_help = "\
  emma notice --lang de > notice.html            the door sheet and the page; print it from a browser
  emma notice --facts > notices/1a2b3c4d.json    keep what it says, under its version
  emma notice --changes 1a2b3c4d                 what is wider since then, and what is narrower
  emma notice --staff --lang fr                  half a page to hang beside the till")]
pub struct Arguments {
    /// The folder with the five configuration files.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
    /// The language: de, en, fr or it. Without it, that of site.toml.
    #[arg(long = "lang", value_name = "LANG", value_parser = spoken)]
    language: Option<Language>,
    /// A page for a browser and a printer, or plain text.
    #[arg(long, value_name = "FORMAT", default_value = "html")]
    format: Format,
    /// What changed since this version (its facts in the folder notices of --config), or since the facts in this file.
    #[arg(long, value_name = "VERSION|FILE", conflicts_with_all = ["staff", "facts"])]
    changes: Option<PathBuf>,
    /// What to answer when a customer asks.
    #[arg(long, conflicts_with = "facts")]
    staff: bool,
    /// Print what the notice says as one JSON object, to keep and to compare with.
    #[arg(long)]
    facts: bool,
}

/// How it is set.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// One self-contained page.
    Html,
    /// Plain text.
    Text,
}

/// Writes and prints.
pub(super) fn main(arguments: &Arguments) -> u8 {
    match written(arguments) {
        Ok(text) => say(&text),
        Err((code, what)) => complain(code, what),
    }
}

fn written(arguments: &Arguments) -> Result<String, Stop> {
    let config = configured(&arguments.config)?;
    let facts = Facts::of(&config).map_err(|error| (exit::CONFIG, error.to_string()))?;
    if arguments.facts {
        return Ok(facts.to_json());
    }
    let language = arguments.language.or_else(|| config.site.language.as_deref().and_then(Language::of));
    let language = language.unwrap_or(Language::En);
    let sheet = match &arguments.changes {
        Some(since) => {
            let former = former(&arguments.config, since)?;
            notice::changes(&former, &facts, &changes::between(&former, &facts), language)
        }
        None if arguments.staff => notice::staff(&facts, language),
        None => notice::notice(&facts, language),
    };
    Ok(set(&sheet, arguments.format))
}

fn set(sheet: &Sheet<String>, format: Format) -> String {
    match format {
        Format::Html => html::page(sheet),
        Format::Text => text::page(sheet),
    }
}

fn configured(folder: &Path) -> Result<Config, Stop> {
    let loaded = config::load(folder);
    loaded.config.ok_or_else(|| {
        let errors: Vec<String> =
            loaded.problems.iter().filter(|problem| problem.is_error()).map(ToString::to_string).collect();
        (
            exit::CONFIG,
            format!("the configuration has an error, and a notice has to be true:\n\n{}", errors.join("\n\n")),
        )
    })
}

/// The facts of a former notice: a file, or a version whose facts were kept.
fn former(folder: &Path, since: &Path) -> Result<Facts, Stop> {
    let kept = folder.join(FORMER).join(since).with_extension("json");
    let path = if since.is_file() { since } else { &kept };
    let refused = |code, what: &dyn std::fmt::Display| (code, format!("{}: {what}", path.display()));
    let metadata = fs::metadata(path).map_err(|error| {
        let what = format!(
            "{error}. What a former notice said is kept by `emma notice --facts > {}` while it is in force",
            folder.join(FORMER).join("VERSION.json").display()
        );
        refused(exit::NO_INPUT, &what)
    })?;
    if metadata.len() > LARGEST_FACTS {
        return Err(refused(exit::DATA, &"too large for the facts of a notice"));
    }
    let text = fs::read_to_string(path).map_err(|error| refused(exit::NO_INPUT, &error))?;
    Facts::from_json(&text).map_err(|what| refused(exit::DATA, &what))
}
