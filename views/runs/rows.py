"""Runs, trials and attempts as rows: what `runs`, `show` and the summary draw and what ``--json`` prints."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec.structs import replace
from rich.console import RenderableType

from engine.config.program_registry import TRAIN
from engine.core.fold import fold_run
from engine.core.methods import SPARK
from engine.runtime.leases import LeaseHolder
from events.store.base import EventLog
from events.types.condition import Condition, parts_that_differ, read_condition
from projections.cost import Cost, CostState
from projections.trials.state import Attempt, Run, Trial, TrialsState
from projections.trials.view import Trials
from views.runs.attempt_counts import attempts_told, broken_of
from views.runs.spending import NO_CALLS, CallsBeside, beside, spent, written
from views.terminal.errors import IdUnknown
from views.terminal.format import UNKNOWN, count, reward
from views.terminal.log_access import OpenedLog
from views.terminal.tables import Field, TableView

WORDS: Final = {
    "running": "running",
    "solved": "solved",
    "unsolved": "unsolved",
    "infrastructure": "no verdict",
    "budget": "budget reached",
    "stopped": "stopped",
}
"""How a trial's state is said. What broke on our side is no verdict, and never a score of zero."""


RunState: TypeAlias = Literal["running", "paused", "done", "cut off", "imported"]
"""paused: a training whose infrastructure failed, which waits for `stillroom resume`."""
PAUSED: Final = "the infrastructure failed as a whole, and nothing was learnt from that"
"""Why a run is paused, as people are told."""
HELD: Final = frozenset({"cut off", "paused"})
"""States of runs that have not ended and that no process holds: such a run can be resumed."""


class RunRow(msgspec.Struct, frozen=True, tag_field="kind", tag="run"):
    """A run at a glance."""

    run: str
    name: str | None
    """Which a person gave it with ``--name``. None: nobody did."""
    started_at: int
    """Microseconds since 1970, UTC."""
    state: RunState
    owner: str | None
    """The process that holds it, as ``host:id:start``. None: none does."""
    owned_since: int | None
    """When that process took it up: microseconds since 1970, UTC."""
    silent_s: float | None
    """Seconds since that process was last heard of. One that lives says so every ten; at thirty its lease runs out."""
    source: str
    """Which system made it: ``stillroom``, or the one it was imported from."""
    parent: str | None
    """Run that it was forked from, whose beginning is counted here too. None: it was started."""
    changes: tuple[str, ...]
    """Settings of a fork that are not its parent's, as ``key=value``."""
    shared: int
    """Events up to the cut: they are the parent's, and counted here too. 0: it was started."""
    program: str | None
    """What it does: ``explore``, ``evaluate``, ``train``, or one of an installed package. None for imported runs."""
    method: str | None
    """None for imported runs, and for a training that is not ``compatible``: what it trains by are its settings."""
    scripted: bool
    """True if a script stood in for a model."""
    tasks: int
    trials: int
    cells: int | None
    """Of an evaluation: those that were opened so far. None: it is none, or has none so far."""
    found: int | None
    """Cells among them whose score was stored before, so that they have no trial here. None: as for ``cells``."""
    conditions: dict[str, str]
    """Labels of the conditions of its trials, by the digest of the condition; empty where nothing says."""
    solved: int
    """Trials; of an evaluation, cells. So are the two that follow."""
    unsolved: int
    no_verdict: int
    """Those that ended without a score: infrastructure, budget, stop."""
    attempts: int
    calls: int | None
    """Physical requests to models. None for an imported run without a count."""
    failed_calls: int | None
    """Requests among them that were not answered. None for an imported run without a count."""
    tokens: int | None
    """Known tokens. None if none were counted."""
    cost_nano_usd: int | None
    """Known cost, in units of 10^-9 US dollars. None if no call reported its cost."""
    unknown_cost_calls: int
    """Calls whose cost is missing from that sum: answers, and failures that may have been billed."""
    unknown_cost_most_nano_usd: int | None
    """Upper bound of their cost. None if no budget was set, so that some have no bound."""
    at_least: tuple[str, ...]
    """Keys of this row whose sum is incomplete: ``calls``, ``tokens``, ``cost_nano_usd``."""
    recovered: dict[str, int]
    """Number of sandboxes recovered after a crash: ``went on`` (reattached) or ``made again`` (rebuilt)."""
    background_failures: dict[str, int]
    """Number of failures of background parts, such as ``disk``, which did not affect any trial."""
    signals: tuple[str, ...]
    """Signals that stopped its processes, such as ``SIGTERM``."""
    events: int


