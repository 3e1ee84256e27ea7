//! Everything that notices can ask a catalogue for: what a rich shop and a bare one say, and every change between them.

use super::*;
use crate::ledger::{kinds, retention};
use crate::notice::changes::between;
use crate::notice::facts::{Cap, Caps, Category, Hearing, Names, Recipient, Zone};
use crate::notice::kept::Kept;

/// The phrases of every sheet, all with their values.
pub(in crate::words) fn asked(language: Language) -> Vec<Phrase<'static>> {
    let [rich, bare, outside]: &'static [Facts; 3] = Box::leak(Box::new([rich(), bare(), outside()]));
    let mut all = Vec::new();
    for facts in [rich, bare, outside] {
        all.extend(phrases(page::sheet(facts, language)));
        all.extend(phrases(staff::sheet(facts, language)));
    }
    for (old, new) in [(rich, bare), (bare, rich), (rich, outside), (outside, rich), (rich, rich)] {
        let changes = Box::leak(Box::new(between(old, new)));
        all.extend(phrases(changed::sheet(old, new, changes, language)));
        all.extend(changes.iter().flat_map(|change| changed::parts(change, language)));
    }
    for facts in [rich, bare] {
        all.extend(parts::caps(&facts.caps, language));
    }
    all.extend(
        ["favourites", "wishes", "interests", "price-band"].map(|word| Phrase::new(format!("notice-declared-{word}"))),
    );
    let kept = retention::Kept { deliveries_us: None, ended_us: 1, forgotten_us: 1 };
    all.extend(kinds::kinds_and_held(&kept).flat_map(|(what, secs)| stored_phrases(what, secs, language)));
    all.push(Phrase::new("notice-window").text("time", "24 h"));
    all.push(Phrase::new("notice-window-ever"));
    all
}

fn phrases(sheet: Sheet<Phrase<'static>>) -> Vec<Phrase<'static>> {
    let all = std::cell::RefCell::new(Vec::new());
    sheet.map(&|phrase| all.borrow_mut().push(phrase));
    all.into_inner()
}

fn cap(at_most: u32, per: Option<&str>) -> Cap {
    Cap { at_most, per: per.map(str::to_owned) }
}

fn names(name: &str) -> Names {
    Language::ALL.map(|language| (language.word().to_owned(), format!("{name} {}", language.word()))).into()
}

fn words<const N: usize>(words: [&str; N]) -> std::collections::BTreeSet<String> {
    words.map(str::to_owned).into()
}

/// A shop in which everything is configured.
pub(in crate::words) fn rich() -> Facts {
    let zone = |id: &str, sensitive| Zone { id: id.into(), name: names(id), sensitive };
    let category = |id: &str, sensitive| Category {
        id: id.into(),
        name: names(id),
        sensitive,
        replacement_interval: (!sensitive).then(|| "30 months".into()),
    };
    let every = vec![cap(0, Some("1d")), cap(1, Some("7d")), cap(5, None)];
    // All kinds that there are: one more, and each catalogue is asked for its words.
    let kept = retention::Kept {
        deliveries_us: Some(31 * 86_400_000_000),
        ended_us: 31 * 86_400_000_000,
        forgotten_us: 7 * 86_400_000_000,
    };
    let recipient = |id: &str, name: &str, purpose: &str| Recipient {
        id: id.into(),
        name: name.into(),
        name_in: names(name),
        purpose: names(purpose),
    };
    Facts {
        version: "1a2b3c4d".into(),
        emma: "1.2.3".into(),
        shop: "Marktgasse".into(),
        controller: "Beispiel AG, Bern.".into(),
        controller_in: names("Beispiel AG, Bern"),
        contact: "privacy@shop.example".into(),
        authority: Some("EDÖB, Bern".into()),
        authority_in: names("EDÖB, Bern"),
        withdraw: names("https://shop.example/no or at the till"),
        notice_url: Some("https://shop.example/emma".into()),
        recipients: vec![
            recipient("push", "Shop App", "shows you the offer"),
            recipient("letter", "Post", "prints it"),
        ],
        adults_only: true,
        caps: Caps {
            customer: every.clone(),
            visit: Some(1),
            gap: Some("2h".into()),
            campaign: every.clone(),
            category: every.clone(),
            zone: every.clone(),
            site: every.clone(),
            service: every,
        },
        quiet_hours: Some(["21:00".into(), "08:00".into()]),
        opening_hours: true,
        classes: words(["offer", "reward", "service"]),
        audience: words(["interests", "price-band", "wishes"]),
        control_groups: true,
        live_values: true,
        zones: vec![zone("shoes", false), zone("till", false), zone("advice", true)],
        categories: vec![category("shoes", false), category("health", true)],
        hearing: Hearing {
            receivers: 3,
            remote: Some("inside".into()),
            between_pis: true,
            phones: true,
            playback: true,
        },
        shared_ledger: false,
        kept: kinds::kinds(&kept).map(|(what, secs)| Kept { what: what.into(), secs }).collect(),
    }
}

/// A shop with one receiver, a cap, and nothing else.
pub(in crate::words) fn bare() -> Facts {
    Facts {
        version: "5e6f7a8b".into(),
        emma: "1.2.3".into(),
        shop: "Eckladen".into(),
        controller: "Tante Emma, Bern".into(),
        contact: "at the till".into(),
        withdraw: names("at the till"),
        caps: Caps { customer: vec![cap(2, Some("1d"))], ..Caps::default() },
        hearing: Hearing { receivers: 1, ..Hearing::default() },
        kept: vec![Kept { what: "offers-made".into(), secs: None }],
        ..Facts::default()
    }
}

/// The rich one, with the sensitive places and goods as any other, and receivers beyond the shop's network.
fn outside() -> Facts {
    let rich = rich();
    let zones = rich.zones.iter().cloned().map(|zone| Zone { sensitive: false, ..zone }).collect();
    let categories = rich.categories.iter().cloned();
    let categories =
        categories.map(|category| Category { sensitive: false, replacement_interval: None, ..category }).collect();
    let hearing = Hearing { remote: Some("outside".into()), receivers: 4, ..rich.hearing.clone() };
    let quiet_hours = Some(["22:00".into(), "08:00".into()]);
    let caps = Caps { gap: Some("1h".into()), visit: Some(0), ..rich.caps.clone() };
    Facts { zones, categories, hearing, quiet_hours, caps, adults_only: false, ..rich }
}
