//! A stand-in for bluetoothd on a private bus: adapters, and the devices that a test lets transmit.
//!
//! It says what the real one says. While a discovery runs, with duplicate data asked for, a new device is an
//! `InterfacesAdded` and each later report one `PropertiesChanged` with the RSSI and what was advertised. For a monitor, where
//! it runs with `-E`, each report that matches is a call of `DeviceFound`, after a `PropertiesChanged` with what is new.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "fakedevice.rs"]
mod fakedevice;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::StreamExt;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use zbus::message::{Header, Type};
use zbus::{Connection, Message, MessageStream, ObjectPath, OwnedVariant, Variant};

pub(crate) use fakedevice::Report;
use fakedevice::{Patterns, Properties, device_path};

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(1);

const HCI0: &str = "hci0";
const ADAPTER: &str = "org.bluez.Adapter1";
const DEVICE: &str = "org.bluez.Device1";
const MONITOR: &str = "org.bluez.AdvertisementMonitor1";
const OBJECT_MANAGER: &str = "org.freedesktop.DBus.ObjectManager";
const NOTHING: [&str; 0] = [];

type Interfaces = BTreeMap<&'static str, Properties>;

/// A monitor that is listened for: whose, where, and what for.
#[derive(Clone)]
struct Monitor {
    owner: String,
    root: String,
    path: String,
    patterns: Patterns,
}

#[derive(Default)]
struct Adapter {
    powered: bool,
    /// Blocked by a switch: it cannot be switched on.
    blocked: bool,
    discovering: bool,
    /// Registered, listened for or not.
    apps: BTreeSet<(String, String)>,
    monitors: Vec<Monitor>,
    devices: BTreeMap<[u8; 6], Report>,
}

#[derive(Default)]
struct State {
    /// It runs with `-E`.
    experimental: bool,
    /// Methods that are never answered.
    hanging: BTreeSet<&'static str>,
    adapters: BTreeMap<String, Adapter>,
    calls: BTreeMap<String, usize>,
}

/// The running stand-in; its name leaves the bus when it is dropped.
pub(crate) struct FakeBluez {
    connection: Connection,
    state: Arc<Mutex<State>>,
    answering: JoinHandle<()>,
}

impl FakeBluez {
    /// Owns `org.bluez` on that bus, with `hci0`, switched on.
    pub(crate) async fn start(bus_address: &str) -> Self {
        Self::start_with(bus_address, false).await
    }

