//! `emma walk`: a test tag carried through the shop, and each zone announces itself (`docs/survey.md`).

mod filed;

mod round;

mod sheet;

mod slip;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::daemon::State;
use super::record::span;
use super::tester::{self, Event, Events, Tester, gone, tell};
use super::{Stop, complain, say};
use crate::clock::Clock;
use crate::config::Config;
use crate::exit;
use crate::follow::Told;
use filed::Filed;
use round::Round;
use sheet::Head;
use slip::Notes;

/// Readings of so many gateways and fixed beacons are told apart: all that a site can have.
const MAX_HEARD: usize = 128;

/// The longest word for a tag, in characters.
const LONGEST_TAG: usize = 60;

/// What it is asked.
#[derive(Args)]
#[command(after_help = "\
Emma runs meanwhile. Ctrl-C or q ends the walk, and the sheet is printed.

  emma walk --config shop
  emma walk --config shop --tag \"red, on the left arm\" --sheet monday.md")]
pub struct Arguments {
    /// The test tag, by the pseudonym of its consent; without it the only one there is.
    customer: Option<String>,
    /// The folder with the five configuration files.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
    /// Write the sheet to this file as well, which must not be there yet; it is created at once.
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// What the sheet calls the tag, such as "red"; its consent is not named.
    #[arg(long, value_name = "WORDS", value_parser = tag)]
    tag: Option<String>,
    /// End by itself after so long, such as 10m.
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    lasting: Option<Duration>,
    /// Print the sheet as one JSON object.
    #[arg(long)]
    json: bool,
}

fn tag(text: &str) -> Result<String, String> {
    let is_sound = text.chars().count() <= LONGEST_TAG && !text.contains(char::is_control);
    is_sound.then(|| text.to_owned()).ok_or_else(|| format!("write at most {LONGEST_TAG} characters in one line"))
}

/// Walks.
pub(super) fn main(arguments: &Arguments) -> u8 {
    start(arguments).unwrap_or_else(|(code, what)| complain(code, what))
}

fn start(arguments: &Arguments) -> Result<u8, Stop> {
    let config = tester::load(&arguments.config)?;
    let state_folder = tester::state_folder(&config);
    let state = tester::state(&state_folder, &arguments.config)?;
    let events = Events::begin()?;
    // Whoever has walked for a quarter of an hour is not told only then that their sheet cannot be filed.
    let filed = arguments.sheet.as_deref().map(Filed::create).transpose()?;
    let tester = tester::follow(&state_folder, arguments.customer.as_deref(), &events)?;
    let mut walk = Walk::begin(arguments, &config, &tester);
    walk.welcome(&config, &tester);
    let code = walk.go(&events, arguments.lasting);
    let head = walk.head(&config, &state, arguments.tag.as_deref(), &tester.tag);
    let mut round = walk.notes.round;
    round.end();
    let text = sheet::markdown(&head, &round);
    if arguments.json {
        say(&format!("{:#}\n", sheet::json(&head, &round)));
    } else {
        say(&format!("\n{text}"));
    }
    let Some(filed) = filed else { return Ok(code) };
    match filed.write(&text) {
        Ok(path) => tell(&format!("The sheet is in {}.", path.display())),
        Err(what) => {
            // What was printed is another form of it, and the walk is not walked again.
            if arguments.json {
                tell(&text);
            }
            return Err(what);
        }
    }
    Ok(code)
}

/// A walk under way.
struct Walk {
    notes: Notes,
    clock: Clock,
    begun_us: u64,
    begun_wall_us: i64,
    readings: BTreeMap<String, u64>,
    missed_lines: u64,
    /// Announcements go to standard error, since standard output is one JSON object.
    is_json: bool,
}

impl Walk {
    fn begin(arguments: &Arguments, config: &Config, tester: &Tester) -> Self {
        let clock = Clock::start();
        let mut round = Round::new(config);
        if let Some((zone, is_unsure)) = &tester.zone {
            round.begins_in(zone, *is_unsure);
        }
        Self {
            notes: Notes::new(round),
            clock,
            begun_us: clock.monotonic_us(),
            begun_wall_us: clock.wall_us(),
            readings: config.site.gateways.iter().map(|gateway| (gateway.id.to_string(), 0)).collect(),
            missed_lines: 0,
            is_json: arguments.json,
        }
    }

