"""One run of a gate in a world: a baseline, candidates in a row, a budget of item runs."""

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import import_module
from typing import Any, Final

import msgspec

from benchmarks.gates.world import KINDS, Kind, Version, WorldSpec, edited, first_version
from engine.policies.gates.base import CandidateRows, Gate, GateRuling, Row

np: Any = import_module("numpy")

_ZERO, _ONE = Fraction(0), Fraction(1)


class PlayedRun(msgspec.Struct, frozen=True):
    """What came of one run."""

    gain: float
    bias: float
    runs: float
    tried: Counter[Kind]
    accepted: Counter[Kind]


class SimulatedCandidate:
    """A candidate while it is looked at."""

    def __init__(self, old: Version, new: Version, order: Any) -> None:
        """Begin without any row."""
        self.version: Final = new
        self._old: Final = old
        self._order: Final = tuple(map(int, order))
        self._outcomes: Final[list[list[Fraction]]] = [[] for _ in order]
        self._baseline: list[Fraction | None] = []
        self._rounds = 0
        self.spent = 0

    def look(self, items: tuple[int, ...], *, paired: bool) -> None:
        """Run items; those that are run for the first time under both sides, if the gate asks for that."""
        again = bool(self._outcomes[items[0]])
        self._rounds += again
        for index, solved in zip(items, self.version.run(np.array(items)), strict=True):
            self._outcomes[index].append(_ONE if solved else _ZERO)
        self.spent += len(items)
        if paired and not again:
            self._baseline = self._baseline or [None] * len(self._outcomes)
            for index, solved in zip(items, self._old.run(np.array(items)), strict=True):
                self._baseline[index] = _ONE if solved else _ZERO
            self.spent += len(items)

    def rows(self, *, affordable: bool) -> CandidateRows:
        """Give what was seen so far."""
        return CandidateRows(
            tuple(map(tuple, self._outcomes)), self._rounds, affordable, tuple(self._baseline), self._order
        )


def row(version: Version, n: int) -> Row:
    """Run all items once."""
    return tuple(_ONE if each else _ZERO for each in version.run(np.arange(n)))


@dataclass
class _Course:
    """One run while it is played."""

    world: WorldSpec
    gate: Gate
    n: int
    number: int
    version: Version
    state: Any
    least: int
    """Item runs that a candidate costs at the least."""
    kept: int
    """Item runs for a fresh last pass: a gate that looks at parts believes too much of what it accepts, unless it
    filters parts in as well."""
    spent: float
    tried: Counter[Kind] = field(default_factory=Counter)
    accepted: Counter[Kind] = field(default_factory=Counter)

    @property
    def left(self) -> float:
        """Item runs that candidates may cost yet."""
        return self.world.passes * self.n - self.kept - self.spent

    @property
    def goes_on(self) -> bool:
        """Whether there is another candidate, and the budget bears a first look at it."""
        made = self.world.candidate_cost * self.n
        some = self.world.candidates is None or self.tried.total() < self.world.candidates
        return some and made + self.least <= self.left

    def step(self) -> None:
        """Meet one candidate."""
        draw = np.random.default_rng([self.world.seed, self.n, self.number, 1 + self.tried.total()])
        weights = [getattr(self.world.shares, kind) for kind in KINDS]
        kind = KINDS[draw.choice(len(KINDS), p=weights)]
        self.tried[kind] += 1
        self.spent += self.world.candidate_cost * self.n
        new = edited(self.version, kind, self.world, draw)
        candidate = SimulatedCandidate(self.version, new, draw.permutation(self.n))
        ruling = self._decided(candidate)
        self.spent += candidate.spent
        accepted = ruling.outcome == "accept"
        self.state = self.gate.settle(self.state, candidate.rows(affordable=False), accepted=accepted)
        if accepted:
            self.accepted[kind] += 1
            self.version = new

    def _decided(self, candidate: SimulatedCandidate) -> GateRuling:
        while True:
            rows = candidate.rows(affordable=candidate.spent < self.left)
            ruling = self.gate.rule(self.state, rows)
            if ruling.outcome != "more":
                return ruling
            candidate.look(ruling.run, paired=self.gate.paired)


def play(world: WorldSpec, gate: Gate, n: int, number: int) -> PlayedRun:
    """Play one run. The same world, n and number meet every gate with the same rates and kinds of candidates."""
    draw = np.random.default_rng([world.seed, n, number, 0])
    version = first_version(world, draw)
    start = float(version.true.mean())
    state = gate.start(row(version, n))
    first = len(gate.rule(state, CandidateRows(((),) * n)).run)
    kept = n if first < n and not getattr(gate, "filters_parts", False) else 0
    course = _Course(world, gate, n, number, version, state, first * (1 + gate.paired), kept, float(n))
    while course.goes_on:
        course.step()
    if kept:
        believed, course.spent = float(np.mean(course.version.run(np.arange(n)))), course.spent + n
    else:
        believed = float(gate.belief(course.state).score)
    true = course.version.true
    return PlayedRun(
        float(true.mean()) - start, believed - float(true[:n].mean()), course.spent, course.tried, course.accepted
    )
