"""Redecide: each policy given its recorded inputs and rule again, and its ruling compared with the recorded one."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from engine.core.decision import Method, Policy
from events.base import Ref
from events.errors import BlobErased
from events.store.base import EventLog
from replay.ledger import DecidedUnder, LedgerEntry, visit_ledger
from replay.reevaluation import PolicyQuestion, Reevaluator

REMEMBERED: Final = 16 << 20
"""Bytes of blobs that are kept for the next decision."""
FOLDED: Final = 5_000
"""Decisions of which is kept what the inputs up to them fold to."""

Fields = Mapping[str, Any]
"""Values that JSON can hold, by name."""


class Redecided(NamedTuple):
    """One recorded decision, made again."""

    entry: LedgerEntry
    recorded: Fields
    """The ruling on record."""
    decided: Fields
    """What the policy rules now; empty if it was not asked."""
    missing: str
    """Why it was not asked; empty if it was."""
    erased: bool
    """Whether it was not asked since bytes that it rests on were removed on purpose."""

    @property
    def point(self) -> str:
        """The name of its point."""
        return self.entry.name

    @property
    def at(self) -> Ref:
        """The event that records it."""
        return self.entry.at

    @property
    def position(self) -> int:
        """Of that event in the log."""
        return self.entry.position

    @property
    def differences(self) -> tuple[str, ...]:
        """Name the fields of the ruling that come out otherwise; none if it was not made again."""
        if self.missing:
            return ()
        return tuple(name for name, value in self.recorded.items() if self.decided.get(name) != value)

    @property
    def revised(self) -> bool:
        """Whether the ruling was made under another revision of the point than this version's."""
        return self.entry.point is not None and self.entry.revision != self.entry.point.revision

    @property
    def agrees(self) -> bool:
        """Whether it was made again, and came out as recorded."""
        return not self.missing and not self.differences


class Redecider:
    """Makes the decisions of a run again as they are visited; those that no event records have nothing to compare."""

    def __init__(self, log: EventLog, method: Method | None = None) -> None:
        """Ask nothing yet.

        Args:
            log: Which holds the run.
            method: Whose policies are asked. None: those of the method that decided.
        """
        self._log = log
        self._method = method
        self._evaluator: Reevaluator | None = None

    async def again(self, under: DecidedUnder, entries: Sequence[LedgerEntry]) -> list[Redecided]:
        """Make some decisions of the run again."""
        if self._evaluator is None:
            self._evaluator = Reevaluator(self._log, under.eras, under.blobs, remembered=REMEMBERED)
        evaluator, method = self._evaluator, self._method
        made = [
            await redecided(evaluator, entry, (under.era(entry) if method is None else method).policies)
            for entry in entries
            if not entry.silent
        ]
        evaluator.trim(FOLDED)
        return made


async def redecided(evaluator: Reevaluator, entry: LedgerEntry, policies: Mapping[str, Policy]) -> Redecided:
    """Make one recorded decision again."""
    recorded = fields(entry, entry.ruling)
    if entry.missing:
        return Redecided(entry, recorded, {}, entry.missing, erased=entry.erased)
    try:
        decided = await evaluator.ask(question(entry, policies[entry.name]))
    except BlobErased as error:
        return Redecided(entry, recorded, {}, error.problem, erased=True)
    finally:
        evaluator.laid.clear()
    assert entry.point is not None
    decided = entry.point.as_recorded(entry.ruling, decided)
    return Redecided(entry, recorded, fields(entry, decided), "", erased=False)


async def decisions(log: EventLog, run: str, *, method: Method | None = None) -> list[Redecided]:
    """Make every recorded decision of a run again, in the order of the log.

    Args:
        log: Which holds the run.
        run: Its id.
        method: Whose policies. None: those of the method that the run names.

    Raises:
        RunUnknown, NothingDecided, InputsUnrecorded, ReplayDiverged, HistoryUnread: As `read_ledger`.
        BlobMissing: Bytes are gone, and nobody removed them on purpose.
    """
    redecider, made = Redecider(log, method), list[Redecided]()

    async def visit(under: DecidedUnder, entries: Sequence[LedgerEntry]) -> None:
        made.extend(await redecider.again(under, entries))

    await visit_ledger(log, run, visit)
    return sorted(made, key=lambda each: each.position)


def question(entry: LedgerEntry, policy: Policy) -> PolicyQuestion:
    """Put the question that a decision was the answer to."""
    assert entry.point is not None
    assert entry.inputs is not None
    assert entry.rule_digest is not None
    return PolicyQuestion(entry.point, policy, entry.saw, entry.inputs, entry.rule, entry.rule_digest)


def fields(entry: LedgerEntry, ruling: Any) -> Fields:
    """Give a ruling as JSON can hold it, without the fields that its event could not record."""
    given: dict[str, Any] = msgspec.to_builtins(ruling)
    return {name: value for name, value in given.items() if name not in entry.unrecorded}
