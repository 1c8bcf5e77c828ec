"""Sections of a skill, each under one heading, and the skill without one of them; pure."""

from typing import NamedTuple

from engine.policies.fences import fenced_lines
from engine.policies.skill.split import SplitFault, normal_lines, split_skill


class SkillSection(NamedTuple):
    """A heading with its text, without what stands under lower headings."""

    number: int
    """From 1."""
    title: str
    first_line: int
    """Of the file, from 1: that of the heading; of text before any heading, its first."""
    last_line: int
    """The last that belongs to it."""


def skill_sections(skill_md: str) -> tuple[SkillSection, ...]:
    """List the sections of a body that hold text, in order. The front matter is none: agents find a skill by it."""
    text = normal_lines(skill_md)
    parts = split_skill(text)
    body, first = (text, 1) if isinstance(parts, SplitFault) else (parts.body, parts.body_line)
    found: list[tuple[str, int, bool]] = [("(before any heading)", first, False)]
    lines = list(fenced_lines(body))
    for line in lines:
        if not line.fenced and line.text.startswith("#"):
            found.append((line.text.strip("# "), first + line.number - 1, False))
        elif line.text.strip():
            found[-1] = (*found[-1][:2], True)
    ends = [each[1] - 1 for each in found[1:]] + [first + len(lines) - 1]
    held = [(title, start, end) for (title, start, filled), end in zip(found, ends, strict=True) if filled]
    return tuple(SkillSection(number, *each) for number, each in enumerate(held, start=1))


def without_section(skill_md: str, number: int) -> str:
    """Give a skill without one of its sections; everything else of it stays as it is, line for line.

    Raises:
        IndexError: It has no section of this number.
    """
    sections = skill_sections(skill_md)
    if not 1 <= number <= len(sections):
        raise IndexError(f"there is no section {number}: it has {len(sections)}")
    section = sections[number - 1]
    lines = normal_lines(skill_md).split("\n")
    return "\n".join([*lines[: section.first_line - 1], *lines[section.last_line :]])
