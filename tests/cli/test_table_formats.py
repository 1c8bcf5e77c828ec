"""Tables for papers and other programs: the same rows as people see, in three formats, and nothing lost in silence."""

import csv
import io
from pathlib import Path

import pytest

from tests.cli.terminal import type_in

DEMO = str(Path(__file__).parents[1] / "golden" / "demo-323f770.bundle")


def test_csv_holds_the_rows_of_json(tmp_path: Path) -> None:
    """Of a run its trials, of a trial its attempts; what stood above them is named on stderr."""
    outcome = type_in(tmp_path, "show", "--log", DEMO, "--csv")
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    shown = [row for row in type_in(tmp_path, "show", "--log", DEMO, "--json").rows if row["kind"] == "trial"]
    assert [row["trial"] for row in rows] == [row["trial"] for row in shown]
    assert [row["reward"] for row in rows] == ["" if row["reward"] is None else str(row["reward"]) for row in shown]
    assert "left out of CSV: the run itself; --json prints it" in outcome.err
    attempts = type_in(tmp_path, "show", "merge-settings", "--log", DEMO, "--csv")
    assert len(list(csv.DictReader(io.StringIO(attempts.out)))) == 5


def test_markdown_and_latex_hold_what_stands_above_too(tmp_path: Path) -> None:
    """Amounts are dollars there, and nothing is notation of a programming language."""
    told = type_in(tmp_path, "show", "--log", DEMO, "--markdown").out
    assert "| name | value |" in told
    assert "| cost | $0.0295" in told.replace("\\$", "$")
    assert "| trial | outcome |" in told
    assert "nano" not in told
    assert "{" not in told
    latex = type_in(tmp_path, "show", "--log", DEMO, "--latex").out
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 2


@pytest.mark.parametrize(
    "words",
    [("runs",), ("skills", "list"), ("decisions",), ("sets", "list"), ("evaluations", "list"), ("show", "1")],
)
@pytest.mark.parametrize("form", ["--csv", "--markdown", "--latex"])
def test_each_command_that_lists_has_all_formats(tmp_path: Path, words: tuple[str, ...], form: str) -> None:
    """Also where there is nothing to list."""
    outcome = type_in(tmp_path, *words, "--log", DEMO, form)
    assert outcome.code == 0, outcome.err
    begin = {"--csv": ",", "--markdown": "| ", "--latex": r"\begin{tabular}"}[form]
    assert begin in outcome.out


def test_one_format_at_a_time(tmp_path: Path) -> None:
    """Two cannot both be on stdout."""
    for more in ("--markdown", "--json"):
        refused = type_in(tmp_path, "runs", "--log", DEMO, "--csv", more)
        assert (refused.code, "choose --json, --csv, --markdown or --latex" in refused.err) == (2, True)
