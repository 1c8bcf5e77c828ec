"""How views draw rows for people: no frame, dim heads, words before colours. ``--json`` prints the same rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Final, Generic, TypeAlias, TypeVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from views.terminal.fitted import FittedTable, TableHead
from views.terminal.format import cell, inert

R = TypeVar("R")

STYLES: Final[Mapping[str, str]] = {
    "solved": "green",
    "unsolved": "yellow",
    "failed": "yellow",
    "no verdict": "magenta",
    "infrastructure": "magenta",
    "abandoned": "magenta",
    "running": "cyan",
    "cut off": "magenta",
    "paused": "magenta",
    "soft": "yellow",
    "strong": "red",
    "sound": "green",
    "broken": "red",
    "ok": "green",
    "missing": "yellow",
    "none": "dim",
}
"""Colours repeat what a word says; nothing is said by a colour alone."""


Field: TypeAlias = str | tuple[str, Callable[[R], object]]
"""Part of a row: names of its fields, separated by spaces, or a head and what gives its value; `format.cell` writes it.

In a table, ``>`` before a head aligns it to the right, as figures are, and ``…`` after it has it wrapped where the
terminal is narrow. What then has no place still stands below its row.
"""


def _fields(kind: type[R], declared: Iterable[Field[R]]) -> Iterator[tuple[str, Callable[[R], object]]]:
    """Give heads and values.

    Raises:
        AttributeError: Rows have no such field.
    """
    for each in declared:
        if isinstance(each, str):
            for head in each.split():
                name = head.strip(">…")
                getattr(kind, name)
                yield head, attrgetter(name)
        else:
            yield each


def _head(declared: str) -> TableHead:
    text = declared.removeprefix(">").removesuffix("…")
    return TableHead(text, declared.startswith(">"), declared.endswith("…"))


class TableView(Generic[R]):
    """Draws rows as a table."""

    def __init__(
        self,
        kind: type[R],
        *columns: Field[R],
        empty: RenderableType | None = None,
        notes: Callable[[Sequence[R]], Iterable[RenderableType]] | None = None,
        widest: int | None = None,
    ) -> None:
        """Declare the table.

        Args:
            kind: Of the rows.
            columns: In order.
            empty: Drawn in place of a table without rows. None: the heads are drawn.
            notes: Gives what is drawn below the table. None: nothing.
            widest: Columns of the terminal that it takes at most, for one that is read and not searched. None: as many
                as there are, and one line for each row where there is no terminal.
        """
        self._widest = widest
        self.kind = kind
        self._columns = tuple((_head(declared), value) for declared, value in _fields(kind, columns))
        self._empty = empty
        self._notes = notes

    @property
    def heads(self) -> tuple[TableHead, ...]:
        """What stands above its columns, in order."""
        return tuple(head for head, _ in self._columns)

    def texts(self, row: R) -> list[str]:
        """Write the values of a row as people read them, column by column."""
        return [cell(value(row)) for _, value in self._columns]

    def notes(self, rows: Sequence[R]) -> list[RenderableType]:
        """Give what stands below a table of these rows."""
        return [] if self._notes is None or (not rows and self._empty is not None) else list(self._notes(rows))

    def __call__(self, rows: Sequence[R]) -> RenderableType:
        """Draw rows."""
        if not rows and self._empty is not None:
            return self._empty
        drawn = FittedTable(self.heads, [[*map(word, self.texts(row))] for row in rows], widest=self._widest)
        return drawn if self._notes is None else Group(drawn, *self._notes(rows))


class PivotView(Generic[R]):
    """Draws rows as a matrix: each is one cell, in the row and the column that it names."""

    def __init__(
        self,
        corner: str,
        place: Callable[[R], tuple[str, str]],
        value: Callable[[R], object],
        *,
        notes: Callable[[Sequence[R]], Iterable[RenderableType]] | None = None,
    ) -> None:
        """Declare the matrix.

        Args:
            corner: Head of the first column, in which rows are named.
            place: Names row and column of a cell. Both are drawn in the order in which they come first.
            value: What the cell says; `format.cell` writes it.
            notes: Gives what is drawn below the table. None: nothing.
        """
        self._corner = corner
        self._place = place
        self._value = value
        self._notes = notes

    def __call__(self, rows: Sequence[R]) -> RenderableType:
        """Draw cells; where none stands in a row and a column, nothing is drawn there."""
        cells = {self._place(row): word(cell(self._value(row))) for row in rows}
        columns = tuple(dict.fromkeys(column for _, column in cells))
        heads = [TableHead(head, figures=False, wraps=False) for head in (self._corner, *columns)]
        names = dict.fromkeys(row for row, _ in cells)
        lines = [[Text(name), *[cells.get((name, column), Text()) for column in columns]] for name in names]
        drawn = FittedTable(heads, lines)
        return drawn if self._notes is None else Group(drawn, *self._notes(rows))


class RecordView(Generic[R]):
    """Draws one row as a list of names and values; one that is empty or None is left out."""

    def __init__(self, kind: type[R], *fields: Field[R]) -> None:
        self._fields = tuple(_fields(kind, fields))

    def __call__(self, row: R) -> RenderableType:
        """Draw a row."""
        drawn = Table(box=None, show_header=False, pad_edge=False)
        drawn.add_column(style="dim", no_wrap=True)
        drawn.add_column(overflow="fold")
        for name, value in self._fields:
            found = value(row)
            if found not in (None, "", ()):
                drawn.add_row(name, word(cell(found)))
        return drawn


def word(text: str) -> Text:
    """Colour a word that has one; what a terminal acts on is written out, in files that lines are piped to as well."""
    return Text(inert(text), style=STYLES.get(text, ""))


def heading(text: str) -> Text:
    """Write the line above a part."""
    return Text(text, style="bold")


def one_line(text: Text) -> Text:
    """Keep a text on its line: what does not fit a terminal is cut, and what is piped never is."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
