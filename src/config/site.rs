//! `site.toml`: one shop. Retail ops edit it.

use jiff::tz::TimeZone;

use super::Name;
use crate::gateway::advertisement::GatewayIndex;

/// What `site.toml` says. Fixed beacons are read and checked, and not in force yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// The shop's name, for people.
    pub name: Name,
    /// The shop's civil time.
    pub time_zone: TimeZone,
    /// For texts missing in the customer's own language.
    pub language: Option<Name>,
    /// Width and depth of the floor in metres.
    pub floor_m: Option<(f64, f64)>,
    /// The Pis, in the order of the file; a [`GatewayIndex`] counts them.
    pub gateways: Vec<SiteGateway>,
}

/// One Pi of the shop.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteGateway {
    /// Its id.
    pub id: Name,
    /// Where it hangs, in metres from the plan's corner.
    pub position_m: Option<(f64, f64)>,
    /// How high above the floor, in metres.
    pub height_m: f64,
}

impl Site {
    /// The gateway named `id`.
    pub fn gateway(&self, id: &str) -> Option<GatewayIndex> {
        let index = self.gateways.iter().position(|gateway| *gateway.id == *id)?;
        u16::try_from(index).ok().map(GatewayIndex)
    }
}
