"""The files of one task of SPARK, as they were, but for secrets.

Fixes W21: Harbor's configuration, keys included, stands verbatim in each ``result_json``. Such values are replaced in
all bytes of the task before anything of them is kept. A warning names the variable, never the value.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from engine.importers.left_out import ImportOmission, Imports, folders_in, leads_out, of_error, why_no_folder
from engine.importers.secrets import redactor_of, secrets_by_look, secrets_within
from engine.importers.spark.reader import SourceLocation, Warnings, read_lines

SKILL: Final = "SKILL.md"
ATTEMPTS: Final = "attempts.json"
TRAJECTORY: Final = "trajectory.jsonl"
REPORT: Final = "error_report.md"
FILES: Final = (SKILL, ATTEMPTS, TRAJECTORY, REPORT)
"""What SPARK writes for a task."""
SIGNS: Final = FILES[:3]
"""Any of these makes a folder a task's."""

_UNPRINTED = re.compile(r"[\x00-\x1f\x7f]+")


class TaskFiles(NamedTuple):
    """What lies in a task's folder."""

    task: str
    """Name of the folder."""
    files: Mapping[str, bytes]
    """By name, secrets replaced, those of zero bytes included."""


def task_folders(folder: Path) -> Imports[Path]:
    """List the folders of tasks: this one, or those in it, by name; any other in it is left out."""
    if not folder.is_dir():
        return Imports((), (ImportOmission(str(folder), *why_no_folder(folder)),))
    found: list[Path] = []
    left_out: list[ImportOmission] = []
    try:
        if _is_task(folder):
            return Imports((folder,), ())
        folders = list(folders_in(folder, left_out))
    except OSError as error:
        return Imports((), (of_error(str(folder), error),))
    for each in folders:
        try:
            if _is_task(each):
                found.append(each)
            else:
                left_out.append(ImportOmission(each.name, f"it holds none of {', '.join(SIGNS)}", "take it away"))
        except OSError as error:
            left_out.append(of_error(each.name, error))
    return Imports(tuple(found), tuple(left_out))


def read_files(folder: Path, warnings: Warnings) -> TaskFiles:
    """Read a task's folder."""
    files = {}
    for name in FILES:
        path = folder / name
        try:
            if path.is_symlink() and leads_out(path, folder):
                warnings.add(
                    SourceLocation(name, None), "is a link that leads out of the folder", "it counts as missing"
                )
                continue
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            warnings.add(SourceLocation(name, None), f"cannot be read ({error.strerror})", "it counts as missing")
            continue
        if not data.strip():
            warnings.add(SourceLocation(name, None), "is empty", "it is kept, and counts as missing")
        files[name] = data
    redactor = redactor_of(_secrets(files), partial(warnings.add, SourceLocation(TRAJECTORY, None)))
    task = _UNPRINTED.sub("-", folder.resolve().name.encode("utf-8", "replace").decode())
    return TaskFiles(task or "task", {name: redactor.replace(data) for name, data in files.items()})


def _is_task(folder: Path) -> bool:
    return any((folder / name).is_file() for name in SIGNS)


def _secrets(files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """List names and values that look secret: in what can be read by their place, elsewhere by their look."""
    quiet = Warnings()
    data = files.get(TRAJECTORY, b"")
    read = set()
    for record in read_lines(data, TRAJECTORY, quiet):
        read.add(record.place.line)
        config = record.value.get("result_json")
        yield from secrets_within(config.get("config") if isinstance(config, dict) else None)
    for number, line in enumerate(data.split(b"\n"), start=1):
        if number not in read:
            yield from secrets_by_look(line)
