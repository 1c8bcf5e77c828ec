"""The transfer matrix of an evaluation: what each skill does for each student, beside that student's own baseline."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from engine.programs.evaluate.arms import written
from engine.programs.evaluate.grid import grid_places
from events.store.base import EventLog
from projections.comparison.compare import Comparison
from views.evaluations.comparison import ComparedRun, ends, number, points, read_comparison, share
from views.terminal.screen import Screen
from views.terminal.tables import PivotView


class TransferRow(msgspec.Struct, frozen=True, tag_field="kind", tag="transfer"):
    """One cell of a transfer matrix: a skill, given to a student."""

    run: str
    skill: str
    """Row: what is compared, by its name along the contrast of the grid; without a grid, the name of the arm."""
    student: str
    """Column: the values of all other axes of the grid. Empty: nothing else differs."""
    set: str | None
    """Set of items, which has a column of its own where there are several. None: all items."""
    arm: str
    against: str | None
    """Arm that it is compared with: the same student under its own baseline. None: it is a baseline."""
    planned: int
    """Cells: items times repeats."""
    scored: int
    """Cells that have a score; only these are in ``score``."""
    score: float | None
    """Mean over items of the mean over repeats. None: nothing has a score."""
    paired: int
    """Items with a score under both arms; only these are in ``difference``."""
    difference: float | None
    """Mean over items of the paired difference to that arm. None: of a baseline, or nothing is paired."""
    low: float | None
    """Ends of its interval of 95 %, valid at this look. None: there is none, as with fewer than ten independent
    units."""
    high: float | None
    verdict: str | None
    """After Holm's rule over all arms of the run. None: of a baseline, or of one set of several, whose intervals are
    shown side by side and decide nothing."""


async def tell(log: EventLog, screen: Screen, run: str) -> None:
    """Show the transfer matrix of a run, as far as it has come.

    Raises:
        UsageWrong: The run evaluates nothing.
    """
    screen.show(list(transfer_rows(await read_comparison(log, run))), MATRIX)


def transfer_rows(compared: ComparedRun) -> Iterator[TransferRow]:
    """Give the cells of a transfer matrix, baselines first: over all items, then by set where there are several."""
    yield from _rows_of(compared, compared.comparison, None)
    for name, part in sorted(compared.by_set.items()):
        yield from _rows_of(compared, part, name)


def _rows_of(compared: ComparedRun, part: Comparison, item_set: str | None) -> Iterator[TransferRow]:
    assert compared.spec is not None, "a matrix is of an evaluation"
    places = grid_places(written(compared.spec))
    pairs = {pair.arm: pair for pair in part.pairs}
    scores = {score.arm: score for score in part.scores}
    for arm in sorted(places, key=lambda name: (name in pairs, places[name])):
        score, pair = scores[arm], pairs.get(arm)
        low, high = ends(None if pair is None else pair.interval)
        yield TransferRow(
            run=compared.run,
            skill=places[arm].row,
            student=places[arm].column,
            set=item_set,
            arm=arm,
            against=None if pair is None else pair.baseline,
            planned=score.planned,
            scored=score.scored,
            score=number(score.mean),
            paired=0 if pair is None else len(pair.flips),
            difference=None if pair is None else number(pair.difference),
            low=low,
            high=high,
            verdict=None if pair is None or item_set is not None else pair.verdict.kind,
        )


def _column(row: TransferRow) -> str:
    return " ".join(part for part in (row.student, row.set) if part) or "all"


def _value(row: TransferRow) -> str:
    covered = f"{row.scored} of {row.planned}"
    if row.against is None:
        return f"{share(row.score)} ({covered})"
    within = "" if row.low is None or row.high is None else f" [{points(row.low)} to {points(row.high)}]"
    return f"{points(row.difference)}{within} ({covered})"


def _notes(rows: Sequence[TransferRow]) -> Iterator[RenderableType]:
    yield Text()
    yield Text("score of each baseline, and points that a skill adds to it [interval] (scored of planned cells)")
    for row in rows:
        if row.verdict is not None:
            yield Text(f"{row.skill} for {row.student or 'the student'}: {row.verdict}")


MATRIX: Final = PivotView[TransferRow]("skill", lambda row: (row.skill, _column(row)), _value, notes=_notes)
