"""Replaying from the command line: what a person reads, and what the shell is told."""

import json
from pathlib import Path

import anyio

from events.store.sqlite.store import SqliteLog
from events.types.trial import AttemptConcluded
from tests.cli.terminal import ticking, type_in
from tests.support.edits import edit_events
from tests.support.runs import make_base

EXPLORE = ("run", "explore", "-p", "tasks", "-m", "script:script.toml")


def explored(folder: Path) -> Path:
    """A folder whose log holds a run; gives the log's file."""
    make_base(folder)
    assert type_in(folder, *EXPLORE).code == 0
    return folder / ".stillroom/log.db"


def imported(folder: Path) -> None:
    """A past run of another system, of which little is left."""
    attempts = [{"attempt": 0, "status": "FAIL", "reward": 0.0}, {"attempt": 1, "status": "PASS", "reward": 1.0}]
    (folder / "spark/sort").mkdir(parents=True)
    text = json.dumps({"task_name": "sort", "attempts": attempts})
    (folder / "spark/sort/attempts.json").write_text(text, encoding="utf-8")
    assert type_in(folder, "import", "spark", "spark").code == 0


def test_every_run_of_a_log_is_done_again(tmp_path: Path) -> None:
    """Ours at three strengths; of an imported one it is said that nobody can run it again."""
    explored(tmp_path)
    imported(tmp_path)
    outcome = type_in(tmp_path, "replay", "--all")
    assert outcome.code == 0, outcome.out
    assert outcome.out.count("equal") == 5
    assert "events in 5 streams reproduced as recorded, 0 model calls" in outcome.out
    assert "it was imported: it has no actors to rerun" in outcome.out
    kinds = [row["kind"] for row in type_in(tmp_path, "replay", "--all", "--redecide", "--json").rows]
    assert set(kinds) == {"redecided"}
    assert type_in(tmp_path, "replay", "@latest", "--rerun", "--json").rows[0]["complete"] is True


def test_an_edited_event_is_named_and_the_shell_is_told(tmp_path: Path) -> None:
    """Exit code 4 of the replay, 5 of the verifying that it advises."""
    path = explored(tmp_path)
    edit_events(path, "trial.next_chosen", '"counted":2', '"counted":3')
    outcome = type_in(tmp_path, "replay")
    assert outcome.code == 4
    assert "DIFFERS rerun of run" in outcome.out
    assert "trial/word@8, field counted" in outcome.out
    assert "trial/word@8 (trial.next_chosen, position" in outcome.out
    assert type_in(tmp_path, "log", "verify").code == 5
    rows = type_in(tmp_path, "replay", "--json").rows
    found = {(row["strength"], row["field"], row["recorded"], row["decided"]) for row in rows if "strength" in row}
    assert found >= {("redecide", "counted", "3", "2"), ("rerun", "counted", "3", "2")}
    assert [strength for strength, *_ in found].count("rerun") == 1


def test_bytes_that_are_gone_are_named_and_other_runs_are_done_all_the_same(tmp_path: Path) -> None:
    """Exit code 5: the log does not hold what it once held."""
    path = explored(tmp_path)
    imported(tmp_path)

    async def forget() -> str:
        async with await SqliteLog.open(path, clock=ticking()) as log:
            commands = [each.event.commands async for each in log.read() if isinstance(each.event, AttemptConcluded)]
            await log.erase(commands[0], "asked to")
            return commands[0]

    digest = anyio.run(forget)
    outcome = type_in(tmp_path, "replay", "--all", "--json")
    assert outcome.code == 5
    assert [row["digest"] for row in outcome.rows if row["kind"] == "unread"] == [digest]
    missing = [each for row in outcome.rows if row["kind"] == "redecided" for each in row["missing"]]
    assert missing
    assert all(digest[:16] in each for each in missing)
    assert [row["complete"] for row in outcome.rows if row["kind"] == "rerun"] == [True]
