"""The files of trajectories: which there are, what they name beside them, and which attempt each of them tells.

Nothing is fetched, and nothing above the folder that was given is looked at, whatever a document names.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import ClassVar, Final, NamedTuple

from engine.core.errors import EngineError
from engine.importers.atif.reader import AtifWrong, Document, looks_like_atif, read_atif
from engine.importers.atif.rules import AtifViolation
from engine.importers.atif.to_events import inline, is_ours, sources_of
from engine.importers.left_out import ImportOmission, Imports, NothingImported, leads_out, of_error
from events.errors import ExitCode

_GENERAL: Final = frozenset({"trajectory", "agent", "logs", "traj"})
"""Names of files and folders that say nothing of the task."""
_UNPRINTED: Final = re.compile(r"[\x00-\x1f\x7f]+")
_ORDINAL: Final = re.compile(r"[0-9]{1,9}")
WANTED: Final = "a trajectory of ATIF, such as agent/trajectory.json, or a folder of them"
_LONGEST: Final = 200
"""Characters of a task's name."""


class NoTrajectory(EngineError):
    """Raised when there is no trajectory to import. Nothing was."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} {problem}", remedy=f"give {WANTED}")


class AtifDocument(NamedTuple):
    """A document with what it names beside it."""

    document: Document
    media: Mapping[str, bytes]
    """Pictures and sounds that are there, by the names it gives them."""
    missing: tuple[str, ...]
    """What it names that is not there, each as a sentence."""


class Attempted(NamedTuple):
    """An attempt, as its documents tell it."""

    held: tuple[AtifDocument, ...]
    """The one it begins with, then those that it and they name: what it went on in, and agents below."""
    number: int
    """As our own export numbers it; else from 1 in the order of the files' names."""


class AtifTask(NamedTuple):
    """A task, and the attempts at it in their order."""

    task: str
    attempts: tuple[Attempted, ...]
    inferences: tuple[str, ...]


def read_tasks(path: Path, task: str | None) -> Imports[AtifTask]:
    """Read a document, or all in a folder and below; one that is not well made is left out by name.

    Args:
        path: Of the document or the folder.
        task: Which task all of them are attempts at. None: each document says it, or its place.

    Raises:
        NoTrajectory: There is none, or the path cannot be read.
        AtifWrong: The only one is not well made.
        NothingImported: Not one of several is.
    """
    folder = path if path.is_dir() else path.parent
    left_out: list[ImportOmission] = []
    documents = _documents(path, left_out)
    named = {name: tuple(_named(each, documents)) for name, each in documents.items()}
    below = {other for others in named.values() for other in others}
    # Those that name each other in a ring are all told: none of them may be lost.
    first = [name for name in documents if name not in below] or list(documents)
    groups: dict[tuple[str, str], list[str]] = {}
    inferred: dict[tuple[str, str], str] = {}
    for name in sorted(first, key=_natural):
        key, why = _attempted(documents[name], folder, task)
        groups.setdefault(key, []).append(name)
        inferred[key] = why
    found = (
        _tried(key[0], [_held_by(folder, documents, named, name) for name in names], inferred[key])
        for key, names in groups.items()
    )
    return Imports(tuple(found), tuple(left_out))


def _tried(task: str, attempts: Sequence[tuple[AtifDocument, ...]], inferred: str) -> AtifTask:
    """Number the attempts."""
    numbers = [_number(each[0].document) for each in attempts]
    said = [inferred] if inferred else []
    if None in numbers or len(set(numbers)) < len(numbers):
        numbers = list(range(1, len(numbers) + 1))
        if len(numbers) > 1:
            said.append(f"nothing numbers the {len(numbers)} attempts: they are in the order of their files' names")
    numbered = (Attempted(held, number) for held, number in zip(attempts, numbers, strict=True) if number is not None)
    return AtifTask(task, tuple(sorted(numbered, key=lambda each: each.number)), tuple(said))


def _number(document: Document) -> int | None:
    """Give the number with which our own export ends the trajectory's id. None: it is another's."""
    number = (document.trajectory.trajectory_id or "").rpartition("/")[2]
    return int(number) if is_ours(document.trajectory) and _ORDINAL.fullmatch(number) else None


def _documents(path: Path, left_out: list[ImportOmission]) -> dict[str, Document]:
    """Read the document and those it names, or all there are, by their names from the folder.

    Raises:
        NoTrajectory, AtifWrong, NothingImported: There is none that can be read.
    """
    if path.is_dir():
        documents = _below(path, left_out)
        if not documents and left_out:
            raise NothingImported(path, tuple(left_out), WANTED)
    else:
        try:
            documents = _reached(path, left_out)
        except OSError as error:
            raise NoTrajectory(path, f"cannot be read ({error.strerror})") from error
    if not documents:
        raise NoTrajectory(path, "holds no trajectory")
    return documents


def _below(folder: Path, left_out: list[ImportOmission]) -> dict[str, Document]:
    """Read all trajectories in a folder and below it."""
    documents: dict[str, Document] = {}
    for path in sorted(folder.rglob("*.json")):
        name = path.relative_to(folder).as_posix()
        if any(part.startswith(".") or part == "__MACOSX" for part in path.relative_to(folder).parts):
            continue
        try:
            found = _read(path, name, folder)
        except (AtifWrong, OSError) as error:
            left_out.append(of_error(ascii(name)[1:-1], error))
        else:
            if found is not None:
                documents[name] = found
    return documents


