//! The receipt of a consent, to be read by whoever gave it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::catalogue::Phrase;
use crate::receipt::{Event, Receipt};

/// Its sentences, the heading first; `shop` is the shop's name, and times are told in `zone`. Of a consent that has run out it
/// is not told what it allowed.
pub(super) fn phrases<'a>(receipt: &'a Receipt, shop: &'a str, zone: &TimeZone) -> Vec<Phrase<'a>> {
    let Receipt { record, pii_processing, event: events, .. } = receipt;
    let mut phrases = vec![Phrase::new("receipt-head").text("shop", shop)];
    phrases.extend(events.iter().flat_map(|event| happened(event, zone)));
    if let Some(version) = &pii_processing.notice_version {
        phrases.push(Phrase::new("receipt-notice").text("version", &**version));
    }
    if events.iter().all(Event::holds) {
        phrases.extend(allowed(receipt));
    }
    if let Some(withdraw) = &pii_processing.withdrawal_method {
        phrases.push(Phrase::new("receipt-no").text("withdraw", &**withdraw));
    }
    for party in &receipt.party_identification {
        if let Some(contact) = &party.party_contact {
            let responsible = Phrase::new("notice-door-responsible").text("controller", &*party.party_name);
            phrases.push(responsible.text("contact", &**contact));
        }
    }
    if let Some(proof) = &record.proof {
        phrases.push(Phrase::new("receipt-proof").text("proof", &**proof));
    }
    phrases.push(Phrase::new("receipt-number").text("number", &*record.receipt_id));
    phrases
}

fn happened<'a>(event: &'a Event, zone: &TimeZone) -> Vec<Phrase<'a>> {
    let time = |text: &str| time(text, zone);
    let given = event.event_time.as_deref().map(|date| Phrase::new("receipt-given").text("date", time(date)));
    let holds = Phrase::new("receipt-holds").text("from", time(&event.valid_from));
    let holds = holds.text("until", time(&event.valid_until));
    let state = Phrase::new("receipt-state").text("state", event.event_state);
    [Some(state), given, Some(holds)].into_iter().flatten().collect()
}

fn allowed(receipt: &Receipt) -> Vec<Phrase<'_>> {
    let processing = &receipt.pii_processing;
    let mut phrases = vec![Phrase::new(format!("receipt-tier-{}", processing.tier))];
    let purposes = processing.purposes.iter().map(|purpose| Phrase::new(format!("receipt-for-{}", purpose.purpose)));
    phrases.extend(purposes);
    if processing.purposes.is_empty() {
        phrases.push(Phrase::new("receipt-for-nothing"));
    }
    let devices = processing.pii_information.iter().filter(|kind| !kind.pii_optional).count();
    phrases.push(Phrase::new("receipt-devices").number("n", devices.try_into().unwrap_or(u64::MAX)));
    phrases.push(recipients(receipt));
    phrases
}

fn recipients(receipt: &Receipt) -> Phrase<'_> {
    let is_recipient = |id: &str| receipt.pii_processing.recipient_third_parties.iter().any(|named| named == id);
    let parties = receipt.party_identification.iter().filter(|party| is_recipient(&party.party_id));
    match parties.map(|party| &*party.party_name).collect::<Vec<_>>().join(", ") {
        names if names.is_empty() => Phrase::new("receipt-nobody"),
        names => Phrase::new("receipt-gets").text("recipients", names),
    }
}

/// To the minute, in the shop's time: the same in every language.
fn time(text: &str, zone: &TimeZone) -> String {
    let told = |instant: Timestamp| instant.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
    text.parse::<Timestamp>().map_or_else(|_| text.to_owned(), told)
}
