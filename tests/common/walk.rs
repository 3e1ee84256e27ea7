//! Walks as text: a scripted timeline in, a readable timeline out.
//!
//! Lines before the first `at` set the shop up: `start INSTANT`, `zones ID…` (of [`ZONES`]), `campaign ID TRIGGER ZONE
//! [rest of its TOML, `;` for a new line]`, `promise TOML` (`;` again), `consent WHO TIER [purposes and members]`, where
//! `rolling=DAY` registers a rolling id for that day, and who has one transmits it. Then
//! `at TIME` and what happens: `WHO GATEWAY DBM [power DBM] [every SPAN until TIME]` (`ann+bob` transmit in one), `WHO stands
//! X,Y [every SPAN until TIME]` (every gateway hears them as path loss has it), `consent
//! WHO TIER …`, `withdraw WHO`, `zones ID…` (a reload), `clock lost|found`, `restart SPAN [ZONE…]`, `crash SPAN [ZONE…]` (awake again with other zones).
//! Times are `[h:]m:ss` since the start. `#` begins a comment.

use std::fmt::Write as _;
use std::sync::Arc;

use emma::clock::Moment;
use emma::config::Config;
use emma::gateway::consent::CustomerId;
use emma::gateway::effect::{Happening, Input, What};

use crate::life::Life;
use crate::shop::{DAY_US, SECOND_US, Shop, beacon, campaign, heard, identifier, record_of, rolled, rolling};

/// The gateways, and the zones told by them.
const GATEWAYS: [(&str, (f64, f64)); 7] = [
    ("gw-till", (2.0, 2.0)),
    ("gw-rack", (2.0, 8.0)),
    ("gw-hall", (10.0, 2.0)),
    ("gw-shoes", (10.0, 8.0)),
    ("gw-advice", (18.0, 8.0)),
    ("gw-wall", (22.0, 16.0)),
    ("gw-back", (10.0, 18.0)),
];

const ZONES: [(&str, &str); 5] = [
    ("till", "near = 'gw-till'"),
    ("rack", "near = 'gw-rack'"),
    ("hall", "polygon-m = [[4.0, 0.0], [24.0, 0.0], [24.0, 20.0], [4.0, 20.0]]"),
    ("shoes", "polygon-m = [[4.0, 0.0], [15.0, 0.0], [15.0, 12.0], [4.0, 12.0]]"),
    ("advice", "near = 'gw-advice'\nsensitive = true"),
];

/// One scripted act.
#[derive(Clone, Debug)]
enum Act {
    Heard { who: Vec<String>, gateway: u16, dbm: i8, power_dbm: i8 },
    Consent(String),
    Withdraw(String),
    Zones(Vec<String>),
    Clock(bool),
    Restart { down_us: u64, clean: bool, zones: Vec<String> },
}

/// What a script says.
#[derive(Default)]
struct Script {
    start_us: i64,
    zones: Vec<String>,
    offers: String,
    promise: String,
    people: Vec<String>,
    acts: Vec<(u64, Act)>,
}