    /// The same, with `-E` or without.
    pub(crate) async fn start_with(bus_address: &str, experimental: bool) -> Self {
        let builder = zbus::connection::Builder::address(bus_address).name("org.bluez");
        let connection = builder.build().await.unwrap();
        let adapters = BTreeMap::from([(HCI0.to_owned(), Adapter { powered: true, ..Adapter::default() })]);
        let state = Arc::new(Mutex::new(State { experimental, adapters, ..State::default() }));
        let answering = tokio::spawn(answer(connection.clone(), state.clone()));
        Self { connection, state, answering }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// How often that method was called.
    pub(crate) fn calls(&self, method: &str) -> usize {
        self.state().calls.get(method).copied().unwrap_or_default()
    }

    /// Waits until that method was called so often.
    pub(crate) async fn until_called(&self, method: &str, times: usize) {
        self.until(method, || self.calls(method) >= times).await;
    }

    /// Waits until `hci0` scans, actively or for a monitor.
    pub(crate) async fn until_scanning(&self) {
        let scans = |adapter: &Adapter| adapter.discovering || !adapter.monitors.is_empty();
        self.until("scanning", || self.state().adapters.get(HCI0).is_some_and(scans)).await;
    }

    async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let wait = async {
            while !condition() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(timeout(PATIENCE, wait).await.is_ok(), "never happened: {what}");
    }

    /// A device transmits, and `hci0` hears it.
    pub(crate) async fn report(&self, report: Report) {
        self.report_on(HCI0, report).await;
    }

    /// A device transmits, and that adapter hears it.
    pub(crate) async fn report_on(&self, name: &str, report: Report) {
        let path = adapter_path(name);
        let (before, discovering, monitors) = {
            let mut state = self.state();
            let adapter = state.adapters.get_mut(name).unwrap();
            let monitors: Vec<_> =
                adapter.monitors.iter().filter(|monitor| report.matches(&monitor.patterns)).cloned().collect();
            if !adapter.discovering && monitors.is_empty() {
                return;
            }
            (adapter.devices.insert(report.address, report.clone()), adapter.discovering, monitors)
        };
        let device = report.path(&path);
        match before {
            None => {
                let interfaces = Interfaces::from([(DEVICE, report.device(&path))]);
                let object = ObjectPath::try_from(device.clone()).unwrap();
                self.signal("/", OBJECT_MANAGER, "InterfacesAdded", &(object, interfaces)).await;
            }
            Some(_) if discovering => changed(&self.connection, &device, DEVICE, report.advertised()).await,
            Some(before) => {
                let news = report.news(&before);
                if !news.contains_key("RSSI") {
                    // What is not told is not forgotten: the next one is compared with what was told.
                    let mut state = self.state();
                    let devices = &mut state.adapters.get_mut(name).unwrap().devices;
                    devices.get_mut(&report.address).unwrap().rssi_dbm = before.rssi_dbm;
                }
                if !news.is_empty() {
                    changed(&self.connection, &device, DEVICE, news).await;
                }
            }
        }
        for monitor in monitors {
            let found = (ObjectPath::try_from(device.clone()).unwrap(),);
            tell(&self.connection, &monitor.owner, &monitor.path, "DeviceFound", &found).await;
        }
    }

    /// A device was silent for so long that bluetoothd forgets it: its next report is a first one.
    pub(crate) async fn forget(&self, address: [u8; 6]) {
        self.state().adapters.get_mut(HCI0).unwrap().devices.remove(&address);
        let path = ObjectPath::try_from(device_path(&adapter_path(HCI0), address)).unwrap();
        self.signal("/", OBJECT_MANAGER, "InterfacesRemoved", &(path, &[DEVICE][..])).await;
    }

    /// Another program switches the adapter on or off; off, scan and monitors have ended.
    pub(crate) async fn set_powered(&self, powered: bool) {
        set_powered(&self.connection, &self.state, HCI0, powered).await;
    }

    /// A switch blocks `hci0`, or no more.
    pub(crate) fn set_blocked(&self, blocked: bool) {
        self.state().adapters.get_mut(HCI0).unwrap().blocked = blocked;
    }

    /// An adapter is plugged in, switched off.
    pub(crate) async fn plug(&self, name: &str) {
        self.state().adapters.insert(name.to_owned(), Adapter::default());
        let path = ObjectPath::try_from(adapter_path(name)).unwrap();
        let properties = adapter(&self.state().adapters[name]);
        self.signal("/", OBJECT_MANAGER, "InterfacesAdded", &(path, Interfaces::from([(ADAPTER, properties)]))).await;
    }

    /// An adapter is unplugged.
    pub(crate) async fn unplug(&self, name: &str) {
        self.state().adapters.remove(name);
        let path = ObjectPath::try_from(adapter_path(name)).unwrap();
        self.signal("/", OBJECT_MANAGER, "InterfacesRemoved", &(path, &[ADAPTER][..])).await;
    }

    /// The monitors of `hci0` end, and their owners are told so or not.
    pub(crate) async fn end_monitors(&self, told: bool) {
        let ended = std::mem::take(&mut self.state().adapters.get_mut(HCI0).unwrap().monitors);
        for monitor in ended.into_iter().filter(|_| told) {
            tell(&self.connection, &monitor.owner, &monitor.path, "Release", &()).await;
        }
    }

    /// Another program begins a discovery on `hci0`.
    pub(crate) async fn begin_discovery(&self) {
        set_discovering(&self.connection, &self.state, HCI0, true).await;
    }

    /// The discovery on `hci0` ends, whoever asked for it.
    pub(crate) async fn end_discovery(&self) {
        set_discovering(&self.connection, &self.state, HCI0, false).await;
    }

    /// That method is not answered any more, or is again.
    pub(crate) fn hang(&self, method: &'static str, hangs: bool) {
        let hanging = &mut self.state().hanging;
        if hangs {
            hanging.insert(method)
        } else {
            hanging.remove(method)
        };
    }

    /// Lets devices with random addresses transmit manufacturer data, `(offset_us, address, rssi_dbm, (company, data))`
    /// each, in order of time and `speed` times as fast as the offsets say. Returns how many there were.
    pub(crate) async fn play(
        &self,
        stream: impl Iterator<Item = (u64, [u8; 6], i16, (u16, Vec<u8>))>,
        speed: f64,
    ) -> usize {
        let start = Instant::now();
        let mut played = 0;
        for (offset_us, address, rssi_dbm, manufacturer) in stream {
            sleep_until(start + Duration::from_micros(offset_us).div_f64(speed)).await;
            let manufacturer = vec![manufacturer];
            self.report(Report { address, rssi_dbm, manufacturer, ..Report::default() }).await;
            played += 1;
        }
        played
    }

    /// Says anything at all, as bluetoothd.
    pub(crate) async fn signal<B>(&self, path: &str, interface: &str, name: &str, body: &B)
    where
        B: serde::Serialize + zbus::DynamicType,
    {
        self.connection.emit_signal(None::<&str>, path, interface, name, body).await.unwrap();
    }
}

impl Drop for FakeBluez {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

async fn changed(connection: &Connection, path: &str, interface: &str, properties: Properties) {
    let body = (interface, properties, &NOTHING[..]);
    let properties = "org.freedesktop.DBus.Properties";
    connection.emit_signal(None::<&str>, path, properties, "PropertiesChanged", &body).await.unwrap();
}

/// Calls a monitor's method without waiting for an answer.
async fn tell<B>(connection: &Connection, owner: &str, path: &str, method: &str, body: &B)
where
    B: serde::Serialize + zbus::DynamicType,
{
    let call = Message::method_call(path, method).destination(owner).interface(MONITOR);
    let call = call.with_flags(zbus::message::Flags::NO_REPLY_EXPECTED).build(body).unwrap();
    // An owner that has gone meanwhile hears nothing.
    connection.send(&call).await.ok();
}

async fn set_powered(connection: &Connection, state: &Mutex<State>, name: &str, powered: bool) {
    let (was_powered, ended) = {
        let mut state = state.lock().unwrap();
        let Some(adapter) = state.adapters.get_mut(name) else { return };
        let ended = if powered { Vec::new() } else { std::mem::take(&mut adapter.monitors) };
        (std::mem::replace(&mut adapter.powered, powered), ended)
    };
    for monitor in ended {
        tell(connection, &monitor.owner, &monitor.path, "Release", &()).await;
    }
    if !powered {
        set_discovering(connection, state, name, false).await;
    }
    if was_powered != powered {
        let properties = Properties::from([("Powered", Variant::from(powered))]);
        changed(connection, &adapter_path(name), ADAPTER, properties).await;
    }
}

/// Answers whether it was otherwise before.
async fn set_discovering(connection: &Connection, state: &Mutex<State>, name: &str, discovering: bool) -> bool {
    let was_discovering = {
        let mut state = state.lock().unwrap();
        let Some(adapter) = state.adapters.get_mut(name) else { return false };
        std::mem::replace(&mut adapter.discovering, discovering)
    };
    if was_discovering != discovering {
        let properties = Properties::from([("Discovering", Variant::from(discovering))]);
        changed(connection, &adapter_path(name), ADAPTER, properties).await;
    }
    was_discovering != discovering
}

/// Answers calls until the bus is gone.
async fn answer(connection: Connection, state: Arc<Mutex<State>>) {
    let mut messages = MessageStream::from(&connection);
    while let Some(Ok(message)) = messages.next().await {
        if message.header().message_type() == Type::MethodCall {
            // A caller that has gone meanwhile wants no answer.
            answer_call(&connection, &state, &message).await.ok();
        }
    }
}

async fn answer_call(connection: &Connection, shared: &Arc<Mutex<State>>, message: &Message) -> zbus::Result<()> {
    let call = message.header();
    let path = call.path().map(ToString::to_string).unwrap_or_default();
    let name = path.trim_start_matches("/org/bluez/").to_owned();
    let method = call.member().map(ToString::to_string).unwrap_or_default();
    let state: &Mutex<State> = shared;
    {
        let mut state = state.lock().unwrap();
        *state.calls.entry(method.clone()).or_default() += 1;
        if state.hanging.contains(method.as_str()) {
            return Ok(());
        }
    }
    let is_adapter = state.lock().unwrap().adapters.contains_key(&name);
    match method.as_str() {
        "GetManagedObjects" => {
            let objects = managed_objects(&state.lock().unwrap());
            connection.reply(&call, &objects).await
        }
        "GetAll" => {
            let properties = properties_of(&state.lock().unwrap(), &path);
            match properties {
                Some(properties) => connection.reply(&call, &properties).await,
                None => refuse(connection, &call, "org.freedesktop.DBus.Error.UnknownObject").await,
            }
        }
        _ if !is_adapter => refuse(connection, &call, "org.freedesktop.DBus.Error.UnknownObject").await,
        "Set" => {
            // The only property that anyone sets is Powered.
            let body = message.body();
            let (_, _, powered): (&str, &str, Variant<'_>) = body.deserialize()?;
            let powered = powered == Variant::from(true);
            if powered && state.lock().unwrap().adapters[&name].blocked {
                return refuse(connection, &call, "org.bluez.Error.Blocked").await;
            }
            set_powered(connection, state, &name, powered).await;
            connection.reply(&call, &()).await
        }
        "StartDiscovery" => {
            if !state.lock().unwrap().adapters[&name].powered {
                return refuse(connection, &call, "org.bluez.Error.NotReady").await;
            }
            if set_discovering(connection, state, &name, true).await {
                connection.reply(&call, &()).await
            } else {
                refuse(connection, &call, "org.bluez.Error.InProgress").await
            }
        }
        "StopDiscovery" => {
            set_discovering(connection, state, &name, false).await;
            connection.reply(&call, &()).await
        }
        "RegisterMonitor" | "UnregisterMonitor" if !state.lock().unwrap().experimental => {
            refuse(connection, &call, "org.freedesktop.DBus.Error.UnknownMethod").await
        }
        "RegisterMonitor" => {
            // The answer waits for the caller's own objects, which arrive over this connection.
            tokio::spawn(register(connection.clone(), shared.clone(), message.clone(), name));
            Ok(())
        }
        "UnregisterMonitor" => unregister(connection, state, message, &name).await,
        // SetDiscoveryFilter
        _ => connection.reply(&call, &()).await,
    }
}

async fn register(connection: Connection, state: Arc<Mutex<State>>, message: Message, name: String) {
    let call = message.header();
    let app = app_of(&message);
    if !state.lock().unwrap().adapters.get_mut(&name).unwrap().apps.insert(app.clone()) {
        return refuse(&connection, &call, "org.bluez.Error.AlreadyExists").await.unwrap_or_default();
    }
    let (owner, root) = app;
    let asked = connection.call_method(Some(&*owner), &*root, Some(OBJECT_MANAGER), "GetManagedObjects", &()).await;
    let Ok(answer) = asked else { return };
    let body = answer.body();
    let objects: HashMap<ObjectPath<'_>, HashMap<String, HashMap<String, OwnedVariant>>> = body.deserialize().unwrap();
    connection.reply(&call, &()).await.unwrap_or_default();
    for (path, interfaces) in objects {
        let monitor = &interfaces[MONITOR];
        assert_eq!(<&str>::try_from(&*monitor["Type"]).unwrap(), "or_patterns");
        let patterns = Patterns::try_from(monitor["Patterns"].try_clone().unwrap()).unwrap();
        let path = path.to_string();
        let is_on = state.lock().unwrap().adapters.get_mut(&name).is_some_and(|adapter| {
            let monitor = Monitor { owner: owner.clone(), root: root.clone(), path: path.clone(), patterns };
            adapter.monitors.extend(adapter.powered.then_some(monitor));
            adapter.powered
        });
        tell(&connection, &owner, &path, if is_on { "Activate" } else { "Release" }, &()).await;
    }
}

async fn unregister(connection: &Connection, state: &Mutex<State>, message: &Message, name: &str) -> zbus::Result<()> {
    let (owner, root) = app_of(message);
    let (was_there, ended): (bool, Vec<Monitor>) = {
        let mut state = state.lock().unwrap();
        let adapter = state.adapters.get_mut(name).unwrap();
        let was_there = adapter.apps.remove(&(owner, root.clone()));
        (was_there, adapter.monitors.extract_if(.., |monitor| monitor.root == root).collect())
    };
    if !was_there {
        return refuse(connection, &message.header(), "org.bluez.Error.DoesNotExist").await;
    }
    for monitor in ended {
        tell(connection, &monitor.owner, &monitor.path, "Release", &()).await;
    }
    connection.reply(&message.header(), &()).await
}

fn app_of(message: &Message) -> (String, String) {
    let body = message.body();
    let (root,): (ObjectPath<'_>,) = body.deserialize().unwrap();
    (message.header().sender().unwrap().to_string(), root.to_string())
}

async fn refuse(connection: &Connection, call: &Header<'_>, error: &str) -> zbus::Result<()> {
    connection.reply_error(call, error, &"Operation already in progress, or no such object").await
}

fn managed_objects(state: &State) -> BTreeMap<ObjectPath<'static>, Interfaces> {
    let mut objects = BTreeMap::new();
    for (name, known) in &state.adapters {
        let path = adapter_path(name);
        for report in known.devices.values() {
            let device = Interfaces::from([(DEVICE, report.device(&path))]);
            objects.insert(ObjectPath::try_from(report.path(&path)).unwrap(), device);
        }
        objects.insert(ObjectPath::try_from(path).unwrap(), Interfaces::from([(ADAPTER, adapter(known))]));
    }
    objects
}

fn properties_of(state: &State, path: &str) -> Option<Properties> {
    state.adapters.iter().find_map(|(name, known)| {
        let adapter_path = adapter_path(name);
        if path == adapter_path {
            return Some(adapter(known));
        }
        let report = known.devices.values().find(|report| report.path(&adapter_path) == path)?;
        Some(report.device(&adapter_path))
    })
}

fn adapter(known: &Adapter) -> Properties {
    Properties::from([
        ("Address", Variant::from("00:11:22:33:44:55")),
        ("AddressType", Variant::from("public")),
        ("Name", Variant::from("stand-in")),
        ("Alias", Variant::from("stand-in")),
        ("Powered", Variant::from(known.powered)),
        ("Discovering", Variant::from(known.discovering)),
        ("Modalias", Variant::from("usb:v1D6Bp0246d0542")),
    ])
}

fn adapter_path(name: &str) -> String {
    format!("/org/bluez/{name}")
}
