"""A training run on a page, in tables, in a figure and on the screen: what is believed beside what was measured."""

from pathlib import Path

import anyio
import pytest

from events.store.sqlite.store import SqliteLog
from tests.cli.terminal import ticking, type_in
from tests.cli.test_report import Page
from tests.support.trained import TrainingStory, record_trained, trained
from tests.views.histories import record
from views.runs.progress import Progress
from views.runs.train_lines import line_of_training


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose log holds a training run."""
    _write(tmp_path)
    return tmp_path


def _write(folder: Path, until: int | None = None) -> None:
    """Record a training run, or the beginning of one."""

    async def write() -> None:
        path = folder / ".stillroom" / "log.db"
        path.parent.mkdir()
        async with await SqliteLog.open(path, clock=ticking()) as log:
            if until is None:
                await record_trained(log)
            else:
                await record(log, "r1", trained(log).told[:until])

    anyio.run(write)


def _told(folder: Path) -> str:
    """Write the page, and read its words."""
    written = type_in(folder, "report", "r1", "--out", "page.html")
    assert (written.code, written.out) == (0, f"wrote {folder / 'page.html'}\n")
    text = (folder / "page.html").read_text()
    assert "://" not in text
    page = Page(text)
    assert {link.removeprefix("#") for link in page.links} <= page.anchors
    return page.text


def test_the_page_tells_believed_beside_measured(folder: Path) -> None:
    """With the raw pass and the filtered level beside them, and what doing nothing scores."""
    text = _told(folder)
    assert "best 2 70.0 % 62.5 % 52.0 % 50.0 % (4 items) 50.0 % 50.0 % ~39" in text
    assert "nothing done - - - - 20.0 %" in text
    assert "s1 1 50.0 % 2 of 2 2 of 3 accepted 62.5 % +50.0 55.0 % ± 10.0 62.5 % 52.0 % 25.0 % (4 items)" in text


def test_the_page_tells_every_edit_with_its_gates_and_its_items(folder: Path) -> None:
    """Shadows beside the gate that counts; what was lost, won and kept."""
    text = _told(folder)
    assert (
        "s2.2 replace: Name the contry → Nothing. 2 failures, 2.0.fail.0 refused did you mean 'Name the country'?"
        in text
    )
    assert "paired (shadow careful) reject veto: 1 items are broken" in text
    assert "coins places 50 % ○● 0 % ○ lost" in text
    assert "2 lost, 2 kept, 1 no score" in text
    assert "-Name the country, not the city." in text


def test_the_page_tells_types_costs_and_what_nobody_knows(folder: Path) -> None:
    """Money by stage, and doubts in words."""
    text = _told(folder)
    assert "final.selection places 2 2 50.0 % 50.0 %" in text
    assert "reflect 6 0 3,000 600 $0.0120" in text
    assert "all 10 0 5,000 1,000 $0.0200" in text
    assert "6 cells without a score: infrastructure; they are in no mean." in text
    assert "1 score of other runs were found in the log" in text
    assert "4 rulings rested on the same 5 selection items" in text
    assert "Solved without anything being done, so that they say nothing of a skill: idle." in text


def test_no_rate_of_false_acceptance_is_told(folder: Path) -> None:
    """Without its power it says nothing, so neither the page nor the tables name one."""
    assert type_in(folder, "report", "r1", "--format", "markdown", "--out", "page.md").code == 0
    assert "false" not in f"{_told(folder)}{(folder / 'page.md').read_text()}".lower()


def test_the_tables_are_written_for_a_paper(folder: Path) -> None:
    """Markdown and LaTeX; CSV has no place for several tables."""
    assert type_in(folder, "report", "r1", "--format", "markdown", "--out", "page.md").code == 0
    text = (folder / "page.md").read_text()
    assert "| s1 | 1 | 50.0 % | 2 of 3 | accepted | 62.5 % | +50.0 | 55.0 % ± 10.0 |" in text
    assert "| selection |" not in text  # no model was asked in it
    assert "| reflect | 6 | 0 | 3,000 | 600 | $0.0120 |".replace("$", r"\$") in text
    assert type_in(folder, "report", "r1", "--format", "latex", "--out", "page.tex").code == 0
    assert r"\begin{tabular}" in (folder / "page.tex").read_text()
    assert type_in(folder, "report", "r1", "--format", "csv").code == 2


@pytest.mark.parametrize("until", [14, 40, 60])
def test_a_run_that_goes_on_is_told_as_far_as_it_has_come(tmp_path: Path, until: int) -> None:
    """From its plan on; nothing is made up of what has not happened."""
    _write(tmp_path, until)
    assert "it has not ended" in _told(tmp_path)
    rows = type_in(tmp_path, "show", "r1", "--json").rows
    assert [row["ending"] for row in rows if row["kind"] == "training"] == [None]
    assert next(row["outcome"] for row in rows if row["kind"] == "train_step") == "initial"
    assert type_in(tmp_path, "edits", "list", "r1").code == 0


@pytest.mark.slow
def test_the_figure_says_in_words_what_it_shows(folder: Path) -> None:
    """Scores, beliefs, and how many items each candidate moved."""
    (row,) = type_in(folder, "figure", "training", "r1", "--to", "run.svg", "--json").rows
    assert row["title"] == "Training of answers, run r1"
    wanted = "s2 rejected, score 60.0 %, believed 50.0 %, raw 62.5 %, filtered level 52.0 %"
    assert f"{wanted}, measured since 25.0 %, 0 items won and 2 lost" in row["description"]
    drawn = (folder / "run.svg").read_text()
    assert wanted in drawn
    assert "e2.slow" in drawn
    (again,) = type_in(folder, "figure", "training", "--to", "again.svg", "--json").rows
    assert again["digest"] == row["digest"]


def test_a_training_run_is_shown_by_its_steps(folder: Path) -> None:
    """Instead of by hundreds of cells."""
    rows = type_in(folder, "show", "r1", "--json").rows
    (training,) = [row for row in rows if row["kind"] == "training"]
    assert (training["accepted"], training["rejected"], training["undecided"], training["skipped"]) == (2, 1, 1, 1)
    assert (training["believed"], training["raw"], training["level"], training["measured"]) == (0.7, 0.625, 0.52, 0.5)
    assert (training["do_nothing"], training["ending"], training["step"], training["epoch"]) == (0.2, "completed", 4, 2)
    steps = [row for row in rows if row["kind"] == "train_step"]
    assert [(row["candidate"], row["outcome"], row["revision"]) for row in steps] == [
        (None, "initial", 0),
        ("s1", "accepted", 1),
        ("s2", "rejected", 1),
        ("s3", "accepted", 2),
        (None, "skipped", 2),
        ("e2.slow", "undecided", 2),
    ]
    assert [row["believed"] for row in steps] == [0.25, 0.55, 0.5, 0.7, 0.7, 0.7]
    told = type_in(folder, "show", "r1").out
    assert "step 4 of 4 planned so far, epoch 2" in told
    assert "2 accepted, 1 rejected, 1 undecided, 1 skipped" in told


async def _story(folder: Path) -> TrainingStory:
    async with await SqliteLog.open(folder / "log.db", clock=ticking()) as log:
        return trained(log)


async def test_a_training_that_goes_on_is_told_line_by_line(tmp_path: Path) -> None:
    """Epochs, rulings that count, revisions and skips; what a shadow says, and that a gate wants more, is not news."""
    story = await _story(tmp_path)
    lines = [line for _, event in story.told if (line := line_of_training(event)) is not None]
    assert lines == [
        "epoch 1: 2 steps",
        "gate items: accept (gain 0.2, harm 0.03), score 62.5 %, believed 55.0 % ± 10.0",
        "step 1: skill answers, revision 1 is in force",
        "gate items: reject (harm 0.4), score 60.0 %, believed 50.0 %",
        "epoch 2: 2 steps",
        "gate items: accept (gain 0.3), score 100.0 %, believed 70.0 %",
        "step 3: skill answers, revision 2 is in force",
        "step 4: skipped: nothing was proposed",
        "gate items: undecided (0 of 5 items have a score), score -, believed 70.0 %",
        "training ended: completed, 2 accepted, 1 rejected",
    ]


async def test_progress_says_where_a_training_stands(tmp_path: Path) -> None:
    """Epoch, step, what was accepted, and what is believed."""
    async with await SqliteLog.open(tmp_path / "log.db", clock=ticking()) as log:
        await record_trained(log)
        progress = Progress("r1")
        async for recorded in log.read():
            progress.see(recorded)
    wanted = "epoch 2 of 2, step 4 of 4 · 2 accepted, 1 rejected, 1 undecided, 1 skipped · believed 70.0 % · "
    assert progress.totals().startswith(wanted)
