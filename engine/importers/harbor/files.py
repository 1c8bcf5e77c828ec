"""The files of one of Harbor's job folders, read trial by trial: each wholly, or it is left out and says why.

Fixes W21 as the import of SPARK does: keys that stand in a recorded configuration are replaced wherever they occur.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import ClassVar, Final, NamedTuple

from engine.core.errors import EngineError
from engine.importers.atif.loose import read_loose_atif
from engine.importers.atif.reader import AtifWrong, Document
from engine.importers.atif.to_events import inline, sources_of
from engine.importers.harbor.folders import JobFolder
from engine.importers.harbor.outcomes import printed
from engine.importers.harbor.result import expected_trials, read_job_config, read_result
from engine.importers.harbor.schema import CONFIG, EXCEPTION, RESULT, TrialResult
from engine.importers.left_out import ImportOmission, leads_out
from engine.importers.loose_json import JsonUnreadable, is_utf16, read_json
from engine.importers.secrets import secrets_by_look, secrets_within
from engine.importers.transcripts.base import StatedUsage, Transcript
from engine.importers.transcripts.reader import Read, read_transcripts, transcripts_below
from events.errors import ExitCode
from events.redaction.redactor import Redactor

_TRAJECTORY: Final = "trajectory.json"
_FURTHER: Final = "trajectory.*.json"
_STDOUT: Final = "test-stdout.txt"
_STDERR: Final = "test-stderr.txt"
_CTRF: Final = "ctrf.json"
_OWN: Final = (CONFIG, RESULT, EXCEPTION)
_SHOWN: Final = 5
"""Of what was left out, that an error lists."""


class HarborWrong(EngineError):
    """Raised when a job folder, or a trial in it, cannot be read. Nothing of it was imported.

    Attributes:
        path: The folder or file at fault.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, path: str, problem: str, *, remedy: str) -> None:
        super().__init__(f"{path} {problem}", remedy=f"{remedy}; nothing was imported")
        self.path = path


class JobFiles(NamedTuple):
    """A job folder, but for its trials."""

    name: str
    folder: Path
    """In which the trials lie."""
    named: bool
    """Whether it says itself what it is called. False: it is called after a folder."""
    files: Mapping[str, bytes]
    trials: tuple[str, ...]
    """Folders that hold a ``result.json``, by name."""
    left_out: tuple[ImportOmission, ...]
    """Folders that may have been meant for trials and hold none that can be read."""
    expected: int | None
    """How many trials the job says it has. None: it does not."""
    doubts: tuple[str, ...]
    """What of its own documents cannot be read."""


class TrialDocuments(NamedTuple):
    """What stands below a trial, or below one step of it."""

    documents: tuple[Document, ...]
    """Trajectories, the agent's own first."""
    media: Mapping[str, bytes]
    """Pictures and sounds beside them, by the names they give them."""
    transcripts: tuple[Transcript, ...]
    """What the agent's own records tell, where no trajectory does."""
    spent: StatedUsage | None
    """Sums that they state, where none of their steps counts. None: they state none."""
    printed: bytes | None
    """By the agent. None: no file of its name is there."""
    doubts: tuple[str, ...]
    """Documents that cannot be read, and why."""
    silent: tuple[str, ...]
    """Records of the agent's own that are there and tell nothing, each with the reason."""


class TrialFiles(NamedTuple):
    """A trial's folder."""

    name: str
    result: TrialResult
    parts: tuple[TrialDocuments, ...]
    """One, or one for each step of a task of several."""
    files: Mapping[str, bytes]
    """What is kept as it was, by path below the job's folder."""
    stdout: bytes | None
    """Of the verifier, over all steps. None: it left none."""
    ctrf: bytes | None
    """Its report in the Common Test Report Format. None: it left none."""
    left: Mapping[str, int]
    """Files that have no place in the log, by kind."""
    doubts: tuple[str, ...]
    """What of it cannot be read, and what stands for it."""


def read_job(found: JobFolder) -> JobFiles:
    """Read a job's own documents; the job is told whatever they are.

    Raises:
        HarborWrong: There is no trial in it.
    """
    folder = found.folder
    if not found.trials:
        said = "".join(f"; {each.said}" for each in found.left_out[:_SHOWN])
        remedy = "give the folder of a job, in which each trial has a folder, or that of one trial"
        raise HarborWrong(str(folder), f"holds no trial with a {RESULT}{said}", remedy=remedy)
    files = {} if found.alone else _own_files(folder, (CONFIG, RESULT))
    doubts = [f"{name} of the job is UTF-16, and is not kept" for name, data in files.items() if is_utf16(data)]
    files = {name: data for name, data in files.items() if not is_utf16(data)}
    name, expected = None, None
    try:
        name = read_job_config(files[CONFIG]).job_name if CONFIG in files else None
    except JsonUnreadable as error:
        doubts.append(f"{CONFIG} of the job {error}")
    try:
        expected = expected_trials(files[RESULT]) if RESULT in files else None
    except JsonUnreadable as error:
        doubts.append(f"{RESULT} of the job {error}: how many trials it has is not known")
    own = printed(name or (found.trials[0] if found.alone else folder.resolve().name))
    return JobFiles(
        own, folder, found.alone or name is not None, files, found.trials, found.left_out, expected, tuple(doubts)
    )


