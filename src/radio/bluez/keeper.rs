//! Keeps one adapter listening, whatever happens to it: finds it, switches it on, listens passively or actively, and
//! begins again when something ends that.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{interval, sleep, timeout};
use tracing::warn;
use zbus::{Connection, Message, Variant};

use super::bus::{BusError, CALL_TIMEOUT, To, call};
use super::facts::Facts;
use super::hearing::{Hearing, Mode};
use super::ladder::{Ladder, Rung};
use super::monitor::{Monitors, NoMonitor};
use super::wire::{self, ADAPTER, BLUEZ, DBUS, DBUS_PATH, DEVICE, PROPERTIES};
use super::{Manner, Shared};
use crate::clock::Clock;
use crate::config::Name;
use crate::radio::source::{Orders, Outlet, Scan};

/// The first pause of an outage; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest: with a call that is just being waited for it keeps recovery within 15 s of the cause's end.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Who listened so long has not just failed: its next outage begins with the shortest pause.
const STEADY_US: u64 = 60_000_000;

/// So often is looked whether anything is heard.
const LOOK: Duration = Duration::from_secs(5);

/// What belongs together comes within this: an adapter that is switched off first loses its monitor, then its power.
const SETTLE: Duration = Duration::from_millis(200);

/// A controller that is switched off and on at once may miss that it was.
const OFF: Duration = Duration::from_secs(1);

/// After a fallback the monitor is tried again after so long, then after twice as long each time.
const FIRST_RETRY_US: u64 = 60_000_000;

/// At the longest.
const LONGEST_RETRY_US: u64 = 600_000_000;

/// Why a passive scan is not enough, for whoever reads the state.
const ADDRESSES: &str =
    "a consent names an address or a resolving key, which no pattern can tell from other people's devices";

/// The same, where the shop has decided so.
const ASKED_FOR: &str = "gateway.toml says `scan = \"active\"`";

/// Why nothing is heard.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// Empty while it is not known yet.
    #[error("{0}")]
    Absent(String),
    #[error("the adapter was switched off")]
    SwitchedOff,
    #[error("{0}; `rfkill list bluetooth` says whether it is blocked")]
    CannotSwitchOn(BusError),
    #[error("bluetoothd has let the monitor go")]
    Released,
    #[error("the scan was ended by bluetoothd or another program")]
    Stopped,
    #[error("{0}")]
    Bus(#[from] BusError),
}

/// Where a keeper is at: the bus, and the adapter on it.
struct At {
    bus: Connection,
    name: String,
}

/// How an adapter listens.
struct Listening {
    scan: Scan,
    /// Why not passively.
    reason: Option<String>,
    /// The monitor may be had later.
    retries: bool,
    /// How often a scan of the adapter had ended before this one began.
    ended_before: u64,
}

/// Keeps one adapter.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    facts: watch::Receiver<Facts>,
    /// By name; nothing is the first there is.
    wanted: Option<Name>,
    outlet: Outlet,
    orders: Orders,
    manner: Manner,
    clock: Clock,
    monitors: Monitors,
    retry_us: u64,
    ladder: Ladder,
    /// The outage that comes is a rung of the ladder, which is climbed on from there.
    climbing: bool,
}

impl Keeper {
    pub(super) fn new(shared: Arc<Shared>, wanted: Option<Name>, outlet: Outlet, manner: Manner) -> Self {
        let (facts, orders) = (shared.facts.subscribe(), outlet.board().orders().clone());
        let (clock, monitors) = (Clock::start(), Monitors::default());
        let (retry_us, ladder) = (FIRST_RETRY_US, Ladder::new(clock.monotonic_us()));
        Self { shared, facts, wanted, outlet, orders, manner, clock, monitors, retry_us, ladder, climbing: false }
    }

