//! `emma simulate`: before going live, how many offers these caps allow, who gets none, and what is withheld and why
//! (`docs/simulate.md`). The real core and a ledger in memory, on customers who do not exist.

mod page;
mod people;
mod tally;
mod walk;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use fastrand::Rng;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::tester::load;
use super::{Stop, complain, day, ledger_stop, say};
use crate::clock::{Clock, Moment};
use crate::config::{Config, Name};
use crate::exit;
use crate::gateway::Gateway;
use crate::gateway::consent::CustomerId;
use crate::gateway::effect::{Effect, Happening, Input, Sighted, Sighting, What};
use crate::gateway::halt::{Halts, is_unwelcome};
use crate::gateway::offer::civil;
use crate::gateway::stance::{Signal, matter};
use crate::ledger::Store;
use crate::standalone::Standalone;
use people::Customer;
use tally::Tally;
use walk::{Heard, Place};

/// The same simulation draws the same lots.
const SIMULATION_KEY: [u8; 32] = *b"a simulation is no secret, 32 b.";

/// As many customers as a simulation can have, and no shop does.
const MOST_CUSTOMERS: u32 = 100_000;

/// The consents hold for so much longer on both sides, so that nobody's ends on the last evening.
const MARGIN_US: i64 = 7 * 86_400_000_000;

/// What it is asked.
#[derive(Args)]
#[command(after_help = "\
Nothing real is touched: no radio, no broker, no state folder.

  emma simulate --days 30 --visits 300
  emma simulate --days 30 --visits 300 --dismiss 0.2 --seed 7")]
pub struct Arguments {
    /// The folder with the five configuration files.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
    /// For how many days.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
    /// Visits of customers who opted in, on a day when the shop is open.
    #[arg(long, value_name = "M", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    visits: u32,
    /// How many customers there are; otherwise as many as make so many visits.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_CUSTOMERS)))]
    customers: Option<u32>,
    /// The first day; otherwise today.
    #[arg(long, value_name = "DATE", value_parser = day)]
    from: Option<Date>,
    /// The share of offers that are dismissed, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share)]
    dismiss: f64,
    /// The share of offers that are opened, 0 to 1; what is neither is seen and left alone.
    #[arg(long, value_name = "SHARE", default_value_t = 0.3, value_parser = share)]
    open: f64,
    /// Another seed is another shop; the same is the same.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "write a share from 0 to 1, such as 0.1".to_owned())
}

/// Simulates.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let outcome = load(&arguments.config).and_then(|config| simulate(arguments, Arc::new(config)));
    match outcome {
        Ok(page) => say(&page),
        Err((code, what)) => complain(code, what),
    }
}

fn simulate(arguments: &Arguments, config: Arc<Config>) -> Result<String, Stop> {
    let Arguments { dismiss, open, .. } = arguments;
    if dismiss + open > 1.0 {
        let what = format!("--dismiss {dismiss} and --open {open} are shares of the same offers: together at most 1");
        return Err((exit::USAGE, what));
    }
    let mut shop = Shop::open(arguments, config)?;
    let dates = (0..arguments.days).map_while(|day| shop.first.checked_add(i64::from(day).days()).ok());
    let dates: Vec<Date> = dates.collect();
    let wheel = people::wheel(&shop.customers);
    let mut open_days = 0;
    for date in &dates {
        open_days += u32::from(shop.live(*date, arguments, &wheel)?);
    }
    shop.close()?;
    page::page(arguments, &shop, (dates.len(), open_days))
}

/// The simulated shop.
struct Shop {
    config: Arc<Config>,
    standalone: Standalone,
    customers: Vec<Customer>,
    places: Vec<Place>,
    rng: Rng,
    tally: Tally,
    halts: Halts,
    /// Campaigns that stopped themselves, and when.
    stopped: Vec<(Name, Date)>,
    /// Who has seen an offer in this visit and done nothing about it.
    ignored: BTreeMap<CustomerId, Vec<Name>>,
    first: Date,
    began_us: i64,
    now: Moment,
}

impl Shop {
    fn open(arguments: &Arguments, config: Arc<Config>) -> Result<Self, Stop> {
        let failed = |what: String| (exit::SOFTWARE, what);
        let zone = &config.site.time_zone;
        let today =
            Timestamp::from_microsecond(Clock::start().wall_us()).unwrap_or_default().to_zoned(zone.clone()).date();
        let first = arguments.from.unwrap_or(today);
        let midnight = first.to_datetime(jiff::civil::Time::midnight());
        let began_us = civil::instant_us(midnight, zone).filter(|us| *us > MARGIN_US);
        let began_us = began_us.ok_or_else(|| (exit::USAGE, format!("no simulation can begin on {first}")))?;
        let places = walk::places(&config);
        if places.is_empty() {
            return Err((exit::CONFIG, "zones.toml has no zone in which anybody could be told anything".to_owned()));
        }
        let mut rng = Rng::with_seed(arguments.seed);
        let many = arguments.customers.unwrap_or_else(|| people::needed(arguments.visits)).min(MOST_CUSTOMERS);
        let until_us = began_us + (i64::from(arguments.days) + 1) * 86_400_000_000 + MARGIN_US;
        let customers = people::invite(many, &config, (began_us - MARGIN_US, until_us), &mut rng)
            .map_err(|what| (exit::CONFIG, what))?;
        let store = Store::in_memory(SIMULATION_KEY).map_err(ledger_stop)?;
        let mut gateway = Gateway::new(Arc::clone(&config), store.key().clone(), 0);
        store.begin().map_err(ledger_stop)?;
        for customer in &customers {
            let consent = Arc::clone(&customer.prepared.consent);
            store.save_consent(&consent.customer, consent.epoch, &customer.prepared.record).map_err(ledger_stop)?;
            gateway.restore(consent);
        }
        store.commit().map_err(ledger_stop)?;
        let monotonic_us = u64::try_from(began_us).map_err(|error| failed(error.to_string()))?;
        let now = Moment { monotonic_us, wall_us: Some(began_us) };
        let standalone = Standalone { gateway, store };
        Ok(Self {
            tally: Tally::begin(&config.offers.campaigns),
            config,
            standalone,
            customers,
            places,
            rng,
            halts: Halts::default(),
            stopped: Vec::new(),
            ignored: BTreeMap::new(),
            first,
            began_us,
            now,
        })
    }

