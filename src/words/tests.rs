//! The catalogues against what the code asks for, and sentences as they are said.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::successors;

use super::*;
use crate::gateway::cap::CapScope;
use crate::gateway::consent::record::ConsentRecord;
use crate::report::{CampaignTotals, Most, SMALLEST_GROUP};

/// The reasons' words in the order of the gates, then what the last step can say.
const REASONS: [&str; 22] = [
    "consent",
    "clock",
    "paused",
    "quiet",
    "inactive",
    "audience",
    "bought",
    "declined",
    "stale-value",
    "outranked",
    "cap-customer",
    "cap-visit",
    "cap-gap",
    "cap-campaign",
    "cap-category",
    "cap-zone",
    "cap-site",
    "cap-budget",
    "cap-service",
    "control",
    "ledger",
    "outbox",
];

/// The one behind this: a match, so that whoever adds a reason is led here by the compiler.
fn next(reason: Reason) -> Option<Reason> {
    Some(match reason {
        Reason::Consent => Reason::Clock,
        Reason::Clock => Reason::Paused,
        Reason::Paused => Reason::Quiet,
        Reason::Quiet => Reason::Inactive,
        Reason::Inactive => Reason::Audience,
        Reason::Audience => Reason::Bought,
        Reason::Bought => Reason::Declined,
        Reason::Declined => Reason::StaleValue,
        Reason::StaleValue => Reason::Outranked,
        Reason::Outranked => Reason::Cap(CapScope::Customer),
        Reason::Cap(scope) => match scope {
            CapScope::Customer => Reason::Cap(CapScope::Visit),
            CapScope::Visit => Reason::Cap(CapScope::Gap),
            CapScope::Gap => Reason::Cap(CapScope::Campaign),
            CapScope::Campaign => Reason::Cap(CapScope::Category),
            CapScope::Category => Reason::Cap(CapScope::Zone),
            CapScope::Zone => Reason::Cap(CapScope::Site),
            CapScope::Site => Reason::Cap(CapScope::Budget),
            CapScope::Budget => Reason::Cap(CapScope::Service),
            CapScope::Service => Reason::Control,
        },
        Reason::Control => Reason::Ledger,
        Reason::Ledger => Reason::Outbox,
        Reason::Outbox => return None,
    })
}

fn reasons() -> Vec<Reason> {
    successors(Some(Reason::Consent), |reason| next(*reason)).collect()
}

const USED: [Used; 9] = [
    Used::Zone,
    Used::Consent,
    Used::Dwell,
    Used::EarlierOffers,
    Used::Interests,
    Used::Wishes,
    Used::PriceBand,
    Used::Purchases,
    Used::Feedback,
];

const WINDOWS: [Option<&str>; 3] = [Some("1d"), Some("visit"), None];

fn empty() -> Report {
    Report {
        site: "bern".into(),
        week: "2026-W47".into(),
        from: "2026-11-15T23:00:00Z".into(),
        until: "2026-11-22T23:00:00Z".into(),
        unfinished: false,
        visits: None,
        without_offer_percent: None,
        most: Vec::new(),
        withheld: BTreeMap::new(),
        dismissed_percent: None,
        helpful_percent: None,
        withdrawal_longest_secs: None,
        oldest_datum_days: None,
        campaigns: Vec::new(),
    }
}

/// A week with every kind of line, all its figures `n`.
fn week(n: Option<u64>) -> Report {
    let campaign = CampaignTotals {
        id: "boots-autumn".into(),
        delivered: n,
        displayed_percent: n,
        opened_percent: n,
        redeemed_percent: n,
        dismissed_percent: n,
        control: n,
    };
    let most = |per: Option<&str>| Most { at_most: 2, per: per.map(str::to_owned), received: n.unwrap_or(0) };
    Report {
        visits: n,
        without_offer_percent: n,
        most: WINDOWS.map(most).into(),
        withheld: reasons().into_iter().map(|reason| (reason.as_str().to_owned(), n)).collect(),
        dismissed_percent: n,
        helpful_percent: n,
        withdrawal_longest_secs: n.and_then(|n| u32::try_from(n).ok()).map(f64::from),
        oldest_datum_days: n,
        campaigns: vec![campaign],
        ..empty()
    }
}

