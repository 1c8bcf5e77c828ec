"""Sets of items: who opened them, what for, and how many decisions rested on them, by what their items hold.

Neither the name of a set nor those of its items count: a set that was renamed is the same set.
"""

from collections.abc import Collection, Iterator
from typing import Any, Final, get_args

import msgspec

from events.base import Recorded
from events.catalog import AnyEvent
from events.codec import tag_of
from events.digest import Digest, Fingerprint
from events.types.item_set import DecidedOnSets, SetOpened, SetPurpose
from projections.base import Blobs

_DECISIONS: Final = tuple(kind for kind in get_args(AnyEvent) if issubclass(kind, DecidedOnSets))
_TAGS: Final = frozenset(str(kind.__struct_config__.tag) for kind in (SetOpened, *_DECISIONS))


class SetOpening(msgspec.Struct, frozen=True):
    """A run opened the set."""

    run: str
    position: int
    """In the log."""
    at: int
    """Microseconds since 1970, UTC."""
    name: str
    """What the run calls it."""
    purpose: SetPurpose | None
    """None: its spec does not say."""


class SetDecision(msgspec.Struct, frozen=True, order=True):
    """A decision rested on the set."""

    position: int
    """In the log."""
    run: str
    stream: str
    version: int
    """Place in its stream, from 1."""
    at: int
    """Microseconds since 1970, UTC."""
    kind: str
    """Tag of the event that records it, such as ``evaluation.compared``."""


class ItemSetState(msgspec.Struct):
    """One set."""

    items: tuple[str, ...] = ()
    """Digests of its items, sorted. Empty: the log holds decisions on it, and not its opening."""
    openings: list[SetOpening] = []
    """In the order of the log."""
    decisions: list[SetDecision] = []
    """In the order of the log."""

    @property
    def names(self) -> tuple[str, ...]:
        """What runs call it, sorted."""
        return tuple(sorted({each.name for each in self.openings}))

    @property
    def purposes(self) -> tuple[SetPurpose, ...]:
        """What runs said it is for, sorted; those that said nothing left out."""
        return tuple(sorted({each.purpose for each in self.openings if each.purpose is not None}))


class ItemSetsState(msgspec.Struct):
    """All sets of a log."""

    sets: dict[Fingerprint, ItemSetState] = {}
    """By digest, in the order in which they were opened first."""


class SetOverlap(msgspec.Struct, frozen=True):
    """Another set that shares items with one."""

    digest: Fingerprint
    shared: int
    """Items that both hold."""


def overlaps(state: ItemSetsState, digest: Fingerprint) -> tuple[SetOverlap, ...]:
    """Find the other sets that share items with a set, in the order in which they were opened."""
    own = state.sets[digest].items if digest in state.sets else ()
    return tuple(each for each in _sharing(state, own) if each.digest != digest)


def decisions_on(state: ItemSetsState, items: Collection[str]) -> tuple[SetDecision, ...]:
    """Find the decisions that rested on any of some items, in whichever set, in the order of the log; each once.

    Args:
        state: All sets.
        items: Digests of the items.
    """
    found = {each for shared in _sharing(state, items) for each in state.sets[shared.digest].decisions}
    return tuple(sorted(found))


def _sharing(state: ItemSetsState, items: Collection[str]) -> Iterator[SetOverlap]:
    wanted = frozenset(items)
    for digest, each in state.sets.items():
        shared = len(wanted.intersection(each.items))
        if shared:
            yield SetOverlap(digest, shared)


class ItemSets:
    """The projection."""

    name = "item_sets"
    revision = 1
    tags: frozenset[str] | None = _TAGS

    def initial(self) -> ItemSetsState:
        """Give the state before any event."""
        return ItemSetsState({})

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Need the list of a set's items."""
        return (recorded.event.items,) if isinstance(recorded.event, SetOpened) else ()

    def apply(self, state: ItemSetsState, recorded: Recorded, blobs: Blobs) -> ItemSetsState:
        """Fold one event in."""
        event = recorded.event
        if isinstance(event, SetOpened):
            own = state.sets.setdefault(event.digest, ItemSetState((), [], []))
            if not own.items:
                held = blobs.get(event.items)  # None: it was erased, and nobody can say which items they were
                own.items = () if held is None else items_of(held)
            run = recorded.stream.run
            own.openings.append(SetOpening(run, recorded.position, recorded.at, event.name, event.purpose))
        elif isinstance(event, DecidedOnSets):
            for digest in dict.fromkeys(event.sets):
                state.sets.setdefault(digest, ItemSetState((), [], [])).decisions.append(_decision(recorded))
        return state

    def state_type(self) -> type[Any]:
        """Say which type a snapshot decodes to."""
        return ItemSetsState


def items_of(data: bytes) -> tuple[str, ...]:
    """Read the digests of a set's items from the list that `SetOpened` names, sorted; () if it is not such a list."""
    try:
        return tuple(sorted(msgspec.json.decode(data, type=dict[str, str]).values()))
    except msgspec.MsgspecError:
        return ()


def _decision(recorded: Recorded) -> SetDecision:
    return SetDecision(
        position=recorded.position,
        run=recorded.stream.run,
        stream=recorded.stream.name,
        version=recorded.version,
        at=recorded.at,
        kind=tag_of(recorded.event),
    )
