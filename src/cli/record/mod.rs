//! `emma record`: what the radio hears of test consents and fixed beacons, written to a capture. Everyone else's
//! advertisements are dropped where they are heard.

mod chosen;

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::sync::watch;
use tokio::time::timeout;

use super::door::Door;
use super::run::asked_to_stop;
use super::{Stop, complain};
use crate::clock::{Clock, Moment};
use crate::config::gateway::{Driver, Gateway, Radio};
use crate::config::span::Span;
use crate::config::{self, Config};
use crate::control::{Reply, Request};
use crate::exit;
use crate::gateway::advertisement::{Advertisement, GatewayIndex};
use crate::gateway::consent::Needs;
use crate::ledger::folder;
use crate::logging::Logging;
use crate::radio::capture::write::Writer;
use crate::radio::capture::{Format, Heard};
use crate::radio::live::{self, Sources};
use crate::radio::source::{self, Orderer};
use chosen::Chosen;

/// A site survey walks a shop once; whoever needs longer than this clears the shop again.
const LONGEST_SURVEY: Duration = Duration::from_mins(10);

/// What was written is on its way to the disk this often, and the daemon is asked whose consents still stand: nobody is
/// recorded for longer than that after they withdrew.
const LOOK_EVERY: Duration = Duration::from_secs(1);

const WHAT_EVERYTHING_IS: &str = "--everything writes down what every device in reach transmits: phones, watches and \
tags of customers, staff and neighbours, none of whom were asked. It is for a site survey in an empty shop";

/// What it is asked.
#[derive(Args)]
#[command(after_help = "\
What nobody consented to have recorded is dropped where it is heard. Ctrl-C ends a recording.

  emma record --config shop --for 5m walk.jsonl
  emma record --config shop till.btsnoop")]
pub struct Arguments {
    /// The file to write, which must not be there yet; - is standard output.
    file: PathBuf,
    /// The folder with the five configuration files.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
    /// jsonl or btsnoop; without it the file's suffix says which.
    #[arg(long, value_name = "FORMAT", value_parser = named)]
    format: Option<Format>,
    /// Stop by itself after so long, such as 5m.
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    lasting: Option<Duration>,
    /// Write every device's advertisements, for a site survey; stops by itself after ten minutes.
    #[arg(long)]
    everything: bool,
    /// For --everything: nobody is in the shop but those who survey it.
    #[arg(long)]
    i_have_cleared_the_shop: bool,
}

fn named(text: &str) -> Result<Format, String> {
    match text {
        "jsonl" => Ok(Format::Jsonl),
        "btsnoop" => Ok(Format::Btsnoop),
        _ => Err("write jsonl or btsnoop".to_owned()),
    }
}

/// A time that somebody writes.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    match text.parse::<Span>()? {
        Span::Micros(us) if us > 0 => Ok(Duration::from_micros(us)),
        Span::Micros(_) | Span::Months(_) => Err("write a time such as 90s, 5m or 2h".to_owned()),
    }
}

/// Records.
pub(super) fn main(arguments: &Arguments) -> u8 {
    match start(arguments) {
        Ok(()) => exit::OK,
        Err((code, what)) => complain(code, what),
    }
}

fn start(arguments: &Arguments) -> Result<(), Stop> {
    if arguments.everything && !arguments.i_have_cleared_the_shop {
        let hint = "clear it, then add --i-have-cleared-the-shop; it stops by itself after ten minutes";
        return Err((exit::USAGE, format!("{WHAT_EVERYTHING_IS}: {hint}")));
    }
    let format = arguments.format()?;
    let config = config::load(&arguments.config).config.ok_or_else(|| {
        let hint = format!("emma check --config {} says what", arguments.config.display());
        (exit::CONFIG, format!("the configuration has an error: {hint}"))
    })?;
    if config.gateway.radio.driver == Driver::None {
        return Err((exit::UNAVAILABLE, "gateway.toml says driver = \"none\": there is no radio to listen".to_owned()));
    }
    let mut chosen = Chosen::new(&config);
    if !arguments.everything {
        chosen.take_testers(testers(&arguments.config, &config)?);
        if chosen.is_empty() {
            let hint = "import a consent with \"test\": true, or write [[fixed-beacon]] into site.toml";
            return Err((exit::UNAVAILABLE, format!("there is nobody to record: {hint}")));
        }
    }
    Logging::start("warn");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| (exit::SOFTWARE, error.to_string()))?;
    let out = arguments.create()?;
    let out = Writer::new(format, out).map_err(|error| arguments.failed(&error))?;
    if arguments.everything {
        complain(exit::OK, format!("{WHAT_EVERYTHING_IS}: delete the file when the survey is done"));
    }
    let config = Arc::new(config);
    runtime.block_on(Recording { arguments, config: Arc::clone(&config), chosen, out, heard: 0, written: 0 }.run())?;
    if format == Format::Btsnoop {
        let (file, gateway) = (arguments.file.display(), &config.gateway.gateway);
        complain(exit::OK, format!("it is this gateway's: emma replay --gateway-of {file}={gateway} {file}"));
    }
    Ok(())
}

