-- A ledger as the first schema left it: a customer who consented, and the one offer that was said.
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
INSERT INTO meta VALUES ('key', x'5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a');
INSERT INTO consent VALUES ('me', 1, '{"customer":"me","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{"ibeacon":{"uuid":"f7826da6-4fa2-4e98-8024-bc5b71e0893e","major":1,"minor":2}}],"valid_from":"2026-01-01T00:00:00Z","valid_until":"2099-01-01T00:00:00Z"}');
INSERT INTO delivery VALUES ('0ab4c0ffee000000', 'me', 1795510825000000, 'offer', 'shoes-fitting', 'shoes', 'shoes', 'corner-shop', 1795510800000000, 1, 1);
PRAGMA user_version = 1;
