-- The memory of finAPI feeds: which rows of the bank a ledger has got, and how
-- far it has read. Each migration records itself, so that it does not matter
-- whose tool runs it.

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

-- One row per booking that a ledger was told of. Rows lie in the order of their
-- ids, which is nearly that of their booking dates.
CREATE TABLE finapi_row (
    id             INTEGER PRIMARY KEY,
    feed_id        INTEGER NOT NULL REFERENCES finapi_feed (id),
    uid            TEXT    NOT NULL,
    source_user    TEXT    NOT NULL,
    source_account INTEGER NOT NULL,
    transaction_id INTEGER NOT NULL,
    state          TEXT    NOT NULL,
    fingerprint    TEXT    NOT NULL,
    booking_date   TEXT    NOT NULL, -- YYYY-MM-DD, or empty
    data           TEXT    NOT NULL, -- JSON, amounts as strings
    UNIQUE (feed_id, uid)
) STRICT;

CREATE INDEX finapi_row_fingerprint ON finapi_row (feed_id, fingerprint);

CREATE INDEX finapi_row_booking_date ON finapi_row (feed_id, booking_date);

-- Every id at finAPI that a booking ever had. The column row_id names a row of
-- finapi_row. It is no foreign key, because checking one would need an index of
-- its own, and rows go only together with their ledger.
CREATE TABLE finapi_alias (
    feed_id        INTEGER NOT NULL REFERENCES finapi_feed (id),
    source_user    TEXT    NOT NULL,
    source_account INTEGER NOT NULL,
    transaction_id INTEGER NOT NULL,
    row_id         INTEGER NOT NULL,
    PRIMARY KEY (feed_id, source_user, source_account, transaction_id)
) STRICT, WITHOUT ROWID;

INSERT INTO finapi_migration (version) VALUES (1);
