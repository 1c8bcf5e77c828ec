"""What gates ruled, as a table: the gate that counts, and beside it those that only look on."""

from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from events.types.training import GateOutcome
from projections.training.state import CandidateRecord, GateRecord
from views.runs.train_rows import BELIEFS, LEVEL, RAW, believed, number, percent
from views.terminal.ids import place_in
from views.terminal.tables import TableView


class GateRulingRow(msgspec.Struct, frozen=True, tag_field="row", tag="gate"):
    """A ruling of a gate on a candidate."""

    run: str
    candidate: str
    gate: str
    shadow: str | None
    """Name of the shadow gate. None: this ruling counts."""
    outcome: GateOutcome
    reason: str
    asked: tuple[str, ...]
    """Of *more*: items that were run next."""
    rows: int
    """Scores of the candidate that it rests on."""
    beside: int
    """Scores of the revision in force that it rests on."""
    score: float | None
    """Mean of the candidate's scores, in [0, 1]. None: it has none."""
    believed: float | None
    """What the gate believes of the revision in force after this, in [0, 1]. None: nothing."""
    deviation: float | None
    """Standard deviation of what is believed. None: the gate states none."""
    figures: Mapping[str, float]
    """What the ruling rests on, by name."""
    event: str
    """Id of the event; `show` and `why` take it."""


def gate_rows(run: str, candidate: CandidateRecord) -> list[GateRulingRow]:
    """List all rulings on a candidate: first those that count."""
    found = [*candidate.gates, *(each for some in candidate.shadows.values() for each in some)]
    return [_row(run, candidate, each) for each in found]


def _row(run: str, candidate: CandidateRecord, each: GateRecord) -> GateRulingRow:
    return GateRulingRow(
        run=run,
        candidate=candidate.name,
        gate=each.gate,
        shadow=each.shadow,
        outcome=each.outcome,
        reason=each.reason,
        asked=each.run,
        rows=each.rows,
        beside=each.beside,
        score=number(each.score),
        believed=number(each.believed),
        deviation=None if each.variance is None else sqrt(each.variance.exact),
        figures=each.figures,
        event=place_in(run, each.at.stream, each.at.version),
    )


def _figures(row: GateRulingRow) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in row.figures.items() if name not in BELIEFS)


def _notes(rows: Sequence[GateRulingRow]) -> Iterator[RenderableType]:
    if any(row.shadow is not None for row in rows):
        yield Text("shadow gates look on: what they say changed nothing", style="dim")


GATES: Final = TableView(
    GateRulingRow,
    ("gate", lambda row: row.gate if row.shadow is None else f"{row.gate} (shadow {row.shadow})"),
    "outcome",
    "reason…",
    (">score", lambda row: percent(row.score)),
    ">rows >beside",
    (">believed", lambda row: believed(row.believed, row.deviation)),
    (">raw", lambda row: percent(row.figures.get(RAW))),
    (">level", lambda row: percent(row.figures.get(LEVEL))),
    ("figures…", _figures),
    notes=_notes,
    empty=Text("no gate ruled on it", style="dim"),
)
