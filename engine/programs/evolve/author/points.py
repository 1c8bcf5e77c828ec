"""Points of decision of an author: what it is told of its earlier patches, and what is read from its answers.

Each answer is on record before it is read.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import Point
from engine.effects.answer_points import ReadAnswer, ReplySeen
from engine.policies.library.patch import PatchRule
from engine.programs.evolve.patch_rule import patch_rule
from engine.programs.evolve.spec import arm_of_spec, evolve_spec
from events.base import Ref
from events.digest import Digest
from events.types.authoring import AuthorStage
from events.types.condition import FeedbackLevel
from events.types.decision import Held, Seen

# -- what an author is told of earlier patches -------------------------------------------------------------------------


class ScoreSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the event that scores a trial."""

    solved: bool | None
    """None: it has no score."""


class FollowingTrial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A trial of the same family after a decision."""

    task: str
    score: Seen[ScoreSeen]


class PastDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of an earlier patch, by reference."""

    at: Ref
    """The event that settled it."""
    task: str
    """From whose trial it was written. Empty: it is a first draft."""
    patch: Held
    """JSON of the `Patch`, as its author gave it, and the decision that read it."""
    accepted: bool
    refusals: tuple[str, ...] = ()
    """Why the rules of the library refuse it. They rest on the patch alone, and are told in any case."""
    measured: tuple[str, ...] = ()
    """What trials with it came to, such as the reason of a gate. Without feedback it is not told."""
    followed: tuple[FollowingTrial, ...] = ()
    """What followed. Without feedback, only that it did."""


class DecisionsSaw(msgspec.Struct, frozen=True):
    """Earlier patches for a family, the oldest first."""

    history: tuple[PastDecision, ...]


class DecisionsRule(msgspec.Struct, frozen=True):
    """How much is told of them."""

    feedback: FeedbackLevel
    most: int


class WordedDecisions(msgspec.Struct, frozen=True):
    """How they are told."""

    text: Digest
    """Blob: text. Empty: nothing is told."""
    told: int
    """How many of them."""


# -- what is read of its answers ---------------------------------------------------------------------------------------


class OfferedSkill(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A skill that a model may choose."""

    skill: str
    description: str


class AuthorPatchSaw(msgspec.Struct, frozen=True):
    """An answer that is to hold a patch."""

    answer: Seen[ReplySeen]
    stage: AuthorStage
    family: str
    """Id."""
    slug: str
    """Name of the folder of its skill."""
    library: Held
    """JSON: the library in force, as the author was told of it: by skill, then by path."""
    owners: Held
    """JSON: the family of each skill."""
    repairs: int
    """Repairs that were asked for before."""


class PatchReadingRule(msgspec.Struct, frozen=True):
    """How often an answer is asked for again, and what a patch may do."""

    repairs: int
    patch: PatchRule


class SkillChoiceSaw(msgspec.Struct, frozen=True):
    """An answer that is to name skills."""

    answer: Seen[ReplySeen]
    skills: Held
    """JSON: the skills that were offered."""
    repairs: int


class ChoiceReadingRule(msgspec.Struct, frozen=True):
    """How often an answer is asked for again, and how many skills it may name."""

    repairs: int
    most: int


def _decisions_rule(spec: RunSpec, saw: DecisionsSaw) -> DecisionsRule:
    del saw
    return DecisionsRule(arm_of_spec(spec).feedback, evolve_spec(spec).authoring.decisions)


def _patch_rule(spec: RunSpec, saw: AuthorPatchSaw) -> PatchReadingRule:
    return PatchReadingRule(evolve_spec(spec).authoring.repairs, patch_rule(spec, saw.family))


def _choice_rule(spec: RunSpec, saw: SkillChoiceSaw) -> ChoiceReadingRule:
    del saw
    return ChoiceReadingRule(evolve_spec(spec).authoring.repairs, arm_of_spec(spec).retrieval.k)


DECISIONS: Final[Point[DecisionsSaw, DecisionsRule, WordedDecisions]] = Point(
    name="decisions_worded",
    revision=1,
    saw=DecisionsSaw,
    settings=DecisionsRule,
    ruling=WordedDecisions,
    decisive=("text",),
    steers=True,
    rule=_decisions_rule,
)
_DECISIVE: Final = ("verdict", "value", "beside", "count", "problems", "quoted")
PATCH: Final[Point[AuthorPatchSaw, PatchReadingRule, ReadAnswer]] = Point(
    name="author_patch_read",
    revision=1,
    saw=AuthorPatchSaw,
    settings=PatchReadingRule,
    ruling=ReadAnswer,
    decisive=_DECISIVE,
    steers=True,
    rule=_patch_rule,
)
"""Value: the `Patch`. Count: files that it writes, edits or deletes. Problems of what is read: why the rules of the
library refuse it, for whoever applies it refuses it, too."""
CHOICE: Final[Point[SkillChoiceSaw, ChoiceReadingRule, ReadAnswer]] = Point(
    name="skill_choice_read",
    revision=1,
    saw=SkillChoiceSaw,
    settings=ChoiceReadingRule,
    ruling=ReadAnswer,
    decisive=_DECISIVE,
    steers=True,
    rule=_choice_rule,
)
"""Value: names of skills, the best first."""
POINTS: Final[Sequence[Point[Any, Any, Any]]] = (DECISIONS, PATCH, CHOICE)
