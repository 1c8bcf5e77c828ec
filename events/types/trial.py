"""Facts about a trial: one task under one condition. Stream ``trial/<name>``, written by the trial's actor."""

from typing import Literal

import msgspec

from events.base import Event
from events.digest import Digest, Fingerprint
from events.types.decision import Decided
from events.values import Outcome


class TrialOpened(Event, frozen=True, omit_defaults=True, tag="trial.opened"):
    """A task is about to be tried."""

    task: str
    condition: str
    """Label of what differs between trials of the same task; ``default`` when nothing does."""
    max_attempts: int
    """How many judged attempts it may have, from 1."""
    condition_digest: Digest | None = None
    """Blob: the condition itself, as canonical JSON: skills, note, model, agent, method and feedback. None: an earlier
    version recorded the trial, or it was imported."""


class TaskAsked(Event, frozen=True, tag="task.asked"):
    """The task's files were asked for: an effect, so that a replay needs no task folder."""

    task: str


class TaskRead(Event, frozen=True, tag="task.read"):
    """What the trial needs of the task, as it was found."""

    task_digest: Fingerprint
    """Package digest of the task folder."""
    instruction: Digest
    """Blob: the instruction, word for word."""
    test_source: Digest | None
    """Blob: the verifier's Python tests. None: it has none."""
    dockerfile: Digest | None
    """Blob: how the environment is built. None: nothing says."""
    agent_timeout_s: float | None
    """The task's own limit for an attempt, in seconds. None: no limit."""
    notes: tuple[str, ...]
    """What the sandbox honours less strictly than the task asks, and keys nobody knows."""


class StepRead(msgspec.Struct, frozen=True):
    """One step of a task that has several."""

    name: str
    instruction: Digest
    """Blob: the step's instruction, word for word."""
    timeout_s: float | None
    """Its limit for an agent, in seconds. None: no limit."""


class TaskReadInSteps(TaskRead, frozen=True, tag="task.read_in_steps"):
    """What the trial needs of a task of several steps; its instruction is that of all steps, one below the other."""

    steps: tuple[StepRead, ...]


class HintPrepared(Decided, frozen=True, tag="trial.hint_prepared"):
    """The verifier's tests were turned into a hint, with every answer hidden."""

    hint: Digest | None
    """Blob: the redacted text. None: no hint is given, and `reason` says why."""
    report: Digest
    """Blob: JSON list of what was hidden, by line and kind; never the values."""
    reason: str


class AttemptPlanned(Decided, frozen=True, tag="trial.attempt_planned"):
    """What the next attempt will be told was decided."""

    attempt: int
    """From 1, counting every attempt of the trial."""
    intervention: Literal["none", "soft", "strong"]
    injection: Digest | None
    """Blob: the text added to the instruction. None: nothing is added."""


class AttemptConcluded(Decided, frozen=True, tag="trial.attempt_concluded"):
    """An attempt ended, and the trial took note of how.

    The texts are what reflection and PDI are given.
    """

    attempt: int
    """From 1; imported ones as the source counts."""
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


class NextChosen(Decided, frozen=True, tag="trial.next_chosen"):
    """Before the first attempt and after each one: go on, or stop, and why."""

    after: int
    """Attempts of any kind so far; 0 before the first."""
    decision: Literal["continue", "solved", "exhausted", "give_up_infrastructure", "budget_reached", "cancelled"]
    counted: int | None
    """Ordinal of the next attempt among those that count, from 1. None: there is none."""
    reason: str
    then: Literal["reflect", "distil"] | None = None
    """What is learnt from the attempt before that. None: nothing, or an earlier version recorded it."""


class TrialClosed(Event, frozen=True, tag="trial.closed"):
    """The trial is over."""

    outcome: Literal["solved", "unsolved", "infrastructure", "budget", "stopped"]
    attempts: int
    """Attempts of any kind."""
    reward: float | None
    """Best reward any attempt earned. None: no attempt was scored."""
