"""The policy that compares arms; pure."""

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Final

import msgspec

from engine.core.decision import NoSettings, PolicyContext
from engine.programs.evaluate.points import (
    ArmBegins,
    CellSaw,
    CellScore,
    CellScoreSaw,
    ComparisonRule,
    ComparisonRuling,
    ComparisonSaw,
    NextCells,
    NextCellsRule,
    NextCellsSaw,
    outcome_of,
)
from engine.programs.explore.closing import ENDINGS, best_reward
from events.digest import Fingerprint, digest_of
from events.types.evaluation import ArmVerdict, EarlierLook, PairLook, VerifierVerdict
from events.values import NanoUsd, Ratio
from projections.comparison.compare import Comparison, ComparisonPlan, PlannedArm, compare
from projections.comparison.rows import ComparisonRow, Measure, RowOutcome, exact, score_of, soft_score
from projections.comparison.signal import LEAST_ITEMS, dead_signal

_encoder: Final = msgspec.json.Encoder(order="deterministic")
_OUTCOMES: Final[Mapping[str, RowOutcome]] = {
    "solved": "solved",
    "unsolved": "unsolved",
    "infrastructure": "infrastructure",
    "budget": "stopped",
    "stopped": "stopped",
    "no_information": "stopped",
}


def score_cell(saw: CellScoreSaw, rule: NoSettings, desk: PolicyContext) -> CellScore:
    """Say what a cell scores. Infrastructure, an exhausted budget and a stop are no score."""
    del rule, desk
    if saw.mark is not None:
        mark = saw.mark.value
        if mark.outcome == "infrastructure":
            return CellScore(None, None, "infrastructure")
        return CellScore(mark.outcome == "solved", None if mark.soft is None else float(mark.soft.exact), None)
    if saw.ended is None:
        return CellScore(None, None, saw.ungraded or "stopped")
    ending = ENDINGS[saw.ended.value.decision]
    if ending == "infrastructure" or ending == "budget" or ending == "stopped":  # noqa: PLR1714 - narrows the type
        return CellScore(None, None, ending)
    if saw.again:
        return _verified(saw)
    return CellScore(ending == "solved", best_reward(each.value.outcome for each in saw.outcomes), None)


def _verified(saw: CellScoreSaw) -> CellScore:
    """Score a final state that was verified more than once: by most of its verdicts, and by the mean of the rewards.

    A verification that broke, or left no verdict, says nothing; a tie is not solved.
    """
    outcomes = [each.value.outcome for each in (saw.outcomes[-1], *saw.again)]
    verdicts = tuple(
        VerifierVerdict(solved=each.kind == "solved", reward=each.reward)
        for each in outcomes
        if each.kind in {"solved", "failed"}
    )
    if not verdicts:
        return CellScore(None, None, "infrastructure")
    rewards = [each.reward for each in verdicts if each.reward is not None]
    reward = None if not rewards else float(sum(map(exact, rewards), Fraction(0)) / len(rewards))
    return CellScore(2 * sum(each.solved for each in verdicts) > len(verdicts), reward, None, verdicts)


def compare_arms(saw: ComparisonSaw, rule: ComparisonRule, desk: PolicyContext) -> ComparisonRuling:
    """Compare each arm with its baseline, item by item."""
    cells = {arm.name: msgspec.json.decode(desk.read(arm.cells), type=tuple[CellSaw, ...]) for arm in saw.arms}
    looks = looks_at(saw, cells, rule)
    earlier = saw.looked.value.looks if saw.looked else ()
    found = compared(
        cells, rule, saw.repeats, looked=looked_before(looks, earlier, turned_rows(cells, rule, saw.repeats))
    )
    verdicts = [
        ArmVerdict(
            arm=pair.arm,
            verdict=pair.verdict.kind,
            reason=pair.verdict.reason,
            difference=None if pair.difference is None else float(pair.difference),
            low=None if pair.interval is None else float(pair.interval.low),
            high=None if pair.interval is None else float(pair.interval.high),
            p=pair.p_holm,
            baseline=None if pair.baseline == rule.baseline else pair.baseline,
            look=pair.look if looks else None,
        )
        for pair in found.pairs
    ]
    return ComparisonRuling(rule.baseline, tuple(verdicts), looks)


def looks_at(saw: ComparisonSaw, cells: Mapping[str, Sequence[CellSaw]], rule: ComparisonRule) -> tuple[PairLook, ...]:
    """Say what each comparison of an arm rests on: by items, conditions and scores, whatever the arms are called."""
    plans = {arm.name: arm.plan for arm in saw.arms}
    found = []
    for arm, baseline in _pairs(plans, rule):
        plan, other = plans[arm], plans.get(baseline)
        if plan is not None and other is not None:
            found.append(PairLook(arm, plan, other, _rows(cells[baseline], cells[arm], saw.repeats), saw.repeats))
    return tuple(found)


def turned_rows(
    cells: Mapping[str, Sequence[CellSaw]], rule: ComparisonRule, repeats: int
) -> Mapping[Fingerprint, Fingerprint]:
    """Say what the scores of each pair are called where its arm was the baseline and its baseline the arm.

    Returns:
        By that name, the one that they have here, for the first repeat, the first two, and so on.
    """
    return {
        _rows(cells[arm], cells[baseline], until): _rows(cells[baseline], cells[arm], until)
        for arm, baseline in _pairs(cells, rule)
        if baseline in cells
        for until in range(1, repeats + 1)
    }


