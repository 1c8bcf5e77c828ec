"""Sections of a skill, and the skill without one of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policies.skill.sections import skill_sections, without_section

SKILL = """\
---
name: labels
description: How jars are labelled.
---

Read this.

# Labels

## Herbs

Capitals.

```sh
# not a heading
```

### Dried

A hyphen and D.

## Empty
"""


def test_each_heading_with_text_of_its_own_is_a_section() -> None:
    """Text before any heading is one, a heading without text and a comment in code are none."""
    sections = skill_sections(SKILL)
    assert [(each.number, each.title, each.first_line, each.last_line) for each in sections] == [
        (1, "(before any heading)", 5, 7),
        (2, "Herbs", 10, 17),
        (3, "Dried", 18, 21),
    ]
    lines = SKILL.split("\n")
    assert lines[9] == "## Herbs"
    assert lines[17] == "### Dried"


def test_one_is_left_out_and_the_rest_stays_line_for_line() -> None:
    """Front matter, other sections and the headings above are kept."""
    assert without_section(SKILL, 2) == SKILL.replace("## Herbs\n\nCapitals.\n\n```sh\n# not a heading\n```\n\n", "")
    assert without_section(SKILL, 1) == SKILL.replace("\nRead this.\n\n", "")
    for number in (0, 4, -1):
        with pytest.raises(IndexError, match="it has 3"):
            without_section(SKILL, number)


@given(st.lists(st.sampled_from(["# a", "## b", "text", "", "```", "---", "name: x", "~~~"]), max_size=20))
def test_the_sections_of_any_text_can_be_left_out_one_by_one(lines: list[str]) -> None:
    """What is left is the text without the lines of the section; no section overlaps another."""
    text = "\n".join(lines)
    sections = skill_sections(text)
    last = 0
    for each in sections:
        assert last < each.first_line <= each.last_line <= len(lines)
        last = each.last_line
        left = without_section(text, each.number).split("\n")
        assert left == (lines[: each.first_line - 1] + lines[each.last_line :] or [""])
