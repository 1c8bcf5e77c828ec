"""What PDI is worth, asked of stored evaluations: a skill is known by its bytes, wherever an arm got them from."""

from pathlib import Path

import pytest

from projections.scipy_functions import scipy_stats
from tests.cli.terminal import type_in
from tests.support.quiz_runs import STUDENT, make_items
from tests.support.reflected import write_spark

MISLED = """
[[rule]]
name = "believes its skill"
contains = ["Role: student", "blue lamp?", "blue lamp is A1"]
[[rule.turn]]
text = "<answer>A1</answer>"
"""
TEXTS = {0: "The code of the amber lamp is K7.", 2: "Lamps are warm.", 4: "The code of the blue lamp is A1."}
"""What the skill of a task says: it helps with one question, with none, or misleads in one."""


def skill(number: int) -> str:
    """Write a skill."""
    return f"---\nname: task{number}\ndescription: Says w{number}.\n---\n\n{TEXTS[number]} w{number}\n"


def world(folder: Path) -> dict[str, str]:
    """Import five made-up trials of which three left a skill, and make questions and a student; give runs by task."""
    write_spark(folder / "spark", 5)
    for number in TEXTS:
        (folder / "spark" / f"task{number}" / "SKILL.md").write_text(skill(number), encoding="utf-8")
    assert type_in(folder, "import", "spark", "spark").code == 0
    make_items(folder / "quiz")
    head, rule, rest = STUDENT.partition("\n[[rule]]")
    (folder / "script.toml").write_text(head + MISLED + rule + rest, encoding="utf-8")
    rows = type_in(folder, "skills", "list", "--json").rows
    return {row["skill"]: row["run"] for row in rows}


def evaluate(folder: Path, arms: str) -> None:
    """Ask the questions under arms."""
    (folder / "spec.toml").write_text(
        'program = "evaluate"\nrepeats = 1\nmodels.teacher = { model = "teacher", base_url = "script:script.toml" }\n'
        f'[evaluate]\nitems = {{ folder = "quiz" }}\narms.none = {{ skills = "" }}\n{arms}',
        encoding="utf-8",
    )
    found = type_in(folder, "evaluate", "spec.toml")
    assert found.code == 0, found.err


def test_skills_are_found_by_their_bytes_and_their_effects_related(tmp_path: Path) -> None:
    """One arm names the run, one a folder that was exported: both are known for the trial they come from."""
    runs = world(tmp_path)
    assert type_in(tmp_path, "skills", "export", "task2", "out").code == 0
    evaluate(
        tmp_path,
        f'arms.a = {{ skills = "run:{runs["task0"]}" }}\narms.b = {{ skills = "out" }}\n'
        f'arms.c = {{ skills = "run:{runs["task4"]}" }}\n',
    )
    rows = type_in(tmp_path, "pdi", "validate", "--json").rows
    skills = [row for row in rows if row["kind"] == "skill_effect"]
    assert [(row["task"], row["run"], row["items"], row["scores"], row["effect"]) for row in skills] == [
        ("task0", runs["task0"], 2, 4, 0.5),
        ("task2", runs["task2"], 2, 4, 0.0),
        ("task4", runs["task4"], 2, 4, -0.5),
    ]
    assert all(row["effect_elsewhere"] == row["effect"] and not row["on_own_task"] for row in skills)
    for measure in ("retrospective", "divergence"):
        worth, elsewhere = [row for row in rows if row["kind"] == "worth" and row["measure"] == measure]
        rho = scipy_stats().spearmanr([row[measure] for row in skills], [0.5, 0.0, -0.5]).statistic
        assert worth["rho"] == elsewhere["rho"] == pytest.approx(float(rho))
        assert (worth["skills"], worth["tasks"], worth["low"]) == (3, 3, None)
        assert worth["limits"] == ["tasks: 3; below 10 there is no interval, and nothing is inferred"]
    unknown = [row for row in rows if row["kind"] == "worth" and row["measure"] in {"online", "evidence"}]
    assert {row["limits"][0] for row in unknown} == {"no skill has both this figure and a measured effect"}
    (scope,) = [row for row in rows if row["kind"] == "validation"]
    assert (scope["trials"], scope["skills"], scope["tried"]) == (5, 3, 3)
    assert scope["limits"][0].startswith("selection: 2 trials of 5 left no skill")
    retrospective = {row["task"]: row["pdi"] for row in type_in(tmp_path, "pdi", "--retrospective", "--json").rows}
    assert {row["task"]: row["retrospective"] for row in skills} == retrospective


def test_what_no_single_skill_did_and_what_has_nothing_beside_it_count_for_none(tmp_path: Path) -> None:
    """Two skills at once; a skill that only another student was given; a run that was not asked about."""
    runs = world(tmp_path)
    both = f'arms.both = {{ skills = "run:{runs["task0"]}", beside = ["run:{runs["task2"]}"] }}\n'
    told = f'arms.told = {{ skills = "run:{runs["task4"]}", note = "Mind the lamps." }}\n'
    for name in ("odd", "even"):
        (tmp_path / "crowd" / name).mkdir(parents=True)
        text = f"---\nname: {name}\ndescription: Unknown.\n---\n\nNothing.\n"
        (tmp_path / "crowd" / name / "SKILL.md").write_text(text, encoding="utf-8")
    evaluate(tmp_path, both + told + 'arms.crowd = { skills = "crowd" }\n')
    rows = type_in(tmp_path, "pdi", "validate", "--json").rows
    (scope,) = [row for row in rows if row["kind"] == "validation"]
    assert (scope["several"], scope["unpaired"], scope["tried"]) == (2, 2, 0)
    said = type_in(tmp_path, "pdi", "validate").out
    assert "cannot tell  scores with several skills at once: 2" in said
    assert "cannot tell  no skill has both this figure and a measured effect (every measure)" in said
    one = type_in(tmp_path, "pdi", "validate", runs["task0"], "--json").rows
    assert [row["task"] for row in one if row["kind"] == "skill_effect"] == ["task0"]


def test_a_log_without_skills_or_evaluations_says_that(tmp_path: Path) -> None:
    """No number is made up."""
    write_spark(tmp_path / "spark", 2)
    assert type_in(tmp_path, "import", "spark", "spark").code == 0
    said = type_in(tmp_path, "pdi", "validate")
    assert said.code == 0
    assert "no trial left a skill" in said.out


def test_repeats_of_one_student_are_scores_of_one_place(tmp_path: Path) -> None:
    """Two fresh runs with the skill stand beside one without: the number of a repeat reaches nobody."""
    runs = world(tmp_path)
    skilled = f'arms.a = {{ skills = "run:{runs["task0"]}" }}\n'
    evaluate(tmp_path, skilled)
    spec = (tmp_path / "spec.toml").read_text(encoding="utf-8").replace("repeats = 1", "repeats = 2")
    other = spec.replace('arms.none = { skills = "" }', 'baseline = "b"\narms.b = { note = "Mind." }')
    (tmp_path / "spec.toml").write_text(other, encoding="utf-8")
    assert type_in(tmp_path, "evaluate", "spec.toml").code == 0
    rows = type_in(tmp_path, "pdi", "validate", runs["task0"], "--json").rows
    (skill_row,) = [row for row in rows if row["kind"] == "skill_effect"]
    assert (skill_row["items"], skill_row["scores"], skill_row["effect"]) == (2, 6, 0.5)
