"""Rules that the parts of a suite keep among each other, as SkillEvolBench has them; pure."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from engine.suites.documents import META_FILE, SPEC_FILE, FamilyDocument, TaskDocument
from engine.suites.errors import SuiteFault
from engine.suites.folder import SKILLS, TASKS
from events.types.suite import PHASES, ROLES, family_of_skill
from events.values import NamedDigest
from sandbox.harbor.task import Task

_ENVIRONMENT: Final = re.compile(r"E[0-9]+")
_FAMILY: Final = re.compile(r"E[0-9]+-LS[0-9]+")
_COMPOSITION: Final = "composition"
_ADVERSARIAL: Final = "adversarial"


class FamilyParts(NamedTuple):
    """A family as its folder has it."""

    folder: str
    document: FamilyDocument
    curated: tuple[NamedDigest, ...]


def task_faults(said: TaskDocument, task: Task) -> Iterator[SuiteFault]:
    """Name what a task's description contradicts: itself, its folder or its ``task.toml``."""
    place = f"{TASKS}/{task.name}/{SPEC_FILE}"
    yield from _ids(place, said)
    if said.task_slug != task.name:
        yield SuiteFault(
            f"{place}: task_slug", f"is {said.task_slug!r}", f"write {task.name!r}, as its folder is called"
        )
    yield from _role(place, said)
    yield from _skills(place, said)
    yield from _toml(said, task)


def _ids(place: str, said: TaskDocument) -> Iterator[SuiteFault]:
    """Check that ids are made of each other."""
    if _ENVIRONMENT.fullmatch(said.environment_id) is None:
        yield SuiteFault(f"{place}: environment_id", f"is {said.environment_id!r}", "write E and a number, such as E1")
    if _FAMILY.fullmatch(said.family_id) is None or not said.family_id.startswith(said.environment_id + "-"):
        remedy = f"write {said.environment_id}-LS and a number"
        yield SuiteFault(f"{place}: family_id", f"is {said.family_id!r}", remedy)
    wanted = f"{said.family_id}-T{said.task_index}"
    if said.task_id != wanted:
        yield SuiteFault(f"{place}: task_id", f"is {said.task_id!r}", f"write {wanted!r}, of its family and index")
    if family_of_skill(said.latent_skill_id) != said.family_id or "." not in said.latent_skill_id:
        yield SuiteFault(
            f"{place}: latent_skill_id",
            f"is {said.latent_skill_id!r}",
            f"write {said.family_id}. and the name of the family's folder",
        )


def _role(place: str, said: TaskDocument) -> Iterator[SuiteFault]:
    """Check that index, role and phase agree."""
    if not 1 <= said.task_index <= len(ROLES):
        yield SuiteFault(f"{place}: task_index", f"is {said.task_index}", f"write a number from 1 to {len(ROLES)}")
    elif said.role != ROLES[said.task_index - 1]:
        wanted = ROLES[said.task_index - 1]
        yield SuiteFault(f"{place}: role", f"is {said.role!r}", f"write {wanted!r}, as task_index = {said.task_index}")
    if said.phase != PHASES[said.role]:
        yield SuiteFault(f"{place}: phase", f"is {said.phase!r}", f"write {PHASES[said.role]!r}, as its role says")


def _skills(place: str, said: TaskDocument) -> Iterator[SuiteFault]:
    """Check what a composition needs, and that nothing else is one."""
    needed, order = said.required_skills, said.required_skill_compose_order
    if said.role != _COMPOSITION:
        for name, value in (("required_skills", needed), ("required_skill_compose_order", order)):
            if value:
                yield SuiteFault(f"{place}: {name}", "is set", "leave it empty: only a composition has it")
        if said.composition_type != "none":
            yield SuiteFault(f"{place}: composition_type", f"is {said.composition_type!r}", "write none: it is no T6")
    else:
        yield from _composed(place, said)
    if said.trap_types and said.role != _ADVERSARIAL:
        yield SuiteFault(f"{place}: trap_types", "is set", "leave it empty: only an adversarial task has traps")


def _composed(place: str, said: TaskDocument) -> Iterator[SuiteFault]:
    needed, order = said.required_skills, said.required_skill_compose_order
    if not needed:
        yield SuiteFault(f"{place}: required_skills", "is empty", "name the skills that the composition needs")
    if said.composition_type == "none":
        remedy = "write within_family or cross_family"
        yield SuiteFault(f"{place}: composition_type", "is none, and the task is a composition", remedy)
    if sorted(order) != sorted(needed):
        what = f"is {list(order)}, which is not an order of required_skills"
        yield SuiteFault(f"{place}: required_skill_compose_order", what, "name each of required_skills once")
    if said.primary_skill not in needed and needed:
        what = f"is {said.primary_skill!r}, which is not among required_skills"
        yield SuiteFault(f"{place}: primary_skill", what, "name one of required_skills")


def _toml(said: TaskDocument, task: Task) -> Iterator[SuiteFault]:
    """Check what ``task.toml`` says of the same task."""
    place, metadata = f"{TASKS}/{task.name}/task.toml: metadata", task.config.metadata
    for key, wanted in (
        ("task_id", said.task_id),
        ("role", said.role),
        ("split", said.phase),
        ("skill_id", said.family_id),
        ("skill", said.latent_skill_id.partition(".")[2]),
    ):
        if metadata.get(key) != wanted:
            found = "is missing" if key not in metadata else f"is {metadata[key]!r}"
            yield SuiteFault(f"{place}.{key}", found, f"write {wanted!r}, as {SPEC_FILE} has it")
    slug = metadata.get("environment")
    if not isinstance(slug, str) or not slug:
        yield SuiteFault(f"{place}.environment", "is missing", "write the name of the environment")
    elif not slug.isprintable():
        yield SuiteFault(f"{place}.environment", "holds a control character", "write it in one line of text")


