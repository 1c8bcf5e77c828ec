"""Commands that take a past run up again, from the log alone."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from events.errors import ExitCode
from replay.report import ALL, Strengths
from views.commands.rows import Rows
from views.replay import report
from views.replay import report_rows as rows
from views.terminal.host import Machine
from views.terminal.ids import LATEST, find_run
from views.terminal.log_access import is_file
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {
    "replay": (
        rows.RebuildRow,
        rows.RedecideRow,
        rows.RerunRow,
        rows.NotRerunRow,
        rows.NotRedecidedRow,
        rows.DifferenceRow,
        rows.CauseRow,
        rows.RemedyRow,
        rows.NoteRow,
        rows.PromptRow,
        rows.UnreadRow,
        rows.SnapshotRow,
    )
}


async def replay(
    *runs: str,
    every: Annotated[bool, Parameter(name="--all")] = False,
    rebuild: bool = False,
    redecide: bool = False,
    rerun: bool = False,
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Replay past runs from the log alone, at up to three levels of strictness.

    Without a strength, all three. Whatever differs is named with its place, both values and the likely cause, and
    the exit code is 4. Where the revision of a point of decision has changed since, another ruling is a note.

    Args:
        runs: Their ids, or files that `stillroom bundle write` made. Default: @latest.
        every: Every run of the log.
        rebuild: Fold every view again from its first event.
        redecide: Make every decision again from the inputs it saw.
        rerun: Run the actors again with every door closed, and compare every event; not for imported runs.
    """
    asked = Strengths(rebuild=rebuild, redecide=redecide, rerun=rerun)
    strengths = asked if any(asked) else ALL
    bundles = [run for run in runs if is_file(machine.folder / run)]
    others = [run for run in runs if run not in bundles]
    codes = [await _replay(replace(options, log=Path(each)), machine, strengths) for each in bundles]
    if others or every or not bundles:
        codes.append(await _replay(options, machine, strengths, others, every=every))
    return max(codes)


async def _replay(
    options: Options, machine: Machine, strengths: Strengths, runs: Sequence[str] = (), *, every: bool = False
) -> ExitCode:
    async with options.desk(machine) as desk:
        named = [await find_run(desk.log, run) for run in runs or (LATEST,)]
        chosen = await desk.log.runs() if every else list(dict.fromkeys(named))
        return await report.tell(desk, chosen, strengths)
