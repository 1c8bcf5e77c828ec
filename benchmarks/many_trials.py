"""Many trials from one machine: wall over ideal, CPU, and memory that must not grow with the length of a run.

    python -m benchmarks.many_trials [--quick] [--rounds 3]
    python -m benchmarks.many_trials --watch [--quick] [--rounds 3]

Each measurement is a process of its own, so that a peak is its own too; the scripted endpoint is another.

* 1,000 trials at once that run no command: real log, actors, HTTP and pools; the sandbox does nothing.
* 300 trials at once in the `local` sandbox, with three commands and a verifier each. The ideal is what the waits of the
  model take, or what the same sandboxes take without any engine around them, if that is more: on two cores it is.
* 200 and 1,000 trials, fifty at a time: the ratio of their peaks, and what each trial more costs.

With `--watch`, instead: 100, 1,000 and 5,000 trials that run no command, a thousand at once, each with and without
`stillroom run`'s live picture on a pseudo-terminal that another process reads; all in turn, round by round. Both print
the CPU of a turn, and their ratio.

Calls begin at `--start` and grow; the last measurement of the first kind begins at 1,000, which is what the pool costs.
"""

import argparse
import json
import os
import pty
import resource
import sqlite3
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import anyio
import msgspec

from benchmarks.idle_sandbox import IdleBackend
from benchmarks.trials import SECRETS, RoundSize, make_task, script
from engine.config.spec import CallsSpec, RunSpec
from engine.core.prompts import load_prompts
from engine.core.system import clock, collect_rarely
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.redaction.redactor import Redactor
from events.store.sqlite.store import SqliteLog
from sandbox.base import SandboxBackend, SandboxSpec
from sandbox.harbor.task import load_task
from sandbox.local.backend import local_backend
from sandbox.verification.verifier import verify
from views.runs.live import watched
from views.terminal.host import Host
from views.terminal.screen import Screen

DEFAULT_START: Final = CallsSpec().start


class TrialsPlan(msgspec.Struct, frozen=True):
    """What one process measures."""

    what: str
    trials: int
    at_once: int
    turns: int
    latency_s: float
    start: int
    """Calls at first."""
    local: bool
    """Whether commands are run in real sandboxes."""
    watched: bool = False
    """Whether it is shown on a terminal."""


class TrialsMeasured(msgspec.Struct, frozen=True):
    """What it saw."""

    wall_s: float
    cpu_s: float
    """Of the engine's process alone."""
    peak_mib: float
    bare_s: float
    """The same sandboxes, commands and verifiers without an engine; 0 where there are none."""


def plans(start: int, *, quick: bool) -> list[TrialsPlan]:
    """List what is measured."""
    many, some, few, long = (60, 10, 20, 60) if quick else (1000, 300, 200, 1000)
    return [
        TrialsPlan("at once, no commands", many, many, 4, 2.0, start, local=False),
        TrialsPlan("the same, calls start at all", many, many, 4, 2.0, many, local=False),
        TrialsPlan("at once, local sandboxes", some, some, 4, 2.0, start, local=True),
        TrialsPlan("few, fifty at a time", few, 50, 4, 0.05, start, local=False),
        TrialsPlan("many, fifty at a time", long, 50, 4, 0.05, start, local=False),
    ]


def watched_plans(start: int, *, quick: bool) -> list[TrialsPlan]:
    """List what is measured with and without a watcher."""
    sizes = (50, 200) if quick else (100, 1000, 5000)
    return [
        TrialsPlan(f"{size} trials", size, min(size, 1000), 4, 0.5, start, local=False, watched=watched)
        for size in sizes
        for watched in (False, True)
    ]


async def run_all(plan: TrialsPlan, base: Path, url: str) -> TrialsMeasured:
    """Run every trial of a plan once."""
    backend: SandboxBackend = await local_backend(base / "sandboxes") if plan.local else IdleBackend()
    bare = await bare_s(plan, base, backend) if plan.local else 0.0
    async with await SqliteLog.open(base / "log.db", clock=clock, redactor=Redactor(SECRETS)) as log:
        setting = RunContext(log, backend, load_prompts(), "bench", {}, base)
        spec = msgspec.convert(
            {
                "tasks": "tasks",
                "repeats": plan.trials,
                "concurrency": plan.at_once,
                "models": {"teacher": {"model": "teacher", "base_url": url}},
                "method": {"attempts": 1},
                "pools": {"calls": {"start": plan.start}},
            },
            RunSpec,
        )
        wall, cpu = time.perf_counter(), time.process_time()
        if plan.watched:
            with terminal(base) as screen:
                await watched(log, screen, partial(start_run, setting, spec))
        else:
            await start_run(setting, spec)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return TrialsMeasured(wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, bare)


