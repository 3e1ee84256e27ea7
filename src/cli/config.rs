//! `emma config [FILE]`: the commented file that Emma ships, to start from.

use std::io::{self, Write};

use crate::config::problem::nearest;
use crate::config::{FILES, template};
use crate::exit;

/// What each file is for, and whose, in the order of [`FILES`].
pub(super) const WHOSE: [&str; 5] = [
    "one a Pi: radio, broker, ledger, log (retail operations)",
    "the shop: time zone, floor plan, where each Pi hangs (retail operations)",
    "zones by name, opening hours (the store manager)",
    "categories and campaigns (marketing)",
    "caps and quiet hours that nothing loosens, who is responsible (the data protection officer)",
];

/// What it is asked.
#[derive(clap::Args)]
pub struct Arguments {
    /// gateway.toml, site.toml, zones.toml, offers.toml or promise.toml; without it, whose each is.
    file: Option<String>,
}

/// Prints the template.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let mut text = Vec::new();
    match run(arguments.file.as_deref(), &mut text) {
        Ok(exit::OK) => super::say(&String::from_utf8_lossy(&text)),
        Ok(code) => super::complain(code, String::from_utf8_lossy(&text).trim_end()),
        Err(error) => super::complain(exit::IO, error),
    }
}

/// Prints the shipped `file`, or the list of the files. The exit code: 64 for a file there is none of, else 0.
pub fn run(file: Option<&str>, out: &mut impl Write) -> io::Result<u8> {
    let Some(file) = file else {
        for (name, whose) in FILES.iter().zip(WHOSE) {
            writeln!(out, "{name:<14}{whose}")?;
        }
        return Ok(0);
    };
    if let Some(text) = template(file) {
        out.write_all(text.as_bytes())?;
        return Ok(0);
    }
    let hint = nearest(file, FILES)
        .map_or_else(|| format!("the files are {}", FILES.join(", ")), |near| format!("did you mean {near}?"));
    writeln!(out, "there is no file `{}`: {hint}", file.escape_debug())?;
    Ok(exit::USAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(file: Option<&str>) -> (u8, String) {
        let mut out = Vec::new();
        let code = run(file, &mut out).unwrap();
        (code, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_file_is_printed_as_it_ships() {
        assert_eq!(printed(Some("zones.toml")), (0, template("zones.toml").unwrap().to_owned()));
    }

    #[test]
    fn without_a_file_all_are_listed() {
        let (code, text) = printed(None);
        assert_eq!((code, text.lines().count()), (0, 5));
    }

    #[test]
    fn an_unknown_file_is_answered_with_the_nearest() {
        assert_eq!(
            printed(Some("zone.toml")),
            (exit::USAGE, "there is no file `zone.toml`: did you mean zones.toml?\n".to_owned())
        );
    }
}
