"""Tables for papers and other programs: Markdown, LaTeX (booktabs) and CSV, of any table that is drawn for people.

Markdown and LaTeX hold what the table holds, as people read it; every text is escaped, since names may come from
models and from strangers' files. CSV holds all fields of the rows, as ``--json`` does, with figures as they are.
"""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypeVar, assert_never

import msgspec
from rich.console import RenderableType
from rich.text import Text
from typing_extensions import override

from replay.why.plain_values import plain, plain_name
from views.terminal.errors import UsageWrong
from views.terminal.host import Host
from views.terminal.screen import OutputStyle, Screen
from views.terminal.tables import TableView

R = TypeVar("R", bound=msgspec.Struct)

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that no table shows, and that a compiler or a terminal would act on."""
_FORMULA: Final = re.compile(r"[=+\-@\t\r].")
"""Texts that a spreadsheet would run as a formula, such as names of a stranger's; an apostrophe keeps them texts."""
_MARKDOWN: Final = re.compile(r"([\\`*_\[\]|~#$])")
_LATEX: Final[Mapping[str, str]] = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "…": r"\dots{}",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    "→": r"$\rightarrow$",
}


class TableFormat(Enum):
    """How a table is written for others."""

    MARKDOWN = "markdown"
    LATEX = "latex"
    """A ``tabular`` with booktabs."""
    CSV = "csv"
    """Every field of the rows, with figures as they are."""


def print_table(screen: Screen, rows: Sequence[R], view: TableView[R], form: TableFormat | None) -> None:
    """Print rows as a table, or as a format that was asked for.

    Args:
        screen: Where to.
        rows: What.
        view: How the table is drawn.
        form: None: for people, or as JSON if that was asked for.

    Raises:
        UsageWrong: JSON was asked for as well.
    """
    if form is None:
        screen.show(rows, view)
        return
    if screen.manner is OutputStyle.JSON:
        raise UsageWrong("--json and --format were both given", remedy="choose one of them")
    screen.out.file.write(write_table(rows, view, form))
    screen.out.file.flush()


class TableScreen(Screen):
    """Outputs of a command whose rows are written as tables of a format."""

    def __init__(self, machine: Host, form: TableFormat) -> None:
        super().__init__(machine, plain=True)
        self._form = form
        self._tables = 0

    @override
    def show(
        self,
        rows: Sequence[Any],
        render: Callable[[Sequence[Any]], RenderableType],
        table: Callable[[Sequence[Any]], RenderableType] | None = None,
    ) -> None:
        """Write rows as a table; of several, CSV holds the first, and people are told."""
        view = next((each for each in (table, render) if isinstance(each, TableView)), None)
        if view is None and rows:
            view = _every_field(type(rows[0]))
        if view is not None:
            self._write(rows, view)

    @override
    def head(self, row: Any, render: Callable[[Any], RenderableType]) -> None:
        """Write the fields of a row below each other; CSV holds one table, and that is the one that follows."""
        if self._form is TableFormat.CSV:
            self.say(f"left out of CSV: the {_kind(row)} itself; --json prints it")
        else:
            names = [field.encode_name for field in msgspec.structs.fields(row)]
            values = _values(row)
            told = [NamedValue(plain_name(name), plain(name, values.get(name))) for name in names]
            self._write([each for each in told if each.value not in ("", "none")], NAMED_VALUES)

    def _write(self, rows: Sequence[Any], view: TableView[Any]) -> None:
        if self._tables and self._form is TableFormat.CSV:
            if rows:
                self.say(f"left out of CSV: a table of {len(rows)} rows ({_kind(rows[0])}); --json prints it")
            return
        self.out.file.write(("\n" if self._tables else "") + write_table(rows, view, self._form))
        self.out.file.flush()
        self._tables += 1


class NamedValue(msgspec.Struct, frozen=True):
    """A field of a row."""

    name: str
    value: str


NAMED_VALUES: Final = TableView(NamedValue, "name value")


def _values(row: Any) -> Mapping[str, Any]:
    """Give the fields of a row as JSON has them; a row may hold JSON as it was recorded."""
    found: Mapping[str, Any] = msgspec.json.decode(msgspec.json.encode(row))
    return found


def _kind(row: Any) -> str:
    tag = type(row).__struct_config__.tag
    return tag if isinstance(tag, str) else type(row).__name__


def _every_field(kind: type[Any]) -> TableView[Any]:
    """Make a table of all fields of rows, where none was declared."""

    def value_of(name: str, key: str) -> Callable[[Any], str]:
        return lambda row: plain(key, msgspec.json.decode(msgspec.json.encode(getattr(row, name))))

    fields = msgspec.structs.fields(kind)
    return TableView(kind, *((plain_name(each.encode_name), value_of(each.name, each.encode_name)) for each in fields))


def write_table(rows: Sequence[R], view: TableView[R], form: TableFormat) -> str:
    """Write rows as a table of a format."""
    match form:
        case TableFormat.MARKDOWN:
            return _markdown(rows, view)
        case TableFormat.LATEX:
            return _latex(rows, view)
        case TableFormat.CSV:
            return _csv(rows, view)
        case _:
            assert_never(form)


def markdown_text(text: str) -> str:
    """Escape a text, so that Markdown shows it as it is, on one line and without markup of its own."""
    plain = _one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", plain)


def latex_text(text: str) -> str:
    """Escape a text, so that LaTeX sets it as it is and runs nothing of it."""
    return "".join(_LATEX.get(each, each) for each in _one_line(text))


def _one_line(text: str) -> str:
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split("\n")).replace("\t", " "))


def _markdown(rows: Sequence[R], view: TableView[R]) -> str:
    lines = [
        [markdown_text(head.text) for head in view.heads],
        ["---:" if head.figures else "---" for head in view.heads],
        *([markdown_text(text) for text in view.texts(row)] for row in rows),
    ]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    notes = [markdown_text(note) for note in _notes(rows, view)]
    return table + "".join(f"\n{note}\n" for note in notes)


def _latex(rows: Sequence[R], view: TableView[R]) -> str:
    columns = "".join("r" if head.figures else "l" for head in view.heads)
    lines = [" & ".join(map(latex_text, view.texts(row))) + r" \\" for row in rows]
    table = [
        r"% \usepackage{booktabs} \usepackage[T1]{fontenc}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        " & ".join(latex_text(head.text) for head in view.heads) + r" \\",
        r"\midrule",
        *lines,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    notes = [rf"\par {latex_text(note)}" for note in _notes(rows, view)]
    return "\n".join([*table, *notes]) + "\n"


def _csv(rows: Sequence[R], view: TableView[R]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    names = [field.encode_name for field in msgspec.structs.fields(view.kind)]
    writer.writerow(names)
    for row in rows:
        values = _values(row)
        writer.writerow([_raw(values.get(name)) for name in names])
    return written.getvalue()


def _raw(value: object) -> object:
    """Write a value as JSON does, but a text as it is, and what nobody knows as nothing."""
    if isinstance(value, str):
        return f"'{value}" if _FORMULA.match(value) else value
    return "" if value is None else msgspec.json.encode(value).decode()


def _notes(rows: Sequence[R], view: TableView[R]) -> list[str]:
    found = [each.plain if isinstance(each, Text) else each for each in view.notes(rows)]
    return [each for each in found if isinstance(each, str) and each]
