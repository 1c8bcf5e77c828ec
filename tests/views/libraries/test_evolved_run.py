"""Skills of a run that really evolved them: their lives, their lines, and what another retrieval would have given."""

from pathlib import Path

from engine.config.changes import Change
from events.store.memory import MemoryLog
from events.store.sqlite.store import SqliteLog
from replay.what_if.ask import ask, prepare
from tests.support.evolving import evolution, evolved, sums
from tests.support.orders import CountingClock
from tests.support.suites import SuiteShape
from tests.views.runs.test_show import desk
from views.libraries.blame import line_rows
from views.libraries.failed_trial import find_trial
from views.libraries.life import life_rows
from views.runs.skills import choose, choose_skill
from views.why.chain import read
from views.why.target import find_place

COURSE = "selfgen_experience_always"


async def test_a_life_leads_from_its_first_trial_to_every_use(log: SqliteLog, tmp_path: Path) -> None:
    """Each step has an event that `why` follows, through decisions that are ruled alike again."""
    report = await evolved(log, sums(tmp_path), evolution(COURSE))
    at = desk(log, tmp_path)
    skill = (await choose_skill(at, f"{COURSE}/E1/sum-1-1")).skill
    rows = await life_rows(at, skill)
    assert [row.what for row in rows[:6]] == ["trial", "learning", "answer", "check", "proposal", "ruling"]
    assert [row.revision for row in rows if row.what == "in force"] == [1, 2, 3]
    given = [row.task for row in rows if row.what == "given" and row.revision == 3]
    assert {"sum-1-1-context-shift", "sum-1-1-adversarial", "sum-1-1-composition"} <= set(given)
    assert rows[0].told == "sum-1-1-canonical (canonical) solved, reward 1"
    for row in (rows[0], rows[3], rows[6], rows[-1]):
        assert row.why.startswith(f"{report.run}:")
        nodes = await read(at, await find_place(log, row.why), 3)
        assert [node.trouble for node in nodes if node.trouble] == []


async def test_a_failed_trial_leads_to_the_edits_behind_its_skill(log: SqliteLog, tmp_path: Path) -> None:
    """What its agent was given, line by line: who wrote it, after which trials."""
    await evolved(log, sums(tmp_path), evolution(COURSE))
    at = desk(log, tmp_path)
    trial = await find_trial(at, f"{COURSE}.E1/sum-1-1-adversarial/1")
    assert trial.outcome == "failed, reward 0"
    ((skill, revision),) = trial.skills
    assert (skill.name, revision.revision) == ("sum-1-1", 3)
    rows = await line_rows(log, skill, revision)
    sentence = next(row for row in rows if row.text == "Copy it whole.")
    assert (sentence.since, sentence.origin, sentence.task) == (3, "author", "sum-1-1-variant")
    assert sentence.trials[-1] == f"cell/{COURSE}.E1/sum-1-1-variant/1"
    assert sentence.summary == "Copy it whole."
    first = await choose(at, f"{COURSE}/E1/sum-1-1@1")
    before = await line_rows(log, skill, first.revision)
    assert {row.since for row in before} == {1}


async def test_another_retrieval_is_asked_of_every_trial_of_a_frozen_library(tmp_path: Path) -> None:
    """None of them hides another: each was chosen on a stream of its own."""
    shape = SuiteShape(environments=1, families=2)
    log = MemoryLog(clock=CountingClock())
    run = (await evolved(log, sums(tmp_path, shape), evolution("curated_static"))).run
    changes = [
        Change(("evolve", "change", "retrieval.method"), "bm25"),
        Change(("evolve", "change", "retrieval.k"), 1),
    ]
    asked = await ask([await prepare(log, run)], changes)
    flips = [flip for flip in asked.flips if flip.point == "retrieval"]
    assert len(flips) == 6
    assert all(len(flip.decided) <= 1 < len(flip.recorded) for flip in flips)
