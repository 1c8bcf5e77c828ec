"""The expected answer of an item, scored: what is not right then is wrong with the item, or with its scorer; pure."""

from collections.abc import Callable

from engine.items.base import HasGold, Item, ItemAnswer, Mark
from engine.items.registry import item_format
from events.digest import Digest


def gold_mark(item: Item, read: Callable[[Digest], bytes]) -> Mark | None:
    """Score the expected answer of an item.

    Args:
        item: With what is expected.
        read: Gives the bytes of a file that the item names.

    Returns:
        The mark. None: its format cannot write an expected answer down.

    Raises:
        NameUnknown: No installed package registers the item's format.
    """
    form = item_format(item.format)
    if not isinstance(form, HasGold):
        return None
    answer = form.gold(item)
    return form.score(item, ItemAnswer(answer.text, read, answer.files))
