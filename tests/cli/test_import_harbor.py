"""Stories of job folders at the terminal: there and back again, and what Harbor itself leaves."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.living import lived
from tests.cli.terminal import type_in
from tests.engine.importers.harbor.made import job, rewarded, trial
from tests.engine.importers.transcripts.test_reader import EXEC
from tests.support.harbor import PYTHON, needs_harbor
from tests.support.runs import REFUSING, SCRIPT, make_task


def trials_below(folder: Path) -> dict[str, Any]:
    """Read verdicts, trajectories' steps and tokens of what was exported, by trial of ours and attempt."""
    found = {}
    for file in (folder / "jobs").glob("*/*/result.json"):
        result = json.loads(file.read_bytes())
        beside = result["agent_result"]["metadata"]["stillroom"]
        trajectory = json.loads((file.parent / "agent/trajectory.json").read_bytes())
        took = {key: result["agent_result"][key] for key in ("n_input_tokens", "n_output_tokens", "cost_usd")}
        stdout = file.parent / "verifier/test-stdout.txt"
        problem = result["exception_info"] and result["exception_info"]["exception_type"]
        found[f"{beside['trial']}/{beside['attempt']}"] = (
            result["verifier_result"],
            problem,
            [(step["source"], step["message"]) for step in trajectory["steps"]],
            took,
            stdout.read_bytes() if stdout.exists() else None,
        )
    return found


@pytest.mark.parametrize("script", [SCRIPT, REFUSING])
def test_what_is_exported_is_imported_and_exported_the_same(script: str, tmp_path: Path) -> None:
    """Trials, attempts, verdicts, steps, tokens and what the verifier printed go through Harbor's format and back."""
    (tmp_path / "here").mkdir()
    (tmp_path / "there/.stillroom").mkdir(parents=True)
    assert type_in(lived(tmp_path / "here", script), "export", "harbor").code == 0
    (folder,) = (tmp_path / "here/jobs").iterdir()
    outcome = type_in(tmp_path / "there", "import", "harbor", str(folder), "--json")
    assert outcome.code == 0, outcome.err
    (row,) = outcome.rows
    assert row["trials"] == len(trials_below(tmp_path / "here"))
    assert type_in(tmp_path / "there", "export", "harbor", row["run"]).code == 0
    assert trials_below(tmp_path / "there") == trials_below(tmp_path / "here")


def test_an_imported_job_answers_like_any_other_run(tmp_path: Path) -> None:
    """It is shown, explained and checked; only lived again it cannot be, and that is said."""
    (tmp_path / ".stillroom").mkdir()
    files = {"verifier/test-stdout.txt": "PASSED tests::word\n"}
    job(tmp_path / "nightly", trial("word__aaaaaaa", "word", files, verifier_result=rewarded(reward=1.0)))
    imported = type_in(tmp_path, "import", "harbor", "nightly")
    assert imported.code == 0
    assert "times of trials" in imported.out
    (listed,) = type_in(tmp_path, "runs", "--json").rows
    assert (listed["source"], listed["solved"], listed["no_verdict"]) == ("harbor", 1, 0)
    run = listed["run"]
    assert "solved" in type_in(tmp_path, "show", f"{run}:word").out
    assert type_in(tmp_path, "why", f"{run}:word").code == 0
    replayed = type_in(tmp_path, "replay", run)
    assert replayed.code == 0
    assert "1 decision re-evaluated as recorded" in replayed.out
    assert "it was imported: it has no actors to rerun" in replayed.out


def test_a_folder_of_jobs_is_a_run_for_each(tmp_path: Path) -> None:
    """Such as Harbor's own `jobs`, which people name first; a job's folder holds trials and no jobs."""
    (tmp_path / ".stillroom").mkdir()
    for name in ("monday", "tuesday"):
        job(tmp_path / "jobs" / name, trial("word__aaaaaaa", "word", {}, verifier_result=rewarded(reward=1.0)))
    rows = type_in(tmp_path, "import", "harbor", "jobs", "--json").rows
    assert len({row["run"] for row in rows}) == len(rows) == 2
    assert len(type_in(tmp_path, "runs", "--json").rows) == 2


