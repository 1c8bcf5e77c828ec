"""SkillOpt's output folder from the command line: what its own tools read of one of our trainings."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import anyio
import pytest

from events.store.sqlite.store import SqliteLog
from tests.cli.terminal import ticking, type_in
from tests.support.trained import FIRST, GUIDED, SECOND, THIRD, record_trained
from tests.views.histories import record, whole

PEER = shutil.which("skillopt-train")
"""SkillOpt's command, beside the interpreter that has it. None: it is not on the path."""
READS = """
import json, sys
from skillopt.engine import trainer
out = sys.argv[1]
state = trainer._load_runtime_state(out)
history = trainer._load_history(out)
print(json.dumps([state["last_completed_step"], [each["action"] for each in history],
    open(state["current_skill_path"]).read(), open(state["best_skill_path"]).read(),
    trainer._load_skill(out, 1), trainer.skill_hash(trainer._load_skill(out, 3)) == history[2]["candidate_hash"]]))
"""
GOES_ON = """
import json, os, sys
from skillopt.engine.trainer import ReflACTTrainer
from skillopt.envs.base import EnvAdapter

class Quiet(EnvAdapter):
    asked = []
    def build_train_env(self, batch_size, seed, **_): return [{"id": f"t{n}"} for n in range(batch_size)]
    def build_eval_env(self, env_num, split, seed, **_): return [{"id": split}]
    def get_task_types(self): return ["any"]
    def reflect(self, results, *_, **__): return []
    def rollout(self, env, skill, out_dir, **_):
        self.asked.append([os.path.relpath(out_dir, sys.argv[1]), skill])
        return [{"id": each["id"], "hard": 1, "soft": 1.0} for each in env]

cfg = json.load(open(sys.argv[1] + "/config.json"))
cfg |= {"out_root": sys.argv[1], "skill_init": sys.argv[1] + "/skills/skill_v0000.md", "num_epochs": 2, "train_size": 4,
    "batch_size": 2, "accumulation": 1, "sel_env_num": 1, "test_env_num": 1, "analyst_workers": 1, "use_gate": True,
    "use_slow_update": True, "use_meta_skill": True, "eval_test": True, "steps_per_epoch": 0,
    "optimizer_model": "none", "target_model": "none"}
adapter = Quiet()
ReflACTTrainer(cfg, adapter).train()
print(json.dumps(adapter.asked))
"""
"""SkillOpt's trainer goes on in a folder, under an adapter that counts what it is asked; no model is called."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose log holds a training run, and one that trains nothing."""

    async def write() -> None:
        path = tmp_path / ".stillroom" / "log.db"
        path.parent.mkdir()
        async with await SqliteLog.open(path, clock=ticking()) as log:
            await record(log, "other", whole(log))
            await record_trained(log, "r1")

    anyio.run(write)
    return tmp_path


def export(folder: Path) -> tuple[dict[str, Any], Path]:
    """Export, and give the row and the folder."""
    outcome = type_in(folder, "export", "skillopt", "r1", "--to", "out", "--json")
    assert outcome.code == 0, outcome.err
    (row,) = outcome.rows
    return row, folder / "out" / "r1"


