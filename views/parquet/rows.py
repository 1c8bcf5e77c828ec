"""Rows of the tables that `export parquet` writes. Each class is a table; its fields are the columns, in order.

Times are UTC with microseconds, amounts whole numbers of 10^-9 US dollars, and null means that nobody knows.
"""

from datetime import datetime

import msgspec


class ParquetRun(msgspec.Struct, frozen=True):
    """A run."""

    run: str
    name: str | None
    """None: nobody gave it one."""
    started_at: datetime
    """Of an imported run: when it was imported."""
    state: str
    """done, running, paused, cut off or imported."""
    source: str
    """stillroom, or the system that it was imported from."""
    parent: str | None
    """Run that it was forked from. None: it was started."""
    program: str | None
    method: str | None
    scripted: bool
    """Whether a script stood in for a model."""
    tasks: int
    trials: int
    solved: int
    """Trials; of an evaluation, cells. So are the two that follow."""
    unsolved: int
    no_verdict: int
    attempts: int
    calls: int | None
    failed_calls: int | None
    tokens: int | None
    cost_nano_usd: int | None
    """Known costs only."""
    unknown_cost_calls: int
    """Calls whose cost is missing from that sum."""
    incomplete: tuple[str, ...]
    """Columns whose sum lacks something."""
    events: int


class ParquetTrial(msgspec.Struct, frozen=True):
    """A trial of a run."""

    run: str
    trial: str
    task: str
    condition: str
    condition_digest: str | None
    outcome: str
    """solved, unsolved, no verdict, budget reached, stopped, running or cut off."""
    reward: float | None
    """Best reward of its attempts, in the verifier's own unit."""
    attempts: int
    max_attempts: int | None
    interventions: tuple[str, ...]
    skill: str | None
    errors: dict[str, int]
    """Failures of the infrastructure or of model calls, by kind."""
    failed_calls: int | None
    tokens: int | None
    cost_nano_usd: int | None
    unknown_cost_calls: int
    incomplete: tuple[str, ...]


class ParquetAttempt(msgspec.Struct, frozen=True):
    """An attempt of a trial."""

    run: str
    trial: str
    attempt: int
    """From 1; of imported runs as the source counts."""
    began_s: float | None
    """Seconds of work since the run began. None: the run was imported."""
    took_s: float | None
    """Seconds. None: as above, or it has not ended."""
    intervention: str | None
    """none, soft or strong. None: nothing says."""
    outcome: str
    """solved, failed, no verdict, infrastructure, abandoned or running."""
    reward: float | None
    """None: there is none, which is no 0."""
    passed: int | None
    total: int | None
    turns: int | None
    actions: int | None
    ended: str | None
    detail: str
    failed_calls: int | None
    tokens: int | None
    cost_nano_usd: int | None
    unknown_cost_calls: int
    incomplete: tuple[str, ...]


class ParquetCall(msgspec.Struct, frozen=True):
    """A physical model call, answered, failed or still in flight; of an imported run, as its source counts calls."""

    run: str
    position: int
    """Of its outcome in the log; of a call in flight, of its request."""
    stream: str
    shared: bool
    """Whether it is an ancestor's, from before a fork: then it stands in the ancestor's rows, too."""
    role: str | None
    model: str | None
    """As configured; of an imported call as its source says."""
    asked_at: datetime | None
    """None: imported."""
    ended_at: datetime | None
    """None: it is in flight, or imported."""
    outcome: str
    """answered, failed, in flight or imported."""
    error: str | None
    """Kind of the failure. None: it did not fail."""
    status: int | None
    """HTTP status."""
    finish: str | None
    """Finish reason in the provider's own words."""
    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    reasoning_tokens: int | None
    cost_nano_usd: int | None
    earlier_tries: int
    """Physical requests before it that versions until 323f770 recorded with it; their cost is in no row."""


class ParquetDecision(msgspec.Struct, frozen=True):
    """A recorded decision."""

    run: str
    position: int
    stream: str
    version: int
    shared: bool
    """As of calls."""
    at: datetime
    """Of an imported run: when it was imported."""
    tag: str
    """Of the event that records it."""
    point: str | None
    """Name of the decision point. None: the tag says it."""
    shadow: str | None
    """Name of a shadow policy, which does not count. None: the ruling counts."""
    point_revision: int | None
    inputs: str | None
    """Digest of what it saw. None: the event holds it, or an earlier version recorded it."""
    rule: str | None
    """Digest of the settings that applied."""
    ruling: str
    """JSON: the other fields of the event."""


class ParquetEvaluation(msgspec.Struct, frozen=True):
    """A cell of an evaluation: one item under one arm, once."""

    run: str
    position: int
    """Of what became of it; of one that is open, of its opening."""
    shared: bool
    """As of calls."""
    arm: str
    item: str
    unit: str
    repeat: int
    key: str
    """Digest under which its score is stored."""
    condition: str
    """Digest of the condition of the arm."""
    outcome: str
    """scored, found (its score was stored before), unscored or running."""
    solved: bool | None
    """None: it has no score."""
    reward: float | None
    reason: str | None
    """Why it has no score."""
    found_in: str | None
    """Run that stored the score that was found. None: this one, or none."""
    opened_at: datetime
    ended_at: datetime | None
