"""Points of decision of the optimizer: what is read from its answers. Each answer is on record before it is read."""

from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import Point
from engine.effects.answer_points import ReadAnswer, ReplySeen
from engine.policies.edits.edit import EditRule
from engine.programs.train.optimizer.proposals import Mode
from engine.programs.train.optimizer.spec import optimizer_spec
from events.types.decision import Held, Seen

DOCUMENT: Final = "SKILL.md"
"""File of a document that a rewrite is of."""


class ReadingRule(msgspec.Struct, frozen=True):
    """How often an answer is asked for again, and how far edits may go."""

    repairs: int
    max_chars: int | None
    max_files: int | None


class _EditLimits(msgspec.Struct, frozen=True):
    """The table ``edits`` of the program."""

    max_chars: int | None = EditRule().max_chars
    max_files: int | None = EditRule().max_files


def _rule(spec: RunSpec, saw: Any) -> ReadingRule:
    del saw
    limits = msgspec.convert(spec.own.get("edits", {}), _EditLimits)
    return ReadingRule(optimizer_spec(spec).repairs, limits.max_chars, limits.max_files)


# -- what is seen of each answer --------------------------------------------------------------------------------------


class PatchSaw(msgspec.Struct, frozen=True):
    """A reflection's answer."""

    answer: Seen[ReplySeen]
    name: str
    """Of the reflection, such as ``1.0.fail.0``."""
    kind: Literal["failure", "success"]
    """Of the rollouts that it was shown."""
    mode: Mode
    document: Held
    """JSON: the document as it was shown, text by path."""
    shown: int
    """Trajectories that were shown, from 1."""
    budget: int | None
    """Proposals at most. None: no limit."""
    appendix: bool
    """Whether it was asked for notes, too, for rules that the document has and that were not followed."""
    repairs: int
    """Repairs that were asked for before."""


class MergeSaw(msgspec.Struct, frozen=True):
    """What a model made of several lists of proposals."""

    answer: Seen[ReplySeen]
    mode: Mode
    document: Held
    group: tuple[Held, ...]
    """JSON: the proposals of each."""
    rows: tuple[tuple[str, int], ...]
    """By reflection, how many trajectories it was shown."""
    level: int | None
    """At which they are merged, from 1. None: failures and successes are, at last."""
    repairs: int


class RankingSaw(msgspec.Struct, frozen=True):
    """Which proposals a model would apply first."""

    answer: Seen[ReplySeen]
    available: int
    """How many there are."""
    budget: int
    """How many of them at most."""
    repairs: int


class RateSaw(msgspec.Struct, frozen=True):
    """How many proposals a model would apply."""

    answer: Seen[ReplySeen]
    available: int
    repairs: int


class RewriteSaw(msgspec.Struct, frozen=True):
    """A document that was written anew."""

    answer: Seen[ReplySeen]
    document: Held
    """JSON: the document before, text by path."""
    repairs: int


class GuidanceSaw(msgspec.Struct, frozen=True):
    """Advice that a model drew from what two documents did with the same items, or notes for itself."""

    answer: Seen[ReplySeen]
    repairs: int


class NotesSaw(msgspec.Struct, frozen=True):
    """Notes that are to be fewer."""

    answer: Seen[ReplySeen]
    notes: Held
    """JSON: the notes before."""
    repairs: int


ReadingPoint: TypeAlias = Point[Any, ReadingRule, ReadAnswer]


def _point(name: str, saw: type[Any]) -> ReadingPoint:
    return Point(
        name=name,
        revision=1,
        saw=saw,
        settings=ReadingRule,
        ruling=ReadAnswer,
        decisive=("verdict", "value", "beside", "count", "problems", "quoted"),
        steers=True,
        rule=_rule,
    )


PATCH_READ: Final = _point("patch_read", PatchSaw)
"""Value: the proposals. Beside: kinds of failures, and notes for the appendix."""
MERGE_READ: Final = _point("merge_read", MergeSaw)
"""Value: the proposals."""
RANKING_READ: Final = _point("ranking_read", RankingSaw)
"""Value: indices from 0, the best first."""
RATE_READ: Final = _point("rate_read", RateSaw)
"""Value: the rate. Beside: why."""
REWRITE_READ: Final = _point("rewrite_read", RewriteSaw)
"""Value: the document, text by path. Beside: a summary of the changes."""
SLOW_READ: Final = _point("slow_read", GuidanceSaw)
"""Value: the advice, a text."""
META_READ: Final = _point("meta_read", GuidanceSaw)
"""Value: the notes, a text."""
NOTES_READ: Final = _point("notes_read", NotesSaw)
"""Value: the notes."""

POINTS: Final[Sequence[Point[Any, Any, Any]]] = (
    PATCH_READ,
    MERGE_READ,
    RANKING_READ,
    RATE_READ,
    REWRITE_READ,
    SLOW_READ,
    META_READ,
    NOTES_READ,
)
