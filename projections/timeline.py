"""When what happened in a run: trials, attempts, scores and what was spent, by the time that processes worked on it.

Time stands still while no process has the run, so that a run resumed a week later is no week of nothing.
"""

from typing import Final, Literal

import msgspec
from msgspec.structs import replace
from typing_extensions import override

from events.base import Recorded
from events.codec import tag_of
from events.streams import attempt_of, trial_of
from events.types.attempt import AgentEnded, AttemptAbandoned, AttemptOpened, ImportedAttempt, InjectionImported
from events.types.evaluation import EvaluationScored
from events.types.run import RunImported
from events.types.session import RunForked, SessionStarted
from events.types.skill import SkillImported, SkillRefused, SkillRevised
from events.types.trial import AttemptConcluded, AttemptPlanned, TrialClosed, TrialOpened
from events.values import NanoUsd
from projections.base import Blobs
from projections.cost import Cost, CostState, Spending

_TAGS: Final = frozenset(
    {
        "attempt.abandoned",
        "attempt.agent_ended",
        "attempt.imported",
        "attempt.injection_imported",
        "attempt.opened",
        "evaluation.scored",
        "run.imported",
        "run.opened",
        "session.ended",
        "session.run_forked",
        "session.started",
        "skill.imported",
        "skill.refused",
        "skill.revised",
        "trial.attempt_concluded",
        "trial.attempt_planned",
        "trial.closed",
        "trial.opened",
    }
)
_LOOKED_AT: Final = _TAGS | (Cost.tags or frozenset())


class TimedAttempt(msgspec.Struct, kw_only=True):
    """One attempt. Times are microseconds of work since the run began."""

    number: int
    """As the run counts: from 1; imported ones as the source counts."""
    began: int
    acted: int | None = None
    """When its agent ended; the verifier runs from then on. None: it has not, or nothing says."""
    ended: int | None = None
    """None: it has not."""
    outcome: Literal["solved", "failed", "no_verdict", "infrastructure", "abandoned"] | None = None
    """None: it has not ended."""
    reward: float | None = None
    """In the verifier's own unit, usually [0, 1]. None: there is none."""
    intervention: Literal["none", "soft", "strong"] | None = None
    """What it was told. None: unknown."""


class TimedTrial(msgspec.Struct, kw_only=True):
    """One trial. Times are microseconds of work since the run began."""

    name: str
    began: int
    ended: int | None = None
    """None: it has not."""
    outcome: Literal["solved", "unsolved", "infrastructure", "budget", "stopped"] | None = None
    skill: int | None = None
    """When it led to a skill. None: it has not."""
    refused: int | None = None
    """When the skill that was made of it was refused for the last time. None: none was."""
    attempts: dict[str, TimedAttempt] = {}
    """By number, written as text: keys of JSON objects are texts."""

    def points(self) -> list[TimedAttempt]:
        """List the attempts in order."""
        return sorted(self.attempts.values(), key=lambda each: each.number)

    @property
    def solved(self) -> int | None:
        """When an attempt was judged solved. None: none was, or the trial has not ended so."""
        times = [each.ended for each in self.attempts.values() if each.outcome == "solved" and each.ended is not None]
        return min(times, default=self.ended) if self.outcome == "solved" else None


class TimedScore(msgspec.Struct, frozen=True):
    """An item that was scored."""

    at: int
    """Microseconds of work since the run began."""
    solved: bool


class SpentBy(msgspec.Struct, frozen=True):
    """What a run had spent by a moment."""

    at: int
    """Microseconds of work since the run began."""
    known: NanoUsd
    """Known costs only, of all calls until then."""
    unknown: int
    """Calls until then whose cost nobody knows."""


class RunTimeline(msgspec.Struct, kw_only=True):
    """One run."""

    began: int
    """Microseconds since 1970, UTC."""
    imported: bool = False
    """Whether it comes from another system: its events have the times of the import, which say only their order."""
    now: int = 0
    """The latest of its events, in microseconds of work since it began."""
    idle: int = 0
    """Microseconds that are left out, since no process had the run."""
    last: int
    """The latest of its events: microseconds since 1970, UTC."""
    resumed: list[int] = []
    """When further processes took it up, in microseconds of work since it began."""
    trials: dict[str, TimedTrial] = {}
    """In the order in which they began."""
    scores: list[TimedScore] = []
    """Of items that were scored by this run, in the order of the log."""
    spent: list[SpentBy] = []
    """Each time that it changed."""

    def solved_shares(self) -> list[tuple[int, float]]:
        """Give the share of trials, or else of scored items, that was solved by each moment at which it may change.

        Of trials, all that the run has begun count from its start; of items, those that were scored until then.
        """
        if self.trials:
            times = sorted(each.solved for each in self.trials.values() if each.solved is not None)
            shares = [(at, number / len(self.trials)) for number, at in enumerate(times, 1)]
            return [(0, 0.0), *shares, (self.now, len(times) / len(self.trials))]
        solved, found = 0, list[tuple[int, float]]()
        for number, each in enumerate(self.scores, 1):
            solved += each.solved
            found.append((each.at, solved / number))
        return found


