"""Rules of ATIF beyond the types of its fields, as Harbor's own models have them, and that counts are counts."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from math import isfinite
from typing import Final, NamedTuple

from engine.importers.atif.schema import AtifPart, AtifStep, AtifTrajectory, FinalMetrics, Metrics

LARGEST: Final = 2**53 - 1
"""Whole numbers beyond it are damage: JSON readers do not agree on them."""
DEAREST: Final = 1e9
"""US dollars; beyond it a price is damage."""
DEEPEST: Final = 16
"""Trajectories embedded in one another."""
_AGENT_ONLY: Final = ("model_name", "reasoning_content", "tool_calls", "metrics")


class AtifViolation(NamedTuple):
    """A rule that a document breaks."""

    where: str
    """Path, such as ``steps[3].step_id``. Empty: the document as a whole."""
    problem: str
    remedy: str


def faults(trajectory: AtifTrajectory, at: str = "") -> Iterator[AtifViolation]:
    """Give what is wrong with a trajectory and with those embedded in it, first things first.

    Args:
        trajectory: What was read.
        at: Path of it in its document, with the dot. Empty: it is the document.
    """
    if not trajectory.steps:
        yield AtifViolation(f"{at}steps", "there is no step", "a trajectory has at least one")
    yield from _order(trajectory.steps, at)
    for place, step in enumerate(trajectory.steps):
        yield from _step(step, f"{at}steps[{place}]")
    if trajectory.final_metrics is not None:
        yield from _totals(trajectory.final_metrics, f"{at}final_metrics")
    yield from _below(trajectory.subagent_trajectories or (), at)


def _order(steps: Sequence[AtifStep], at: str) -> Iterator[AtifViolation]:
    seen: set[int] = set()
    for place, step in enumerate(steps):
        where = f"{at}steps[{place}].step_id"
        if step.step_id in seen:
            yield AtifViolation(where, f"the id {step.step_id} stands at two steps", "number the steps 1, 2, 3 …")
        elif step.step_id != place + 1:
            problem = f"{step.step_id} is out of order: this is step {place + 1}"
            yield AtifViolation(where, problem, "put the steps in their order, numbered 1, 2, 3 …")
        seen.add(step.step_id)


def _step(step: AtifStep, at: str) -> Iterator[AtifViolation]:
    if step.source != "agent":
        for name in _AGENT_ONLY:
            if getattr(step, name) is not None:
                yield AtifViolation(
                    f"{at}.{name}", f"only an agent has it, and this is the {step.source}", "leave it out"
                )
    elif step.llm_call_count == 0 and (step.metrics is not None or step.reasoning_content is not None):
        problem = "no model was asked (llm_call_count is 0), and yet it has metrics or reasoning"
        yield AtifViolation(at, problem, "leave metrics and reasoning_content out, or count the calls")
    if step.timestamp is not None and not _is_time(step.timestamp):
        problem = f"{step.timestamp[:40]!r} is no time"
        yield AtifViolation(f"{at}.timestamp", problem, "write ISO 8601, such as 2026-01-31T09:30:00Z")
    if step.llm_call_count is not None:
        yield from _counts([("llm_call_count", step.llm_call_count)], at)
    if step.metrics is not None:
        yield from _metrics(step.metrics, f"{at}.metrics")
    yield from _parts(step.message, f"{at}.message")
    yield from _results(step, at)


def _results(step: AtifStep, at: str) -> Iterator[AtifViolation]:
    known = {call.tool_call_id for call in step.tool_calls or ()}
    for place, result in enumerate(step.observation.results if step.observation else ()):
        where = f"{at}.observation.results[{place}]"
        name = result.source_call_id
        if name is not None and name not in known:
            problem = f"no tool call of this step has the id {name[:80]!r}"
            yield AtifViolation(f"{where}.source_call_id", problem, "name a call of the same step, or leave it out")
        yield from _parts(result.content, f"{where}.content")


def _parts(content: str | tuple[AtifPart, ...] | None, at: str) -> Iterator[AtifViolation]:
    for place, part in enumerate(content if isinstance(content, tuple) else ()):
        has, lacks = ("text", "source") if part.type == "text" else ("source", "text")
        if getattr(part, has) is None or getattr(part, lacks) is not None:
            problem = f"a part of type {part.type} has {has}, and no {lacks}"
            yield AtifViolation(f"{at}[{place}]", problem, "write the part as the format has it")


def _metrics(metrics: Metrics, at: str) -> Iterator[AtifViolation]:
    names = ("prompt_tokens", "completion_tokens", "cached_tokens")
    yield from _counts(((name, getattr(metrics, name)) for name in names), at)
    yield from _price("cost_usd", metrics.cost_usd, at)


def _totals(totals: FinalMetrics, at: str) -> Iterator[AtifViolation]:
    names = ("total_prompt_tokens", "total_completion_tokens", "total_cached_tokens", "total_steps")
    yield from _counts(((name, getattr(totals, name)) for name in names), at)
    yield from _price("total_cost_usd", totals.total_cost_usd, at)


def _counts(named: Iterable[tuple[str, int | None]], at: str) -> Iterator[AtifViolation]:
    for name, value in named:
        if value is not None and not 0 <= value <= LARGEST:
            yield AtifViolation(f"{at}.{name}", f"{value} is no count", "write a whole number from 0, or leave it out")


def _price(name: str, value: float | None, at: str) -> Iterator[AtifViolation]:
    if value is not None and not (isfinite(value) and 0 <= value <= DEAREST):
        yield AtifViolation(f"{at}.{name}", f"{value} is no price", "write US dollars from 0, or leave it out")


def _below(found: Sequence[AtifTrajectory], at: str) -> Iterator[AtifViolation]:
    seen: set[str] = set()
    if found and at.count(".") >= DEEPEST:
        yield AtifViolation(at, f"more than {DEEPEST} trajectories are embedded in one another", "write them as files")
        return
    for place, each in enumerate(found):
        where = f"{at}subagent_trajectories[{place}]"
        name = each.trajectory_id
        if name is None:
            yield AtifViolation(f"{where}.trajectory_id", "an embedded trajectory has no id", "give each of them one")
        elif name in seen:
            yield AtifViolation(
                f"{where}.trajectory_id", f"{name[:80]!r} stands at two of them", "give each an id of its own"
            )
        seen.add(name or "")
        yield from faults(each, f"{where}.")


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
