"""Items of an evaluation that are no tasks, as `show` lists them beneath their run."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from events.streams import CELL, item_of_cell, item_stream
from projections.cells import EvaluatedCell
from views.terminal.format import reward
from views.terminal.tables import TableView


class EvaluatedItemRow(msgspec.Struct, frozen=True, tag_field="kind", tag="evaluated_item"):
    """An item under an arm, once."""

    run: str
    name: str
    """As `show` takes it: ``item/ARM/SET.ITEM.REPEAT``."""
    arm: str
    item: str
    repeat: int
    """From 1."""
    outcome: str
    """``solved``, ``unsolved``, ``infrastructure``, ``budget``, ``stopped``, ``no_information`` or ``running``."""
    reward: float | None
    """None: it has none."""
    found_in: str | None
    """Run that rolled it out, where its score was found in the log. None: this one."""


def item_rows(run: str, cells: Mapping[str, EvaluatedCell]) -> list[EvaluatedItemRow]:
    """List the items of a run that are no tasks, in the order in which they were opened."""
    return list(_rows(run, cells))


def _rows(run: str, cells: Mapping[str, EvaluatedCell]) -> Iterator[EvaluatedItemRow]:
    for stream, cell in cells.items():
        name = stream.removeprefix(f"{CELL}/")
        if item_of_cell(name) is None:
            found = cell.run if cell.run not in {"", run} else None
            yield EvaluatedItemRow(
                run, item_stream(name), cell.arm, cell.item, cell.repeat, _outcome(cell), cell.reward, found
            )


def _outcome(cell: EvaluatedCell) -> str:
    if cell.solved is None:
        return cell.unscored or "running"
    return "solved" if cell.solved else "unsolved"


ITEMS: Final = TableView(EvaluatedItemRow, "name… outcome", (">reward", lambda row: reward(row.reward)), "found_in")
