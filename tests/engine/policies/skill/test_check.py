"""What may be saved as a skill."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policies.skill.check import check_skill
from engine.policies.skill.finding import SkillContext
from engine.policies.skill.literals import VerifierLiterals, verifier_literals
from engine.policies.skill.split import SkillParts, SplitFault, clean_answer, skill_name_for, split_skill
from engine.programs.explore.policies.redistill import NoSkill, RepairSkill, SaveSkill, judge_skill_answer, name_finding
from tests.engine.programs.explore.policies.recorded import needs_shared, skills

CONTEXT = SkillContext(
    folder="stl-mass",
    instruction="Write mass_report.json. The density is 7.85 and the code 4711.",
    literals=VerifierLiterals(
        numbers=("0.68885", "255", "4711", "7.85"), texts=("columns", "mass_report.json", "vi-olet")
    ),
)
SKILL = """\
---
name: stl-mass
description: "Weigh parts --- of STL files: read, measure, report"
---
# Mass of a part

## High-level workflow

1. Read the file, because the header is binary.
2. Measure it.

```sh
ls
```

```python
    print("indented as in a list")
```

## Reference Implementation

```python
print("all of it")
```
"""


def _rules(text: str, context: SkillContext = CONTEXT) -> set[str]:
    return {finding.rule for finding in check_skill(text, context).errors}


def test_a_sound_skill_passes() -> None:
    """Nothing to complain of, nothing to warn of."""
    verdict = check_skill(SKILL, CONTEXT)
    assert verdict.errors == ()
    assert verdict.warnings == ()


def test_a_text_of_several_lines_that_gives_the_verifier_away_is_found_where_it_comes_first() -> None:
    """One finding, at the line to begin with."""
    context = SkillContext("stl-mass", "", VerifierLiterals(texts=("first of two\nsecond of two",)))
    twice = SKILL.replace("1. Read", "first of two\nsecond of two\n\n1. Read") + "\nfirst of two\nsecond of two\n"
    (finding,) = check_skill(twice, context).errors
    assert (finding.rule, finding.line) == ("leak", 9)


def test_dashes_in_a_description_do_not_end_the_front_matter() -> None:
    """The reference tool splits there, truncates, and passes (harbor.md, g)."""
    parts = split_skill(SKILL)
    assert isinstance(parts, SkillParts)
    assert "of STL files" in parts.front
    assert SKILL.split("\n")[parts.body_line - 1] == "# Mass of a part"


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("---\nname", "\n---\nname", "front-matter"),
        ("name: stl-mass\n", "", "name"),
        ("name: stl-mass", "name: Stl--Mass", "name"),
        ("name: stl-mass", "name: other", "name-folder"),
        ("name: stl-mass", "name: stl-mass\nname: stl-mass", "front-matter-yaml"),
        ("name: stl-mass", "name: stl-mass\ntags: x", "front-matter-keys"),
        ("name: stl-mass", "name: stl-mass\nmetadata:\n  a: [b, c]", "front-matter-yaml"),
        ("name: stl-mass", "name: &a stl-mass", "front-matter-yaml"),
        ("name: stl-mass", "name: stl-mass\nmetadata: text", "metadata"),
        ("name: stl-mass", "name: stl-mass\ncompatibility:", "compatibility"),
        ('description: "', "description: a: b ", "front-matter-yaml"),
        ("description:", "\tdescription:", "front-matter-yaml"),
        ('"Weigh parts --- of STL files: read, measure, report"', "' '", "description"),
        ("Weigh parts", "Weigh parts" * 100, "description"),
        ("## High-level workflow", "## Steps", "section-workflow"),
        ("1. Read the file, because the header is binary.\n2. Measure it.", "Read.", "section-workflow"),
        ("## Reference Implementation", "### Reference Implementation", "section-reference"),
        ('```python\nprint("all of it")\n```', "See above.", "section-reference"),
        ('print("all of it")\n```', 'print("all of it")', "fence-open"),
        ('print("all of it")', "print(", "python-syntax"),
        ("```sh\nls", "```sh\n# nothing", "shell-empty"),
        ("Measure it.", "It is 0.688850.", "leak"),
        ("Measure it.", "It is vi-olet.", "leak"),
    ],
)
def test_w22_each_fault_is_found(old: str, new: str, rule: str) -> None:
    """SPARK saves anything (W22); each rule here has the one change that breaks it."""
    assert old in SKILL
    assert rule in _rules(SKILL.replace(old, new, 1))


def test_w22_an_error_text_is_no_skill() -> None:
    """One released SKILL.md is 396,843 characters of it."""
    assert _rules("[LLM ERROR] APIError: 502 ...") == {"error-dump"}
    assert _rules("") == {"error-dump"}


def test_a_finding_names_the_line_of_the_file() -> None:
    """A repair that has to search costs a second repair."""
    broken = SKILL.replace('print("all of it")', "x = 1\nprint(")
    (finding,) = check_skill(broken, CONTEXT).errors
    assert finding.line is not None
    assert broken.split("\n")[finding.line - 1] == "print("


def test_w5_a_constant_of_the_verifier_is_a_leak_unless_the_task_tells_it() -> None:
    """A released skill prints the final answer (W5); what the instruction says may be repeated."""
    assert _rules(SKILL.replace("Measure it.", "Steel has 7.85; the code is 4711; write mass_report.json.")) == set()


def test_a_leak_that_may_be_chance_is_a_warning() -> None:
    """255 and "columns" get into code by themselves."""
    verdict = check_skill(SKILL.replace("Measure it.", "Use 255 columns."), CONTEXT)
    assert verdict.errors == ()
    assert [finding.rule for finding in verdict.warnings] == ["leak", "leak"]


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        ("4712", "error"),
        ("471", "warning"),
        ("47100", "warning"),
        ("4.7", None),
        ("4.71", "error"),
        ("-471", "warning"),
    ],
)
@pytest.mark.parametrize("written", ["It is {}.", "Use {}, or more.", "({})"])
def test_a_number_of_four_digits_or_with_a_fraction_is_no_chance(number: str, rule: str | None, written: str) -> None:
    """What has fewer than three digits that matter is not looked for at all."""
    literals = verifier_literals(f"x = {number}")
    assert isinstance(literals, VerifierLiterals)
    context = SkillContext(folder="stl-mass", instruction="", literals=literals)
    verdict = check_skill(SKILL.replace("Measure it.", written.format(number)), context)
    assert [finding.rule for finding in verdict.errors] == ["leak"] * (rule == "error")
    assert [finding.rule for finding in verdict.warnings] == ["leak"] * (rule == "warning")


@pytest.mark.parametrize("written", ["4,712", "4_712", "4712.0", "4.712e3", "4712"])
def test_a_number_is_the_same_however_it_is_written(written: str) -> None:
    """Grouped, with an exponent or with a zero behind the point; a longer one is another."""
    context = SkillContext(folder="stl-mass", instruction="", literals=VerifierLiterals(numbers=("4712",)))
    assert _rules(SKILL.replace("Measure it.", f"It is {written}."), context) == {"leak"}
    assert _rules(SKILL.replace("Measure it.", "It is 47125 or v4712 or 1.4712."), context) == set()
    told = SkillContext("stl-mass", f"Find {written}.", VerifierLiterals(numbers=("4712",)))
    assert _rules(SKILL.replace("Measure it.", "It is 4712."), told) == set()


def test_every_text_is_looked_for_and_each_place_is_named() -> None:
    """One that the task tells, or that has several lines, hides none of the others."""
    literals = VerifierLiterals(texts=("aa-told", "bb-one\nbb-two", "cc-last"))
    context = SkillContext("stl-mass", "It says aa-told.", literals)
    text = SKILL.replace("Measure it.", "aa-told cc-last\nbb-one\nbb-two\nxcc-lastx cc-last")
    lines = text.split("\n")
    found = [finding.line for finding in check_skill(text, context).errors]
    first = next(number for number, line in enumerate(lines, start=1) if "cc-last" in line)
    assert found == [first + 1, first, first + 3]


def test_a_leak_is_reported_without_its_value() -> None:
    """Findings go into the log and into the next prompt."""
    verdict = check_skill(SKILL.replace("Measure it.", "It is 0.68885 or vi-olet."), CONTEXT)
    words = " ".join(name_finding(each) for each in verdict.errors)
    assert "0.68885" not in words
    assert "vi-olet" not in words


def test_length_is_advice() -> None:
    """500 lines and 5,000 tokens are advised, not required."""
    verdict = check_skill(SKILL + "more words than needed\n" * 1000, CONTEXT)
    assert verdict.errors == ()
    assert {"length-lines", "length-tokens"} <= {finding.rule for finding in verdict.warnings}


_scraps = st.sampled_from(
    [
        "---\n",
        "name: a\n",
        "```\n",
        "```python\n",
        "## Reference Implementation\n",
        "[",
        "{",
        "&a",
        "*a",
        "\t",
        ": ",
        "1. x\n",
    ]
)


@given(st.one_of(st.text(), st.lists(st.one_of(_scraps, st.text(max_size=5)), max_size=30).map("".join)))
def test_any_text_has_a_verdict(text: str) -> None:
    """Checking never raises, and never lets scraps through."""
    assert check_skill(text, CONTEXT).errors


@given(st.one_of(st.text(), st.lists(_scraps, max_size=12).map("".join)))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    """So a stored skill is what is checked again later."""
    assert clean_answer(clean_answer(text)) == clean_answer(text)


def test_one_fence_around_all_is_taken_off_and_no_other() -> None:
    """A skill that ends in code keeps its last fence."""
    assert clean_answer(f"```markdown\n{SKILL}```\n") == SKILL.strip()
    assert clean_answer(SKILL) == SKILL.strip()


@given(st.text(alphabet="aZ09-_ /ß", min_size=1, max_size=100).filter(lambda name: any(c in "aZ09" for c in name)))
def test_every_task_gives_a_valid_skill_name(task: str) -> None:
    """And the name passes our own rule."""
    name = skill_name_for(task)
    assert "name" not in _rules(SKILL.replace("stl-mass", name), SkillContext(folder=name, instruction=""))


def test_a_task_without_a_letter_names_no_skill() -> None:
    """Better refused than called after nothing."""
    with pytest.raises(ValueError, match="no skill can be named"):
        skill_name_for("---")


def test_a_text_without_front_matter_says_which_line_is_missing() -> None:
    """The two ways of not having it."""
    assert split_skill("# Title") == SplitFault("The first line is not '---'.")
    assert split_skill("---\nname: a") == SplitFault("The front matter is not closed by a line '---'.")


def test_a_bad_answer_is_repaired_then_given_up() -> None:
    """Twice by default; then there is no skill, and the reason is on record. Nothing broken is saved (W22)."""
    broken = SKILL.replace("## High-level workflow", "## Steps")
    assert isinstance(judge_skill_answer(broken, CONTEXT), RepairSkill)
    assert isinstance(judge_skill_answer(broken, CONTEXT, repairs_made=1), RepairSkill)
    final = judge_skill_answer(broken, CONTEXT, repairs_made=2)
    assert isinstance(final, NoSkill)
    assert "section-workflow" in final.reason


def test_an_error_text_is_not_quoted_back() -> None:
    """A model must not take it for its own words."""
    answer = judge_skill_answer("<html>502</html>", CONTEXT)
    assert isinstance(answer, RepairSkill)
    assert not answer.quotable


def test_a_sound_answer_is_saved_clean() -> None:
    """Without the fence around it, with one line end."""
    assert judge_skill_answer(f"```markdown\n{SKILL}```", CONTEXT) == SaveSkill(SKILL, ())


def test_a_thought_before_a_skill_is_no_part_of_it() -> None:
    """The file begins where the reasoning ends; a skill that was only thought is asked for again."""
    assert judge_skill_answer(f"<think>\n---\nname: x\n</think>\n{SKILL}", CONTEXT) == judge_skill_answer(
        SKILL, CONTEXT
    )
    for thought in (f"<think>{SKILL}", f"<think>{SKILL}</think>\n"):
        asked = judge_skill_answer(thought, CONTEXT)
        assert isinstance(asked, RepairSkill)
        assert [finding.rule for finding in asked.findings] == ["only-reasoning"]
        assert isinstance(judge_skill_answer(thought, CONTEXT, repairs_made=2), NoSkill)


@pytest.mark.shared
@needs_shared
def test_w22_recorded_skills_are_judged() -> None:
    """Of the whole release 5 of 50 have both name and description; open fences and missing references abound."""
    found = {
        task: _rules(text, SkillContext(folder=skill_name_for(task), instruction="")) for task, text in skills().items()
    }
    assert found
    for task, text in skills().items():
        odd = sum(line.startswith("```") for line in text.split("\n")) % 2 == 1
        assert ("fence-open" in found[task]) == odd, task
        assert ("section-reference" in found[task]) >= ("reference implementation" not in text.lower()), task
    assert sum("name" in rules for rules in found.values()) >= len(found) - 2
