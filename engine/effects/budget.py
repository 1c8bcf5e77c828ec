"""The budget keeper: grants what fits under the caps.

It keeps no record of its own. What is left is folded from the log before any port opens, and from the
outcomes of the calls it granted after that.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from engine.core.history import refused_calls
from engine.core.lineage import SESSION
from engine.core.ports import EffectAddress
from events.base import Event, Recorded, Ref
from events.types.agent import CallAsked
from events.types.budget import BudgetAsked, BudgetGranted, BudgetRefused
from events.types.model import ModelAnswered, ModelAsked, ModelFailed
from events.types.session import CallLeftOpen, InFlightFound, ScopeStopped
from events.values import NanoUsd
from projections.charges import charge


class Caps(NamedTuple):
    """Hard limits. None: no limit."""

    run: NanoUsd | None
    trial: NanoUsd | None


class Open(NamedTuple):
    """A grant whose call has not ended."""

    trial: str
    amount: NanoUsd


class BudgetKeeper:
    """Grants reservations and settles them. One per run and process."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._by_trial: Counter[str] = Counter()
        self._total = 0
        self._open: dict[str, Open] = {}

    def of_trial(self, trial: str) -> NanoUsd:
        """Spent and reserved by one trial."""
        return self._by_trial[trial]

    @property
    def committed(self) -> NanoUsd:
        """Spent and reserved, all trials together."""
        return self._total

    def bound(self, stream: str) -> NanoUsd | None:
        """Give what is set aside for a stream's next or present call. None: nothing is."""
        grant = self._open.get(stream)
        return None if grant is None else grant.amount

    def fold(self, histories: Mapping[str, Sequence[Recorded]]) -> None:
        """Take in what a run did before, in whichever order its streams come: sums have none.

        A call that was asked and not answered when a process died may have cost its bound, and is asked again: its
        grant stays for the second time, and the first is counted besides, for good.
        """
        bounds: dict[Ref, Open] = {}
        free = _cost_nothing(histories.get(SESSION, ()))
        for stream, history in histories.items():
            self._fold_stream(stream, history, bounds, free)
        refused = refused_calls(histories.get(SESSION, ()))
        lost = [ref for each in histories.get(SESSION, ()) for ref in _found_in_flight(each.event)]
        for name, history in histories.items():
            if name not in self._open:
                continue
            if isinstance(history[-1].event, ModelAsked) and history[-1].ref not in refused:
                lost.append(history[-1].ref)  # this process is about to find it, and to say so
            if isinstance(history[-1].event, CallAsked) and history[-1].ref in free:
                self.give_back(name)  # its agent has ended, and asks nothing again
        for ref in lost:
            if ref in bounds and _asked_again(histories[ref.stream], ref):
                self._add(bounds[ref].trial, bounds[ref].amount)

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Answer a `BudgetAsked`; the port of the budget."""
        assert isinstance(asked, BudgetAsked)
        unused = self._open.get(place.stream)
        more = asked.amount - (0 if unused is None else unused.amount)
        if self._caps.run is not None and self._total + more > self._caps.run:
            return BudgetRefused("run", self._caps.run)
        if self._caps.trial is not None and self._by_trial[asked.account] + more > self._caps.trial:
            return BudgetRefused("trial", self._caps.trial)
        self._reserve(place.stream, asked)
        return BudgetGranted()

    def settle(self, stream: str, outcome: Event) -> None:
        """Put what a call really cost in the place of what was reserved for it."""
        grant = self._open.pop(stream, None)
        if grant is not None:
            self._add(grant.trial, _cost(outcome, grant.amount) - grant.amount)

    def give_back(self, stream: str) -> None:
        """Free what was granted for a call that is not going to be made."""
        grant = self._open.pop(stream, None)
        if grant is not None:
            self._add(grant.trial, -grant.amount)

    def _fold_stream(
        self, stream: str, history: Iterable[Recorded], bounds: dict[Ref, Open], free: Collection[Ref]
    ) -> None:
        """Take in one stream, noting what each granted call may cost at most; those in `free` cost nothing."""
        asked: BudgetAsked | None = None
        granted = False
        """Whether the last grant waits for its call, or its call cost nothing."""
        for recorded in history:
            match recorded.event:
                case BudgetAsked():
                    asked = recorded.event
                case BudgetGranted():
                    assert asked is not None, "a grant answers a request of its own stream"
                    self._reserve(stream, asked)
                    granted = True
                case ModelAsked() | CallAsked():
                    granted = recorded.ref in free
                    if isinstance(recorded.event, ModelAsked) and stream in self._open:
                        bounds[recorded.ref] = self._open[stream]
                case ScopeStopped() if granted:
                    self.give_back(stream)
                case ModelAnswered() | ModelFailed():
                    self.settle(stream, recorded.event)
                case _:
                    pass

    def _reserve(self, stream: str, asked: BudgetAsked) -> None:
        """Keep money for a stream's next call, in the place of what was kept for a call that was never made."""
        unused = self._open.get(stream)
        if unused is not None:
            self._add(unused.trial, -unused.amount)
        self._open[stream] = Open(asked.account, asked.amount)
        self._add(asked.account, asked.amount)

    def _add(self, trial: str, amount: NanoUsd) -> None:
        self._by_trial[trial] += amount
        self._total += amount


def _asked_again(history: Sequence[Recorded], ref: Ref) -> bool:
    """Whether a call that was lost was answered later, or is still waiting to be.

    One whose actor was stopped instead is counted once already: its grant was never settled.
    """
    return history[-1].ref == ref or any(recorded.cause == ref for recorded in history)


def _cost_nothing(session: Iterable[Recorded]) -> frozenset[Ref]:
    """Name the calls that were refused, and left open, and were not in flight in any later process."""
    notes = [each.event for each in session]
    left = {each.asked for each in notes if isinstance(each, CallLeftOpen)}
    return frozenset(left.difference(*map(_found_in_flight, notes)))


def _found_in_flight(event: Event) -> tuple[Ref, ...]:
    return event.asked if isinstance(event, InFlightFound) else ()


def _cost(outcome: Event, bound: NanoUsd) -> NanoUsd:
    """What to count for a call; its bound where it was stopped, and nobody heard how it ended."""
    return charge(outcome, bound) if isinstance(outcome, ModelAnswered | ModelFailed) else bound
