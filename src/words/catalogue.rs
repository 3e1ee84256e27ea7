//! The languages, and what each says: a Fluent catalogue each, part of the program.

use std::borrow::Cow;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::types::FluentNumber;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

/// The languages that Emma speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// German, the same for every country.
    De,
    /// English.
    En,
    /// French.
    Fr,
    /// Italian.
    It,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::De, Self::En, Self::Fr, Self::It];

    /// The language of a tag as consents and site.toml have it: `de-CH` is German. Nothing is one that Emma does not
    /// speak.
    pub fn of(tag: &str) -> Option<Self> {
        let word = tag.split(['-', '_']).next()?;
        Self::ALL.into_iter().find(|language| language.word().eq_ignore_ascii_case(word))
    }

    /// Its tag, on every wire and in every file.
    pub fn word(self) -> &'static str {
        match self {
            Self::De => "de",
            Self::En => "en",
            Self::Fr => "fr",
            Self::It => "it",
        }
    }

    /// Its catalogue, as it is written.
    pub(super) fn source(self) -> &'static str {
        match self {
            Self::De => concat!(include_str!("de.ftl"), "\n", include_str!("notice/notice.de.ftl")),
            Self::En => concat!(include_str!("en.ftl"), "\n", include_str!("notice/notice.en.ftl")),
            Self::Fr => concat!(include_str!("fr.ftl"), "\n", include_str!("notice/notice.fr.ftl")),
            Self::It => concat!(include_str!("it.ftl"), "\n", include_str!("notice/notice.it.ftl")),
        }
    }
}

/// Where no line may be broken: between the digits of a number, and between a French word and its `!`.
const NARROW_SPACE: &str = "\u{202f}";

/// Something to be said: a message of the catalogues, or one attribute of it, and what goes into it.
pub(super) struct Phrase<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) attribute: Option<&'static str>,
    pub(super) values: FluentArgs<'a>,
}

impl<'a> Phrase<'a> {
    pub(super) fn new(id: impl Into<Cow<'a, str>>) -> Self {
        Self { id: id.into(), attribute: None, values: FluentArgs::new() }
    }

    pub(super) fn attribute(self, name: &'static str) -> Self {
        Self { attribute: Some(name), ..self }
    }

    /// With a number, which the catalogue may choose a plural by.
    pub(super) fn number(mut self, name: &'static str, n: u64) -> Self {
        self.values.set(name, n);
        self
    }

    /// With a text, or with a word that the catalogue chooses by.
    pub(super) fn text(mut self, name: &'static str, text: impl Into<Cow<'a, str>>) -> Self {
        self.values.set(name, FluentValue::String(text.into()));
        self
    }

    /// In words. Nothing is ever missing, as the tests show for each phrase in each language; its id would be said.
    pub(super) fn say(&self, language: Language) -> String {
        self.format(language).0.unwrap_or_else(|| self.id.clone().into_owned())
    }

    /// In words, if the catalogue has it, and what is wrong with them.
    pub(super) fn format(&self, language: Language) -> (Option<String>, Vec<String>) {
        let (catalogue, _) = &CATALOGUES[language as usize];
        let mut flaws = Vec::new();
        let message = catalogue.get_message(&self.id);
        let pattern = message.and_then(|message| match self.attribute {
            Some(name) => Some(message.get_attribute(name)?.value()),
            None => message.value(),
        });
        let text =
            pattern.map(|pattern| catalogue.format_pattern(pattern, Some(&self.values), &mut flaws).into_owned());
        (text, flaws.iter().map(ToString::to_string).collect())
    }
}

/// A language's messages, ready to be formatted.
type Catalogue = FluentBundle<FluentResource>;

/// One of each language in the order of [`Language::ALL`], with what is wrong with it.
static CATALOGUES: LazyLock<[(Catalogue, Vec<String>); 4]> = LazyLock::new(|| Language::ALL.map(read));

/// A catalogue, ready, and what is wrong with it: nothing, as the tests show.
fn read(language: Language) -> (Catalogue, Vec<String>) {
    let mut flaws = Vec::new();
    let plurals = language.word().parse().map_err(|error| flaws.push(format!("{error}")));
    let mut catalogue = FluentBundle::new_concurrent(plurals.into_iter().collect());
    // The marks that isolate what is put in are for scripts that run the other way.
    catalogue.set_use_isolating(false);
    catalogue.set_transform(Some(kept_together));
    catalogue.set_formatter(match language {
        Language::En => Some(|value, _| in_threes(value, ",")),
        // What the International System of Units asks for: a point means another thing in Bern than in Berlin.
        Language::De | Language::Fr | Language::It => Some(|value, _| in_threes(value, NARROW_SPACE)),
    });
    let resource = FluentResource::try_new(language.source().to_owned()).unwrap_or_else(|(sound, errors)| {
        flaws.extend(errors.iter().map(ToString::to_string));
        sound
    });
    flaws.extend(catalogue.add_resource(resource).err().iter().flatten().map(ToString::to_string));
    (catalogue, flaws)
}

/// The spaces that belong to a sign, made such that no line is broken there. Whoever writes a catalogue types ordinary
/// ones: nobody sees the difference in an editor.
fn kept_together(text: &str) -> Cow<'_, str> {
    const SIGNS: [&str; 6] = [" %", " :", " ;", " !", " ?", " »"];
    if !text.contains("« ") && !SIGNS.iter().any(|sign| text.contains(sign)) {
        return text.into();
    }
    let spaced = |text: String, sign: &&str| text.replace(sign, &sign.replace(' ', NARROW_SPACE));
    SIGNS.iter().chain(&["« "]).fold(text.to_owned(), spaced).into()
}

/// A number, its digits parted in groups of three. All are whole.
fn in_threes(value: &FluentValue<'_>, separator: &str) -> Option<String> {
    let FluentValue::Number(FluentNumber { value, .. }) = value else { return None };
    let digits = format!("{value:.0}");
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    Some(groups.collect::<Vec<_>>().join(separator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_languages_tag_may_name_a_country() {
        assert_eq!(Language::of("de-CH"), Some(Language::De));
        assert_eq!(Language::of("FR"), Some(Language::Fr));
        assert_eq!(Language::of("it_IT"), Some(Language::It));
        assert_eq!(Language::of("rm"), None);
        assert_eq!(Language::of("english"), None);
        assert_eq!(Language::of(""), None);
    }

    #[test]
    fn catalogues_are_sound_and_in_their_place() {
        for (language, (catalogue, flaws)) in Language::ALL.iter().zip(&*CATALOGUES) {
            assert_eq!(flaws, &[] as &[String], "{}.ftl", language.word());
            assert_eq!(catalogue.locales[0].to_string(), language.word());
        }
    }

    #[test]
    fn spaces_that_belong_to_a_sign_hold_the_line_together() {
        let kept = |text| kept_together(text).replace(NARROW_SPACE, "_");
        assert_eq!(kept("la zone « "), "la zone «_");
        assert_eq!(kept(" ». À tout moment : non !"), "_». À tout moment_: non_!");
        assert_eq!(kept("one, two: three"), "one, two: three");
    }
}
