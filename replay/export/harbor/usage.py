"""What the calls of an attempt took, as Harbor counts it. A sum with an unknown part is not known."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypeVar

from engine.importers.harbor.schema import AgentResult, ModelUsage
from events.base import Event, Recorded
from events.types.attempt import ImportedAttempt, UsageImported
from events.types.model import ModelAnswered, ModelFailed
from events.types.trajectory import StepImported
from events.values import NanoUsd, Usage
from projections.charges import is_unknown, unknown_before

_UNKNOWN: Final = Usage(None, None, None, None)
_Number = TypeVar("_Number", int, float)


class _Call(NamedTuple):
    model: str
    input_tokens: int | None
    cached: int | None
    output_tokens: int | None
    cost: NanoUsd | None


def used(history: Iterable[Recorded], model: str | None) -> AgentResult:
    """Add up the calls of an attempt. One that made none took nothing.

    Args:
        history: Of the attempt, and of what its agent asked through the gateway.
        model: What calls whose provider names no model were made of. None: not known.
    """
    events = [recorded.event for recorded in history]
    if any(isinstance(event, ModelAnswered | ModelFailed) and unknown_before(event.earlier) for event in events):
        return AgentResult()  # what a call took that was not answered, nobody says
    summed = next((event for event in events if isinstance(event, UsageImported)), None)
    if summed is not None:
        return _stated(summed)
    calls = [call for event in events if (call := _call(event, model or "unknown")) is not None]
    if not calls and any(isinstance(event, ImportedAttempt | ModelFailed) for event in events):
        return AgentResult()  # its source does not say, or no model did anything
    by_model = {name: _of_model([call for call in calls if call.model == name]) for name in {c.model for c in calls}}
    known = {name: usage for name, usage in sorted(by_model.items()) if usage is not None}
    return AgentResult(
        n_input_tokens=sum_of([call.input_tokens for call in calls]),
        n_cache_tokens=sum_of([call.cached for call in calls]),
        n_output_tokens=sum_of([call.output_tokens for call in calls]),
        cost_usd=_money(calls),
        model_usage=known if known and len(known) == len(by_model) else None,
    )


def _call(event: Event, model: str) -> _Call | None:
    """Read what a call took, or a step of an imported trajectory. None: it is neither."""
    match event:
        case ModelAnswered():
            return _counted(event.model or model, event.usage, event.cost)
        case ModelFailed() if event.usage != _UNKNOWN or is_unknown(event):
            return _counted(model, event.usage, event.cost)
        case StepImported() if event.answers:
            return _counted(event.model or model, event.usage or _UNKNOWN, event.cost)
        case _:
            return None


def _counted(model: str, usage: Usage, cost: NanoUsd | None) -> _Call:
    return _Call(model, usage.input_tokens, usage.cached_input_tokens, usage.output_tokens, cost)


def _stated(event: UsageImported) -> AgentResult:
    usage, cost = event.usage, event.cost
    dollars = None if cost is None else cost / 1e9
    return AgentResult(usage.input_tokens, usage.cached_input_tokens, usage.output_tokens, dollars)


def _of_model(calls: Sequence[_Call]) -> ModelUsage | None:
    """Add up the calls of one model. None: a count is not known, for which the format has no word."""
    read, cached = sum_of([call.input_tokens for call in calls]), sum_of([call.cached for call in calls])
    said = sum_of([call.output_tokens for call in calls])
    if read is None or cached is None or said is None:
        return None
    return ModelUsage(read, cached, said, _money(calls))


def sum_of(counts: Sequence[_Number | None]) -> _Number | None:
    """Add up what is known. None: a part is not. Nothing at all adds up to 0."""
    known = [each for each in counts if each is not None]
    return sum(known) if len(known) == len(counts) else None


def _money(calls: Sequence[_Call]) -> float | None:
    total = sum_of([call.cost for call in calls])
    return None if total is None else total / 1e9