impl Arguments {
    fn format(&self) -> Result<Format, Stop> {
        let suffix = self.file.extension().and_then(|suffix| suffix.to_str());
        match (self.format, suffix) {
            (Some(format), _) => Ok(format),
            (None, Some("jsonl" | "json")) => Ok(Format::Jsonl),
            (None, Some("btsnoop" | "snoop")) => Ok(Format::Btsnoop),
            (None, _) if self.is_standard_output() => Ok(Format::Jsonl),
            (None, _) => {
                let what = "the file's suffix says no format: call it .jsonl or .btsnoop, or add --format";
                Err((exit::USAGE, what.to_owned()))
            }
        }
    }

    fn is_standard_output(&self) -> bool {
        self.file == Path::new("-")
    }

    /// A new file, for its owner alone: what it holds is personal.
    fn create(&self) -> Result<BufWriter<Box<dyn Write + Send>>, Stop> {
        if self.is_standard_output() {
            return Ok(BufWriter::new(Box::new(io::stdout())));
        }
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.file) {
            Ok(file) => Ok(BufWriter::new(Box::new(file))),
            Err(error) => {
                let hint = if error.kind() == io::ErrorKind::AlreadyExists { "; it is not written over" } else { "" };
                Err((exit::CANNOT_CREATE, format!("{}: {error}{hint}", self.file.display())))
            }
        }
    }

    fn failed(&self, error: &io::Error) -> Stop {
        (exit::IO, format!("{}: {error}; what was written until then is kept", self.file.display()))
    }

    /// When it stops by itself.
    fn ends_after(&self) -> Option<Duration> {
        let longest = self.everything.then_some(LONGEST_SURVEY);
        [self.lasting, longest].into_iter().flatten().min()
    }
}

/// The records of the test consents: the daemon's, or without one the ledger's, whose lock is held for that long.
fn testers(config_folder: &Path, config: &Config) -> Result<Vec<String>, Stop> {
    // To look is not to make: a shop that never ran has no test consent.
    if !folder::path(config.gateway.ledger_path.as_deref()).exists() {
        return Ok(Vec::new());
    }
    ask(Door::open(config_folder)?)
}

fn ask(mut door: Door) -> Result<Vec<String>, Stop> {
    match door.ask(Request::Testers)? {
        Reply::Testers { records } => Ok(records),
        _ => Err((exit::UNAVAILABLE, "the daemon does not know what a test consent is: is it older?".to_owned())),
    }
}

/// This Pi's radio and nothing else: a running daemon listens to the scanners, under a name that is hers.
fn own_radio(config: &Config) -> Config {
    // To restart bluetoothd is the daemon's decision.
    let radio = Radio { may_restart_bluetoothd: false, ..config.gateway.radio.clone() };
    let gateway =
        Gateway { playback: None, remotes: Vec::new(), mqtt: None, shop_mqtt: None, radio, ..config.gateway.clone() };
    Config { gateway, ..config.clone() }
}

/// A recording under way.
struct Recording<'a> {
    arguments: &'a Arguments,
    config: Arc<Config>,
    chosen: Chosen,
    out: Writer<BufWriter<Box<dyn Write + Send>>>,
    heard: u64,
    written: u64,
}

