"""Two runs compared: of any program, item by item; what only one has is said, and no verdict is ever taken for 0."""

import csv
import io
from math import ceil
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cli.terminal import CommandOutcome, type_in
from tests.cli.test_evaluate import evaluate
from tests.cli.test_replay import EXPLORE
from tests.engine.agents.test_skills_of_the_shell import MOUNT
from tests.engine.importers.spark.made import as_lines, result
from tests.engine.programs.evaluate.test_evaluate import questions
from tests.support.runs import LEARNING, REFUSING, SCRIPT, make_base, make_task

PRICED = "--set", "prices.script.input=1", "--set", "prices.script.output=1"

STUDENT: Final = f"""\
name = "student"

{LEARNING}
[[rule]]
name = "does at once what its skill says, if it has one"
contains = ["Attempt: 1 of"]
[[rule.turn]]
command = "sh -c \\"$(sed -n '/^cp words/p' {MOUNT}/word/SKILL.md | head -n 1)\\""
[[rule.turn]]
text = "DONE"

[[rule]]
name = "finds out by itself"
contains = ["Attempt: 2 of"]
[[rule.turn]]
command = "cp words.txt answer.txt"
[[rule.turn]]
text = "DONE"
"""


def explore(folder: Path, *words: str) -> str:
    """Explore the tasks of a folder, and give the run."""
    outcome = type_in(folder, *EXPLORE, *PRICED, "--json", *words)
    (row,) = [each for each in outcome.rows if each.get("kind") == "run"]
    return str(row["run"])


def rows(folder: Path, *words: str) -> list[dict[str, Any]]:
    """Compare, and read the rows."""
    outcome = type_in(folder, "compare", *words, "--json")
    assert outcome.code == 0, outcome.err
    return outcome.rows


def said(outcome: CommandOutcome) -> str:
    """Give what went wrong."""
    assert outcome.code == 2
    return outcome.err


@pytest.mark.slow
def test_two_explorations_are_paired_task_by_task(tmp_path: Path) -> None:
    """Given one run with a second attempt, it solves what the other leaves, at the price of that attempt."""
    make_base(tmp_path, SCRIPT, "one", "two")
    first, second = explore(tmp_path, "--attempts", "1"), explore(tmp_path, "--attempts", "2")
    before, after = rows(tmp_path, first, second)
    assert (before["run"], before["baseline"], before["score"], before["attempts"]) == (first, True, 0.0, 2)
    assert (after["run"], after["against_run"], after["score"], after["attempts"]) == (second, first, 1.0, 4)
    assert (after["difference"], after["won"], after["verdict"]) == (1.0, 2, "too few runs")
    assert after["differs"] == ["method", "feedback"]
    assert 0 < before["cost_nano_usd"] < after["cost_nano_usd"]
    assert before["cost_per_solved_nano_usd"] is None
    assert after["cost_per_solved_nano_usd"] == after["cost_nano_usd"] / 2
    items = rows(tmp_path, first, second, "--items")
    assert [(each["item"], each["change"], each["before"], each["after"]) for each in items] == [
        ("one", "won", 0.0, 1.0),
        ("two", "won", 0.0, 1.0),
    ]
    assert [(each["before_attempts"], each["after_attempts"]) for each in items] == [(1, 2), (1, 2)]
    assert sum(each["after_tokens"] for each in items) == after["tokens"]
    (cell,) = items[0]["after_cells"]
    shown = type_in(tmp_path, "show", cell)
    assert "trial.closed" in shown.out


