"""Looking a suite through: every fault of its files, and what is wrong with a suite that has none. Runs nothing."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from engine.policies.skill.front_matter import front_matter_findings
from engine.policies.skill.split import SplitFault, split_skill
from engine.suites.checks.finding import SuiteFinding
from engine.suites.checks.judging import judging_findings
from engine.suites.checks.leaks import leak_findings
from engine.suites.checks.told_rule import told_rule
from engine.suites.checks.verifiers import VerifierKind, VerifierSource, read_verifier
from engine.suites.errors import SuiteFault, SuiteInvalid
from engine.suites.folder import SKILLS, TASKS, SuiteFolder, find_suite
from engine.suites.read import SKILL_FILE, read_suite
from events.digest import Digest, digest_of
from events.types.suite import Suite, SuiteFamily, SuiteTask
from sandbox.errors import TaskInvalid
from sandbox.harbor.build_context import BuildContext
from sandbox.harbor.lint import lint
from sandbox.harbor.task import Task, load_task

_RUNTIME: Final = "agent-runtime"
_REMOVES: Final = re.compile(r"\brm\s+(?:-\w+\s+)*([^;&|]+)")
_TOLD: Final = frozenset({"adversarial", "composition"})
"""Roles whose instruction should not tell the rule."""


class SuiteCheck(NamedTuple):
    """What a look at a suite found."""

    suite: Suite | None
    """None: it cannot be read."""
    verifiers: Mapping[VerifierKind, int]
    """Tasks by the kind of their tests."""
    faults: tuple[SuiteFault, ...]
    findings: tuple[SuiteFinding, ...]


def check_suite(folder: Path) -> SuiteCheck:
    """Look a suite through. Blocking; reads every file of it.

    Raises:
        SuiteAbsent: There is none.
    """
    where = find_suite(folder)
    kept: dict[Digest, bytes] = {}

    def keep(data: bytes) -> Digest:
        digest = digest_of(data)
        kept[digest] = data
        return digest

    try:
        suite = read_suite(folder, keep, ())
    except SuiteInvalid as error:
        return SuiteCheck(None, {}, error.faults, ())
    tasks = {each.task: load_task(where.tasks / each.task) for each in suite.tasks}
    texts = {name: _texts(_files(task.tests)) for name, task in tasks.items()}
    verifiers = {name: read_verifier(texts[name]) for name in tasks}
    findings = [
        *_bases(list(tasks.values())),
        *(each for family in suite.families for each in _curated(family, kept)),
        *_descriptions(suite, kept),
    ]
    for each in suite.tasks:
        findings += _task(each, tasks[each.task], _Reading(where, suite, verifiers[each.task], texts[each.task]))
    kinds = Counter(each.kind for each in verifiers.values())
    return SuiteCheck(suite, kinds, (), tuple(findings))


class _Reading(NamedTuple):
    where: SuiteFolder
    suite: Suite
    verifier: VerifierSource
    tests: Mapping[str, str]


def _task(said: SuiteTask, task: Task, reading: _Reading) -> Iterator[SuiteFinding]:
    place = f"{TASKS}/{task.name}"
    try:
        for each in lint(task):
            if each.weight != "note":
                yield SuiteFinding("task", each.weight, f"{place}/{each.place}", each.what, each.remedy)
    except TaskInvalid as error:
        yield SuiteFinding("task", "error", f"{place}/{error.place}", error.detail, error.remedy)
    yield from leak_findings(place, _image(task), _files(task.tests), _files(task.solution))
    yield from judging_findings(place, reading.verifier, reading.tests)
    if said.role in _TOLD:
        gap = str(task.config.metadata.get("gap_exposure", ""))
        family = next(each for each in reading.suite.families if each.id == said.family)
        yield from told_rule(place, task.instruction, gap, family.gaps)


def _files(folder: Path) -> dict[str, bytes]:
    """Read what lies below a folder, by path."""
    found = sorted(each for each in folder.rglob("*") if each.is_file() and "__pycache__" not in each.parts)
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in found}


def _texts(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: data.decode(errors="replace") for path, data in files.items()}


def _image(task: Task) -> dict[str, bytes]:
    """Read what an image is built from, without what its Dockerfile removes again by name, and the Dockerfile."""
    if not task.environment.is_dir():
        return {}
    seen = BuildContext(task.environment, hidden=task.hidden).visible()
    lines = () if task.dockerfile is None else task.dockerfile.instructions
    removed = {
        word.strip("'\"").rpartition("/")[2]
        for each in lines
        if each.word == "RUN"
        for words in _REMOVES.findall(each.value)
        for word in words.split()
    }
    files = (path for path in seen if (task.environment / path).is_file())
    kept = (path for path in files if removed.isdisjoint(path.split("/")) and path != "Dockerfile")
    return {path: (task.environment / path).read_bytes() for path in kept}


def _bases(tasks: Sequence[Task]) -> Iterator[SuiteFinding]:
    """Name images that a person has to make, once for all tasks."""
    counts = Counter(
        each.value.split()[0]
        for task in tasks
        if task.dockerfile is not None
        for each in task.dockerfile.instructions
        if each.word == "FROM" and each.value.split()
    )
    for image, number in sorted(counts.items()):
        if image.partition(":")[0] == _RUNTIME:
            what = f"{number} tasks are built from {image}, which no registry has"
            remedy = f"give an image of your own that name: docker tag IMAGE {image}"
            yield SuiteFinding("base-image", "note", f"{TASKS}/*/environment/Dockerfile", what, remedy)


def _curated(family: SuiteFamily, kept: Mapping[Digest, bytes]) -> Iterator[SuiteFinding]:
    """Check the front matter of a curated skill, as tools that read skills do."""
    for file in family.curated:
        if file.name == SKILL_FILE:
            place = f"{SKILLS}/{family.slug}/{SKILL_FILE}"
            try:
                parts = split_skill(kept[file.digest].decode())
            except UnicodeDecodeError:
                yield SuiteFinding("curated-skill", "error", place, "is not UTF-8", "save it as UTF-8")
                continue
            if isinstance(parts, SplitFault):
                yield SuiteFinding("curated-skill", "error", place, parts.problem, "begin it with front matter")
                continue
            for each in front_matter_findings(parts.front, family.slug):
                yield SuiteFinding("curated-skill", "error", place, each.problem, each.remedy)


def _descriptions(suite: Suite, kept: Mapping[Digest, bytes]) -> Iterator[SuiteFinding]:
    """Count families whose description is that of the curated skill: whoever is told of the family is told of it."""
    same = [
        family.id
        for family in suite.families
        if family.description
        and any(
            f"description: {family.description}".encode() in kept[file.digest].replace(b"\r\n", b"\n")
            for file in family.curated
            if file.name == SKILL_FILE
        )
    ]
    if same:
        what = f"{len(same)} families are described as their curated skills are"
        remedy = "tell no author of the description, or write another"
        yield SuiteFinding("curated-description", "note", f"{SKILLS}/*/meta.yaml", what, remedy)
