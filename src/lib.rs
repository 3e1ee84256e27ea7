//! Emma: a BLE beacon proximity-offer gateway.
//!
//! The data's path, and the modules in its order:
//!
//! ```text
//! radio        what is heard           Advertisement {address, payload, rssi_dbm, gateway}
//!   │
//! decode       what it says            Frame::{IBeacon, AltBeacon, EddystoneUid, …}
//!   │
//! consent      whose it is             the customer who opted in; everyone else ends here, unseen
//!   │
//! zone         where they are          entered, dwelled, left
//!   │
//! offer        is one welcome          deliver, or withhold with a reason
//!   │
//! ledger       remember, then speak    one transaction: the delivery and the outbox row
//!   │
//! mqtt         say it once             offer event, acknowledged, expiring
//! ```

pub mod clock;

pub mod timesync;

pub mod config;

pub mod radio;

pub mod sharing;

pub mod scanner;

pub mod gateway;

pub mod coupon;

pub mod ledger;

pub mod words;

pub mod notice;

pub mod mqtt;

pub mod incoming;

pub mod watching;

mod inventory;

mod handout;

pub mod daemon;

pub mod service;

pub mod logging;

pub mod metrics;

pub mod control;

pub mod follow;

pub mod counter;

pub mod timeline;

pub mod receipt;
pub mod report;

pub mod backup;

pub mod export;

pub mod schema;

pub mod standalone;

pub mod exit;

pub mod discretion;

pub mod cli;
