"""What one trial recorded, as far as it has to be known what depends on a decision: attempts, interventions, calls."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.histories import Histories
from events.attempt import ImportedAttempt
from events.base import Event, Recorded
from events.codec import tag_of
from events.model import ModelAnswered, ModelFailed, ModelImported, RetryAsked
from events.pdi import InterventionChosen, PdiImported
from events.sandbox import ReleaseAsked
from events.trajectory import StepImported
from events.trial import AttemptPlanned
from events.values import NanoUsd
from projections.charges import is_unknown, known_cost, unknown_before
from projections.cost import trial_of


class Concerned(NamedTuple):
    """What a trial recorded behind a place, and what would have to be lived anew."""

    attempts: int
    interventions: int
    """Soft and strong ones."""
    calls: int
    """Answers of models, and calls that failed but were paid for, or may have been."""
    cost: NanoUsd
    """Of those whose cost is known."""
    unknown_calls: int
    """Those of them whose cost nobody knows."""


NOTHING = Concerned(0, 0, 0, 0, 0)


def total(parts: Iterable[Concerned]) -> Concerned:
    """Add up what several trials recorded."""
    columns = [sum(column) for column in zip(*parts, strict=True)]
    return Concerned(*columns) if columns else NOTHING


class TrialFacts(NamedTuple):
    """Positions in the log, each list in its order."""

    effects: list[int]
    """Where the world was touched."""
    attempts: list[int]
    """Where an attempt began."""
    interventions: list[int]
    """Where a soft or strong one was chosen that an attempt followed."""
    calls: list[tuple[int, NanoUsd | None]]
    """Where a model answered, or failed and may have been paid for, and what that cost. None: nobody knows."""

    def next_effect(self, position: int) -> float:
        """Give where the world is touched next; infinity if it is not."""
        index = bisect_right(self.effects, position)
        return self.effects[index] if index < len(self.effects) else float("inf")

    def attempt_follows(self, position: int) -> bool:
        """Say whether an attempt begins behind a place."""
        return bool(self.attempts) and self.attempts[-1] > position

    def behind(self, position: int) -> Concerned:
        """Count what stands behind a place; an intervention at the place itself counts."""
        costs = [cost for at, cost in self.calls if at > position]
        known = [cost for cost in costs if cost is not None]
        return Concerned(
            attempts=len(self.attempts) - bisect_right(self.attempts, position),
            interventions=sum(1 for at in self.interventions if at >= position),
            calls=len(costs),
            cost=sum(known),
            unknown_calls=len(costs) - len(known),
        )


def facts_by_trial(histories: Histories) -> dict[str, TrialFacts]:
    """Read what every trial of a run recorded."""
    by_trial: dict[str, list[Recorded]] = {}
    for name, history in histories.by_stream.items():
        kind = name.partition("/")[0]
        if kind in {"trial", "attempt", "call"}:
            by_trial.setdefault(trial_of(name), []).extend(history)
    return {name: _facts(sorted(events, key=_position)) for name, events in by_trial.items()}


def _facts(events: list[Recorded]) -> TrialFacts:
    attempts = [each.position for each in events if isinstance(each.event, AttemptPlanned | ImportedAttempt)]
    last = attempts[-1] if attempts else 0
    return TrialFacts(
        effects=[each.position for each in events if _touches(each.event)],
        attempts=attempts,
        interventions=[each.position for each in events if _spoken(each.event) and each.position < last],
        calls=[call for each in events for call in _paid(each)],
    )


def _paid(recorded: Recorded) -> Iterator[tuple[int, NanoUsd | None]]:
    """Give the calls of a model that an event tells of and that were paid for, or may have been."""
    event = recorded.event
    match event:
        case ModelAnswered() | ModelFailed():
            yield from [(recorded.position, None)] * unknown_before(event.earlier)
            if isinstance(event, ModelAnswered) or event.cost is not None or is_unknown(event):
                yield recorded.position, known_cost(event.cost)
        case ModelImported():
            yield recorded.position, None
        case StepImported() if event.answers:
            yield recorded.position, event.cost
        case _:
            pass


def _position(recorded: Recorded) -> int:
    return recorded.position


def _touches(event: Event) -> bool:
    """Say whether the world was asked for something that decisions rest on: not on a wait, or a sandbox let go."""
    if isinstance(event, ReleaseAsked | RetryAsked):
        return False
    return isinstance(event, ImportedAttempt) or tag_of(event).endswith("asked")


def _spoken(event: Event) -> bool:
    """Say whether the next attempt was spoken to because of PDI; another system acted on each of its readings."""
    match event:
        case InterventionChosen():
            return event.level != "none"
        case PdiImported():
            return event.level is not None
        case _:
            return False
