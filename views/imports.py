"""What came of reading another system's runs into the log."""

from collections.abc import Sequence

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.importers.spark import Imported
from views.figures import plural
from views.tables import table


class ImportRow(msgspec.Struct, frozen=True):
    """One task that was read."""

    task: str
    run: str
    attempts: int
    warnings: tuple[str, ...]
    """What was missing or broken, and what was done instead."""


def rows(found: Sequence[Imported]) -> list[ImportRow]:
    """List the tasks."""
    return [ImportRow(each.task, each.run, each.attempts, each.warnings) for each in found]


def render(rows: Sequence[ImportRow]) -> RenderableType:
    """Draw the tasks, and below them what is to be said about them."""
    cells = [(row.task, str(row.attempts), str(len(row.warnings) or "-"), row.run) for row in rows]
    parts: list[RenderableType] = [
        table(["task…", "attempts", "warnings", "run…"], cells, right=["attempts", "warnings"])
    ]
    for row in rows:
        parts += [Text(f"{row.task}: {warning}", style="dim") for warning in row.warnings]
    attempts = sum(row.attempts for row in rows)
    parts.append(
        Text(f"{plural(len(rows), 'run')}, {plural(attempts, 'attempt')}, marked imported: we did not see them")
    )
    return Group(*parts)
