"""Stories of constructing on the command line: from a prompt spec to a task that stands in a folder."""

import json
from pathlib import Path

import msgspec
import pytest

from engine.programs.construct.blueprint import Blueprint
from engine.programs.construct.policies.rendering import rendered
from events.errors import ExitCode
from tests.cli.terminal import machine, type_in
from tests.engine.gateway.test_refused_calls import closed_port
from tests.support.constructing import BRIEF, SUM, blueprint, fixed, make_briefs
from tests.support.proving import needs_isolation
from views.commands.constructing import ConstructOptions


def one(folder: Path, script: str) -> Path:
    """Write a prompt spec, and a script for its author."""
    make_briefs(folder, BRIEF)
    (folder / "script.toml").write_text(script)
    return folder


@pytest.mark.slow
@needs_isolation
def test_a_prompt_spec_becomes_a_task_that_is_proved_and_shown(tmp_path: Path) -> None:
    """One command for one file; what stands there can be proved again by itself."""
    one(tmp_path, fixed(blueprint(oracle_python="("), revised=SUM))
    options = ("--author", "script:script.toml", "--no-critique", "--output", "made", "--json")
    made = type_in(tmp_path, "construct", "specs/0.json", *options)
    assert made.code == ExitCode.DONE
    (row,) = [row for row in made.rows if row["kind"] == "construction"]
    assert (row["task"], row["ending"], len(row["rounds"])) == ("add-them", "published", 2)
    assert row["rounds"][0]["issues"][0]["area"] == "oracle_python"
    shown = type_in(tmp_path, "show", str(row["run"]))
    assert "1 of 1 task published" in shown.out
    blob = type_in(tmp_path, "show", f"blob:{row['rounds'][1]['blueprint']}", "--full")
    assert "fresh_data" in blob.out
    again = type_in(tmp_path, "tasks", "prove", "made", "--sandbox", "local", "--steps", "oracle", "--steps", "nop")
    assert again.code == ExitCode.DONE
    why = type_in(tmp_path, "why", f"{row['run']}:construct/add-them@{_version(tmp_path, str(row['run']))}")
    assert why.code == ExitCode.DONE
    assert type_in(tmp_path, "replay", str(row["run"])).code == ExitCode.DONE


def _version(folder: Path, run: str) -> int:
    """Find the last decision on how it goes on."""
    rows = type_in(folder, "decisions", run, "--json").rows
    return int(str([row for row in rows if "construction_course" in json.dumps(row)][-1]["version"]))


@needs_isolation
def test_a_rejected_task_is_told_with_the_reasons(tmp_path: Path) -> None:
    """The exit code says that something was rejected, and nothing is published."""
    one(tmp_path, fixed(blueprint(oracle_python="(")))
    told = type_in(
        tmp_path, "construct", "specs", "--author", "script:script.toml", "--no-critique", "--rounds", "1", "--plain"
    )
    assert told.code == ExitCode.NEGATIVE
    assert "rejected" in told.out
    assert "it is no Python" in told.out
    assert not (tmp_path / "constructed").exists()


@pytest.mark.parametrize(
    ("named", "told"),
    [("nowhere", "nowhere: is not there"), ("words", "words: holds no prompt spec"), ("words/a.md", "cannot be read")],
)
def test_a_prompt_spec_that_is_not_one_is_the_users_to_mend(named: str, told: str, tmp_path: Path) -> None:
    """It is said of the file or folder that was named, and the exit code blames nobody else."""
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "a.md").write_text("Make a task.")
    refused = type_in(tmp_path, "construct", named, "--author", "script:script.toml", "--dry-run")
    assert refused.code == ExitCode.USAGE
    assert told in refused.err


def test_what_it_would_take_is_told_before_anything_is_paid(tmp_path: Path) -> None:
    """Calls and trials at least and at most; nothing is started."""
    one(tmp_path, fixed(SUM))
    told = type_in(tmp_path, "construct", "specs", "--author", "script:script.toml", "--dry-run", "--json")
    assert told.rows[0] | {"schema": None} == {
        "schema": None,
        "kind": "planned_construction",
        "task": "add-them",
        "rounds": 4,
        "calls_least": 2,
        "calls_most": 24,
        "trials_least": 7,
        "trials_most": 28,
        "tokens_most": None,
        "cost_least_nano_usd": 0,
        "cost_most_nano_usd": None,
        "unbounded": "models.author.parameters.max_tokens",
        "sandbox_s_most": 273_600.0,
    }
    assert not (tmp_path / ".stillroom").exists()


def test_variants_of_a_task_are_planned_by_flags_and_by_a_file(tmp_path: Path) -> None:
    """Without a prompt spec; neither of them, and both, are refused by name."""
    for path, (data, _) in rendered(msgspec.convert(SUM, Blueprint)).items():
        (tmp_path / "add" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "add" / path).write_bytes(data)
    one(tmp_path, fixed(SUM))
    author = ("--author", "script:script.toml", "--dry-run", "--json")
    flags = type_in(tmp_path, "construct", "--variant-of", "add", "--count", "2", *author)
    assert [row["task"] for row in flags.rows] == ["add-variant-1", "add-variant-2"]
    (tmp_path / "vary.toml").write_text('program = "construct"\n[construct]\nvariant_of = "add"\n')
    file = type_in(tmp_path, "construct", "vary.toml", *author)
    assert [row["task"] for row in file.rows] == ["add-variant-1"]
    neither = type_in(tmp_path, "construct", *author)
    assert (neither.code, "nothing to construct" in neither.out + neither.err) == (ExitCode.USAGE, True)
    both = type_in(tmp_path, "construct", "specs", "--variant-of", "add", *author)
    assert (both.code, "leave one of them out" in both.out + both.err) == (ExitCode.USAGE, True)


@pytest.mark.slow
@pytest.mark.timeout(300)
@needs_isolation
def test_the_demo_publishes_three_tasks(tmp_path: Path) -> None:
    """Without a key; a second time the same tasks stand there already."""
    for _ in range(2):
        told = type_in(tmp_path, "demo", "construct", "--plain")
        assert (told.code, "3 of 3 tasks published" in told.out) == (ExitCode.DONE, True)
    assert {each.name for each in (tmp_path / "constructed").iterdir()} == {
        "3d-scan-calc",
        "wav-amplitude-analysis",
        "weather-anomaly-detection",
    }


@needs_isolation
def test_a_base_url_is_that_of_the_author_and_of_a_critic_that_is_named_beside_it(tmp_path: Path) -> None:
    """Whoever types it means the models that are asked; nobody else is."""
    one(tmp_path, fixed(SUM))
    url = closed_port()
    refused = type_in(tmp_path, "construct", "specs", "--author", "m", "--base-url", url)
    assert refused.code == ExitCode.UNREACHABLE
    assert f"author (m at {url})" in refused.err
    asked = ("--author", "m", "--critic", "n", "--base-url", url, "--dry-run")
    assert type_in(tmp_path, "construct", "specs", *asked).code == ExitCode.DONE
    named = ConstructOptions(author="m", critic="n")
    assert [each.key for each in named.flags(machine(tmp_path), url) if each.value == url] == [
        ("models", "author", "base_url"),
        ("models", "critic", "base_url"),
    ]
