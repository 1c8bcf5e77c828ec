"""Every command, typed as a person would, over a real log: what is printed where, and what the shell is told."""

import json
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

import cli
from events.store.sqlite.store import SqliteLog
from tests.cli.terminal import CommandOutcome, machine, ticking, type_in
from tests.views.histories import record, whole

Folder = Callable[[], Path]

READING = [
    ("runs",),
    ("show",),
    ("show", "greet"),
    ("show", "greet/1"),
    ("show", "1"),
    ("why", "greet/1"),
    ("pdi",),
    ("pdi", "--method", "js_divergence"),
    ("skills", "list"),
    ("skills", "show", "greet"),
    ("log", "tail"),
    ("log", "tail", "@latest", "-n", "3"),
    ("log", "stats"),
    ("log", "verify"),
    ("log", "seal"),
    ("replay", "--rebuild"),
    ("doctor",),
    ("config", "show", "--origin"),
    ("--version",),
]
"""Commands that only look."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose log holds a run."""

    async def fill() -> None:
        (tmp_path / ".stillroom").mkdir()
        async with await SqliteLog.open(tmp_path / ".stillroom/log.db", clock=ticking()) as log:
            await record(log, "r1", whole(log))

    anyio.run(fill)
    return tmp_path


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_every_command_speaks_json_and_nothing_else(folder: Path, words: tuple[str, ...]) -> None:
    """One object a line, each with its schema; a program never has to guess."""
    outcome = type_in(folder, *words, "--json")
    assert outcome.code == 0
    assert outcome.rows or words[0] == "pdi", "this run reflected upon nothing"
    assert all(row["schema"] == 1 for row in outcome.rows)
    assert outcome.err == ""


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_every_command_speaks_to_people(folder: Path, words: tuple[str, ...]) -> None:
    """Plain lines without a terminal, no colour, nothing on stderr that is not trouble."""
    outcome = type_in(folder, *words)
    assert outcome.code == 0
    assert outcome.out.strip()
    assert "\x1b" not in outcome.out


def test_a_command_that_is_documented_exists_and_the_other_way_round() -> None:
    """The issue's list of commands."""
    assert set(cli.app) >= {
        "config", "demo", "doctor", "import", "init", "log", "pdi", "replay", "resume", "run", "runs", "show", "skills",
        "what-if",
    }  # fmt: skip


def test_the_versions_name_the_views(folder: Path) -> None:
    """Two machines can be compared by one line."""
    (row,) = type_in(folder, "--version", "--json").rows
    assert {"stillroom", "python", "sqlite", "log_format", "projections"} <= set(row)
    assert row["projections"]["trials"] >= 1