class TrialRow(msgspec.Struct, frozen=True, tag_field="kind", tag="trial"):
    """A trial at a glance."""

    run: str
    trial: str
    task: str
    condition: str
    """Its label."""
    condition_digest: str | None
    """Digest of the condition itself: skills, note, model, agent, method and feedback. None: nothing says."""
    differs: tuple[str, ...] | None
    """Parts of the condition that are not those of the run's first trial, such as ``skills``. None: nothing says."""
    outcome: str
    """``solved``, ``unsolved``, ``no verdict``, ``budget reached``, ``stopped``, ``running`` or ``cut off``."""
    attempts: int
    """Abandoned ones too."""
    abandoned: int
    """Those of them that could not be finished; they do not count against `max_attempts`."""
    infrastructure: int
    """Those that the infrastructure ended without a verdict; few methods count them against `max_attempts`."""
    max_attempts: int | None
    """How many it may have. None: it was imported, and its source does not say."""
    interventions: tuple[str, ...]
    """Those that are known to have been made, in order: ``soft`` or ``strong``."""
    reward: float | None
    """Best reward of its attempts. None if none was scored."""
    skill: str | None
    errors: dict[str, int]
    """Number of failures of the infrastructure or of model calls, by kind."""
    failed_calls: int | None
    """Physical requests to models that were not answered. None for an imported trial without a count."""
    tokens: int | None
    """Known tokens, of failed calls too. None if none were counted."""
    cost_nano_usd: int | None
    unknown_cost_calls: int
    unknown_cost_most_nano_usd: int | None
    """Upper bound of their cost. None if no budget was set, so that some have no bound."""
    at_least: tuple[str, ...]
    """Keys of this row that are incomplete: ``interventions``, ``tokens``, ``cost_nano_usd``."""


class AttemptRow(msgspec.Struct, frozen=True, tag_field="kind", tag="attempt"):
    """An attempt at a glance."""

    run: str
    trial: str
    attempt: int
    intervention: str | None
    """``none``, ``soft`` or ``strong``. None: it was imported, and nothing says."""
    outcome: str
    """``solved``, ``failed``, ``no verdict``, ``infrastructure``, ``abandoned`` or ``running``."""
    reward: float | None
    passed: int | None
    """Checks that passed. None: the verifier names none."""
    total: int | None
    turns: int | None
    """Answers of a model. This and the following are None for an imported attempt without a count."""
    actions: int | None
    ended: str | None
    """How the agent came to stop, such as ``done`` or ``turn_limit``. None: it acts, or nothing says."""
    detail: str
    recovered: tuple[str, ...]
    """How its sandbox was recovered after each crash: it ``went on`` (reattached) or was ``made again`` (rebuilt)."""
    failed_calls: int | None
    """Physical requests to models that were not answered."""
    tokens: int | None
    """As far as they are known."""
    cost_nano_usd: int | None
    """As far as it is known. None: there were calls, and none said what it cost."""
    unknown_cost_calls: int
    """Calls whose cost is missing from that sum."""
    at_least: tuple[str, ...]
    """Keys of this row whose sum is incomplete: ``tokens``, ``cost_nano_usd``."""


class RunsView(NamedTuple):
    """A log's runs, as folded, and what is true of them at this moment."""

    trials: TrialsState
    cost: CostState
    owned: Mapping[str, LeaseHolder]
    """Runs that a process holds; a run that is neither closed nor held was cut off."""
    conditions: Mapping[str, Condition] = MappingProxyType({})
    """Those of trials, by digest, as far as they were read."""


