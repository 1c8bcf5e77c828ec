"""What a training run spent, by stage."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from engine.core.fold import fold_run
from events.store.base import EventLog
from projections.cost import RunCost, Spending
from projections.training.stages import STAGES, TrainingCosts, place_of
from views.runs.spending import sums, written
from views.terminal.format import count
from views.terminal.tables import TableView


class StageCostRow(msgspec.Struct, frozen=True, tag_field="row", tag="stage_cost"):
    """What one stage of a training run spent; the last row is their sum."""

    run: str
    stage: str
    """Such as ``rollout``, ``reflect`` or ``selection``; ``all``: the sum."""
    calls: int
    """Physical requests to models, failed ones too."""
    failed: int
    input_tokens: int
    """As far as anybody counted; so are the following."""
    output_tokens: int
    cost_nano_usd: int | None
    """Known cost, in units of 10^-9 US dollars. None: no call said what it cost."""
    unknown_cost_calls: int
    """Calls whose cost is missing from that."""


async def cost_rows(log: EventLog, run: str) -> list[StageCostRow]:
    """Sum up what a run spent, by stage."""
    (state,) = await fold_run(log, [TrainingCosts()], run)
    return stage_rows(run, state.runs.get(run, RunCost()))


def stage_rows(run: str, cost: RunCost) -> list[StageCostRow]:
    """Put stages on rows, in the order in which they come in a step; what spent nothing is left out."""
    found: dict[str, list[Spending]] = {stage: [] for stage in STAGES}
    for account, roles in cost.lines.items():
        found[place_of(account).stage] += _lines(roles)
    rows = [_row(run, stage, lines) for stage, lines in found.items() if lines]
    return [*rows, _row(run, "all", [line for lines in found.values() for line in lines])] if rows else []


def _lines(roles: Mapping[str, Mapping[str, Spending]]) -> Iterator[Spending]:
    for models in roles.values():
        yield from models.values()


def _row(run: str, stage: str, lines: Sequence[Spending]) -> StageCostRow:
    return StageCostRow(run, stage, sum(line.tries for line in lines), *sums(lines))


def cost_of(row: StageCostRow) -> str:
    """Write what a stage cost."""
    return written(row.cost_nano_usd, lacks=row.unknown_cost_calls > 0)


def _notes(rows: Sequence[StageCostRow]) -> Iterator[RenderableType]:
    unknown = sum(row.unknown_cost_calls for row in rows[-1:])
    if unknown:
        yield Text(f"+: the cost of {unknown} calls is not known", style="dim")


STAGE_COSTS: Final = TableView(
    StageCostRow,
    "stage",
    (">calls", lambda row: count(row.calls)),
    (">failed", lambda row: row.failed),
    (">input tokens", lambda row: count(row.input_tokens)),
    (">output tokens", lambda row: count(row.output_tokens)),
    (">cost", cost_of),
    notes=_notes,
    empty=Text("no model was asked", style="dim"),
)