def test_a_log_is_named_by_flag_or_variable(folder: Path, tmp_path: Path) -> None:
    """``--log`` is stronger than ``STILLROOM_LOG``, which is stronger than the current folder."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert type_in(elsewhere, "runs").code == 2
    assert type_in(elsewhere, "runs", "--log", str(folder / ".stillroom/log.db")).code == 0
    on = machine(elsewhere, {"STILLROOM_LOG": str(folder / ".stillroom/log.db")})
    assert type_in(elsewhere, "runs", on=on).code == 0


def test_a_seal_from_yesterday_shows_a_cut_tail(folder: Path) -> None:
    """And without one, the command says that it cannot."""
    seal = type_in(folder, "log", "seal").out.strip()
    assert type_in(folder, "log", "verify", "--seal", seal).code == 0
    form, number, *rest = seal.split(":")
    outcome = type_in(folder, "log", "verify", "--seal", ":".join([form, str(int(number) + 5), *rest]))
    assert outcome.code == 5
    assert "tail cut" in outcome.out
    assert "no seal given" in type_in(folder, "log", "verify").out


def test_a_changed_row_is_found(folder: Path) -> None:
    """By somebody who opened the file with another program."""
    import sqlite3  # noqa: PLC0415 - a stranger's hand

    with sqlite3.connect(folder / ".stillroom/log.db") as stranger:
        stranger.execute("DROP TRIGGER IF EXISTS events_no_update")
        for (name,) in stranger.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            stranger.execute(f"DROP TRIGGER {name}")
        stranger.execute("UPDATE events SET at = at + 1 WHERE position = 5")
    stranger.close()
    outcome = type_in(folder, "log", "verify", "--json")
    assert outcome.code == 5
    assert outcome.rows[0]["findings"][0]["position"] == 5


def test_a_skill_is_exported_once(folder: Path) -> None:
    """And never over what is there."""
    assert type_in(folder, "skills", "export", "greet", "out").code == 0
    assert (folder / "out/greet/SKILL.md").is_file()
    assert type_in(folder, "skills", "export", "greet", "out").code == 2


def test_init_writes_a_spec_once(tmp_path: Path) -> None:
    """What it writes is accepted, and a second one does not overwrite the first."""
    assert type_in(tmp_path, "init").code == 0
    shown = type_in(tmp_path, "config", "show", "run.toml", "--json").rows
    assert {"key": "concurrency", "value": 4, "origin": "default", "schema": 1} in shown
    again = type_in(tmp_path, "init")
    assert again.code == 2
    assert "File exists" in again.err


def test_origins_name_flags_variables_and_files(tmp_path: Path) -> None:
    """A surprising value is traced to its place by one command."""
    (tmp_path / "run.toml").write_text('tasks = "t"\nconcurrency = 2\nrepeats = 3\n', encoding="utf-8")
    on = machine(tmp_path, {"STILLROOM_CONCURRENCY": "8", "HOME": str(tmp_path)})
    rows = type_in(tmp_path, "config", "show", "run.toml", "--json", "-m", "openai/gpt-5", on=on).rows
    origins = {row["key"]: (row["value"], row["origin"]) for row in rows}
    assert origins["concurrency"] == (8, "STILLROOM_CONCURRENCY")
    assert origins["repeats"] == (3, str(tmp_path / "run.toml"))
    assert origins["models.teacher.model"] == ("gpt-5", "-m openai/gpt-5")
    assert origins["models.teacher.api_key_env"] == ("OPENAI_API_KEY", "-m openai/gpt-5")


def test_a_flag_for_every_key(tmp_path: Path) -> None:
    """``--set`` reaches what has no flag of its own, and is checked like a file."""
    outcome = type_in(tmp_path, "config", "show", "--set", "agent.max_turns=7", "--set", "only=a,b", "--json")
    values = {row["key"]: row["value"] for row in outcome.rows}
    assert (values["agent.max_turns"], values["only"]) == (7, ["a", "b"])
    wrong = type_in(tmp_path, "config", "show", "--set", "agent.max_turn=7")
    assert wrong.code == 2
    assert "did you mean agent.max_turns?" in wrong.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("runz",), 'Did you mean "run"'),
        (("runs", "--jsn"), "--jsn"),
        (("show", "nope"), "nope"),
        (("show", "a", "b"), "b"),
        (("show", "99999"), "99999"),
        (("pdi", "--method", "guess"), "token_overlap"),
        (("pdi", "--threshold", "low"), "low"),
        (("log", "tail", "-n", "many"), "many"),
        (("log", "verify", "--seal", "nonsense"), "not a seal"),
        (("log", "verify", "--seal", '{"seal": ' + "[" * 60_000), "not a seal"),
        (("skills", "show", "nope"), "nope"),
        (("skills", "export"), "SKILL"),
        (("run",), "SPEC"),
        (("run", "gone.toml"), "does not exist"),
        (("run", "explore"), "tasks is missing"),
        (("run", "explore", "--set", "x"), "KEY=VALUE"),
        (("resume", "nope"), "nope"),
        (("resume",), "complete"),
        (("replay", "nope"), "nope"),
        (("import", "spark", "gone"), "gone"),
        (("import", "sprk", "x"), "spark"),
        (("config", "show", "gone.toml"), "does not exist"),
        (("runs", "--log", "gone.db"), "gone.db"),
    ],
    ids=lambda words: " ".join(words)[:60] if isinstance(words, tuple) else "",
)
def test_a_malformed_command_is_a_problem_and_a_remedy(folder: Path, words: tuple[str, ...], said: str) -> None:
    """No traceback, nothing on stdout, exit code 2; the same as an object with ``--json``."""
    outcome = type_in(folder, *words)
    assert _refused(outcome)
    assert said in outcome.err
    as_json = type_in(folder, *words, "--json")
    assert _refused(as_json)
    *warned, problem = map(json.loads, as_json.err.splitlines())
    assert all(each.keys() == {"schema", "warning"} for each in warned)
    assert problem["schema"] == 1
    assert problem["remedy"]
    assert problem["exit_code"] == 2


def _refused(outcome: CommandOutcome) -> bool:
    return outcome.code == 2 and outcome.out == "" and "Traceback" not in outcome.err


def test_a_file_that_is_no_log_is_left_alone(tmp_path: Path) -> None:
    """Whatever it is, it is somebody's."""
    (tmp_path / "notes.db").write_text("my notes", encoding="utf-8")
    outcome = type_in(tmp_path, "runs", "--log", "notes.db")
    assert outcome.code == 2
    assert "not a stillroom log" in outcome.err
    assert (tmp_path / "notes.db").read_text(encoding="utf-8") == "my notes"


def test_help_is_for_reading_and_exits_well(tmp_path: Path) -> None:
    """With or without a command; its lines have an end even where there is no terminal."""
    for words in ((), ("--help",), ("run", "--help"), ("log", "tail", "--help")):
        outcome = type_in(tmp_path, *words)
        assert outcome.code == 0
        assert "Usage: stillroom" in outcome.out
        assert max(map(len, outcome.out.splitlines())) <= 100
