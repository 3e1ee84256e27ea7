//! Several Pis of one shop, over its own broker: the decider's connection to its scanners, and a scanner's to its decider.
//! What is said and believed is decided in [`crate::sharing`]; here it is carried, counted and told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::warn;

use super::over_mqtt::closed;
use super::source::{Heard, Orders, Outlet, Switchboard};
use crate::clock::Clock;
use crate::config::gateway::{Gateway, Mqtt};
use crate::config::{Config, Name};
use crate::mqtt::client::Qos;
use crate::mqtt::connection::{Options, OptionsError};
use crate::mqtt::listener::{Listener, Manner, Said, Subscriber};
use crate::mqtt::received::Received;
use crate::mqtt::topic::Topics;
use crate::sharing::hub::{Hub, Refused};
use crate::sharing::scanner::Scanner;
use crate::sharing::wire::{MAX_BATCH_LEN, MAX_PAGE_LEN, Nonce};
use crate::sharing::{BEAT_US, SILENT_US};

/// A topic and its properties beside the message itself, in bytes, generously.
const OVERHEAD_LEN: u32 = 2 * 1024;

/// A broker lets go of a page that it could not bring within so long. It answers one batch, and the next has another.
const PAGE_EXPIRES_SECS: u32 = 10;

/// So many gateways that site.toml does not know are named in the log; the rest is counted.
const MAX_NAMED: usize = 10;

/// What a Pi without a table says: without one it hears nobody. Each of these looks like any other from here.
const NO_DECIDER: &str = "no Pi that decides answers, so nobody may be heard: is it up, has it the same `site`, does its \
                          site.toml name this `gateway`, and does the broker let both speak?";

/// The state of a scanner, which its loop and its connection share.
pub type Shared = Arc<Mutex<Scanner>>;

/// The scanner's state. Whoever panicked with it left it whole: nothing in it is half done between two calls.
pub fn lock(scanner: &Shared) -> MutexGuard<'_, Scanner> {
    scanner.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number that was never there before. Without randomness the time serves; two lives have not the same.
pub fn nonce(clock: Clock) -> Nonce {
    Nonce(getrandom::u64().unwrap_or_else(|_| clock.wall_us().unsigned_abs()))
}

fn manner(qos: Qos, longest: usize) -> Manner {
    let max_packet_len = u32::try_from(longest).unwrap_or(u32::MAX).saturating_add(OVERHEAD_LEN);
    let beat = Some(Duration::from_micros(BEAT_US));
    Manner { qos, max_packet_len, beat, is_the_only_one: true, ..Manner::LISTENS }
}

/// Converses with the scanners of the shop; nothing without a broker of the shop's own, or where this Pi does not decide.
pub fn decider(board: &Switchboard) -> Result<Option<Listener>, OptionsError> {
    let mut orders = board.orders().clone();
    let config = Arc::clone(&orders.config.borrow_and_update());
    let gateway = &config.gateway;
    let Some(broker) = gateway.shop_mqtt.clone().filter(|_| gateway.decides) else { return Ok(None) };
    let options = Options::for_sharing(&broker, gateway)?;
    let filter = topics(&broker, gateway).sighting("+");
    let link = board.outlet("sightings", Some(filter.as_str().into()));
    let (board_of_scanners, sources) = (board.clone(), BTreeMap::new());
    let mut decider = Decider {
        hub: Hub::default(),
        broker,
        filter: filter.clone(),
        link,
        board: board_of_scanners,
        sources,
        orders,
        named: BTreeSet::new(),
    };
    decider.configure(&config);
    let manner = manner(Qos::AtMostOnce, MAX_BATCH_LEN);
    Ok(Some(Listener::start(&options, manner, vec![filter], decider, async {}, over(board))))
}

