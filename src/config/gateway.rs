//! `gateway.toml`: one Pi. Retail ops edit it.

use std::path::PathBuf;

use super::Name;

/// What `gateway.toml` says.
#[derive(Clone, Debug, PartialEq)]
pub struct Gateway {
    /// The shop this Pi hangs in.
    pub site: Name,
    /// This Pi's id, one of `site.toml`'s.
    pub gateway: Name,
    /// Whether it listens.
    pub scans: bool,
    /// Whether it decides.
    pub decides: bool,
    /// Its own radio.
    pub radio: Radio,
    /// Where offers go; nothing said without it.
    pub mqtt: Option<Mqtt>,
    /// The folder of the ledger and the control socket; nothing is the service's own state folder.
    pub ledger_path: Option<PathBuf>,
    /// `[clock] trust = "assume"`: the wall clock is believed without asking.
    pub clock_assumed: bool,
    /// Least severe level that is logged: `error`, `warn`, `info`, `debug` or `trace`.
    pub log_level: Name,
}

/// Which library drives the radio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// The best this build has.
    Auto,
    /// The Linux driver.
    Bluez,
    /// The portable driver.
    Btleplug,
    /// No radio at all.
    None,
}

/// `[radio]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Radio {
    /// Which driver.
    pub driver: Driver,
    /// `hci0`, or `all`; nothing is the first adapter.
    pub adapter: Option<Name>,
}

/// `[mqtt]`: the broker that offers go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mqtt {
    /// Host name or address.
    pub host: Name,
    /// TCP port.
    pub port: u16,
    /// `mqtts://`: TLS.
    pub tls: bool,
    /// Only where the broker demands one.
    pub client_id: Option<Name>,
    /// User name.
    pub username: Option<Name>,
    /// File that holds the password.
    pub password_file: Option<PathBuf>,
    /// PEM file of the authorities to believe; nothing is an error with TLS.
    pub ca_file: Option<PathBuf>,
    /// PEM file of this client's certificate chain.
    pub cert_file: Option<PathBuf>,
    /// PEM file of this client's key.
    pub key_file: Option<PathBuf>,
    /// First level of every topic.
    pub root: Name,
}
