//! A message as a line for people. Whatever it holds, a line comes of it: what watches must not stumble.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::Value;

use crate::cli::printable::{cut, printable};
use crate::clock::Clock;

/// The longest title that is shown, in characters; what is longer ends in an ellipsis.
const MAX_TEXT: usize = 120;

/// The longest line, in characters, whatever a message holds: five lines of a terminal.
const MAX_LINE: usize = 400;

/// The first characters of an id tell one from another on a screen.
const SHORT_ID: usize = 8;

/// A message as it came.
pub(super) struct Message<'a> {
    /// Its topic without the root: `v1/{site}/{what}/…`.
    pub(super) rest: &'a str,
    /// Its payload; nothing where that is no JSON.
    pub(super) body: Option<&'a Value>,
    /// It has no payload at all: what was retained is taken back.
    pub(super) is_empty: bool,
}

impl Message<'_> {
    /// The levels of its topic: the site, what it is, and whom it is for.
    fn levels(&self) -> (&str, &str, &str) {
        let mut levels = self.rest.splitn(4, '/').skip(1);
        let mut next = || levels.next().unwrap_or_default();
        (next(), next(), next())
    }

    fn data(&self) -> &Value {
        self.body.and_then(|body| body.get("data").or(Some(body))).unwrap_or(&Value::Null)
    }

    /// The campaign that it names.
    pub(super) fn campaign(&self) -> Option<&str> {
        self.data().get("campaign_id")?.as_str()
    }

    /// The offer that it names.
    pub(super) fn offer(&self) -> Option<&str> {
        self.data().get("offer_id")?.as_str()
    }
}

/// Who reads it.
pub(super) struct Reader {
    /// The language of texts, where a message has it.
    pub(super) language: String,
    /// Where the clock on the wall is.
    pub(super) zone: TimeZone,
    /// What time it is.
    pub(super) clock: Clock,
}

impl Reader {
    /// `message` in one line; `remark` is what is remarkable about it.
    pub(super) fn line(&self, message: &Message<'_>, retained: bool, remark: Option<&str>) -> String {
        let (site, what, whom) = message.levels();
        let label = if what == "gateway" { whom.rsplit('/').next().unwrap_or(what) } else { what };
        let said = match message.body {
            None if message.is_empty => "taken back: nothing is kept here any more".to_owned(),
            None => "no JSON, which nothing of Emma's is".to_owned(),
            Some(_) => self.said(what, whom, message),
        };
        let kept = if retained { " (kept by the broker)" } else { "" };
        let remark = remark.map(|remark| format!("  [{remark}]")).unwrap_or_default();
        let now = self.time(self.clock.wall_us());
        printable(&format!("{now}  {site}  {label:<9}  {said}{kept}{remark}"), MAX_LINE)
    }

    fn said(&self, what: &str, whom: &str, message: &Message<'_>) -> String {
        let data = message.data();
        let is_test = message.body.and_then(|body| body.get("test")).and_then(Value::as_bool) == Some(true);
        let tester = if is_test { " (a tester's)" } else { "" };
        match what {
            "offer" => format!("{}{tester}", self.offer(whom, message)),
            "offer-end" => {
                let (recipient, id) = (first(whom), short(text(data, "offer_id")));
                format!("to {recipient}: {id} ended, {}{tester}", text(data, "reason"))
            }
            "report" => report(data),
            "gateway" if whom.ends_with("/state") => self.state(first(whom), data),
            "gateway" => health(first(whom), data),
            "feedback" => format!("{} of {}", text(data, "kind"), short(text(data, "offer_id"))),
            _ => format!("{whom} {data}"),
        }
    }

    fn offer(&self, whom: &str, message: &Message<'_>) -> String {
        let data = message.data();
        let texts = &data["text"];
        let title = texts.get(&self.language).or_else(|| texts.as_object()?.values().next()).unwrap_or(&Value::Null);
        let class = match text(data, "class") {
            "" | "offer" => "",
            "service" => "service message, ",
            "reward" => "reward, ",
            _ => "of a class that is not known here, ",
        };
        let until = |key: &str| instant(data, key).map_or_else(|| "?".to_owned(), |us| self.time(us));
        let is_late = instant(data, "notify_until").is_some_and(|until_us| until_us <= self.clock.wall_us());
        let late = if is_late { ": too late to push" } else { "" };
        format!(
            "to {}: \u{201c}{}\u{201d}, {class}{} in {}; push until {}{late}, holds until {}; {}",
            first(whom),
            cut(text(title, "title"), MAX_TEXT),
            text(data, "campaign_id"),
            text(&data["zone"], "id"),
            until("notify_until"),
            until("valid_until"),
            short(text(data, "offer_id")),
        )
    }

    fn state(&self, gateway: &str, data: &Value) -> String {
        let sources = data["sources"].as_array().map_or(&[][..], Vec::as_slice);
        let listening = sources.iter().filter(|source| source["listening"] == true).count();
        let mut said = vec![
            format!("{gateway} {}", text(data, "state")),
            format!("Emma {}", text(data, "version")),
            format!("clock {}", text(data, "clock")),
            format!("{listening} of {} sources listen", sources.len()),
        ];
        if let Some(until_us) = instant(data, "paused_until") {
            said.push(format!("paused until {}", self.date(until_us)));
        }
        let stopped = data["stopped_campaigns"].as_array().map_or(&[][..], Vec::as_slice);
        if !stopped.is_empty() {
            let ids: Vec<&str> = stopped.iter().map(|campaign| text(campaign, "id")).collect();
            said.push(format!("stopped: {}", ids.join(", ")));
        }
        if !data["configuration"]["refused"].is_null() {
            said.push("a change of its configuration was refused".to_owned());
        }
        said.join(", ")
    }

