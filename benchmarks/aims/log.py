"""The log's aims: what it takes to keep an event durably, and to fold it again.

Everything of ours is switched on: validation, redaction of three secrets, the chain, triggers, ``synchronous = FULL``.
Peers do what their own interfaces offer to whoever reads their manuals: `eventsourcing` saves many aggregates in one
transaction and reads pages of 1,000. Where an earlier figure set us beside a worse use of a peer, that one is measured
too and says so.
"""

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import anyio

from benchmarks import append, replay_speed
from benchmarks.aims.base import Aim, Benchmark, BenchScale, Contender, Sample

RAW, TUNED = "raw executemany, 1,000 a commit", "the same with our settings of SQLite"
TURNS, SINGLES, ALONE = "turns of 20, 64 producers", "single events, 1,024 producers", "turns of 20, 1 producer"
GROUPED = "eventsourcing, 26 aggregates x 20 events a transaction"
ONE_BY_ONE = "eventsourcing, 1 aggregate x 20 events a transaction"
GRAPH = "activegraph, 1 event a transaction, synchronous NORMAL"
FLATTERS = "flatters us: it is a use of the peer that its manual has a better one for"


def _new(work: Callable[[Path], Sample]) -> Contender:
    """Give each round a new file, on the disk of the working folder: /tmp may be memory."""

    def run() -> Sample:
        with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
            return work(Path(folder) / "log.db")

    return run


def _peer(scale: BenchScale, name: str, what: str, count: int, *more: str) -> Contender:
    """Let a peer do its work in its own interpreter, on a new file."""
    script = Path(__file__).parent.with_name(f"peer_{name}.py")

    def work(path: Path) -> Sample:
        command = [scale.python_of(name), str(script), what, str(path), str(count), *more]
        sample: Sample = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return sample

    return _new(work)


@contextmanager
def _appending(scale: BenchScale) -> Iterator[Mapping[str, Contender]]:
    count = 5_000 if scale.quick else 50_000
    few = count // 5
    yield {
        TURNS: _new(partial(append.ours, count=count, producers=64, size=20)),
        RAW: _new(partial(append.raw, count=count, tuned=False)),
        TUNED: _new(partial(append.raw, count=count, tuned=True)),
        SINGLES: _new(partial(append.ours, count=count, producers=1024, size=1)),
        ALONE: _new(partial(append.ours, count=few, producers=1, size=20)),
        GROUPED: _peer(scale, "eventsourcing", "save", few, "--at-once", "26"),
        ONE_BY_ONE: _peer(scale, "eventsourcing", "save", few),
        GRAPH: _peer(scale, "activegraph", "append", count // 20),
    }


APPEND = Benchmark(
    "durable appends",
    "us an event",
    _appending,
    (
        Aim(
            "turns-raw-wall", "turns over raw executemany: wall", TURNS, RAW, "wall", "times as fast", 0.8,
            "0.81 with both cores free, 0.44 with one",
        ),
        Aim("turns-raw-cpu", "turns over raw executemany: CPU", TURNS, RAW, "cpu", "times as fast", 0.6, "0.37"),
        Aim(
            "turns-grouped", "turns over `eventsourcing` saving many aggregates in one transaction", TURNS, GROUPED,
            "wall", "times as fast", 2.5, "1.45",
        ),
        Aim("turns-tuned", "turns over the same, tuned as ours is", TURNS, TUNED, "wall", "times as fast", None, ""),
        Aim("singles-raw", "single events over raw executemany", SINGLES, RAW, "wall", "times as fast", None, "0.32"),
        Aim(
            "alone", "turns of one producer over `eventsourcing` saving one aggregate at a time", ALONE, ONE_BY_ONE,
            "wall", "times as fast", None, "0.99",
        ),
        Aim(
            "turns-one-by-one", "turns of 64 producers over `eventsourcing` saving one aggregate at a time", TURNS,
            ONE_BY_ONE, "wall", "times as fast", None, "4.6", FLATTERS,
        ),
        Aim(
            "turns-activegraph", "turns over `activegraph`, which appends one event a transaction", TURNS, GRAPH,
            "wall", "times as fast", None, "", "a power cut may lose its last events, and none of ours",
        ),
    ),
)  # fmt: skip

PAGES, NARROW, HAND = replay_speed.PAGES, replay_speed.NARROW, replay_speed.HAND
BY_1000, BY_10 = "eventsourcing, pages of 1,000", "eventsourcing, pages of 10"
ITERATED = "activegraph, iter_events"


@contextmanager
def _rebuilding(scale: BenchScale) -> Iterator[Mapping[str, Contender]]:
    count = 5_000 if scale.quick else 100_000
    few = count // 5
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        path = Path(folder) / "log.db"
        anyio.run(replay_speed.fill, path, count)
        yield {
            PAGES: lambda: anyio.run(replay_speed.read, path, PAGES),
            HAND: lambda: replay_speed.by_hand(path),
            BY_1000: _peer(scale, "eventsourcing", "replay", few, "--page", "1000"),
            BY_10: _peer(scale, "eventsourcing", "replay", few),
            NARROW: lambda: anyio.run(replay_speed.read, path, NARROW),
            ITERATED: _peer(scale, "activegraph", "replay", few),
        }


REBUILD = Benchmark(
    "rebuilding a projection",
    "us an event",  # by CPU: one thing after another, so that wall is only what others left of it
    _rebuilding,
    (
        Aim(
            "rebuild-eventsourcing", "whole pages over `eventsourcing`, pages of 1,000", PAGES, BY_1000, "cpu",
            "times as fast", 4, "1.6",
        ),
        Aim(
            "rebuild-hand", "whole pages over a hand loop: rows, decode, fold", PAGES, HAND, "cpu", "times as fast",
            0.7, "0.47",
        ),
        Aim(
            "rebuild-page-10", "whole pages over `eventsourcing` with its default page of 10", PAGES, BY_10, "cpu",
            "times as fast", None, "2.9", FLATTERS,
        ),
        Aim(
            "rebuild-narrow", "decoding two fields over `eventsourcing` decoding whole events, page of 10", NARROW,
            BY_10, "cpu", "times as fast", None, "5.7", FLATTERS,
        ),
        Aim(
            "rebuild-activegraph", "whole pages over `activegraph`'s iter_events", PAGES, ITERATED, "cpu",
            "times as fast", None, "",
        ),
    ),
)  # fmt: skip

BENCHES = (APPEND, REBUILD)
