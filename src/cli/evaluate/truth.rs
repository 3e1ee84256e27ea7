//! Where people truly were: a file of samples, checked (the format is in `docs/evaluate.md`).

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::config::Name;
use crate::config::problem::nearest;

/// The largest file, in bytes: a million samples, which are eleven days at one a second.
pub(super) const LARGEST_TRUTH: u64 = 64 << 20;

/// More complaints than anybody reads; the rest is counted.
const TOLD: usize = 10;

/// Times before 1973 are no microseconds since 1970: somebody wrote seconds or milliseconds.
const EARLIEST_US: i64 = 100_000_000_000_000;

/// Who is slower than a quarter of a metre a second is at rest: a step or two between two shelves is no walk, and a
/// stroll through a shop is at least twice as fast.
const REST_WITHIN_M: f64 = 0.5;

/// … over so long before, and after, in microseconds.
const REST_US: i64 = 2_000_000;

/// Where somebody was from one moment until the next sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cli) enum Place {
    /// On the plan, in metres.
    Point(f64, f64),
    /// In a zone, by its place in zones.toml, or in none.
    Zone(Option<usize>),
}

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// Microseconds since 1970 UTC.
    pub(super) t_us: i64,
    /// Where.
    pub(super) place: Place,
    /// Whether they stood or sat, if the file says so.
    pub(super) rest: Option<bool>,
}

/// One customer's samples, in order of time; of two at one instant the later line counts. Never empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Track {
    samples: Vec<Sample>,
}

impl Track {
    /// The first and the last instant, in microseconds since 1970 UTC.
    pub(super) fn span_us(&self) -> Option<(i64, i64)> {
        Some((self.samples.first()?.t_us, self.samples.last()?.t_us))
    }

    /// The sample that holds at `t_us`: the last one until then; at an earlier time the first.
    pub(super) fn at(&self, t_us: i64) -> Option<&Sample> {
        let behind = self.samples.partition_point(|sample| sample.t_us <= t_us);
        self.samples.get(behind.saturating_sub(1))
    }

    /// Whether they are at rest at `t_us`: the file's own word, else whether they stay within [`REST_WITHIN_M`] of
    /// this place from [`REST_US`] before to as long after. Of somebody who is only known by zones nobody can tell.
    pub(super) fn is_at_rest(&self, t_us: i64) -> Option<bool> {
        let here = self.at(t_us)?;
        let Place::Point(x, y) = here.place else { return here.rest };
        here.rest.or_else(|| {
            let is_close = |t_us| match self.at(t_us).map(|sample| sample.place) {
                Some(Place::Point(there_x, there_y)) => (there_x - x).hypot(there_y - y) < REST_WITHIN_M,
                Some(Place::Zone(_)) | None => true,
            };
            Some(is_close(t_us - REST_US) && is_close(t_us + REST_US))
        })
    }

    /// Every sample.
    pub(super) fn samples(&self) -> &[Sample] {
        &self.samples
    }
}

/// The samples by customer; under nothing are those that name none.
pub(super) type Tracks = BTreeMap<Option<Name>, Track>;

/// A line of the file, whichever way it is written.
#[derive(Default, Deserialize)]
struct Row {
    t: i64,
    customer: Option<String>,
    x_m: Option<f64>,
    y_m: Option<f64>,
    #[serde(default)]
    zone: Named,
    rest: Option<bool>,
}

/// What a line says of the zone.
#[derive(Default)]
enum Named {
    /// Nothing.
    #[default]
    Unnamed,
    /// `null`: in none.
    Nowhere,
    /// In the one with this id.
    Zone(String),
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        Option::deserialize(value).map(|zone| zone.map_or(Self::Nowhere, Self::Zone))
    }
}

/// Reads a truth, JSON Lines or CSV. `zones` are the shop's, in order.
///
/// # Errors
/// Sentences with the number of the line in front, at most eleven.
pub(super) fn read(text: &str, zones: &[Name]) -> Result<Tracks, Vec<String>> {
    let (mut tracks, mut complaints, mut uncounted) = (Tracks::new(), Vec::new(), 0_usize);
    // Spreadsheets put a byte order mark in front.
    let mut lines =
        text.trim_start_matches('\u{feff}').lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).peekable();
    let is_json = lines.peek().is_none_or(|(_, first)| first.trim_start().starts_with('{'));
    let columns = if is_json { Vec::new() } else { lines.next().map_or_else(Vec::new, |(_, line)| columns(line)) };
    if !is_json && !columns.contains(&"t") {
        return Err(vec![
            "1: neither JSON nor a table: the first line of a table names its columns, `t` one of them".into(),
        ]);
    }
    for (index, line) in lines {
        let row = if is_json { from_json(line) } else { from_csv(line, &columns) };
        match row.and_then(|row| Ok((sample(&row, zones)?, row.customer))) {
            Ok((sample, customer)) => tracks.entry(customer.map(Name::from)).or_default().samples.push(sample),
            Err(what) if complaints.len() < TOLD => complaints.push(format!("{}: {what}", index + 1)),
            Err(_) => uncounted += 1,
        }
    }
    if uncounted > 0 {
        complaints.push(format!("and {uncounted} more lines"));
    }
    for track in tracks.values_mut() {
        track.samples.sort_by_key(|sample| sample.t_us);
    }
    if complaints.is_empty() { Ok(tracks) } else { Err(complaints) }
}

