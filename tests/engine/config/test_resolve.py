"""What a run is asked to do may be said in six places; one order decides, and every value knows its place."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from engine.config.program_registry import program_named, program_names
from engine.config.resolve import Flag, Inputs, project_file, resolve, user_file
from engine.config.schema import ConfigKey, dotted, keys
from engine.config.spec import ModelSpec, RunSpec
from engine.config.template import template, toml

_NAMES = {
    "<role>": "teacher",
    "<model>": "gpt",
    "<name>": "loose",
    "<parameter>": "temperature",
    "<arm>": "skill",
    "<key>": "method",
    "<axis>": "note",
    "<set>": "quiz",
    "<setting>": "caution",
}
_ENOUGH: dict[tuple[str, ...], object] = {
    ("tasks",): "t",
    ("models", "teacher", "model"): "m",
    ("models", "teacher", "base_url"): "http://h",
    ("models", "teacher", "provider"): "vllm",
    ("models", "teacher", "parameters", "max_tokens"): 5,
    ("prices", "gpt", "input"): 1,
    ("prices", "gpt", "output"): 2,
}
"""Every key that has no default, and what some keys do not go without, said in the weakest place."""
_SANDBOXES = ("local", "docker", "podman", "none", "local")
_PROVIDERS = ("openai", "deepseek", "gemini", "moonshot", "dashscope")


def _named(key: ConfigKey) -> tuple[str, ...]:
    return tuple(_NAMES.get(part, part) for part in key.path)


def _distinct(kind: inspect.Type, layer: int) -> object:
    """Make a value of this kind that tells its layer, as far as the kind has that many values."""
    match kind:
        case inspect.UnionType(types=types):
            return _distinct(next(each for each in types if not isinstance(each, inspect.NoneType)), layer)
        case inspect.LiteralType(values=values):
            return values[layer % len(values)]
        case inspect.VarTupleType(item_type=inspect.LiteralType(values=values)):
            return [values[layer % len(values)]]
        case inspect.VarTupleType():
            return [f"task-{layer}"]
        case inspect.BoolType() | inspect.StrType():
            return f"/abs/{layer}" if isinstance(kind, inspect.StrType) else layer % 2 == 0
        case _:
            return layer + 1 if isinstance(kind, inspect.IntType) else layer + 1.5


_NUMBERS = {"facts_share": 0.1, "floor": 0.1, "retry_timeout_s": 60.0}
"""By the end of their key, from where on numbers are in range, where no larger one or no smaller one is."""


def _absolute(value: Any, folder: Path) -> Any:
    """Name sources by whole paths."""
    return [str(folder / each) for each in value] if isinstance(value, list) else str(folder / value)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(key=st.sampled_from(keys()), layers=st.sets(st.integers(0, 4), min_size=1))
def test_the_strongest_place_that_speaks_wins(key: ConfigKey, layers: set[int], tmp_path: Path) -> None:
    """For every key: user < project < run file < environment < flag, and the origin names the winner."""
    path, values = _named(key), {layer: _distinct(key.kind, layer) for layer in layers}
    if (registered := {"provider": _PROVIDERS, "sandbox": _SANDBOXES}.get(path[-1])) is not None:
        values = {layer: registered[layer] for layer in layers}
    if (least := _NUMBERS.get(path[-1])) is not None:
        values = {layer: least * (layer + 1) for layer in layers}
    if key.is_source:  # what is written from a folder on is read from there
        values = {layer: _absolute(value, tmp_path) for layer, value in values.items()}
    below = tmp_path / "_".join(path)
    files = {0: below / "user.toml", 1: below / ".stillroom" / "config.toml", 2: below / "run.toml"}
    for layer, file in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        said = {path: values[layer]} if layer in values else {}
        if layer == 0 and path[0] in program_names():
            said = {("program",): path[0], **said}
        file.write_text(_file({**_ENOUGH, **said} if layer == 0 else said), encoding="utf-8")
    variable = "STILLROOM_" + "__".join(path).upper()
    text = values.get(3) if isinstance(values.get(3), str) else toml(values.get(3))
    resolved = resolve(
        Inputs(
            tmp_path,
            files[0],
            files[1],
            files[2],
            {variable: str(text)} if 3 in values else {},
            [Flag("--set", path, values[4])] if 4 in values else [],
        )
    )
    winner = max(layers)
    origin = {3: variable, 4: "--set"}.get(winner, str(files.get(winner)))
    found = next(setting for setting in resolved.settings if setting.path == path)
    expected = values[winner]
    assert found.origin == origin
    assert found.value == (tuple(expected) if isinstance(expected, list) else expected)
    assert msgspec.to_builtins(_at(resolved.spec, path)) == msgspec.to_builtins(found.value)


def _file(values: Mapping[tuple[str, ...], object]) -> str:
    """Write a file of dotted keys."""
    return "".join(f"{dotted(path)} = {toml(value)}\n" for path, value in values.items())


def _at(value: object, path: tuple[str, ...]) -> object:
    if isinstance(value, RunSpec) and path[0] == value.program:
        return _at(msgspec.convert(value.own, program_named(value.program).spec), path[1:])
    for part in path:
        value = value[part] if isinstance(value, dict) else getattr(value, part)
    return value


def test_every_key_is_listed_with_where_it_came_from(tmp_path: Path) -> None:
    """``config show --origin`` leaves nothing out, defaults included."""
    resolved = resolve(Inputs(tmp_path, flags=[Flag("--tasks", ("tasks",), "here")]))
    shown = {".".join(setting.path): setting.origin for setting in resolved.settings}
    assert shown["tasks"] == "--tasks"
    assert {name for name, origin in shown.items() if origin == "default"} == {
        key.name for key in keys() if "<" not in key.name and key.name != "tasks"
    }


def test_a_path_means_what_it_meant_where_it_was_said(tmp_path: Path) -> None:
    """A spec can be run from any folder: its tasks and its script stand beside it."""
    spec = tmp_path / "specs" / "run.toml"
    spec.parent.mkdir()
    spec.write_text(
        'tasks = "../tasks"\n[models.teacher]\nmodel = "script"\nbase_url = "script:answers.json"\n', encoding="utf-8"
    )
    resolved = resolve(Inputs(Path("/somewhere/else"), run_file=spec)).spec
    assert resolved.tasks == str(tmp_path / "tasks")
    assert resolved.models["teacher"].base_url == f"script:{tmp_path}/specs/answers.json"


def test_skills_and_items_are_named_from_the_file_that_names_them(tmp_path: Path) -> None:
    """Of arms as of the run, and an arm's model that is a script; an empty name says nothing, and stays empty."""
    (tmp_path / "specs").mkdir()
    file = tmp_path / "specs" / "evaluate.toml"
    file.write_text(
        'program = "evaluate"\n[agent]\nskills = "own"\n[evaluate.items]\nfolder = "quiz"\n'
        '[evaluate.arms.none]\nskills = ""\n[evaluate.arms.skill]\nskills = "../skills"\nmodel = "script:other.toml"\n'
        '[evaluate.arms.set.set]\n"agent.skills" = "more"\n"models.teacher.base_url" = "script:third.toml"\n'
        '"models.teacher.model" = "script:name"\n[evaluate.grid]\nskills = ["", "a"]\n'
        'model = ["small", "script:b.toml"]\n"agent.skills" = ["c"]\n"method.attempts" = [1, 2]\n',
        encoding="utf-8",
    )
    spec = resolve(Inputs(tmp_path, run_file=file)).spec
    there = tmp_path / "specs"
    assert (spec.tasks, spec.agent.skills, spec.own["items"]["folder"]) == ("", f"{there}/own", f"{there}/quiz")
    arms = spec.own["arms"]
    assert arms["none"]["skills"] == ""
    assert (arms["skill"]["skills"], arms["skill"]["model"]) == (f"{tmp_path}/skills", f"script:{there}/other.toml")
    assert arms["set"]["set"] == {
        "agent.skills": f"{there}/more",
        "models.teacher.base_url": f"script:{there}/third.toml",
        "models.teacher.model": "script:name",
    }
    assert spec.own["grid"] == {
        "skills": ("", f"{there}/a"),
        "model": ("small", f"script:{there}/b.toml"),
        "agent.skills": (f"{there}/c",),
        "method.attempts": (1, 2),
    }