/// Converses with the decider of the shop; nothing without a broker of the shop's own.
pub fn scanner(board: &Switchboard, scanner: &Shared) -> Result<Option<Listener>, OptionsError> {
    let orders = board.orders().clone();
    let config = Arc::clone(&orders.config.borrow());
    let gateway = &config.gateway;
    let Some(broker) = &gateway.shop_mqtt else { return Ok(None) };
    let options = Options::for_sharing(broker, gateway)?;
    let topics = topics(broker, gateway);
    let (filter, says) = (topics.registry(&gateway.gateway), topics.sighting(&gateway.gateway));
    let outlet = board.outlet("decider", Some(filter.as_str().into()));
    outlet.waits("no table has come from the decider yet");
    let (board_of_link, scanner) = (board.clone(), Arc::clone(scanner));
    let clock = orders.clock;
    let missed_from_us = clock.monotonic_us().saturating_add(SILENT_US);
    let end = Link { scanner, board: board_of_link, clock, outlet, filter: filter.clone(), says, missed_from_us };
    let manner = manner(Qos::AtLeastOnce, MAX_PAGE_LEN);
    Ok(Some(Listener::start(&options, manner, vec![filter], end, async {}, over(board))))
}

/// Done when nobody takes what is heard any more, or another Emma was noticed elsewhere: this connection would only end that
/// one's, again and again.
fn over(board: &Switchboard) -> impl Future<Output = ()> + Send + 'static {
    let (closed, mut taken_over) = (closed(board), board.taken_over().subscribe());
    async move {
        let elsewhere = async { taken_over.wait_for(|taken_over| *taken_over).await.is_ok() };
        tokio::select! {
            () = closed => {}
            _ = elsewhere => {}
        }
    }
}

fn topics<'a>(broker: &'a Mqtt, gateway: &'a Gateway) -> Topics<'a> {
    Topics { root: &broker.root, site: &gateway.site }
}

/// The decider's end.
struct Decider {
    hub: Hub,
    broker: Mqtt,
    filter: String,
    link: Outlet,
    board: Switchboard,
    /// One a scanner that was ever heard of.
    sources: BTreeMap<Name, Outlet>,
    orders: Orders,
    /// Gateways that nobody knows, told once.
    named: BTreeSet<Name>,
}

impl Decider {
    /// The other gateways of the site may be scanners. Nobody else speaks for this one.
    fn configure(&mut self, config: &Config) {
        let own = &config.gateway.gateway;
        let others = config.site.gateways.iter().map(|gateway| gateway.id.clone()).filter(|id| id != own);
        let others: BTreeSet<Name> = others.collect();
        for (_, source) in self.sources.iter_mut().filter(|(gateway, _)| !others.contains(*gateway)) {
            // Nobody misses a Pi that was taken out of the shop.
            unheard(source, "site.toml does not name it any more");
        }
        self.hub.configure(others);
        self.named.clear();
    }

    fn reconfigure(&mut self) {
        if self.orders.config.has_changed().unwrap_or(false) {
            let config = Arc::clone(&self.orders.config.borrow_and_update());
            self.configure(&config);
        }
    }

    /// Names a gateway that site.toml does not know, if its name can be shown.
    fn name_stranger(&mut self, gateway: &str) {
        let legal = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
        let showable = (1..=64).contains(&gateway.len()) && gateway.bytes().all(legal);
        if showable && self.named.len() < MAX_NAMED && self.named.insert(gateway.into()) {
            warn!(
                gateway,
                "a Pi shares what it hears that is no other gateway of site.toml: nothing is taken from it; write a [[gateway]] for it"
            );
        }
    }
}

/// Where what a scanner says is counted.
fn source<'a>(sources: &'a mut BTreeMap<Name, Outlet>, board: &Switchboard, gateway: &str) -> &'a mut Outlet {
    let name: Name = gateway.into();
    sources.entry(name.clone()).or_insert_with(|| board.outlet("scanner", Some(name)))
}

/// Nothing comes from a scanner, and it is not its fault.
fn unheard(source: &mut Outlet, why: &str) {
    source.ended(None);
    source.waits(why);
}

