"""Attempts of agents at items are named on the command line as others are, though they belong to no trial."""

from pathlib import Path
from typing import Final

import pytest

from tests.cli.terminal import isolated, type_in
from tests.cli.test_evaluate import ASKED
from tests.engine.items.test_agent_way import base_of
from tests.engine.programs.evaluate.test_evaluate import questions

SPEC: Final = """\
program = "evaluate"
sandbox = "local"
[models.teacher]
model = "teacher"
base_url = "script:script.toml"
[evaluate.items]
folder = "quiz"
[evaluate.rollout]
way = "agent"
[evaluate.arms.none]
skills = ""
[evaluate.arms.skill]
skills = "skills"
"""


def test_an_attempt_at_an_item_is_shown_by_the_name_of_the_item(tmp_path: Path) -> None:
    """The latest, or one by its number; a name of none lists those that there are."""
    (base_of(tmp_path) / "spec.toml").write_text(SPEC)
    assert isolated(type_in(tmp_path, "evaluate", "spec.toml")).code == 0
    shown = [
        type_in(tmp_path, "show", name, "--json").rows
        for name in ("item/skill/quiz.amber.1", "item/skill/quiz.amber.1/1", "skill/quiz.amber.1/1")
    ]
    assert shown[0] == shown[1] == shown[2]
    assert {row["kind"] for row in shown[0]} == {"step"}
    assert any("grep -rho" in row["text"] for row in shown[0])
    wrong = type_in(tmp_path, "show", "item/skill/quiz.green.1")
    assert wrong.code != 0
    assert "item/skill/quiz.amber.1" in wrong.err
    replayed = type_in(tmp_path, "agents", "replay", "item/skill/quiz.amber.1")
    assert "no agent of another make" in replayed.err or "installed agent" in replayed.err, replayed.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--sandbox", "none"), "nothing keeps commands from this machine's network"),
        (
            ("--set", "evaluate.rollout.dockerfile=FROM a\nRUN apt-get install -y jq\n"),
            "Dockerfile line 2: RUN apt-get",
        ),
    ],
)
def test_items_are_refused_in_a_sandbox_that_cannot_be_opened_for_them(
    words: tuple[str, ...], why: str, tmp_path: Path
) -> None:
    """Before anything is recorded: each cell would end without a score. A check says so, and calls need no sandbox."""
    (base_of(tmp_path) / "spec.toml").write_text(SPEC)
    for command in (("evaluate",), ("evaluate", "--dry-run")):
        refused = type_in(tmp_path, *command, "spec.toml", *words)
        if "none" not in words:
            isolated(refused)
        assert (refused.code, why in refused.err) == (2, True), refused.err
    assert type_in(tmp_path, "runs", "--json").rows == []
    rows = {row["what"]: row for row in type_in(tmp_path, "check", "spec.toml", *words, "--json").rows}
    assert (rows["sandboxes of items"]["state"], why in rows["sandboxes of items"]["found"]) == ("failed", True)
    called = type_in(tmp_path, "check", "spec.toml", *words[:2], "--set", "evaluate.rollout.way=call", "--json")
    assert "sandboxes of items" not in {row["what"] for row in called.rows}


def test_an_evaluation_lists_its_questions_and_shows_each(tmp_path: Path) -> None:
    """Given questions that a model answers without an agent: each with its outcome, and from call to score by name."""
    questions(tmp_path)
    assert type_in(tmp_path, "evaluate", *ASKED).code == 0
    listed = [row for row in type_in(tmp_path, "show", "--json").rows if row["kind"] == "evaluated_item"]
    assert sorted(row["outcome"] for row in listed) == ["solved", "solved", "solved", "unsolved"]
    assert {row["found_in"] for row in listed} == {None}
    said = type_in(tmp_path, "show").out
    for row in listed:
        assert row["name"] in said
        steps = type_in(tmp_path, "show", f"{row['run']}:{row['name']}", "--json").rows
        assert [step["what"] for step in steps] == ["model", "answer", "score"]
        assert steps[-1]["note"].startswith(row["outcome"])
        assert type_in(tmp_path, "why", f"{row['run']}:{row['name']}").code == 0
    assert type_in(tmp_path, "evaluate", *ASKED).code == 0
    again = [row for row in type_in(tmp_path, "show", "--json").rows if row["kind"] == "evaluated_item"]
    assert [(row["outcome"], row["found_in"]) for row in again] == [(row["outcome"], row["run"]) for row in listed]
    wrong = type_in(tmp_path, "show", "item/skill/nothing.1")
    assert wrong.code != 0
    assert "item/skill/nothing.1" in wrong.err
