"""Stories of the models of the training demo: the target goes by its skill, the optimizer by the failures it is sent.

Each is a function of its request, so what a request does not hold, no answer can come from.
"""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from benchmarks.jar_family import NAMES, Family, family, write, write_tasks
from engine.items.formats.question import QUESTION
from engine.items.item_set import ItemSelection, load_items
from engine.protocols.server_side import ServerRequest
from engine.scripted.jar_optimizer import propose
from engine.scripted.jar_rules import GENERAL, LabelRule, rules_in
from engine.scripted.jar_target import label_jar
from events.digest import digest_of

ROOT: Final = Path(__file__).parents[3]
DEMO: Final = ROOT / "engine" / "demo" / "train"


def answer_to(row: dict[str, Any], skill: str) -> str:
    """Ask the target a question of a row, with a skill."""
    context = f"<context>\n{row['context'] or ''}\n</context>"
    opening = f"Role: student\n<skills>\n## Skill jars\n\n{skill}\n</skills>\n{row['question']}\n\n{context}"
    turn = label_jar(ServerRequest(model="target", opening=opening, turn=0))
    assert turn is not None
    assert turn.text is not None
    return turn.text.removeprefix("<answer>").removesuffix("</answer>")


def solved(house: Family, split: str, skill: str) -> dict[str, bool]:
    """Say of each item of a split whether it is solved with a skill."""
    return {row["id"]: answer_to(row, skill) in row["answers"] for row in house.rows[split]}


def kinds(found: dict[str, bool]) -> set[str]:
    """Name the kinds of items that are solved."""
    return {name.partition("-")[0] for name, right in found.items() if right}


@pytest.mark.parametrize("seed", [1, 2, 7])
def test_the_best_skill_of_a_family_is_known(seed: int) -> None:
    """With it all is right but smudged jars and what nobody can know; without it, nothing that needs a rule."""
    house = family(seed)
    for split in ("train", "val", "test"):
        best, none = solved(house, split, house.best), solved(house, split, "")
        wrong = {name.partition("-")[0] for name, right in best.items() if not right}
        assert wrong <= {"smudged", "unknown", "idle"}
        assert kinds(none) <= {"shelf", "plain", "smudged"}
        assert {"shelf", "plain"} <= kinds(none)
        assert sum(best.values()) - sum(none.values()) >= 10


def test_of_several_rules_the_last_that_covers_a_jar_counts() -> None:
    """So a rule for all jars, added late, undoes what was right before; added first, it does not."""
    row = {"question": "A jar holds dried mint. Which label does it get?", "context": None}
    own, general = "- Dried herbs get the letter D.", "- Every jar gets the letter S."
    assert answer_to(row, f"{general}\n{own}") == "MINT D"
    assert answer_to(row, f"{own}\n{general}") == "MINT S"
    assert answer_to(row, "- Oils get the letter L.") == "MINT"


def test_a_rule_counts_in_the_skill_alone() -> None:
    """A page that stands beside the question tells the target nothing, however true it is."""
    row = {"question": "A jar holds dried mint. Which label does it get?", "context": "Dried herbs get the letter D."}
    assert answer_to(row, "") == "MINT"
    assert answer_to(row, "- Dried herbs get the letter D.") == "MINT D"


def test_the_demo_holds_the_family_of_seed_1(tmp_path: Path) -> None:
    """Its files are those that the generator writes, they load, and no name stands in two items."""
    write(family(1), tmp_path / "items")
    write_tasks(family(1), tmp_path / "tasks")
    for name, count in (("items", 4), ("tasks", 16 * 7)):
        made = {path.relative_to(tmp_path): path.read_text() for path in (tmp_path / name).rglob("*") if path.is_file()}
        kept = {path.relative_to(DEMO): path.read_text() for path in (DEMO / name).rglob("*") if path.is_file()}
        assert len(made) == count
        assert kept == made
    found = load_items("jars", QUESTION, DEMO / "items", ItemSelection(), digest_of)
    assert len(found.items) == 24 + 20 + 24
    names = [each.name.partition("-")[2] for each in found.items if not each.name.startswith("idle")]
    assert len(names) == len(set(names))
    assert any(row["context"] is None for row in family(1).rows["train"])
    assert len(NAMES) == len(set(NAMES))


def test_other_seeds_are_other_houses() -> None:
    """Other letters, other jars; two forms share a letter in each, so that a rule for all jars helps and harms."""
    houses = [family(seed) for seed in range(1, 6)]
    assert len({each.best for each in houses}) == len(houses)
    for each in houses:
        letters = {rule.subject: rule.letter for rule in each.rules}
        assert letters["Salves"] == letters["Syrups"]
        assert len(set(letters.values())) == len(letters) - 1


