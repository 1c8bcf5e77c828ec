"""An evaluation as SPARK's evaluator reports one: ``summary.json`` and ``summary.md``, key by key.

Its shape is SPARK's; three of its figures are not. A phase that was not run has no figures, and no delta is computed
with it (SPARK takes a missing reward for 0, so that ``--phases generated`` reports the reward itself as the gain). A
delta is over the tasks that have a verdict in both phases (SPARK compares the mean of the human phase, over the tasks
that have human skills, with the mean of all). What the infrastructure broke has no reward and counts in no figure.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import fsum
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from views.evaluations.sides import ComparedSide, SideCell

SparkRole: TypeAlias = Literal["baseline", "generated", "human"]
SPARK_LABELS: Final[Mapping[SparkRole, str]] = {
    "baseline": "baseline",
    "generated": "with-generated-skills",
    "human": "with-human-skills",
}
"""What SPARK calls its phases, by what they are."""
_JsonObject: TypeAlias = dict[str, Any]


class SparkPhases(NamedTuple):
    """Which sides stand for SPARK's phases."""

    baseline: ComparedSide | None
    """None: there is none; and so for the others."""
    generated: ComparedSide | None
    human: ComparedSide | None
    repeat: int
    """Which run of each task is told of: SPARK has one."""


class SparkOrigin(NamedTuple):
    """What a summary says of where it comes from. None: nobody says."""

    at: int
    """When it is written: microseconds since 1970, UTC."""
    agent: str | None
    model: str | None
    tasks: str | None
    """Folder of the tasks."""


def spark_summary(phases: SparkPhases, origin: SparkOrigin) -> _JsonObject:
    """Give ``summary.json`` of an evaluation in up to three phases."""
    baseline, generated, human = (_tasks(side, phases.repeat) for side in phases[:3])
    names = sorted({*baseline, *generated, *human})
    return {
        **_head(origin),
        "human_skills_dir": None,
        "agent_timeout_multiplier": None,
        "skills_result_dir": None,
        "skill_source_model": None,
        "task_names": names,
        "staged_tasks_dir": None,
        "baseline": _phase("baseline", phases.baseline, baseline),
        "with_generated_skills": _phase("generated", phases.generated, generated),
        "with_human_skills": _phase("human", phases.human, human),
        "human_task_names": sorted(human),
        "aggregate_delta": {**_delta("", baseline, generated), **_delta("human_", baseline, human)},
        "per_task_delta": {
            name: _task_delta(baseline.get(name), generated.get(name), human.get(name)) for name in names
        },
        "resumed_from": None,
        "staging_cleanup_path": None,
        "staging_cleaned_up": None,
    }


def spark_pdi_summary(
    reference: ComparedSide, phases: SparkPhases, origin: SparkOrigin, reference_name: str
) -> _JsonObject:
    """Give ``summary.json`` in PDI mode: the generated arm beside that of a reference, without PDI.

    Args:
        reference: The generated arm of the run that is compared with.
        phases: Of the run itself; only its generated arm counts.
        origin: Of the run.
        reference_name: Names the reference.
    """
    before, after = _tasks(reference, phases.repeat), _tasks(phases.generated, phases.repeat)
    names = sorted({*before, *after})
    return {
        **_head(origin),
        "pdi_mode": True,
        "ref_eval_result_dir": reference_name,
        "task_names": names,
        "with_generated_skills": _phase("generated", reference, before),
        "with_generated_skills_pdi": _phase("generated", phases.generated, after),
        "aggregate_delta": _delta("pdi_", before, after),
        "per_task_delta": {
            name: {
                "generated_reward": _reward(before.get(name)),
                "generated_passed": _passed(before.get(name)),
                "generated_pdi_reward": _reward(after.get(name)),
                "generated_pdi_passed": _passed(after.get(name)),
                "generated_pdi_delta": _gained(before.get(name), after.get(name)),
            }
            for name in names
        },
    }


def _head(origin: SparkOrigin) -> _JsonObject:
    return {
        "created_at": datetime.fromtimestamp(origin.at / 1e6, tz=UTC).isoformat(),
        "agent": origin.agent,
        "model": origin.model,
        "tasks_dir": origin.tasks,
    }


