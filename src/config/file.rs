//! One of the five files while it is being read: its lines, its tree, and what was found wrong with it so far.

use std::cell::RefCell;

use super::problem::{Problem, Severity, shown};
use super::reader::Table;
use super::tree::{self, At, Branch};

/// More problems than anybody reads; what lies behind them shows when these are put right.
const MOST_PROBLEMS: usize = 100;

/// A file that was read, however badly.
pub(super) struct File<'t> {
    name: &'static str,
    lines: Vec<&'t str>,
    tree: Branch,
    unreadable: Vec<At>,
    problems: RefCell<Vec<Problem>>,
}

impl<'t> File<'t> {
    /// Reads `text` as the file `name`; the environment is laid over it by whoever passes `variables`.
    pub(super) fn new(name: &'static str, text: &'t str, variables: &[(String, String)]) -> Self {
        let (mut tree, errors) = tree::parse(text);
        tree::overlay(&mut tree, variables);
        let mut file =
            Self { name, lines: text.lines().collect(), tree, unreadable: Vec::new(), problems: RefCell::default() };
        let mut told: Option<At> = None;
        for error in errors {
            // What a parser says of the rest of a line that it has lost is about its first slip.
            if told.as_ref() != Some(&error.at) {
                let (what, hint) = plain(&error.what, file.line_at(&error.at));
                file.push(Severity::Error, &error.at, what, hint.to_owned());
            }
            told = Some(error.at.clone());
            // A key written twice is there once; a whole table written twice may be gone.
            let is_gap = !error.what.starts_with("duplicate key") || file.is_header(&error.at);
            if is_gap {
                file.unreadable.push(error.at);
            }
        }
        file
    }

    /// The whole file as a table.
    pub(super) fn root(&self, what: &'static str) -> Table<'_> {
        Table::new(self, what, At::File, &self.tree, String::new())
    }

    /// Whether some of it cannot be read, so that nothing follows from what it seems to lack.
    pub(super) fn has_gaps(&self) -> bool {
        !self.unreadable.is_empty()
    }

    /// Something that refuses the folder.
    pub(super) fn error(&self, at: &At, what: impl Into<String>, hint: impl Into<String>) {
        // What the parser could not read has been reported; what it made of that line is not the author's doing.
        if matches!(at, At::Line(_)) && self.unreadable.contains(at) {
            return;
        }
        self.push(Severity::Error, at, what.into(), hint.into());
    }

    /// Something that is lacking, perhaps because it stands on a line that cannot be read.
    pub(super) fn lacks(&self, at: &At, key: &str, what: String, hint: String) {
        if !self.unreadable.iter().any(|place| self.is_about(place, key)) {
            self.error(at, what, hint);
        }
    }

    /// Something that is not as its author may think.
    pub(super) fn warning(&self, at: &At, what: impl Into<String>, hint: impl Into<String>) {
        self.push(Severity::Warning, at, what.into(), hint.into());
    }

    /// Everything found wrong, from top to bottom, the environment last.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| (problem.file != self.name, problem.line));
        problems.dedup();
        let excess = problems.len().saturating_sub(MOST_PROBLEMS);
        if excess > 0 {
            // Errors are kept before warnings, so that a cut report still refuses the folder.
            problems.sort_by_key(|problem| !problem.is_error());
            let severity = problems.get(MOST_PROBLEMS).map_or(Severity::Warning, |problem| problem.severity);
            problems.truncate(MOST_PROBLEMS);
            problems.sort_by_key(|problem| (problem.file != self.name, problem.line));
            problems.push(Problem {
                file: self.name,
                line: None,
                line_text: String::new(),
                severity,
                what: format!("and {excess} more"),
                hint: "put these right first".to_owned(),
            });
        }
        problems
    }

    /// Whether a key at `at` stands behind a header that cannot be read, and so belongs to nobody knows which table.
    pub(super) fn is_astray(&self, at: &At) -> bool {
        let At::Line(line) = at else { return false };
        self.unreadable.iter().any(|place| matches!(place, At::Line(broken) if broken < line) && self.is_header(place))
    }

    fn is_header(&self, at: &At) -> bool {
        self.line_at(at).trim_start().starts_with('[')
    }

    fn is_about(&self, place: &At, key: &str) -> bool {
        let At::Line(line) = place else { return true };
        // An open string or bracket is noticed at its end, which may be the line behind.
        [*line, line.saturating_sub(1)].iter().any(|line| self.line(*line).contains(key))
    }

    fn line(&self, line: usize) -> &'t str {
        line.checked_sub(1).and_then(|index| self.lines.get(index)).copied().unwrap_or_default()
    }

    fn line_at(&self, at: &At) -> &'t str {
        if let At::Line(line) = at { self.line(*line) } else { "" }
    }

    fn push(&self, severity: Severity, at: &At, what: String, hint: String) {
        let (file, line, what) = match at {
            At::File => (self.name, None, what),
            At::Line(line) => (self.name, Some((*line).min(self.lines.len().max(1))), what),
            At::Variable(name) => ("environment", None, format!("{name}: {what}")),
        };
        let line_text = line.map(|line| shown(self.line(line))).unwrap_or_default();
        // A sentence may quote what somebody wrote, which must not move a terminal or break a log line.
        let [what, hint] = [what, hint].map(|text| text.replace(char::is_control, " "));
        self.problems.borrow_mut().push(Problem { file, line, line_text, severity, what, hint });
    }
}

/// Quotes as word processors write them, which TOML takes for letters.
const CURVED: [char; 9] = ['“', '”', '„', '‟', '«', '»', '‘', '’', '‚'];

/// Whether a value of this line begins, or its last one ends, with such a quote.
fn has_curved_quotes(line: &str) -> bool {
    let opens = line.split(['=', '[', ',', '{']).skip(1).any(|value| value.trim_start().starts_with(CURVED));
    opens || line.trim_end_matches([' ', ',', ']', '}']).ends_with(CURVED)
}

/// A parser's complaint about `line` in plain words, and what usually helps.
fn plain(complaint: &str, line: &str) -> (String, &'static str) {
    const QUOTES: &str = "texts, times and durations stand in double quotes";
    const PARTNERS: &str = "close what was opened: every `[`, `{` and quote has its partner";
    const SHAPE: &str = "a line reads `key = value`; texts stand in double quotes";
    let starts = |beginning: &str| complaint.starts_with(beginning);
    let is_about_quotes = complaint.contains("quote") || starts("invalid basic string, expected");
    let (what, hint) = if starts("duplicate key") {
        ("this is written twice", "keep one of the two")
    } else if is_about_quotes && has_curved_quotes(line) {
        ("the quotes here are curved, as word processors write them", "write straight ones, \"like this\"")
    } else if starts("invalid basic string, expected `\"`") || starts("invalid literal string, expected `'`") {
        ("a text is not closed: its second quote is missing", PARTNERS)
    } else if starts("string values must be quoted") {
        ("a text stands here without quotes", QUOTES)
    } else if starts("unclosed") {
        ("a bracket is not closed", PARTNERS)
    } else if starts("missing comma") || starts("extra assignment") {
        ("a comma is missing, or something further up is not closed", PARTNERS)
    } else if starts("key with no value") {
        ("a key stands here without `=` and a value", SHAPE)
    } else {
        (complaint, SHAPE)
    };
    (what.to_owned(), hint)
}
