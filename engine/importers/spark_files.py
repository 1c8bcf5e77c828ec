"""The files of one task of SPARK, as they were, but for secrets.

Fixes W21: Harbor's configuration, keys included, stands verbatim in each ``result_json``. Such values are replaced in
all bytes of the task before anything of them is kept. A warning names the variable, never the value.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from engine.importers.hidden import blanked, redactor_of, secrets_within
from engine.importers.spark_read import Place, Warnings, read_lines

SKILL: Final = "SKILL.md"
ATTEMPTS: Final = "attempts.json"
TRAJECTORY: Final = "trajectory.jsonl"
REPORT: Final = "error_report.md"
FILES: Final = (SKILL, ATTEMPTS, TRAJECTORY, REPORT)
"""What SPARK writes for a task. Any of the first three makes a folder a task's."""

_SECRET_TEXT = re.compile(
    rb'(?<!\w)(\w{0,64}?(?:KEY|TOKEN|SECRET|PASSWORD))\\{0,8}"\s{0,8}:\s{0,8}\\{0,8}"([^"\\\s]+)', re.IGNORECASE
)
"""Every repetition before the value has a bound: without, a line of 200,000 letters took longer than anybody waits."""


class TaskFiles(NamedTuple):
    """What lies in a task's folder."""

    task: str
    """Name of the folder."""
    files: Mapping[str, bytes]
    """By name, secrets replaced, those of zero bytes included."""


def task_folders(folder: Path) -> list[Path]:
    """List the folders of tasks: this one, or those in it, by name."""
    try:
        if _is_task(folder):
            return [folder]
        return sorted(each for each in folder.iterdir() if each.is_dir() and _is_task(each))
    except OSError:
        return []


def read_files(folder: Path, warnings: Warnings) -> TaskFiles:
    """Read a task's folder."""
    files = {}
    for name in FILES:
        path = folder / name
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            warnings.add(Place(name, None), f"cannot be read ({error.strerror})", "it counts as missing")
            continue
        if not data.strip():
            warnings.add(Place(name, None), "is empty", "it is kept, and counts as missing")
        files[name] = data
    redactor = redactor_of(_secrets(files), partial(warnings.add, Place(TRAJECTORY, None)))
    task = folder.resolve().name.encode("utf-8", "replace").decode()
    return TaskFiles(task or "task", {name: redactor.replace(data) for name, data in files.items()})


def _is_task(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (SKILL, ATTEMPTS, TRAJECTORY))


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
            for name, value in _SECRET_TEXT.findall(line):
                if not blanked(text := value.decode("utf-8", "replace")):
                    yield name.decode(), text
