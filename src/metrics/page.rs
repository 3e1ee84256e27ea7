//! What is told, a family a line of [`Figures::encode`]. A new one has its row in docs/metrics.md.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::watch;

use crate::gateway::Counters;
use crate::gateway::effect::Reason;
use crate::ledger::thread::Ledger;
use crate::mqtt::state::{ClockTrust, DeliveryTrouble, Health, State};
use crate::mqtt::status::{Standing, Status};
use crate::report::in_groups;

/// The types of the older text format, and of the one that `OpenMetrics` defines.
const KINDS: [&str; 2] = [prometheus_text::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8"];

/// What the core has counted, as of the loop's last look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// The core's own counters.
    pub counters: Counters,
    /// Consents held.
    pub customers: usize,
}

/// Where every value is read from.
#[derive(Clone, Debug)]
pub struct Figures {
    /// What the state topic says.
    pub state: watch::Receiver<State>,
    /// What the health topic says.
    pub health: watch::Receiver<Health>,
    /// How the session with the broker does; nothing without one.
    pub session: Option<watch::Receiver<Status>>,
    /// The ledger and the core's totals; nothing on a Pi that only scans.
    pub decider: Option<(Ledger, watch::Receiver<Totals>)>,
}

type Labels = Vec<(&'static str, String)>;

impl Figures {
    /// The page, and of which type it is: that of `OpenMetrics`, or the older one.
    ///
    /// # Errors
    /// Never: it is written to a text.
    pub(super) fn page(&self, is_open: bool) -> Result<(&'static str, String), fmt::Error> {
        let mut registry = Registry::with_prefix("emma");
        registry.register_collector(Box::new(self.clone()));
        let mut page = String::new();
        if is_open {
            text::encode(&mut page, &registry)?;
        } else {
            prometheus_text::encode(&mut page, &registry)?;
        }
        Ok((KINDS[usize::from(is_open)], page))
    }
}

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        let (state, health) = (self.state.borrow().clone(), self.health.borrow().clone());
        of_state(&mut page, &state)?;
        of_sources(&mut page, &state, &health)?;
        of_the_shop(&mut page, &health)?;
        if let Some(session) = &self.session {
            let status = session.borrow().clone();
            of_the_broker(&mut page, &status)?;
        }
        if let Some((ledger, totals)) = &self.decider {
            of_the_ledger(&mut page, ledger, &health)?;
            let totals = totals.borrow().clone();
            of_customers(&mut page, &totals)?;
        }
        Ok(())
    }
}

fn of_state(page: &mut Page<'_>, state: &State) -> fmt::Result {
    let version = vec![("version", state.version.to_string())];
    page.gauge("build_info", "Always 1; which version runs.", None, [(version, 1.0)])?;
    #[expect(clippy::cast_precision_loss, reason = "a second is exact enough")]
    let began = state.since_us as f64 / 1e6;
    page.one("start_time", "When this life of the process began, since 1970.", Some(&Unit::Seconds), began)?;
    page.flag(
        "clock_trusted",
        "Whether the time is known; without it nothing is said.",
        state.clock != ClockTrust::Untrusted,
    )?;
    page.flag(
        "configuration_refused",
        "Whether a changed configuration was refused, so that the old one is in force.",
        state.refused.is_some(),
    )?;
    page.flag("paused", "Whether the whole shop is paused by hand.", state.paused_until_us.is_some())?;
    page.one(
        "stopped_campaigns",
        "Campaigns that were stopped, by hand or by their dismissals.",
        None,
        whole(state.stopped_campaigns.len() as u64),
    )?;
    let Some(feed) = &state.consent_feed else { return Ok(()) };
    page.flag("consent_feed_agrees", "Whether what the registrar sums up is what is held here.", feed.agrees)?;
    let beat = feed.at.parse::<Timestamp>().map_or(0, Timestamp::as_second);
    page.one(
        "consent_feed_beat_timestamp",
        "When the registrar's last heartbeat was, since 1970.",
        Some(&Unit::Seconds),
        whole(u64::try_from(beat).unwrap_or(0)),
    )
}

