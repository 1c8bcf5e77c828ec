"""A run replayed at the strengths that were asked for, with what differs and what may be behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from engine.core.decision import Method
from engine.core.errors import EngineError, HistoryEnded, HistoryUnread, NameUnknown, ReplayDiverged
from engine.core.history import load_histories
from engine.core.plugins import PluginBroken
from engine.core.trial_histories import load_by_trial
from events.errors import BlobMissing
from events.store.base import EventLog
from events.types.run import RunImported, RunOpened
from replay.diff import (
    Difference,
    Here,
    PromptChanged,
    RevisionNote,
    changed_prompts,
    likely_causes,
    notes_of,
    of_rerun,
)
from replay.errors import InputsUnrecorded
from replay.ledger import opening_of
from replay.rebuild import Rebuilt, rebuild
from replay.redecide_report import RedecideReport, redecide
from replay.remedy import Parted, remedies
from replay.rerun import RerunReport, rerun

NOTHING_REDECIDED: Final = RedecideReport((), False, (), (), ())


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
    redecided: RedecideReport | None
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
    lacking: bool = False
    """Whether a part that the run names is not there, so that something was not done; `not_redecided` and `not_rerun`
    say which."""

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
        opened = await _opening(log, run)
        if opened is None:
            return checked._replace(redecided=NOTHING_REDECIDED, not_rerun="it was interrupted before it started")
        again = _Again(log, run, opened, method)
        with _noting(unread):
            await again.redecide()
        if strengths.rerun:
            with _noting(unread):
                await again.rerun()
        with _noting(unread):
            checked = await again.report(checked, here, strengths)
    return checked._replace(unread=tuple({error.digest: error for error in unread}.values()))


async def _rerun_alone(log: EventLog, here: Here, method: Method | None, checked: Checked) -> Checked | None:
    """Run a run again, and do nothing else. None: it did not come out as recorded, or cannot be run."""
    opened = await _opening(log, checked.run)
    if not isinstance(opened, RunOpened):
        return None
    try:
        again = await rerun(log, checked.run, method=method)
    except (ReplayDiverged, HistoryUnread, HistoryEnded, BlobMissing, NameUnknown, PluginBroken):
        return None  # what may be behind it is found with its decisions
    if again.notes:
        return None
    return checked._replace(rerun=again, prompts=tuple(changed_prompts(opened, here.prompts)))


async def _opening(log: EventLog, run: str) -> RunOpened | RunImported | None:
    """Give what a run began with. None: it was cut off before that.

    Raises:
        RunUnknown: There is no such run.
    """
    histories, _ = await load_by_trial(log, run)
    return opening_of(histories)


@contextmanager
def _noting(unread: list[BlobMissing]) -> Iterator[None]:
    """Note bytes that are gone: one strength that needs them keeps no other from what it can do."""
    try:
        yield
    except BlobMissing as error:
        unread.append(error)


class _Again:
    """One run, done again. Only where something differs is all of it read at once, to say what may be behind it."""

    def __init__(self, log: EventLog, run: str, opened: RunOpened | RunImported, method: Method | None) -> None:
        self._log, self._run, self._opened, self._method = log, run, opened, method
        self._made: RedecideReport | None = None
        self._not_redecided = self._not_rerun = ""
        self._report: RerunReport | None = None
        self._parted: list[Parted] = []
        self._lacking = False

    async def redecide(self) -> None:
        try:
            self._made = await redecide(self._log, self._run, self._method)
        except InputsUnrecorded as error:
            self._not_redecided = error.problem
        except (NameUnknown, PluginBroken) as error:
            self._not_redecided = self._lacks(error)
        except (ReplayDiverged, HistoryUnread) as error:
            self._not_redecided = f"an earlier version recorded it, and it does not rerun: {error.problem}"
            self._parted.append(error)

    async def rerun(self) -> None:
        if isinstance(self._opened, RunImported):
            self._not_rerun = "it was imported: it has no actors to rerun"
            return
        try:
            self._report = await rerun(self._log, self._run, method=self._method)
        except (ReplayDiverged, HistoryUnread, HistoryEnded) as error:
            self._parted[:] = [error]
        except (NameUnknown, PluginBroken) as error:
            self._not_rerun = self._lacks(error)

    def _lacks(self, error: EngineError) -> str:
        self._lacking = True
        return f"{error.problem}; {error.remedy}"

    async def report(self, checked: Checked, here: Here, strengths: Strengths) -> Checked:
        made, opened = self._made or NOTHING_REDECIDED, self._opened
        redecided = (*made.ungrounded, *made.differences) if strengths.redecide else ()
        checked = checked._replace(
            redecided=self._made if strengths.redecide else None,
            not_redecided=self._not_redecided if strengths.redecide else "",
            rerun=self._report,
            not_rerun=self._not_rerun,
            differences=redecided,
            notes=tuple(notes_of(made.revised, () if self._report is None else self._report.notes)),
            prompts=tuple(changed_prompts(opened, here.prompts)) if isinstance(opened, RunOpened) else (),
            lacking=self._lacking,
        )
        return await self._explained(checked, here, made) if redecided or self._parted else checked

    async def _explained(self, checked: Checked, here: Here, made: RedecideReport) -> Checked:
        """Say what may be behind differences, and what can be done where control flow parted."""
        log, histories = self._log, await load_histories(self._log, self._run)
        remedied: list[str] = []
        if self._parted:
            parted, package = self._parted[0], here.package
            remedied = await remedies(log, self._run, histories, parted, package=package, method=self._method)
        return checked._replace(
            differences=(*checked.differences, *(of_rerun(error, histories) for error in self._parted)),
            causes=tuple(await likely_causes(log, histories, here, made.differences)),
            remedies=tuple(remedied),
        )
