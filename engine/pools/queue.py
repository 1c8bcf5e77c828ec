"""Who is next: fair between runs, and between the trials of a run.

Between runs, the one with the fewest places in use is next; in a tie, the one whose turn was longest ago. Within a run,
tickets are numbered as in start-time fair queueing (Goyal, Vin and Cheng, 1996): who asks for one place at a time is
served in the order of asking, and who asks for many at once waits for the others in between. A ticket keeps its number
when its call is repeated, so that a call that was refused goes before those that came later.
"""

from collections import Counter
from heapq import heappop, heappush
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Ticket(NamedTuple):
    """A place in the order."""

    start: float
    """Virtual time of its run at which it is due."""
    number: int
    """Order of asking, among those due at the same time."""
    run: str
    who: str
    """Such as the stream of an attempt."""


class FairQueue(Generic[T]):
    """Waiting things, each with a ticket."""

    def __init__(self) -> None:
        self._flows: dict[str, _Flow[T]] = {}
        self._numbers = 0
        self._turns = 0
        self.running: Counter[str] = Counter()
        """Places in use, by run; kept by whoever grants them."""

    def __len__(self) -> int:
        """Count what waits."""
        return sum(len(flow.waiting) for flow in self._flows.values())

    def ticket(self, run: str, who: str) -> Ticket:
        """Draw a ticket, to be pushed once or more often."""
        self._numbers += 1
        flow = self._flow(run)
        return Ticket(max(flow.now, flow.ahead.get(who, 0.0)), self._numbers, run, who)

    def push(self, ticket: Ticket, thing: T) -> None:
        """Let it wait."""
        flow = self._flow(ticket.run)
        heappush(flow.waiting, (ticket.start, ticket.number, ticket, thing))
        flow.asking[ticket.who] += 1
        flow.ahead[ticket.who] = max(flow.ahead.get(ticket.who, 0.0), ticket.start + 1.0)

    def pop(self) -> tuple[Ticket, T]:
        """Give the one that is next.

        Raises:
            IndexError: Nothing waits.
        """
        busy = [(self.running[run], flow.turn, run) for run, flow in self._flows.items() if flow.waiting]
        if not busy:
            raise IndexError
        flow = self._flows[min(busy)[2]]
        start, _, ticket, thing = heappop(flow.waiting)
        self._turns += 1
        flow.turn = self._turns
        flow.now = max(flow.now, start)
        flow.forget(ticket.who)
        return ticket, thing

    def _flow(self, run: str) -> "_Flow[T]":
        return self._flows.setdefault(run, _Flow())

    def forget(self, run: str) -> None:
        """Forget a run that asks no more."""
        self._flows.pop(run, None)
        del self.running[run]


class _Flow(Generic[T]):
    """What waits of one run."""

    def __init__(self) -> None:
        self.waiting: list[tuple[float, int, Ticket, T]] = []
        self.now = 0.0
        self.turn = 0
        self.asking: Counter[str] = Counter()
        """How many wait, by who asks."""
        self.ahead: dict[str, float] = {}
        """When the next of the same asker is due at the earliest; only for those that wait."""

    def forget(self, who: str) -> None:
        """Keep nothing of an asker that does not wait any more."""
        self.asking[who] -= 1
        if not self.asking[who]:
            del self.asking[who]
            self.ahead.pop(who, None)
