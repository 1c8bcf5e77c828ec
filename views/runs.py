"""Runs, trials and attempts as rows: what `runs`, `show` and the summary draw and what ``--json`` prints."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec
from rich.console import RenderableType

from engine.folding import fold_many
from engine.owners import Holder
from events.log import Selection
from projections.cost import Cost, CostState
from projections.trials import Trials
from projections.trials_state import Attempt, Run, Trial, TrialsState
from views.desk import Desk
from views.errors import IdUnknown
from views.figures import count, reward
from views.spending import spent, written
from views.tables import table

WORDS: Final = {
    "running": "running",
    "solved": "solved",
    "unsolved": "unsolved",
    "infrastructure": "no verdict",
    "budget": "budget reached",
    "stopped": "stopped",
}
"""How a trial's state is said. What broke on our side is no verdict, and never a score of zero."""


class RunRow(msgspec.Struct, frozen=True, tag_field="kind", tag="run"):
    """A run at a glance."""

    run: str
    started_at: int
    """Microseconds since 1970, UTC."""
    state: Literal["running", "done", "cut off", "imported"]
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
    method: str
    scripted: bool
    """True if a script stood in for a model."""
    tasks: int
    trials: int
    solved: int
    unsolved: int
    no_verdict: int
    """Trials that ended without a score: infrastructure, budget, stop."""
    attempts: int
    calls: int
    """Physical requests to models."""
    failed_calls: int
    """Part of them: those that were not answered."""
    tokens: int
    cost_nano_usd: int | None
    """In units of 10^-9 US dollars, as far as it is known. None: there were calls, and none said what it cost."""
    unknown_cost_calls: int
    """Calls whose cost is missing from that sum: of answers, and of failures that may have cost."""
    unknown_cost_most_nano_usd: int | None
    """What those may have cost at most. None: no cap was set, so nobody bounded them all."""
    recovered: dict[str, int]
    """Sandboxes whose process had ended, and what became of them: ``went on`` or ``made again``, how often."""
    events: int


class TrialRow(msgspec.Struct, frozen=True, tag_field="kind", tag="trial"):
    """A trial at a glance."""

    run: str
    trial: str
    task: str
    condition: str
    outcome: str
    """``solved``, ``unsolved``, ``no verdict``, ``budget reached``, ``stopped``, ``running`` or ``cut off``."""
    attempts: int
    max_attempts: int
    interventions: tuple[str, ...]
    """Those that were made, in order: ``soft`` or ``strong``."""
    reward: float | None
    """Best reward of any attempt. None: no attempt was scored."""
    skill: str | None
    errors: dict[str, int]
    """What went wrong on our side or on the way to a model, how often."""
    failed_calls: int
    """Physical requests to models that were not answered."""
    tokens: int
    """Of failed calls too, as far as the provider counted them."""
    cost_nano_usd: int | None
    unknown_cost_calls: int
    unknown_cost_most_nano_usd: int | None
    """What those may have cost at most. None: no cap was set, so nobody bounded them all."""


class AttemptRow(msgspec.Struct, frozen=True, tag_field="kind", tag="attempt"):
    """An attempt at a glance."""

    run: str
    trial: str
    attempt: int
    intervention: str
    outcome: str
    """``solved``, ``failed``, ``no verdict``, ``infrastructure``, ``abandoned`` or ``running``."""
    reward: float | None
    passed: int
    total: int
    turns: int
    actions: int
    ended: str
    """How the agent came to stop, such as ``done`` or ``turn_limit``; empty while it acts."""
    detail: str
    recovered: tuple[str, ...]
    """What became of its sandbox each time its process had ended: it ``went on``, or was ``made again``."""
    failed_calls: int
    """Physical requests to models that were not answered."""
    tokens: int
    cost_nano_usd: int | None
    """As far as it is known. None: there were calls, and none said what it cost."""
    unknown_cost_calls: int
    """Calls whose cost is missing from that sum."""


class Seen(NamedTuple):
    """A log's runs, as folded, and what is true of them at this moment."""

    trials: TrialsState
    cost: CostState
    owned: Mapping[str, Holder]
    """Runs that a process holds; a run that is neither closed nor held was cut off."""


def run_rows(seen: Seen) -> list[RunRow]:
    """List runs, oldest first."""
    return [run_row(seen, run) for run in seen.trials.runs.values()]


def run_row(seen: Seen, run: Run) -> RunRow:
    """Put a run on one row."""
    trials = run.trials.values()
    states = Counter(trial.state for trial in trials)
    known, unknown, most = spent(seen.cost.runs.get(run.id))
    holder = seen.owned.get(run.id)
    return RunRow(
        run=run.id,
        started_at=run.started_at,
        state=_state(run, seen.owned),
        owner=None if holder is None else holder.owner,
        owned_since=None if holder is None else run.taken_up_at,
        silent_s=None if holder is None else holder.silent_s,
        source=run.imported or "stillroom",
        parent=run.parent,
        changes=run.changes,
        shared=run.shared,
        method=run.method,
        scripted=run.scripted,
        tasks=len(run.tasks),
        trials=len(run.trials),
        solved=states["solved"],
        unsolved=states["unsolved"],
        no_verdict=states["infrastructure"] + states["budget"] + states["stopped"],
        attempts=sum(len(trial.attempts) for trial in trials),
        calls=sum(trial.calls for trial in trials),
        failed_calls=sum(trial.failed_calls for trial in trials),
        tokens=sum(trial.tokens for trial in trials),
        # A record that holds no call says nothing about money.
        cost_nano_usd=None if run.imported and not known else known,
        unknown_cost_calls=unknown,
        unknown_cost_most_nano_usd=most,
        recovered=Counter(how for trial in trials for each in trial.attempts.values() for how in each.recovered),
        events=run.events,
    )


