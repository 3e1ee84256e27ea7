//! Five files, five people: what they say, checked together, every problem at once.
//!
//! [`load()`] reads a folder and answers with a [`Config`] and its warnings, or with every problem found. The core sees
//! only the checked [`Config`]; nothing in it can be inconsistent.
//!
//! The way of a file: its text becomes a tree of values that know their lines (`tree`); a `reader` asks the tree for
//! one key after the other and reports what is wrong; each file's own module holds what it says and how it is read;
//! `crosscheck` holds the files against each other.

pub mod drawing;
pub mod fixed;
pub mod gateway;
pub mod metrics;
pub mod offers;
pub mod playback;
pub mod price;
pub mod problem;
pub mod promise;
pub mod remote;
pub mod site;
pub mod span;
pub mod surveyed;
pub mod zones;

mod audience;
mod beside;
pub mod broker;
mod campaign;
mod civil;
mod coupon;
mod crosscheck;
mod file;
mod floor;
mod hours;
mod load;
mod placeholder;
mod reader;
mod site_edit;
mod tree;
mod values;

pub use site_edit::{SurveyedPoint, with_survey};

pub use load::{FILES, Loaded, Sources, check, digest, load, load_with, read_text, template};

use std::collections::BTreeMap;
use std::sync::Arc;

/// An identifier or a text that a person wrote once and many parts share.
pub type Name = Arc<str>;

/// A text by language (`de`, `en`, …).
pub type Texts = BTreeMap<Name, Name>;

/// Whether `text` can be an id, such as a shop's or a gateway's.
pub(crate) fn is_id(text: &str) -> bool {
    values::no_id(text).is_none()
}

/// All five files, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `gateway.toml`: this Pi.
    pub gateway: gateway::Gateway,
    /// `site.toml`: this shop.
    pub site: site::Site,
    /// `zones.toml`: where things are, and when the shop is open.
    pub zones: zones::Zones,
    /// `offers.toml`: what may be said.
    pub offers: offers::Offers,
    /// `promise.toml`: what nothing may loosen.
    pub promise: promise::Promise,
}

#[cfg(test)]
pub(crate) mod testing {
    use super::{Config, Sources, check};

    /// The shipped files, checked.
    pub(crate) fn shipped() -> Config {
        check(&Sources::shipped()).config.unwrap()
    }
}
