"""The file's tables, triggers and settings. ``docs/log-format.md`` describes them; they are a promise."""

from events.store.chain import FORMAT

APPLICATION_ID = 0x5374696C
"""``Stil``: what tells our files from other SQLite files (``PRAGMA application_id``)."""

BEFORE_CREATION = ("PRAGMA page_size = 16384", "PRAGMA journal_mode = WAL")
"""Pages of 16 KB: long payloads stay in one page, and appends were 1.1 to 1.4 times faster than with 4 KB."""

WRITER = (
    # A power cut must not lose what was acknowledged. From 100 events per commit on, it costs nothing measurable.
    "PRAGMA synchronous = FULL",
    # An upper bound in KiB, filled as needed. Without it the unique index is read again and again.
    "PRAGMA cache_size = -262144",
    # Checkpoints are made on purpose, under the lock between processes (docs/decisions/0002).
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA journal_size_limit = 67108864",
)

READER = (
    "PRAGMA query_only = ON",
    # An upper bound in KiB. A reader passes over most pages once, and the system keeps them anyway: with 64 MiB,
    # rebuilding took a seventh more CPU, for fresh memory and for what fell out of the processor's cache.
    "PRAGMA cache_size = -4096",
)

SCHEMA = f"""
BEGIN IMMEDIATE;

CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (run, name)
) STRICT;

CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL REFERENCES streams (id),
    version INTEGER NOT NULL,
    tag TEXT NOT NULL,
    cause TEXT,
    at INTEGER NOT NULL,
    payload TEXT NOT NULL,
    digest BLOB NOT NULL,
    UNIQUE (stream, version)
) STRICT;

CREATE TABLE blobs (
    digest BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    encoding TEXT NOT NULL CHECK (encoding IN ('raw', 'zstd')),
    data BLOB,
    erased_at INTEGER,
    erased_reason TEXT,
    CHECK ((data IS NULL) = (erased_at IS NOT NULL) AND (erased_at IS NULL) = (erased_reason IS NULL))
) STRICT;

CREATE TABLE leases (
    run TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    token INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE snapshots (
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    position INTEGER NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (name, revision)
) STRICT;

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;

INSERT INTO meta VALUES ('format', {FORMAT}), ('lease_epoch', 0);

-- Positions and versions without gaps are a property of the file. It also defeats REPLACE, which would remove
-- rows without waking a DELETE trigger unless the connection asks for recursive triggers (seen in a test).
CREATE TRIGGER events_are_appended BEFORE INSERT ON events
WHEN (NEW.position - 1, NEW.stream, NEW.version - 1) IS NOT
        -- Most events follow another one of their stream: then this one look is enough.
        (SELECT position, stream, version FROM events ORDER BY position DESC LIMIT 1)
    AND (NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM events)
        OR NEW.version IS NOT (SELECT coalesce(max(version), 0) + 1 FROM events WHERE stream = NEW.stream))
BEGIN SELECT raise(ABORT, 'events are appended: next position, next version'); END;

CREATE TRIGGER events_stay BEFORE DELETE ON events
BEGIN SELECT raise(ABORT, 'events are never removed'); END;

CREATE TRIGGER events_do_not_change BEFORE UPDATE ON events
BEGIN SELECT raise(ABORT, 'events never change'); END;

CREATE TRIGGER streams_are_appended BEFORE INSERT ON streams
WHEN NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM streams)
    OR EXISTS (SELECT 1 FROM streams WHERE run = NEW.run AND name = NEW.name)
BEGIN SELECT raise(ABORT, 'streams are appended'); END;

CREATE TRIGGER streams_stay BEFORE DELETE ON streams
BEGIN SELECT raise(ABORT, 'streams are never removed'); END;

CREATE TRIGGER streams_do_not_change BEFORE UPDATE ON streams
BEGIN SELECT raise(ABORT, 'streams never change'); END;

-- The same bytes again are the same blob: nothing to do, not even for REPLACE.
CREATE TRIGGER blobs_are_kept_once BEFORE INSERT ON blobs
WHEN EXISTS (SELECT 1 FROM blobs WHERE digest = NEW.digest OR rowid = NEW.rowid)
BEGIN SELECT raise(IGNORE); END;

CREATE TRIGGER blobs_stay BEFORE DELETE ON blobs
BEGIN SELECT raise(ABORT, 'blobs are never removed, only their bytes'); END;

CREATE TRIGGER blobs_change_by_erasure BEFORE UPDATE ON blobs
WHEN OLD.data IS NULL OR NEW.data IS NOT NULL OR NEW.digest IS NOT OLD.digest OR NEW.size IS NOT OLD.size
    OR NEW.encoding IS NOT OLD.encoding OR NEW.rowid IS NOT OLD.rowid
BEGIN SELECT raise(ABORT, 'blobs change only by erasing their bytes'); END;

CREATE VIEW log AS
SELECT
    events.position, streams.run, streams.name AS stream, events.version, events.tag, events.cause,
    strftime('%Y-%m-%dT%H:%M:%fZ', events.at / 1000000.0, 'unixepoch') AS time, events.at, events.payload,
    lower(hex(events.digest)) AS digest
FROM events JOIN streams ON streams.id = events.stream;

PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT};

COMMIT;
"""  # noqa: S608 - numbers of ours

FORMER = frozenset(
    {
        """CREATE TRIGGER events_are_appended BEFORE INSERT ON events
WHEN NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM events)
    OR NEW.version IS NOT (SELECT coalesce(max(version), 0) + 1 FROM events WHERE stream = NEW.stream)
BEGIN SELECT raise(ABORT, 'events are appended: next position, next version'); END"""
    }
)
"""What earlier versions made in place of one of these, to the same end."""
