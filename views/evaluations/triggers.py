"""How often skills were read in an arm, where they belong and where they do not; and how that is written."""

import re
from collections.abc import Iterable, Iterator

import msgspec

from engine.items.formats.trigger_queries import TRIGGER_QUERIES, belongs
from engine.programs.evaluate.arms import condition_of
from engine.programs.evaluate.sets import set_of_item, sets_of
from engine.programs.evaluate.spec import EvaluateSpec
from events.types.session import FoundImageSkills
from projections.triggers import ExposedCell, TriggerCount, TriggerCounts, trigger_counts
from views.evaluations.sides import ComparedSide


class TriggerRate(msgspec.Struct, frozen=True):
    """In how many cells a skill was read, of those that were given one."""

    read: int
    given: int
    unknown: int
    """Cells among them of which nobody can know."""
    share: float | None
    """None: nobody can know of some."""


def rate_of(count: TriggerCount) -> TriggerRate | None:
    """Give a count as rows have it. None: no cell was given such a skill."""
    share = None if count.share is None else float(count.share)
    return TriggerRate(count.read, count.given, count.unknown, share) if count.given else None


def written_rate(rate: TriggerRate | None) -> str | None:
    """Write a rate with what it is a share of. None: there is none."""
    if rate is None:
        return None
    unknown = f", {rate.unknown} unknown" if rate.unknown else ""
    share = "" if rate.share is None else f", {100 * rate.share:.0f} %"
    return f"{rate.read} of {rate.given}{share}{unknown}"


def written_images(found: Iterable[FoundImageSkills]) -> Iterator[str]:
    """Say which skills images of tasks bring, and what became of them."""
    for each in found:
        if each.found:
            fate = "left out in every arm" if each.stripped else "kept in every arm"
            yield f"{each.task}: its image brings skills, {fate}: {', '.join(each.found)}"
        if each.left:
            doubt = "its image may bring skills, and whether one was read is not known"
            yield f"{each.task}: {doubt}: {', '.join(each.left)}"


def triggers_of(side: ComparedSide, settings: EvaluateSpec | None) -> TriggerCounts:
    """Count the cells of an arm that have a score by what they read; what broke halfway may not have come to it.

    Args:
        side: The arm. An earlier version did not say where its skills came from, and gave none beside.
        settings: Say to which items an arm's skills apply. None: to all.
    """
    applies = "" if settings is None else condition_of(settings, side.arm).applies
    beside = {(each.item, each.skill) for each in side.given if each.arm == side.arm and each.part == "beside"}
    others = frozenset() if settings is None else _others(settings, (each.item for each in side.cells))
    exposed: list[ExposedCell] = []
    for cell in side.cells:
        if cell.outcome not in {"solved", "unsolved"}:
            continue
        known = re.search(applies, cell.item) is not None and cell.item not in others
        stands = {name for name in cell.exposure if (cell.item, name) in beside or (None, name) in beside}
        exposed.append(ExposedCell(cell.exposure, frozenset(stands if known else cell.exposure)))
    return trigger_counts(exposed)


def _others(settings: EvaluateSpec, items: Iterable[str]) -> frozenset[str]:
    """List the trigger queries for which no skill should be read."""
    sets = {name: each for name, each in sets_of(settings).items() if each.format == TRIGGER_QUERIES.name}
    named = [(item, set_of_item(sets, item)) for item in items]
    return frozenset(item for item, of in named if of is not None and not belongs(item.removeprefix(f"{of}.")))
