"""Runs that stop since their calls are refused, as they are typed: explored, evaluated, trained."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from events.errors import ExitCode
from tests.cli.terminal import type_in
from tests.engine.programs.evaluate.test_evaluate import questions
from tests.support.evolving import sums
from tests.support.proving import needs_isolation
from tests.support.runs import make_base
from tests.support.training import DEMO, jars

NO: Final = 'name = "no"\n[[rule]]\nname = "any"\n[[rule.turn]]\nerror = "authentication"\nrepeat = true\n'
MODELS: Final = '[models.teacher]\nmodel = "teacher"\nbase_url = "script:script.toml"\n'


def explored(folder: Path) -> tuple[str, ...]:
    """Lay a spec out whose model refuses its calls."""
    make_base(folder, NO, *(f"word{number}" for number in range(6)))
    (folder / "run.toml").write_text(f'tasks = "tasks"\n{MODELS}')
    return ("run", "run.toml")


def evaluated(folder: Path) -> tuple[str, ...]:
    """Lay an evaluation out of which one arm has a model that refuses."""
    questions(folder)
    (folder / "no.toml").write_text(NO)
    arms = '[evaluate.arms.none]\n[evaluate.arms.bad]\nset = { "models.teacher.base_url" = "script:no.toml" }\n'
    (folder / "arms.toml").write_text(f'program = "evaluate"\n{MODELS}[evaluate.items]\nfolder = "quiz"\n{arms}')
    return ("evaluate", "arms.toml")


def trained(folder: Path) -> tuple[str, ...]:
    """Lay a training out whose target answers, and whose optimizer refuses."""
    jars(folder)
    (folder / "no.toml").write_text(NO)
    spec = (DEMO / "train.toml").read_text()
    (folder / "train.toml").write_text(spec)
    return ("train", "train.toml", "--set", "models.optimizer.base_url=script:no.toml")


@pytest.mark.parametrize("lay", [explored, evaluated, trained])
def test_a_wrong_key_is_told_as_the_users_doing(lay: Callable[[Path], tuple[str, ...]], tmp_path: Path) -> None:
    """One refusal, its remedy, a code of its own; in JSON its kind. Nothing is said to be a fault of this program."""
    words = lay(tmp_path)
    said = type_in(tmp_path, *words)
    assert said.code == ExitCode.SETTINGS, said.err
    assert "Incorrect API key provided" in said.err
    assert "api_key_env" in said.err
    assert "internal error" not in said.err
    again = type_in(tmp_path, "resume", "@latest", "--json")
    problem = json.loads(again.err.splitlines()[-1])
    assert (again.code, problem["error"], problem["exit_code"]) == (9, "CallsRefused", 9)


@pytest.mark.parametrize("lay", [evaluated, trained], ids=["evaluate", "train"])
def test_what_is_only_planned_needs_no_key(lay: Callable[[Path], tuple[str, ...]], tmp_path: Path) -> None:
    """No call is made, so nothing has to be there to make one with; a run of the same is refused for the lack."""
    role = "teacher" if lay is evaluated else "target"
    words = (*lay(tmp_path), "--set", f'models.{role}.api_key_env="NO_SUCH_KEY"')
    planned = type_in(tmp_path, *words, "--dry-run", "--sandbox", "none")
    assert planned.code == ExitCode.DONE, planned.err
    refused = type_in(tmp_path, *words, "--sandbox", "none")
    assert (refused.code, "NO_SUCH_KEY" in refused.err) == (ExitCode.USAGE, True)


@needs_isolation
def test_an_evolution_is_planned_without_a_key(tmp_path: Path) -> None:
    """As it is planned with one; what is misspelt in an arm of one's own is told with the nearest key."""
    sums(tmp_path)
    models = "".join(f'[models.{role}]\nmodel = "{role}"\nprovider = "openai"\n' for role in ("solver", "author"))
    arm = '[evolve.custom.mine]\nbase = "no_skill"\n[evolve.custom.mine.set]\n"retrieval.k" = 3\n'
    spec = tmp_path / "evolve.toml"
    spec.write_text(f'program = "evolve"\n{models}[evolve]\nsuite = "suite"\narms = ["mine"]\n{arm}')
    words = ("evolve", "evolve.toml", "--dry-run")
    planned = type_in(tmp_path, *words)
    assert planned.code == ExitCode.DONE, planned.err
    for wrong, nearest in (("retrieval.kk", "retrieval.k"), ("retrival.k", "retrieval")):
        spec.write_text(spec.read_text().replace('"retrieval.k"', f'"{wrong}"'))
        told = type_in(tmp_path, *words)
        assert (told.code, f"did you mean {nearest}?" in told.err) == (ExitCode.USAGE, True)
        spec.write_text(spec.read_text().replace(f'"{wrong}"', '"retrieval.k"'))