/// Everything that the code can ask a catalogue for.
fn asked(language: Language) -> Vec<Phrase<'static>> {
    let mut asked = vec![Phrase::new("lock-screen")];
    for class in [Class::Offer, Class::Reward, Class::Service] {
        asked.extend(why_phrases(super::asked("Schuhe"), class, &USED));
        for trigger in [Trigger::Entered, Trigger::Dwelled(20_000_000), Trigger::Left] {
            asked.extend(why_phrases(happened(trigger, "Schuhe", language), class, &USED));
        }
    }
    for reason in reasons() {
        asked.extend([Reader::Customer, Reader::Manager].map(|reader| reason_phrase(reason, reader)));
        asked.push(question_phrase(reason));
    }
    for text in ["1s", "20s", "1m", "2m", "1h", "2h", "1d", "2d", "1 month", "2 months"] {
        asked.push(time::span(text.parse().unwrap()));
    }
    asked.extend(WINDOWS.map(|per| report::window(per, language)));
    asked.extend(export::asked());
    for receipt in receipts() {
        asked.extend(receipt::phrases(Box::leak(Box::new(receipt)), "Marktgasse", &TimeZone::UTC));
    }
    asked.extend(notice::asked::asked(language));
    for n in [None, Some(0), Some(1), Some(20), Some(1_000)] {
        let week = Report { unfinished: n == Some(0), ..week(n) };
        let week: &Report = Box::leak(Box::new(week));
        asked.extend(report::phrases(week, language));
    }
    asked
}

/// A receipt of everything, at each tier and in each state that is kept, and one of nothing.
fn receipts() -> Vec<Receipt> {
    let config = crate::config::check(&crate::config::Sources {
        gateway: "site = 's'\ngateway = 'gw'\n".into(),
        site: "name = 'S'\ntime-zone = 'Europe/Zurich'\n[[gateway]]\nid = 'gw'\n".into(),
        zones: "[[zone]]\nid = 'till'\nname = 'Till'\nnear = 'gw'\n".into(),
        promise: "[caps]\ncustomer = [{ at-most = 1, per = '1d' }]\n[responsible]\ncontroller = 'S AG'\n\
                  contact = 's@example'\nwithdraw = 'at the till'\n\
                  recipients = [{ id = 'push', name = 'App', purpose = 'shows it' }]\n"
            .into(),
        ..Default::default()
    });
    let config = config.config.unwrap();
    let record = |tier: &str, state: &str, rest: &str| -> ConsentRecord {
        serde_json::from_str(&format!(
            r#"{{"customer":"c","epoch":1,"tier":"{tier}","state":"{state}","identifiers":[{{"phone":{{"id":"p"}}}}],
            "valid_from":"2026-01-01T00:00:00Z","valid_until":"2027-01-01T00:00:00Z"{rest}}}"#
        ))
        .unwrap()
    };
    let full = r#","purposes":["offers","personalisation","lift-measurement"],"inbox":{"push":"a"},"proof":"p/1",
        "given_at":"2025-12-31T00:00:00Z","notice":{"version":"3"}"#;
    let nobody = r#","purposes":[],"inbox":{}"#;
    let all = [
        ("on-request", "given", nobody),
        ("contextual", "renewed", full),
        ("personal", "given", full),
        ("personal", "expired", full),
    ];
    all.map(|(tier, state, rest)| crate::receipt::of(&record(tier, state, rest), None, &config, Language::En)).into()
}

/// `reason-quiet.manager`, as the catalogue's reader finds it.
fn name(phrase: &Phrase<'_>) -> String {
    phrase.attribute.map_or_else(|| phrase.id.to_string(), |attribute| format!("{}.{attribute}", phrase.id))
}

