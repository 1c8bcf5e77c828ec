"""What can go wrong with installed agents before a run.

StillroomError
└── EngineError
    ├── KitUnavailable     what the agent needs cannot be installed here
    └── SkillsUnusable     a folder of skills cannot be given to an agent as it is
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from engine.core.errors import EngineError
from events.errors import ExitCode

_TOLD: Final = 10
"""Faults that are told; the others are counted."""


class KitUnavailable(EngineError):
    """Raised when what an agent needs is not here and cannot be fetched.

    Attributes:
        agent: Its name.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, agent: str, why: str, *, remedy: str) -> None:
        super().__init__(f"the agent {agent!r} cannot be installed: {why}", remedy=remedy)
        self.agent = agent


class SkillsUnusable(EngineError):
    """Raised when the skills that a spec names cannot be given to its agent as they are.

    Attributes:
        folder: The folder.
        faults: Everything that is wrong with it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, folder: Path, faults: Sequence[str], *, remedy: str | None = None) -> None:
        more = [f"and {len(faults) - _TOLD} more"] if len(faults) > _TOLD else []
        super().__init__(
            "\n".join([f"agent.skills = {folder}: {faults[0]}", *faults[1:_TOLD], *more]),
            remedy=remedy
            or "fix the folder, or choose another: it contains skills, each a folder NAME with a SKILL.md "
            "(--- name: NAME, description: … ---) and files of its own; nothing was started",
        )
        self.folder = folder
        self.faults = tuple(faults)
