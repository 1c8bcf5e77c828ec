"""The files of one of Harbor's job folders, read trial by trial: each wholly, or the import is refused and says why.

Fixes W21 as the import of SPARK does: keys that stand in a recorded configuration are replaced wherever they occur.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Final, NamedTuple, TypeVar

import msgspec

from engine.errors import EngineError
from engine.importers.atif_read import AtifWrong, Document, read_atif
from engine.importers.atif_tell import inline, sources_of
from engine.importers.harbor_model import CONFIG, EXCEPTION, RESULT, JobConfig, TrialResult
from engine.importers.harbor_story import printed
from engine.importers.hidden import secrets_within
from events.errors import ExitCode
from events.redact import Redactor

_TRAJECTORY: Final = "trajectory.json"
_FURTHER: Final = "trajectory.*.json"
_STDOUT: Final = "test-stdout.txt"
_STDERR: Final = "test-stderr.txt"
_CTRF: Final = "ctrf.json"
_OWN: Final = (CONFIG, RESULT, EXCEPTION)
_Read = TypeVar("_Read")


class HarborWrong(EngineError):
    """Raised when a job folder, or a file in it, cannot be read. Nothing of it was imported.

    Attributes:
        path: The folder or file at fault.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, path: str, problem: str, *, remedy: str) -> None:
        super().__init__(f"{path} {problem}", remedy=f"{remedy}; nothing was imported")
        self.path = path


class _JobSaid(msgspec.Struct, frozen=True):
    n_total_trials: int | None = None


class JobFiles(NamedTuple):
    """A job folder, but for its trials."""

    name: str
    folder: Path
    config: JobConfig | None
    """None: there is no ``config.json``."""
    files: Mapping[str, bytes]
    trials: tuple[str, ...]
    """Folders that hold a ``result.json``, by name."""
    unfinished: tuple[str, ...]
    """Folders of trials that hold none: Harbor was cut off."""
    expected: int | None
    """How many trials the job says it has. None: it does not."""


class Part(NamedTuple):
    """What stands below a trial, or below one step of it."""

    documents: tuple[Document, ...]
    """Trajectories, the agent's own first."""
    media: Mapping[str, bytes]
    """Pictures and sounds beside them, by the names they give them."""
    printed: bytes | None
    """By the agent. None: no file of its name is there."""


class TrialFiles(NamedTuple):
    """A trial's folder."""

    name: str
    result: TrialResult
    parts: tuple[Part, ...]
    """One, or one for each step of a task of several."""
    files: Mapping[str, bytes]
    """What is kept as it was, by path below the job's folder."""
    stdout: bytes | None
    """Of the verifier, over all steps. None: it left none."""
    ctrf: bytes | None
    """Its report in the Common Test Report Format. None: it left none."""
    left: Mapping[str, int]
    """Files that have no place in the log, by kind."""


def jobs_in(folder: Path) -> list[Path]:
    """Say which job folders are meant by a folder: those in it, such as in Harbor's `jobs`, or else itself."""
    below = sorted(each for each in folder.iterdir() if _is_job(each)) if folder.is_dir() else []
    return below or [folder]


def _is_job(folder: Path) -> bool:
    return folder.is_dir() and any((each / RESULT).is_file() for each in folder.iterdir() if each.is_dir())


def read_job(folder: Path) -> JobFiles:
    """Read a job's own documents, and list its trials.

    Raises:
        HarborWrong: It is no job folder, or a document of it cannot be read.
    """
    if not folder.is_dir():
        raise HarborWrong(str(folder), "is no folder", remedy="give a job folder, such as jobs/2026-01-31__12-00-00")
    children = sorted(each for each in folder.iterdir() if each.is_dir())
    trials = tuple(each.name for each in children if (each / RESULT).is_file())
    unfinished = tuple(each.name for each in children if (each / CONFIG).is_file() and each.name not in trials)
    if not trials:
        what = f"holds no trial with a {RESULT}" + (f" ({len(unfinished)} did not end)" if unfinished else "")
        raise HarborWrong(str(folder), what, remedy="give the folder of one job, in which each trial has a folder")
    files = {name: (folder / name).read_bytes() for name in (CONFIG, RESULT) if (folder / name).is_file()}
    config = _decoded(files.get(CONFIG), folder / CONFIG, JobConfig)
    said = _decoded(files.get(RESULT), folder / RESULT, _JobSaid)
    name = printed(folder.resolve().name if config is None else config.job_name)
    return JobFiles(name, folder, config, files, trials, unfinished, None if said is None else said.n_total_trials)


