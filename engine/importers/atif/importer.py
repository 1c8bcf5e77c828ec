"""``stillroom import atif``: trajectories of other systems, read into the log so that every view of ours shows them.

One run per task, named after what its files hold, so that importing them again finds it there. All documents are read
before anything is written: one that is not well made is left out by name, and leaves no trace.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec
from anyio import to_thread

from engine.importers.assumed import Assumed, assumed_spec, texts_of
from engine.importers.atif.files import WANTED, AtifDocument, AtifTask, Attempted, read_tasks
from engine.importers.atif.to_events import TrajectoryMapping, commands_of, holds_verdict, outcome_of, told
from engine.importers.left_out import Imports, NothingImported, of_error
from engine.importers.streams import ALREADY, StreamBuilder, append, run_id
from events.base import Ref
from events.digest import Digest
from events.errors import EventRefused, VersionConflict
from events.store.base import EventLog
from events.streams import attempt_stream, trial_stream
from events.types.attempt import AttemptJudged, ImportedAttempt
from events.types.run import RunImported
from events.types.trajectory import ObservationImported, StepImported
from events.types.trial import AttemptConcluded, TrialClosed, TrialOpened
from events.values import NamedDigest, Outcome

CONDITION: Final = "imported"
MOST: Final = 200
"""Warnings that a run's first event holds."""

Status = Literal["PASS", "PARTIAL", "FAIL", "ERROR", "INFRA_ERROR"]


class ImportedAtifTask(NamedTuple):
    """What came of a task."""

    task: str
    run: str
    attempts: int
    steps: int
    losses: Mapping[str, int]
    """How many fields have no place in the log, by path. The files are kept as they were all the same."""
    inferences: tuple[str, ...]
    """What the documents do not say, and what stands for it; `ALREADY` if the log holds them."""


async def import_atif(log: EventLog, path: Path, *, task: str | None = None) -> Imports[ImportedAtifTask]:
    """Read a trajectory, or all in a folder and below, into the log; each run whole or not at all.

    Args:
        log: Where the runs go.
        path: Of a document or a folder.
        task: Which task all of them are attempts at. None: each document says it, or its place.

    Raises:
        NoTrajectory: There is none.
        AtifWrong: The only one is not well made.
        NothingImported: Not one of several can be read.
    """
    tried = await to_thread.run_sync(read_tasks, path, task)
    found: list[ImportedAtifTask] = []
    left_out = list(tried.left_out)
    for each in tried.found:
        try:
            found.append(await _import(log, each))
        except (EventRefused, VersionConflict) as error:
            left_out.append(of_error(each.task, error))
    if not found:
        raise NothingImported(path, tuple(left_out), WANTED)
    return Imports(tuple(found), tuple(left_out))


async def _import(log: EventLog, tried: AtifTask) -> ImportedAtifTask:
    files = _files(log, tried)
    run = run_id("atif", tried.task, files)
    found = [held for attempt in tried.attempts for held in attempt.held]
    lost: Counter[str] = Counter()
    for held in found:
        lost.update(held.document.losses)
    inferences = (*tried.inferences, *_inferences(tried))
    layout = StreamBuilder()
    warnings = (*inferences, *(f"lost: {_counted(*each)}" for each in sorted(lost.items())))
    assumed = Assumed(log.put, log.redactor, assumed_spec())
    opening = msgspec.structs.replace(_opening(tried, files, warnings), assumed=assumed.opening())
    _lay_out(layout, tried, _Into(opening, assumed, log.put))
    steps = sum(isinstance(draft.event, StepImported) for chunk in layout.chunks for draft in chunk.drafts)
    new = await append(log, run, layout.chunks)
    return ImportedAtifTask(
        tried.task, run, len(tried.attempts), steps, dict(sorted(lost.items())), inferences if new else (ALREADY,)
    )


def _files(log: EventLog, tried: AtifTask) -> tuple[NamedDigest, ...]:
    """Keep the documents, byte for byte; what they name beside them stands in their steps."""
    documents = {held.document.name: held.document.data for attempt in tried.attempts for held in attempt.held}
    return tuple(NamedDigest(name, log.put(data)) for name, data in sorted(documents.items()))


