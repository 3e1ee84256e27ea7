//! `audience` of a campaign: for whom it is, by what customers themselves declared.

use super::Name;
use super::offers::Audience;
use super::reader::Table;
use super::tree::{Node, Value};
use super::values::{text_of, wrong_type};

/// Interests or price bands of one campaign: as many as a consent record can declare and more than anybody means.
const MOST_WORDS: usize = 64;

/// The longest word, in characters: that of a consent record.
const LONGEST_WORD: usize = 64;

/// Reads `audience`.
pub(super) fn read(mut table: Table<'_>) -> Audience {
    let audience = Audience {
        interests: words(&mut table, "interests"),
        price_bands: words(&mut table, "price-band"),
        wishes: table.flag("wishes").unwrap_or(false),
    };
    let says_nothing = !["interests", "price-band", "wishes"].into_iter().any(|key| table.has(key));
    if says_nothing {
        let hint = "write `interests = [\"outdoor\"]`, `price-band = \"mid\"` or `wishes = true`, or leave it out";
        table.file.warning(&table.here, "an `audience` that says nothing is everybody", hint);
    }
    table.finish();
    audience
}

/// One word, or a list of them: one of them is enough.
fn words(table: &mut Table<'_>, key: &'static str) -> Vec<Name> {
    let Some(node) = table.node(key) else { return Vec::new() };
    let nodes: &[Node] = match &node.value {
        Value::Text(_) => std::slice::from_ref(node),
        Value::List(items) => items,
        _ => {
            wrong_type::<()>(table.file, node, key, "a word, or a list of words in square brackets");
            return Vec::new();
        }
    };
    if nodes.is_empty() {
        table.error(key, format!("`{key}` names nobody"), "name one, or leave the key out");
    } else if nodes.len() > MOST_WORDS {
        table.error(key, format!("`{key}` has more than {MOST_WORDS} words"), "name those that matter");
    }
    nodes.iter().filter_map(|node| word(table, node, key)).collect()
}

fn word(table: &Table<'_>, node: &Node, key: &str) -> Option<Name> {
    let word = text_of(table.file, node, key)?;
    if word.chars().count() > LONGEST_WORD || word.contains(char::is_control) {
        let what = format!("`{key}`: no customer can declare that");
        table.file.error(&node.at, what, format!("a word has 1 to {LONGEST_WORD} characters"));
        return None;
    }
    Some(word)
}
