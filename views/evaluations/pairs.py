"""Two runs side by side, of any program: what both have is paired item by item, and what only one has is said."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.core.errors import NothingToResume
from engine.programs.evaluate.arms import own
from engine.programs.evaluate.spec import EvaluateSpec
from events.digest import Fingerprint
from events.store.base import EventLog
from projections.comparison.compare import ComparisonPlan, PlannedArm, compare
from projections.comparison.rows import Measure, exact
from views.evaluations.comparison import ComparedRun, Uncompared
from views.evaluations.item_sets import sets_rested
from views.evaluations.making import making_costs
from views.evaluations.sides import ComparedSide, contents_of, sides_of
from views.setup.settings import spec_of
from views.suites.recorded import require_one_suite
from views.terminal.errors import IdUnknown, UsageWrong
from views.terminal.format import short
from views.terminal.ids import find_run


class RunArm(NamedTuple):
    """A run, or one arm of it."""

    run: str
    arm: str | None
    """None: all arms."""


_Pair = tuple[ComparedSide, ComparedSide]


async def find_arm(log: EventLog, text: str) -> RunArm:
    """Find the run or arm that a person means: ``RUN`` or ``RUN:ARM``.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run, or there are several.
    """
    run, colon, arm = text.partition(":")
    return RunArm(await find_run(log, run), arm if colon else None)


async def read_pair(log: EventLog, first: RunArm, second: RunArm, measure: Measure | None = None) -> ComparedRun:
    """Compare two runs: arms of the same name, or the only ones that there are.

    Items are paired by name; those whose contents are known to differ are not, and neither are those that only one run
    has, and scores that are one and the same evaluation in both. Everything that both runs have done is the first look
    at it.

    Args:
        log: Which holds them.
        first: The baseline.
        second: What is compared with it.
        measure: Which score counts. None: as an evaluation among them says, else ``hard``.

    Raises:
        UsageWrong: They have neither an arm nor an item in common.
        SuitesDiffer: They went over two suites, or over two releases of one.
    """
    if first == second:
        raise UsageWrong("a run cannot be compared with itself", remedy="name two runs, or two arms as RUN:ARM")
    await require_one_suite(log, (first.run, second.run))
    pairs, alone = _paired(await _sides(log, first), await _sides(log, second))
    rule = await _rule(log, (first.run, second.run))
    contents = {id(side): await contents_of(log, side) for pair in pairs for side in pair}
    uncompared, units = _common(pairs, contents)
    uncompared |= {_name(side): Uncompared(alone=True) for side in alone}
    sides = {_name(side): side for side in (*(side for pair in pairs for side in pair), *alone)}
    bases = [_name(baseline) for baseline, _ in pairs]
    plan = ComparisonPlan(
        baseline=PlannedArm(bases[0], sides[bases[0]].repeats),
        arms=(
            *(PlannedArm(name, sides[name].repeats, "") for name in (*bases[1:], *map(_name, alone))),
            *(_planned(arm, baseline) for baseline, arm in pairs),
        ),
        units=units,
        measure=measure or rule.measure,
        floor=exact(rule.floor),
        effect=exact(rule.effect),
        alpha=exact(rule.alpha),
    )
    found = compare(plan, [row for name, side in sides.items() for row in side.rows(name, units)])
    return ComparedRun(
        second.run,
        None,
        found,
        sides,
        await making_costs(log, sides),
        uncompared,
        await sets_rested(log, [first.run, second.run]),
    )


def _planned(arm: ComparedSide, baseline: ComparedSide) -> PlannedArm:
    """Plan an arm beside its baseline; what is one and the same evaluation on both sides is paired with nothing."""
    shared, theirs = arm.same_as(baseline), baseline.same_as(arm)
    return PlannedArm(_name(arm), arm.repeats, _name(baseline), shared=shared, theirs=theirs)


async def _sides(log: EventLog, wanted: RunArm) -> list[ComparedSide]:
    sides = await sides_of(log, wanted.run)
    names = [each.arm for each in sides]
    if not sides:
        problem = f"run {short(wanted.run)} has neither trials nor cells so far"
        raise UsageWrong(problem, remedy="wait until it has begun, or name another run")
    if wanted.arm is not None and wanted.arm not in names:
        raise IdUnknown(wanted.arm, "arm", names)
    return [each for each in sides if wanted.arm in {None, each.arm}]


def _paired(left: Sequence[ComparedSide], right: Sequence[ComparedSide]) -> tuple[list[_Pair], list[ComparedSide]]:
    """Pair sides by name, or the only ones; give those of which the other run has none, too."""
    if len(left) == len(right) == 1:
        return [(left[0], right[0])], []
    by_name = {each.arm: each for each in right}
    pairs = [(each, by_name[each.arm]) for each in left if each.arm in by_name]
    if not pairs:
        arms = "; ".join(f"{short(some[0].run)} has {', '.join(each.arm for each in some)}" for some in (left, right))
        raise UsageWrong(f"the runs have no arm of the same name: {arms}", remedy="name one of each, as RUN:ARM")
    taken = {each.arm for each, _ in pairs}
    return pairs, [each for each in (*left, *right) if each.arm not in taken]


def _common(
    pairs: Sequence[_Pair], contents: Mapping[int, Mapping[str, Fingerprint]]
) -> tuple[dict[str, Uncompared], dict[str, str]]:
    """Say which items are compared, each with its unit, and which are left out of each side.

    Raises:
        UsageWrong: There are none.
    """
    uncompared: dict[str, Uncompared] = {}
    compared: frozenset[str] | None = None
    for before, after in pairs:
        shared = before.items & after.items
        known = contents[id(before)], contents[id(after)]
        changed = {each for each in shared if len({some[each] for some in known if each in some}) > 1}
        for side in (before, after):
            uncompared[_name(side)] = Uncompared(tuple(sorted(side.items - shared)), tuple(sorted(changed)))
        compared = shared - changed if compared is None else compared & (shared - changed)
    if not compared:
        raise UsageWrong("the runs have no item in common", remedy="compare runs over the same tasks or items")
    units = {item: item for item in sorted(compared)}
    for side in (side for pair in pairs for side in pair):
        units.update({each.item: each.unit for each in side.cells if each.item in compared and each.unit != each.item})
    return uncompared, units


async def _rule(log: EventLog, runs: Sequence[str]) -> EvaluateSpec:
    """Give the settings by which runs are compared: those of the first that is an evaluation, else the defaults."""
    for run in runs:
        try:
            spec = await spec_of(log, run)
        except NothingToResume:
            continue
        if spec.program == "evaluate":
            return own(spec)
    return EvaluateSpec()


def _name(side: ComparedSide) -> str:
    return f"{side.run}:{side.arm}"
