-- The memory of finAPI feeds: which rows of the bank a ledger has got, and how
-- far it has read. Each migration records itself, so that it does not matter
-- whose tool runs it.
--
-- The references from finapi_row and finapi_alias are no foreign keys, because
-- checking them would take a good part of the time of writing, and because rows go
-- only together with their ledger.

CREATE TABLE finapi_migration (
    version INTEGER PRIMARY KEY
) STRICT;

-- One row per ledger. The version counts the commits: a worker that does not
-- know the current one must not write.
CREATE TABLE finapi_feed (
    id          INTEGER PRIMARY KEY,
    environment TEXT    NOT NULL,
    ledger      TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    mark        TEXT    NOT NULL, -- JSON
    UNIQUE (environment, ledger)
) STRICT;

-- One row per account at finAPI that a ledger ever got bookings from.
CREATE TABLE finapi_source (
    id         INTEGER PRIMARY KEY,
    feed_id    INTEGER NOT NULL REFERENCES finapi_feed (id),
    user_id    TEXT    NOT NULL,
    account_id INTEGER NOT NULL,
    UNIQUE (feed_id, user_id, account_id)
) STRICT;

-- One row per booking that a ledger was told of. Rows lie in the order of their
-- ids, which is nearly that of their booking dates.
CREATE TABLE finapi_row (
    id             INTEGER PRIMARY KEY,
    feed_id        INTEGER NOT NULL, -- finapi_feed
    source_id      INTEGER NOT NULL, -- finapi_source
    transaction_id INTEGER NOT NULL,
    booking_date   INTEGER NOT NULL, -- 20261231, or 0 for none
    state          TEXT    NOT NULL,
    fingerprint    TEXT    NOT NULL,
    uid            TEXT    NOT NULL,
    data           TEXT    NOT NULL, -- JSON, amounts as strings
    decision       TEXT,             -- JSON, what a person decided about a review
    UNIQUE (feed_id, uid)
) STRICT;

CREATE INDEX finapi_row_fingerprint ON finapi_row (feed_id, fingerprint);

CREATE INDEX finapi_row_booking_date ON finapi_row (feed_id, booking_date);

-- What waits for a person is little among much.
CREATE INDEX finapi_row_review ON finapi_row (feed_id) WHERE state IN ('review', 'suspected');

-- Every id at finAPI that a booking ever had.
CREATE TABLE finapi_alias (
    source_id      INTEGER NOT NULL, -- finapi_source
    transaction_id INTEGER NOT NULL,
    row_id         INTEGER NOT NULL, -- finapi_row
    PRIMARY KEY (source_id, transaction_id)
) STRICT, WITHOUT ROWID;

INSERT INTO finapi_migration (version) VALUES (1);
