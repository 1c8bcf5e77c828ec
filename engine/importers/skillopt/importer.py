"""``stillroom import skillopt DIR``: output folders of SkillOpt, read into the log so that our views show them.

A run is named after what its files hold, so that importing it again finds it there. Every file is kept.
"""

from pathlib import Path
from typing import Final, NamedTuple

from anyio import to_thread

from engine.importers.left_out import ImportOmission, Imports, NothingImported, folders_in, of_error, why_no_folder
from engine.importers.loose_json import JsonUnreadable, read_json
from engine.importers.secrets import redactor_of, secrets_by_look, secrets_within
from engine.importers.skillopt.files import CONFIG, HISTORY, INITIAL, SkillOptFolder, is_output, read_folder
from engine.importers.skillopt.records import read_history
from engine.importers.skillopt.to_events import SkillOptStreams
from engine.importers.streams import ALREADY, AppendBatch, append, run_id
from events.base import Draft
from events.errors import EventRefused, VersionConflict
from events.redaction.redactor import Redactor
from events.store.base import EventLog
from events.types.run import RunImported
from events.values import NamedDigest

_WANTED: Final = f"an output folder of SkillOpt, with {HISTORY}, or a folder of such folders"
_REMEDY: Final = "give the folder that SkillOpt trained into (out_root)"
_SHOWN: Final = 5
"""Warnings of a run that are listed."""


class ImportedSkillOptRun(NamedTuple):
    """What came of an output folder."""

    name: str
    run: str
    steps: int
    accepted: int
    rejected: int
    skipped: int
    files: int
    """That are kept."""
    warnings: tuple[str, ...]
    """What was missing, and what was done instead; `ALREADY` alone if the log holds the run."""


async def import_skillopt(log: EventLog, path: Path) -> Imports[ImportedSkillOptRun]:
    """Read output folders into the log, each whole or not at all; a file that cannot be read is left out by name.

    Args:
        log: Where the runs go.
        path: An output folder, or a folder of such folders.

    Raises:
        NothingImported: Not one step or skill can be read.
    """
    folders, left_out = await to_thread.run_sync(_folders, path)
    found: list[ImportedSkillOptRun] = []
    for each in folders:
        folder = await to_thread.run_sync(read_folder, each)
        try:
            imported = await _import(log, folder)
        except (EventRefused, VersionConflict) as error:
            left_out += [*folder.left_out, of_error(folder.name, error)]
            continue
        left_out += imported.left_out
        found += imported.found
    if not found:
        nothing = ImportOmission(path.name, f"it holds no {HISTORY} and no {INITIAL}", _REMEDY)
        raise NothingImported(path, tuple(left_out) or (nothing,), _WANTED)
    return Imports(tuple(found), tuple(left_out))


def _folders(path: Path) -> tuple[list[Path], list[ImportOmission]]:
    left_out: list[ImportOmission] = []
    if not path.is_dir():
        raise NothingImported(path, (ImportOmission(path.name, *why_no_folder(path)),), _WANTED)
    if is_output(path):
        return [path], left_out
    return [each for each in folders_in(path, left_out) if is_output(each)], left_out


async def _import(log: EventLog, folder: SkillOptFolder) -> Imports[ImportedSkillOptRun]:
    said: list[str] = []
    redactor = _redactor(folder, said)
    files = {name: redactor.replace(data) for name, data in folder.files.items()}
    history = read_history(files)
    left_out = [*folder.left_out, *history.left_out]
    if not history.steps and INITIAL not in files:
        problem = "it tells of no step, and holds no initial skill"
        return Imports((), (*left_out, ImportOmission(folder.name, problem, _REMEDY)))
    kept = tuple(NamedDigest(name, log.put(data)) for name, data in sorted(files.items()))
    told = SkillOptStreams(log.put, folder.name, files)
    told.write(history)
    left_out += told.left_out
    doubts = [*history.doubts, *told.doubts]
    more = [f"and {len(doubts) - _SHOWN} more doubts"] if len(doubts) > _SHOWN else []
    warnings = (*said, *doubts[:_SHOWN], *more)
    lacks = tuple(f"left out: {each.said}" for each in left_out)
    opened = RunImported("skillopt", folder.name, kept, _model(files), None, None, (*warnings, *lacks))
    run = run_id("skillopt", folder.name, kept)
    new = await append(log, run, [AppendBatch("run", [Draft(opened, None)]), *told.layout.chunks])
    counts = (len(history.steps), told.accepted, told.rejected, told.skipped, len(kept))
    row = ImportedSkillOptRun(folder.name, run, *counts, warnings if new else (ALREADY,))
    return Imports((row,), tuple(left_out))


def _redactor(folder: SkillOptFolder, said: list[str]) -> Redactor:
    secrets: list[tuple[str, str]] = []
    for name, data in folder.files.items():
        try:
            value = read_json(data)[0] if name.endswith(".json") else None
        except JsonUnreadable:
            value = None
        secrets += secrets_by_look(data) if value is None else secrets_within(value)
    return redactor_of(secrets, lambda what, done: said.append(f"{what}: {done}"))


def _model(files: dict[str, bytes]) -> str | None:
    """Name the model that was trained for. None: the folder does not say."""
    try:
        value, _ = read_json(files.get(CONFIG, b"{}"))
    except JsonUnreadable:
        return None
    model = value.get("target_model")
    return model if isinstance(model, str) and model else None