impl Recording<'_> {
    async fn run(mut self) -> Result<(), Stop> {
        let clock = Clock::start();
        let synchronised = watch::Sender::new(true).subscribe();
        let (orderer, orders) = Orderer::new(self.needs(), Arc::new(own_radio(&self.config)), synchronised, clock);
        let Sources { mut heard, status, stop, .. } =
            live::start(orders).map_err(|error| (exit::CONFIG, error.to_string()))?;
        let listens = || status.borrow().iter().any(|source| source.listening);
        let mut asked_to_stop = std::pin::pin!(asked_to_stop()?);
        let ends_after = self.arguments.ends_after();
        let mut end = std::pin::pin!(async {
            match ends_after {
                Some(ends_after) => tokio::time::sleep(ends_after).await,
                None => std::future::pending().await,
            }
        });
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut listened = false;
        loop {
            tokio::select! {
                () = &mut asked_to_stop => break,
                () = &mut end => break,
                one = heard.recv() => match one {
                    Some(one) => {
                        let now = Moment { monotonic_us: clock.monotonic_us(), wall_us: Some(clock.wall_us()) };
                        self.hear(one, now)?;
                    }
                    None => break,
                },
                _ = look.tick() => {
                    listened |= listens();
                    self.look().await?;
                    orderer.need(self.needs(), BTreeSet::new());
                }
            }
        }
        listened |= listens() || self.heard > 0;
        stop.stop().await;
        self.out.flush().map_err(|error| self.arguments.failed(&error))?;
        self.sum_up();
        if listened {
            return Ok(());
        }
        if self.written == 0 && !self.arguments.is_standard_output() {
            // An empty file would only be in the way of the next try.
            std::fs::remove_file(&self.arguments.file).unwrap_or_default();
        }
        let why = status.borrow().iter().find_map(|source| source.last_error.clone()).unwrap_or_default();
        Err((exit::UNAVAILABLE, format!("the radio never listened: {why}")))
    }

    /// Takes one advertisement, if it is of someone who is recorded.
    fn hear(&mut self, heard: source::Heard, now: Moment) -> Result<(), Stop> {
        let source::Heard::Advertisement { address, payload, rssi_dbm, .. } = heard else { return Ok(()) };
        self.heard += 1;
        let advertisement = Advertisement { address, payload: &payload, rssi_dbm, gateway: GatewayIndex(0) };
        if !self.arguments.everything && !self.chosen.holds(&advertisement, now) {
            return Ok(());
        }
        self.written += 1;
        let (t_us, gateway) = (now.wall_us.unwrap_or_default(), self.config.gateway.gateway.clone());
        let written = self.out.write(&Heard { t_us, gateway, address, rssi_dbm, payload });
        written.map_err(|error| self.arguments.failed(&error))
    }

    /// What the radio has to deliver: a survey is of everything that transmits.
    fn needs(&self) -> Needs {
        Needs { addresses: self.arguments.everything || self.chosen.needs_addresses() }
    }

    async fn look(&mut self) -> Result<(), Stop> {
        self.out.flush().map_err(|error| self.arguments.failed(&error))?;
        if self.arguments.everything {
            return Ok(());
        }
        let (folder, config) = (self.arguments.config.clone(), Arc::clone(&self.config));
        let asked = tokio::task::spawn_blocking(move || testers(&folder, &config));
        // A daemon that is slow, or a ledger that somebody holds, changes nothing for now.
        if let Ok(Ok(Ok(records))) = timeout(LOOK_EVERY, asked).await {
            self.chosen.take_testers(records);
        }
        Ok(())
    }

    fn sum_up(&self) {
        let Self { heard, written, .. } = self;
        let of_whom = if self.arguments.everything { "everyone in reach".to_owned() } else { self.chosen.heard() };
        complain(exit::OK, format!("heard {heard} advertisements, wrote {written} of {of_whom}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, check};
    use crate::radio::over_mqtt;
    use crate::radio::source::{Orders, Switchboard};

    #[tokio::test]
    async fn a_recording_takes_no_connection_from_the_daemon() {
        let mut sources = Sources::shipped();
        sources.gateway.push_str("\n[[remote]]\nformat = 'ruuvi'\ntopic = 'ruuvi/#'\n");
        let config = check(&sources).config.unwrap();
        let listens = |config: Config| {
            let (board, _heard) = Switchboard::new(Orders::fixed(Needs::default(), Arc::new(config)));
            let (scanners, phones) = (over_mqtt::scanners(&board).unwrap(), over_mqtt::phones(&board).unwrap());
            scanners.is_some() || phones.is_some()
        };
        assert!(!listens(own_radio(&config)));
        assert!(listens(config), "the daemon does");
    }
}
