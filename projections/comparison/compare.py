"""Compare arms with their baselines, item by item: scores, coverage, differences, flips, costs, verdicts; pure.

Rows come from a plan that was fixed before the first run: which items, in which units, how many repeats of each arm.
Further repeats may be added at any time. Each whole repeat that is added is a new look, and looks share one error.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import comb
from typing import Final, Literal

import msgspec

from projections.comparison.costs import ArmCosts, costs_of
from projections.comparison.intervals import (
    ItemValue,
    MeanEstimate,
    ScoreInterval,
    SequentialInterval,
    estimate,
    holm,
    sequential,
    share_of_look,
)
from projections.comparison.rows import ArmCell, ArmTable, ComparisonRow, Measure, RowsUnusable, mean_of, tabulate
from projections.comparison.verdicts import ComparisonFacts, PairVerdict, decide

SAME: Final = "each of its runs is one and the same evaluation on both sides, so nothing is left to compare"


class PlannedArm(msgspec.Struct, frozen=True):
    """One arm of a plan."""

    name: str
    repeats: int
    """Runs of each item that were planned, or stored already, before the plan's first run; 1 or more."""
    baseline: str | None = None
    """Arm that this one is compared with, where that is not the plan's. Empty: none, so it has scores alone. None: the
    plan's."""
    looked: tuple[int, ...] = ()
    """Earlier looks at this arm beside its baseline whose rows were others: the repeats that each was planned with."""
    shared: frozenset[ArmCell] = frozenset()
    """Cells of this arm that are one and the same evaluation as ``theirs``: scores of neither are paired."""
    theirs: frozenset[ArmCell] = frozenset()
    """Cells of its baseline that are one and the same evaluation as ``shared``."""


class ComparisonPlan(msgspec.Struct, frozen=True):
    """What was settled before the first run."""

    baseline: PlannedArm
    arms: tuple[PlannedArm, ...]
    """Each is compared with the baseline, or with the one that it names. Holm's rule covers them together."""
    units: Mapping[str, str]
    """Of each planned item, the independent unit: its family, the library that it shares, or itself."""
    measure: Measure = "hard"
    looks: int = 0
    """Earlier looks at other rows of this plan. Whole repeats that were added are counted without being told."""
    floor: Fraction = Fraction(4, 5)
    """Coverage under which nothing is decided."""
    effect: Fraction = Fraction(1, 10)
    """The smallest difference that matters; in ]0, 1]."""
    alpha: Fraction = Fraction(1, 20)
    """How often an interval may miss, over all looks together."""
    dead: bool = False
    """Whether the runs that are missing were not begun since all scores were the same."""


class ArmScore(msgspec.Struct, frozen=True):
    """The score of one arm, never without its coverage."""

    arm: str
    planned: int
    """Cells: items times repeats."""
    scored: int
    mean: Fraction | None
    """Mean over items of each item's mean over repeats. None: nothing has a score."""
    interval: ScoreInterval | None
    """None: fewer than ten units."""
    costs: ArmCosts

    @property
    def coverage(self) -> Fraction:
        """The part of the planned cells that have a score."""
        return _share(self.scored, self.planned)


class ItemFlip(msgspec.Struct, frozen=True):
    """What became of one item."""

    item: str
    unit: str
    before: Fraction
    """Mean of the baseline's repeats."""
    after: Fraction
    change: Literal["won", "lost", "kept"]

    @property
    def difference(self) -> Fraction:
        """Gained by the arm; in [-1, 1]."""
        return self.after - self.before


class PairedDifference(msgspec.Struct, frozen=True):
    """One arm beside its baseline."""

    arm: str
    baseline: str
    flips: tuple[ItemFlip, ...]
    """Items with a score in both arms, in the order of the plan."""
    units: int
    difference: Fraction | None
    """Mean over these items. None: there are none."""
    interval: ScoreInterval | None
    """Of this look and all before, joined: valid at whichever is read. None: fewer than ten units."""
    plain: ScoreInterval | None
    """The usual t interval, as if this were the only look: its width says what validity costs. It decides nothing."""
    p: float | None
    """Two-sided, of no difference; valid at all looks together."""
    p_holm: float | None
    """Adjusted for the arms of the plan, too: this one decides."""
    sign_test: Fraction | None
    """Exact two-sided p over won and lost items, for this look alone. None: items are not independent of each other."""
    look: int
    """Which look this is; from 1."""
    verdict: PairVerdict
    shared: frozenset[str] = frozenset()
    """Items that are not paired: all runs of one side are one and the same evaluations as on the other."""
    same: bool = False
    """Whether that holds of every item: nothing is left to compare, and the verdict is none."""

    def count(self, change: Literal["won", "lost", "kept"]) -> int:
        """Count the items of which this became."""
        return sum(flip.change == change for flip in self.flips)