/// Walks a script and tells what happened.
pub(crate) fn walk(text: &str) -> String {
    let script = Script::read(text);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let mut config = script.config(&script.zones);
    let mut time = Time { start_us: script.start_us, woke_us: 0, believed: true };
    let mut told = String::new();
    let (mut life, _) = Life::wake(&file, &config, time.at(0));
    let mut awake_from_us = 0;
    for (at_us, act) in &script.acts {
        if *at_us < awake_from_us {
            continue;
        }
        let now = time.at(*at_us);
        tell(&mut told, &time, &life.standalone.run_until(now).unwrap());
        let happened = match act {
            Act::Heard { who, gateway, dbm, power_dbm } => {
                let at_us = script.start_us.saturating_add_unsigned(*at_us);
                let payload: Vec<u8> = who.iter().flat_map(|who| script.transmitted(who, at_us, *power_dbm)).collect();
                life.handle(Input::Advertisement(heard(&payload, *gateway, *dbm)), now)
            }
            Act::Consent(words) => match life.accept(&script.record(words), now) {
                Ok((_, happened)) => happened,
                Err(problem) => {
                    writeln!(told, "{} refused: {problem}", clock_face(*at_us)).unwrap();
                    Vec::new()
                }
            },
            Act::Withdraw(who) => {
                // A Pi that has not synchronised yet counts from 1970.
                let raw_us = now.wall_us.unwrap_or(at_us.cast_signed());
                let customer = CustomerId::new(who).unwrap();
                let happened = life.handle(Input::Withdraw(customer.clone()), now);
                life.forget(&customer, raw_us);
                happened
            }
            Act::Zones(zones) => {
                config = script.config(zones);
                life.configure(&config, now)
            }
            Act::Clock(believed) => {
                time.believed = *believed;
                life.handle(Input::Tick, time.at(*at_us))
            }
            Act::Restart { down_us, clean, zones } => {
                if *clean {
                    tell(&mut told, &time, &life.stop(now));
                }
                writeln!(told, "{} -- {} --", clock_face(*at_us), if *clean { "stopped" } else { "crashed" }).unwrap();
                awake_from_us = at_us + down_us;
                time.woke_us = awake_from_us;
                writeln!(told, "{} -- awake again --", clock_face(awake_from_us)).unwrap();
                if !zones.is_empty() {
                    config = script.config(zones);
                }
                let (woken, happened) = Life::wake(&file, &config, time.at(awake_from_us));
                life = woken;
                happened
            }
        };
        life.hand_over(script.start_us.saturating_add_unsigned(*at_us));
        tell(&mut told, &time, &happened);
    }
    let last_us = script.acts.last().map_or(0, |(at_us, _)| *at_us).max(awake_from_us);
    let rest = life.standalone.run_out(time.at(last_us)).unwrap();
    tell(&mut told, &time, &rest);
    let ambiguous = life.standalone.gateway.snapshot().counters.ambiguous;
    if ambiguous > 0 {
        writeln!(told, "{ambiguous} transmissions of two customers at once").unwrap();
    }
    told
}

/// The walk's time on this life's two clocks.
struct Time {
    start_us: i64,
    woke_us: u64,
    believed: bool,
}

impl Time {
    fn at(&self, at_us: u64) -> Moment {
        let wall_us = self.believed.then(|| self.start_us.saturating_add_unsigned(at_us));
        Moment { monotonic_us: at_us - self.woke_us + DAY_US, wall_us }
    }

    fn of(&self, moment: Moment) -> u64 {
        moment.monotonic_us + self.woke_us - DAY_US
    }
}

fn tell(told: &mut String, time: &Time, happened: &[Happening]) {
    for Happening { at, customer, what } in happened {
        let what = match what {
            What::VisitStarted => "visit started".to_owned(),
            What::VisitEnded => "visit ended".to_owned(),
            What::Entered { zone, confidence, .. } => format!("entered {zone} {confidence:.2}"),
            What::Unsure { zone, confidence, .. } => format!("unsure {zone} {confidence:.2}"),
            What::Sure { zone, confidence, .. } => format!("sure {zone} {confidence:.2}"),
            What::Dwelled { zone, dwell_us } => format!("dwelled {zone} {} s", dwell_us / SECOND_US),
            What::Left { zone, .. } => format!("left {zone}"),
            What::Delivered { zone, campaign, .. } => format!("  delivered {campaign} in {zone}"),
            What::Withheld { zone, campaign, reason } => {
                format!("  withheld {campaign} in {zone}: {}", reason.as_str())
            }
        };
        writeln!(told, "{} {} {what}", clock_face(time.of(*at)), customer.as_str()).unwrap();
    }
}

fn clock_face(at_us: u64) -> String {
    let (seconds, ms) = (at_us / SECOND_US, at_us % SECOND_US / 1_000);
    let (h, m, s) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}.{ms:03}") } else { format!("{m}:{s:02}.{ms:03}") }
}

