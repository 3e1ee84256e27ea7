//! Caps: at most N in any rolling window, judged by one pure function over a customer's log.

/// Which deliveries a cap counts, in the order in which caps are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CapScope {
    /// All offers.
    Customer,
    /// Those of this visit.
    Visit,
    /// The last one.
    Gap,
    /// Those of this campaign.
    Campaign,
    /// Those of this category.
    Category,
    /// Those in this zone.
    Zone,
    /// Those in this site.
    Site,
    /// Those under this consent's epoch.
    Budget,
    /// Those of class `service`.
    Service,
}

impl CapScope {
    /// The reason's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "cap-customer",
            Self::Visit => "cap-visit",
            Self::Gap => "cap-gap",
            Self::Campaign => "cap-campaign",
            Self::Category => "cap-category",
            Self::Zone => "cap-zone",
            Self::Site => "cap-site",
            Self::Budget => "cap-budget",
            Self::Service => "cap-service",
        }
    }
}

/// A cap resolved for one reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapRule {
    /// What it counts.
    pub scope: CapScope,
    /// N.
    pub at_most: u32,
    /// A delivery counts if it is later than this wall time (the window is half-open); nothing counts them all.
    pub after_us: Option<i64>,
    /// The promise's own customer windows start full for someone who was forgotten and returns.
    pub promised: bool,
}