class Comparison(msgspec.Struct, frozen=True):
    """All arms of a plan."""

    scores: tuple[ArmScore, ...]
    """The baseline's first."""
    pairs: tuple[PairedDifference, ...]
    """In the order of the plan's arms; those that are compared with none have no pair."""


class _Pair(msgspec.Struct, frozen=True):
    """One arm and its baseline before the arms are adjusted for each other."""

    arm: PlannedArm
    baseline: PlannedArm
    flips: tuple[ItemFlip, ...]
    found: SequentialInterval | None
    plain: ScoreInterval | None
    look: int
    waiting: int
    constant: Fraction | None
    shared: frozenset[str]
    same: bool
    """Whether no item is left."""


def compare(plan: ComparisonPlan, rows: Sequence[ComparisonRow]) -> Comparison:
    """Compare each arm of a plan with its baseline.

    Raises:
        RowsUnusable: rows contradict each other or the plan.
        StatisticsAbsent: scipy is not installed.
    """
    _refuse_strangers(plan, rows)
    tables = tabulate(rows, plan.measure)
    used = {arm.name: _used(arm, tables, plan.units) for arm in (plan.baseline, *plan.arms)}
    scores = {arm.name: _score(plan, arm, used[arm.name], rows) for arm in (plan.baseline, *plan.arms)}
    pairs = [_pair(plan, *sides, used) for sides in _sides(plan)]
    # An arm without units is a test that was planned, too; one thing beside itself is none.
    tested = [pair for pair in pairs if not pair.same]
    adjusted = dict(zip([pair.arm.name for pair in tested], holm([_p(pair) for pair in tested]), strict=True))
    return Comparison(
        tuple(scores.values()),
        tuple(
            _difference(
                plan,
                pair,
                (adjusted.get(pair.arm.name, 1.0), len(tested)),
                (scores[pair.baseline.name], scores[pair.arm.name]),
            )
            for pair in pairs
        ),
    )


def sign_test(won: int, lost: int) -> Fraction:
    """Give the exact two-sided p-value of as many wins and losses if each were as likely (McNemar's exact test)."""
    flipped = won + lost
    tail = sum(comb(flipped, count) for count in range(max(won, lost), flipped + 1))
    return min(Fraction(1), Fraction(2 * tail, 2**flipped))


def _sides(plan: ComparisonPlan) -> Iterator[tuple[PlannedArm, PlannedArm]]:
    """Give each arm that is compared, and what it is compared with.

    Raises:
        RowsUnusable: An arm is compared with itself, or with one that the plan does not have.
    """
    by_name = {arm.name: arm for arm in (plan.baseline, *plan.arms)}
    for arm in plan.arms:
        name = plan.baseline.name if arm.baseline is None else arm.baseline
        if not name:
            continue
        if name == arm.name or name not in by_name:
            raise RowsUnusable(
                f"{arm.name} cannot be compared with {name}", remedy="name another arm of the plan as its baseline"
            )
        yield by_name[name], arm


def _refuse_strangers(plan: ComparisonPlan, rows: Sequence[ComparisonRow]) -> None:
    names = [plan.baseline.name, *(arm.name for arm in plan.arms)]
    if len(set(names)) < len(names):
        raise RowsUnusable("two arms have the same name", remedy="name each arm of a plan differently")
    known = frozenset(names)
    for row in rows:
        if row.arm not in known or plan.units.get(row.item) != row.unit:
            raise RowsUnusable(
                f"the plan has no item {row.item} of {row.unit} under {row.arm}",
                remedy="compare rows with the plan that they were run by",
            )


def _used(arm: PlannedArm, tables: Mapping[str, ArmTable], units: Mapping[str, str]) -> ArmTable:
    """Leave out repeats beyond the plan that some item still lacks: a look in the middle of one would be one more."""
    table = tables.get(arm.name, ArmTable(frozenset(), {}))
    return table.until(max(arm.repeats, table.complete(units)))


def _score(plan: ComparisonPlan, arm: PlannedArm, table: ArmTable, rows: Sequence[ComparisonRow]) -> ArmScore:
    means = table.means()
    values = [ItemValue(unit, means[item]) for item, unit in plan.units.items() if item in means]
    found = estimate(values, (0, 1))
    return ArmScore(
        arm=arm.name,
        planned=len(plan.units) * max(arm.repeats, table.complete(plan.units)),
        scored=len(table.scores),
        mean=mean_of(means.values()) if means else None,
        interval=found.interval(plan.alpha * share_of_look(_look(plan, arm, table))) if found else None,
        costs=costs_of(row for row in rows if row.arm == arm.name),
    )


def _look(plan: ComparisonPlan, arm: PlannedArm, table: ArmTable) -> int:
    return 1 + max(_added(plan, arm, table) + len(_before(arm)), plan.looks, len(arm.looked))


def _before(arm: PlannedArm) -> list[int]:
    """Give the repeats that earlier looks rested on, as far as they are among those of now."""
    return sorted({each for each in arm.looked if each < arm.repeats})


