"""A comparison on one page: whole without a network, down to events and digests, and safe whatever items are called."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest
from typing_extensions import override

from tests.cli.terminal import type_in
from tests.cli.test_compare import explore
from tests.cli.test_evaluate import evaluate
from tests.engine.programs.evaluate.test_evaluate import questions
from tests.support.quiz_runs import ROWS, make_items
from tests.support.runs import REFUSING, make_base

VOID: Final = frozenset({"meta", "rect", "line", "circle"})
NASTY: Final = "</td><script>alert(1)</script>"


class Page(HTMLParser):
    """What a page holds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == [], "every element is closed"

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what it names."""
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            if name == "href" and value:
                self.links.add(value)
            assert not name.startswith("on")
            assert name != "src"

    @override
    def handle_endtag(self, tag: str) -> None:
        """Close it."""
        if tag not in VOID:
            assert self.open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        """Keep words."""
        self.words.append(data)

    @property
    def text(self) -> str:
        """Give its words."""
        return re.sub(r"\s+", " ", " ".join(self.words))


def report(folder: Path, *words: str) -> Page:
    """Write a report, and read it."""
    outcome = type_in(folder, "report", *words, "--out", "out/page.html")
    assert outcome.code == 0, outcome.err
    assert outcome.out == f"wrote {folder / 'out/page.html'}\n"
    text = (folder / "out" / "page.html").read_text()
    assert "://" not in text
    return Page(text)


def events(folder: Path, tag: str) -> list[dict[str, Any]]:
    """Read events from the end of the log."""
    rows = type_in(folder, "log", "tail", "-n", "500", "--json").rows
    return [row for row in rows if row["tag"] == tag]


def test_an_evaluation_is_told_on_one_page(tmp_path: Path) -> None:
    """Given two arms, the page says what was compared, what it shows, how far that goes, and where figures are from."""
    questions(tmp_path)
    evaluate(tmp_path, "--set", "evaluate.arms.again.again=none")
    page = report(tmp_path)
    assert "Compared: again, skill with none. 2 items, 2 independent units" in page.text
    assert "skill: too few runs. 2 items with a score in both arms; 10 needed" in page.text
    assert "+50.0" in page.text
    assert "1 won, 0 lost, 1 kept" in page.text
    assert "Its condition differs in skills." in page.text
    assert "again repeats none with fresh runs: what they differ by is noise, +0.0 points." in page.text
    assert "asked a script in place of a model" in page.text
    assert "no interval" in page.text
    assert {link.removeprefix("#") for link in page.links} <= page.anchors
    assert "The verifier's part in that" not in page.text, "no item ran twice, so nothing is said of parts"
    assert "script" not in page.tags
    (compared,) = events(tmp_path, "evaluation.compared")
    assert f"{compared['run']}:run@{compared['version']}" in page.text
    for each in (compared, *events(tmp_path, "evaluation.scored")):
        assert each["digest"] in page.text
    seal = re.search(r"1:\d+:[0-9a-f]{64}", page.text)
    assert seal is not None
    assert type_in(tmp_path, "log", "verify", "--seal", seal[0]).code == 0


@pytest.mark.slow
def test_two_runs_are_told_on_one_page(tmp_path: Path) -> None:
    """Arms are named with their runs; what has no score and what is unknown is said."""
    make_base(tmp_path)
    whole = explore(tmp_path)
    (tmp_path / "script.toml").write_text(REFUSING)
    broken = explore(tmp_path)
    page = report(tmp_path, whole, broken)
    assert f"{whole[:6]} and {broken[:6]} compared" in page.text
    assert f"{broken[:6]}:default: indecisive." in page.text
    assert f"{broken[:6]}:default: 1 cell without a score, since something of ours broke." in page.text
    assert f"beside {whole[:6]}:default: 0 won, 0 lost, 0 kept" in page.text
    assert "svg" not in page.tags
    assert {link.removeprefix("#") for link in page.links} <= page.anchors


def test_names_cannot_become_markup(tmp_path: Path) -> None:
    """An item may be called anything by whoever made its set, and a skill may hold anything."""
    questions(tmp_path)
    make_items(tmp_path / "quiz", [{**ROWS[0], "id": NASTY}, ROWS[1]])
    skill = tmp_path / "skills" / "told" / "SKILL.md"
    skill.write_text(f"{skill.read_text()}\n```{NASTY}\n")
    outcome = evaluate(tmp_path)
    assert outcome.code == 0, outcome.err
    page = report(tmp_path)
    assert "script" not in page.tags
    assert NASTY in page.text
    assert f"```{NASTY}" in page.text, "the scan found a fence that does not end"
    assert "skill: 0 high, 2 medium, 0 low." in page.text
    assert "medium answer told/SKILL.md:6" in page.text, "the skill says what is asked, beside the question"
    assert "medium fence told/SKILL.md:8" in page.text
    assert type_in(tmp_path, "report", "--out", "script.toml/page.html").code == 2


def test_tables_for_a_paper_are_written_too(tmp_path: Path) -> None:
    """As Markdown and LaTeX, below what was compared; CSV has a place for one table only."""
    questions(tmp_path)
    evaluate(tmp_path)
    assert type_in(tmp_path, "report", "--format", "markdown").out == f"wrote {tmp_path / 'report.md'}\n"
    markdown = (tmp_path / "report.md").read_text()
    assert markdown.startswith("Compared: skill with none. 2 items, ")
    assert [line.split(" | ")[0] for line in markdown.splitlines() if line.startswith("| ")] == [
        "| arm",
        "| ---",
        "| none",
        "| skill",
        "| arm",
        "| ---",
        "| skill",
        "| skill",
    ]
    assert type_in(tmp_path, "report", "--format", "latex", "--out", "tables.tex").code == 0
    assert (tmp_path / "tables.tex").read_text().count(r"\begin{tabular}") == 2
    assert type_in(tmp_path, "report", "--format", "csv").code == 2
