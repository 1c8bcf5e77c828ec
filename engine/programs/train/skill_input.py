"""The skill that a training begins with, read before the run starts."""

from collections.abc import Mapping
from pathlib import Path

from engine.config.errors import ConfigProblem, ConfigRefused
from engine.config.skill_source import SkillSource, SourceMalformed, read_source
from engine.programs.evaluate.folder_skills import folder_skills
from engine.programs.evaluate.library_skills import library_skills, run_named
from engine.programs.train.spec import TrainSpec
from events.store.base import EventLog

_KEY = "train.skill"


async def initial_skill(log: EventLog, base: Path, settings: TrainSpec) -> Mapping[str, bytes]:
    """Read the skill that training begins with: files by path, such as ``greet/SKILL.md``. Empty: there is none.

    Raises:
        ConfigRefused: The source cannot be read as one, or names more than one skill.
        ArmSkillsUnusable: It cannot be given as it is.
    """
    if not settings.skill:
        return {}
    source = _source(settings.skill)
    found = await (folder_skills(base, source) if source.kind == "folder" else library_skills(log, source))
    if len(found) != 1:
        names = ", ".join(each.name for each in found)
        problem = f"{settings.skill} holds {len(found)} skills: {names}"
        raise ConfigRefused([ConfigProblem("the spec", _KEY, problem, "name the folder of one skill, or SOURCE/SKILL")])
    return {f"{each.name}/{path}": data for each in found for path, data in each.files.items()}


async def settled_skill(log: EventLog, text: str) -> str:
    """Name a source so that it means the same skill tomorrow: a run by its id.

    Raises:
        ConfigRefused: It is no source.
        ArmSkillsUnusable: It names no run.
    """
    source = _source(text)
    return text if source.kind != "run" else source._replace(place=await run_named(log, source.place)).text


def _source(text: str) -> SkillSource:
    try:
        source = read_source(text)
    except SourceMalformed as error:
        raise ConfigRefused([_problem(str(error))]) from error
    if source.per_item:
        raise ConfigRefused([_problem(f"{text} gives each task a skill of its own, and one skill is trained")])
    return source


def _problem(problem: str) -> ConfigProblem:
    return ConfigProblem("the spec", _KEY, problem, "write a folder, run:RUN/SKILL@REVISION or library:NAME/SKILL")
