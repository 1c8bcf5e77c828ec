"""The lines of a skill lead back to the edit that brought them, and a trial that failed to the lines it went by."""

from pathlib import Path

import pytest

from events.store.sqlite.store import SqliteLog
from tests.views.libraries.story import cell, evolved
from tests.views.runs.test_show import desk, out
from views.libraries.blame import line_rows, suspected, tell_trial
from views.libraries.failed_trial import find_trial
from views.runs.skills import choose, choose_skill
from views.terminal.errors import IdUnknown, UsageWrong
from views.training import skill_blame


async def test_each_line_names_what_brought_it(log: SqliteLog, tmp_path: Path) -> None:
    """The revision, its edit, what the author says, and the trials that it was told of."""
    await evolved(log)
    at = desk(log, tmp_path)
    skill, chosen = (await choose_skill(at, "rows")).skill, await choose(at, "always/E1/rows@2")
    rows = {row.text: row for row in await line_rows(log, skill, chosen.revision)}
    first, second = rows["Count every row."], rows["Leave out void rows."]
    assert (first.since, first.edit, first.origin, first.task) == (1, None, "author", "rows-canonical")
    assert (second.since, second.edit, second.summary) == (2, "1", "Void rows.")
    assert second.trials == (cell("rows-canonical"), cell("rows-enriched"))
    assert second.author == "author/always/E1/rows-enriched"
    assert second.why.startswith("r1:library/always/E1@")
    assert second.line == 7


async def test_a_revision_that_was_rolled_back_to_has_its_own_lines(log: SqliteLog, tmp_path: Path) -> None:
    """What came after it brought none of them."""
    await evolved(log)
    at = desk(log, tmp_path)
    await skill_blame.tell(at, "always/E1/rows")
    told = out(at)
    assert "Count every row." in told
    assert "void" not in told


async def test_a_failed_trial_leads_to_the_line_and_the_edit_that_brought_it(log: SqliteLog, tmp_path: Path) -> None:
    """By the words that lines have in common with what failed: of the skills that the trial read."""
    await evolved(log)
    at = desk(log, tmp_path)
    trial = await find_trial(at, "r1:always.E1/rows-adversarial/1")
    assert trial.outcome == "failed, reward 0"
    assert trial.failures == ("[outcome] test_void: a void row is among them",)
    assert [(skill.name, revision.revision) for skill, revision in trial.skills] == [("rows", 2)]
    assert trial.told_skills == "rows (read)"
    await tell_trial(at, trial)
    told = out(at)
    assert "--- rows/SKILL.md  revision 2 in library always/E1 of run r1\n" in told, "a name is of any library"
    assert "2.1 1>   7  Leave out void rows." in told
    assert "says:  Void rows." in told
    assert "stillroom why r1:cell/always.E1/rows-adversarial/1@1" in told


async def test_lines_without_a_word_in_common_are_no_suspects(log: SqliteLog, tmp_path: Path) -> None:
    """And where nothing failed, none is."""
    await evolved(log)
    at = desk(log, tmp_path)
    skill, chosen = (await choose_skill(at, "rows")).skill, await choose(at, "always/E1/rows@2")
    rows = await line_rows(log, skill, chosen.revision)
    assert [row.suspect for row in suspected(rows, [])] == [None] * len(rows)
    marked = {row.text: row.suspect for row in suspected(rows, ["a void name"]) if row.suspect}
    assert set(marked) == {"Leave out void rows.", "Read the names.", "name: rows"}
    assert sorted(marked.values()) == [1, 2, 3]


async def test_what_is_no_trial_of_a_library_is_refused(log: SqliteLog, tmp_path: Path) -> None:
    """With what there is, or what to name instead."""
    await evolved(log)
    at = desk(log, tmp_path)
    with pytest.raises(IdUnknown, match="rows-other"):
        await find_trial(at, "always.E1/rows-other/1")
    with pytest.raises(UsageWrong):
        await find_trial(at, "r1:none.E1/rows-canonical/1")
