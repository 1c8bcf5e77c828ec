"""``stillroom import spark DIR``: past runs of SPARK, read into the log so that every view of ours shows them.

One run per task, named after what its files hold, so that importing them again finds it there. An import that was
cut short goes on where it ended: the same files give the same events.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, NamedTuple

from anyio import to_thread

from engine.errors import EngineError
from engine.folding import fold
from engine.importers.laying import ALREADY, append, run_id
from engine.importers.spark_events import Told, Writer
from engine.importers.spark_files import ATTEMPTS, SKILL, TRAJECTORY, TaskFiles, read_files, task_folders
from engine.importers.spark_read import Warnings
from engine.importers.spark_story import Facts, Story
from engine.importers.spark_tell import tell
from events.errors import ExitCode
from events.log import EventLog, Selection
from events.values import NamedDigest
from projections.pdi import AT_THRESHOLD, PdiSettings
from projections.pdi_steps import PdiSteps, PdiStepsState

_FIELDS = ("proxy_exec", "proxy_plan", "proxy_oss", "raw_pdi", "weight", "weighted_pdi")


class NothingToImport(EngineError):
    """Raised when no file in a folder can be read as one of SPARK's."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, folder: Path, warnings: tuple[str, ...]) -> None:
        found = f": {'; '.join(warnings[:5])}" if warnings else ""
        super().__init__(
            f"{folder} holds nothing of SPARK that can be read{found}",
            remedy=f"give the folder of a task, with {SKILL}, {ATTEMPTS} or {TRAJECTORY}, or a folder of such folders",
        )


class Imported(NamedTuple):
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


async def import_spark(log: EventLog, folder: Path, *, settings: PdiSettings | None = None) -> list[Imported]:
    """Read the tasks of a folder into the log, by name.

    Args:
        log: Where the runs go.
        folder: One task's folder, or a folder of them.
        settings: What recorded PDI is compared with. None: SPARK's defaults.

    Raises:
        NothingToImport: Not one file can be read.
    """
    folders = await to_thread.run_sync(task_folders, folder)
    await to_thread.run_sync(_check_readable, folder, folders)
    return [await _import(log, await to_thread.run_sync(_read, each), settings or PdiSettings()) for each in folders]


def _check_readable(folder: Path, folders: list[Path]) -> None:
    """Refuse before anything is written; one task at a time, since all of them may not fit into memory.

    Raises:
        NothingToImport: Not one file can be read.
    """
    warnings: list[str] = []
    for each in folders:
        read = _read(each)
        if read.story is not None:
            return
        warnings += read.warnings
    raise NothingToImport(folder, tuple(warnings))


def _read(folder: Path) -> _Read:
    """Read one task: its files, what they tell, and what is to be said about them."""
    warnings = Warnings()
    files = read_files(folder, warnings)
    story = tell(files, warnings)
    return _Read(files, story, warnings.said)


async def _import(log: EventLog, read: _Read, settings: PdiSettings) -> Imported:
    found = read.files
    files = tuple(NamedDigest(name, log.put(data)) for name, data in sorted(found.files.items()))
    run = run_id("spark", found.task, files)
    story = read.story or Story(found.task, Facts(None, None, None), (), (), (), None, ended=False)
    chunks = Writer(log.put).write(Told(story, files, read.warnings))
    if not await append(log, run, chunks):
        return Imported(found.task, run, len(story.attempts), (ALREADY,))
    state = await fold(log, PdiSteps({"again": settings}), Selection(run=run))
    differences = tuple(_differences(state, settings))
    return Imported(found.task, run, len(story.attempts), read.warnings + differences)


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
