"""Constructions as rows: how each ended, and what each of its rounds brought."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
from rich.console import Group, RenderableType

from engine.core.fold import fold_run
from events.digest import Digest, Fingerprint
from events.store.base import EventLog
from events.types.construction import BlueprintIssue, BlueprintRepair
from events.types.proving import ProofFinding
from projections.constructions import ConstructionRecord, Constructions
from views.setup.proofs import STEPS
from views.terminal.format import plural
from views.terminal.log_access import OpenedLog
from views.terminal.tables import TableView

_OPEN: Final = "not ended"


class ConstructionRoundRow(msgspec.Struct, frozen=True):
    """What a round brought."""

    round: int
    blueprint: Digest
    """Blob: `stillroom show BLOB` prints it."""
    repairs: tuple[BlueprintRepair, ...]
    """What was put right without asking anybody."""
    issues: tuple[BlueprintIssue, ...]
    verdict: str
    """Of its proof: sound, unsound, not proved. Empty: it was not proved."""
    findings: tuple[ProofFinding, ...]
    refused: str
    """Why no task could be made of it; empty otherwise."""


class ConstructionRow(msgspec.Struct, frozen=True, tag_field="kind", tag="construction"):
    """The construction of a task."""

    run: str
    task: str
    ending: str
    """published, rejected, and so on; see docs/construct.md. not ended: it goes on, or its process let go of it."""
    digest: Fingerprint | None
    """Package digest of the published task. None: it is not published."""
    rounds: tuple[ConstructionRoundRow, ...]
    reasons: tuple[str, ...]
    """Why there is no task. Empty: there is one, or it has not ended."""


async def construction_rows(log: EventLog, run: str) -> list[ConstructionRow]:
    """List the constructions of a run. Empty: it constructs nothing."""
    (state,) = await fold_run(log, [Constructions()], run, erased=set())
    return [_row(run, each) for each in state.runs.get(run, {}).values()]


def _row(run: str, record: ConstructionRecord) -> ConstructionRow:
    rounds = tuple(
        ConstructionRoundRow(
            round=each.number,
            blueprint=each.blueprint,
            repairs=each.repairs,
            issues=each.issues,
            verdict=(each.verdict or "").replace("_", " "),
            findings=each.findings,
            refused=each.refused,
        )
        for each in record.rounds
    )
    ending = (record.ending or _OPEN).replace("_", " ")
    return ConstructionRow(run, record.name, ending, record.published, rounds, record.reasons)


class _Line(NamedTuple):
    task: str
    round: str
    what: str
    told: str


_LINES: Final = TableView(_Line, "task… round what told…")


def _lines(row: ConstructionRow) -> Iterator[_Line]:
    told = "; ".join(row.reasons) or (f"after {plural(len(row.rounds), 'round')}" if row.rounds else "")
    yield _Line(row.task, "", row.ending, told)
    for each in row.rounds:
        number = str(each.round)
        if each.repairs:
            yield _Line("", number, "put right", ", ".join(dict.fromkeys(one.field for one in each.repairs)))
        yield from (_Line("", number, one.severity, f"{one.area}: {one.message} ({one.by})") for one in each.issues)
        if each.refused:
            yield _Line("", number, "no task", each.refused)
        if each.verdict:
            faults = [
                f"{STEPS[one.step]}: {one.detail}" for one in each.findings if one.state in {"failed", "not_proved"}
            ]
            yield _Line("", number, each.verdict, "; ".join(faults))


def render(rows: Sequence[ConstructionRow]) -> RenderableType:
    """Draw a line for each thing that happened to each task."""
    published = sum(row.digest is not None for row in rows)
    lines = [line for row in rows for line in _lines(row)]
    return Group(_LINES(lines), f"{published} of {plural(len(rows), 'task')} published")


async def tell_constructions(desk: OpenedLog, run: str) -> bool:
    """Show the constructions of a run. False: it has none."""
    rows = await construction_rows(desk.log, run)
    if rows:
        desk.screen.show(rows, render)
    return bool(rows)
