-- What belongs to a tenant's consent: its finAPI user, sealed; the updates that were
-- started without the customer; the states with which customers came back.

CREATE TABLE finapi_user (
    environment text    COLLATE "C" NOT NULL,
    tenant      text    COLLATE "C" NOT NULL,
    user_hash   text    COLLATE "C" NOT NULL, -- finds the user of a callback without opening the seals
    sealed      text    NOT NULL, -- id and password, encrypted and bound to the tenant, base64
    created     integer NOT NULL, -- 1 when finAPI is known to have the user
    PRIMARY KEY (environment, tenant),
    UNIQUE (environment, user_hash)
);

CREATE TABLE finapi_budget (
    environment text   COLLATE "C" NOT NULL,
    connection  bigint NOT NULL,
    version     bigint NOT NULL,
    started     json   NOT NULL, -- the times of the last updates
    PRIMARY KEY (environment, connection)
);

CREATE TABLE finapi_state (
    name    text   COLLATE "C" NOT NULL PRIMARY KEY,
    expires bigint NOT NULL -- seconds
);

CREATE INDEX finapi_state_expires ON finapi_state (expires);

INSERT INTO finapi_migration (version) VALUES (2);
