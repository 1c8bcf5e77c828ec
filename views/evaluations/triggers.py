"""How often skills were read in an arm, where they belong and where they do not; and how that is written."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from engine.programs.evaluate.arms import condition_of
from engine.programs.evaluate.spec import EvaluateSpec
from events.streams import cell_stream
from events.types.session import GivenSkill
from projections.cells import EvaluatedCell
from projections.exposure import AttemptExposure, Exposure
from projections.triggers import ExposedCell, TriggerCount, TriggerCounts, read_of, trigger_counts


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


def exposures_by_cell(
    run: str, attempts: Iterable[AttemptExposure]
) -> Mapping[tuple[str, str], Mapping[str, Exposure]]:
    """Say what each cell of a run read, by run, stream and skill: what was read in one attempt was read."""
    said: dict[tuple[str, str], dict[str, list[Exposure]]] = {}
    for attempt in attempts:
        for name, each in attempt.skills.items():
            said.setdefault((run, cell_stream(attempt.trial)), {}).setdefault(name, []).append(each)
    return {cell: {name: read_of(each) or "no" for name, each in skills.items()} for cell, skills in said.items()}


def triggers_of(
    arm: str,
    cells: Iterable[EvaluatedCell],
    exposures: Mapping[tuple[str, str], Mapping[str, Exposure]],
    given: Iterable[GivenSkill],
    settings: EvaluateSpec,
) -> TriggerCounts:
    """Count the cells of an arm that have a score by what they read; what broke halfway may not have come to it.

    Args:
        arm: Its name.
        cells: Its own.
        exposures: By run and stream of a cell, and by skill.
        given: Where the skills of all arms came from. Empty: an earlier version did not say, and gave none beside.
        settings: Say to which items an arm's skills apply.
    """
    applies = condition_of(settings, arm).applies
    beside = {(each.item, each.skill) for each in given if each.arm == arm and each.part == "beside"}
    exposed: list[ExposedCell] = []
    for cell in cells:
        if cell.solved is None:
            continue
        skills = exposures.get((cell.run, cell.rolled), {})
        known = re.search(applies, cell.item) is not None
        stands = {name for name in skills if (cell.item, name) in beside or (None, name) in beside}
        exposed.append(ExposedCell(skills, frozenset(stands if known else skills)))
    return trigger_counts(exposed)
