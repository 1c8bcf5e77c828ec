"""What a gate can see before a run is paid for: how often it accepts a candidate of a known true effect; pure.

A gate that accepts nothing accepts nothing useless either, so a rate of false acceptance is never given without the
power beside it. Rates of items are taken to be as on most benchmarks, where most items always or never succeed: Beta
(m, 1 - m) with mean m. A helpful candidate turns single items to 1, a harmful one to 0. All rates are those of the
first candidate of a run, which the shipped gate itself rules on: exactly, where it rules by the items that a whole pass
wins and loses; else by simulation, with draws that derive from a fixed seed.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from math import exp, fsum, lgamma, log, log1p
from typing import Any, Final, Literal, NamedTuple

import msgspec

from engine.policies.gates.base import CandidateRows, Gate, GatePlan, Row, rounded
from engine.policies.gates.evidence import PairOdds
from engine.policies.gates.registry import gate_kind, gate_named, gate_settings
from projections.comparison.power import WANTED
from projections.pdi.rng import draw

SIMULATED: Final = 200
"""Candidates a rate, where it is simulated: a standard error of at most 3.6 points."""
_SHOWN: Final = (0.05, 0.1, 0.2)
_SEED: Final = 13
_STEPS: Final = 64
"""Into so many steps the room above the mean is divided where the smallest effect is looked for."""
_ONE, _ZERO = Fraction(1), Fraction(0)
_UNIT: Final = 2**256


class EffectSeen(msgspec.Struct, frozen=True):
    """How often a candidate of one effect is accepted."""

    effect: float
    """What it adds to the mean; below 0 it is harmful."""
    accepted: float
    """In [0, 1]."""


class GatePower(msgspec.Struct, frozen=True):
    """What a gate can see."""

    gate: str
    items: int
    candidates: int
    how: Literal["exact", "simulated"]
    smallest: float | None
    """The smallest improvement of the mean that is accepted with a probability of 80 %. None: not even one to 1."""
    useless: float
    """How often a candidate that changes nothing is accepted."""
    useless_run: float
    """How often a run of useless candidates accepts any, if each is ruled as the first."""
    harmful: EffectSeen
    """Of an effect of 5 points downwards, or of as much as there is room for."""
    seen: tuple[EffectSeen, ...]
    """Effects of 5, 10 and 20 points, as far as there is room for them."""


class PowerTooLow(NamedTuple):
    """Why a gate refuses to start."""

    effect: float
    power: float
    least: float

    @property
    def reason(self) -> str:
        """Say it."""
        seen = f"an improvement of {100 * self.effect:g} points is accepted with a probability of"
        return f"{seen} {100 * self.power:.0f} %, and {100 * self.least:g} % are asked for"


def gate_power(name: str, table: Mapping[str, Any], plan: GatePlan, mean: float = 0.5) -> GatePower:
    """Say what a gate can see in a run of this plan.

    Args:
        name: Of the gate.
        table: Its settings alone.
        plan: Items and candidates.
        mean: The initial revision's expected score; in ]0, 1[.

    Raises:
        GateSettingsRefused: A setting is unknown, or a value does not fit.
        NameUnknown: No installed package registers the gate.
        PluginBroken: The package that registers it cannot be imported.
    """
    gate, kind = gate_named(name, table, plan), gate_kind(name)
    rate = _Exact(gate, plan.items, mean).rate if kind.by_counts else _Simulated(gate, plan.items, mean).rate
    useless = rate(0.0)
    harm, room = -min(0.05, mean), 1 - mean
    return GatePower(
        name,
        plan.items,
        plan.candidates,
        "exact" if kind.by_counts else "simulated",
        _smallest(rate, room),
        useless,
        rounded(1 - (1 - useless) ** plan.candidates),
        EffectSeen(harm, rate(harm)),
        tuple(EffectSeen(effect, rate(effect)) for effect in _SHOWN if effect <= room),
    )


def too_weak(name: str, table: Mapping[str, Any], plan: GatePlan, mean: float = 0.5) -> PowerTooLow | None:
    """Say why a gate refuses to start. None: it sees enough, or its settings set no bound.

    Args:
        name: Of the gate.
        table: Its settings alone.
        plan: Items and candidates.
        mean: The initial revision's expected score; in ]0, 1[.
    """
    kind = gate_kind(name)
    bound = None if kind.bound is None else kind.bound(gate_settings(name, table))
    if bound is None:
        return None
    gate = gate_named(name, table, plan)
    rates = _Exact(gate, plan.items, mean) if kind.by_counts else _Simulated(gate, plan.items, mean)
    power = rates.rate(min(bound.effect, 1 - mean))
    return PowerTooLow(bound.effect, power, bound.power) if power < bound.power else None


def pair_odds(effect: float, mean: float) -> PairOdds:
    """Say how often an item of unknown rate is won, and lost, in one run of each side.

    Args:
        effect: What single items that are turned add to the mean; in [-mean, 1 - mean].
        mean: Of the revision in force; in ]0, 1[.
    """
    chance = mean * (1 - mean) / 2
    left = 1 - (effect / (1 - mean) if effect > 0 else -effect / mean)
    return PairOdds(max(effect, 0.0) + left * chance, max(-effect, 0.0) + left * chance)


def _smallest(rate: Callable[[float], float], room: float) -> float | None:
    """Look for the first step of the room from which on candidates are accepted often enough, by halving."""
    if rate(room) < WANTED:
        return None
    low, high = 0, _STEPS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if rate(rounded(room * middle / _STEPS)) >= WANTED else (middle, high)
    return rounded(room * high / _STEPS)


class _Exact:
    """Rates of a gate that rules by how many items a whole first pass wins and loses."""

    def __init__(self, gate: Gate, items: int, mean: float) -> None:
        self._gate = gate
        self._items = items
        self._mean = mean
        self._wins: list[int] = []
        """By the number of items lost, the fewest that have to be won."""

    def rate(self, effect: float) -> float:
        """Add up the probabilities of all that the gate accepts."""
        odds, items = pair_odds(effect, self._mean), self._items
        total = []
        for lost in range(items + 1):
            chance = _binomial(items, odds.lost, lost)
            if chance > 1e-12:
                left, share = items - lost, min(1.0, odds.won / (1 - odds.lost)) if odds.lost < 1 else 0.0
                wins = range(self._fewest(lost), left + 1)
                total.append(chance * fsum([_binomial(left, share, won) for won in wins]))
        return rounded(min(1.0, fsum(total)))

    def _fewest(self, lost: int) -> int:
        """Give the fewest wins that are accepted beside so many losses; one more than there can be if none are."""
        while len(self._wins) <= lost:
            losses = len(self._wins)
            won = self._wins[-1] if self._wins else 0
            while won + losses <= self._items and not self._accepts(won, losses):
                won += 1
            self._wins.append(won)
        return self._wins[lost]

    def _accepts(self, won: int, lost: int) -> bool:
        same = self._items - won - lost
        old: Row = (_ZERO,) * won + (_ONE,) * lost + (_ZERO,) * same
        new: Row = (_ONE,) * won + (_ZERO,) * lost + (_ZERO,) * same
        rows = CandidateRows(tuple((score,) for score in new), baseline=old if self._gate.paired else ())
        return self._gate.rule(self._gate.start(old), rows).outcome == "accept"


def _binomial(trials: int, share: float, count: int) -> float:
    if share in {0.0, 1.0}:
        return float(count == trials * share)
    ways = lgamma(trials + 1) - lgamma(count + 1) - lgamma(trials - count + 1)
    return exp(ways + count * log(share) + (trials - count) * log1p(-share))


class _Simulated:
    """Rates of any other gate."""

    def __init__(self, gate: Gate, items: int, mean: float) -> None:
        self._gate = gate
        self._mean = mean
        self._drawn = [_DrawnItems(number, items, mean) for number in range(SIMULATED)]
        self._rates: dict[float, float] = {}

    def rate(self, effect: float) -> float:
        """Let the gate rule on candidates that differ in nothing but this effect."""
        if effect not in self._rates:
            accepted = sum(self._accepts(drawn, effect) for drawn in self._drawn)
            self._rates[effect] = rounded(accepted / len(self._drawn))
        return self._rates[effect]

    def _accepts(self, drawn: "_DrawnItems", effect: float) -> bool:
        state = self._gate.start(drawn.row("start", drawn.rates, 0))
        after = drawn.turned(effect, self._mean)
        outcomes: list[Row] = [()] * len(after)
        beside: Row = drawn.row("beside", drawn.rates, 0) if self._gate.paired else ()
        rounds = 0
        while True:
            asked = any(outcomes)
            rows = CandidateRows(tuple(outcomes), rounds, True, beside if asked else (), drawn.order)
            ruling = self._gate.rule(state, rows)
            if ruling.outcome != "more":
                return ruling.outcome == "accept"
            rounds += bool(outcomes[ruling.run[0]])
            for index in ruling.run:
                score = drawn.score("candidate", after[index], index, len(outcomes[index]))
                outcomes[index] = (*outcomes[index], score)


class _DrawnItems:
    """Items of one simulated candidate."""

    def __init__(self, number: int, items: int, mean: float) -> None:
        self._number = number
        self.rates = [_beta(mean, partial(self._share, "rate", index)) for index in range(items)]
        self.order = tuple(sorted(range(items), key=lambda index: self._share("order", index)))

    def turned(self, effect: float, mean: float) -> list[float]:
        """Give the rates under a candidate of this effect."""
        part, to = (effect / (1 - mean), 1.0) if effect > 0 else (-effect / mean, 0.0)
        return [to if self._share("turned", index) < part else rate for index, rate in enumerate(self.rates)]

    def row(self, name: str, rates: list[float], look: int) -> Row:
        """Run all items once."""
        return tuple(self.score(name, rate, index, look) for index, rate in enumerate(rates))

    def score(self, name: str, rate: float, index: int, look: int) -> Fraction:
        """Run one item."""
        return _ONE if self._share(name, index, look) < rate else _ZERO

    def _share(self, *place: str | int) -> float:
        return draw(_SEED, self._number, *place) / _UNIT


def _beta(mean: float, share: Callable[[str, int], float]) -> float:
    """Draw from Beta(mean, 1 - mean) by Jöhnk's method (1964), from shares in [0, 1[ by name and number."""
    number = 0
    while True:
        up, down = share("up", number) ** (1 / mean), share("down", number) ** (1 / (1 - mean))
        if 0 < up + down <= 1:
            return rounded(up / (up + down))
        number += 1