fn from_json(line: &str) -> Result<Row, String> {
    serde_json::from_str(line).map_err(|error| {
        let text = error.to_string();
        text.split(" at line ").next().unwrap_or_default().to_owned()
    })
}

fn columns(header: &str) -> Vec<&str> {
    header.split(',').map(bare).collect()
}

/// A field without the quotes that spreadsheets put around it.
fn bare(field: &str) -> &str {
    field.trim().trim_matches('"')
}

fn from_csv(line: &str, columns: &[&str]) -> Result<Row, String> {
    let mut fields: BTreeMap<&str, &str> = columns.iter().copied().zip(line.split(',').map(bare)).collect();
    let mut field = |name: &str| fields.remove(name).filter(|field| !field.is_empty());
    let number = |name: &str, field: Option<&str>| match field.map(str::parse::<f64>) {
        None => Ok(None),
        Some(Ok(number)) => Ok(Some(number)),
        Some(Err(_)) => Err(format!("`{name}` is no number")),
    };
    let t = field("t").ok_or("`t` is missing")?;
    let (x_m, y_m) = (number("x_m", field("x_m"))?, number("y_m", field("y_m"))?);
    let zone = match field("zone") {
        Some(id) => Named::Zone(id.to_owned()),
        // A table has no null: where there is a column for the zone, nothing in it is in none.
        None if columns.contains(&"zone") && x_m.is_none() && y_m.is_none() => Named::Nowhere,
        None => Named::Unnamed,
    };
    let rest = match field("rest") {
        None => None,
        Some("true" | "1") => Some(true),
        Some("false" | "0") => Some(false),
        Some(_) => return Err("`rest` is neither true nor false".to_owned()),
    };
    Ok(Row {
        t: t.parse().map_err(|_| "`t` is no whole number".to_owned())?,
        customer: field("customer").map(str::to_owned),
        x_m,
        y_m,
        zone,
        rest,
    })
}

fn sample(row: &Row, zones: &[Name]) -> Result<Sample, String> {
    if row.t < EARLIEST_US {
        return Err(format!("`t` is {}: write microseconds since 1970, as captures do", row.t));
    }
    let place = match (row.x_m, row.y_m, &row.zone) {
        (Some(x_m), Some(y_m), Named::Unnamed) if x_m.is_finite() && y_m.is_finite() => Place::Point(x_m, y_m),
        (None, None, Named::Nowhere) => Place::Zone(None),
        (None, None, Named::Zone(id)) => Place::Zone(Some(zone(id, zones)?)),
        (None, None, Named::Unnamed) => return Err("nothing says where: write `x_m` and `y_m`, or `zone`".to_owned()),
        (_, _, Named::Unnamed) => return Err("`x_m` and `y_m` belong together, in metres".to_owned()),
        (_, _, Named::Nowhere | Named::Zone(_)) => {
            return Err("write `x_m` and `y_m`, or `zone`, not both".to_owned());
        }
    };
    Ok(Sample { t_us: row.t, place, rest: row.rest })
}

