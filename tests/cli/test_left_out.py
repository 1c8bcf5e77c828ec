"""Stories of what a person hands over and cannot be used: it is named before anything starts, and never dropped."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.terminal import CommandOutcome, machine, type_in
from tests.support.runs import SCRIPT, SKILL, make_base, make_task

EXPLORE: Sequence[str] = ("run", "explore", "--tasks", "tasks", "--agent", "oracle", "--json")


def spoilt(folder: Path) -> Path:
    """Make a good task, one that cannot be read, one whose image cannot be built, and a folder that is none."""
    make_base(folder, "name = 'nobody'\n", "good", "unread", "unbuilt")
    (folder / "tasks" / "unread" / "instruction.md").unlink()
    (folder / "tasks" / "unbuilt" / "environment" / "words.txt").unlink()
    (folder / "tasks" / "notes").mkdir()
    return folder


def logged(folder: Path) -> list[str]:
    """Name the kinds of events on record."""
    outcome = type_in(folder, "log", "tail", "--events", "500", "--json")
    return [row["tag"] for row in outcome.rows] if outcome.code == 0 else []


def test_tasks_that_cannot_run_are_wrong_usage_and_nothing_starts(tmp_path: Path) -> None:
    """They went without a word, with exit code 0, and the numbers were of fewer tasks than were named."""
    outcome = type_in(spoilt(tmp_path), *EXPLORE)
    assert (outcome.code, outcome.out) == (2, "")
    assert "2 of 3 tasks cannot run" in outcome.err
    assert "unread: instruction.md: is missing" in outcome.err
    assert "unbuilt: environment/Dockerfile line 3: words.txt is not there" in outcome.err
    assert "run.opened" not in logged(tmp_path)
    plain = type_in(tmp_path, *EXPLORE[:-1])
    assert plain.code == 2
    assert "unread: instruction.md: is missing" in plain.err


def test_who_wants_to_go_without_them_says_so(tmp_path: Path) -> None:
    """Each is named in JSON and in words and is on record; the exit code is that of the others."""
    outcome = type_in(spoilt(tmp_path), *EXPLORE, "--skip-invalid")
    told = [(row["what"], row["name"]) for row in outcome.rows if row["kind"] == "left_out"]
    assert told == [("task", "unread"), ("task", "unbuilt"), ("task", "notes")]
    assert [row["trial"] for row in outcome.rows if row["kind"] == "trial"] == ["good"]
    assert outcome.code == 0
    assert "session.inputs_left_out" in logged(tmp_path)
    assert "left out  task unread: instruction.md: is missing" in type_in(tmp_path, *EXPLORE[:-1], "--skip-invalid").err


@pytest.mark.slow
def test_who_goes_on_with_a_run_needs_its_tasks_only(tmp_path: Path) -> None:
    """What was left out is not asked for again, and what a run is of is found although others are not well."""
    (spoilt(tmp_path) / "script.toml").write_text(SCRIPT)
    words = ("run", "explore", "--tasks", "tasks", "-m", "script:script.toml", "--attempts", "2", "--json")
    assert type_in(tmp_path, *words, "--skip-invalid", "--set", 'only=["unread", "good"]').code == 0
    outcome = type_in(tmp_path, "fork", "--attempt", "good/2", "--set", "agent.max_turns=9", "--json")
    assert outcome.code == 0
    assert [row["trial"] for row in outcome.rows if row["kind"] == "trial"] == ["good"]


def test_a_folder_that_is_no_task_is_named_and_stops_nobody(tmp_path: Path) -> None:
    """Datasets have notes and scripts beside their tasks."""
    make_task(tmp_path / "tasks" / "good")
    (tmp_path / "tasks" / "notes").mkdir()
    outcome = type_in(tmp_path, *EXPLORE)
    assert outcome.code == 0
    assert [row["name"] for row in outcome.rows if row["kind"] == "left_out"] == ["notes"]
    looked = type_in(tmp_path, "tasks", "check", "tasks", "--json")
    assert (looked.code, {row["task"]: row["state"] for row in looked.rows}) == (0, {"good": "ok", "notes": "other"})


@pytest.mark.parametrize(
    ("only", "code", "said"),
    [
        ('["good"]', 0, ""),
        ('["unread"]', 2, "unread: instruction.md: is missing"),
        ('["good", "good"]', 2, "`only` names it more than once"),
        ('["good", "godo"]', 2, "unknown task 'godo'"),
    ],
)
def test_only_what_is_named_has_to_be_well(tmp_path: Path, only: str, code: int, said: str) -> None:
    """Who names tasks is told of those, and of no others."""
    outcome = type_in(spoilt(tmp_path), *EXPLORE, "--set", f"only={only}")
    assert outcome.code == code
    assert said in outcome.err
    assert [row for row in outcome.rows if row["kind"] == "left_out"] == []


def test_nothing_left_is_nothing_to_run(tmp_path: Path) -> None:
    """Also for who wants to go without what cannot run."""
    folder = spoilt(tmp_path)
    (folder / "tasks" / "good" / "tests" / "test.sh").unlink()
    outcome = type_in(folder, *EXPLORE, "--skip-invalid")
    assert outcome.code == 2
    assert "3 of 3 tasks cannot run" in outcome.err
    assert "--skip-invalid" not in outcome.err


def test_what_the_sandbox_cannot_honour_may_be_left_out_too(tmp_path: Path) -> None:
    """By default every such task is named, and nothing starts."""
    make_task(tmp_path / "tasks" / "good")
    (make_task(tmp_path / "tasks" / "needy") / "environment" / "Dockerfile").write_text("FROM x\nUSER nobody\n")
    outcome = type_in(tmp_path, *EXPLORE)
    assert outcome.code == 2
    assert "needy: Dockerfile line 2: USER nobody" in outcome.err
    outcome = type_in(tmp_path, *EXPLORE, "--skip-invalid")
    assert outcome.code == 0
    (told,) = [row for row in outcome.rows if row["kind"] == "left_out"]
    assert "does not support: Dockerfile line 2: USER nobody" in told["why"]


def skilled(folder: Path, agent: str, skills: str) -> CommandOutcome:
    """Ask for an agent with skills, behind an address where nobody answers."""
    make_task(folder / "tasks" / "good")
    words = ("run", "explore", "--tasks", "tasks", "-m", "m", "--base-url", "http://127.0.0.1:9/v1", "--agent", agent)
    on = machine(folder, {"XDG_CACHE_HOME": str(folder / "cache")})
    return type_in(folder, *words, "--set", f"agent.skills={skills}", "--attempts", "1", on=on)


@pytest.mark.parametrize(
    ("agent", "skills", "said"),
    [
        ("codex", "nowhere", "the folder does not exist"),
        ("codex", "groups", "more is a group of skills (more/word)"),
        ("codex", "lower", "word/skill.md is to be called SKILL.md"),
        ("codex", "misnamed", "alpha/SKILL.md: its name is 'word', and its folder's 'alpha'"),
        ("nop", "skills", "the agent 'nop' is given no skills"),
    ],
)
def test_an_arm_with_skills_that_would_have_none_is_refused(tmp_path: Path, agent: str, skills: str, said: str) -> None:
    """Before anything is started, and before its packages are fetched."""
    for name in ("groups/more/word/SKILL.md", "lower/word/skill.md", "misnamed/alpha/SKILL.md", "skills/word/SKILL.md"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(SKILL)
    outcome = skilled(tmp_path, agent, skills)
    assert outcome.code == 2
    if agent == "codex" and "this one isolates nothing" in outcome.err:
        pytest.skip("an installed agent is refused for want of isolation first: install bubblewrap")
    assert said in outcome.err
    assert "run.opened" not in logged(tmp_path)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("-m", "script:nowhere.toml"), "nowhere.toml"),
        (("-m", "script:tasks"), "tasks"),
        (("-m", "m", "--base-url", "http://127.0.0.1:9/v1", "--set", "models.teacher.api_key_env=NOT_SET"), "NOT_SET"),
    ],
)
def test_what_a_model_needs_is_looked_for_before_the_start(
    tmp_path: Path, settings: tuple[str, ...], said: str
) -> None:
    """A script that is not there, and a key that is not set, left the beginnings of a run on record."""
    make_task(tmp_path / "tasks" / "good")
    outcome = type_in(tmp_path, "run", "explore", "--tasks", "tasks", *settings)
    assert outcome.code == 2
    assert said in outcome.err
    assert logged(tmp_path) == []
