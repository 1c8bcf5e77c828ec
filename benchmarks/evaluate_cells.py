"""CPU per cell of an evaluation beside a bare loop of httpx calls, and stored evaluations looked up.

    python -m benchmarks.evaluate_cells [--rounds 3] [--latency 0.5] [--quick] [--only TEXT]

Cells are questions, one call each: two arms, one repeat, a log in a file with everything on. The endpoint is the
scripted one, in a process of its own. Per size, interleaved, each in a process of its own:

* *bare*: the same number of requests of the same length at the same concurrency, over plain httpx without limits of
  its own, and nothing else;
* *our client*: the same loop over the client that the engine uses, since that is most of what can be saved;
* *cold*: nothing is stored; *watched*: the same with the live picture on a terminal that another process reads;
* *found*: each score is stored already, so nothing is asked.

Before the last three, two cells are evaluated in another log: what a process imports first is left out of the figures.

Then 10,000 stored evaluations in a log with as many events of other runs beside: of one run, and of a hundred. What is
measured is the first lookup of a process (with and without a snapshot), and each that follows.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Final

import anyio
import msgspec

from benchmarks.http_client import Load, our_httpx, plain_httpx
from benchmarks.idle_sandbox import IdleBackend
from benchmarks.looking import Copies, make_run
from benchmarks.many_trials import terminal
from benchmarks.trials import SECRETS
from engine.config.spec import RunSpec
from engine.core.ports import EffectAddress
from engine.core.prompts import load_prompts
from engine.core.system import allow_many_files, clock, collect_rarely
from engine.evaluating.store import EvaluationStore
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.base import Draft, Event, Recorded, StreamId
from events.digest import digest_of
from events.redaction.redactor import Redactor
from events.store.base import Append, Selection
from events.store.sqlite.store import SqliteLog
from events.types.evaluation import CellOpened, EvaluationAsked, EvaluationFound, EvaluationScored
from projections.scipy_functions import require
from views.runs.live import watched

SIZES: Final = (100, 5000)
STORED: Final = 10_000
SEED: Final = 100
"""Cells of the run that is repeated to make a log of many."""
WORDS: Final = ("sage", "thyme")
"""What is expected in turn; the first of them is always answered."""
CALLS: Final = ("bare", "our client")
WAYS: Final = (*CALLS, "cold", "watched", "found")


class CellsPlan(msgspec.Struct, frozen=True):
    """What one process measures."""

    way: str
    cells: int
    at_once: int
    latency_s: float


class StoredPlan(msgspec.Struct, frozen=True):
    """A log whose stored evaluations are looked up."""

    evaluations: int
    runs: int


class LookupTimes(msgspec.Struct, frozen=True):
    """What looking up took, in milliseconds of CPU."""

    first_ms: float
    """The first lookup of the first process."""
    kept_ms: float
    """The first lookup of a process that finds a snapshot."""
    each_us: float
    """A lookup after that, in microseconds."""
    events: int


def write(base: Path, plan: CellsPlan) -> None:
    """Write a set of questions, a skill and a script.

    Every second answer is wrong: an evaluation whose scores are all the same ends before most of its cells.
    """
    rows = [
        {"id": f"q{n}", "question": f"What is on shelf {n}? " + "Say it in one word. " * 10, "answers": [WORDS[n % 2]]}
        for n in range(plan.cells // 2)
    ]
    (base / "quiz" / "test").mkdir(parents=True)
    (base / "quiz" / "test" / "items.json").write_text(json.dumps(rows))
    (base / "skills" / "shelves").mkdir(parents=True)
    head = "---\nname: shelves\ndescription: Says what is on shelves.\n---\n\n"
    (base / "skills" / "shelves" / "SKILL.md").write_text(head + "Every shelf holds sage. " * 40)
    (base / "script.toml").write_text(
        f'name = "bench"\ndelay_s = {plan.latency_s}\n[[rule]]\nname = "all"\n[[rule.turn]]\ntext = "sage"\n'
    )


@contextmanager
def endpoint(base: Path) -> Iterator[str]:
    """Serve the script in another process."""
    command = [sys.executable, "-m", "engine.scripted", str(base / "script.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline())["base_url"]
        finally:
            server.kill()


def evaluation(url: str, plan: CellsPlan) -> RunSpec:
    """Say what is evaluated."""
    own = {
        "items": {"folder": "quiz", "limit": plan.cells // 2},
        "arms": {"none": {"skills": ""}, "skill": {"skills": "skills"}},
    }
    return msgspec.convert(
        {
            "program": "evaluate",
            "tasks": "",
            "own": own,
            "concurrency": plan.at_once,
            "models": {"teacher": {"model": "teacher", "base_url": url}},
            "pools": {"calls": {"start": plan.at_once}},
        },
        RunSpec,
    )


async def evaluated(plan: CellsPlan, base: Path, url: str, log: SqliteLog) -> None:
    """Evaluate every cell, on a terminal if it is to be watched."""
    setting = RunContext(log, IdleBackend(), load_prompts(), "bench", {}, base)
    work = partial(start_run, setting, evaluation(url, plan))
    if plan.way != "watched":
        await work()
        return
    with terminal(base) as screen:
        await watched(log, screen, work)


async def cells_cpu(plan: CellsPlan, base: Path, url: str) -> float:
    """Give the seconds of CPU that all cells took."""
    require()
    async with await SqliteLog.open(base / "first.db", clock=clock) as first:
        await evaluated(CellsPlan("cold", 2, 1, 0.0), base, url, first)
    async with await SqliteLog.open(base / "log.db", clock=clock, redactor=Redactor(SECRETS)) as log:
        if plan.way == "found":
            await evaluated(plan, base, url, log)
        cpu = time.process_time()
        await evaluated(plan, base, url, log)
        spent = time.process_time() - cpu
        tag = "evaluation.found" if plan.way == "found" else "evaluation.scored"
        ended = [each async for each in log.read(Selection(tags={tag}))]
        assert len(ended) == plan.cells, (len(ended), plan)
        return spent


async def calls_cpu(plan: CellsPlan, url: str) -> float:
    """Give the seconds of CPU that a loop of calls takes which does nothing else."""
    ways = {"bare": plain_httpx, "our client": our_httpx}
    load = Load(url, plan.at_once, plan.cells // plan.at_once, plan.latency_s)
    return (await ways[plan.way](load)).cpu_us * load.in_flight * load.turns / 1e6


def child(plan: CellsPlan) -> float:
    """Measure one plan in this process."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        base = Path(folder)
        write(base, plan)
        with endpoint(base) as url:
            if plan.way in CALLS:
                return anyio.run(calls_cpu, plan, url)
            return anyio.run(cells_cpu, plan, base, url)


