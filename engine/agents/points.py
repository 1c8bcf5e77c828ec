"""Points of decision of the shell agent: what is done about an answer, and how a command's outcome is worded."""

from typing import Any, Final, Literal, TypeAlias

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import NoSettings, Point, no_settings
from events.digest import Digest
from events.types.decision import Seen
from events.types.model import ToolCall

Act: TypeAlias = Literal["run", "done", "question", "tell"]
"""What is done about an answer. ``question`` and ``tell`` both tell the model something; the first doubts that it is
done."""

# -- reading a turn ---------------------------------------------------------------------------------------------------


class AnswerSeen(msgspec.Struct, frozen=True):
    """Of `ModelAnswered`."""

    message: Digest
    text: Digest | None
    tool_calls: tuple[ToolCall, ...]
    finish: str | None


class TurnSaw(msgspec.Struct, frozen=True):
    """An answer, and where in the attempt it came."""

    answer: Seen[AnswerSeen]
    commands: int
    """Commands that were run before, however they ended."""
    questioned: int
    """Claims to be done that were questioned before."""


class Turn(msgspec.Struct, frozen=True):
    """What is done about an answer."""

    act: Act
    command: Digest | None
    """Blob: what is run. None: nothing is."""
    calls: tuple[str, ...]
    """Ids of the tool calls that what comes of the command answers, the one that is run first. Empty: it stood in the
    text, or nothing is run."""
    note: str
    """What of the answer has no effect, told with what comes of the command; empty when nothing."""
    own: Digest | None
    """Blob: the model's own message, as providers take it back. None: it says nothing, and is left out."""
    told: tuple[Digest, ...]
    """Blobs: messages to the model. Empty where something is run, or the agent is done."""
    size: int
    """Bytes of all these messages."""


TURN: Final = Point(
    name="turn",
    # Since 323f770: reasoning is told from what is said, fences are read as CommonMark has them, a claim to be done is
    # questioned once, no command with the mark of a secret is run, and messages are sent back as providers take them.
    revision=2,
    saw=TurnSaw,
    settings=NoSettings,
    ruling=Turn,
    decisive=("act", "command", "own", "told", "size"),
    steers=True,
    rule=no_settings,
)

# -- wording an observation -------------------------------------------------------------------------------------------


class RunSeen(msgspec.Struct, frozen=True):
    """Of the turn that ran the command."""

    calls: tuple[str, ...]
    note: str


class OutcomeSeen(msgspec.Struct, frozen=True):
    """Of `ActionObserved`."""

    ended: str
    exit_code: int | None
    stdout: Digest
    stderr: Digest


class ObservationSaw(msgspec.Struct, frozen=True):
    """What came of a command."""

    turn: Seen[RunSeen]
    outcome: Seen[OutcomeSeen]


class ObservationRule(msgspec.Struct, frozen=True):
    """How much is shown."""

    observation_chars: int
    """Characters of each output."""


class Observation(msgspec.Struct, frozen=True):
    """What the model is told of it."""

    told: tuple[Digest, ...]
    """Blobs: messages, one for each tool call that has to be answered."""
    size: int
    """Bytes of them."""


def _observation_rule(spec: RunSpec, saw: ObservationSaw) -> ObservationRule:
    del saw
    return ObservationRule(spec.agent.observation_chars)


OBSERVATION: Final = Point(
    name="observation",
    revision=1,
    saw=ObservationSaw,
    settings=ObservationRule,
    ruling=Observation,
    decisive=("told", "size"),
    steers=True,
    rule=_observation_rule,
)

POINTS: Final[tuple[Point[Any, Any, Any], ...]] = (TURN, OBSERVATION)
