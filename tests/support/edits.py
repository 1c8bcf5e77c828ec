"""A file changed behind the log's back, as a person with `sqlite3` could."""

import sqlite3
from contextlib import closing
from pathlib import Path


def edit_events(path: Path, tag: str, before: str, after: str) -> None:
    """Replace a text in every event of a kind; the triggers that forbid it are dropped first."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER IF EXISTS events_do_not_change")
        change = "UPDATE events SET payload = replace(payload, ?, ?) WHERE tag = ?"
        changed = connection.execute(change, (before, after, tag)).rowcount
        connection.commit()
    assert changed, f"there is no {tag}"
