//! `emma demo --contract`: every event of the contract, played at a subscriber under development. Each step says what a good
//! subscriber does now, and what yours says back is held against it.

mod judge;
mod maker;
mod script;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::super::broker::Broker;
use super::super::{Stop, gone_is_fine};
use super::{asked_to_stop, broker, fault};
use crate::clock::Clock;
use crate::config::gateway::Mqtt;
use crate::config::promise::Recipient;
use crate::config::{self, Config, Sources, Texts};
use crate::exit;
use crate::mqtt::connection::Options;
use crate::mqtt::rehearsal::{Heard, Line, Rehearsal, Told};
use crate::mqtt::state::Presence;
use judge::Judge;
use maker::Maker;
use script::{Player, ROUNDS, Step};

/// Where its broker listens unless told otherwise: where a subscriber looks for one.
const USUAL_PORT: u16 = 1883;

/// What it is asked.
#[derive(Args)]
pub(super) struct ContractArguments {
    /// Play every event of the contract at a subscriber under development, instead of a story
    #[arg(long, conflicts_with_all = ["seconds", "seed"])]
    contract: bool,
    /// With --contract: seconds from one step to the next
    #[arg(long, value_name = "N", default_value = "4", value_parser = seconds, requires = "contract")]
    pace: Duration,
    /// With --contract: end after so many times all of it [default: go on until Ctrl-C]
    #[arg(long, value_name = "N", requires = "contract")]
    times: Option<u32>,
    #[command(flatten)]
    broker: Broker,
    /// With --contract: the shop's id in topics
    #[arg(long, value_name = "ID", default_value = "corner-shop", requires = "contract")]
    site: String,
    /// With --contract: the id in topics of the Pi that plays; a broker may allow its user no other
    #[arg(long, value_name = "ID", default_value = "gw-entrance", value_parser = level, requires = "contract")]
    gateway: String,
}

/// One level of a topic.
fn level(text: &str) -> Result<String, String> {
    let is_level = !text.is_empty() && !text.contains(['/', '+', '#', '\0']);
    is_level.then(|| text.to_owned()).ok_or_else(|| "an id has no `/`, `+` or `#`".to_owned())
}

impl ContractArguments {
    /// Whether it is asked for.
    ///
    /// # Errors
    /// What goes with it alone is asked for without it.
    pub(super) fn is_wanted(&self) -> Result<bool, Stop> {
        if !self.contract && self.broker.named()?.is_some() {
            return Err((exit::USAGE, "--broker goes with --contract: a story has a broker of its own".to_owned()));
        }
        Ok(self.contract)
    }
}

/// From a twentieth of a second, for tests, to a minute.
fn seconds(text: &str) -> Result<Duration, String> {
    let secs: f64 = text.parse().map_err(|_| "write a number of seconds: 4".to_owned())?;
    let pace = Duration::try_from_secs_f64(secs).map_err(|error| error.to_string())?;
    let allowed = Duration::from_millis(50)..=Duration::from_mins(1);
    allowed.contains(&pace).then_some(pace).ok_or_else(|| "from 0.05 to 60".to_owned())
}

/// Plays it.
pub(super) async fn show(arguments: &ContractArguments, port: Option<u16>) -> Result<(), Stop> {
    let guest = arguments.broker.named()?;
    let own = match guest {
        Some(_) => None,
        None => Some(broker(Some(port.unwrap_or(USUAL_PORT))).await?),
    };
    let at_home = own.as_ref().map(|own| config::broker::at(&format!("mqtt://127.0.0.1:{}", own.port()))).transpose();
    let mqtt = guest.or(at_home.map_err(fault)?).ok_or_else(|| fault("there is no broker"))?;
    let config = Arc::new(shop(arguments, mqtt.clone())?);
    let clock = Clock::start();
    let maker = Maker::new(Arc::clone(&config), clock.wall_us()).map_err(fault)?;
    let gateway = &config.gateway;
    let options =
        Options::new(&mqtt, &gateway.site, &gateway.gateway).map_err(|error| (exit::NO_INPUT, error.to_string()))?;
    let filters = ["feedback/+", "ask/+"].map(|filter| maker.topics().incoming(filter));
    let (rehearsal, told) = Rehearsal::start(&options, &filters);
    let mut scene = Scene {
        below: maker.topics().incoming(""),
        answers_under: maker.topics().answers_under(),
        player: Player::new(maker),
        judge: Judge::default(),
        rehearsal,
        told,
        clock,
        out: io::stdout(),
        stop: asked_to_stop(),
        pace: arguments.pace,
        unheard: 0,
        refused: 0,
        is_unread: false,
        is_guest: own.is_none(),
    };
    let played = scene.play(arguments.times, &config).await;
    // A shop that is gone says so; a broker of others is left as it was found.
    scene.leave().await;
    played
}