async def stored_log(path: Path, plan: StoredPlan, base: Path) -> None:
    """Write a log of so many stored evaluations, each with all the events of its cell, and as many of other runs."""
    cells = CellsPlan("cold", SEED, SEED, 0.0)
    write(base, cells)
    async with await SqliteLog.open(path, clock=clock, redactor=Redactor(SECRETS)) as log:
        with endpoint(base) as url:
            await evaluated(cells, base, url, log)
        (seed,) = await log.runs()
        events = [each async for each in log.read(Selection(run=seed))]
        times = plan.evaluations // SEED - 1
        for number in range(times):
            run = "one" if plan.runs == 1 else f"e{number % plan.runs:03d}"
            await log.append_all(list(copied(events, run, number)))
        other = Copies([each async for each in log.read(Selection(run=await make_run(log, base)))])
        before = (await log.head()).position
        while (await log.head()).position < 2 * before:
            await log.append_all(list(other.one(f"o{(await log.head()).position:07d}")))


def copied(events: Sequence[Recorded], run: str, number: int) -> Iterator[Append]:
    """Give the cells of a run again, in streams of other names and stored under other keys."""
    for stream, turn in groupby(events, lambda recorded: recorded.stream.name):
        family, slash, place = stream.partition("/")
        if slash:
            kept = list(turn)
            drafts = [Draft(another(each.event, number), None) for each in kept]
            yield Append(StreamId(run, f"{family}/{number}-{place}"), drafts, kept[0].version - 1)


def another(event: Event, number: int) -> Event:
    """Give the event with another key, if it has one."""
    if isinstance(event, CellOpened | EvaluationAsked | EvaluationScored):
        return msgspec.structs.replace(event, key=digest_of(f"{number}{event.key}".encode()))
    return event


async def keys_of(path: Path) -> list[EvaluationAsked]:
    """List what can be asked."""
    async with await SqliteLog.open(path, clock=clock) as log:
        found = [each.event async for each in log.read(Selection(tags={"evaluation.scored"}))]
    return [EvaluationAsked(each.key, "all") for each in found if isinstance(each, EvaluationScored)]


