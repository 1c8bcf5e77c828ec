"""What a run that constructs would do at least and at most, before anything is paid for."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from anyio import to_thread
from rich.console import RenderableType
from rich.text import Text

from engine.config.spec import RunSpec
from engine.core.prompts import load_prompts
from engine.effects.callers import with_known_prices
from engine.programs.construct.briefs import canonical_brief
from engine.programs.construct.spec import construct_spec
from engine.programs.construct.variants import briefs_of
from engine.proving.cheats import CHEATS
from views.construction.cost_bounds import ConstructionBounds, bounds_of
from views.terminal.format import between, duration, plural
from views.terminal.tables import TableView


class PlannedConstructionRow(msgspec.Struct, frozen=True, tag_field="kind", tag="planned_construction"):
    """A task that was not constructed yet."""

    task: str
    rounds: int
    """Blueprints at most."""
    calls_least: int
    """Of author and critic. Calls that fail and are made again are not among them."""
    calls_most: int
    trials_least: int
    """Of the proof of one blueprint."""
    trials_most: int
    tokens_most: int | None
    """Sent and answered. None: nothing bounds them."""
    cost_least_nano_usd: int | None
    """In units of 10^-9 US dollars. None: a price is unknown."""
    cost_most_nano_usd: int | None
    """None: unknown, or nothing bounds it but the budget."""
    unbounded: str
    """The setting that would bound tokens and cost. Empty: they are bounded."""
    sandbox_s_most: float
    """Seconds of sandboxes, all together, if every limit is used up."""


async def planned(spec: RunSpec) -> list[PlannedConstructionRow]:
    """List the tasks that a spec would have constructed.

    Raises:
        BriefInvalid: A prompt spec cannot be worked by, or a task cannot be varied.
        TaskInvalid: There is no task to vary.
    """
    own = construct_spec(spec)
    briefs = await to_thread.run_sync(briefs_of, own)
    priced, prompts = with_known_prices(spec), load_prompts()
    return [_row(name, priced, bounds_of(priced, prompts, len(canonical_brief(each)))) for name, each in briefs.items()]


def _row(name: str, spec: RunSpec, bounds: ConstructionBounds) -> PlannedConstructionRow:
    own = construct_spec(spec)
    asked, trials = 1 + own.critique, 2 * own.times + CHEATS
    return PlannedConstructionRow(
        task=name,
        rounds=own.rounds,
        calls_least=asked,
        calls_most=own.rounds * asked * (1 + own.answer_repairs),
        trials_least=trials,
        trials_most=own.rounds * trials,
        tokens_most=bounds.tokens,
        cost_least_nano_usd=None if bounds.lacks.startswith("prices.") else 0,
        cost_most_nano_usd=bounds.nano_usd,
        unbounded=bounds.lacks,
        sandbox_s_most=bounds.sandbox_s,
    )


def _notes(rows: Sequence[PlannedConstructionRow]) -> Iterator[RenderableType]:
    calls = sum(row.calls_least for row in rows), sum(row.calls_most for row in rows)
    costs = [row.cost_most_nano_usd for row in rows]
    most = None if None in costs else sum(each for each in costs if each is not None)
    least = None if any(row.cost_least_nano_usd is None for row in rows) else 0
    yield Text()
    yield Text(f"{plural(len(rows), 'task')}: {between(*calls)} calls, cost {between(least, most, cost=True)}")
    if keys := dict.fromkeys(row.unbounded for row in rows if row.unbounded):
        yield Text(f"an upper bound of the cost needs {', '.join(keys)}")
    yield Text("by limits; calls that fail and are made again come on top; nothing was started", style="dim")


_PLANNED: Final = TableView(
    PlannedConstructionRow,
    "task… >rounds",
    (">calls", lambda row: between(row.calls_least, row.calls_most)),
    (">trials", lambda row: between(row.trials_least, row.trials_most)),
    (">tokens", lambda row: None if row.tokens_most is None else f"up to {row.tokens_most:,}"),
    (">cost", lambda row: between(row.cost_least_nano_usd, row.cost_most_nano_usd, cost=True)),
    (">sandboxes", lambda row: f"up to {duration(round(row.sandbox_s_most * 1_000_000))}"),
    notes=_notes,
)


def render(rows: Sequence[PlannedConstructionRow]) -> RenderableType:
    """Draw a line for each."""
    return _PLANNED(rows)
