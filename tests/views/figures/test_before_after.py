"""Two attempts side by side: what both have, and what only one has."""

import xml.etree.ElementTree as ET

import pytest

from views.figures.before_after import AttemptTexts, ComparedLine, before_after_caption, before_after_figure, compared

SVG = "{http://www.w3.org/2000/svg}"
BEFORE = AttemptTexts("r1", "greet", 1, "failed, reward 0", ("✓ a", "✗ b"), ("ls", "python3 - <<'E'\nprint(1)\nE"), ())
AFTER = AttemptTexts(
    "r1", "greet", 2, "solved, reward 1", ("✓ a", "✓ b"), ("ls", "echo $HOME\x07", "    sleep 1"), ("- b wants 2",)
)


def texts(svg: bytes) -> list[str]:
    """List what is written in a picture."""
    root = ET.fromstring(svg)
    return ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]


def test_lines_are_compared_in_their_order() -> None:
    """What only one has stands where it was, and a line that moved is one taken away and one added."""
    assert compared(["a", "b", "c"], ["b", "c", "a"]) == [
        ComparedLine("before", "a"),
        ComparedLine("both", "b"),
        ComparedLine("both", "c"),
        ComparedLine("after", "a"),
    ]


def test_a_sign_says_what_a_colour_says() -> None:
    """Only the first: a minus; only the second: a plus. A command keeps its indentation, and its length is said."""
    said = texts(before_after_figure(BEFORE, AFTER))
    assert "attempt 1 of greet" in said
    assert "solved, reward 1" in said
    assert said.count("  ls") == 2
    assert "- python3 - <<'E' (+2 lines)" in said
    assert "+ echo $HOME\ufffd" in said
    assert "+     sleep 1" in said
    assert "+ - b wants 2" in said
    assert "Tests (2 of 3 lines differ)" in said


def test_a_long_part_says_how_much_it_leaves_out_and_keeps_what_differs() -> None:
    """Forty lines that both have, and one at their end that only one has: that one is shown."""
    same = tuple(f"line {number}" for number in range(40))
    one, other = BEFORE._replace(commands=same), AFTER._replace(commands=(*same, "x" * 90 + "好"))
    said = texts(before_after_figure(one, other))
    assert "(17 more lines)" in said
    assert f"+ {'x' * 63}…" in said


@pytest.mark.slow
def test_the_figure_is_the_same_each_time_and_said_in_words() -> None:
    """For those who cannot see it."""
    assert before_after_figure(BEFORE, AFTER, "pdf") == before_after_figure(BEFORE, AFTER, "pdf")
    assert before_after_caption(BEFORE, AFTER).description == (
        "r1:greet/1: failed, reward 0. r1:greet/2: solved, reward 1. Lines of "
        "tests: 1 in both, 1 only in the first, 1 only in the second; "
        "commands: 1 in both, 1 only in the first, 2 only in the second; "
        "what it was told besides its task: 0 in both, 0 only in the first, 1 only in the second."
    )
