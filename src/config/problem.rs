//! What is wrong with the five files, in words for the person who edits them.

use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The folder is refused.
    Error,
    /// The folder is taken, and something in it is not as its author may think.
    Warning,
}

/// One thing that is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file's name, or `environment`.
    pub file: &'static str,
    /// The line, counted from 1; nothing where it concerns the whole file.
    pub line: Option<usize>,
    /// The line itself, secrets left out; empty where there is no line.
    pub line_text: String,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong: one sentence, without a full stop.
    pub what: String,
    /// What to do; may be empty.
    pub hint: String,
}

impl Problem {
    /// Whether it refuses the folder.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        match self.line {
            Some(line) => {
                write!(f, "{}:{line}: {severity}: {}\n{line:>5} | {}", self.file, self.what, self.line_text)?;
            }
            None => write!(f, "{}: {severity}: {}", self.file, self.what)?,
        }
        if self.hint.is_empty() { Ok(()) } else { write!(f, "\n      = {}", self.hint) }
    }
}

/// The word of `known` that `wrong` was probably meant to be: a slip of the hand, or its end (the unit) left out.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let known: Vec<&str> = known.into_iter().collect();
    let whole = |word: &&&str| word.strip_prefix(wrong.as_str()).is_some_and(|rest| rest.starts_with('-'));
    let slip = known
        .iter()
        .map(|word| (strsim::damerau_levenshtein(&wrong, &word.to_lowercase()), word))
        .filter(|(distance, word)| *distance <= word.chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| *word);
    slip.or_else(|| known.iter().find(whole).copied())
}

/// A line as it may be shown anywhere: no control characters, not endless, and nothing that looks like a secret, since
/// problems also go to the log, the state topic and the page.
pub(super) fn shown(line: &str) -> String {
    const LONGEST_CHARS: usize = 120;
    let mut text: String = line.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if let Some(secret) = secret_start(&text) {
        text.truncate(secret);
        text.push('…');
    } else if text.chars().count() > LONGEST_CHARS {
        text = text.chars().take(LONGEST_CHARS).chain(['…']).collect();
    }
    text
}

/// Where in a line a secret begins: behind a key that asks for one, or the user part of an address.
fn secret_start(line: &str) -> Option<usize> {
    let lower = line.to_ascii_lowercase();
    let behind_key = ["password", "passwd", "secret", "token"].iter().find_map(|word| {
        let at = lower.find(word)?;
        let rest = lower.get(at..)?;
        (!rest.starts_with("password-file")).then(|| rest.find('=').map(|equals| at + equals + 1)).flatten()
    });
    let in_address = lower.find("://").and_then(|at| lower.get(at..)?.contains('@').then_some(at + 3));
    [behind_key, in_address].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_place_line_and_hint() {
        let problem = Problem {
            file: "zones.toml",
            line: Some(12),
            line_text: "reech = \"aisle\"".to_owned(),
            severity: Severity::Error,
            what: "`reech` is no key of a zone".to_owned(),
            hint: "write `reach`".to_owned(),
        };
        assert_eq!(
            problem.to_string(),
            "zones.toml:12: error: `reech` is no key of a zone\n   12 | reech = \"aisle\"\n      = write `reach`"
        );
    }

    #[test]
    fn a_line_with_a_secret_is_cut() {
        assert_eq!(shown("password = \"hunter2\""), "password =…");
        assert_eq!(shown("url = \"mqtt://emma:hunter2@broker\""), "url = \"mqtt://…");
        assert_eq!(shown("password-file = \"/etc/emma/pw\""), "password-file = \"/etc/emma/pw\"");
    }

    #[test]
    fn the_nearest_word_is_near() {
        assert_eq!(nearest("reech", ["near", "reach", "id"]), Some("reach"));
        assert_eq!(nearest("password", ["url", "password-file"]), Some("password-file"));
        assert_eq!(nearest("colour", ["near", "reach", "id"]), None);
    }
}
