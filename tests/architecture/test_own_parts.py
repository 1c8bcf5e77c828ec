"""A package of parts, built as a wheel and installed beside ours: it imports `stillroom` alone."""

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source import ROOT
from tests.architecture.test_package import build, copied
from tests.support.runs import SCRIPT, make_base

EXAMPLE = ROOT / "examples" / "own_parts"
CLI = "import sys, cli; sys.argv[0] = 'stillroom'; sys.exit(cli.main())"
SPEC = """
tasks = "tasks"
sandbox = "bench"
program = "survey"
[survey.shadows]
strict = 5
[method]
name = "patient"
attempts = 2
[method.pdi.shadows.loose]
threshold = 5.0
[models.teacher]
provider = "house"
model = "m"
base_url = "script:script.toml"
"""
RATED = """
[[rule]]
name = "rate"
contains = ["Rate the task"]
shell = false
[[rule.turn]]
text = "I give it 4 of 5."
repeat = true
"""


def test_the_examples_import_stillroom_alone() -> None:
    """Beside the standard library and msgspec, which the classes of inputs are made with."""
    for path in (EXAMPLE / "own_parts").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                root = name.partition(".")[0]
                assert root in {"stillroom", "msgspec"} or root in sys.stdlib_module_names, f"{path.name}: {name}"


@pytest.mark.slow
def test_stillroom_can_be_imported_beside_modules_of_the_same_names(tmp_path: Path) -> None:
    """A user's own `events.py` is not ours; imported first it is named, since both cannot be had."""
    for name in ("events", "engine", "views"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('this is not the one')\n")
    good = _python(tmp_path, {}, "import stillroom; print(stillroom.Point.__name__, stillroom.run.__name__)")
    assert (good.returncode, good.stdout.split()) == (0, ["Point", "run"]), good.stderr
    (tmp_path / "events.py").write_text("MINE = 1\n")
    bad = _python(tmp_path, {}, "import events, stillroom")
    assert "imported before stillroom" in bad.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_wheel_of_own_parts_works_with_every_command(tmp_path: Path) -> None:
    """Program, point, method, provider, sandbox, projection, scanner and agent, found through entry points."""
    for source, name in ((ROOT, "ours"), (EXAMPLE, "theirs")):
        wheel = build("build_wheel", copied(source, tmp_path / name), tmp_path)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(tmp_path / "installed")
    base = make_base(tmp_path / "work", SCRIPT + RATED)
    (base / "run.toml").write_text(SPEC)
    environment = {"PYTHONPATH": str(tmp_path / "installed"), "HOME": str(tmp_path)}

    def rows(*words: str) -> list[dict[str, Any]]:
        done = _python(base, environment, CLI, *words, "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    assert {row["outcome"] for row in rows("run", "run.toml") if row["kind"] == "trial"} == {"solved"}
    assert not [row for row in rows("replay") if row["kind"] == "difference"]
    worth = [row for row in rows("decisions") if row["point"] == "worth"]
    assert {(row["shadow"], row["ruling"]["worth"]) for row in worth} == {(None, True), ("strict", False)}
    flips = [row for row in rows("what-if", "--set", "survey.least=5") if row["kind"] == "flip"]
    assert {row["point"] for row in flips} == {"worth"}
    place = f"{worth[0]['stream']}@{worth[0]['version']}"
    assert any(row.get("decision", {}) and row["decision"]["point"] == "worth" for row in rows("why", place))
    (state,) = rows("project", "turns")
    assert sum(count for run in state["state"]["runs"].values() for count in run.values()) > 2
    assert rows("show")
    assert rows("runs")[0]["solved"] == 1
    (base / "SKILL.md").write_text("READ THE JAR\n")
    assert [row["kind"] for row in rows("skills", "scan", "SKILL.md", "--scanner", "shouting")[:-1]] == ["style"]
    acted = rows("run", "explore", "--tasks", "tasks", "-a", "copyist", "--sandbox", "bench")
    assert {row["outcome"] for row in acted if row["kind"] == "trial"} == {"unsolved"}


def _python(folder: Path, environment: dict[str, str], program: str, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        env={**os.environ, **environment},  # noqa: TID251 - a process needs its path
        capture_output=True,
        text=True,
        check=False,
    )
