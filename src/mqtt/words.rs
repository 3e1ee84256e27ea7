//! What Emma says of herself, in the customer's language: the lock screen's neutral line, and why an offer was made.

use crate::config::offers::{Class, Trigger};
use crate::gateway::effect::Offer;

/// The languages that Emma speaks herself.
pub(super) const LANGUAGES: [&str; 4] = ["de", "en", "fr", "it"];

/// From here on a dwell is told in minutes: nobody counts 180 seconds.
const MINUTES_FROM_SECS: u64 = 120;

/// The line for the lock screen that says nothing of the offer; `language` is one of [`LANGUAGES`].
pub(super) fn lock_screen(language: &str) -> &'static str {
    match language {
        "de" => "Emma hat etwas für Sie",
        "fr" => "Emma a quelque chose pour vous",
        "it" => "Emma ha qualcosa per Lei",
        _ => "Emma has something for you",
    }
}

/// Why the offer was made, made from what was really used: the zone, the trigger, the consent.
pub(super) fn why(offer: &Offer, language: &str) -> String {
    let zone = zone_name(offer, language);
    let happened = happened(offer.campaign.trigger, language, zone);
    format!("{happened} {}", agreed(offer.campaign.class, language))
}

/// Why the offer was answered to somebody who asked.
pub(super) fn why_asked(offer: &Offer, language: &str) -> String {
    let zone = zone_name(offer, language);
    let asked = match language {
        "de" => format!("Sie haben im Bereich «{zone}» gefragt, was es gibt."),
        "fr" => format!("Vous avez demandé, dans la zone « {zone} », ce qu'il y a."),
        "it" => format!("Ha chiesto, nella zona «{zone}», che cosa c'è."),
        _ => format!("You asked, in the area “{zone}”, what there is."),
    };
    format!("{asked} {}", agreed(offer.campaign.class, language))
}

/// The zone's name in this language, else in the first it has, else its id.
fn zone_name<'a>(offer: &'a Offer, language: &str) -> &'a str {
    offer.zone_name.get(language).or_else(|| offer.zone_name.values().next()).unwrap_or(&offer.zone)
}

fn happened(trigger: Trigger, language: &str, zone: &str) -> String {
    match trigger {
        Trigger::Dwelled(us) => {
            let time = duration(us, language);
            match language {
                "de" => format!("Sie waren mindestens {time} im Bereich «{zone}»."),
                "fr" => format!("Vous êtes resté(e) au moins {time} dans la zone « {zone} »."),
                "it" => format!("È rimasto/a almeno {time} nella zona «{zone}»."),
                _ => format!("You were in the area “{zone}” for at least {time}."),
            }
        }
        Trigger::Entered => match language {
            "de" => format!("Sie haben den Bereich «{zone}» betreten."),
            "fr" => format!("Vous êtes entré(e) dans la zone « {zone} »."),
            "it" => format!("È entrato/a nella zona «{zone}»."),
            _ => format!("You entered the area “{zone}”."),
        },
        Trigger::Left => match language {
            "de" => format!("Sie haben den Bereich «{zone}» verlassen."),
            "fr" => format!("Vous avez quitté la zone « {zone} »."),
            "it" => format!("Ha lasciato la zona «{zone}»."),
            _ => format!("You left the area “{zone}”."),
        },
    }
}

fn agreed(class: Class, language: &str) -> &'static str {
    match (class, language) {
        (Class::Service, "de") => "Sie haben zugestimmt, in diesem Geschäft Nachrichten zu erhalten.",
        (Class::Service, "fr") => "Vous avez accepté de recevoir des messages dans ce magasin.",
        (Class::Service, "it") => "Ha acconsentito a ricevere messaggi in questo negozio.",
        (Class::Service, _) => "You agreed to receive messages in this shop.",
        (_, "de") => "Sie haben zugestimmt, in diesem Geschäft Angebote zu erhalten.",
        (_, "fr") => "Vous avez accepté de recevoir des offres dans ce magasin.",
        (_, "it") => "Ha acconsentito a ricevere offerte in questo negozio.",
        (_, _) => "You agreed to receive offers in this shop.",
    }
}

/// A length of time in microseconds, rounded down so that "at least" stays true.
fn duration(us: u64, language: &str) -> String {
    let secs = us / 1_000_000;
    let (n, in_minutes) = if secs >= MINUTES_FROM_SECS { (secs / 60, true) } else { (secs, false) };
    let unit = match (language, in_minutes, n == 1) {
        ("de", false, true) => "Sekunde",
        ("de", false, false) => "Sekunden",
        ("de", true, _) => "Minuten",
        ("fr", false, true) => "seconde",
        ("fr", false, false) => "secondes",
        ("it", false, true) => "secondo",
        ("it", false, false) => "secondi",
        ("it", true, _) => "minuti",
        (_, false, true) => "second",
        (_, false, false) => "seconds",
        (_, true, _) => "minutes",
    };
    format!("{n} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dwell_is_told_in_seconds_then_in_minutes() {
        assert_eq!(duration(1_000_000, "en"), "1 second");
        assert_eq!(duration(20_900_000, "de"), "20 Sekunden");
        assert_eq!(duration(119_000_000, "it"), "119 secondi");
        assert_eq!(duration(179_000_000, "fr"), "2 minutes");
    }
}
