"""Skills of arms as a person meets them: which were read, where they belong and where they do not; what is refused."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.cli.terminal import type_in
from tests.cli.test_evaluate import kind
from tests.engine.agents.test_skills_of_the_shell import MOUNT
from tests.engine.programs.evaluate.test_skill_sources import laid_out
from tests.engine.programs.evaluate.test_skills_of_arms import base_of, skill

STUDENT: Final = f"""\
name = "student"

[[rule]]
name = "takes up a skill of another kind"
contains = ["Attempt: 1 of", "- noise: "]
[[rule.turn]]
command = "cat {MOUNT}/noise/SKILL.md; cat {MOUNT}/word/SKILL.md"
[[rule.turn]]
text = "DONE"

[[rule]]
name = "reads what there is, if it is told of any"
contains = ["Attempt: 1 of", "- word: "]
[[rule.turn]]
command = "sh -c \\"$(sed -n 's/^run: //p' {MOUNT}/word/SKILL.md)\\""
[[rule.turn]]
text = "DONE"

[[rule]]
name = "knows nothing"
contains = ["Attempt: 1 of"]
[[rule.turn]]
command = "echo nothing > answer.txt"
[[rule.turn]]
text = "DONE"
"""
SPEC: Final = """\
program = "evaluate"
tasks = "tasks"
[models.teacher]
model = "teacher"
base_url = "script:script.toml"
[method]
attempts = 1
[evaluate.arms.none]
skills = ""
[evaluate.arms.human]
skills = "per-item:human"
applies = "^on"
[evaluate.arms.crowd]
skills = "per-item:human"
beside = ["other"]
[evaluate.arms.hum]
skills = ""
beside = ["other/hum"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make tasks, skills and a spec."""
    base_of(tmp_path)
    (tmp_path / "script.toml").write_text(STUDENT)
    (tmp_path / "spec.toml").write_text(SPEC)
    return tmp_path


def rate(read: int, given: int) -> dict[str, Any]:
    """Say how often something was read."""
    return {"read": read, "given": given, "unknown": 0, "share": read / given}


@pytest.mark.slow
def test_what_was_read_where_it_belongs_and_where_it_does_not_is_shown_by_arm(folder: Path) -> None:
    """Counts beside shares, in the table and in JSON; a reused score brings along what its cell had read."""
    for reused in (0, 2):
        rows = {row["arm"]: row for row in kind(type_in(folder, "evaluate", "spec.toml", "--json"), "arm")}
        assert {arm: (row["trigger"], row["false_trigger"]) for arm, row in rows.items()} == {
            "none": (None, None),
            "human": (rate(1, 1), rate(1, 1)),
            "crowd": (rate(2, 2), rate(2, 2)),
            "hum": (None, rate(0, 2)),
        }
        assert {row["reused"] for row in rows.values()} == {reused}
    lines = {line.split()[0]: line for line in type_in(folder, "compare").out.splitlines() if line.strip()}
    assert "1 of 1, 100 %" in lines["human"]
    assert "0 of 2, 0 %" in lines["hum"]


@pytest.mark.slow
def test_skills_of_images_are_said_at_the_start_and_beside_the_scores(folder: Path) -> None:
    """What was taken out, and of which image nobody can know: in the output of a run, of a dry run and of `compare`."""
    environment = laid_out(folder / "tasks" / "one" / "environment", {"skills/key/SKILL.md": skill("key", "true")})
    for name, line in (("one", "COPY skills /root/.codex/skills"), ("two", "RUN mkdir -p .goose/skills")):
        dockerfile = environment.parent.parent / name / "environment" / "Dockerfile"
        dockerfile.write_text(f"{dockerfile.read_text()}{line}\n")
    for words in (("--dry-run",), ()):
        said = " ".join(type_in(folder, "evaluate", "spec.toml", *words).err.split())
        assert "the images of 1 tasks bring skills of their own, which are left out in every arm: one (" in said
        assert "may bring skills that cannot be left out" in said
    shown = " ".join(type_in(folder, "compare").out.split())
    line = "environment/Dockerfile line 4"
    assert f"one: its image brings skills, left out in every arm: environment/skills/, {line}" in shown
    assert f"two: its image may bring skills, and whether one was read is not known: {line}" in shown
    rows = type_in(folder, "compare", "--json").rows
    assert [[each["task"] for each in row["image_skills"]] for row in rows] == [["one", "two"]] * 4


def test_a_source_is_read_from_the_file_that_names_it(folder: Path) -> None:
    """Given a spec in another folder, its folders of skills stand beside it; runs and libraries stand nowhere."""
    planned = type_in(folder.parent, "evaluate", f"{folder.name}/spec.toml", "--dry-run", "--json")
    assert planned.code == 0, planned.err
    for source, why in (
        ("run:@latest", "no run accepted"),
        ("per-item:library:x", "no such library"),
        ("run:", "no run"),
    ):
        refused = type_in(folder, "evaluate", "--tasks", "tasks", "--skill", source, "-m", "script:script.toml")
        assert (refused.code, why in refused.err) == (2, True), refused.err


@pytest.mark.slow
def test_a_dry_run_reads_what_earlier_runs_distilled(folder: Path) -> None:
    """And says what it cannot find before anything is recorded; the log stays as it was."""
    (folder / "spec.toml").write_text(SPEC.replace('"per-item:human"\napplies', '"run:@latest"\napplies'))
    refused = type_in(folder, "evaluate", "spec.toml", "--dry-run")
    assert (refused.code, "no run accepted a skill so far" in refused.err) == (2, True)
    (folder / "spec.toml").write_text(SPEC)
    planned = type_in(folder, "evaluate", "spec.toml", "--dry-run", "--json").rows
    assert {row["arm"]: row["missing"] for row in planned} == dict.fromkeys(("none", "human", "crowd", "hum"), 2)
    type_in(folder, "evaluate", "spec.toml")
    planned = type_in(folder, "evaluate", "spec.toml", "--dry-run", "--json").rows
    assert {row["stored"] for row in planned} == {2}
