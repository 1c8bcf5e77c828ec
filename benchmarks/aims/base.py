"""What an aim is, and what measures it.

A bench runs its contenders in rounds, one after another in an order that turns, so that whatever else the machine does
meets all of them. An aim compares two contenders, or takes one by itself, and what counts is the median of the rounds'
own ratios. A figure of another run, or of another day, is never compared.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, NamedTuple

Sample = Mapping[str, float]
"""What one run of one contender cost, by measure: ``wall`` and ``cpu`` in the bench's unit, and what else it counts.

Always a cost for each item, never a rate: half of it is twice as fast.
"""

Contender = Callable[[], Sample]
"""Runs once. Raises `CannotRun` where it cannot."""


class CannotRun(Exception):
    """A contender cannot run on this machine; the text says why, and what to do about it."""


class BenchScale(NamedTuple):
    """How much is measured."""

    quick: bool
    """Whether it is only to be shown that everything runs. Figures of a quick run are not worth quoting."""
    peers: Path
    """A folder with an environment for each peer: ``PEERS/NAME/bin/python``."""

    def python_of(self, peer: str) -> str:
        """Give the interpreter of a peer's environment.

        Raises:
            CannotRun: It is not installed.
        """
        python = self.peers / peer / "bin" / "python"
        if not python.exists():
            raise CannotRun(
                f"{peer} is not installed: python3 -m venv {self.peers / peer} && "
                f"{self.peers / peer / 'bin' / 'pip'} install {peer}"
            )
        return str(python)


class Aim(NamedTuple):
    """One row of the table."""

    name: str
    """For ``--only``, and for whoever reads the JSON; unique."""
    what: str
    """What is compared with what, in words."""
    ours: str
    """Name of our contender."""
    theirs: str | None
    """Name of the peer or the limit; None: the figure is our contender's own, in the bench's unit."""
    by: str
    """The measure, such as ``cpu``."""
    kind: Literal["times as fast", "times the cost", "figure"]
    """How it is told: their cost over ours, at least the aim; our cost over theirs, at most; our figure, at most."""
    aim: float | None
    """None: it was quoted before, or shows a peer, and nothing is aimed at."""
    before: str
    """What issue 15 quotes or found at 323f770; empty: nothing."""
    note: str = ""
    """What the reader has to know to read the figure."""

    def value(self, ours: Sample, theirs: Sample | None) -> float:
        """Give the figure of one round."""
        mine = ours[self.by]
        if theirs is None:
            return mine
        other = theirs[self.by]
        return other / mine if self.kind == "times as fast" else mine / other

    def met(self, value: float) -> bool:
        """Say whether a figure is what was aimed at; whatever is, where nothing was."""
        if self.aim is None:
            return True
        return value >= self.aim if self.kind == "times as fast" else value <= self.aim


class Benchmark(NamedTuple):
    """Contenders that run beside each other, and the aims that rest on them."""

    name: str
    unit: str
    """Of its samples, such as ``us an event``."""
    contenders: Callable[[BenchScale], AbstractContextManager[Mapping[str, Contender]]]
    """Prepares them, and cleans up after them. Raises `CannotRun` where none can run."""
    aims: tuple[Aim, ...]
    rounds: int = 5


class Measured(NamedTuple):
    """What became of an aim."""

    bench: Benchmark
    aim: Aim
    values: tuple[float, ...]
    """Of each round; empty: it did not run."""
    ours: tuple[Sample, ...]
    theirs: tuple[Sample, ...]
    why_not: str
    """Why it did not run; empty if it did."""
