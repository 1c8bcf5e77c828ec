"""Runs, trials and attempts: how far they are and how they ended. What `runs`, `show` and the progress line read."""

import re
from typing import Final

from events.base import Event, Recorded
from events.digest import Digest
from events.streams import ATTEMPT
from events.types.agent import AgentActed, CallAsked
from events.types.attempt import (
    AgentEnded,
    AttemptAbandoned,
    AttemptJudged,
    AttemptOpened,
    ImportedAttempt,
    InjectionImported,
    UsageImported,
)
from events.types.evaluation import CellOpened, CellUnscored, EvaluationFound, EvaluationScored
from events.types.model import ModelAnswered, ModelAsked, ModelFailed, ModelImported
from events.types.run import RunClosed, RunImported, RunOpened
from events.types.sandbox import ActionAsked, SandboxOpened
from events.types.session import (
    BackgroundFailed,
    RunForked,
    RunNamed,
    SandboxRebuilt,
    SandboxReopened,
    SessionEnded,
    SessionStarted,
    SignalReceived,
)
from events.types.skill import SkillImported, SkillRefused, SkillRevised
from events.types.training import PauseAsked, TrainingClosed, TrainingResumed
from events.types.trajectory import StepImported, TrajectoryImported
from events.types.trial import AttemptConcluded, AttemptPlanned, TrialClosed, TrialOpened
from events.values import NanoUsd, Usage
from projections.base import Blobs
from projections.charges import is_unknown, known_cost, known_tokens, unknown_before
from projections.trials.state import Attempt, CellCounts, Run, Trial, TrialsState, follow_effect, trouble_of

EXPLORE: Final = "explore"
"""Program of runs that name none."""
_ORDINAL: Final = re.compile(r"[0-9]{1,9}")


class Trials:
    """The projection."""

    name = "trials"
    revision = 13
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
        _count(run, recorded)
        follow_effect(run.in_flight, recorded)
        family, _, place = recorded.stream.name.partition("/")
        match family:
            case "run" | "session" | "train":
                _apply_run(run, recorded)
            case "trial":
                _apply_trial(run, place, recorded)
            case "attempt":
                found = _found(run, place)
                if found is not None:
                    _apply_attempt(*found, recorded)
            case "call":
                _apply_visit(run, place, recorded.event)
            case "cell":
                _apply_cell(run, recorded.event)
            case _:
                pass
        return state


def _count(run: Run, recorded: Recorded) -> None:
    """Count an event, and the time before it in which no process had the run."""
    if run.events and isinstance(recorded.event, SessionStarted | RunForked):
        run.idle += max(0, recorded.at - run.last_at)
    run.events += 1
    run.last_at = recorded.at


def _apply_run(run: Run, recorded: Recorded) -> None:
    match recorded.event:
        case RunOpened() as opened:
            run.method, run.package, run.spec = opened.method, opened.package, opened.spec
            run.program = opened.program or EXPLORE
            run.tasks = tuple(task.name for task in opened.tasks)
            run.scripted = opened.scripted
        case RunImported() as found:
            run.imported, run.model, run.max_attempts = found.source, found.model, found.max_attempts
            run.tasks = () if found.source in {"harbor", "skillevolbench", "skillopt"} else (found.name,)
            run.warnings = found.warnings
        case RunForked() as forked:
            run.parent, run.shared = forked.parent, run.events - 1
            run.name = None  # what its parent is called is its parent's
            run.changes = tuple(f"{change.key}={change.now}" for change in forked.changes)
            _take_attempts(run, forked)
        case RunClosed():
            run.closed = True
        case PauseAsked() | TrainingResumed() | TrainingClosed():
            run.waits = isinstance(recorded.event, PauseAsked)
        case _:
            _apply_session(run, recorded)


def _apply_cell(run: Run, event: Event) -> None:
    cells = CellCounts() if run.cells is None else run.cells
    match event:
        case CellOpened():
            cells.opened += 1
            run.cells = cells
        case EvaluationFound(solved=solved) | EvaluationScored(solved=solved):
            cells.solved += solved
            cells.unsolved += not solved
            cells.found += isinstance(event, EvaluationFound)
        case CellUnscored():
            cells.unscored += 1
        case _:
            pass


def _take_attempts(run: Run, forked: RunForked) -> None:
    """Let trials that go on in a fork have as many attempts as its settings say, not those they were opened with."""
    for change in forked.changes:
        if change.key == "method.attempts" and change.now.isdigit():
            for trial in run.trials.values():
                trial.max_attempts = int(change.now) if trial.state == "running" else trial.max_attempts


def _apply_session(run: Run, recorded: Recorded) -> None:
    match recorded.event:
        case SessionStarted():
            run.sessions += 1
            run.taken_up_at = recorded.at
            run.ended = None
        case RunNamed(name):
            run.name = name
        case SessionEnded() as ended:
            run.ended = ended.reason
        case BackgroundFailed(part):
            run.failures[part] = run.failures.get(part, 0) + 1
        case SignalReceived(signal):
            run.signals += (signal,)
        case SandboxReopened(stream):
            _recovered(run, stream, "went on")
        case SandboxRebuilt(stream):
            _recovered(run, stream, "made again")
        case _:
            pass


def _recovered(run: Run, stream: str, how: str) -> None:
    found = _found(run, stream.removeprefix(ATTEMPT + "/"))
    if found is not None:
        found[1].recovered += (how,)


def _found(run: Run, place: str) -> tuple[Trial, Attempt] | None:
    """Find an attempt by ``<trial>/<number>``. None: no trial of that name was opened."""
    trial, _, number = place.rpartition("/")
    if trial not in run.trials or not _ORDINAL.fullmatch(number):
        return None
    return run.trials[trial], run.trials[trial].attempts.setdefault(str(int(number)), Attempt(int(number)))


