//! `emma watch`: what is said on a broker, a line each, for people.

mod line;
mod seen;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::broker::{self, Broker};
use super::run::asked_to_stop;
use super::{Stop, complain, gone_is_fine};
use crate::clock::Clock;
use crate::config::Name;
use crate::exit;
use crate::mqtt::client::Qos;
use crate::mqtt::connection::Options;
use crate::mqtt::event::MAX_EVENT_LEN;
use crate::mqtt::listener::{Listener, Manner, Subscriber};
use crate::mqtt::received::Received;
use crate::mqtt::topic::Topics;
use line::{Message, Reader};
use seen::Seen;

/// What Emma may publish in one packet, topic and properties included.
#[expect(clippy::cast_possible_truncation, reason = "64 KiB and a few are a u32")]
const MAX_PACKET_LEN: u32 = MAX_EVENT_LEN as u32 + 4 * 1024;

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// Offers.
    Offer,
    /// That offers ended before their time.
    OfferEnd,
    /// The weekly report of restraint.
    Report,
    /// Whether gateways are online, and with what.
    State,
    /// What gateways count, each minute.
    Health,
    /// What recipients say back; needs a user who may read it.
    Feedback,
    /// Live values for texts.
    Value,
    /// What the shop halts.
    Control,
}

/// What is shown unless something else is asked for: health comes each minute from each Pi.
const USUAL: [Kind; 4] = [Kind::Offer, Kind::OfferEnd, Kind::Report, Kind::State];

/// What it is asked.
#[derive(Args)]
#[command(after_help = "\
Ends at Ctrl-C. It reads and says nothing, and the broker keeps nothing for it. Which topics may be read is the broker's \
to say: what is refused is told once. A line names no inbox; --json does.

  emma watch --broker mqtt://localhost:1884               what the demo says
  emma watch --only offer,offer-end --campaign oak        one campaign's offers in the shop of this Pi
  emma watch --site + --only state                        the Pis of all shops")]
pub struct Arguments {
    /// The folder with the configuration whose broker and shop are meant.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma", conflicts_with = "url")]
    config: PathBuf,
    #[command(flatten)]
    broker: Broker,
    /// Which shop, or `+` for all [default: the configuration's; with --broker all]
    #[arg(long, value_name = "SITE")]
    site: Option<String>,
    /// Only these kinds.
    #[arg(long, value_name = "KIND", value_delimiter = ',', default_values_t = USUAL, hide_default_value = true)]
    only: Vec<Kind>,
    /// Only offers to this recipient.
    #[arg(long, value_name = "ID")]
    recipient: Option<String>,
    /// Only offers to this inbox.
    #[arg(long, value_name = "INBOX")]
    inbox: Option<String>,
    /// Only offers of this campaign, and their endings.
    #[arg(long, value_name = "ID")]
    campaign: Option<String>,
    /// Which language of an offer's texts.
    #[arg(long = "lang", value_name = "LANG", default_value = "en")]
    language: String,
    /// One JSON object a line: topic, whether it was retained, and the message.
    #[arg(long)]
    json: bool,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
    }
}

/// Watches until it is asked to stop.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| (exit::SOFTWARE, error.to_string()));
    match runtime.and_then(|runtime| runtime.block_on(watch(arguments))) {
        Ok(()) => exit::OK,
        Err((code, what)) => complain(code, what),
    }
}

async fn watch(arguments: &Arguments) -> Result<(), Stop> {
    let (mqtt, site) = match arguments.broker.named()? {
        Some(mqtt) => (mqtt, "+".into()),
        None => broker::configured(&arguments.config)?,
    };
    let site = arguments.site.as_deref().map_or(site, Name::from);
    if !is_level(&site) || [&arguments.recipient, &arguments.inbox].into_iter().flatten().any(|level| !is_level(level))
    {
        return Err((
            exit::USAGE,
            "a site, a recipient and an inbox are one level of a topic, without `/` or `#`".to_owned(),
        ));
    }
    // Two who watch are two clients: the number of the process is the place.
    let watcher = Name::from(format!("watch-{}", std::process::id()));
    let options = Options::for_listener(&mqtt, &"watch".into(), &watcher, "reads");
    let options = options.map_err(|error| (exit::CONFIG, error.to_string()))?;
    let filters = filters(arguments, Topics { root: &mqtt.root, site: &site });
    let (ended, mut over) = mpsc::channel(1);
    let shown = Shown {
        below: format!("{}/", mqtt.root),
        wanted: Wanted { campaign: arguments.campaign.clone(), json: arguments.json },
        reader: Reader { language: arguments.language.clone(), zone: TimeZone::system(), clock: Clock::start() },
        seen: Seen::new(arguments.recipient.is_none() && arguments.inbox.is_none()),
        told: vec![None; filters.len()],
        filters: filters.clone(),
        ended,
    };
    let stop = asked_to_stop()?;
    let _listener = Listener::start(&options, MANNER, filters, shown, async {}, std::future::pending());
    tokio::select! {
        () = stop => Ok(()),
        why = over.recv() => why.unwrap_or(Ok(())),
    }
}

