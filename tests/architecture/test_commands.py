"""Commands are loaded when they are typed: one that only looks starts quickly."""

import subprocess
import sys
from importlib import import_module
from inspect import getdoc
from pathlib import Path

import anyio
import pytest
from cyclopts import App

import cli
from events.store.sqlite.store import SqliteLog
from tests.architecture.source import ROOT
from tests.cli.terminal import ticking
from tests.views.histories import record, whole

HEAVY = (
    *("aiodocker", "aiohttp", "httpx", "matplotlib", "scipy"),
    *("engine.providers.endpoint", "engine.providers.transport", "engine.gateway.server", "sandbox.docker.backend"),
)
"""Libraries that ask the world for something, or draw; and modules of ours that ask a provider or an engine."""


@pytest.mark.parametrize(("name", "path", "help_"), cli.COMMANDS, ids=[name for name, _, _ in cli.COMMANDS])
def test_what_help_says_of_a_command_is_what_the_command_says_of_itself(name: str, path: str, help_: str) -> None:
    """`--help` loads no command, so what it says stands twice."""
    module, _, attribute = path.partition(":")
    command = getattr(import_module(f"views.commands.{module}"), attribute)
    if isinstance(command, App):
        assert (command.name, command.help) == ((name,), help_)
    else:
        assert (getdoc(command) or "").partition("\n\n")[0] == help_


LOOKING = (
    *("bundle", "control", "decisions", "exports", "imports", "log", "look", "pdi", "prepare", "project", "providers"),
    *("receipts", "replay", "skills", "tasks", "what_if", "why"),
)
"""Modules of commands that ask nobody: they read a log, or write one event to it."""


@pytest.mark.slow
@pytest.mark.parametrize("module", ["cli", *(f"views.commands.{each}" for each in LOOKING)])
def test_a_command_that_only_looks_loads_nothing_that_asks_the_world(module: str) -> None:
    """An HTTP client and a container engine's take most of a second."""
    code = f"import sys, {module}; print(*sorted(set({HEAVY}) & sys.modules.keys()))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [("runs",), ("show",), ("why", "@latest:greet/1"), ("why-not", "@latest:greet"), ("pdi",), ("skills", "list"),
     ("log", "stats"), ("log", "verify"), ("replay",), ("what-if", "@latest", "--set", "pdi.threshold=-0.9"),
     ("decisions",), ("project", "cost"), ("export", "atif", "@latest", "--to", "atif"),
     ("export", "harbor", "@latest", "--to", "harbor"), ("skills", "show", "greet"),
     ("skills", "export", "greet"), ("bundle", "write", "@latest"), ("config", "show")],
    ids=" ".join,
)  # fmt: skip
def test_nothing_is_loaded_while_it_looks_either(words: tuple[str, ...], tmp_path: Path) -> None:
    """A command could import what it needs when it needs it: here it is done to its end, on a log."""
    log = tmp_path / "log.db"
    anyio.run(_write, log)
    _looks((*words, "--log", str(log)), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [("--help",), ("runs", "--help"), ("tasks", "--help"), ("tasks", "check", "--help")], ids=" ".join
)
def test_nothing_is_loaded_for_help(words: tuple[str, ...], tmp_path: Path) -> None:
    """A table of contents asks nobody."""
    _looks(words, tmp_path)


def _looks(words: tuple[str, ...], folder: Path) -> None:
    """Type a command, and see what is loaded when it has ended."""
    code = (
        f"import os, sys, cli\nos.chdir({str(folder)!r})\n"
        f"sys.argv = ['stillroom', *{words!r}]\n"
        "code = cli.main()\n"
        f"print(code, *sorted(set({HEAVY}) & sys.modules.keys()), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    said = done.stderr.splitlines()[-1].split()
    assert said[0] in {"0", "1", "2", "4"}
    assert said[1:] == []


async def _write(path: Path) -> None:
    async with await SqliteLog.open(path, clock=ticking()) as log:
        await record(log, "r1", whole(log))


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
