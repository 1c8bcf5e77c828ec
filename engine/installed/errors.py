"""What can go wrong with agents of other makes before a run.

StillroomError
└── EngineError
    └── KitUnavailable     what the agent needs cannot be installed here
"""

from typing import ClassVar

from engine.errors import EngineError
from events.errors import ExitCode


class KitUnavailable(EngineError):
    """Raised when what an agent needs is not here and cannot be fetched.

    Attributes:
        agent: Its name.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, agent: str, why: str, *, remedy: str) -> None:
        super().__init__(f"the agent {agent!r} cannot be installed: {why}", remedy=remedy)
        self.agent = agent
