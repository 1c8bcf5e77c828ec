"""What can be wrong with what a person asks to see.

StillroomError
└── ViewError
    ├── IdUnknown       nothing goes by that id
    ├── IdAmbiguous     several things do
    ├── LogAbsent       there is no log here yet
    └── UsageWrong      the command line says something that cannot be
"""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import ClassVar, Final

from events.errors import ExitCode, StillroomError

_LISTED: Final = 5
_NEAR: Final = 0.8
"""Likeness from which on a name may have been meant, from 0 to 1: one letter of five."""


class ViewError(StillroomError):
    """What was asked for cannot be shown."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE


class IdUnknown(ViewError):
    """Raised when nothing goes by an id."""

    def __init__(self, text: str, what: str, known: Sequence[str], *, more: Sequence[str] = ()) -> None:
        """Say what there is instead.

        Args:
            text: What was typed.
            what: Kind of what it should name.
            known: What there is; the last five are listed.
            more: Further names that may have been meant and are not listed.
        """
        listed = f"known: {'..., ' if len(known) > _LISTED else ''}{', '.join(known[-_LISTED:])}"
        near = get_close_matches(text, [*known, *more], n=2, cutoff=_NEAR)
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        lists = "`stillroom runs` lists the runs, `stillroom skills list` the skills; --log FILE selects another log"
        super().__init__(f"no {what} {text}", remedy=f"{meant}{listed}" if known else lists)
        self.text = text


class IdAmbiguous(ViewError):
    """Raised when a shortened id could mean several things."""

    def __init__(self, text: str, matches: Sequence[str]) -> None:
        super().__init__(f"{text} is ambiguous: {', '.join(matches)}", remedy="type more characters, or the whole id")
        self.text = text
        self.matches = tuple(matches)


class LogAbsent(ViewError):
    """Raised when a log is to be read and is not there."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"no log at {path}",
            remedy="`stillroom demo` or `stillroom run` creates one; --log FILE selects another",
        )
        self.path = path


class UsageWrong(ViewError):
    """Raised when a command line cannot be understood."""