async def first_lookup_ms(path: Path, asked: EvaluationAsked) -> float:
    """Open a log, and look one up."""
    async with await SqliteLog.open(path, clock=clock) as log:
        cpu = time.process_time()
        assert isinstance(await EvaluationStore(log, ())(asked, EffectAddress("r", "cell/a/b/1", 2)), EvaluationFound)
        return (time.process_time() - cpu) * 1e3


async def lookups_us(path: Path, asked: Sequence[EvaluationAsked]) -> float:
    """Look all up in one process, and give what one took after the first."""
    async with await SqliteLog.open(path, clock=clock) as log:
        store, place = EvaluationStore(log, ()), EffectAddress("r", "cell/a/b/1", 2)
        await store(asked[0], place)
        cpu = time.process_time()
        for each in asked:
            assert isinstance(await store(each, place), EvaluationFound)
        return (time.process_time() - cpu) / len(asked) * 1e6


async def looked(plan: StoredPlan) -> LookupTimes:
    """Measure lookups in a log that is made for it."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        path = Path(folder) / "log.db"
        await stored_log(path, plan, Path(folder))
        asked = await keys_of(path)
        assert len(asked) == plan.evaluations, (len(asked), plan)
        first = await first_lookup_ms(path, asked[0])
        kept = await first_lookup_ms(path, asked[-1])
        each = await lookups_us(path, asked)
        async with await SqliteLog.open(path, clock=clock) as log:
            return LookupTimes(first, kept, each, (await log.head()).position)


def in_child(kind: str, plan: msgspec.Struct) -> str:
    """Measure a plan in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.evaluate_cells", kind, msgspec.json.encode(plan).decode()]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]


def measure(sizes: Sequence[int], rounds: int, latency_s: float, only: str) -> None:
    """Measure cells, interleaved, and print medians and ratios within a round."""
    for cells in sizes:
        spent: dict[str, list[float]] = {way: [] for way in WAYS if only in way}
        for number in range(rounds):
            turn = number % len(spent)
            for way in [*spent][turn:] + [*spent][:turn]:
                plan = CellsPlan(way, cells, min(cells, 500), latency_s)
                spent[way].append(float(in_child("--cells", plan)) / cells * 1e6)
        print(f"{cells} cells, {min(cells, 500)} at once, load {os.getloadavg()[0]:.1f}")
        for way, each in spent.items():
            print(f"  {way:<12} {median(each):>7,.0f} us of CPU a cell [{min(each):,.0f} to {max(each):,.0f}]")
        for way in ("our client", "cold", "watched", "found"):
            if way in spent and "bare" in spent:
                ratios = [ours / bare for ours, bare in zip(spent[way], spent["bare"], strict=True)]
                print(f"  {way:<12} {median(ratios):>7.2f} of bare [{min(ratios):.2f} to {max(ratios):.2f}]")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.5)
    parser.add_argument("--only", default="", help="only ways whose name has this in it; `stored` for the lookups")
    parser.add_argument("--quick", action="store_true", help="20 cells and 200 stored evaluations, once")
    parser.add_argument("--cells", help="a plan of cells as JSON, measured in this process")
    parser.add_argument("--stored", help="a plan of stored evaluations as JSON, measured in this process")
    given = parser.parse_args()
    allow_many_files()
    collect_rarely()
    if given.cells:
        print(child(msgspec.json.decode(given.cells, type=CellsPlan)))
    elif given.stored:
        found = anyio.run(looked, msgspec.json.decode(given.stored, type=StoredPlan))
        print(msgspec.json.encode(found).decode())
    else:
        if given.only != "stored":
            measure((20,) if given.quick else SIZES, 1 if given.quick else given.rounds, given.latency, given.only)
        if given.only in {"", "stored"}:
            lookups(200 if given.quick else STORED, 1 if given.quick else given.rounds)


def lookups(evaluations: int, rounds: int) -> None:
    """Measure lookups, and print medians."""
    for runs in (1, 100):
        seen = [
            msgspec.json.decode(in_child("--stored", StoredPlan(evaluations, runs)), type=LookupTimes)
            for _ in range(rounds)
        ]
        print(
            f"{evaluations:,} stored evaluations of {runs} runs in a log of {seen[0].events:,} events, ms of CPU: "
            f"first lookup {median(each.first_ms for each in seen):.0f}, with a snapshot "
            f"{median(each.kept_ms for each in seen):.0f}, then {median(each.each_us for each in seen):.1f} us each"
        )


if __name__ == "__main__":
    main()
