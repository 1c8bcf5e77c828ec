"""What is wrong with a setting of a training run.

StillroomError
└── EngineError
    ├── SettingUnknown      a setting has a value that none of its choices is
    └── SupportUnreadable   a reflection says of its support what is no number
"""

from engine.core.errors import EngineError
from events.errors import ExitCode


class SettingUnknown(EngineError):
    """Raised when a setting that names one of a few choices names none of them.

    Attributes:
        setting: Its name.
        given: What it is set to.
        choices: What it may be, in order.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, setting: str, given: object, choices: tuple[str, ...]) -> None:
        super().__init__(f"{setting} is {given!r}, which is none of its values", remedy=f"use {', '.join(choices)}")
        self.setting = setting
        self.given = given
        self.choices = choices


class SupportUnreadable(EngineError):
    """Raised when the support that a reflection claims has to be read, and is no number."""

    def __init__(self, claim: object) -> None:
        super().__init__(
            f"a reflection says that it rests on {claim!r} rows",
            remedy="use the default method value, which counts the rows itself",
        )
        self.claim = claim
