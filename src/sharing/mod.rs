//! Several Pis of one shop: scanners that hear for a decider, over the shop's own broker (`docs/several-pis.md`).
//!
//! A scanner knows nobody. It has a table of fingerprints, in memory alone, and says of what matches them how strongly it
//! hears it, by handles that mean something to the decider only. Both directions are numbered, so that whatever is lost,
//! repeated, late or in another order is noticed by its number, and put right by asking for the table anew.
//!
//! Two rules carry the rest:
//!
//! - **The scanner's own clock measures the lease.** Each page answers a batch by its number, and the table is good for
//!   [`LEASE_US`] from when that batch was sent. Whatever lies or lags in between, a page cannot be good for longer.
//! - **Nobody's wall clock is asked.** Ages count back from a batch's own sending, and how late a batch is is told by the
//!   sender's clock against the receiver's, both of which only run forward.
//!
//! Everything here is pure; [`crate::scanner`] and [`crate::radio::over_mqtt`] are its shells.

pub mod wire;

pub mod table;

pub mod batch;

pub mod scanner;

pub mod directory;

pub mod intake;

pub mod hub;

/// Between two messages of a scanner, in microseconds: four a second, so that a second that the zone engine judges has
/// something of every quarter.
pub const BEAT_US: u64 = 250_000;

/// A scanner that hears nobody, and has no page to confirm, speaks so often all the same, in microseconds: it asks for the
/// table with it, and shows that it is there.
pub const IDLE_US: u64 = 2_000_000;

/// How long a table is good for after the batch that its last page answers, in microseconds: long enough for a broker that
/// is restarted, and no longer than a withdrawal may wait where a scanner cannot be told.
pub const LEASE_US: u64 = 60_000_000;

/// A lease is renewed so often, in microseconds: six tries before one ends.
pub const RENEW_US: u64 = 10_000_000;

/// What is older than this is not taken, in microseconds. The zone engine lets three eighths of what it believes go in a
/// second; what was heard three seconds ago would still weigh a quarter, and would be counted whole.
pub const MAX_LAG_US: u64 = 3_000_000;

/// A scanner of which nothing came for so long is silent, in microseconds: five times that it would have spoken.
pub const SILENT_US: u64 = 10_000_000;
