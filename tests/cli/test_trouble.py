"""What goes wrong around a command: mistakes of ours, readers that leave, terminals that are none."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typing_extensions import override

import cli
from tests.architecture.source import ROOT
from tests.cli.terminal import SQLITE, machine, ticking, type_in
from tests.support.isolation import asked_for
from tests.support.runs import make_base
from views.terminal.dispatch import call
from views.terminal.host import Host
from views.terminal.screen import OutputStyle, Screen

ENVIRONMENT = {
    "PATH": os.environ["PATH"],  # noqa: TID251 - a process needs its search path
    "PYTHONPATH": str(ROOT),
    **asked_for(),
}


class FailingStream(io.StringIO):
    """A stream nothing can be written to."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    @override
    def write(self, text: str, /) -> int:
        """Fail."""
        raise self.error


def test_a_mistake_of_ours_is_short_and_says_where_the_rest_is(tmp_path: Path) -> None:
    """A person sees two lines; the traceback is in a file for the report."""
    on = Host({}, tmp_path, FailingStream(RuntimeError("a bug")), io.StringIO(), ticking(), SQLITE)
    assert call(cli.app, ("--version",), on) == 1
    (report,) = (tmp_path / ".stillroom").glob("internal-error-*.txt")
    assert isinstance(on.stderr, io.StringIO)
    said = on.stderr.getvalue()
    assert "internal error: RuntimeError: a bug" in said
    assert str(report) in said
    assert "Traceback" not in said
    assert "Traceback" in report.read_text(encoding="utf-8")


def test_a_reader_that_leaves_is_no_trouble(tmp_path: Path) -> None:
    """``stillroom log tail | head -1`` ends quietly."""
    on = Host({}, tmp_path, FailingStream(BrokenPipeError()), io.StringIO(), ticking(), SQLITE)
    assert call(cli.app, ("--version",), on) == 0
    assert isinstance(on.stderr, io.StringIO)
    assert on.stderr.getvalue() == ""


@pytest.mark.parametrize(
    ("environment", "flags", "manner"),
    [
        ({"TERM": "xterm"}, {}, OutputStyle.TERMINAL),
        ({"TERM": "xterm", "NO_COLOR": "1"}, {}, OutputStyle.LINES),
        ({"TERM": "xterm", "NO_COLOR": ""}, {}, OutputStyle.TERMINAL),
        ({"TERM": "xterm", "CI": "1"}, {}, OutputStyle.LINES),
        ({"TERM": "dumb"}, {}, OutputStyle.LINES),
        ({"TERM": "xterm"}, {"plain": True}, OutputStyle.LINES),
        ({"TERM": "xterm"}, {"json": True}, OutputStyle.JSON),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    environment: dict[str, str], flags: dict[str, bool], manner: OutputStyle, tmp_path: Path
) -> None:
    """``NO_COLOR`` counts when it is not empty, as its convention says."""
    screen = Screen(machine(tmp_path, environment, terminal=True), **flags)
    assert screen.manner is manner
    assert screen.live is (manner is OutputStyle.TERMINAL)


@pytest.mark.parametrize("variable", ["NO_COLOR", "CI"])
def test_the_exit_code_does_not_depend_on_the_terminal(variable: str, tmp_path: Path) -> None:
    """Only the looks do."""
    plain = type_in(tmp_path, "runs", on=machine(tmp_path, {"TERM": "xterm", variable: "1"}, terminal=True))
    fancy = type_in(tmp_path, "runs", on=machine(tmp_path, {"TERM": "xterm"}, terminal=True))
    assert plain.code == fancy.code == 2
    assert "\x1b" not in plain.err
    assert "\x1b" in fancy.err


def process(folder: Path, *words: str, **more: str) -> "subprocess.Popen[str]":
    """Start the command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "cli", *words],
        cwd=folder, env={**ENVIRONMENT, "HOME": str(folder), **more}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.slow
def test_a_process_prints_json_and_nothing_else(tmp_path: Path) -> None:
    """Children, warnings and progress included."""
    make_base(tmp_path)
    run = process(tmp_path, "run", "explore", "-p", "tasks", "-m", "script:script.toml", "--json")
    out, err = run.communicate(timeout=50)
    assert run.returncode == 0, err
    assert [line[:20] for line in out.splitlines()] == ['{"schema":1,"kind":"'] * 2
    assert all(json.loads(line).keys() == {"schema", "warning"} for line in err.splitlines())


def test_a_process_whose_reader_leaves_ends_quietly(tmp_path: Path) -> None:
    """As every command in a pipe should."""
    run = process(tmp_path, "--help")
    assert run.stdout is not None
    run.stdout.close()
    assert run.stderr is not None
    assert run.stderr.read() == ""
    assert run.wait(timeout=50) == 0
    run.stderr.close()


@pytest.mark.slow
def test_an_interrupted_run_says_how_to_go_on_and_does(tmp_path: Path) -> None:
    """Ctrl-C is 130, the run is in the log as interrupted, and resuming it finishes it."""
    base = make_base(tmp_path)
    script = (base / "script.toml").read_text(encoding="utf-8")
    (base / "script.toml").write_text("delay_s = 0.3\n" + script, encoding="utf-8")
    run = process(tmp_path, "run", "explore", "-p", "tasks", "-m", "script:script.toml")
    assert run.stderr is not None
    while (line := run.stderr.readline()).startswith("warning"):
        pass
    assert line == "word: opened\n"
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=50)
    assert run.returncode == 130
    assert "stillroom resume" in err
    again = process(tmp_path, "resume", "--json")
    out, err = again.communicate(timeout=50)
    assert again.returncode == 0, err
    assert '"outcome":"solved"' in out


def test_following_shows_what_other_processes_append(tmp_path: Path) -> None:
    """And ends with 130 when it is interrupted, like every follower."""
    make_base(tmp_path)
    explore = ("run", "explore", "-p", "tasks", "-a", "nop", "--attempts", "1")
    assert type_in(tmp_path, *explore).code == 0
    tail = process(tmp_path, "log", "tail", "--follow", "-n", "1", "--json")
    assert tail.stdout is not None
    assert '"tag":"session.ended"' in tail.stdout.readline()
    assert type_in(tmp_path, *explore).code == 0
    assert '"tag":"session.started"' in tail.stdout.readline()
    tail.send_signal(signal.SIGINT)
    tail.communicate(timeout=50)
    assert tail.returncode == 130
