"""Skills of folders: for all tasks together, or for each its own in the layouts that people have."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from anyio import to_thread

from engine.agents.installed.errors import SkillsUnusable
from engine.agents.installed.skill_set import FILE, read_skills
from engine.config.skill_source import SkillSource
from engine.programs.evaluate.errors import ArmSkillsUnusable
from engine.programs.evaluate.library_skills import SkillContent, checked

_OF_TASK: Final = Path("environment", "skills")
"""Where a task folder keeps skills for its image (SPARK, 6.2)."""
_RECORDS: Final = ("attempts.json", "trajectory.jsonl", "task_summary.json")
"""What SPARK writes beside a ``SKILL.md``: none of it is part of the skill, and it tells how the task was solved."""
_CASES: Final = "evals/"
"""Where a skill brings cases of its own: they say what is expected of who reads the skill."""
_REMEDY: Final = "fix the folder, or choose another: it contains skills, each a folder NAME with a SKILL.md"


async def folder_skills(base: Path, source: SkillSource) -> tuple[SkillContent, ...]:
    """Read a folder of skills, or one that is itself a skill.

    Raises:
        ArmSkillsUnusable: There is none, or one that could not be given as it is.
    """
    return await to_thread.run_sync(_folder, base / source.place, source.text)


async def folder_skills_by_task(
    base: Path, source: SkillSource, tasks: Sequence[str]
) -> Mapping[str, tuple[SkillContent, ...]]:
    """Read what stands below the name of each task, for the tasks that have something there.

    Read are ``<task>/environment/skills/`` (a second root of tasks), ``<task>/SKILL.md`` (results of SPARK, without its
    records of attempts) and ``<task>/<skill>/SKILL.md``.

    Raises:
        ArmSkillsUnusable: The folder does not exist, or holds what could not be given as it is.
    """
    return await to_thread.run_sync(_by_task, base / source.place, source.text, tasks)


def _by_task(root: Path, source: str, tasks: Sequence[str]) -> dict[str, tuple[SkillContent, ...]]:
    if not root.is_dir():
        raise ArmSkillsUnusable(source, ["the folder does not exist"], remedy="name a folder with one for each task")
    found: dict[str, tuple[SkillContent, ...]] = {}
    for task in tasks:
        folder = root / task
        if (folder / _OF_TASK).is_dir() and (folder / FILE).is_file():
            why = f"{task} holds both {_OF_TASK.as_posix()}/ and {FILE}: which of them is its skill?"
            raise ArmSkillsUnusable(source, [why], remedy="remove one of them, or name a root that has only one")
        if (folder / _OF_TASK).is_dir():
            found[task] = _folder(folder / _OF_TASK, source)
        elif (folder / FILE).is_file():
            found[task] = (_one(folder, source),)
        elif any(folder.glob(f"*/{FILE}")):
            found[task] = _folder(folder, source)
    return found


def _one(folder: Path, source: str) -> SkillContent:
    """Read a folder that is a skill, and may be named after its task; its front matter has its name."""
    if any((folder / record).exists() for record in _RECORDS):
        return checked(source, folder.name, {FILE: (folder / FILE).read_bytes()})
    return checked(source, folder.name, _files(folder, source)[folder.resolve().name])


def _folder(folder: Path, source: str) -> tuple[SkillContent, ...]:
    return tuple(SkillContent(name, files) for name, files in sorted(_files(folder, source, strict=True).items()))


def _files(folder: Path, source: str, *, strict: bool = False) -> dict[str, dict[str, bytes]]:
    """Read files by skill and by path below it, without its own cases; strictly, each is called as its folder is."""
    try:
        read = read_skills(folder)
    except SkillsUnusable as error:
        raise ArmSkillsUnusable(source, error.faults, remedy=_REMEDY) from error
    if strict and read.misnamed:
        raise ArmSkillsUnusable(source, read.misnamed, remedy=_REMEDY)
    found: dict[str, dict[str, bytes]] = {}
    for path, data in read.files.items():
        name, _, below = path.partition("/")
        if not below.startswith(_CASES):
            found.setdefault(name, {})[below] = data
    return found
