"""The same work done by `eventsourcing`. Runs in an environment that has it, and prints what an event cost, as JSON.

    python peer_eventsourcing.py save|replay FILE EVENTS [--at-once N] [--page N]

Each event holds one text of 975 characters: kinder to it than the fields of a real event would be. ``save`` saves turns
of 20: of one aggregate at a time, or, with ``--at-once``, of so many in one transaction, which is what its
``Application.save`` takes. ``replay`` reads notifications by pages: of 10 by default, as its own default is, and any
size that ``log_section_size`` sets.
"""

import argparse
import gc
import json
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


def fill(app: Application, count: int, at_once: int) -> dict[str, float]:
    """Save turns of 20, and say what each event took."""
    attempts = [PeerAttempt() for _ in range(64)]
    app.save(*attempts)
    wall, cpu, saved = time.perf_counter(), time.process_time(), 0
    while saved < count:
        some = [attempts[(saved // 20 + number) % 64] for number in range(at_once)]
        for attempt in some:
            for _ in range(20):
                attempt.act(TEXT)
        app.save(*some)
        saved += 20 * at_once
    return _cost(wall, cpu, saved)


def replay(app: Application, page: int) -> dict[str, float]:
    """Fold all notifications once: count events by kind."""
    counts: dict[str, int] = {}
    wall, cpu, start, total = time.perf_counter(), time.process_time(), 1, 0
    while notifications := app.notification_log.select(start=start, limit=page):
        for notification in notifications:
            kind = type(app.mapper.to_domain_event(notification)).__name__
            counts[kind] = counts.get(kind, 0) + 1
            total += 1
        start = notifications[-1].id + 1
    return _cost(wall, cpu, total)


def _cost(wall: float, cpu: float, events: int) -> dict[str, float]:
    """Give microseconds an event."""
    took = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall": took[0] / events * 1e6, "cpu": took[1] / events * 1e6}


def main() -> None:
    """Do one thing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["save", "replay"])
    parser.add_argument("path")
    parser.add_argument("count", type=int)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--page", type=int, default=10)
    given = parser.parse_args()
    # What our own processes do, so that the collector of cycles is nobody's advantage.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)

    class Sized(Application):  # type: ignore[misc]
        log_section_size = given.page

    app = Sized(env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": given.path})
    if given.what == "save":
        print(json.dumps(fill(app, given.count, given.at_once)))
        return
    fill(app, given.count, 32)
    print(json.dumps(replay(app, given.page)))


if __name__ == "__main__":
    main()
