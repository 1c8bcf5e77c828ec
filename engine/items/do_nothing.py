"""The do-nothing baseline: what an item scores if nobody works on it; pure.

An item that is right already says nothing of a skill: no gate counts it, and reports show how many there are.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from engine.items.base import BeginsWithFiles, ByExposure, Item, ItemAnswer, Mark
from engine.items.registry import item_format
from engine.items.worlds.base import STATE, HasWorld, world_named
from events.digest import Digest, digest_of

DO_NOTHING_AGENT: Final = "nop"
"""Agent whose score a task has if nobody works on it."""
_encoder: Final = msgspec.json.Encoder(order="deterministic")


def do_nothing_mark(item: Item, read: Callable[[Digest], bytes]) -> Mark:
    """Score an item as it stands: an empty answer, the files that it begins with, its world before the first action.

    Args:
        item: With what is expected.
        read: Gives the bytes of a file that the item names.

    Returns:
        The mark. Its outcome is ``infrastructure`` where no rule can tell, such as where a judge model would have to.

    Raises:
        NameUnknown: No installed package registers the item's format, or its world.
    """
    form = item_format(item.format)
    if isinstance(form, BeginsWithFiles):
        return form.score(item, ItemAnswer("", read, form.untouched(item)))
    if isinstance(form, HasWorld):
        state = _encoder.encode(world_named(form.world).begin(item.expected).state)
        named = digest_of(state)
        return form.score(
            item, ItemAnswer("", lambda digest: state if digest == named else read(digest), {STATE: named})
        )
    # Where it counts which skills are read: none is.
    return form.score(item, ItemAnswer("", read, exposure={} if isinstance(form, ByExposure) else None))


def right_untouched(item: Item, read: Callable[[Digest], bytes]) -> bool:
    """Say whether an item is right if nobody works on it.

    Raises:
        NameUnknown: No installed package registers the item's format, or its world.
    """
    return do_nothing_mark(item, read).outcome == "solved"
