//! What `emma consent export` prints: everything that is stored of one customer, to be read by them.

use serde_json::Value;

use crate::export::{Export, Stored};

/// The export of `customer` as a page.
pub(super) fn page(customer: &str, export: &Export) -> String {
    let Export { at, controller, contact, stored } = export;
    let contact = contact.as_deref().map(|contact| format!(" ({contact})")).unwrap_or_default();
    let controller = controller.as_deref().map(|controller| format!("{controller}{contact} answers for it.\n"));
    let controller = controller.unwrap_or_default();
    let (empty, full): (Vec<&Stored>, Vec<&Stored>) = stored.iter().partition(|stored| stored.items.is_empty());
    let sections: String = full.iter().map(|stored| section(stored)).collect();
    let empty: Vec<&str> = empty.iter().map(|stored| &*stored.what).collect();
    let nothing = match &empty[..] {
        _ if full.is_empty() => "\nNothing is stored: Emma does not know this customer.\n".to_owned(),
        [] => String::new(),
        empty => format!("\nNothing is stored of: {}.\n", empty.join(", ")),
    };
    format!("What Emma has stored of {customer} in this shop, at {at}\n{controller}{sections}{nothing}")
}

fn section(stored: &Stored) -> String {
    let Stored { what, place, purpose, origin, kept, items, .. } = stored;
    let place = if place == "memory" { "in memory alone" } else { "on the disk" };
    let paragraph = |item: &Value| format!("\n{}", lines(4, item));
    let items: String = items.iter().map(paragraph).collect();
    format!("\n{what}, {place}\n  for    {purpose}\n  from   {origin}\n  kept   {kept}\n{items}")
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
        let export = Export { at, controller, contact: None, stored: vec![consent, stored("visit", vec![])] };
        assert_eq!(
            page("karoline-7", &export),
            "What Emma has stored of karoline-7 in this shop, at 2026-11-02T10:00:00Z\nHall Ltd answers for it.\n\
             \nconsent, on the disk\n  for    to try it\n  from   a test\n  kept   a moment\n\
             \n    customer: karoline-7\n    record:\n      inbox:\n        push: q7Jr\n      purposes: offers\n      \
             test: no\n      tier: personal\n\nNothing is stored of: visit.\n"
        );
        let nothing = Export { stored: vec![stored("consent", vec![])], controller: None, ..export };
        assert!(page("nobody", &nothing).ends_with("\nNothing is stored: Emma does not know this customer.\n"));
    }
}
