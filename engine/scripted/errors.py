"""What can be wrong with a script or with the place it is served from.

StillroomError
└── ScriptedError
    ├── ScriptInvalid       the script cannot be read, or says something that cannot be played
    ├── CountsInvalid       the count file is not one of ours
    └── PortTaken           nothing can listen there
"""

from typing import ClassVar

from events.errors import ExitCode, StillroomError


class ScriptedError(StillroomError):
    """The scripted endpoint cannot start. Nothing was served."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE


class ScriptInvalid(ScriptedError):
    """Raised when a script cannot be played as it is written.

    Attributes:
        place: The file, and the rule and turn where there is one.
        key: The key that is wrong; None when it is the file or the whole table.
    """

    def __init__(self, place: str, key: str | None, why: str, *, remedy: str) -> None:
        super().__init__(f"{place}: {why}" if key is None else f"{place}: `{key}` {why}", remedy=remedy)
        self.place = place
        self.key = key


class CountsInvalid(ScriptedError):
    """Raised when a count file cannot be used, or holds lines that this endpoint did not write."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}", remedy="choose a new file for the counts, or the one written by this script")
        self.path = path


class PortTaken(ScriptedError):
    """Raised when the endpoint cannot listen."""

    def __init__(self, port: int, why: str) -> None:
        super().__init__(
            f"cannot listen on 127.0.0.1:{port}: {why}", remedy="choose another port, or 0 for any that is free"
        )
        self.port = port