/// It says nothing, and the broker keeps nothing for it.
const MANNER: Manner =
    Manner { qos: Qos::AtLeastOnce, max_packet_len: MAX_PACKET_LEN, wants_retained: true, ..Manner::LISTENS };

fn is_level(text: &str) -> bool {
    !text.is_empty() && !text.contains(['/', '#', '\0'])
}

fn filters(arguments: &Arguments, topics: Topics<'_>) -> Vec<String> {
    let recipient = arguments.recipient.as_deref().unwrap_or("+");
    let inbox = arguments.inbox.as_deref().unwrap_or("+");
    let filter = |kind: &Kind| match kind {
        Kind::Offer => vec![topics.offer(recipient, inbox)],
        Kind::OfferEnd => vec![topics.offer_end(recipient, inbox)],
        Kind::Report => vec![topics.report()],
        Kind::State => vec![topics.gateway_state("+")],
        Kind::Health => vec![topics.gateway_health("+")],
        Kind::Feedback => vec![topics.incoming(&format!("feedback/{inbox}"))],
        Kind::Value => vec![topics.incoming("value/+")],
        Kind::Control => vec![topics.incoming("control/#")],
    };
    let mut filters: Vec<String> = arguments.only.iter().flat_map(filter).collect();
    filters.dedup();
    filters
}

/// What is wanted of what comes.
struct Wanted {
    campaign: Option<String>,
    json: bool,
}

/// Whoever shows it.
struct Shown {
    /// What every topic begins with.
    below: String,
    wanted: Wanted,
    reader: Reader,
    seen: Seen,
    filters: Vec<String>,
    /// By filter: what was told last of why it is not listened to.
    told: Vec<Option<String>>,
    /// Says that there is nobody to show it to, or that showing failed.
    ended: mpsc::Sender<Result<(), Stop>>,
}

impl Shown {
    fn show(&self, line: &str) {
        let mut out = io::stdout().lock();
        if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
            // Told once: whoever waits ends the process.
            self.ended.try_send(gone_is_fine(error)).unwrap_or_default();
        }
    }

    fn is_wanted(&mut self, message: &Message<'_>) -> bool {
        let Some(wanted) = &self.wanted.campaign else { return true };
        match message.campaign().map(str::to_owned) {
            Some(campaign) => {
                let is_wanted = campaign == *wanted;
                if let Some(offer) = message.offer().filter(|_| is_wanted) {
                    self.seen.follow(offer);
                }
                is_wanted
            }
            None => message.offer().is_none_or(|offer| self.seen.follows(offer)),
        }
    }
}

impl Subscriber for Shown {
    fn take(&mut self, received: &Received<'_>) {
        let Some(rest) = received.topic.strip_prefix(&self.below) else { return };
        let body: Option<Value> = serde_json::from_slice(received.payload).ok();
        let message = Message { rest, body: body.as_ref(), is_empty: received.payload.is_empty() };
        if !self.is_wanted(&message) {
            return;
        }
        if self.wanted.json {
            let shown = json!({"topic": received.topic, "retained": received.retained, "message": body});
            return self.show(&shown.to_string());
        }
        let remark = self.seen.remark(&message);
        let line = self.reader.line(&message, received.retained, remark.as_deref());
        self.show(&line);
    }

    fn listening(&mut self, filter: usize) {
        let was_deaf = self.told.get_mut(filter).and_then(Option::take).is_some();
        if was_deaf && self.told.iter().all(Option::is_none) {
            complain(exit::OK, "what is said is heard again");
        }
    }

    fn outage(&mut self, filter: usize, reason: &str) {
        // A connection that is lost is lost to all of them, and told once.
        let is_known = self.told.iter().flatten().any(|told| told == reason);
        let Some(told) = self.told.get_mut(filter) else { return };
        let is_refused = reason.contains("subscription");
        let is_news = if is_refused { told.as_deref() != Some(reason) } else { !is_known };
        *told = Some(reason.to_owned());
        if is_news {
            let what = self.filters.get(filter).filter(|_| is_refused).map_or("what is said", String::as_str);
            complain(exit::OK, format_args!("{what} is not heard: {reason}"));
        }
    }
}
