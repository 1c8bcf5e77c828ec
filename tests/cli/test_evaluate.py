"""Evaluations from the command line: planned, run, compared, listed; what is stored costs nothing the second time."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from engine.core.seeded_order import shuffled
from tests.cli.terminal import CommandOutcome, type_in
from tests.engine.agents.test_skills_of_the_shell import skilled
from tests.engine.programs.evaluate.test_evaluate import questions
from tests.support.quiz_runs import make_items
from tests.support.runs import SCRIPT, make_base

ASKED: Final = ("--set", "evaluate.items.folder=quiz", "--skill", "skills", "-m", "script:script.toml")


def evaluate(folder: Path, *words: str) -> CommandOutcome:
    """Evaluate a skill on a set of questions."""
    return type_in(folder, "evaluate", *ASKED, *words)


def kind(outcome: CommandOutcome, name: str) -> list[dict[str, Any]]:
    """Pick rows of a kind."""
    return [row for row in outcome.rows if row.get("kind") == name]


def test_a_skill_is_evaluated_without_a_spec_file(tmp_path: Path) -> None:
    """Given a set and a skill, two arms are planned, run and compared; the second time nothing is asked."""
    questions(tmp_path)
    planned = kind(evaluate(tmp_path, "--dry-run", "--json"), "planned_arm")
    assert [(row["arm"], row["cells"], row["stored"], row["smallest_effect"]) for row in planned] == [
        ("none", 2, 0, None),
        ("skill", 2, 0, None),
    ]
    first = evaluate(tmp_path, "--json")
    assert first.code == 0
    assert [(row["arm"], row["score"], row["scored"], row["reused"]) for row in kind(first, "arm")] == [
        ("none", 0.5, 2, 0),
        ("skill", 1.0, 2, 0),
    ]
    assert [row["calls"] for row in kind(first, "run")] == [4]
    assert [row["stored"] for row in kind(evaluate(tmp_path, "--dry-run", "--json"), "planned_arm")] == [2, 2]
    again = evaluate(tmp_path, "--json")
    assert [row["reused"] for row in kind(again, "arm")] == [2, 2]
    assert [row["calls"] for row in kind(again, "run")] == [0]
    counted = [
        (row["solved"], row["unsolved"], row["cells"], row["found"]) for row in type_in(tmp_path, "runs", "--json").rows
    ]
    assert counted == [(3, 1, 4, 0), (3, 1, 4, 4)]
    assert type_in(tmp_path, "runs").out.count("3 of 4") == 2
    shown = type_in(tmp_path, "show", kind(again, "run")[0]["run"]).out
    assert "4: 3 solved, 1 unsolved, 0 without a score, 4 found in the log" in shown
    assert "4 of 4 cells done (4 found), 3 of 4 solved · 0 turns" in evaluate(tmp_path, "--plain").err
    said = type_in(tmp_path, "compare").out
    assert "2 of 2 (2 reused)" in said
    assert "skill: too few runs: 2 items with a score in both arms; 10 needed" in said


@pytest.mark.slow
def test_a_plan_says_what_it_could_show_over_a_good_baseline_and_over_none(tmp_path: Path) -> None:
    """Twelve items see no gain over a baseline that solves half, and a large one over a baseline that solves none."""
    questions(tmp_path)
    rows = [{"id": f"q{number}", "question": "Which?", "answers": ["one"]} for number in range(12)]
    (tmp_path / "quiz" / "test" / "items.json").write_text(json.dumps(rows))
    split = "--set", "evaluate.items.split=test"
    (_, skill) = kind(evaluate(tmp_path, *split, "--dry-run", "--json"), "planned_arm")
    assert (skill["units"], skill["smallest_effect"], round(skill["smallest_from_none"], 2)) == (12, None, 0.63)
    said = evaluate(tmp_path, *split, "--dry-run").out
    assert "(-: not even solving all)" in said
    assert "no effect can be shown" not in said
    few = evaluate(tmp_path, *split, "--set", "evaluate.items.limit=9", "--dry-run")
    assert "no effect can be shown: fewer than ten independent units" in few.out


def test_stored_scores_are_listed_and_explained(tmp_path: Path) -> None:
    """Each with its key, and a key with everything that reached the model or the scorer."""
    questions(tmp_path)
    evaluate(tmp_path)
    rows = type_in(tmp_path, "evaluations", "list", "--json").rows
    assert {(row["arm"], row["item"], row["solved"]) for row in rows} == {
        ("none", "quiz.amber", False),
        ("none", "quiz.blue", True),
        ("skill", "quiz.amber", True),
        ("skill", "quiz.blue", True),
    }
    one = rows[0]
    assert type_in(tmp_path, "evaluations", "show", one["key"][:16], "--json").rows == [one]
    (why,) = type_in(tmp_path, "evaluations", "why", one["key"], "--json").rows
    assert (why["parts"]["item"], why["parts"]["condition"]) == (one["item"], one["condition"])
    assert type_in(tmp_path, "evaluations", "show", "0" * 64).code == 2
    only = type_in(tmp_path, "evaluations", "list", "--item", "quiz.blue", "--json").rows
    assert {row["item"] for row in only} == {"quiz.blue"}


def test_a_run_that_compares_nothing_says_so(tmp_path: Path) -> None:
    """And an evaluation without a second arm is refused before it starts."""
    questions(tmp_path)
    alone = type_in(tmp_path, "evaluate", *ASKED[:2], "--set", 'evaluate.arms.none.skills=""', *ASKED[4:])
    assert alone.code == 2
    assert "there is nothing to compare the baseline with" in alone.err
    (tmp_path / "quiz" / "test" / "items.json").write_text("[")
    broken = evaluate(tmp_path)
    assert broken.code == 2
    assert "items.json" in broken.err
    assert type_in(tmp_path, "runs", "--json").rows == []


SHORT: Final = ("--items", "quiz", "--skill", "skills", "-m", "script:script.toml", "--json")


def items_of(outcome: CommandOutcome, folder: Path) -> list[str]:
    """Name the items of the last run, in the order in which they were read."""
    assert outcome.code == 0, outcome.err
    last = type_in(folder, "log", "tail", "@latest", "--events", "1000", "--json").rows
    (read,) = [row["event"] for row in last if row["tag"] == "items.read"]
    return [each["name"] for each in read["items"]]


def test_the_short_way_takes_a_split_an_order_and_a_limit(tmp_path: Path) -> None:
    """Without a spec file: SkillOpt's names of splits, a seeded order that is on record, a list of what is left out."""
    questions(tmp_path)
    more = [{"id": f"q{n}", "question": f"What is {n}?", "context": None, "answers": [str(n)]} for n in range(6)]
    make_items(tmp_path / "quiz", more, split="val")
    (tmp_path / "out.txt").write_text("# too easy\nq0\n\nq3\n")
    assert items_of(type_in(tmp_path, "evaluate", *SHORT, "--split", "valid_seen"), tmp_path) == [
        f"q{n}" for n in range(6)
    ]
    order = shuffled([f"q{n}" for n in range(6)], 3)
    words: tuple[str, ...] = ("--split", "val", "--shuffle", "3")
    assert items_of(type_in(tmp_path, "evaluate", *SHORT, *words), tmp_path) == order
    words += ("--exclude", "q5", "--exclude-from", "out.txt", "--limit", "2")
    left = [each for each in order if each not in {"q0", "q3", "q5"}]
    assert items_of(type_in(tmp_path, "evaluate", *SHORT, *words), tmp_path) == left[:2]
    (asked,) = [
        row["event"]
        for row in type_in(tmp_path, "log", "tail", "@latest", "--events", "1000", "--json").rows
        if row["tag"] == "items.asked"
    ]
    assert (asked["split"], asked["shuffle"], asked["limit"], asked["exclude"]) == ("val", 3, 2, ["q5", "q0", "q3"])
    wrong = type_in(tmp_path, "evaluate", *SHORT, "--split", "dev")
    assert wrong.code == 2
    assert "valid_unseen" in wrong.err
    unread = type_in(tmp_path, "evaluate", *SHORT, "--exclude-from", "none.txt")
    assert unread.code == 2
    assert "--exclude-from none.txt cannot be read" in unread.err


