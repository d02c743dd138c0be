-- The memory of finAPI feeds: which rows of the bank a ledger has got, and how
-- far it has read. Each migration records itself, so that it does not matter
-- whose tool runs it.
--
-- The references from finapi_row and finapi_alias are no foreign keys, because
-- checking them would take a good part of the time of writing, and because rows go
-- only together with their ledger.
--
-- Texts that are looked up compare byte by byte. That is fast, and it is the same
-- after an update of the operating system, which can change the order of others.

CREATE TABLE finapi_migration (
    version integer PRIMARY KEY
);

-- One row per ledger. The version counts the commits: a worker that does not
-- know the current one must not write. Each commit rewrites the row, so there is
-- room for that on its page.
CREATE TABLE finapi_feed (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    environment text   COLLATE "C" NOT NULL,
    ledger      text   COLLATE "C" NOT NULL,
    version     bigint NOT NULL,
    mark        json   NOT NULL,
    UNIQUE (environment, ledger)
) WITH (fillfactor = 50);

-- One row per account at finAPI that a ledger ever got bookings from.
CREATE TABLE finapi_source (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed_id    bigint NOT NULL REFERENCES finapi_feed (id),
    user_id    text   COLLATE "C" NOT NULL,
    account_id bigint NOT NULL,
    UNIQUE (feed_id, user_id, account_id)
);

-- One row per booking that a ledger was told of.
CREATE TABLE finapi_row (
    id             bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed_id        bigint  NOT NULL, -- finapi_feed
    source_id      bigint  NOT NULL, -- finapi_source
    transaction_id bigint  NOT NULL,
    booking_date   integer NOT NULL, -- 20261231, or 0 for none
    state          text    NOT NULL,
    fingerprint    text    COLLATE "C" NOT NULL,
    uid            text    COLLATE "C" NOT NULL,
    data           json    NOT NULL, -- amounts as strings
    decision       json,             -- what a person decided about a review
    UNIQUE (feed_id, uid)
);

CREATE INDEX finapi_row_fingerprint ON finapi_row (feed_id, fingerprint);

CREATE INDEX finapi_row_booking_date ON finapi_row (feed_id, booking_date);

-- What waits for a person is little among much.
CREATE INDEX finapi_row_review ON finapi_row (feed_id) WHERE state IN ('review', 'suspected');

-- Every id at finAPI that a booking ever had.
CREATE TABLE finapi_alias (
    source_id      bigint NOT NULL, -- finapi_source
    transaction_id bigint NOT NULL,
    row_id         bigint NOT NULL, -- finapi_row
    PRIMARY KEY (source_id, transaction_id)
);

INSERT INTO finapi_migration (version) VALUES (1);
