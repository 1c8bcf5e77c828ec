"""What can be wrong with the arms of an evaluation, besides their settings.

StillroomError
└── EngineError
    └── ArmSkillsUnusable    skills that an arm names cannot be given as they are
"""

from collections.abc import Sequence
from typing import ClassVar, Final

from engine.core.errors import EngineError
from events.errors import ExitCode

_TOLD: Final = 10
"""Faults that are told; the others are counted."""


class ArmSkillsUnusable(EngineError):
    """Raised before anything starts when skills that an arm names cannot be given as they are.

    Attributes:
        source: As the spec names it.
        faults: Everything that is wrong with it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, source: str, faults: Sequence[str], *, remedy: str) -> None:
        more = [f"and {len(faults) - _TOLD} more"] if len(faults) > _TOLD else []
        super().__init__("\n".join([f"skills from {source}: {faults[0]}", *faults[1:_TOLD], *more]), remedy=remedy)
        self.source = source
        self.faults = tuple(faults)
