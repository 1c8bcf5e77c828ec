"""What a projection is: a view folded from the log, which can be thrown away and folded again.

Laws, asked of every registered projection by ``tests/projections/test_laws.py``:

* total: an event it does not know leaves the state as it is;
* folding in two parts equals folding at once;
* a snapshot and the rest equal the whole;
* the state's bytes do not depend on the machine, the process or PYTHONHASHSEED.
"""

from collections.abc import Mapping
from typing import Protocol, TypeVar

import msgspec

from events.base import Recorded
from events.digest import Digest, digest_of

S = TypeVar("S")

Blobs = Mapping[Digest, bytes]
"""The bytes a fold asked for through `Projection.needs`, by digest. Immutable, so that reading is pure."""

_encoder = msgspec.json.Encoder(order="deterministic")


class Projection(Protocol[S]):
    """A named fold over recorded events."""

    name: str
    """Under which snapshots are kept; for life."""
    revision: int
    """Changes with the meaning of the state; older snapshots are then ignored."""
    tags: frozenset[str] | None
    """Tags of the events it looks at, so that others need not be read. None: all."""

    def initial(self) -> S:
        """Give the state before any event."""

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Name the blobs that `apply` will read for this event."""

    def apply(self, state: S, recorded: Recorded, blobs: Blobs) -> S:
        """Fold one event in.

        The state that is passed in is used up: it may be changed and returned, so that a fold over a
        million events does not copy a thousand trials a million times.
        """

    def state_type(self) -> type[S]:
        """Say which type a snapshot decodes to."""


def encode_state(state: object) -> bytes:
    """Write a state as canonical JSON."""
    return _encoder.encode(state)


def state_digest(state: object) -> Digest:
    """Name a state; equal digests mean equal views."""
    return digest_of(encode_state(state))
