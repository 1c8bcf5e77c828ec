"""Whole runs from the command line: a scripted model over real HTTP, real commands in a real sandbox, a real file."""

import json
from pathlib import Path

import pytest

from tests.cli.terminal import machine, type_in
from tests.support.runs import REFUSING, make_base

EXPLORE = ("run", "explore", "-p", "tasks", "-m", "script:script.toml")
PRICED = ("--set", "prices.script.input=0.25", "--set", "prices.script.output=2")


def test_a_run_goes_from_a_spec_to_a_skill(tmp_path: Path) -> None:
    """What a newcomer does: run, look, show, export, replay."""
    make_base(tmp_path)
    spec = 'tasks = "tasks"\n[models.teacher]\nmodel = "teacher"\nbase_url = "script:script.toml"\n'
    (tmp_path / "run.toml").write_text(spec, encoding="utf-8")
    ran = type_in(tmp_path, "run", "run.toml")
    assert ran.code == 0, ran.err
    assert "scripted model" in ran.out
    assert "word: solved after 2 attempts, reward 1" in ran.err
    (run,) = type_in(tmp_path, "runs", "--json").rows
    assert (run["state"], run["solved"], run["scripted"]) == ("done", 1, True)
    steps = type_in(tmp_path, "show", "word/1", "--json").rows
    assert any(row.get("what") == "run" and "echo nope" in row["text"] for row in steps)
    (reading,) = type_in(tmp_path, "pdi", "--json").rows
    assert set(reading) >= {
        "task", "attempt", "step", "method", "proxy_exec", "proxy_plan", "proxy_oss", "raw_pdi", "weight",
        "weighted_pdi", "triggered", "level", "valid",
    }  # fmt: skip
    assert type_in(tmp_path, "skills", "export", "word", "out").code == 0
    replayed = type_in(tmp_path, "replay", "--json").rows
    assert [row["model_calls"] for row in replayed if row["kind"] == "rerun"] == [0]
    assert type_in(tmp_path, "log", "verify").code == 0


def test_a_model_that_refuses_is_no_verdict(tmp_path: Path) -> None:
    """A refused request exits 7, which a script can tell from a task that nobody solved; a wrong key stops the run."""
    make_base(tmp_path, REFUSING)
    outcome = type_in(tmp_path, *EXPLORE, "--json")
    assert outcome.code == 7
    assert [row["outcome"] for row in outcome.rows if row["kind"] == "trial"] == ["no verdict"]
    replayed = type_in(tmp_path, "replay")
    assert replayed.code == 0, replayed.out  # the ending names the failed call, not the decision not to repeat it


def test_an_agent_that_does_nothing_ends_well(tmp_path: Path) -> None:
    """A task nobody solved is a result: exit code 0, and no model is asked."""
    make_base(tmp_path)
    outcome = type_in(tmp_path, "run", "explore", "-p", "tasks", "-a", "nop", "--attempts", "1", "--json")
    assert outcome.code == 0
    (run, trial) = outcome.rows
    assert (run["calls"], run["cost_nano_usd"], trial["outcome"], trial["reward"]) == (0, 0, "unsolved", 0.0)


@pytest.mark.slow
def test_a_budget_takes_the_prices_and_the_bound_that_its_refusals_name(tmp_path: Path) -> None:
    """As the README has it, and for a model whose name has a dot too, written in quotes as in TOML."""
    make_base(tmp_path)
    bound = ("--budget", "1", "--set", "models.teacher.parameters.max_tokens=100")
    assert type_in(tmp_path, *EXPLORE, *bound, *PRICED).code == 0
    dotted = ("--set", "models.teacher.model=m-4.1", *bound, "--set", 'prices."m-4.1".input=0.25')
    assert 'prices."m-4.1".input' in type_in(tmp_path, *EXPLORE, *dotted[:-2]).err
    assert type_in(tmp_path, *EXPLORE, *dotted, "--set", 'prices."m-4.1".output=2').code == 0


