"""An output folder of SkillOpt from the command line: imported, looked at as a training of ours, and back again."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import anyio
import pytest

from events.store.sqlite.store import SqliteLog
from tests.cli.terminal import ticking, type_in
from tests.engine.importers.skillopt.made import GUIDED, write_output
from tests.support.trained import FIRST, SECOND, THIRD, record_trained

PEER = shutil.which("skillopt-train")
"""SkillOpt's command, beside the interpreter that has it. None: it is not on the path."""


def imported(folder: Path, path: str) -> dict[str, Any]:
    """Import a folder, and give the row."""
    outcome = type_in(folder, "import", "skillopt", path, "--json")
    assert outcome.code == 0, (outcome.out, outcome.err)
    (row,) = outcome.rows
    return row


def edits_of(folder: Path, run: str) -> list[tuple[object, ...]]:
    """List the edits of a run, and what became of them."""
    rows = type_in(folder, "edits", "list", run, "--json").rows
    return [tuple(each[key] for key in ("edit", "op", "content", "target", "standing", "revision")) for each in rows]


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
    ours, read = (edits_of(tmp_path, run) for run in ("r1", row["run"]))
    assert ours == read
    assert len(ours) > 5
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


TRAINS = """
import json, os, sys
from skillopt.engine.trainer import ReflACTTrainer
from skillopt.envs.base import EnvAdapter
from skillopt.gradient import aggregate

aggregate.load_prompt = lambda *_, **__: ""  # the package lacks its prompts, and no model is asked

def patch(*edits):
    return {"source_type": "failure", "batch_size": 2, "patch": {"reasoning": "r", "edits": list(edits)}}

PLAN = [
    [patch({"op": "append", "content": "Be brief."}, {"op": "replace", "target": "not there", "content": "x"})],
    [patch({"op": "append", "content": "Guess."})],
    [],
]

class Scripted(EnvAdapter):
    steps = 0
    def build_train_env(self, batch_size, seed, **_): return [{"id": f"t{seed}.{n}"} for n in range(batch_size)]
    def build_eval_env(self, env_num, split, seed, **_): return [{"id": f"{split}{n}"} for n in range(4)]
    def get_task_types(self): return ["any"]
    def reflect(self, results, skill, out_dir, **_):
        self.steps += 1
        return PLAN[(self.steps - 1) // 2 % 3] if self.steps % 2 == 0 else []
    def rollout(self, env, skill, out_dir, **_):
        right = 0 if "Guess." in skill else 3 if "brief" in skill else 1
        rows = [{"id": each["id"], "hard": int(n < right), "soft": float(n < right)} for n, each in enumerate(env)]
        os.makedirs(out_dir, exist_ok=True)
        with open(out_dir + "/results.jsonl", "w") as file:
            file.writelines(json.dumps(row) + "\\n" for row in rows)
        return rows

out = sys.argv[1]
open(out + ".md", "w").write("---\\nname: answers\\n---\\nAnswer.\\n")
ReflACTTrainer({"out_root": out, "skill_init": out + ".md", "num_epochs": 1, "train_size": 12, "batch_size": 2,
    "accumulation": 2, "seed": 1, "minibatch_size": 2, "merge_batch_size": 2, "analyst_workers": 1, "edit_budget": 4,
    "min_edit_budget": 1, "sel_env_num": 0, "test_env_num": 0, "eval_test": True, "use_slow_update": True,
    "optimizer_model": "none", "target_model": "none"}, Scripted()).train()
"""
"""SkillOpt's trainer under an adapter that plays a script: one candidate accepted, one rejected, one step skipped."""


@pytest.mark.skipif(PEER is None, reason="no skillopt-train on the path")
@pytest.mark.slow
def test_a_folder_that_skillopt_itself_wrote_is_read_and_comes_back_byte_for_byte(tmp_path: Path) -> None:
    """What its files say is in the log: documents, scores, edits; the export is the folder, but for its place."""
    assert PEER is not None
    out = tmp_path / "theirs"
    told = subprocess.run(
        [Path(PEER).with_name("python"), "-c", TRAINS, out], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr[-2000:]
    history = json.loads((out / "history.json").read_text())
    assert [each["action"] for each in history] == ["accept_new_best", "reject", "skip_no_patches"]
    row = imported(tmp_path, "theirs")
    assert (row["steps"], row["accepted"], row["rejected"], row["skipped"], row["warnings"]) == (3, 2, 1, 1, [])
    edits = [(edit, content, standing) for edit, _, content, _, standing, _ in edits_of(tmp_path, row["run"])]
    assert edits[:3] == [
        ("s1.1", "Be brief.", "accepted"), ("s1.2", "x", "refused"), ("s2.1", "Guess.", "rejected"),
    ]  # fmt: skip
    logged = [
        (each["revision"], each["score"]) for each in type_in(tmp_path, "skills", "log", "answers", "--json").rows
    ]
    assert logged[:2] == [(0, 0.25), (1, 0.75)]
    assert type_in(tmp_path, "export", "skillopt", row["run"], "--to", "back").code == 0
    back = tmp_path / "back" / row["run"]
    theirs, ours = (
        {each.relative_to(one): each.read_bytes() for each in one.rglob("*.*") if each.is_file()} for one in (out, back)
    )
    assert sorted(theirs) == sorted(ours)
    assert {str(path) for path in theirs if theirs[path] != ours[path]} == {"runtime_state.json"}
    state = json.loads(ours[Path("runtime_state.json")])
    assert Path(state["current_skill_path"]).read_text() == (out / "skills" / "skill_v0003.md").read_text()
