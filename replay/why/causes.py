"""From an event to what it rests on: the table of looks, read against the past of its run."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, assert_never

from engine.core.lineage import streams_of
from events.base import Event, Recorded, Ref
from events.store.blob_refs import blobs_by_name
from events.streams import RUN, attempt_stream, is_trial, item_cell_of, item_stream, trial_of, trial_stream
from events.types.attempt import AttemptAbandoned, AttemptJudged, AttemptOpened
from events.types.decision import DecisionMade
from events.types.item import ItemOpened
from events.types.model import ModelAnswered, ModelAsked
from events.types.run import RunOpened
from events.types.sandbox import FilesTaken, SandboxFailed
from events.types.skill import EvidenceGathered, SkillRevised
from events.types.trial import AttemptConcluded, AttemptPlanned, TaskRead
from replay.why.loader import Past
from replay.why.nodes import BlobLink, EventLink, Form, Link, RequestLink, TaskLink
from replay.why.rules import BESIDE, BY_FIELDS, RESTS, Beside
from replay.why.selectors import (
    AttemptEnd,
    ByRole,
    Every,
    ItemWorkEnd,
    Kinds,
    Latest,
    LatestRuling,
    LatestSame,
    Look,
    Mention,
    NamedEvents,
    NextEvent,
    Opening,
    RunPrompts,
    Since,
    StreamEnds,
    StreamOpening,
    TrialDecisions,
    TrialEnds,
)

_FORMS: Final[Mapping[tuple[type[Event], str], Form]] = {
    (ModelAsked, "conversation"): "conversation",
    (EvidenceGathered, "references"): "references",
    (SkillRevised, "provenance"): "provenance",
}
"""Blobs that name further events and blobs, by event and field."""
_NOTHING_BESIDE: Final = Beside()
_LAST: Final[frozenset[Form]] = frozenset({"references", "provenance"})
"""Told last: what they name was told by then, in the order in which it happened."""


async def links_of(past: Past, recorded: Recorded) -> list[Link]:
    """List what an event rests on: the bytes it names, what it answers, and what its table entry says."""
    links: list[Link] = [*_fingerprints(recorded)]
    if recorded.cause is not None:
        links.append(EventLink("answers", recorded.cause))
    for look in RESTS.get(type(recorded.event), BY_FIELDS):
        links += await _looked(past, recorded, look)
    return _with_blobs(recorded.event, links)


async def links_of_decision(past: Past, recorded: Recorded, saw: Sequence[Link]) -> list[Link]:
    """List what a decision rests on: the bytes that its event names, what held its inputs, and what led up to it."""
    beside = BESIDE.get(type(recorded.event), _NOTHING_BESIDE)
    before, after = [[await _looked(past, recorded, look) for look in looks] for looks in beside]
    return _with_blobs(recorded.event, [*chain.from_iterable(before), *saw, *chain.from_iterable(after)])


def _with_blobs(event: Event, links: Sequence[Link]) -> list[Link]:
    """Add the bytes that an event names: before the rest, but for those that name events and blobs in turn."""
    blobs = [*_blobs(event)]
    first: list[Link] = [each for each in blobs if each.form not in _LAST]
    return [*first, *links, *[each for each in blobs if each.form in _LAST]]


def _blobs(event: Event) -> Iterator[BlobLink]:
    for name, digest in blobs_by_name(event):
        yield BlobLink(name, digest, _FORMS.get((type(event), name), "text"))


def _fingerprints(recorded: Recorded) -> Iterator[Link]:
    match recorded.event:
        case ModelAnswered(request=request) if recorded.cause is not None:
            yield RequestLink("request", request, recorded.cause)
        case TaskRead(task_digest=digest):
            yield TaskLink("task folder", digest, recorded.ref)
        case _:
            pass


async def _looked(past: Past, recorded: Recorded, look: Look) -> list[Link]:
    """Find what one line of the table means for an event."""
    match look:
        case Latest() | LatestSame() | Mention() | Every() | Since() | NextEvent():
            return [*_within(await past.stream(recorded.stream.name), recorded, look)]
        case RunPrompts():
            return [*_prompts(await past.opening(), look)]
        case Opening(label, quiet):
            return [EventLink(label, Ref("run", 1), quiet=quiet)]
        case NamedEvents() | StreamOpening():
            return [*(_named(recorded.event) if isinstance(look, NamedEvents) else _opening(recorded, look.label))]
        case AttemptEnd() | ItemWorkEnd() | TrialDecisions() | TrialEnds() | LatestRuling() | StreamEnds():
            return [EventLink(look.label, ref) for ref in await _elsewhere(past, recorded, look)]
        case ByRole(looks, others):
            found = [await _looked(past, recorded, each) for each in looks.get(_asked(recorded).role, others)]
            return [link for each in found for link in each]
        case _:
            assert_never(look)


def _named(event: Event) -> Iterator[EventLink]:
    """Find the events that an event names: its `Ref` fields, and those that hold several."""
    for field in event.__struct_fields__:
        part = getattr(event, field)
        for each in part if isinstance(part, tuple) else (part,):
            if isinstance(each, Ref):
                yield EventLink(field.replace("_", " "), each)


def _opening(recorded: Recorded, label: str) -> list[EventLink]:
    """Find what began the stream of an event that says of no other that it rests on it."""
    opening = Ref(RUN if recorded.version == 1 else recorded.stream.name, 1)
    alone = recorded.cause is None and not any(_named(recorded.event))
    return [EventLink(label, opening, quiet=True)] if alone and opening != recorded.ref else []


def _within(
    history: Sequence[Recorded], recorded: Recorded, look: Latest | LatestSame | Mention | Every | Since | NextEvent
) -> list[EventLink]:
    """Look along the event's own stream."""
    before = history[: recorded.version - 1]
    match look:
        case Latest(label, kinds, quiet):
            return [EventLink(label, each.ref, quiet=quiet) for each in _of(before, kinds)[-1:]]
        case LatestSame(label, kinds, field):
            own = getattr(recorded.event, field)
            same = [each for each in _of(before, kinds) if getattr(each.event, field) == own]
            return [EventLink(label, each.ref) for each in same[-1:]]
        case Mention(label, kinds, but):
            return [EventLink(label, each.ref, follow=False, quiet=True) for each in _of(before, kinds, but)[-1:]]
        case Every(label, kinds, but):
            return [EventLink(label, each.ref) for each in _of(before, kinds, but)]
        case Since(label, kinds, mark):
            marked = _of(before, mark)
            return [EventLink(label, each.ref) for each in _of(before[marked[-1].version :] if marked else (), kinds)]
        case NextEvent(label, kinds):
            return [EventLink(label, each.ref) for each in _of(history[recorded.version :], kinds)[:1]]
        case _:
            assert_never(look)


