//! Who should be there: a list that somebody keeps, a shop or a Pi a line.

use std::collections::BTreeSet;
use std::path::Path;

use super::roll::{MAX_PIS, Place};
use crate::cli::Stop;
use crate::config::is_id;
use crate::exit;

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Expected {
    /// A shop with a Pi that decides.
    Shop(String),
    /// This Pi.
    Pi(Place),
}

impl Expected {
    /// The shop that is meant.
    pub(super) fn site(&self) -> &str {
        match self {
            Self::Shop(site) | Self::Pi(Place { site, .. }) => site,
        }
    }
}

/// Reads the list in `file`.
///
/// # Errors
/// It cannot be read, or a line is neither.
pub(super) fn read(file: &Path) -> Result<BTreeSet<Expected>, Stop> {
    let text =
        std::fs::read_to_string(file).map_err(|error| (exit::NO_INPUT, format!("{}: {error}", file.display())))?;
    parse(&text).map_err(|what| (exit::DATA, format!("{}:{what}", file.display())))
}

fn parse(text: &str) -> Result<BTreeSet<Expected>, String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let numbered = (1..).zip(lines).filter(|(_, line)| !line.is_empty());
    let expected = numbered.map(|(number, line): (usize, &str)| {
        let one = line_of(line).ok_or_else(|| format!("{number}: a line is SITE or SITE/GATEWAY"))?;
        Ok(one)
    });
    let expected: BTreeSet<Expected> = expected.collect::<Result<_, String>>()?;
    if expected.len() > MAX_PIS {
        return Err(format!(" more than {MAX_PIS} shops and Pis: give it a list a region"));
    }
    Ok(expected)
}

fn line_of(line: &str) -> Option<Expected> {
    match line.split_once('/') {
        None => is_id(line).then(|| Expected::Shop(line.to_owned())),
        Some((site, gateway)) => (is_id(site) && is_id(gateway))
            .then(|| Expected::Pi(Place { site: site.to_owned(), gateway: gateway.to_owned() })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_shops_and_pis_and_may_say_why() {
        let pi = |site: &str, gateway: &str| Expected::Pi(Place { site: site.to_owned(), gateway: gateway.to_owned() });
        let list = "# our shops\nbern\n\n  chur/gw-till # the canary\nchur/gw-till\r\n";
        assert_eq!(parse(list), Ok(BTreeSet::from([Expected::Shop("bern".to_owned()), pi("chur", "gw-till")])));
        for wrong in ["a/b/c", "a/", "/b", "a b", "+", "a\0"] {
            assert_eq!(
                parse(&format!("ok\n{wrong}")),
                Err("2: a line is SITE or SITE/GATEWAY".to_owned()),
                "{wrong:?}"
            );
        }
    }
}
