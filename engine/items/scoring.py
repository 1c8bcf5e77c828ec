"""The score of what came back from rolling an item out: one scorer, whichever way it was rolled out; pure."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import assert_never

from engine.items.base import Item, ItemAnswer, Mark, Rolled, marked
from engine.items.registry import item_format
from engine.policies.inline_reasoning import split_reasoning
from events.digest import Digest
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
            said = ItemAnswer(split_reasoning(text).said, read, files, heard, exposure)
            return item_format(item.format).score(item, said)
        case "turn_limit" | "context_limit":
            return marked(hard=False, soft=Fraction(0), answer=None, reasons=(rolled.detail,))
        case "infrastructure" | "budget" | "stopped":
            return Mark("infrastructure", None, None, None, (rolled.detail,))
        case _:
            assert_never(rolled.ending)