def _of(history: Sequence[Recorded], kinds: Kinds, but: tuple[str, ...] = ()) -> list[Recorded]:
    return [
        each
        for each in history
        if isinstance(each.event, kinds) and not (isinstance(each.event, DecisionMade) and each.event.point in but)
    ]


def _asked(recorded: Recorded) -> ModelAsked:
    assert isinstance(recorded.event, ModelAsked), recorded
    return recorded.event


async def _elsewhere(
    past: Past,
    recorded: Recorded,
    look: AttemptEnd | ItemWorkEnd | TrialDecisions | TrialEnds | LatestRuling | StreamEnds,
) -> list[Ref]:
    """Look into other streams of the run, or past shadows."""
    match look:
        case LatestRuling(kinds=kinds):
            before = (await past.stream(recorded.stream.name))[: recorded.version - 1]
            return [each.ref for each in _of(before, kinds) if getattr(each.event, "shadow", None) is None][-1:]
        case StreamEnds(streams=named):
            ends = [await past.stream(name) for name in named(recorded.event)]
            return [history[-1].ref for history in ends if history]
        case AttemptEnd():
            return await _attempt_end(past, recorded)
        case ItemWorkEnd():
            return await _work_end(past, recorded)
        case TrialDecisions():
            return await _plan(past, recorded)
        case TrialEnds():
            streams = await streams_of(past.log, past.run)
            return [Ref(name, version) for name, version in streams.items() if is_trial(name)]
        case _:
            assert_never(look)


async def _attempt_end(past: Past, recorded: Recorded) -> list[Ref]:
    event, trial = recorded.event, trial_of(recorded.stream.name)
    assert isinstance(event, AttemptConcluded), recorded
    assert trial is not None, recorded
    history = await past.stream(attempt_stream(trial, event.attempt))
    return [each.ref for each in _of(history, (AttemptJudged, AttemptAbandoned))[-1:]]


async def _work_end(past: Past, recorded: Recorded) -> list[Ref]:
    """Find how the last attempt at an item ended."""
    cell, number, found = item_cell_of(recorded.stream.name) or "", 1, list[Ref]()
    while history := await past.stream(attempt_stream(cell, number)):
        found = [each.ref for each in _of(history, (FilesTaken, SandboxFailed, AttemptAbandoned))[-1:]] or found
        number += 1
    return found


async def _plan(past: Past, recorded: Recorded) -> list[Ref]:
    event = recorded.event
    assert isinstance(event, AttemptOpened), recorded
    history = await past.stream(trial_stream(event.trial))
    planned = [
        each for each in history if isinstance(each.event, AttemptPlanned) and each.event.attempt == event.attempt
    ]
    if not history:  # the attempt is one at an item
        return [each.ref for each in _of(await past.stream(item_stream(event.trial)), (ItemOpened,))[:1]]
    return [each.ref for each in planned[:1]]


def _prompts(opening: Recorded | None, look: RunPrompts) -> list[BlobLink]:
    """Name the prompts a decision may use: those its run began with."""
    match opening:
        case Recorded(event=RunOpened(prompts=prompts)):
            return [
                BlobLink(f"{look.label} {each.name}", each.digest, "prompt")
                for each in prompts
                if each.name.startswith(look.beginnings)
            ]
        case _:
            return []
