"""What a run that constructs would do at least and at most, before anything is paid for."""

from collections.abc import Sequence
from typing import Final

import msgspec
from anyio import to_thread
from rich.console import RenderableType

from engine.config.spec import RunSpec
from engine.programs.construct.spec import construct_spec
from engine.programs.construct.variants import briefs_of
from engine.proving.cheats import CHEATS
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


async def planned(spec: RunSpec) -> list[PlannedConstructionRow]:
    """List the tasks that a spec would have constructed.

    Raises:
        BriefInvalid: A prompt spec cannot be worked by, or a task cannot be varied.
        TaskInvalid: There is no task to vary.
    """
    own = construct_spec(spec)
    names = await to_thread.run_sync(briefs_of, own)
    asked, trials = 1 + own.critique, 2 * own.times + CHEATS
    most = own.rounds * asked * (1 + own.answer_repairs)
    return [PlannedConstructionRow(name, own.rounds, asked, most, trials, own.rounds * trials) for name in names]


_PLANNED: Final = TableView(
    PlannedConstructionRow,
    "task… >rounds",
    (">calls", lambda row: f"{row.calls_least} to {row.calls_most}"),
    (">trials", lambda row: f"{row.trials_least} to {row.trials_most}"),
)


def render(rows: Sequence[PlannedConstructionRow]) -> RenderableType:
    """Draw a line for each."""
    return _PLANNED(rows)
