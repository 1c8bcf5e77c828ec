"""A difference between the record and the same again: where, which field, both values, and what may be behind it."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from engine.config.spec import canonical
from engine.core.decision import Reruled, Unanswered
from engine.core.errors import HistoryEnded, HistoryUnread, ReplayDiverged
from engine.core.history import RunHistory
from engine.core.prompts import Prompts
from engine.core.trial_histories import EventReader
from engine.runtime.plan import recorded_specs
from events.base import Recorded, Ref, StreamId
from events.codec import as_today, decode, tag_of
from events.store.base import EventLog, Selection
from events.store.chain import GENESIS, link, stream_part
from events.types.run import RunOpened
from replay.grounding import Grounds
from replay.redecide import Fields, Redecided
from replay.substitution import refs_in_order

NOTHING = "nothing"
"""Stands for a value that is not there."""


class Here(NamedTuple):
    """What this installation would run with."""

    package: str
    """Its version."""
    prompts: Prompts


class Nearest(NamedTuple):
    """A recorded fact close to what was decided."""

    at: Ref
    why: str
    """What it has to do with it."""


class Difference(NamedTuple):
    """One place at which the same again is not the same."""

    strength: Literal["redecide", "rerun"]
    point: str
    """Kind of the decision; empty where a rerun does not know."""
    at: Ref
    field: str
    recorded: str
    """As JSON."""
    decided: str
    """As JSON."""
    nearest: Nearest | None
    """None: nothing like it is recorded."""


class RevisionNote(NamedTuple):
    """Rulings made under another revision of a point, and made otherwise by this version: no difference."""

    point: str
    recorded_revision: int
    revision: int
    """This version's."""
    places: tuple[Ref, ...]


async def of_decision(made: Redecided, events: EventReader) -> list[Difference]:
    """Name the fields of a decision that come out otherwise; none at a point that was revised since."""
    if made.revised or not made.differences:
        return []
    refs = [] if made.entry.point is None else refs_in_order(made.entry.saw)
    nearest = await _rested(refs[-1], events) if refs else None
    return [
        Difference(
            "redecide", made.point, made.at, name, _json(made.recorded, name), _json(made.decided, name), nearest
        )
        for name in made.differences
    ]


async def of_inputs(made: Redecided, grounds: Grounds) -> list[Difference]:
    """Name the values that a decision is said to have seen and that their events do not hold."""
    return [
        Difference("redecide", made.point, made.at, f"inputs: {each.field}", _said(each.held), _said(each.seen), near)
        for each in await grounds.ungrounded(made.entry)
        for near in [Nearest(each.at, "the event that it was based on")]
    ]


def _said(value: Any) -> str:
    return NOTHING if value is None else msgspec.json.encode(value).decode()


async def _rested(at: Ref, events: EventReader) -> Nearest | None:
    found = await events.at(at)
    return None if found is None else Nearest(at, f"{tag_of(found.event)}, on which it rested")


def notes_of(made: Sequence[Redecided], rerun: Sequence[Reruled | Unanswered]) -> list[RevisionNote]:
    """Sum up what this version rules otherwise where a point was revised, by whichever way it was found."""
    places: dict[tuple[str, int, int], set[Ref]] = {}
    for each in made:
        if each.revised and each.differences and each.entry.point is not None:
            key = each.point, each.entry.revision, each.entry.point.revision
            places.setdefault(key, set()).add(each.at)
    for note in rerun:
        if isinstance(note, Reruled):
            places.setdefault((note.point, note.recorded_revision, note.revision), set()).add(note.at)
    return [RevisionNote(*key, tuple(sorted(refs))) for key, refs in sorted(places.items())]


def of_rerun(error: ReplayDiverged | HistoryUnread | HistoryEnded, histories: RunHistory) -> Difference:
    """Say where a rerun parted from the record."""
    history = histories.by_stream.get(error.stream, ())
    match error:
        case ReplayDiverged():
            at = Ref(error.stream, error.version)
            nearest = _nearest(history, error.version, error.event)
            return Difference("rerun", "", at, error.field, error.recorded, error.decided, nearest)
        case HistoryUnread():
            unread = history[error.read]
            before = _before(history, unread.version)
            recorded = unread.payload.decode()
            return Difference("rerun", "", unread.ref, "event", recorded, NOTHING, before)
        case HistoryEnded():
            at = Ref(error.stream, error.version + 1)
            return Difference("rerun", "", at, "event", NOTHING, error.wanted, _before(history, at.version))


