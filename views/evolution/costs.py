"""What each arm of a run over a suite spent, and what for."""

from collections.abc import Sequence
from typing import Final

import msgspec
from rich.text import Text

from engine.core.fold import fold_run
from events.store.base import EventLog
from projections.cost import RunCost, Spending
from projections.evolution.stages import WHATS, EvolutionCosts, place_of
from views.runs.spending import sums, written
from views.terminal.format import count
from views.terminal.tables import TableView


class ArmCostRow(msgspec.Struct, frozen=True, tag_field="kind", tag="evolved_cost"):
    """What one arm spent for one purpose."""

    run: str
    arm: str
    what: str
    """``trials``, ``replays``, ``oracles``, ``gates``, ``author``, ``retrieval`` or ``other``."""
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


async def arm_cost_rows(log: EventLog, run: str, arms: Sequence[str]) -> list[ArmCostRow]:
    """Sum up what each arm spent, in the order of the arms; what spent nothing is left out."""
    (state,) = await fold_run(log, [EvolutionCosts()], run)
    cost = state.runs.get(run, RunCost())
    found = {place_of(account): roles for account, roles in cost.lines.items()}
    order = sorted(found, key=lambda each: (_place(arms, each.arm), WHATS.index(each.what)))
    return [
        _row(run, each.arm, each.what, [line for models in found[each].values() for line in models.values()])
        for each in order
    ]


def _place(arms: Sequence[str], arm: str) -> int:
    return arms.index(arm) if arm in arms else len(arms)


def _row(run: str, arm: str, what: str, lines: Sequence[Spending]) -> ArmCostRow:
    return ArmCostRow(run, arm, what, sum(line.tries for line in lines), *sums(lines))


def cost_of(row: ArmCostRow) -> str:
    """Write what is known of a cost."""
    return written(row.cost_nano_usd, lacks=row.unknown_cost_calls > 0)


ARM_COSTS: Final = TableView(
    ArmCostRow,
    "arm what",
    (">calls", lambda row: count(row.calls)),
    (">failed", lambda row: count(row.failed)),
    (">input", lambda row: count(row.input_tokens)),
    (">output", lambda row: count(row.output_tokens)),
    (">cost", cost_of),
    empty=Text("no model was asked"),
)
