"""Stories of parts that another package brings: named on the command line and in a spec, and no trouble if they break.

The package is a folder on the path with the metadata that an installed one has; the command is a process of its own.
"""

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

import pytest

from tests.cli.processes import ENVIRONMENT
from tests.support.runs import make_base

ACME = """
from engine.providers.provider import KeyHeader, ModelProvider

PROVIDER = ModelProvider(
    name="acme",
    about="Acme's models",
    base_url="http://127.0.0.1:{port}/v2",
    api_key_env="ACME_API_KEY",
    key_header=KeyHeader("X-Acme-Key"),
)
"""
BOX = """
from sandbox.kind import SandboxKind
from sandbox.local.kind import NO_ISOLATION
from msgspec import structs

BOX = structs.replace(NO_ISOLATION, name="box", about="a box of Acme's")
"""
AGENT = """
class Quiet:
    name, needs_model, takes_skills = "quiet", False, False

    async def act(self, scope, told): ...
"""
METADATA = "Metadata-Version: 2.1\nName: acme-stillroom\nVersion: 1.0\n"
ENTRY_POINTS = """
[stillroom.providers]
acme = acme_provider:PROVIDER
broken-provider = acme_broken:PROVIDER
[stillroom.sandboxes]
box = acme_box:BOX
broken-box = acme_broken:BOX
[stillroom.methods]
broken-method = acme_broken:METHOD
no-method = acme_box:BOX
[stillroom.programs]
broken-program = acme_broken:PROGRAM
[stillroom.agents]
quiet = acme_agent:Quiet
broken-agent = acme_broken:Agent
number = acme_provider:PROVIDER
[stillroom.items]
broken-items = acme_broken:ITEMS
[stillroom.projections]
broken-projection = acme_broken:Projection
"""


ORACLE = ("run", "explore", "--tasks", "tasks", "-a", "oracle")