def asked(stage: str, **parts: str) -> dict[str, Any]:
    """Ask the optimizer; the parts stand under their headings."""
    text = "".join(f"# {name.replace('_', ' ')}\n\n{part}\n\n" for name, part in parts.items())
    turn = propose(ServerRequest(model="optimizer", opening=f"Role: optimizer\nStage: {stage}\n\n{text}", turn=0))
    assert turn is not None
    assert turn.text is not None
    found: dict[str, Any] = json.loads(turn.text.removeprefix("```json\n").removesuffix("\n```"))
    return found


def fenced(*texts: str) -> str:
    """Show trajectories."""
    return "\n\n".join(f"```text\n=== item\n{each}\n```" for each in texts)


def failures(document: str, *shown: str, tried: str = "(Nothing.)", budget: int = 4) -> list[dict[str, Any]]:
    """Have the optimizer reflect on failures, and give its edits."""
    edits: list[dict[str, Any]] = asked(
        "reflect failures",
        The_document=document,
        How_much_to_change=f"At most {budget} proposals, the most useful first.",
        What_was_tried_before=tried,
        What_you_noted_for_yourself="(Nothing.)",
        Trajectories=fenced(*shown),
    )["edits"]
    return edits


OIL, OLD, ALL = "Oils get the letter L.", "Oils get the letter B.", "Every jar gets the letter S."


def test_the_optimizer_proposes_what_the_failures_tell_most_often() -> None:
    """With the numbers of those that tell it; without failures there is nothing to propose."""
    assert failures("", OLD, OIL, f"{OIL} {ALL}") == [
        {"op": "append", "content": f"- {OIL}", "from": [2, 3]},
        {"op": "append", "content": f"- {ALL}", "from": [3]},
    ]
    assert failures("", OLD, OIL, f"{OIL} {ALL}", budget=1) == [{"op": "append", "content": f"- {OIL}", "from": [2, 3]}]
    assert failures("", "a jar, and nothing on a page") == []
    assert failures("") == []


def test_the_optimizer_replaces_a_rule_that_failed_and_repeats_nothing() -> None:
    """Neither what stands in the document, nor what was tried and rejected."""
    assert failures(f"- {OLD}", OIL) == [{"op": "replace", "target": f"- {OLD}", "content": f"- {OIL}", "from": [1]}]
    assert failures(f"- {OIL}", OIL) == []
    assert failures("", OIL, tried=f"append: - {OIL}") == []
    assert asked("reflect successes")["edits"] == []
    plain = "A jar holds orris, as it is. Which label does it get?"
    assert failures(f"- {ALL}", "a dried jar", plain) == [{"op": "delete", "target": f"- {ALL}", "from": [2]}]
    assert failures("", plain) == []


def test_lists_are_merged_and_ranked_by_how_many_readers_found_each() -> None:
    """Support and kind are left to whoever counts them, and are what a choice goes by."""
    lists = "\n".join(
        f"{number}. {json.dumps({'op': 'append', 'content': text, 'support_count': support, 'sources': [source]})}"
        for number, (text, support, source) in enumerate([(OLD, 3, "a"), (OIL, 1, "a"), (OIL, 2, "b"), (ALL, 9, "b")])
    )
    merged = asked("merge", The_lists=lists)["edits"]
    assert merged == [
        {"op": "append", "content": OIL, "sources": ["a", "b"]},
        {"op": "append", "content": OLD, "sources": ["a"]},
        {"op": "append", "content": ALL, "sources": ["b"]},
    ]
    assert asked("rank", The_proposals=lists + "\n\nChoose at most 2 of these 4.")["selected_indices"] == [3, 0]
    assert asked("rate", The_proposals=lists)["learning_rate"] == 2


def test_advice_comes_from_what_was_compared() -> None:
    """What the pages tell and the document lacks, one sentence; where they tell nothing, there is none."""
    pairs = fenced(f"{ALL} {OIL}", f"{ALL} {OIL}", OLD)
    assert advice(pairs, "") == f"- {OIL}"
    assert advice(pairs, f"- {OIL}") == f"- {OLD}"
    assert advice(pairs, f"- {OIL}\n- {OLD}") == f"- {ALL}"
    assert advice(fenced("no page"), "") == ""


def advice(pairs: str, document: str) -> str:
    """Have the optimizer advise."""
    told = f"# The document now\n\n{document}\n\n# The items, with both\n\n{pairs}\n"
    text = f"Role: optimizer\nStage: slow update\n\n{told}"
    turn = propose(ServerRequest(model="optimizer", opening=text, turn=0))
    assert turn is not None
    assert turn.text is not None
    guidance: str = json.loads(turn.text.removeprefix("```json\n").removesuffix("\n```"))["guidance"]
    return guidance


def test_requests_of_others_have_no_answer() -> None:
    """Neither does a question that is none of the family's."""
    other = ServerRequest(model="m", opening="Role: reflector\n", turn=0)
    assert (propose(other), label_jar(other)) == (None, None)
    assert rules_in(LabelRule(GENERAL, "S").sentence) == [LabelRule(GENERAL, "S")]