impl Script {
    fn read(text: &str) -> Self {
        let start_us = "2026-10-13T10:00:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond();
        let mut script =
            Self { start_us, promise: "[caps]\ncustomer = [{ at-most = 9, per = '1d' }]".into(), ..Self::default() };
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        for line in lines.filter(|line| !line.is_empty()) {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "start" => script.start_us = rest.parse::<jiff::Timestamp>().unwrap().as_microsecond(),
                "zones" => script.zones = words(rest),
                "promise" => script.promise = rest.replace(';', "\n"),
                "campaign" => script.offers += &read_campaign(rest),
                "consent" => script.acts.push((0, Act::Consent(rest.to_owned()))),
                "at" => script.read_act(rest),
                _ => panic!("`{line}`: no such line"),
            }
        }
        script.people = people(&script.acts);
        script.acts.sort_by_key(|(at_us, _)| *at_us);
        script
    }

    fn read_act(&mut self, rest: &str) {
        let (at, rest) = rest.split_once(' ').unwrap();
        let at_us = time_us(at);
        let (word, what) = rest.split_once(' ').unwrap();
        let act = match word {
            "consent" => Act::Consent(what.to_owned()),
            "withdraw" => Act::Withdraw(what.to_owned()),
            "zones" => Act::Zones(words(what)),
            "clock" => Act::Clock(what == "found"),
            "restart" | "crash" => {
                let (span, zones) = what.split_once(' ').unwrap_or((what, ""));
                Act::Restart { down_us: span_us(span), clean: word == "restart", zones: words(zones) }
            }
            who => {
                let words: Vec<&str> = what.split_whitespace().collect();
                let after = |key: &str| Some(*words.get(words.iter().position(|word| *word == key)? + 1)?);
                let power_dbm = after("power").map_or(-59, |dbm| dbm.parse().unwrap());
                let every_us = after("every").map_or(u64::MAX, span_us);
                let until_us = after("until").map_or(at_us, time_us);
                let times = std::iter::successors(Some(at_us), |us| us.checked_add(every_us));
                for us in times.take_while(|us| *us <= until_us) {
                    for (gateway, dbm) in hears(words[0], words[1]) {
                        let who = who.split('+').map(str::to_owned).collect();
                        self.acts.push((us, Act::Heard { who, gateway, dbm, power_dbm }));
                    }
                }
                return;
            }
        };
        self.acts.push((at_us, act));
    }

    fn config(&self, zones: &[String]) -> Arc<Config> {
        let zone = |id: &String| {
            let (_, shape) = ZONES.iter().find(|(known, _)| known == id).expect(id);
            format!("[[zone]]\nid = '{id}'\nname = '{id}'\n{shape}\n")
        };
        // A campaign of a zone that a reload took away goes with it.
        let speaks = |campaign: &&str| {
            let named = ZONES.iter().find(|(id, _)| campaign.contains(&format!("zones = ['{id}']")));
            named.is_none_or(|(id, _)| zones.iter().any(|zone| zone == id))
        };
        let campaigns = self.offers.split_inclusive("\n\n").filter(speaks).collect::<String>();
        let shop = Shop {
            gateways: GATEWAYS.map(|(id, at)| (id.to_owned(), at)).into(),
            zones: zones.iter().map(zone).collect(),
            offers: format!("[[category]]\nid = 'things'\nname = 'Things'\n{campaigns}"),
            promise: format!("{}\n", self.promise),
        };
        shop.config()
    }

    fn tag(&self, who: &str) -> u16 {
        let place = self.people.iter().position(|known| known == who).unwrap_or(999);
        u16::try_from(place).unwrap()
    }

    /// What they carry says: a rolling id if they consented with one, else a tag's numbers.
    fn transmitted(&self, who: &str, at_us: i64, power_dbm: i8) -> Vec<u8> {
        let rolls = |(_, act): &(u64, Act)| matches!(act, Act::Consent(line) if line.starts_with(&format!("{who} ")) && line.contains(" rolling="));
        let tag = self.tag(who);
        if self.acts.iter().any(rolls) { rolled(tag, at_us, power_dbm) } else { beacon(tag, power_dbm) }
    }

    /// `WHO TIER [member:value…]`; `+5m` becomes an instant that long after the start.
    fn record(&self, line: &str) -> String {
        let mut parts = line.splitn(3, ' ');
        let (who, tier, rest) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap_or_default());
        let instant = |span: &str| self.start_us.saturating_add_unsigned(span_us(span));
        let mut lease = [self.start_us - 1, instant("2d")];
        let mut days: Vec<&str> = Vec::new();
        let (mut epoch, mut members) = (1, r#","purposes":["offers","personalisation"]"#.to_owned());
        for word in rest.split_whitespace() {
            match word.split_once('=').unwrap() {
                ("epoch", value) => epoch = value.parse().unwrap(),
                ("rolling", value) => days.push(value),
                ("until", value) => lease[1] = instant(value),
                ("paused", value) => {
                    let until = jiff::Timestamp::from_microsecond(instant(value)).unwrap();
                    write!(members, r#","paused_until":"{until}""#).unwrap();
                }
                ("quiet", value) => {
                    let (from, to) = value.split_once('-').unwrap();
                    write!(members, r#","quiet_hours":["{from}","{to}"]"#).unwrap();
                }
                (key, value) => write!(members, r#","{key}":"{value}""#).unwrap(),
            }
        }
        let tag = self.tag(who);
        let identifiers = if days.is_empty() { identifier(tag) } else { rolling(tag, &days) };
        record_of(who, epoch, tier, &identifiers, lease, &members)
    }
}

/// The gateway at this level in dBm; of who `stands` at X,Y in metres, every gateway at the level that path loss has.
fn hears(gateway: &str, what: &str) -> Vec<(u16, i8)> {
    if gateway != "stands" {
        let index = GATEWAYS.iter().position(|(id, _)| *id == gateway).expect(gateway);
        return vec![(u16::try_from(index).unwrap(), what.parse().unwrap())];
    }
    let (x, y) = what.split_once(',').map(|(x, y)| (x.parse::<f64>().unwrap(), y.parse::<f64>().unwrap())).unwrap();
    // A device at 1.2 m, a gateway at 2.4 m.
    let metres = |(_, (gx, gy)): &(&str, (f64, f64))| ((gx - x).powi(2) + (gy - y).powi(2) + 1.44).sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "a level is a small number")]
    let dbm = |metres: f64| (-60.0 - 20.0 * libm::log10(metres)).round() as i8;
    (0..).zip(GATEWAYS.iter().map(|gateway| dbm(metres(gateway)))).collect()
}

