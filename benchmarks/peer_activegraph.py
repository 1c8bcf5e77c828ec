"""The same work done by `activegraph`. Runs in an environment that has it, and prints what an event cost, as JSON.

    python peer_activegraph.py append|replay FILE EVENTS

Its store appends one event in one transaction; it has no way to append several. It sets ``synchronous = NORMAL``: a
power cut may lose the last ones, which makes it faster. The store is used without its graph,
listeners and trace, which is in its favour. Each event holds one text of 975 characters.
"""

import argparse
import gc
import json
import time

from activegraph.core.event import Event
from activegraph.store.sqlite import SQLiteEventStore

TEXT = "x" * 975


def fill(store: SQLiteEventStore, count: int) -> dict[str, float]:
    """Append events, and say what each took."""
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(count):
        store.append(Event(f"evt_{number}", "acted", {"payload": TEXT}, timestamp="2026-11-30T12:00:00Z"))
    return _cost(wall, cpu, count)


def replay(store: SQLiteEventStore) -> dict[str, float]:
    """Fold all events once: count them by kind."""
    counts: dict[str, int] = {}
    wall, cpu = time.perf_counter(), time.process_time()
    for event in store.iter_events():
        counts[event.type] = counts.get(event.type, 0) + 1
    return _cost(wall, cpu, sum(counts.values()))


def _cost(wall: float, cpu: float, events: int) -> dict[str, float]:
    """Give microseconds an event."""
    took = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall": took[0] / events * 1e6, "cpu": took[1] / events * 1e6}


def main() -> None:
    """Do one thing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["append", "replay"])
    parser.add_argument("path")
    parser.add_argument("count", type=int)
    given = parser.parse_args()
    # What our own processes do, so that the collector of cycles is nobody's advantage.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    store = SQLiteEventStore(given.path, run_id="bench")
    filled = fill(store, given.count)
    print(json.dumps(filled if given.what == "append" else replay(store)))


if __name__ == "__main__":
    main()