def in_order(run: RunTimeline) -> RunTimeline:
    """Give a run whose times are not on record with places in their stead: attempts of a trial are one long each."""
    trials = {name: _placed(each) for name, each in run.trials.items()}
    longest = max((len(each.attempts) for each in trials.values()), default=0)
    return replace(
        run, trials=trials, now=longest, resumed=[], spent=run.spent and [replace(run.spent[-1], at=longest)]
    )


def _placed(trial: TimedTrial) -> TimedTrial:
    points = enumerate(trial.points())
    attempts = {
        str(each.number): replace(each, began=place, acted=None, ended=None if each.ended is None else place + 1)
        for place, each in points
    }
    return replace(trial, began=0, ended=len(attempts), attempts=attempts)


class TimelineState(msgspec.Struct, kw_only=True):
    """All runs, by id."""

    runs: dict[str, RunTimeline] = {}
    cost: CostState = msgspec.field(default_factory=CostState)
    """On one account for each run."""


class _WholeCost(Cost):
    """What calls cost, on one account for the whole run, so that a sum over it has one part for each model."""

    @override
    def account(self, stream: str) -> str:
        del stream
        return ""


class Timelines:
    """The projection."""

    name = "timeline"
    revision = 1
    tags: frozenset[str] | None = _LOOKED_AT

    def __init__(self) -> None:
        self._cost = _WholeCost()

    def initial(self) -> TimelineState:
        """No runs."""
        return TimelineState()

    def state_type(self) -> type[TimelineState]:
        """For snapshots."""
        return TimelineState

    def needs(self, recorded: Recorded) -> tuple[()]:
        """Nothing but the events."""
        del recorded
        return ()

    def apply(self, state: TimelineState, recorded: Recorded, blobs: Blobs) -> TimelineState:
        """Fold one event in."""
        if tag_of(recorded.event) not in _LOOKED_AT:  # a fold beside others is given every event, and time would differ
            return state
        name = recorded.stream.run
        run = state.runs.get(name)
        if run is None:
            run = state.runs[name] = RunTimeline(began=recorded.at, last=recorded.at)
        _pass_time(run, recorded)
        state.cost = self._cost.apply(state.cost, recorded, blobs)
        _spend(run, state.cost, name)
        _follow(run, recorded)
        return state


def _pass_time(run: RunTimeline, recorded: Recorded) -> None:
    """Go on to the time of an event; a clock that was set back stands still."""
    if isinstance(recorded.event, SessionStarted | RunForked):
        run.idle += max(0, recorded.at - run.last)
        if isinstance(recorded.event, SessionStarted) and run.now:
            run.resumed.append(run.now)
    run.last = recorded.at
    run.now = max(run.now, recorded.at - run.began - run.idle)


def _spend(run: RunTimeline, cost: CostState, name: str) -> None:
    found = cost.runs.get(name)
    if found is None:
        return
    lines: list[Spending] = [line for models in found.lines.get("", {}).values() for line in models.values()]
    known, unknown = sum(line.cost for line in lines), sum(line.unknown_cost for line in lines)
    before = run.spent[-1] if run.spent else SpentBy(0, 0, 0)
    if (known, unknown) != (before.known, before.unknown):
        if before.at == run.now and run.spent:
            run.spent.pop()
        run.spent.append(SpentBy(run.now, known, unknown))


def _follow(run: RunTimeline, recorded: Recorded) -> None:
    match recorded.event:
        case RunImported():
            run.imported = True
        case EvaluationScored() as scored:
            run.scores.append(TimedScore(run.now, scored.solved))
        case TrialOpened():
            name = trial_of(recorded.stream.name)
            if name is not None:
                run.trials[name] = TimedTrial(name=name, began=run.now)
        case _:
            trial = run.trials.get(trial_of(recorded.stream.name) or "")
            if trial is not None:
                _in_trial(trial, recorded, run.now)


def _in_trial(trial: TimedTrial, recorded: Recorded, now: int) -> None:
    match recorded.event:
        case TrialClosed() as closed:
            trial.ended, trial.outcome = now, closed.outcome
        case SkillRevised() | SkillImported():
            trial.skill = now
        case SkillRefused():
            trial.refused = now
        case AttemptPlanned() as planned:
            _attempt(trial, planned.attempt, now).intervention = planned.intervention
        case AttemptConcluded() as concluded:
            attempt = _attempt(trial, concluded.attempt, now)
            attempt.ended = now
            attempt.outcome, attempt.reward = concluded.outcome.kind, concluded.outcome.reward
        case _:
            number = attempt_of(recorded.stream.name)
            if number is not None:
                _in_attempt(trial, number, recorded, now)


def _in_attempt(trial: TimedTrial, number: int, recorded: Recorded, now: int) -> None:
    match recorded.event:
        case AttemptOpened() | ImportedAttempt():
            _attempt(trial, number, now)
        case InjectionImported() as told:
            _attempt(trial, number, now).intervention = told.intervention
        case AgentEnded():
            _attempt(trial, number, now).acted = now
        case AttemptAbandoned():
            attempt = _attempt(trial, number, now)
            attempt.ended, attempt.outcome = now, "abandoned"
        case _:
            pass


def _attempt(trial: TimedTrial, number: int, now: int) -> TimedAttempt:
    return trial.attempts.setdefault(str(number), TimedAttempt(number=number, began=now))
