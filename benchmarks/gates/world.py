"""Worlds of the gate study: items with rates, edits that move them, runs that end as solved or not."""

from importlib import import_module
from typing import Any, Literal, TypeAlias

import msgspec

np: Any = import_module("numpy")

Kind: TypeAlias = Literal["useless", "harmful", "helpful"]
KINDS: tuple[Kind, ...] = ("useless", "harmful", "helpful")


class Shares(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many of all candidates are of each kind; together 1."""

    useless: float = 0.6
    harmful: float = 0.2
    helpful: float = 0.2


class WorldSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A world, as its JSON file says it."""

    items: int = 600
    rates: dict[Literal["beta", "iid"], Any] = msgspec.field(default_factory=lambda: {"beta": [0.5, 0.5]})
    edit: Literal["sparse", "smooth", "mixed"] = "sparse"
    effect: float = 0.05
    shares: Shares = Shares()
    sticky: float = 0.0
    """Probability that an outcome is the hidden one of its version and item."""
    n: tuple[int, ...] = (20, 50, 200)
    passes: int = 17
    candidates: int | None = 16
    """None: as many as the budget bears."""
    candidate_cost: float = 0.0
    """In passes."""
    runs: int = 600
    seed: int = 1


class Version:
    """A revision: rates of all items, and the hidden outcomes that sticky worlds fall back on."""

    def __init__(self, rates: Any, world: WorldSpec, draw: Any) -> None:
        """Draw the hidden outcomes."""
        self.rates = rates
        self._sticky = world.sticky
        self._draw = draw
        self._hidden = draw.random(len(rates)) < rates if world.sticky else None

    @property
    def true(self) -> Any:
        """The true rate of each item."""
        if self._hidden is None:
            return self.rates
        return self._sticky * self._hidden + (1 - self._sticky) * self.rates

    def run(self, items: Any) -> Any:
        """Run items, given by their indices."""
        fresh = self._draw.random(len(items)) < self.rates[items]
        if self._hidden is None:
            return fresh
        return np.where(self._draw.random(len(items)) < self._sticky, self._hidden[items], fresh)


def first_version(world: WorldSpec, draw: Any) -> Version:
    """Draw the initial revision."""
    ((kind, value),) = world.rates.items()
    rates = draw.beta(*value, world.items) if kind == "beta" else np.full(world.items, float(value))
    return Version(rates, world, draw)


def edited(version: Version, kind: Kind, world: WorldSpec, draw: Any) -> Version:
    """Draw a candidate."""
    edit = {"sparse": _sparse, "smooth": _smooth, "mixed": _mixed}[world.edit]
    return Version(edit(version.rates, kind, world.effect, draw), world, draw)


def _sparse(rates: Any, kind: Kind, effect: float, draw: Any) -> Any:
    mean = rates.mean()
    if kind == "useless":
        return rates
    part = _part(effect, 1 - mean if kind == "helpful" else mean)
    return np.where(draw.random(len(rates)) < part, 1.0 if kind == "helpful" else 0.0, rates)


def _smooth(rates: Any, kind: Kind, effect: float, draw: Any) -> Any:
    del draw
    mean = rates.mean()
    if kind == "useless":
        return rates
    if kind == "helpful":
        return rates + (1 - rates) * _part(effect, 1 - mean)
    return rates * (1 - _part(effect, mean))


def _mixed(rates: Any, kind: Kind, effect: float, draw: Any) -> Any:
    mean = rates.mean()
    up, down = effect * (2 if kind == "helpful" else 1), effect * (2 if kind == "harmful" else 1)
    raised, chance = draw.random(len(rates)) < 0.5, draw.random(len(rates))
    turned = np.where(raised & (chance < _part(up, 1 - mean)), 1.0, rates)
    return np.where(~raised & (chance < _part(down, mean)), 0.0, turned)


def _part(effect: float, room: float) -> float:
    return min(1.0, effect / room) if room > 0 else 0.0