@pytest.mark.slow
def test_what_has_no_verdict_is_no_zero(tmp_path: Path) -> None:
    """Given a run whose model refuses, it has no score, no difference and no flips, and decides nothing."""
    make_base(tmp_path)
    whole = explore(tmp_path)
    (tmp_path / "script.toml").write_text(REFUSING)
    broken = explore(tmp_path)
    _, after = rows(tmp_path, whole, broken)
    assert (after["planned"], after["scored"]) == (1, 0)
    assert [after[key] for key in ("score", "difference", "low", "p")] == [None] * 4
    assert (after["verdict"], after["won"] + after["lost"] + after["kept"]) == ("indecisive", 0)
    (item,) = rows(tmp_path, whole, broken, "--items")
    assert (item["change"], item["before"], item["after"], item["after_outcomes"]) == (
        "no score",
        1.0,
        None,
        ["infrastructure"],
    )
    assert item["after_reward"] is None


@pytest.mark.slow
def test_what_only_one_run_has_and_what_has_changed_is_said_and_not_compared(tmp_path: Path) -> None:
    """Given a task less, one more, and one with other bytes, only what both have as it is is paired."""
    make_base(tmp_path, SCRIPT, "kept", "edited", "gone")
    first = explore(tmp_path)
    (tmp_path / "tasks" / "gone").rename(tmp_path / "gone")
    make_task(tmp_path / "tasks" / "new")
    instruction = tmp_path / "tasks" / "edited" / "instruction.md"
    instruction.write_text(instruction.read_text() + "\nPlease.\n")
    second = explore(tmp_path)
    before, after = rows(tmp_path, first, second)
    assert (before["only_here"], before["changed"]) == (["gone"], ["edited"])
    assert (after["only_here"], after["changed"]) == (["new"], ["edited"])
    assert (before["planned"], after["planned"], after["paired"]) == (1, 1, 1)
    changes = {each["item"]: each["change"] for each in rows(tmp_path, first, second, "--items")}
    assert changes == {"kept": "kept", "edited": "contents differ", "gone": "only there", "new": "only here"}
    words = type_in(tmp_path, "compare", first, second).out
    assert "not compared, only in this run: new" in words
    assert "not compared, other contents in the two runs: edited" in words
    (tmp_path / "tasks" / "kept").rename(tmp_path / "kept")
    (tmp_path / "tasks" / "edited").rename(tmp_path / "edited")
    third = explore(tmp_path)
    assert "no item in common" in said(type_in(tmp_path, "compare", first, third))


@pytest.mark.slow
def test_a_fork_is_compared_with_its_parent(tmp_path: Path) -> None:
    """What they share counts on both sides; the parts that the fork changed are named."""
    make_base(tmp_path)
    parent = explore(tmp_path)
    assert type_in(tmp_path, "fork", "--attempt", "2", "--set", "method.attempts=4").code == 0
    before, after = rows(tmp_path, parent, "@latest")
    assert (before["score"], after["score"], after["kept"], after["attempts"]) == (1.0, 1.0, 1, 2)
    assert after["run"] != parent == after["against_run"]


def test_arms_of_two_evaluations_are_paired_by_name(tmp_path: Path) -> None:
    """An arm that only one run has is scored and compared with nothing; one arm may be named of each."""
    questions(tmp_path)
    evaluate(tmp_path, "--set", "evaluate.arms.again.again=none")
    evaluate(tmp_path)
    found = rows(tmp_path, "@latest~1", "@latest")
    assert {(each["arm"], each["against"], each["reason"]) for each in found if each["baseline"]} == {
        ("none", None, None),
        ("skill", None, None),
        ("again", None, "the other run has no such arm"),
    }
    paired = {each["arm"]: each for each in found if not each["baseline"]}
    assert {arm: (each["difference"], each["differs"]) for arm, each in paired.items()} == {
        "none": (None, []),
        "skill": (None, []),
    }
    assert [each["reused"] for each in paired.values()] == [2, 2]
    _, crossed = rows(tmp_path, "@latest~1:none", "@latest:skill")
    assert (crossed["difference"], crossed["differs"]) == (0.5, ["skills"])
    assert "not compared: the other run has no such arm" in type_in(tmp_path, "compare", "@latest~1", "@latest").out
    assert "cannot be compared with itself" in said(type_in(tmp_path, "compare", "@latest", "@latest"))
    assert "no arm of the same name" in said(type_in(tmp_path, "compare", "@latest~1:again", "@latest"))
    assert "skil" in said(type_in(tmp_path, "compare", "@latest:skil", "@latest~1"))


