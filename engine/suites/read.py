"""Suites are read whole from their folders, or not at all: what is wrong is named with its file, all at once."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from engine.suites.documents import META_FILE, SPEC_FILE, FamilyDocument, TaskDocument, suite_document, yaml_document
from engine.suites.errors import SuiteFault, SuiteInvalid
from engine.suites.folder import SKILLS, TASKS, SuiteFolder, find_suite
from engine.suites.rules import FamilyParts, family_faults, task_faults
from events.digest import Digest, Fingerprint, digest_of
from events.types.suite import Suite, SuiteEnvironment, SuiteFamily, SuiteTask
from events.values import NamedDigest
from sandbox.errors import TaskInvalid
from sandbox.harbor.task import Task, load_task, package_digest

Put = Callable[[bytes], Digest]
"""Keeps bytes, or only names them."""
SKILL_FILE: Final = "SKILL.md"
_PLACES: Final = re.compile(r"\d+|\D+")
_encoder: Final = msgspec.json.Encoder(order="deterministic")


class ReadTask(NamedTuple):
    """A task of a suite, with the folder it stands for."""

    document: TaskDocument
    task: Task


def read_suite(folder: Path, put: Put, tasks: Sequence[Task]) -> Suite:
    """Read a suite. Blocking.

    Args:
        folder: Holds ``tasks`` and ``skills``, or ``benchmark`` with both.
        put: Keeps files of curated skills.
        tasks: As a run pins them: those of the suite have to be what its folders hold. Others are not looked at, and
            tasks of the suite that are not among them are loaded here.

    Raises:
        SuiteAbsent: There is no suite.
        SuiteInvalid: Something of it is wrong; holds every fault.
    """
    where = find_suite(folder)
    described, faults = suite_document(where.described)
    families, wrong = _families(where, put)
    faults += wrong
    read, wrong = _tasks(where, tasks)
    faults += wrong
    faults += [fault for each in read for fault in task_faults(each.document, each.task)]
    faults += family_faults([(each.document, each.task) for each in read], families, whole=not wrong)
    if not families and not read and not faults:
        faults.append(
            SuiteFault(SKILLS, "holds no family", f"write {SKILLS}/<name>/{META_FILE}, and six tasks for each")
        )
    if faults:
        raise SuiteInvalid(folder, sorted(set(faults)))
    return _suite(described.name or where.name, described.release, read, families)


def _tasks(where: SuiteFolder, tasks: Sequence[Task]) -> tuple[list[ReadTask], list[SuiteFault]]:
    by_name = {task.name: task for task in tasks}
    faults: list[SuiteFault] = []
    read: list[ReadTask] = []
    for folder in sorted(each for each in where.tasks.iterdir() if each.is_dir() and not each.name.startswith(".")):
        document, wrong = yaml_document(TaskDocument, where.root, folder / SPEC_FILE)
        task, unread = _loaded(folder, by_name.get(folder.name))
        faults += [*wrong, *unread]
        if document is not None and task is not None:
            read.append(ReadTask(document, task))
    return read, faults


def _loaded(folder: Path, pinned: Task | None) -> tuple[Task | None, list[SuiteFault]]:
    """Give a task as it was pinned, or load it; a pinned one has to be the one that lies here."""
    place = f"{TASKS}/{folder.name}"
    try:
        if pinned is None:
            return load_task(folder), []
        same = pinned.digest == package_digest(folder)
    except TaskInvalid as error:
        return None, [SuiteFault(f"{place}/{error.place}", error.detail, error.remedy)]
    what = f"is another task than {pinned.path}, which the run has by this name"
    return pinned, [] if same else [SuiteFault(place, what, "take the run's tasks from the suite")]


def _families(where: SuiteFolder, put: Put) -> tuple[list[FamilyParts], list[SuiteFault]]:
    folders, faults = where.families()
    found: list[FamilyParts] = []
    for folder in folders:
        document, wrong = yaml_document(FamilyDocument, where.root, folder / META_FILE)
        faults += wrong
        if document is not None:
            curated, wrong = _curated(folder, document.curated_skill_path, put)
            faults += wrong
            found.append(FamilyParts(folder.name, document, curated))
    return found, faults


def _curated(folder: Path, path: str | None, put: Put) -> tuple[tuple[NamedDigest, ...], list[SuiteFault]]:
    """Keep the files of a curated skill, SKILL.md first."""
    place = f"{SKILLS}/{folder.name}"
    if path is None:
        return (), []
    if path != SKILL_FILE:
        what = f"names {path!r}"
        return (), [SuiteFault(f"{place}/{META_FILE}: curated_skill_path", what, f"call the file {SKILL_FILE}")]
    if not (folder / SKILL_FILE).is_file():
        remedy = "write it, or set curated_skill_path to null in meta.yaml"
        return (), [SuiteFault(f"{place}/{SKILL_FILE}", "is missing", remedy)]
    kept: list[NamedDigest] = []
    faults: list[SuiteFault] = []
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if name == META_FILE or not file.is_file() or any(part.startswith((".", "__")) for part in Path(name).parts):
            continue
        if not file.resolve().is_relative_to(folder.resolve()):
            faults.append(SuiteFault(f"{place}/{name}", "is a link that leads out of the skill", "copy the file"))
            continue
        data = file.read_bytes()
        digest = put(data)
        if digest != digest_of(data):
            what = "holds the value of a known secret, without which it would not be the same"
            faults.append(SuiteFault(f"{place}/{name}", what, "take the value out"))
        kept.append(NamedDigest(name, digest))
    return tuple(sorted(kept, key=lambda each: (each.name != SKILL_FILE, each.name))), faults


def _suite(name: str, release: str | None, read: Sequence[ReadTask], families: Sequence[FamilyParts]) -> Suite:
    tasks = sorted((_task(each) for each in read), key=lambda each: (_order(each.family), each.index))
    slugs = {each.document.environment_id: str(each.task.config.metadata.get("environment", "")) for each in read}
    made = sorted((_family(each, tasks) for each in families), key=lambda each: _order(each.id))
    environments = tuple(
        SuiteEnvironment(id=id_, slug=slugs[id_], families=tuple(each for each in made if each.environment == id_))
        for id_ in sorted({each.environment for each in made}, key=_order)
    )
    digest = _digest(tasks, environments, {each.task.name: each.task.digest for each in read})
    return Suite(name=name, release=release, digest=digest, environments=environments, tasks=tuple(tasks))


def _task(read: ReadTask) -> SuiteTask:
    said = read.document
    return SuiteTask(
        task=read.task.name,
        id=said.task_id,
        family=said.family_id,
        environment=said.environment_id,
        index=said.task_index,
        role=said.role,
        phase=said.phase,
        primary_skill=said.primary_skill,
        required_skills=said.required_skills,
        order=said.required_skill_compose_order,
        composition=said.composition_type,
        traps=said.trap_types,
    )


def _family(parts: FamilyParts, tasks: Sequence[SuiteTask]) -> SuiteFamily:
    said = parts.document
    return SuiteFamily(
        id=said.family_id,
        environment=said.environment_id,
        slug=said.slug,
        name=said.name,
        description=said.description,
        gaps=tuple(gap for gap in (said.gap_1_summary, said.gap_2_summary) if gap),
        curated=parts.curated,
        tasks=tuple(each.task for each in tasks if each.family == said.family_id),
    )


def _digest(
    tasks: Sequence[SuiteTask], environments: Sequence[SuiteEnvironment], folders: Mapping[str, Digest]
) -> Fingerprint:
    """Name what a suite holds: of each task what it is for and the digest of its folder, and all of the families."""
    held: Any = [[(task, folders[task.task]) for task in tasks], environments]
    return Fingerprint(digest_of(_encoder.encode(held)))


def _order(id_: str) -> tuple[tuple[bool, int, str], ...]:
    """Sort E2 before E10."""
    return tuple(_part(each) for each in _parts(id_))


def _parts(id_: str) -> Iterator[str]:
    yield from _PLACES.findall(id_)


def _part(text: str) -> tuple[bool, int, str]:
    return (text.isdigit(), int(text) if text.isdigit() else 0, text)