@pytest.mark.slow
def test_the_short_way_takes_tasks_too(tmp_path: Path) -> None:
    """The same words choose among tasks, for `evaluate` and for `run`; where there are both, names are not guessed."""
    questions(tmp_path)
    make_base(tmp_path, SCRIPT, "a", "b", "c", "d")
    words = ("--tasks", "tasks", "--shuffle", "2", "--exclude", "b", "--limit", "2")
    wanted = [each for each in shuffled(["a", "b", "c", "d"], 2) if each != "b"][:2]
    model = ("-m", "script:script.toml", "--json")
    planned = type_in(tmp_path, "evaluate", "--skill", "skills", *model, *words, "--dry-run")
    assert [row["items"] for row in planned.rows] == [2, 2]
    ran = type_in(tmp_path, "run", "explore", *model, *words)
    assert [row["trial"] for row in ran.rows if row["kind"] == "trial"] == wanted
    both = type_in(tmp_path, "evaluate", *SHORT, *words)
    assert both.code == 2
    assert "there are both" in both.err


PRICED: Final = ("--set", "prices.script.input=1", "--set", "prices.script.output=2")


def ranges(outcome: CommandOutcome) -> list[tuple[object, ...]]:
    """Pick what arms may take."""
    keys = ("basis", "calls_least", "calls_most", "cost_least_nano_usd", "cost_most_nano_usd")
    return [tuple(row[key] for key in keys) for row in kind(outcome, "planned_arm")]


