"""Taking a ``SKILL.md`` apart: front matter and body; source: Agent Skills, as noted in harbor.md (g).

The front matter ends at a *line* ``---``. The reference tool splits at the first two ``---`` anywhere, so that a
description which holds three dashes is cut short and still passes; not copied.
"""

import re

from msgspec import Struct

from engine.policies.fences import closes, opening_fence


class SkillParts(Struct, frozen=True):
    """A file with front matter."""

    front: str
    """YAML between the two lines, without them."""
    body: str
    """Markdown after the second line."""
    body_line: int
    """Line of the file at which the body begins, from 1."""


class SplitFault(Struct, frozen=True):
    """A file without."""

    problem: str


def split_skill(text: str) -> SkillParts | SplitFault:
    """Take a file apart. Its first line must be ``---``; neither a BOM nor a blank line may stand before."""
    lines = normal_lines(text).split("\n")
    if lines[0].rstrip() != "---":
        return SplitFault("The first line is not '---'.")
    end = next((i for i, line in enumerate(lines[1:], start=1) if line.rstrip() == "---"), None)
    if end is None:
        return SplitFault("The front matter is not closed by a line '---'.")
    return SkillParts("\n".join(lines[1:end]), "\n".join(lines[end + 1 :]), end + 2)


def normal_lines(text: str) -> str:
    """The same text with lines that end in LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def clean_answer(text: str) -> str:
    """Take the one fence off which a model may have put around its whole answer, and nothing else.

    A fence counts as put around only if the first line in it is ``---``: so cleaning twice is cleaning once,
    and a skill that begins with code of its own is left alone (and refused later).
    """
    stripped = normal_lines(text).strip()
    lines = stripped.split("\n")
    marks = opening_fence(lines[0])
    if marks is None or len(lines) < 3 or lines[1].rstrip() != "---" or not closes(lines[-1], marks):
        return stripped
    return "\n".join(lines[1:-1]).strip()


def skill_name_for(task_name: str) -> str:
    """A name every Agent Skills tool takes, from a task's: lower-case words joined by single hyphens.

    Raises:
        ValueError: The task's name has not one letter or digit of ASCII.
    """
    name = "-".join(re.findall(r"[a-z0-9]+", task_name.lower()))[:64].rstrip("-")
    if not name:
        msg = f"no skill can be named after the task {task_name!r}: it has no ASCII letter or digit"
        raise ValueError(msg)
    return name
