//! The Linux driver: `BlueZ` over D-Bus, LE alone, passively where it can.
//!
//! One thread with a runtime of its own: everything that the bus brings is read there, without a switch of threads. On
//! it are the connection and its reader, what is known of bluetoothd ([`facts`]), and one [`keeper`] an adapter. When
//! the bus goes, the connection is made anew and the keepers begin again; closing it ends every scan and monitor of ours.

mod bus;
mod facts;
mod hearing;
mod keeper;
mod ladder;
mod monitor;
mod reader;
mod wire;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use zbus::{Connection, MessageStream, ObjectPath};

use bus::{BusError, To, call};
use facts::Facts;
use hearing::Hearing;
use keeper::Keeper;
use reader::Reader;
use wire::{ADAPTER, AdapterAlone, BLUEZ, BLUEZ_PATH, DBUS, DBUS_PATH, OBJECT_MANAGER, PROPERTIES};

use super::source::{Outlet, Switchboard};
use crate::config::Name;
use crate::config::gateway::MOST_ADAPTERS;

/// The pause before the bus is connected to again, or bluetoothd asked again.
const PAUSE: Duration = Duration::from_secs(2);

/// What reader and keepers share.
struct Shared {
    facts: watch::Sender<Facts>,
    ears: Mutex<HashMap<String, Hearing>>,
}

impl Shared {
    /// What each adapter that is kept hears, by its name.
    fn ears(&self) -> MutexGuard<'_, HashMap<String, Hearing>> {
        // Nobody panics while holding it; if somebody did, what is there is as good as before.
        self.ears.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which adapters, and where what each hears goes.
pub(super) enum Wanted {
    /// The first there is.
    First(Outlet),
    /// Those, by name.
    Named(Vec<(Name, Outlet)>),
    /// All there are and that come later; the first takes the outlet.
    All(Outlet),
}

/// How the shop wants it to listen.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// bluetoothd may be started again when nothing else helps.
    pub(super) may_restart: bool,
    /// Without asking, where bluetoothd lets it.
    pub(super) passive: bool,
}

/// Listens until it is told to stop, or nobody takes what is heard.
pub(super) fn run(wanted: Wanted, board: &Switchboard, manner: Manner, stop: oneshot::Receiver<()>) {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!("the system gives no event loop for the radio: {error}"),
    };
    let facts = watch::Sender::new(Facts::none(""));
    let shared = Arc::new(Shared { facts, ears: Mutex::default() });
    runtime.block_on(async {
        tokio::select! {
            // The other end of the signal is only ever dropped.
            _ = stop => {}
            () = board.closed() => {}
            () = serve(&shared) => {}
            () = keep(wanted, &shared, manner) => {}
        }
    });
    runtime.shutdown_background();
}

/// Keeps a connection to the system's bus.
async fn serve(shared: &Shared) {
    loop {
        let trouble = match bus::connect().await {
            Ok(bus) => {
                let messages = MessageStream::from(&bus);
                tokio::select! {
                    () = Reader::new(&bus, shared).read(messages) => "D-Bus has ended the connection".to_owned(),
                    error = follow(&bus, shared) => error.to_string(),
                }
            }
            Err(error) => error.to_string(),
        };
        shared.facts.send_modify(|facts| *facts = Facts::none(&trouble));
        sleep(PAUSE).await;
    }
}

/// Asks the bus for what is to be known, and bluetoothd for its adapters, now and whenever it is a new one.
async fn follow(bus: &Connection, shared: &Shared) -> BusError {
    if let Err(error) = subscribe(bus).await {
        return error;
    }
    let to = To(DBUS, DBUS_PATH, DBUS);
    let owner = match call(bus, "ask for bluetoothd", to, "GetNameOwner", &(BLUEZ,)).await {
        Ok(answer) => answer.body().deserialize::<String>().ok(),
        // That nobody owns the name is an error to the bus; any other, silence above all, tells nothing of bluetoothd.
        Err(error) if error.is(&["org.freedesktop.DBus.Error.NameHasNoOwner"]) => None,
        Err(error) => return error,
    };
    shared.facts.send_modify(|facts| {
        facts.owned_by(owner.as_deref());
        facts.bus = Some(bus.clone());
    });
    let mut facts = shared.facts.subscribe();
    loop {
        if facts.wait_for(|facts| facts.owner.is_some() && !facts.listed).await.is_err() {
            std::future::pending::<()>().await;
        }
        if let Err(error) = list(bus, shared).await {
            shared.facts.send_modify(|facts| facts.trouble = error.to_string());
            sleep(PAUSE).await;
        }
    }
}