class Said(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Read what it printed."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    """Lay the package out, with a module that cannot be imported."""
    home = tmp_path / "acme"
    files = {
        "acme_provider.py": ACME.format(port=9),
        "acme_box.py": BOX,
        "acme_agent.py": AGENT,
        "acme_broken.py": "raise RuntimeError('acme has not paid')\n",
        "acme_stillroom-1.0.dist-info/METADATA": METADATA,
        "acme_stillroom-1.0.dist-info/entry_points.txt": ENTRY_POINTS,
    }
    for name, text in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return home


def said(acme: Path, folder: Path, *words: str, **more: str) -> Said:
    """Type a command on a machine that has the package."""
    inherited = {**ENVIRONMENT, "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-m", "cli", *words],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(acme), **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
def test_an_outsiders_sandbox_is_named_on_the_command_line_and_carries_a_run(acme: Path, tmp_path: Path) -> None:
    """From its own entry point, as the built-in ones are."""
    make_base(tmp_path)
    ran = said(acme, tmp_path, *ORACLE, "--sandbox", "box", "--attempts", "1")
    assert ran.code == 0, ran.err
    shown = said(acme, tmp_path, "show", "--json")
    assert shown.code == 0, shown.err
    listed = {row["sandbox"]: row for row in said(acme, tmp_path, "sandbox", "list", "--json").rows}
    assert (listed["box"]["state"], listed["box"]["about"]) == ("ok", "a box of Acme's")
    assert {"local", "none", "docker", "podman"} <= set(listed)


@pytest.mark.slow
def test_an_outsider_runs_the_suite_on_a_sandbox_of_its_own(acme: Path, tmp_path: Path) -> None:
    """By one command; what it does not promise is unsupported, and not failed."""
    checked = said(acme, tmp_path, "sandbox", "check", "box", "--json")
    assert checked.code == 0, checked.out
    assert {row["result"] for row in checked.rows} <= {"passed", "unsupported"}
    assert len(checked.rows) > 40


@pytest.mark.slow
def test_an_outsiders_provider_completes_a_spec_and_passes_the_suite(acme: Path, tmp_path: Path) -> None:
    """Its address, its variable and its header; nothing else of ours knows of it."""
    shown = said(acme, tmp_path, "config", "show", "-m", "acme/large", "--json")
    values = {row["key"]: row["value"] for row in shown.rows}
    assert values["models.teacher.base_url"] == "http://127.0.0.1:9/v2"
    assert values["models.teacher.api_key_env"] == "ACME_API_KEY"
    checked = said(acme, tmp_path, "providers", "check", "acme", "--json")
    assert [row["reason"] for row in checked.rows if row["result"] != "passed"] == []
    assert checked.code == 0


@pytest.mark.slow
def test_a_key_that_is_not_set_is_named_by_its_variable(acme: Path, tmp_path: Path) -> None:
    """Before anything is recorded."""
    make_base(tmp_path)
    ran = said(acme, tmp_path, "run", "explore", "--tasks", "tasks", "-m", "acme/large", "--sandbox", "none")
    assert ran.code == 2
    assert "ACME_API_KEY" in ran.err


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        (*ORACLE, "--sandbox", "broken-box"),
        ("run", "explore", "--tasks", "tasks", "-m", "broken-provider/x"),
        ("providers", "check", "broken-provider"),
        (*ORACLE, "--set", "method.name=broken-method"),
        (*ORACLE, "--set", "program=broken-program"),
        ("run", "explore", "--tasks", "tasks", "-a", "broken-agent"),
    ],
    ids=["sandbox", "provider", "check", "method", "program", "agent"],
)
def test_a_part_that_cannot_be_imported_is_named_with_its_package(
    acme: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """Whose it is, and what it said; it is a mistake of use, not of ours."""
    make_base(tmp_path)
    ran = said(acme, tmp_path, *words)
    assert ran.code == 2, ran.err
    assert "acme_broken" in ran.err
    assert "acme-stillroom" in ran.err
    assert "acme has not paid" in ran.err


@pytest.mark.slow
def test_a_broken_part_breaks_no_command_that_does_not_need_it(acme: Path, tmp_path: Path) -> None:
    """A run with other parts, and what lists them all, which says what is wrong."""
    make_base(tmp_path)
    ran = said(acme, tmp_path, *ORACLE, "--sandbox", "none", "--attempts", "1")
    assert ran.code == 0, ran.err
    agents = said(acme, tmp_path, "agents", "check", "quiet", "--json")
    assert [(row["agent"], row["make"], row["package"]) for row in agents.rows] == [
        ("quiet", "package", "acme-stillroom@1.0")
    ], agents.err
    states = {row["agent"]: row["state"] for row in said(acme, tmp_path, "agents", "list", "--json").rows}
    assert (states["quiet"], states["number"], states["broken-agent"]) == ("ready", "broken", "broken")
    listed = {row["provider"]: row for row in said(acme, tmp_path, "providers", "list", "--json").rows}
    assert listed["broken-provider"]["state"] == "broken"
    assert "acme has not paid" in listed["broken-provider"]["about"]
    assert listed["openai"]["state"] == "no key"
    lacking = said(acme, tmp_path, "providers", "list", "--json", AZURE_OPENAI_API_KEY="sk-0123456789")
    assert {row["provider"]: row["state"] for row in lacking.rows}["azure"] == "no address"
    doctor = said(acme, tmp_path, "doctor", "--json", ACME_API_KEY="sk-0123456789")
    checks = {row["what"]: row for row in doctor.rows}
    assert checks["sandbox broken-box"]["state"] == "broken"
    assert checks["keys"]["found"] == "ACME_API_KEY (names only)"
    assert "sk-0123456789" not in doctor.out
    kinds = ("method broken-method", "program broken-program", "agent broken-agent", "item format broken-items")
    for what in (*kinds, "projection broken-projection"):
        assert checks[what]["state"] == "broken"
        assert "acme-stillroom" in checks[what]["found"]
        assert "acme has not paid" in checks[what]["found"]
    assert "it has no policies, settings" in checks["method no-method"]["found"]
    assert "is not callable" in checks["agent number"]["found"]
    for words in (("config", "show"), ("init", "spec.toml"), ("replay",), ("project", "cost"), ("decisions",)):
        done = said(acme, tmp_path, *words)
        assert done.code == 0, (words, done.err)
        assert bool("broken-projection" in done.err) is (words == ("replay",))
    asked = said(acme, tmp_path, "project", "broken-projection")
    assert asked.code == 2
    assert "acme has not paid" in asked.err


@pytest.mark.slow
def test_a_name_that_nobody_registers_is_refused_with_those_there_are(acme: Path, tmp_path: Path) -> None:
    """An outsider's among them."""
    make_base(tmp_path)
    ran = said(acme, tmp_path, *ORACLE, "--sandbox", "vault")
    assert ran.code == 2
    assert "box" in ran.err
    assert "podman" in ran.err
    near = said(acme, tmp_path, *ORACLE, "--sandbox", "dokcer")
    assert 'did you mean "docker"?' in near.err


@pytest.mark.slow
def test_two_packages_that_register_one_name_are_both_named(acme: Path, tmp_path: Path) -> None:
    """Neither is taken: which one would be chance."""
    other = acme / "other-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n", encoding="utf-8")
    (other / "entry_points.txt").write_text("[stillroom.sandboxes]\nbox = sandbox.local.kind:NONE\n", encoding="utf-8")
    make_base(tmp_path)
    ran = said(acme, tmp_path, *ORACLE, "--sandbox", "box")
    assert ran.code == 2
    assert "two packages register that name" in ran.err
    assert "acme-stillroom, other" in ran.err