/// A kind and a name, as gateway.toml has them. Two sources of one name are told as one.
fn of_sources(page: &mut Page<'_>, state: &State, health: &Health) -> fmt::Result {
    let of = |kind: &str, name: Option<&str>| {
        vec![("source", kind.to_owned()), ("name", name.unwrap_or_default().to_owned())]
    };
    let mut listening: BTreeMap<Labels, f64> = BTreeMap::new();
    let mut restarts: BTreeMap<Labels, u64> = BTreeMap::new();
    for source in state.sources.iter().filter(|source| source.kind != "none") {
        let labels = of(&source.kind, source.name.as_deref());
        // One that waits for something to do has no error, and is no reason to wake anybody.
        let is_well = source.listening || source.last_error.is_none();
        let all = listening.entry(labels.clone()).or_insert(1.0);
        *all = all.min(flag(is_well));
        *restarts.entry(labels).or_default() += source.restarts;
    }
    let (mut heard, mut dropped, mut rejected) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for source in health.sources.iter().filter(|source| hears_strangers(&source.kind)) {
        let labels = of(&source.kind, source.name.as_deref());
        *heard.entry(labels.clone()).or_default() += source.heard;
        *dropped.entry(labels.clone()).or_default() += source.dropped;
        for (why, count) in &source.rejected {
            *rejected.entry([labels.clone(), vec![("reason", why.clone())]].concat()).or_default() += count;
        }
    }
    page.gauge("source_up", "Whether a source listens, or waits for something to do.", None, listening)?;
    page.counters("source_restarts", "Times that a source listened again after it had not.", restarts)?;
    page.counters("source_heard", "Advertisements and reports that a source handed on, strangers' included.", heard)?;
    page.counters("source_dropped", "Those that were dropped because too many came at once.", dropped)?;
    page.counters("source_rejected", "What a source could not use.", rejected)
}

/// Whether it counts everybody's transmissions. What phones and the shop's other Pis tell is of customers alone, and a count of
/// it says that one of them is there.
fn hears_strangers(kind: &str) -> bool {
    !matches!(kind, "none" | "phone" | "sightings" | "scanner" | "decider")
}

/// The shop's own transmitters and receivers, by their ids in site.toml.
fn of_the_shop(page: &mut Page<'_>, health: &Health) -> fmt::Result {
    let beacons = &health.fixed_beacons;
    let of = |id: &str| vec![("beacon", id.to_owned())];
    let missing = beacons.iter().map(|beacon| (of(&beacon.id), flag(beacon.missing_secs.is_some())));
    page.gauge(
        "fixed_beacon_missing",
        "Whether nobody has heard one of the shop's beacons for ten minutes.",
        None,
        missing,
    )?;
    let volts = beacons.iter().filter_map(|beacon| Some((of(&beacon.id), f64::from(beacon.battery_mv?) / 1000.0)));
    page.gauge("fixed_beacon_battery", "What its battery had when it last said so.", Some(&Unit::Volts), volts)?;
    let gateways = health.calibration.iter();
    let drift = gateways.filter_map(|of| Some((vec![("gateway", of.gateway.clone())], of.drift_db?)));
    let unit = Unit::Other("decibels".to_owned());
    page.gauge("gateway_drift", "How much more a gateway hears than when it was set up.", Some(&unit), drift)?;
    let Some(incoming) = &health.incoming else { return Ok(()) };
    page.flag("incoming_up", "Whether what customers and the shop say over MQTT is listened to.", incoming.listening)?;
    page.count("incoming_taken", "Messages that were taken, in whole groups.", in_groups(incoming.taken))?;
    let rejected = incoming.rejected.iter().map(|(why, count)| (vec![("reason", why.clone())], in_groups(*count)));
    page.counters("incoming_rejected", "Messages of no use, in whole groups.", rejected)
}

