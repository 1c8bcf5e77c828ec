"""The page for those who come from SPARK names every flag and file of its programs, and only what is there."""

import re
from typing import Final

import pytest

import cli
from engine.config.schema import keys
from tests.architecture.source import ROOT

PAGE: Final = ROOT / "docs" / "from-spark.md"
_TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_COMMAND: Final = re.compile(r"`stillroom ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")
_KEY: Final = re.compile(r"`((?:agent|budget|construct|evaluate|method|models)\.[\w.<>]+)`")
_OPTION: Final = re.compile(r"`(?:stillroom [a-z -]+)?(--[a-z-]+)")
ANSWERS: Final = {"works", "otherwise", "on purpose not", "not built"}
FLAGS: Final = {
    "`run_pipeline.py`": """--agent --model --tasks-dir --output-dir --result-dir --max-retries --parallelism --limit
        --tasks --timeout-multiplier --port --no-dashboard --summary-model --summary-api-base --summary-api-key
        --token-budgets --resume --shuffle --shared-result-dir --pdi-enabled --pdi-observe-only --pdi-method
        --agent-kwarg""",
    "`run_eval_skills.py`": """--agent --model --tasks-dir --skills-result-dir --skill-source-model --output-dir
        --eval-result-dir --staging-root --parallelism --limit --tasks --timeout-multiplier --resume
        --human-skills-dir --phases --agent-kwarg --ref-eval-result-dir""",
    "`run_tasks_gen.py`": """--prompt-file --model --api-base --api-key --reference-tasks-dir --top-k-references
        --exclude-reference-task --output-root --validation-output-dir --max-tokens --max-revisions
        --schema-retries""",
}
"""What its three command lines take (`reference/spark.md`, 9), in its order."""
FILES: Final = """attempts.json trajectory.jsonl SKILL.md pipeline_summary.json error_report.md summary.json summary.md
    token_budgets.json task_blueprint.json generation_trace.json generation_report.json"""


def _text() -> str:
    return PAGE.read_text(encoding="utf-8")


def _rows(title: str) -> list[list[str]]:
    """Give the cells of the rows of a section's table, without its head."""
    _, _, rest = _text().partition(f"## {title}\n")
    lines = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    return [line.strip("| ").split(" | ") for line in lines[2:]]


@pytest.mark.parametrize("program", FLAGS)
def test_every_flag_has_one_row(program: str) -> None:
    """None is passed over, and none is made up."""
    assert [row[0].strip("`") for row in _rows(program)] == FLAGS[program].split()


def test_every_file_has_a_row() -> None:
    """Those that its programs read or write."""
    assert set(FILES.split()) <= {row[0].strip("`") for row in _rows("Files")}


@pytest.mark.parametrize("title", [*FLAGS, "Files", "The dashboard", "Scripts beside them"])
def test_every_row_says_whether_it_works_and_what_does(title: str) -> None:
    """A gap is called one."""
    rows = _rows(title)
    assert rows
    assert [row for row in rows if len(row) != 3 or row[1] not in ANSWERS or not row[2]] == []


def test_every_test_that_it_names_exists() -> None:
    """A page that names a test which was renamed would prove nothing."""
    named = _TEST.findall(_text())
    assert len(named) > 20
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not (ROOT / file).is_file()
        or not re.search(rf"^(?:async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert missing == []


def test_every_command_option_and_key_that_it_names_exists() -> None:
    """What is promised in the last column can be typed."""
    reference = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    groups = {name for name in cli.app if f"### stillroom {name} " in reference}
    commands = {(name, second) if name in groups else (name, "") for name, second in _COMMAND.findall(_text())}
    typed = {" ".join(filter(None, each)) for each in commands}
    assert len(typed) > 10
    assert [each for each in sorted(typed) if f"### stillroom {each}\n" not in reference] == []
    answers = " ".join(row[2] for title in (*FLAGS, "Files", "The dashboard") for row in _rows(title))
    options = set(_OPTION.findall(answers))
    assert len(options) > 10
    assert [each for each in sorted(options) if not re.search(rf"{each}\b", reference)] == []
    known = {key.name for key in keys()}
    named = set(_KEY.findall(_text()))
    assert len(named) > 10
    assert sorted(named - known) == []