    /// Keeps it until nobody waits for this any more.
    pub(super) async fn keep(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let begun_us = self.clock.monotonic_us();
            let trouble = self.listen().await;
            if !matches!(&trouble, Trouble::Absent(absence) if absence.is_empty()) {
                self.outlet.outage(&trouble.to_string());
            }
            if let Trouble::Absent(_) = trouble {
                // It comes with a change, which is waited for; the pause is for what no change tells.
                timeout(LONGEST_PAUSE, self.facts.changed()).await.ok();
                continue;
            }
            if self.clock.monotonic_us().saturating_sub(begun_us) >= STEADY_US {
                pause = FIRST_PAUSE;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            if let Trouble::Bus(_) = trouble {
                // What is known of the adapters may be wrong.
                self.shared.facts.send_modify(|facts| facts.listed = false);
            }
        }
    }

    /// Listens until something is wrong.
    async fn listen(&mut self) -> Trouble {
        let at = match self.find() {
            Ok(at) => at,
            Err(absence) => return Trouble::Absent(absence),
        };
        self.shared.ears().insert(at.name.clone(), Hearing::new(self.outlet.ear()));
        let trouble = match self.listen_at(&at).await {
            Ok(never) => match never {},
            Err(trouble) => trouble,
        };
        self.shared.ears().remove(&at.name);
        if at.bus.is_closed() {
            return trouble;
        }
        at.match_devices("RemoveMatch").await.ok();
        trouble
    }

    /// The adapter, or why there is none.
    fn find(&mut self) -> Result<At, String> {
        let facts = self.facts.borrow_and_update();
        let wanted = self.wanted.as_deref();
        let found = facts.names().into_iter().find(|name| wanted.is_none_or(|wanted| wanted == *name));
        match (&facts.bus, found) {
            (Some(bus), Some(name)) => Ok(At { bus: bus.clone(), name: name.to_owned() }),
            _ => Err(facts.absence(wanted)),
        }
    }

    async fn listen_at(&mut self, at: &At) -> Result<std::convert::Infallible, Trouble> {
        at.match_devices("AddMatch").await?;
        if !self.facts.borrow().adapters.get(&at.name).is_some_and(|known| known.powered) {
            self.switch_on(at).await?;
        }
        let climbing = std::mem::take(&mut self.climbing);
        self.ladder.begin(self.clock.monotonic_us(), climbing);
        self.retry_us = FIRST_RETRY_US;
        loop {
            let listening = self.begin(at).await?;
            if !self.ladder.has_said() {
                self.says_it_listens(at, &listening);
            }
            self.attend(at, &listening).await?;
        }
    }

    /// Listens passively, or actively where that is not enough or not to be had.
    async fn begin(&mut self, at: &At) -> Result<Listening, Trouble> {
        let addresses = self.orders.needs.borrow_and_update().addresses;
        // Beside an active scan the monitor keeps the controller from filtering duplicates.
        let monitor = self.monitors.register(&at.bus, &at.name, &mut self.facts).await;
        if let (Ok(()), true) = (&monitor, self.manner.passive && !addresses) {
            at.stop_discovery().await;
            self.hear_as(at, Mode::Passive);
            return Ok(Listening { scan: Scan::Passive, reason: None, retries: false, ended_before: 0 });
        }
        self.hear_as(at, Mode::Active { all: addresses });
        let ended_before = self.facts.borrow().adapters.get(&at.name).map_or(0, |known| known.scans_ended);
        at.start_discovery().await?;
        let (reason, retries) = match monitor {
            _ if addresses => (ADDRESSES.to_owned(), false),
            Err(why) if self.manner.passive => (why.to_string(), !matches!(why, NoMonitor::WithoutE)),
            Ok(()) | Err(_) => (ASKED_FOR.to_owned(), false),
        };
        Ok(Listening { scan: Scan::Active, reason: Some(reason), retries, ended_before })
    }

    fn says_it_listens(&mut self, at: &At, listening: &Listening) {
        self.outlet.listening(&at.name, Some(listening.scan), listening.reason.as_deref());
    }

    fn hear_as(&self, at: &At, mode: Mode) {
        if let Some(hearing) = self.shared.ears().get_mut(&at.name) {
            hearing.listen(mode);
        }
    }

