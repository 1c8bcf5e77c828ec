"""The audit of a skill: what each of its sections is worth, by an evaluation of the skill without it."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from engine.config.resolve import Flag
from engine.policies.skill.sections import SkillSection
from events.store.base import EventLog
from views.evaluations.comparison import arm_rows, read_comparison
from views.terminal.format import UNKNOWN
from views.terminal.tables import TableView

WHOLE: Final = "whole"
"""Name of the arm that is given the skill as it is."""
_ARMS: Final = ("evaluate", "arms")
_CONSEQUENCE: Final = {"hurts": "it matters", "helps": "better without it"}


class AuditedSectionRow(msgspec.Struct, frozen=True, tag_field="kind", tag="audited_section"):
    """A section of a skill, and how the skill does without it."""

    section: str
    line: int
    """Of its heading in ``SKILL.md``, from 1."""
    arm: str
    """Arm that is given the skill without it."""
    difference: float | None
    """Score without it minus score with it, paired. None: nothing is paired."""
    low: float | None
    """Ends of its interval. None: there is none."""
    high: float | None
    p: float | None
    """Two-sided, adjusted for looks and, by Holm, for the sections. None: there is no interval."""
    verdict: str | None
    """Of the arm without it beside the whole skill, as `compare` says it: ``hurts`` means that the section helps."""
    reason: str | None


class AuditCostRow(msgspec.Struct, frozen=True, tag_field="kind", tag="audit_cost"):
    """What an audit would roll out."""

    sections: int
    cells: int
    """Arms times items times repeats."""
    stored: int
    """Cells whose score the log has."""
    missing: int
    """Cells that would be rolled out."""


def arm_of(section: SkillSection) -> str:
    """Name the arm that is given the skill without a section."""
    words = "-".join(re.findall(r"[a-z0-9]+", section.title.lower()))[:40].strip("-")
    return f"without-{section.number}{'-' if words else ''}{words}"


def flags_of(source: str, sections: Sequence[SkillSection]) -> Iterator[Flag]:
    """Give the settings of the evaluation: the whole skill as the baseline, and an arm without each section.

    Args:
        source: Of the skill, as an arm names it.
        sections: Of the skill.
    """
    yield Flag("skills audit", ("evaluate", "baseline"), WHOLE)
    yield Flag("skills audit", (*_ARMS, WHOLE, "skills"), source)
    for each in sections:
        yield Flag("skills audit", (*_ARMS, arm_of(each), "skills"), source)
        yield Flag("skills audit", (*_ARMS, arm_of(each), "without"), each.number)


async def audited(log: EventLog, run: str, sections: Sequence[SkillSection]) -> list[AuditedSectionRow]:
    """Read what an evaluation showed of each section.

    Raises:
        UsageWrong: The run evaluates nothing.
    """
    arms = {row.arm: row for row in arm_rows(await read_comparison(log, run))}
    rows: list[AuditedSectionRow] = []
    for each in sections:
        arm = arms[arm_of(each)]
        rows.append(
            AuditedSectionRow(
                each.title, each.first_line, arm.arm, arm.difference, arm.low, arm.high, arm.p, arm.verdict, arm.reason
            )
        )
    return rows


def _points(value: float | None) -> str:
    return UNKNOWN if value is None else f"{100 * value:+.1f}"


def _interval(row: AuditedSectionRow) -> str:
    return UNKNOWN if row.low is None or row.high is None else f"{100 * row.low:+.1f} to {100 * row.high:+.1f}"


def _said(row: AuditedSectionRow) -> str:
    meaning = _CONSEQUENCE.get(row.verdict or "")
    return f"{row.verdict}: {meaning}" if meaning else row.verdict or UNKNOWN


SECTIONS: Final = TableView(
    AuditedSectionRow,
    "section… >line",
    (">without it", lambda row: _points(row.difference)),
    ("interval", _interval),
    ("verdict…", _said),
    notes=lambda rows: [
        Text(f"\n{len(rows)} sections; intervals and verdicts are adjusted for all of them", style="dim")
    ],
)


def render_cost(row: AuditCostRow) -> RenderableType:
    """Say what an audit would roll out."""
    return Text(
        f"audit of {row.sections} sections: {row.cells:,} cells, {row.stored:,} stored, {row.missing:,} to roll out"
    )
