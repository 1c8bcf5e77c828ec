"""What came of reading another system's runs into the log."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.importers.atif.importer import ImportedAtifTask
from engine.importers.harbor.importer import ImportedHarborJob
from engine.importers.left_out import ImportOmission
from engine.importers.skillevolbench.importer import ImportedSkillEvolRun
from engine.importers.skillopt.importer import ImportedSkillOptRun
from engine.importers.spark.importer import ImportedSparkTask
from events.errors import ExitCode
from views.terminal.format import plural
from views.terminal.tables import Field, TableView

_MARKED: Final = "marked as imported: not observed by stillroom"


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


LEFT_OUT: Final = TableView(
    ImportOmissionRow,
    ("skipped", lambda row: row.name),
    ("reason…", lambda row: row.problem),
    "remedy…",
    notes=lambda rows: [f"{plural(len(rows), 'part')} left out: exit code {int(ExitCode.NEGATIVE)}"],
)


class ImportRow(msgspec.Struct, frozen=True):
    """One task that was read."""

    task: str
    run: str
    attempts: int
    warnings: tuple[str, ...]
    """What was missing or broken, and what was done instead."""


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


def rows(found: Sequence[ImportedSparkTask]) -> list[ImportRow]:
    """List the tasks."""
    return [ImportRow(each.task, each.run, each.attempts, each.warnings) for each in found]


def _notes(rows: Sequence[ImportRow]) -> Iterator[RenderableType]:
    for row in rows:
        yield from (Text(f"{row.task}: {warning}", style="dim") for warning in row.warnings)
    yield f"{_count(rows)}, {_MARKED}"


def _count(rows: Sequence[ImportRow] | Sequence[AtifImportRow]) -> str:
    return f"{plural(len(rows), 'run')}, {plural(sum(row.attempts for row in rows), 'attempt')}"


SPARK: Final = TableView(
    ImportRow, "task… >attempts", (">warnings", lambda row: len(row.warnings) or None), "run…", notes=_notes
)


def atif_rows(found: Sequence[ImportedAtifTask]) -> list[AtifImportRow]:
    """List the tasks."""
    return [
        AtifImportRow(each.task, each.run, each.attempts, each.steps, dict(each.losses), each.inferences)
        for each in found
    ]


ATIF: Final = TableView(
    AtifImportRow,
    "task… >attempts >steps",
    (">lost", lambda row: sum(row.losses.values()) or None),
    "run…",
    notes=lambda rows: [f"{_count(rows)}; original files are kept; {_MARKED}"],
)


class _Loss(NamedTuple):
    task: str
    what: str
    times: int


_WHAT: Final[Field[_Loss]] = ("not representable…", lambda loss: loss.what)
_LOST: Final = TableView(_Loss, "task…", _WHAT, ">times")


def render_losses(rows: Sequence[AtifImportRow]) -> RenderableType:
    """Draw the report of losses: what has no place, and what was inferred."""
    lost = [_Loss(row.task, path, count) for row in rows for path, count in row.losses.items()]
    parts: list[RenderableType] = [_LOST(lost)] if lost else []
    parts += [Text(f"{row.task}: {each}", style="dim") for row in rows for each in row.inferences]
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


_LOST_OF_JOB: Final = TableView(_Loss, _WHAT, ">times")


def _job_notes(rows: Sequence[HarborImportRow]) -> Iterator[RenderableType]:
    if lost := [_Loss(row.job, *each) for row in rows for each in row.losses.items()]:
        yield _LOST_OF_JOB(lost)
    yield from (Text(warning, style="dim") for row in rows for warning in row.warnings)
    yield f"original documents are kept; {_MARKED}"


HARBOR: Final = TableView(HarborImportRow, "job… >trials >steps run…", notes=_job_notes)


class SkillEvolImportRow(msgspec.Struct, frozen=True, tag_field="kind", tag="skillevolbench"):
    """A run that was read."""

    name: str
    run: str
    trials: int
    """Primary ones, replays and oracle shadows."""
    skills: int
    """That its libraries ended with."""
    losses: dict[str, int]
    """What the log cannot represent, with the count of each."""
    warnings: tuple[str, ...]
    """What was missing, and what stands for it."""


def skillevol_rows(found: Sequence[ImportedSkillEvolRun]) -> list[SkillEvolImportRow]:
    """List the runs."""
    return [
        SkillEvolImportRow(each.name, each.run, each.trials, each.skills, dict(each.losses), each.warnings)
        for each in found
    ]


def _skillevol_notes(rows: Sequence[SkillEvolImportRow]) -> Iterator[RenderableType]:
    if lost := [_Loss(row.name, *each) for row in rows for each in row.losses.items()]:
        yield _LOST(lost) if len(rows) > 1 else _LOST_OF_JOB(lost)
    yield from (Text(warning, style="dim") for row in rows for warning in row.warnings)
    yield f"original documents are kept; {_MARKED}"


SKILLEVOLBENCH: Final = TableView(SkillEvolImportRow, "name… >trials >skills run…", notes=_skillevol_notes)


class SkillOptImportRow(msgspec.Struct, frozen=True, tag_field="kind", tag="skillopt"):
    """A training that was read."""

    name: str
    run: str
    steps: int
    accepted: int
    """Candidates, like those below."""
    rejected: int
    skipped: int
    """Steps without a candidate."""
    files: int
    """That are kept as they were."""
    warnings: tuple[str, ...]
    """What was missing, and what stands for it."""


def skillopt_rows(found: Sequence[ImportedSkillOptRun]) -> list[SkillOptImportRow]:
    """List the trainings."""
    return [SkillOptImportRow(**each._asdict()) for each in found]


def _skillopt_notes(rows: Sequence[SkillOptImportRow]) -> Iterator[RenderableType]:
    yield from (Text(f"{row.name}: {warning}", style="dim") for row in rows for warning in row.warnings)
    yield f"original files are kept; {_MARKED}"


SKILLOPT: Final = TableView(
    SkillOptImportRow, "name… >steps >accepted >rejected >skipped >files run…", notes=_skillopt_notes
)
