"""The files of one of SkillEvolBench's run folders: its records, its libraries as they ended, and its own reports."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from engine.importers.left_out import ImportOmission, leads_out

RECORDS: Final = "stores/replay/records"
CONFIG: Final = "config.json"
REPORT: Final = "reports/full_report.json"
HASH: Final = "benchmark_hash.txt"
RETRIEVALS: Final = "stores/retrieval/retrieval_events.jsonl"
MANIFEST: Final = "manifest.yaml"
ACTIVE: Final = "active"
JOB: Final = "harbor-job"
_LIBRARY: Final = "library"
_EVENTS: Final = "stores/events"
_SINGLE: Final = (CONFIG, HASH, REPORT, RETRIEVALS)
_HIDDEN: Final = "."


class RunFiles(NamedTuple):
    """A run folder."""

    name: str
    files: Mapping[str, bytes]
    """What is kept as it was, by path below the folder."""
    left_out: tuple[ImportOmission, ...]
    """Files that are links out of the folder, or cannot be read."""
    trials_of_harbor: int
    """Folders below ``harbor-job`` that hold a trial, which `import harbor` reads."""

    @property
    def records(self) -> tuple[str, ...]:
        """Paths of the records of trials."""
        return tuple(path for path in self.files if path.startswith(f"{RECORDS}/") and path.endswith(".json"))

    @property
    def manifests(self) -> tuple[str, ...]:
        """Paths of what indexes libraries."""
        return tuple(path for path in self.files if path.startswith(_LIBRARY) and path.endswith(f"/{MANIFEST}"))

    @property
    def events(self) -> tuple[str, ...]:
        """Paths of the run's own journals."""
        return tuple(path for path in self.files if path.startswith(f"{_EVENTS}/"))


def read_run(folder: Path) -> RunFiles:
    """Read a run's folder. Blocking. What git keeps of a library is not looked at."""
    files: dict[str, bytes] = {}
    left_out: list[ImportOmission] = []
    for path in sorted(set(_wanted(folder))):
        name = path.relative_to(folder).as_posix()
        if leads_out(path, folder):
            left_out.append(ImportOmission(name, "is a link that leads out of the run's folder", "copy the file there"))
            continue
        try:
            files[name] = path.read_bytes()
        except OSError as error:
            problem = f"it cannot be read ({error.strerror or error})"
            left_out.append(ImportOmission(name, problem, "make it readable"))
    trials = sum((each / "result.json").is_file() for each in _folders(folder / JOB))
    return RunFiles(folder.resolve().name, files, tuple(left_out), trials)


def _wanted(folder: Path) -> Iterator[Path]:
    yield from (folder / name for name in _SINGLE if (folder / name).is_file())
    yield from (folder / RECORDS).glob("*.json")
    yield from (folder / _EVENTS).glob("*.jsonl")
    for path in (folder / _LIBRARY).rglob("*"):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(_HIDDEN) for part in parts)
        if path.is_file() and not hidden and (path.name == MANIFEST or ACTIVE in parts):
            yield path


def _folders(folder: Path) -> Iterator[Path]:
    """List trials of a job, which may lie one folder deeper."""
    for each in folder.glob("*"):
        if each.is_dir():
            yield each
            yield from (below for below in each.glob("*") if below.is_dir())