def test_what_cannot_work_is_refused_before_anything_starts(tmp_path: Path) -> None:
    """No tasks, no model, no price under a cap: each is named, and nothing is recorded."""
    make_base(tmp_path)
    for words, said in (
        (("run", "explore", "-p", "gone", "-a", "oracle"), "gone"),
        (("run", "explore", "-p", "tasks"), "no model for the teacher"),
        ((*EXPLORE, "--budget", "1"), "prices.script.input"),
        (("run", "explore", "-p", "tasks", "-a", "orakel"), "did you mean oracle? choose one of"),
        ((*EXPLORE, "--set", "only=nope"), "nope"),
    ):
        outcome = type_in(tmp_path, *words)
        assert outcome.code == 2, outcome.err
        assert said in outcome.err
    assert type_in(tmp_path, "runs", "--json").rows == []


def test_a_key_reaches_neither_log_nor_screen(tmp_path: Path) -> None:
    """Not even when a command of the agent prints it, which does not hold it whole: else it would not be run."""
    key = "made-up-key-0123456789-very-secret"
    make_base(tmp_path)
    printed = f"printf '%s%s' {key[:10]} {key[10:]} | tee"
    script = (tmp_path / "script.toml").read_text(encoding="utf-8").replace("echo nope >", printed)
    (tmp_path / "script.toml").write_text(script, encoding="utf-8")
    (tmp_path / "keys").write_text(f"MY_LLM={key}\n", encoding="utf-8")
    named = ("--set", "models.teacher.api_key_env=MY_LLM", "--env-file", "keys")
    outcome = type_in(tmp_path, *EXPLORE, *named, on=machine(tmp_path))
    assert outcome.code == 0, outcome.err
    shown = type_in(tmp_path, "show", "word/1", "--full")
    assert "[secret:MY_LLM]" in shown.out
    for file in (tmp_path / ".stillroom").glob("log.db*"):
        assert key.encode() not in file.read_bytes()


def test_importing_prints_one_line_per_task(tmp_path: Path) -> None:
    """And importing again says so instead of doing it twice."""
    attempts = [{"attempt": 0, "status": "FAIL", "reward": 0.0}, {"attempt": 1, "status": "PASS", "reward": 1.0}]
    for task in ("sort", "greet"):
        (tmp_path / "spark" / task).mkdir(parents=True)
        text = json.dumps({"task_name": task, "attempts": attempts})
        (tmp_path / "spark" / task / "attempts.json").write_text(text, encoding="utf-8")
    outcome = type_in(tmp_path, "import", "spark", "spark", "--json")
    assert outcome.code == 0, outcome.err
    assert [(row["task"], row["attempts"]) for row in outcome.rows] == [("greet", 2), ("sort", 2)]
    assert all(set(row) == {"schema", "task", "run", "attempts", "warnings"} for row in outcome.rows)
    again = type_in(tmp_path, "import", "spark", "spark", "--json").rows
    assert [row["warnings"] for row in again] == [["already imported"]] * 2
    assert [row["state"] for row in type_in(tmp_path, "runs", "--json").rows] == ["imported"] * 2


@pytest.mark.slow
def test_the_demo_shows_every_end_a_trial_can_have(tmp_path: Path) -> None:
    """Solved at once, after failures, never, and without a verdict; no file of the folder it is typed in has a say."""
    (tmp_path / ".stillroom").mkdir()
    (tmp_path / ".stillroom/config.toml").write_text("method.attempts = 1\n", encoding="utf-8")
    outcome = type_in(tmp_path, "demo", "--json", on=machine(tmp_path, {"STILLROOM_CONCURRENCY": "nonsense"}))
    assert outcome.code == 0, outcome.err
    trials = {row["trial"]: row for row in outcome.rows if row["kind"] == "trial"}
    assert {name: row["outcome"] for name, row in trials.items()} == {
        "sales-by-region": "solved",
        "errors-per-hour": "solved",
        "merge-settings": "unsolved",
        "file-manifest": "no verdict",
    }
    assert trials["errors-per-hour"]["interventions"] == ["soft", "strong"]
    assert trials["file-manifest"]["reward"] is None
    assert outcome.rows[0]["scripted"] is True
