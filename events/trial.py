"""Facts about a trial: one task under one condition. Stream ``trial/<name>``, written by the trial's actor."""

from typing import Literal

from events.base import Event
from events.digest import Digest
from events.values import Outcome


class TrialOpened(Event, frozen=True, tag="trial.opened"):
    """A task is about to be tried."""

    task: str
    task_digest: Digest
    """Package digest of the task folder; not a blob."""
    condition: str
    """What differs between trials of the same task; ``default`` when nothing does."""
    instruction: Digest
    """Blob: the task's own instruction, without anything injected."""
    max_attempts: int
    """How many judged attempts it may have, from 1."""


class HintPrepared(Event, frozen=True, tag="trial.hint_prepared"):
    """The verifier's tests were turned into a hint, with every answer hidden."""

    hint: Digest | None
    """Blob: the redacted text. None: no hint is given, and `reason` says why."""
    report: Digest
    """Blob: JSON list of what was hidden, by line and kind; never the values."""
    reason: str


class AttemptPlanned(Event, frozen=True, tag="trial.attempt_planned"):
    """What the next attempt will be told was decided."""

    attempt: int
    """From 1, counting every attempt of the trial."""
    intervention: Literal["none", "soft", "strong"]
    injection: Digest | None
    """Blob: the text added to the instruction. None: nothing is added."""


class AttemptConcluded(Event, frozen=True, tag="trial.attempt_concluded"):
    """An attempt ended, and the trial took note of how.

    The texts are what reflection and PDI are given.
    """

    attempt: int
    outcome: Outcome
    status: Literal["PASS", "PARTIAL", "FAIL", "ERROR", "INFRA_ERROR"]
    """SPARK's word for the same (SPARK, judge)."""
    passed: int
    """Tests that passed; 0 if the verifier counts none."""
    total: int
    commands: Digest
    """Blob: what the agent ran, as PDI reads it: unique commands, joined by LF (SPARK, 5.3)."""
    test_summary: Digest
    """Blob: rows of passed and failed tests."""


class NextDecided(Event, frozen=True, tag="trial.next_decided"):
    """After an attempt: go on, or stop, and why."""

    attempt: int
    next: Literal["attempt", "distil", "stop"]
    reason: Literal["unsolved", "solved", "exhausted", "infrastructure", "budget", "stopped"]
    judged: int
    """Attempts judged so far."""
    infrastructure_in_a_row: int


class TrialClosed(Event, frozen=True, tag="trial.closed"):
    """The trial is over."""

    outcome: Literal["solved", "unsolved", "infrastructure", "budget", "stopped"]
    attempts: int
    """Attempts of any kind."""
    reward: float | None
    """Best reward any attempt earned. None: no attempt was scored."""
