//! A stand-in for bluetoothd on a private bus: one adapter, `hci0`, and the devices that a test lets transmit.
//!
//! Each report is what the real one says with duplicate data asked for: a new device is an `InterfacesAdded`, each later
//! report one `PropertiesChanged` with the RSSI and what was advertised.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use zbus::message::{Header, Type};
use zbus::{Connection, Message, MessageStream, ObjectPath, Variant};

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(1);

const ADAPTER_PATH: &str = "/org/bluez/hci0";
const ADAPTER: &str = "org.bluez.Adapter1";
const DEVICE: &str = "org.bluez.Device1";
const NOTHING: [&str; 0] = [];

type Properties = BTreeMap<&'static str, Variant<'static>>;
type Interfaces = BTreeMap<&'static str, Properties>;

/// One transmission of a device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// Most significant byte first.
    pub(crate) address: [u8; 6],
    /// Public rather than random.
    pub(crate) public: bool,
    /// In dBm; 127 is "not available".
    pub(crate) rssi_dbm: i16,
    /// By company identifier.
    pub(crate) manufacturer: Vec<(u16, Vec<u8>)>,
    /// By UUID, in full.
    pub(crate) service: Vec<(&'static str, Vec<u8>)>,
}

#[derive(Default)]
struct State {
    powered: bool,
    discovering: bool,
    devices: BTreeMap<[u8; 6], Report>,
    calls: BTreeMap<String, usize>,
}

/// The running stand-in; its name leaves the bus when it is dropped.
pub(crate) struct FakeBluez {
    connection: Connection,
    state: Arc<Mutex<State>>,
    answering: JoinHandle<()>,
}

impl FakeBluez {
    /// Owns `org.bluez` on that bus.
    pub(crate) async fn start(bus_address: &str) -> Self {
        let builder = zbus::connection::Builder::address(bus_address).name("org.bluez");
        let connection = builder.build().await.unwrap();
        let state = Arc::new(Mutex::new(State { powered: true, ..State::default() }));
        let answering = tokio::spawn(answer(connection.clone(), state.clone()));
        Self { connection, state, answering }
    }

    /// How often that method was called.
    pub(crate) fn calls(&self, method: &str) -> usize {
        self.state.lock().unwrap().calls.get(method).copied().unwrap_or_default()
    }

    /// Waits until that method was called so often.
    pub(crate) async fn until_called(&self, method: &str, times: usize) {
        self.until(method, || self.calls(method) >= times).await;
    }

    /// Waits until a scan runs.
    pub(crate) async fn until_scanning(&self) {
        self.until("scanning", || self.state.lock().unwrap().discovering).await;
    }

    async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let wait = async {
            while !condition() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(timeout(PATIENCE, wait).await.is_ok(), "never happened: {what}");
    }

    /// A device transmits.
    pub(crate) async fn report(&self, report: Report) {
        let path = device_path(report.address);
        let is_new = self.state.lock().unwrap().devices.insert(report.address, report.clone()).is_none();
        if is_new {
            let interfaces = Interfaces::from([(DEVICE, device(&report))]);
            let path = ObjectPath::try_from(path).unwrap();
            self.signal("/", "org.freedesktop.DBus.ObjectManager", "InterfacesAdded", &(path, interfaces)).await;
        } else {
            self.changed(&path, DEVICE, advertised(&report)).await;
        }
    }

    /// A device was silent for so long that bluetoothd forgets it: its next report is a first one.
    pub(crate) async fn forget(&self, address: [u8; 6]) {
        self.state.lock().unwrap().devices.remove(&address);
        let path = ObjectPath::try_from(device_path(address)).unwrap();
        self.signal("/", "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved", &(path, [DEVICE])).await;
    }

