"""Stories of datasets in a registry: tasks beside it, tasks in a git repository, and names that are wrong."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import CommandOutcome, machine, type_in
from tests.support.harbor import ask, needs_harbor
from tests.support.isolation import sandbox_here
from tests.support.runs import make_task


def git(folder: Path, *words: str) -> str:
    """Run git in a folder, as somebody."""
    somebody = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *somebody, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def repository(folder: Path) -> tuple[str, str, str]:
    """Make a repository whose task wants another word in each of two commits: its URL and both commits."""
    commits: list[str] = []
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet")
    for word in ("first", "second"):
        make_task(folder / "tasks" / "word", wanted=word)
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", word)
        commits.append(git(folder, "rev-parse", "HEAD"))
    first, second = commits
    return folder.as_uri(), first, second


def registry(folder: Path, *datasets: dict[str, Any]) -> Path:
    """Write a registry as Harbor has it."""
    file = folder / "registry.json"
    file.write_text(json.dumps([{"description": "", **each} for each in datasets]))
    return file


def task(path: str, **source: str) -> dict[str, str]:
    """Register a task."""
    return {"name": path.rpartition("/")[2], "path": path, **source}


def typed(folder: Path, *words: str) -> CommandOutcome:
    """Type a command where a cache is known."""
    return type_in(folder, *words, on=machine(folder, {"XDG_CACHE_HOME": str(folder / "cache")}))


def digests(outcome: CommandOutcome) -> dict[str, str]:
    """Say which tasks were found, and in which shape."""
    return {row["task"]: row["digest"] for row in outcome.rows}


def test_tasks_beside_a_registry_are_found_by_name_and_version(tmp_path: Path) -> None:
    """Paths without a repository are read from the registry's own folder, wherever the command is typed."""
    make_task(tmp_path / "sets" / "one" / "word")
    make_task(tmp_path / "sets" / "two" / "word", wanted="other")
    registry(
        tmp_path / "sets",
        {"name": "words", "version": "1.0", "tasks": [task("one/word")]},
        {"name": "words", "version": "2.0", "tasks": [task("two/word")]},
    )
    first = typed(tmp_path, "tasks", "check", "sets/registry.json#words@1.0", "--json")
    second = typed(tmp_path, "tasks", "check", "sets/registry.json#words@2.0", "--json")
    assert first.code == second.code == 0
    assert digests(first).keys() == digests(second).keys() == {"word"}
    assert digests(first) != digests(second)


def test_a_task_of_a_repository_is_fetched_at_its_commit_and_only_once(tmp_path: Path) -> None:
    """The older commit gives the older task; when the repository is gone, what was fetched is still there."""
    url, first, second = repository(tmp_path / "origin")
    registry(
        tmp_path,
        {"name": "words", "version": "old", "tasks": [task("tasks/word", git_url=url, git_commit_id=first)]},
        {"name": "words", "version": "new", "tasks": [task("tasks/word", git_url=url, git_commit_id=second)]},
    )
    old = typed(tmp_path, "tasks", "check", "registry.json#words@old", "--json")
    new = typed(tmp_path, "tasks", "check", "registry.json#words@new", "--json")
    now = typed(tmp_path, "tasks", "check", "origin/tasks", "--json")
    assert digests(old) != digests(new) == digests(now)
    (tmp_path / "origin").rename(tmp_path / "elsewhere")
    assert digests(typed(tmp_path, "tasks", "check", "registry.json#words@old", "--json")) == digests(old)


def test_without_a_commit_the_newest_is_taken(tmp_path: Path) -> None:
    """As Harbor has it: HEAD of the repository."""
    url, _, _ = repository(tmp_path / "origin")
    registry(tmp_path, {"name": "words", "version": "head", "tasks": [task("tasks/word", git_url=url)]})
    found = typed(tmp_path, "tasks", "check", "registry.json", "--json")
    assert digests(found) == digests(typed(tmp_path, "tasks", "check", "origin/tasks", "--json"))


