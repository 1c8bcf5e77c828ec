"""The point of decision of an evaluation: what its arms show."""

from typing import Final, Literal

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import Point
from engine.programs.evaluate.arms import own
from events.types.decision import Held, Seen
from events.types.evaluation import ArmsCompared, ArmVerdict


class ScoreSeen(msgspec.Struct, frozen=True):
    """Of `EvaluationScored` or `EvaluationFound`."""

    solved: bool
    reward: float | None


class UnscoredSeen(msgspec.Struct, frozen=True):
    """Of `CellUnscored`."""

    reason: Literal["infrastructure", "budget", "stopped"]


class CellSaw(msgspec.Struct, frozen=True):
    """One cell."""

    item: str
    unit: str
    """What is independent of all else: the item's family, or the item."""
    repeat: int
    """From 1."""
    score: Seen[ScoreSeen] | None
    """None: it has none."""
    unscored: Seen[UnscoredSeen] | None = None
    """None: it has a score."""


class ArmSaw(msgspec.Struct, frozen=True):
    """One arm."""

    name: str
    cells: Held
    """Every planned cell: JSON list of `CellSaw`."""


class ComparisonSaw(msgspec.Struct, frozen=True):
    """All arms of an evaluation."""

    arms: tuple[ArmSaw, ...]
    """Sorted by name."""
    repeats: int
    """Runs of each item that were planned for each arm."""


class ComparisonRule(msgspec.Struct, frozen=True):
    """How arms are compared."""

    baseline: str
    measure: Literal["hard", "soft"]
    alpha: float
    floor: float
    effect: float


class ComparisonRuling(msgspec.Struct, frozen=True):
    """What they show."""

    baseline: str
    verdicts: tuple[ArmVerdict, ...]


def _rule(spec: RunSpec, saw: ComparisonSaw) -> ComparisonRule:
    del saw
    settings = own(spec)
    return ComparisonRule(settings.baseline, settings.measure, settings.alpha, settings.floor, settings.effect)


COMPARISON: Final = Point(
    name="comparison",
    revision=1,
    saw=ComparisonSaw,
    settings=ComparisonRule,
    ruling=ComparisonRuling,
    decisive=("verdicts",),
    steers=False,
    rule=_rule,
    events=(ArmsCompared,),
)
