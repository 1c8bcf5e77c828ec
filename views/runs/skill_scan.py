"""Scans of skills: of a folder, or of a skill that a log holds; each finding with its line and its text."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from anyio import to_thread
from rich.console import Group, RenderableType
from rich.text import Text

from engine.agents.installed.skill_set import FILE
from engine.effects.tasks import TEST_SOURCE
from engine.policies.python_source import PythonFault
from engine.policies.scan.finding import KnownAnswers, ScanContext, ScanFinding, Severity, at_least
from engine.policies.scan.known_answers import answers_of
from engine.policies.scan.registry import scan_with
from engine.policies.skill.literals import VerifierLiterals, verifier_literals
from events.base import StreamId
from events.store.base import EventLog, Selection
from events.types.trial import TaskRead
from projections.library import Revision
from sandbox.harbor.dataset import DatasetPaths, tasks_named
from views.runs import skills
from views.runs.skill_marks import MarkedSkill, MarkRow, source_of
from views.terminal.errors import UsageWrong
from views.terminal.format import plural
from views.terminal.log_access import OpenedLog
from views.terminal.tables import one_line

COLOURS: Final[Mapping[Severity, str]] = {"high": "bold red", "medium": "yellow", "low": "dim"}


class ScanRow(msgspec.Struct, frozen=True, tag_field="row", tag="finding"):
    """Something that a scan found in a skill."""

    skill: str
    kind: str
    """``injection``, ``hidden``, ``exfiltration``, ``execution``, ``secret``, ``destructive``, ``answer``, ``grader``,
    ``fence``; an own scanner may have others."""
    severity: Severity
    """``low``, ``medium`` or ``high``."""
    file: str
    """Path below the skill's folder."""
    line: int
    """From 1."""
    text: str
    """The line; of a long one, what was found in it. Secrets are masked, invisible characters written out."""
    why: str
    tainted: bool | None = None
    """Whether tool output or files of its trial have text of the line, word for word. False: none that is long enough
    to be told. None: it cannot be told: the skill was read from a folder, or no text of its trial is on record."""
    marks: tuple[MarkRow, ...] = ()
    """Texts of the trial that have text of the line, as `blame` prints them."""


class ScannedRow(msgspec.Struct, frozen=True, tag_field="row", tag="scanned"):
    """What a scan looked through, and how much it found."""

    skill: str
    files: int
    tasks: int
    """Tasks whose expected answers were looked for."""
    high: int
    medium: int
    low: int


class ScannedSkill(NamedTuple):
    """A skill, and what a scan found in it."""

    name: str
    files: int
    context: ScanContext
    findings: tuple[ScanFinding, ...]
    marked: MarkedSkill | None = None
    """Which of its lines have text of its trial. None: nobody looked, or it is of no log."""


async def scan_folder(folder: Path, scanners: Sequence[str], context: ScanContext) -> list[ScannedSkill]:
    """Scan a folder of skills, or a folder that is itself one, or a single file, whether an agent would take it or not.

    Raises:
        UsageWrong: There is no file, or one cannot be read.
        NameUnknown, PluginBroken: A scanner is not there, or failed.
    """
    found = await to_thread.run_sync(_read, folder)
    return [scan_files(name, files, scanners, context) for name, files in sorted(found.items())]


def _read(folder: Path) -> dict[str, dict[str, bytes]]:
    """Read files by skill. A link that leads out of the folder is not followed: its target is not of the skill."""
    root = folder.resolve()
    try:
        if root.is_file():
            return {root.name: {root.name: root.read_bytes()}}
        several = not (root / FILE).is_file() and any((each / FILE).is_file() for each in root.iterdir())
        by_skill: dict[str, dict[str, bytes]] = {}
        for path in sorted(root.rglob("*")):
            if path.is_file() and path.resolve().is_relative_to(root):
                below = path.relative_to(root)
                name = below.parts[0] if several and below.parts[1:] else root.name
                at = below.relative_to(name) if several and below.parts[1:] else below
                by_skill.setdefault(name, {})[at.as_posix()] = path.read_bytes()
    except OSError as error:
        raise UsageWrong(f"{error.filename}: {error.strerror}", remedy="name a folder that can be read") from error
    if not by_skill:
        raise UsageWrong(f"{folder} holds no file", remedy="name a folder that holds a skill")
    return by_skill


async def scan_chosen(
    desk: OpenedLog, chosen: skills.Chosen, scanners: Sequence[str] = (), context: ScanContext | None = None
) -> ScannedSkill:
    """Scan a skill of a log; of a distilled one against the task that it was distilled from, unless others are given.

    Raises:
        BlobErased: A file of it was removed on purpose.
        NameUnknown, PluginBroken: A scanner is not there, or failed.
    """
    files = {file.name: await desk.log.get(file.digest) for file in chosen.revision.files}
    known = context or ScanContext(await _answers_of(desk.log, chosen.revision))
    return scan_files(chosen.skill, files, scanners, known)