def run_row(seen: RunsView, run: Run) -> RunRow:
    """Put a run on one row."""
    return held(kept_row(seen.cost, run), seen.owned.get(run.id))


def held(row: RunRow, holder: LeaseHolder | None) -> RunRow:
    """Say on a row that was kept which process holds the run at this moment. None: none does."""
    if holder is None:
        return replace(row, owned_since=None)
    state = "running" if row.state in HELD else row.state
    return replace(row, state=state, owner=holder.owner, silent_s=holder.silent_s)


def kept_row(cost: CostState, run: Run) -> RunRow:
    """Put on a row what a run's events tell, whoever holds it: `owned_since` is when a process last took it up."""
    trials, cells = run.trials.values(), run.cells
    ended = _ended_as(run)
    known, unknown, most = spent(cost.runs.get(run.id))
    other = beside(cost.runs.get(run.id), run.trials)
    sums = _sums(run, list(trials), known, unknown, other)
    return RunRow(
        run=run.id,
        name=run.name,
        started_at=run.started_at,
        state=_state(run, owned=()),
        owner=None,
        owned_since=run.taken_up_at,
        silent_s=None,
        source=run.imported or "stillroom",
        parent=run.parent,
        changes=run.changes,
        shared=run.shared,
        program=run.program or None,
        method=_method(run),
        scripted=run.scripted,
        tasks=len(run.tasks),
        trials=len(run.trials),
        cells=None if cells is None else cells.opened,
        found=None if cells is None else cells.found,
        conditions={each.condition_digest: each.condition for each in trials if each.condition_digest is not None},
        solved=ended.solved,
        unsolved=ended.unsolved,
        no_verdict=ended.no_verdict,
        attempts=sum(len(trial.attempts) for trial in trials),
        calls=sums.calls,
        failed_calls=None if run.imported else sum(trial.failed_calls for trial in trials) + other.failed,
        tokens=sums.tokens,
        cost_nano_usd=sums.cost,
        unknown_cost_calls=unknown,
        unknown_cost_most_nano_usd=most,
        at_least=sums.at_least,
        recovered=Counter(how for trial in trials for each in trial.attempts.values() for how in each.recovered),
        background_failures=dict(run.failures),
        signals=run.signals,
        events=run.events,
    )


def _method(run: Run) -> str | None:
    """Name the method by which a run decides; trainings have the one of trials on record unless they are compatible."""
    return None if run.program == TRAIN and run.method == SPARK else run.method or None


class _Ended(NamedTuple):
    solved: int
    unsolved: int
    no_verdict: int


def _ended_as(run: Run) -> _Ended:
    """Count how the trials of a run ended; of an evaluation its cells, of which not each has a trial."""
    if run.cells is not None:
        return _Ended(run.cells.solved, run.cells.unsolved, run.cells.unscored)
    states = Counter(trial.state for trial in run.trials.values())
    return _Ended(states["solved"], states["unsolved"], states["infrastructure"] + states["budget"] + states["stopped"])


def failed_parts(row: RunRow) -> str:
    """Say what failed beside the trials of a run; empty if nothing did."""
    return ", ".join(f"{part} ({times})" for part, times in row.background_failures.items())


def trial_rows(seen: RunsView, run: Run) -> list[TrialRow]:
    """List a run's trials, in the order in which they were opened."""
    over = _state(run, seen.owned) in HELD
    return [_trial_row(seen, run, trial, over=over) for trial in run.trials.values()]


