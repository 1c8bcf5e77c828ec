"""Splits of one list of items by a ratio, such as 2:1:7, in the counts of the published sets."""

from typing import NamedTuple

from engine.items.errors import RatioInvalid


class SplitRatio(NamedTuple):
    """Weights of the three splits, each 1 or more."""

    train: int
    val: int
    test: int


class SplitCounts(NamedTuple):
    """Items of each split; together as many as there are."""

    train: int
    val: int
    test: int


def read_ratio(text: str) -> SplitRatio:
    """Read a ratio as it is written.

    Raises:
        RatioInvalid: It is not three whole numbers above 0 with colons between.
    """
    parts = [part.strip() for part in text.split(":")]
    parts = [part for part in parts if part]
    try:
        ratio = SplitRatio(*map(int, parts))
    except (TypeError, ValueError):
        raise RatioInvalid(text) from None
    if min(ratio) <= 0:
        raise RatioInvalid(text)
    return ratio


def split_counts(items: int, ratio: SplitRatio) -> SplitCounts:
    """Count the items of each split: the share rounded down, and what is left over to the largest remainders.

    Of equal remainders the larger weight comes first. Remainders are those of binary arithmetic, in which shares
    that are equal on paper may differ: the published sets were cut so.

    Args:
        items: How many there are, 0 or more.
        ratio: Of the splits.
    """
    shares = [items * weight / sum(ratio) for weight in ratio]
    counts = [int(share) for share in shares]
    by_remainder = sorted(range(len(ratio)), key=lambda at: (shares[at] - counts[at], ratio[at]), reverse=True)
    for at in by_remainder[: items - sum(counts)]:
        counts[at] += 1
    return SplitCounts(*counts)