/// The shipped shop with another broker, at any hour of any day.
fn shop(arguments: &ContractArguments, mqtt: Mqtt) -> Result<Config, Stop> {
    let site = toml::Value::from(arguments.site.as_str());
    let gateway = format!("site = {site}\ngateway = \"gw-entrance\"\n[mqtt]\nurl = \"mqtt://localhost\"\n");
    let loaded = config::check(&Sources { gateway, ..Sources::shipped() });
    let Some(mut config) = loaded.config else {
        let problems: Vec<String> =
            loaded.problems.iter().filter(|problem| problem.is_error()).map(|problem| problem.what.clone()).collect();
        return Err((exit::USAGE, problems.join("; ")));
    };
    config.gateway.gateway = arguments.gateway.as_str().into();
    config.gateway.mqtt = Some(mqtt);
    config.zones.opening_hours = None;
    if let Some(responsible) = &mut config.promise.responsible {
        let in_english = |text: &str| Texts::from([("en".into(), text.into())]);
        let (name, purpose) = (in_english("Display"), in_english("shows you the offer"));
        let second = Recipient { id: "display".into(), name, purpose };
        responsible.recipients.push(second);
    }
    Ok(config)
}

/// The terminal, the broker, and what is played between them.
struct Scene<W> {
    player: Player,
    judge: Judge,
    rehearsal: Rehearsal,
    told: mpsc::Receiver<Told>,
    clock: Clock,
    /// What topics of the shop begin with, and where answers may go.
    below: String,
    answers_under: String,
    out: W,
    stop: watch::Receiver<bool>,
    pace: Duration,
    /// Messages of this step to recipients, less those of which the broker says that nobody listens.
    unheard: usize,
    /// Messages that the broker would not have.
    refused: usize,
    /// Whoever read along has gone: it ends.
    is_unread: bool,
    /// The broker is somebody else's.
    is_guest: bool,
}

/// Whether it goes on.
type Next = Result<bool, Stop>;