def test_what_is_one_and_the_same_evaluation_in_two_runs_is_not_compared_with_itself(tmp_path: Path) -> None:
    """Given a run that found every score in the other, there is no verdict, in words, rows, items and the report."""
    questions(tmp_path)
    for _ in range(2):
        evaluate(tmp_path)
    found = [each for each in rows(tmp_path, "@latest~1", "@latest") if not each["baseline"]]
    assert [(each["score"], each["verdict"], each["difference"], each["paired"]) for each in found] == [
        (0.5, None, None, 0),
        (1.0, None, None, 0),
    ]
    assert {(each["shared_cells"], *each["shared"]) for each in found} == {(2, "quiz.amber", "quiz.blue")}
    words = " ".join(type_in(tmp_path, "compare", "@latest~1", "@latest").out.split())
    assert "skill is not compared: each of its runs is one and the same evaluation on both sides" in words
    items = rows(tmp_path, "@latest~1", "@latest", "--change", "shared")
    assert [(each["arm"], each["item"]) for each in items] == [
        (arm, item) for arm in ("none", "skill") for item in ("quiz.amber", "quiz.blue")
    ]
    assert type_in(tmp_path, "report", "@latest~1", "@latest").code == 0
    page = (tmp_path / "report.html").read_text()
    assert "skill: no verdict.</strong> Each of its runs is one and the same evaluation" in page


def test_runs_that_two_runs_share_are_left_out_and_the_others_are_paired(tmp_path: Path) -> None:
    """Given a run that found all but one repeat of one item in the other, that repeat alone is paired."""
    questions(tmp_path)
    evaluate(tmp_path, "--limit", "1")
    evaluate(tmp_path, "--repeats", "2", "--reuse", "never")
    evaluate(tmp_path, "--repeats", "2")
    found = [each for each in rows(tmp_path, "@latest~1", "@latest") if not each["baseline"]]
    assert [(each["paired"], each["difference"], each["shared_cells"], each["scored"]) for each in found] == [
        (1, 0.0, 3, 4),
        (1, 0.0, 3, 4),
    ]
    assert all(each["verdict"] == "no information" for each in found)
    words = " ".join(type_in(tmp_path, "compare", "@latest~1", "@latest").out.split())
    assert "3 of its 4 runs are one and the same evaluation in both runs, and not paired (2 items)" in words
    changes = {(each["item"], each["change"]) for each in rows(tmp_path, "@latest~1", "@latest", "--items")}
    assert {change for _, change in changes} == {"kept", "shared"}


def test_an_imported_run_is_compared_with_one_of_ours(tmp_path: Path) -> None:
    """SPARK's record has no digests, no condition and no prices: its task is paired by name, the rest unknown."""
    make_base(tmp_path, SCRIPT, "greet")
    explore(tmp_path)
    (tmp_path / "spark" / "greet").mkdir(parents=True)
    lines = as_lines(result(0), result(1), result(2, reward=1.0))
    (tmp_path / "spark" / "greet" / "trajectory.jsonl").write_text(lines)
    (imported,) = type_in(tmp_path, "import", "spark", "spark/greet", "--json").rows
    before, after = rows(tmp_path, imported["run"], "@latest")
    assert (before["score"], before["attempts"], after["attempts"]) == (1.0, 3, 2)
    assert (before["cost_nano_usd"], before["tokens"], after["differs"]) == (None, None, None)
    assert (after["difference"], after["kept"], after["verdict"]) == (0.0, 1, "no information")


