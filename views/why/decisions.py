"""The decisions of a run: what each rested on, under which rule, and what was ruled."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from rich.text import Text

from engine.config.program_registry import policy_source
from replay.ledger import Ledger, LedgerEntry, read_ledger
from replay.why.plain_values import plain, plain_name
from views.terminal.errors import UsageWrong
from views.terminal.format import UNKNOWN, plural
from views.terminal.log_access import OpenedLog
from views.terminal.tables import TableView


class DecisionRow(msgspec.Struct, frozen=True, tag_field="kind", tag="decision"):
    """One decision."""

    run: str
    position: int
    """Of the event that records it, in the log."""
    stream: str
    version: int
    """Of that event; where no event records the decision, of the one before it."""
    recorded: bool
    """False: no event records it; runs of earlier versions decided some things so."""
    point: str
    """What was decided."""
    shadow: str | None
    """Name of the shadow policy or rule. None: the ruling counted."""
    revision: int
    """Of the point, under which it was ruled."""
    policy: str
    """The method, or for a point of its own the program, whose policy ruled."""
    inputs: str | None
    """Digest of what the policy saw. None: the record has none."""
    saw: Any
    """What it saw, as JSON has it. None: it cannot be read."""
    rule: Any
    """The settings as they counted. None: they cannot be read."""
    assumed: bool
    """Whether they are assumed: the source of an imported run does not record them."""
    ruling: Any
    missing: str
    """Why it cannot be re-evaluated; empty if it can."""


async def tell(desk: OpenedLog, run: str, point: str | None) -> None:
    """List a run's decisions.

    Raises:
        RunUnknown, NothingDecided, InputsUnrecorded, ReplayDiverged, BlobMissing: As `read_ledger`.
        UsageWrong: None of its decisions is of this point.
    """
    ledger = await read_ledger(desk.log, run)
    rows = [_row(ledger, entry) for entry in ledger.entries if point in (None, entry.name)]
    if point is not None and not rows:
        known = ", ".join(dict.fromkeys(entry.name for entry in ledger.entries)) or "none"
        raise UsageWrong(f"run {run} has no decision at point {point}", remedy=f"its points of decision: {known}")
    desk.screen.show(rows, DECISIONS)


def _row(ledger: Ledger, entry: LedgerEntry) -> DecisionRow:
    return DecisionRow(
        run=ledger.run,
        position=entry.position,
        stream=entry.at.stream,
        version=entry.at.version,
        recorded=not entry.silent,
        point=entry.name,
        shadow=entry.shadow,
        revision=entry.revision,
        policy=policy_source(ledger.era(entry), entry.name),
        inputs=entry.inputs,
        saw=msgspec.to_builtins(entry.saw),
        rule=msgspec.to_builtins(entry.rule),
        assumed=ledger.imported,
        ruling=msgspec.to_builtins(entry.ruling),
        missing=entry.missing,
    )


def _fields(value: Any) -> str:
    """Write the fields of a rule or a ruling that are short enough to be read in a line."""
    if not isinstance(value, dict):
        return UNKNOWN
    return ", ".join(f"{plain_name(name)}={_short(name, item)}" for name, item in value.items() if item is not None)


def _short(name: str, value: Any) -> str:
    text = plain(name, value)
    return text if len(text) <= 24 else text[:12] + "…"


def _notes(rows: Sequence[DecisionRow]) -> Iterator[Text]:
    kinds = ", ".join(f"{number} {point}" for point, number in Counter(row.point for row in rows).items())
    yield Text(f"{plural(len(rows), 'decision')}: {kinds}", style="dim")
    if any(row.assumed for row in rows):
        yield Text("imported: the source records no settings; those under rule are assumed", style="dim")
    for row in rows:
        if row.missing:
            yield Text(f"missing  {row.stream}@{row.version}: {row.missing}", style="yellow")


DECISIONS: Final = TableView(
    DecisionRow,
    ">position",
    ("event", lambda row: f"{row.stream}@{row.version}"),
    ("point", lambda row: row.point if row.shadow is None else f"{row.point} ({row.shadow})"),
    ">revision policy",
    ("inputs", lambda row: row.inputs and row.inputs[:12]),
    ("rule…", lambda row: _fields(row.rule)),
    ("ruling…", lambda row: _fields(row.ruling)),
    empty=Text("no decisions", style="dim"),
    notes=_notes,
)
