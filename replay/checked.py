"""A run replayed at the strengths that were asked for, with what differs and what may be behind it."""

from typing import NamedTuple

from engine.errors import HistoryEnded, HistoryUnread, ReplayDiverged
from engine.histories import RUN
from engine.lineage import pages_of
from engine.methods.base import Method
from events.base import StreamId
from events.log import EventLog, Selection
from events.run import RunOpened
from replay.decisions.base import Decision
from replay.differences import Difference, Here, PromptChanged, changed_prompts, likely_causes, of_decision, of_rerun
from replay.errors import NothingDecided
from replay.rebuild import Rebuilt, rebuild
from replay.redecide import DecidedRun, read_decisions
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
    rebuilt: tuple[Rebuilt, ...] | None
    decisions: tuple[Decision, ...] | None
    rerun: RerunReport | None
    """None, too, if it came out otherwise, or cannot be done."""
    not_rerun: str
    """Why it cannot be run again; empty if it can, or was not asked for."""
    differences: tuple[Difference, ...]
    causes: tuple[str, ...]
    """What may be behind the differences, the surest first; none without a difference."""
    prompts: tuple[PromptChanged, ...]
    """Texts that are not what this installation would give; that is no difference."""

    @property
    def equal(self) -> bool:
        """Whether everything that was done came out the same."""
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
        BlobMissing: Bytes that are needed are gone; the error says which.
    """
    rebuilt = tuple(await rebuild(log, run)) if strengths.rebuild else None
    checked = Checked(run, rebuilt, None, None, "", (), (), ())
    if not (strengths.redecide or strengths.rerun):
        return checked
    if not strengths.redecide and (equal := await _rerun_alone(log, here, method, checked)) is not None:
        return equal
    try:
        decided = await read_decisions(log, run)
    except NothingDecided:
        return checked._replace(decisions=(), not_rerun="it was cut off before it began")
    return await _again(log, decided, here, (strengths, method), checked)


async def _rerun_alone(log: EventLog, here: Here, method: Method | None, checked: Checked) -> Checked | None:
    """Run a run again, reading one trial after the other. None: it did not come out as recorded, or cannot be run."""
    first = Selection(stream=StreamId(checked.run, RUN))
    opened = [each.event async for page in pages_of(log, first) for each in page if isinstance(each.event, RunOpened)]
    if not opened:
        return None
    try:
        again = await rerun(log, checked.run, method=method)
    except (ReplayDiverged, HistoryUnread, HistoryEnded):
        return None  # what may be behind it is found in the whole of it
    return checked._replace(rerun=again, prompts=tuple(changed_prompts(opened[0], here.prompts)))


async def _again(
    log: EventLog, decided: DecidedRun, here: Here, asked: tuple[Strengths, Method | None], checked: Checked
) -> Checked:
    strengths, method = asked
    made = tuple(each for trial in decided.decide(method=method).values() for each in trial)
    known = [one for each in made for one in of_decision(each)]
    differences = list(known) if strengths.redecide else []
    opened, again, why = decided.histories.opened, None, ""
    if strengths.rerun and opened is None:
        why = "it was imported: there are no actors to run again"
    elif strengths.rerun:
        try:
            again = await rerun(log, checked.run, method=method)
        except (ReplayDiverged, HistoryUnread, HistoryEnded) as error:
            differences.append(of_rerun(error, decided.histories))
    return checked._replace(
        decisions=made if strengths.redecide else None,
        rerun=again,
        not_rerun=why,
        differences=tuple(differences),
        causes=tuple(await likely_causes(log, decided, here, known)) if differences else (),
        prompts=tuple(changed_prompts(opened, here.prompts)) if opened is not None else (),
    )