def test_items_are_picked_and_written_for_papers_and_programs(tmp_path: Path) -> None:
    """By change, arm, name and family; as Markdown, LaTeX and CSV, from the rows that --json prints."""
    questions(tmp_path)
    evaluate(tmp_path)
    (won,) = rows(tmp_path, "--change", "won")
    assert (won["item"], won["before"], won["after"]) == ("quiz.amber", 0.0, 1.0)
    assert won["before_outcomes"] == ["unsolved"]
    assert [each["item"] for each in rows(tmp_path, "--item", "quiz.b*", "--arm", "skill")] == ["quiz.blue"]
    assert rows(tmp_path, "--unit", "no such") == []
    assert "'tied' is no change" in said(type_in(tmp_path, "compare", "--change", "tied"))
    markdown = type_in(tmp_path, "compare", "--format", "markdown").out
    (line,) = [each.split(" | ") for each in markdown.splitlines() if each.startswith("| skill |")]
    assert [each for each in ("2 of 2", "100.0 %", "+50.0", "too few runs |") if each not in line] == []
    latex = type_in(tmp_path, "compare", "--items", "--format", "latex").out
    assert r"skill & quiz.amber & quiz.amber & 0.0 \% & 1 of 1 & 100.0 \% & 1 of 1 & +100.0 & won" in latex
    written = list(csv.DictReader(io.StringIO(type_in(tmp_path, "compare", "--format", "csv").out)))
    assert [(each["arm"], each["score"], each["difference"]) for each in written] == [
        ("none", "0.5", ""),
        ("skill", "1.0", "0.5"),
    ]
    assert "choose one" in said(type_in(tmp_path, "compare", "--format", "csv", "--json"))


@pytest.mark.slow
def test_making_a_skill_is_counted_beside_its_use(tmp_path: Path) -> None:
    """Given a skill that a run distilled, exported and evaluated, the trial that made it is found by its bytes."""
    make_base(tmp_path)
    made = explore(tmp_path)
    (trial,) = [each for each in type_in(tmp_path, "show", made, "--json").rows if each["kind"] == "trial"]
    assert type_in(tmp_path, "skills", "export", "word", "learnt").code == 0
    (tmp_path / "script.toml").write_text(STUDENT)
    arms = "--skill", "learnt", "--set", 'evaluate.arms.one.set."method.attempts"=1', "--attempts", "2"
    placebo = "--set", "evaluate.arms.placebo.skills=learnt", "--set", "evaluate.arms.placebo.placebo=true"
    student = "evaluate", "--tasks", "tasks", "-m", "script:script.toml", *PRICED, *arms, *placebo
    outcome = type_in(tmp_path, *student)
    assert outcome.code == 0, outcome.err
    found = {each["arm"]: each for each in rows(tmp_path)}
    none, skill = found["none"], found["skill"]
    assert [found[arm]["score"] for arm in ("none", "one", "skill")] == [1.0, 0.0, 1.0]
    assert (skill["making_nano_usd"], skill["made_by"]) == (trial["cost_nano_usd"], [f"{made}:word"])
    saved = none["cost_per_solved_nano_usd"] - skill["cost_per_run_nano_usd"]
    assert saved > 0
    assert (skill["payback"], skill["payback_runs"]) == ("after", ceil(trial["cost_nano_usd"] / saved))
    for arm in ("one", "placebo"):
        assert [found[arm][key] for key in ("making_nano_usd", "payback", "payback_runs")] == [None] * 3
    assert f"paid after {skill['payback_runs']} runs" in type_in(tmp_path, "compare").out
    file = tmp_path / "learnt" / "word" / "SKILL.md"
    file.write_text(file.read_text() + "\nEdited by hand.\n")
    assert type_in(tmp_path, *student).code == 0
    edited = {each["arm"]: each for each in rows(tmp_path)}["skill"]
    assert (edited["making_nano_usd"], edited["made_by"], edited["payback"]) == (None, [], "unknown")
    assert "skill: nobody knows what making its skills cost" in type_in(tmp_path, "compare").out
