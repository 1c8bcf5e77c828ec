"""Facts about a trial: one task under one condition. Stream ``trial/<name>``, written by the trial's actor."""

from typing import Literal

import msgspec

from events.base import Event
from events.digest import Digest, Fingerprint
from events.types.decision import Decided
from events.values import Outcome


class TrialOpened(Event, frozen=True, omit_defaults=True, tag="trial.opened"):
    """A trial of a task was started."""

    task: str
    condition: str
    """Label of what differs between trials of the same task; ``default`` if nothing does."""
    max_attempts: int
    """Maximum number of judged attempts, from 1."""
    condition_digest: Digest | None = None
    """Blob: the condition itself, as canonical JSON: skills, note, model, agent, method and feedback. None: an earlier
    version recorded the trial, or it was imported."""


class TaskAsked(Event, frozen=True, tag="task.asked"):
    """The task's files were requested. It is an effect, so that a replay needs no task folder."""

    task: str


class TaskRead(Event, frozen=True, tag="task.read"):
    """The task as it was read."""

    task_digest: Fingerprint
    """Package digest of the task folder."""
    instruction: Digest
    """Blob: the instruction, word for word."""
    test_source: Digest | None
    """Blob: the verifier's Python tests. None: it has none."""
    dockerfile: Digest | None
    """Blob: how the environment is built. None: the task has none."""
    agent_timeout_s: float | None
    """The task's own time limit for an attempt, in seconds. None: no limit."""
    notes: tuple[str, ...]
    """Features that the sandbox enforces less strictly than the task asks, and unknown keys."""


class StepRead(msgspec.Struct, frozen=True):
    """One step of a task that has several."""

    name: str
    instruction: Digest
    """Blob: the step's instruction, word for word."""
    timeout_s: float | None
    """Time limit for the agent, in seconds. None: no limit."""


class TaskReadInSteps(TaskRead, frozen=True, tag="task.read_in_steps"):
    """A task of several steps as it was read; its instruction joins those of all steps."""

    steps: tuple[StepRead, ...]


class HintPrepared(Decided, frozen=True, tag="trial.hint_prepared"):
    """The verifier's tests were turned into a hint, with every answer redacted."""

    hint: Digest | None
    """Blob: the redacted text. None: no hint is given, and `reason` says why."""
    report: Digest
    """Blob: JSON list of what was redacted, by line and kind; never the values."""
    reason: str


class AttemptPlanned(Decided, frozen=True, tag="trial.attempt_planned"):
    """The next attempt was planned: its intervention and the text added to its instruction."""

    attempt: int
    """From 1, counting every attempt of the trial."""
    intervention: Literal["none", "soft", "strong"]
    injection: Digest | None
    """Blob: the text added to the instruction. None: nothing is added."""


class AttemptConcluded(Decided, frozen=True, tag="trial.attempt_concluded"):
    """An attempt ended, and the trial recorded its outcome.

    Reflection and PDI read the texts.
    """

    attempt: int
    """From 1; for imported runs as the source counts."""
    outcome: Outcome
    status: Literal["PASS", "PARTIAL", "FAIL", "ERROR", "INFRA_ERROR"]
    """SPARK's name for the outcome (SPARK, judge)."""
    passed: int
    """Tests that passed; 0 if the verifier counts none."""
    total: int
    commands: Digest
    """Blob: the agent's commands as PDI reads them: unique, joined by LF (SPARK, 5.3)."""
    test_summary: Digest
    """Blob: rows of passed and failed tests."""


class NextChosen(Decided, frozen=True, tag="trial.next_chosen"):
    """Decided before the first attempt and after each one: whether the trial continues, and why."""

    after: int
    """Attempts of any kind so far; 0 before the first."""
    decision: Literal["continue", "solved", "exhausted", "give_up_infrastructure", "budget_reached", "cancelled"]
    counted: int | None
    """Ordinal of the next attempt among those that count, from 1. None: there is none."""
    reason: str
    then: Literal["reflect", "distil"] | None = None
    """What is done with the attempt first. None: nothing, or an earlier version recorded it."""


class TrialClosed(Event, frozen=True, tag="trial.closed"):
    """The trial ended."""

    outcome: Literal["solved", "unsolved", "infrastructure", "budget", "stopped"]
    attempts: int
    """Attempts of any kind."""
    reward: float | None
    """Best reward of any attempt. None: no attempt was scored."""
