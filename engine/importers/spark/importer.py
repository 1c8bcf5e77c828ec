"""``stillroom import spark DIR``: past runs of SPARK, read into the log so that every view of ours shows them.

One run per task, named after what its files hold, so that importing them again finds it there. An import that was
cut short goes on where it ended: the same files give the same events.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from anyio import to_thread

from engine.core.fold import fold
from engine.importers.assumed import Assumed
from engine.importers.left_out import ImportOmission, Imports, NothingImported, of_error
from engine.importers.spark.assemble import tell
from engine.importers.spark.decisions import spec_of
from engine.importers.spark.files import ATTEMPTS, SIGNS, SKILL, TRAJECTORY, TaskFiles, read_files, task_folders
from engine.importers.spark.reader import Warnings
from engine.importers.spark.records import EMPTY, Story
from engine.importers.spark.to_events import SparkImport, SparkStreams
from engine.importers.streams import ALREADY, append, run_id
from events.errors import EventRefused, VersionConflict
from events.store.base import EventLog, Selection
from events.values import NamedDigest
from projections.pdi.index import AT_THRESHOLD, PdiSettings
from projections.pdi.steps import PdiSteps, PdiStepsState

_SHOWN: Final = 5
"""Warnings that stand in the reason why a folder is left out."""
_WANTED: Final = f"the folder of a task, with {SKILL}, {ATTEMPTS} or {TRAJECTORY}, or a folder of such folders"
_REMEDY: Final = "restore its files as SPARK wrote them"
_FIELDS = ("proxy_exec", "proxy_plan", "proxy_oss", "raw_pdi", "weight", "weighted_pdi")


class ImportedSparkTask(NamedTuple):
    """What came of a task."""

    task: str
    run: str
    attempts: int
    warnings: tuple[str, ...]
    """What was missing or broken, and what was done instead; and where recorded PDI is not what we compute."""


class _Read(NamedTuple):
    """A task's files and what they tell."""

    files: TaskFiles
    story: Story | None
    """None: nothing in them can be read."""
    warnings: tuple[str, ...]


async def import_spark(
    log: EventLog, folder: Path, *, settings: PdiSettings | None = None
) -> Imports[ImportedSparkTask]:
    """Read the tasks of a folder into the log, by name; each whole or not at all.

    Args:
        log: Where the runs go.
        folder: One task's folder, or a folder of them.
        settings: What recorded PDI is compared with. None: SPARK's defaults.

    Raises:
        NothingImported: Not one file can be read.
    """
    folders = await to_thread.run_sync(task_folders, folder)
    found: dict[Path, ImportedSparkTask] = {}
    left_out: dict[Path, ImportOmission] = {}
    for each in folders.found:
        read = await to_thread.run_sync(_read, each)
        try:
            if read.story is None:
                left_out[each] = ImportOmission(each.name, _unreadable(read.warnings), _REMEDY)
            else:
                found[each] = await _import(log, read, settings or PdiSettings())
        except (EventRefused, VersionConflict) as error:
            left_out[each] = of_error(each.name, error)
    if not found:
        others = (*left_out.values(), *folders.left_out)
        nothing = ImportOmission(folder.name, f"it holds none of {', '.join(SIGNS)}", _REMEDY)
        raise NothingImported(folder, others or (nothing,), _WANTED)
    for each in [path for path in left_out if path not in found]:
        # Beside tasks that can be read, the files of one that cannot are kept for whoever reads better.
        read = await to_thread.run_sync(_read, each)
        if read.story is None:
            found[each] = kept = await _import(log, read, settings or PdiSettings())
            left_out[each] = left_out[each]._replace(
                problem=f"{left_out[each].problem}; run {kept.run} keeps its files"
            )
    return Imports(tuple(found[each] for each in sorted(found)), (*left_out.values(), *folders.left_out))


def _unreadable(warnings: tuple[str, ...]) -> str:
    return f"it holds nothing of SPARK that can be read: {'; '.join(warnings[:_SHOWN])}"


def _read(folder: Path) -> _Read:
    """Read one task: its files, what they tell, and what is to be said about them."""
    warnings = Warnings()
    files = read_files(folder, warnings)
    story = tell(files, warnings)
    return _Read(files, story, warnings.said)


async def _import(log: EventLog, read: _Read, settings: PdiSettings) -> ImportedSparkTask:
    found = read.files
    files = tuple(NamedDigest(name, log.put(data)) for name, data in sorted(found.files.items()))
    run = run_id("spark", found.task, files)
    story = read.story or EMPTY._replace(task=found.task)
    assumed = Assumed(log.put, log.redactor, spec_of(story))
    chunks = SparkStreams(log.put, assumed).write(SparkImport(story, files, read.warnings))
    if not await append(log, run, chunks):
        return ImportedSparkTask(found.task, run, len(story.attempts), (ALREADY,))
    state = await fold(log, PdiSteps({"again": settings}), Selection(run=run))
    differences = tuple(_differences(state, settings))
    return ImportedSparkTask(found.task, run, len(story.attempts), read.warnings + differences)


def _differences(state: PdiStepsState, settings: PdiSettings) -> Iterator[str]:
    """Name the steps at which the source recorded other values than we compute, at its four decimals."""
    computed = {row.attempt: row for row in state.rows}
    for row in state.recorded:
        ours = computed.get(row.attempt)
        if ours is None:
            continue
        names = [name for name in _FIELDS if abs(round(getattr(ours, name), 4) - getattr(row, name)) > AT_THRESHOLD]
        weighted = ours.weighted_pdi
        if weighted is not None and abs(weighted - settings.threshold) >= AT_THRESHOLD and ours.level != row.level:
            names.append("level")
        if names:
            differing = ", ".join(names)
            yield f"PDI after attempt {row.attempt}: {differing} as recorded are not what {settings.method} gives"