    /// Watches over a scan until it should begin again.
    async fn attend(&mut self, at: &At, listening: &Listening) -> Result<(), Trouble> {
        let mut looks = interval(LOOK);
        let mut looks_so_far = 0_u32;
        let retry_us = self.clock.monotonic_us().saturating_add(self.retry_us);
        let mut needs = self.orders.needs.clone();
        loop {
            self.check(at, listening, looks_so_far)?;
            tokio::select! {
                () = changed(&mut self.facts) => sleep(SETTLE).await,
                () = changed(&mut needs) => return Ok(()),
                _ = looks.tick() => {
                    looks_so_far = looks_so_far.saturating_add(1);
                    if self.look(at, listening).await? {
                        return Ok(());
                    }
                    if listening.retries && self.clock.monotonic_us() >= retry_us {
                        self.retry_us = (self.retry_us * 2).min(LONGEST_RETRY_US);
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Whether what is known says that nothing can be heard any more.
    fn check(&mut self, at: &At, listening: &Listening, looks: u32) -> Result<(), Trouble> {
        let facts = self.facts.borrow_and_update();
        let Some(adapter) = facts.adapters.get(&at.name).filter(|_| facts.bus.is_some()) else {
            return Err(Trouble::Absent(facts.absence(Some(&at.name))));
        };
        // That an active scan began is told a moment after the answer to the call; the first look is at once.
        let ended = adapter.scans_ended != listening.ended_before || looks > 1;
        match listening.scan {
            _ if !adapter.powered => Err(Trouble::SwitchedOff),
            Scan::Passive if self.monitors.is_gone(adapter) => Err(Trouble::Released),
            Scan::Active if ended && !adapter.discovering => Err(Trouble::Stopped),
            Scan::Passive | Scan::Active => Ok(()),
        }
    }

    /// Looks whether anything is heard, and does what is due if not. Answers whether the scan has to begin again.
    async fn look(&mut self, at: &At, listening: &Listening) -> Result<bool, Trouble> {
        let now_us = self.clock.monotonic_us();
        let signs = self.shared.ears().get(&at.name).map(Hearing::signs).unwrap_or_default();
        let had_said = self.ladder.has_said();
        if self.ladder.counts(signs, now_us) {
            self.climbing = false;
            if had_said {
                self.says_it_listens(at, listening);
            }
            return Ok(false);
        }
        let Some(rung) = self.ladder.due(now_us, expects_beacons(&self.orders)) else { return Ok(false) };
        match rung {
            Rung::ScanAgain => at.stop_discovery().await,
            Rung::PowerCycle => {
                warn!(adapter = at.name, "nothing is heard: the adapter is switched off and on");
                at.set_powered(false).await.map_err(Trouble::CannotSwitchOn)?;
                sleep(OFF).await;
                self.switch_on(at).await?;
            }
            Rung::RestartBluetoothd if self.manner.may_restart => {
                warn!(adapter = at.name, "nothing is heard: bluetoothd is started again");
                match restart_bluetoothd(&at.bus).await {
                    Ok(()) => self.climbing = true,
                    Err(error) => warn!(adapter = at.name, "{error}"),
                }
            }
            Rung::RestartBluetoothd => return Ok(false),
            Rung::SaySo => {
                self.outlet.outage("nothing is heard, not even the shop's own beacons: somebody has to look");
                return Ok(false);
            }
        }
        self.outlet.restarted();
        Ok(true)
    }

    /// Switches the adapter on, and waits until it is.
    async fn switch_on(&mut self, at: &At) -> Result<(), Trouble> {
        at.set_powered(true).await.map_err(Trouble::CannotSwitchOn)?;
        let is_on = |facts: &Facts| facts.adapters.get(&at.name).is_none_or(|known| known.powered);
        // If nobody says so it is found out soon enough.
        timeout(CALL_TIMEOUT, self.facts.wait_for(is_on)).await.ok();
        Ok(())
    }
}

/// Whether the shop has beacons of its own that this very Pi ought to hear: those fixed to it, and all where no other
/// gateway listens. One at the other end of a large shop proves nothing.
fn expects_beacons(orders: &Orders) -> bool {
    let config = orders.config.borrow();
    let me = config.site.gateway(&config.gateway.gateway);
    let is_alone = config.site.gateways.len() == 1;
    config.site.fixed_beacons.iter().any(|beacon| is_alone || (me.is_some() && beacon.gateway == me))
}

async fn changed<T>(watched: &mut watch::Receiver<T>) {
    if watched.changed().await.is_err() {
        // Whoever told does so no more: what was said last stays.
        pending::<()>().await;
    }
}

/// systemd does it, if it lets this user.
async fn restart_bluetoothd(bus: &Connection) -> Result<(), BusError> {
    let systemd = "org.freedesktop.systemd1";
    let to = To(systemd, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager");
    call(bus, "start bluetoothd again", to, "RestartUnit", &("bluetooth.service", "replace")).await.map(drop)
}

impl At {
    async fn call<B>(&self, what: &'static str, method: &str, body: &B) -> Result<Message, BusError>
    where
        B: serde::Serialize + zbus::DynamicType,
    {
        call(&self.bus, what, To(BLUEZ, &wire::adapter_path(&self.name), ADAPTER), method, body).await
    }

    /// Asks the bus for changes of the adapter's devices, or no more.
    async fn match_devices(&self, method: &str) -> Result<(), BusError> {
        let rule = format!(
            "type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',member='PropertiesChanged',path_namespace='{}',\
             arg0='{DEVICE}'",
            wire::adapter_path(&self.name)
        );
        call(&self.bus, "listen to the bus", To(DBUS, DBUS_PATH, DBUS), method, &(rule,)).await.map(drop)
    }

    /// Scans actively, LE alone and every report; a scan of ours that runs already is as good.
    async fn start_discovery(&self) -> Result<(), BusError> {
        let filter = std::collections::HashMap::from([
            ("Transport", Variant::from("le")),
            ("DuplicateData", Variant::from(true)),
        ]);
        self.call("set the scan's filter", "SetDiscoveryFilter", &(filter,)).await?;
        match self.call("start the scan", "StartDiscovery", &()).await {
            Err(error) if error.is(&["org.bluez.Error.InProgress"]) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Ends our own scan; that there is none is as good.
    async fn stop_discovery(&self) {
        self.call("end the scan", "StopDiscovery", &()).await.ok();
    }

    async fn set_powered(&self, powered: bool) -> Result<(), BusError> {
        let what = if powered { "switch the adapter on" } else { "switch the adapter off" };
        let to = wire::adapter_path(&self.name);
        let body = (ADAPTER, "Powered", Variant::from(powered));
        call(&self.bus, what, To(BLUEZ, &to, PROPERTIES), "Set", &body).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, check};
    use crate::gateway::consent::Needs;

    fn expects(site: &str) -> bool {
        let head = "name = 'A'\ntime-zone = 'UTC'\n[[gateway]]\nid = 'gw-own'\n";
        let beacon = "[[fixed-beacon]]\nid = 'wall'\nibeacon = { uuid = 'f7826da6-4fa2-4e98-8024-bc5b71e0893e', major = 1, minor = 7 }\n";
        let sources = Sources {
            gateway: "site = 'a'\ngateway = 'gw-own'\n".into(),
            site: format!("{head}{}", site.replace("BEACON", beacon)),
            promise: "[caps]\ncustomer = [{ at-most = 1, per = '1d' }]\n".into(),
            ..Sources::default()
        };
        expects_beacons(&Orders::fixed(Needs::default(), Arc::new(check(&sources).config.unwrap())))
    }

    #[test]
    fn a_beacon_is_expected_where_this_pi_has_to_hear_it() {
        assert!(!expects(""));
        assert!(expects("BEACON"));
        assert!(!expects("[[gateway]]\nid = 'gw-far'\nBEACON"));
        assert!(expects("[[gateway]]\nid = 'gw-far'\nBEACONgateway = 'gw-own'\n"));
        assert!(!expects("[[gateway]]\nid = 'gw-far'\nBEACONgateway = 'gw-far'\n"));
    }
}