impl<W: Write> Scene<W> {
    async fn play(&mut self, times: Option<u32>, config: &Config) -> Result<(), Stop> {
        self.opening(config)?;
        if !self.wait().await? {
            return Ok(());
        }
        let mut played = 0;
        'all: while times.is_none_or(|times| played < times) {
            played += 1;
            for (round, (heading, steps)) in ROUNDS.iter().enumerate() {
                self.say(&format!("\nRound {}: {heading}", round + 1))?;
                for step in *steps {
                    if !self.step(step).await? {
                        break 'all;
                    }
                }
            }
        }
        self.summary()
    }

    fn opening(&mut self, config: &Config) -> Result<(), Stop> {
        let Some(mqtt) = &config.gateway.mqtt else { return Ok(()) };
        let (host, port, below) = (&mqtt.host, mqtt.port, self.below.clone());
        let version = mqtt.protocol.word();
        let scheme = if mqtt.tls { "mqtts" } else { "mqtt" };
        // Whoever plays may say, and need not be who may read.
        let authority = mqtt.ca_file.as_ref().map(|file| format!(" --cafile {}", file.display())).unwrap_or_default();
        let reader = if mqtt.username.is_some() { " -u READER -P ITS-PASSWORD" } else { "" };
        self.say(&format!(
            "Every event of the contract, at {scheme}://{host}:{port}, MQTT {version}. To look on, in another terminal:\n\n    \
             mosquitto_sub -h {host} -p {port}{authority}{reader} -V mqttv5 -t '{below}#' -v\n\n\
             Your subscriber takes {below}offer/RECIPIENT/+ and {below}offer-end/RECIPIENT/+ at quality 1;\n\
             the recipients here are push and display. What it says back is told in lines that begin with <."
        ))
    }

    /// One step, and what comes of it until the next.
    async fn step(&mut self, step: &Step) -> Next {
        let now_us = self.clock.wall_us();
        let played = self.player.play(step, now_us).map_err(fault)?;
        self.say(&format!("\n{}\n  → {}", step.what, step.wants))?;
        self.unheard = played.offers.len();
        self.judge.note(played.offers, now_us);
        for line in played.lines {
            self.say(&format!("    {}", label(&line, &self.below)))?;
            self.rehearsal.say(line, now_us);
        }
        self.wait().await
    }

    /// Listens until it is time for the next step.
    async fn wait(&mut self) -> Next {
        if self.is_unread {
            return Ok(false);
        }
        let until = Instant::now() + self.pace;
        loop {
            let told = tokio::select! {
                () = sleep_until(until) => return Ok(true),
                asked = self.stop.wait_for(|asked| *asked) => return Ok(asked.is_err()),
                told = self.told.recv() => told,
            };
            match told {
                Some(Told::Heard(heard)) => self.hear(heard)?,
                Some(Told::Nobody) => self.nobody()?,
                Some(Told::Listening) => {}
                Some(Told::Refused(why)) => {
                    self.refused += 1;
                    self.say(&format!("  < {why}"))?;
                }
                Some(Told::Lost(why)) => return Err((exit::UNAVAILABLE, format!("the broker: {why}"))),
                None => return Err((exit::UNAVAILABLE, "the connection to the broker has ended".to_owned())),
            }
        }
    }

    /// Nobody listens to one of the messages. A recipient may well be alone; only that nobody listens at all is told.
    fn nobody(&mut self) -> Result<(), Stop> {
        let was_any = self.unheard > 0;
        self.unheard = self.unheard.saturating_sub(1);
        if was_any && self.unheard == 0 {
            self.say("  < Nobody listens: the broker knows no subscription that takes any of these.")?;
        }
        Ok(())
    }

    fn hear(&mut self, heard: Heard) -> Result<(), Stop> {
        let below = heard.topic.strip_prefix(&self.below).unwrap_or(&heard.topic).to_owned();
        let place = heard.response_topic.clone().filter(|topic| topic.starts_with(&self.answers_under));
        let heard = Heard { response_topic: place, ..heard };
        let site = self.below.split('/').nth(2).unwrap_or_default().to_owned();
        let verdict = self.judge.hear(&below, &heard, self.clock.wall_us(), &site);
        if let (Some(answer), Some(topic)) = (verdict.answer, heard.response_topic) {
            self.rehearsal.answer(topic, heard.correlation, answer);
        }
        self.say(&format!("  < {}", verdict.says))
    }

    fn summary(&mut self) -> Result<(), Stop> {
        let mut lines = vec!["\nWhat came back".to_owned()];
        for (recipient, (displayed, all)) in self.judge.displayed() {
            lines.push(format!("  {recipient} said `displayed` of {displayed} of {all} offers that were to be shown"));
        }
        self.say(&lines.join("\n"))?;
        if self.refused > 0 {
            let refused = self.refused;
            return Err((
                exit::UNWELL,
                format!("the broker refused {refused} messages; what this user may say is in its ACL"),
            ));
        }
        match self.judge.misfits {
            0 => self.say("  nothing that does not fit"),
            1 => Err((exit::UNWELL, "1 message did not fit; its line says why".to_owned())),
            misfits => Err((exit::UNWELL, format!("{misfits} messages did not fit; their lines say why"))),
        }
    }

    async fn leave(mut self) {
        let now_us = self.clock.wall_us();
        let offline = [self.player.maker.state(Presence::Offline)];
        let forgotten = self.player.maker.forgotten().into_iter().filter(|_| self.is_guest);
        for line in offline.into_iter().chain(forgotten) {
            self.rehearsal.say(line, now_us);
        }
        self.told.close();
        self.rehearsal.end().await;
    }

    fn say(&mut self, text: &str) -> Result<(), Stop> {
        let written = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
        self.is_unread |= written.is_err();
        written.or_else(gone_is_fine)
    }
}

/// A message in a line: its topic, and of an event its type, id and number.
fn label(line: &Line, below: &str) -> String {
    let event: Value = serde_json::from_str(&line.payload).unwrap_or_default();
    let member = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let topic = line.topic.strip_prefix(below).unwrap_or(&line.topic);
    let sequence = member("sequence");
    [topic.to_owned(), member("type"), member("id"), sequence.trim_start_matches('0').to_owned()]
        .join(" ")
        .trim_end()
        .to_owned()
}
