//! The receipt of a consent, in the shape of ISO/IEC TS 27560 (`docs/consent-record.md`). It is made of the record and of what
//! the company promises when somebody asks for it, and nothing is kept for it. It names devices by their kind: who finds a receipt
//! cannot pass for anybody.

use serde::Serialize;

use crate::config::Config;
use crate::config::promise::Responsible;
use crate::gateway::consent::State;
use crate::gateway::consent::record::ConsentRecord;
use crate::schema::Message;
use crate::words::{Language, in_language};

/// The controller's id within a receipt; recipients have those of promise.toml, and [`RECIPIENT`] before them.
const CONTROLLER: &str = "controller";

/// What stands before a recipient's id, so that none is taken for the controller.
const RECIPIENT: &str = "recipient:";

/// A receipt. The names of its fields are those of the standard.
#[derive(Debug, Serialize)]
pub struct Receipt {
    /// Which receipt it is, and of whom.
    pub record: Header,
    /// What was agreed to.
    pub pii_processing: Processing,
    /// Who has to do with it.
    pub party_identification: Vec<Party>,
    /// What the customer did: of one consent the record knows the last act alone.
    pub event: Vec<Event>,
}

/// Which receipt it is, and of whom.
#[derive(Debug, Serialize)]
pub struct Header {
    /// The schema of the record.
    pub schema_version: String,
    /// Which record.
    pub record_id: String,
    /// Which receipt: of one epoch there is one.
    pub receipt_id: String,
    /// The pseudonym.
    pub pii_principal_id: String,
    /// Under which reference whoever registered the customer keeps the proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

/// What was agreed to.
#[derive(Debug, Serialize)]
pub struct Processing {
    /// Where the notice is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy_notice: Option<String>,
    /// The version of it that they agreed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice_version: Option<String>,
    /// The language that they read it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// What for.
    pub purposes: Vec<Purpose>,
    /// How much of it.
    pub tier: String,
    /// What of theirs: kinds of identifiers, and what they declared.
    pub pii_information: Vec<Kind>,
    /// Who is responsible.
    pub pii_controllers: Vec<&'static str>,
    /// Where it is kept.
    pub storage_locations: Vec<String>,
    /// The shops it is for; nothing is every shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub geographic_restrictions: Option<Vec<String>>,
    /// Who gets offers.
    pub recipient_third_parties: Vec<String>,
    /// How it is taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawal_method: Option<String>,
}

/// One purpose.
#[derive(Debug, Serialize)]
pub struct Purpose {
    /// Its word in the record.
    pub purpose: String,
    /// Always consent.
    pub lawful_basis: &'static str,
}

/// A kind of data.
#[derive(Debug, Serialize)]
pub struct Kind {
    /// Its word in the record.
    pub pii_type: &'static str,
    /// Whether it could be left out.
    pub pii_optional: bool,
}

/// Somebody who has to do with it.
#[derive(Debug, Serialize)]
pub struct Party {
    /// Its id within the receipt.
    pub party_id: String,
    /// Its name.
    pub party_name: String,
    /// Where to write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub party_contact: Option<String>,
    /// `dpv:DataController` or `dpv:Recipient`.
    pub party_role: &'static str,
}

/// An act of the customer's.
#[derive(Debug, Serialize)]
pub struct Event {
    /// When they agreed, where the record says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_time: Option<String>,
    /// Since when it holds.
    pub valid_from: String,
    /// Until when, its lease included.
    pub valid_until: String,
    /// Whose act it is.
    pub entity_id: String,
    /// It was expressed; whether explicitly, the proof says.
    pub event_type: &'static str,
    /// The word of the record.
    pub event_state: &'static str,
    /// Its term in the Data Privacy Vocabulary.
    pub consent_status: &'static str,
}

impl Event {
    /// Whether it is a yes still.
    pub fn holds(&self) -> bool {
        State::of(self.event_state).is_some_and(State::opens)
    }
}

/// The receipt of what is kept of somebody, with texts in `language`; `lease` is until when a lease holds, if it is on one.
pub fn of(record: &ConsentRecord, lease: Option<String>, config: &Config, language: Language) -> Receipt {
    let responsible = config.promise.responsible.as_ref();
    let id = format!("{}/{}", record.customer, record.epoch);
    let recipients: Vec<String> = record.inbox.iter().flatten().map(|(recipient, _)| recipient.clone()).collect();
    Receipt {
        record: Header {
            schema_version: Message::of("consent").map(|message| message.urn()).unwrap_or_default(),
            record_id: id.clone(),
            receipt_id: id,
            pii_principal_id: record.customer.clone(),
            proof: record.proof.clone(),
        },
        pii_processing: Processing {
            privacy_notice: responsible.and_then(|known| known.notice_url.as_deref()).map(str::to_owned),
            notice_version: record.notice.as_ref().map(|notice| notice.version.clone()),
            language: record.notice.as_ref().and_then(|notice| notice.language.clone()),
            purposes: record
                .purposes
                .iter()
                .map(|word| Purpose { purpose: word.clone(), lawful_basis: "consent" })
                .collect(),
            tier: record.tier.clone(),
            pii_information: kinds(record),
            pii_controllers: responsible.map(|_| CONTROLLER).into_iter().collect(),
            storage_locations: vec![config.gateway.site.to_string()],
            geographic_restrictions: record.sites.clone(),
            recipient_third_parties: recipients.iter().map(|id| format!("{RECIPIENT}{id}")).collect(),
            withdrawal_method: responsible.map(|known| in_language(&known.withdraw, language).to_owned()),
        },
        party_identification: parties(responsible, &recipients, language),
        event: vec![event(record, lease)],
    }
}

/// What the record has of a person.
fn kinds(record: &ConsentRecord) -> Vec<Kind> {
    let identifiers =
        record.identifiers.iter().map(|identifier| Kind { pii_type: identifier.kind(), pii_optional: false });
    let declared = [
        ("language", record.language.is_some()),
        ("time_zone", record.time_zone.is_some()),
        ("interests", record.interests.is_some()),
        ("price_band", record.price_band.is_some()),
        ("pinned_categories", record.pinned_categories.is_some()),
        ("wishes", record.wishes.is_some()),
        ("adult", record.adult.is_some()),
    ];
    let declared = declared.into_iter().filter(|(_, is_there)| *is_there);
    identifiers.chain(declared.map(|(pii_type, _)| Kind { pii_type, pii_optional: true })).collect()
}

/// A recipient that promise.toml names no more is named by its id: it gets nothing.
fn parties(responsible: Option<&Responsible>, recipients: &[String], language: Language) -> Vec<Party> {
    let controller = responsible.map(|known| Party {
        party_id: CONTROLLER.to_owned(),
        party_name: in_language(&known.controller, language).to_owned(),
        party_contact: Some(known.contact.to_string()),
        party_role: "dpv:DataController",
    });
    let named = |id: &String| {
        let known = responsible.iter().flat_map(|known| &known.recipients).find(|known| *known.id == **id);
        Party {
            party_id: format!("{RECIPIENT}{id}"),
            party_name: known.map_or_else(|| id.clone(), |known| in_language(&known.name, language).to_owned()),
            party_contact: None,
            party_role: "dpv:Recipient",
        }
    };
    controller.into_iter().chain(recipients.iter().map(named)).collect()
}

fn event(record: &ConsentRecord, lease: Option<String>) -> Event {
    let state = record.state.as_deref().and_then(State::of).unwrap_or(State::Given);
    Event {
        event_time: record.given_at.clone(),
        valid_from: record.valid_from.clone(),
        valid_until: lease.unwrap_or_else(|| record.valid_until.clone()),
        entity_id: record.customer.clone(),
        event_type: "dpv:ExpressedConsent",
        event_state: state.word(),
        consent_status: state.term(),
    }
}
