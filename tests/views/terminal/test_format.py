"""Figures and counts as people read them."""

import pytest

from views.terminal.format import plural


@pytest.mark.parametrize(
    ("count", "word", "said"),
    [
        (1, "success", "1 success"),
        (2, "success", "2 successes"),
        (2, "batch", "2 batches"),
        (2, "epoch", "2 epochs"),
        (0, "failure", "0 failures"),
        (1_200, "rollout", "1,200 rollouts"),
    ],
)
def test_a_count_has_its_word(count: int, word: str, said: str) -> None:
    """A word that ends in a hiss takes a syllable."""
    assert plural(count, word) == said
