"""What a person means who asks why: an event, an attempt, a skill or a revision of it."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Final, NamedTuple, assert_never

from engine.core.lineage import RunPositions, pages_of, streams_of
from engine.policies.skill.split import skill_name_for
from events.base import Recorded, Ref, StreamId
from events.store.base import EventLog, Selection
from events.streams import (
    LIBRARY,
    RUN,
    TRAIN,
    attempt_stream,
    construct_stream,
    family_of,
    item_stream,
    trial_stream,
)
from events.types.attempt import AttemptAbandoned, AttemptJudged
from events.types.skill import SkillImported, SkillRevised
from events.types.training import SkillAccepted
from events.types.trial import AttemptConcluded
from views.terminal.errors import IdAmbiguous, IdUnknown, UsageWrong
from views.terminal.ids import (
    BLOB,
    LATEST,
    AttemptTarget,
    BlobTarget,
    EventTarget,
    ItemTarget,
    PlaceTarget,
    RunTarget,
    TrialTarget,
    find_run,
    find_target,
    own_first,
)
from views.training.trained_log import choose_edit, skill_of_run

_SKILLS = frozenset({"skill.revised", "skill.imported"})


class EventAddress(NamedTuple):
    """An event of a run."""

    run: str
    at: Ref


class FoundSkill(NamedTuple):
    """A revision of a skill."""

    recorded: Recorded
    event: SkillRevised | SkillImported


async def find_place(log: EventLog, text: str) -> EventAddress:
    """Find the event whose causes are asked for.

    ``NAME`` and ``NAME@2`` mean a skill and its second revision, where there is a skill of that name, and
    ``COURSE/SCOPE/NAME`` that of one library; the name of a task that a run makes means what became of it; ``s3.1`` and
    ``RUN:s3.1`` an edit of a training run, ``s3`` and ``e2.slow`` a candidate: of these, what became of them. All else
    is as `find_target` has it. Of an attempt, its verdict is asked for; of a trial, an item or a run, its last event;
    of a training, what its end rests on.

    Raises:
        IdUnknown, IdAmbiguous: There is no such thing, or there are several.
    """
    named = await _find_named(log, text)
    if named is not None:
        return named
    target = await find_target(log, text)
    match target:
        case EventTarget(position):
            return await _at(log, position)
        case PlaceTarget(stream, version):
            return EventAddress(stream.run, Ref(stream.name, version))
        case AttemptTarget():
            return await _of_attempt(log, target)
        case TrialTarget() | ItemTarget() | RunTarget():
            return await _of_whole(log, target)
        case BlobTarget():
            raise UsageWrong("a blob has no cause: events reference it", remedy=f"`stillroom show {text}` prints it")
        case _:
            assert_never(target)


async def _find_named(log: EventLog, text: str) -> EventAddress | None:
    """Find a skill or an edit. None: the text is the name of none."""
    skill = await find_skill(log, text)
    if skill is not None:
        return EventAddress(skill.recorded.stream.run, skill.recorded.ref)
    return await find_learnt(log, text) or await find_made(log, text) or await find_edit(log, text)


async def _of_whole(log: EventLog, target: TrialTarget | ItemTarget | RunTarget) -> EventAddress:
    match target:
        case RunTarget(run):
            return await _end_of_training(log, run) or await _last(log, StreamId(run, RUN))
        case TrialTarget(run, trial):
            return await _last(log, StreamId(run, trial_stream(trial)))
        case ItemTarget(run, cell):
            return await _last(log, StreamId(run, item_stream(cell)))
        case _:
            assert_never(target)


async def _end_of_training(log: EventLog, run: str) -> EventAddress | None:
    """Find what decided how a training ended: the acceptance of the skill in force; where none was, the last ruling.

    None: the run trains nothing, no gate ruled so far, or it ended otherwise than completed, which the last event says.
    """
    trained = await skill_of_run(log, run)
    if trained is None or (trained.run.closed is not None and trained.run.closed.ending != "completed"):
        return None
    found = trained.run
    ended = [each.ended for each in found.candidates if each.ended is not None]
    if found.in_force.candidate is None and not ended:
        return None
    return EventAddress(run, found.in_force.at if found.in_force.candidate is not None else ended[-1])


async def find_skill(log: EventLog, text: str) -> FoundSkill | None:
    """Find a skill by its whole name: ``NAME`` and ``NAME@2``, of the latest run that has it, or ``RUN:NAME``.

    Runs of one's own go before those that were imported.

    Only streams of trials named like the skill are read, since a skill is called after its task. None: there is none.

    Raises:
        IdUnknown: The run is not there.
    """
    run, colon, rest = text.rpartition(":")
    name, at, revision = rest.partition("@")
    if run == BLOB or not name or "/" in name or (at and not revision.isdigit()):
        return None
    runs = [await find_run(log, run)] if colon else [each async for each in own_first(log)]
    for each in runs:
        found = [skill async for skill in _of_run(log, each, name)]
        wanted = [skill for skill in found if not at or revision_of(skill.event) == int(revision)]
        if wanted:
            return wanted[-1]
        if found:
            known = sorted({f"{name}@{revision_of(skill.event)}" for skill in found})
            raise IdUnknown(text, "revision", known)
    return None


_SKILL: Final = re.compile(r"(?:(?P<library>[^:@]+)/)?(?P<name>[a-z0-9]+(?:-[a-z0-9]+)*)(?:@(?P<revision>[0-9]{1,9}))?")
"""What skills are called: ``NAME``, or ``COURSE/SCOPE/NAME`` of one library, and a revision behind it."""
_LEARNT: Final = frozenset({"skill.accepted", "skill.revised"})


async def find_learnt(log: EventLog, text: str) -> EventAddress | None:
    """Find a skill that a run trained, or learnt in a library of a suite: what put its revision in force.

    None: no run has one of that name and revision.

    Raises:
        IdUnknown: The run is not there.
        IdAmbiguous: Several libraries of the run have a skill of that name.
    """
    run, colon, rest = text.rpartition(":")
    called = _SKILL.fullmatch(rest)
    if run == BLOB or called is None:
        return None
    for each in [await find_run(log, run)] if colon else [each async for each in own_first(log)]:
        found = [one async for one in _learnt_of(log, each, called)]
        libraries = dict.fromkeys(one.stream.name.removeprefix(f"{LIBRARY}/") for one in found)
        if len(libraries) > 1:
            raise IdAmbiguous(text, [f"{library}/{called['name']}" for library in libraries])
        if found:
            return EventAddress(each, found[-1].ref)
    return None


async def _learnt_of(log: EventLog, run: str, called: re.Match[str]) -> AsyncIterator[Recorded]:
    wanted = f"{LIBRARY}/{called['library']}"
    for stream in await streams_of(log, run):
        if stream != wanted and (called["library"] or (stream != TRAIN and family_of(stream) != LIBRARY)):
            continue
        for recorded in await _history(log, Selection(stream=StreamId(run, stream), tags=_LEARNT)):
            event = recorded.event
            if not isinstance(event, SkillAccepted | SkillRevised) or event.skill != called["name"]:
                continue
            if called["revision"] is None or event.revision == int(called["revision"]):
                yield recorded


async def find_made(log: EventLog, text: str) -> EventAddress | None:
    """Find what became of a task that a run was to make: ``NAME`` or ``RUN:NAME``.

    None: no run was to make one of that name, or a later one tried it.

    Raises:
        IdUnknown: The run is not there.
    """
    run, colon, name = text.rpartition(":")
    if run == BLOB or not name or "/" in name or "@" in name:
        return None
    for each in [await find_run(log, run)] if colon else [each async for each in own_first(log)]:
        streams = await streams_of(log, each)
        if trial_stream(name) in streams:
            return None
        if construct_stream(name) in streams:
            return await _last(log, StreamId(each, construct_stream(name)))
    return None


_EDIT: Final = re.compile(r"(?:s|e)\d+(?:\.[a-z]+)?(?:~\d+)?(?:\.\d+)?")
"""What edits and candidates of training runs are called."""


async def find_edit(log: EventLog, text: str) -> EventAddress | None:
    """Find what became of an edit or a candidate of a training run: ``s3.1``, of the latest run, or ``RUN:s3``.

    None: it is not called like one, or the run trains nothing.

    Raises:
        IdUnknown: The run trains a skill, and has no such edit; or there is no such run.
    """
    run, colon, name = text.rpartition(":")
    if run == BLOB or not _EDIT.fullmatch(name) or not (colon or await log.runs()):
        return None
    trained = await skill_of_run(log, await find_run(log, run if colon else LATEST))
    if trained is None:
        return None
    candidate, place = choose_edit(trained.run, name)
    edit = next((each for each in candidate.edits if each.place == place), None)
    decided = candidate.at if edit is not None and not edit.applied else candidate.ended or candidate.at
    return EventAddress(trained.run.run, decided)


def revision_of(event: SkillRevised | SkillImported) -> int:
    """Number a revision: from 1; 0 for an imported skill."""
    return event.revision if isinstance(event, SkillRevised) else 0


async def _of_run(log: EventLog, run: str, name: str) -> AsyncIterator[FoundSkill]:
    for stream in _called_after(await streams_of(log, run), name):
        for recorded in await _history(log, Selection(stream=StreamId(run, stream), tags=_SKILLS)):
            event = recorded.event
            if isinstance(event, SkillRevised | SkillImported) and event.skill == name:
                yield FoundSkill(recorded, event)


def _called_after(streams: dict[str, int], name: str) -> Iterator[str]:
    """List the trials of a task that a skill of this name may be of; where a task is tried often, they are numbered."""
    for stream in streams:
        kind, _, trial = stream.partition("/")
        task = trial.rpartition(".")[0]
        if kind == "trial" and name in {trial, *map(_skill_of, filter(None, (trial, task)))}:
            yield stream


def _skill_of(task: str) -> str:
    try:
        return skill_name_for(task)
    except ValueError:
        return task


async def _at(log: EventLog, position: int) -> EventAddress:
    async for recorded in log.read(Selection(after=position - 1, until=position)):
        return EventAddress(recorded.stream.run, (await RunPositions(log).of(recorded)).ref)
    raise IdUnknown(str(position), "event at position", [f"1 to {(await log.head()).position}"])


async def _of_attempt(log: EventLog, target: AttemptTarget) -> EventAddress:
    """Give what its trial noted of it; before that its verdict, and before that its last event."""
    trial = StreamId(target.run, trial_stream(target.trial))
    for recorded in await _history(log, Selection(stream=trial, tags={"trial.attempt_concluded"})):
        if isinstance(recorded.event, AttemptConcluded) and recorded.event.attempt == target.attempt:
            return EventAddress(target.run, recorded.ref)
    stream = StreamId(target.run, attempt_stream(target.trial, target.attempt))
    history = await _history(log, Selection(stream=stream))
    ended = [each for each in history if isinstance(each.event, AttemptJudged | AttemptAbandoned)]
    return EventAddress(target.run, (ended or history)[-1].ref)


async def _last(log: EventLog, stream: StreamId) -> EventAddress:
    versions = await streams_of(log, stream.run)
    if stream.name not in versions:
        raise IdUnknown(f"{stream.run}:{stream.name}", "stream", list(versions))
    return EventAddress(stream.run, Ref(stream.name, versions[stream.name]))


async def _history(log: EventLog, selection: Selection) -> list[Recorded]:
    """Read events of a run, those included that it has of its ancestors."""
    return [each async for page in pages_of(log, selection) for each in page]
