"""What it costs to look: `runs`, `show` and a small run's start beside a thousand events and beside a million.

    python -m benchmarks.looking [--events 1000000] [--rounds 5] [--keep FOLDER] [--quick]

One run of about a thousand events is made by the real runtime. A log of a million holds it many times under other
ids, its appends as they were: one after another; side by side, so that no two neighbours are of one run; and once as a
single run of a million events, with a small one behind it. What is measured are the commands that a person types, each
in a process of its own: the first time that somebody looks, and from then on.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import NamedTuple

import anyio
import msgspec

from benchmarks.big_log import InProcess
from benchmarks.idle_sandbox import IdleBackend
from benchmarks.trials import SECRETS, make_task
from benchmarks.turn_cpu import Ready
from engine.concurrency.pools import Pools
from engine.config.spec import PoolsSpec, RunSpec
from engine.core.ports import Ports
from engine.core.prompts import load_prompts
from engine.core.system import clock, machine
from engine.effects.budget import BudgetKeeper, Caps
from engine.effects.models import ModelClient, ModelPort
from engine.providers.credentials import StaticKey
from engine.providers.upstream import Upstream
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.base import Draft, Recorded, StreamId
from events.redaction.redactor import Redactor
from events.store.base import Append, EventLog, Selection
from events.store.sqlite.store import SqliteLog
from events.streams import RUN

TRIALS, TURNS = 16, 10
"""Of the run that is repeated: about a thousand events."""
BESIDE = 50
"""Runs that go on at a time, where they do."""


async def make_run(log: EventLog, base: Path) -> str:
    """Have the runtime make the run that is repeated, and give its id."""
    make_task(base)
    room = Pools(PoolsSpec(), machine()).calls("in.process", "m")
    line = ModelClient(Ready(TURNS), None, room, Upstream("http://in.process", StaticKey(None), None, 1.0))
    model = ModelPort(log, lambda *_: line, BudgetKeeper(Caps(None, None)))

    def between(ports: Ports) -> Ports:
        return InProcess(ports, model)

    setting = RunContext(log, IdleBackend(), load_prompts(), "bench", {}, base)._replace(between=between)
    told = {
        "tasks": "tasks",
        "repeats": TRIALS,
        "models": {"teacher": {"model": "m", "base_url": "http://in.process"}},
        "method": {"attempts": 1},
        "agent": {"max_turns": TURNS + 1},
    }
    return (await start_run(setting, msgspec.convert(told, RunSpec))).run


class Copies:
    """A run's appends, to be made again under other ids."""

    def __init__(self, events: Sequence[Recorded]) -> None:
        self._turns = [list(each) for _, each in groupby(events, lambda recorded: recorded.stream.name)]

    def one(self, run: str) -> Iterator[Append]:
        """Give a whole run's."""
        for turn in self._turns:
            yield _append(StreamId(run, turn[0].stream.name), turn)

    def beside(self, runs: Sequence[str]) -> Iterator[Append]:
        """Give those of several runs, so that no two neighbours are of one run."""
        for turns in zip(*map(self.one, runs), strict=True):
            yield from turns

    def begun(self, run: str) -> Iterator[Append]:
        """Give those of a run with no trial yet, and not closed."""
        return (each for each in self.one(run) if each.stream.name == RUN and each.expected_version == 0)

    def trials(self, run: str, prefix: str) -> Iterator[Append]:
        """Give those of a run's trials, each with another name."""
        for each in self.one(run):
            family, slash, place = each.stream.name.partition("/")
            if slash:
                yield each._replace(stream=StreamId(run, f"{family}/{prefix}{place}"))

    def ended(self, run: str) -> Iterator[Append]:
        """Give those that close a run."""
        return (each for each in self.one(run) if each.stream.name == RUN and each.expected_version > 0)


def _append(stream: StreamId, turn: Sequence[Recorded]) -> Append:
    return Append(stream, [Draft(each.event, each.cause) for each in turn], turn[0].version - 1)


SHAPES = ("small", "one after another", "side by side", "one large run")


async def make(path: Path, shape: str, events: int, base: Path) -> None:
    """Write a log."""
    async with await SqliteLog.open(path, clock=clock, redactor=Redactor(SECRETS)) as log:
        first = await make_run(log, base)
        copies = Copies([each async for each in log.read(Selection(run=first))])
        times = max(1, events // (await log.head()).position) - 1
        for batch in batches(copies, shape, times):
            await log.append_all(batch)


def batches(copies: Copies, shape: str, times: int) -> Iterator[list[Append]]:
    """Give what is appended, whole or not at all, about as much at a time as memory holds easily."""
    names = [f"c{number:06d}" for number in range(times)]
    match shape:
        case "one after another":
            yield from (list(copies.one(name)) for name in names)
        case "side by side":
            yield from (list(copies.beside(names[at : at + BESIDE])) for at in range(0, times, BESIDE))
        case "one large run":
            yield list(copies.begun("large"))
            yield from (list(copies.trials("large", f"{name}-")) for name in names)
            yield list(copies.ended("large"))
            yield list(copies.one("tail"))
        case _:
            pass


class CommandTime(NamedTuple):
    """What a command took."""

    cpu_s: float
    wall_s: float


def typed(python: Path, *words: str) -> CommandTime:
    """Type a command in a process of its own."""
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(python), "-m", "cli", *words], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return CommandTime(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.perf_counter() - wall)


def written(folder: Path, shape: str, events: int) -> Path:
    """Give a log of that shape, made unless it is there."""
    path = folder / f"{shape.replace(' ', '-')}-{events}.db"
    if not path.exists():
        with tempfile.TemporaryDirectory() as base:
            made = path.with_suffix(".making")
            anyio.run(make, made, shape, events, Path(base))
            made.rename(path)
    return path


def look(path: Path, words: Sequence[str], python: Path) -> CommandTime:
    """Type one command at a log."""
    return typed(python, *words, "--json", "--log", str(path))


def main() -> None:
    """Make the logs, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    events, rounds = (20_000, 1) if given.quick else (given.events, given.rounds)
    with tempfile.TemporaryDirectory() as folder:
        kept: Path = given.keep or Path(folder)
        kept.mkdir(exist_ok=True)
        python = Path(sys.executable)
        report({shape: written(kept, shape, events) for shape in SHAPES}, rounds, python)


def report(logs: dict[str, Path], rounds: int, python: Path) -> None:
    """Measure each command on each log, interleaved, and print CPU seconds and the ratio to the small log."""
    commands: dict[str, Sequence[str]] = {"runs": ("runs",), "show": ("show", "@latest")}
    first = {shape: look(path, ("runs",), python) for shape, path in logs.items()}
    print("  runs, the first time   " + "   ".join(f"{shape} {cost.cpu_s:.2f} s" for shape, cost in first.items()))
    for name, words in commands.items():
        costs: dict[str, list[float]] = {shape: [] for shape in logs}
        for _ in range(rounds):
            for shape, path in logs.items():
                costs[shape].append(look(path, words, python).cpu_s)
        small = costs["small"]
        for shape, each in costs.items():
            ratio = median([one / other for one, other in zip(each, small, strict=True)])
            met = "" if shape == "small" else f"   {ratio:.2f} times the small one: {'met' if ratio <= 2 else 'MISSED'}"
            print(f"  {name:<6} {shape:<20} {median(each):>6.2f} s CPU{met}")


if __name__ == "__main__":
    main()
