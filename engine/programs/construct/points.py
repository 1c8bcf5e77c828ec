"""Points of decision of constructing: reading answers, putting right, critique, rendering, and how it goes on."""

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import NoSettings, Point, no_settings
from engine.effects.answer_points import ReadAnswer, ReplySeen
from engine.programs.construct.spec import construct_spec
from events.digest import Digest
from events.types.construction import (
    BlueprintCritiqued,
    BlueprintIssue,
    BlueprintRepair,
    BlueprintRepaired,
    RenderedFile,
)
from events.types.decision import Held, Seen
from events.types.proving import ProofVerdict

# -- reading answers --------------------------------------------------------------------------------------------------


class ConstructionAnswerSaw(msgspec.Struct, frozen=True):
    """An answer that is to hold a blueprint, or what a critic found."""

    answer: Seen[ReplySeen]
    repairs: int
    """Repairs that were asked for before."""


class ConstructionReadingRule(msgspec.Struct, frozen=True):
    """How often an answer is asked for again, and how much a blueprint may hold."""

    repairs: int
    most_files: int
    most_bytes: int


def _reading_rule(spec: RunSpec, saw: ConstructionAnswerSaw) -> ConstructionReadingRule:
    del saw
    own = construct_spec(spec)
    return ConstructionReadingRule(own.answer_repairs, own.most_files, own.most_bytes)


_DECISIVE: Final = ("verdict", "value", "beside", "count", "problems", "quoted")
BLUEPRINT: Final[Point[ConstructionAnswerSaw, ConstructionReadingRule, ReadAnswer]] = Point(
    name="blueprint_read",
    revision=2,
    saw=ConstructionAnswerSaw,
    settings=ConstructionReadingRule,
    ruling=ReadAnswer,
    decisive=_DECISIVE,
    steers=True,
    rule=_reading_rule,
)
"""Value: the `Blueprint`. Count: its support files."""
CRITICISM: Final[Point[ConstructionAnswerSaw, ConstructionReadingRule, ReadAnswer]] = Point(
    name="criticism_read",
    revision=1,
    saw=ConstructionAnswerSaw,
    settings=ConstructionReadingRule,
    ruling=ReadAnswer,
    decisive=_DECISIVE,
    steers=True,
    rule=_reading_rule,
)
"""Value: list of `BlueprintIssue`."""

# -- putting right, and critique --------------------------------------------------------------------------------------


class RepairSaw(msgspec.Struct, frozen=True):
    """A blueprint as it was proposed."""

    name: str
    """Of the task."""
    blueprint: Held


class RepairRule(msgspec.Struct, frozen=True):
    """What tasks may not have."""

    allow_internet: bool


class RepairedBlueprint(msgspec.Struct, frozen=True):
    """It, with what can be put right put right."""

    blueprint: Digest
    repairs: tuple[BlueprintRepair, ...]


class CritiqueSaw(msgspec.Struct, frozen=True):
    """A blueprint, and what a critic said of it."""

    blueprint: Held
    brief: Held
    criticism: Held | None
    """JSON list of issues. None: no critic was asked, or none could be read."""


class Critiqued(msgspec.Struct, frozen=True):
    """What is wrong with it."""

    issues: tuple[BlueprintIssue, ...]
    blocking: int


def _repair_rule(spec: RunSpec, saw: RepairSaw) -> RepairRule:
    del saw
    return RepairRule(construct_spec(spec).allow_internet)


REPAIRS: Final = Point(
    name="blueprint_repairs",
    revision=2,
    saw=RepairSaw,
    settings=RepairRule,
    ruling=RepairedBlueprint,
    decisive=("blueprint",),
    steers=True,
    rule=_repair_rule,
    events=(BlueprintRepaired,),
)
CRITIQUE: Final = Point(
    name="blueprint_critique",
    revision=2,
    saw=CritiqueSaw,
    settings=NoSettings,
    ruling=Critiqued,
    decisive=("issues", "blocking"),
    steers=True,
    rule=no_settings,
    events=(BlueprintCritiqued,),
)

# -- whether a critic is asked ----------------------------------------------------------------------------------------


class AskCriticSaw(msgspec.Struct, frozen=True):
    """A blueprint that may be looked through."""

    round: int


class AskCriticRule(msgspec.Struct, frozen=True):
    """Whether a model is asked."""

    critique: bool


class AskCritic(msgspec.Struct, frozen=True):
    """Whether it is."""

    asked: bool


ASK_CRITIC: Final = Point(
    name="critic_asked",
    revision=1,
    saw=AskCriticSaw,
    settings=AskCriticRule,
    ruling=AskCritic,
    decisive=("asked",),
    steers=True,
    rule=lambda spec, _: AskCriticRule(construct_spec(spec).critique),
)

# -- rendering --------------------------------------------------------------------------------------------------------


class RenderingSaw(msgspec.Struct, frozen=True, omit_defaults=True):
    """A blueprint that a task is made of."""

    blueprint: Held
    variant_of: Held | None = None
    """Prompt spec that names the original. None: it is no variant; and inputs are written as before there were any."""


class Rendering(msgspec.Struct, frozen=True):
    """Its files."""

    files: tuple[RenderedFile, ...]


RENDERING: Final = Point(
    name="task_rendering",
    revision=1,
    saw=RenderingSaw,
    settings=NoSettings,
    ruling=Rendering,
    decisive=("files",),
    steers=True,
    rule=no_settings,
)

# -- how it goes on ---------------------------------------------------------------------------------------------------


class BlockingSeen(msgspec.Struct, frozen=True):
    """Of `BlueprintCritiqued`."""

    blocking: int


class ProofSeen(msgspec.Struct, frozen=True):
    """Of `ProofConcluded`."""

    verdict: ProofVerdict


class RenderRefusalSeen(msgspec.Struct, frozen=True):
    """Of `RenderRefused`."""

    reason: str


class CourseSaw(msgspec.Struct, frozen=True):
    """How far a construction is."""

    round: int
    """Of the blueprint, from 1."""
    revised: int
    """Revisions so far that no proof was made before."""
    critiqued: Seen[BlockingSeen]
    proof: Seen[ProofSeen] | None
    """Of this round. None: there was none yet."""
    refused: Seen[RenderRefusalSeen] | None
    """Why no task was made of it. None: it was, or was not tried yet."""


class CourseRule(msgspec.Struct, frozen=True):
    """How much may be spent."""

    rounds: int
    critique_revisions: int


class NextStep(msgspec.Struct, frozen=True):
    """What comes next."""

    then: Literal["render", "revise", "publish", "reject", "give_up"]
    """give_up: nothing is known to be wrong with it, and it could not be proved."""
    reason: str


def _course_rule(spec: RunSpec, saw: CourseSaw) -> CourseRule:
    del saw
    own = construct_spec(spec)
    return CourseRule(own.rounds, own.critique_revisions)


COURSE: Final = Point(
    name="construction_course",
    revision=1,
    saw=CourseSaw,
    settings=CourseRule,
    ruling=NextStep,
    decisive=("then",),
    steers=True,
    rule=_course_rule,
)
POINTS: Final[Sequence[Point[Any, Any, Any]]] = (BLUEPRINT, CRITICISM, REPAIRS, CRITIQUE, ASK_CRITIC, RENDERING, COURSE)
