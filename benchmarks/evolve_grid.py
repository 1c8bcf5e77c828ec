"""Wall time of arms over a generated suite beside the ideal of their critical paths, and CPU per trial.

    python -m benchmarks.evolve_grid [--arm NAME]... [--environments 6] [--families 5] [--latency 2] [--places 90]
        [--serial] [--quick]

The suite has six roles for each family. A trial is two calls of the solver and a command; sandboxes only pretend, so
that what is measured is what stillroom itself takes. The endpoint is the scripted one, in a process of its own, and
answers each call after the latency; the log is in a file. *Ideal* is the critical path: each of its trials two
latencies, each of its questions to the author one; or all trials over the places, where that is more. *Serial* is the
same arm with one place and one environment, times their number, since all of them do the same: one trial after the
other, as SkillEvolBench makes them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import anyio
from msgspec.structs import replace

from engine.core.prompts import load_prompts
from engine.core.system import clock, collect_rarely
from engine.programs.evolve.schedule import longest
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.store.base import Selection
from events.store.sqlite.store import SqliteLog
from events.types.evolution import EvolutionPlanned
from tests.support.evolving import evolution, sums
from tests.support.pretend import PretendBackend
from tests.support.suites import SuiteShape

ARMS: Final = (
    *("no_skill", "curated_static", "selfgen_zero_shot", "raw_trajectory_rag"),
    *("curated_with_revision_always", "selfgen_experience_always"),
)
CALLS: Final = 2
"""Of the solver, in each trial."""


class GridPlan(NamedTuple):
    """What one run measures."""

    arm: str
    shape: SuiteShape
    latency_s: float
    places: int


class GridTimes(NamedTuple):
    """What it took."""

    trials: int
    ideal_s: float
    wall_s: float
    cpu_s: float


@contextmanager
def endpoint(base: Path, latency_s: float) -> Iterator[str]:
    """Serve the script in another process, each answer after the latency."""
    script = base / "script.toml"
    script.write_text(script.read_text().replace('name = "sums"\n', f'name = "sums"\ndelay_s = {latency_s}\n', 1))
    command = [sys.executable, "-m", "engine.scripted", str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline())["base_url"]
        finally:
            server.kill()


async def measured(plan: GridPlan) -> GridTimes:
    """Evolve one arm over the grid."""
    with tempfile.TemporaryDirectory() as folder:
        base = sums(Path(folder), plan.shape)
        with endpoint(base, plan.latency_s) as url:
            async with await SqliteLog.open(base / "log.db", clock=clock) as log:
                setting = RunContext(log, PretendBackend(), load_prompts(), "bench", {}, base)
                spec = replace(evolution(plan.arm, url=url), concurrency=plan.places)
                began, cpu = time.perf_counter(), time.process_time()
                report = await start_run(setting, spec)
                wall, cpu = time.perf_counter() - began, time.process_time() - cpu
                assert set(report.outcomes.values()) == {"completed"}, report.outcomes
                found = [each.event async for each in log.read(Selection(run=report.run, tags={"evolution.planned"}))]
    (planned,) = [each for each in found if isinstance(each, EvolutionPlanned)]
    path = longest(planned.libraries)
    trials = sum(each.learning + each.evaluation + each.replay + each.oracle for each in planned.libraries)
    whole = max(CALLS * path.trials + path.authors, CALLS * trials / plan.places)
    return GridTimes(trials, whole * plan.latency_s, wall, cpu)


def show(plan: GridPlan, *, serial: bool) -> None:
    """Measure an arm, and print its row."""
    found = anyio.run(measured, plan)
    told = f"{plan.arm:<34} {found.trials:>6} {found.ideal_s:>8.1f} {found.wall_s:>8.1f} "
    told += f"{found.ideal_s / found.wall_s:>8.0%} {1000 * found.cpu_s / found.trials:>8.0f} ms"
    if serial:
        one = anyio.run(measured, plan._replace(shape=plan.shape._replace(environments=1), places=1))
        whole = one.wall_s * plan.shape.environments
        told += f" {whole:>10.0f} {whole / found.wall_s:>8.1f}"
    print(told, flush=True)


def main() -> None:
    """Measure every arm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arm", action="append", default=[])
    parser.add_argument("--environments", type=int, default=6)
    parser.add_argument("--families", type=int, default=5)
    parser.add_argument("--latency", type=float, default=2.0)
    parser.add_argument("--places", type=int, default=90)
    parser.add_argument("--serial", action="store_true", help="measure one environment one trial after the other, too")
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    shape = SuiteShape(environments=asked.environments, families=asked.families)
    latency, arms = asked.latency, asked.arm or ARMS
    if asked.quick:
        shape, latency, arms = SuiteShape(environments=2, families=1), 0.2, ("no_skill", "curated_with_revision_always")
    collect_rarely()
    tasks = f"{shape.environments} x {shape.families} x 6 tasks"
    print(f"{tasks}, {latency:g} s a call, {asked.places} places, {os.cpu_count()} cores")
    heads = ("arm", "trials", "ideal s", "wall s", "of ideal", "CPU a trial", "serial s", "faster")
    print("{:<34} {:>6} {:>8} {:>8} {:>8} {:>11} {:>10} {:>8}".format(*heads))
    for arm in arms:
        show(GridPlan(arm, shape, latency, asked.places), serial=asked.serial or asked.quick)


if __name__ == "__main__":
    main()