    /// One day; whether the shop was open.
    fn live(&mut self, date: Date, arguments: &Arguments, wheel: &[u32]) -> Result<bool, Stop> {
        let open_us = walk::open_us(&self.config, date);
        if open_us.is_empty() {
            return Ok(false);
        }
        let mut heard = Vec::new();
        for customer in people::come(arguments.visits, &self.customers, wheel, &mut self.rng) {
            if let Some(begins_us) = walk::begins_us(&open_us, &mut self.rng) {
                walk::visit(customer, begins_us, self.places.len(), &mut self.rng, &mut heard);
            }
        }
        heard.sort_by_key(|heard| (heard.at_us, heard.customer));
        for one in &heard {
            self.hear(one, arguments)?;
        }
        Ok(true)
    }

    fn hear(&mut self, heard: &Heard, arguments: &Arguments) -> Result<(), Stop> {
        self.now = Moment { monotonic_us: heard.at_us.unsigned_abs(), wall_us: Some(heard.at_us) };
        let happened = self.standalone.run_until(self.now).map_err(ledger_stop)?;
        self.react(&happened, arguments)?;
        let Some(customer) = self.customers.get(heard.customer) else { return Ok(()) };
        let who = Sighted::Customer(customer.prepared.consent.customer.clone());
        let levels = self.places.get(heard.place).map(|place| place.levels.clone()).unwrap_or_default();
        for (gateway, level_dbm) in levels {
            let sighting = Sighting { who: &who, gateway, level_dbm, count: 1 };
            let happened = self.standalone.handle(Input::Sighting(sighting), self.now).map_err(ledger_stop)?;
            self.react(&happened, arguments)?;
        }
        Ok(())
    }

    /// Counts what happened, and lets customers answer.
    fn react(&mut self, happened: &[Happening], arguments: &Arguments) -> Result<(), Stop> {
        for happening in happened {
            self.tally.count(happening, self.began_us);
            let customer = &happening.customer;
            match &happening.what {
                What::Delivered { campaign, .. } => self.answer(customer, campaign, arguments)?,
                What::VisitEnded => {
                    for matter in self.ignored.remove(customer).unwrap_or_default() {
                        self.note(customer, Signal::Ignored(matter))?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Some dismiss an offer, some open it, and the others leave it alone until it ends.
    fn answer(&mut self, customer: &CustomerId, campaign: &Name, arguments: &Arguments) -> Result<(), Stop> {
        let category = self.config.offers.campaigns.iter().find(|known| known.id == *campaign);
        let about = matter(campaign, category.and_then(|campaign| campaign.category.as_ref()));
        let die = self.rng.f64();
        if die < arguments.dismiss {
            *self.tally.dismissed.entry(campaign.clone()).or_default() += 1;
            self.note(customer, Signal::Dismissed(about))?;
            self.stop_where_unwelcome(campaign);
        } else if die < arguments.dismiss + arguments.open {
            self.note(customer, Signal::Engaged(about))?;
        } else {
            self.ignored.entry(customer.clone()).or_default().push(about);
        }
        Ok(())
    }

    fn note(&mut self, customer: &CustomerId, signal: Signal) -> Result<(), Stop> {
        let effects = vec![Effect::Note(customer.clone(), signal)];
        self.standalone.perform(effects, self.now).map(|_| ()).map_err(ledger_stop)
    }

    /// As the ledger does where feedback comes in.
    fn stop_where_unwelcome(&mut self, campaign: &Name) {
        let count = |counts: &BTreeMap<Name, u64>| counts.get(campaign).copied().unwrap_or(0);
        if !is_unwelcome(count(&self.tally.said), count(&self.tally.dismissed)) {
            return;
        }
        if self.halts.campaigns.insert(campaign.clone()) {
            let date = Timestamp::from_microsecond(self.now.wall_us.unwrap_or(self.began_us)).unwrap_or_default();
            self.stopped.push((campaign.clone(), date.to_zoned(self.config.site.time_zone.clone()).date()));
            self.standalone.gateway.handle(Input::Halts(self.halts.clone()), self.now);
        }
    }

    /// Everybody leaves.
    fn close(&mut self) -> Result<(), Stop> {
        let rest = self.standalone.run_out(self.now).map_err(ledger_stop)?;
        for happening in &rest {
            self.tally.count(happening, self.began_us);
        }
        Ok(())
    }
}
