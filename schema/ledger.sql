-- The ledger: events (append-only) and the state that follows from them.
-- Opened only by the program. Its whole state is committed to by the `state`
-- digest of the last record, so a row changed here alone is noticed at once.

-- The one row about this home.
CREATE TABLE home (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    name    TEXT    NOT NULL CHECK (length(name) = 32),
    created INTEGER NOT NULL
) STRICT;

-- Every record, byte for byte as it stands in the log. `offset` is where its
-- line begins there; `hash` is its RFC 6962 leaf hash.
CREATE TABLE event (
    seq    INTEGER PRIMARY KEY CHECK (seq > 0),
    line   TEXT    NOT NULL,
    hash   BLOB    NOT NULL CHECK (length(hash) = 32),
    offset INTEGER NOT NULL CHECK (offset >= 0)
) STRICT;

CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;

CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;

-- Complete inner nodes of the Merkle tree over the events (leaves: event.hash).
CREATE TABLE node (
    level INTEGER NOT NULL CHECK (level > 0),
    idx   INTEGER NOT NULL CHECK (idx >= 0),
    hash  BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;

-- Where the chain ends. `bytes` is the log's length after the last record,
-- `settled` its length before the last transaction's records; `hold` is the
-- id of the home-wide kill already recorded, `epoch` counts kills.
CREATE TABLE head (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    size     INTEGER NOT NULL CHECK (size >= 0),
    last     BLOB    NOT NULL CHECK (length(last) = 32),
    frontier BLOB    NOT NULL,
    bytes    INTEGER NOT NULL CHECK (bytes >= 0),
    settled  INTEGER NOT NULL CHECK (settled >= 0),
    time     INTEGER NOT NULL,
    epoch    INTEGER NOT NULL CHECK (epoch >= 0),
    hold     TEXT,
    state    BLOB    NOT NULL CHECK (length(state) = 32)
) STRICT;

-- Every revision. `body` is the truth, as JSON; the other columns repeat parts
-- of it for look-up and are checked against it when a row is read. A bucket is
-- proven as a whole, so its rows lie side by side.
CREATE TABLE revision (
    name   TEXT    NOT NULL,
    digest BLOB    NOT NULL CHECK (length(digest) = 32),
    bucket INTEGER NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    state  TEXT    NOT NULL CHECK (state IN ('installed', 'trusted', 'enabled')),
    body   TEXT    NOT NULL,
    PRIMARY KEY (bucket, name, digest)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX revision_by_name ON revision (name, digest);

-- The hash tree over the revisions: row 0 holds the hashes of the 64 groups,
-- rows 1 to 64 those of their 64 buckets each. Row 65 holds the hashes of the
-- 64 buckets of what is remembered.
CREATE TABLE bucket (
    id     INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 65),
    hashes BLOB    NOT NULL CHECK (length(hashes) = 2048)
) STRICT;

-- Standing narrow kills.
CREATE TABLE hold (
    scope TEXT    NOT NULL CHECK (scope IN ('name', 'digest', 'source', 'signer')),
    value TEXT    NOT NULL,
    seq   INTEGER NOT NULL,
    PRIMARY KEY (scope, value)
) STRICT, WITHOUT ROWID;

-- Manifests, so that drift can be told per file when the bytes are gone.
-- Evidence only: each is checked against its digest when read.
CREATE TABLE manifest (
    digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
    body   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What is remembered beside revisions: trust roots, versions and signers of
-- each source, statements about bytes. Proven by row 65 of `bucket`.
CREATE TABLE memory (
    bucket INTEGER NOT NULL CHECK (bucket BETWEEN 0 AND 63),
    key    TEXT    NOT NULL CHECK (length(key) > 0),
    body   TEXT    NOT NULL,
    PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID;

-- Bytes that were received and verified, by their digest. Evidence only: each
-- is checked against its digest when read.
CREATE TABLE blob (
    digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
    bytes  BLOB NOT NULL
) STRICT, WITHOUT ROWID;
