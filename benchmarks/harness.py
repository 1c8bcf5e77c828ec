"""Interleaved rounds and honest ratios.

Figures of a loaded machine move by a factor of four between runs, and ratios hold. So each contender runs once
per round, in an order that turns from round to round, and what counts is the ratio within a round.
"""

import os
import platform
import sqlite3
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple


class Goal(NamedTuple):
    """A ratio of two contenders, and where it should be."""

    what: str
    ours: str
    theirs: str
    floor: float
    reach: float


Contender = Callable[[], float]
"""Runs once, and gives a rate, such as events per second."""


def interleave(contenders: Mapping[str, Contender], rounds: int) -> dict[str, list[float]]:
    """Run each contender once per round, each round beginning with another one."""
    names = list(contenders)
    rates: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            rates[name].append(contenders[name]())
    return rates


def report(
    rates: Mapping[str, Sequence[float]], goals: Sequence[Goal], *, unit: str = "events/s", digits: int = 0
) -> None:
    """Print medians with their spread, then the ratios."""
    load = " ".join(f"{part:.1f}" for part in os.getloadavg())
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, load {load}, SQLite {sqlite3.sqlite_version}")
    for name, values in rates.items():
        spread = f"[{min(values):,.{digits}f} to {max(values):,.{digits}f}]"
        print(f"  {name:<44} {median(values):>10,.{digits}f} {unit}  {spread}")
    for goal in goals:
        if goal.ours in rates and goal.theirs in rates:
            print(f"  {ratio(goal, rates)}")


def ratio(goal: Goal, rates: Mapping[str, Sequence[float]]) -> str:
    """Say how a goal was met: the median of the rounds' own ratios."""
    ratios = [ours / theirs for ours, theirs in zip(rates[goal.ours], rates[goal.theirs], strict=True)]
    middle = median(ratios)
    verdict = "reached" if middle >= goal.reach else "met" if middle >= goal.floor else "MISSED"
    return (
        f"{goal.what:<44} {middle:>7.2f} [{min(ratios):.2f} to {max(ratios):.2f}]"
        f"  floor {goal.floor:g}, reach {goal.reach:g}: {verdict}"
    )


def microseconds() -> int:
    """Say the time."""
    return time.time_ns() // 1000  # noqa: TID251 - the clock of a benchmark


def in_new_folder(work: Callable[[Path], float]) -> Contender:
    """Give each round a new file, on the disk of the working folder: /tmp may be memory."""

    def run() -> float:
        with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
            return work(Path(folder) / "log.db")

    return run


class Stopwatch:
    """Takes wall and CPU of what is measured, all threads of this process together."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def per(self, items: int) -> dict[str, float]:
        """Give microseconds an item since it was made."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return {"wall": wall / items * 1e6, "cpu": cpu / items * 1e6}


def rate(cost: Mapping[str, float]) -> float:
    """Give items a second."""
    return 1e6 / cost["wall"]