def _trial_row(seen: RunsView, run: Run, trial: Trial, *, over: bool) -> TrialRow:
    attempts = trial.attempts.values()
    known, unknown, most = spent(seen.cost.runs.get(run.id), trial.name)
    sums = _sums(run, [trial], known, unknown)
    untold = ("interventions",) if any(each.intervention is None for each in attempts) else ()
    return TrialRow(
        run=run.id,
        trial=trial.name,
        task=trial.task,
        condition=trial.condition,
        condition_digest=trial.condition_digest,
        differs=_differs(seen, run, trial),
        outcome="cut off" if over and trial.state == "running" else WORDS[trial.state],
        attempts=len(trial.attempts),
        abandoned=sum(each.abandoned is not None for each in attempts),
        infrastructure=broken_of(trial),
        max_attempts=run.max_attempts if run.imported else trial.max_attempts,
        interventions=tuple(each.intervention for each in attempts if each.intervention not in {None, "none"}),
        reward=trial.reward,
        skill=trial.skill,
        errors=dict(trial.errors),
        failed_calls=None if run.imported else trial.failed_calls,
        tokens=sums.tokens,
        cost_nano_usd=sums.cost,
        unknown_cost_calls=unknown,
        unknown_cost_most_nano_usd=most,
        at_least=(*untold, *(each for each in sums.at_least if each != "calls")),
    )


def _differs(seen: RunsView, run: Run, trial: Trial) -> tuple[str, ...] | None:
    first = next(iter(run.trials.values()))
    own, other = (seen.conditions.get(each.condition_digest or "") for each in (trial, first))
    return None if own is None or other is None else parts_that_differ(other, own)


class _Sums(NamedTuple):
    """Sums over trials, as far as anybody counted."""

    calls: int | None
    tokens: int | None
    cost: int | None
    at_least: tuple[str, ...]


def _sums(run: Run, trials: Sequence[Trial], known: int | None, unknown: int, other: CallsBeside = NO_CALLS) -> _Sums:
    """Sum trials up. What nobody counted is no zero: a sum that lacks something is a lower bound, or is not known.

    Args:
        run: They are of.
        trials: Some of it.
        known: What their calls are known to have cost. None: nothing.
        unknown: Calls whose cost is missing from that.
        other: Calls that no trial made.
    """
    attempts = [each for trial in trials for each in trial.attempts.values()]
    lacking = {
        "calls": any(each.turns is None for each in attempts),
        "tokens": any(each.tokens is None for each in attempts) or any(each.unknown_tokens for each in trials),
        "cost_nano_usd": any(each.cost is None for each in attempts) or unknown > 0,
    }
    priced = not run.imported or any(each.cost is not None for each in attempts)
    sums = {
        "calls": sum(trial.calls for trial in trials) + other.calls,
        "tokens": sum(trial.tokens for trial in trials) + other.tokens,
        "cost_nano_usd": known if priced else None,
    }
    # A cost of 0 may be known: some models cost nothing.
    found = {key: None if lacking[key] and value == 0 and key[:4] != "cost" else value for key, value in sums.items()}
    at_least = tuple(key for key, lacks in lacking.items() if lacks and found[key] is not None)
    return _Sums(found["calls"], found["tokens"], found["cost_nano_usd"], at_least)


def attempt_rows(run: Run, trial: Trial) -> list[AttemptRow]:
    """List a trial's attempts."""
    attempts = sorted(trial.attempts.values(), key=lambda attempt: attempt.number)
    return [_attempt_row(run, trial, attempt) for attempt in attempts]


def _attempt_row(run: Run, trial: Trial, attempt: Attempt) -> AttemptRow:
    return AttemptRow(
        run=run.id,
        trial=trial.name,
        attempt=attempt.number,
        intervention=attempt.intervention,
        outcome=outcome_of(attempt),
        reward=None if attempt.outcome is None else attempt.outcome.reward,
        passed=attempt.passed if attempt.total else None,
        total=attempt.total or None,
        turns=attempt.turns,
        actions=attempt.actions,
        ended=attempt.agent_ended,
        detail=attempt.detail or (attempt.outcome.reason if attempt.outcome else ""),
        recovered=attempt.recovered,
        failed_calls=None if run.imported else attempt.failed_calls,
        tokens=None if attempt.unknown_tokens and not attempt.tokens else attempt.tokens,
        cost_nano_usd=None if attempt.unknown_cost and not attempt.cost else attempt.cost,
        unknown_cost_calls=attempt.unknown_cost,
        at_least=tuple(
            key
            for key, value, lacks in (
                ("tokens", attempt.tokens, attempt.unknown_tokens),
                ("cost_nano_usd", attempt.cost, attempt.unknown_cost),
            )
            if lacks and value
        ),
    )