@pytest.mark.slow
def test_a_dry_run_says_what_it_may_take_and_what_that_rests_on(tmp_path: Path) -> None:
    """By the limits of the spec as long as nothing is stored, then by what stored cells of the same arm took."""
    questions(tmp_path)
    assert ranges(evaluate(tmp_path, *PRICED, "--dry-run", "--json")) == [("limits", 2, 2, 0, None)] * 2
    tools = ("--set", "evaluate.rollout.way=tools", "--set", "evaluate.rollout.turns=5")
    assert ranges(evaluate(tmp_path, *tools, "--dry-run", "--json")) == [("limits", 2, 10, None, None)] * 2
    ran = evaluate(tmp_path, *PRICED, "--json")
    cost = {row["arm"]: row["cost_nano_usd"] for row in kind(ran, "arm")}
    assert ranges(evaluate(tmp_path, *PRICED, "--dry-run", "--json")) == [(None, 0, 0, 0, 0)] * 2
    more = ranges(evaluate(tmp_path, *PRICED, "--repeats", "2", "--dry-run", "--json"))
    for (basis, least, most, low, high), arm in zip(more, ("none", "skill"), strict=True):
        assert (basis, least, most) == ("stored runs", 2, 2)
        assert isinstance(low, int)
        assert isinstance(high, int)
        assert 0 < low <= cost[arm] <= high
    said = evaluate(tmp_path, *PRICED, "--repeats", "2", "--dry-run").out
    assert "4 calls, cost $" in said
    make_base(tmp_path, SCRIPT, "a", "b")
    tasks = ("--tasks", "tasks", "--skill", "skills", "-m", "script:script.toml")
    limits = (*PRICED, "--attempts", "2", "--set", "agent.max_turns=3", "--set", "agent.max_tokens=1000")
    found = type_in(tmp_path, "evaluate", *tasks, *limits, "--dry-run", "--json")
    assert ranges(found) == [("limits", 2, 20, 0, 16_000_000)] * 2


GRID: Final = """\
program = "evaluate"
[models.teacher]
model = "student"
base_url = "script:script.toml"
[method]
attempts = 1
[evaluate.items]
folder = "quiz"
[evaluate.grid]
skills = ["", "skills"]
model = ["script:script.toml", "script:deaf.toml"]
"""
DEAF: Final = """\
name = "deaf"
[[rule]]
name = "knows nothing"
contains = ["Role: student"]
[[rule.turn]]
text = "<answer>I do not know</answer>"
"""


