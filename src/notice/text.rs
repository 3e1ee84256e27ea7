//! A sheet as plain text, for a letter, a terminal, or whoever reads a page aloud.

use crate::words::notice::{Block, Door, Section, Sheet};

/// A line is no longer, in characters.
const COLUMNS: usize = 78;

/// The sheet.
pub fn page(sheet: &Sheet<String>) -> String {
    let mut parts = vec![underlined(&sheet.title, '=')];
    parts.extend(sheet.lead.iter().map(|lead| wrapped(lead, "")));
    parts.extend(sheet.door.iter().flat_map(at_the_door));
    parts.extend(sheet.sections.iter().flat_map(section));
    parts.extend(sheet.version.iter().map(|version| wrapped(version, "")));
    parts.join("\n")
}

fn at_the_door(door: &Door<String>) -> Vec<String> {
    let mut parts = vec![wrapped(&door.head, "")];
    parts.extend(door.what.iter().map(|text| wrapped(text, "")));
    parts.extend(door.boxes.iter().map(|(heading, text)| wrapped(heading, "") + &wrapped(text, "  ")));
    parts.extend(door.url.iter().map(|url| wrapped(&format!("{}: {url}", door.more), "")));
    parts.push(wrapped(&door.responsible, ""));
    parts
}

fn section(section: &Section<String>) -> Vec<String> {
    let heading = section.heading.iter().map(|heading| underlined(heading, '-'));
    heading.chain(section.blocks.iter().map(of_block)).collect()
}

fn of_block(block: &Block<String>) -> String {
    match block {
        Block::Text(text) => wrapped(text, ""),
        Block::Example(text) => wrapped(text, "  "),
        Block::Items(items) => items.iter().map(|item| hanging("- ", item)).collect(),
        Block::Table(head, rows) => {
            let row = |[what, why, time]: &[String; 3]| {
                let [_, head_why, head_time] = head;
                wrapped(what, "")
                    + &wrapped(&format!("{head_why}: {why}"), "  ")
                    + &wrapped(&format!("{head_time}: {time}"), "  ")
            };
            rows.iter().map(row).collect::<Vec<_>>().join("\n")
        }
        Block::Question(question, answer) => wrapped(question, "") + &wrapped(answer, "  "),
    }
}

fn underlined(text: &str, with: char) -> String {
    let line: String = std::iter::repeat_n(with, text.chars().count()).collect();
    format!("{text}\n{line}\n")
}

fn hanging(mark: &str, text: &str) -> String {
    let indent = " ".repeat(mark.chars().count());
    let wrapped = wrapped(text, &indent);
    format!("{mark}{}", wrapped.trim_start())
}

/// Words in lines of at most [`COLUMNS`], each indented. Spaces that hold a line together are no place to break it.
fn wrapped(text: &str, indent: &str) -> String {
    let (mut lines, mut line) = (String::new(), String::new());
    for word in text.split([' ', '\n']).filter(|word| !word.is_empty()) {
        let width = indent.len() + line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && width > COLUMNS {
            lines.extend([indent, &line, "\n"]);
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.extend([indent, &line, "\n"]);
    lines
}
