//! What stands in braces in a text: `{zone}`, `{value.NAME}`, `{nearest.KIND}`. Anything else would be shown as it is.

use super::Name;
use super::file::File;
use super::tree::At;
use super::values::no_id;

/// Live values in one campaign's texts: a sentence names one or two.
const MOST_VALUES: usize = 16;

/// What a campaign's texts ask for besides the zone, each once, and where it is first named.
#[derive(Default)]
pub(super) struct Named {
    pub(super) values: Vec<(Name, At)>,
    pub(super) nearest: Vec<(Name, At)>,
}

impl Named {
    /// Checks what stands in braces in `text`, and takes it in.
    pub(super) fn take(&mut self, file: &File<'_>, at: &At, text: &str) {
        let mut rest = text;
        while let Some((_, behind)) = rest.split_once('{') {
            let Some((name, after)) = behind.split_once('}') else {
                file.error(at, "a `{` is not closed", "write `{zone}` for the zone's name");
                return;
            };
            self.take_one(file, at, name);
            rest = after;
        }
    }

    fn take_one(&mut self, file: &File<'_>, at: &At, name: &str) {
        match name.split_once('.') {
            Some(("value", value)) if no_id(value).is_none() => {
                add(&mut self.values, value, at);
                if self.values.len() == MOST_VALUES + 1 {
                    file.error(at, format!("a campaign's texts name more than {MOST_VALUES} values"), "say less");
                }
            }
            Some(("nearest", kind)) if no_id(kind).is_none() => add(&mut self.nearest, kind, at),
            None if name == "zone" => {}
            _ => {
                let shown: String = name.chars().take(40).collect();
                file.error(
                    at,
                    format!("nothing can be put in for `{{{}}}`", shown.escape_debug()),
                    "write `{zone}` for the zone's name, `{nearest.till}` for the nearest zone of a kind, or `{value.NAME}`",
                );
            }
        }
    }
}

fn add(list: &mut Vec<(Name, At)>, name: &str, at: &At) {
    if !list.iter().any(|(known, _)| **known == *name) {
        list.push((name.into(), at.clone()));
    }
}
