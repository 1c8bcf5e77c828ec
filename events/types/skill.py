"""Facts about skills, in the stream of the actor that changes a library.

A candidate is proposed, and then accepted as a revision or rejected; a revision may be retired, and a library frozen. A
library is named within its run; where none is named, it is the run's own.
"""

from typing import Literal, TypeAlias

import msgspec

from events.base import Event, Ref
from events.digest import Digest, Fingerprint
from events.types.decision import Decided
from events.values import NamedDigest

SkillOrigin: TypeAlias = Literal["distilled", "written", "edited", "merged", "imported"]
"""How a skill came about: distilled from a solved trial; written by a person or a model from nothing; made from its
parent by edits; made from several; taken over from elsewhere."""


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
    library: str | None = None
    """Library that it is in force in. None: the run's own."""
    parent: Fingerprint | None = None
    """Digest of the folder of the revision whose place it takes. None: it takes none."""
    origin: SkillOrigin | None = None
    """None: it was distilled."""
    candidate: Ref | None = None
    """`SkillProposed` that it was. None: it was judged as it came."""


class SkillProposed(Event, frozen=True, omit_defaults=True, tag="skill.proposed"):
    """A candidate: a state of a skill that is not accepted yet. It is in force nowhere."""

    skill: str
    files: tuple[NamedDigest, ...]
    """Blobs: every file of the skill folder, ``SKILL.md`` first."""
    origin: SkillOrigin
    library: str | None = None
    """Library that it is meant for. None: the run's own."""
    parent: Fingerprint | None = None
    """Digest of the folder of the revision that it was made from. None: it was made from none."""
    report: Digest | None = None
    """Blob: JSON; how it was made, such as which edits were applied. None: nothing says."""


class SkillRejected(Decided, frozen=True, tag="skill.rejected"):
    """A candidate was not accepted. What was in force stays so."""

    skill: str
    candidate: Ref
    """`SkillProposed` that it was; of a skill in training, `CandidateMade`."""
    reasons: tuple[str, ...]
    library: str | None = None
    """None: the run's own."""


class SkillRetired(Decided, frozen=True, tag="skill.retired"):
    """A skill is in force no more. Its revisions stay on record."""

    skill: str
    revision: int
    """The one that was in force, from 1."""
    reason: str
    library: str | None = None
    """None: the run's own."""


class SkillRolledBack(Event, frozen=True, omit_defaults=True, tag="skill.rolled_back"):
    """An earlier revision of a skill is in force again. The revisions since stay on record."""

    skill: str
    revision: int
    """The one that was in force, from 1."""
    to: int
    """The one that is in force again, from 1."""
    digest: Fingerprint
    """Of its folder."""
    reason: str
    library: str | None = None
    """None: the run's own."""


class SkillInForce(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A skill of a library as it was frozen."""

    skill: str
    revision: int
    """From 1."""
    digest: Fingerprint
    """Of its folder."""


class LibraryFrozen(Decided, frozen=True, tag="library.frozen"):
    """No skill of a library changes any more: what is measured from here on is measured with these."""

    skills: tuple[SkillInForce, ...]
    """In force, by name. Empty: the library holds none."""
    digest: Fingerprint
    """Of the canonical JSON of `skills`."""
    library: str | None = None
    """None: the run's own."""
    snapshot: Fingerprint | None = None
    """Of its content alone, as `snapshot_digest` has it. None: nothing says."""


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
