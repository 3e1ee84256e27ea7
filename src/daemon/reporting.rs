//! The report of a week: said when it is over, and whenever somebody asks.

use std::sync::Arc;

use super::Daemon;
use crate::config::Config;
use crate::gateway::offer::civil;
use crate::ledger::{LedgerError, Store};
use crate::mqtt::ended::Speaker;
use crate::mqtt::report;
use crate::report::{Figures, Report, compose, week_name};

/// No window of a promise that is reported looks back further than this: a quarter of a year, in microseconds.
const LOOK_BACK_US: i64 = 92 * 86_400_000_000;

impl Daemon {
    /// Says what may be told of a week that is over.
    pub(super) fn publish_report(&self, week_us: i64) {
        if self.config.gateway.mqtt.is_none() {
            return;
        }
        let question = self.question(Some(week_name(week_us, &self.config.site.time_zone)));
        let (ledger, key) = (self.ledger.clone(), self.codes.key.clone());
        let (speaker, now_us) = (Speaker::of(&self.config.gateway), self.raw_wall_us());
        tokio::spawn(async move {
            let said = match ledger.read(question).await {
                Ok(None) => Ok(()),
                Ok(Some(report)) => ledger.say(None, vec![report::draft(&report, &speaker, &key, now_us)]).await,
                Err(problem) => Err(problem),
            };
            if let Err(problem) = said {
                tracing::warn!(problem, "the report of the week could not be made; `emma report` makes it");
            }
        });
    }

    /// What the ledger is to be asked for the report of a week, by its name.
    pub(crate) fn question(
        &self,
        week: Option<String>,
    ) -> impl FnOnce(&Store) -> Result<Option<Report>, LedgerError> + Send + 'static + use<> {
        let (config, now_us) = (Arc::clone(&self.config), self.raw_wall_us());
        let oldest_consent_us = self.gateway.consents().map(|consent| consent.valid_from_us).min();
        move |store| of_week(store, &config, week.as_deref(), now_us, oldest_consent_us)
    }
}

/// What may be told of a week, as of `now_us` (wall): the one that ISO 8601 names so, `this`, or, unnamed, the last that is
/// over. Nothing where nothing was counted in it.
pub(crate) fn of_week(
    store: &Store,
    config: &Config,
    name: Option<&str>,
    now_us: i64,
    oldest_consent_us: Option<i64>,
) -> Result<Option<Report>, LedgerError> {
    let zone = &config.site.time_zone;
    let this_us = civil::week_began_us(now_us, zone).unwrap_or(now_us);
    let mut began_us = store.weeks_us()?.into_iter();
    let found = match name {
        Some("this") => began_us.find(|week_us| *week_us == this_us),
        None | Some("last") => began_us.find(|week_us| *week_us < this_us),
        Some(name) => began_us.find(|week_us| week_name(*week_us, zone) == name.to_uppercase()),
    };
    let Some(week_us) = found else { return Ok(None) };
    let totals = store.totals(week_us)?;
    let received = store.received(week_us.saturating_sub(LOOK_BACK_US))?;
    let oldest_us = [store.oldest_us()?, oldest_consent_us].into_iter().flatten().min();
    Ok(Some(compose(&Figures { config, week_us, now_us, totals: &totals, received: &received, oldest_us })))
}
