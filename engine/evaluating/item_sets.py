"""Opening a set of items: an event, so that a log can say which decisions rested on which items."""

from collections.abc import Mapping

import msgspec

from engine.core.scope import Scope
from events.digest import Fingerprint, digest_of
from events.types.decision import Seen
from events.types.item_set import SetOpened, SetPurpose

_encoder = msgspec.json.Encoder(order="deterministic")


class SetSeen(msgspec.Struct, frozen=True):
    """Of `SetOpened`: a set whose scores a decision rests on."""

    name: str
    purpose: SetPurpose | None
    digest: Fingerprint


def set_digest(items: Mapping[str, Fingerprint]) -> Fingerprint:
    """Name a set by what its items hold, whatever they are called."""
    return Fingerprint(digest_of(_encoder.encode(sorted(items.values()))))


async def open_set(
    scope: Scope, name: str, purpose: SetPurpose | None, items: Mapping[str, Fingerprint]
) -> Seen[SetSeen]:
    """Record that a run opens a set; ask for it before the first of its items is begun.

    What is returned goes as it is into the inputs of each decision that rests on the set's scores. The event of such a
    decision is a `DecidedOnSets`, and names the digest.

    Args:
        scope: Of the run.
        name: What the set is called.
        purpose: What it is for. None: the spec does not say.
        items: The digest of each item by its name.
    """
    held, digest = scope.put(_encoder.encode(dict(items))), set_digest(items)
    opened = SetOpened(name, purpose, digest, held, len(items))
    return Seen(await scope.record(opened), SetSeen(name, purpose, digest))
