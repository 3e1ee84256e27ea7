//! Sources of advertisements: what turns a radio, a capture file or a simulated shop into inputs of the core.

#[cfg(target_os = "linux")]
mod bluez;

mod btleplug;

mod playback;

pub mod capture;

mod devices;

pub mod encode;

pub mod formats;

pub(crate) mod limit;

pub mod source;

pub mod live;

pub mod over_mqtt;

pub mod phone;

pub mod remote;

pub mod shared;

/// Libraries under the radio that log what they carry, addresses and payloads included, below `info`: whatever level is
/// configured, the log holds these targets at `info`.
pub const TARGETS_HELD_AT_INFO: [&str; 4] = ["btleplug", "dbus", "dbus_tokio", "zbus"];

/// One that does so at `info` and `warn` as well, when bluetoothd sends what it did not expect: held at `error`.
pub const TARGETS_HELD_AT_ERROR: [&str; 1] = ["bluez_async"];
