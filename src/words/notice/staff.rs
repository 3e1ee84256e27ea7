//! Half a page for staff: what to answer when a customer asks.

use super::page::{authority, question, recipient_name, version};
use super::parts::{caps, just, listed, of_theirs, within};
use super::sheet::{Block, Section, Sheet};
use crate::notice::facts::{Caps, Facts};
use crate::words::Language;
use crate::words::catalogue::Phrase;

/// Every answer that staff need, short enough to hang beside the till.
pub(super) fn sheet(facts: &Facts, language: Language) -> Sheet<Phrase<'_>> {
    Sheet {
        language,
        title: Phrase::new("notice-staff-title").text("shop", &*facts.shop),
        door: None,
        lead: Some(just("notice-staff-lead")),
        sections: vec![Section { anchor: "answers", heading: None, blocks: answers(facts, language) }],
        version: Some(version(facts)),
    }
}

fn answers(facts: &Facts, language: Language) -> Vec<Block<Phrase<'_>>> {
    let (withdraw, contact) = (of_theirs(&facts.withdraw, language), within(&facts.contact));
    let authority = authority(facts, language).unwrap_or("none");
    vec![
        question("notice-staff-follow", |answer| answer),
        question("notice-staff-unwanted", |answer| answer.text("withdraw", withdraw)),
        question("notice-staff-know", |answer| answer.text("contact", contact)),
        gets(facts, language),
        question("notice-staff-often", |answer| answer.text("caps", often(facts, language))),
        question("notice-staff-lost", |answer| answer.text("withdraw", withdraw)),
        question("notice-staff-complain", |answer| answer.text("contact", contact).text("authority", authority)),
        Block::Example(just("notice-staff-never")),
    ]
}

fn gets(facts: &Facts, language: Language) -> Block<Phrase<'_>> {
    let recipients = listed(facts.recipients.iter().map(|recipient| recipient_name(recipient, language)));
    if recipients.is_empty() {
        return question("notice-staff-nobody", |answer| answer);
    }
    question("notice-staff-gets", |answer| answer.text("recipients", recipients))
}

/// What counts for everything together; more, nobody keeps in mind at a till.
fn often(facts: &Facts, language: Language) -> String {
    let together = Caps { customer: facts.caps.customer.clone(), visit: facts.caps.visit, ..Caps::default() };
    listed(caps(&together, language).iter().map(|cap| cap.say(language)))
}
