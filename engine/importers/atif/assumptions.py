"""What a trajectory leaves open, and what stands for it: each said once, with how often."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from engine.importers.atif.rules import LARGEST
from engine.importers.atif.schema import AtifStep, AtifTrajectory, Metrics, SubagentRef
from events.values import NanoUsd


def inferences(trajectory: AtifTrajectory, at: str = "") -> tuple[str, ...]:
    """Name what was inferred, for the embedded trajectories with their ids.

    Args:
        trajectory: One that keeps the format's rules.
        at: What each line begins with. Empty: it is the document itself.
    """
    found = Counter(line for step in trajectory.steps for line in _of_step(step))
    found += Counter(_unresolved(trajectory))
    found += Counter(_unnamed(trajectory))
    lines = [f"{at}{line} ({count} times)" if count > 1 else f"{at}{line}" for line, count in found.items()]
    lines += [f"{at}{line}" for line in _of_totals(trajectory)]
    for each in trajectory.subagent_trajectories or ():
        lines += inferences(each, f"{at}{each.trajectory_id}: ")
    return tuple(lines)


def nano_usd(dollars: float) -> NanoUsd:
    """Give money in the log's unit, rounded to it."""
    return round(dollars * 1e9)


def reasoning_tokens(metrics: Metrics) -> int | None:
    """Give how much of the answer was not shown, where our own export puts it. None: the document does not say."""
    value = (metrics.extra or {}).get("reasoning_tokens")
    return value if type(value) is int and 0 <= value <= LARGEST else None


def _of_step(step: AtifStep) -> Iterator[str]:
    """Doubts about one step."""
    calls = [call.tool_call_id for call in step.tool_calls or ()]
    results = step.observation.results if step.observation else ()
    answered = {result.source_call_id for result in results}
    for name in dict.fromkeys(calls):
        if calls.count(name) > 1:
            yield "several tool calls of a step have one id: their results are not told apart"
        if name not in answered:
            yield "a tool call has no result: whether it ran is not known"
    if calls and None in answered:
        yield "a result names no tool call: it stands in its step beside those that do"
    if step.source == "agent" and step.llm_call_count is None and not step.is_copied_context:
        yield "an agent's step has no llm_call_count: it counts as one call of a model"
    if step.is_copied_context:
        yield "a step is copied context: what it cost counts where it was copied from"
    if step.metrics is not None:
        yield from _of_metrics(step.metrics)


def _of_metrics(metrics: Metrics) -> Iterator[str]:
    if metrics.cost_usd is not None and nano_usd(metrics.cost_usd) / 1e9 != metrics.cost_usd:
        yield "a cost is finer than 0.000000001 USD: it is rounded to that"
    if reasoning_tokens(metrics) is None and "reasoning_tokens" in (metrics.extra or {}):
        yield "metrics.extra.reasoning_tokens is no count: it is left out"


def _unnamed(trajectory: AtifTrajectory) -> Iterator[str]:
    """Steps that leave the model to the document, as the format allows."""
    for step in trajectory.steps:
        named = step.model_name or trajectory.agent.model_name is None
        if step.source == "agent" and step.llm_call_count != 0 and not named:
            yield "a step names no model: that of the trajectory stands for it"


def _unresolved(trajectory: AtifTrajectory) -> Iterator[str]:
    """Doubts about references to what agents below did."""
    embedded = {each.trajectory_id for each in trajectory.subagent_trajectories or ()}
    for ref in _refs(trajectory.steps):
        if ref.trajectory_path is None and ref.trajectory_id not in embedded:
            yield "a subagent's trajectory is named and not there: only its name is kept"


def _refs(steps: Sequence[AtifStep]) -> Iterator[SubagentRef]:
    for step in steps:
        for result in step.observation.results if step.observation else ():
            yield from result.subagent_trajectory_ref or ()


def _of_totals(trajectory: AtifTrajectory) -> Iterator[str]:
    """Sums the document states that its steps do not come to."""
    totals = trajectory.final_metrics
    if totals is None:
        return
    if totals.total_steps not in {None, len(trajectory.steps)}:
        yield f"total_steps is {totals.total_steps}, and there are {len(trajectory.steps)}: the steps count"
    paid = [step.metrics for step in trajectory.steps if step.metrics is not None]
    sums = _sums(paid)
    for name, stated in (
        ("prompt_tokens", totals.total_prompt_tokens),
        ("completion_tokens", totals.total_completion_tokens),
        ("cached_tokens", totals.total_cached_tokens),
    ):
        if stated is not None and stated != sums[name]:
            yield f"total_{name} is {stated}, and the steps come to {sums[name]}: the steps count"
    cost = totals.total_cost_usd
    # A sum of floats is off by a little, and the sum of rounded prices by half a unit for each.
    if cost is not None and abs(nano_usd(cost) - sums["cost"]) > max(1, len(paid)):
        yield f"total_cost_usd is {cost}, and the steps come to {sums['cost'] / 1e9}: the steps count"


def _sums(paid: Iterable[Metrics]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for each in paid:
        sums["prompt_tokens"] += each.prompt_tokens or 0
        sums["completion_tokens"] += each.completion_tokens or 0
        sums["cached_tokens"] += each.cached_tokens or 0
        sums["cost"] += nano_usd(each.cost_usd or 0)
    return sums