def test_what_is_left_out_is_told_and_the_exit_code_says_so(tmp_path: Path) -> None:
    """By name with the reason, for people and for programs: a part of an import is no whole one without a word."""
    (tmp_path / ".stillroom").mkdir()
    names = ("word__aaaaaaa", "word__bbbbbbb", "word__ccccccc")
    folder = job(tmp_path / "jobs/nightly", *(trial(n, "word", verifier_result=rewarded(reward=1.0)) for n in names))
    (folder / "word__bbbbbbb/result.json").write_text('{"id": "a8')
    (tmp_path / "jobs/notes").mkdir()
    outcome = type_in(tmp_path, "import", "harbor", "jobs", "--json")
    assert outcome.code == 3
    row, *left_out = outcome.rows
    assert (row["kind"], row["trials"]) == ("harbor", 2)
    assert [(each["kind"], each["name"]) for each in left_out] == [("left_out", "word__bbbbbbb"), ("left_out", "notes")]
    assert all(each["problem"] and each["remedy"] for each in left_out)
    told = type_in(tmp_path, "import", "harbor", "jobs")
    assert told.code == 3
    for word in ("word__bbbbbbb", "no whole JSON", "notes", "2 parts left out"):
        assert word in told.out
    (listed,) = type_in(tmp_path, "runs", "--json").rows
    assert (listed["trials"], listed["solved"]) == (2, 2)


def test_one_trial_is_imported_by_itself(tmp_path: Path) -> None:
    """Published trials come one by one, each a folder with a result."""
    (tmp_path / ".stillroom").mkdir()
    job(tmp_path / "nightly", trial("word__aaaaaaa", "word", verifier_result=rewarded(reward=1.0)))
    outcome = type_in(tmp_path, "import", "harbor", "nightly/word__aaaaaaa", "--json")
    assert outcome.code == 0
    (row,) = outcome.rows
    assert (row["job"], row["trials"]) == ("word__aaaaaaa", 1)
    assert "solved" in type_in(tmp_path, "show", f"{row['run']}:word").out


def test_what_an_agent_printed_is_shown_and_exported(tmp_path: Path) -> None:
    """Without a trajectory its own events tell what it did, and come out again as one."""
    (tmp_path / ".stillroom").mkdir()
    files = {"agent/codex.txt": EXEC}
    info = {"name": "codex", "version": "0.99", "model_info": None}
    job(tmp_path / "nightly", trial("word__aaaaaaa", "word", files, agent_info=info))
    (row,) = type_in(tmp_path, "import", "harbor", "nightly", "--json").rows
    assert row["steps"] == 3
    assert not any("what the agent did is not known" in each for each in row["warnings"])
    shown = type_in(tmp_path, "show", f"{row['run']}:word/1")
    assert shown.code == 0
    for each in ("I look.", "ls", "a", "Done."):
        assert each in shown.out
    assert type_in(tmp_path, "export", "atif", row["run"]).code == 0
    (file,) = (tmp_path / "atif").rglob("*.json")
    document = json.loads(file.read_bytes())
    assert [step["message"] for step in document["steps"]] == ["I look.", "", "Done."]
    assert document["agent"]["name"] == "codex"
    assert "llm_call_count" not in document["steps"][0]
    assert type_in(tmp_path, "import", "atif", str(file)).code == 0
    assert type_in(tmp_path, "why", f"{row['run']}:attempt/word/1@3").code == 0
    assert type_in(tmp_path, "replay", row["run"]).code == 0


def test_a_folder_that_is_none_is_refused_with_words(tmp_path: Path) -> None:
    """Nothing is recorded, and the remedy says what to give."""
    (tmp_path / ".stillroom").mkdir()
    outcome = type_in(tmp_path, "import", "harbor", "nowhere")
    assert outcome.code == 2
    assert "give a job folder" in outcome.err
    assert not type_in(tmp_path, "runs", "--json").rows


@needs_harbor
@pytest.mark.slow
@pytest.mark.docker
@pytest.mark.timeout(300)
def test_what_harbor_itself_ran_is_imported(tmp_path: Path) -> None:
    """The oracle solves one task of two; the other's verifier leaves no reward, which is no zero."""
    if shutil.which("docker") is None:
        pytest.skip("no docker here")
    (tmp_path / ".stillroom").mkdir()
    make_task(tmp_path / "tasks" / "word")
    (make_task(tmp_path / "tasks" / "silent") / "tests/test.sh").write_text("#!/bin/sh\necho nothing\n")
    words = ["run", "-y", "-q", "-p", "tasks", "-a", "oracle", "--job-name", "nightly", "-o", "jobs"]
    plugins = PYTHON.parent.parent.parent / "dcfg"
    done = subprocess.run(
        ["env", f"DOCKER_CONFIG={plugins}", "LITELLM_LOCAL_MODEL_COST_MAP=True", str(PYTHON.parent / "harbor"), *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (row,) = type_in(tmp_path, "import", "harbor", "jobs/nightly", "--json").rows
    assert row["trials"] == 2
    (listed,) = type_in(tmp_path, "runs", "--json").rows
    assert (listed["solved"], listed["no_verdict"]) == (1, 1)
    assert "RewardFileNotFoundError" in type_in(tmp_path, "show", f"{row['run']}:silent").out
    assert type_in(tmp_path, "replay", row["run"]).code == 0
