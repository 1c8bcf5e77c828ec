"""SPARK's summary from the command line: which arms stand for its phases, and what has no place in it."""

import json
from pathlib import Path
from typing import Any

from tests.cli.terminal import type_in
from tests.cli.test_evaluate import evaluate
from tests.engine.programs.evaluate.test_evaluate import questions


def export(folder: Path, *words: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Export, and read the row and the file."""
    outcome = type_in(folder, "export", "spark-summary", *words, "--json")
    assert outcome.code == 0, outcome.err
    (row,) = outcome.rows
    return row, json.loads(Path(row["path"]).read_text())


def test_arms_are_found_by_name_or_by_option(tmp_path: Path) -> None:
    """None and skill are baseline and generated; what has no place is said, and nothing is written over."""
    questions(tmp_path)
    evaluate(tmp_path, "--set", "evaluate.arms.again.again=none", "--repeats", "2")
    row, told = export(tmp_path, "--to", "spark/teacher")
    assert (row["baseline"], row["generated"], row["human"]) == ("none", "skill", None)
    assert (row["repeat"], row["repeats"], row["arms_left_out"]) == (1, 2, ["again"])
    assert told["aggregate_delta"]["pass_rate_delta"] == 0.5
    assert told["aggregate_delta"]["human_pass_rate_delta"] is None
    place = told["baseline"]["tasks"]["quiz.amber"]["event"]
    assert "evaluation.scored" in type_in(tmp_path, "show", place).out
    markdown = (tmp_path / "spark" / "teacher" / "summary.md").read_text()
    assert "| baseline | 2 of 2 | 1 | 50.0 % | 0.5 |" in markdown
    assert "| quiz.amber | 0 | 1 | +1 |" in markdown
    assert type_in(tmp_path, "export", "spark-summary", "--to", "spark/teacher").code == 2
    row, told = export(tmp_path, "--to", "other", "--human", "again", "--repeat", "2")
    assert (row["human"], told["with_human_skills"]["passed"]) == ("again", 1)
    words = type_in(tmp_path, "export", "spark-summary", "--to", "third").out
    assert "repeat 1 of 2: the format has a place for one" in words
    assert "no place for: again" in words


def test_what_stands_for_nothing_is_refused(tmp_path: Path) -> None:
    """An arm that is not there, a repeat that is not, and a run none of whose arms is a phase."""
    questions(tmp_path)
    evaluate(tmp_path)
    assert "skil" in type_in(tmp_path, "export", "spark-summary", "--generated", "skil").err
    assert "there is no repeat 2" in type_in(tmp_path, "export", "spark-summary", "--repeat", "2").err
    assert not (tmp_path / "spark").exists()


def test_pdi_mode_names_another_run(tmp_path: Path) -> None:
    """The generated arm of one run beside that of another, without a baseline and without human skills."""
    questions(tmp_path)
    evaluate(tmp_path)
    evaluate(tmp_path)
    row, told = export(tmp_path, "--to", "pdi", "--reference", "@latest~1:none")
    assert (row["baseline"], row["generated"], row["arms_left_out"]) == (None, "skill", ["none"])
    assert told["pdi_mode"] is True
    assert told["ref_eval_result_dir"].endswith(":none")
    assert told["aggregate_delta"]["pdi_pass_rate_delta"] == 0.5
    assert "## With PDI beside without" in (tmp_path / "pdi" / "summary.md").read_text()
