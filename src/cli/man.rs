//! `emma man DIR`: the manual pages, made from what `--help` and the shipped files say. It is for whoever packages Emma.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_mangen::roff::{Inline, Roff, bold, roman};
use clap_mangen::{Man, generate_to};

use super::{complain, config};
use crate::config::{FILES, template};
use crate::exit;

/// What it is asked.
#[derive(Args)]
pub struct Arguments {
    /// The folder that they are written to: emma.1, one a subcommand, and emma-config.5.
    folder: PathBuf,
}

/// Writes the pages.
pub(super) fn main(arguments: &Arguments) -> u8 {
    match write(&arguments.folder) {
        Ok(()) => exit::OK,
        Err(error) => complain(exit::CANNOT_CREATE, format!("{}: {error}", arguments.folder.display())),
    }
}

fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    generate_to(super::Arguments::command(), folder)?;
    fs::write(folder.join("emma-config.5"), files())
}

/// The page of the five files: whose each is, and the file with its comments, which explain every key.
fn files() -> String {
    let title = Man::new(Command::new("emma-config").version(env!("CARGO_PKG_VERSION"))).section("5");
    let mut head = Vec::new();
    // A page in memory takes every byte.
    title.render_title(&mut head).unwrap_or_default();
    let mut page = Roff::new();
    page.control("SH", ["NAME"]);
    page.text([roman("emma-config - the five files of /etc/emma")]);
    page.control("SH", ["DESCRIPTION"]);
    page.text([
        roman("Each file is for one person, and each key is explained beside it. "),
        bold("emma check"),
        roman(" tells everything that is wrong, with file, line and what to do. Edited files are taken over at once, but for gateway.toml, which wants a restart."),
    ]);
    for (file, whose) in FILES.iter().zip(config::WHOSE) {
        page.control("SH", [*file]);
        page.text([roman(whose)]);
        page.control("PP", []);
        page.control("nf", []);
        let lines = template(file).unwrap_or_default().lines();
        page.text(lines.flat_map(|line| [roman(line), Inline::LineBreak]).collect::<Vec<_>>());
        page.control("fi", []);
    }
    page.control("SH", ["SEE ALSO"]);
    page.text([bold("emma"), roman("(1), "), bold("emma-check"), roman("(1), "), bold("emma-config"), roman("(1)")]);
    String::from_utf8_lossy(&head).into_owned() + &page.to_roff()
}
