"""Facts about an attempt: one agent in one fresh sandbox. Stream ``attempt/<trial>/<n>``."""

from typing import Literal

from events.base import Event
from events.digest import Digest
from events.types.decision import Decided
from events.values import NanoUsd, Outcome, Usage


class AttemptOpened(Event, frozen=True, tag="attempt.opened"):
    """An agent is about to be let into a fresh sandbox."""

    trial: str
    attempt: int
    """From 1."""
    agent: str
    """Name under which the agent is registered, such as ``shell`` or ``oracle``."""
    instruction: Digest
    """Blob: what the agent is told, injections included."""


class AgentEnded(Event, frozen=True, tag="attempt.agent_ended"):
    """The agent stopped acting; the verifier speaks next.

    Each limit is its own reason. `failed` means that the agent's model could not be reached or refused:
    that is never a score.
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
    """Model answers taken."""


class AttemptJudged(Decided, frozen=True, tag="attempt.judged"):
    """The verifier spoke, or could not."""

    outcome: Outcome
    passed: int
    total: int
    test_summary: Digest
    """Blob: rows of passed and failed tests; empty if the verifier names none."""


class AttemptAbandoned(Event, frozen=True, tag="attempt.abandoned"):
    """The attempt cannot be finished. It is not a failed attempt and has no reward."""

    reason: Literal["sandbox_lost", "infrastructure", "stopped"]
    detail: str


class ImportedAttempt(Event, frozen=True, tag="attempt.imported"):
    """An attempt of a past run, as another system recorded it. We did not see it happen."""

    trial: str
    attempt: int
    """As the source counts; SPARK from 0."""
    stdout: Digest | None
    """Blob: everything the agent printed. None: the source does not hold it."""
    verifier_stdout: Digest | None
    error: str
    """The source's own error text; empty if none."""


class InjectionImported(Event, frozen=True, tag="attempt.injection_imported"):
    """What an attempt of a past run was told of those before it. Absent: nothing says."""

    intervention: Literal["none", "soft", "strong"] | None
    """None: the source does not say, and nothing that it recorded says it."""
    injection: Digest | None
    """Blob: the text that was added to the instruction. None: the source does not hold it."""
    follows_from: Literal["injection", "pdi", "order"] | None
    """What says which intervention it was: the text itself, the reading of PDI before the attempt, or that it is the
    first. None: nothing does."""


class UsageImported(Event, frozen=True, tag="attempt.usage_imported"):
    """What an attempt of a past run took in all, as another system counted it; nothing tells by which calls."""

    model: str | None
    """None: the source names none."""
    usage: Usage
    cost: NanoUsd | None
    """None: the source does not say."""