@contextmanager
def terminal(base: Path) -> Iterator[Screen]:
    """Open a pseudo-terminal of 120 columns that another process reads, and give a screen that draws on it."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (40, 120))
    environment = {"TERM": "xterm-256color"}
    with (
        open(slave, "w", encoding="utf-8") as out,  # noqa: PTH123 - a descriptor
        subprocess.Popen(["cat"], stdin=master, stdout=subprocess.DEVNULL) as reader,
    ):
        os.close(master)
        yield Screen(Host(environment, base, out, out, clock, sqlite3.sqlite_version))
        reader.kill()


async def bare_s(plan: TrialsPlan, base: Path, backend: SandboxBackend) -> float:
    """Open the same sandboxes, run the same commands and verifiers, as many at a time as there are processors."""
    task = load_task(base / "tasks" / "bench")
    gate = anyio.Semaphore(os.cpu_count() or 1)

    async def one(number: int) -> None:
        async with gate:
            sandbox = await backend.open(SandboxSpec(id=f"bare-{number}", task=task, env={}))
            for _ in range(plan.turns - 1):
                await sandbox.exec("make progress and print what was found, at some length, step")
            await verify(sandbox, task, env={})
            await sandbox.close()

    began = time.perf_counter()
    async with anyio.create_task_group() as group:
        for number in range(plan.trials):
            group.start_soon(one, number)
    return time.perf_counter() - began


def child(plan: TrialsPlan) -> None:
    """Measure one plan in this process, and print what was seen."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        base = Path(folder)
        make_task(base)
        verifier = base / "tasks/bench/tests/test.sh"
        verifier.write_text("#!/bin/sh\necho 0 > /logs/verifier/reward.txt\n")
        verifier.chmod(0o755)
        (base / "script.toml").write_text(script(RoundSize(plan.trials, plan.turns, plan.latency_s)))
        command = [sys.executable, "-m", "engine.scripted", str(base / "script.toml")]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            url = json.loads(server.stdout.readline())["base_url"]
            try:
                print(msgspec.json.encode(anyio.run(run_all, plan, base, url)).decode())
            finally:
                server.kill()


def measure(plan: TrialsPlan) -> TrialsMeasured:
    """Measure a plan in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.many_trials", "--child", msgspec.json.encode(plan).decode()]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return msgspec.json.decode(out.splitlines()[-1], type=TrialsMeasured)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--start", type=int, default=DEFAULT_START)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--watch", action="store_true", help="what a watcher on a terminal adds")
    parser.add_argument("--only", default="", help="only plans whose name has this in it")
    parser.add_argument("--child")
    given = parser.parse_args()
    collect_rarely()
    if given.child:
        child(msgspec.json.decode(given.child, type=TrialsPlan))
        return
    listed = watched_plans if given.watch else plans
    chosen = [each for each in listed(given.start, quick=given.quick) if given.only in each.what]
    seen: dict[TrialsPlan, list[TrialsMeasured]] = {plan: [] for plan in chosen}
    for _ in range(1 if given.quick else given.rounds):
        for plan in chosen:
            seen[plan].append(measure(plan))
    print(f"{os.cpu_count()} CPUs, load {' '.join(f'{part:.1f}' for part in os.getloadavg())}")
    if given.watch:
        watching(seen)
        return
    for plan, each in seen.items():
        print(line(plan, each))
    memory(seen)


def watching(seen: dict[TrialsPlan, list[TrialsMeasured]]) -> None:
    """Say what a watcher adds to the CPU of a turn."""
    alone = {plan.trials: each for plan, each in seen.items() if not plan.watched}
    for plan, each in seen.items():
        if plan.watched:
            turns = plan.trials * plan.turns
            before, after = ([one.cpu_s / turns * 1e6 for one in given] for given in (alone[plan.trials], each))
            ratios = [b / a for a, b in zip(before, after, strict=True)]
            print(
                f"{plan.trials:>5} trials  CPU a turn: unwatched {median(before):.0f} us, "
                f"watched {median(after):.0f} us  ratio {median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"
            )


def line(plan: TrialsPlan, seen: list[TrialsMeasured]) -> str:
    """Say what a plan took."""
    waits = plan.turns * plan.latency_s * -(-plan.trials // plan.at_once)
    ratios = [each.wall_s / max(waits, each.bare_s) for each in seen]
    cpu = median(each.cpu_s for each in seen) / (plan.trials * plan.turns) * 1e6
    peak = max(each.peak_mib for each in seen)
    bare = f", bare sandboxes {median(each.bare_s for each in seen):.1f} s" if plan.local else ""
    return (
        f"{plan.trials:>5} {plan.what:<28} wall over ideal {median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"
        f"  CPU {cpu:.0f} us a turn  peak {peak:.0f} MiB  waits {waits:.1f} s{bare}"
    )


def memory(seen: dict[TrialsPlan, list[TrialsMeasured]]) -> None:
    """Say how memory grows with the length of a run."""
    peaks: dict[str, Any] = {plan.what: (plan.trials, min(each.peak_mib for each in got)) for plan, got in seen.items()}
    if "few, fifty at a time" in peaks and "many, fifty at a time" in peaks:
        (few, low), (many, high) = peaks["few, fifty at a time"], peaks["many, fifty at a time"]
        each = (high - low) * 1024 / (many - few)
        print(
            f"      memory: {high / low:.2f} times as much for {many} trials as for {few}: {each:.1f} KiB for each more"
        )


if __name__ == "__main__":
    main()
