-- Which connections are synchronised by themselves, when next, who works on them, and what
-- became of it. This is all that is known of them: a queue only holds references to it.

CREATE TABLE finapi_connection (
    environment TEXT    NOT NULL,
    connection  INTEGER NOT NULL,
    tenant      TEXT    NOT NULL,
    mandator    TEXT    NOT NULL, -- which of the vendor's clients at finAPI
    bank        INTEGER NOT NULL,
    schedule    TEXT    NOT NULL, -- JSON
    history     TEXT    NOT NULL, -- JSON, what the schedule reckons with
    due         INTEGER,          -- milliseconds; NULL for never by itself
    why         TEXT    NOT NULL, -- it is due then
    blocked_by  TEXT    NOT NULL, -- who must act first; '' for nobody
    asks        INTEGER NOT NULL, -- 1 if the bank is asked, 0 if finAPI's data are read only
    failures    INTEGER NOT NULL, -- runs that have failed in a row
    report      TEXT,             -- JSON, of the last run; NULL before the first
    fence       INTEGER NOT NULL, -- counts who took it: only the last one may write
    taken       INTEGER NOT NULL, -- until when somebody has it; milliseconds of the database's clock
    lost        INTEGER NOT NULL, -- times that somebody began with it in vain since the last report
    PRIMARY KEY (environment, connection)
) STRICT;

CREATE INDEX finapi_connection_due ON finapi_connection (environment, due) WHERE due IS NOT NULL;

CREATE INDEX finapi_connection_tenant ON finapi_connection (environment, tenant);

-- What somebody has is little among much.
CREATE INDEX finapi_connection_taken ON finapi_connection (environment, bank) WHERE taken > 0;

-- When somebody last looked for due connections, which tells an outage.
CREATE TABLE finapi_scheduler (
    environment TEXT    NOT NULL PRIMARY KEY,
    looked      INTEGER NOT NULL, -- milliseconds
    resumed     INTEGER NOT NULL  -- milliseconds; 0 for never
) STRICT;

INSERT INTO finapi_migration (version) VALUES (4);