def test_a_grid_is_one_run_with_a_transfer_matrix(tmp_path: Path) -> None:
    """Two students, with and without a skill: each is compared with itself, and what one learns the other does not."""
    questions(tmp_path)
    (tmp_path / "deaf.toml").write_text(DEAF)
    (tmp_path / "grid.toml").write_text(GRID)
    planned = kind(type_in(tmp_path, "evaluate", "grid.toml", "--dry-run", "--json"), "planned_arm")
    assert [(row["arm"], row["baseline"], row["cells"]) for row in planned] == [
        ("none_deaf.toml", True, 2),
        ("none_script.toml", True, 2),
        ("skills_deaf.toml", False, 2),
        ("skills_script.toml", False, 2),
    ]
    ran = type_in(tmp_path, "evaluate", "grid.toml", "--json")
    assert [row["calls"] for row in kind(ran, "run")] == [8]
    assert {row["arm"]: row["against"] for row in kind(ran, "arm")} == {
        "none_script.toml": None,
        "none_deaf.toml": None,
        "skills_deaf.toml": "none_deaf.toml",
        "skills_script.toml": "none_script.toml",
    }
    cells = type_in(tmp_path, "compare", "--matrix", "--json").rows
    found = [(row["skill"], row["student"], row["score"], row["difference"], row["paired"]) for row in cells]
    assert found == [
        ("none", "deaf.toml", 0.0, None, 0),
        ("none", "script.toml", 0.5, None, 0),
        ("skills", "deaf.toml", 0.0, 0.0, 2),
        ("skills", "script.toml", 1.0, 0.5, 2),
    ]
    assert {row["set"] for row in cells} == {None}
    head, none, skills = type_in(tmp_path, "compare", "--matrix").out.splitlines()[:3]
    assert head.split() == ["skill", "deaf.toml", "script.toml"]
    assert none.split("  ")[0] == "none"
    assert "50.0 % (2 of 2)" in none
    assert "+50.0 (2 of 2)" in skills
    said = type_in(tmp_path, "compare").out
    assert "skills_deaf.toml beside none_deaf.toml: no information" in said
    assert type_in(tmp_path, "replay").code == 0
    assert type_in(tmp_path, "replay", "--redecide").code == 0


def test_what_rested_on_a_set_stands_beside_its_scores(tmp_path: Path) -> None:
    """Given a test set, when it is renamed and used for selection, what rested on it is said with each score."""
    questions(tmp_path)
    assert {
        row["decisions"] for row in kind(evaluate(tmp_path, "--set", "evaluate.items.split=test", "--json"), "arm")
    } == {1}
    (tmp_path / "quiz").rename(tmp_path / "fresh")
    again = ("--set", "evaluate.items.folder=fresh", "--set", "evaluate.items.purpose=selection")
    assert {row["decisions"] for row in kind(evaluate(tmp_path, *again, "--json"), "arm")} == {2}
    evaluate(tmp_path, *again, "--set", "evaluate.items.limit=1")
    whole, part = type_in(tmp_path, "sets", "list", "--json").rows
    assert (whole["names"], whole["purposes"]) == (["fresh", "quiz"], ["selection", "test"])
    assert [(each["items"], each["opened"], each["decisions"], each["with_overlaps"]) for each in (whole, part)] == [
        (2, 2, 2, 3),
        (1, 1, 1, 3),
    ]
    assert [(each["shared"], each["digest"]) for each in part["overlaps"]] == [(1, whole["digest"])]
    listed = type_in(tmp_path, "evaluations", "list", "--json").rows
    assert {(row["item"], row["decisions"]) for row in listed} == {
        ("quiz.amber", 3),
        ("quiz.blue", 2),
        ("fresh.amber", 3),
        ("fresh.blue", 2),
    }
    shown = type_in(tmp_path, "sets", "show", "quiz").out
    assert "selection and test" in shown
    assert "runs disagree on what it is for" in shown
    assert shown.count("evaluation.compared") == 3
    assert type_in(tmp_path, "sets", "show", "fresh").code == 2
    assert type_in(tmp_path, "sets", "show", "strange").code == 2
    assert "rested on it" in type_in(tmp_path, "compare").out


