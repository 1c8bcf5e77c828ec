"""Which folders are Harbor's jobs and trials: told from what they hold, however deep they lie.

Every folder below the one that is given is a job, a trial, or is left out by name; hidden ones are nobody's results.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

from engine.importers.harbor.result import is_config_of_job, is_of_job
from engine.importers.harbor.schema import CONFIG, RESULT
from engine.importers.left_out import ImportOmission, folders_in, of_error, why_no_folder

_DEEPEST: Final = 8
"""Folders within each other in which jobs are looked for."""

Kind = Literal["trial", "unfinished", "other"]


class JobFolder(NamedTuple):
    """A folder in which trials lie."""

    folder: Path
    trials: tuple[str, ...]
    """Folders in it that hold a ``result.json``, by name."""
    left_out: tuple[ImportOmission, ...]
    """Folders that may have been meant for trials."""
    alone: bool
    """Whether it is one trial that was given, and the others beside it were not."""


class FoundJobs(NamedTuple):
    """What a path stands for."""

    jobs: tuple[JobFolder, ...]
    left_out: tuple[ImportOmission, ...]
    """What belongs to none of them."""


def find_jobs(given: Path) -> FoundJobs:
    """Say which jobs are meant by a path: those in the folder or below it, or the one trial that it is."""
    if not given.is_dir():
        return FoundJobs((), (ImportOmission(str(given), *why_no_folder(given)),))
    try:
        kind = kind_of(given)
    except OSError as error:
        return FoundJobs((), (of_error(str(given), error),))
    if kind == "trial":
        return FoundJobs((JobFolder(given.absolute().parent, (given.absolute().name,), (), alone=True),), ())
    if kind == "unfinished":
        return FoundJobs((), (_unfinished(str(given)),))
    looking = _Looking(given)
    looking.look(given)
    return FoundJobs(tuple(looking.jobs), tuple(looking.left_out))


def kind_of(folder: Path) -> Kind:
    """Say what a folder is.

    Raises:
        OSError: It cannot be looked into.
    """
    if (folder / RESULT).is_file():
        of_job = is_of_job((folder / RESULT).read_bytes())
        if of_job is None:
            of_job = _holds_others(folder)
        return "other" if of_job else "trial"
    if (folder / CONFIG).is_file():
        of_job = is_config_of_job((folder / CONFIG).read_bytes())
        return "other" if of_job or (of_job is None and _holds_others(folder)) else "unfinished"
    return "other"


def _holds_others(folder: Path) -> bool:
    """Say whether folders with results or configurations of their own lie in a folder."""
    return any((each / name).is_file() for each in folders_in(folder, []) for name in (RESULT, CONFIG))


class _Looking:
    """Looks for jobs in a folder and below it."""

    def __init__(self, given: Path) -> None:
        self.jobs: list[JobFolder] = []
        self.left_out: list[ImportOmission] = []
        self._seen = {given.resolve(): "the folder that was given"}

    def look(self, folder: Path, below: str = "") -> bool:
        """Look into a folder. Says whether there was anything of Harbor's in it.

        Args:
            folder: Which.
            below: Its path below the folder that was given, with a slash behind it; empty for that one.
        """
        trials: list[str] = []
        others: list[Path] = []
        near: list[ImportOmission] = []
        for each, kind in self._kinds(folder, below, near):
            match kind:
                case "trial":
                    trials.append(each.name)
                case "unfinished":
                    near.append(_unfinished(f"{below}{each.name}"))
                case "other":
                    others.append(each)
        at = len(self.jobs)
        empty = [each for each in others if below.count("/") >= _DEEPEST or not self.look(each, f"{below}{each.name}/")]
        near += [ImportOmission(f"{below}{each.name}", _NOTHING, "take it away") for each in empty]
        if trials:
            self.jobs.insert(at, JobFolder(folder, tuple(trials), tuple(near), alone=False))
        elif len(near) > len(empty) or len(empty) < len(others):
            self.left_out += near
        return bool(trials) or len(near) > len(empty) or len(empty) < len(others)

    def _kinds(self, folder: Path, below: str, near: list[ImportOmission]) -> Iterator[tuple[Path, Kind]]:
        """List the folders in a folder with what they are; what cannot be looked into is left out."""
        try:
            folders = list(folders_in(folder, near))
        except OSError as error:
            near.append(of_error(below.rstrip("/") or str(folder), error))
            return
        for each in folders:
            name = f"{below}{each.name}"
            try:
                other, kind = self._seen.setdefault(each.resolve(), name), kind_of(each)
            except OSError as error:
                near.append(of_error(name, error))
                continue
            if other != name:
                near.append(ImportOmission(name, f"it is {other} again, by a link", "give each folder once"))
            else:
                yield each, kind


_NOTHING: Final = f"it holds neither {RESULT} nor {CONFIG}"


def _unfinished(name: str) -> ImportOmission:
    problem = f"it did not end: there is a {CONFIG} and no {RESULT}"
    return ImportOmission(name, problem, "let Harbor end it, and import the folder again")
