"""The command that replays past runs from the log alone."""

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
from views.terminal.host import Host
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

    Runs all three levels unless some are selected. Each difference is shown with its position, both values and the
    likely cause, and the exit code is 4. If the revision of a decision point has changed since the recording, a
    different ruling is a note, not a difference.

    Args:
        runs: Run ids, or bundle files. Default: @latest.
        every: Replay every run of the log.
        rebuild: Rebuild every projection from its first event.
        redecide: Re-evaluate every decision from its recorded inputs.
        rerun: Rerun the actors with all ports closed, and compare every event; not for imported runs.
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
    options: Options, machine: Host, strengths: Strengths, runs: Sequence[str] = (), *, every: bool = False
) -> ExitCode:
    async with options.desk(machine) as desk:
        named = [await find_run(desk.log, run) for run in runs or (LATEST,)]
        chosen = await desk.log.runs() if every else list(dict.fromkeys(named))
        return await report.tell(desk, chosen, strengths)