def test_a_training_is_written_as_skillopt_lays_it_out(folder: Path) -> None:
    """Scores, steps, rulings and documents are those of the log; what was not decided is not called rejected."""
    row, out = export(folder)
    history = json.loads((out / "history.json").read_text())
    actions = ["accept_new_best", "reject", "accept_new_best", "skip_no_patches"]
    assert [each["action"] for each in history] == actions
    assert [each["selection_hard"] for each in history[:3]] == [0.8, 0.6, 1.0]
    assert [each["candidate_gate_score"] for each in history[:3]] == [0.625, 0.6, 1.0]
    assert [each["best_step"] for each in history] == [1, 1, 3, 3]
    assert "selection_hard" not in history[3]
    texts = [(out / "skills" / f"skill_v{step:04d}.md").read_text() for step in range(5)]
    assert texts == [FIRST, SECOND, SECOND, THIRD, THIRD]
    assert (out / "best_skill.md").read_text() == THIRD
    rejected = (out / "steps" / "step_0002" / "candidate_skill.md").read_text()
    assert "Name the city." in rejected
    report = json.loads((out / "steps" / "step_0002" / "edit_apply_report.json").read_text())
    assert [each["status"] for each in report] == ["applied_replace", "refused_target_not_found"]
    rows = [
        json.loads(line) for line in (out / "steps/step_0001/selection_eval/results.jsonl").read_text().splitlines()
    ]
    assert [each["fail_reason"] != "" for each in rows if each["hard"] is None] == [True]
    summary = json.loads((out / "summary.json").read_text())
    assert [summary[f"total_{name}"] for name in ("steps", "accepts", "rejects", "skips")] == [4, 2, 1, 1]
    assert (summary["baseline_test_hard"], summary["test_hard"], summary["ending"]) == (0.0, 0.5, "completed")
    assert (row["accepted"], row["rejected"], row["skipped"], row["undecided"], row["best_step"]) == (2, 1, 1, 0, 3)
    assert [each["step_in_epoch"] for each in history] == [0, 1, 0, 1]  # SkillOpt counts from 0
    assert [each["current_origin"] for each in history] == ["step_0001", "step_0001", "step_0003", "step_0003"]
    state = json.loads((out / "runtime_state.json").read_text())
    assert state["current_score"] == history[-1]["current_score"] is not None
    assert Path(state["current_skill_path"]).read_text() == THIRD
    slow = json.loads((out / "slow_update" / "epoch_02" / "slow_result.json").read_text())
    assert (slow["action"], (out / "slow_update/epoch_02/candidate_skill.md").read_text()) == ("skip_undecided", GUIDED)
    assert json.loads((out / "slow_update/epoch_01/slow_result.json").read_text())["action"] == "inject_placeholder"


def test_no_folder_is_written_over_and_other_runs_are_refused(folder: Path) -> None:
    """A second export says so, and a run that trains nothing has no such folder; nothing is left behind."""
    export(folder)
    again = type_in(folder, "export", "skillopt", "r1", "--to", "out")
    assert (again.code, "already exists" in again.err) == (2, True)
    other = type_in(folder, "export", "skillopt", "other", "--to", "new")
    assert (other.code, "trains no skill" in other.err) == (2, True)
    assert [each.name for each in (folder / "out").iterdir()] == ["r1"]
    assert not (folder / "new").exists()


def test_people_are_told_what_the_folder_lacks(folder: Path) -> None:
    """Counts first, then what has no place in it."""
    told = type_in(folder, "export", "skillopt", "r1").out
    assert "4 steps, 2 accepted, 1 rejected, 1 skipped, 0 undecided; best: step 3" in " ".join(told.split())
    assert "not in it: why a gate ruled" in told


@pytest.mark.skipif(PEER is None, reason="no skillopt-train on the path")
@pytest.mark.slow
def test_skillopt_itself_resumes_from_the_folder(folder: Path) -> None:
    """Its own readers of state, history and skills take the folder; its hash of a document is ours."""
    _, out = export(folder)
    assert PEER is not None
    told = subprocess.run(
        [Path(PEER).with_name("python"), "-c", READS, out], capture_output=True, check=True, text=True
    ).stdout
    step, actions, current, best, first, same = json.loads(told.splitlines()[-1])
    assert (step, actions[1], current, best, first, same) == (4, "reject", THIRD, THIRD, SECOND, True)


@pytest.mark.skipif(PEER is None, reason="no skillopt-train on the path")
@pytest.mark.slow
def test_skillopts_trainer_goes_on_where_the_folder_ends(folder: Path) -> None:
    """It finds all steps and ends of epochs done: it changes no skill, tries none again, and tests those it should."""
    _, out = export(folder)
    assert PEER is not None
    before = {each.name: each.read_text() for each in (out / "skills").iterdir()}
    words = [str(Path(PEER).with_name("python")), "-c", GOES_ON, str(out)]
    told = subprocess.run(words, capture_output=True, check=False, text=True)
    assert told.returncode == 0, told.stdout[-800:] + told.stderr[-2000:]
    asked = dict(json.loads(told.stdout.splitlines()[-1]))
    assert {each.name: each.read_text() for each in (out / "skills").iterdir()} == before
    assert asked == {"test_eval_baseline": FIRST, "test_eval": THIRD}
    assert json.loads((out / "runtime_state.json").read_text())["last_completed_step"] == 4
