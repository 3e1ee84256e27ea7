//! What the session says about itself to the rest of Emma.

use super::state::DeliveryTrouble;

/// Where the session stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// No broker, and trying.
    #[default]
    Connecting,
    /// A broker has accepted the session.
    Connected,
    /// Another decider of this site has taken the session over: this one says nothing more until it is started again.
    TakenOver,
    /// Stopped as asked.
    Stopped,
}

impl Standing {
    /// The word for it on the control socket.
    pub fn word(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::TakenOver => "taken-over",
            Self::Stopped => "stopped",
        }
    }
}

/// The session's own counters since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Where it stands.
    pub standing: Standing,
    /// Since when it stands there (wall, microseconds).
    pub since_us: i64,
    /// Outages so far, the one at the start included if there was no broker.
    pub outages: u64,
    /// Rows handed over, resends included.
    pub sent: u64,
    /// Rows acknowledged.
    pub acknowledged: u64,
    /// Rows refused by the broker, or that no broker could be given.
    pub refused: u64,
    /// Of the acknowledged ones, those to which nobody listened (0x10): worth an alert, since customers' caps were
    /// used up for nothing.
    pub nobody_listening: u64,
    /// Why offers do not arrive, by the broker's last answer; nothing while they do, and before the first.
    pub delivery_trouble: Option<DeliveryTrouble>,
    /// Rows that expired between hand-over and acknowledgement.
    pub expired: u64,
    /// Rows handed over and not settled yet.
    pub outstanding: usize,
}

impl Status {
    /// Whether a broker has accepted the session.
    pub fn is_connected(&self) -> bool {
        self.standing == Standing::Connected
    }
}
