"""Reference that is generated cannot lie; reference that is checked cannot be forgotten."""

import sys
from importlib import import_module
from pkgutil import iter_modules
from subprocess import run
from typing import Final

import pytest

import cli
from engine.config.schema import keys
from events.errors import ExitCode
from tests.architecture.source import ROOT
from views import commands as package
from views.reference.events import events, field_docs
from views.reference.pages import EXITS, ROWS, reference

DOCS: Final = ROOT / "docs"


@pytest.mark.slow
def test_the_reference_is_what_the_code_says() -> None:
    """After a change of a command, a key or an event: ``make docs``."""
    stale = [path.name for path, text in reference(cli.app, DOCS).items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run `make docs`"


@pytest.mark.slow
def test_the_reference_is_the_same_however_python_was_started() -> None:
    """Under ``python -m`` the name of the program has three words, and two of them stood in usage lines."""
    wanted = "import cli; from views.reference.pages import cli_docs; print(cli_docs(cli.app))"
    found = run(
        [sys.executable, "-m", "timeit", "-n1", "-r1", wanted], cwd=ROOT, capture_output=True, check=True
    ).stdout
    assert b"stillroom run explore [OPTIONS]" in found
    assert b"timeit" not in found


def test_every_event_says_what_it_means() -> None:
    """A reader learns the system from its events, so none goes without a sentence, and no field without a type."""
    page = (DOCS / "events.md").read_text(encoding="utf-8")
    for event in events():
        assert f"## {event.__struct_config__.tag}\n" in page
        assert set(event.__struct_fields__) <= set(field_docs(event))


def test_every_command_and_key_is_in_the_docs() -> None:
    """What can be typed can be looked up."""
    commands = (DOCS / "cli.md").read_text(encoding="utf-8")
    for command in cli.app:
        if not command.startswith("-"):
            assert f"### stillroom {command}\n" in commands
    settings = (DOCS / "config.md").read_text(encoding="utf-8")
    assert [key.name for key in keys() if f"`{key.name}`" not in settings] == []


def test_the_rows_of_every_command_are_in_the_docs() -> None:
    """Each module of commands lists what its commands print with ``--json``; a list that is left out is found here."""
    modules = [import_module(f"{package.__name__}.{each.name}") for each in iter_modules(package.__path__)]
    stated = {name: rows for module in modules for name, rows in getattr(module, "ROWS", {}).items()}
    assert len(stated) > 20
    assert {name: rows for name, rows in stated.items() if ROWS.get(name) != rows} == {}


def test_every_exit_code_has_a_meaning() -> None:
    """Scripts rely on them."""
    assert set(EXITS) == set(ExitCode)
