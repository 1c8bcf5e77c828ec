"""What an evaluation may take: calls and cost from what stored runs of the same condition took, or from its limits."""

from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple, TypeAlias

from engine.config.spec import RunSpec, model_for
from engine.core.fold import fold_run
from engine.effects.callers import price_of
from engine.programs.evaluate.cell import CellPlan
from engine.programs.explore.trial import TrialPlan
from events.digest import Digest
from events.store.base import EventLog
from projections.cost import Cost, RunCost
from projections.evaluations import EvaluationsState
from views.runs.spending import total_of

Basis: TypeAlias = Literal["stored runs", "limits"]
_MOST_RUNS = 50
"""Runs whose costs are read: the latest say most."""


class CellSpending(NamedTuple):
    """What one cell took."""

    calls: int
    cost: int | None
    """In units of 10^-9 US dollars. None: nobody knows."""


class SpendingRange(NamedTuple):
    """What cells may take, from the least to the most."""

    basis: Basis
    calls: tuple[int, int | None]
    """The most is None: nothing bounds it."""
    cost: tuple[int, int | None] | None
    """In units of 10^-9 US dollars. The most is None: nothing bounds it. None: a price or a cost is unknown."""


async def observed(
    log: EventLog, stored: EvaluationsState, conditions: Collection[Digest]
) -> Mapping[Digest, list[CellSpending]]:
    """Give what stored cells took, by the condition that they were rolled out under."""
    wanted = [each for found in stored.stored.values() for each in found if each.condition in conditions]
    runs = sorted({each.run: each.position for each in wanted}.items(), key=lambda item: item[1])[-_MOST_RUNS:]
    costs: dict[str, RunCost] = {}
    for run, _ in runs:
        (found,) = await fold_run(log, [Cost()], run)
        costs |= {run: found.runs[run]} if run in found.runs else {}
    spent: dict[Digest, list[CellSpending]] = {}
    for each in wanted:
        account = each.rolled.partition("/")[2]
        lines = costs[each.run].lines.get(account) if each.run in costs else None
        if lines:
            calls = sum(line.calls for models in lines.values() for line in models.values())
            total = total_of(costs[each.run], account)
            spent.setdefault(each.condition, []).append(CellSpending(calls, None if total.unknown else total.cost))
    return spent


def spending_range(spec: RunSpec, missing: int, example: CellPlan, seen: Collection[CellSpending]) -> SpendingRange:
    """Say what cells that are not stored may take.

    Args:
        spec: Of their arm.
        missing: How many there are.
        example: One of them.
        seen: What stored cells of the same condition took. Empty: there are none, and the limits count.
    """
    if not seen:
        return _by_limits(spec, missing, example)
    calls, costs = [each.calls for each in seen], [each.cost for each in seen if each.cost is not None]
    known = len(costs) == len(seen)
    cost = (missing * min(costs), missing * max(costs)) if known else None
    return SpendingRange("stored runs", (missing * min(calls), missing * max(calls)), cost)


def _by_limits(spec: RunSpec, missing: int, example: CellPlan) -> SpendingRange:
    """Bound calls and cost by the settings: answers of an attempt, tokens of an answer or an attempt, prices."""
    task = isinstance(example.work, TrialPlan)
    attempts = spec.method.attempts if task else 1
    turns = spec.agent.max_turns if task else _turns(example)
    # Beside the agent's own answers, an attempt may be followed by one reflection, and a trial by one distillation.
    beside = 2 if task else 0
    most = None if turns is None else missing * attempts * (turns + beside)
    model = model_for(spec, "teacher")
    price = None if model is None else price_of(spec, model)
    if model is None or price is None:
        return SpendingRange("limits", (0 if model is None else missing, 0 if model is None else most), None)
    return SpendingRange("limits", (missing, most), (0, _most_cost(spec, missing * attempts, example)))


def _turns(example: CellPlan) -> int | None:
    """Answers that a question may take. None: nothing bounds them, where an agent works on it."""
    if example.rollout is None:
        return None
    return {"call": 1, "tools": example.rollout.turns}.get(example.rollout.way)


def _most_cost(spec: RunSpec, attempts: int, example: CellPlan) -> int | None:
    """Bound the cost of tasks by the tokens that an attempt may take, at the dearest price.

    None: nothing bounds it: no limit of tokens is set, another model speaks beside the agent, or the item is a
    question, whose length is not known here.
    """
    model = model_for(spec, "teacher")
    price = None if model is None else price_of(spec, model)
    alone = not any(model_for(spec, role, None) for role in ("reflector", "distiller"))
    if price is None or spec.agent.max_tokens is None or not alone or not isinstance(example.work, TrialPlan):
        return None
    dearest = max(price.input_per_million, price.output_per_million, price.cache_write_per_million)
    # Each attempt may be followed by a reflection of the same model, over no more than the attempt held.
    reflected = 1 if spec.method.attempts == 1 else 2
    return -(-attempts * reflected * spec.agent.max_tokens * dearest // 1_000_000)