def erase(folder: Path, digest: str) -> None:
    """Erase bytes on purpose."""
    assert type_in(folder, "log", "erase", digest, "--reason", "asked by Ann").code == 0


@pytest.mark.slow
def test_arms_are_compared_without_what_was_erased_and_that_is_named(tmp_path: Path) -> None:
    """Given a condition that was erased, scores and verdicts are as they were; only what was read is not known."""
    skilled(tmp_path)
    typed = ("--tasks", "tasks", "--skill", "skills", "-m", "script:script.toml", "--json")
    before = {row["arm"]: row for row in kind(type_in(tmp_path, "evaluate", *typed), "arm")}
    assert (before["skill"]["read"], before["skill"]["score"], before["skill"]["lacking"]) == (1, 1.0, [])
    (stored,) = [row for row in type_in(tmp_path, "evaluations", "list", "--json").rows if row["arm"] == "skill"]
    erase(tmp_path, stored["condition"])
    compared = type_in(tmp_path, "compare", "--json")
    assert compared.code == 0, compared.err
    after = {row["arm"]: row for row in compared.rows}
    gone = f"its condition {stored['condition'][:12]} was erased"
    lacking = f"{gone}: what it differs in and which skills were read is not known"
    assert (after["skill"]["read"], after["skill"]["score"], after["skill"]["lacking"]) == (0, 1.0, [lacking])
    assert after["none"] == before["none"]
    assert f"skill: {lacking}" in type_in(tmp_path, "compare").out


def test_a_set_whose_list_of_items_was_erased_keeps_nobody_from_comparing(tmp_path: Path) -> None:
    """What rested on its items can no longer be said, and that is said."""
    questions(tmp_path)
    evaluate(tmp_path)
    (opened,) = [
        row["event"]
        for row in type_in(tmp_path, "log", "tail", "-n", "99", "--json").rows
        if row["tag"] == "set.opened"
    ]
    erase(tmp_path, opened["items"])
    compared = type_in(tmp_path, "compare", "--json")
    assert compared.code == 0, compared.err
    arms = [row for row in compared.rows if "arm" in row and "score" in row]
    assert {row["score"] for row in arms} == {0.5, 1.0}
    assert all(f"a list of items, {opened['items'][:12]}, was erased" in row["lacking"][0] for row in arms)
    assert type_in(tmp_path, "sets", "list", "--json").code == 0


SETS: Final = """
[evaluate.sets.easy]
folder = "easy"
[evaluate.sets.more]
folder = "quiz"
exclude = ["blue"]
"""


