"""An output folder of SkillOpt from the command line: imported, looked at as a training of ours, and back again."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from events.store.sqlite.store import SqliteLog
from tests.cli.terminal import ticking, type_in
from tests.engine.importers.skillopt.made import GUIDED, write_output
from tests.support.trained import FIRST, SECOND, THIRD, record_trained


def imported(folder: Path, path: str) -> dict[str, Any]:
    """Import a folder, and give the row."""
    outcome = type_in(folder, "import", "skillopt", path, "--json")
    assert outcome.code == 0, (outcome.out, outcome.err)
    (row,) = outcome.rows
    return row


def test_a_training_that_we_wrote_for_skillopt_comes_back(tmp_path: Path) -> None:
    """Steps, what was accepted and rejected, scores and the texts of skills: as the log has them that wrote it."""

    async def write() -> None:
        path = tmp_path / ".stillroom" / "log.db"
        path.parent.mkdir()
        async with await SqliteLog.open(path, clock=ticking()) as log:
            await record_trained(log, "r1")

    anyio.run(write)
    assert type_in(tmp_path, "export", "skillopt", "r1", "--to", "out").code == 0
    row = imported(tmp_path, "out/r1")
    assert (row["steps"], row["accepted"], row["rejected"], row["skipped"]) == (4, 2, 1, 1)
    assert type_in(tmp_path, "export", "skillopt", row["run"], "--to", "again").code == 0
    first, again = tmp_path / "out" / "r1", tmp_path / "again" / row["run"]
    assert {each.name: each.read_text() for each in (again / "skills").iterdir()} == {
        f"skill_v{number:04d}.md": text for number, text in enumerate((FIRST, SECOND, SECOND, THIRD, THIRD))
    }
    assert (again / "best_skill.md").read_text() == THIRD
    told = [[json.loads((one / "history.json").read_text())] for one in (first, again)]
    same = ("step", "epoch", "step_in_epoch", "action", "candidate_gate_score", "best_step", "candidate_hash",
            "edit_budget", "n_edits_merged", "n_edits_ranked", "edit_apply_summary")  # fmt: skip
    mine, theirs = ([{key: each.get(key) for key in same} for each in history] for (history,) in told)
    assert mine == theirs
    ended = [json.loads((one / "summary.json").read_text()) for one in (first, again)]
    for key in ("ending", "best_step", "total_accepts", "total_rejects", "total_skips", "test_hard", "test_soft"):
        assert ended[0][key] == ended[1][key], key


def test_it_is_looked_at_as_a_training_and_marked_imported(tmp_path: Path) -> None:
    """By every command that shows a training; a replay says that it was imported."""
    write_output(tmp_path / "out")
    run = imported(tmp_path, "out")["run"]
    standing = [(each["edit"], each["standing"]) for each in type_in(tmp_path, "edits", "list", run, "--json").rows]
    assert standing[:2] == [("s1.1", "not selected"), ("s1.2", "accepted")]
    assert "Be brief." in type_in(tmp_path, "edits", "show", run, "s1.2").out
    assert len(type_in(tmp_path, "skills", "log", "answers", "--json").rows) >= 4
    assert GUIDED.splitlines()[-1] in type_in(tmp_path, "skills", "show", "answers").out
    shown = type_in(tmp_path, "show", run)
    assert (shown.code, "imported" in shown.out) == (0, True)
    assert "step 4, epoch 2" in shown.out
    assert type_in(tmp_path, "report", run).code == 0
    assert "It was imported from skillopt" in (tmp_path / "report.html").read_text(encoding="utf-8")
    (listed,) = type_in(tmp_path, "runs", "--json").rows
    assert (listed["state"], listed["source"]) == ("imported", "skillopt")
    replayed = type_in(tmp_path, "replay", run)
    assert (replayed.code, "imported" in replayed.out + replayed.err) == (0, True), (replayed.out, replayed.err)


def test_what_is_left_out_is_named_and_the_exit_code_says_so(tmp_path: Path) -> None:
    """The rest is in the log; importing it again appends nothing, and says so."""
    write_output(tmp_path / "out", history_dot_json="[{")
    outcome = type_in(tmp_path, "import", "skillopt", "out")
    assert (outcome.code, "history.json" in outcome.out) == (3, True)
    again = type_in(tmp_path, "import", "skillopt", "out")
    assert (again.code, "already imported" in again.out) == (3, True)


@pytest.mark.parametrize(("name", "said"), [("empty", "holds no history.json"), ("gone", "is not there")])
def test_what_is_no_output_folder_is_refused(tmp_path: Path, name: str, said: str) -> None:
    """With what to give instead, and no log is begun that holds anything."""
    (tmp_path / "empty").mkdir()
    outcome = type_in(tmp_path, "import", "skillopt", name)
    told = " ".join(outcome.err.split())
    assert (outcome.code, said in told, "an output folder of SkillOpt" in told) == (2, True, True), told