    /// Another program switches the adapter on or off; off, the scan has ended.
    pub(crate) async fn set_powered(&self, powered: bool) {
        set_powered(&self.connection, &self.state, powered).await;
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

    async fn changed(&self, path: &str, interface: &str, properties: Properties) {
        changed(&self.connection, path, interface, properties).await;
    }

    async fn signal<B>(&self, path: &str, interface: &str, name: &str, body: &B)
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

async fn set_powered(connection: &Connection, state: &Mutex<State>, powered: bool) {
    let was_powered = {
        let mut state = state.lock().unwrap();
        state.discovering &= powered;
        std::mem::replace(&mut state.powered, powered)
    };
    if was_powered != powered {
        changed(connection, ADAPTER_PATH, ADAPTER, Properties::from([("Powered", Variant::from(powered))])).await;
    }
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

async fn answer_call(connection: &Connection, state: &Mutex<State>, message: &Message) -> zbus::Result<()> {
    let call = message.header();
    let path = call.path().map(ToString::to_string).unwrap_or_default();
    let method = call.member().map(ToString::to_string).unwrap_or_default();
    *state.lock().unwrap().calls.entry(method.clone()).or_default() += 1;
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
        "Set" => {
            // The only property that anyone sets is Powered, and only to true.
            set_powered(connection, state, true).await;
            connection.reply(&call, &()).await
        }
        "StartDiscovery" => {
            let ran_already = std::mem::replace(&mut state.lock().unwrap().discovering, true);
            if ran_already {
                refuse(connection, &call, "org.bluez.Error.InProgress").await
            } else {
                connection.reply(&call, &()).await
            }
        }
        "StopDiscovery" => {
            state.lock().unwrap().discovering = false;
            connection.reply(&call, &()).await
        }
        // SetDiscoveryFilter
        _ => connection.reply(&call, &()).await,
    }
}

async fn refuse(connection: &Connection, call: &Header<'_>, error: &str) -> zbus::Result<()> {
    connection.reply_error(call, error, &"Operation already in progress, or no such object").await
}

fn managed_objects(state: &State) -> BTreeMap<ObjectPath<'static>, Interfaces> {
    let adapter = (ObjectPath::try_from(ADAPTER_PATH).unwrap(), Interfaces::from([(ADAPTER, adapter(state))]));
    let of_device = |report: &Report| {
        let path = ObjectPath::try_from(device_path(report.address)).unwrap();
        (path, Interfaces::from([(DEVICE, device(report))]))
    };
    state.devices.values().map(of_device).chain([adapter]).collect()
}

fn properties_of(state: &State, path: &str) -> Option<Properties> {
    if path == ADAPTER_PATH {
        return Some(adapter(state));
    }
    state.devices.values().find(|report| device_path(report.address) == path).map(device)
}

fn adapter(state: &State) -> Properties {
    Properties::from([
        ("Address", Variant::from("00:11:22:33:44:55")),
        ("AddressType", Variant::from("public")),
        ("Name", Variant::from("stand-in")),
        ("Alias", Variant::from("stand-in")),
        ("Powered", Variant::from(state.powered)),
        ("Discovering", Variant::from(state.discovering)),
        ("Modalias", Variant::from("usb:v1D6Bp0246d0542")),
    ])
}

fn device(report: &Report) -> Properties {
    let mut properties = advertised(report);
    properties.extend([
        ("Address", Variant::from(printed(report.address, ":"))),
        ("AddressType", Variant::from(if report.public { "public" } else { "random" })),
        ("Alias", Variant::from(printed(report.address, "-"))),
        ("Adapter", Variant::from(ObjectPath::try_from(ADAPTER_PATH).unwrap())),
    ]);
    for no in ["Paired", "Trusted", "Blocked", "LegacyPairing", "Connected", "ServicesResolved"] {
        properties.insert(no, Variant::from(false));
    }
    properties
}

/// What one report says; a map that it does not carry is left out.
fn advertised(report: &Report) -> Properties {
    let mut properties = Properties::from([("RSSI", Variant::from(report.rssi_dbm))]);
    if !report.manufacturer.is_empty() {
        let data = report.manufacturer.iter().map(|(company, data)| (*company, Variant::from(data.clone())));
        properties.insert("ManufacturerData", Variant::from(data.collect::<BTreeMap<_, _>>()));
    }
    if !report.service.is_empty() {
        let data = report.service.iter().map(|(uuid, data)| (*uuid, Variant::from(data.clone())));
        properties.insert("ServiceData", Variant::from(data.collect::<BTreeMap<_, _>>()));
    }
    properties
}

fn printed(address: [u8; 6], between: &str) -> String {
    address.map(|byte| format!("{byte:02X}")).join(between)
}

fn device_path(address: [u8; 6]) -> String {
    format!("{ADAPTER_PATH}/dev_{}", printed(address, "_"))
}