def _tasks(side: ComparedSide | None, repeat: int) -> dict[str, _JsonObject]:
    """Give the result of each task of a phase; one that was not run has none."""
    cells = () if side is None else side.cells
    return {
        each.item: _result(side, each)
        for each in sorted(cells, key=lambda each: each.item)
        if side is not None and each.repeat == repeat and each.outcome is not None
    }


def _result(side: ComparedSide, cell: SideCell) -> _JsonObject:
    scored = cell.outcome in {"solved", "unsolved"}
    passed = cell.outcome == "solved" if scored else None
    reward = (float(bool(passed)) if cell.reward is None else cell.reward) if scored else None
    judged = [] if cell.trial is None else [each for each in cell.trial.attempts.values() if each.outcome is not None]
    passing, total = (judged[-1].passed, judged[-1].total) if judged else (0, 0)
    errors = () if cell.trial is None else tuple(cell.trial.errors)
    return {
        "task": cell.item,
        "trial_dir": "",
        "reward": reward,
        "passed": passed,
        "status": _status(reward, passed=passed),
        "n_tests": total,
        "n_passed": passing,
        "n_failed": total - passing,
        "has_exception": not scored,
        "exception_type": None if scored else cell.outcome,
        "exception_message": None if scored else "; ".join(errors),
        "event": side.place(cell),
        "event_digest": None if cell.ending is None else cell.ending.digest,
    }


def _status(reward: float | None, *, passed: bool | None) -> str:
    """Give SPARK's word for a result, in its order."""
    if reward is None:
        return "ERROR"
    return "PASS" if passed else "PARTIAL" if 0 < reward < 1 else "FAIL"


def _phase(role: SparkRole, side: ComparedSide | None, tasks: Mapping[str, _JsonObject]) -> _JsonObject:
    """Sum a phase up. Empty: it was not run."""
    if side is None:
        return {}
    scored = [each for each in tasks.values() if each["reward"] is not None]
    passed = sum(bool(each["passed"]) for each in scored)
    return {
        "label": SPARK_LABELS[role],
        "job_name": "",
        "job_dir": "",
        "mean_reward": _mean([each["reward"] for each in scored]),
        "passed": passed,
        "failed": len(scored) - passed,
        "total": len(scored),
        "pass_rate": passed / len(scored) if scored else None,
        "tasks": dict(tasks),
        "planned": len(side.items),
        "no_verdict": sorted(side.items - {each["task"] for each in scored}),
    }


def _delta(prefix: str, before: Mapping[str, _JsonObject], after: Mapping[str, _JsonObject]) -> _JsonObject:
    """Compare two phases over the tasks that have a verdict in both. None: there are none."""
    pairs = [
        (before[name], after[name])
        for name in sorted({*before} & {*after})
        if before[name]["reward"] is not None and after[name]["reward"] is not None
    ]
    gained = sum(int(new["passed"]) - int(old["passed"]) for old, new in pairs)
    return {
        f"{prefix}pass_rate_delta": gained / len(pairs) if pairs else None,
        f"{prefix}mean_reward_delta": _mean([new["reward"] - old["reward"] for old, new in pairs]),
        f"{prefix}passed_delta": gained if pairs else None,
        f"{prefix}paired_tasks": len(pairs),
    }


def _task_delta(baseline: _JsonObject | None, generated: _JsonObject | None, human: _JsonObject | None) -> _JsonObject:
    return {
        "baseline_reward": _reward(baseline),
        "generated_reward": _reward(generated),
        "generated_delta": _gained(baseline, generated),
        "baseline_passed": _passed(baseline),
        "generated_passed": _passed(generated),
        "human_reward": _reward(human),
        "human_delta": _gained(baseline, human),
        "human_passed": _passed(human),
    }


def _reward(result: _JsonObject | None) -> float | None:
    return None if result is None else result["reward"]


def _passed(result: _JsonObject | None) -> bool | None:
    return None if result is None else result["passed"]


def _gained(before: _JsonObject | None, after: _JsonObject | None) -> float | None:
    old, new = _reward(before), _reward(after)
    return None if old is None or new is None else new - old


def _mean(values: Sequence[float]) -> float | None:
    return fsum(values) / len(values) if values else None
