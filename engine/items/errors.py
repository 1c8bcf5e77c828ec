"""What can be wrong with item sets.

StillroomError
└── EngineError
├── ItemsInvalid    rows of an item set are not as their format has them
├── ItemsMissing    a folder holds no items, or not those of a split
├── ManifestInvalid a manifest names an item twice, or one that no row is of
├── SetStands       a set would be written where something is
├── SplitUnknown    no split has this name
├── RatioInvalid    a ratio of splits is not three numbers
├── WayUnsupported  items of a format cannot be rolled out in the way that is asked for
└── RowInvalid      one row is wrong; it becomes part of an ItemsInvalid
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

from typing_extensions import override

from engine.core.errors import EngineError
from events.errors import ExitCode

_SHOWN: Final = 5
"""Faults that a message lists."""


class RowInvalid(EngineError):
    """Raised by a format when a row is not as it has to be. Whoever reads the file adds where it stands."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, remedy="correct the row")


class RowFault(NamedTuple):
    """What is wrong, and where."""

    file: Path
    line: int | None
    """From 1. None: the file as a whole."""
    problem: str

    @override
    def __str__(self) -> str:
        """Write it as compilers do."""
        return f"{self.file}{'' if self.line is None else f':{self.line}'}: {self.problem}"


def _listed(faults: Sequence[RowFault]) -> str:
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    return "; ".join(map(str, faults[:_SHOWN])) + more


class ItemsInvalid(EngineError):
    """Raised when an item set cannot be read whole. No item is left out in silence."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, faults: Sequence[RowFault]) -> None:
        super().__init__(
            _listed(faults),
            remedy="correct these rows, or leave items out by name with an exclusion list",
        )
        self.faults = tuple(faults)


class ManifestInvalid(EngineError):
    """Raised when no set can be made of a manifest. Every item of it is found once, or nothing is written."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, faults: Sequence[RowFault]) -> None:
        super().__init__(_listed(faults), remedy="correct the manifest or these rows, or name the files that lack")
        self.faults = tuple(faults)


class ItemsMissing(EngineError):
    """Raised when a folder has no items to read."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, folder: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{folder}: {problem}", remedy=remedy)
        self.folder = folder


class SetStands(EngineError):
    """Raised before a set is written over what is there."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} already exists", remedy="name another folder, or remove it")
        self.folder = folder


class SplitUnknown(EngineError):
    """Raised when a split has another name than those that are known."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"no split is called {name!r}", remedy=f"use one of: {', '.join(known)}")
        self.name = name


class RatioInvalid(EngineError):
    """Raised when a ratio of splits cannot be read."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is no ratio of splits", remedy="write train:val:test as whole numbers above 0, such as 2:1:7"
        )
        self.text = text


class WayUnsupported(EngineError):
    """Raised before an item is rolled out in a way in which its format cannot score it."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, form: str, way: str, ways: Sequence[str]) -> None:
        have = f"use one of: {', '.join(ways)}" if ways else "they can be read and scored, but not rolled out yet"
        super().__init__(f"items of the format {form!r} cannot be rolled out by the way {way!r}", remedy=have)
        self.way = way
