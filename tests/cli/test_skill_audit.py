"""Audits of skills from the command line: each section is left out once, and what matters is found."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import CommandOutcome, type_in

SKILL = """\
---
name: lamps
description: Says codes of lamps.
---

# Lamps

Lamps hang in a row.

## Codes

The code of a lamp is K and its number.

## Care

Wipe them once a week.
"""


def make(folder: Path, lamps: int) -> None:
    """Make a set of questions, a skill of which one section answers them, and a student that knows only that."""
    rows: list[dict[str, Any]] = [
        {"id": f"lamp-{n}", "question": f"Which code has lamp {n}?", "context": None, "answers": [f"K{n}"]}
        for n in range(1, lamps + 1)
    ]
    (folder / "quiz" / "test").mkdir(parents=True)
    (folder / "quiz" / "test" / "items.json").write_text(json.dumps(rows))
    (folder / "skills" / "lamps").mkdir(parents=True)
    (folder / "skills" / "lamps" / "SKILL.md").write_text(SKILL)
    rules = "".join(
        f'[[rule]]\nname = "knows {n}"\ncontains = ["lamp {n}?", "code of a lamp is K"]\n'
        f'[[rule.turn]]\ntext = "<answer>K{n}</answer>"\n'
        for n in range(1, lamps + 1)
    )
    ignorant = (
        '[[rule]]\nname = "knows nothing"\ncontains = ["Role: student"]\n[[rule.turn]]\ntext = "<answer>?</answer>"\n'
    )
    (folder / "script.toml").write_text(f'name = "student"\n\n{rules}{ignorant}')


def audit(folder: Path, *words: str) -> CommandOutcome:
    """Audit the skill."""
    return type_in(folder, "skills", "audit", "skills/lamps", "--items", "quiz", "-m", "script:script.toml", *words)


@pytest.mark.slow
def test_the_section_that_matters_is_found(tmp_path: Path) -> None:
    """Given enough items, the skill does worse without it; again it costs nothing."""
    make(tmp_path, 12)
    cost = audit(tmp_path, "--dry-run", "--json")
    (row,) = cost.rows
    assert (row["sections"], row["cells"], row["stored"], row["missing"]) == (3, 48, 0, 48)
    unsaid = audit(tmp_path)
    assert unsaid.code == 2
    assert "48 cells are to be rolled out; nothing was started" in unsaid.err
    assert audit(tmp_path, "--max-cells", "47").code == 2
    assert type_in(tmp_path, "runs", "--json").rows == []
    ran = audit(tmp_path, "--max-cells", "48", "--json")
    assert ran.code == 0
    found = {each["section"]: each for each in ran.rows if each.get("kind") == "audited_section"}
    assert {section: (each["difference"], each["verdict"]) for section, each in found.items()} == {
        "Lamps": (0.0, "no information"),
        "Codes": (-1.0, "hurts"),
        "Care": (0.0, "no information"),
    }
    assert found["Codes"]["line"] == SKILL.split("\n").index("## Codes") + 1
    assert found["Codes"]["high"] < 0
    again = audit(tmp_path)
    assert again.code == 0
    assert "48 stored, 0 to roll out" in again.out
    assert "hurts: it matters" in again.out


def test_too_few_items_show_nothing_and_say_so(tmp_path: Path) -> None:
    """The difference is there, and nothing is inferred from it."""
    make(tmp_path, 3)
    ran = audit(tmp_path, "--yes", "--json")
    found = {each["section"]: each for each in ran.rows if each.get("kind") == "audited_section"}
    assert (found["Codes"]["difference"], found["Codes"]["verdict"], found["Codes"]["low"]) == (
        -1.0,
        "too few runs",
        None,
    )


@pytest.mark.slow
def test_a_distilled_skill_is_audited_by_its_name(tmp_path: Path) -> None:
    """Given a skill of the log, its arms have it from the library of its run."""
    assert type_in(tmp_path, "demo").code == 0
    name = type_in(tmp_path, "skills", "list", "--json").rows[0]["skill"]
    make(tmp_path, 2)
    cost = type_in(
        tmp_path, "skills", "audit", name, "--items", "quiz", "-m", "script:script.toml", "--dry-run", "--json"
    )
    assert cost.code == 0
    (row,) = cost.rows
    assert row["cells"] == 2 * (row["sections"] + 1)
    unknown = type_in(tmp_path, "skills", "audit", "nobodys", "--items", "quiz", "-m", "script:script.toml")
    assert unknown.code == 2
