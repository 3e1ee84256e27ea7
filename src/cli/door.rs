//! Where requests are answered: by the running daemon over its socket or, without one, by the ledger itself.

use std::path::Path;
use std::sync::Arc;

use super::daemon::Daemon;
use super::{Stop, ledger_stop};
use crate::clock::Clock;
use crate::config;
use crate::control::{Reply, Request};
use crate::counter::Counter;
use crate::exit;
use crate::ledger::folder::{self, Folder};
use crate::ledger::store::random_key;

/// How a command ends that names a customer or a campaign that there is not.
pub(super) const NOBODY: u8 = 1;

/// Where requests are answered.
pub(super) enum Door {
    /// By the daemon.
    Daemon(Daemon),
    /// By the ledger, whose lock is held meanwhile.
    Ledger(Box<Counter>, #[expect(dead_code, reason = "holding it holds the lock")] Folder),
}

impl Door {
    pub(super) fn open(config_folder: &Path) -> Result<Self, Stop> {
        let loaded = config::load(config_folder);
        // The daemon goes by the files that are in force, whatever is being edited: a wrong price is stopped all the same.
        let running = loaded.gateway.as_ref().filter(|gateway| gateway.decides);
        let running = running.and_then(|gateway| Self::of_the_daemon(&folder::path(gateway.ledger_path.as_deref())));
        if let Some(door) = running {
            return Ok(door);
        }
        let Some(config) = loaded.config else {
            let hint = format!("emma check --config {} says what", config_folder.display());
            return Err((exit::CONFIG, format!("the configuration has an error: {hint}")));
        };
        if !config.gateway.decides {
            return Err((
                exit::UNAVAILABLE,
                "this Pi only scans and knows no customer: ask on the one that decides".to_owned(),
            ));
        }
        let path = folder::path(config.gateway.ledger_path.as_deref());
        let folder = Folder::open(&path).map_err(ledger_stop)?;
        let store = random_key().and_then(|key| folder.store(key)).map_err(ledger_stop)?;
        let counter = Counter::open(Arc::new(config), store, Clock::start().wall_us()).map_err(ledger_stop)?;
        Ok(Self::Ledger(Box::new(counter), folder))
    }

    /// The daemon's, if one runs on that state folder.
    pub(super) fn of_the_daemon(state: &Path) -> Option<Self> {
        Daemon::find(state).ok().map(Self::Daemon)
    }

    pub(super) fn ask(&mut self, request: Request) -> Result<Reply, Stop> {
        match self {
            Self::Daemon(daemon) => {
                daemon.ask(&request).map_err(|error| (exit::UNAVAILABLE, format!("the daemon: {error}")))
            }
            Self::Ledger(counter, _) => counter.answer(request).map_err(ledger_stop),
        }
    }
}

/// Why nothing was changed, a sentence each.
pub(super) fn problems(reply: Reply) -> Vec<String> {
    match reply {
        Reply::Refused { problems } => problems,
        _ => vec![not_understood().1],
    }
}

/// An answer that ends a command.
pub(super) fn refusal(reply: Reply) -> Stop {
    match reply {
        Reply::Failed { problem } => (exit::IO, problem),
        Reply::Unknown => (NOBODY, "this customer is not registered".to_owned()),
        Reply::UnknownOffer => {
            (NOBODY, "there is no such offer: an offer is remembered until it ends, and not longer".to_owned())
        }
        Reply::UnknownCampaign { nearest } => {
            let hint =
                nearest.map_or("emma campaign list names them all".to_owned(), |near| format!("is it `{near}`?"));
            (NOBODY, format!("there is no such campaign: {hint}"))
        }
        other => (exit::UNAVAILABLE, problems(other).join("; ")),
    }
}

pub(super) fn not_understood() -> Stop {
    (exit::UNAVAILABLE, "the daemon answers something else: is it of the same version?".to_owned())
}