def family_faults(
    tasks: Sequence[tuple[TaskDocument, Task]], families: Sequence[FamilyParts], *, whole: bool
) -> Iterator[SuiteFault]:
    """Name what families and tasks contradict in each other.

    Args:
        tasks: All of the suite that could be read.
        families: All of the suite.
        whole: Whether all tasks could be read; if not, nobody can say which are missing.
    """
    known = {each.document.family_id: each.document for each in families}
    yield from _twice(tasks, families)
    for parts in families:
        yield from _family(parts)
        if whole:
            yield from _missing(parts, {said.task_id for said, _ in tasks})
    skills = {each.document.latent_skill_id for each in families}
    for said, task in tasks:
        place = f"{TASKS}/{task.name}/{SPEC_FILE}"
        if said.family_id not in known:
            remedy = f"write {SKILLS}/<name>/{META_FILE} of that family"
            yield SuiteFault(f"{place}: family_id", f"{said.family_id!r} is no family of the suite", remedy)
        elif said.latent_skill_id != known[said.family_id].latent_skill_id:
            wanted = known[said.family_id].latent_skill_id
            yield SuiteFault(f"{place}: latent_skill_id", f"is {said.latent_skill_id!r}", f"write {wanted!r}")
        yield from _needs(place, said, skills)
    yield from _environments(tasks)


def _environments(tasks: Sequence[tuple[TaskDocument, Task]]) -> Iterator[SuiteFault]:
    """Check that an environment has one name."""
    called: dict[str, set[str]] = {}
    for said, task in tasks:
        called.setdefault(said.environment_id, set()).add(str(task.config.metadata.get("environment", "")))
    for id_, names in sorted(called.items()):
        if len(names - {""}) > 1:
            what = f"is {' and '.join(sorted(names))} in tasks of {id_}"
            yield SuiteFault(f"{TASKS}/*/task.toml: metadata.environment", what, "call an environment the same in all")


def _needs(place: str, said: TaskDocument, skills: set[str]) -> Iterator[SuiteFault]:
    """Check that the skills a task names exist, in its own environment."""
    for skill in sorted({*said.required_skills, *([said.primary_skill] if said.primary_skill else [])}):
        if skill not in skills:
            remedy = f"name a skill of the suite, such as {min(skills, default='E1-LS1.name')}"
            yield SuiteFault(f"{place}: required_skills", f"{skill!r} is no skill of the suite", remedy)
        elif not skill.startswith(said.environment_id + "-"):
            what = f"{skill!r} is of another environment"
            yield SuiteFault(f"{place}: required_skills", what, f"name skills of {said.environment_id}")


def _twice(tasks: Sequence[tuple[TaskDocument, Task]], families: Sequence[FamilyParts]) -> Iterator[SuiteFault]:
    first: dict[str, str] = {}
    for said, task in tasks:
        if said.task_id in first:
            what = f"{said.task_id!r} is also the id of {first[said.task_id]}"
            yield SuiteFault(f"{TASKS}/{task.name}/{SPEC_FILE}: task_id", what, "give each task an id of its own")
        first.setdefault(said.task_id, task.name)
    seen: dict[str, str] = {}
    for each in families:
        id_ = each.document.family_id
        if id_ in seen:
            what = f"{id_!r} is also the id of {seen[id_]}"
            yield SuiteFault(
                f"{SKILLS}/{each.folder}/{META_FILE}: family_id", what, "give each family an id of its own"
            )
        seen.setdefault(id_, each.folder)


def _family(parts: FamilyParts) -> Iterator[SuiteFault]:
    said = parts.document
    place = f"{SKILLS}/{parts.folder}/{META_FILE}"
    if said.slug != parts.folder:
        yield SuiteFault(f"{place}: slug", f"is {said.slug!r}", f"write {parts.folder!r}, as its folder is called")
    if _FAMILY.fullmatch(said.family_id) is None or not said.family_id.startswith(said.environment_id + "-"):
        yield SuiteFault(
            f"{place}: family_id", f"is {said.family_id!r}", f"write {said.environment_id}-LS and a number"
        )
    if said.latent_skill_id != f"{said.family_id}.{said.slug}":
        wanted = f"{said.family_id}.{said.slug}"
        yield SuiteFault(f"{place}: latent_skill_id", f"is {said.latent_skill_id!r}", f"write {wanted!r}")
    ids = _ids_of(said)
    if said.task_ids != ids:
        yield SuiteFault(f"{place}: task_ids", f"is {list(said.task_ids)}", f"write {', '.join(ids)}, in this order")


def _missing(parts: FamilyParts, have: Collection[str]) -> Iterator[SuiteFault]:
    missing = [each for each in _ids_of(parts.document) if each not in have]
    if missing:
        what, remedy = f"the suite has no task {', '.join(missing)}", "write them: a family has a task for each role"
        yield SuiteFault(f"{SKILLS}/{parts.folder}/{META_FILE}: task_ids", what, remedy)


def _ids_of(said: FamilyDocument) -> tuple[str, ...]:
    return tuple(f"{said.family_id}-T{index}" for index in range(1, len(ROLES) + 1))
