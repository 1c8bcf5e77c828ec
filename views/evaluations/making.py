"""What making skills cost: the trials or trainings that they are from, found by the content of their files."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from engine.core.fold import fold_kept, fold_run
from events.digest import Fingerprint
from events.store.base import EventLog
from projections.cost import Cost, CostState, RunCost
from projections.library import Library, LibraryState, Revision
from views.evaluations.sides import ComparedSide
from views.runs.spending import Total, total, total_of


class MakingCost(NamedTuple):
    """What making the skills of an arm cost."""

    cost: int | None
    """Of all calls of those trials and trainings, in units of 10^-9 US dollars. None: nobody knows: a skill of another
    origin, or a call whose cost is unknown."""
    trials: tuple[str, ...]
    """Trials of the log in which they were made, as ``RUN:TRIAL``, and runs that trained them; each is counted once."""


async def making_costs(log: EventLog, sides: Mapping[str, ComparedSide]) -> dict[str, MakingCost]:
    """Find what making the skills cost that sides were given.

    A skill is known by the digest of its folder. A revision that was edited or merged rests on the trials of those that
    it was made from, too; one that was distilled rests on its own.

    One that was trained rests on all calls of its run.

    Args:
        log: Which is looked through for runs that made them.
        sides: By name. Those without skills are left out of the answer.
    """
    given = {name: side.condition.skills for name, side in sides.items() if side.condition and side.condition.skills}
    if not given:
        return {}
    known = _revisions(await fold_kept(log, Library(), await log.head()))
    lines = {name: [list(_line(known, skill.digest)) for skill in skills] for name, skills in given.items()}
    costs = await _costs(log, {each.run for some in lines.values() for line in some for each in line})
    return {name: _made(some, costs) for name, some in lines.items()}


def _revisions(library: LibraryState) -> dict[Fingerprint, Revision]:
    """Give the first revision of each content: others only took it over."""
    found: dict[Fingerprint, Revision] = {}
    for some in (*library.runs.values(), *library.named.values()):
        for skill in some.skills.values():
            for each in skill.revisions:
                before = found.get(each.digest)
                if before is None or (each.provenance is not None, -each.at) > (
                    before.provenance is not None,
                    -before.at,
                ):
                    found[each.digest] = each
    return found


def _line(known: Mapping[Fingerprint, Revision], digest: Fingerprint | None) -> Iterator[Revision]:
    """Follow a revision back to the one that was made from nothing."""
    seen = set[Fingerprint]()
    while digest is not None and digest in known and digest not in seen:
        seen.add(digest)
        each = known[digest]
        yield each
        digest = each.parent if each.origin in {"edited", "merged"} else None


async def _costs(log: EventLog, runs: Iterable[str]) -> CostState:
    costs = CostState({})
    for run in sorted(runs):
        (state,) = await fold_run(log, [Cost()], run)
        costs.runs.update(state.runs)
    return costs


def _made(lines: Iterable[list[Revision]], costs: CostState) -> MakingCost:
    some = list(lines)
    made = dict.fromkeys((each.run, None if each.trained else each.trial) for line in some for each in line)
    sums = [_sum(costs.runs.get(run), trial) for run, trial in made]
    unknown = not all(some) or any(each.unknown or not each.ended for each in sums)
    names = tuple(run if trial is None else f"{run}:{trial}" for run, trial in made)
    return MakingCost(None if unknown else sum(each.cost for each in sums), names)


def _sum(cost: RunCost | None, trial: str | None) -> Total:
    """Add up what a trial cost; of None, the whole run."""
    if trial is not None:
        return total_of(cost, trial)
    accounts = {} if cost is None else cost.lines
    return total(line for roles in accounts.values() for models in roles.values() for line in models.values())
