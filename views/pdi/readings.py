"""PDI at each reflect step of a run: as it was recorded, or computed again under other settings."""

from collections.abc import Sequence
from functools import partial
from typing import Final, Literal

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.fold import fold
from events.store.base import Selection
from projections.pdi.index import Method, PdiSettings
from projections.pdi.steps import ACTIVE, RECORDED, PdiStepRow, PdiSteps, PdiStepsState
from views.runs.refusals import refusals, tell_refused
from views.terminal.ids import find_run
from views.terminal.log_access import OpenedLog
from views.terminal.options import PdiOptions
from views.terminal.screen import OutputStyle
from views.terminal.tables import TableView, heading

AGAIN = "again"
"""Name under which rows are computed here."""


class PdiRow(msgspec.Struct, frozen=True):
    """One reflect step. Values are unrounded."""

    task: str
    attempt: int
    step: int
    """0 for the first reflection of the trial."""
    method: Method | None
    """None: recorded by a system that does not say."""
    proxy_exec: float | None
    """None, here and below: there was nothing to measure."""
    proxy_plan: float | None
    proxy_oss: float | None
    raw_pdi: float | None
    weight: float
    weighted_pdi: float | None
    triggered: bool
    level: Literal["soft", "strong"] | None
    """None: not triggered."""
    valid: bool | None
    """None: recorded by a system that does not say."""
    reasons: tuple[str, ...]
    """Why it should not be relied upon."""
    run: str
    trial: str
    source: Literal["recorded", "computed"]
    """Whether this is what the run acted on, or what these settings would have said."""


async def tell(desk: OpenedLog, run: str, asked: PdiOptions) -> None:
    """Show PDI of a run.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run, or several.
    """
    settings = asked.settings
    full = await find_run(desk.log, run)
    state = await fold(desk.log, PdiSteps({AGAIN: settings or PdiSettings()}), Selection(run=full))
    refused = bool((await refusals(desk.log, full)).of("memo"))
    desk.screen.show(rows(state, computed=settings is not None), partial(render, refused=refused))
    await tell_refused(desk, "memo", full)


async def tell_all(desk: OpenedLog, asked: PdiOptions) -> None:
    """Show PDI of each run of a log that has any, or whose memos were refused, oldest first."""
    told = False
    for run in await desk.log.runs():
        state = await fold(desk.log, PdiSteps({AGAIN: PdiSettings()}), Selection(run=run))
        if state.recorded or state.rows or (await refusals(desk.log, run)).of("memo"):
            if desk.screen.manner is not OutputStyle.JSON:
                desk.screen.out.print(heading(f"run {run}"))
            await tell(desk, run, asked)
            told = True
    if not told:
        desk.screen.show([], render)


def rows(state: PdiStepsState, *, computed: bool) -> list[PdiRow]:
    """List reflect steps in the order of the log: as recorded if anything was, unless other settings are asked for."""
    recorded = [row for row in state.recorded if row.monitor in {ACTIVE, RECORDED}]
    if computed or not recorded:
        return [_row(row, "computed") for row in state.rows]
    return [_row(row, "recorded") for row in recorded]


def _row(row: PdiStepRow, source: Literal["recorded", "computed"]) -> PdiRow:
    fields = {name: getattr(row, name) for name in PdiRow.__struct_fields__ if name != "source"}
    return PdiRow(**fields, source=source)


def _figure(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


STEPS: Final = TableView(
    PdiRow,
    ">attempt",
    (">exec", lambda row: _figure(row.proxy_exec)),
    (">plan", lambda row: _figure(row.proxy_plan)),
    (">oss", lambda row: _figure(row.proxy_oss)),
    (">PDI", lambda row: _figure(row.raw_pdi)),
    (">weight", lambda row: f"{row.weight:g}"),
    (">weighted", lambda row: _figure(row.weighted_pdi)),
    ("level", lambda row: row.level or "none"),
    "valid",
)


def render(rows: Sequence[PdiRow], *, refused: bool = False) -> RenderableType:
    """Draw the steps, trial by trial.

    Args:
        rows: Of reflect steps.
        refused: Whether memos were refused, which are told of beside it.
    """
    if not rows:
        why = "every memo was refused" if refused else "nothing failed, or nothing was reflected upon"
        return Text(f"no reflect step: {why}", style="dim")
    parts: list[RenderableType] = []
    for trial in dict.fromkeys(row.trial for row in rows):
        parts += [heading(trial), STEPS([row for row in rows if row.trial == trial]), ""]
    method = rows[0].method or "by a method the source does not name"
    said = f"{rows[0].source}, {method}; exec: higher is better, plan and oss: lower is better"
    reasons = dict.fromkeys(f"not valid: {reason}" for row in rows for reason in row.reasons)
    return Group(*parts, *[Text(line, style="dim") for line in (said, *reasons)])
