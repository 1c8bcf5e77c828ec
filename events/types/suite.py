"""Facts about a suite: tasks by environment, family and role. It is read by an effect of the run, in the run's stream.

A suite is kept as a blob of canonical JSON. Its tasks are read and pinned as any tasks are; the suite says what each is
for, and holds the files of the curated skills.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from events.base import Event
from events.digest import Digest, Fingerprint
from events.values import NamedDigest

TaskRole: TypeAlias = Literal["canonical", "enriched", "variant", "context-shift", "adversarial", "composition"]
"""What a task of a family is for, as SkillEvolBench has it.

canonical (T1): its first encounter. enriched, variant (T2, T3): each shows a gap of the curated skill. context-shift
(T4): the same procedure on another surface. adversarial (T5): a tempting shortcut. composition (T6): more skills than
one.
"""
TaskPhase: TypeAlias = Literal["learning", "evaluation"]
"""learning: T1 to T3. evaluation: T4 to T6, after the library is frozen."""
Composition: TypeAlias = Literal["none", "within_family", "cross_family"]
ROLES: Final[tuple[TaskRole, ...]] = ("canonical", "enriched", "variant", "context-shift", "adversarial", "composition")
"""In the order of their indices, from T1."""
LEARNING: Final = 3
"""How many of them are learnt from."""
PHASES: Final[Mapping[TaskRole, TaskPhase]] = MappingProxyType(
    {role: "learning" if number < LEARNING else "evaluation" for number, role in enumerate(ROLES)}
)


class SuiteTask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a task of a suite is for."""

    task: str
    """Name of its folder, as the run pins it."""
    id: str
    """Of the suite, such as ``E1-LS2-T5``."""
    family: str
    """Id of its family, such as ``E1-LS2``."""
    environment: str
    """Id of its environment, such as ``E1``."""
    index: Annotated[int, msgspec.Meta(ge=1, le=6)]
    role: TaskRole
    phase: TaskPhase
    primary_skill: str | None
    """Id of the skill that it is about, such as ``E1-LS2.match-codes``. None: it does not say."""
    required_skills: tuple[str, ...]
    """Ids of skills that it needs together; empty unless it is a composition."""
    order: tuple[str, ...]
    """The same ids in the order in which they are applied."""
    composition: Composition
    traps: tuple[str, ...]
    """Kinds of traps; empty unless it is adversarial."""


class SuiteFamily(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Six tasks about one skill."""

    id: str
    environment: str
    """Id of its environment."""
    slug: str
    """Name of its skill's folder."""
    name: str
    description: str
    gaps: tuple[str, ...]
    """What the curated skill lacks, as the family says; no agent and no author is told."""
    curated: tuple[NamedDigest, ...]
    """Blobs: files of the curated skill by their paths below its folder, SKILL.md first. Empty: there is none."""
    tasks: tuple[str, ...]
    """Names of its tasks, T1 to T6."""

    @property
    def skill(self) -> str:
        """Id of its skill, as tasks name it."""
        return f"{self.id}.{self.slug}"


class SuiteEnvironment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Families that share a kind of work."""

    id: str
    slug: str
    families: tuple[SuiteFamily, ...]
    """Sorted by id."""


class Suite(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A suite as it was read."""

    name: str
    release: str | None
    """As its ``suite.toml`` says. None: it does not say, and only the digest tells two releases apart."""
    digest: Fingerprint
    """Of what its tasks, families and curated skills hold, whatever it is called. Two digests are never averaged."""
    environments: tuple[SuiteEnvironment, ...]
    """Sorted by id."""
    tasks: tuple[SuiteTask, ...]
    """Sorted by environment, family and index."""

    @property
    def families(self) -> tuple[SuiteFamily, ...]:
        """All of them, sorted by id."""
        return tuple(family for environment in self.environments for family in environment.families)

    @property
    def canonical(self) -> bytes:
        """The bytes that are kept."""
        return _encoder.encode(self)


_encoder: Final = msgspec.json.Encoder(order="deterministic")


def read_suite_blob(data: bytes) -> Suite:
    """Read a suite back.

    Raises:
        msgspec.MsgspecError: It is none.
    """
    return msgspec.json.decode(data, type=Suite)


def family_of_skill(skill: str) -> str:
    """Give the family that a skill's id belongs to: the part before the dot."""
    return skill.partition(".")[0]


def slug_of_skill(skill: str) -> str:
    """Give the name of the folder of a skill by its id: the part behind the dot, or all of it if there is no dot."""
    return skill.partition(".")[2] or skill


class SuiteAsked(Event, frozen=True, tag="suite.asked"):
    """A suite was to be read."""

    folder: str
    """Where it is, as the spec has it."""


class SuiteRead(Event, frozen=True, tag="suite.read"):
    """It was read."""

    name: str
    release: str | None
    """None: no file of it says."""
    digest: Fingerprint
    suite: Digest
    """Blob: `Suite` as canonical JSON."""
    shown: tuple[Digest, ...]
    """Blobs that it names, each once: files of curated skills."""


class SuiteMissing(Event, frozen=True, tag="suite.missing"):
    """It could not be read whole."""

    problem: str
    """All that is wrong with it."""
    remedy: str