fn zone(id: &str, zones: &[Name]) -> Result<usize, String> {
    zones.iter().position(|known| **known == *id).ok_or_else(|| {
        let shown: String = id.chars().take(64).filter(|c| !c.is_control()).collect();
        let near = nearest(id, zones.iter().map(|zone| &**zone));
        let hint = near.map_or_else(String::new, |near| format!(": is it `{near}`?"));
        format!("`{shown}` is no zone of zones.toml{hint}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones() -> Vec<Name> {
        vec!["till".into(), "shoes".into()]
    }

    fn complaints(text: &str) -> Vec<String> {
        read(text, &zones()).unwrap_err()
    }

    #[test]
    fn lines_and_tables_say_the_same() {
        let lines = r#"
            {"t":1668027000000000,"x_m":1.5,"y_m":2,"rest":true,"note":"at the door"}
            {"t":1668027002000000,"zone":null}
            {"t":1668027001000000,"zone":"shoes"}"#;
        let table = "\u{feff}t, \"x_m\",y_m,zone,rest\r\n1668027000000000,1.5,2.0,,true\r\n\
            1668027002000000,,,,\r\n1668027001000000,,,shoes,\r\n";
        let tracks = read(lines, &zones()).unwrap();
        assert_eq!(tracks, read(table, &zones()).unwrap());
        let track = &tracks[&None];
        assert_eq!(track.span_us(), Some((1_668_027_000_000_000, 1_668_027_002_000_000)));
        let place = |t_us| track.at(t_us).unwrap().place;
        assert_eq!(place(0), Place::Point(1.5, 2.0), "nothing is known from before the first");
        assert_eq!(place(1_668_027_000_999_999), Place::Point(1.5, 2.0), "a sample holds until the next");
        assert_eq!(place(1_668_027_001_000_000), Place::Zone(Some(1)));
        assert_eq!(place(i64::MAX), Place::Zone(None));
    }

    #[test]
    fn customers_are_told_apart() {
        let text = "t,customer,x_m,y_m\n1668027000000000,a,1,1\n1668027000000000,b,2,2\n1668027001000000,a,1,1\n";
        let tracks = read(text, &zones()).unwrap();
        let count = |name: &str| tracks[&Some(name.into())].samples().len();
        assert_eq!((count("a"), count("b"), tracks.len()), (2, 1, 2));
    }

    #[test]
    fn who_stays_where_they_are_is_at_rest() {
        let line = |secs: i64, x: f64| format!("{},{x},0\n", (1_668_027_000 + secs) * 1_000_000);
        let text: String = (0..=20).map(|secs| line(secs, f64::from(secs.clamp(5, 15) as i32))).collect();
        let track = &read(&format!("t,x_m,y_m\n{text}"), &[]).unwrap()[&None];
        let rests = |secs: i64| track.is_at_rest((1_668_027_000 + secs) * 1_000_000).unwrap();
        assert_eq!(
            [0, 3, 4, 5, 10, 15, 16, 17, 20].map(rests),
            [true, true, false, false, false, false, false, true, true]
        );
        let told = r#"{"t":1668027000000000,"x_m":1,"y_m":1,"rest":false}"#;
        assert_eq!(read(told, &[]).unwrap()[&None].is_at_rest(i64::MAX - REST_US), Some(false));
        let zone = r#"{"t":1668027000000000,"zone":null}"#;
        assert_eq!(read(zone, &[]).unwrap()[&None].is_at_rest(0), None);
    }

    #[test]
    fn rubbish_is_told_line_by_line() {
        let told = complaints(
            r#"{"t":1668027000000000,"zone":"shoos"}
{"t":1668027000,"zone":"till"}
{"t":1668027000000000}
{"t":1668027000000000,"x_m":1}
{"t":1668027000000000,"x_m":1,"y_m":1,"zone":"till"}
{"x_m":1,"y_m":1}
{"t":1668027000000000,"x_m":"1","y_m":1}
nonsense"#,
        );
        assert_eq!(
            told,
            [
                "1: `shoos` is no zone of zones.toml: is it `shoes`?",
                "2: `t` is 1668027000: write microseconds since 1970, as captures do",
                "3: nothing says where: write `x_m` and `y_m`, or `zone`",
                "4: `x_m` and `y_m` belong together, in metres",
                "5: write `x_m` and `y_m`, or `zone`, not both",
                "6: missing field `t`",
                "7: invalid type: string \"1\", expected f64",
                "8: expected ident",
            ]
        );
        assert_eq!(complaints("t,x_m,y_m\nsoon,1,1\n1668027000000000,one,1\n").len(), 2);
        assert!(complaints("<html>")[0].contains("neither JSON nor a table"));
        assert_eq!(complaints(&"{\n".repeat(30)).last().unwrap(), "and 20 more lines");
    }

    #[test]
    fn a_damaged_truth_is_refused_or_read_and_never_worse() {
        let text = "t,customer,x_m,y_m,zone,rest\n1668027000000000,a,1.5,2,,true\n1668027001000000,b,,,shoes,\n";
        let line = r#"{"t":1668027000000000,"customer":"a","x_m":1.5,"y_m":-2e3,"zone":null,"rest":false}"#;
        for whole in [text, line] {
            for at in 0..whole.len() {
                for byte in b"\",{}-9e\n\0" {
                    let mut bytes = whole.as_bytes().to_vec();
                    bytes[at] = *byte;
                    let Ok(damaged) = String::from_utf8(bytes) else { continue };
                    if let Err(complaints) = read(&damaged, &zones()) {
                        assert!(!complaints.is_empty() && complaints.len() <= TOLD + 1, "{damaged}");
                    }
                }
            }
        }
    }
}
