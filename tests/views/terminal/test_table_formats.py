"""Stories of tables for others: names come from models and strangers, and must not become markup."""

import csv
import io
import shutil
import subprocess
from pathlib import Path
from typing import Final

import msgspec
import pytest
from rich.text import Text

from views.terminal.table_formats import TableFormat, latex_text, markdown_text, write_table
from views.terminal.tables import TableView


class Jar(msgspec.Struct, frozen=True):
    """What stands on a shelf."""

    name: str
    grams: float | None
    herbs: tuple[str, ...] = ()


SHELF: Final = [Jar("sage & thyme", 0.1, ("sage",)), Jar("rue | <b>", None)]
VIEW: Final = TableView(Jar, "name >grams", notes=lambda jars: [Text(), Text(f"{len(jars)} jars, 50 %")])
NASTY: Final = (
    "a|b",
    "<script>alert(1)</script>",
    "[link](javascript:x)",
    "**loud**",
    r"\input{/etc/passwd}",
    "50 % & $5_000 #1 ~ ^",
    '*starred, [bracketed] "quoted"',
    "two\nlines\ttabbed\x1b[31mred",
)


def test_markdown_is_a_table_with_its_notes() -> None:
    """Figures stand at the right, what nobody knows is a dash, and notes are paragraphs."""
    assert write_table(SHELF, VIEW, TableFormat.MARKDOWN).splitlines() == [
        "| name | grams |",
        "| --- | ---: |",
        "| sage &amp; thyme | 0.1 |",
        r"| rue \| &lt;b&gt; | - |",
        "",
        "2 jars, 50 %",
    ]


def test_latex_is_a_tabular_of_booktabs() -> None:
    """As papers have it."""
    assert write_table(SHELF, VIEW, TableFormat.LATEX).splitlines() == [
        r"% \usepackage{booktabs} \usepackage[T1]{fontenc}",
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"name & grams \\",
        r"\midrule",
        r"sage \& thyme & 0.1 \\",
        r"rue \textbar{} \textless{}b\textgreater{} & - \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\par 2 jars, 50 \%",
    ]


def test_csv_has_every_field_as_it_is() -> None:
    """Figures are not rounded, what nobody knows is empty, and lists are JSON."""
    written = list(csv.reader(io.StringIO(write_table(SHELF, VIEW, TableFormat.CSV))))
    assert written == [["name", "grams", "herbs"], ["sage & thyme", "0.1", '["sage"]'], ["rue | <b>", "", "[]"]]
    assert write_table([], VIEW, TableFormat.CSV) == "name,grams,herbs\n"


@pytest.mark.parametrize("text", NASTY)
def test_a_strange_name_stays_one_cell(text: str) -> None:
    """No column, row, tag, link or command comes of it."""
    table = write_table([Jar(text, 1)], VIEW, TableFormat.MARKDOWN).splitlines()
    assert len(table) == 5
    bare = table[2].replace(r"\|", "").replace("\\\\", "")
    assert bare.count("|") == 3
    assert not set("<>\x1b\t") & set(table[2])
    assert not any(mark in bare.replace(r"\[", "").replace(r"\*", "") for mark in ("[", "**"))
    (row,) = [line for line in write_table([Jar(text, 1)], VIEW, TableFormat.LATEX).splitlines() if " & 1" in line]
    assert r"\input" not in row
    assert row[0] not in "*[", "the end of the line above would take it for its own"
    assert "\x1b" not in row


def test_plain_words_are_left_alone() -> None:
    """Escaping what needs none makes tables unreadable."""
    assert markdown_text("greet-2.1 (won): +5.0 to +12.5 %") == "greet-2.1 (won): +5.0 to +12.5 %"
    assert latex_text("greet-2.1 (won): +5.0 to +12.5") == "greet-2.1 (won): +5.0 to +12.5"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(tmp_path: Path) -> None:
    """With every strange name in it."""
    table = write_table([Jar(text, 1) for text in (*NASTY, "a → b · c ± d…")], VIEW, TableFormat.LATEX)
    head = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs}"
    page = f"{head}\n\\begin{{document}}\n{table.replace(chr(0xFFFD), '?')}\n\\end{{document}}\n"
    (tmp_path / "page.tex").write_text(page)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-2+3", "@SUM(A1)", "\tx"])
def test_csv_runs_no_formula_of_a_stranger(name: str) -> None:
    """An apostrophe keeps a text a text; figures and single signs are as they are."""
    rows = list(csv.reader(io.StringIO(write_table([Jar(name, -0.5), Jar("-", None)], VIEW, TableFormat.CSV))))
    assert rows[1][:2] == [f"'{name}", "-0.5"]
    assert rows[2][:2] == ["-", ""]
