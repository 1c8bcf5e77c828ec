"""What a run over a suite would do and cost, before anything is paid for."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from engine.config.spec import RunSpec
from engine.effects.callers import price_of
from engine.programs.evaluate.cell import CellPlan
from engine.programs.evolve.arm_specs import arm_specs, read_arms
from engine.programs.evolve.plan import EvolvePlan
from engine.programs.evolve.program import look_at_suite
from engine.programs.evolve.schedule import (
    CriticalPath,
    LibraryPlan,
    longest,
    planned_library,
    schedule,
)
from engine.programs.evolve.spec import AUTHOR_ROLE, CHOOSER, EvolveArmSpec, evolve_spec
from engine.runtime.context import RunContext
from engine.runtime.run import RunStart, plan_start
from events.store.memory import MemoryLog
from events.streams import library_label
from events.types.suite import Suite
from views.evaluations.cost_range import Basis, spending_range
from views.terminal.format import between, plural
from views.terminal.screen import Screen
from views.terminal.tables import TableView

_LEARNING: Final = 3
"""Learning trials of a family."""


class PlannedLadderRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="planned_ladder_arm"):
    """An arm that was not started."""

    arm: str
    title: str
    scope: str
    """``environment``, ``family`` or ``global``: which tasks share a library."""
    repeats: int
    libraries: int
    learning: int
    """Trials to learn from."""
    evaluation: int
    """Trials of held-out tasks, with a frozen library."""
    replay: int
    """Tasks that are tried once more with the frozen library."""
    oracle: int
    """Compositions that are tried once more with exactly the skills that they require."""
    trials: int
    """All of these. What a gate tries comes on top."""
    gate: str
    """Name of the gate on revisions. Empty: there is none."""
    critical_trials: int
    """Trials of which each waits for the one before, all libraries side by side."""
    critical_authors: int
    """Questions to the author on the same path."""
    author_least: int
    """Questions to the author, repairs of answers left out."""
    author_most: int
    calls_least: int
    """Calls of all models. Calls that are made again are not among them."""
    calls_most: int | None
    """None: nothing bounds them."""
    cost_least_nano_usd: int | None
    """In units of 10^-9 US dollars. None: a price is unknown."""
    cost_most_nano_usd: int | None
    """None: unknown, or nothing bounds it but the budget."""
    unbounded: str
    """The setting that would bound the cost. Empty: it is bounded."""
    basis: Basis


async def tell(setting: RunContext, screen: Screen, spec: RunSpec, *, skip_invalid: bool) -> None:
    """Plan a run over a suite, and say what it would take; nothing is recorded.

    Raises:
        StillroomError: The spec cannot work.
    """
    log = MemoryLog(clock=lambda: 0, redactor=setting.log.redactor)
    start = await plan_start(setting._replace(log=log, library=setting.log), spec, skip_invalid=skip_invalid)
    suite = await look_at_suite(setting.base, evolve_spec(start.plan.spec), ())
    screen.show(arm_rows(start, suite), PLANNED_ARMS)


def arm_rows(start: RunStart, suite: Suite) -> list[PlannedLadderRow]:
    """Say of each arm what it would take.

    Args:
        start: Of the run.
        suite: As it was read.
    """
    spec = start.plan.spec
    settings = evolve_spec(spec)
    arms = read_arms(settings)
    specs = arm_specs(spec)
    libraries = schedule(suite, settings, arms)
    return [
        _row(start, (name, arm, specs[name]), [each for each in libraries if each.arm == name])
        for name, arm in arms.items()
    ]


def _row(start: RunStart, of: tuple[str, EvolveArmSpec, RunSpec], libraries: Sequence[LibraryPlan]) -> PlannedLadderRow:
    name, arm, spec = of
    planned = [planned_library(each, arm) for each in libraries]
    critical = longest(planned)
    trials = sum(each.trials for each in libraries)
    authors = _authors(arm, libraries)
    spending = spending_range(spec, trials, _example(start, name, libraries[0]), ())
    beside = authors[1] * (1 + evolve_spec(spec).authoring.repairs) + (trials if arm.retrieval.method == "model" else 0)
    calls = spending.calls[0] + authors[0], None if spending.calls[1] is None else spending.calls[1] + beside
    lacks = _lacks(spec, asks=beside > 0, bounded=spending.cost is not None and spending.cost[1] is not None)
    most = None if spending.cost is None or lacks else spending.cost[1]
    return PlannedLadderRow(
        arm=name,
        title=arm.title,
        scope=arm.scope,
        repeats=evolve_spec(spec).repeats,
        libraries=len(libraries),
        learning=sum(each.learning for each in planned),
        evaluation=sum(each.evaluation for each in planned),
        replay=sum(each.replay for each in planned),
        oracle=sum(each.oracle for each in planned),
        trials=trials,
        gate=arm.gate.name,
        critical_trials=critical.trials,
        critical_authors=critical.authors,
        author_least=authors[0],
        author_most=authors[1],
        calls_least=calls[0],
        calls_most=calls[1],
        cost_least_nano_usd=None if spending.cost is None else spending.cost[0],
        cost_most_nano_usd=most,
        unbounded=lacks,
        basis=spending.basis,
    )


def _authors(arm: EvolveArmSpec, libraries: Sequence[LibraryPlan]) -> tuple[int, int]:
    """Count questions to the author, at least and at most: those after failures may be none, or one for each trial."""
    drafts = sum(len(each.families) for each in libraries) if arm.skill_init == "zero_shot" else 0
    if arm.learn == "never":
        return drafts, drafts
    learning = sum(
        len(each.learning) if arm.freeze_after is None else min(arm.freeze_after, len(each.learning))
        for each in libraries
    )
    often = arm.max_revisions is None or arm.max_revisions >= _LEARNING
    return drafts + (learning if arm.learn == "always" and often else 0), drafts + learning


def _lacks(spec: RunSpec, *, asks: bool, bounded: bool) -> str:
    """Name the setting that would bound the cost. Empty: it is bounded."""
    for role in ("teacher", AUTHOR_ROLE, CHOOSER) if asks else ("teacher",):
        model = spec.models.get(role)
        if model is not None and price_of(spec, model) is None:
            return f"prices.{model.model}"
    if not bounded:
        return "agent.max_tokens"
    return "budget.run_usd" if asks and spec.budget.run_usd is None else ""


def _example(start: RunStart, arm: str, library: LibraryPlan) -> CellPlan:
    plan: EvolvePlan = start.plan.own
    condition = start.plan.eras[-1].arms[arm].condition
    assert condition is not None, "a run that starts now pins its conditions"
    task = (*library.learning, *[each.task for each in library.measured])[0]
    return plan.cell(arm, (library_label(library.course, library.scope), 1, "primary"), task, condition)


def _totals(rows: Sequence[PlannedLadderRow]) -> Iterator[RenderableType]:
    trials = sum(row.trials for row in rows)
    path = max((CriticalPath(row.critical_trials, row.critical_authors) for row in rows), default=CriticalPath(0, 0))
    yield Text()
    libraries = sum(row.libraries for row in rows)
    yield Text(f"{plural(trials, 'trial')} in {libraries} {'library' if libraries == 1 else 'libraries'}")
    for line in critical_lines(path, trials):
        yield Text(line)
    if keys := dict.fromkeys(row.unbounded for row in rows if row.unbounded):
        yield Text(f"an upper bound of the cost needs {', '.join(keys)}")
    if any(row.gate for row in rows):
        yield Text("what gates try comes on top", style="dim")
    yield Text("nothing was started")


def critical_lines(path: CriticalPath, trials: int) -> Iterator[str]:
    """Say what comes one after the other however many places there are."""
    asked = f" and {plural(path.authors, 'question')} to the author" if path.authors else ""
    ideal = f": at best {trials / path.trials:.1f} times as fast as one by one" if path.trials else ""
    yield f"critical path: {plural(path.trials, 'trial')}{asked}{ideal}"


PLANNED_ARMS: Final = TableView(
    PlannedLadderRow,
    "arm scope",
    ">learning >evaluation >replay >oracle >trials",
    (">critical", lambda row: f"{row.critical_trials}" + (f"+{row.critical_authors}" if row.critical_authors else "")),
    (">author", lambda row: between(row.author_least, row.author_most) if row.author_most else None),
    (">calls", lambda row: between(row.calls_least, row.calls_most)),
    (">cost", lambda row: between(row.cost_least_nano_usd, row.cost_most_nano_usd, cost=True)),
    notes=_totals,
)