def _opening(tried: AtifTask, files: tuple[NamedDigest, ...], warnings: tuple[str, ...]) -> RunImported:
    agent = tried.attempts[0].held[0].document.trajectory.agent
    more = len(warnings) - MOST
    shown = (*islice(warnings, MOST), *([f"{more} more like these are not listed"] if more > 0 else []))
    return RunImported("atif", tried.task, files, agent.model_name, f"{agent.name} {agent.version}", None, shown)


def _inferences(tried: AtifTask) -> Iterator[str]:
    several = sum(len(attempt.held) for attempt in tried.attempts) > 1
    for attempt in tried.attempts:
        if outcome_of(attempt.held[0].document.trajectory).kind == "no_verdict":
            yield f"attempt {attempt.number}: the document holds no verdict: it has none, which is not a 0"
        for held in attempt.held:
            at = f"{held.document.name}: " if several else ""
            yield from (f"{at}{each}" for each in (*held.document.inferences, *held.missing))


def _counted(path: str, count: int) -> str:
    return f"{path} ({count} times)" if count > 1 else path


class _Into(NamedTuple):
    """What a run is laid out with."""

    opening: RunImported
    assumed: Assumed
    put: Callable[[bytes], Digest]


def _lay_out(layout: StreamBuilder, tried: AtifTask, into: _Into) -> None:
    trial = trial_stream(tried.task)
    layout.add(trial, TrialOpened(tried.task, CONDITION, len(tried.attempts)), layout.add("run", into.opening))
    rewards: list[float] = []
    for attempt in tried.attempts:
        outcome = outcome_of(attempt.held[0].document.trajectory)
        judged = _attempt(layout, tried.task, attempt, into)
        commands = into.put(commands_of([held.document.trajectory for held in attempt.held]).encode())
        concluded = AttemptConcluded(attempt.number, outcome, status_of(outcome), 0, 0, commands, into.put(b""))
        layout.add(trial, concluded, judged)
        rewards += [] if outcome.reward is None else [outcome.reward]
    layout.add(trial, TrialClosed(_ending(tried.attempts), len(tried.attempts), max(rewards, default=None)))


def _attempt(layout: StreamBuilder, task: str, attempt: Attempted, into: _Into) -> Ref:
    """Lay out an attempt's own stream; give its verdict."""
    stream = attempt_stream(task, attempt.number)
    layout.add(stream, ImportedAttempt(task, attempt.number, None, None, ""))
    for held in attempt.held:
        _document(layout, stream, held, into.put)
    document = attempt.held[0].document
    files = texts_of(into.opening.files, {document.name})
    verdict = AttemptJudged(outcome_of(document.trajectory), 0, 0, into.put(b""))
    told_by_us = holds_verdict(document.trajectory)
    return into.assumed.add(layout, stream, into.assumed.verdict(verdict, files, told=told_by_us))


def _document(layout: StreamBuilder, stream: str, held: AtifDocument, put: Callable[[bytes], Digest]) -> None:
    step: Ref | None = None
    for event in told(held.document.name, held.document.trajectory, TrajectoryMapping(put, held.media)):
        place = layout.add(stream, event, step if isinstance(event, ObservationImported) else None)
        step = place if isinstance(event, StepImported) else step


def status_of(outcome: Outcome) -> Status:
    """Give SPARK's word for how an attempt ended."""
    match outcome.kind:
        case "solved":
            return "PASS"
        case "failed":
            return "PARTIAL" if outcome.reward else "FAIL"
        case "no_verdict":
            return "ERROR"
        case "infrastructure":
            return "INFRA_ERROR"


def _ending(attempts: Iterable[Attempted]) -> Literal["solved", "unsolved", "infrastructure", "stopped"]:
    """Say how the trial ended; without any verdict nothing says that it was given up."""
    kinds = {outcome_of(each.held[0].document.trajectory).kind for each in attempts}
    if "solved" in kinds:
        return "solved"
    if "failed" in kinds:
        return "unsolved"
    return "infrastructure" if kinds == {"infrastructure"} else "stopped"