def test_a_run_takes_its_tasks_from_a_registry(tmp_path: Path) -> None:
    """The oracle solves a task that git brought, and the job folder names the dataset it is of."""
    url, first, _ = repository(tmp_path / "origin")
    registry(
        tmp_path, {"name": "words", "version": "1", "tasks": [task("tasks/word", git_url=url, git_commit_id=first)]}
    )
    run = ("run", "explore", "-p", "registry.json#words@1", "--agent", "oracle")
    outcome = typed(tmp_path, *run)
    assert outcome.code == 0, outcome.err
    proofs = typed(tmp_path, "tasks", "run", "registry.json#words@1", "--sandbox", sandbox_here(), "--json")
    assert [row["verdict"] for row in proofs.rows if row["kind"] == "proof"] == ["sound"]
    assert typed(tmp_path, "export", "harbor", "--to", "jobs").code == 0
    (job,) = (tmp_path / "jobs").iterdir()
    (dataset,) = json.loads((job / "config.json").read_bytes())["datasets"]
    assert (dataset["name"], dataset["version"]) == ("words", "1")


WRONG = {
    "two versions": ("registry.json#words", "words@1, words@2"),
    "no such name": ("registry.json#wrods@1", "words@1, words@2, more@1"),
    "no such version": ("registry.json#words@3", "words@1, words@2, more@1"),
    "no name where there are several": ("registry.json", "words@1, words@2, more@1"),
    "no such file": ("nowhere.json#words@1", "cannot be read"),
    "no registry": ("other.json#words@1", "is not a registry"),
    "two tasks of one name": ("registry.json#more@1", "two tasks named word"),
}


@pytest.mark.parametrize("story", WRONG)
def test_what_is_missing_or_ambiguous_is_told_with_what_there_is(story: str, tmp_path: Path) -> None:
    """Nobody has to open the file to find out."""
    make_task(tmp_path / "a" / "word")
    make_task(tmp_path / "b" / "word")
    words = {"name": "words", "tasks": [task("a/word")]}
    more = {"name": "more", "version": "1", "tasks": [task("a/word"), task("b/word")]}
    registry(tmp_path, {**words, "version": "1"}, {**words, "version": "2"}, more)
    (tmp_path / "other.json").write_text('{"anything": "else"}')
    typed_, told = WRONG[story]
    outcome = typed(tmp_path, "tasks", "check", typed_)
    assert outcome.code == 2
    assert told in " ".join(outcome.err.split())


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"git_commit_id": "0" * 40}, "git checkout"),
        ({"git_commit_id": "main"}, "not a full commit hash"),
        ({"git_url": "file:///not/there.git"}, "git fetch"),
        ({"git_url": "ext::sh -c touch% /tmp/x"}, "not allowed"),
        ({"path": "../../outside"}, "leads out of its repository"),
    ],
)
def test_what_git_does_not_bring_is_told_by_name(source: dict[str, str], told: str, tmp_path: Path) -> None:
    """A commit that is not there, a branch, a repository that is gone, a program in place of a URL, a path outside."""
    url, first, _ = repository(tmp_path / "origin")
    wrong = {**task("tasks/word", git_url=url, git_commit_id=first), **source}
    registry(tmp_path, {"name": "words", "version": "1", "tasks": [wrong]})
    outcome = typed(tmp_path, "tasks", "check", "registry.json#words@1")
    assert outcome.code == 2
    assert told in " ".join(outcome.err.split())
    assert not list((tmp_path / "cache").rglob("tree"))


def test_without_a_cache_nothing_is_fetched(tmp_path: Path) -> None:
    """Where to keep it is not guessed."""
    url, first, _ = repository(tmp_path / "origin")
    registry(
        tmp_path, {"name": "words", "version": "1", "tasks": [task("tasks/word", git_url=url, git_commit_id=first)]}
    )
    outcome = type_in(tmp_path, "tasks", "check", "registry.json")
    assert outcome.code == 2
    assert "XDG_CACHE_HOME" in outcome.err


@needs_harbor
def test_harbor_reads_the_same_registry(tmp_path: Path) -> None:
    """The file is its own format: name, version, and tasks with their places."""
    url, first, _ = repository(tmp_path / "origin")
    fetched = task("tasks/word", git_url=url, git_commit_id=first)
    registry(tmp_path, {"name": "words", "version": "1", "tasks": [fetched]})
    told = ask(
        "import sys; from pathlib import Path; from harbor.models.registry import Registry;"
        "print(Registry.from_path(Path(sys.argv[1])).datasets[0].model_dump_json())",
        str(tmp_path / "registry.json"),
    )
    assert (told["name"], told["version"], told["tasks"]) == ("words", "1", [fetched])
