"""How long a sweep takes: what if, at 50 settings, over 20 runs of our own, every run read from its log once.

    python -m benchmarks.sweep [--runs 20] [--repeats 2] [--settings 50] [--log FILE] [--quick]

Real: tasks, a scripted model over HTTP, sandboxes of this machine, verifiers, the log in a file. Each trial fails five
times and rewrites its memo after each failure but the last, so that PDI is read at four steps. With ``--log`` the runs
of that file are asked; without, they are made first. Three sweeps are timed, each from a fresh reading of the log: of a
threshold of PDI, of the number of attempts, and of the reward from which a task counts as solved.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import anyio

from engine.config.changes import read_changes
from engine.core.system import clock
from engine.runtime.run import start_run
from engine.scripted.reader import load_script
from engine.scripted.server import ScriptedEndpoint
from events.store.sqlite.store import SqliteLog
from replay.what_if.ask import ask, prepare
from tests.support.runs import MEMO, make_base, setting, spec

SWEEPS = {
    "pdi.threshold": (-3.0, 1.0),
    "attempts": (1, 10),
    "solved_at": (0.5, 1.5),
}
"""Keys, each with its first and last value."""
ROUNDS = 3


def script() -> str:
    """Write a model that never solves its task, and whose memos differ from each other a little."""
    failing = (
        '[[rule]]\nname = "try {n}"\ncontains = ["Attempt: {n} of"]\n[[rule.turn]]\ncommand = "echo {n} > answer.txt"\n'
    )
    failing += '[[rule.turn]]\ntext = "DONE"\n\n'
    reflecting = '[[rule]]\nname = "reflect {n}"\ncontains = ["Role: reflector", "Attempt: {n} of"]\n[[rule.turn]]\n'
    reflecting += "text = '''{memo}'''\n\n"
    memos = [
        MEMO.replace("- answer.txt can be written", f"- answer.txt can be written\n- {n} is wrong") for n in range(6)
    ]
    rules = [reflecting.format(n=n, memo=memos[n]) for n in range(1, 6)]
    anyhow = f"[[rule]]\nname = \"reflect\"\ncontains = [\"Role: reflector\"]\n[[rule.turn]]\ntext = '''{MEMO}'''\n\n"
    return "".join(['name = "wrong"\n\n', *rules, anyhow, *[failing.format(n=n) for n in range(1, 6)]])


async def fill(folder: Path, log: SqliteLog, runs: int, repeats: int) -> None:
    """Make the runs."""
    base = make_base(folder, script())
    async with ScriptedEndpoint(load_script(base / "script.toml")) as endpoint:
        for _ in range(runs):
            teacher = {"model": "teacher", "base_url": endpoint.base_url}
            report = await start_run(
                await setting(log, base), spec(repeats=repeats, concurrency=4, models={"teacher": teacher})
            )
            if set(report.outcomes.values()) != {"unsolved"}:
                sys.exit(f"a run did not come out as its script says: {report.outcomes}")


def values(key: str, settings: int) -> Sequence[str]:
    """Spread values evenly between the two ends."""
    first, last = SWEEPS[key]
    steps = [first + (last - first) * index / (settings - 1) for index in range(settings)]
    return [str(round(step)) if isinstance(first, int) else repr(float(step)) for step in steps]


async def sweep(log: SqliteLog, key: str, settings: int) -> tuple[float, float, int, int]:
    """Sweep one key; give the CPU seconds to read and to ask, the decisions, and the flips of all settings."""
    began = time.process_time()
    prepared = [await prepare(log, run) for run in await log.runs()]
    read = time.process_time()
    flips = decisions = 0
    for value in values(key, settings):
        found = await ask(prepared, read_changes([(key, value)]))
        flips += len(found.flips)
        decisions = sum(each.decisions + each.unanswerable for each in found.trials)
    return read - began, time.process_time() - read, decisions, flips


async def measure(path: Path, settings: int) -> None:
    """Time every sweep, in turns, and print the medians."""
    async with await SqliteLog.open(path, clock=clock) as log:
        runs, events = len(await log.runs()), (await log.head()).position
        print(f"{runs} runs, {events:,} events, {settings} settings; Python {platform.python_version()}, ", end="")
        print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
        took = {key: [await sweep(log, key, settings) for _ in range(ROUNDS)] for key in SWEEPS}
        for key, rounds in took.items():
            read, asked = (median(each[index] for each in rounds) for index in (0, 1))
            print(f"  {key:<14} {read + asked:7.2f} s of CPU: read {read:6.2f}, asked {asked:6.2f}", end="")
            print(f"; {rounds[0][2]:,} decisions, {rounds[0][3]:,} flips in all settings")


async def make(folder: Path, runs: int, repeats: int) -> Path:
    """Make a log with runs."""
    path = folder / "log.db"
    async with await SqliteLog.open(path, clock=clock) as log:
        await fill(folder, log, runs, repeats)
    return path


def main() -> None:
    """Make runs unless a log is given, sweep, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=2, help="trials in each run")
    parser.add_argument("--settings", type=int, default=50)
    parser.add_argument("--log", type=Path, help="ask the runs of this log")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.log or anyio.run(make, Path(folder), 2 if given.quick else given.runs, given.repeats)
        anyio.run(measure, path, 5 if given.quick else given.settings)


if __name__ == "__main__":
    main()