def _own_files(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Read files of a folder, those that are there; a link that leads out is not followed."""
    paths = {name: folder / name for name in names}
    return {name: each.read_bytes() for name, each in paths.items() if each.is_file() and not leads_out(each, folder)}


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
        kept = {each: redactor.replace(data) for each, data in _own_files(folder, _OWN).items()}
        if RESULT not in kept:
            raise HarborWrong(
                str(folder / RESULT), "is a link that leads out of its folder", remedy="put the file there"
            )
        result, doubts = read_result(kept[RESULT], name)
        steps = steps_of(result)
        if any(".." in step for step in steps):
            raise HarborWrong(str(folder / RESULT), "names a step above its trial", remedy="fix the file")
        agent = f"{PurePosixPath(result.agent_info.name).name}.txt"
        paths = [path for step in steps for path in _wanted(folder, step, agent)]
        kept |= {each.relative_to(folder).as_posix(): redactor.replace(each.read_bytes()) for each in paths}
        parts = tuple(_part(folder, step, agent, (kept, redactor)) for step in steps)
        left = _left(folder, kept)
    except JsonUnreadable as error:
        remedy = "restore the file as Harbor wrote it"
        raise HarborWrong(str(folder / RESULT), str(error), remedy=remedy) from error
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        place = str(getattr(error, "filename", None) or folder)
        raise HarborWrong(place, f"cannot be read ({error})", remedy="make it readable") from error
    files = {f"{name}/{path}": data for path, data in kept.items()}
    doubts = (*(f"{RESULT}: {each}" for each in doubts), *(each for part in parts for each in part.doubts))
    return TrialFiles(name, result, parts, files, *checks_in(files, name, result), left, doubts)


def results_in(files: Mapping[str, bytes]) -> dict[str, TrialResult]:
    """Read the results among files that were kept, by folder of the trial."""
    ending = f"/{RESULT}"
    found = {name.removesuffix(ending): data for name, data in files.items() if name.endswith(ending)}
    return {folder: read_result(data, folder).result for folder, data in sorted(found.items())}


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
    for name, data in (*job.files.items(), *trial.files.items()):
        if name.rpartition("/")[2] in {CONFIG, RESULT}:
            yield from _secrets_in(data)


def _secrets_in(data: bytes) -> Iterator[tuple[str, str]]:
    """List them by their place, or by their look in what cannot be read."""
    try:
        value, _ = read_json(data)
    except JsonUnreadable:
        yield from secrets_by_look(data)
    else:
        yield from secrets_within(value.get("config", value if "task" in value or "job_name" in value else None))


def _wanted(folder: Path, step: str, agent: str) -> list[Path]:
    """List the files below a trial or a step that are read and kept whole; a link that leads out is not followed."""
    below, verifier = folder / step / "agent", folder / step / "verifier"
    named = [below / _TRAJECTORY, *sorted(below.glob(_FURTHER)), below / agent]
    wanted = (*named, *(verifier / each for each in (_STDOUT, _STDERR, _CTRF)))
    return [path for path in wanted if path.is_file() and not leads_out(path, folder)]


def _part(folder: Path, step: str, agent: str, given: tuple[dict[str, bytes], Redactor]) -> TrialDocuments:
    """Make of kept files what stands below a trial or a step; transcripts that are read are kept too."""
    below = f"{step}agent/"
    kept, redactor = given
    names = [f"{below}{_TRAJECTORY}", *sorted(name for name in kept if PurePosixPath(name).match(below + _FURTHER))]
    documents: list[Document] = []
    doubts: list[str] = []
    for name in (each for each in names if each in kept):
        try:
            documents.append(read_loose_atif(kept[name], f"{folder.name}/{name}"))
        except AtifWrong as error:
            at = f" at {error.where}" if error.where else ""
            problem = error.fault.problem
            doubts.append(f"{name} is no trajectory that can be read{at}: {problem}; it is kept as it was")
    read = Read((), None, ())
    if not documents:
        own = {each.relative_to(folder).as_posix(): each for each in transcripts_below(folder / below)}
        read = read_transcripts({name: redactor.replace(each.read_bytes()) for name, each in own.items()})
        kept |= {each: redactor.replace(own[each].read_bytes()) for each in read.files}
    media = _media(folder / below, documents)
    said = (*doubts, *read.doubts)
    return TrialDocuments(tuple(documents), media, read.told, read.spent, kept.get(below + agent), said, read.silent)


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
