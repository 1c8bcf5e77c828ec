"""How often gates took a placebo, beside what they can see: either without the other says nothing of a gate."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from anyio import to_thread
from rich.console import RenderableType
from rich.text import Text

from engine.config.spec import RunSpec
from engine.core.lineage import lineage_of, pages_of
from engine.policies.gates.base import GatePlan
from engine.policies.gates.power import GatePower, gate_power
from engine.programs.train.gate_points import planned_candidates
from engine.programs.train.spec import GateSpec, gate_name, train_spec
from engine.runtime.plan import recorded_specs
from events.store.base import EventLog, Selection
from events.types.run import RunOpened
from events.types.training import GateOutcome
from projections.training.state import TrainedRun
from views.terminal.tables import TableView


class PlaceboRow(msgspec.Struct, frozen=True, tag_field="kind", tag="placebos"):
    """What a gate ruled of the placebos of a run, and what it can see."""

    run: str
    gate: str
    shadow: str | None
    """Name of the shadow gate. None: it is the gate that counts."""
    accepted: int
    """Placebos; none came into force."""
    ruled: int
    """Placebos that it accepted or rejected."""
    open: int
    """Placebos that it left undecided, or of which it saw too little: of a shadow nothing more is run."""
    smallest_gain: float | None
    """The smallest improvement that it accepts with a probability of 80 %, over a skill that solves half of the items.
    None: not even one to 1."""
    useless: float
    """How often it accepts a candidate that changes nothing, by computation before the run; in [0, 1]."""
    how: str
    """``exact`` or ``simulated``: how the two figures before came about."""


async def placebo_rows(log: EventLog, run: TrainedRun) -> list[PlaceboRow]:
    """Count for each gate which placebos it took. Empty: the run had none, or what it was asked to do is not told.

    Args:
        log: Which holds the run.
        run: Of a training.

    Raises:
        StillroomError: What the run was asked to do cannot be read.
    """
    spec = await _spec_of(log, run.run) if run.placebos else None
    if spec is None:
        return []
    selection, learning = run.set_for("selection"), run.set_for("train")
    items = set(() if selection is None else selection.items) - set(run.do_nothing)
    plan = GatePlan(max(1, len(items)), planned_candidates(spec, 0 if learning is None else len(learning.items)))
    settings = train_spec(spec)
    gates: list[tuple[str | None, GateSpec]] = [(None, settings.gate), *settings.shadows.items()]
    found = []
    for shadow, gate in gates:
        power = await to_thread.run_sync(gate_power, gate_name(spec, gate), gate.settings, plan)
        found.append(_row(run, shadow, power))
    return found


def _row(run: TrainedRun, shadow: str | None, power: GatePower) -> PlaceboRow:
    outcomes: list[GateOutcome] = []
    for each in run.placebos:
        rulings = each.gates if shadow is None else each.shadows.get(shadow, [])
        if rulings:
            outcomes.append(rulings[-1].outcome)
    ruled = sum(each in {"accept", "reject"} for each in outcomes)
    return PlaceboRow(
        run=run.run,
        gate=power.gate,
        shadow=shadow,
        accepted=outcomes.count("accept"),
        ruled=ruled,
        open=len(run.placebos) - ruled,
        smallest_gain=power.smallest,
        useless=power.useless,
        how=power.how,
    )


async def _spec_of(log: EventLog, run: str) -> RunSpec | None:
    async for page in pages_of(log, Selection(run=run, tags={"run.opened"})):
        for recorded in page:
            if isinstance(recorded.event, RunOpened):
                return (await recorded_specs(log, recorded.event, await lineage_of(log, run)))[-1]
    return None


def gate_of(row: PlaceboRow) -> str:
    """Name the gate, and the shadow that it is."""
    return row.gate if row.shadow is None else f"{row.gate} (shadow {row.shadow})"


def accepted_of(row: PlaceboRow) -> str:
    """Say how many placebos it accepted of how many."""
    return f"{row.accepted} of {row.ruled}" + (f", {row.open} not ruled" if row.open else "")


def power_of(row: PlaceboRow) -> str:
    """Say which improvement it sees."""
    return "none, not even to 1" if row.smallest_gain is None else f"{100 * row.smallest_gain:.1f} points"


def _notes(rows: Sequence[PlaceboRow]) -> Iterator[RenderableType]:
    del rows
    yield Text(
        "placebos: neutral text in place of a step's change; none came into force. sees: the smallest improvement that "
        "it accepts with 80 % probability; a gate that accepts no placebo and sees little only refuses",
        style="dim",
    )


PLACEBOS: Final = TableView(
    PlaceboRow,
    ("gate", gate_of),
    (">placebos accepted", accepted_of),
    (">sees", power_of),
    (">useless, expected", lambda row: f"{100 * row.useless:.0f} %"),
    "how",
    notes=_notes,
)
