//! The system's bus: one connection, and calls that end.

use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;
use zbus::names::ErrorName;
use zbus::{Connection, DBusError, DynamicType, Message};

/// No call over D-Bus takes longer, or its answer is not worth waiting for: bluetoothd answers the slowest, switching a
/// controller on, within 2 s.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// So many messages wait between the connection's reader and ours, which never waits itself.
const QUEUE: usize = 256;

/// Why a call came to nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum BusError {
    #[error("cannot {what}: {reason}")]
    Refused { what: &'static str, name: String, reason: String },
    #[error("cannot {what}: no answer within {} s", CALL_TIMEOUT.as_secs())]
    NoAnswer { what: &'static str },
}

impl BusError {
    /// The answer is not what it should be.
    pub(super) fn unreadable(what: &'static str) -> Self {
        Self::Refused { what, name: String::new(), reason: "the answer cannot be read".to_owned() }
    }

    /// Whether the other end refused with one of those D-Bus errors.
    pub(super) fn is(&self, names: &[&str]) -> bool {
        matches!(self, Self::Refused { name, .. } if names.contains(&name.as_str()))
    }

    fn of(what: &'static str, error: &zbus::Error) -> Self {
        let (name, text) = match error {
            zbus::Error::MethodError(name, text, _) => (name.to_string(), text.clone().unwrap_or_default()),
            zbus::Error::FDO(error) => (name_of(&error.name()), error.description().unwrap_or_default().to_owned()),
            other => (String::new(), other.to_string()),
        };
        let reason = if name.is_empty() { text } else { format!("{text} ({name})") };
        Self::Refused { what, name, reason }
    }
}

fn name_of(name: &ErrorName<'_>) -> String {
    name.to_string()
}

/// Whom a call is for: the owner of a bus name, an object path, an interface.
#[derive(Clone, Copy)]
pub(super) struct To<'a>(pub(super) &'a str, pub(super) &'a str, pub(super) &'a str);

/// A new connection to the system's bus, whose address `DBUS_SYSTEM_BUS_ADDRESS` may say.
pub(super) async fn connect() -> Result<Connection, BusError> {
    let what = "reach the system's D-Bus";
    let max_queued = QUEUE.try_into().unwrap_or(std::num::NonZeroUsize::MIN);
    let connecting = zbus::connection::Builder::system().max_queued(max_queued).build();
    match timeout(CALL_TIMEOUT, connecting).await {
        Ok(connected) => connected.map_err(|error| BusError::of(what, &error)),
        Err(_) => Err(BusError::NoAnswer { what }),
    }
}

/// Calls a method, and waits at most [`CALL_TIMEOUT`] for what it answers. `what` is what it is for, in words.
pub(super) async fn call<B>(
    bus: &Connection,
    what: &'static str,
    To(owner, path, interface): To<'_>,
    method: &str,
    body: &B,
) -> Result<Message, BusError>
where
    B: Serialize + DynamicType,
{
    match timeout(CALL_TIMEOUT, bus.call_method(Some(owner), path, Some(interface), method, body)).await {
        Ok(answer) => answer.map_err(|error| BusError::of(what, &error)),
        Err(_) => Err(BusError::NoAnswer { what }),
    }
}
