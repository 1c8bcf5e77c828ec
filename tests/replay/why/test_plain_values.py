"""Recorded values in words: amounts in dollars to their last digit, and no notation of a programming language."""

from typing import Any

import pytest

from replay.why.plain_values import dollars, plain, plain_name


@pytest.mark.parametrize(
    ("nano", "wanted"),
    [
        (0, "$0.00"),
        (29_500, "$0.0000295"),
        (1, "$0.000000001"),
        (1_500_000_000, "$1.50"),
        (1_234_000_000_001, "$1,234.000000001"),
        (-500_000_000, "-$0.50"),
    ],
)
def test_amounts_keep_every_digit(nano: int, wanted: str) -> None:
    """A call may cost less than what four digits can say."""
    assert dollars(nano) == wanted


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("cost", 2_340_500, "$0.0023405"),
        ("cost_most_nano_usd", 10**9, "$1.00"),
        ("cost", None, "none"),
        ("turns", 2_340_500, "2340500"),
        ("solved", True, "yes"),
        ("solved_at", 1.0, "1"),
        ("score", {"numerator": 1, "denominator": 3}, "1/3"),
        ("candidate", ["attempt/greet/1", 4], "attempt/greet/1@4"),
        ("names", ["attempt", 4], "attempt, 4"),
        (
            "items",
            [{"name": "a", "cost": 5}, {"name": "b", "cost": None}],
            "(name a, cost $0.000000005), (name b, cost none)",
        ),
        ("items", [], "none"),
        ("text", "{'a': 1}", "{'a': 1}"),
    ],
)
def test_values_have_no_braces_of_their_own(name: str, value: Any, wanted: str) -> None:
    """What is in a text stays as it is: it is the evidence."""
    assert plain(name, value) == wanted


def test_a_name_loses_the_unit_that_its_value_no_longer_has() -> None:
    """Dollars are written with their sign."""
    assert (plain_name("cost_least_nano_usd"), plain_name("nano_usd"), plain_name("cost")) == (
        "cost_least",
        "nano_usd",
        "cost",
    )


def test_a_time_has_its_date() -> None:
    """Microseconds since 1970 are no date to anybody; a place in a text that ends alike is none."""
    assert plain("started_at", 1_796_071_029_280_997) == "2026-11-30 20:37:09 UTC"
    assert plain("ended_at", None) == "none"
    assert plain("format", 12) == "12"