def _nearest(history: Sequence[Recorded], version: int, payload: bytes) -> Nearest | None:
    """Find what was decided elsewhere in the stream, else the last event of its kind, else the one before."""
    for each in history:
        if as_today(each) == payload:
            return Nearest(each.ref, f"what was decided is recorded {_apart(each.version - version)}")
    tag = tag_of(decode(payload))
    same = [each for each in history if each.version < version and tag_of(each.event) == tag]
    return Nearest(same[-1].ref, f"the last {tag} before it") if same else _before(history, version)


def _before(history: Sequence[Recorded], version: int) -> Nearest | None:
    before = [each for each in history if each.version < version]
    return Nearest(before[-1].ref, f"the event before it, {tag_of(before[-1].event)}") if before else None


def _apart(versions: int) -> str:
    count = f"{abs(versions)} event{'' if abs(versions) == 1 else 's'}"
    return f"{count} later" if versions > 0 else f"{count} earlier"


def _json(fields: Fields, name: str) -> str:
    return msgspec.json.encode(fields[name]).decode() if name in fields else NOTHING


async def likely_causes(log: EventLog, histories: RunHistory, here: Here, known: Sequence[Difference]) -> list[str]:
    """Say what may be behind differences, the surest first. Never empty.

    Args:
        log: Which holds the run.
        histories: All it recorded.
        here: What this installation would run with.
        known: The decisions that come out otherwise.
    """
    edits = [_edited(each) async for each in _edits(log, histories)]
    causes, opened = list(edits), histories.opened
    if opened is not None:
        causes += await _inputs(log, opened, here)
    points = dict.fromkeys(each.point for each in known)
    if points and not edits:
        causes.append(f"the policy of {', '.join(points)} decides differently from the same inputs")
    return causes or ["no event and no input changed: an actor, or code that it calls, has changed"]


def _edited(recorded: Recorded) -> str:
    place = f"{recorded.stream.name}@{recorded.version} ({tag_of(recorded.event)}, position {recorded.position})"
    return f"{place} was changed after it was written: `stillroom log verify` confirms it"


async def _inputs(log: EventLog, opened: RunOpened, here: Here) -> list[str]:
    causes = []
    if opened.package != here.package:
        causes.append(f"the run was made by stillroom {opened.package}, and this is {here.package}")
    recorded, read = await log.get(opened.spec), canonical((await recorded_specs(log, opened, ()))[0])
    if read != recorded:
        keys = ", ".join(_other_keys(msgspec.json.decode(recorded), msgspec.json.decode(read)))
        causes.append(f"its spec decodes differently: this version knows other keys ({keys})")
    return causes


def _other_keys(before: object, now: object, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Name the keys of two settings that only one has, or that differ, with dots."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        yield from () if before == now else (".".join(path),)
        return
    for key in sorted(before.keys() | now.keys()):
        yield from _other_keys(before.get(key, NOTHING), now.get(key, NOTHING), (*path, key))


async def _edits(log: EventLog, histories: RunHistory) -> AsyncIterator[Recorded]:
    """Give the run's events that no longer fit their digests."""
    by_position = {each.position: each for history in histories.by_stream.values() for each in history}
    before, parts = GENESIS, dict[StreamId, bytes]()
    async for page in log.rows(Selection(until=max(by_position))):
        for row in page:
            stream = StreamId(row.run, row.name)
            part = parts.setdefault(stream, stream_part(stream))
            fits = link(before, (row.position, row.version, row.at), part, row.cause, row.payload) == row.digest
            before = row.digest
            if row.position in by_position and not fits:
                yield by_position[row.position]


class PromptChanged(NamedTuple):
    """A text that is not what this installation would give."""

    name: str
    recorded: str
    """Its digest; empty if the run had none of that name."""
    here: str
    """Digest of the package's; empty if it has none of that name."""


def changed_prompts(opened: RunOpened, here: Prompts) -> list[PromptChanged]:
    """Name the prompts that differ. A rerun uses those of the run; a resume would refuse."""
    before = {each.name: str(each.digest) for each in opened.prompts}
    now: dict[str, str] = dict(here.digests)
    names = sorted(before.keys() | now.keys())
    return [
        PromptChanged(name, before.get(name, ""), now.get(name, ""))
        for name in names
        if before.get(name) != now.get(name)
    ]
