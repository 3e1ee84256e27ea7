//! The story as the terminal tells it: what Emma knew and did, in words for whoever runs a shop.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::Duration;

use super::cast::{CAST, Person};
use super::words;
use crate::config::offers::Class;
use crate::config::{Config, Name};
use crate::gateway::effect::{DeliveryId, Happening, Offer, Reason, What};

/// The narrator.
pub(super) struct Story<W> {
    out: W,
    ink: Ink,
    /// The monotonic instant of 0:00.
    start_us: u64,
    /// What was asked of the ledger, until it is said or refused.
    asked: BTreeMap<DeliveryId, Said>,
    /// Each campaign's title in the manager's own language.
    titles: BTreeMap<Name, Name>,
    tally: Tally,
}

/// How a terminal shows it; nothing where the story goes into a file.
#[derive(Clone, Copy, Default)]
pub(super) struct Ink {
    faint: &'static str,
    told: &'static str,
    held: &'static str,
    plain: &'static str,
}

impl Ink {
    /// For a terminal.
    pub(super) const COLOURS: Self = Self { faint: "\x1b[2m", told: "\x1b[1;32m", held: "\x1b[33m", plain: "\x1b[0m" };
}

/// An offer in the words of the one who gets it.
struct Said {
    class: Class,
    language: &'static str,
    title: Name,
    body: Name,
    is_test: bool,
}

/// What the summary is made of: totals.
#[derive(Default)]
struct Tally {
    came: u64,
    offers: BTreeMap<&'static str, u64>,
    notices: BTreeMap<&'static str, u64>,
    withheld: BTreeMap<Reason, u64>,
}

/// What the story itself does not see.
#[derive(Clone, Copy, Default)]
pub(super) struct Totals {
    /// Messages committed.
    pub(super) published: u64,
    /// Those that the broker acknowledged.
    pub(super) acknowledged: u64,
    /// Transmissions heard.
    pub(super) heard: u64,
    /// Those of customers.
    pub(super) matched: u64,
}

impl<W: Write> Story<W> {
    pub(super) fn new(out: W, ink: Ink, config: &Config, start_us: u64) -> Self {
        let title = |campaign: &crate::config::offers::Campaign| {
            let text = campaign.text.get("en").or_else(|| campaign.text.values().next());
            Some((campaign.id.clone(), text?.title.clone()))
        };
        let titles = config.offers.campaigns.iter().filter_map(title).collect();
        Self { out, ink, start_us, asked: BTreeMap::new(), titles, tally: Tally::default() }
    }

    /// What this is, and how to look on.
    pub(super) fn open(&mut self, shop: &str, seconds: u32, port: u16) -> io::Result<()> {
        let Ink { told, faint, plain, .. } = self.ink;
        writeln!(
            self.out,
            "{told}{shop}, told in {seconds} seconds{plain}\n\n\
             Three gateways listen: by the jackets, by the shoes, and at the till.\n\
             Twelve customers carry a tag and have agreed to offers, each on their own terms.\n\
             Forty devices of other people are about as well. Emma does not know them and will\n\
             not remember them. Nothing is installed, and nothing is written to a disk.\n\n\
             The offers are real messages. To watch them arrive, in another terminal:\n\n    \
             mosquitto_sub -p {port} -V mqttv5 -t 'emma/v1/#' -v\n\n\
             {faint}Ctrl-C ends the story early.{plain}\n"
        )?;
        self.out.flush()
    }

    /// Keeps an offer's words until the ledger has answered.
    pub(super) fn note(&mut self, delivery: DeliveryId, offer: &Offer) {
        let Some((language, text)) = offer.texts.first() else { return };
        let said = Said {
            class: offer.campaign.class,
            language: words::language(language),
            title: text.title.clone(),
            body: text.body.clone(),
            is_test: offer.test,
        };
        self.asked.insert(delivery, said);
    }

    /// Tells what followed from one input, in order.
    pub(super) fn tell(&mut self, happened: &[Happening]) -> io::Result<()> {
        for of_one in happened.chunk_by(|a, b| a.customer == b.customer) {
            let Some(first) = of_one.first() else { continue };
            let Some(person) = CAST.iter().find(|person| person.pseudonym() == first.customer.as_str()) else {
                continue;
            };
            for happening in of_one {
                let at = Duration::from_micros(happening.at.monotonic_us.saturating_sub(self.start_us));
                self.one(at, person, &happening.what, of_one)?;
            }
        }
        Ok(())
    }

    fn one(&mut self, at: Duration, person: &Person, what: &What, together: &[Happening]) -> io::Result<()> {
        let name = person.name;
        match what {
            What::VisitStarted => {
                self.tally.came += 1;
                let comma = if person.note.is_empty() { "" } else { ", " };
                self.line(at, &format!("{name} comes in{comma}{}.", person.note))
            }
            What::VisitEnded => self.line(at, &format!("{name} has left the shop.")),
            What::Entered { zone, .. } => self.line(at, &format!("{name} is {}.", words::place(zone))),
            // Whoever is in the next zone at the same moment has already moved on in the next line.
            What::Left { .. } if together.iter().any(|other| matches!(other.what, What::Entered { .. })) => Ok(()),
            What::Left { zone, .. } => self.line(at, &format!("{name} is no longer {}.", words::place(zone))),
            What::Delivered { delivery, .. } => self.told(at, person, delivery),
            What::Withheld { reason, .. } => {
                *self.tally.withheld.entry(*reason).or_default() += 1;
                let is_first =
                    |other: &&Happening| matches!(&other.what, What::Withheld { reason: r, .. } if r == reason);
                // One sentence for a reason, however many offers it holds back.
                let is_new = together.iter().find(is_first).is_some_and(|other| other.what == *what);
                if is_new { self.held_back(at, person, *reason, together) } else { Ok(()) }
            }
            // The doubts and the waiting in between are for the timeline.
            What::Unsure { .. } | What::Sure { .. } | What::Dwelled { .. } => Ok(()),
        }
    }

