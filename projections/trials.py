"""Runs, trials and attempts: how far they are and how they ended. What `runs`, `show` and the progress line read."""

import re
from typing import Final, Literal

import msgspec

from events.agent import AgentActed, CallAsked
from events.attempt import AgentEnded, AttemptAbandoned, AttemptJudged, AttemptOpened, ImportedAttempt
from events.base import Event, Recorded
from events.digest import Digest
from events.model import ModelAnswered, ModelAsked, ModelFailed, ModelImported
from events.run import RunClosed, RunImported, RunOpened
from events.sandbox import ActionAsked, SandboxOpened
from events.session import RunForked, SessionEnded, SessionStarted
from events.skill import SkillImported, SkillRefused, SkillRevised
from events.trial import AttemptConcluded, AttemptPlanned, TrialClosed, TrialOpened
from events.values import NanoUsd, Outcome, Usage
from projections.base import Blobs
from projections.trials_effects import InFlight, follow_effect, trouble_of

State = Literal["running", "solved", "unsolved", "infrastructure", "budget", "stopped"]

_ORDINAL: Final = re.compile(r"[0-9]{1,9}")


class Attempt(msgspec.Struct):
    """One attempt. None: not known yet."""

    number: int
    intervention: str = "none"
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
    turns: int = 0
    actions: int = 0
    tokens: int = 0
    cost: NanoUsd = 0
    """Known costs only."""
    unknown_cost: int = 0
    """Answers without a known cost; above 0, `cost` is too low."""
    failed_calls: int = 0


class Trial(msgspec.Struct):
    """One trial."""

    name: str
    task: str
    condition: str
    max_attempts: int
    state: State = "running"
    reward: float | None = None
    """Best reward of any attempt so far. None: none was scored."""
    attempts: dict[str, Attempt] = {}
    """By number, written as text: keys of JSON objects are texts."""
    tokens: int = 0
    """Of the trial's own calls (reflector, distiller) and its attempts'."""
    cost: NanoUsd = 0
    """Known costs only."""
    unknown_cost: int = 0
    """Answers without a known cost; above 0, `cost` is too low."""
    calls: int = 0
    failed_calls: int = 0
    errors: dict[str, int] = {}
    """What went wrong, how often: ``model timeout``, ``sandbox lost``, ``verifier missing`` …"""
    skill: str | None = None
    """Name of the skill it led to. None: none, so far."""
    skill_problem: str | None = None


class Run(msgspec.Struct):
    """One run."""

    id: str
    started_at: int
    """Microseconds since 1970, UTC."""
    method: str = ""
    tasks: tuple[str, ...] = ()
    package: str = ""
    spec: Digest | None = None
    scripted: bool = False
    imported: str | None = None
    """Name of the system it was imported from. None: it is ours."""
    model: str | None = None
    warnings: tuple[str, ...] = ()
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
    trials: dict[str, Trial] = {}
    in_flight: dict[str, InFlight] = {}
    """By stream. For a run that no process holds: what was under way when it was cut off."""
    events: int = 0
    last_at: int = 0


class TrialsState(msgspec.Struct):
    """All runs, oldest first."""

    runs: dict[str, Run] = {}


