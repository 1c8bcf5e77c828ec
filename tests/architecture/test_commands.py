"""Commands are loaded when they are typed: one that only looks starts quickly."""

import subprocess
import sys
from importlib import import_module
from inspect import getdoc

import pytest
from cyclopts import App

import cli
from tests.architecture.source import ROOT

HEAVY = ("aiodocker", "aiohttp", "httpx", "matplotlib", "scipy")
"""Libraries that ask the world for something, or draw."""


@pytest.mark.parametrize(("name", "path", "help_"), cli.COMMANDS, ids=[name for name, _, _ in cli.COMMANDS])
def test_what_help_says_of_a_command_is_what_the_command_says_of_itself(name: str, path: str, help_: str) -> None:
    """`--help` loads no command, so what it says stands twice."""
    module, _, attribute = path.partition(":")
    command = getattr(import_module(f"views.commands.{module}"), attribute)
    if isinstance(command, App):
        assert (command.name, command.help) == ((name,), help_)
    else:
        assert (getdoc(command) or "").partition("\n\n")[0] == help_


@pytest.mark.parametrize(
    "module", ["cli", *(f"views.commands.{each}" for each in ("look", "log", "replay", "what_if"))]
)
def test_a_command_that_only_looks_loads_nothing_that_asks_the_world(module: str) -> None:
    """An HTTP client and a container engine's take most of a second."""
    code = f"import sys, {module}; print(*sorted(set({HEAVY}) & sys.modules.keys()))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


def test_a_process_of_ours_has_the_collector_look_rarely_and_a_process_of_others_is_left_as_it_was() -> None:
    """Walking all objects again and again took a fifth of a run's CPU; only who owns a process may decide that."""
    code = (
        "import gc, sys, cli\n"
        "before = gc.get_threshold()[0], gc.get_freeze_count()\n"
        "sys.argv = ['stillroom', '--version']\n"
        "cli.main()\n"
        "print(*before, gc.get_threshold()[0], gc.get_freeze_count(), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    usual, unfrozen, threshold, frozen = map(int, done.stderr.split())
    assert unfrozen == 0
    assert threshold > 10 * usual
    assert frozen > 10_000