    fn welcome(&self, config: &Config, tester: &Tester) {
        tell(&format!("A walk through {}. Carry the tag as a customer would.", config.site.name));
        for (row, number) in self.notes.round.rows.iter().zip(1..) {
            let note = if row.sensitive { "   sensitive: it never shows, on purpose" } else { "" };
            tell(&format!("  {number:>2}  {}{note}", row.name));
        }
        tell("Type the number of a zone when you arrive in it, or Enter alone: it counts from then.");
        tell("u: your last arrival was a slip and is taken back, w: what was announced last is wrong,");
        tell("q or Ctrl-C: the walk is over, and the sheet is printed.\n");
        if let Some((zone, is_unsure)) = &tester.zone {
            let name = self.notes.round.rows.iter().find(|row| row.id == *zone).map_or(zone.as_str(), |row| &row.name);
            let doubt = if *is_unsure { ", though not sure" } else { "" };
            tell(&format!("Emma believes the tag in {name}{doubt}."));
        }
        if tester.at_work {
            at_work();
        }
    }

    /// Walks until it is over; the exit code.
    fn go(&mut self, events: &Events, lasting: Option<Duration>) -> u8 {
        loop {
            let event = match lasting {
                None => events.next(),
                Some(lasting) => {
                    let passed = Duration::from_micros(self.now_us().saturating_sub(self.begun_us));
                    let Some(left) = lasting.checked_sub(passed).filter(|left| !left.is_zero()) else {
                        return exit::OK;
                    };
                    let Some(event) = events.next_within(left) else { return exit::OK };
                    event
                }
            };
            match event {
                // Where nobody can type, the time that was named counts.
                Event::NoMoreLines if lasting.is_some() => {}
                Event::Interrupted | Event::NoMoreLines => return exit::OK,
                Event::Line(line) if line.eq_ignore_ascii_case("q") => return exit::OK,
                Event::Line(line) => self.typed(&line),
                Event::Gone(why) | Event::Told(Told::Ended { why }) => return gone(&why),
                Event::Told(told) => self.told(&told),
            }
        }
    }

    fn now_us(&self) -> u64 {
        self.clock.monotonic_us()
    }

    fn typed(&mut self, line: &str) {
        let now_us = self.now_us();
        let answer = match line {
            "" => self.notes.arrived(None, now_us),
            "u" | "U" => self.notes.take_back(),
            "w" | "W" => self.notes.was_wrong(now_us),
            words => match self.notes.round.meant(words) {
                Ok(zone) => self.notes.arrived(Some(zone), now_us),
                Err(what) => what,
            },
        };
        tell(&answer);
    }

    fn told(&mut self, told: &Told) {
        let now_us = self.now_us();
        match told {
            Told::Reading { gateway, .. } => {
                self.notes.heard(now_us);
                if self.readings.len() < MAX_HEARD || self.readings.contains_key(gateway) {
                    *self.readings.entry(gateway.clone()).or_default() += 1;
                }
            }
            Told::AtWork => at_work(),
            Told::Missed { count } => self.missed_lines += count,
            _ => {}
        }
        let Some(words) = self.notes.told(told, now_us) else { return };
        if self.is_json {
            tell(&words);
        } else {
            say(&format!("{words}\n"));
        }
    }

    fn head(&self, config: &Config, state: &State, words: Option<&str>, kinds: &str) -> Head {
        let time = |wall_us: i64, form: &str| {
            let time = Timestamp::from_microsecond(wall_us).unwrap_or_default().to_zoned(config.site.time_zone.clone());
            time.strftime(form).to_string()
        };
        let tag = words.map_or_else(|| kinds.to_owned(), |words| format!("{words} ({kinds})"));
        Head {
            shop: config.site.name.to_string(),
            begun: time(self.begun_wall_us, "%Y-%m-%d %H:%M"),
            ended: time(self.clock.wall_us(), "%H:%M %Z"),
            version: state.version.clone(),
            configuration: state.configuration.in_force.digest.clone(),
            gateways: self.readings.iter().map(|(id, count)| (id.clone(), *count)).collect(),
            tag,
            missed_lines: self.missed_lines,
        }
    }
}

fn at_work() {
    tell(
        "The tag was in the shop for more than three hours, so that Emma takes it for staff at work: zones are told of it \
          again from tomorrow on. Withdraw its consent and import it anew to walk today.",
    );
}
