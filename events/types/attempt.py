"""Facts about an attempt: one agent in one fresh sandbox. Stream ``attempt/<trial>/<n>``."""

from typing import Literal

from events.base import Event
from events.digest import Digest
from events.types.decision import Decided
from events.values import NanoUsd, Outcome, Usage


class AttemptOpened(Event, frozen=True, tag="attempt.opened"):
    """An attempt was started: one agent in one fresh sandbox."""

    trial: str
    attempt: int
    """From 1."""
    agent: str
    """Name under which the agent is registered, such as ``shell`` or ``oracle``."""
    instruction: Digest
    """Blob: the agent's instruction, with the injected text."""


class AgentEnded(Decided, frozen=True, tag="attempt.agent_ended"):
    """The agent stopped; the verifier runs next, if there is something to judge.

    Each limit is a reason of its own. `failed` means that the agent's model could not be reached or refused; that is
    never a score.
    """

    reason: Literal[
        "done",
        "turn_limit",
        "token_limit",
        "time_limit",
        "cost_limit",
        "disk_limit",
        "budget",
        "context_limit",
        "failed",
    ]
    detail: str
    turns: int
    """Number of model answers."""
    verified: bool | None = None
    """Whether the verifier judges what the agent left. None: an earlier version recorded it."""


class AttemptJudged(Decided, frozen=True, tag="attempt.judged"):
    """The attempt was judged from the verifier's result, or from the lack of one."""

    outcome: Outcome
    passed: int
    total: int
    test_summary: Digest
    """Blob: rows of passed and failed tests; empty if the verifier lists none."""


class AttemptAbandoned(Event, frozen=True, tag="attempt.abandoned"):
    """The attempt could not be finished. It is not a failed attempt and has no reward."""

    reason: Literal["sandbox_lost", "infrastructure", "stopped"]
    detail: str


class ImportedAttempt(Event, frozen=True, tag="attempt.imported"):
    """An attempt of a past run, as another system recorded it; not observed by stillroom."""

    trial: str
    attempt: int
    """As the source counts; SPARK from 0."""
    stdout: Digest | None
    """Blob: everything the agent printed. None: the source does not contain it."""
    verifier_stdout: Digest | None
    error: str
    """The source's own error text; empty if none."""


class InjectionImported(Event, frozen=True, tag="attempt.injection_imported"):
    """What an attempt of a past run was told about earlier attempts. Absent: unknown."""

    intervention: Literal["none", "soft", "strong"] | None
    """None: it cannot be derived from the source."""
    injection: Digest | None
    """Blob: the text that was added to the instruction. None: the source does not contain it."""
    follows_from: Literal["injection", "pdi", "order"] | None
    """What the intervention was derived from: the injected text, the PDI reading before the attempt, or that it is the
    first attempt. None: it is unknown."""


class UsageImported(Event, frozen=True, tag="attempt.usage_imported"):
    """Total usage of an attempt of a past run, as another system counted it; not attributed to single calls."""

    model: str | None
    """None: the source does not say."""
    usage: Usage
    cost: NanoUsd | None
    """None: the source does not say."""