def looked_before(
    looks: Sequence[PairLook], earlier: Sequence[EarlierLook], turned: Mapping[Fingerprint, Fingerprint]
) -> Mapping[str, tuple[int, ...]]:
    """Give, by arm, the repeats of each earlier look at other scores; the same scores again are no further look.

    Whichever of the two was the baseline: a difference that is read from its other end is the same difference.

    Args:
        looks: Those of now.
        earlier: That the log holds.
        turned: As `turned_rows` gives it.
    """
    found: dict[str, tuple[int, ...]] = {}
    for look in looks:
        rows = {
            turned.get(each.rows, each.rows): each.repeats
            for each in earlier
            if {(each.arm, each.baseline), (each.baseline, each.arm)} & {(look.plan, look.baseline)}
        }
        found[look.arm] = tuple(repeats for name, repeats in rows.items() if name != look.rows)
    return found


def _pairs(arms: Collection[str], rule: ComparisonRule) -> list[tuple[str, str]]:
    """Name each arm with its baseline, which is none of the arms where it is compared with none."""
    own = {each.arm: each.baseline for each in rule.own}
    return [(arm, own.get(arm, rule.baseline)) for arm in sorted(arms) if arm != rule.baseline]


def _rows(baseline: Sequence[CellSaw], arm: Sequence[CellSaw], repeats: int) -> Fingerprint:
    """Name the scores of so many repeats of two arms."""
    scores = [[each for each in _scores(cells) if each[1] <= repeats] for cells in (baseline, arm)]
    return Fingerprint(digest_of(_encoder.encode(scores)))


def _scores(cells: Sequence[CellSaw]) -> list[tuple[str, int, str, float | None]]:
    """List the cells of an arm that have a score, with it."""
    said = [(each, each.score or each.found) for each in cells]
    scored = [
        (cell.item, cell.repeat, _outcome(cell), seen.value.reward)
        for cell, seen in said
        if seen is not None and seen.value.solved is not None
    ]
    return sorted(scored, key=lambda each: each[:2])


def choose_cells(saw: NextCellsSaw, rule: NextCellsRule, desk: PolicyContext) -> NextCells:
    """Begin ten items of each arm, and the rest unless all of them score the same."""
    left = {arm.name: arm.left for arm in saw.arms}
    rows = [
        _row(arm.name, cell, (None, None))
        for arm in saw.arms
        if arm.cells is not None
        for cell in msgspec.json.decode(desk.read(arm.cells), type=tuple[CellSaw, ...])
    ]
    everything = NextCells(_begins(left), None)
    if not rule.stop or any(arm.items < LEAST_ITEMS for arm in saw.arms) or _settled(rows, rule.measure):
        return everything
    constant = dead_signal(rows, rule.measure)
    if constant is not None:
        return NextCells((), Ratio.of(constant))
    scored = {arm.name: set[str]() for arm in saw.arms}
    for row in rows:
        if score_of(row, rule.measure) is not None:
            scored[row.arm].add(row.item)
    more = {name: min(left[name], LEAST_ITEMS - len(items)) for name, items in scored.items()}
    begins = _begins(more)
    return NextCells(begins, None) if begins else everything


def _settled(rows: Sequence[ComparisonRow], measure: Measure) -> bool:
    """Say whether it is known that scores differ, or that nothing more will be begun."""
    scores = {score_of(row, measure) for row in rows} - {None}
    return len(scores) > 1 or any(row.outcome == "stopped" for row in rows)


def _begins(cells: Mapping[str, int]) -> tuple[ArmBegins, ...]:
    return tuple(ArmBegins(name, number) for name, number in cells.items() if number > 0)


def compared(
    cells: Mapping[str, Sequence[CellSaw]],
    rule: ComparisonRule,
    repeats: int,
    costs: Mapping[tuple[str, str, int], tuple[NanoUsd | None, int | None]] | None = None,
    looked: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
) -> Comparison:
    """Compare arms in full.

    Args:
        cells: By arm.
        rule: How.
        repeats: Runs of each item that were planned.
        costs: By arm, item and repeat, what was paid and how many tokens it took. None: nobody asks.
        looked: By arm, the repeats of each earlier look at other scores.
    """
    units = {cell.item: cell.unit for each in cells.values() for cell in each}
    others, own = (
        sorted(name for name in cells if name != rule.baseline),
        {each.arm: each.baseline for each in rule.own},
    )
    plan = ComparisonPlan(
        baseline=PlannedArm(rule.baseline, repeats, looked=max(looked.values(), key=len, default=())),
        arms=tuple(PlannedArm(name, repeats, own.get(name), looked.get(name, ())) for name in others),
        units=units,
        measure=rule.measure,
        floor=exact(rule.floor),
        effect=exact(rule.effect),
        alpha=exact(rule.alpha),
        dead=any(_unbegun(cell) for each in cells.values() for cell in each),
    )
    known = costs or {}
    rows = [
        _row(arm, cell, known.get((arm, cell.item, cell.repeat), (None, None)))
        for arm, each in cells.items()
        for cell in each
        if cell.score is not None or cell.found is not None
    ]
    return compare(plan, rows)


def _row(arm: str, cell: CellSaw, cost: tuple[NanoUsd | None, int | None]) -> ComparisonRow:
    said = cell.score or cell.found
    reward = None if said is None else said.value.reward
    return ComparisonRow(arm, cell.item, cell.unit, cell.repeat, _outcome(cell), soft_score(reward), *cost)


def _unbegun(cell: CellSaw) -> bool:
    return cell.score is not None and cell.score.value.reason == "no_information"


def _outcome(cell: CellSaw) -> RowOutcome:
    if cell.found is not None:
        return "solved" if cell.found.value.solved else "unsolved"
    assert cell.score is not None
    return _OUTCOMES[outcome_of(cell.score.value)]
