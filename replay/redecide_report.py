"""What making a run's decisions again showed: counts for each point, and what differs. What was seen is let go."""

from collections.abc import Sequence
from typing import NamedTuple

from engine.core.decision import Method
from engine.core.trial_histories import EventReader, load_parts
from events.base import Ref
from events.store.base import EventLog
from replay.diff import Difference, of_decision, of_inputs
from replay.grounding import Grounds
from replay.ledger import DecidedUnder, LedgerEntry, visit_ledger
from replay.redecide import Redecided, Redecider


class PointCount(NamedTuple):
    """The decisions of one point."""

    point: str
    decisions: int
    differ: int
    """Those that come out otherwise than recorded under the same revision."""
    missing: tuple[tuple[Ref, str], ...]
    """Those that cannot be made again, each with the reason, in the order of the log."""


class RedecideReport(NamedTuple):
    """What it showed."""

    points: tuple[PointCount, ...]
    """In the order of their first decisions."""
    erased: bool
    """Whether bytes that a decision rests on were removed on purpose."""
    ungrounded: tuple[Difference, ...]
    """Values that decisions are said to have seen, and that their events do not hold."""
    differences: tuple[Difference, ...]
    """Rulings that come out otherwise."""
    revised: tuple[Redecided, ...]
    """Those that do at a point that was revised since; without what they saw."""


async def redecide(log: EventLog, run: str, method: Method | None = None) -> RedecideReport:
    """Make every recorded decision of a run again, holding no more of it at a time than a trial.

    Args:
        log: Which holds the run.
        run: Its id.
        method: Whose policies are asked. None: those of the method that the run names.

    Raises:
        RunUnknown, NothingDecided, InputsUnrecorded, ReplayDiverged, HistoryUnread: As `visit_ledger`.
        BlobMissing: Bytes are gone, and nobody removed them on purpose.
    """
    tally = _Tally(log, EventReader(await load_parts(log, run)), method)
    await visit_ledger(log, run, tally.visit)
    return tally.report()


class _Count:
    """Of one point."""

    def __init__(self, first: int) -> None:
        self.first = first
        """Position of the first decision."""
        self.decisions = self.differ = 0
        self.missing: list[tuple[int, Ref, str]] = []


class _Tally:
    """What was found so far, with positions: trials are not visited in the order of the log."""

    def __init__(self, log: EventLog, events: EventReader, method: Method | None) -> None:
        self._redecider = Redecider(log, method)
        self._events = events
        self._grounds = Grounds(events)
        self._counts: dict[str, _Count] = {}
        self._erased = False
        self._ungrounded: list[tuple[int, Difference]] = []
        self._differences: list[tuple[int, Difference]] = []
        self._revised: list[Redecided] = []

    async def visit(self, under: DecidedUnder, entries: Sequence[LedgerEntry]) -> None:
        """Make some decisions again, and keep what is found."""
        for made in await self._redecider.again(under, entries):
            self._count(made)
            place = made.position
            # Inputs that a rerun took come from the events; recorded ones only say so.
            if under.source == "recorded":
                self._ungrounded += [(place, each) for each in await of_inputs(made, self._grounds)]
            self._differences += [(place, each) for each in await of_decision(made, self._events)]
            if made.revised and made.differences:
                self._revised.append(made._replace(entry=made.entry._replace(saw=None, rule=None)))

    def _count(self, made: Redecided) -> None:
        count = self._counts.setdefault(made.point, _Count(made.position))
        count.first = min(count.first, made.position)
        count.decisions += 1
        count.differ += bool(made.differences) and not made.revised
        if made.missing:
            count.missing.append((made.position, made.at, made.missing))
        self._erased |= made.erased

    def report(self) -> RedecideReport:
        """Give what was found, in the order of the log."""
        points = [
            PointCount(point, each.decisions, each.differ, tuple((at, why) for _, at, why in sorted(each.missing)))
            for point, each in sorted(self._counts.items(), key=lambda item: item[1].first)
        ]
        return RedecideReport(
            points=tuple(points),
            erased=self._erased,
            ungrounded=_in_order(self._ungrounded),
            differences=_in_order(self._differences),
            revised=tuple(sorted(self._revised, key=lambda each: each.position)),
        )


def _in_order(found: list[tuple[int, Difference]]) -> tuple[Difference, ...]:
    return tuple(each for _, each in sorted(found, key=lambda item: item[0]))