@pytest.mark.slow
def test_several_sets_are_scored_by_one_run_and_each_by_itself(tmp_path: Path) -> None:
    """One plan and one budget; the matrix has a column for each set and for all, and each set is opened by an event."""
    questions(tmp_path)
    (tmp_path / "deaf.toml").write_text(DEAF)
    make_items(
        tmp_path / "easy",
        [{"id": "b", "question": "Code of the blue lamp?", "context": "Blue is B2.", "answers": ["B2"]}],
    )
    (tmp_path / "sets.toml").write_text(GRID.replace('"script:deaf.toml"', "").replace(", ]", "]") + SETS)
    planned = kind(type_in(tmp_path, "evaluate", "sets.toml", "--dry-run", "--json"), "planned_arm")
    assert [row["items"] for row in planned] == [4, 4]
    ran = type_in(tmp_path, "evaluate", "sets.toml", "--json")
    assert ran.code == 0, ran.err
    cells = type_in(tmp_path, "compare", "--matrix", "--json").rows
    assert {(row["skill"], row["set"]): (row["score"], row["planned"]) for row in cells} == {
        ("none", None): (0.5, 4),
        ("skills", None): (1.0, 4),
        ("none", "easy"): (1.0, 1),
        ("skills", "easy"): (1.0, 1),
        ("none", "more"): (0.0, 1),
        ("skills", "more"): (1.0, 1),
        ("none", "quiz"): (0.5, 2),
        ("skills", "quiz"): (1.0, 2),
    }
    assert {row["verdict"] for row in cells if row["set"]} == {None}
    assert type_in(tmp_path, "compare", "--matrix").out.splitlines()[0].split() == [
        "skill",
        "all",
        "easy",
        "more",
        "quiz",
    ]
    names = [row["names"] for row in type_in(tmp_path, "sets", "list", "--json").rows]
    assert sorted(name for each in names for name in each) == ["easy", "more", "quiz"]
    assert type_in(tmp_path, "replay").code == 0
    for key, said in (("a.b", "cannot be the name of a set"), ("quiz", "two sets are called quiz")):
        wrong = type_in(tmp_path, "evaluate", "sets.toml", "--set", f'evaluate.sets."{key}".folder=easy', "--dry-run")
        assert wrong.code == 2
        assert said in wrong.err
    make_items(tmp_path / "easy.b", [{"id": "c", "question": "Code?", "context": None, "answers": ["B2"]}])
    dotted = type_in(tmp_path, "evaluate", "sets.toml", "--set", "evaluate.items.folder=easy.b", "--dry-run")
    assert (dotted.code, "items of easy.b may have names that items of easy have, too" in dotted.err) == (2, True)
    (tmp_path / "easy" / "test" / "items.json").write_text("[")
    assert type_in(tmp_path, "evaluate", "sets.toml").code == 2


def test_an_evaluation_that_a_dead_signal_ended_is_shown_by_every_view(tmp_path: Path) -> None:
    """Given twelve questions that nobody solves, the last two are not begun; no view fails at what was not begun."""
    questions(tmp_path)
    lamps = [{"id": f"q{n}", "question": f"Code of lamp {n}?", "context": None, "answers": ["X"]} for n in range(12)]
    make_items(tmp_path / "quiz", lamps)
    ran = evaluate(tmp_path, "--json")
    assert ran.code == 0, ran.err
    assert [(row["planned"], row["scored"], row["verdict"]) for row in kind(ran, "arm")] == [
        (12, 10, None),
        (12, 10, "no information"),
    ]
    (items, unbegun) = (type_in(tmp_path, "compare", "--items", "--json").rows, {"quiz.q10", "quiz.q11"})
    assert {row["item"] for row in items if row["change"] == "no score"} == unbegun
    for words in (("compare", "--matrix"), ("report", "@", "--out", "page.html"), ("replay",), ("sets", "list")):
        shown = type_in(tmp_path, *(kind(ran, "run")[0]["run"] if word == "@" else word for word in words))
        assert shown.code == 0, shown.err


@pytest.mark.parametrize("words", [("--limit", "1"), ("--split", "val"), ("--shuffle", "0"), ("--exclude", "blue")])
def test_what_chooses_from_no_set_is_refused(words: tuple[str, str], tmp_path: Path) -> None:
    """Given sets alone, words that would choose from a set that is not there would be passed over in silence."""
    questions(tmp_path)
    asked = ("--set", "evaluate.sets.more.folder=quiz", *ASKED[2:], "--dry-run")
    assert type_in(tmp_path, "evaluate", *asked).code == 0
    wrong = type_in(tmp_path, "evaluate", *asked, *words)
    assert (wrong.code, "nothing but [evaluate.sets]" in wrong.err) == (2, True)


def test_a_task_that_is_called_as_an_item_is_refused(tmp_path: Path) -> None:
    """Given a task named after a set and its item, nothing starts: one score would be the other's."""
    questions(tmp_path)
    make_base(tmp_path, SCRIPT, "quiz.amber")
    wrong = evaluate(tmp_path, "--tasks", "tasks", "--dry-run")
    assert (wrong.code, "the task quiz.amber has a name that an item of the set quiz may have" in wrong.err) == (
        2,
        True,
    )
