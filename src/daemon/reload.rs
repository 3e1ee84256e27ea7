//! A changed configuration is taken over while running, or refused whole.

use std::sync::Arc;

use super::Daemon;
use crate::config::{self, Config};
use crate::gateway::effect::Input;
use crate::ledger::retention;
use crate::mqtt::state::{InForce, RefusedChange};

impl Daemon {
    /// Takes a changed configuration over, or refuses it whole.
    pub(super) fn reload(&mut self) {
        let digest = config::digest(&self.folder);
        if digest == self.in_force {
            self.voices.state.send_if_modified(|state| state.refused.take().is_some());
            return;
        }
        let loaded = config::load(&self.folder);
        let Some(config) = loaded.config else {
            let errors = loaded.problems.iter().filter(|problem| problem.is_error());
            let problems: Vec<String> = errors.map(ToString::to_string).collect();
            self.refuse(&problems);
            return;
        };
        if config.gateway != self.config.gateway {
            self.refuse(&[
                "gateway.toml: error: a change of it is taken over by a restart of Emma, and with it the rest"
                    .to_owned(),
            ]);
            return;
        }
        if config != *self.config {
            self.take_over(config);
        }
        self.in_force.clone_from(&digest);
        let at_us = self.clock.wall_us();
        self.voices.state.send_modify(|state| {
            state.in_force = InForce { digest: digest.into(), at_us };
            state.refused = None;
        });
        tracing::info!("the changed configuration is in force");
    }

    fn take_over(&mut self, config: Config) {
        let kept_us = |config: &Config| {
            let consents = self.gateway.consents().map(|consent| &**consent);
            retention::kept(config, consents).deliveries_us.unwrap_or(u64::MAX)
        };
        if kept_us(&config) > kept_us(&self.config) {
            tracing::warn!(
                "a cap looks back further than deliveries were kept for: it holds in full once its window has passed"
            );
        }
        self.me = config.site.gateway(&config.gateway.gateway).unwrap_or(self.me);
        self.config = Arc::new(config);
        self.codes.configure(&self.config.offers);
        self.voices.orderer.configure(Arc::clone(&self.config));
        self.input(Input::Configure(Arc::clone(&self.config)));
    }

    fn refuse(&self, problems: &[String]) {
        let problems: Vec<config::Name> = problems.iter().map(|problem| problem.as_str().into()).collect();
        let known = self.voices.state.borrow().refused.as_ref().is_some_and(|refused| refused.problems == problems);
        if known {
            return;
        }
        tracing::error!(problems = problems.len(), "the changed configuration is refused, the old one stays in force");
        for problem in problems.iter().take(20) {
            tracing::error!("{problem}");
        }
        let at_us = self.clock.wall_us();
        self.voices.state.send_modify(|state| state.refused = Some(RefusedChange { at_us, problems }));
    }
}