def read_trial(job: JobFiles, name: str, redactor: Redactor) -> TrialFiles:
    """Read a trial's folder.

    Args:
        job: It is of.
        name: Of the folder.
        redactor: Replaces the secrets that are known of, in every byte, before anything is made of them.

    Raises:
        HarborWrong: A file of it cannot be read, or breaks the rules of its format.
    """
    folder = job.folder / name
    try:
        kept = {each: redactor.replace((folder / each).read_bytes()) for each in _OWN if (folder / each).is_file()}
        result = _decoded(kept[RESULT], folder / RESULT, TrialResult)
        assert result is not None
        steps = steps_of(result)
        if any(".." in step for step in steps):
            raise HarborWrong(str(folder / RESULT), "names a step above its trial", remedy="mend the file")
        agent = f"{PurePosixPath(result.agent_info.name).name}.txt"
        paths = [path for step in steps for path in _wanted(folder, step, agent)]
        kept |= {each.relative_to(folder).as_posix(): redactor.replace(each.read_bytes()) for each in paths}
        parts = tuple(_part(folder, step, agent, kept) for step in steps)
        left = _left(folder, kept)
    except OSError as error:
        place = str(error.filename or folder)
        raise HarborWrong(place, f"cannot be read ({error.strerror})", remedy="make it readable") from error
    files = {f"{name}/{path}": data for path, data in kept.items()}
    return TrialFiles(name, result, parts, files, *checks_in(files, name, result), left)


def results_in(files: Mapping[str, bytes]) -> dict[str, TrialResult]:
    """Read the results among files that were kept, by folder of the trial."""
    ending = f"/{RESULT}"
    found = {name.removesuffix(ending): data for name, data in files.items() if name.endswith(ending)}
    return {folder: msgspec.json.decode(data, type=TrialResult) for folder, data in sorted(found.items())}


def checks_in(files: Mapping[str, bytes], folder: str, result: TrialResult) -> tuple[bytes | None, bytes | None]:
    """Give what a verifier printed over all steps, and the report of the last step that has one, among kept files."""
    below = [f"{folder}/{step}verifier" for step in steps_of(result)]
    printed = [files[name] for each in below for name in (f"{each}/{_STDOUT}", f"{each}/{_STDERR}") if name in files]
    reports = [files[f"{each}/{_CTRF}"] for each in below if f"{each}/{_CTRF}" in files]
    return b"".join(printed) if printed else None, reports[-1] if reports else None


def steps_of(result: TrialResult) -> list[str]:
    """Give the folders of a trial's steps, each with a slash behind it, and at the end that of the trial: empty."""
    return [*(f"steps/{each.step_name}/" for each in result.step_results or ()), ""]


def secrets_of(job: JobFiles, trial: TrialFiles) -> Iterator[tuple[str, str]]:
    """List names and values that look secret in the configurations of a trial and its job."""
    for data in (job.files.get(CONFIG), *trial.files.values()):
        if data is not None and data.lstrip()[:1] == b"{":
            yield from secrets_within(_config_in(data))


def _config_in(data: bytes) -> Any:
    try:
        value = msgspec.json.decode(data)
    except msgspec.MsgspecError:
        return None
    return value.get("config", value if "task" in value or "job_name" in value else None)


def _decoded(data: bytes | None, path: Path, kind: type[_Read]) -> _Read | None:
    """Read a document. None: there is none."""
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        remedy = "restore the file as Harbor wrote it, or take the folder it stands in away"
        raise HarborWrong(str(path), f"is no {path.name} of Harbor's: {error}", remedy=remedy) from error


def _wanted(folder: Path, step: str, agent: str) -> list[Path]:
    """List the files below a trial or a step that are read and kept whole; a link that leads out is not followed."""
    below, verifier = folder / step / "agent", folder / step / "verifier"
    named = [below / _TRAJECTORY, *sorted(below.glob(_FURTHER)), below / agent]
    wanted = (*named, *(verifier / each for each in (_STDOUT, _STDERR, _CTRF)))
    return [path for path in wanted if path.is_file() and path.resolve().is_relative_to(folder.resolve())]


def _part(folder: Path, step: str, agent: str, kept: Mapping[str, bytes]) -> Part:
    """Make of kept files what stands below a trial or a step."""
    below = f"{step}agent/"
    names = [f"{below}{_TRAJECTORY}", *sorted(name for name in kept if PurePosixPath(name).match(below + _FURTHER))]
    documents = tuple(_document(folder, name, kept[name]) for name in names if name in kept)
    return Part(documents, _media(folder / below, documents), kept.get(below + agent))


def _document(folder: Path, name: str, data: bytes) -> Document:
    try:
        return read_atif(data, f"{folder.name}/{name}")
    except AtifWrong as error:
        place, remedy = str(folder / name), "mend the file, or take it away"
        raise HarborWrong(place, f"is no trajectory: {error.problem}", remedy=remedy) from error


def _media(folder: Path, documents: Sequence[Document]) -> dict[str, bytes]:
    """Read what the trajectories name beside them; nothing above is looked at, and nothing is fetched."""
    media: dict[str, bytes] = {}
    for path in {each.path for document in documents for each in sources_of(document.trajectory)}:
        if inline(path) is not None or "\0" in path:
            continue
        file = (folder / path).resolve()
        if file.is_relative_to(folder.resolve()) and file.is_file():
            media[path] = file.read_bytes()
    return media


def _left(folder: Path, kept: Mapping[str, bytes]) -> dict[str, int]:
    """Count the files that stay behind, by the folder they are in."""
    counts: dict[str, int] = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and "/".join(parts) not in kept:
            kind = next((each for each in ("agent", "verifier", "artifacts") if each in parts[:-1]), parts[-1])
            counts[kind] = counts.get(kind, 0) + 1
    return counts
