"""Which edits of a step are applied, where there are more than its rate; pure."""

from collections.abc import Mapping


def needs_ranking(items: int, budget: int | None) -> bool:
    """Say whether a model has to choose. ``budget`` None: no limit."""
    return budget is not None and items > budget


def read_ranking(
    answer: Mapping[str, object] | None, items: int, budget: int, *, compatible: bool = False
) -> tuple[int, ...] | None:
    """Read which items a model chose, and in which order they are applied.

    Args:
        answer: The object it answered with; what counts is the list ``selected_indices``. None: there was none.
        items: How many there are to choose from.
        budget: Items at most, 0 or more.
        compatible: Whether one item is kept where the budget is 0 (W15), and ``true`` counts as 1, as with SkillOpt.

    Returns:
        Indices from 0, the first one first, each once; those that name no item are left out. None: nothing can be
        read of it, and the first items stand (`first_items`).
    """
    if budget <= 0 and not compatible:
        return ()
    named = None if answer is None else answer.get("selected_indices")
    if not isinstance(named, list):
        return None
    chosen = [each for each in named if _is_index(each, compatible=compatible) and 0 <= each < items]
    return tuple(dict.fromkeys(int(each) for each in chosen))[: max(budget, 1)] or None


def first_items(items: int, budget: int) -> tuple[int, ...]:
    """Give the indices that stand where no ranking could be read."""
    return tuple(range(items)[:budget])


def _is_index(value: object, *, compatible: bool) -> bool:
    return isinstance(value, int) and (compatible or not isinstance(value, bool))