/// The messages and attributes that a catalogue has. In Fluent a message begins at the beginning of a line.
fn written(language: Language) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut message = "";
    for line in language.source().lines() {
        let Some((name, value)) = line.split_once(" =") else { continue };
        if let Some(attribute) = name.strip_prefix("    .") {
            names.insert(format!("{message}.{attribute}"));
        } else if name.starts_with(|c: char| c.is_ascii_lowercase()) {
            message = name;
            if !value.is_empty() {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

#[test]
fn the_reasons_are_those_that_were_promised_in_their_order() {
    assert_eq!(reasons().iter().map(|reason| reason.as_str()).collect::<Vec<_>>(), REASONS);
    assert!(reasons().is_sorted());
}

#[test]
fn every_language_has_what_is_asked_for_and_makes_no_mistake() {
    for language in Language::ALL {
        for phrase in asked(language) {
            let (text, flaws) = phrase.format(language);
            let name = format!("{}.ftl, {}", language.word(), name(&phrase));
            let text = text.unwrap_or_else(|| panic!("{name} is missing"));
            assert_eq!(flaws, [""; 0], "{name}: {text}");
            assert_eq!(text.trim(), text, "{name}");
            assert!(!text.is_empty() && !text.contains(['{', '}', '\n', '\u{2068}', '\u{2069}']), "{name}: {text}");
        }
    }
}

fn without<'a>(phrase: &'a Phrase<'_>, left_out: &str) -> Phrase<'a> {
    let mut lacking = Phrase { id: phrase.id.clone(), attribute: phrase.attribute, ..Phrase::new("") };
    for (name, value) in phrase.values.iter().filter(|(name, _)| *name != left_out) {
        lacking.values.set(name.to_owned(), value.to_owned());
    }
    lacking
}

#[test]
fn no_language_leaves_out_what_a_sentence_is_about() {
    for language in Language::ALL {
        for phrase in asked(language) {
            for (left_out, _) in phrase.values.iter() {
                let (_, flaws) = without(&phrase, left_out).format(language);
                assert!(!flaws.is_empty(), "{}.ftl, {}: there is no ${left_out}", language.word(), name(&phrase));
            }
        }
    }
}

#[test]
fn no_catalogue_has_what_nobody_asks_for() {
    for language in Language::ALL {
        let asked: BTreeSet<String> = asked(language).iter().map(name).collect();
        let written = written(language);
        let unasked: Vec<_> = written.difference(&asked).collect();
        assert!(unasked.is_empty(), "{}.ftl: the code asks for none of {unasked:?}", language.word());
        assert_eq!(written, asked, "{}.ftl", language.word());
    }
}

#[test]
fn each_catalogue_names_the_least_that_is_told_once() {
    for language in Language::ALL {
        assert_eq!(
            language.source().matches(&SMALLEST_GROUP.to_string()).count(),
            1,
            "{}.ftl: it is in the term -few",
            language.word()
        );
    }
}

#[test]
fn typography_is_that_of_the_language() {
    for language in Language::ALL {
        let source = language.source();
        assert!(!source.contains('\''), "{}.ftl: an apostrophe is ’", language.word());
        assert!(!source.contains('\u{a0}') && !source.contains('\u{202f}'), "{}.ftl: type spaces", language.word());
    }
    assert!(!Language::De.source().contains('ß'), "de.ftl is for Bern, too: another word");
}

/// A lock screen has room for a line, a table's column for a short question, and a pop-up for a few lines.
#[test]
fn nobody_is_told_more_than_they_will_read() {
    let chars = |text: &str| text.chars().count();
    for language in Language::ALL {
        assert!(chars(&lock_screen(language)) <= 40);
        for no in reasons() {
            let question = question(no, language);
            assert!(chars(&question) <= 60 && question.ends_with('?'), "{question}");
            for (reader, most) in [(Reader::Customer, 220), (Reader::Manager, 120)] {
                let sentence = reason(no, language, reader);
                assert!(chars(&sentence) <= most && sentence.ends_with('.'), "{sentence}");
            }
        }
    }
}

#[test]
fn a_reason_is_told_to_the_customer_and_to_the_manager() {
    let told = |reader, language| reason(Reason::Quiet, language, reader);
    assert_eq!(
        told(Reader::Customer, Language::De),
        "Es ist Ruhezeit, Ihre eigene oder die für alle, oder das Geschäft ist geschlossen."
    );
    assert_eq!(
        told(Reader::Manager, Language::En),
        "Quiet hours, the customer wants to hear nothing for a while, or the shop is closed."
    );
    assert_eq!(question(Reason::Bought, Language::It), "L’ultimo acquisto è abbastanza lontano?");
    assert_eq!(question(Reason::Consent, Language::Fr), "Le consentement couvre-t-il cela\u{202f}?");
}

#[test]
fn whoever_is_in_a_control_group_is_told_so() {
    let told = |language| reason(Reason::Control, language, Reader::Customer);
    assert!(told(Language::De).contains("messen") && told(Language::De).contains("Zufall"));
    assert!(told(Language::En).contains("measure") && told(Language::En).contains("chance"));
    assert!(told(Language::Fr).contains("mesurions") && told(Language::Fr).contains("hasard"));
    assert!(told(Language::It).contains("misuriamo") && told(Language::It).contains("caso"));
}

#[test]
fn why_an_offer_was_made_tells_all_that_was_looked_at() {
    let why = |used: &[Used]| {
        let phrases = why_phrases(happened(Trigger::Dwelled(180_000_000), "Shoes", Language::En), Class::Offer, used);
        phrases.iter().map(|phrase| phrase.say(Language::En)).collect::<Vec<_>>()
    };
    assert_eq!(
        why(&USED),
        [
            "You were in the area “Shoes” for at least 3 minutes.",
            "You agreed to receive offers in this shop.",
            "We took into account what we have told you before, so that it does not become too much.",
            "You told us that such things interest you.",
            "You asked to be reminded of such things in the shop.",
            "It is in the price range that you told us.",
            "We took into account what you bought, so as not to offer you what you already have.",
            "We took into account how you answered earlier offers.",
            "You can say no at any time: to such things, to everything, or for a while.",
        ]
    );
    assert_eq!(why(&[Used::Zone, Used::Dwell]).len(), 2, "what set it off tells both");
}

#[test]
fn a_service_message_is_no_offer() {
    let agreed = |class| used_phrase(Used::Consent, class).unwrap().say(Language::It);
    assert_eq!(agreed(Class::Service), "Ha acconsentito a ricevere messaggi in questo negozio.");
    assert_eq!(agreed(Class::Reward), "Ha acconsentito a ricevere offerte in questo negozio.");
}

#[test]
fn a_report_writes_numbers_as_its_language_does() {
    let told = Language::ALL.map(|language| report(&week(Some(1_234_567)), language));
    let line = |n: usize| told.clone().map(|lines| lines[n].replace('\u{202f}', "_"));
    assert_eq!(line(1), ["Besuche: 1_234_567.", "Visits: 1,234,567.", "Visites_: 1_234_567.", "Visite: 1_234_567."]);
    assert!(line(2)[0].ends_with("1_234_567_%.") && line(2)[1].ends_with("1,234,567%."));
    assert_eq!(
        line(3),
        [
            "Die meisten Angebote an eine Person (Zeitfenster: 24 Stunden): 1_234_567, erlaubt sind höchstens 2.",
            "Most offers to one person in any 24 hours: 1,234,567, with at most 2 allowed.",
            "Le plus grand nombre d’offres à une même personne sur 24 heures_: 1_234_567, pour un maximum de 2.",
            "Numero massimo di offerte a una stessa persona in 24 ore: 1_234_567, con un limite di 2.",
        ]
    );
}

#[test]
fn a_report_of_few_says_so() {
    let report = Report {
        unfinished: true,
        withheld: [("quiet".to_owned(), None), ("bought".to_owned(), Some(30))].into(),
        withdrawal_longest_secs: Some(0.2),
        oldest_datum_days: Some(0),
        campaigns: week(None).campaigns,
        ..empty()
    };
    assert_eq!(
        super::report(&report, Language::En),
        [
            "Restraint of bern in the week 2026-W47, so far.",
            "Visits: fewer than 20, so not told.",
            "Visits without an offer: fewer than 20, so not told.",
            "Offers that were dismissed: fewer than 20, so not told.",
            "Offers that were called helpful: fewer than 20, so not told.",
            "Longest time from a withdrawal to silence: 1 second.",
            "Oldest personal data: of today.",
            "Withheld, 30 times: Already bought, and not due for replacement yet.",
            "Withheld, fewer than 20 times: Quiet hours, the customer wants to hear nothing for a while, or the shop is closed.",
            "boots-autumn: made fewer than 20 times.",
        ]
    );
}

#[test]
fn a_campaigns_totals_are_a_line() {
    let lines = report(&week(Some(25)), Language::De);
    let [.., campaign, control] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(
        campaign.replace('\u{202f}', "_"),
        "boots-autumn: 25-mal gemacht; davon 25_% angezeigt, 25_% geöffnet, 25_% eingelöst, 25_% weggewischt."
    );
    assert_eq!(control, "boots-autumn: 25-mal wurde der Kontrollgruppe nichts gesagt.");
}
