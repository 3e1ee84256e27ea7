//! The parts of a sheet, whoever sets it: first as phrases, then as texts.

use crate::words::Language;

/// A sheet of paper, or a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet<T> {
    /// Its language.
    pub language: Language,
    /// What it is called.
    pub title: T,
    /// What hangs at the door, where it is a notice.
    pub door: Option<Door<T>>,
    /// Said before everything else.
    pub lead: Option<T>,
    /// The page.
    pub sections: Vec<Section<T>>,
    /// Which version it is.
    pub version: Option<T>,
}

/// What hangs at the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door<T> {
    /// In large letters.
    pub head: T,
    /// What Emma is, and who may take part.
    pub what: Vec<T>,
    /// To whoever did not sign up, and to whoever did: a heading and a sentence each.
    pub boxes: [(T, T); 2],
    /// Above the code that leads to the page.
    pub more: T,
    /// Where the code would stand, if there is no address.
    pub room: T,
    /// Where the page is read.
    pub url: Option<String>,
    /// Who answers for it.
    pub responsible: T,
}

/// A part of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section<T> {
    /// A word that names it in a link.
    pub anchor: &'static str,
    /// Its heading; none of a sheet that has a single part.
    pub heading: Option<T>,
    /// What it says.
    pub blocks: Vec<Block<T>>,
}

/// Something said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block<T> {
    /// A paragraph.
    Text(T),
    /// A paragraph that shows what is meant.
    Example(T),
    /// A few short things of one kind.
    Items(Vec<T>),
    /// A head, and rows below it.
    Table([T; 3], Vec<[T; 3]>),
    /// What people ask, and the answer.
    Question(T, T),
}

impl<T> Sheet<T> {
    /// The same sheet, each of its texts made into another.
    pub(super) fn map<U>(self, to: &impl Fn(T) -> U) -> Sheet<U> {
        Sheet {
            language: self.language,
            title: to(self.title),
            door: self.door.map(|door| door.map(to)),
            lead: self.lead.map(to),
            sections: self.sections.into_iter().map(|section| section.map(to)).collect(),
            version: self.version.map(to),
        }
    }
}

impl<T> Door<T> {
    fn map<U>(self, to: &impl Fn(T) -> U) -> Door<U> {
        Door {
            head: to(self.head),
            what: self.what.into_iter().map(to).collect(),
            boxes: self.boxes.map(|(heading, text)| (to(heading), to(text))),
            more: to(self.more),
            room: to(self.room),
            url: self.url,
            responsible: to(self.responsible),
        }
    }
}

impl<T> Section<T> {
    fn map<U>(self, to: &impl Fn(T) -> U) -> Section<U> {
        Section {
            anchor: self.anchor,
            heading: self.heading.map(to),
            blocks: self.blocks.into_iter().map(|block| block.map(to)).collect(),
        }
    }
}

impl<T> Block<T> {
    fn map<U>(self, to: &impl Fn(T) -> U) -> Block<U> {
        match self {
            Self::Text(text) => Block::Text(to(text)),
            Self::Example(text) => Block::Example(to(text)),
            Self::Items(items) => Block::Items(items.into_iter().map(to).collect()),
            Self::Table(head, rows) => Block::Table(head.map(to), rows.into_iter().map(|row| row.map(to)).collect()),
            Self::Question(question, answer) => Block::Question(to(question), to(answer)),
        }
    }
}
