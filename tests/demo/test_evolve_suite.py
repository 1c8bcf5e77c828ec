"""Stories of our own suite: two environments of two families each, six roles, and every kind of verifier.

What a task asks for is in its instruction; how this house wants it done is in rules. A rule can be met in a family's
learning tasks, and in nothing that an agent sees of its evaluation tasks.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from engine.suites.read import read_suite
from events.digest import digest_of
from tests.architecture.source import ROOT
from tests.cli.terminal import type_in

SUITE: Final = ROOT / "engine" / "demo" / "evolve" / "suite"
FAMILIES: Final = {
    "average-weights": "E1-LS1",
    "match-codes": "E1-LS2",
    "read-all-pages": "E2-LS1",
    "send-orders": "E2-LS2",
}
LEARNING: Final = ("canonical", "enriched", "variant")
EVALUATION: Final = ("context-shift", "adversarial", "composition")
RULE: Final = re.compile(r"House rule: (.+?): (.+)\.$", re.MULTILINE)


def proofs(folder: Path, agent: str) -> dict[str, dict[str, Any]]:
    """Run every task with an agent that needs no model."""
    outcome = type_in(folder, "tasks", "run", str(SUITE / "tasks"), "--agent", agent, "--sandbox", "local", "--json")
    assert outcome.code == 0, outcome.err
    return {row["task"]: row for row in outcome.rows if row["kind"] == "proof"}


def seen(task: str) -> str:
    """Give all text that an agent can see of a task; what is no text is compared byte by byte all the same."""
    folder = SUITE / "tasks" / task
    files = [folder / "instruction.md", *(path for path in (folder / "environment").rglob("*") if path.is_file())]
    return "\n".join(path.read_bytes().decode(errors="replace") for path in files)


def rules_of(family: str) -> dict[str, str]:
    """Give the rules that a family's learning tasks tell, wherever they do, by what they are about."""
    found: dict[str, str] = {}
    for role in LEARNING:
        found |= RULE.findall(seen(f"{family}-{role}"))
        told = json.loads((SUITE / "tasks" / f"{family}-{role}" / "tests" / "ground_truth.json").read_text())
        found |= RULE.findall(told.get("rule", ""))
    return found


def test_every_family_has_its_six_roles(tmp_path: Path) -> None:
    """As the original counts them, and each task can be read."""
    names = {path.name for path in (SUITE / "tasks").iterdir()}
    assert names == {f"{family}-{role}" for family in FAMILIES for role in (*LEARNING, *EVALUATION)}
    states = [
        row["state"]
        for row in type_in(tmp_path, "tasks", "check", str(SUITE / "tasks"), "--sandbox", "local", "--json").rows
    ]
    assert states == ["ok"] * 24


def test_nothing_is_wrong_with_it(tmp_path: Path) -> None:
    """Neither an answer in an image nor a test that needs a network, nor a task whose tests can never give all."""
    outcome = type_in(tmp_path, "suite", "check", str(SUITE), "--plain")
    assert (outcome.code, "nothing is wrong with it" in outcome.out) == (0, True), outcome.out
    assert "tests: count 6, groups 12, rubric 6" in outcome.out


def test_it_is_read_as_suites_of_the_original_are() -> None:
    """With no fault: ids, roles, skills and orders agree; each composition needs both skills of its environment."""
    suite = read_suite(SUITE, digest_of, ())
    assert (suite.name, suite.release) == ("stillroom-house", "1")
    assert [(each.id, len(each.families)) for each in suite.environments] == [("E1", 2), ("E2", 2)]
    composed = [task for task in suite.tasks if task.role == "composition"]
    assert all(sorted(task.order) == sorted(task.required_skills) and len(task.order) == 2 for task in composed)
    assert len({task.order for task in composed}) == 4
    assert all(len(task.traps) == (task.role == "adversarial") for task in suite.tasks)
    assert {path.name for path in (SUITE / "skills").iterdir()} == set(FAMILIES)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_oracle_earns_all_and_who_does_nothing_does_not(tmp_path: Path) -> None:
    """Each task can be solved, and none solves itself."""
    oracle, nop = proofs(tmp_path, "oracle"), proofs(tmp_path, "nop")
    assert len(oracle) == len(nop) == 24
    assert {name: row["reward"] for name, row in oracle.items()} == dict.fromkeys(oracle, 1)
    assert all(row["reward"] < 1 for row in nop.values())


def test_all_three_kinds_of_verifiers_are_there_and_copies_are_equal() -> None:
    """A rubric, groups, and a slim runner; a task holds all that verifies it."""
    kinds = {"score.py": 6, "verifier_lib/__main__.py": 12, "runner.py": 6}
    for file, count in kinds.items():
        copies = [path.read_bytes() for path in sorted((SUITE / "tasks").glob(f"*/tests/{file}"))]
        assert (len(copies), len(set(copies))) == (count, 1), file


def test_one_fixture_is_no_text() -> None:
    """A database: who wants its rows must open it."""
    (scales,) = (SUITE / "tasks").glob("*/environment/*.sqlite")
    assert scales.read_bytes().startswith(b"SQLite format 3\0")


@pytest.mark.parametrize("family", FAMILIES)
def test_what_evaluation_needs_is_told_in_learning_only(family: str) -> None:
    """Three rules in three ways; tasks that show transfer show none of them, nor does a description of a skill."""
    rules = rules_of(family)
    assert len(rules) == 3
    for role in EVALUATION:
        shown = seen(f"{family}-{role}")
        assert not [rule for rule in rules.items() if any(part in shown for part in rule)], role
    curated = (SUITE / "skills" / family / "SKILL.md").read_text()
    described = curated.partition("---\n")[2].partition("---\n")[0]
    assert not [rule for rule in rules.items() if any(part in described for part in rule)]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_curated_skill_has_one_rule_and_one_that_the_house_contradicts(family: str) -> None:
    """The second is what the adversarial task punishes: about the same, and the opposite."""
    rules, curated = rules_of(family), (SUITE / "skills" / family / "SKILL.md").read_text()
    held = dict(re.findall(r"^- (.+?): (.+)\.$", curated, re.MULTILINE))
    assert len(held) == 2
    assert set(held) <= set(rules)
    assert sum(held[about] == rules[about] for about in held) == 1
