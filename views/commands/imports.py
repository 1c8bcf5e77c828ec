"""Commands that import past runs of other systems."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cyclopts import App

from engine.importers.atif.importer import import_atif
from engine.importers.harbor.importer import import_harbor
from engine.importers.left_out import ImportOmission
from engine.importers.skillevolbench.importer import import_skillevolbench
from engine.importers.skillopt.importer import import_skillopt
from engine.importers.spark.importer import import_spark
from engine.runtime.open_context import open_log
from events.errors import ExitCode
from projections.pdi.index import PdiSettings
from projections.pdi.likeness import Likeness
from views.commands.rows import Rows
from views.log import imports
from views.terminal.options import ASIS, Given, Options
from views.terminal.screen import OutputStyle, Screen

ROWS: Final[Rows] = {
    "import spark": (imports.ImportRow, imports.ImportOmissionRow),
    "import atif": (imports.AtifImportRow, imports.ImportOmissionRow),
    "import harbor": (imports.HarborImportRow, imports.ImportOmissionRow),
    "import skillevolbench": (imports.SkillEvolImportRow, imports.ImportOmissionRow),
    "import skillopt": (imports.SkillOptImportRow, imports.ImportOmissionRow),
}


async def spark(
    folder: Path, /, *, method: Likeness = "token_overlap", options: Options = ASIS, machine: Given
) -> ExitCode:
    """Import past SPARK runs: SKILL.md, attempts.json and trajectory.jsonl; any of them may be missing or broken.

    Unreadable folders are skipped by name; the others are imported, and the exit code is 3.

    Args:
        folder: Folder of one task, or a folder of such folders.
        method: Method to recompute recorded PDI with, for comparison.
    """
    async with open_log(options.means(machine), warn=options.screen(machine).warn) as log:
        found = await import_spark(log, machine.folder / folder, settings=PdiSettings(method=method))
    screen = options.screen(machine)
    screen.show(imports.rows(found.found), imports.SPARK)
    return _left_out(screen, found.left_out)


async def atif(path: Path, /, *, task: str | None = None, options: Options = ASIS, machine: Given) -> ExitCode:
    """Import ATIF 1.0 to 1.8 trajectories, and report unmapped fields and inferred values.

    Invalid trajectories are skipped by name; the others are imported, and the exit code is 3.

    Args:
        path: A trajectory file, or a folder that is searched recursively.
        task: Task that all of them are attempts at. Default: as each trajectory says, or named after its path.
    """
    async with open_log(options.means(machine), warn=options.screen(machine).warn) as log:
        found = await import_atif(log, machine.folder / path, task=task)
    screen, rows = options.screen(machine), imports.atif_rows(found.found)
    screen.show(rows, imports.ATIF)
    if screen.manner is not OutputStyle.JSON:
        screen.err.print(imports.render_losses(rows))
    return _left_out(screen, found.left_out)


async def harbor(folder: Path, /, *, options: Options = ASIS, machine: Given) -> ExitCode:
    """Import Harbor job folders, each as one run, and report unmapped fields and missing data.

    Unreadable trials are skipped by name; the others are imported, and the exit code is 3.

    Args:
        folder: Folder of a job, of a single trial, or a folder that contains jobs.
    """
    async with open_log(options.means(machine), warn=options.screen(machine).warn) as log:
        found = await import_harbor(log, machine.folder / folder)
    screen = options.screen(machine)
    screen.show([imports.harbor_row(each) for each in found.found], imports.HARBOR)
    return _left_out(screen, found.left_out)


async def skillevolbench(folder: Path, /, *, options: Options = ASIS, machine: Given) -> ExitCode:
    """Import runs of SkillEvolBench as far as their records go, and report what the log cannot represent.

    Unreadable records are skipped by name; the others are imported, and the exit code is 3.

    Args:
        folder: Folder of a run, with stores/replay/records, or a folder of such folders.
    """
    async with open_log(options.means(machine), warn=options.screen(machine).warn) as log:
        found = await import_skillevolbench(log, machine.folder / folder)
    screen = options.screen(machine)
    screen.show(imports.skillevol_rows(found.found), imports.SKILLEVOLBENCH)
    return _left_out(screen, found.left_out)


async def skillopt(folder: Path, /, *, options: Options = ASIS, machine: Given) -> ExitCode:
    """Import trainings of SkillOpt: steps, candidates, rulings and skills, with every file of the folder.

    Unreadable files are skipped by name; the rest is imported, and the exit code is 3. Rulings are not made again: the
    folder does not say what they rested on.

    Args:
        folder: Output folder of SkillOpt 0.2, or a folder of such folders.
    """
    async with open_log(options.means(machine), warn=options.screen(machine).warn) as log:
        found = await import_skillopt(log, machine.folder / folder)
    screen = options.screen(machine)
    screen.show(imports.skillopt_rows(found.found), imports.SKILLOPT)
    return _left_out(screen, found.left_out)


def _left_out(screen: Screen, left_out: Sequence[ImportOmission]) -> ExitCode:
    """Report what was skipped, and return the exit code."""
    if not left_out:
        return ExitCode.DONE
    screen.show(imports.left_out_rows(left_out), imports.LEFT_OUT)
    return ExitCode.NEGATIVE


app: Final = App(name="import", help="Import past runs of other systems.")
app.command(spark)
app.command(atif)
app.command(harbor)
app.command(skillevolbench)
app.command(skillopt)
