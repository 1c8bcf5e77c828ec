"""Facts about skills. In the stream of the trial whose success was distilled."""

from events.base import Event
from events.digest import Digest
from events.types.decision import Decided
from events.values import NamedDigest


class EvidenceGathered(Decided, frozen=True, tag="skill.evidence_gathered"):
    """The six blocks of evidence were gathered from a solved trial (SPARK, 4.1)."""

    attempt: int
    """The attempt that solved it."""
    blocks: tuple[NamedDigest, ...]
    """Blobs: the text of each block, in order."""
    references: Digest
    """Blob: JSON; which events each block rests on."""


class SkillRevised(Decided, frozen=True, tag="skill.revised"):
    """A new revision of a skill was accepted."""

    skill: str
    """Name of the skill, as in its folder and its front matter."""
    revision: int
    """From 1."""
    files: tuple[NamedDigest, ...]
    """Blobs: every file of the skill folder, ``SKILL.md`` first."""
    provenance: Digest
    """Blob: JSON side file; which events and digests each claim rests on. Not part of the skill."""
    warnings: tuple[str, ...]


class SkillRefused(Decided, frozen=True, tag="skill.refused"):
    """No skill was accepted: the distiller failed, or its answers broke the rules."""

    skill: str
    answer: Digest | None
    """Blob: the last answer. None: there was none."""
    problems: tuple[str, ...]


class SkillImported(Event, frozen=True, tag="skill.imported"):
    """A ``SKILL.md`` of another system, unchanged, whether it follows the rules or not."""

    skill: str
    files: tuple[NamedDigest, ...]
    problems: tuple[str, ...]
    """Which rules it breaks; empty if none."""
