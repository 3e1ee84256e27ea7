//! The contract on the wire as JSON Schemas (draft 2020-12), made from the very types that are written and read, so that
//! they cannot say anything else. `emma schema` prints them, `docs/schemas/` has them, and `docs/asyncapi.yaml` says which
//! topic carries which.
//!
//! Words (reasons, kinds, actions) come from the tables that the code goes by, descriptions from the comments of the types.

use schemars::generate::SchemaSettings;
use schemars::transform::RestrictFormats;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use crate::gateway::consent::record::{ConsentRecord, EndedRecord, WithdrawalRecord};
use crate::incoming::consent::BeatFields;
use crate::incoming::subject::SubjectFields;
use crate::incoming::{ControlFields, FeedbackFields, PurchaseFields, ValueFields};
use crate::mqtt::answer::{Asked, Done, Exported, Rejected, WhyAnswer};
use crate::mqtt::consent::{Accepted, Forgotten};
use crate::mqtt::ended;
use crate::mqtt::envelope::Event;
use crate::mqtt::event::{OfferData, issued};
use crate::mqtt::state::{HealthMessage, StateMessage};
use crate::radio::phone::HeardMessage;
use crate::report::Report;
use crate::sharing::wire::{Batch, Page};

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Emma says it. What a later version adds, readers pass over.
    Said,
    /// Emma reads it. What a later version asks for, writers need not know.
    Read,
}

/// A message of the contract.
#[derive(Clone, Copy)]
pub struct Message {
    /// Its name, and that of its file.
    pub name: &'static str,
    /// A change that breaks the other side is a new first number, and with it a new type; any other a new second one.
    pub version: (u32, u32),
    /// Which way it goes.
    pub direction: Direction,
    make: fn() -> Schema,
}

/// Every message. `cargo test --test contract` tells of one that changed, and what to do.
pub const MESSAGES: [Message; 25] = [
    said::<Event<'static, Value>>("event"),
    Message { make: offer_issued, ..said::<()>("offer-issued") },
    said::<ended::Data<'static>>("offer-ended"),
    said::<Report>("report-restraint"),
    said::<StateMessage<'static>>("gateway-state"),
    Message { version: (1, 2), ..said::<HealthMessage<'static>>("gateway-health") },
    said::<Asked<OfferData<'static>>>("answer-ask"),
    said::<WhyAnswer<'static>>("answer-why"),
    said::<Done>("answer-done"),
    Message { version: (1, 1), ..said::<Exported>("answer-export") },
    said::<Rejected<'static>>("answer-rejected"),
    said::<Accepted<'static>>("answer-accepted"),
    said::<Forgotten>("answer-forgotten"),
    said::<Batch>("sighting"),
    said::<Page>("registry"),
    read::<FeedbackFields>("feedback"),
    read::<PurchaseFields>("purchase"),
    read::<ValueFields>("value"),
    read::<SubjectFields>("subject"),
    read::<ControlFields>("control"),
    read::<HeardMessage>("heard"),
    // A record is read by hand, and as strictly as it is written.
    Message { direction: Direction::Read, version: (1, 1), ..said::<ConsentRecord>("consent") },
    Message { direction: Direction::Read, ..said::<WithdrawalRecord>("withdrawal") },
    Message { direction: Direction::Read, ..said::<EndedRecord>("consent-ended") },
    read::<BeatFields>("consent-feed"),
];

const fn said<T: JsonSchema>(name: &'static str) -> Message {
    Message { name, version: (1, 0), direction: Direction::Said, make: written::<T> }
}

const fn read<T: JsonSchema>(name: &'static str) -> Message {
    let make = || made::<T>(SchemaSettings::draft2020_12().for_deserialize());
    Message { name, version: (1, 0), direction: Direction::Read, make }
}

fn offer_issued() -> Schema {
    let mut schema = written::<OfferData<'static>>();
    issued(&mut schema);
    schema
}

fn written<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    made::<T>(settings.with_transform(|schema: &mut Schema| everywhere(schema, absent_or_there)))
}

fn made<T: JsonSchema>(mut settings: SchemaSettings) -> Schema {
    // A document that needs no other, and nothing within: not every tool follows references.
    settings.inline_subschemas = true;
    let settings = settings.with_transform(RestrictFormats::default());
    let settings = settings.with_transform(|schema: &mut Schema| everywhere(schema, in_one_line));
    settings.into_generator().into_root_schema_for::<T>()
}

fn everywhere(schema: &mut Schema, change: fn(&mut Schema)) {
    change(schema);
    schemars::transform::transform_subschemas(&mut |schema: &mut Schema| everywhere(schema, change), schema);
}

/// What is written and may be absent is never `null`: it is left out.
fn absent_or_there(schema: &mut Schema) {
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| required.as_array().is_some_and(|names| names.iter().any(|known| known == name));
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (_, property) in properties.iter_mut().filter(|(name, _)| !is_required(name)) {
        if let Some(Value::Array(types)) = property.get_mut("type") {
            types.retain(|kind| kind != "null");
            if let [kind] = &types[..] {
                property["type"] = kind.clone();
            }
        }
        if let Some(Value::Array(kinds)) = property.get_mut("anyOf") {
            kinds.retain(|kind| kind["type"] != "null");
        }
    }
}

/// The comments of code are broken into lines, and name things of the code in brackets.
fn in_one_line(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace('\n', " ");
    }
}

impl Message {
    /// The message that is called `name`.
    pub fn of(name: &str) -> Option<Self> {
        MESSAGES.into_iter().find(|message| message.name == name)
    }

    /// What events call its schema.
    pub fn urn(&self) -> String {
        format!("urn:emma:schema:{}:v{}", self.name, self.version.0)
    }

    /// Its schema.
    pub fn schema(&self) -> Value {
        let mut schema = (self.make)();
        schema.insert("$id".to_owned(), self.urn().into());
        schema.insert("title".to_owned(), self.name.into());
        schema.insert("x-version".to_owned(), format!("{}.{}", self.version.0, self.version.1).into());
        schema.to_value()
    }

    /// The same as `emma schema` prints it and `docs/schemas/` has it.
    pub fn text(&self) -> String {
        format!("{:#}\n", self.schema())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{event, report};

    #[test]
    fn the_schemas_that_events_name_are_there() {
        for urn in [event::OFFER_ISSUED_SCHEMA, ended::OFFER_ENDED_SCHEMA, report::REPORTED_SCHEMA] {
            assert!(MESSAGES.iter().any(|message| message.urn() == urn), "{urn}");
        }
    }

    #[test]
    fn whoever_writes_a_schema_says_what_each_field_is() {
        fn undescribed(at: &str, schema: &Value, told: &mut Vec<String>) {
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                let is_told = property.get("description").is_some() || property.get("$ref").is_some();
                let at = format!("{at}.{name}");
                if !is_told {
                    told.push(at.clone());
                }
                undescribed(&at, property, told);
            }
            undescribed_items(at, schema, told);
        }
        fn undescribed_items(at: &str, schema: &Value, told: &mut Vec<String>) {
            if schema["items"].is_object() {
                undescribed(at, &schema["items"], told);
            }
        }
        let mut told = Vec::new();
        for message in MESSAGES {
            undescribed(message.name, &message.schema(), &mut told);
        }
        assert!(told.is_empty(), "a comment is missing at {}", told.join(", "));
    }
}
