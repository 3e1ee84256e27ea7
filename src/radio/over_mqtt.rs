//! Sources that come over MQTT: the scanners of `[[remote]]`, and phones that report what they hear.
//!
//! Each kind has a connection of its own, so that a scanner that floods delays neither an offer nor a phone. Nothing here
//! logs an address, a phone's id or a message; of scanners that nobody knows, a few names.

use std::future::pending;
use std::sync::Arc;

use tracing::warn;

use super::phone::{self, Phones};
use super::remote::ear::{Ear, Message};
use super::source::{Heard, Orders, Outlet, Switchboard};
use crate::config::Name;
use crate::config::remote::Remote;
use crate::mqtt::connection::{Options, OptionsError};
use crate::mqtt::listener::{Listener, Manner, Subscriber};
use crate::mqtt::received::Received;
use crate::mqtt::topic::{Topics, matches};

/// Listens to the scanners of `[[remote]]`, each entry a source of its own; nothing where there is none, or where this Pi
/// does not decide.
pub fn scanners(board: &Switchboard) -> Result<Option<Listener>, OptionsError> {
    let mut orders = board.orders().clone();
    let config = Arc::clone(&orders.config.borrow_and_update());
    let gateway = &config.gateway;
    let Some(broker) = gateway.scanners_broker().filter(|_| gateway.decides && !gateway.remotes.is_empty()) else {
        return Ok(None);
    };
    let options = Options::for_listener(broker, &gateway.site, &gateway.gateway, "listens")?;
    let filters = gateway.remotes.iter().map(|remote| remote.topic.to_string()).collect();
    let outlet = |remote: &Remote| board.outlet(remote.format.word(), Some(remote.topic.clone()));
    let sources = gateway.remotes.iter().map(|remote| (remote.clone(), outlet(remote))).collect();
    let subscriber = Scanners { sources, ear: Ear::new(&config), orders };
    Ok(Some(Listener::start(&options, Manner::LISTENS, filters, subscriber, async {}, closed(board))))
}

/// Listens to phones, from when the first consent names one; nothing without a broker, or where this Pi does not decide.
pub fn phones(board: &Switchboard) -> Result<Option<Listener>, OptionsError> {
    let orders = board.orders().clone();
    let config = Arc::clone(&orders.config.borrow());
    let gateway = &config.gateway;
    let Some(broker) = gateway.mqtt.as_ref().filter(|_| gateway.decides) else { return Ok(None) };
    let options = Options::for_listener(broker, &gateway.site, &gateway.gateway, "hears-phones")?;
    let filter = Topics { root: &broker.root, site: &gateway.site }.heard();
    let outlet = board.outlet("phone", Some(filter.as_str().into()));
    outlet.waits("it begins with the first consent that names a phone");
    let mut known = orders.phones.clone();
    let wanted = async move {
        if known.wait_for(|phones| !phones.is_empty()).await.is_err() {
            // Nobody is left who could name one.
            pending::<()>().await;
        }
    };
    let subscriber = Reports { outlet, phones: Phones::default(), orders, filter: filter.clone() };
    Ok(Some(Listener::start(&options, Manner::LISTENS, vec![filter], subscriber, wanted, closed(board))))
}

/// Done when nobody takes what is heard any more.
pub(super) fn closed(board: &Switchboard) -> impl Future<Output = ()> + Send + 'static {
    let board = board.clone();
    async move { board.closed().await }
}

/// The scanners of one broker.
struct Scanners {
    /// In the order of the filters.
    sources: Vec<(Remote, Outlet)>,
    ear: Ear,
    orders: Orders,
}

impl Subscriber for Scanners {
    fn take(&mut self, &Received { topic, payload, retained, .. }: &Received<'_>) {
        if self.orders.config.has_changed().unwrap_or(false) {
            self.ear.configure(&self.orders.config.borrow_and_update());
        }
        // Of filters that overlap the first one counts.
        let Some((remote, outlet)) = self.sources.iter_mut().find(|(remote, _)| matches(&remote.topic, topic)) else {
            return;
        };
        let message = Message { format: remote.format, topic, payload, retained };
        match self.ear.hear(message, self.orders.clock.monotonic_us()) {
            Ok((gateway, parsed)) => outlet.hear(Heard::Advertisement {
                gateway: Some(gateway),
                address: parsed.address,
                payload: parsed.payload,
                rssi_dbm: parsed.rssi_dbm,
            }),
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
        if let Some((remote, outlet)) = self.sources.get_mut(filter) {
            outlet.listening(&remote.topic, None, None);
        }
    }

    fn outage(&mut self, filter: usize, reason: &str) {
        if let Some((_, outlet)) = self.sources.get_mut(filter) {
            outlet.outage(reason);
        }
    }
}

/// The phones of a site.
struct Reports {
    outlet: Outlet,
    phones: Phones,
    orders: Orders,
    filter: String,
}

impl Reports {
    /// Whose the message is and what it says, or why it is of no use. A stranger's is not read.
    fn read<'a>(&mut self, topic: &'a str, payload: &[u8]) -> Result<(&'a str, phone::Report), &'static str> {
        if self.orders.phones.has_changed().unwrap_or(false) {
            self.phones.keep(&self.orders.phones.borrow_and_update());
        }
        let id = phone::id(topic).filter(|id| self.orders.phones.borrow().contains(*id)).ok_or("unknown-phone")?;
        if !self.phones.may_speak(id, self.orders.clock.monotonic_us()) {
            return Err("too-many");
        }
        let now_us = self.orders.synchronised.borrow().then(|| self.orders.clock.wall_us());
        Ok((id, phone::parse(payload, now_us).map_err(phone::Flaw::word)?))
    }
}

impl Subscriber for Reports {
    fn take(&mut self, &Received { topic, payload, retained, .. }: &Received<'_>) {
        // What a broker had kept is refused by its time, too; it is not read at all.
        if retained {
            return self.outlet.reject("retained");
        }
        match self.read(topic, payload) {
            Ok((id, report)) => {
                let phone: Name = id.into();
                for heard in report.heard {
                    let phone = phone.clone();
                    self.outlet.hear(Heard::Report { phone, beacon: heard.beacon, rssi_dbm: heard.rssi_dbm });
                }
                (0..report.passed_over).for_each(|_| self.outlet.reject("passed-over"));
            }
            Err(why) => self.outlet.reject(why),
        }
    }

    fn listening(&mut self, _filter: usize) {
        self.outlet.listening(&self.filter, None, None);
    }

    fn outage(&mut self, _filter: usize, reason: &str) {
        self.outlet.outage(reason);
    }
}
