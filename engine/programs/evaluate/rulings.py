"""The policy that compares arms; pure."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final

import msgspec

from engine.core.decision import NoSettings, PolicyContext
from engine.programs.evaluate.points import (
    CellSaw,
    CellScore,
    CellScoreSaw,
    ComparisonRule,
    ComparisonRuling,
    ComparisonSaw,
    outcome_of,
)
from engine.programs.explore.closing import ENDINGS, best_reward
from events.types.evaluation import ArmVerdict
from events.values import NanoUsd
from projections.comparison.compare import Comparison, ComparisonPlan, PlannedArm, compare
from projections.comparison.rows import ComparisonRow, RowOutcome, soft_score

_OUTCOMES: Final[Mapping[str, RowOutcome]] = {
    "solved": "solved",
    "unsolved": "unsolved",
    "infrastructure": "infrastructure",
    "budget": "stopped",
    "stopped": "stopped",
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
    return CellScore(ending == "solved", best_reward(each.value.outcome for each in saw.outcomes), None)


def compare_arms(saw: ComparisonSaw, rule: ComparisonRule, desk: PolicyContext) -> ComparisonRuling:
    """Compare each arm with its baseline, item by item."""
    cells = {arm.name: msgspec.json.decode(desk.read(arm.cells), type=tuple[CellSaw, ...]) for arm in saw.arms}
    found = compared(cells, rule, saw.repeats)
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
        )
        for pair in found.pairs
    ]
    return ComparisonRuling(rule.baseline, tuple(verdicts))


def compared(
    cells: Mapping[str, Sequence[CellSaw]],
    rule: ComparisonRule,
    repeats: int,
    costs: Mapping[tuple[str, str, int], tuple[NanoUsd | None, int | None]] | None = None,
) -> Comparison:
    """Compare arms in full.

    Args:
        cells: By arm.
        rule: How.
        repeats: Runs of each item that were planned.
        costs: By arm, item and repeat, what was paid and how many tokens it took. None: nobody asks.
    """
    units = {cell.item: cell.unit for each in cells.values() for cell in each}
    others, own = (
        sorted(name for name in cells if name != rule.baseline),
        {each.arm: each.baseline for each in rule.own},
    )
    plan = ComparisonPlan(
        baseline=PlannedArm(rule.baseline, repeats),
        arms=tuple(PlannedArm(name, repeats, own.get(name)) for name in others),
        units=units,
        measure=rule.measure,
        floor=_exact(rule.floor),
        effect=_exact(rule.effect),
        alpha=_exact(rule.alpha),
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


def _outcome(cell: CellSaw) -> RowOutcome:
    if cell.found is not None:
        return "solved" if cell.found.value.solved else "unsolved"
    assert cell.score is not None
    return _OUTCOMES[outcome_of(cell.score.value)]


def _exact(value: float) -> Fraction:
    """Give the fraction that a decimal stands for: 0.05 is 1/20, not the double next to it."""
    return Fraction(repr(value))
