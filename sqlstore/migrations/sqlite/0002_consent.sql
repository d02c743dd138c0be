-- What belongs to a tenant's consent: its finAPI user, sealed; the updates that were
-- started without the customer; the states with which customers came back.

CREATE TABLE finapi_user (
    environment TEXT    NOT NULL,
    tenant      TEXT    NOT NULL,
    user_hash   TEXT    NOT NULL, -- finds the user of a callback without opening the seals
    sealed      TEXT    NOT NULL, -- id and password, encrypted and bound to the tenant, base64
    created     INTEGER NOT NULL, -- 1 when finAPI is known to have the user
    PRIMARY KEY (environment, tenant),
    UNIQUE (environment, user_hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE finapi_budget (
    environment TEXT    NOT NULL,
    connection  INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    started     TEXT    NOT NULL, -- JSON, the times of the last updates
    PRIMARY KEY (environment, connection)
) STRICT, WITHOUT ROWID;

CREATE TABLE finapi_state (
    name    TEXT    NOT NULL PRIMARY KEY,
    expires INTEGER NOT NULL -- seconds
) STRICT, WITHOUT ROWID;

CREATE INDEX finapi_state_expires ON finapi_state (expires);

INSERT INTO finapi_migration (version) VALUES (2);