def _added(plan: ComparisonPlan, arm: PlannedArm, table: ArmTable) -> int:
    return max(0, table.complete(plan.units) - arm.repeats)


def _p(pair: _Pair) -> float:
    return pair.found.p if pair.found else 1.0


def _pair(plan: ComparisonPlan, baseline: PlannedArm, arm: PlannedArm, used: Mapping[str, ArmTable]) -> _Pair:
    shared = _shared(plan, baseline, arm.theirs, used) | _shared(plan, arm, arm.shared, used)
    before, after = used[baseline.name].without(arm.theirs), used[arm.name].without(arm.shared)
    flips = tuple(_flips(plan.units, before.means(), after.means()))
    look = max(_look(plan, msgspec.structs.replace(baseline, looked=arm.looked), before), _look(plan, arm, after))
    looks = dict(_estimates(plan, (baseline, arm), (before, after), look))
    seen = {*before.scores.values(), *after.scores.values()}
    return _Pair(
        arm=arm,
        baseline=baseline,
        flips=flips,
        found=sequential(looks, plan.alpha) if look in looks else None,
        plain=looks[look].plain(plan.alpha) if look in looks else None,
        look=look,
        waiting=_waiting(plan, baseline, before) + _waiting(plan, arm, after),
        constant=seen.pop() if len(seen) == 1 else None,
        shared=shared,
        same=bool(shared) and shared >= plan.units.keys(),
    )


def _shared(
    plan: ComparisonPlan, arm: PlannedArm, cells: frozenset[ArmCell], used: Mapping[str, ArmTable]
) -> frozenset[str]:
    """Name the items of which all planned runs of an arm are among some cells."""
    repeats = max(arm.repeats, used[arm.name].complete(plan.units))
    among = Counter(cell.item for cell in cells if cell.repeat <= repeats)
    return frozenset(item for item in plan.units if among[item] >= repeats)


def _estimates(
    plan: ComparisonPlan, arms: tuple[PlannedArm, PlannedArm], tables: tuple[ArmTable, ArmTable], last: int
) -> Iterator[tuple[int, MeanEstimate]]:
    """Estimate the difference at each look: the earlier ones, as planned, then with each further whole repeat."""
    (baseline, arm), (before, after) = arms, tables
    added = max(_added(plan, baseline, before), _added(plan, arm, after))
    until = [(each, each) for each in _before(arm)]
    until += [(baseline.repeats + more, arm.repeats + more) for more in range(added + 1)]
    for look, (own, others) in enumerate(until, 1):
        sides = before.until(own), after.until(others)
        flips = _flips(plan.units, *(side.means() for side in sides))
        found = estimate([ItemValue(flip.unit, flip.difference) for flip in flips], (-1, 1))
        if found:
            yield (last if look == len(until) else look), found


def _waiting(plan: ComparisonPlan, arm: PlannedArm, table: ArmTable) -> int:
    return len(plan.units) * max(arm.repeats, table.complete(plan.units)) - len(table.ran)


def _flips(units: Mapping[str, str], before: Mapping[str, Fraction], after: Mapping[str, Fraction]) -> list[ItemFlip]:
    flips = []
    for item, unit in units.items():
        if item not in before or item not in after:
            continue
        gained = after[item] - before[item]
        flips.append(
            ItemFlip(item, unit, before[item], after[item], "won" if gained > 0 else "lost" if gained < 0 else "kept")
        )
    return flips


def _difference(
    plan: ComparisonPlan, pair: _Pair, adjusted: tuple[float, int], sides: tuple[ArmScore, ArmScore]
) -> PairedDifference:
    p, comparisons = adjusted
    found, units = pair.found, len({flip.unit for flip in pair.flips})
    facts = ComparisonFacts(
        waiting=pair.waiting,
        coverage=min(*(side.coverage for side in sides), _share(len(pair.flips), len(plan.units.keys() - pair.shared))),
        floor=plan.floor,
        constant=pair.constant,
        dead=plan.dead,
        items=len(pair.flips),
        units=units,
        interval=found.interval if found else None,
        p=p if found else None,
        alpha=plan.alpha,
        effect=plan.effect,
        comparisons=comparisons,
    )
    won, lost = (sum(flip.change == change for flip in pair.flips) for change in ("won", "lost"))
    return PairedDifference(
        arm=pair.arm.name,
        baseline=pair.baseline.name,
        flips=pair.flips,
        units=units,
        difference=mean_of([flip.difference for flip in pair.flips]) if pair.flips else None,
        interval=facts.interval,
        plain=pair.plain,
        p=found.p if found else None,
        p_holm=facts.p,
        sign_test=sign_test(won, lost) if found and units == len(pair.flips) else None,
        look=pair.look,
        verdict=PairVerdict("no information", SAME) if pair.same else decide(facts),
        shared=pair.shared,
        same=pair.same,
    )


def _share(part: int, whole: int) -> Fraction:
    return Fraction(part, whole) if whole else Fraction(0)
