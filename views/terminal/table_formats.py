"""Tables for papers and other programs: Markdown, LaTeX (booktabs) and CSV, of any table that is drawn for people.

Markdown and LaTeX hold what the table holds, as people read it; every text is escaped, since names may come from
models and from strangers' files. CSV holds all fields of the rows, as ``--json`` does, with figures as they are.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypeVar, assert_never

import msgspec
from rich.text import Text

from views.terminal.errors import UsageWrong
from views.terminal.screen import OutputStyle, Screen
from views.terminal.tables import TableView

R = TypeVar("R", bound=msgspec.Struct)

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that no table shows, and that a compiler or a terminal would act on."""
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
        values: Mapping[str, Any] = msgspec.to_builtins(row)
        writer.writerow([_raw(values.get(name)) for name in names])
    return written.getvalue()


def _raw(value: object) -> object:
    """Write a value as JSON does, but a text as it is, and what nobody knows as nothing."""
    return "" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _notes(rows: Sequence[R], view: TableView[R]) -> list[str]:
    found = [each.plain if isinstance(each, Text) else each for each in view.notes(rows)]
    return [each for each in found if isinstance(each, str) and each]