    fn told(&mut self, at: Duration, person: &Person, delivery: &DeliveryId) -> io::Result<()> {
        let Some(said) = self.asked.remove(delivery) else { return Ok(()) };
        let counted = if said.class == Class::Service { &mut self.tally.notices } else { &mut self.tally.offers };
        *counted.entry(person.name).or_default() += 1;
        let (name, language) = (person.name, said.language);
        let test = if said.is_test { ", marked as a test" } else { "" };
        let lead = match said.class {
            Class::Offer => format!("{name} is told in {language}{test}:"),
            Class::Reward => format!("{name} is thanked in {language}{test}:"),
            Class::Service => format!("{name} gets a notice in {language}, no advertising{test}:"),
        };
        let Ink { told, plain, .. } = self.ink;
        self.line(at, &lead)?;
        writeln!(self.out, "{MARGIN}    {told}{}{plain}\n{MARGIN}    {}", said.title, said.body)
    }

    fn held_back(&mut self, at: Duration, person: &Person, reason: Reason, together: &[Happening]) -> io::Result<()> {
        let same = together.iter().filter_map(|other| match &other.what {
            What::Withheld { reason: r, campaign, .. } if *r == reason => self.titles.get(campaign),
            _ => None,
        });
        let titles = same.map(|title| format!("“{title}”")).collect::<Vec<_>>().join(", ");
        let Ink { held, faint, plain, .. } = self.ink;
        let why = words::reason(reason);
        if together.iter().any(|other| matches!(other.what, What::Delivered { .. })) {
            return writeln!(self.out, "{MARGIN}{held}and not {titles}: {why}.{plain}");
        }
        self.line(at, &format!("{held}{} is told nothing: {why}.{plain}", person.name))?;
        writeln!(self.out, "{MARGIN}    {faint}not said: {titles}{plain}")
    }

    /// The story is over; `stopped` is when it was ended early.
    pub(super) fn close(&mut self, at: Duration, stopped: bool) -> io::Result<()> {
        self.line(at, if stopped { "The story is ended here." } else { "The doors close." })
    }

    /// What was said, what was held back, and what is left of it all.
    pub(super) fn summary(&mut self, config: &Config, totals: Totals) -> io::Result<()> {
        let Tally { came, offers, notices, withheld } = &self.tally;
        let sum = |counts: &BTreeMap<&str, u64>| counts.values().sum::<u64>();
        let reached: BTreeSet<_> = offers.keys().chain(notices.keys()).collect();
        let promised =
            config.promise.caps.visit.map_or(String::new(), |cap| format!(" (promised: at most {cap} a visit)"));
        let most = offers.values().max().copied().unwrap_or(0);
        let mut lines = vec![
            ("Customers who came in".to_owned(), *came),
            ("  left in peace".to_owned(), came.saturating_sub(reached.len() as u64)),
            ("Offers made".to_owned(), sum(offers)),
            (format!("  the most that anyone received{promised}"), most),
            ("Notices given, which are no advertising".to_owned(), sum(notices)),
            ("Messages published".to_owned(), totals.published),
            ("  acknowledged by the broker".to_owned(), totals.acknowledged),
            ("Offers not made".to_owned(), withheld.values().sum()),
        ];
        let mut reasons: Vec<_> = withheld.iter().collect();
        reasons.sort_by_key(|(reason, count)| (Reverse(**count), **reason));
        lines.extend(reasons.into_iter().map(|(why, count)| (format!("  {}", words::reason_in_general(*why)), *count)));
        let strangers = totals.heard.saturating_sub(totals.matched);
        lines.push(("Transmissions heard".to_owned(), totals.heard));
        lines.push(("  from other people's devices: heard, and forgotten at once".to_owned(), strangers));
        lines.push(("Bytes stored on disk".to_owned(), 0));
        let Ink { told, plain, .. } = self.ink;
        writeln!(self.out, "\n{told}Restraint{plain}\n")?;
        lines.into_iter().try_for_each(|(what, count)| writeln!(self.out, "  {what:<62}{count:>8}"))?;
        self.out.flush()
    }

    fn line(&mut self, at: Duration, what: &str) -> io::Result<()> {
        let Ink { faint, plain, .. } = self.ink;
        let (minutes, seconds) = (at.as_secs() / 60, at.as_secs() % 60);
        writeln!(self.out, "{faint}{minutes:>2}:{seconds:02}{plain}  {what}")
    }
}

/// As wide as the time and what follows it.
const MARGIN: &str = "       ";
