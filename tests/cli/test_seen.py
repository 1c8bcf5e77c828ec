"""What commands let people see: refused memos, prompts, PDI of all runs, and the commit that is installed."""

import subprocess
from pathlib import Path

import pytest

from events.errors import ExitCode
from tests.cli.terminal import type_in
from tests.support.runs import BABBLING, LEARNING, SCRIPT, make_base
from views.terminal.versions import commit_of

RUN = ("run", "explore", "-p", "tasks", "-m", "script:script.toml")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_a_refused_memo_is_seen_where_people_look(tmp_path: Path) -> None:
    """Thirty of thirty were refused, and neither the end of the run nor `pdi` said a word of it."""
    make_base(tmp_path, BABBLING)
    ended = type_in(tmp_path, *RUN)
    assert "refused: 1 of 1 memo, the one before stayed; " in ended.out
    (row,) = [each for each in type_in(tmp_path, "pdi", "--json").rows if each.get("kind") == "refused"]
    assert (row["what"], row["trial"], row["attempt"]) == ("memo", "word", 1)
    assert row["problems"]
    shown = " ".join(type_in(tmp_path, "pdi").out.split())
    assert row["problems"][0] in shown
    assert shown.startswith("no reflect step: every memo was refused")


def test_what_is_refused_for_the_same_reason_is_told_once(tmp_path: Path) -> None:
    """Of fourteen trials the same reason was told fourteen times: while they ran, and in the list."""
    make_base(tmp_path, BABBLING, *(f"word{number}" for number in range(5)))
    ended = type_in(tmp_path, *RUN, "--set", "concurrency=1")
    assert "refused: 5 of 5 memos" in ended.out
    shown = " ".join(type_in(tmp_path, "pdi").out.split())
    assert "5 memos" in shown
    assert "word0/1, word1/1, word2/1 and 2 more" in shown
    rows = [each for each in type_in(tmp_path, "pdi", "--json").rows if each.get("kind") == "refused"]
    assert len(rows) == 5
    assert shown.count(rows[0]["problems"][0]) == 1


def test_a_refused_skill_is_listed(tmp_path: Path) -> None:
    """A trial was solved, and the list of skills was empty without a reason."""
    rules = LEARNING.split("[[rule]]")
    spoilt = [f"{each.partition('text =')[0]}text = 'no skill'\n" if "distil" in each else each for each in rules]
    make_base(tmp_path, SCRIPT.replace(LEARNING, "[[rule]]".join(spoilt)))
    ended = type_in(tmp_path, *RUN)
    assert "refused: 1 skill of solved trials; " in ended.out
    assert "memo" not in ended.out.partition("refused:")[2].partition("\n")[0]
    (row,) = type_in(tmp_path, "skills", "list", "--json").rows
    assert (row["kind"], row["what"], row["attempt"]) == ("refused", "skill", None)
    assert "no skills yet" in type_in(tmp_path, "skills", "list").out


def test_nothing_is_said_of_refusals_where_there_are_none(tmp_path: Path) -> None:
    """No table without rows."""
    make_base(tmp_path)
    assert "refused" not in type_in(tmp_path, *RUN).out
    assert "refused" not in type_in(tmp_path, "skills", "list").out
    assert "refused" not in type_in(tmp_path, "pdi").out


def test_the_prompt_of_an_attempt_is_one_command_away(tmp_path: Path) -> None:
    """It took three look-ups by digest. Each message stands once, in full."""
    make_base(tmp_path)
    assert type_in(tmp_path, *RUN).code == 0
    rows = type_in(tmp_path, "show", "word/2", "--prompts", "--json").rows
    assert [(row["kind"], row["call"], row["stream"]) for row in rows] == [
        ("prompt", 1, "attempt/word/2"), ("prompt", 2, "attempt/word/2"),
    ]  # fmt: skip
    assert [each["role"] for each in rows[0]["messages"]] == ["system", "user"]
    assert "Attempt: 2 of" in rows[0]["messages"][1]["text"]
    assert (rows[0]["before"], rows[1]["before"]) == (0, 2)
    assert rows[1]["messages"][0]["role"] == "assistant"
    shown = type_in(tmp_path, "show", "word/2", "--prompts").out
    assert shown.count("Attempt: 2 of") == 1
    assert "call 2 of attempt/word/2" in shown
    beside = type_in(tmp_path, "show", "word", "--prompts", "--json").rows
    assert {row["role"] for row in beside} == {"reflector", "distiller"}


@pytest.mark.parametrize("target", ["@latest", "1"])
def test_what_has_no_prompt_is_named(target: str, tmp_path: Path) -> None:
    """With what has."""
    make_base(tmp_path)
    assert type_in(tmp_path, *RUN).code == 0
    found = type_in(tmp_path, "show", target, "--prompts")
    assert found.code == ExitCode.USAGE
    assert "--prompts" in found.err


@pytest.mark.slow
def test_pdi_of_all_runs_is_one_command(tmp_path: Path) -> None:
    """Runs without a reflect step are left out."""
    make_base(tmp_path)
    assert type_in(tmp_path, *RUN).code == 0
    assert type_in(tmp_path, "run", "explore", "-p", "tasks", "-a", "nop", "--attempts", "1").code == 0
    assert type_in(tmp_path, *RUN).code == 0
    runs = [row["run"] for row in type_in(tmp_path, "runs", "--json").rows]
    rows = type_in(tmp_path, "pdi", "--all", "--json").rows
    assert list(dict.fromkeys(row["run"] for row in rows)) == [runs[0], runs[2]]
    assert type_in(tmp_path, "pdi", "--all").out.count("run ") == 2
    both = type_in(tmp_path, "pdi", runs[0], "--all")
    assert both.code == ExitCode.USAGE


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_version_names_the_commit_of_a_checkout(tmp_path: Path) -> None:
    """And says where its files are not those of that commit; files that git does not know are no change."""
    _git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("a = 1\n")
    _git(tmp_path, "add", "a.py")
    _git(tmp_path, "commit", "-q", "-m", "First")
    head = _git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "other").write_text("x")
    assert commit_of(tmp_path, None) == head
    (tmp_path / "a.py").write_text("a = 2\n")
    assert commit_of(tmp_path, None) == f"{head}+changes"


def test_the_version_names_the_commit_of_a_wheel(tmp_path: Path) -> None:
    """As it was built, or as its installer noted; nothing is taken from a folder above."""
    _git(tmp_path, "init", "-q")
    packages = tmp_path / "site-packages"
    (packages / "stillroom").mkdir(parents=True)
    noted = f'{{"url": "x", "vcs_info": {{"vcs": "git", "commit_id": "{COMMIT}"}}}}'
    assert commit_of(packages, None) is None
    assert commit_of(packages, '{"url": "file:///x", "dir_info": {}}') is None
    assert commit_of(packages, "no JSON") is None
    assert commit_of(packages, noted) == COMMIT
    (packages / "stillroom" / "commit.txt").write_text("feed\n")
    assert commit_of(packages, noted) == "feed"


def test_version_says_the_commit_in_its_line(tmp_path: Path) -> None:
    """Of this checkout, or that nobody knows."""
    (row,) = type_in(tmp_path, "--version", "--json").rows
    said = "unknown" if row["commit"] is None else row["commit"][:12]
    assert f"commit {said}" in type_in(tmp_path, "--version").out
