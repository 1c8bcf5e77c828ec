"""What the benchmarks of training rest on: the worth of a skill, and an endpoint that is fair to both trainers."""

import json
from fractions import Fraction
from typing import Any, Final

import pytest

from benchmarks.jar_family import Family, family
from benchmarks.qa_endpoint import HERBS, answer, rule
from benchmarks.train_qa import item
from benchmarks.train_regret import worth
from engine.protocols.server_side import ServerRequest
from engine.scripted.jar_target import label_jar

SUCH: Final = "Read what is given with care. "


def solves(row: dict[str, Any], skill: str) -> bool:
    """Ask the scripted target itself."""
    context = f"<context>\n{row['context'] or ''}\n</context>"
    opening = f"Role: student\n<skills>\n{skill}\n</skills>\n{row['question']}\n\n{context}"
    turn = label_jar(ServerRequest(model="target", opening=opening, turn=0))
    assert turn is not None
    assert turn.text is not None
    return turn.text.removeprefix("<answer>").removesuffix("</answer>") in row["answers"]


def skills(made: Family) -> tuple[str, ...]:
    """Give skills from worthless to best, and one that a rule for all jars has spoilt."""
    half = "".join(each.sentence for each in made.rules[:3])
    return "", half, made.best, f"{made.best}- Every jar gets the letter Z.\n"


@pytest.mark.parametrize("seed", [1, 4, 11])
def test_a_skill_is_worth_what_the_target_solves_with_it(seed: int) -> None:
    """Regret is reckoned from the text of a skill: it must say what the target does, of jars that are not smudged."""
    made = family(seed)
    clear = [row for row in made.rows["test"] if row["task_type"] not in {"smudged", "idle"}]
    for skill in skills(made):
        solved = sum(solves(row, skill) for row in clear)
        assert worth(skill, clear) == Fraction(solved, len(clear))


def test_a_smudged_jar_counts_half_and_an_idle_one_not_at_all() -> None:
    """The best skill has no smudged jar for certain, and what is right without an answer says nothing of a skill."""
    made = family(4)
    smudged = [row for row in made.rows["test"] if row["task_type"] == "smudged"]
    idle = [row for row in made.rows["test"] if row["task_type"] == "idle"]
    assert smudged
    assert idle
    assert worth(made.best, smudged) == Fraction(1, 2)
    assert worth("", smudged) == 0
    assert worth(made.best, [*smudged, *idle]) == Fraction(1, 2)
    assert worth(made.best, made.rows["test"]) > worth("", made.rows["test"])


def asked(room: int, letters: str, head: str) -> str:
    """Word a request of a target, as a trainer might."""
    return f"{head}\n{''.join(map(rule, letters))}\n{item(room)['question']}\n{item(room)['context']}"


def test_the_target_answers_both_trainers_the_same() -> None:
    """Whatever stands around the rules and the question, so that both have the same failures to learn from."""
    for room in range(40):
        for letters in ("", "AB", "ABCDEFGH"):
            ours = answer(asked(room, letters, f"Role: student\n{SUCH}"))
            assert ours == answer(asked(room, letters, "## Skill\n"))


@pytest.mark.parametrize(("letters", "right"), [("", 8), ("A", 9), ("ABC", 11), ("ABCDEFGH", 16), ("ABCDEFGHJK", 16)])
def test_each_rule_helps_with_one_item_in_twenty_up_to_eight(letters: str, right: int) -> None:
    """So that steps are accepted and, once nothing is left to gain, rejected."""
    expected = [f"<answer>{item(room)['answers'][0]}</answer>" for room in range(20)]
    assert sum(each in answer(asked(room, letters, "")) for room, each in enumerate(expected)) == right
    assert set(HERBS) >= {item(room)["answers"][0] for room in range(20)}


@pytest.mark.parametrize(
    ("document", "end"), [("# The document\n", "# How much to change\n"), ("## Current Skill\n", "## Edit Budget\n")]
)
def test_the_optimizer_proposes_what_the_document_lacks(document: str, end: str) -> None:
    """In the words of either trainer: the next rules, of which a merge keeps each once, and none that stands there."""
    given = f"{document}{rule('A')}\n{end}at most 4"
    found = json.loads(answer(f"Stage: reflect failures\n{SUCH}\n{given}"))
    proposed = [each["content"] for each in found["edits"]]
    assert proposed == [rule(letter) for letter in "BCDE"]
    assert found["patch"]["edits"] == found["edits"]
    lists = json.dumps([found["edits"], found["edits"]])
    merged = json.loads(answer(f"Stage: merge\n{SUCH}\n{given}\n{lists}"))
    assert [each["content"] for each in merged["edits"]] == proposed
