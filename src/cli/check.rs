//! `emma check --config DIR`: everything that is wrong with the five files, at once.

use std::io::{self, Write};
use std::path::Path;

use crate::{config, exit};

/// What it is asked.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder with the five configuration files.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: std::path::PathBuf,
}

/// Checks and prints.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let mut report = Vec::new();
    match run(&arguments.config, &mut report) {
        Ok(code) => super::say(&String::from_utf8_lossy(&report)).max(code),
        Err(error) => super::complain(exit::IO, error),
    }
}

/// Prints every problem of the folder `dir` and a closing line. The exit code: 78 with an error, else 0.
pub fn run(dir: &Path, out: &mut impl Write) -> io::Result<u8> {
    report(&config::load(dir), out)
}

fn report(loaded: &config::Loaded, out: &mut impl Write) -> io::Result<u8> {
    for problem in &loaded.problems {
        writeln!(out, "{problem}\n")?;
    }
    let (errors, warnings) = loaded.counts();
    let files = config::FILES.len();
    if errors + warnings == 0 {
        writeln!(out, "{files} files, all is well.")?;
    } else {
        writeln!(out, "{files} files, {}, {}", count(errors, "error"), count(warnings, "warning"))?;
    }
    if loaded.gateway.as_ref().is_some_and(|gateway| !gateway.decides) {
        writeln!(out, "This Pi only scans: it hears for the one that decides, and gateway.toml is all it needs.")?;
    } else if errors == 0 {
        writeln!(out, "The promise holds in this shop; shops do not share what they have said.")?;
    }
    Ok(if errors > 0 { exit::CONFIG } else { 0 })
}

fn count(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, check};

    fn printed(sources: &Sources) -> (u8, String) {
        let mut out = Vec::new();
        let code = report(&check(sources), &mut out).unwrap();
        (code, String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_shipped_files_are_well() {
        let (code, text) = printed(&Sources::shipped());
        assert_eq!(code, 0);
        assert!(text.starts_with("5 files, all is well.\n"), "{text}");
    }

    #[test]
    fn a_warning_is_no_refusal_and_an_error_is() {
        let shipped = Sources::shipped();
        let (code, text) = printed(&Sources { gateway: "site = 'a'\ngateway = 'gw-till'\n".into(), ..shipped.clone() });
        assert_eq!(code, 0);
        assert!(text.contains("5 files, 0 errors, 1 warning\n"), "{text}");
        let (code, text) = printed(&Sources { promise: String::new(), ..shipped });
        assert_eq!(code, exit::CONFIG);
        assert!(text.contains("5 files, 1 error, 1 warning\n"), "{text}");
    }
}