def scan_files(name: str, files: Mapping[str, bytes], scanners: Sequence[str], context: ScanContext) -> ScannedSkill:
    """Scan the files of a skill.

    Raises:
        NameUnknown, PluginBroken: A scanner is not there, or failed.
    """
    return ScannedSkill(name, len(files), context, scan_with(scanners, files, context))


async def answers_in_tasks(text: str, places: DatasetPaths) -> ScanContext:
    """Give what the verifiers of tasks compare with.

    Args:
        text: A task folder, a folder of them, or ``registry.json#NAME@VERSION``.
        places: Where datasets are looked for.

    Raises:
        TaskInvalid: There is none.
    """
    found = await to_thread.run_sync(tasks_named, text, places)
    return ScanContext(tuple([await to_thread.run_sync(_known, each.path, each.instruction) for each in found.tasks]))


def _known(folder: Path, instruction: str) -> KnownAnswers:
    tests = folder / TEST_SOURCE
    return answers_of(instruction, _literals(tests.read_text("utf-8", "replace") if tests.is_file() else ""))


async def _answers_of(log: EventLog, revision: Revision) -> tuple[KnownAnswers, ...]:
    stream = StreamId(revision.run, f"trial/{revision.trial}")
    async for each in log.read(Selection(stream=stream, tags={"task.read", "task.read_in_steps"})):
        if isinstance(each.event, TaskRead) and each.event.test_source is not None:
            told = (await log.get(each.event.instruction)).decode("utf-8", "replace")
            return (answers_of(told, _literals((await log.get(each.event.test_source)).decode("utf-8", "replace"))),)
    return ()


def _literals(tests: str) -> VerifierLiterals:
    found = verifier_literals(tests)
    return VerifierLiterals() if isinstance(found, PythonFault) else found


def rows_of(scanned: ScannedSkill) -> list[ScanRow]:
    """Give the findings as rows, the gravest last: it stands next to the prompt."""
    order = ("low", "medium", "high")
    found = sorted(scanned.findings, key=lambda each: (order.index(each.severity), each.file, each.line))
    return [_row_of(scanned, each) for each in found]


def _row_of(scanned: ScannedSkill, each: ScanFinding) -> ScanRow:
    row = ScanRow(scanned.name, each.kind, each.severity, each.file, each.line, each.text, each.why)
    if scanned.marked is None or not scanned.marked.compared:
        return row
    marks = scanned.marked.of_line(each.file, each.line)
    return msgspec.structs.replace(row, tainted=any(mark.tainted for mark in marks), marks=marks)


def summary_of(scanned: ScannedSkill) -> ScannedRow:
    """Count the findings."""
    counts = {severity: sum(1 for each in scanned.findings if each.severity == severity) for severity in COLOURS}
    tasks = sum(1 for each in scanned.context.answers if each.numbers or each.texts)
    return ScannedRow(scanned.name, scanned.files, tasks, counts["high"], counts["medium"], counts["low"])


def require_below(scanned: ScannedSkill, severity: Severity, remedy: str) -> None:
    """See that nothing of a severity was found, or above it.

    Raises:
        UsageWrong: Something was; the first is named.
    """
    grave = list(at_least(scanned.findings, severity))
    if grave:
        first = grave[0]
        count = plural(len(grave), "finding")
        raise UsageWrong(
            f"the skill {scanned.name} has {count} of severity {severity} or above, the first in {first.file} line "
            f"{first.line}: {first.why}",
            remedy=remedy,
        )


def render(rows: Sequence[ScanRow]) -> RenderableType:
    """Draw findings: where, what and why on one line, and the text below it."""
    lines: list[RenderableType] = []
    for row in rows:
        head = (f"{row.severity:<7}", COLOURS[row.severity]), f" {row.kind:<12} {row.skill}/{row.file}:{row.line}  "
        lines += [Text.assemble(*head, (row.why, "dim")), one_line(Text(f"        {row.text}"))]
        lines += [
            one_line(Text(f"        from {source_of(mark)}", style="yellow")) for mark in row.marks if mark.tainted
        ]
    return Group(*lines)


def render_summary(row: ScannedRow) -> RenderableType:
    """Say how much was found."""
    looked = f"{row.skill}: {plural(row.files, 'file')}"
    answers = f", answers of {plural(row.tasks, 'task')}" if row.tasks else ", answers of no task"
    if not (row.high or row.medium or row.low):
        return Text(f"{looked} scanned{answers}: no findings")
    return Text(f"{looked} scanned{answers}: {row.high} high, {row.medium} medium, {row.low} low")
