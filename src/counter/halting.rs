//! What the shop halts at a terminal: the whole of it, or one campaign. Silence is immediate; speech waits for the disk.

use std::collections::BTreeSet;

use tokio::sync::oneshot;

use super::{Counter, refused, tell, when};
use crate::config::problem::nearest;
use crate::config::{Config, Name};
use crate::control::{Answer, CampaignListed, Halting, Reply};
use crate::daemon::{Codes, CodesLeft, Daemon};
use crate::gateway::effect::Input;
use crate::gateway::halt::Halts;
use crate::gateway::offer::civil::Civil;
use crate::ledger::LedgerError;
use crate::ledger::halts::Word;

/// What to tell whoever was overtaken by another word.
const OVERTAKEN: &str = "somebody said something else at the same moment: emma campaign list shows what holds";

impl Daemon {
    /// Does it: first silence, then the disk; what is said again waits until the disk has it.
    pub(super) fn halt(&mut self, what: &Halting, reply: oneshot::Sender<Answer>) {
        let now_us = self.now().wall_us;
        let (word, sentence) = match understand(what, &self.config, self.gateway.halts(), now_us) {
            Ok(understood) => understood,
            Err(why_not) => return tell(reply, why_not),
        };
        let silenced = tightened(self.gateway.halts(), &word);
        let is_silent = silenced.is_some();
        if let Some(halts) = silenced {
            self.input(Input::Halts(halts));
        }
        let (ledger, word_us) = (self.ledger.clone(), self.raw_wall_us());
        tokio::spawn(async move {
            tell(
                reply,
                match ledger.give_word(word, word_us).await {
                    Ok(true) => Reply::Done { sentence },
                    Ok(false) => refused(OVERTAKEN),
                    Err(problem) if is_silent => Reply::Failed {
                        problem: format!(
                            "nothing of it is said from now on, but it could not be written down ({problem}): say it again before Emma is restarted"
                        ),
                    },
                    Err(problem) => Reply::Failed { problem },
                },
            );
        });
    }

    /// Takes back one offer.
    pub(super) fn recall(&self, offer: &str, reply: oneshot::Sender<Answer>) {
        let recalled = self.ledger.recall_offer(offer.into());
        tokio::spawn(async move {
            tell(
                reply,
                match recalled.await {
                    Ok(known) => told_of(known, ""),
                    Err(problem) => Reply::Failed { problem },
                },
            );
        });
    }

    /// Tells every campaign, and whether it runs.
    pub(super) fn list_campaigns(&self, reply: oneshot::Sender<Answer>) {
        let (ledger, config) = (self.ledger.clone(), self.config.clone());
        let (halts, now_us) = (self.gateway.halts().clone(), self.raw_wall_us());
        let codes_left = self.codes.left(&config.offers);
        tokio::spawn(async move {
            tell(
                reply,
                match ledger.read(super::Store::stopped_campaigns).await {
                    Ok(stopped) => list(&config, &halts, &stopped, &codes_left, now_us),
                    Err(problem) => Reply::Failed { problem },
                },
            );
        });
    }
}

impl Counter {
    /// Does it on the ledger itself; a daemon that starts later goes by it.
    pub(super) fn halt(&self, what: &Halting) -> Result<Reply, LedgerError> {
        let (word, mut sentence) = match understand(what, &self.config, &self.store.halts()?, Some(self.wall_us)) {
            Ok(understood) => understood,
            Err(why_not) => return Ok(why_not),
        };
        if matches!(word, Word::Pause(_) | Word::Stop(_)) {
            sentence.push_str(" No Emma runs on this folder now; the next one that starts goes by it.");
        }
        let taken = self.store.transaction(|store| store.give_word(&word, self.wall_us, self.wall_us))?;
        Ok(if taken { Reply::Done { sentence } } else { refused(OVERTAKEN) })
    }

    /// Takes back one offer; whoever may have it is told by the next daemon.
    pub(super) fn recall(&self, offer: &str) -> Result<Reply, LedgerError> {
        let known = self.store.transaction(|store| store.recall_offer(offer, self.wall_us))?;
        Ok(told_of(known, " No Emma runs on this folder now; the next one that starts tells them."))
    }

    /// How many codes are left to each campaign that has a list.
    pub(super) fn codes_left(&self) -> Result<CodesLeft, LedgerError> {
        let offers = &self.config.offers;
        Ok(Codes::new(self.store.key(), self.store.used_codes()?, offers).left(offers))
    }

    /// Tells every campaign, and whether it runs.
    pub(super) fn list_campaigns(&self) -> Result<Reply, LedgerError> {
        Ok(list(
            &self.config,
            &self.store.halts()?,
            &self.store.stopped_campaigns()?,
            &self.codes_left()?,
            self.wall_us,
        ))
    }
}

/// What is answered to whoever takes back an offer.
fn told_of(known: bool, besides: &str) -> Reply {
    let sentence = "The offer is taken back; every recipient that may have it is told.";
    if known { Reply::Done { sentence: format!("{sentence}{besides}") } } else { Reply::UnknownOffer }
}

