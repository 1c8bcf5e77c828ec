"""SPARK's summary of an evaluation: its shape as it stands, and its wrong deltas (W8) made right."""

from typing import Any

from events.digest import Digest
from events.values import Outcome
from projections.comparison.rows import RowOutcome
from projections.trials.state import Attempt, Trial
from views.evaluations.sides import CellEnding, ComparedSide, SideCell
from views.evaluations.spark_summary import SparkOrigin, SparkPhases, spark_pdi_summary, spark_summary

ORIGIN = SparkOrigin(1_790_000_000_000_000, "codex", "some/model", "tasks")
NORMAL = """created_at agent model tasks_dir human_skills_dir agent_timeout_multiplier skills_result_dir
skill_source_model task_names staged_tasks_dir baseline with_generated_skills with_human_skills human_task_names
aggregate_delta per_task_delta resumed_from staging_cleanup_path staging_cleaned_up"""
"""Keys of SPARK's report, in its order."""
PHASE = "label job_name job_dir mean_reward passed failed total pass_rate tasks"
RESULT = """task trial_dir reward passed status n_tests n_passed n_failed has_exception exception_type
exception_message"""


def cell(item: str, outcome: RowOutcome | None, reward: float | None = None, repeat: int = 1) -> SideCell:
    """One run of a task."""
    failed, last, begun = (Attempt(number, passed=number, total=3) for number in (1, 2, 3))
    failed.outcome = last.outcome = Outcome("failed", 0.0, "")
    tried = {"1": failed, "2": last, "3": begun}
    trial = Trial(item, item, "default", 3, attempts=tried, errors={"sandbox lost": 1} if not reward else {})
    ending = CellEnding(3, Digest("0" * 64))
    return SideCell(item, item, repeat, outcome, reward, None, None, trial, {}, "run", f"cell/{item}", None, ending)


def side(arm: str, *cells: SideCell, items: str = "a b c") -> ComparedSide:
    """One phase."""
    return ComparedSide("run", arm, frozenset(items.split()), cells, None, ())


NONE = side("none", cell("a", "unsolved", 0.0), cell("b", "solved", 1.0), cell("c", "unsolved", 0.5))
SKILL = side("skill", cell("a", "solved", 1.0), cell("b", "infrastructure"), cell("c", "unsolved", 0.25))
HUMAN = side("human", cell("b", "solved", 1.0), items="b")


def summary(
    baseline: ComparedSide | None, generated: ComparedSide | None, human: ComparedSide | None, *, repeat: int = 1
) -> dict[str, Any]:
    """Sum up."""
    return spark_summary(SparkPhases(baseline, generated, human, repeat), ORIGIN)


def test_all_keys_stand_where_spark_has_them() -> None:
    """So that what reads SPARK's reports reads ours; keys of our own come last."""
    told = summary(NONE, SKILL, HUMAN)
    assert list(told) == NORMAL.split()
    assert (told["created_at"], told["model"]) == ("2026-09-21T14:13:20+00:00", "some/model")
    block = told["baseline"]
    assert list(block)[:9] == PHASE.split()
    assert [block[key] for key in PHASE.split()[:-1]] == ["baseline", "", "", 0.5, 1, 2, 3, 1 / 3]
    assert list(block["tasks"]["a"])[:11] == RESULT.split()
    assert [block["tasks"]["a"][key] for key in ("n_tests", "n_passed", "n_failed")] == [3, 2, 1]
    assert [each["status"] for each in block["tasks"].values()] == ["FAIL", "PASS", "PARTIAL"]
    assert told["human_task_names"] == ["b"]
    assert told["with_human_skills"]["label"] == "with-human-skills"


def test_what_broke_is_no_failure() -> None:
    """SPARK counts it as a reward of 0 and a failed task; here it has neither reward nor place in a figure."""
    block = summary(NONE, SKILL, None)["with_generated_skills"]
    broken = block["tasks"]["b"]
    assert (broken["reward"], broken["passed"], broken["status"]) == (None, None, "ERROR")
    assert (broken["has_exception"], broken["exception_type"]) == (True, "infrastructure")
    assert broken["exception_message"] == "sandbox lost"
    assert [block[key] for key in ("total", "passed", "failed", "pass_rate", "mean_reward")] == [2, 1, 1, 0.5, 0.625]
    assert (block["planned"], block["no_verdict"]) == (3, ["b"])


def test_deltas_are_over_tasks_with_a_verdict_in_both_phases() -> None:
    """W8: SPARK compares the human phase, over one task, with the baseline over three, and gains 0.5 of nothing."""
    told = summary(NONE, SKILL, HUMAN)
    assert told["aggregate_delta"] == {
        "pass_rate_delta": 0.5,
        "mean_reward_delta": 0.375,
        "passed_delta": 1,
        "paired_tasks": 2,
        "human_pass_rate_delta": 0.0,
        "human_mean_reward_delta": 0.0,
        "human_passed_delta": 0,
        "human_paired_tasks": 1,
    }
    assert told["per_task_delta"]["b"] == {
        "baseline_reward": 1.0,
        "generated_reward": None,
        "generated_delta": None,
        "baseline_passed": True,
        "generated_passed": None,
        "human_reward": 1.0,
        "human_delta": 0.0,
        "human_passed": True,
    }


def test_a_phase_that_was_not_run_leads_to_no_delta() -> None:
    """W8: SPARK's ``--phases generated`` reports the reward itself as the gain."""
    told = summary(None, SKILL, None)
    assert (told["baseline"], told["with_human_skills"]) == ({}, {})
    deltas = {key: value for key, value in told["aggregate_delta"].items() if not key.endswith("paired_tasks")}
    assert set(deltas.values()) == {None}
    assert [each["generated_delta"] for each in told["per_task_delta"].values()] == [None] * 3
    assert [each["generated_reward"] for each in told["per_task_delta"].values()] == [1.0, None, 0.25]


def test_one_repeat_is_told_of_and_what_runs_is_left_out() -> None:
    """SPARK has one run of each task; one that has not ended has no result."""
    twice = side("skill", cell("a", "unsolved", 0.0), cell("a", "solved", 1.0, repeat=2), cell("b", None))
    assert [summary(NONE, twice, None, repeat=each)["with_generated_skills"]["passed"] for each in (1, 2)] == [0, 1]
    assert list(summary(NONE, twice, None)["with_generated_skills"]["tasks"]) == ["a"]


def test_pdi_mode_puts_the_reference_in_place_of_the_baseline() -> None:
    """As SPARK does where it is given the results of a run without PDI."""
    told = spark_pdi_summary(NONE, SparkPhases(None, SKILL, None, 1), ORIGIN, "other:skill")
    assert (told["pdi_mode"], told["ref_eval_result_dir"]) == (True, "other:skill")
    assert told["with_generated_skills"]["total"] == 3
    assert told["with_generated_skills_pdi"]["total"] == 2
    assert told["aggregate_delta"] == {
        "pdi_pass_rate_delta": 0.5,
        "pdi_mean_reward_delta": 0.375,
        "pdi_passed_delta": 1,
        "pdi_paired_tasks": 2,
    }
    assert told["per_task_delta"]["a"] == {
        "generated_reward": 0.0,
        "generated_passed": False,
        "generated_pdi_reward": 1.0,
        "generated_pdi_passed": True,
        "generated_pdi_delta": 1.0,
    }
    assert "with_human_skills" not in told
