"""A skill's life is told from the first trial that its author was told of to its end, each step with its event."""

from pathlib import Path

from events.store.sqlite.store import SqliteLog
from tests.views.libraries.story import evolved
from tests.views.runs.test_show import desk, out
from views.libraries.life import life_rows
from views.runs.skills import choose_skill
from views.terminal.ids import EventTarget, PlaceTarget, find_target
from views.training import skill_log
from views.why.chain import read
from views.why.target import find_place


async def test_every_step_of_a_life_is_told_in_order(log: SqliteLog, tmp_path: Path) -> None:
    """Trials before it was written, what was learnt from them, answers, checks, rulings, uses, and its end."""
    await evolved(log)
    at = desk(log, tmp_path)
    skill = (await choose_skill(at, "always/E1/rows")).skill
    rows = await life_rows(at, skill)
    assert [(row.what, row.revision, row.told) for row in rows] == [
        ("trial", None, "rows-canonical (canonical) solved, reward 1"),
        ("learning", None, "induce: the family has no skill"),
        ("answer", None, "read"),
        ("check", None, "Rows are counted."),
        ("proposal", None, "written, 1 file"),
        ("ruling", None, "accept: no gate is set"),
        ("in force", 1, "revision 1, written"),
        ("given", 1, "rows-enriched (enriched) failed, reward 0"),
        ("learning", 1, "revise (rows): the agent opened them"),
        ("answer", 1, "read"),
        ("check", 1, "refused: rows/SKILL.md, line 7: It speaks of a grader."),
        ("check", 1, "Void rows."),
        ("proposal", 1, "edited, 1 file"),
        ("ruling", 1, "gate strict: reject: it scores less"),
        ("rejected", 1, "it scores less"),
        ("proposal", 1, "edited, 1 file"),
        ("ruling", 1, "gate strict: accept: it scores as much"),
        ("in force", 2, "revision 2, edited"),
        ("frozen", 2, "with 1 skill in force"),
        ("given", 2, "rows-adversarial (adversarial) failed, reward 0; the skill was read"),
        ("narrowed", 2, "not for E2: it harms there"),
        ("quarantined", 2, "1 of 1 trials that read it failed"),
        ("rolled back", 1, "from 2 to 1: 1 of 1 trials that read it failed"),
        ("retired", None, "nobody needs it"),
    ]
    assert [row.step for row in rows] == list(range(1, 25))
    assert rows[19].why == "r1:cell/always.E1/rows-adversarial/1@1"
    for row in rows:
        assert isinstance(await find_target(log, row.why), EventTarget | PlaceTarget)


async def test_the_log_of_a_skill_of_a_library_is_its_life(log: SqliteLog, tmp_path: Path) -> None:
    """And says how to ask why."""
    await evolved(log)
    at = desk(log, tmp_path)
    await skill_log.tell(at, "rows")
    told = " ".join(out(at).split())
    assert "24 retired" in told
    assert "next stillroom why r1:library/always/E1@" in told


async def test_each_step_has_its_causes(log: SqliteLog, tmp_path: Path) -> None:
    """A revision leads to the check of its patch and to the revision before it; nothing is called damaged."""
    await evolved(log)
    at = desk(log, tmp_path)
    rows = await life_rows(at, (await choose_skill(at, "always/E1/rows")).skill)
    told = {row.what: await read(at, await find_place(log, row.why), 9) for row in rows}
    assert [node.verified for nodes in told.values() for node in nodes if node.verified == "damaged"] == []
    labels = {what: [node.label for node in nodes] for what, nodes in told.items()}
    assert {"candidate", "before", "check", "provenance", "patch"} <= set(labels["in force"])
    assert {"revision", "decision"} <= set(labels["quarantined"])
    revisions = [node.id for node in told["rolled back"] if node.label == "revision"]
    assert revisions == [rows[17].why]