impl Subscriber for Decider {
    fn take(&mut self, &Received { topic, payload, retained, .. }: &Received<'_>) {
        self.reconfigure();
        let Some(gateway) = topic.rsplit('/').next() else { return };
        let taken = self.hub.take(gateway, payload, retained, self.orders.clock.monotonic_us());
        match taken {
            Ok(account) => {
                let source = source(&mut self.sources, &self.board, gateway);
                source.listening(gateway, None, None);
                for sighting in account.sightings {
                    source.hear(Heard::Sighting { gateway: gateway.into(), sighting });
                }
                account.rejected.into_iter().for_each(|(why, count)| source.reject_many(why, count));
            }
            Err(Refused::Batch(refusal)) => source(&mut self.sources, &self.board, gateway).reject(refusal.word()),
            Err(Refused::UnknownScanner) => {
                self.link.reject("unknown-scanner");
                self.name_stranger(gateway);
            }
        }
    }

    fn listening(&mut self, _filter: usize) {
        self.link.listening(&self.filter, None, None);
    }

    fn outage(&mut self, _filter: usize, reason: &str) {
        self.link.outage(reason);
        self.hub.disconnected();
        // One line in the log is enough, that of the connection.
        self.sources.values_mut().for_each(|source| unheard(source, "the shop's broker is away"));
    }

    fn beat(&mut self) -> Vec<Said> {
        self.reconfigure();
        let now_us = self.orders.clock.monotonic_us();
        if self.orders.shared.has_changed().unwrap_or(false) {
            let shared = self.orders.shared.borrow_and_update().clone();
            if let Some(shared) = &shared {
                self.hub.share(shared, nonce(self.orders.clock), now_us);
            }
        }
        for gateway in self.hub.silent(now_us) {
            let source = source(&mut self.sources, &self.board, gateway);
            source.outage("nothing of use has come from it for 10 s");
        }
        let config = Arc::clone(&self.orders.config.borrow());
        let topics = topics(&self.broker, &config.gateway);
        let said = |letter: crate::sharing::hub::Letter| Said {
            topic: topics.registry(&letter.gateway),
            message: letter.page,
            expires_secs: Some(PAGE_EXPIRES_SECS),
        };
        self.hub.beat(now_us).into_iter().map(said).collect()
    }

    fn taken_over(&mut self) {
        self.link.ended(Some("another decider of this site is connected"));
        self.sources.values_mut().for_each(|source| unheard(source, "another decider of this site hears it"));
        self.board.taken_over().send_replace(true);
    }
}

/// A scanner's end.
struct Link {
    scanner: Shared,
    board: Switchboard,
    clock: Clock,
    outlet: Outlet,
    filter: String,
    says: String,
    /// From when on (monotonic) a Pi without a table says so: at once if it had one, and if not, when it has asked for a while.
    missed_from_us: u64,
}

impl Link {
    /// Tells whether there is a table: without one this Pi hears nobody.
    fn tell(&mut self) {
        let now_us = self.clock.monotonic_us();
        if self.has_table() {
            self.outlet.listening(&self.filter, None, None);
            self.missed_from_us = now_us;
        } else if self.missed_from_us <= now_us {
            self.outlet.outage(NO_DECIDER);
        }
    }

    fn has_table(&self) -> bool {
        lock(&self.scanner).table(self.clock.monotonic_us()).edition().is_some()
    }
}

impl Subscriber for Link {
    fn take(&mut self, &Received { payload, retained, .. }: &Received<'_>) {
        if retained {
            return self.outlet.reject("retained");
        }
        let taken = lock(&self.scanner).take(payload, self.clock.monotonic_us());
        if let Err(refusal) = taken {
            self.outlet.reject(refusal.word());
        }
        self.tell();
    }

    fn listening(&mut self, _filter: usize) {}

    fn outage(&mut self, _filter: usize, reason: &str) {
        // The table is as good as its lease: the decider may be heard of again before that ends.
        if !self.has_table() {
            self.outlet.outage(reason);
        }
    }

    fn beat(&mut self) -> Vec<Said> {
        let message = lock(&self.scanner).beat(self.clock.monotonic_us(), nonce(self.clock));
        self.tell();
        let said = |message| Said { topic: self.says.clone(), message, expires_secs: None };
        message.map(said).into_iter().collect()
    }

    fn taken_over(&mut self) {
        self.outlet.ended(Some("another Pi is connected as this gateway"));
        self.board.taken_over().send_replace(true);
    }
}
