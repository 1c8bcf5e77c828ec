"""The rate runs as SkillOpt's schedules do, counts the steps that act, and halves do not hang on the last bits."""

import pytest

from engine.policies.training.errors import SettingUnknown
from engine.policies.training.rate import RateMode, RateRead, RateRule, rate_at, read_rate, reflect_budget


def _run(mode: RateMode, most: int, least: int, steps: int, *, compatible: bool = False) -> list[int | None]:
    rule = RateRule(mode, most, least, steps, compatible)
    return [rate_at(rule, step) for step in range(1, max(steps, 1) + 3)]


@pytest.mark.parametrize("compatible", [False, True])
def test_schedules_run_from_most_to_least(*, compatible: bool) -> None:
    """The published runs rest on these numbers; beyond the last step a schedule stays where it is."""
    assert _run("cosine", 8, 2, 8, compatible=compatible) == [8, 7, 6, 5, 4, 3, 2, 2, 2, 2]
    assert _run("linear", 8, 2, 8, compatible=compatible) == [7, 6, 6, 5, 4, 4, 3, 2, 2, 2]
    assert _run("cosine", 4, 2, 8, compatible=compatible) == [4, 4, 3, 3, 3, 2, 2, 2, 2, 2]
    assert _run("constant", 3, 1, 2, compatible=compatible) == [3, 3, 3, 3]


@pytest.mark.parametrize("mode", ["linear", "cosine"])
@pytest.mark.parametrize("steps", [0, 1])
def test_a_run_of_one_step_is_bold(mode: RateMode, steps: int) -> None:
    """It has no later step to be careful in."""
    assert rate_at(RateRule(mode, 8, 2, steps), 1) == 8
    assert rate_at(RateRule(mode), 1) == 4
    assert rate_at(RateRule(mode, 8, 2, 2), 2) == 2


@pytest.mark.parametrize("mode", ["linear", "cosine"])
def test_a_rate_never_falls_below_its_least(mode: RateMode) -> None:
    """Even where the two are given the wrong way round."""
    assert set(_run(mode, 2, 4, 6)) == {4}


def test_a_half_is_rounded_to_the_even_number() -> None:
    """Where binary arithmetic falls a little to one side of a half, SkillOpt goes there (its own value keeps that)."""
    assert rate_at(RateRule("cosine", 2, 0, 3), 2) == 0
    assert rate_at(RateRule("cosine", 2, 0, 3, compatible=True), 2) == 1
    assert rate_at(RateRule("linear", 12, 1, 22), 15) == 4
    assert rate_at(RateRule("linear", 12, 1, 22, compatible=True), 15) == 5


def test_no_limit_is_no_number() -> None:
    """SkillOpt's value of none still limits (W14), and its autonomous rate is the number 999."""
    assert rate_at(RateRule("none"), 1) is None
    assert rate_at(RateRule("autonomous"), 1) is None


def test_a_schedule_that_does_not_exist_is_refused() -> None:
    """By the names of those that do."""
    with pytest.raises(SettingUnknown, match="'exponential'"):
        rate_at(RateRule("exponential"), 1)  # type: ignore[arg-type]  # what a file may hold


def test_reflections_are_asked_for_what_the_step_may_apply() -> None:
    """SkillOpt asks for the most at every step and throws the rest away (W21)."""
    late = RateRule("linear", 8, 2, 8)
    assert (reflect_budget(late, 8), rate_at(late, 8)) == (2, 2)
    assert reflect_budget(RateRule("linear", 8, 2, 8, compatible=True), 8) == 8
    assert reflect_budget(RateRule("autonomous", 5), 8) == 5


@pytest.mark.parametrize(
    ("said", "rate", "claimed"),
    [
        (99, 6, 99),
        (6, 6, 6),
        (0, 0, 0),
        (-4, 0, 0),
        (3.0, 3, 3),
        (0.0, 0, 0),
        (-2.0, 0, 0),
        ("0", 0, 0),
        (2.5, 2, 2),
        ("about 2 edits", 2, 2),
        ("-1", 0, 0),
        ([3], 3, 3),
    ],
)
def test_a_chosen_rate_is_read(said: object, rate: int, claimed: int) -> None:
    """From a number or a sentence; there are no more edits than there are."""
    assert read_rate({"learning_rate": said}, 6) == RateRead(rate=rate, claimed=claimed, readable=True)


@pytest.mark.parametrize(
    "answer", [None, {}, *({"learning_rate": each} for each in (None, True, "", "few", float("inf"), "9" * 5_000))]
)
def test_a_rate_that_cannot_be_read_applies_nothing(answer: dict[str, object] | None) -> None:
    """And says so: it is not the same as a chosen 0."""
    assert read_rate(answer, 6) == RateRead(rate=0, claimed=0, readable=False)