/// Everyone who is heard or consents, in the order of the script: their place is their tag.
fn people(acts: &[(u64, Act)]) -> Vec<String> {
    let mut people: Vec<String> = Vec::new();
    for (_, act) in acts {
        let named = match act {
            Act::Heard { who, .. } => who.clone(),
            Act::Consent(line) => line.split(' ').next().map(str::to_owned).into_iter().collect(),
            _ => Vec::new(),
        };
        for who in named {
            if !people.contains(&who) {
                people.push(who);
            }
        }
    }
    people
}

fn read_campaign(rest: &str) -> String {
    let mut parts = rest.splitn(4, ' ');
    let (id, trigger, zone) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let rest = parts.next().unwrap_or_default().replace(';', "\n");
    let trigger = match trigger.strip_prefix("dwelled-") {
        Some(length) => format!("{{ dwelled = '{length}' }}"),
        None => format!("'{trigger}'"),
    };
    let zones = if zone == "any" { "'any'".to_owned() } else { format!("['{zone}']") };
    let category = if rest.contains("service") { "" } else { "category = 'things'\n" };
    format!("{}\n", campaign(id, &trigger, &zones, &format!("{category}{rest}")))
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// `[h:]m:ss`.
fn time_us(text: &str) -> u64 {
    text.split(':').fold(0, |sum, part| sum * 60 + part.parse::<u64>().expect(text)) * SECOND_US
}

/// `20s`, `5m`, `3h`, `2d`.
fn span_us(text: &str) -> u64 {
    let text = text.trim_start_matches('+');
    let (count, unit) = text.split_at(text.len() - 1);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => 86_400,
    };
    count.parse::<u64>().expect(text) * unit * SECOND_US
}
