"""A run replayed at the strengths that were asked for, with what differs and what may be behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from engine.core.decision import Method, Reruled, Unanswered
from engine.core.errors import HistoryEnded, HistoryUnread, ReplayDiverged
from engine.core.history import RunHistory, load_histories
from engine.core.lineage import pages_of
from events.base import StreamId
from events.errors import BlobMissing
from events.store.base import EventLog, Selection
from events.streams import RUN
from events.types.run import RunOpened
from replay.diff import (
    Difference,
    Here,
    PromptChanged,
    RevisionNote,
    changed_prompts,
    likely_causes,
    notes_of,
    of_decision,
    of_inputs,
    of_rerun,
)
from replay.errors import InputsUnrecorded
from replay.grounding import Grounds
from replay.ledger import opening_of, read_ledger
from replay.rebuild import Rebuilt, rebuild
from replay.redecide import Redecided, redecide
from replay.remedy import Parted, remedies
from replay.rerun import RerunReport, rerun


class Strengths(NamedTuple):
    """What is done again."""

    rebuild: bool
    redecide: bool
    rerun: bool


ALL = Strengths(rebuild=True, redecide=True, rerun=True)


class Checked(NamedTuple):
    """What came of it. What was not asked for is None."""

    run: str
    unread: tuple[BlobMissing, ...]
    """Bytes that are gone and that a strength could not do without, each once."""
    rebuilt: tuple[Rebuilt, ...] | None
    """None, too, if bytes are gone that a view needs."""
    decisions: tuple[Redecided, ...] | None
    """None, too, if its decisions cannot be listed; `not_redecided` says why."""
    not_redecided: str
    """Why no decision can be made again; empty if they can, or were not asked for."""
    rerun: RerunReport | None
    """None, too, if it came out otherwise, or cannot be done."""
    not_rerun: str
    """Why it cannot be run again; empty if it can, or was not asked for."""
    differences: tuple[Difference, ...]
    causes: tuple[str, ...]
    """What may be behind the differences, the surest first; none without a difference."""
    remedies: tuple[str, ...]
    """What can be done about control flow that differs; none if it does not."""
    notes: tuple[RevisionNote, ...]
    """What this version rules otherwise where a point was revised; that is no difference."""
    prompts: tuple[PromptChanged, ...]
    """Texts that are not what this installation would give; that is no difference."""

    @property
    def equal(self) -> bool:
        """Whether everything that could be done came out the same, but for points that were revised."""
        return not self.differences and all(each.agrees for each in self.rebuilt or ())


async def check(
    log: EventLog, run: str, here: Here, strengths: Strengths = ALL, *, method: Method | None = None
) -> Checked:
    """Do a run again, from its record alone.

    Args:
        log: Which holds it.
        run: Its id.
        here: What this installation would run with.
        strengths: What is done.
        method: Whose policies are asked. None: those of the method that the run names.

    Raises:
        RunUnknown: There is no such run.
    """
    unread: list[BlobMissing] = []
    checked = Checked(run, (), None, None, "", None, "", (), (), (), (), ())
    if strengths.rebuild:
        with _noting(unread):
            checked = checked._replace(rebuilt=tuple(await rebuild(log, run)))
    if strengths.rerun and not strengths.redecide and (equal := await _rerun_alone(log, here, method, checked)):
        return equal
    if strengths.redecide or strengths.rerun:
        histories = await load_histories(log, run)
        if opening_of(histories) is None:
            return checked._replace(decisions=(), not_rerun="it was interrupted before it started")
        again = _Again(log, run, histories, method)
        with _noting(unread):
            await again.redecide()
        if strengths.rerun:
            with _noting(unread):
                await again.rerun()
        with _noting(unread):
            checked = await again.report(checked, here, strengths)
    return checked._replace(unread=tuple({error.digest: error for error in unread}.values()))


async def _rerun_alone(log: EventLog, here: Here, method: Method | None, checked: Checked) -> Checked | None:
    """Run a run again, reading one trial after the other. None: it did not come out as recorded, or cannot be run."""
    first = Selection(stream=StreamId(checked.run, RUN))
    opened = [each.event async for page in pages_of(log, first) for each in page if isinstance(each.event, RunOpened)]
    if not opened:
        return None
    try:
        again = await rerun(log, checked.run, method=method)
    except (ReplayDiverged, HistoryUnread, HistoryEnded, BlobMissing):
        return None  # what may be behind it is found in the whole of it
    if again.notes:
        return None
    return checked._replace(rerun=again, prompts=tuple(changed_prompts(opened[0], here.prompts)))


@contextmanager
def _noting(unread: list[BlobMissing]) -> Iterator[None]:
    """Note bytes that are gone: one strength that needs them keeps no other from what it can do."""
    try:
        yield
    except BlobMissing as error:
        unread.append(error)


class _Again:
    """One run, done again."""

    def __init__(self, log: EventLog, run: str, histories: RunHistory, method: Method | None) -> None:
        self._log, self._run, self._histories, self._method = log, run, histories, method
        self._made: tuple[Redecided, ...] | None = None
        self._not_redecided = self._not_rerun = ""
        self._ungrounded: list[Difference] = []
        self._notes: list[Reruled | Unanswered] = []
        self._report: RerunReport | None = None
        self._parted: list[Parted] = []

    async def redecide(self) -> None:
        try:
            ledger = await read_ledger(self._log, self._run)
        except InputsUnrecorded as error:
            self._not_redecided = error.problem
        except (ReplayDiverged, HistoryUnread) as error:
            self._not_redecided = f"an earlier version recorded it, and it does not rerun: {error.problem}"
            self._parted.append(error)
        else:
            self._made = tuple([each async for each in redecide(self._log, ledger, self._method)])
            grounds = Grounds(self._histories) if ledger.source == "recorded" else None
            self._ungrounded = (
                [] if grounds is None else [one for each in self._made for one in of_inputs(each, grounds)]
            )

    async def rerun(self) -> None:
        if self._histories.opened is None:
            self._not_rerun = "it was imported: it has no actors to rerun"
            return
        try:
            self._report = await rerun(self._log, self._run, method=self._method)
            self._notes += self._report.notes
        except (ReplayDiverged, HistoryUnread, HistoryEnded) as error:
            self._parted[:] = [error]

    async def report(self, checked: Checked, here: Here, strengths: Strengths) -> Checked:
        known = [one for each in self._made or () for one in of_decision(each, self._histories)]
        parted = [of_rerun(error, self._histories) for error in self._parted]
        redecided = (*self._ungrounded, *known) if strengths.redecide else ()
        differences = (*redecided, *parted)
        opened = self._histories.opened
        return checked._replace(
            decisions=self._made if strengths.redecide else None,
            not_redecided=self._not_redecided if strengths.redecide else "",
            rerun=self._report,
            not_rerun=self._not_rerun,
            differences=differences,
            causes=tuple(await likely_causes(self._log, self._histories, here, known)) if differences else (),
            remedies=tuple(await self._remedies(here)),
            notes=tuple(notes_of(self._made or (), self._notes)),
            prompts=tuple(changed_prompts(opened, here.prompts)) if opened is not None else (),
        )

    async def _remedies(self, here: Here) -> list[str]:
        if not self._parted:
            return []
        parted, package = self._parted[0], here.package
        return await remedies(self._log, self._run, self._histories, parted, package=package, method=self._method)
