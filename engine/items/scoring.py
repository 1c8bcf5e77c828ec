"""The score of what came back from rolling an item out: one scorer, whichever way it was rolled out; pure."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final, assert_never

import msgspec

from engine.items.base import Item, ItemAnswer, Mark, Rolled, marked
from engine.items.registry import item_format
from engine.items.worlds.base import ACTIONS, STATE, HasWorld, lived, world_named
from engine.policies.inline_reasoning import split_reasoning
from events.digest import Digest, digest_of
from projections.exposure import Exposure


def score(
    item: Item,
    rolled: Rolled,
    read: Callable[[Digest], bytes],
    judged: str | None = None,
    exposure: Mapping[str, Exposure] | None = None,
) -> Mark:
    """Score what came back of an item.

    Args:
        item: With what is expected.
        rolled: What came back.
        read: Gives the bytes of the answer, and of files that item and answer name.
        judged: What a judge model said of the answer. None: it said nothing.
        exposure: Which skills were read. None: nobody can know, or it has no say.

    Raises:
        NameUnknown: No installed package registers the item's format.
    """
    match rolled.ending:
        case "answered":
            heard = None if judged is None else split_reasoning(judged).said
            text = "" if rolled.answer is None else read(rolled.answer).decode("utf-8", "replace")
            files = {each.name: each.digest for each in rolled.files}
            form = item_format(item.format)
            if isinstance(form, HasWorld) and ACTIONS in files:
                files, read = _lived(item, form.world, files, read)
            said = ItemAnswer(split_reasoning(text).said, read, files, heard, exposure)
            return form.score(item, said)
        case "turn_limit" | "context_limit":
            return marked(hard=False, soft=Fraction(0), answer=None, reasons=(rolled.detail,))
        case "infrastructure" | "budget" | "stopped":
            return Mark("infrastructure", None, None, None, (rolled.detail,))
        case _:
            assert_never(rolled.ending)


def _lived(
    item: Item, world: str, files: Mapping[str, Digest], read: Callable[[Digest], bytes]
) -> tuple[dict[str, Digest], Callable[[Digest], bytes]]:
    """Live the world of an item by the actions that were taken in it, so that its last state can be scored."""
    actions = msgspec.json.decode(read(files[ACTIONS]), type=list[str])
    state = _encoder.encode(lived(world_named(world), item.expected, actions).state)
    named = digest_of(state)
    return {**files, STATE: named}, lambda digest: state if digest == named else read(digest)


_encoder: Final = msgspec.json.Encoder(order="deterministic")
