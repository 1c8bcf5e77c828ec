"""How fast events are appended, with everything switched on: validation, redaction, chain, triggers, FULL.

    python -m benchmarks.append [--rounds 5] [--events 50000] [--skip-long]

The yardstick is stdlib ``sqlite3.executemany`` in transactions of 1,000 on tables of the same shape and the same
settings, without triggers, chain, JSON encoding or concurrency. `benchmarks.aims` sets the same beside peers.
"""

import argparse
import sqlite3
import tempfile
import time
from pathlib import Path

import anyio

from benchmarks.harness import Contender, Goal, Stopwatch, in_new_folder, interleave, microseconds, rate, report
from benchmarks.story import SECRETS, turn
from events import codec
from events.base import StreamId
from events.redaction.redactor import Redactor
from events.store.sqlite.schema import BEFORE_CREATION, SCHEMA, WRITER
from events.store.sqlite.store import SqliteLog
from events.store.sqlite.writer import CHECKPOINT_BYTES

RAW = "raw executemany, 1,000 a commit"
TUNED = "raw, with our page size, cache and checkpoints"
TURNS = "turns of 20, 64 producers"
SINGLES = "single events, 1,024 producers"
FIRST, LAST = "first 100,000 of 400,000", "last 100,000 of 400,000"

GOALS = (
    Goal("turns / raw", TURNS, RAW, 0.6, 0.8),
    Goal("turns / raw tuned", TURNS, TUNED, 0.6, 0.8),
    Goal("single events / raw", SINGLES, RAW, 0.4, 0.65),
    Goal("single events / raw tuned", SINGLES, TUNED, 0.4, 0.65),
    Goal("last / first 100,000", LAST, FIRST, 0.7, 0.85),
)


def raw(path: Path, count: int, *, tuned: bool) -> dict[str, float]:
    """Insert rows as fast as stdlib sqlite3 can, in the order in which turns arrive.

    Args:
        path: A new file.
        count: How many events.
        tuned: With our settings of SQLite instead of its own. Either way WAL and FULL, and with checkpoints: without
            them it would be ahead by a debt.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    checkpoint = f"PRAGMA wal_autocheckpoint = {CHECKPOINT_BYTES // 16384}"
    plain = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL")
    for pragma in (*BEFORE_CREATION, *WRITER, checkpoint) if tuned else plain:
        connection.execute(pragma)
    connection.executescript(SCHEMA)
    for (trigger,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {trigger}")
    payloads = [codec.encode(draft.event).decode() for draft in turn()]
    watch, position = Stopwatch(), 0
    versions = dict.fromkeys(range(64), 0)
    for _ in range(count // 1000):
        rows = []
        for _ in range(50):
            stream = position // 20 % 64
            for payload in payloads:
                position += 1
                versions[stream] += 1
                rows.append((position, stream, versions[stream], "model.call_answered", None, 1, payload, b"d" * 32))
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    cost = watch.per(position)
    connection.close()
    return cost


async def _ours(path: Path, count: int, producers: int, size: int) -> dict[str, float]:
    """Append from many tasks, each waiting for its events to be durable."""
    async with await SqliteLog.open(path, clock=microseconds, redactor=Redactor(SECRETS)) as log:
        each = count // producers // size
        drafts = turn()[:size] if size > 1 else turn()

        async def produce(number: int) -> None:
            stream, version = StreamId("run", f"attempt/task/{number}"), 0
            for step in range(each):
                some = drafts if size > 1 else [drafts[step % len(drafts)]]
                version = (await log.append(stream, some, expected_version=version)).version

        watch = Stopwatch()
        async with anyio.create_task_group() as tasks:
            for number in range(producers):
                tasks.start_soon(produce, number)
        cost = watch.per(each * size * producers)
        head = await log.head()
    assert head.position == each * size * producers, "events were lost"
    return cost


def ours(path: Path, count: int, producers: int, size: int) -> dict[str, float]:
    """Run `_ours` in an event loop of its own."""
    return anyio.run(_ours, path, count, producers, size)


async def _long(path: Path) -> tuple[float, float]:
    """Append 400,000 events to 1,000 streams and time the first and the last quarter."""
    async with await SqliteLog.open(path, clock=microseconds, redactor=Redactor(SECRETS)) as log:
        drafts, rates = turn(), []
        versions = dict.fromkeys(range(1000), 0)

        async def produce(first: int, turns: int) -> None:
            for step in range(turns):
                number = (first + 64 * step) % 1000
                stream = StreamId("run", f"attempt/task/{number}")
                # Two producers never meet in one stream at once: 64 and 1,000 have the common factor 8.
                async with locks[number]:
                    where = await log.append(stream, drafts, expected_version=versions[number])
                    versions[number] = where.version

        locks = [anyio.Lock() for _ in range(1000)]
        for _ in range(4):
            began = time.perf_counter()
            async with anyio.create_task_group() as tasks:
                for number in range(64):
                    tasks.start_soon(produce, number, 5_000 // 64)
            rates.append(64 * (5_000 // 64) * 20 / (time.perf_counter() - began))
    print(f"  400,000 events by quarters: {' '.join(f'{rate:,.0f}' for rate in rates)} events/s")
    return rates[0], rates[-1]


def main() -> None:
    """Run all contenders in turns, then the long run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--skip-long", action="store_true")
    given = parser.parse_args()
    count: int = given.events
    contenders: dict[str, Contender] = {
        RAW: in_new_folder(lambda path: rate(raw(path, count, tuned=False))),
        TUNED: in_new_folder(lambda path: rate(raw(path, count, tuned=True))),
        TURNS: in_new_folder(lambda path: rate(ours(path, count, 64, 20))),
        SINGLES: in_new_folder(lambda path: rate(ours(path, count, 1024, 1))),
        "turns of 20, 1 producer": in_new_folder(lambda path: rate(ours(path, count // 4, 1, 20))),
    }
    rates = interleave(contenders, given.rounds)
    if not given.skip_long:
        rounds = []
        for _ in range(given.rounds):
            with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
                rounds.append(anyio.run(_long, Path(folder) / "log.db"))
        rates[FIRST] = [first for first, _ in rounds]
        rates[LAST] = [last for _, last in rounds]
    report(rates, GOALS)


if __name__ == "__main__":
    main()
