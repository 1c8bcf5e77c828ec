"""What goes wrong around a command: mistakes of ours, readers that leave, terminals that are none."""

import errno
import io
import json
import signal
from pathlib import Path

import pytest
from typing_extensions import override

import cli
from tests.cli.processes import started
from tests.cli.terminal import SQLITE, machine, ticking, type_in
from tests.support.runs import make_base
from views.terminal.dispatch import call
from views.terminal.host import Host
from views.terminal.screen import OutputStyle, Screen


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


def test_a_full_disk_is_no_mistake_of_ours(tmp_path: Path) -> None:
    """``stillroom runs --json > /dev/full`` asked people to report it."""
    on = Host({}, tmp_path, FailingStream(OSError(errno.ENOSPC, "No space left")), io.StringIO(), ticking(), SQLITE)
    assert call(cli.app, ("--version",), on) == 1
    assert isinstance(on.stderr, io.StringIO)
    assert "problem  nothing more can be written: No space left" in on.stderr.getvalue()
    assert not [*tmp_path.rglob("internal-error-*.txt")]


def test_another_error_of_the_system_has_its_report(tmp_path: Path) -> None:
    """Only what says that there is no room is known to be nobody's mistake."""
    on = Host({}, tmp_path, FailingStream(OSError(errno.EINVAL, "odd")), io.StringIO(), ticking(), SQLITE)
    assert call(cli.app, ("--version",), on) == 1
    assert [*tmp_path.rglob("internal-error-*.txt")]


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


@pytest.mark.slow
def test_a_process_prints_json_and_nothing_else(tmp_path: Path) -> None:
    """Children, warnings and progress included."""
    make_base(tmp_path)
    with started(tmp_path, "run", "explore", "-p", "tasks", "-m", "script:script.toml", "--json") as run:
        out, err = run.communicate(timeout=50)
    assert run.returncode == 0, err
    assert [line[:20] for line in out.splitlines()] == ['{"schema":1,"kind":"'] * 2
    assert all(json.loads(line).keys() == {"schema", "warning"} for line in err.splitlines())


def test_a_process_whose_reader_leaves_ends_quietly(tmp_path: Path) -> None:
    """As every command in a pipe should."""
    with started(tmp_path, "--help") as run:
        assert run.stdout is not None
        run.stdout.close()
        assert run.stderr is not None
        assert run.stderr.read() == ""
        assert run.wait(timeout=50) == 0


@pytest.mark.slow
def test_an_interrupted_run_says_how_to_go_on_and_does(tmp_path: Path) -> None:
    """Ctrl-C is 130, the run is in the log as interrupted, and resuming it finishes it."""
    base = make_base(tmp_path)
    script = (base / "script.toml").read_text(encoding="utf-8")
    (base / "script.toml").write_text("delay_s = 0.3\n" + script, encoding="utf-8")
    with started(tmp_path, "run", "explore", "-p", "tasks", "-m", "script:script.toml") as run:
        assert run.stderr is not None
        while (line := run.stderr.readline()).startswith("warning"):
            pass
        assert line == "word: opened\n"
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=50)
    assert run.returncode == 130
    assert "stillroom resume" in err
    with started(tmp_path, "resume", "--json") as again:
        out, err = again.communicate(timeout=50)
    assert again.returncode == 0, err
    assert '"outcome":"solved"' in out


def test_following_shows_what_other_processes_append(tmp_path: Path) -> None:
    """And ends with 130 when it is interrupted, like every follower."""
    make_base(tmp_path)
    explore = ("run", "explore", "-p", "tasks", "-a", "nop", "--attempts", "1")
    assert type_in(tmp_path, *explore).code == 0
    with started(tmp_path, "log", "tail", "--follow", "-n", "1", "--json") as tail:
        assert tail.stdout is not None
        assert '"tag":"session.ended"' in tail.stdout.readline()
        assert type_in(tmp_path, *explore).code == 0
        assert '"tag":"session.started"' in tail.stdout.readline()
        tail.send_signal(signal.SIGINT)
        tail.communicate(timeout=50)
    assert tail.returncode == 130