fn of_the_broker(page: &mut Page<'_>, status: &Status) -> fmt::Result {
    page.flag("broker_connected", "Whether the broker has accepted the session.", status.is_connected())?;
    page.flag(
        "taken_over",
        "Whether another Emma of this name took over, so that this one says nothing.",
        status.standing == Standing::TakenOver,
    )?;
    page.count("broker_outages", "Times that the broker could not be reached.", status.outages)?;
    page.flag(
        "nobody_listens",
        "Whether the broker said of the last offer that nobody listens to it.",
        status.delivery_trouble == Some(DeliveryTrouble::NobodyListens),
    )?;
    let refuses = status.delivery_trouble == Some(DeliveryTrouble::Refused);
    page.flag("broker_refuses", "Whether the broker refused the last offer.", refuses)?;
    let outcomes = [("acknowledged", status.acknowledged), ("refused", status.refused), ("expired", status.expired)];
    let outcomes = outcomes.map(|(outcome, count)| (vec![("outcome", outcome.to_owned())], in_groups(count)));
    page.counters("messages", "Messages that the broker was given, by what became of them, in whole groups.", outcomes)
}

fn of_the_ledger(page: &mut Page<'_>, ledger: &Ledger, health: &Health) -> fmt::Result {
    page.flag(
        "ledger_writable",
        "Whether the ledger can be written; nothing is said while it cannot.",
        !ledger.gauges().fails(),
    )?;
    page.flag(
        "ledger_restored",
        "Whether the ledger was restored from a backup, and each cap's window is full until it has passed once.",
        ledger.gauges().restored_us().is_some(),
    )?;
    page.count(
        "ledger_commits",
        "Transactions that were written to the disk, in whole groups.",
        in_groups(ledger.gauges().commits()),
    )?;
    // How many wait is told in groups; that something does is what somebody has to see to.
    page.one(
        "outbox_messages",
        "Messages that wait for the broker, in whole groups.",
        None,
        whole(in_groups(health.outbox_depth)),
    )?;
    let oldest = health.outbox_oldest_secs.unwrap_or(0);
    page.one(
        "outbox_oldest_age",
        "How long the oldest of them has waited; 0 where none does.",
        Some(&Unit::Seconds),
        whole(oldest),
    )
}

/// What happens to customers: in whole groups, so that no step of a line is a person.
fn of_customers(page: &mut Page<'_>, totals: &Totals) -> fmt::Result {
    let Totals { counters, customers } = totals;
    page.one("customers", "Consents held, in whole groups.", None, whole(in_groups(*customers as u64)))?;
    page.count("visits", "Visits that ended, in whole groups.", in_groups(counters.visits_ended))?;
    page.count(
        "visits_without_offer",
        "Of these, those without an offer, in whole groups.",
        in_groups(counters.visits_without_offer),
    )?;
    page.count("offers", "Offers that were committed, in whole groups.", in_groups(counters.delivered))?;
    // All of them, so that a reason that is named says of nobody that they were refused for it.
    let withheld = Reason::ALL.into_iter().map(|reason| {
        let count = counters.withheld.get(&reason).copied().unwrap_or(0);
        (vec![("reason", reason.as_str().to_owned())], in_groups(count))
    });
    page.counters(
        "offers_withheld",
        "Offers that were not made, by the first gate that said no, in whole groups.",
        withheld,
    )
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

#[expect(clippy::cast_precision_loss, reason = "a gauge of Prometheus is a float, exact up to 2^53")]
fn whole(n: u64) -> f64 {
    n as f64
}

/// Writes families.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn gauge(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        values: impl IntoIterator<Item = (Labels, f64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (labels, value) in values {
            if labels.is_empty() {
                family.encode_gauge(&value)?;
            } else {
                family.encode_family(&labels)?.encode_gauge(&value)?;
            }
        }
        Ok(())
    }

    fn one(&mut self, name: &str, help: &str, unit: Option<&Unit>, value: f64) -> fmt::Result {
        self.gauge(name, help, unit, [(Vec::new(), value)])
    }

    fn flag(&mut self, name: &str, help: &str, is: bool) -> fmt::Result {
        self.one(name, help, None, flag(is))
    }

    /// Counters; their names get the `_total` of the conventions.
    fn counters(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (Labels, u64)>) -> fmt::Result {
        const NONE: Option<&Exemplar<NoLabelSet, u64>> = None;
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            if labels.is_empty() {
                family.encode_counter(&value, NONE)?;
            } else {
                family.encode_family(&labels)?.encode_counter(&value, NONE)?;
            }
        }
        Ok(())
    }

    fn count(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.counters(name, help, [(Vec::new(), value)])
    }
}
