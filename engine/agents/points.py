"""Points of decision of agents: reading an answer, wording an outcome, limits, and how an attempt ended."""

from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import ENDINGS_RECORDED, NoSettings, Point, no_settings
from engine.policies.ending import CallFailure, Reason
from events.digest import Digest
from events.types.agent import CallUnanswered, SkillRead
from events.types.attempt import AgentEnded
from events.types.decision import DecisionMade, Seen, Text
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

# -- limits -----------------------------------------------------------------------------------------------------------


class ActionEndSeen(msgspec.Struct, frozen=True):
    """Of `ActionObserved`."""

    ended: str


class LimitSaw(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an attempt, or a step of a task, has used before its next turn."""

    turns: int
    tokens: int
    """Input and output, failed calls included, as the providers counted them."""
    cost: int
    """Nano-USD, as far as it is known."""
    busy_s: float | None = None
    """Seconds of the attempt spent in effects, by the recorded times. None: a limit in time was not reached. Less is
    not seen: measured times tell two lives apart that decide the same."""
    began_s: float = 0.0
    """Those of them before the step began; 0 where the task has none."""
    allowed_s: float | None = None
    """Seconds that the task itself allows. None: it sets no limit, or none was reached."""
    last: Seen[ActionEndSeen] | None = None
    """The last command. None: none was run."""


class LimitRule(msgspec.Struct, frozen=True):
    """How much may be used; see `AgentSpec`."""

    max_turns: int
    max_tokens: int | None
    max_cost_usd: Decimal | None
    timeout_s: float | None


class Enough(msgspec.Struct, frozen=True):
    """Whether a limit ends it here."""

    reason: Literal["turn_limit", "token_limit", "time_limit", "cost_limit", "disk_limit"] | None
    """None: there is another turn."""
    detail: str


def _limit_rule(spec: RunSpec, saw: LimitSaw) -> LimitRule:
    del saw
    agent = spec.agent
    return LimitRule(agent.max_turns, agent.max_tokens, agent.max_cost_usd, agent.timeout_s)


LIMIT: Final = Point(
    name="limit",
    revision=1,
    saw=LimitSaw,
    settings=LimitRule,
    ruling=Enough,
    decisive=("reason",),
    steers=True,
    rule=_limit_rule,
    since=ENDINGS_RECORDED,
)

# -- the end of an attempt --------------------------------------------------------------------------------------------


class ActSeen(msgspec.Struct, frozen=True):
    """Of the turn in which the agent said that it is done."""

    act: Act


class RefusalSeen(msgspec.Struct, frozen=True):
    """Of `BudgetRefused`."""

    cap: str


class BreakdownSeen(msgspec.Struct, frozen=True):
    """Of `SandboxFailed`."""

    kind: str
    detail: str


class ReadsSeen(msgspec.Struct, frozen=True):
    """Of `ActionObserved`, or of `AgentRunFinished`."""

    reads: tuple[SkillRead, ...] | None


class SolutionSeen(msgspec.Struct, frozen=True):
    """Of `ActionObserved`, where the task's own solution was run."""

    ended: str
    exit_code: int | None


class AgentRunSeen(msgspec.Struct, frozen=True):
    """Of `AgentRunFinished`."""

    stopped: Literal["turn_limit", "token_limit", "cost_limit", "budget"] | None
    ended: Literal["exited", "timed_out", "output_limit", "memory", "disk"]
    exit_code: int | None
    calls: int
    answered: int
    unanswered: tuple[CallUnanswered, ...] | None
    cut: int | None


class AttemptEnding(msgspec.Struct, frozen=True):
    """How an attempt's agent ended, or its part in one step."""

    reason: Reason
    detail: str
    verified: bool
    """Whether the verifier judges what it left."""


class StepEndSeen(msgspec.Struct, frozen=True):
    """Of the ruling on the last step."""

    reason: Reason
    detail: str


class AgentReport(msgspec.Struct, frozen=True):
    """What an agent says of its end, where nothing recorded does."""

    reason: Reason
    detail: str


class EndingSaw(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an attempt's agent ended at.

    One of these is there; two where a call failed and nothing pays for another, none where a task has no step.
    """

    done: Seen[ActSeen] | None = None
    limit: Seen[Enough] | None = None
    failed: Seen[CallFailure] | None = None
    """The last call of its model, which was not answered."""
    refused: Seen[RefusalSeen] | None = None
    broken: Seen[BreakdownSeen] | None = None
    solution: Seen[SolutionSeen] | None = None
    run: Seen[AgentRunSeen] | None = None
    """Of an installed agent."""
    stderr: Text | None = None
    """What that one printed besides."""
    last: Seen[StepEndSeen] | None = None
    """The last step of a task of several."""
    said: AgentReport | None = None
    step: str | None = None
    """Name of the step that broke down. None: the task has none, or it was the agent that met it."""
    actions: int = 0
    """Commands run and tools used by the agent, in this step where the task has several."""
    before: int = 0
    """Those in the steps before."""


ENDING: Final = Point(
    name="ending",
    revision=1,
    saw=EndingSaw,
    settings=NoSettings,
    ruling=AttemptEnding,
    decisive=("reason", "detail", "verified"),
    steers=True,
    rule=no_settings,
    events=(AgentEnded, DecisionMade),
    since=ENDINGS_RECORDED,
    later=("verified",),
)

POINTS: Final[tuple[Point[Any, Any, Any], ...]] = (TURN, OBSERVATION, LIMIT, ENDING)
