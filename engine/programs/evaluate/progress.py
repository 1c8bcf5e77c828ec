"""Begin the cells of an evaluation: some of them first, and the rest unless their scores tell nothing."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final

import msgspec

from engine.core.scope import Child, Scope
from engine.programs.evaluate.cell import CellPlan, CellResult, cell
from engine.programs.evaluate.points import NEXT_CELLS, ArmProgress, NextCellsSaw
from events.streams import cell_stream
from events.types.decision import Held

_encoder: Final = msgspec.json.Encoder(order="sorted")
"""As a table is written that holds other rulings: what follows from one is compared by its bytes."""


async def roll_out(scope: Scope, cells: Sequence[CellPlan]) -> list[CellResult]:
    """Score cells, and give their results in the order given.

    Which are begun next is decided from all that have ended, so it does not depend on which of them ended first. Where
    it is decided that no further one is, what is left takes scores that are stored, and none else.
    """
    waiting = _in_order(cells)
    planned = {arm: len({each.item for each in each_arm}) for arm, each_arm in waiting.items()}
    results: dict[str, CellResult] = {}
    while any(waiting.values()):
        ended = {
            arm: [results[each.name] for each in cells if each.arm == arm and each.name in results] for arm in waiting
        }
        progress = tuple(
            ArmProgress(arm, planned[arm], len(left), table_of(scope, ended[arm]) if ended[arm] else None)
            for arm, left in sorted(waiting.items())
        )
        ruled = (await scope.decide(NEXT_CELLS, NextCellsSaw(progress))).value
        chosen = [each for next_ in ruled.begin for each in _take(waiting[next_.arm], next_.cells)]
        if not ruled.begin:
            chosen = [each._replace(begun=False) for left in waiting.values() for each in _take(left, len(left))]
        results |= {each.name: result for each, result in zip(chosen, await begin(scope, chosen), strict=True)}
    return [results[each.name] for each in cells]


async def begin(scope: Scope, cells: Sequence[CellPlan]) -> list[CellResult]:
    """Score cells side by side."""
    return await scope.gather([Child(cell_stream(each.name), partial(cell, plan=each)) for each in cells])


def table_of(scope: Scope, results: Sequence[CellResult]) -> Held:
    """Keep what cells of an arm came to, for a decision."""
    return Held(scope.put(_encoder.encode([each.saw for each in results])), results[-1].at)


def _in_order(cells: Iterable[CellPlan]) -> Mapping[str, list[CellPlan]]:
    """Give the cells of each arm as they are begun: a whole repeat before the next."""
    by_arm: dict[str, list[CellPlan]] = defaultdict(list)
    for each in sorted(cells, key=lambda each: each.repeat):
        by_arm[each.arm].append(each)
    return by_arm


def _take(waiting: list[CellPlan], number: int) -> list[CellPlan]:
    """Take so many off the front."""
    taken = waiting[:number]
    del waiting[:number]
    return taken
