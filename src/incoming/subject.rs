//! What a person asks of whoever keeps something of them, on the topic `subject`: all of it, or to be forgotten.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Flaw, MAX_LEVEL, Message, whom};

const EXPORT: &str = "export";
const ERASE: &str = "erase";

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Everything that is stored.
    Export,
    /// That nothing is stored any more.
    Erase,
}

/// What the fields of a request say.
pub(super) fn request(fields: SubjectFields) -> Result<Message, Flaw> {
    let wish = match &*fields.what {
        EXPORT => Wish::Export,
        ERASE => Wish::Erase,
        _ => return Err(Flaw::Kind),
    };
    Ok(Message::Subject { whom: whom(fields.customer, fields.inbox)?, wish })
}

/// What a person asks of whoever keeps something of them.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend("oneOf" = [{ "required": ["customer"] }, { "required": ["inbox"] }]))]
pub(crate) struct SubjectFields {
    /// To be told everything that is stored, or that nothing is stored any more.
    #[serde(rename = "do")]
    #[schemars(extend("enum" = [EXPORT, ERASE]))]
    what: String,
    /// Their pseudonym, as in their consent.
    #[schemars(regex(pattern = "^[A-Za-z0-9._-]{1,64}$"))]
    customer: Option<String>,
    /// One of their inboxes.
    #[schemars(length(min = 1, max = MAX_LEVEL), regex(pattern = "^[^/+#]+$"))]
    inbox: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::consent::CustomerId;
    use crate::incoming::{Whom, parse};

    fn read(payload: &str) -> Result<Message, Flaw> {
        parse("subject", payload.as_bytes())
    }

    #[test]
    fn a_person_is_named_by_one_of_two_and_asks_for_one_of_two() {
        let whom = Whom::Customer(CustomerId::new("karoline-7").unwrap());
        let said = read(r#"{"do":"erase","customer":"karoline-7","reason":"moved"}"#);
        assert!(said == Ok(Message::Subject { whom, wish: Wish::Erase }));
        let said = read(r#"{"do":"export","inbox":"q7Jr"}"#);
        assert!(said == Ok(Message::Subject { whom: Whom::Inbox("q7Jr".into()), wish: Wish::Export }));
        let flaw = |payload: &str| read(payload).err();
        assert_eq!(flaw(r#"{"do":"forget","customer":"karoline-7"}"#), Some(Flaw::Kind));
        assert_eq!(flaw(r#"{"do":"erase"}"#), Some(Flaw::Fields));
        assert_eq!(flaw(r#"{"do":"erase","customer":"karoline-7","inbox":"q7Jr"}"#), Some(Flaw::Fields));
        assert_eq!(flaw(r#"{"do":["erase"],"customer":"karoline-7"}"#), Some(Flaw::Fields));
        assert_eq!(flaw(r#"{"do":"erase","customer":"%"}"#), Some(Flaw::Text));
        assert_eq!(flaw(""), Some(Flaw::NotJson));
        assert_eq!(parse("subject/karoline-7", b"{}").err(), Some(Flaw::Topic));
    }
}