def test_a_project_names_its_tasks_from_its_own_folder(tmp_path: Path) -> None:
    """``.stillroom`` is no place for tasks: what its file names stands beside it."""
    file = project_file(tmp_path)
    file.parent.mkdir()
    file.write_text('tasks = "tasks"\n', encoding="utf-8")
    assert resolve(Inputs(tmp_path, project_file=file)).spec.tasks == str(tmp_path / "tasks")


def test_yaml_says_the_same_as_toml(tmp_path: Path) -> None:
    """Harbor, SkillOpt and SkillEvolBench users come with YAML."""
    yaml, toml_file = tmp_path / "run.yaml", tmp_path / "run.toml"
    yaml.write_text("tasks: t\nagent: {name: oracle, timeout_s: 2.5}\nbudget: {run_usd: 0.1}\n", encoding="utf-8")
    toml_file.write_text(
        'tasks = "t"\n[agent]\nname = "oracle"\ntimeout_s = 2.5\n[budget]\nrun_usd = 0.1\n', encoding="utf-8"
    )
    assert resolve(Inputs(tmp_path, run_file=yaml)).spec == resolve(Inputs(tmp_path, run_file=toml_file)).spec


def test_money_is_exact(tmp_path: Path) -> None:
    """A tenth of a dollar in the file is a tenth in the budget, in both formats."""
    for name, text in {
        "run.toml": 'tasks = "t"\nbudget.run_usd = 0.1',
        "run.yaml": "tasks: t\nbudget: {run_usd: 0.1}",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert resolve(Inputs(tmp_path, run_file=tmp_path / name)).spec.budget.run_usd == Decimal("0.1")


def test_a_stronger_place_can_take_a_limit_away(tmp_path: Path) -> None:
    """TOML has no null, so there is a word for "no limit"."""
    file = tmp_path / "run.toml"
    file.write_text('tasks = "t"\n[budget]\nrun_usd = 5\n', encoding="utf-8")
    assert (
        resolve(Inputs(tmp_path, run_file=file, environment={"STILLROOM_BUDGET__RUN_USD": "none"})).spec.budget.run_usd
        is None
    )


def test_the_written_spec_is_one_that_runs(tmp_path: Path) -> None:
    """What ``init`` writes is accepted as it stands, and asks for the defaults."""
    file = tmp_path / "run.toml"
    file.write_text(template(), encoding="utf-8")
    teacher = ModelSpec(model="MODEL", base_url="https://HOST/v1", api_key_env="OPENAI_API_KEY")
    assert resolve(Inputs(tmp_path, run_file=file)).spec == RunSpec(
        tasks=str(tmp_path / "tasks"), models={"teacher": teacher}
    )


def test_every_remark_in_the_written_spec_is_true(tmp_path: Path) -> None:
    """Taking the ``#`` off a value changes nothing: what is shown as a default is the default."""
    live = [line.removeprefix("# ") if _is_assignment(line) else line for line in template().splitlines()]
    file = tmp_path / "run.toml"
    file.write_text("\n".join(live), encoding="utf-8")
    spec = resolve(Inputs(tmp_path, run_file=file)).spec
    plain = RunSpec(tasks=spec.tasks, models=spec.models)
    assert (spec.agent, spec.budget, spec.concurrency, spec.only) == (
        plain.agent,
        plain.budget,
        plain.concurrency,
        plain.only,
    )
    assert spec.method.pdi.shadows["loose"] == plain.method.pdi.active


def _is_assignment(line: str) -> bool:
    body = line.removeprefix("# ")
    return line.startswith("# ") and (body.startswith("[") or body.split(" ")[1:2] == ["="])


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"XDG_CONFIG_HOME": "/x", "HOME": "/home/a"}, Path("/x/stillroom/config.toml")),
        ({"HOME": "/home/a"}, Path("/home/a/.config/stillroom/config.toml")),
        ({}, None),
    ],
)
def test_the_users_file_is_where_xdg_says(environment: dict[str, str], expected: Path | None) -> None:
    """Nothing is looked for where nobody would look."""
    assert user_file(environment) == expected
