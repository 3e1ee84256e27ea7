//! A file as a tree of values that know where they stand, and the environment laid over it.

use std::collections::HashMap;

use ::config::{Environment, Source};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Name;

/// No file needs more levels; deeper ones are cut, so that walking a tree cannot exhaust the stack.
const DEEPEST: usize = 12;

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// The file as a whole.
    File,
    /// A line, counted from 1.
    Line(usize),
    /// An environment variable, by its name.
    Variable(Name),
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) at: At,
}

/// What TOML can say.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Flag(bool),
    /// A date, a time or both, as written.
    Date(String),
    List(Vec<Node>),
    Table(Branch),
}

/// A table: its entries in the order of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Branch {
    pub(super) entries: Vec<Entry>,
}

/// A key, where it stands, and what it says.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: At,
    pub(super) node: Node,
}

impl Branch {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

/// What a text could not be read for: where, and in which words.
pub(super) struct SyntaxError {
    pub(super) at: At,
    pub(super) what: String,
}

/// The tree of `text`, as much as can be read, and every place that cannot.
pub(super) fn parse(text: &str) -> (Branch, Vec<SyntaxError>) {
    let lines = Lines::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    let errors = errors.iter().map(|error| SyntaxError {
        at: error.span().map_or(At::File, |span| lines.at(span.start)),
        what: error.message().lines().collect::<Vec<_>>().join(", "),
    });
    (branch(table.get_ref(), &lines, 0), errors.collect())
}

/// Where each line of a text begins.
struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn new(text: &str) -> Self {
        let behind_newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { starts: std::iter::once(0).chain(behind_newlines).collect() }
    }

    fn at(&self, offset: usize) -> At {
        At::Line(self.starts.partition_point(|start| *start <= offset))
    }
}

fn branch(table: &DeTable<'_>, lines: &Lines, depth: usize) -> Branch {
    let mut places: Vec<_> = table.iter().collect();
    // The parser sorts by key; people read from top to bottom.
    places.sort_by_key(|(key, _)| key.span().start);
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| Entry {
        key: AsRef::<str>::as_ref(key.get_ref()).to_owned(),
        key_at: lines.at(key.span().start),
        node: node(value, lines, depth + 1),
    };
    Branch { entries: places.into_iter().map(entry).collect() }
}

fn node(value: &Spanned<DeValue<'_>>, lines: &Lines, depth: usize) -> Node {
    let parsed = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::Float(f64::INFINITY), Value::Integer),
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(_) | DeValue::Table(_) if depth > DEEPEST => Value::List(Vec::new()),
        DeValue::Array(list) => Value::List(list.iter().map(|item| node(item, lines, depth + 1)).collect()),
        DeValue::Table(table) => Value::Table(branch(table, lines, depth)),
    };
    Node { value: parsed, at: lines.at(value.span().start) }
}

/// Lays the variables `EMMA_…` over the tree of `gateway.toml`: two underscores between table and key, `_` for `-`.
///
/// Values stay text here; whoever reads a key knows whether it wants a number. `EMMA_SHARED` belongs to the tests.
pub(super) fn overlay(root: &mut Branch, variables: &[(String, String)]) {
    let variables: HashMap<String, String> =
        variables.iter().filter(|(name, _)| name != "EMMA_SHARED").cloned().collect();
    let environment =
        Environment::default().prefix("EMMA").prefix_separator("_").separator("__").source(Some(variables));
    let Ok(collected) = environment.collect() else { return };
    let mut collected: Vec<_> = collected.into_iter().collect();
    collected.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (path, value) in collected {
        let at = At::Variable(format!("EMMA_{}", path.replace('.', "__").to_uppercase()).into());
        let keys: Vec<String> = path.split('.').map(|key| key.replace('_', "-")).collect();
        set(root, &keys, &at, value.into_string().unwrap_or_default());
    }
}

fn set(branch: &mut Branch, keys: &[String], at: &At, text: String) {
    let Some((key, rest)) = keys.split_first() else { return };
    let place = branch.entries.iter().position(|entry| entry.key == *key);
    let value = if rest.is_empty() {
        Value::Text(text)
    } else {
        if let Some(Value::Table(inner)) = place.map(|index| &mut branch.entries[index].node.value) {
            return set(inner, rest, at, text);
        }
        let mut inner = Branch::default();
        set(&mut inner, rest, at, text);
        Value::Table(inner)
    };
    if let Some(index) = place {
        branch.entries.remove(index);
    }
    let node = Node { value, at: at.clone() };
    branch.entries.push(Entry { key: key.clone(), key_at: at.clone(), node });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_lines() {
        let (tree, errors) = parse("b = 1\n\n[a]\nc = [\n  true,\n]\n");
        assert!(errors.is_empty());
        let keys: Vec<_> = tree.entries.iter().map(|entry| (entry.key.as_str(), entry.key_at.clone())).collect();
        assert_eq!(keys, [("b", At::Line(1)), ("a", At::Line(3))]);
        let Value::Table(a) = &tree.get("a").unwrap().node.value else { panic!("a is a table") };
        let Value::List(list) = &a.get("c").unwrap().node.value else { panic!("c is a list") };
        assert_eq!(list[0].at, At::Line(5));
    }

    #[test]
    fn every_unreadable_line_is_told() {
        let (_, errors) = parse("a = \nb = 2\nc = 'x\n");
        let lines: Vec<_> = errors.iter().map(|error| error.at.clone()).collect();
        assert!(lines.contains(&At::Line(1)) && lines.contains(&At::Line(3)), "{lines:?}");
    }

    #[test]
    fn the_environment_wins_and_is_remembered() {
        let (mut tree, _) = parse("[mqtt]\nurl = 'mqtt://a'\n");
        overlay(&mut tree, &[("EMMA_MQTT__URL".into(), "mqtt://b".into()), ("EMMA_SITE".into(), "bern".into())]);
        let Value::Table(mqtt) = &tree.get("mqtt").unwrap().node.value else { panic!("mqtt is a table") };
        let url = &mqtt.get("url").unwrap().node;
        assert!(matches!(&url.value, Value::Text(text) if text == "mqtt://b"));
        assert_eq!(url.at, At::Variable("EMMA_MQTT__URL".into()));
        assert!(tree.get("site").is_some());
    }
}
