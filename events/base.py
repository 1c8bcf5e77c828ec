"""What an event is, and what the log adds to it when it is kept.

An event is a fact in the past tense: frozen, values only, without identity or time of its own. The log
gives it a place (position, stream, version), a time and a digest: together they are a `Recorded`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from events.digest import Digest


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="tag", gc=False):
    """A fact. Every concrete event is frozen and carries a tag for life: ``family.past_tense``.

    A default never hides a missing fact. A field that may be unknown says what None means. Anything large
    is named by its `Digest` and kept as a blob.
    """


class LookupAsked(Event, frozen=True):
    """Base of requests that are answered from the log, or from what a process folded from it.

    They touch nothing, so that nothing has to be durable before: request and answer are recorded together.
    """


class Ref(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, order=True, gc=False):
    """An event of the same run, by its place in its stream.

    Never a position: forks, bundles and reruns have other positions and must compare equal.
    """

    stream: str
    """Name of the stream, relative to the run, such as ``attempt/greet/2``."""
    version: int
    """Place in the stream, from 1."""


class StreamId(NamedTuple):
    """One history with one writer."""

    run: str
    """Id of the run that owns the stream."""
    name: str
    """Name relative to the run, such as ``trial/greet``."""


class Draft(NamedTuple):
    """An event on its way into the log."""

    event: Event
    cause: Ref | None
    """The event of the same run that this one answers; None if it answers none."""


class Appended(NamedTuple):
    """Where an append ended up. All its events stand side by side."""

    position: int
    """Place of the first event in the whole log, from 1."""
    version: int
    """Version of the *last* event in its stream."""
    at: int
    """When the append was made: microseconds since 1970, UTC. One time for the whole append."""
    kept: Sequence[Event] | None = None
    """Its events as the log keeps them, with known secrets replaced. None: as they were given."""


class Recorded(NamedTuple):
    """An event with its place in the log."""

    position: int
    """Place in the whole log, from 1, without gaps."""
    stream: StreamId
    version: int
    """Place in its stream, from 1, without gaps."""
    cause: Ref | None
    at: int
    """Microseconds since 1970, UTC."""
    event: Event
    payload: bytes
    """The canonical JSON bytes that were written; equality of histories is equality of these."""
    digest: Digest
    """Digest of the chain up to and including this event."""

    @property
    def ref(self) -> Ref:
        """How other events of the run refer to this one."""
        return Ref(self.stream.name, self.version)


class Fence(NamedTuple):
    """Proof of owning a run: appends made under an older token are refused."""

    run: str
    token: int
    """Grows by one each time the run changes hands."""
