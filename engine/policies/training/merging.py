"""How the proposals of many reflections become one: groups, answers of the model that merges, and what came from where.

An item is what a proposal consists of, as the model writes it: an edit, a suggestion, or a draft of the whole
document. Which it is does not matter here. Failures and successes are merged apart, level by level, until one
proposal of each is left; then those two.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from engine.policies.training.cut import cut
from engine.policies.training.errors import SupportUnreadable

T = TypeVar("T")
Item = Mapping[str, object]
"""One item of a proposal, by the names of its fields."""
LEAST_OF_GROUP: Final = 2
"""Proposals of a group at least: a group of one leaves as many as there were."""


def groups(proposals: Sequence[T], size: int) -> tuple[tuple[T, ...], ...]:
    """Cut the proposals of one level into the groups that are merged, in order. A group of one is passed on as is."""
    return cut(proposals, max(size, LEAST_OF_GROUP))


def read_merged(answer: Mapping[str, object] | None, payload: str) -> tuple[Item, ...] | None:
    """Read what a model made of a group.

    Args:
        answer: The object it answered with. None: there was none.
        payload: Name of the field that holds the items.

    Returns:
        The items; none at all is an answer, too: the model found nothing worth keeping. None: this is not one, and the
        items of the group stand as they were (`concatenated`).
    """
    items = None if answer is None else answer.get(payload)
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        return None
    return tuple(items)


def concatenated(group: Sequence[Sequence[Item]]) -> tuple[Item, ...]:
    """Join the items of a group in order, which stands where no answer could be read: nothing is lost."""
    return tuple(item for proposal in group for item in proposal)


def at_level(items: Sequence[Item], level: int, *, merged: bool) -> tuple[Item, ...]:
    """Note on each item at which level it was merged.

    Args:
        items: Of one group.
        level: From 1.
        merged: Whether a model merged them; then what they say of a level is replaced. False: they were only joined,
            and keep the level they have.
    """
    if merged:
        return tuple({**item, "merge_level": level} for item in items)
    return tuple({"merge_level": level, **item} for item in items)


def sources_of(item: Item, claimed: Sequence[str], group: Sequence[Sequence[Item]]) -> tuple[str, ...]:
    """Say which reflections a merged item rests on, so that what came from where does not end at a merge (W20).

    Those that the model named and that are in the group; else those of the items that are the same; else all of the
    group, since the model made it of that.

    Args:
        item: As it was merged.
        claimed: Reflections that the model names for it.
        group: The items before, each with ``sources``.
    """
    before = [each for proposal in group for each in proposal]
    known = tuple(dict.fromkeys(name for each in before for name in _sources(each)))
    named = tuple(name for name in known if name in set(claimed))
    if named:
        return named
    same = tuple(dict.fromkeys(name for each in before if _same(each, item) for name in _sources(each)))
    return same or known


def support_of(sources: Sequence[str], rows: Mapping[str, int]) -> int:
    """Count the rows that the reflections behind an item saw; SkillOpt repeats what a model claims (W17)."""
    return sum(rows.get(name, 0) for name in dict.fromkeys(sources))


def claimed_support(claim: object) -> int:
    """Read the support as SkillOpt counts it: what the reflection says its batch held, at least 1.

    Raises:
        SupportUnreadable: It says something that is no number. SkillOpt's whole training ends at that (W17).
    """
    if isinstance(claim, int | float | str):
        with suppress(ValueError, OverflowError):
            return max(int(claim), 1)
    if not claim:
        return 1
    raise SupportUnreadable(claim)


def _sources(item: Item) -> tuple[str, ...]:
    named = item.get("sources", ())
    return tuple(str(each) for each in named) if isinstance(named, list | tuple) else ()


def _same(one: Item, other: Item) -> bool:
    beside = {"sources", "merge_level", "support_count", "source_type"}
    return {key: one[key] for key in one.keys() - beside} == {key: other[key] for key in other.keys() - beside}
