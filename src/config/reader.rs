//! Reads a table key by key: every wrong type, value, lacking or unknown key is reported, and reading goes on.

use std::ops::RangeInclusive;

use super::file::File;
use super::problem::nearest;
use super::span::Span;
use super::tree::{At, Branch, Node, Value};
use super::values::{check_language, choice_of, id_of, number_of, point_of, text_of, wrong_type};
use super::{Name, Texts};

/// A table being read. Whoever asks for a key makes it known; [`finish`](Self::finish) refuses the rest.
pub(super) struct Table<'a> {
    /// The file it stands in.
    pub(super) file: &'a File<'a>,
    /// Where it begins.
    pub(super) here: At,
    what: &'static str,
    branch: &'a Branch,
    known: Vec<&'static str>,
    /// How the environment names it: `EMMA_MQTT__` without the prefix.
    path: String,
}

impl<'a> Table<'a> {
    pub(super) fn new(file: &'a File<'a>, what: &'static str, here: At, branch: &'a Branch, path: String) -> Self {
        Self { file, here, what, branch, known: Vec::new(), path }
    }

    /// The value of `key`, which is known from now on.
    pub(super) fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.branch.get(key).map(|entry| &entry.node)
    }

    /// Whether `key` is written at all.
    pub(super) fn has(&mut self, key: &'static str) -> bool {
        self.node(key).is_some()
    }

    /// Where `key` stands, else where the table does.
    pub(super) fn at(&self, key: &str) -> At {
        self.branch.get(key).map_or_else(|| self.here.clone(), |entry| entry.key_at.clone())
    }

    /// Reports an error at `key`.
    pub(super) fn error(&self, key: &str, what: impl Into<String>, hint: impl Into<String>) {
        self.file.error(&self.at(key), what, hint);
    }

    /// Requires `key`.
    pub(super) fn need(&mut self, key: &'static str, example: &str) {
        if !self.has(key) {
            let hint = format!("write `{key} = {example}`");
            self.file.lacks(&self.here, key, format!("{} needs `{key}`", self.what), hint);
        }
    }

    /// All entries, for tables whose keys are the author's own.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a At, &'a Node)> + use<'a> {
        self.branch.entries.iter().map(|entry| (entry.key.as_str(), &entry.key_at, &entry.node))
    }

    /// A text, not empty.
    pub(super) fn text(&mut self, key: &'static str) -> Option<Name> {
        let node = self.node(key)?;
        text_of(self.file, node, key)
    }

    /// An id: a topic level.
    pub(super) fn id(&mut self, key: &'static str) -> Option<Name> {
        let node = self.node(key)?;
        id_of(self.file, node, key)
    }

    /// A date or a time: a text, or TOML's own.
    pub(super) fn date_text(&mut self, key: &'static str) -> Option<Name> {
        match self.node(key)? {
            Node { value: Value::Date(date), .. } => Some(date.as_str().into()),
            _ => self.text(key),
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(key)?;
        choice_of(self.file, &self.at(key), &text, key, words)
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let node = self.node(key)?;
        match (&node.value, &node.at) {
            (Value::Flag(flag), _) => Some(*flag),
            (Value::Text(text), At::Variable(_)) if text == "true" => Some(true),
            (Value::Text(text), At::Variable(_)) if text == "false" => Some(false),
            _ => wrong_type(self.file, node, key, "`true` or `false`, without quotes"),
        }
    }

    /// A whole number in `range`.
    pub(super) fn whole(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let node = self.node(key)?;
        let number = match (&node.value, &node.at) {
            (Value::Integer(number), _) => *number,
            (Value::Text(text), At::Variable(_)) => text.parse().unwrap_or(i64::MIN),
            _ => return wrong_type(self.file, node, key, "a whole number"),
        };
        let found = u32::try_from(number).ok().filter(|number| range.contains(number));
        if found.is_none() {
            let hint = format!("write a whole number from {} to {}", range.start(), range.end());
            self.file.error(&node.at, format!("`{key}` cannot be {number}"), hint);
        }
        found
    }

    /// A number in `range`.
    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let node = self.node(key)?;
        number_of(self.file, node, key, &range)
    }

    /// A point `[x, y]`, in metres.
    pub(super) fn point(&mut self, key: &'static str) -> Option<(f64, f64)> {
        let node = self.node(key)?;
        point_of(self.file, node, key)
    }

    /// A duration.
    pub(super) fn span(&mut self, key: &'static str) -> Option<Span> {
        let node = self.node(key)?;
        let Value::Text(text) = &node.value else {
            return wrong_type(self.file, node, key, "a duration in quotes such as \"20s\", \"2h\" or \"7d\"");
        };
        let span = text.parse();
        span.map_err(|what: String| {
            self.file.error(
                &node.at,
                format!("`{key}`: {what}"),
                "write a number and s, m (minutes), h, d, w or months",
            );
        })
        .ok()
    }

    /// A duration that is the same in every month, in microseconds.
    pub(super) fn exact_us(&mut self, key: &'static str) -> Option<u64> {
        let us = self.span(key)?.exact_us();
        if us.is_none() {
            self.error(
                key,
                format!("`{key}` cannot be in months: they differ in length"),
                "write days, such as \"30d\"",
            );
        }
        us
    }

    /// A list. From the environment, its items stand between commas.
    pub(super) fn list(&mut self, key: &'static str) -> Option<Vec<Node>> {
        let node = self.node(key)?;
        match (&node.value, &node.at) {
            (Value::List(items), _) => Some(items.clone()),
            (Value::Text(text), At::Variable(_)) => {
                let item = |item: &str| Node { value: Value::Text(item.trim().to_owned()), at: node.at.clone() };
                Some(text.split(',').filter(|part| !part.trim().is_empty()).map(item).collect())
            }
            _ => wrong_type(self.file, node, key, "a list in square brackets"),
        }
    }

    /// A list of ids, with where each stands.
    pub(super) fn ids(&mut self, key: &'static str) -> Option<Vec<(Name, At)>> {
        let items = self.list(key)?;
        Some(items.iter().filter_map(|item| Some((id_of(self.file, item, key)?, item.at.clone()))).collect())
    }

    /// A table within.
    pub(super) fn table(&mut self, key: &'static str, what: &'static str) -> Option<Table<'a>> {
        let node = self.node(key)?;
        let path = format!("{}{key}__", self.path);
        match &node.value {
            Value::Table(branch) => Some(Table::new(self.file, what, self.at(key), branch, path)),
            _ => wrong_type(self.file, node, key, &format!("a table: `{key} = {{ … }}`")),
        }
    }

    /// Tables that are repeated: `[[key]]`, or a list of tables.
    pub(super) fn tables(&mut self, key: &'static str, what: &'static str) -> Vec<Table<'a>> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let Value::List(items) = &node.value else {
            let wanted = if key.ends_with('s') {
                format!("a list of tables: `{key} = [{{ … }}]`")
            } else {
                format!("a repeated table, in double brackets: `[[{key}]]`")
            };
            wrong_type::<()>(self.file, node, key, &wanted);
            return Vec::new();
        };
        let table = |item: &'a Node| match &item.value {
            Value::Table(branch) => {
                Some(Table::new(self.file, what, item.at.clone(), branch, format!("{}{key}__", self.path)))
            }
            _ => wrong_type(self.file, item, key, "a table"),
        };
        items.iter().filter_map(table).collect()
    }

    /// A text by language, or one text, which is then in `language`.
    pub(super) fn texts(&mut self, key: &'static str, language: &str) -> Option<Texts> {
        let node = self.node(key)?;
        let Value::Table(branch) = &node.value else {
            return text_of(self.file, node, key).map(|text| Texts::from([(language.into(), text)]));
        };
        let mut texts = Texts::new();
        for entry in &branch.entries {
            check_language(self.file, &entry.key_at, &entry.key);
            if let Some(text) = text_of(self.file, &entry.node, key) {
                texts.insert(entry.key.as_str().into(), text);
            }
        }
        if branch.entries.is_empty() {
            self.error(key, format!("`{key}` is in no language"), format!("write `{key} = {{ en = \"…\" }}`"));
        }
        Some(texts)
    }

    /// Refuses every key that nobody asked for, with the nearest known one.
    pub(super) fn finish(self) {
        for entry in self.branch.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str())) {
            if self.file.is_astray(&entry.key_at) {
                continue;
            }
            let near = nearest(&entry.key, self.known.iter().copied());
            if let At::Variable(variable) = &entry.key_at {
                let hint = near.map_or_else(
                    || {
                        format!(
                            "known here: {}",
                            self.known.iter().map(|key| self.variable(key)).collect::<Vec<_>>().join(", ")
                        )
                    },
                    |near| {
                        let rest = variable.strip_prefix(&self.variable(&entry.key)).unwrap_or_default();
                        format!("write {}{rest}", self.variable(near))
                    },
                );
                self.file.error(&entry.key_at, "there is no such setting", hint);
            } else {
                let hint = near.map_or_else(
                    || format!("known here: `{}`", self.known.join("`, `")),
                    |near| format!("write `{near}`"),
                );
                self.file.error(&entry.key_at, format!("`{}` is no key of {}", entry.key, self.what), hint);
            }
        }
    }

    fn variable(&self, key: &str) -> String {
        format!("EMMA_{}{key}", self.path).replace('-', "_").to_uppercase()
    }
}
