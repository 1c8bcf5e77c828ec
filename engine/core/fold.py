"""Folding projections from the log: one pass, bounded memory, snapshots as a disposable shortcut."""

from collections.abc import Collection, Sequence
from typing import Any, Final, TypeVar

from engine.core import snapshots
from engine.core.lineage import pages_of
from events.base import Event
from events.codec import tag_of
from events.digest import Digest
from events.errors import BlobErased
from events.store.base import EVERYTHING, BlobStore, EventLog, Head, Selection
from projections.base import Blobs, Projection

S = TypeVar("S")

FAR: Final = 10_000
"""Events from which on it is worth to keep what was folded: some 50 ms."""

_NOTHING: Final[Blobs] = {}


async def fold(
    log: EventLog,
    projection: Projection[S],
    selection: Selection = EVERYTHING,
    *,
    state: S | None = None,
    erased: set[Digest] | None = None,
) -> S:
    """Fold a projection over the selected events, reading only those it looks at.

    Args:
        log: Where from.
        projection: What to fold.
        selection: Which events; tags in it narrow those of the projection further.
        state: Of the events before the selection; it is used up. None: there are none.
        erased: Takes in the digests of bytes that were erased, and without which the projection is folded. None: to
            need such bytes is an error.

    Raises:
        BlobMissing: Bytes it needs are gone.
    """
    state = projection.initial() if state is None else state
    apply, needs = projection.apply, projection.needs
    async for page in pages_of(log, _narrowed(selection, projection.tags)):
        for recorded in page:
            wanted = needs(recorded)
            # Most events need nothing, and an await for each of a million is felt.
            state = apply(state, recorded, await _fetched(log, wanted, erased) if wanted else _NOTHING)
    return state


async def fold_many(
    log: EventLog, projections: Sequence[Projection[Any]], selection: Selection = EVERYTHING
) -> list[Any]:
    """Fold several projections in one pass over the log; give their states in the order given.

    Each blob that an event names is fetched once, however many look at it.

    Raises:
        BlobMissing: Bytes one of them needs are gone.
    """
    states = [projection.initial() for projection in projections]
    await _fold_on(log, projections, selection, states)
    return states


async def fold_run(
    log: EventLog,
    projections: Sequence[Projection[Any]],
    run: str,
    *,
    head: Head | None = None,
    far: int = FAR,
    erased: set[Digest] | None = None,
) -> list[Any]:
    """Fold several projections over one run from where their states were kept; keep them again if that was far.

    Args:
        log: Where from.
        projections: What to fold.
        run: Its id.
        head: Up to where. None: to the end of the log.
        far: Events folded from which on the states are kept.
        erased: As in `fold`.

    Raises:
        BlobMissing: Bytes one of them needs are gone.
    """
    head = head or await log.head()
    after, states = await _kept(log, projections, run, head)
    rest, lacking = Selection(run=run, after=after, until=head.position), set[Digest]()
    folded = await _fold_on(log, projections, rest, states, None if erased is None else lacking)
    if erased is not None:
        erased |= lacking
    if folded >= far and not lacking:  # whoever finds a state that was kept must not need to ask what it lacks
        for projection, state in zip(projections, states, strict=True):
            await snapshots.keep(log, snapshot_of(projection, run), projection.revision, head, state)
    return states


async def fold_kept(
    log: EventLog, projection: Projection[S], head: Head, *, far: int = FAR, erased: set[Digest] | None = None
) -> S:
    """Fold a projection over the whole log from where its state was kept; keep it again if that was far.

    Args:
        log: Where from.
        projection: What to fold.
        head: Up to where.
        far: Positions from which on the state is kept.
        erased: As in `fold`.

    Raises:
        BlobMissing: Bytes it needs are gone.
    """
    found = await snapshots.find(log, projection.name, projection.revision)
    kept = None if found is None else snapshots.decoded(found, projection.state_type())
    after = 0 if found is None or kept is None or found.position > head.position else found.position
    rest, lacking = Selection(after=after, until=head.position), set[Digest]()
    begun = kept if after else None
    state = await fold(log, projection, rest, state=begun, erased=None if erased is None else lacking)
    if erased is not None:
        erased |= lacking
    if head.position - after >= far and not lacking:
        await snapshots.keep(log, projection.name, projection.revision, head, state)
    return state


