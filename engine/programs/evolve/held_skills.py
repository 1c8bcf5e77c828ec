"""A library as it stands: its skills, whose they are, and its snapshots; values that follow from its stream."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from events.base import Ref
from events.digest import Fingerprint
from events.types.decision import Text
from events.types.evolution import snapshot_digest
from events.types.skill import SkillInForce
from events.values import NamedDigest
from projections.library import folder_digest


class LibrarySkill(NamedTuple):
    """A skill of a library, in force."""

    skill: str
    family: str
    """Its id."""
    environment: str
    revision: int
    """From 1."""
    files: tuple[NamedDigest, ...]
    """``SKILL.md`` first."""
    data: Mapping[str, bytes]
    """By path."""
    at: Ref
    """The event that names them."""
    quarantined: bool = False
    narrowed: tuple[str, ...] = ()
    """Environments in which it is not to be used."""

    @property
    def digest(self) -> Fingerprint:
        """Of its folder."""
        return folder_digest(self.files)

    @property
    def texts(self) -> dict[str, str]:
        """Its files that are texts, by path."""
        found: dict[str, str] = {}
        for path, data in self.data.items():
            try:
                found[path] = data.decode()
            except UnicodeDecodeError:
                continue
        return found

    @property
    def named(self) -> tuple[tuple[str, Text], ...]:
        """Its files, for a decision: by ``<skill>/<path>``."""
        return tuple((f"{self.skill}/{each.name}", Text(each.digest, self.at)) for each in self.files)


class LibrarySnapshot(NamedTuple):
    """A state of a library."""

    skills: tuple[LibrarySkill, ...]
    """In force, by name."""

    @property
    def digest(self) -> Fingerprint:
        """Of its content alone."""
        return snapshot_digest((each.skill, each.digest) for each in self.skills)

    @property
    def given(self) -> Sequence[LibrarySkill]:
        """Those that may be given to a trial."""
        return [each for each in self.skills if not each.quarantined]

    @property
    def in_force(self) -> tuple[SkillInForce, ...]:
        """As a freeze names them."""
        return tuple(SkillInForce(each.skill, each.revision, each.digest) for each in self.skills)

    def of_family(self, family: str) -> Sequence[LibrarySkill]:
        """Give the skills of a family."""
        return [each for each in self.skills if each.family == family]


class HeldSkills:
    """A library on its way. Only the actor of its stream changes it."""

    def __init__(self) -> None:
        self._skills: dict[str, LibrarySkill] = {}
        self.owners: dict[str, str] = {}
        """Family of each skill, of those that are no more in force, too."""
        self.revisions: dict[str, int] = {}
        """The latest of each skill, of those that are no more in force, too."""
        self._before: dict[str, LibrarySkill] = {}
        """The revision before the one in force."""

    def put(self, skill: LibrarySkill) -> None:
        """Put a revision in force."""
        if skill.skill in self._skills:
            self._before[skill.skill] = self._skills[skill.skill]
        self._skills[skill.skill] = skill
        self.owners.setdefault(skill.skill, skill.family)
        self.revisions[skill.skill] = skill.revision

    def take_out(self, name: str) -> None:
        """Retire a skill."""
        del self._skills[name]

    def change(self, skill: LibrarySkill) -> None:
        """Change what is said of a revision in force, or go back to the one before."""
        self._skills[skill.skill] = skill

    def before(self, name: str) -> LibrarySkill | None:
        """Give the revision before the one in force. None: there was none."""
        return self._before.get(name)

    def get(self, name: str) -> LibrarySkill | None:
        """Give a skill that is in force. None: it is not."""
        return self._skills.get(name)

    @property
    def snapshot(self) -> LibrarySnapshot:
        """The state of now."""
        return LibrarySnapshot(tuple(self._skills[name] for name in sorted(self._skills)))
