//! A survey from recordings: what captures hold of a test tag in the times of a file of points.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::notebook::{MAX_READINGS, Measured, Notebook};
use super::plan::Given;
use crate::cli::Stop;
use crate::cli::recordings::read_records;
use crate::cli::replay::warn;
use crate::clock::Moment;
use crate::config::Config;
use crate::exit;
use crate::gateway::Gateway;
use crate::gateway::consent::record::Record;
use crate::gateway::consent::{Consent, CustomerId};
use crate::gateway::effect::{Effect, Input};
use crate::gateway::key::Key;
use crate::radio::capture;

/// The key of a core that remembers nothing.
const NO_KEY: [u8; 32] = [0; 32];

/// The points of `given`, with what the captures hold of the tester in their times.
pub(super) fn measured(
    config: &Arc<Config>,
    given: Given,
    captures: &[PathBuf],
    consents: &Path,
    wanted: Option<&str>,
) -> Result<Notebook, Stop> {
    let spans: Option<Vec<(i64, i64)>> = given.iter().map(|(_, span)| *span).collect();
    let Some(spans) = spans else {
        let what = "--from needs a file of points that says when each was measured: name,x_m,y_m,from,until";
        return Err((exit::USAGE, what.to_owned()));
    };
    let mut notebook = Notebook::new(config, given.into_iter().map(|(point, _)| point).collect());
    for (point, (from_us, until_us)) in notebook.points.iter_mut().zip(&spans) {
        let lasting_ms = u32::try_from((until_us - from_us) / 1_000).unwrap_or(u32::MAX);
        point.measured = Some(Measured { lasting_ms, readings: Vec::new() });
    }
    let tester = tester(consents, wanted)?;
    let mut core = Core::new(config, tester);
    let opened = captures.iter().map(|path| capture::open(path, None)).collect::<Result<Vec<_>, _>>();
    let opened = opened.map_err(|error| (exit::NO_INPUT, error.to_string()))?;
    let mut unknown = 0_u64;
    for heard in capture::merge(opened) {
        let heard = heard.map_err(|error| (exit::NO_INPUT, error.to_string()))?;
        let Some(gateway) = config.site.gateway(&heard.gateway) else {
            unknown += 1;
            continue;
        };
        let Some(level_dbm) = core.level_dbm(Input::Advertisement(heard.advertisement(gateway)), heard.t_us) else {
            continue;
        };
        let number = notebook.number_of(&heard.gateway);
        let within = spans.iter().position(|(from_us, until_us)| (*from_us..*until_us).contains(&heard.t_us));
        let Some((index, measured)) = within.and_then(|index| {
            notebook.points.get_mut(index).and_then(|point| point.measured.as_mut()).map(|measured| (index, measured))
        }) else {
            continue;
        };
        if measured.readings.len() < MAX_READINGS {
            let at_ms = u32::try_from((heard.t_us - spans[index].0) / 1_000).unwrap_or(u32::MAX);
            measured.readings.push((at_ms, number, level_dbm));
        }
    }
    if unknown > 0 {
        warn(&format!("dropped {unknown} advertisements of gateways that site.toml does not know"));
    }
    for point in &notebook.points {
        if point.measured.as_ref().is_none_or(|measured| measured.readings.is_empty()) {
            warn(&format!("the captures hold nothing of the tag in the time of the point `{}`", point.name));
        }
    }
    Ok(notebook)
}

/// The test consent that is meant: the one of this name, or the only one.
fn tester(consents: &Path, wanted: Option<&str>) -> Result<Consent, Stop> {
    let (records, _) = read_records(consents)?;
    // As a ledger takes them: the newest consent of a name counts, and one that was withdrawn does not.
    let mut latest: BTreeMap<CustomerId, Consent> = BTreeMap::new();
    for (_, record) in records {
        match record {
            Record::Grant(record) => {
                let Ok(consent) = record.check() else { continue };
                if latest.get(&consent.customer).is_none_or(|known| known.epoch <= consent.epoch) {
                    latest.insert(consent.customer.clone(), consent);
                }
            }
            Record::Withdraw { customer, epoch } | Record::Lapse { customer, epoch } => {
                if latest.get(&customer).is_some_and(|known| known.epoch <= epoch) {
                    latest.remove(&customer);
                }
            }
        }
    }
    let is_wanted = |consent: &Consent| wanted.is_none_or(|wanted| consent.customer.as_str() == wanted);
    let mut named: Vec<Consent> = latest.into_values().filter(is_wanted).collect();
    let refused = |what: String| Err((exit::DATA, format!("{}: {what}", consents.display())));
    match (wanted, named.is_empty()) {
        (Some(wanted), true) => return refused(format!("it holds no consent of `{}`", wanted.escape_debug())),
        (Some(_), false) if !named.iter().any(|consent| consent.test) => {
            return refused(
                "this is a customer, not a tester: only test tags are surveyed with (\"test\": true)".into(),
            );
        }
        _ => named.retain(|consent| consent.test),
    }
    match named.len() {
        0 => refused("it holds no test consent (\"test\": true)".to_owned()),
        1 => named.pop().map_or_else(|| refused("it holds no test consent".to_owned()), Ok),
        several => refused(format!("it holds {several} test consents: name one")),
    }
}

/// A core that follows one tester.
struct Core {
    gateway: Gateway,
    customer: CustomerId,
    consent: Option<Consent>,
}

impl Core {
    fn new(config: &Arc<Config>, consent: Consent) -> Self {
        let mut gateway = Gateway::new(Arc::clone(config), Key::new(NO_KEY), 0);
        gateway.follow([consent.customer.clone()].into());
        Self { gateway, customer: consent.customer.clone(), consent: Some(consent) }
    }

    /// The level of what was heard, if it was the tester's.
    fn level_dbm(&mut self, input: Input<'_>, t_us: i64) -> Option<f64> {
        let now = Moment { monotonic_us: t_us.max(0).unsigned_abs(), wall_us: Some(t_us.max(0)) };
        if let Some(consent) = self.consent.take() {
            self.gateway.handle(Input::Consent(Arc::new(consent)), now);
        }
        let effects = self.gateway.handle(input, now);
        effects.into_iter().find_map(|effect| match effect {
            Effect::Read(reading) if reading.customer == self.customer => Some(reading.level_dbm),
            _ => None,
        })
    }
}
