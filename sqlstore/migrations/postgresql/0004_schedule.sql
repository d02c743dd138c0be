-- Which connections are synchronised by themselves, when next, who works on them, and what
-- became of it. This is all that is known of them: a queue only holds references to it.

CREATE TABLE finapi_connection (
    environment text    COLLATE "C" NOT NULL,
    connection  bigint  NOT NULL,
    tenant      text    COLLATE "C" NOT NULL,
    mandator    text    COLLATE "C" NOT NULL, -- which of the vendor's clients at finAPI
    bank        bigint  NOT NULL,
    schedule    json    NOT NULL,
    history     json    NOT NULL, -- what the schedule reckons with
    due         bigint,           -- milliseconds; NULL for never by itself
    why         text    NOT NULL, -- it is due then
    blocked_by  text    NOT NULL, -- who must act first; '' for nobody
    asks        integer NOT NULL, -- 1 if the bank is asked, 0 if finAPI's data are read only
    failures    integer NOT NULL, -- runs that have failed in a row
    report      json,             -- of the last run; NULL before the first
    fence       bigint  NOT NULL, -- counts who took it: only the last one may write
    taken       bigint  NOT NULL, -- until when somebody has it; milliseconds of the database's clock
    lost        integer NOT NULL, -- times that somebody began with it in vain since the last report
    PRIMARY KEY (environment, connection)
) WITH (fillfactor = 50);

CREATE INDEX finapi_connection_due ON finapi_connection (environment, due) WHERE due IS NOT NULL;

CREATE INDEX finapi_connection_tenant ON finapi_connection (environment, tenant);

-- What somebody has is little among much.
CREATE INDEX finapi_connection_taken ON finapi_connection (environment, bank) WHERE taken > 0;

-- When somebody last looked for due connections, which tells an outage.
CREATE TABLE finapi_scheduler (
    environment text   COLLATE "C" NOT NULL PRIMARY KEY,
    looked      bigint NOT NULL, -- milliseconds
    resumed     bigint NOT NULL  -- milliseconds; 0 for never
);

INSERT INTO finapi_migration (version) VALUES (4);
