"""Commands that read past runs of other systems."""

from pathlib import Path
from typing import Final

from engine.config_setting import open_log
from engine.importers.spark import import_spark
from projections.pdi import PdiSettings
from projections.pdi_likeness import Likeness
from views import imports
from views.commands.rows import Rows
from views.options import ASIS, Given, Options

ROWS: Final[Rows] = {"import spark": (imports.ImportRow,)}


async def spark(
    folder: Path, /, *, method: Likeness = "token_overlap", options: Options = ASIS, machine: Given
) -> None:
    """Read past runs of SPARK: SKILL.md, attempts.json and trajectory.jsonl, any of them missing or broken.

    Args:
        folder: One task's folder, or a folder of them.
        method: By which recorded PDI is computed again and compared.
    """
    async with open_log(options.means(machine)) as log:
        found = await import_spark(log, machine.folder / folder, settings=PdiSettings(method=method))
    options.screen(machine).show(imports.rows(found), imports.render)
