"""The picture of a run that goes on: as wide as the terminal is, and nothing of it is lost without a sign."""

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from views.terminal.format import shortened
from views.terminal.tables import one_line

GAP = "  "
LEAST = 12
"""Letters of a name that stay, however narrow the terminal is."""
_BETWEEN = " · "


class PackedParts:
    """Parts of a line, in as many lines as they need: none is cut in two that fits into one."""

    def __init__(self, parts: Sequence[str]) -> None:
        """Take them in, in order."""
        self._parts = tuple(parts)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Draw them."""
        del console
        lines: list[str] = []
        for part in self._parts:
            if lines and len(lines[-1]) + len(_BETWEEN) + len(part) <= options.max_width:
                lines[-1] += _BETWEEN + part
            else:
                lines.append(part)
        yield Text("\n".join(lines), style="cyan")


class AlignedRows:
    """Rows below their heads, a line each: a name that does not fit is cut in its middle, an empty column left out.

    A table of rich's measures and wraps each cell: eight times a second, that was a third of what a short run costs.
    """

    def __init__(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Take in a table whose first column names the rows."""
        kept = [place for place in range(len(heads)) if not place or any(row[place] for row in rows)]
        self._lines = [[row[place] for place in kept] for row in (heads, *rows)]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Draw them."""
        del console
        widths = [max(map(len, cells)) for cells in zip(*self._lines, strict=True)]
        beside = sum(widths[1:]) + len(GAP) * (len(widths) - 1)
        widths[0] = min(widths[0], max(LEAST, options.max_width - beside))
        for number, (name, *rest) in enumerate(self._lines):
            cells = zip([shortened(name, widths[0]), *rest], widths, strict=True)
            line = GAP.join(cell.ljust(width) for cell, width in cells).rstrip()
            yield one_line(Text(line, style="" if number else "dim"))