def trial_rows(seen: Seen, run: Run) -> list[TrialRow]:
    """List a run's trials, in the order in which they were opened."""
    over = _state(run, seen.owned) == "cut off"
    return [_trial_row(seen, run, trial, over=over) for trial in run.trials.values()]


def _trial_row(seen: Seen, run: Run, trial: Trial, *, over: bool) -> TrialRow:
    attempts = trial.attempts.values()
    known, unknown, most = spent(seen.cost.runs.get(run.id), trial.name)
    return TrialRow(
        run=run.id,
        trial=trial.name,
        task=trial.task,
        condition=trial.condition,
        outcome="cut off" if over and trial.state == "running" else WORDS[trial.state],
        attempts=len(trial.attempts),
        max_attempts=trial.max_attempts,
        interventions=tuple(each.intervention for each in attempts if each.intervention != "none"),
        reward=trial.reward,
        skill=trial.skill,
        errors=dict(trial.errors),
        failed_calls=trial.failed_calls,
        tokens=trial.tokens,
        cost_nano_usd=None if run.imported and not known else known,
        unknown_cost_calls=unknown,
        unknown_cost_most_nano_usd=most,
    )


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
        passed=attempt.passed,
        total=attempt.total,
        turns=attempt.turns,
        actions=attempt.actions,
        ended=attempt.agent_ended or "",
        detail=attempt.detail or (attempt.outcome.reason if attempt.outcome else ""),
        recovered=attempt.recovered,
        failed_calls=attempt.failed_calls,
        tokens=attempt.tokens,
        cost_nano_usd=None if attempt.unknown_cost and not attempt.cost else attempt.cost,
        unknown_cost_calls=attempt.unknown_cost,
    )


def outcome_of(attempt: Attempt) -> str:
    """Say how an attempt ended."""
    if attempt.abandoned is not None:
        return "abandoned"
    return "running" if attempt.outcome is None else attempt.outcome.kind.replace("_", " ")


def render_trials(rows: Sequence[TrialRow]) -> RenderableType:
    """Draw trials."""
    columns = ["trial", "outcome", "reward", "attempts", "interventions…", "cost", "led to…"]
    cells = [
        (
            row.trial,
            row.outcome,
            reward(row.reward),
            f"{row.attempts} of {row.max_attempts}",
            ", ".join(row.interventions) or "none",
            written(row.cost_nano_usd, row.unknown_cost_calls),
            _led_to(row),
        )
        for row in rows
    ]
    return table(columns, cells, right=["reward", "attempts", "cost"])


def _led_to(row: TrialRow) -> str:
    if row.skill is not None:
        return "a skill" if row.skill == row.trial else f"skill {row.skill}"
    return ", ".join(f"{what} ({times})" for what, times in row.errors.items())


def render_attempts(rows: Sequence[AttemptRow]) -> RenderableType:
    """Draw attempts."""
    columns = ["#", "spoken to", "outcome", "reward", "tests", "turns", "commands", "tokens", "ended…"]
    cells = [
        (
            str(row.attempt),
            row.intervention,
            row.outcome,
            reward(row.reward),
            f"{row.passed}/{row.total}" if row.total else "-",
            str(row.turns),
            str(row.actions),
            count(row.tokens),
            row.ended if row.ended == "done" or not row.detail else f"{row.ended}: {row.detail}",
        )
        for row in rows
    ]
    return table(columns, cells, right=["#", "reward", "tests", "turns", "commands", "tokens"])


def _state(run: Run, owned: Collection[str]) -> Literal["running", "done", "cut off", "imported"]:
    if run.imported is not None:
        return "imported"
    if run.closed:
        return "done"
    return "running" if run.id in owned else "cut off"


async def look(desk: Desk, run: str | None = None) -> Seen:
    """Fold a log's runs, or one of them, named in full.

    Raises:
        IdUnknown: Nothing of it is in the log.
    """
    trials, cost = await fold_many(desk.log, [Trials(), Cost()], Selection(run=run))
    if run is None:
        for fork in [each.id for each in trials.runs.values() if each.parent is not None]:
            # What a fork shares stands in the log once, under its parent's name.
            whole, spending = await fold_many(desk.log, [Trials(), Cost()], Selection(run=fork))
            trials.runs[fork] = whole.runs[fork]
            cost.runs.update(spending.runs)
    seen = Seen(trials, cost, await desk.owned())
    if run is not None and run not in seen.trials.runs:
        raise IdUnknown(run, "run", await desk.log.runs())
    return seen