/// What is meant, and the sentence that tells what holds then. `now_us` (wall) is nothing while the clock is not trusted.
fn understand(what: &Halting, config: &Config, halts: &Halts, now_us: Option<i64>) -> Result<(Word, String), Reply> {
    match what {
        Halting::Pause { until: None } => Ok((
            Word::Pause(i64::MAX),
            "Nothing is said until somebody resumes (emma resume); what was on its way is taken back.".to_owned(),
        )),
        Halting::Pause { until: Some(until) } => {
            let zone = &config.site.time_zone;
            let now_us = now_us.ok_or_else(|| {
                refused("this machine does not know yet what time it is: emma pause, without an end, holds until emma resume")
            })?;
            let until_us = when::read_next(until, now_us, zone).map_err(refused)?;
            let until = when::words(until_us, now_us, zone);
            Ok((Word::Pause(until_us), format!("Nothing is said until {until}; what was on its way is taken back.")))
        }
        Halting::Resume => Ok((Word::Resume, resumed(halts, now_us))),
        Halting::Stop { campaign } => {
            let campaign = known(campaign, config, &BTreeSet::new())?;
            let sentence = format!("{campaign} is stopped; whatever of it was said and still holds is taken back.");
            Ok((Word::Stop(campaign), sentence))
        }
        Halting::Start { campaign } => {
            let campaign = known(campaign, config, &halts.campaigns)?;
            let mut sentence = format!("{campaign} runs again.");
            if is_paused(halts, now_us) {
                sentence.push_str(" The whole shop is paused still: emma resume ends that.");
            }
            Ok((Word::Start(campaign), sentence))
        }
    }
}

fn resumed(halts: &Halts, now_us: Option<i64>) -> String {
    let sentence = if is_paused(halts, now_us) { "Emma speaks again." } else { "Emma was not paused." };
    let stopped: Vec<&str> = halts.campaigns.iter().map(|campaign| &**campaign).collect();
    if stopped.is_empty() { sentence.to_owned() } else { format!("{sentence} Still stopped: {}.", stopped.join(", ")) }
}

fn is_paused(halts: &Halts, now_us: Option<i64>) -> bool {
    halts.paused_until_us.is_some_and(|until_us| now_us.is_none_or(|now_us| now_us < until_us))
}

/// The campaign of that id; one that was stopped can be started although its file names it no more.
fn known(campaign: &str, config: &Config, stopped: &BTreeSet<Name>) -> Result<Name, Reply> {
    let ids = || config.offers.campaigns.iter().map(|campaign| &campaign.id).chain(stopped);
    match ids().find(|id| ***id == *campaign) {
        Some(id) => Ok(id.clone()),
        None => Err(unknown(campaign, config)),
    }
}

/// The answer where there is no such campaign.
pub(super) fn unknown(campaign: &str, config: &Config) -> Reply {
    let ids = config.offers.campaigns.iter().map(|campaign| &*campaign.id);
    Reply::UnknownCampaign { nearest: nearest(campaign, ids).map(str::to_owned) }
}

/// What the core is to go by until the ledger has the word: never more than before. Nothing where it says more.
pub(crate) fn tightened(halts: &Halts, word: &Word) -> Option<Halts> {
    let mut halts = halts.clone();
    match word {
        Word::Pause(until_us) => halts.paused_until_us = halts.paused_until_us.max(Some(*until_us)),
        Word::Stop(campaign) => drop(halts.campaigns.insert(campaign.clone())),
        Word::Resume | Word::Start(_) => return None,
    }
    Some(halts)
}

fn list(config: &Config, halts: &Halts, stopped: &[(Name, String)], codes_left: &CodesLeft, now_us: i64) -> Reply {
    let zone = &config.site.time_zone;
    let now = Civil::at(now_us, zone);
    let why = |id: &Name| stopped.iter().find(|(campaign, _)| campaign == id).map(|(_, why)| why.clone());
    let listed = |campaign: &Name, standing: Option<String>| CampaignListed {
        campaign: campaign.to_string(),
        runs: standing.is_none(),
        standing: standing.unwrap_or_else(|| "runs".to_owned()),
    };
    let known = config.offers.campaigns.iter().map(|campaign| {
        let inactive = (!now.is_active(&campaign.active)).then(|| "not active now".to_owned());
        let used_up = (codes_left.get(&campaign.id) == Some(&0)).then(|| "its list of codes is used up".to_owned());
        listed(&campaign.id, why(&campaign.id).or(inactive).or(used_up))
    });
    let is_gone = |id: &Name| config.offers.campaigns.iter().all(|campaign| campaign.id != *id);
    let gone = stopped.iter().filter(|(id, _)| is_gone(id));
    let gone = gone.map(|(id, why)| listed(id, Some(format!("{why}; offers.toml names it no more"))));
    let paused = halts.paused_until_us.filter(|until_us| now_us < *until_us);
    let paused = paused.map(|until_us| match until_us {
        i64::MAX => "somebody resumes".to_owned(),
        until_us => when::words(until_us, now_us, zone),
    });
    Reply::Campaigns { paused, campaigns: known.chain(gone).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn until_the_disk_has_it_nothing_is_said_that_was_not() {
        let halts = Halts { paused_until_us: Some(10), campaigns: ["boots".into()].into() };
        let silenced = tightened(&halts, &Word::Pause(5)).unwrap();
        assert_eq!(silenced.paused_until_us, Some(10), "a shorter pause begins on disk");
        let silenced = tightened(&halts, &Word::Stop("socks".into())).unwrap();
        assert_eq!(silenced.campaigns.len(), 2);
        assert_eq!(tightened(&halts, &Word::Resume), None);
        assert_eq!(tightened(&halts, &Word::Start("boots".into())), None);
    }
}
