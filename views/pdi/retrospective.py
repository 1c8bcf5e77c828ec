"""Retrospective PDI: the paper's measure of skills, trial by trial, and what it cannot say."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from projections.pdi.retrospective_view import (
    FEWEST,
    ScoredTrial,
    scored_trials,
)
from views.pdi.skill_trials import read_skill_trials
from views.terminal.format import plural, short
from views.terminal.log_access import OpenedLog
from views.terminal.tables import TableView


class RetrospectiveRow(msgspec.Struct, frozen=True, tag_field="kind", tag="retrospective"):
    """A trial that passed and left a skill, scored among the others. Values are unrounded."""

    run: str
    trial: str
    task: str
    memos: int
    """How many were written on the way."""
    unhealthy: int
    """How many of them are none, such as the text of an error; above 0, plan and oss are too low."""
    phi_exec: float
    """Similarity of the commands that passed and the skill, in [0, 1]; higher is better."""
    phi_plan: float | None
    """Similarity of all strategies and the skill; lower is better. None: no memo was written."""
    phi_oss: float | None
    """How little facts and failed tests moved; lower is better. None: fewer than two memos."""
    z_exec: float | None
    """Distance from the mean of the complete trials, in standard deviations. None, here and below: a component is
    missing."""
    z_plan: float | None
    z_oss: float | None
    pdi: float | None
    """z_exec - z_plan - z_oss."""
    of: int
    """Complete trials that are scored against each other."""
    valid: bool
    reasons: tuple[str, ...]
    """Why it has no PDI, or why it should not be relied upon."""


async def tell(desk: OpenedLog, runs: Sequence[str]) -> None:
    """Show the retrospective PDI of some runs, or of all if none is named, scored against each other.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run, or several.
        BlobMissing: A text that it rests on is gone.
    """
    found = await read_skill_trials(desk, runs)
    rows = [_row(each) for each in scored_trials(found.retrospective)]
    desk.screen.show(rows, TABLE)
    left = found.trials - len(rows)
    if left > 0:
        desk.screen.say(Text(f"without a skill, and so without this PDI: {plural(left, 'trial')}", style="dim"))


def _row(each: ScoredTrial) -> RetrospectiveRow:
    z_exec, z_plan, z_oss = each.score.scores or (None, None, None)
    phis = each.measured.phis
    return RetrospectiveRow(
        run=each.run,
        trial=each.trial,
        task=each.measured.task,
        memos=each.measured.steps,
        unhealthy=each.measured.unhealthy,
        phi_exec=phis.phi_exec,
        phi_plan=phis.phi_plan,
        phi_oss=phis.phi_oss,
        z_exec=z_exec,
        z_plan=z_plan,
        z_oss=z_oss,
        pdi=each.score.pdi,
        of=each.score.of,
        valid=not each.reasons,
        reasons=each.reasons,
    )


def _figure(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"


def _notes(rows: Sequence[RetrospectiveRow]) -> Iterator[RenderableType]:
    of = rows[0].of if rows else 0
    yield Text("")
    yield Text(f"PDI = z(exec) - z(plan) - z(oss), over {plural(of, 'complete trial')} of {len(rows)}", style="dim")
    if of < FEWEST:
        yield Text(f"fewer than {FEWEST} complete trials: PDI says nothing here; import or run more", style="yellow")
    yield Text("not comparable with the PDI of reflect steps: other texts, other means", style="dim")
    for reason in dict.fromkeys(reason for row in rows for reason in row.reasons):
        trials = ", ".join(row.trial for row in rows if reason in row.reasons)
        yield Text(f"not valid: {trials}: {reason}", style="dim")


TABLE: Final = TableView(
    RetrospectiveRow,
    ("run", lambda row: short(row.run)),
    "trial >memos",
    (">exec", lambda row: _figure(row.phi_exec)),
    (">plan", lambda row: _figure(row.phi_plan)),
    (">oss", lambda row: _figure(row.phi_oss)),
    (">z exec", lambda row: _figure(row.z_exec)),
    (">z plan", lambda row: _figure(row.z_plan)),
    (">z oss", lambda row: _figure(row.z_oss)),
    (">PDI", lambda row: _figure(row.pdi)),
    "valid",
    empty=Text("no trial passed and left a skill", style="dim"),
    notes=_notes,
)