class Trials:
    """The projection."""

    name = "trials"
    revision = 5
    tags: frozenset[str] | None = None

    def initial(self) -> TrialsState:
        """No runs."""
        return TrialsState()

    def state_type(self) -> type[TrialsState]:
        """For snapshots."""
        return TrialsState

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Nothing but the events."""
        del recorded
        return ()

    def apply(self, state: TrialsState, recorded: Recorded, blobs: Blobs) -> TrialsState:
        """Fold one event in."""
        del blobs
        run = state.runs.get(recorded.stream.run)
        if run is None:
            run = state.runs[recorded.stream.run] = Run(recorded.stream.run, recorded.at)
        run.events += 1
        run.last_at = recorded.at
        follow_effect(run.in_flight, recorded)
        family, _, place = recorded.stream.name.partition("/")
        match family:
            case "run" | "session":
                _apply_run(run, recorded)
            case "trial":
                _apply_trial(run, place, recorded)
            case "attempt":
                trial, _, number = place.rpartition("/")
                if trial in run.trials and _ORDINAL.fullmatch(number):
                    _apply_attempt(run.trials[trial], int(number), recorded)
            case "call":
                _apply_visit(run, place, recorded.event)
            case _:
                pass
        return state


def _apply_run(run: Run, recorded: Recorded) -> None:
    match recorded.event:
        case RunOpened() as opened:
            run.method, run.package, run.spec = opened.method, opened.package, opened.spec
            run.tasks = tuple(task.name for task in opened.tasks)
            run.scripted = opened.scripted
        case RunImported() as found:
            run.imported, run.tasks, run.model = found.source, (found.name,), found.model
            run.warnings = found.warnings
        case RunForked() as forked:
            run.parent, run.shared = forked.parent, run.events - 1
            run.changes = tuple(f"{change.key}={change.now}" for change in forked.changes)
        case RunClosed():
            run.closed = True
        case SessionStarted():
            run.sessions += 1
            run.taken_up_at = recorded.at
            run.ended = None
        case SessionEnded() as ended:
            run.ended = ended.reason
        case _:
            pass


def _count_trouble(trial: Trial, event: Event) -> None:
    trouble = trouble_of(event)
    if trouble is not None:
        trial.errors[trouble] = trial.errors.get(trouble, 0) + 1


def _apply_trial(run: Run, name: str, recorded: Recorded) -> None:
    event = recorded.event
    if isinstance(event, TrialOpened):
        run.trials[name] = Trial(name, event.task, event.condition, event.max_attempts)
        return
    trial = run.trials.get(name)
    if trial is None:
        return
    _count_trouble(trial, event)
    match event:
        case AttemptPlanned():
            trial.attempts.setdefault(str(event.attempt), Attempt(event.attempt)).intervention = event.intervention
        case AttemptConcluded():
            attempt = trial.attempts.setdefault(str(event.attempt), Attempt(event.attempt))
            attempt.status, attempt.passed, attempt.total = event.status, event.passed, event.total
            attempt.outcome = None if attempt.abandoned in ("sandbox_lost", "stopped") else event.outcome
            _scored(trial, attempt)
        case TrialClosed():
            trial.state, trial.reward = event.outcome, event.reward
        case SkillRevised() | SkillImported():
            trial.skill = event.skill
        case SkillRefused():
            trial.skill_problem = event.problems[0] if event.problems else "no reason was given"
        case _:
            _count_call(trial, None, event)


def _apply_attempt(trial: Trial, number: int, recorded: Recorded) -> None:
    attempt = trial.attempts.setdefault(str(number), Attempt(number))
    event = recorded.event
    _count_trouble(trial, event)
    match event:
        case AttemptOpened():
            attempt.agent = event.agent
        case ImportedAttempt():
            attempt.detail = event.error
        case SandboxOpened():
            attempt.isolation = event.isolation
        case ActionAsked() | AgentActed():
            attempt.actions += 1
        case AgentEnded():
            attempt.agent_ended, attempt.detail = event.reason, event.detail
        case AttemptJudged():
            attempt.outcome, attempt.passed, attempt.total = event.outcome, event.passed, event.total
            _scored(trial, attempt)
        case AttemptAbandoned():
            attempt.abandoned, attempt.detail = event.reason, event.detail
        case _:
            _count_call(trial, attempt, event)


def _apply_visit(run: Run, place: str, event: Event) -> None:
    """Count what an agent of another make asked of its model."""
    trial = run.trials.get(place.rsplit("/", 2)[0])
    number = place.rsplit("/", 2)[1]
    if trial is None or not _ORDINAL.fullmatch(number):
        return
    _count_trouble(trial, event)
    _count_call(trial, trial.attempts.setdefault(number, Attempt(int(number))), event)


def _scored(trial: Trial, attempt: Attempt) -> None:
    """Keep the best reward."""
    reward = None if attempt.outcome is None else attempt.outcome.reward
    if reward is not None and (trial.reward is None or reward > trial.reward):
        trial.reward = reward


def _count_call(trial: Trial, attempt: Attempt | None, event: Event) -> None:
    """Count a model call for its trial, and for its attempt if it was made in one."""
    match event:
        case ModelAsked() | CallAsked():
            trial.calls += 1
        case ModelAnswered():
            if attempt is not None:
                attempt.turns += 1
                _count_use(attempt, event.usage, event.cost)
            _count_use(trial, event.usage, event.cost)
        case ModelImported():
            trial.calls += 1
            _count_use(trial, event.usage, None)
        case ModelFailed():
            trial.failed_calls += 1
            if attempt is not None:
                attempt.failed_calls += 1
        case _:
            pass


def _count_use(on: Trial | Attempt, usage: Usage, cost: NanoUsd | None) -> None:
    on.tokens += (usage.input_tokens or 0) + (usage.output_tokens or 0)
    on.cost += cost or 0
    on.unknown_cost += cost is None