async fn subscribe(bus: &Connection) -> Result<(), BusError> {
    let rules = [
        format!("type='signal',sender='{DBUS}',interface='{DBUS}',member='NameOwnerChanged',arg0='{BLUEZ}'"),
        format!("type='signal',sender='{BLUEZ}',interface='{OBJECT_MANAGER}',path='/',arg0path='{BLUEZ_PATH}'"),
        format!("type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',path_namespace='/org/bluez',arg0='{ADAPTER}'"),
    ];
    for rule in rules {
        call(bus, "listen to the bus", To(DBUS, DBUS_PATH, DBUS), "AddMatch", &(rule,)).await?;
    }
    Ok(())
}

/// Asks bluetoothd for its adapters.
async fn list(bus: &Connection, shared: &Shared) -> Result<(), BusError> {
    let what = "list the adapters";
    let answer = call(bus, what, To(BLUEZ, "/", OBJECT_MANAGER), "GetManagedObjects", &()).await?;
    let body = answer.body();
    let objects: HashMap<ObjectPath<'_>, AdapterAlone> = body.deserialize().map_err(|_| BusError::unreadable(what))?;
    let adapters: HashMap<&str, wire::Adapter> =
        objects.iter().filter_map(|(path, object)| Some((wire::adapter_of(path)?, object.adapter?))).collect();
    shared.facts.send_modify(|facts| {
        facts.adapters.retain(|name, _| adapters.contains_key(name.as_str()));
        for (name, said) in &adapters {
            facts.hear_of(name, *said);
        }
        facts.listed = true;
    });
    Ok(())
}

/// Keeps the adapters that are wanted.
async fn keep(wanted: Wanted, shared: &Arc<Shared>, manner: Manner) {
    let mut keepers = JoinSet::new();
    let keeper = |name, outlet| Keeper::new(Arc::clone(shared), name, outlet, manner).keep();
    match wanted {
        Wanted::First(outlet) => drop(keepers.spawn(keeper(None, outlet))),
        Wanted::Named(named) => {
            for (name, outlet) in named {
                keepers.spawn(keeper(Some(name), outlet));
            }
        }
        Wanted::All(outlet) => {
            let (board, mut spare) = (outlet.board().clone(), Some(outlet));
            let mut known = HashSet::new();
            let mut facts = shared.facts.subscribe();
            loop {
                for name in new_adapters(&mut facts, &mut known, spare.as_mut()) {
                    let outlet = spare.take().unwrap_or_else(|| board.outlet("bluez", Some(name.clone())));
                    keepers.spawn(keeper(Some(name), outlet));
                }
                if facts.changed().await.is_err() {
                    break;
                }
            }
        }
    }
    // None of them ends by itself.
    while keepers.join_next().await.is_some() {}
}

/// The adapters that are new, at most [`MOST_ADAPTERS`] altogether; while there is none, the spare outlet says so.
fn new_adapters(
    facts: &mut watch::Receiver<Facts>,
    known: &mut HashSet<Name>,
    spare: Option<&mut Outlet>,
) -> Vec<Name> {
    let facts = facts.borrow_and_update();
    let absence = facts.absence(None);
    if let (Some(spare), true, false) = (spare, facts.adapters.is_empty(), absence.is_empty()) {
        spare.outage(&absence);
    }
    let names = facts.names().into_iter().map(Name::from);
    let new: Vec<Name> = names.filter(|name| !known.contains(name)).take(MOST_ADAPTERS - known.len()).collect();
    known.extend(new.iter().cloned());
    new
}
