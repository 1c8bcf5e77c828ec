"""Commands that read past runs of other systems."""

from pathlib import Path
from typing import Final

from engine.config_setting import open_log
from engine.importers.atif import import_atif
from engine.importers.harbor import import_harbor
from engine.importers.harbor_files import jobs_in
from engine.importers.spark import import_spark
from projections.pdi import PdiSettings
from projections.pdi_likeness import Likeness
from views import imports
from views.commands.rows import Rows
from views.options import ASIS, Given, Options
from views.screen import Manner

ROWS: Final[Rows] = {
    "import spark": (imports.ImportRow,),
    "import atif": (imports.AtifImportRow,),
    "import harbor": (imports.HarborImportRow,),
}


async def spark(
    folder: Path, /, *, method: Likeness = "token_overlap", options: Options = ASIS, machine: Given
) -> None:
    """Read past runs of SPARK: SKILL.md, attempts.json and trajectory.jsonl, any of them missing or broken.

    Args:
        folder: One task's folder, or a folder of them.
        method: By which recorded PDI is computed again and compared.
    """
    async with open_log(options.means(machine), warn=options.screen(machine).warn) as log:
        found = await import_spark(log, machine.folder / folder, settings=PdiSettings(method=method))
    options.screen(machine).show(imports.rows(found), imports.render)


async def atif(path: Path, /, *, task: str | None = None, options: Options = ASIS, machine: Given) -> None:
    """Read trajectories of ATIF 1.0 to 1.8, and report what has no place in the log and what was inferred.

    Args:
        path: A trajectory, or a folder in which and below which all are read.
        task: The task they all are attempts at. Without it each says so itself, or is named after its place.
    """
    async with open_log(options.means(machine), warn=options.screen(machine).warn) as log:
        found = await import_atif(log, machine.folder / path, task=task)
    screen, rows = options.screen(machine), imports.atif_rows(found)
    screen.show(rows, imports.render_atif)
    if screen.manner is not Manner.JSON:
        screen.err.print(imports.render_losses(rows))


async def harbor(folder: Path, /, *, options: Options = ASIS, machine: Given) -> None:
    """Read a job folder of Harbor's as one run, and report what has no place in the log and what was missing.

    Args:
        folder: Of a job, which holds a folder for each trial; or a folder of jobs.
    """
    async with open_log(options.means(machine), warn=options.screen(machine).warn) as log:
        found = [await import_harbor(log, each) for each in jobs_in(machine.folder / folder)]
    options.screen(machine).show([imports.harbor_row(each) for each in found], imports.render_harbor)
