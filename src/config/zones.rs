//! `zones.toml`: where things are and when the shop is open. The store manager edits it.

use std::collections::BTreeMap;

use geo::Polygon;
use jiff::civil::Date;

use super::{Name, Texts};
use crate::gateway::advertisement::GatewayIndex;

/// What `zones.toml` says.
#[derive(Clone, Debug, PartialEq)]
pub struct Zones {
    /// When the shop is open; nothing is always.
    pub opening_hours: Option<OpeningHours>,
    /// The zones, in the order of the file.
    pub zones: Vec<Zone>,
    /// How readings become a level; fixed in production, scaled by the demo alone.
    pub hearing: Hearing,
}

/// How readings become a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hearing {
    /// The level is the median of the readings of so many microseconds.
    pub window_us: u64,
    /// A gateway that heard nothing for so many microseconds has no level.
    pub silence_us: u64,
}

/// One named area.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// Its id.
    pub id: Name,
    /// Its name for people, by language.
    pub name: Texts,
    /// How it is told.
    pub shape: Shape,
    /// How sure, and for how long.
    pub holds: Holds,
    /// Nobody is placed here.
    pub sensitive: bool,
    /// What is sold here; for people and for `zones = "any"` campaigns nothing follows from it.
    pub categories: Vec<Name>,
    /// For `{nearest.KIND}`, a later stage.
    pub kind: Option<Name>,
}

/// How a zone is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// What one Pi hears well: levels in dBm, as if the device transmitted -59 dBm at 1 m.
    Near {
        /// The Pi.
        gateway: GatewayIndex,
        /// Entered at or above.
        enter_dbm: f64,
        /// Left below.
        leave_dbm: f64,
    },
    /// An area of the plan, in metres.
    Polygon(Polygon<f64>),
}

/// `enter-confidence`, `enter-after`, `leave-after`, `unsure-below`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Holds {
    /// A polygon is entered at or above this confidence; 0.8.
    pub enter_confidence: f64,
    /// … held for so long; 2 s for a polygon, 5 s for a `near` zone.
    pub enter_after_us: u64,
    /// Left after so long below the leave level or without evidence; 45 s.
    pub leave_after_us: u64,
    /// A polygon's customer is unsure below this confidence; 0.4.
    pub unsure_below: f64,
}

/// A range of a civil day, in minutes since midnight, half-open. `start > end` wraps midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRange {
    /// First minute inside, 0 to 1439.
    pub start_min: u16,
    /// First minute outside, 0 to 1440; never equal to the start.
    pub end_min: u16,
}

/// Opening hours by day of the week, and exceptions by date. A day without a range is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpeningHours {
    /// Monday first.
    pub week: [Vec<DayRange>; 7],
    /// Replaces the week's rule on that date.
    pub exceptions: BTreeMap<Date, Vec<DayRange>>,
}
