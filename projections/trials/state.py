"""What is known of runs, trials and attempts: the state of the projection of trials."""

from typing import Final, Literal

import msgspec

from events.base import Event, Recorded, Ref
from events.codec import tag_of
from events.digest import Digest
from events.types.agent import AgentRunAsked, CallAsked
from events.types.budget import BudgetAsked
from events.types.construction import BriefsAsked, OriginalsAsked, PublishAsked, RenderAsked
from events.types.model import ModelAsked, ModelFailed, RetryAsked
from events.types.sandbox import (
    ActionAsked,
    FilesAsked,
    KeepAsked,
    ReleaseAsked,
    SandboxAsked,
    SandboxFailed,
    SolutionAsked,
    VerifierSilent,
    VerifyAgainAsked,
    VerifyAsked,
)
from events.types.steps import StepAsked, StepVerifyAsked
from events.types.trial import TaskAsked
from events.values import NanoUsd, Outcome

_ASKED: Final = frozenset(
    {
        ActionAsked,
        AgentRunAsked,
        BriefsAsked,
        OriginalsAsked,
        BudgetAsked,
        CallAsked,
        FilesAsked,
        ModelAsked,
        PublishAsked,
        ReleaseAsked,
        RenderAsked,
        RetryAsked,
        SandboxAsked,
        SolutionAsked,
        StepAsked,
        StepVerifyAsked,
        TaskAsked,
        KeepAsked,
        VerifyAgainAsked,
        VerifyAsked,
    }
)
"""Requests to the world. A stream has one at a time: whatever is recorded next in it, it is no longer in flight."""


class InFlight(msgspec.Struct, frozen=True):
    """A request that was asked and has no outcome yet."""

    asked: Ref
    """Where it stands; its outcome will name this as its cause."""
    what: str
    """Tag of the request, such as ``model.asked``."""
    at: int
    """Since when: microseconds since 1970, UTC."""


def follow_effect(in_flight: dict[str, InFlight], recorded: Recorded) -> None:
    """Keep a request, by its stream, until its stream goes on."""
    name = recorded.stream.name
    if type(recorded.event) in _ASKED:
        in_flight[name] = InFlight(recorded.ref, tag_of(recorded.event), recorded.at)
    else:
        in_flight.pop(name, None)


def trouble_of(event: Event) -> str | None:
    """Say in two words what went wrong: who failed, and how. None: nothing did."""
    match event:
        case ModelFailed():
            return f"model {event.kind}"
        case SandboxFailed():
            return f"sandbox {event.kind}"
        case VerifierSilent():
            return f"verifier {event.reason}"
        case _:
            return None


State = Literal["running", "solved", "unsolved", "infrastructure", "budget", "stopped"]


class Attempt(msgspec.Struct):
    """One attempt. None: not known yet, or, of an imported one, not on record."""

    number: int
    intervention: str | None = None
    agent: str | None = None
    isolation: str | None = None
    agent_ended: str | None = None
    detail: str = ""
    outcome: Outcome | None = None
    """None: not judged, or abandoned."""
    abandoned: str | None = None
    """Why it was abandoned. None: it was not."""
    status: str | None = None
    """SPARK's word for how it ended."""
    passed: int = 0
    total: int = 0
    turns: int | None = None
    actions: int | None = None
    tokens: int | None = None
    """Known counts only."""
    unknown_tokens: int = 0
    """Answers that nobody counted wholly; above 0, `tokens` is too low."""
    cost: NanoUsd | None = None
    """Known costs only."""
    unknown_cost: int = 0
    """Calls whose cost nobody knows: answers, and failures that may have had one. Above 0, `cost` is too low."""
    failed_calls: int = 0
    recovered: tuple[str, ...] = ()
    """What became of its sandbox each time its process had ended: ``went on`` as it stood, or was ``made again``."""


class Trial(msgspec.Struct):
    """One trial."""

    name: str
    task: str
    condition: str
    """Its label."""
    max_attempts: int
    """Those of the fork, if it went on under other settings."""
    condition_digest: Digest | None = None
    """Blob: the condition itself. None: nothing says."""
    state: State = "running"
    reward: float | None = None
    """Best reward of any attempt so far. None: none was scored."""
    attempts: dict[str, Attempt] = {}
    """By number, written as text: keys of JSON objects are texts."""
    tokens: int = 0
    """Of the trial's own calls (reflector, distiller) and its attempts', as far as they are known."""
    unknown_tokens: int = 0
    """Answers that nobody counted wholly; above 0, `tokens` is too low."""
    cost: NanoUsd = 0
    """Known costs only."""
    unknown_cost: int = 0
    """Calls whose cost nobody knows: answers, and failures that may have had one. Above 0, `cost` is too low."""
    calls: int = 0
    """Physical requests to models, failed ones too."""
    failed_calls: int = 0
    """Part of them."""
    errors: dict[str, int] = {}
    """What went wrong, how often: ``model timeout``, ``sandbox lost``, ``verifier missing`` …"""
    skill: str | None = None
    """Name of the skill it led to. None: none, so far."""
    skill_problem: str | None = None


class CellCounts(msgspec.Struct):
    """Cells of an evaluation, by how they ended."""

    opened: int = 0
    solved: int = 0
    unsolved: int = 0
    unscored: int = 0
    """Without a score: infrastructure, budget, stop."""
    found: int = 0
    """Whose score was stored before, solved or not."""


class Run(msgspec.Struct):
    """One run."""

    id: str
    started_at: int
    """Microseconds since 1970, UTC."""
    method: str = ""
    program: str = ""
    """Its name. Empty: it was imported."""
    tasks: tuple[str, ...] = ()
    package: str = ""
    spec: Digest | None = None
    scripted: bool = False
    imported: str | None = None
    """Name of the system it was imported from. None: it is ours."""
    model: str | None = None
    max_attempts: int | None = None
    """Of an imported run, as its source says. None: it does not, or the run is ours."""
    warnings: tuple[str, ...] = ()
    name: str | None = None
    """Which a person gave it. None: nobody did."""
    parent: str | None = None
    """Run that it was forked from. None: it was started."""
    changes: tuple[str, ...] = ()
    """Settings of a fork that are not its parent's, as ``key=value``."""
    shared: int = 0
    """Events it has of its ancestors, when it is folded with them. They come first."""
    closed: bool = False
    sessions: int = 0
    taken_up_at: int | None = None
    """When the last process took it up: microseconds since 1970, UTC. None: none did, it was imported."""
    ended: str | None = None
    """How the last process let go of it. None: it has not, or was killed."""
    waits: bool = False
    """Whether its training waits until a person resumes it."""
    failures: dict[str, int] = {}
    """Failures of what runs beside the actors: by part, how often."""
    signals: tuple[str, ...] = ()
    """Signals that stopped its processes, in order."""
    trials: dict[str, Trial] = {}
    in_flight: dict[str, InFlight] = {}
    """By stream. For a run without an owner: calls that were in flight when it was cut off."""
    cells: CellCounts | None = None
    """Of an evaluation. None: it is none, or has no cell so far."""
    events: int = 0
    last_at: int = 0
    idle: int = 0
    """Microseconds between its last event and the start of the next process that took it up, all together."""

    @property
    def took(self) -> int:
        """Microseconds during which processes worked on it, from its first event to its last."""
        return self.last_at - self.started_at - self.idle


class TrialsState(msgspec.Struct):
    """All runs, oldest first."""

    runs: dict[str, Run] = {}
