"""How fast a projection is rebuilt from a log in a file.

    python -m benchmarks.replay_speed [--rounds 5] [--events 100000]

The fold is the same everywhere: count events by kind, and sum what models cost. `benchmarks.aims` sets the same beside
peers.
"""

import argparse
import sqlite3
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import msgspec

from benchmarks.harness import Contender, Goal, Stopwatch, in_new_folder, interleave, microseconds, rate, report
from benchmarks.story import turn
from events import codec
from events.base import Recorded, StreamId
from events.store.base import Selection
from events.store.sqlite.store import SqliteLog
from events.types.model import ModelAnswered

READ, PAGES, TAGGED = "read, every event", "pages, every event", "pages, one tag of ten"
PAYLOADS, NARROW = "payloads, every event, decoded whole", "payloads, every event, only what the fold needs"
HAND = "hand loop: rows, decode, fold"
GOALS = (Goal("pages / hand loop", PAGES, HAND, 0.6, 0.85),)


class Narrow(msgspec.Struct):
    """What the fold needs of any event; the decoder skips the rest."""

    tag: str
    cost: int | None = None


class Fold:
    """A projection."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.cost = 0

    def apply(self, recorded: Recorded) -> None:
        """Fold one event in."""
        self.event(recorded.event)

    def narrow(self, event: Narrow) -> None:
        """Fold in the few fields that matter."""
        self.kinds[event.tag] += 1
        if event.tag == "model.call_answered" and event.cost is not None:
            self.cost += event.cost

    def event(self, event: object) -> None:
        """Fold in what was recorded."""
        self.kinds[type(event).__name__] += 1
        if isinstance(event, ModelAnswered) and event.cost is not None:
            self.cost += event.cost


async def fill(path: Path, count: int) -> None:
    """Write a log."""
    async with await SqliteLog.open(path, clock=microseconds) as log:
        versions = dict.fromkeys(range(64), 0)
        for number in range(count // 20):
            stream = number % 64
            where = await log.append(StreamId("run", f"s/{stream}"), turn(), expected_version=versions[stream])
            versions[stream] = where.version


async def read(path: Path, how: str) -> dict[str, float]:
    """Rebuild, and say what each event of the log took."""
    async with await SqliteLog.open(path, clock=microseconds) as log:
        narrow = msgspec.json.Decoder(Narrow)
        fold, total = Fold(), (await log.head()).position
        watch = Stopwatch()
        if how == READ:
            async for recorded in log.read():
                fold.apply(recorded)
        elif how in {PAYLOADS, NARROW}:
            decode: Callable[[bytes], object] = codec.decode if how == PAYLOADS else narrow.decode
            apply: Callable[[Any], None] = fold.event if how == PAYLOADS else fold.narrow
            async for payloads in log.payloads():
                for _, _, payload in payloads:
                    apply(decode(payload))
        else:
            selection = Selection(tags={"model.call_answered"}) if how == TAGGED else Selection()
            async for page in log.pages(selection):
                for recorded in page:
                    fold.apply(recorded)
        cost = watch.per(total)
    assert how == TAGGED or fold.kinds.total() == total
    return cost


def rebuilt(path: Path, how: str) -> float:
    """Give events a second."""
    return rate(anyio.run(read, path, how))


def by_hand(path: Path) -> dict[str, float]:
    """Do it without us: stdlib rows, the same decoder, the same fold."""
    fold = Fold()
    connection = sqlite3.connect(path)
    connection.text_factory = bytes
    watch = Stopwatch()
    for _, payload in connection.execute("SELECT position, payload FROM events ORDER BY position"):
        fold.event(codec.decode(payload))
    cost = watch.per(fold.kinds.total())
    connection.close()
    return cost


def main() -> None:
    """Fill a log once, and rebuild in turns."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=100_000)
    given = parser.parse_args()

    def measure(path: Path) -> float:
        anyio.run(fill, path, given.events)
        contenders: dict[str, Contender] = {
            how: partial(rebuilt, path, how) for how in (READ, PAGES, TAGGED, PAYLOADS, NARROW)
        }
        contenders[HAND] = lambda: rate(by_hand(path))
        report(interleave(contenders, given.rounds), GOALS)
        return 0.0

    in_new_folder(measure)()


if __name__ == "__main__":
    main()
