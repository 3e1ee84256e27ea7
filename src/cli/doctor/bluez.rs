//! What bluetoothd says of itself over D-Bus: its adapters. Its devices, which are other people's, are not looked at.

/// How bluetoothd answers.
pub(super) enum Bluez {
    /// It runs, with these adapters.
    Answers(Vec<Adapter>),
    /// This is no Linux.
    #[cfg_attr(target_os = "linux", expect(dead_code, reason = "what is said where there is no BlueZ"))]
    Elsewhere,
    /// There is no system bus to ask it over, and why.
    NoBus(String),
    /// The bus is there, bluetoothd is not.
    Absent,
    /// The bus keeps this user from asking it.
    Denied,
    /// It does not answer, or not as it should.
    Mute(String),
}

/// One adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Adapter {
    /// Such as `hci0`.
    pub(super) name: String,
    /// Whether it is switched on.
    pub(super) powered: bool,
    /// Whether advertisement monitors with patterns can be registered: only an experimental bluetoothd offers them.
    pub(super) has_monitor: bool,
}

impl Bluez {
    /// The adapters, where it answers.
    pub(super) fn adapters(&self) -> &[Adapter] {
        match self {
            Self::Answers(adapters) => adapters,
            _ => &[],
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Bluez {
    /// There is nobody to ask.
    pub(super) async fn survey() -> Self {
        Self::Elsewhere
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::{connect, path, sentence};

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::io::ErrorKind;
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::timeout;
    use zbus::{Connection, ObjectPath, Variant, connection, fdo};

    use super::{Adapter, Bluez};

    /// bluetoothd answers within milliseconds; one that is stuck never does. Seven questions at the most, 12 s of
    /// watching, and 3 s for the daemon: 36 s.
    const PATIENCE: Duration = Duration::from_secs(3);

    const ADAPTER: &str = "org.bluez.Adapter1";
    const MONITORS: &str = "org.bluez.AdvertisementMonitorManager1";
    /// The only kind of monitor there is (org.bluez.AdvertisementMonitorManager(5)).
    const PATTERNS: &str = "or_patterns";

    type Properties<'a> = HashMap<&'a str, Variant<'a>>;
    type Objects<'a> = HashMap<ObjectPath<'a>, HashMap<&'a str, Properties<'a>>>;

    impl Bluez {
        /// Asks, and starts nothing: a bluetoothd that is not there is not woken.
        pub(in crate::cli::doctor) async fn survey() -> Self {
            let bus = match connect().await {
                Ok(bus) => bus,
                Err(error) => return Self::NoBus(error),
            };
            match within(is_running(&bus)).await {
                Ok(true) => {}
                Ok(false) => return Self::Absent,
                Err(error) => return Self::NoBus(sentence(&error)),
            }
            match within(adapters(&bus)).await {
                Ok(adapters) => Self::Answers(adapters),
                Err(zbus::Error::FDO(error)) if matches!(*error, fdo::Error::AccessDenied(_)) => Self::Denied,
                Err(error) => Self::Mute(sentence(&error)),
            }
        }
    }

    /// A connection to the system bus whose calls end after 3 s.
    pub(in crate::cli::doctor) async fn connect() -> Result<Connection, String> {
        let connecting = connection::Builder::system().method_timeout(PATIENCE).build();
        within(connecting).await.map_err(|error| sentence(&error))
    }

    /// The object of that adapter.
    pub(in crate::cli::doctor) fn path(adapter: &str) -> String {
        format!("/org/bluez/{adapter}")
    }

    async fn within<T>(question: impl Future<Output = zbus::Result<T>>) -> zbus::Result<T> {
        let silent = || zbus::Error::InputOutput(Arc::new(ErrorKind::TimedOut.into()));
        timeout(PATIENCE, question).await.unwrap_or_else(|_| Err(silent()))
    }

    /// An error as it is told.
    pub(in crate::cli::doctor) fn sentence(error: &zbus::Error) -> String {
        match error {
            zbus::Error::InputOutput(error) if error.kind() == ErrorKind::TimedOut => {
                format!("no answer within {} s", PATIENCE.as_secs())
            }
            other => other.to_string(),
        }
    }

    async fn is_running(bus: &Connection) -> zbus::Result<bool> {
        let name = "org.freedesktop.DBus";
        let answer =
            bus.call_method(Some(name), "/org/freedesktop/DBus", Some(name), "NameHasOwner", &"org.bluez").await?;
        answer.body().deserialize()
    }

    async fn adapters(bus: &Connection) -> zbus::Result<Vec<Adapter>> {
        let manager = Some("org.freedesktop.DBus.ObjectManager");
        let answer = bus.call_method(Some("org.bluez"), "/", manager, "GetManagedObjects", &()).await?;
        let body = answer.body();
        let objects: Objects<'_> = body.deserialize()?;
        let mut adapters: Vec<Adapter> = objects
            .iter()
            .filter_map(|(path, interfaces)| {
                let adapter = interfaces.get(ADAPTER)?;
                Some(Adapter {
                    name: path.as_str().strip_prefix("/org/bluez/")?.to_owned(),
                    powered: adapter.get("Powered").and_then(|powered| bool::try_from(powered).ok()).unwrap_or(false),
                    has_monitor: interfaces.get(MONITORS).is_some_and(knows_patterns),
                })
            })
            .collect();
        adapters.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(adapters)
    }

    fn knows_patterns(monitors: &Properties<'_>) -> bool {
        let kinds = monitors
            .get("SupportedMonitorTypes")
            .and_then(|kinds| Vec::<String>::try_from(kinds.try_clone().ok()?).ok());
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == PATTERNS))
    }
}
