"""What is wrong with a suite that can be read: each finding is provoked in a suite that has none."""

import json
from pathlib import Path
from textwrap import dedent

import pytest

from engine.suites.checks.check import SuiteCheck, check_suite
from engine.suites.checks.finding import SuiteFinding
from engine.suites.checks.told_rule import told_rule
from engine.suites.checks.verifiers import RubricRow, matched, most_of_groups, read_verifier
from tests.support.suites import SuiteShape, write_suite

TASK = "tasks/sum-1-1-adversarial"
"""Of the kind ``groups``: the fifth of three kinds in turn."""
RUBRIC = "tasks/sum-1-1-canonical"
COUNT = "tasks/sum-1-1-variant"


def _edit(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _write(folder: Path, file: str, data: bytes | str) -> None:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def _check(folder: Path) -> SuiteCheck:
    return check_suite(folder)


def _only(folder: Path, rule: str) -> SuiteFinding:
    (finding,) = [each for each in _check(folder).findings if each.rule == rule]
    return finding


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a suite of one family; its tasks take the three kinds of verifiers in turn."""
    return write_suite(tmp_path, SuiteShape(1, 2, base="debian:bookworm-slim"))


def test_a_sound_suite_has_no_findings(folder: Path) -> None:
    """So that each of the others comes from what its test changed."""
    found = _check(folder)
    assert (found.faults, found.findings) == ((), ())
    assert found.verifiers == {"rubric": 4, "groups": 4, "count": 4}


def test_a_suite_that_cannot_be_read_is_not_looked_through(folder: Path) -> None:
    """Its faults are what counts."""
    _edit(folder, f"{TASK}/task-spec.yaml", "phase: evaluation", "phase: learning")
    found = _check(folder)
    assert found.suite is None
    assert [each.file for each in found.faults] == [
        f"{TASK}/task-spec.yaml: phase",
        f"{TASK}/task.toml: metadata.split",
    ]


def _empty_a_group(folder: Path) -> None:
    hidden = """("reads_bytes", lambda: '"rb"' in (ROOT / "sum.py").read_text())"""
    _edit(folder, f"{TASK}/tests/test_process.py", hidden, "")


def test_three_equal_groups_never_reach_the_full_reward(folder: Path) -> None:
    """Three shares of 33.33 are 99.99: 0.9999 is no success, whatever the agent does."""
    _empty_a_group(folder)
    finding = _only(folder, "out-of-reach")
    assert (finding.weight, finding.place) == ("error", f"{TASK}/tests/test.sh")
    assert "3 equal groups (outcome public, outcome hidden, process public)" in finding.what
    assert "0.9999" in finding.what


@pytest.mark.parametrize(
    ("old", "new"),
    [("reports = {side", "total = maximum\nreports = {side"), ("round(weight * ratio, 2)", "weight * ratio")],
    ids=["full-again", "whole-parts"],
)
def test_a_runner_that_makes_up_for_it_reaches_the_full_reward(folder: Path, old: str, new: str) -> None:
    """As the repaired release of SkillEvolBench does in one way."""
    _empty_a_group(folder)
    _edit(folder, f"{TASK}/tests/test.sh", old, new)
    assert _check(folder).findings == ()


@pytest.mark.parametrize(("groups", "most"), [(1, 100.0), (2, 100.0), (3, 99.99), (4, 100.0)])
def test_only_three_groups_lose_a_hundredth(groups: int, most: float) -> None:
    """What the original's rounding gives."""
    assert most_of_groups(groups) == pytest.approx(most, abs=1e-9)


RUBRICS: dict[str, tuple[str, str, str, str, str]] = {
    "a dimension without tests": ('["test_h1_"]', '["test_h7_"]', "rubric", "error", "'Sum' matches no test"),
    "weights below": ("weight=50.0", "weight=40.0", "out-of-reach", "error", "add up to 90, not to 100"),
    "weights above": ("weight=50.0", "weight=60.0", "rubric", "warning", "add up to 110, not to 100"),
    "a test outside": ('["TestProcess"]', '["TestPublic"]', "outside-rubric", "warning", "test_p1_program"),
}  # fmt: skip


@pytest.mark.parametrize("change", RUBRICS.values(), ids=[each.replace(" ", "-") for each in RUBRICS])
def test_a_rubric_that_counts_otherwise_than_its_tests_is_named(
    folder: Path, change: tuple[str, str, str, str, str]
) -> None:
    """Some weights nobody can earn, and some tests cost nothing (W39)."""
    old, new, rule, weight, said = change
    _edit(folder, f"{RUBRIC}/tests/score.py", old, new)
    finding = _only(folder, rule)
    assert (finding.weight, finding.place) == (weight, f"{RUBRIC}/tests/score.py")
    assert said in finding.what


def test_a_rubric_in_javascript_is_read_as_well(tmp_path: Path) -> None:
    """Its tests stand in ``test.sh``."""
    folder = write_suite(tmp_path, SuiteShape(1, 1, base="debian:12", kinds=("javascript",)))
    assert _check(folder).findings == ()
    _edit(folder, f"{TASK}/tests/test.sh", "'test_h1_'", "'test_h2_'")
    assert {each.rule for each in _check(folder).findings} == {"rubric", "outside-rubric"}


def test_a_rubric_that_nothing_reads_is_noted(folder: Path) -> None:
    """With the dimensions that would match no test, were it read."""
    _write(folder, f"{TASK}/tests/rubric.yaml", dedent("""\
        scoring:
          - {dimension: public, weight: 0.1, tests: [written], scoring_method: proportional}
          - {dimension: correctness, weight: 0.9, tests: [test_no_crash], scoring_method: proportional}
        """))  # fmt: skip
    finding = _only(folder, "not-run")
    assert (finding.weight, finding.what) == ("note", "nothing reads it; its dimensions correctness match no test")


def test_tests_outside_classes_are_not_run_by_the_runner_that_counts(folder: Path) -> None:
    """It looks into classes whose names begin with Test."""
    _write(folder, f"{COUNT}/tests/test_process.py", "def test_alone():\n    assert True\n")
    finding = _only(folder, "not-run")
    assert "test_process.py::test_alone stand outside a class" in finding.what


def test_tests_that_install_something_need_a_network(tmp_path: Path) -> None:
    """They die before they leave a reward: no verdict, and never 0."""
    folder = write_suite(tmp_path, SuiteShape(1, 1, base="debian:12", installs=True))
    found = [each for each in _check(folder).findings if each.rule == "network"]
    assert len(found) == 6
    assert "pip install" in found[0].what
    assert "never 0" in found[0].what


_SOLVED = "#!/bin/sh\necho 42 > answer.txt\n"
_TRUTH = {"task_id": "T", "expected_local_times": ["EDT", "GMT"], "expected_score": 2}
_REQUEST = {"minutes": 60, "more": [{"expected_local_times": ["EDT", "GMT"]}]}
LEAKS: dict[str, tuple[dict[str, bytes | str], str, str, str]] = {
    "a hidden fixture": (
        {"environment/sales_hidden.csv": "a,b\n"},
        "sales_hidden.csv", "warning", "is called hidden",
    ),
    "the tests' own answers": (
        {"tests/expected.bin": b"\x00\xff" * 20, "environment/data2.bin": b"\x00\xff" * 20},
        "data2.bin", "error", "is the same as tests/expected.bin",
    ),
    "the solution": (
        {"solution/solve.sh": _SOLVED, "environment/how.sh": _SOLVED},
        "how.sh", "error", "is the same as solution/solve.sh",
    ),
    "an expected value by name": (
        {"tests/ground_truth.json": json.dumps(_TRUTH), "environment/request.json": json.dumps(_REQUEST)},
        "request.json", "error", "holds expected_local_times as tests/ground_truth.json expects it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("leak", LEAKS.values(), ids=[each.replace(" ", "-") for each in LEAKS])
def test_answers_in_the_agent_s_image_are_found(
    folder: Path, leak: tuple[dict[str, bytes | str], str, str, str]
) -> None:
    """A binary file as well as a text; what tests compare with may not lie where the agent works."""
    files, file, weight, said = leak
    for path, data in files.items():
        _write(folder, f"{TASK}/{path}", data)
    finding = _only(folder, "answers-in-image")
    assert (finding.weight, finding.place) == (weight, f"{TASK}/environment/{file}")
    assert said in finding.what


@pytest.mark.parametrize("how", ["ignored", "removed"])
def test_what_a_build_leaves_out_is_not_in_the_image(folder: Path, how: str) -> None:
    """By an ignore file, or by a step that removes it by name."""
    _write(folder, f"{TASK}/environment/hidden.csv", "a\n")
    if how == "ignored":
        _write(folder, f"{TASK}/environment/.dockerignore", "hidden.csv\n")
    else:
        _edit(folder, f"{TASK}/environment/Dockerfile", "rm -f ", "rm -f /root/task/hidden.csv ")
    assert _check(folder).findings == ()


def test_inputs_may_be_copied_into_tests(folder: Path) -> None:
    """Tests that recompute the answer need what it is computed from, and small values are equal by chance."""
    data = (folder / TASK / "environment/data.bin").read_bytes()
    _write(folder, f"{TASK}/tests/data.bin", data)
    _write(folder, f"{TASK}/tests/expected.txt", "42\n")
    _write(folder, f"{TASK}/environment/count.txt", "42\n")
    _write(
        folder, f"{TASK}/tests/ground_truth.json", json.dumps({"expected": 1, "answer": True, "columns": ["a", "b"]})
    )
    _write(folder, f"{TASK}/environment/conf.json", json.dumps({"columns": ["a", "b"], "expected": 1, "answer": True}))
    assert _check(folder).findings == ()


def test_an_image_that_nobody_has_is_named_once(tmp_path: Path) -> None:
    """With how to give one of your own that name."""
    finding = _only(write_suite(tmp_path, SuiteShape(2, 2)), "base-image")
    assert finding.what == "24 tasks are built from agent-runtime:latest, which no registry has"
    assert finding.remedy.endswith("docker tag IMAGE agent-runtime:latest")


def test_a_curated_skill_must_be_one_that_tools_read(folder: Path) -> None:
    """Its name is its folder's."""
    _edit(folder, "skills/sum-1-1/SKILL.md", "name: sum-1-1", "name: other")
    assert _only(folder, "curated-skill").place == "skills/sum-1-1/SKILL.md"
    _write(folder, "skills/sum-1-1/SKILL.md", b"\xff\xfe")
    assert _only(folder, "curated-skill").what == "is not UTF-8"
    _write(folder, "skills/sum-1-1/SKILL.md", "no front matter")
    assert "The first line is not '---'" in _only(folder, "curated-skill").what


def test_families_described_as_their_curated_skills_are_counted(folder: Path) -> None:
    """Whoever drafts a skill from the description alone has been told of the curated one (W21)."""
    text = "description: Add up bytes. Use it for files of bytes."
    _edit(folder, "skills/sum-1-1/meta.yaml", "description: Add up the bytes of a file.", text)
    assert _only(folder, "curated-description").what.startswith("1 families")


def test_what_tasks_check_says_is_said_here(folder: Path) -> None:
    """A suite's tasks are Harbor tasks."""
    _edit(folder, f"{TASK}/environment/Dockerfile", "COPY . /root/task/", "COPY missing.txt /root/task/")
    finding = _only(folder, "task")
    assert (finding.weight, finding.place) == ("error", f"{TASK}/environment/Dockerfile line 5")


def test_a_rule_that_stands_in_the_instruction_is_noted(folder: Path) -> None:
    """By the name of the gap that the task exposes; agents without skills show whether that is enough."""
    _edit(folder, f"{TASK}/task.toml", 'gap_exposure = "none"', 'gap_exposure = "trap-fixed-offset-dst-boundary"')
    _edit(folder, f"{TASK}/instruction.md", "Write", "Do not assume fixed offsets across DST boundaries. Write")
    finding = _only(folder, "told-rule")
    assert (finding.weight, finding.place) == ("note", f"{TASK}/instruction.md")
    assert "Do not assume fixed offsets across DST boundaries." in finding.what


@pytest.mark.parametrize(
    ("instruction", "gap", "summary", "told"),
    [
        ("Keep the offset. Cross the boundary.", "trap-fixed-offset-dst-boundary", "", False),
        ("```\nfixed offset dst boundary\n```", "trap-fixed-offset-dst-boundary", "", False),
        ("Use the offset at the boundary.", "trap-offset-boundary", "", False),
        ("Use fixed offsets for DST.", "trap-fixed-offset-dst-boundary-zone-winter", "", False),
        ("Use fixed offsets for DST.", "trap-fixed-offset-dst-boundary", "", True),
        ("Read each quoted passage with its surrounding caveats and context.", "",
         "Read the surrounding context: a quoted passage may be stripped of its caveats.", True),
        ("Read each passage.", "", "Read the surrounding context: a quoted passage may lack caveats.", False),
    ],
)  # fmt: skip
def test_a_rule_is_told_by_one_sentence_that_shares_its_words(
    instruction: str, gap: str, summary: str, told: bool  # noqa: FBT001 -- of pytest
) -> None:  # fmt: skip
    """Words in two sentences, in code, or two of them alone tell nothing."""
    assert bool(list(told_rule("t", instruction, gap, [summary] if summary else []))) is told


def test_tests_are_read_from_their_text_and_never_run() -> None:
    """Methods of a class and of its base, functions, checks; what is written otherwise is not guessed."""
    files = {
        "test.sh": "python3 -m pytest",
        "test_outcome.py": dedent("""\
            raise SystemExit("never run")
            class Base:
                def test_a(self): ...
            class TestMore(Base):
                def test_b(self): ...
                def helper(self): ...
            async def test_c(): ...
            """),
        "score.py": "RUBRIC = [('All', 100, ['TestMore', 'test_c'], 'proportional')]",
    }
    verifier = read_verifier(files)
    assert verifier.tests == (
        "test_outcome.py::TestMore::test_a", "test_outcome.py::TestMore::test_b", "test_outcome.py::test_c",
    )  # fmt: skip
    assert verifier.rubric == (RubricRow("All", 100.0, ("TestMore", "test_c")),)
    assert matched(RubricRow("x", 1.0, ("TESTMORE::test_B",)), verifier.tests) == [verifier.tests[1]]


@pytest.mark.parametrize(
    ("score", "rows"),
    [
        ("RUBRIC = [{'name': 'a', 'weight': 60, 'tests': 'x'}, {'name': 'b', 'weight': 40, 'tests': []}]", 2),
        ("DIMENSIONS = [Dimension('a', 100.0, ['x'])]", 1),
        ("RUBRIC = [make(name) for name in NAMES]", 0),
        ("RUBRIC = [Dimension('a', WEIGHT, ['x'])]", 0),
        ("RUBRIC = [('a', 1, 'x')]\nRUBRIC = []", 0),
        ("RUBRIC = [", 0),
    ],
)
def test_a_rubric_is_read_as_it_is_written_or_not_at_all(score: str, rows: int) -> None:
    """A half-read rubric would add up to another sum."""
    assert len(read_verifier({"score.py": score}).rubric) == rows


def test_groups_that_cannot_be_counted_are_not_guessed() -> None:
    """Checks that a call makes; lists under a name are looked up."""
    head = "from verifier_lib.runtime import run_checks\n"
    listed = head + "checks = [('a', f)]\nrun_checks('public', checks)\nrun_checks('hidden', [])\n"
    assert read_verifier({"test_outcome.py": listed}).groups == ("outcome public",)
    assert read_verifier({"test_outcome.py": head + "run_checks('public', made())\n"}).groups is None
    assert read_verifier({"test_outcome.py": head + "run_checks('secret', [1])\n"}).groups is None
    functions = head + "def test_h1_a(): ...\nrun_checks('public', [('a', test_h1_a)])\n"
    assert read_verifier({"test_outcome.py": functions}).groups == ("outcome public",)
    named = {"verifier_lib/__init__.py": "", "test_outcome.py": "def test_a(): ...\ndef test_h1_b(): ...\n"}
    assert read_verifier(named).groups == ("outcome public", "outcome hidden")