async def fold_further(
    log: EventLog, projection: Projection[S], begun: tuple[int, S], head: Head, *, far: int = FAR
) -> S:
    """Go on with what this process folded of the whole log; keep it as often as `fold_kept` does.

    Args:
        log: Where from.
        projection: What to fold.
        begun: Position up to which it was folded, and the state then, which is used up.
        head: Up to where.
        far: Positions after which the state is kept again.

    Raises:
        BlobMissing: Bytes it needs are gone.
    """
    after, state = begun
    state = await fold(log, projection, Selection(after=after, until=head.position), state=state)
    if after // far < head.position // far:
        await snapshots.keep(log, projection.name, projection.revision, head, state)
    return state


def snapshot_of(projection: Projection[Any], run: str) -> str:
    """Name the snapshot of a projection's state of a run."""
    return f"{projection.name}/{run}"


async def _kept(log: EventLog, projections: Sequence[Projection[Any]], run: str, head: Head) -> tuple[int, list[Any]]:
    """Give the position up to which states were kept, and the states; all of one place, or none of any."""
    places, states = set[int](), list[Any]()
    for projection in projections:
        found = await snapshots.find(log, snapshot_of(projection, run), projection.revision)
        states.append(None if found is None else snapshots.decoded(found, projection.state_type()))
        places.add(0 if found is None else found.position)
    if len(places) > 1 or max(places) > head.position or any(state is None for state in states):
        return 0, [projection.initial() for projection in projections]
    return places.pop(), states


async def _fold_on(
    log: EventLog,
    projections: Sequence[Projection[Any]],
    selection: Selection,
    states: list[Any],
    erased: set[Digest] | None = None,
) -> int:
    """Go on with states, which are used up and replaced, and say how many events were folded."""
    looking: dict[type[Event], tuple[int, ...]] = {}
    folded = 0
    async for page in pages_of(log, selection._replace(tags=_any_of(selection, projections))):
        folded += len(page)
        for recorded in page:
            kind = type(recorded.event)
            if kind not in looking:
                tag = tag_of(recorded.event)
                looking[kind] = tuple(i for i, each in enumerate(projections) if each.tags is None or tag in each.tags)
            wanted = {digest: None for index in looking[kind] for digest in projections[index].needs(recorded)}
            blobs = await _fetched(log, wanted, erased) if wanted else _NOTHING
            for index in looking[kind]:
                states[index] = projections[index].apply(states[index], recorded, blobs)
    return folded


def _narrowed(selection: Selection, tags: frozenset[str] | None) -> Selection:
    """Leave only events that are both asked for and looked at."""
    if tags is None:
        return selection
    return selection._replace(tags=tags if selection.tags is None else tags.intersection(selection.tags))


def _any_of(selection: Selection, projections: Sequence[Projection[Any]]) -> Collection[str] | None:
    """Give the tags that any of them looks at. None: one looks at all."""
    tags: set[str] = set()
    for projection in projections:
        if projection.tags is None:
            return selection.tags
        tags |= projection.tags
    return _narrowed(selection, frozenset(tags)).tags


async def _fetched(blobs: BlobStore, wanted: Collection[Digest], erased: set[Digest] | None) -> Blobs:
    """Fetch bytes; where those that were erased are to be taken in, they are left out.

    Raises:
        BlobMissing: Some are gone.
    """
    found: dict[Digest, bytes] = {}
    for digest in wanted:
        try:
            found[digest] = await blobs.get(digest)
        except BlobErased:
            if erased is None:
                raise
            erased.add(digest)
    return found
