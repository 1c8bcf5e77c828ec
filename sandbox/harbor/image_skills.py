"""Skills that a task's own image brings: found in its build context and Dockerfile, and taken out of both.

An arm without a skill must find none, and an arm with one must find that one alone. Taken out are what SPARK takes out
(``environment/skills`` and the lines that copy it) and whatever is copied to where one of eight agents, or the task
itself (``environment.skills_dir``), looks for skills. What a ``RUN`` line, a compose file or a prebuilt image puts
there cannot be taken out, and is said.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct, structs

from events.digest import digest_of
from sandbox.harbor.dockerfile.parser import Instruction
from sandbox.harbor.dockerfile.sources import sources_and_target
from sandbox.harbor.ignore_file import clean
from sandbox.harbor.task import COMPOSE, Task

FOLDER: Final = "skills"
"""Of the build context, by convention."""
_HEAD: Final = "SKILL.md"
_AGENTS: Final = re.compile(
    r"(?<![\w.-])(?:\.(?:claude|codex|goose|factory|agents|gemini|qwen)/skills|\.?opencode/skills?)(?![\w-])"
)
"""Where agents look: Claude Code, Codex, OpenCode, Goose, Factory, Gemini, Qwen, and what several share."""

_BUILDS: Final = re.compile(r"^[^\S\n]*(?:dockerfile|context):", re.MULTILINE)


class ImageSkills(Struct, frozen=True):
    """What a task's image brings of skills."""

    folders: tuple[str, ...]
    """Of the build context, which no build is to see."""
    lines: tuple[int, ...]
    """Of the Dockerfile, where an instruction begins that copies skills."""
    found: tuple[str, ...]
    """The same, for people."""
    left: tuple[str, ...]
    """What cannot be taken out, or cannot be known, for people."""


def image_skills(task: Task) -> ImageSkills:
    """Find them. Reads the task's folder."""
    declared = task.config.environment.skills_dir
    held = f"{task.context}/{FOLDER}/" if _holds_skill(task.environment / FOLDER) else None
    lines, found, left = list[int](), list[str](), [*_unseen(task, declared)]
    mixed = task.dockerfile is None
    for each in () if task.dockerfile is None else task.dockerfile.instructions:
        place = f"{task.context}/Dockerfile line {each.line}: {each.word} {' '.join(each.value.split())[:120]}"
        if _copies(each, declared, held=held is not None):
            lines.append(each.line)
            found.append(place)
        elif each.word in {"COPY", "ADD", "RUN"} and _is_looked_in(each.value, declared):
            left.append(place)
        elif held is not None and _takes_some(each):
            mixed = True
            left.append(place)
    hidden = held is not None and not mixed
    if held is not None:
        (found if hidden else left).insert(0, held)
    return ImageSkills((FOLDER,) if hidden else (), tuple(lines), tuple(found), tuple(left))


def without_image_skills(task: Task, skills: ImageSkills) -> Task:
    """Give the task as it is built without them. Its digest is another: it is another task for whoever tries it."""
    if not skills.found:
        return task
    dockerfile = None if task.dockerfile is None else task.dockerfile.without(_text(task), skills.lines)
    told = "\n".join([task.digest, "without skills", *skills.folders, *map(str, skills.lines)])
    config = task.config
    if dockerfile is not None:  # a prebuilt image would bring them
        config = structs.replace(config, environment=structs.replace(config.environment, docker_image=None))
    return structs.replace(
        task, digest=digest_of(told.encode()), dockerfile=dockerfile, config=config, hidden=skills.folders
    )


def _text(task: Task) -> str:
    return (task.environment / "Dockerfile").read_text(encoding="utf-8-sig")


def _holds_skill(folder: Path) -> bool:
    return folder.is_dir() and any(folder.rglob(_HEAD))


def _is_looked_in(text: str, declared: str | None) -> bool:
    return _AGENTS.search(text) is not None or (declared is not None and declared.rstrip("/") in text)


def _copies(each: Instruction, declared: str | None, *, held: bool) -> bool:
    """Say whether an instruction does nothing but copy skills, or copies something to where they are looked for."""
    if each.word not in {"COPY", "ADD"}:
        return False
    sources, target = sources_and_target(each)
    if _is_looked_in(posixpath.normpath(target or "."), declared):
        return True
    return held and "from" not in each.flags and bool(sources) and all(map(_is_skill, sources))


def _takes_some(each: Instruction) -> bool:
    """Say whether an instruction needs skills of the context beside other files."""
    if each.word == "RUN":
        return any(FOLDER in mount for mount in each.flags.get("mount", ()))
    sources, _ = sources_and_target(each)
    return each.word in {"COPY", "ADD"} and "from" not in each.flags and any(map(_is_skill, sources))


def _is_skill(source: str) -> bool:
    return clean(source).split("/")[0] == FOLDER


def _unseen(task: Task, declared: str | None) -> Iterator[str]:
    """Say what nobody can look into before it runs."""
    image = task.config.environment.docker_image
    if image is not None and task.dockerfile is None:
        yield f"the image {image} is prebuilt, and nobody has looked into it"
    if declared is not None and task.dockerfile is None:
        yield f"task.toml: environment.skills_dir = {declared}"
    compose = task.environment / COMPOSE
    text = compose.read_text(encoding="utf-8", errors="replace") if compose.is_file() else ""
    if _is_looked_in(text, declared):
        yield f"{task.context}/{COMPOSE} names a folder of skills"
    elif _BUILDS.search(text):
        yield f"{task.context}/{COMPOSE} builds from a place of its own, and nobody has looked into it"
