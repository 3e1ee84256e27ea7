//! `coupon` of a campaign: one code for everyone, a list of codes, or a key to compute them with (`docs/coupons.md`).

use std::collections::{BTreeSet, HashMap};

use super::Name;
use super::beside::Beside;
use super::offers::{Coupon, CouponKey, Scheme};
use super::reader::Table;
use super::tree::{self, At, Branch, Value};
use super::values::no_id;

/// More codes, in all lists together, than a shop gives away in a year; as many take about 64 MB in memory.
const MOST_CODES: usize = 1_000_000;

/// The longest code of a list, in characters: what a till's barcode holds.
const LONGEST_CODE: usize = 64;

/// Lines of a list that are told to be wrong; the rest is counted.
const MOST_LINES_TOLD: usize = 10;

/// What was read of a coupon.
#[derive(Default)]
pub(super) struct CouponRead {
    pub(super) coupon: Option<Coupon>,
    /// The list of codes that it names, and where.
    pub(super) pool: Option<(Name, At)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Pool,
    Derived,
}

/// Reads `coupon`; files that it names are read as well.
pub(super) fn read(mut table: Table<'_>, beside: &Beside<'_>) -> CouponRead {
    let code = table.text("code");
    let word = table.choice("scheme", &[("pool", Word::Pool), ("derived", Word::Derived)]);
    let single_use = table.flag("single-use");
    let (file, key_file) = (beside_name(&mut table, "file"), beside_name(&mut table, "key-file"));
    check_shape(&mut table, word, single_use);
    let at = table.at("file");
    let scheme = match word {
        None => code.map(Scheme::Fixed),
        Some(Word::Pool) => {
            file.as_ref().and_then(|file| read_pool(&table, file, beside)).map(|codes| Scheme::Pool(codes.into()))
        }
        Some(Word::Derived) => key_file.and_then(|file| read_key(&table, &file, beside)).map(Scheme::Derived),
    };
    table.finish();
    let single_use = single_use.unwrap_or(word == Some(Word::Pool));
    let pool = file.filter(|_| word == Some(Word::Pool)).map(|file| (file, at));
    CouponRead { coupon: scheme.map(|scheme| Coupon { scheme, single_use }), pool }
}

/// Each scheme has its own keys, and needs them.
fn check_shape(table: &mut Table<'_>, word: Option<Word>, single_use: Option<bool>) {
    match word {
        Some(Word::Pool) => table.need("file", "\"boots.codes\""),
        Some(Word::Derived) => table.need("key-file", "\"boots.key\""),
        None if !table.has("code") && !table.has("scheme") => {
            table.error("code", "the coupon has no code", "write `coupon = { code = \"BOOTS10\" }`");
        }
        None => {}
    }
    if table.has("code") && ["scheme", "file", "key-file"].into_iter().any(|key| table.has(key)) {
        table.error("code", "a coupon has one code for everyone or a scheme, not both", "keep one of the two");
    } else if table.has("code") && single_use == Some(true) {
        table.error(
            "single-use",
            "one code for everyone cannot be for a single use: the second customer would be refused",
            "give each a code of their own: `scheme = \"pool\"` or `scheme = \"derived\"`",
        );
    }
    for (key, other) in [("file", Word::Derived), ("key-file", Word::Pool)] {
        if word == Some(other) && table.has(key) {
            let scheme = if other == Word::Pool { "pool" } else { "derived" };
            table.error(key, format!("`{key}` is not for scheme \"{scheme}\""), "take it out");
        }
    }
}

/// The name of a file beside offers.toml. No path, so that whoever edits offers cannot have another's file said aloud.
fn beside_name(table: &mut Table<'_>, key: &'static str) -> Option<Name> {
    let name = table.text(key)?;
    if no_id(&name).is_some() || name.starts_with('.') {
        let what = format!("`{key}` is no name of a file beside offers.toml");
        table.error(key, what, "write a name of A-Z a-z 0-9 . _ - without a folder, such as \"boots.codes\"");
        return None;
    }
    Some(name)
}

