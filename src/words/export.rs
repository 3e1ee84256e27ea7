//! What stands around everything that is stored of a person, for them to read.

use super::Language;
use super::catalogue::Phrase;

/// The words of an export in one language.
pub struct ExportWords {
    /// Which.
    pub language: Language,
}

impl ExportWords {
    /// Of whom it is, and of when.
    pub fn title(&self, customer: &str, at: &str) -> String {
        title(customer, at).say(self.language)
    }

    /// Who answers for it, and how they are reached.
    pub fn controller(&self, controller: &str, contact: &str) -> String {
        responsible(controller, contact).say(self.language)
    }

    /// What is said of a kind: what for, from where, for how long.
    pub fn heads(&self) -> [String; 3] {
        HEADS.map(|attribute| head(attribute).say(self.language))
    }

    /// Where it is.
    pub fn place(&self, is_memory: bool) -> String {
        place(is_memory).say(self.language)
    }

    /// That nothing is stored of these kinds.
    pub fn nothing(&self, kinds: &str) -> String {
        nothing(kinds).say(self.language)
    }

    /// That nothing is stored at all.
    pub fn nobody(&self) -> String {
        Phrase::new("export-nobody").say(self.language)
    }
}

const HEADS: [&str; 3] = ["for", "from", "kept"];

fn title<'a>(customer: &'a str, at: &'a str) -> Phrase<'a> {
    Phrase::new("export-title").text("customer", customer).text("at", at)
}

fn responsible<'a>(controller: &'a str, contact: &'a str) -> Phrase<'a> {
    Phrase::new("export-controller").text("controller", controller).text("contact", contact)
}

fn head(attribute: &'static str) -> Phrase<'static> {
    Phrase::new("export-head").attribute(attribute)
}

fn place(is_memory: bool) -> Phrase<'static> {
    Phrase::new("export-place").attribute(if is_memory { "memory" } else { "disk" })
}

fn nothing(kinds: &str) -> Phrase<'_> {
    Phrase::new("export-nothing").text("kinds", kinds)
}

/// Everything that an export asks a catalogue for.
#[cfg(test)]
pub(super) fn asked() -> Vec<Phrase<'static>> {
    let mut asked = vec![title("karoline-7", "now"), responsible("Hall Ltd", "at the till"), nothing("visit")];
    asked.extend(HEADS.map(head));
    asked.extend([true, false].map(place));
    asked.push(Phrase::new("export-nobody"));
    asked
}
