//! Everything that is there before the curtain rises: the core with its consents and its memory of earlier today, an
//! empty ledger in memory, and what will be in the air.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use super::air::Air;
use super::cast::{CAST, EARLIER};
use super::shop::{Pace, micros};
use crate::clock::Moment;
use crate::config::Config;
use crate::gateway::Gateway;
use crate::gateway::advertisement::{Address, AddressKind, Advertisement};
use crate::gateway::consent::record::{self, Record};
use crate::gateway::effect::Input;
use crate::ledger::{Store, registrar};
use crate::mqtt::ended::Speaker;
use crate::standalone::Standalone;

/// One customer was here so long before the story begins: within the promise's gap, and long enough for the visit to
/// be over.
const EARLIER_BY: Duration = Duration::from_mins(40);

/// The scene, and what happens in it.
pub(super) struct Scene {
    pub(super) standalone: Standalone,
    pub(super) air: Air,
}

impl Scene {
    /// The story of `seed`, beginning at `start`.
    ///
    /// # Errors
    /// A sentence: a fault of Emma's.
    pub(super) fn set(config: &Arc<Config>, pace: Pace, seed: u64, start: Moment) -> Result<Self, String> {
        let mut rng = Rng::with_seed(seed);
        let mut store = Store::in_memory(key(seed)).map_err(|error| error.to_string())?;
        store.speak_as(Speaker::of(&config.gateway));
        let gateway = Gateway::new(Arc::clone(config), store.key().clone(), 0);
        let mut scene = Self { standalone: Standalone { gateway, store }, air: Air::new(config, pace, &mut rng) };
        let earlier = start.at_monotonic(start.monotonic_us.saturating_sub(micros(EARLIER_BY)));
        for (person, number) in CAST.iter().zip(0..) {
            scene.register(&person.consent(number, start.wall_us.unwrap_or_default()), config, earlier)?;
        }
        scene.earlier(config, pace, earlier).map_err(|error| error.to_string())?;
        scene.standalone.run_until(start).map_err(|error| error.to_string())?;
        Ok(scene)
    }

    fn register(&mut self, line: &str, config: &Config, now: Moment) -> Result<(), String> {
        let Record::Grant(record) = record::parse(line).map_err(|error| error.to_string())? else {
            return Err("a consent is none".to_owned());
        };
        let Standalone { gateway, store } = &mut self.standalone;
        let (key, customer) = (store.key().clone(), record.customer.clone());
        let inbox = |recipient: &str| key.id(&[b"inbox", customer.as_bytes(), recipient.as_bytes()]);
        let prepared = registrar::prepare(*record, config, None, inbox).map_err(|what| what.join("; "))?;
        let consent = prepared.consent;
        gateway.admits(&consent, now).map_err(|refusal| refusal.to_string())?;
        let saved = store.save_consent(&consent.customer, consent.epoch, &prepared.record);
        saved.and_then(|()| self.standalone.handle(Input::Consent(consent), now)).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Somebody stood among the shoes earlier today, long enough to be told something, and went.
    fn earlier(&mut self, config: &Config, pace: Pace, from: Moment) -> Result<(), crate::ledger::LedgerError> {
        const SECONDS: u64 = 10;
        let Some(gateway) = config.site.gateway("gw-shoes") else { return Ok(()) };
        let Some((person, number)) = CAST.iter().zip(0..).find(|(person, _)| person.name == EARLIER) else {
            return Ok(());
        };
        let (payload, _) = person.transmits(number);
        let address = Address { bytes: [0xc0, 0, 0, 0, 0, 1], kind: AddressKind::Random };
        for half_seconds in 0..2 * SECONDS {
            let at_us = from.monotonic_us + micros(pace.real(Duration::from_millis(500 * half_seconds)));
            let heard = Advertisement { address, payload: &payload, rssi_dbm: -60, gateway };
            self.standalone.run_until(from.at_monotonic(at_us))?;
            self.standalone.handle(Input::Advertisement(heard), from.at_monotonic(at_us))?;
        }
        Ok(())
    }
}

/// The installation's key: as fixed as the seed, because the same seed tells the same story.
fn key(seed: u64) -> [u8; 32] {
    let mut key = *b"a demo is not a secret, 32 bytes";
    for (to, from) in key.iter_mut().zip(seed.to_be_bytes()) {
        *to ^= from;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::super::shop;
    use super::super::story::{Ink, Story, Totals};
    use super::*;
    use crate::gateway::effect::What;

    const START: Moment = Moment { monotonic_us: 86_400_000_000, wall_us: Some(1_793_613_600_000_000) };

    /// The story without its broker: how many offers it has, how many reasons, and its text.
    fn story(seconds: u32, seed: u64) -> (usize, usize, String) {
        let pace = Pace { seconds };
        let config = Arc::new(shop::config(pace, 1).unwrap());
        let Scene { mut standalone, air } = Scene::set(&config, pace, seed, START).unwrap();
        let mut text = Vec::new();
        let mut story = Story::new(&mut text, Ink::default(), &config, START.monotonic_us);
        let (mut delivered, mut reasons) = (0, std::collections::BTreeSet::new());
        for heard in &air.heard {
            let now = START.at_monotonic(START.monotonic_us + micros(heard.at));
            let mut happened = standalone.run_until(now).unwrap();
            let advertisement = air.advertisement(*heard).unwrap();
            happened.extend(standalone.handle(Input::Advertisement(advertisement), now).unwrap());
            for happening in &happened {
                match &happening.what {
                    What::Delivered { .. } => delivered += 1,
                    What::Withheld { reason, .. } => reasons.extend([*reason]),
                    _ => {}
                }
            }
            story.tell(&happened).unwrap();
        }
        story.summary(&config, Totals::default()).unwrap();
        (delivered, reasons.len(), String::from_utf8(text).unwrap())
    }

    #[test]
    fn the_usual_story_has_offers_and_restraint() {
        for seconds in [10, 20, 60, 300, 3600] {
            let (delivered, reasons, text) = story(seconds, 1);
            assert!(delivered >= 5 && reasons >= 4, "{seconds} s: {text}");
            let came = text.lines().find(|line| line.contains("Customers who came in"));
            assert!(came.is_some_and(|line| line.ends_with(" 12")), "{seconds} s: {text}");
        }
    }

    #[test]
    fn every_seed_tells_a_story() {
        for seed in 2..8 {
            let (delivered, _, text) = story(10, seed);
            assert!(delivered >= 3, "seed {seed}: {text}");
        }
    }

    #[test]
    fn the_same_seed_tells_the_same_story() {
        assert_eq!(story(10, 5), story(10, 5));
        assert_ne!(story(10, 5).2, story(10, 6).2);
    }
}
