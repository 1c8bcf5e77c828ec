"""Commands that ask why something is as it is, and why something is not."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from events.errors import ExitCode
from views.commands.rows import Rows
from views.log.seals import given
from views.runs import skill_marks
from views.terminal.options import ASIS, Given, NotNegative, Options
from views.why import blame as blame_view
from views.why import chain, rows
from views.why import why_not as why_not_view
from views.why.opening import GivenSeal

ROWS: Final[Rows] = {
    "why": (rows.NodeRow, rows.CheckedRow),
    "why-not": (why_not_view.ObstacleRow, rows.CheckedRow),
    "blame": (blame_view.SectionRow, skill_marks.MarkRow, blame_view.ShownRow),
}


@Parameter(name="*")
@dataclass(frozen=True)
class AuditPage:
    """The page of a chain, and what it says of seals."""

    html: Path | None = None
    """Also write the chain to this file, as a self-contained page that begins with a paragraph in words."""
    seal: str | None = None
    """Seal that the page compares the log with: the output of `log seal`, or a file of it."""
    trust: Annotated[tuple[str, ...], Parameter(name="--trust")] = ()
    """Public key that may sign that seal: a file, or its 64 characters; repeatable."""


NO_PAGE: Final = AuditPage()


async def why(
    target: str,
    /,
    *,
    depth: NotNegative | None = None,
    page: AuditPage = NO_PAGE,
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Show the chain of causes of a decision, down to bytes, and verify every digest.

    Decisions in the chain are re-evaluated from their recorded inputs; a different result gives the exit code 4.
    Missing bytes are reported, with the exit code 5.

    Args:
        target: A skill as NAME, NAME@2 or RUN:NAME; an attempt as TRIAL/2; an edit or a candidate of a training run as
            RUN:s3.1, RUN:s3 or RUN:e2.slow; an event by its position or as RUN:STREAM@3; a run or a trial, for its
            last event.
        depth: Number of levels to show; all are verified. Default: 3 on a terminal, all with --json or --html.
    """
    seal = GivenSeal(*given(page.seal, page.trust, machine.folder))
    html = None if page.html is None else machine.folder / page.html
    async with options.desk(machine) as desk:
        return await chain.tell(desk, target, chain.WhyOptions(depth, html, seal))


async def why_not(target: str, /, *, options: Options = ASIS, machine: Given) -> ExitCode:
    """Show why an attempt was never judged solved, or why a trial has no accepted skill.

    The decision responsible is re-evaluated, as by `why`, with the same exit codes.

    Args:
        target: TRIAL/2 for an attempt; TRIAL, or the name its skill would have; optionally prefixed with RUN:.
    """
    async with options.desk(machine) as desk:
        return await why_not_view.tell(desk, target)


async def blame(skill: str, /, *, options: Options = ASIS, machine: Given) -> None:
    """Show the evidence behind each section of a skill, and which attempts saw its text.

    Args:
        skill: NAME, NAME@2 or RUN:NAME.
    """
    async with options.desk(machine) as desk:
        await blame_view.tell(desk, skill)