def _count_trouble(trial: Trial, event: Event) -> None:
    trouble = trouble_of(event)
    if trouble is not None:
        trial.errors[trouble] = trial.errors.get(trouble, 0) + 1


def _open_trial(run: Run, name: str, event: TrialOpened) -> None:
    run.trials[name] = Trial(name, event.task, event.condition, event.max_attempts, event.condition_digest)
    if run.imported is not None and event.task not in run.tasks:
        run.tasks = (*run.tasks, event.task)  # a job is not named after its tasks


def _apply_trial(run: Run, name: str, recorded: Recorded) -> None:
    event = recorded.event
    if isinstance(event, TrialOpened):
        _open_trial(run, name, event)
        return
    trial = run.trials.get(name)
    if trial is None:
        return
    _count_trouble(trial, event)
    match event:
        case AttemptPlanned():
            attempt = trial.attempts.setdefault(str(event.attempt), Attempt(event.attempt))
            attempt.intervention = event.intervention
            _seen(attempt)
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


def _apply_attempt(trial: Trial, attempt: Attempt, recorded: Recorded) -> None:
    event = recorded.event
    _count_trouble(trial, event)
    match event:
        case AttemptOpened():
            attempt.agent = event.agent
            _seen(attempt)
        case ImportedAttempt() | InjectionImported() | TrajectoryImported() | StepImported() | UsageImported():
            _apply_imported(trial, attempt, event)
        case SandboxOpened():
            attempt.isolation = event.isolation
        case ActionAsked() | AgentActed():
            attempt.actions = (attempt.actions or 0) + 1
        case AgentEnded():
            attempt.agent_ended, attempt.detail = event.reason, event.detail
        case AttemptJudged():
            attempt.outcome, attempt.passed, attempt.total = event.outcome, event.passed, event.total
            _scored(trial, attempt)
        case AttemptAbandoned():
            attempt.abandoned, attempt.detail = event.reason, event.detail
        case _:
            _count_call(trial, attempt, event)


def _seen(attempt: Attempt) -> None:
    """Begin to count: of an attempt of ours, whatever is not on record did not happen."""
    attempt.turns, attempt.actions = attempt.turns or 0, attempt.actions or 0
    attempt.tokens, attempt.cost = attempt.tokens or 0, attempt.cost or 0


def _apply_visit(run: Run, place: str, event: Event) -> None:
    """Count what an agent of another make asked of its model."""
    found = _found(run, place.rpartition("/")[0])
    if found is not None:
        _count_trouble(found[0], event)
        _count_call(*found, event)


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
        case ModelAnswered() | ModelFailed():
            trial.calls += len(event.earlier)
            _count_outcome(trial, event)
            if attempt is not None:
                attempt.turns = (attempt.turns or 0) + isinstance(event, ModelAnswered)
                _count_outcome(attempt, event)
        case ModelImported():
            trial.calls += 1
            _count_use(trial, event.usage, None)
        case _:
            pass


def _count_outcome(on: Trial | Attempt, outcome: ModelAnswered | ModelFailed) -> None:
    """Count a physical call, answered or not, and those before it that older versions recorded with it."""
    on.failed_calls += len(outcome.earlier) + isinstance(outcome, ModelFailed)
    _count_tokens(on, outcome.usage, asked=isinstance(outcome, ModelAnswered) or is_unknown(outcome))
    on.unknown_tokens += unknown_before(outcome.earlier)
    _count_cost(on, known_cost(outcome.cost))
    on.unknown_cost += is_unknown(outcome) + unknown_before(outcome.earlier)


def _apply_imported(
    trial: Trial,
    attempt: Attempt,
    event: ImportedAttempt | InjectionImported | TrajectoryImported | StepImported | UsageImported,
) -> None:
    """Take note of what another system recorded; a step that is a copy counts where it was copied from."""
    match event:
        case ImportedAttempt():
            attempt.detail = event.error
        case InjectionImported():
            attempt.intervention = event.intervention
        case TrajectoryImported():
            attempt.agent = attempt.agent or event.agent
        case StepImported() if not event.copied:
            _count_step(trial, attempt, event)
        case UsageImported():
            _count_use(trial, event.usage, event.cost)
            _count_use(attempt, event.usage, event.cost)
        case _:
            pass


def _count_step(trial: Trial, attempt: Attempt, event: StepImported) -> None:
    attempt.actions = (attempt.actions or 0) + len(event.calls)
    if event.answers:
        trial.calls += event.answers
        attempt.turns = (attempt.turns or 0) + event.answers
        usage = event.usage or Usage(None, None, None, None)
        _count_use(trial, usage, event.cost)
        _count_use(attempt, usage, event.cost)


def _count_use(on: Trial | Attempt, usage: Usage, cost: NanoUsd | None) -> None:
    _count_tokens(on, usage, asked=True)
    _count_cost(on, cost)
    on.unknown_cost += cost is None


def _count_cost(on: Trial | Attempt, cost: NanoUsd | None) -> None:
    if cost is not None:
        on.cost = (on.cost or 0) + cost


def _count_tokens(on: Trial | Attempt, usage: Usage, *, asked: bool) -> None:
    """Add what is known; `asked` says whether somebody should have counted, so that what is not known lacks."""
    counts = (known_tokens(usage.input_tokens), known_tokens(usage.output_tokens))
    known = [each for each in counts if each is not None]
    if known:
        on.tokens = (on.tokens or 0) + sum(known)
    on.unknown_tokens += asked and len(known) < len(counts)
