-- What an ERP has to pull and acknowledge: the events of a ledger, in their order.

-- Whether the events of the ledger go into its inbox. Its first commit decides that for good;
-- until now there was no inbox.
ALTER TABLE finapi_feed ADD COLUMN filled boolean NOT NULL DEFAULT false;

-- What is acknowledged loses its event and keeps its key, so that the next event of this
-- key gets another number.
CREATE TABLE finapi_inbox (
    seq       bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed_id   bigint  NOT NULL, -- finapi_feed
    uid       text    COLLATE "C" NOT NULL, -- of the booking; '' for a notice
    event_key text    COLLATE "C" NOT NULL,
    nth       bigint  NOT NULL, -- event of this key in this ledger, from 1 on
    event     json,             -- amounts as strings; NULL when acknowledged
    attempts  bigint  NOT NULL DEFAULT 0, -- that failed
    reason    text    NOT NULL DEFAULT '', -- of the last failure
    retry     bigint  NOT NULL DEFAULT 0, -- not before; milliseconds
    UNIQUE (feed_id, event_key, nth)
);

CREATE INDEX finapi_inbox_open ON finapi_inbox (feed_id, attempts, seq) WHERE event IS NOT NULL;

CREATE INDEX finapi_inbox_open_uid ON finapi_inbox (feed_id, uid, seq) WHERE event IS NOT NULL;

INSERT INTO finapi_migration (version) VALUES (3);
