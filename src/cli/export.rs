//! What `emma consent export` prints: everything that is stored of one customer, to be read by them.

use serde_json::Value;

use crate::export::{Export, Stored};
use crate::words::Language;
use crate::words::export::ExportWords;

/// The export of `customer` as a page.
pub(super) fn page(customer: &str, export: &Export) -> String {
    let Export { at, controller, contact, language, stored } = export;
    let words = ExportWords { language: Language::of(language).unwrap_or(Language::En) };
    let responsible = controller.as_deref().zip(contact.as_deref());
    let responsible = responsible.map(|(controller, contact)| words.controller(controller, contact) + "\n");
    let responsible = responsible.unwrap_or_default();
    let (empty, full): (Vec<&Stored>, Vec<&Stored>) = stored.iter().partition(|stored| stored.items.is_empty());
    let sections: String = full.iter().map(|stored| section(stored, &words)).collect();
    let empty: Vec<&str> = empty.iter().map(|stored| &*stored.what).collect();
    let nothing = match &empty[..] {
        _ if full.is_empty() => format!("\n{}\n", words.nobody()),
        [] => String::new(),
        empty => format!("\n{}\n", words.nothing(&empty.join(", "))),
    };
    format!("{}\n{responsible}{sections}{nothing}", words.title(customer, at))
}

fn section(stored: &Stored, words: &ExportWords) -> String {
    let Stored { what, place, purpose, origin, kept, items, .. } = stored;
    let place = words.place(place == "memory");
    let [why, from, how_long] = words.heads();
    let width = [&why, &from, &how_long].map(|head| head.chars().count()).into_iter().max().unwrap_or_default() + 2;
    let paragraph = |item: &Value| format!("\n{}", lines(4, item));
    let items: String = items.iter().map(paragraph).collect();
    format!("\n{what}, {place}\n  {why:width$}{purpose}\n  {from:width$}{origin}\n  {how_long:width$}{kept}\n{items}")
}

/// A value on lines of its own, `indent` in.
fn lines(indent: usize, value: &Value) -> String {
    let field = |(name, value): (&String, &Value)| {
        if is_one_line(value) {
            format!("{:indent$}{name}: {}\n", "", one_line(value))
        } else {
            format!("{:indent$}{name}:\n{}", "", lines(indent + 2, value))
        }
    };
    let entry = |value: &Value| format!("{:indent$}-\n{}", "", lines(indent + 2, value));
    match value {
        Value::Object(fields) => fields.iter().map(field).collect(),
        Value::Array(values) => values.iter().map(entry).collect(),
        other => format!("{:indent$}{}\n", "", one_line(other)),
    }
}

/// Whether it is short enough for the line of its name: no object, and no list of them.
fn is_one_line(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(values) => values.iter().all(|value| !value.is_object() && !value.is_array()),
        _ => true,
    }
}

fn one_line(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => "none".to_owned(),
        Value::Array(values) => values.iter().map(one_line).collect::<Vec<_>>().join(", "),
        Value::Number(number) => number.to_string(),
        Value::Object(_) => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stored(what: &str, items: Vec<Value>) -> Stored {
        let (purpose, origin, kept) = ("to try it".into(), "a test".into(), "a moment".into());
        let (what, place) = (what.into(), "disk".into());
        Stored { what, place, purpose, origin, kept, kept_secs: None, items, left_out: 0 }
    }

    #[test]
    fn an_export_can_be_read() {
        let record = json!({"tier": "personal", "purposes": ["offers"], "inbox": {"push": "q7Jr"}, "test": false});
        let consent = stored("consent", vec![json!({"customer": "karoline-7", "record": record})]);
        let (at, controller) = ("2026-11-02T10:00:00Z".to_owned(), Some("Hall Ltd".to_owned()));
        let language = "en".to_owned();
        let export = Export {
            at,
            controller,
            contact: Some("at the till".into()),
            language,
            stored: vec![consent, stored("visit", vec![])],
        };
        assert_eq!(
            page("karoline-7", &export),
            "What Emma has stored of karoline-7 in this shop, at 2026-11-02T10:00:00Z\nHall Ltd (at the till) answers for it.\n\
             \nconsent, on the disk\n  for   to try it\n  from  a test\n  kept  a moment\n\
             \n    customer: karoline-7\n    record:\n      inbox:\n        push: q7Jr\n      purposes: offers\n      \
             test: no\n      tier: personal\n\nNothing is stored of: visit.\n"
        );
        let nothing = Export { stored: vec![stored("consent", vec![])], controller: None, contact: None, ..export };
        assert!(page("nobody", &nothing).ends_with("\nNothing is stored: Emma does not know this customer.\n"));
    }
}
