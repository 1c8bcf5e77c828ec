"""How fast a run is done again: live seconds beside those of a rerun, for a run of many trials.

    python -m benchmarks.rerun_speed [--trials 200] [--concurrency 4] [--bundle FILE] [--quick]

Real: tasks, a scripted model over HTTP that answers at once, sandboxes of this machine, verifiers, the log in a file.
Each trial fails once, reflects, succeeds and distils a skill. A model that thinks makes the live run slower, not the
rerun. A rerun has no ports, so it cannot call a model; that the script was asked nothing more is counted all the same.
"""

import argparse
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import anyio

from engine.core.prompts import load_prompts
from engine.core.system import clock
from engine.runtime.run import start_run
from engine.scripted.reader import load_script
from engine.scripted.server import ScriptedEndpoint
from events.bundle.write import write_bundle
from events.integrity.verify import verify
from events.store.sqlite.store import SqliteLog
from replay.diff import Here
from replay.report import Strengths, check
from tests.support.runs import make_base, setting, spec

GOAL = 20
"""How many times faster than live a rerun is to be."""


ROUNDS = 3
"""How often each strength is timed."""


class RunSize(NamedTuple):
    """How large the run is."""

    trials: int
    concurrency: int


class Timed(NamedTuple):
    """One way of doing the run again."""

    name: str
    seconds: float
    equal: bool


async def live(base: Path, log: SqliteLog, shape: RunSize, url: str) -> tuple[str, float]:
    """Run it once; give its id, and how long it took."""
    teacher = {"model": "teacher", "base_url": url}
    wanted = spec(repeats=shape.trials, concurrency=shape.concurrency, models={"teacher": teacher})
    began = time.perf_counter()
    report = await start_run(await setting(log, base), wanted)
    took = time.perf_counter() - began
    outcomes = set(report.outcomes.values())
    if outcomes != {"solved"} or len(report.outcomes) != shape.trials:
        sys.exit(f"the live run did not come out as its script says: {len(report.outcomes)} trials, {outcomes}")
    return report.run, took


async def again(log: SqliteLog, run: str) -> list[Timed]:
    """Do it again at each strength by itself, in turns, and give the medians of their seconds."""
    here = Here("test", load_prompts())
    took: dict[str, list[float]] = {name: [] for name in Strengths._fields}
    equal = dict.fromkeys(Strengths._fields, True)
    for name in ROUNDS * Strengths._fields:
        strengths = Strengths(**{each: each == name for each in Strengths._fields})
        checked, seconds = await timed(partial(check, log, run, here, strengths))
        complete = name != "rerun" or (checked.rerun is not None and checked.rerun.complete)
        took[name].append(seconds)
        equal[name] &= checked.equal and complete
    return [Timed(name, median(took[name]), equal[name]) for name in Strengths._fields]


async def timed(work: Callable[[], Awaitable[Any]]) -> tuple[Any, float]:
    """Do something, and say how long it took."""
    began = time.perf_counter()
    result = await work()
    return result, time.perf_counter() - began


async def measure(folder: Path, shape: RunSize, bundle: Path | None) -> int:
    """Run, do it again, and print what both took."""
    base = make_base(folder)
    async with (
        ScriptedEndpoint(load_script(base / "script.toml")) as endpoint,
        await SqliteLog.open(folder / "log.db", clock=clock) as log,
    ):
        run, live_s = await live(base, log, shape, endpoint.base_url)
        events, asked = (await log.head()).position, len(endpoint.requests)
        print(
            f"{shape.trials} trials, {events:,} events, {asked:,} model calls; Python {platform.python_version()}, ",
            end="",
        )
        print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
        print(f"  live      {live_s:8.2f} s")
        found = await again(log, run)
        for each in found:
            ratio, word = live_s / each.seconds, "equal" if each.equal else "DIFFERS"
            print(f"  {each.name:<8}  {each.seconds:8.2f} s  {word}  {ratio:6.1f} times faster than live")
        report, seconds = await timed(lambda: verify(log))
        print(f"  verify    {seconds:8.2f} s  {'sound' if report.sound else 'BROKEN'}")
        more = len(endpoint.requests) - asked, (await log.head()).position - events
        print(f"  model calls by all of these: {more[0]}; events appended: {more[1]}")
        print(f"  peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
        if bundle is not None:
            written = await write_bundle(log, run, bundle, package="benchmark")
            print(f"  bundle {written.path.name}: {written.size / 1e6:.1f} MB")
        fast = live_s / found[-1].seconds >= GOAL
        print(f"  rerun at least {GOAL} times faster: {'met' if fast else 'MISSED'}")
        return 0 if fast and more == (0, 0) and all(each.equal for each in found) else 1


def main() -> None:
    """Measure and print; exit code 1 if something differs or the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--bundle", type=Path, help="write the run to this file too, to be replayed elsewhere")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    trials = 8 if given.quick else given.trials
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(anyio.run(measure, Path(folder), RunSize(trials, given.concurrency), given.bundle))


if __name__ == "__main__":
    main()
