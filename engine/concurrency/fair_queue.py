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
        self._entries: dict[Ticket, _Entry[T]] = {}
        """What waits, in the order in which it was pushed."""
        self._numbers = 0
        self._pushes = 0
        self._turns = 0
        self.running: Counter[str] = Counter()
        """Places in use, by run; kept by whoever grants them."""

    def __len__(self) -> int:
        """Count what waits."""
        return len(self._entries)

    @property
    def newest(self) -> T | None:
        """Give the one that was pushed last. None: nothing waits."""
        ticket = next(reversed(self._entries), None)
        return None if ticket is None else self._entries[ticket].thing

    def __contains__(self, ticket: Ticket) -> bool:
        """Say whether what was pushed with a ticket waits."""
        return ticket in self._entries

    def ticket(self, run: str, who: str) -> Ticket:
        """Draw a ticket, to be pushed once or more often."""
        self._numbers += 1
        flow = self._flow(run)
        return Ticket(max(flow.now, flow.ahead.get(who, 0.0)), self._numbers, run, who)

    def push(self, ticket: Ticket, thing: T) -> None:
        """Let it wait. With one ticket, one thing waits at a time."""
        flow = self._flow(ticket.run)
        self._pushes += 1
        entry = self._entries[ticket] = _Entry(ticket.start, ticket.number, self._pushes, ticket, thing)
        heappush(flow.waiting, entry)
        flow.asking[ticket.who] += 1
        flow.ahead[ticket.who] = max(flow.ahead.get(ticket.who, 0.0), ticket.start + 1.0)

    def pop(self) -> tuple[Ticket, T]:
        """Give the one that is next.

        Raises:
            IndexError: Nothing waits.
        """
        busy = [(self.running[run], flow.turn, run) for run, flow in self._flows.items() if flow.asking]
        if not busy:
            raise IndexError
        flow = self._flows[min(busy)[2]]
        entry = heappop(flow.waiting)
        while self._entries.get(entry.ticket) is not entry:  # it was discarded
            entry = heappop(flow.waiting)
        del self._entries[entry.ticket]
        self._turns += 1
        flow.turn = self._turns
        flow.now = max(flow.now, entry.start)
        flow.forget(entry.ticket.who)
        return entry.ticket, entry.thing

    def discard(self, ticket: Ticket) -> None:
        """Take out what does not wait any more; nobody else's turn changes by it."""
        if self._entries.pop(ticket, None) is not None:
            self._flows[ticket.run].forget(ticket.who)

    def _flow(self, run: str) -> "_Flow[T]":
        flow = self._flows.get(run)
        if flow is None:
            flow = self._flows[run] = _Flow()
        return flow

    def forget(self, run: str) -> None:
        """Forget a run that asks no more, and of which nothing waits."""
        self._flows.pop(run, None)
        del self.running[run]


class _Entry(NamedTuple, Generic[T]):
    """One thing that waits, in the order in which it is served."""

    start: float
    number: int
    push: int
    """Tells it from an entry of the same ticket that was discarded."""
    ticket: Ticket
    thing: T


class _Flow(Generic[T]):
    """What waits of one run."""

    def __init__(self) -> None:
        self.waiting: list[_Entry[T]] = []
        """A heap; what was discarded stays in it until it comes to the top."""
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
