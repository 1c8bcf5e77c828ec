"""Runs in a pipe, on terminals of other encodings, and with --json: what people see never decides how a run ends."""

import json
import subprocess
from pathlib import Path

import pytest

from events.errors import ExitCode
from tests.cli.processes import started
from tests.cli.terminal import type_in
from tests.support.runs import make_base


def _left(run: "subprocess.Popen[str]", *, both: bool) -> None:
    assert run.stdout is not None
    run.stdout.close()
    if both:
        assert run.stderr is not None
        run.stderr.close()


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("--json",)], ids=["people", "json"])
@pytest.mark.parametrize("both", [False, True], ids=["stdout", "stdout and stderr"])
def test_a_run_whose_reader_leaves_goes_on(*, both: bool, flags: tuple[str, ...], tmp_path: Path) -> None:
    """``stillroom run … 2>&1 | head -1``: it ends as it would, with its own exit code, and nothing failed beside it."""
    make_base(tmp_path)
    with started(tmp_path, "run", "explore", "-p", "tasks", "-m", "script:script.toml", *flags) as run:
        _left(run, both=both)
        assert run.wait(timeout=50) == ExitCode.DONE
    (row,) = type_in(tmp_path, "runs", "--json").rows
    assert (row["state"], row["solved"], row["background_failures"], row["signals"]) == ("done", 1, {}, [])


@pytest.mark.slow
def test_the_exit_code_of_a_run_is_its_own_though_its_reader_left(tmp_path: Path) -> None:
    """With ``set -o pipefail`` a run without a verdict must not look as if it were done."""
    base = make_base(tmp_path, 'name = "none"\n[[rule]]\nname = "any"\n[[rule.turn]]\nerror = "quota"\n')
    assert base == tmp_path
    with started(tmp_path, "run", "explore", "-p", "tasks", "-m", "script:script.toml") as run:
        _left(run, both=True)
        assert run.wait(timeout=50) not in (ExitCode.DONE, ExitCode.INTERNAL)


@pytest.mark.slow
def test_a_terminal_without_our_marks_shows_all_the_same(tmp_path: Path) -> None:
    """``LANG=C`` of old machines, or PYTHONIOENCODING: progress and summary are spelled, and JSON stays JSON."""
    make_base(tmp_path)
    explore = ("run", "explore", "-p", "tasks", "-m", "script:script.toml")
    with started(tmp_path, *explore, PYTHONIOENCODING="ascii") as run:
        out, err = run.communicate(timeout=50)
    assert run.returncode == 0, err
    assert "internal error" not in err
    with started(tmp_path, "show", "--json", PYTHONIOENCODING="ascii") as shown:
        out, err = shown.communicate(timeout=50)
    assert shown.returncode == 0, err
    assert [json.loads(line)["kind"] for line in out.splitlines()] == ["run", "trial"]


def test_with_json_each_line_of_stderr_is_an_object(tmp_path: Path) -> None:
    """Notes too, such as what a skill is doubtful for: a program reads both streams line by line."""
    make_base(tmp_path)
    words = ("run", "explore", "-p", "tasks", "-m", "script:script.toml", "--set", "method.attempts=1")
    assert type_in(tmp_path, *words).code == 0
    forked = type_in(tmp_path, "fork", "--set", "agent.max_turns=9", "--at", "1000000", "--json")
    for line in forked.err.splitlines():
        assert json.loads(line).keys() >= {"schema"}
    shown = type_in(tmp_path, "what-if", "--svg", "figure.svg", "--attempts", "2", "--json")
    for line in shown.err.splitlines():
        assert json.loads(line).keys() >= {"schema"}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("log", "tail", "-n", "-3"), "-n"),
        (("log", "tail", "-n", "99999999999999999999999"), "-n"),
        (("pdi", "audit", "--seed", "99999999999999999999999"), "--seed"),
        (("pdi", "audit", "--splits", "0"), "--splits"),
        (("pdi", "audit", "--rounds", "10001"), "--rounds"),
        (("why", "x", "--depth", "-1"), "--depth"),
        (("sets", "split", "x.json", "--seed", "99999999999999999999999"), "--seed"),
        (("export", "spark-summary", "--repeat", "0"), "--repeat"),
        (("skills", "audit", "x", "--max-cells", "-1"), "--max-cells"),
    ],
)
def test_a_figure_out_of_its_range_is_named(words: tuple[str, ...], named: str, tmp_path: Path) -> None:
    """Before the log is opened, and never as a mistake of ours."""
    found = type_in(tmp_path, *words)
    assert found.code == ExitCode.USAGE
    assert f"for {named}. Must be" in " ".join(found.err.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--repeats", "99999999999999999999999"), "repeats"),
        (("--concurrency", "99999999999999999999999"), "concurrency"),
        (("--attempts", "0"), "method.attempts"),
        (("--set", "repeats=10001"), "repeats must be a number up to 10,000"),
    ],
)
def test_a_setting_out_of_its_range_is_named(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """A huge number of repeats would fill the memory with plans before anybody is asked."""
    words = ("--set", f"repeats={words[1]}") if words[0] == "--repeats" else words
    found = type_in(tmp_path, "config", "show", *words)
    assert found.code == ExitCode.USAGE
    assert said in found.err


def test_none_is_a_number_of_events(tmp_path: Path) -> None:
    """``log tail -n 0 -f`` shows only what comes."""
    make_base(tmp_path)
    assert type_in(tmp_path, "run", "explore", "-p", "tasks", "-m", "script:script.toml").code == 0
    assert type_in(tmp_path, "log", "tail", "-n", "0").out.strip() == ""
    assert len(type_in(tmp_path, "log", "tail", "-n", "3", "--json").rows) == 3


def test_a_name_that_is_no_text_is_shown_and_written_as_json(tmp_path: Path) -> None:
    """A byte that no letter is, as shells pass them on."""
    for flags in ((), ("--json",)):
        found = type_in(tmp_path, "check", "run\udcff.toml", *flags)
        assert found.code == ExitCode.NEGATIVE
        assert "run\\" in found.out