def _read(path: Path, name: str, folder: Path) -> Document | None:
    """Read a document. None: it is of another kind, and not called as a trajectory is.

    Raises:
        AtifWrong, OSError: It should be a trajectory, and cannot be read as one.
    """
    called = PurePath(name).match("trajectory.json") or PurePath(name).match("trajectory.*.json")
    if path.is_symlink() and not path.exists():
        if not called:
            return None
        raise AtifWrong(name, AtifViolation("", "it is a link to nothing", "fix the link"))
    if not path.is_file():
        return None
    if leads_out(path, folder):
        if not called and not looks_like_atif(path.read_bytes()):
            return None
        raise AtifWrong(name, AtifViolation("", "it is a link that leads out of the folder", "put the file there"))
    data = path.read_bytes()
    if not called and not looks_like_atif(data):
        return None
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise AtifWrong(ascii(name), AtifViolation("", "its name is no UTF-8", "rename it")) from error
    return read_atif(data, name)


def _reached(path: Path, left_out: list[ImportOmission]) -> dict[str, Document]:
    """Read a document, and those that it names; of these one that is not well made is left out."""
    documents = {path.name: read_atif(path.read_bytes(), path.name)}
    waiting = list(documents.values())
    while waiting:
        document = waiting.pop()
        for name in filter(None, (_beside(document.name, each) for each in _paths(document))):
            data = None if name in documents else _bytes(path.parent, name)
            if data is None or any(each.name == name for each in left_out):
                continue
            try:
                documents[name] = read_atif(data, name)
            except AtifWrong as error:
                left_out.append(of_error(name, error))
            else:
                waiting.append(documents[name])
    return documents


def _attempted(document: Document, folder: Path, task: str | None) -> tuple[tuple[str, str], str]:
    """Say which task a document is an attempt at, and of which of its records; and what had to be inferred."""
    trajectory = document.trajectory
    if task is not None:
        return (task, ""), ""
    trial = _UNPRINTED.sub("-", str((trajectory.extra or {}).get("trial") or ""))[:_LONGEST]
    if is_ours(trajectory) and trial:
        return (trial, trajectory.session_id or ""), ""
    names = [*Path(document.name).with_suffix("").parts[::-1], folder.resolve().name]
    name = _UNPRINTED.sub("-", next((each for each in names if each.lower() not in _GENERAL), "task"))[:_LONGEST]
    return (name, document.name), f"the trajectory names no task: it is called {name} after its place"


def _named(document: Document, documents: Mapping[str, Document]) -> Iterator[str]:
    """List the documents that one names, itself left out."""
    for path in _paths(document):
        name = _beside(document.name, path)
        if name is not None and name in documents and name != document.name:
            yield name


def _paths(document: Document) -> Iterator[str]:
    """List the files in which it goes on, or agents below it are told of."""
    if document.trajectory.continued_trajectory_ref is not None:
        yield document.trajectory.continued_trajectory_ref
    for step in document.trajectory.steps:
        for result in step.observation.results if step.observation else ():
            for ref in result.subagent_trajectory_ref or ():
                if ref.trajectory_path is not None:
                    yield ref.trajectory_path


def _held_by(
    folder: Path, documents: Mapping[str, Document], named: Mapping[str, tuple[str, ...]], name: str
) -> tuple[AtifDocument, ...]:
    """Give a document and all that it and they name."""
    order: dict[str, None] = {}
    waiting = [name]
    while waiting:
        each = waiting.pop(0)
        if each not in order:
            order[each] = None
            waiting += named[each]
    return tuple(_held(folder, documents, documents[each]) for each in order)


def _held(folder: Path, documents: Mapping[str, Document], document: Document) -> AtifDocument:
    media: dict[str, bytes] = {}
    missing = [path for path in _paths(document) if _beside(document.name, path) not in documents]
    for path in dict.fromkeys(source.path for source in sources_of(document.trajectory)):
        if inline(path) is not None:
            continue
        data = _bytes(folder, _beside(document.name, path))
        if data is None:
            missing.append(path)
        else:
            media[path] = data
    said = (f"{path[:200]} is named and not beside the document: only its name is kept" for path in missing)
    return AtifDocument(document, media, tuple(dict.fromkeys(said)))


def _bytes(folder: Path, name: str | None) -> bytes | None:
    """Read a file in the folder. None: it is elsewhere, or cannot be read."""
    if name is None:
        return None
    path = (folder / name).resolve()
    try:
        return path.read_bytes() if path.is_relative_to(folder.resolve()) else None
    except OSError:
        return None


def _beside(document: str, path: str) -> str | None:
    """Give the name, from the folder, of what a document names from its own place. None: it is an address or above."""
    if "://" in path or path.startswith("/") or "\0" in path:
        return None
    parts: list[str] = list(Path(document).parent.parts)
    for part in Path(path).parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key: numbers in names by their size."""
    return tuple((int(each), "") if each.isdecimal() else (-1, each) for each in re.split(r"(\d+)", name))