def outcome_of(attempt: Attempt) -> str:
    """Say how an attempt ended."""
    if attempt.abandoned is not None:
        return "abandoned"
    return "running" if attempt.outcome is None else attempt.outcome.kind.replace("_", " ")


def _attempts(row: TrialRow) -> str:
    finished = row.attempts - row.abandoned
    most = row.max_attempts
    told = str(finished) if most is None else attempts_told(finished, row.infrastructure, most)
    return f"{told} + {row.abandoned} abandoned" if row.abandoned else told


def _interventions(row: TrialRow) -> str:
    made = ", ".join(row.interventions)
    if "interventions" in row.at_least:
        return f"{made}+" if made else UNKNOWN
    return made or "none"


def _led_to(row: TrialRow) -> str:
    if row.skill is not None:
        return "a skill" if row.skill == row.trial else f"skill {row.skill}"
    return ", ".join(f"{what} ({times})" for what, times in row.errors.items())


def _ended(row: AttemptRow) -> str:
    if row.ended == "done":
        return row.ended
    return ": ".join(filter(None, (row.ended, row.detail)))


_ENDED: Final[Sequence[Field[TrialRow]]] = (
    "outcome",
    (">reward", lambda row: reward(row.reward)),
    (">attempts", _attempts),
    ("interventions…", _interventions),
    (">cost", lambda row: written(row.cost_nano_usd, lacks="cost_nano_usd" in row.at_least)),
    ("led to…", _led_to),
)
_TRIALS: Final = TableView(TrialRow, "trial", *_ENDED)
_ARMS: Final = TableView(TrialRow, "trial condition…", *_ENDED)
ATTEMPTS: Final = TableView(
    AttemptRow,
    (">#", lambda row: row.attempt),
    "intervention outcome",
    (">reward", lambda row: reward(row.reward)),
    (">tests", lambda row: f"{row.passed}/{row.total}" if row.total else None),
    (">turns", lambda row: count(row.turns)),
    (">commands", lambda row: count(row.actions)),
    (">tokens", lambda row: count(row.tokens, lacks="tokens" in row.at_least)),
    ("ended…", _ended),
)


def trials_table(rows: Sequence[TrialRow]) -> TableView[TrialRow]:
    """Choose the table of trials: with their conditions where these are several."""
    return _ARMS if len({(row.condition, row.condition_digest) for row in rows}) > 1 else _TRIALS


def render_trials(rows: Sequence[TrialRow]) -> RenderableType:
    """Draw trials."""
    return trials_table(rows)(rows)


def _state(run: Run, owned: Collection[str]) -> RunState:
    if run.imported is not None:
        return "imported"
    if run.closed:
        return "done"
    return "running" if run.id in owned else "paused" if run.waits else "cut off"


async def look(desk: OpenedLog, run: str) -> RunsView:
    """Fold a run, named in full.

    Raises:
        IdUnknown: Nothing of it is in the log.
    """
    trials, cost = await fold_run(desk.log, [Trials(), Cost()], run)
    if run not in trials.runs:
        raise IdUnknown(run, "run", await desk.log.runs())
    return RunsView(trials, cost, await desk.owned(), await _conditions(desk.log, trials.runs[run]))


async def _conditions(log: EventLog, run: Run) -> dict[str, Condition]:
    """Read the conditions of a run's trials; what was erased or is damaged is left out."""
    digests = dict.fromkeys(each.condition_digest for each in run.trials.values() if each.condition_digest is not None)
    found: dict[str, Condition] = {}
    async for page in log.many(list(digests)):
        for digest, data in page:
            if isinstance(data, bytes):
                with suppress(msgspec.MsgspecError):
                    found[digest] = read_condition(data)
    return found
