"""What a spec needs is looked at before anything is paid: all of it, whatever fails, and at a price that is said."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from engine.config.spec import RunSpec
from engine.scripted.reader import parse_script
from engine.scripted.server import ScriptedEndpoint
from events.store.memory import MemoryLog
from tests.architecture.source import ROOT
from tests.cli.terminal import machine, type_in
from tests.cli.test_replay import EXPLORE
from tests.engine.programs.evaluate.test_evaluate import questions
from tests.support.isolation import isolates
from tests.support.orders import CountingClock
from tests.support.quiz_runs import make_items
from tests.support.runs import SCRIPT, make_base, setting, spec
from tests.support.training import SETS, jars, training
from views.setup.check import SPEC_CHECKS, SpecCheck, checks
from views.terminal.screen import READABLE

ONE: dict[str, Any] = {"input": "1", "output": "2"}
SAYS = """\
name = "says-yes"
[[rule]]
name = "yes"
contains = ["Say yes."]
[[rule.turn]]
text = "Yes"
usage = { input = 10, output = 1 }
"""


async def found(base: Path, what: RunSpec, *, offline: bool = False, **variables: str) -> dict[str, SpecCheck]:
    """Look at a spec, and give what was found by what was looked at."""
    means = await setting(MemoryLog(clock=CountingClock()), base, variables)
    return {each.what: each for each in await checks(means, what, offline=offline)}


def served(url: str, **more: Any) -> RunSpec:
    """Say what to run: the tasks, by a model that is reached at an address."""
    teacher = {"model": "yes", "base_url": url, **more.pop("model", {})}
    return spec(models={"teacher": teacher}, **more)


async def test_each_model_answers_one_token_at_a_price_that_is_said(tmp_path: Path) -> None:
    """Through the client that runs use, once for all roles and arms that share it; and not at all if that is wanted."""
    base = make_base(tmp_path, SCRIPT, "one")
    async with ScriptedEndpoint(parse_script(SAYS, "here")) as endpoint:
        rows = await found(base, served(endpoint.base_url, prices={"yes": ONE}))
        row = rows["model yes (teacher, reflector, distiller)"]
        assert (row.state, row.calls, row.cost_nano_usd) == ("ok", 1, 12_000)
        assert len(endpoint.requests) == 1
        assert json.loads(endpoint.requests[0])["max_tokens"] == 1
        assert rows["price of yes"].state == "ok"
        bounded = served(endpoint.base_url, model={"parameters": {"max_completion_tokens": 500}})
        unpriced = await found(base, bounded)
        assert unpriced["model yes (teacher, reflector, distiller)"].cost_nano_usd is None
        assert json.loads(endpoint.requests[1])["max_completion_tokens"] == 1
        assert unpriced["price of yes"].state == "warn"
        await found(base, served(endpoint.base_url), offline=True)
        assert len(endpoint.requests) == 2


async def test_a_model_that_does_not_answer_has_failed_and_what_it_cost_is_unknown(tmp_path: Path) -> None:
    """A refused key, an address at which nobody answers: said with the remedy, beside what else was found."""
    base = make_base(tmp_path, SCRIPT, "one")
    async with ScriptedEndpoint(parse_script(SAYS.replace("Say yes.", "another question"), "here")) as endpoint:
        rows = await found(base, served(endpoint.base_url, prices={"yes": ONE}))
    row = rows["model yes (teacher, reflector, distiller)"]
    assert (row.state, row.calls, row.cost_nano_usd) == ("failed", 1, None)
    assert "it does not answer" in row.found
    assert row.remedy
    assert rows["tasks"].found == "1 task can run"
    silent = await found(base, served("http://127.0.0.1:9/v1"))
    assert silent["model yes (teacher, reflector, distiller)"].state == "failed"


async def test_one_fault_hides_no_other(tmp_path: Path) -> None:
    """No key, no price under a budget, an unreadable task, a question in two splits, no skill: each has a row."""
    base = make_base(questions(tmp_path), SCRIPT, "one", "two")
    (base / "tasks" / "two" / "instruction.md").unlink()
    make_items(base / "quiz", [{"id": "x", "question": "Why?", "context": None, "answers": ["B2"]}], split="test")
    make_items(base / "quiz", [{"id": "y", "question": "Why?", "context": None, "answers": ["B2"]}], split="train")
    teacher = {"model": "m", "base_url": "https://example.org/v1", "api_key_env": "UNSET_KEY"}
    arms = {"none": {"skills": ""}, "skill": {"skills": "nowhere"}, "good": {"skills": "skills"}}
    what = spec(
        program="evaluate",
        models={"teacher": teacher},
        budget={"run_usd": 1},
        own={"arms": arms, "items": {"folder": "quiz"}},
    )
    rows = await found(base, what)
    states = {name: row.state for name, row in rows.items()}
    assert states == {
        "model m (teacher, reflector)": "failed",
        "price of m": "failed",
        "agent shell": "ok",
        "tasks": "failed",
        "items quiz": "failed",
        "skills of good": "ok",
        "skills of none": "ok",
        "skills of skill": "failed",
    }
    assert "UNSET_KEY" in rows["model m (teacher, reflector)"].found
    assert rows["model m (teacher, reflector)"].calls == 0
    assert "x (test) and y (train)" in rows["items quiz"].found or "y (train) and x (test)" in rows["items quiz"].found
    assert "two" in rows["tasks"].found
    assert all(row.remedy for row in rows.values() if row.state == "failed")


async def test_a_set_of_a_training_that_is_missing_stands_under_items(tmp_path: Path) -> None:
    """By the key that names it, and once; what else is wrong with the settings is said beside it, skills apart."""
    base = jars(tmp_path)
    (base / "start").mkdir()
    (base / "start" / "SKILL.md").write_text("---\nname: start\ndescription: Of jars.\n---\n\nLook at them.\n")
    good = await found(base, training(skill="start"))
    assert {name: row.state for name, row in good.items() if "train" in name or "skill" in name} == {
        "items of train.sets.train": "ok",
        "items of train.sets.selection": "ok",
        "items of train.sets.test": "ok",
        "sets of the training": "ok",
        "skills of target": "ok",
    }
    nowhere = {**SETS, "test": {"folder": "nowhere", "split": "test"}}
    rows = await found(base, training(sets=nowhere))
    assert [name for name, row in rows.items() if row.state == "failed"] == ["items of train.sets.test"]
    both = await found(base, training(sets=nowhere, minibatch=0, skill="absent"))
    failed = [name for name, row in both.items() if row.state == "failed"]
    assert failed == ["items of train.sets.test", "sets of the training", "skills of target"]
    twice = await found(base, training(sets={**SETS, "test": SETS["train"]}))
    assert "stand in two sets" in twice["sets of the training"].found


def test_the_command_says_all_and_its_exit_code_says_whether_a_run_would_start(tmp_path: Path) -> None:
    """0 with warnings, 3 with a failure; nothing is recorded, and a spec that cannot be read is a failure, too."""
    questions(tmp_path)
    (tmp_path / "good.toml").write_text(
        'program = "evaluate"\n[models.teacher]\nmodel = "m"\nbase_url = "script:script.toml"\n'
        '[evaluate.items]\nfolder = "quiz"\n[evaluate.arms.none]\nskills = ""\n'
        '[evaluate.arms.skill]\nskills = "skills"\n'
    )
    good = type_in(tmp_path, "check", "good.toml", "--json")
    assert good.code == 0
    assert {row["state"] for row in good.rows} == {"ok", "warn"}
    assert {"spec", "disk", "items quiz", "skills of skill"} <= {row["what"] for row in good.rows}
    assert "nothing is missing; nothing was started" in type_in(tmp_path, "check", "good.toml", "--offline").out
    assert type_in(tmp_path, "runs", "--json").rows == []
    bad = type_in(tmp_path, "check", "good.toml", "--set", "evaluate.arms.skill.skills=nowhere", "--json")
    assert bad.code == 3
    assert [row["what"] for row in bad.rows if row["state"] == "failed"] == ["skills of skill"]
    wrong = type_in(tmp_path, "check", "good.toml", "--set", "evaluate.baseline=non", "--json")
    assert wrong.code == 3
    assert [(row["state"], row["remedy"]) for row in wrong.rows] == [("failed", "did you mean none?")]
    absent = type_in(tmp_path, "check", "absent.toml", "--json")
    assert (absent.code, absent.rows[0]["state"]) == (3, "failed")


def test_the_tasks_of_a_suite_are_looked_at(tmp_path: Path) -> None:
    """A spec that names a suite and no tasks has those of the suite, as its run has."""
    ladder = type_in(tmp_path, "check", str(ROOT / "engine" / "demo" / "evolve" / "evolve.toml"), "--offline", "--json")
    assert ladder.code == 0
    assert [row["found"] for row in ladder.rows if row["what"] == "tasks"] == ["24 tasks can run"]


def test_a_sandbox_that_cannot_be_opened_is_one_failure_and_one_that_isolates_nothing_is_another(
    tmp_path: Path,
) -> None:
    """A run would start in neither, unless somebody asks for no isolation by name."""
    make_base(tmp_path)
    words = "check", "--tasks", "tasks", "-m", "script:script.toml", "--json", "--sandbox"
    nowhere = machine(tmp_path, {"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    refused = type_in(tmp_path, *words, "docker", on=nowhere)
    assert refused.code == 3
    assert [row["what"] for row in refused.rows if row["state"] == "failed"] == ["sandbox docker and log"]
    assert not [row for row in refused.rows if row["what"] == "sandbox docker"]
    local = type_in(tmp_path, *words, "local")
    (state,) = [row["state"] for row in local.rows if row["what"] == "sandbox local"]
    assert (state, local.code) == (("ok", 0) if isolates() else ("failed", 3))
    asked = type_in(tmp_path, *words, "none")
    assert ([row for row in asked.rows if row["state"] == "failed"], asked.code) == ([], 0)


@pytest.mark.slow
def test_skills_of_runs_are_found_as_an_evaluation_finds_them(tmp_path: Path) -> None:
    """The latest run that accepted one, and one by the beginning of its id; what cannot be found hides no other arm."""
    make_base(tmp_path)
    (tmp_path / "latest.toml").write_text(
        'program = "evaluate"\ntasks = "tasks"\n[models.teacher]\nmodel = "m"\nbase_url = "script:script.toml"\n'
        '[evaluate.arms.none]\nskills = ""\n[evaluate.arms.gone]\nskills = "nowhere"\n'
        '[evaluate.arms.learnt]\nskills = "run:@latest"\n'
    )
    early = {row["what"]: row for row in type_in(tmp_path, "check", "latest.toml", "--json").rows}
    assert (early["skills of runs"]["state"], "no run accepted" in early["skills of runs"]["found"]) == ("failed", True)
    assert (early["skills of gone"]["state"], early["skills of none"]["state"]) == ("failed", "ok")
    assert "skills of learnt" not in early
    (run,) = [row["run"] for row in type_in(tmp_path, *EXPLORE, "--json").rows if row["kind"] == "run"]
    for source in ("run:@latest", f"run:{run[:6]}", f"run:{run}"):
        words = "check", "latest.toml", "--set", f"evaluate.arms.learnt.skills={source}", "--json"
        rows = {row["what"]: row for row in type_in(tmp_path, *words).rows}
        assert (rows["skills of learnt"]["state"], rows["skills of learnt"]["found"]) == ("ok", "1 file")
        assert [what for what, row in rows.items() if row["state"] == "failed"] == ["skills of gone"]


def test_checks_are_read_in_a_pipe_as_well(tmp_path: Path) -> None:
    """Sentences of several lines, where rows of other tables have one each: they are read, and not searched."""
    told = type_in(tmp_path, "doctor")
    widths = [len(line) for line in told.out.splitlines()]
    assert max(widths) <= READABLE
    long = SpecCheck(what="model", state="failed", found="word " * 60, remedy="word " * 60)
    shown = io.StringIO()
    Console(file=shown, width=1000, soft_wrap=True).print(SPEC_CHECKS([long]))
    assert max(len(line) for line in shown.getvalue().splitlines()) <= READABLE
    assert shown.getvalue().split().count("word") == 120
