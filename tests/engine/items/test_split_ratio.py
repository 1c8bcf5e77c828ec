"""A list of items is cut into splits in the counts that the published sets have."""

import pytest

from engine.items.errors import RatioInvalid
from engine.items.split_ratio import SplitRatio, read_ratio, split_counts


@pytest.mark.parametrize(
    ("items", "ratio", "counts"),
    [
        (2000, (2, 1, 7), (400, 200, 1400)),
        (177, (2, 1, 7), (35, 18, 124)),
        (11, (3, 3, 4), (3, 3, 5)),
        (2, (1, 1, 1), (1, 1, 0)),
        (2, (1, 1, 2), (1, 0, 1)),
        (4, (1, 5, 2), (0, 3, 1)),
        (2, (2, 1, 7), (1, 0, 1)),
        (0, (2, 1, 7), (0, 0, 0)),
    ],
)
def test_what_is_left_over_goes_to_the_largest_remainder(
    items: int, ratio: tuple[int, int, int], counts: tuple[int, int, int]
) -> None:
    """Of equal ones to the larger weight; and no item is lost."""
    assert split_counts(items, SplitRatio(*ratio)) == counts
    assert sum(counts) == items


def test_a_ratio_is_read() -> None:
    """With spaces, too."""
    assert read_ratio(" 2 : 1 : 7 ") == (2, 1, 7)


@pytest.mark.parametrize("text", ["", "2:1", "2:1:7:1", "0:1:1", "1:-1:1", "a:b:c", "0.2:0.1:0.7"])
def test_what_is_no_ratio_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(RatioInvalid, match="is no ratio"):
        read_ratio(text)
