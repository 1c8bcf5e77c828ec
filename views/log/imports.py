"""What came of reading another system's runs into the log."""

from collections.abc import Sequence

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.importers.atif.importer import ImportedAtifTask
from engine.importers.harbor.importer import ImportedHarborJob
from engine.importers.left_out import ImportOmission
from engine.importers.spark.importer import ImportedSparkTask
from events.errors import ExitCode
from views.terminal.format import plural
from views.terminal.tables import table


class ImportOmissionRow(msgspec.Struct, frozen=True, tag_field="kind", tag="left_out"):
    """Something that was meant and is not in the log."""

    name: str
    """Its path below what was given."""
    problem: str
    """Why it was left out."""
    remedy: str


def left_out_rows(found: Sequence[ImportOmission]) -> list[ImportOmissionRow]:
    """List what was left out."""
    return [ImportOmissionRow(each.name, each.problem, each.remedy) for each in found]


def render_left_out(rows: Sequence[ImportOmissionRow]) -> RenderableType:
    """Draw what was left out."""
    cells = [(row.name, row.problem, row.remedy) for row in rows]
    return Group(
        table(["skipped", "reason…", "remedy…"], cells),
        Text(f"{plural(len(rows), 'part')} left out: exit code {int(ExitCode.NEGATIVE)}"),
    )


class ImportRow(msgspec.Struct, frozen=True):
    """One task that was read."""

    task: str
    run: str
    attempts: int
    warnings: tuple[str, ...]
    """What was missing or broken, and what was done instead."""


def rows(found: Sequence[ImportedSparkTask]) -> list[ImportRow]:
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
        Text(
            f"{plural(len(rows), 'run')}, {plural(attempts, 'attempt')}, marked as imported: not observed by stillroom"
        )
    )
    return Group(*parts)


class AtifImportRow(msgspec.Struct, frozen=True, tag_field="kind", tag="atif"):
    """A task of which trajectories were read."""

    task: str
    run: str
    attempts: int
    steps: int
    losses: dict[str, int]
    """Fields that have no place in the log, by path, and how many there were. The files are kept as they were."""
    inferences: tuple[str, ...]
    """What the documents do not say, and what stands for it."""


def atif_rows(found: Sequence[ImportedAtifTask]) -> list[AtifImportRow]:
    """List the tasks."""
    return [
        AtifImportRow(each.task, each.run, each.attempts, each.steps, dict(each.losses), each.inferences)
        for each in found
    ]


def render_atif(rows: Sequence[AtifImportRow]) -> RenderableType:
    """Draw the tasks."""
    cells = [
        (row.task, str(row.attempts), str(row.steps), str(sum(row.losses.values()) or "-"), row.run) for row in rows
    ]
    kept = "original files are kept; marked as imported: not observed by stillroom"
    count = f"{plural(len(rows), 'run')}, {plural(sum(row.attempts for row in rows), 'attempt')}; {kept}"
    right = ["attempts", "steps", "lost"]
    return Group(table(["task…", "attempts", "steps", "lost", "run…"], cells, right=right), Text(count))


def render_losses(rows: Sequence[AtifImportRow]) -> RenderableType:
    """Draw the report of losses: what has no place, and what was inferred."""
    parts: list[RenderableType] = []
    lost = [(row.task, path, str(count)) for row in rows for path, count in row.losses.items()]
    if lost:
        parts.append(table(["task…", "not representable…", "times"], lost, right=["times"]))
    for row in rows:
        parts += [Text(f"{row.task}: {each}", style="dim") for each in row.inferences]
    return Group(*(parts or [Text("every field was imported, and nothing was inferred", style="dim")]))


class HarborImportRow(msgspec.Struct, frozen=True, tag_field="kind", tag="harbor"):
    """A job that was read."""

    job: str
    run: str
    trials: int
    """As Harbor counts them."""
    steps: int
    losses: dict[str, int]
    """Fields that the log cannot represent, with the count of each."""
    warnings: tuple[str, ...]
    """What was missing, and what stands for it."""


def harbor_row(found: ImportedHarborJob) -> HarborImportRow:
    """List the job."""
    return HarborImportRow(found.job, found.run, found.trials, found.steps, dict(found.losses), found.warnings)


def render_harbor(rows: Sequence[HarborImportRow]) -> RenderableType:
    """Draw the job, what has no place in the log, and what was missing."""
    cells = [(row.job, str(row.trials), str(row.steps), row.run) for row in rows]
    parts: list[RenderableType] = [table(["job…", "trials", "steps", "run…"], cells, right=["trials", "steps"])]
    lost = [(what, str(count)) for row in rows for what, count in row.losses.items()]
    if lost:
        parts.append(table(["not representable…", "times"], lost, right=["times"]))
    parts += [Text(warning, style="dim") for row in rows for warning in row.warnings]
    parts.append(Text("original documents are kept; marked as imported: not observed by stillroom"))
    return Group(*parts)
