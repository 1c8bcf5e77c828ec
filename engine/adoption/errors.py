"""What can go wrong when skills are adopted.

StillroomError
└── AdoptionError
    ├── SkillUnfit          the files of a skill cannot be laid out in a folder
    ├── TargetUnusable      the folder, or a part of it, is a link or no folder, or cannot be written
    ├── FolderForeign       a folder of that name is there, and no adoption wrote it
    ├── FolderEdited        the folder is not as its adoption left it
    ├── FolderBusy          the folder was changed while it was about to be replaced
    ├── DirectoryLocked     another process adopts into the same folder of skills
    ├── NothingAdopted      there is no adoption to take back
    ├── AdoptedOver         a skill that was adopted as one with others was adopted again since
    ├── ReceiptDamaged      a receipt, or the bytes that it names, was changed
    └── AdoptionUnclear     an interrupted adoption can neither be finished nor undone
"""

from collections.abc import Sequence
from typing import ClassVar, Final

from events.errors import ExitCode, StillroomError

_LISTED: Final = 8
"""Differences that an error names; the diff shows all."""


class AdoptionError(StillroomError):
    """Base class of errors of adoptions. Nothing of the person's folder was changed, unless it says so."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE


class SkillUnfit(AdoptionError):
    """Raised when the files of a skill cannot be laid out in a folder without touching what is not theirs."""

    def __init__(self, skill: str, faults: Sequence[str]) -> None:
        super().__init__(f"{skill} cannot be adopted: {'; '.join(faults)}", remedy="do not use this skill")
        self.faults = tuple(faults)


class TargetUnusable(AdoptionError):
    """Raised when a folder of skills, or something in it, cannot be used."""

    def __init__(self, path: str, why: str, remedy: str) -> None:
        super().__init__(f"{path} {why}", remedy=remedy)
        self.path = path


class FolderForeign(AdoptionError):
    """Raised when a folder of the skill's name is there, and no adoption wrote it."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is there, and no adoption wrote it",
            remedy="move it away; or --replace keeps its bytes beside and replaces it, and `skills rollback` brings it "
            "back",
        )
        self.path = path


class FolderEdited(AdoptionError):
    """Raised when a folder is not as its adoption left it.

    Attributes:
        changes: What differs from what was adopted, in words.
    """

    def __init__(self, path: str, changes: Sequence[str]) -> None:
        more = "" if len(changes) <= _LISTED else f" and {len(changes) - _LISTED} more"
        super().__init__(
            f"{path} was changed since it was adopted: {'; '.join(changes[:_LISTED])}{more}",
            remedy="undo those changes; or --replace keeps the bytes as they are now beside, and replaces the folder",
        )
        self.path = path
        self.changes = tuple(changes)


class FolderBusy(AdoptionError):
    """Raised when a folder was changed while it was about to be replaced. It is as it was changed to."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} was changed while it was about to be replaced; it was left as it is",
            remedy="see that nothing writes to it, look at the diff again, and repeat the command",
        )
        self.path = path


class DirectoryLocked(AdoptionError):
    """Raised when another process adopts into the same folder of skills."""

    def __init__(self, path: str) -> None:
        super().__init__(f"another process is adopting skills into {path}", remedy="wait for it to end, then repeat")
        self.path = path


class NothingAdopted(AdoptionError):
    """Raised when there is no adoption to take back."""

    def __init__(self, path: str, skill: str, known: Sequence[str]) -> None:
        listed = f"adopted there: {', '.join(known)}" if known else "nothing is adopted there"
        super().__init__(f"no adoption of {skill} in {path} can be taken back", remedy=listed)
        self.skill = skill


class AdoptedOver(AdoptionError):
    """Raised when a skill that was adopted as one with others was adopted again since: not all can be taken back."""

    def __init__(self, path: str, skill: str, other: str) -> None:
        super().__init__(
            f"what was adopted with {skill} into {path} cannot be taken back as one: {other} was adopted again since",
            remedy=f"take the later adoption back first: `skills rollback {other}`; or leave --together out",
        )
        self.skill, self.other = skill, other


class ReceiptDamaged(AdoptionError):
    """Raised when a receipt, or the bytes that one names, is not as it was written."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path} {why}", remedy="restore it from a copy; nothing was changed")
        self.path = path


class AdoptionUnclear(AdoptionError):
    """Raised when an interrupted adoption can neither be finished nor undone: somebody changed what it left."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, path: str, left: str) -> None:
        super().__init__(
            f"an adoption into {path} was interrupted, and the folder and {left} were both changed since",
            remedy=f"compare the two, put the one that is to count at {path}, and remove {left} and pending.json "
            "beside it",
        )
        self.path = path