    /// A time of day; with its date where it is another than today.
    fn time(&self, us: i64) -> String {
        let (then, now) = (self.at(us), self.at(self.clock.wall_us()));
        let is_today = then.as_ref().map(Zoned::date) == now.as_ref().map(Zoned::date);
        if is_today {
            then.map_or_else(String::new, |then| then.strftime("%H:%M:%S").to_string())
        } else {
            self.date(us)
        }
    }

    fn date(&self, us: i64) -> String {
        // A pause without an end is one until a time in the year 9999.
        let then = self.at(us).filter(|then| then.year() < 9_999);
        then.map_or_else(|| "somebody resumes".to_owned(), |then| then.strftime("%Y-%m-%d %H:%M:%S").to_string())
    }

    fn at(&self, us: i64) -> Option<Zoned> {
        Some(Timestamp::from_microsecond(us).ok()?.to_zoned(self.zone.clone()))
    }
}

fn report(data: &Value) -> String {
    let figure = |key: &str, unit: &str| data[key].as_u64().map_or_else(|| "–".to_owned(), |n| format!("{n}{unit}"));
    format!(
        "{}: {} visits, {} of them without an offer, {} dismissed, {} called helpful",
        text(data, "week"),
        figure("visits", ""),
        figure("without_offer_percent", " %"),
        figure("dismissed_percent", " %"),
        figure("helpful_percent", " %"),
    )
}

fn health(gateway: &str, data: &Value) -> String {
    let figure = |value: &Value| value.as_u64().unwrap_or_default();
    let outbox = &data["outbox"];
    let age = outbox["oldest_age_secs"].as_u64().map(|secs| format!(", the oldest {secs} s")).unwrap_or_default();
    format!(
        "{gateway} heard {}, matched {}, dropped {}; {} wait{age}; clock {}",
        figure(&data["heard"]),
        figure(&data["matched"]),
        figure(&data["dropped"]),
        figure(&outbox["depth"]),
        text(data, "clock"),
    )
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn instant(value: &Value, key: &str) -> Option<i64> {
    value.get(key)?.as_str()?.parse::<Timestamp>().ok().map(Timestamp::as_microsecond)
}

fn first(levels: &str) -> &str {
    levels.split('/').next().unwrap_or_default()
}

fn short(id: &str) -> String {
    id.chars().take(SHORT_ID).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(rest: &str, body: &Value) -> String {
        let reader = Reader { language: "de".to_owned(), zone: TimeZone::UTC, clock: Clock::start() };
        let line = reader.line(&Message { rest, body: Some(body), is_empty: false }, false, None);
        // The time of day is the reader's own.
        line.split_once("  ").unwrap().1.to_owned()
    }

    #[test]
    fn an_offer_is_told_by_what_it_says_and_until_when() {
        let offer = json!({"test": true, "data": {
            "offer_id": "b9d1f00177", "campaign_id": "oak", "class": "reward", "zone": {"id": "wood"},
            "text": {"en": {"title": "Oak"}, "de": {"title": "Eiche\u{7}"}},
            "notify_until": "2020-01-01T10:00:00Z", "valid_until": "2020-01-01T12:00:00Z",
        }});
        let expected = "hall  offer      to push: “Eiche\u{fffd}”, reward, oak in wood; push until 2020-01-01 10:00:00: too late \
                        to push, holds until 2020-01-01 12:00:00; b9d1f001 (a tester's)";
        assert_eq!(line("v1/hall/offer/push/q7Jr", &offer), expected);
    }

    #[test]
    fn a_gateway_is_told_by_what_a_person_has_to_know() {
        let state = json!({
            "state": "online", "version": "0.1.0", "clock": "synchronised", "sources": [{"listening": true}, {}],
            "paused_until": "9999-12-30T22:00:00Z", "stopped_campaigns": [{"id": "oak"}], "configuration": {"refused": {}},
        });
        let expected = "hall  state      gw online, Emma 0.1.0, clock synchronised, 1 of 2 sources listen, paused until \
                        somebody resumes, stopped: oak, a change of its configuration was refused";
        assert_eq!(line("v1/hall/gateway/gw/state", &state), expected);
    }

    #[test]
    fn whatever_comes_is_one_line() {
        let rubbish = [
            json!(null),
            json!({"data": {"reason": "x".repeat(9_999)}}),
            json!([1]),
            json!("a\nb"),
            json!({"data": 7, "id": {}}),
            json!({"outbox": []}),
        ];
        let topics = [
            "",
            "v1",
            "v1/a/offer/b/c",
            "v1/a/offer-end",
            "v1/a/gateway/x/state",
            "v1/a/gateway/x/health",
            "v1/a/report/x",
        ];
        for (rest, body) in topics.iter().flat_map(|rest| rubbish.iter().map(move |body| (rest, body))) {
            let told = line(rest, body);
            assert!(!told.contains('\n') && told.chars().count() <= MAX_LINE + 1, "{rest}: {told}");
        }
    }
}
