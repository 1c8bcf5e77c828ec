"""Tables as all views draw them: no frame, dim heads, words before colours."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

STYLES: Final[Mapping[str, str]] = {
    "solved": "green",
    "unsolved": "yellow",
    "failed": "yellow",
    "no verdict": "magenta",
    "infrastructure": "magenta",
    "abandoned": "magenta",
    "running": "cyan",
    "cut off": "magenta",
    "soft": "yellow",
    "strong": "red",
    "sound": "green",
    "broken": "red",
    "ok": "green",
    "missing": "yellow",
    "none": "dim",
}
"""Colours repeat what a word says; nothing is said by a colour alone."""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[str] = ()) -> Table:
    """Draw rows below heads.

    Args:
        columns: Heads, in order. A column whose head ends in ``…`` is wrapped where the terminal is narrow.
        rows: Cells, one for each column.
        right: Heads of the columns that hold figures.
    """
    figures = set(right)
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in columns:
        drawn.add_column(
            head.removesuffix("…"),
            justify="right" if head in figures else "left",
            no_wrap=not head.endswith("…"),
            overflow="fold",
            min_width=len(head),
        )
    for row in rows:
        drawn.add_row(*[word(cell) for cell in row])
    return drawn


def word(text: str) -> Text:
    """Colour a word that has one."""
    return Text(text, style=STYLES.get(text, ""))


def pairs(rows: Iterable[tuple[str, str]]) -> Table:
    """Draw names with their values."""
    drawn = Table(box=None, show_header=False, pad_edge=False)
    drawn.add_column(style="dim", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in rows:
        drawn.add_row(name, word(value))
    return drawn


def heading(text: str) -> Text:
    """Write the line above a part."""
    return Text(text, style="bold")


def one_line(text: Text) -> Text:
    """Keep a text on its line: what does not fit a terminal is cut, and what is piped never is."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
