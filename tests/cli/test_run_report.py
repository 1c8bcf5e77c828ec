"""Any run on one page: whole without a network, in words first, with nothing raw and nothing unknown shown as zero."""

import re
from pathlib import Path

import pytest
from anyio import to_thread

from engine.config.spec import RunSpec, canonical
from events.store.sqlite.store import SqliteLog
from events.types.construction import ConstructionClosed, ConstructionOpened
from events.types.run import RunOpened
from events.types.session import SessionStarted
from events.types.skill import SkillRefused
from events.values import Outcome
from tests.cli.terminal import ticking, type_in
from tests.cli.test_report import NASTY, Page
from tests.support.reflected import write_spark
from tests.views.histories import BROKEN, FAILED, PlacedEvent, opened, record, trial_closed, trial_opened, tried

GOLDEN = Path(__file__).parents[1] / "golden"
DEMO = str(GOLDEN / "demo-323f770.bundle")


def page_of(folder: Path, *words: str) -> Page:
    """Write a page, and read it."""
    outcome = type_in(folder, "report", *words, "--out", "page.html")
    assert outcome.code == 0, outcome.err
    text = (folder / "page.html").read_text()
    assert "://" not in text
    assert "nano" not in text
    page = Page(text)
    assert "script" not in page.tags
    assert {link.removeprefix("#") for link in page.links} <= page.anchors
    return page


def test_the_demo_is_told_on_one_page(tmp_path: Path) -> None:
    """What was done, what came of it, over time, attempt by attempt, with skills, costs and failures."""
    page = page_of(tmp_path, "--log", DEMO)
    (run,) = type_in(tmp_path, "runs", "--log", DEMO, "--json").rows
    assert "Program explore, over 4 tasks by the method spark, asking distiller, reflector, teacher" in page.text
    assert "Of 4 trials: 2 solved, 1 unsolved, 1 without a verdict, which is not a score of 0." in page.text
    assert "12 attempts, 2 after a soft and 3 after a strong intervention. Skills: 2 accepted." in page.text
    assert "svg" in page.tags
    assert "triggers: strong" in page.text
    assert "model server 2" in page.text, "failures by kind"
    assert "A script stood in for a model" in page.text
    assert f"stillroom why {run['run']}:errors-per-hour/1 --html why.html" in page.text
    assert "Counting events per hour across time zones" in page.text, "the skill itself"
    assert re.search(r"1:\d+:[0-9a-f]{64}", page.text), "the state of the log that it tells of"


def test_an_imported_run_has_its_page(tmp_path: Path) -> None:
    """Told by order, since its times are not on record; nothing is made up."""
    write_spark(tmp_path / "spark", 1, steps=3)
    assert type_in(tmp_path, "import", "spark", "spark").code == 0
    page = page_of(tmp_path)
    assert "This run was imported from spark" in page.text
    assert "nothing in it was verified by stillroom" in page.text
    assert "Attempt by attempt" in page.text
    assert "cost unknown" in page.text


async def test_names_cannot_become_markup_and_a_missing_verdict_is_no_zero(tmp_path: Path) -> None:
    """A refused skill is told with its reasons; a trial without a reward has a dash."""
    async with await SqliteLog.open(tmp_path / "log.db", clock=ticking()) as log:
        refused = SkillRefused(skill="greet", answer=log.put(NASTY.encode()), problems=(f"too long {NASTY}",))
        story = [
            *opened(log, NASTY),
            trial_opened("greet"),
            *tried(log, "greet", 1, Outcome("solved", 1.0, NASTY)),
            PlacedEvent("trial/greet", refused),
            trial_opened("lost"),
            *tried(log, "lost", 1, BROKEN),
        ]
        await record(log, "r1", story)
    page = await to_thread.run_sync(page_of, tmp_path, "r1", "--log", str(tmp_path / "log.db"))
    assert NASTY in page.text
    assert "Its skill was refused: too long" in page.text
    assert "greet refused from greet" in page.text
    assert re.search(r"lost cut off - 1 none", page.text)


@pytest.mark.parametrize(("form", "suffix"), [("markdown", "md"), ("latex", "tex")])
def test_tables_of_a_run_for_a_paper(tmp_path: Path, form: str, suffix: str) -> None:
    """Trials, attempts and costs, below what was done; CSV has a place for one table only."""
    assert type_in(tmp_path, "report", "--log", DEMO, "--format", form).code == 0
    text = (tmp_path / f"report.{suffix}").read_text()
    assert text.startswith("Program explore")
    assert text.count("merge") >= 6
    assert "$0.0295" in text.replace("\\$", "$")
    assert type_in(tmp_path, "report", "--log", DEMO, "--format", "csv").code == 2


def test_a_page_of_a_run_that_evaluates_stays_its_comparison(tmp_path: Path) -> None:
    """And that of a training its steps."""
    page = page_of(tmp_path, "--log", str(GOLDEN / "evaluation-e5eaad7.bundle"))
    assert "Compared:" in page.text
    page = page_of(tmp_path, "--log", str(GOLDEN / "training-7f6e974.bundle"))
    assert "Scores by step" in page.text


async def test_a_run_that_makes_tasks_says_what_became_of_them(tmp_path: Path) -> None:
    """Trials of whoever does nothing are not meant to be solved, so that "1 unsolved" says nothing of a task."""
    path = tmp_path / ".stillroom" / "log.db"
    path.parent.mkdir()
    async with await SqliteLog.open(path, clock=ticking()) as log:
        spec = log.put(canonical(RunSpec(tasks="", program="construct")))
        start = RunOpened(spec, "spark", (), (), "0.1.0", scripted=False, program="construct")
        made = [ConstructionOpened("aye", spec), ConstructionClosed("unreadable", 2, ("no JSON",))]
        story = [PlacedEvent("session", SessionStarted("live", 1, "host:1:1", "0.1.0")), PlacedEvent("run", start)]
        story += [PlacedEvent("construct/aye", each) for each in made]
        trial = [trial_opened("aye.1.nop.1"), *tried(log, "aye.1.nop.1", 1, FAILED)]
        await record(log, "r1", [*story, *trial, trial_closed("aye.1.nop.1", "unsolved", 1, 0.0)])
    page = await to_thread.run_sync(page_of, tmp_path)
    assert "Tasks were tried in 1 trial, to prove them." in page.text
    assert "Tasks: aye unreadable after 0 rounds." in page.text
    assert "unsolved, 0 without" not in page.text
