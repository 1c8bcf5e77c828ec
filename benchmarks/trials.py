"""A thousand trials at once: wall time over the ideal, and CPU per turn.

    python -m benchmarks.trials [--trials 1000] [--turns 4] [--latency 2.0] [--rounds 5] [--quick]

Real: the log in a file (group commit, digest chain, redaction), scopes, actors, the shell agent, the HTTP client, the
scripted endpoint in a process of its own. Not real: the sandbox, which does nothing (see `idle_sandbox`), so that the
figure is ours and not bubblewrap's.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import anyio
import msgspec

from benchmarks.idle_sandbox import IdleBackend
from engine.config.spec import RunSpec
from engine.core.prompts import load_prompts
from engine.core.system import clock, collect_rarely
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.redaction.redactor import Redactor
from events.store.sqlite.store import SqliteLog

SECRETS = {"A": "bench-secret-value-one", "B": "bench-secret-value-two", "C": "bench-secret-value-three"}


class RoundSize(NamedTuple):
    """How large a round is."""

    trials: int
    turns: int
    latency_s: float


class TrialsRound(NamedTuple):
    """What a round took."""

    wall_s: float
    cpu_s: float
    events: int


def script(shape: RoundSize) -> str:
    """Write a script whose every conversation takes the given number of turns."""
    step = "make progress and print what was found, at some length, step"
    turn = f'[[rule.turn]]\ncommand = "{step}"\ndelay_s = {shape.latency_s}\n'
    last = f'[[rule.turn]]\ntext = "DONE"\ndelay_s = {shape.latency_s}\n'
    return f'name = "bench"\n[[rule]]\nname = "all"\n{turn * (shape.turns - 1)}{last}'


def make_task(base: Path) -> None:
    """Write a task that is never looked at by its sandbox."""
    for name, text in {
        "task.toml": "",
        "instruction.md": "Do what you can. " * 60,
        "environment/Dockerfile": "FROM debian\nWORKDIR /app\n",
        "tests/test.sh": "#!/bin/sh\n",
    }.items():
        path = base / "tasks" / "bench" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


async def one_round(base: Path, url: str, shape: RoundSize) -> TrialsRound:
    """Run all trials once, in a log of their own."""
    with tempfile.TemporaryDirectory() as folder:
        log = await SqliteLog.open(Path(folder) / "log.db", clock=clock, redactor=Redactor(SECRETS))
        async with log:
            setting = RunContext(log, IdleBackend(), load_prompts(), "bench", {}, base)
            teacher = {"model": "teacher", "base_url": url}
            method = {"attempts": 1}
            spec = msgspec.convert(
                {
                    "tasks": "tasks",
                    "repeats": shape.trials,
                    "concurrency": shape.trials,
                    "models": {"teacher": teacher},
                    "method": method,
                },
                RunSpec,
            )
            wall, cpu = time.perf_counter(), time.process_time()
            await start_run(setting, spec)
            return TrialsRound(time.perf_counter() - wall, time.process_time() - cpu, (await log.head()).position)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--latency", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    collect_rarely()
    shape = RoundSize(50, 2, 0.2) if given.quick else RoundSize(given.trials, given.turns, given.latency)
    rounds = 2 if given.quick else given.rounds
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        make_task(base)
        (base / "script.toml").write_text(script(shape))
        server = subprocess.Popen(
            [sys.executable, "-m", "engine.scripted", str(base / "script.toml")], stdout=subprocess.PIPE
        )
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["base_url"]
        try:
            measured = [anyio.run(one_round, base, url, shape) for _ in range(rounds)]
        finally:
            server.kill()
            server.wait()
    report(shape, measured)


def report(shape: RoundSize, measured: list[TrialsRound]) -> None:
    """Print what the rounds took."""
    turns = shape.turns
    ideal = turns * shape.latency_s
    walls = [each.wall_s / ideal for each in measured]
    cpus = [each.cpu_s / (shape.trials * turns) * 1e6 for each in measured]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{shape.trials} trials x {turns} turns at {shape.latency_s:g} s, {measured[0].events} events a round")
    print(f"  wall over ideal    {median(walls):.3f} [{min(walls):.3f} to {max(walls):.3f}]   goal 1.4, reach for 1.15")
    print(f"  CPU per turn, us   {median(cpus):.0f} [{min(cpus):.0f} to {max(cpus):.0f}]")
    print(f"  peak memory, MiB   {peak:.0f}")


if __name__ == "__main__":
    main()
