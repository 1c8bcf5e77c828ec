"""What scans found in the skills of arms: of a run as it is on record, of one that was not started as it would be."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from anyio import to_thread
from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.decision import Era
from engine.core.lineage import pages_of
from engine.policies.scan.finding import ScanContext, ScanFinding
from engine.policies.scan.registry import scan_with
from engine.policies.scan.settings import ScanSpec, refused_by
from engine.programs.evaluate.arm_scans import files_of, known_of
from engine.programs.skill_scan import SKILL_SCAN, expected_by_item, read_findings
from events.base import StreamId
from events.errors import BlobErased
from events.store.base import EventLog, Selection
from events.streams import RUN
from events.types.decision import DecisionMade
from events.types.evaluation import SkillsGiven
from sandbox.harbor.task import Task
from views.runs.skill_scan import COLOURS
from views.terminal.format import plural
from views.terminal.screen import Screen
from views.terminal.tables import one_line

_GRADES: Final = ("high", "medium", "low")
_SHOWN: Final = 3
"""Findings of an arm that people are shown; `--json` has all."""


class ArmScanRow(msgspec.Struct, frozen=True, tag_field="kind", tag="arm_scan"):
    """What a scan found in the skills that an arm is given. Arms that are given the same are scanned once."""

    arm: str
    verdict: str
    """``pass``, or ``refuse``: there is a finding for which the settings refuse skills."""
    high: int
    """Findings of severity high."""
    medium: int
    low: int
    findings: tuple[ScanFinding, ...] | None
    """With file, line and text. None: they were erased."""


async def recorded(log: EventLog, run: str) -> list[ArmScanRow]:
    """Read what a run recorded. Empty: no arm has skills, or an earlier version ran it."""
    selection = Selection(
        stream=StreamId(run, RUN), tags={"evaluation.skills_given", "decision.made", "decision.made_inline"}
    )
    rows: list[ArmScanRow] = []
    arm = ""
    async for page in pages_of(log, selection):
        for each in page:
            if isinstance(each.event, SkillsGiven):
                arm = each.event.arm
            ruling = SKILL_SCAN.ruling_in(each.event) if isinstance(each.event, DecisionMade) else None
            if ruling is not None:
                try:
                    found: tuple[ScanFinding, ...] | None = read_findings(await log.get(ruling.findings))
                except BlobErased:
                    found = None
                rows.append(ArmScanRow(arm, ruling.verdict, ruling.high, ruling.medium, ruling.low, found))
    return rows


class ScannedAgainst(NamedTuple):
    """What skills must not tell."""

    tasks: Sequence[Task]
    questions: Sequence[bytes]
    """Each as canonical JSON."""


async def planned(
    log: EventLog, arms: Mapping[str, Era], against: ScannedAgainst, settings: ScanSpec
) -> list[ArmScanRow]:
    """Scan what arms would be given, against the answers of tasks and questions, as the run would.

    Raises:
        NameUnknown, PluginBroken: A scanner is not there, or failed.
    """
    known = [await to_thread.run_sync(known_of, task) for task in against.tasks]
    context = ScanContext((*known, *map(expected_by_item, against.questions)))
    rows: list[ArmScanRow] = []
    for name, arm in sorted(arms.items()):
        files = {each.name: await log.get(each.digest) for each in files_of(arm)}
        if files:
            found = scan_with(settings.scanners, files, context)
            high, medium, low = (sum(1 for each in found if each.severity == grade) for grade in _GRADES)
            verdict = "refuse" if refused_by(found, settings) else "pass"
            rows.append(ArmScanRow(name, verdict, high, medium, low, found))
    return rows


def render(rows: Sequence[ArmScanRow]) -> RenderableType:
    """Say what was found, the gravest first."""
    lines: list[RenderableType] = []
    for row in rows:
        counts = f"{row.high} high, {row.medium} medium, {row.low} low"
        lines.append(Text(f"scan of the skills of {row.arm}: {counts}", style="yellow" if row.high else ""))
        found = sorted(row.findings or (), key=lambda each: (_GRADES.index(each.severity), each.file, each.line))
        for each in found[:_SHOWN]:
            head = f"  {each.severity:<7}", COLOURS[each.severity]
            lines.append(one_line(Text.assemble(head, f"{each.file}:{each.line}  {each.text}  ", (each.why, "dim"))))
        if len(found) > _SHOWN:
            lines.append(Text(f"  and {plural(len(found) - _SHOWN, 'finding')} more (--json has all)", style="dim"))
    return Group(*lines)


def show(screen: Screen, rows: Sequence[ArmScanRow]) -> None:
    """Print what was found; nothing of arms in whose skills nothing was."""
    found = [row for row in rows if row.high or row.medium or row.low]
    if found:
        screen.show(found, render)
