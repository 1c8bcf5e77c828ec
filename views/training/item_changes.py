"""What a candidate changed, item by item, as a table: scores before and after, and the cells that they stand in."""

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from projections.training.measures import ItemMove, MeasuredCell, changes_of, reward_of
from projections.training.state import CandidateRecord
from views.terminal.format import plural
from views.terminal.ids import place_in
from views.terminal.tables import TableView
from views.training.trained_log import TrainedLog

_MARKS: Final = {True: "●", False: "○", None: "x"}


class ItemChangeRow(msgspec.Struct, frozen=True, tag_field="row", tag="item_change"):
    """An item under the revision in force and under a candidate."""

    run: str
    candidate: str
    item: str
    task_type: str | None
    """None: it has none."""
    before: float | None
    """Share of the cells that are solved, in [0, 1]. None: none has a score."""
    before_outcomes: tuple[str, ...]
    """``solved``, ``unsolved``, why there is no score, or ``running``; in the order in which they were begun."""
    before_cells: tuple[str, ...]
    """Ids of the events that say so, in that order; `show` and `why` take them."""
    after: float | None
    after_outcomes: tuple[str, ...]
    after_cells: tuple[str, ...]
    change: ItemMove
    """``won``, ``lost``, ``kept`` or ``no score``: by the share that is solved."""
    before_reward: float | None
    """Mean partial score, in [0, 1]. None: no cell has one."""
    after_reward: float | None
    nothing: bool
    """Whether it is solved without anything being done, so that it counts at no gate."""


def change_rows(trained: TrainedLog, candidate: CandidateRecord) -> list[ItemChangeRow]:
    """List the items that a candidate was measured on."""
    run = trained.run.run
    return [
        ItemChangeRow(
            run=run,
            candidate=candidate.name,
            item=each.item,
            task_type=trained.types.get(each.item),
            before=_number(each.before_mean),
            before_outcomes=tuple(map(outcome_of, each.before)),
            before_cells=tuple(place_of_cell(run, cell) for cell in each.before),
            after=_number(each.after_mean),
            after_outcomes=tuple(map(outcome_of, each.after)),
            after_cells=tuple(place_of_cell(run, cell) for cell in each.after),
            change=each.move,
            before_reward=_number(reward_of(each.before)),
            after_reward=_number(reward_of(each.after)),
            nothing=each.nothing,
        )
        for each in changes_of(trained.run, candidate)
    ]


def outcome_of(found: MeasuredCell) -> str:
    """Say how a cell ended."""
    solved = found.cell.solved
    return (found.cell.unscored or "running") if solved is None else "solved" if solved else "unsolved"


def place_of_cell(run: str, found: MeasuredCell) -> str:
    """Name the event that says how a cell ended; of one that has not, its first."""
    return place_in(run, found.stream, 1 if found.cell.at is None else found.cell.at.version)


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def marks(outcomes: Sequence[str]) -> str:
    """Draw outcomes: ● solved, ○ unsolved, x no score."""
    return "".join(_MARKS[{"solved": True, "unsolved": False}.get(each)] for each in outcomes)


def ordered(rows: Sequence[ItemChangeRow]) -> list[ItemChangeRow]:
    """Put items that were lost first, then those that were won, then the others."""
    order = {"lost": 0, "won": 1, "no score": 2}
    return sorted(rows, key=lambda row: order.get(row.change, 3))


def counted(rows: Sequence[ItemChangeRow]) -> str:
    """Count moves in words."""
    counts = Counter(row.change for row in rows)
    return ", ".join(f"{counts[each]} {each}" for each in ("won", "lost", "kept", "no score") if counts[each])


def share(value: float | None) -> str:
    """Write a share in percent."""
    return "-" if value is None else f"{100 * value:.0f} %"


def change_of(row: ItemChangeRow) -> str:
    """Say how an item changed, and whether its reward did where its outcome did not."""
    told = f"{row.change}, needs no skill" if row.nothing else row.change
    rewards = row.before_reward, row.after_reward
    moved = row.change == "kept" and None not in rewards and rewards[0] != rewards[1]
    return f"{told}, reward {rewards[0]:.2f} → {rewards[1]:.2f}" if moved else told


def _notes(rows: Sequence[ItemChangeRow]) -> Iterator[RenderableType]:
    told = counted(rows)
    yield Text(
        f"{plural(len(rows), 'item')}{': ' if told else ''}{told}; ● solved, ○ unsolved, x no score", style="dim"
    )


ITEM_CHANGES: Final = TableView(
    ItemChangeRow,
    "item",
    ("type", lambda row: row.task_type or ""),
    (">before", lambda row: share(row.before)),
    ("runs…", lambda row: marks(row.before_outcomes)),
    (">after", lambda row: share(row.after)),
    ("runs…", lambda row: marks(row.after_outcomes)),
    ("change", change_of),
    notes=_notes,
    empty=Text("no item: the candidate was not measured", style="dim"),
)
