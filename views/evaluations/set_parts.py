"""The cells of an evaluation by the set of items that they belong to."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from engine.config.spec import RunSpec
from engine.programs.evaluate.arms import own
from engine.programs.evaluate.points import CellSaw
from engine.programs.evaluate.sets import set_of_item, sets_of


def parted(spec: RunSpec, saw: Mapping[str, Sequence[CellSaw]]) -> dict[str, dict[str, list[CellSaw]]]:
    """Sort the cells of each arm by their set; the tasks are one. Empty: there is just one set."""
    names, tasks = sets_of(own(spec)), PurePosixPath(spec.tasks).name
    parts: dict[str, dict[str, list[CellSaw]]] = {}
    for arm, cells in saw.items():
        for cell in cells:
            part = parts.setdefault(set_of_item(names, cell.item) or tasks, {each: [] for each in saw})
            part[arm].append(cell)
    return parts if len(parts) > 1 else {}
