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

/// One that logs what it carries, addresses and payloads included, at `warn` as well, when bluetoothd sends what it did
/// not expect: the log holds it at `error`, whatever level is configured.
pub const TARGETS_HELD_AT_ERROR: [&str; 1] = ["bluez_async"];
