"""Tables in terminals of any width: what has no place beside the rest stands below its row, and nothing is lost."""

from io import StringIO

import pytest
from rich.console import Console
from rich.text import Text

from views.terminal.fitted import FittedTable, TableHead

HEADS = [
    TableHead("step", figures=False, wraps=False),
    TableHead("score", figures=True, wraps=False),
    TableHead("reason", figures=False, wraps=True),
    TableHead("believed", figures=True, wraps=False),
]
ROWS = [
    ["s1", "36.8 %", "its pass leads the level by 1.25 standard errors", "24.8 % ± 6.4"],
    ["e2.slow", "-", "", "24.8 % ± 6.4"],
]


def drawn(width: int) -> list[str]:
    """Draw the table as a terminal of a width shows it."""
    console = Console(file=StringIO(), width=width, force_terminal=False)
    console.print(FittedTable(HEADS, [[Text(cell) for cell in row] for row in ROWS]))
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_where_there_is_room_every_row_is_a_line() -> None:
    """Figures stand at the right of their column."""
    assert drawn(90) == [
        "step      score  reason                                                believed",
        "s1       36.8 %  its pass leads the level by 1.25 standard errors  24.8 % ± 6.4",
        "e2.slow       -                                                    24.8 % ± 6.4",
    ]


def test_a_text_is_wrapped_as_long_as_its_column_can_be_read() -> None:
    """The others stay as they are."""
    assert drawn(51) == [
        "step      score  reason                    believed",
        "s1       36.8 %  its pass leads the    24.8 % ± 6.4",
        "                 level by 1.25",
        "                 standard errors",
        "e2.slow       -                        24.8 % ± 6.4",
    ]
    assert drawn(43)[0] == "step      score  reason            believed"
    assert drawn(42)[0] == "step      score      believed"


def test_what_does_not_fit_stands_below_its_row_with_its_head() -> None:
    """Long texts go first, then figures from the right; what says nothing is left out."""
    assert drawn(42) == [
        "step      score      believed",
        "s1       36.8 %  24.8 % ± 6.4",
        "  reason its pass leads the level by 1.25",
        "  standard errors",
        "e2.slow       -  24.8 % ± 6.4",
    ]
    assert drawn(28) == [
        "step      score",
        "s1       36.8 %",
        "  reason its pass leads the",
        "  level by 1.25 standard",
        "  errors · believed 24.8 % ±",
        "  6.4",
        "e2.slow       -",
        "  believed 24.8 % ± 6.4",
    ]


@pytest.mark.parametrize("width", range(12, 120))
def test_no_word_is_lost_at_any_width(width: int) -> None:
    """Neither cut, nor left out with its column."""
    told = " ".join(drawn(width))
    for word in ("36.8", "24.8", "standard", "errors", "e2.slow", "believed"):
        assert word in told, drawn(width)