fn read_key(table: &Table<'_>, file: &str, beside: &Beside<'_>) -> Option<CouponKey> {
    let path = beside.path(file);
    let make = format!("emma coupon key {path} makes one");
    let found = beside.read(file, &make).map_err(|(what, hint)| table.error("key-file", what, hint)).ok()?;
    if found.is_open {
        table.file.warning(
            &table.at("key-file"),
            format!("{path} is open to every user of this machine: whoever reads the key can make coupons"),
            format!("sudo chown emma {path} && sudo chmod 400 {path}"),
        );
    }
    let key = std::str::from_utf8(&found.bytes).ok().and_then(CouponKey::from_hex);
    if key.is_none() {
        let what = format!("{path} is no key: that is 32 random bytes as 64 hex digits");
        table.error("key-file", what, format!("emma coupon key {path} makes one where there is none"));
    }
    key
}

fn read_pool(table: &Table<'_>, file: &str, beside: &Beside<'_>) -> Option<Vec<Name>> {
    let found = beside
        .read(file, "put it there, one code a line")
        .map_err(|(what, hint)| table.error("file", what, hint))
        .ok()?;
    let Ok(text) = std::str::from_utf8(&found.bytes) else {
        table.error("file", format!("{file} is not UTF-8 text"), "save it as UTF-8, one code a line");
        return None;
    };
    let Lines { codes, wrong } = lines(text);
    for (what, hint) in wrong.iter().take(MOST_LINES_TOLD) {
        table.error("file", format!("{file}, {what}"), *hint);
    }
    if let Some(more) = wrong.len().checked_sub(MOST_LINES_TOLD).filter(|more| *more > 0) {
        table.error("file", format!("{file}: and {more} more lines"), "put these right first");
    }
    let in_all = beside.codes.get().saturating_add(codes.len());
    beside.codes.set(in_all);
    if codes.is_empty() && wrong.is_empty() {
        table.error("file", format!("{file} has no code"), "write one code a line, or take the coupon out");
    } else if in_all > MOST_CODES {
        let what = format!("with {file} there are more than {MOST_CODES} codes");
        table.error("file", what, "leave the codes away that are given already");
        return None;
    }
    Some(codes)
}

/// What a list of codes says, line by line, and what is wrong with it. No code is repeated there: it is worth money.
struct Lines {
    codes: Vec<Name>,
    wrong: Vec<(String, &'static str)>,
}

fn lines(text: &str) -> Lines {
    // Spreadsheets begin a text with a mark of its encoding.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let (mut codes, mut wrong) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        let code = line.trim();
        if code.is_empty() || code.starts_with('#') {
            continue;
        }
        if code.chars().count() > LONGEST_CODE {
            wrong.push((
                format!("line {number}: a code is longer than 64 characters"),
                "one code a line, and nothing else",
            ));
        } else if code.chars().any(char::is_control) {
            wrong.push((
                format!("line {number}: a code holds a control character"),
                "one code a line, and nothing else",
            ));
        } else if let Some(first) = seen.insert(code, number) {
            wrong.push((
                format!("line {number}: the same code as in line {first}"),
                "each code is given away once: keep one",
            ));
        } else {
            codes.push(code.into());
        }
    }
    Lines { codes, wrong }
}

/// The files that coupons of this offers.toml name, whatever else is wrong with it: what a reload has to look at besides.
pub(super) fn files_named(offers: &str) -> BTreeSet<String> {
    let (tree, _) = tree::parse(offers);
    let Some(Value::List(campaigns)) = tree.get("campaign").map(|entry| &entry.node.value) else {
        return BTreeSet::new();
    };
    let coupons = campaigns.iter().filter_map(|campaign| table(&table(&campaign.value)?.get("coupon")?.node.value));
    let entries = coupons.flat_map(|coupon| [coupon.get("file"), coupon.get("key-file")]).flatten();
    let names = entries.filter_map(|entry| match &entry.node.value {
        Value::Text(name) if no_id(name).is_none() => Some(name.clone()),
        _ => None,
    });
    names.collect()
}

fn table(value: &Value) -> Option<&Branch> {
    match value {
        Value::Table(branch) => Some(branch),
        _ => None,
    }
}
