"""The same work done by `eventsourcing`. Runs in an environment that has it, and prints events per second.

    python peer_eventsourcing.py save|replay FILE EVENTS

Each event holds one text of 975 characters: kinder to it than the fields of a real event would be.
"""

import sys
import time

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

TEXT = "x" * 975


class PeerAttempt(Aggregate):  # type: ignore[misc]
    """One history."""

    @event("Acted")  # type: ignore[untyped-decorator]
    def act(self, payload: str) -> None:
        """Record something."""
        self.last = payload


def fill(app: Application, count: int) -> float:
    """Save turns of 20 and say how fast."""
    attempts = [PeerAttempt() for _ in range(64)]
    for attempt in attempts:
        app.save(attempt)
    began = time.perf_counter()
    for number in range(count // 20):
        attempt = attempts[number % 64]
        for _ in range(20):
            attempt.act(TEXT)
        app.save(attempt)
    return count / (time.perf_counter() - began)


def replay(app: Application) -> float:
    """Fold all notifications once: count events by kind."""
    counts: dict[str, int] = {}
    began, start, total = time.perf_counter(), 1, 0
    while notifications := app.notification_log.select(start=start, limit=10):
        for notification in notifications:
            kind = type(app.mapper.to_domain_event(notification)).__name__
            counts[kind] = counts.get(kind, 0) + 1
            total += 1
        start = notifications[-1].id + 1
    return total / (time.perf_counter() - began)


def main(what: str, path: str, count: int) -> None:
    """Do one thing."""
    app = Application(env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": path})
    saved = fill(app, count)
    print(saved if what == "save" else replay(app))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
