"""One number is compared, and it says what it rests on."""

from math import inf, isnan, nan

import pytest

from engine.policies.training.errors import SettingUnknown
from engine.policies.training.scores import (
    GateMetric,
    Means,
    gate_score,
    leading_word_density,
    means_of,
    pooled,
    short_digest,
)


@pytest.mark.parametrize(
    ("metric", "weight", "score"),
    [
        ("hard", 0.5, 0.25),
        ("soft", 0.5, 0.75),
        ("mixed", 0.5, 0.5),
        ("mixed", 0.0, 0.25),
        ("mixed", 2.0, 0.75),
        ("mixed", -1.0, 0.25),
    ],
)
def test_the_metric_says_what_counts(metric: GateMetric, weight: float, score: float) -> None:
    """A weight beyond its bounds is the bound."""
    assert gate_score(0.25, 0.75, metric, weight) == score
    assert gate_score(0.25, 0.75) == 0.25
    assert gate_score(0.25, 0.75, "mixed") == 0.5


def test_a_metric_that_does_not_exist_is_refused() -> None:
    """Case counts, as in every setting."""
    with pytest.raises(SettingUnknown, match="'Hard'"):
        gate_score(1, 1, "Hard")  # type: ignore[arg-type]  # what a file may hold


def test_what_is_no_number_stays_none() -> None:
    """It is passed on, and whoever compares it accepts nothing."""
    assert isnan(gate_score(nan, 1, "mixed"))
    assert gate_score(inf, 0, "hard") == inf


def test_no_rows_have_no_mean() -> None:
    """SkillOpt takes them for a score of 0, which a candidate can be rejected by."""
    assert means_of(()) is None
    assert means_of((), compatible=True) == Means(0.0, 0.0)
    assert means_of([(1, 0.5), (0, 0.25)]) == Means(0.5, 0.375)


def test_a_mean_is_rounded_once() -> None:
    """Ten tenths are 1, not a little less, so that a tie is a tie; the published numbers keep their rounding."""
    rows = [(0.1, 0.7)] * 10
    assert means_of(rows) == Means(0.1, 0.7)
    means = means_of(rows, compatible=True)
    assert means is not None
    assert means.hard < 0.1


def test_batches_count_by_their_rows() -> None:
    """Not each the same."""
    assert pooled([(Means(1.0, 0.5), 3), (Means(0.0, 0.5), 1)]) == Means(0.75, 0.5)
    assert pooled([(Means(0.0, 0.0), 0)]) == Means(0.0, 0.0)


@pytest.mark.parametrize(
    ("text", "density"),
    [("", 0.0), ("You MUST always verify. never guess.", 4 / 6), ("mustn't IMPORTANT-note x1", 1 / 5), ("plain", 0.0)],
)
def test_leading_words_are_counted_whatever_their_case(text: str, density: float) -> None:
    """Among all words."""
    assert leading_word_density(text) == density
    assert leading_word_density("foo bar foo", ["FOO"]) == 2 / 3


def test_words_of_protected_blocks_do_not_count() -> None:
    """Nor does a marker that has no other."""
    slow = "<!-- SLOW_UPDATE_START -->"
    assert leading_word_density(f"must {slow} MUST MUST <!-- SLOW_UPDATE_END -->word") == 1 / 2
    assert leading_word_density(f"MUST {slow} orphan word") == 1 / 3


def test_a_text_is_named_by_its_bytes() -> None:
    """The beginning of its SHA-256."""
    assert short_digest("é") == "4a99557e4033c353"
