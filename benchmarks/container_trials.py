"""Container trials per minute beside Harbor, and beside a bare `docker run`: the nop agent on the same tasks.

    python -m benchmarks.container_trials [--harbor PATH] [--quick] [--trials 24] [--at-once 4] [--rounds 5]

A round is one command of each, as people type it, start of the program included: `stillroom tasks run --agent nop`,
`harbor run --agent nop`, and `docker run --rm` of the same image with the task's verifier as its command, as many at a
time. Images are built before the first round. The same is done once with a single trial, which is what a command costs
before the first; what a trial costs beyond a bare container is told apart from that.

``PATH`` is the `harbor` program of a virtual environment of its own; without it that row is left out. Where there is no
network, let it be started with `LITELLM_LOCAL_MODEL_COST_MAP=True`, or it waits for a list of prices.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.harness import Goal, interleave, report

_TASK = """\
version = "1.0"
[task]
name = "bench/{name}"
[agent]
timeout_sec = 60
[verifier]
timeout_sec = 60
[environment]
"""
_DOCKERFILE = "FROM debian:bookworm-slim\nWORKDIR /app\nRUN echo here > /app/file\n"
_TESTS = "#!/bin/sh\ntest -f /app/answer && echo 1 > /logs/verifier/reward.txt || echo 0 > /logs/verifier/reward.txt\n"
_IMAGE = "stillroom/bench-container-trials"
_LIMIT_S = 1800
"""Seconds for one program."""


class ContainerBench(NamedTuple):
    """What is run."""

    harbor: str | None
    folder: Path
    """Holds `one` and `many`, folders of tasks, and what the programs write."""
    trials: int
    at_once: int


def write_tasks(folder: Path, count: int) -> None:
    """Write tasks that differ in nothing but their names."""
    for number in range(count):
        task = folder / f"task-{number:03}"
        for name, text in (
            ("task.toml", _TASK.format(name=task.name)),
            ("instruction.md", "Write /app/answer.\n"),
            ("environment/Dockerfile", _DOCKERFILE),
            ("tests/test.sh", _TESTS),
            ("solution/solve.sh", "#!/bin/sh\ntouch /app/answer\n"),
        ):
            (task / name).parent.mkdir(parents=True, exist_ok=True)
            (task / name).write_text(text)
            (task / name).chmod(0o755)


def ours(bench: ContainerBench, what: str) -> None:
    """Type our command."""
    log = bench.folder / f"log-{time.monotonic_ns()}.db"
    told = _typed(
        [sys.executable, "-m", "cli", "tasks", "run", str(bench.folder / what), "--agent", "nop", "--sandbox", "docker",
         "-n", str(bench.at_once), "--log", str(log), "--json"],
    )  # fmt: skip
    _must(told.count('"verdict":"sound"'), bench, what, told)


def theirs(bench: ContainerBench, what: str) -> None:
    """Type Harbor's."""
    assert bench.harbor is not None
    job = f"job-{time.monotonic_ns()}"
    told = _typed(
        [bench.harbor, "run", "-y", "-q", "-p", str(bench.folder / what), "-a", "nop", "-n", str(bench.at_once),
         "--job-name", job, "-o", str(bench.folder / "jobs")],
    )  # fmt: skip
    _must(len(list((bench.folder / "jobs" / job).glob("*/verifier/reward.txt"))), bench, what, told)


def bare(bench: ContainerBench, what: str) -> None:
    """Run the verifier in a container, and nothing else."""
    tests = bench.folder / "one" / "task-000" / "tests"
    script = "mkdir -p /logs/verifier && /tests/test.sh"
    words = ["docker", "run", "--rm", "-v", f"{tests}:/tests:ro", _IMAGE, "sh", "-c", script]
    with ThreadPoolExecutor(bench.at_once) as pool:
        list(pool.map(lambda _: _typed(words), range(_count(bench, what))))


def _count(bench: ContainerBench, what: str) -> int:
    return 1 if what == "one" else bench.trials


def _must(seen: int, bench: ContainerBench, what: str, told: str) -> None:
    if seen != _count(bench, what):
        raise SystemExit(f"{seen} trials of {_count(bench, what)} came to their end:\n{told[-2000:]}")


def _typed(words: list[str]) -> str:
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=_LIMIT_S)
    return done.stdout + done.stderr


def main() -> None:
    """Run the rounds and print what they say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--harbor", help="the harbor program")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    rounds, trials = (1, 4) if given.quick else (given.rounds, given.trials)
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        bench = ContainerBench(given.harbor, Path(name), trials, given.at_once)
        write_tasks(bench.folder / "one", 1)
        write_tasks(bench.folder / "many", trials)
        _typed(["docker", "build", "-q", "-t", _IMAGE, str(bench.folder / "one" / "task-000" / "environment")])
        work = {"stillroom": ours, "docker run": bare} | ({"harbor": theirs} if bench.harbor else {})
        for each in work.values():  # images are built, files of programs read
            each(bench, "many")
        ones = {who: median(_timed(partial(each, bench, "one")) for _ in range(rounds)) for who, each in work.items()}
        rates = interleave({who: partial(_rate, bench, each) for who, each in work.items()}, rounds)
    report(rates, [Goal("trials a minute, harbor", "stillroom", "harbor", 2.0, 4.0)], unit="trials/min", digits=1)
    for who in work:
        each_s = (median(60 * trials / rate for rate in rates[who]) - ones[who]) / max(1, trials - 1)
        print(f"  {who:<44} one trial {ones[who]:.2f} s; each further one {1000 * each_s:.0f} ms of wall")


def _rate(bench: ContainerBench, each: Callable[[ContainerBench, str], None]) -> float:
    return 60 * bench.trials / _timed(partial(each, bench, "many"))


def _timed(work: partial[None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
