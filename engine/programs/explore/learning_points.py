"""Points of decision after an attempt: what becomes of a memo, what a distiller is shown, what becomes of a skill."""

from typing import Any, Final, Literal

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import NoSettings, Point, no_settings
from engine.programs.explore.points import Judged, JudgingSaw, VerdictSaw
from engine.programs.explore.policies.evidence.facts import EvidenceCaps
from engine.programs.explore.spec import EvidenceSpec
from events.base import Event, Ref
from events.digest import Digest
from events.types.decision import DecisionMade, Seen, Text
from events.types.memo import MemoKept, MemoRewritten
from events.types.skill import EvidenceGathered, SkillRefused, SkillRevised
from events.values import NamedDigest


class WordsSeen(msgspec.Struct, frozen=True):
    """Of `ModelAnswered`."""

    message: Digest
    text: Digest | None


# -- reflection -------------------------------------------------------------------------------------------------------


class ReflectionSaw(msgspec.Struct, frozen=True):
    """A reflector's answer."""

    answer: Seen[WordsSeen]
    repairs: int
    """Repairs that were asked for before."""


class Reflection(msgspec.Struct, frozen=True):
    """What becomes of it."""

    verdict: Literal["accept", "repair", "keep"]
    """It is the new memo; it is asked for once more; the old memo stands."""
    memo: Digest | None
    """Blob: the new memo. None: there is none."""
    problems: tuple[str, ...]
    """What is wrong with it, each as it is told to the model."""
    quoted: Digest | None
    """Blob: the model's own message, as it is shown to it again. None: it is not, being no words of its own."""


def _memo_ruling(event: MemoRewritten | MemoKept) -> Reflection:
    if isinstance(event, MemoRewritten):
        return Reflection("accept", event.memo, (), None)
    return Reflection("keep", None, event.problems, None)


REFLECTION: Final = Point(
    name="reflection",
    revision=2,  # since 323f770, reasoning is told from what is said
    saw=ReflectionSaw,
    settings=NoSettings,
    ruling=Reflection,
    decisive=("verdict", "memo", "problems", "quoted"),
    steers=True,
    rule=no_settings,
    events=(MemoRewritten, MemoKept, DecisionMade),
    heard=_memo_ruling,
)

# -- evidence ---------------------------------------------------------------------------------------------------------


class ExitSeen(msgspec.Struct, frozen=True):
    """Of `ActionObserved` or `AgentActed`."""

    exit_code: int | None


class ActionSaw(msgspec.Struct, frozen=True):
    """One command of an attempt."""

    command: Text | None
    """None: the task's own solution was run."""
    exit: Seen[ExitSeen]
    stdout: Text
    stderr: Text | None
    """None: there was nothing, or the agent does not tell it apart."""


class TriedSaw(msgspec.Struct, frozen=True):
    """An attempt before the one that solved the task."""

    attempt: int
    """From 1."""
    outcome: Seen[Judged]
    concluded: Ref
    """The trial's event that takes note of it."""
    ran: bool
    """Whether it ran anything."""
    first_command: Text | None
    """None: it ran nothing, or the task's own solution."""
    verdict: VerdictSaw | None
    """None: there was none."""
    memo: Text | None
    """As rewritten after it. None: the old one was kept, or none was written."""


class SolvedSeen(msgspec.Struct, frozen=True):
    """Of `NextChosen`."""

    decision: str


class EvidenceSaw(msgspec.Struct, frozen=True):
    """A solved trial."""

    trial: str
    solved: Seen[SolvedSeen]
    instruction: Text
    dockerfile: Text | None
    """None: the environment has none."""
    judging: JudgingSaw
    """How the attempt ended that solved it."""
    verdict: VerdictSaw | None
    actions: tuple[ActionSaw, ...]
    notes: tuple[Text, ...]
    """What the agent said, in that attempt."""
    before: tuple[TriedSaw, ...]
    """The attempts before it that count."""


class Evidence(msgspec.Struct, frozen=True):
    """What the distiller is shown."""

    blocks: tuple[NamedDigest, ...]
    """Blobs: the text of each block, in order."""
    references: Digest
    """Blob: JSON; which events each block rests on."""


def _evidence_caps(spec: RunSpec, saw: EvidenceSaw) -> EvidenceCaps:
    del saw
    # A method of another package may have no such settings; it is shown as much as there was before there were any.
    sizes: EvidenceSpec = getattr(spec.method, "evidence", EvidenceSpec())
    caps = {name: int(getattr(sizes, name) * sizes.scale) for name in sizes.__struct_fields__ if name != "scale"}
    # A default is left to the class, which omits only that very object when it is written.
    return EvidenceCaps(**{name: cap for name, cap in caps.items() if cap != getattr(EvidenceCaps(), name)})


EVIDENCE: Final = Point(
    name="evidence",
    revision=2,  # since 323f770, what an agent said is shown without its reasoning
    saw=EvidenceSaw,
    settings=EvidenceCaps,
    ruling=Evidence,
    decisive=("blocks",),
    steers=True,
    rule=_evidence_caps,
    events=(EvidenceGathered,),
)

# -- the skill --------------------------------------------------------------------------------------------------------


class SkillSaw(msgspec.Struct, frozen=True):
    """A distiller's answer, and what it is checked against."""

    answer: Seen[WordsSeen]
    task: str
    """Name of the task."""
    instruction: Text
    tests: Text | None
    """The verifier's Python tests, whose constants must not turn up in the skill. None: it has none."""
    repairs: int
    """Repairs that were asked for before."""


class SkillRuling(msgspec.Struct, frozen=True):
    """What becomes of it."""

    verdict: Literal["save", "repair", "refuse"]
    skill_md: Digest | None
    """Blob: the text of ``SKILL.md``. None: none is saved."""
    problems: tuple[str, ...]
    """What is wrong with it; where it is to be repaired, each as it is told to the model."""
    warnings: tuple[str, ...]
    """What is odd about a skill that is saved."""
    quoted: Digest | None
    """Blob: the model's own message, as it is shown to it again. None: it is not, being no words of its own."""


def _skill_ruling(event: Event) -> SkillRuling:
    if isinstance(event, SkillRevised):
        return SkillRuling("save", event.files[0].digest, (), event.warnings, None)
    assert isinstance(event, SkillRefused)
    return SkillRuling("refuse", None, event.problems, (), None)


SKILL: Final = Point(
    name="skill",
    revision=2,  # since 323f770, reasoning is told from what is said
    saw=SkillSaw,
    settings=NoSettings,
    ruling=SkillRuling,
    decisive=("verdict", "skill_md", "problems", "quoted"),
    steers=True,
    rule=no_settings,
    events=(SkillRevised, SkillRefused, DecisionMade),
    heard=_skill_ruling,
)

POINTS: Final[tuple[Point[Any, Any, Any], ...]] = (REFLECTION, EVIDENCE, SKILL)
