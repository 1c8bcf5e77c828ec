"""A table that fits its terminal: what has no place beside the rest stands below its row, with its head.

Rich would cut cells, and leave whole columns out, without a sign.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from views.terminal.format import UNKNOWN

GAP: Final = 2
"""Spaces between columns."""
NARROW: Final = 20
"""Letters that a column of wrapped cells has at least beside others of them; a shorter one has all of its own."""
NARROWEST: Final = 12
"""The same of one that is the only one."""


class TableHead(NamedTuple):
    """What stands above a column."""

    text: str
    figures: bool
    """Whether the column is aligned to the right."""
    wraps: bool
    """Whether it is wrapped where the terminal is narrow."""


class FittedTable:
    """Cells in rows below heads, drawn as wide as the terminal is."""

    def __init__(
        self, heads: Sequence[TableHead], rows: Sequence[Sequence[Text]], *, widest: int | None = None
    ) -> None:
        """Take in a table.

        Args:
            heads: Of its columns.
            rows: Cells, one for each column.
            widest: Columns of the terminal that it takes at most. None: as many as there are.
        """
        self._widest = widest
        self._heads = tuple(heads)
        self._rows = tuple(rows)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Draw it."""
        del console
        widths, room = self._widths(), min(options.max_width, self._widest or options.max_width)
        if self._least(widths) <= room:
            yield self._table(None if room == options.max_width else room)
        else:
            yield from self._folded(widths, room)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Say how wide it is: any width does."""
        del console
        widest = sum(self._widths()) + GAP * len(self._heads)
        return Measurement(min(NARROW, options.max_width), min(widest, options.max_width))

    def _widths(self) -> list[int]:
        """Say how wide each column is where nothing of it is wrapped."""
        widths = [len(head.text) for head in self._heads]
        for row in self._rows:
            widths = [max(width, _width(cell)) for width, cell in zip(widths, row, strict=True)]
        return widths

    def _least(self, widths: Sequence[int]) -> int:
        """Say how wide a table is that can be read."""
        narrow = NARROW if sum(head.wraps for head in self._heads) > 1 else NARROWEST
        least = [min(width, narrow) if head.wraps else width for head, width in zip(self._heads, widths, strict=True)]
        return sum(least) + GAP * (len(widths) - 1)

    def _table(self, room: int | None) -> Table:
        width = None if room is None else min(room, sum(self._widths()) + GAP * len(self._heads))
        drawn = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim", width=width)
        for head in self._heads:
            justify: Literal["left", "right"] = "right" if head.figures else "left"
            least = len(head.text) + head.wraps
            drawn.add_column(head.text, justify=justify, no_wrap=not head.wraps, overflow="fold", min_width=least)
        for row in self._rows:
            drawn.add_row(*row)
        return drawn

    def _folded(self, widths: Sequence[int], room: int) -> Iterator[RenderableType]:
        """Draw rows with what does not fit below each."""
        beside = self._beside(widths, room)
        below = [place for place in range(len(widths)) if place not in beside]
        heads = [Text(head.text, style="dim") for head in self._heads]
        yield self._line(heads, beside, widths)
        for row in self._rows:
            yield self._line(row, beside, widths)
            told = [Text.assemble(heads[place], " ", row[place]) for place in below if row[place].plain not in _NOTHING]
            if told:
                yield Padding(Text(" · ", style="dim").join(told), (0, 0, 0, GAP))

    def _beside(self, widths: Sequence[int], room: int) -> list[int]:
        """Choose the columns that stand beside each other: the first, then figures and words, then long texts."""
        order = sorted(range(len(widths)), key=lambda place: (place > 0, self._heads[place].wraps, place))
        kept, left = [order[0]], room - widths[order[0]]
        for place in order[1:]:
            if widths[place] + GAP > left:
                break  # of columns that stand in order none is taken out of it
            kept.append(place)
            left -= widths[place] + GAP
        return sorted(kept)

    def _line(self, row: Sequence[Text], places: Sequence[int], widths: Sequence[int]) -> Text:
        """Draw the cells that stand beside each other."""
        parts: list[Text] = []
        for place in places:
            cell, head = row[place], self._heads[place]
            shown = Text(" ").join(cell.split("\n")) if "\n" in cell.plain else cell
            space = Text(" " * max(0, widths[place] - shown.cell_len))
            parts.append(space + shown if head.figures else shown + space)
        line = Text(" " * GAP).join(parts)
        line.rstrip()
        return line


_NOTHING: Final = frozenset({"", UNKNOWN})


def _width(cell: Text) -> int:
    return max((line.cell_len for line in cell.split("\n")), default=0)
