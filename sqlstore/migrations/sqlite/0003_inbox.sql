-- What an ERP has to pull and acknowledge: the events of a ledger, in their order.

-- 1 if the events of the ledger go into its inbox. Its first commit decides that for good;
-- until now there was no inbox.
ALTER TABLE finapi_feed ADD COLUMN filled INTEGER NOT NULL DEFAULT 0;

-- The numbers are never given again, not even after a ledger was forgotten: a late
-- acknowledgement must not meet another event. What is acknowledged loses its event and
-- keeps its key, so that the next event of this key gets another number.
CREATE TABLE finapi_inbox (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    feed_id   INTEGER NOT NULL, -- finapi_feed
    uid       TEXT    NOT NULL, -- of the booking; '' for a notice
    event_key TEXT    NOT NULL,
    nth       INTEGER NOT NULL, -- event of this key in this ledger, from 1 on
    event     TEXT,             -- JSON, amounts as strings; NULL when acknowledged
    attempts  INTEGER NOT NULL DEFAULT 0, -- that failed
    reason    TEXT    NOT NULL DEFAULT '', -- of the last failure
    retry     INTEGER NOT NULL DEFAULT 0, -- not before; milliseconds
    UNIQUE (feed_id, event_key, nth)
) STRICT;

CREATE INDEX finapi_inbox_open ON finapi_inbox (feed_id, attempts, seq) WHERE event IS NOT NULL;

CREATE INDEX finapi_inbox_open_uid ON finapi_inbox (feed_id, uid, seq) WHERE event IS NOT NULL;

INSERT INTO finapi_migration (version) VALUES (3);
