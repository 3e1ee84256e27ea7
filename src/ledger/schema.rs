//! The ledger's tables, one migration after another; a step once released never changes.

use rusqlite::Connection;
use rusqlite_migration::{Error, M, MigrationDefinitionError, Migrations};

use super::LedgerError;

/// Brings the tables of the ledger at `path` up to date.
///
/// # Errors
/// A newer Emma wrote it, or it cannot be written.
pub(super) fn bring_up(db: &mut Connection, path: &str) -> Result<(), LedgerError> {
    migrations().to_latest(db).map_err(|error| match error {
        Error::MigrationDefinition(MigrationDefinitionError::DatabaseTooFarAhead) => {
            LedgerError::Newer { path: path.to_owned() }
        }
        Error::RusqliteError { err, .. } => err.into(),
        other => other.into(),
    })
}

/// Every step so far.
fn migrations() -> Migrations<'static> {
    Migrations::new(vec![M::up(
        "
        -- The installation's key, the high-water mark of wall time, counters.
        CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
        -- Consent records as they were accepted, as JSON.
        CREATE TABLE consent (customer TEXT PRIMARY KEY, epoch INTEGER NOT NULL, record TEXT NOT NULL)
            STRICT, WITHOUT ROWID;
        -- What was said: the log that caps are judged on. `reached` is 1 once any recipient may have got it.
        CREATE TABLE delivery (
            id TEXT PRIMARY KEY, customer TEXT NOT NULL, at_us INTEGER NOT NULL, class TEXT NOT NULL,
            campaign TEXT NOT NULL, category TEXT, zone TEXT NOT NULL, site TEXT NOT NULL,
            visit_us INTEGER NOT NULL, epoch INTEGER NOT NULL, reached INTEGER NOT NULL DEFAULT 0
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX delivery_of ON delivery (customer, at_us);
        -- Open visits.
        CREATE TABLE visit (
            customer TEXT PRIMARY KEY, started_us INTEGER NOT NULL, last_seen_us INTEGER NOT NULL,
            zone TEXT, zone_since_us INTEGER, dwelled TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        -- Those at work today.
        CREATE TABLE ignored (customer TEXT PRIMARY KEY, until_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        -- A keyed hash and a date: all that is left of those who were forgotten.
        CREATE TABLE forgotten (hash BLOB PRIMARY KEY, at_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        -- Committed messages that wait for their acknowledgement.
        CREATE TABLE outbox (
            row INTEGER PRIMARY KEY AUTOINCREMENT, delivery TEXT NOT NULL, customer TEXT NOT NULL,
            event_id TEXT NOT NULL, topic TEXT NOT NULL, payload TEXT NOT NULL, expires_us INTEGER NOT NULL,
            sequence INTEGER
        ) STRICT;
        ",
    ), M::up(
        "
        -- A ghost is a control group's: it counts in caps, and nothing was said. A test is in no total.
        ALTER TABLE delivery ADD COLUMN ghost INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE delivery ADD COLUMN test INTEGER NOT NULL DEFAULT 0;
        -- The offer whose message it is. Without a delivery, a row is an end of an offer, or a preview: nothing is refunded.
        ALTER TABLE outbox ADD COLUMN offer TEXT NOT NULL DEFAULT '';
        -- Each recipient's copy of an offer, until it ends: what feedback is understood by, and what can be taken back.
        -- `heard` has a bit a kind of feedback, `ending` why it was taken back, `ended` is 1 once that is in the outbox.
        CREATE TABLE said (
            offer TEXT PRIMARY KEY, delivery TEXT NOT NULL, customer TEXT NOT NULL, recipient TEXT NOT NULL,
            inbox TEXT NOT NULL, campaign TEXT NOT NULL, matter TEXT NOT NULL, test INTEGER NOT NULL,
            notify_until_us INTEGER NOT NULL, valid_until_us INTEGER NOT NULL, heard INTEGER NOT NULL DEFAULT 0,
            ending TEXT, ended INTEGER NOT NULL DEFAULT 0
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX said_to ON said (customer);
        CREATE INDEX said_until ON said (valid_until_us);
        CREATE INDEX said_of ON said (delivery);
        CREATE INDEX said_untold ON said (valid_until_us) WHERE ending IS NOT NULL AND ended = 0;
        CREATE INDEX outbox_offer ON outbox (offer);
        -- What a customer said and did about offers, as JSON: scores and dates, no history.
        CREATE TABLE stance (customer TEXT PRIMARY KEY, stance TEXT NOT NULL) STRICT, WITHOUT ROWID;
        -- What the shop has halted: a campaign, or, under an empty name, everything until an instant. `word_us` is when
        -- the last word on it was given, `halted` is 0 once it was taken back.
        CREATE TABLE halt (
            campaign TEXT PRIMARY KEY, halted INTEGER NOT NULL, until_us INTEGER NOT NULL, word_us INTEGER NOT NULL,
            why TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        -- How a campaign fares since it was last started: what pauses it.
        CREATE TABLE trial (campaign TEXT PRIMARY KEY, delivered INTEGER NOT NULL, dismissed INTEGER NOT NULL)
            STRICT, WITHOUT ROWID;
        -- Totals by civil week of the site, named by the instant it began.
        CREATE TABLE total (week_us INTEGER NOT NULL, what TEXT NOT NULL, count INTEGER NOT NULL,
            PRIMARY KEY (week_us, what)) STRICT, WITHOUT ROWID;
        -- Codes of pools that were given away, as hashes.
        CREATE TABLE used_code (campaign TEXT NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (campaign, hash))
            STRICT, WITHOUT ROWID;
        ",
    ), M::up(
        "
        -- Why an offer was made, as JSON, for whoever asks while it holds.
        ALTER TABLE said ADD COLUMN why TEXT NOT NULL DEFAULT '';
        ",
    ), M::up(
        "
        -- When a consent was last told over the network (wall): it is on a lease. Nothing for one by file or command line.
        ALTER TABLE consent ADD COLUMN told_us INTEGER;
        -- The registrar whose beats are heeded, one row at the most: when it was last heard, and the first and the last of
        -- the beats that agreed without a day between (wall).
        CREATE TABLE feed (
            registrar TEXT PRIMARY KEY, heard_us INTEGER NOT NULL, since_us INTEGER NOT NULL, last_us INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        ",
    ), M::up(
        "
        -- What somebody had said no to whose consent ended, by the hash of their pseudonym: heeded if they come back.
        CREATE TABLE declined (hash BLOB PRIMARY KEY, stance TEXT NOT NULL, at_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        ",
    )])
}
