//! Sources that come over MQTT: the scanners of `[[remote]]`, and phones that report what they hear.
//!
//! Each kind has a connection of its own, so that a scanner that floods delays neither an offer nor a phone. Nothing here
//! logs an address, a phone's id or a message; of scanners that nobody knows, a few names.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;

use tokio::sync::watch;
use tracing::warn;

use super::phone::{self, PhoneHeard, Phones};
use super::remote::Parsed;
use super::remote::ear::{Ear, Message};
use crate::clock::Clock;
use crate::config::remote::Remote;
use crate::config::{Config, Name};
use crate::mqtt::connection::{Options, OptionsError};
use crate::mqtt::listener::{Listener, Subscriber};
use crate::mqtt::topic::{Topics, matches};

/// Where one source puts what it hears and how it fares.
pub trait Outlet: Send + 'static {
    /// The gateway `gateway` heard something.
    fn advertisement(&mut self, gateway: Name, parsed: Parsed);
    /// The phone `phone` hears a beacon.
    fn report(&mut self, phone: &str, heard: PhoneHeard);
    /// Something came in that is of no use, and why, in the word for every wire.
    fn reject(&mut self, why: &'static str);
    /// It listens. Told after every outage, and perhaps more often.
    fn listening(&mut self);
    /// It does not listen, and why. Told at every attempt.
    fn outage(&mut self, reason: &str);
}

/// What the sources go by.
#[derive(Clone)]
pub struct Wiring {
    /// The configuration in force; the brokers and the scanners' filters are those of the start.
    pub config: watch::Receiver<Arc<Config>>,
    /// The ids of the phones that consents name. A message of another is nobody's.
    pub phones: watch::Receiver<Arc<BTreeSet<Name>>>,
    /// Whether the wall clock can be believed.
    pub synchronised: watch::Receiver<bool>,
    /// The machine's clocks.
    pub clock: Clock,
}

/// Listens to the scanners of `[[remote]]`, each entry with an outlet of its own; nothing where there is none, or where this
/// Pi does not decide.
pub fn scanners<O: Outlet>(
    mut wiring: Wiring,
    outlet: impl Fn(&Remote) -> O,
) -> Result<Option<Listener>, OptionsError> {
    let config = Arc::clone(&wiring.config.borrow_and_update());
    let gateway = &config.gateway;
    let Some(broker) = gateway.scanners_broker().filter(|_| gateway.decides && !gateway.remotes.is_empty()) else {
        return Ok(None);
    };
    let options = Options::for_listener(broker, &gateway.site, &gateway.gateway, "listens")?;
    let filters = gateway.remotes.iter().map(|remote| remote.topic.to_string()).collect();
    let sources = gateway.remotes.iter().map(|remote| (remote.clone(), outlet(remote))).collect();
    let subscriber = Scanners { sources, ear: Ear::new(&config), wiring };
    Ok(Some(Listener::start(&options, filters, subscriber, async {})))
}

/// Listens to phones, from when the first consent names one; nothing without a broker, or where this Pi does not decide.
pub fn phones<O: Outlet>(wiring: Wiring, outlet: O) -> Result<Option<Listener>, OptionsError> {
    let config = Arc::clone(&wiring.config.borrow());
    let gateway = &config.gateway;
    let Some(broker) = gateway.mqtt.as_ref().filter(|_| gateway.decides) else { return Ok(None) };
    let options = Options::for_listener(broker, &gateway.site, &gateway.gateway, "hears-phones")?;
    let filters = vec![Topics { root: &broker.root, site: &gateway.site }.heard()];
    let mut known = wiring.phones.clone();
    let wanted = async move {
        if known.wait_for(|phones| !phones.is_empty()).await.is_err() {
            // Nobody is left who could name one.
            pending::<()>().await;
        }
    };
    let subscriber = Reports { outlet, phones: Phones::default(), wiring };
    Ok(Some(Listener::start(&options, filters, subscriber, wanted)))
}

/// The scanners of one broker.
struct Scanners<O> {
    /// In the order of the filters.
    sources: Vec<(Remote, O)>,
    ear: Ear,
    wiring: Wiring,
}

impl<O: Outlet> Subscriber for Scanners<O> {
    fn take(&mut self, topic: &str, payload: &[u8], retained: bool) {
        if self.wiring.config.has_changed().unwrap_or(false) {
            self.ear.configure(&self.wiring.config.borrow_and_update());
        }
        // Of filters that overlap the first one counts.
        let Some((remote, outlet)) = self.sources.iter_mut().find(|(remote, _)| matches(&remote.topic, topic)) else {
            return;
        };
        let message = Message { format: remote.format, topic, payload, retained };
        match self.ear.hear(message, self.wiring.clock.monotonic_us()) {
            Ok((gateway, parsed)) => outlet.advertisement(gateway, parsed),
            Err(refusal) => outlet.reject(refusal.word()),
        }
        if let Some(name) = self.ear.take_stranger() {
            warn!(
                name,
                format = remote.format.word(),
                "a scanner publishes that is no gateway of site.toml: nothing is taken from it; its name is a gateway's `id` or `scanner`"
            );
        }
    }

    fn listening(&mut self, filter: usize) {
        if let Some((_, outlet)) = self.sources.get_mut(filter) {
            outlet.listening();
        }
    }

    fn outage(&mut self, filter: usize, reason: &str) {
        if let Some((_, outlet)) = self.sources.get_mut(filter) {
            outlet.outage(reason);
        }
    }
}

/// The phones of a site.
struct Reports<O> {
    outlet: O,
    phones: Phones,
    wiring: Wiring,
}

impl<O: Outlet> Reports<O> {
    /// Whose the message is and what it says, or why it is of no use. A stranger's is not read.
    fn read<'a>(&mut self, topic: &'a str, payload: &[u8]) -> Result<(&'a str, phone::Report), &'static str> {
        let id = phone::id(topic).filter(|id| self.wiring.phones.borrow().contains(*id)).ok_or("unknown-phone")?;
        if !self.phones.may_speak(id, self.wiring.clock.monotonic_us()) {
            return Err("too-many");
        }
        let now_us = self.wiring.synchronised.borrow().then(|| self.wiring.clock.wall_us());
        Ok((id, phone::parse(payload, now_us).map_err(phone::Flaw::word)?))
    }
}

impl<O: Outlet> Subscriber for Reports<O> {
    fn take(&mut self, topic: &str, payload: &[u8], retained: bool) {
        // What a broker had kept is refused by its time, too; it is not read at all.
        if retained {
            return self.outlet.reject("retained");
        }
        match self.read(topic, payload) {
            Ok((id, report)) => {
                report.heard.into_iter().for_each(|heard| self.outlet.report(id, heard));
                (0..report.passed_over).for_each(|_| self.outlet.reject("passed-over"));
            }
            Err(why) => self.outlet.reject(why),
        }
    }

    fn listening(&mut self, _filter: usize) {
        self.outlet.listening();
    }

    fn outage(&mut self, _filter: usize, reason: &str) {
        self.outlet.outage(reason);
    }
}
