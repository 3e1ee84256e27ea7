//! The shop's zones as the engine reads them: which anchors tell which zone, and how wide each is.
//!
//! An anchor is where a level is told for: a gateway that hears a device, or a fixed beacon that a phone hears.

use geo::{Area, Contains, Point};

use super::level::Level;
use super::map::Map;
use crate::config::zones::{Hearing, Holds, Shape};
use crate::config::{Config, Name};
use crate::gateway::advertisement::GatewayIndex;

/// The zones of a configuration, prepared.
#[derive(Clone, Debug)]
pub struct Floor {
    /// The zones, in the order of the file.
    pub(super) plots: Vec<Plot>,
    /// How readings become a level.
    pub(super) hearing: Hearing,
    anchors: Vec<Name>,
    /// What polygons are told by; nothing where none can be.
    pub(super) map: Option<Map>,
}

/// One zone, prepared.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub(super) id: Name,
    pub(super) sensitive: bool,
    pub(super) holds: Holds,
    pub(super) kind: Kind,
    /// Narrower zones sort first: `near` before polygons, a higher enter level before a lower, a smaller area before
    /// a larger.
    pub(super) breadth: (u8, f64),
}

/// How a zone is told.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// By the level at one anchor.
    Near { gateway: GatewayIndex, enter_dbm: f64, leave_dbm: f64 },
    /// By the belief of where on the floor the device is. `inside` are the anchors that hang in it.
    Polygon { inside: Vec<bool> },
}

/// The level at each anchor, by index: the gateways, then the fixed beacons. Nothing where nothing is heard.
pub(super) type Levels = [Option<Level>];

impl Floor {
    /// Prepares the zones of `config`.
    pub fn new(config: &Config) -> Self {
        let plots = config.zones.zones.iter().map(|zone| Plot {
            id: zone.id.clone(),
            sensitive: zone.sensitive,
            holds: zone.holds,
            kind: kind(&zone.shape, config),
            breadth: match &zone.shape {
                Shape::Near { enter_dbm, .. } => (0, -enter_dbm),
                Shape::Polygon(polygon) => (1, polygon.unsigned_area()),
            },
        });
        let gateways = config.site.gateways.iter().map(|gateway| gateway.id.clone());
        let beacons = config.site.fixed_beacons.iter().map(|beacon| beacon.id.clone());
        let anchors = gateways.chain(beacons).collect();
        Self { plots: plots.collect(), hearing: config.zones.hearing, anchors, map: Map::new(config) }
    }

    /// How many zones there are.
    pub fn len(&self) -> usize {
        self.plots.len()
    }

    /// Whether there is no zone at all.
    pub fn is_empty(&self) -> bool {
        self.plots.is_empty()
    }

    /// The zone named `id`.
    pub fn zone(&self, id: &str) -> Option<usize> {
        self.plots.iter().position(|plot| *plot.id == *id)
    }

    /// The id of a zone.
    pub fn zone_id(&self, zone: usize) -> Option<&Name> {
        self.plots.get(zone).map(|plot| &plot.id)
    }

    /// Whether nobody may be placed in this zone.
    pub fn is_sensitive(&self, zone: usize) -> bool {
        self.plots.get(zone).is_none_or(|plot| plot.sensitive)
    }

    /// Whether there is a zone in which nobody may be placed.
    pub(super) fn has_a_sensitive_zone(&self) -> bool {
        self.plots.iter().any(|plot| plot.sensitive)
    }

    /// Whether this gateway hears from inside a zone in which nobody may be placed.
    pub(super) fn tells_a_sensitive_zone(&self, gateway: usize) -> bool {
        let heard_by = u16::try_from(gateway).map(GatewayIndex);
        heard_by.is_ok_and(|heard_by| self.plots.iter().any(|plot| plot.sensitive && plot.is_told_by(heard_by)))
    }

    /// Whether some `near` zone is told by this anchor.
    pub(super) fn tells_a_near_zone(&self, anchor: GatewayIndex) -> bool {
        self.plots.iter().any(|plot| plot.is_near() && plot.is_told_by(anchor))
    }

    /// Whether this anchor says anything about polygons.
    pub(super) fn tells_polygons(&self, anchor: GatewayIndex) -> bool {
        self.map.as_ref().is_some_and(|map| map.expected(usize::from(anchor.0)).is_some())
    }

    /// How many anchors the site has.
    pub(super) fn anchor_count(&self) -> usize {
        self.anchors.len()
    }

    /// The id of a gateway or fixed beacon.
    pub(super) fn anchor_id(&self, anchor: usize) -> Option<&Name> {
        self.anchors.get(anchor)
    }
}

impl Plot {
    /// Whether it is told by the level at one gateway.
    pub(super) fn is_near(&self) -> bool {
        matches!(self.kind, Kind::Near { .. })
    }

    /// Whether this gateway hears from inside the zone.
    pub(super) fn is_told_by(&self, heard_by: GatewayIndex) -> bool {
        match &self.kind {
            Kind::Near { gateway, .. } => *gateway == heard_by,
            Kind::Polygon { inside } => inside.get(usize::from(heard_by.0)).copied().unwrap_or(false),
        }
    }

    /// The level at a `near` zone's gateway; nothing for a polygon.
    pub(super) fn near_level(&self, levels: &Levels) -> Option<Level> {
        match &self.kind {
            Kind::Near { gateway, .. } => levels.get(usize::from(gateway.0)).copied().flatten(),
            Kind::Polygon { .. } => None,
        }
    }
}

fn kind(shape: &Shape, config: &Config) -> Kind {
    match shape {
        Shape::Near { gateway, enter_dbm, leave_dbm } => {
            Kind::Near { gateway: *gateway, enter_dbm: *enter_dbm, leave_dbm: *leave_dbm }
        }
        Shape::Polygon(polygon) => {
            let gateways = config.site.gateways.iter().map(|gateway| gateway.position_m);
            // A beacon that is fixed to a Pi counts as that Pi, and its own place is never told a level.
            let beacons =
                config.site.fixed_beacons.iter().map(|beacon| beacon.position_m.filter(|_| beacon.gateway.is_none()));
            let is_inside =
                |position: Option<(f64, f64)>| position.is_some_and(|(x, y)| polygon.contains(&Point::new(x, y)));
            Kind::Polygon { inside: gateways.chain(beacons).map(is_inside).collect() }
        }
    }
}
