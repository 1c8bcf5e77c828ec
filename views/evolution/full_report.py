"""SkillEvolBench's ``full_report.json`` of one arm, with a report of what it does not hold (SkillEvolBench, 6)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from anyio import Path as AsyncPath
from rich.console import Group, RenderableType
from rich.text import Text

from events.store.base import EventLog
from projections.evolution.measures import ArmMeasures, Share, measure_arm
from projections.evolution.pairs import arms_of
from projections.evolution.state import EvolvedRun
from views.evolution.costs import ArmCostRow, arm_cost_rows
from views.evolution.evolved_log import read_evolution
from views.terminal.errors import UsageWrong
from views.terminal.files import write_file
from views.terminal.format import plural
from views.terminal.log_access import OpenedLog

SCHEMA_VERSION: Final = "1.0"
_NOT_HELD: Final = (
    "intervals and verdicts: the format has no place for them; `compare` and `report` have them",
    "the reasons why trials have no score: the format counts only those that have one",
)


class FullReportRow(msgspec.Struct, frozen=True, tag_field="kind", tag="full_report"):
    """A report that was written."""

    path: str
    arm: str
    trials: int
    """That have a score."""
    unscored: int
    """Scheduled trials without a score: they are in none of its shares."""
    lost: tuple[str, ...]
    """What the format does not hold, or holds otherwise."""


async def write(desk: OpenedLog, text: str, to: Path, arm: str | None, at: str) -> FullReportRow:
    """Write the report of one arm of a run.

    Args:
        desk: With the log.
        text: What a person types for the run.
        to: File to write; never overwritten.
        arm: Its name. None: the only one.
        at: When, as ISO 8601.

    Raises:
        UsageWrong: The file exists, or the run has no such arm, or several and none is named.
        IdUnknown, IdAmbiguous: There is no such run, or there are several.
    """
    if await AsyncPath(to).exists():
        raise UsageWrong(f"{to} exists already", remedy="name another file with --to")
    evolved = await read_evolution(desk.log, text)
    arms = arms_of(evolved.run)
    if arm not in arms and not (arm is None and len(arms) == 1):
        told = f"the run has no arm {arm!r}" if arm is not None else f"the run has {plural(len(arms), 'arm')}"
        raise UsageWrong(told, remedy=f"name one of them with --arm: {', '.join(arms)}")
    named = arm or arms[0]
    content = await full_report(desk.log, evolved.name, evolved.run, named)
    await write_file(to, msgspec.json.format(msgspec.json.encode({**content, "generated_at": at}), indent=2) + b"\n")
    overall = measure_arm(evolved.run, named).overall
    return FullReportRow(str(to), named, overall.scored, overall.scheduled - overall.scored, _lost(content))


def render(row: FullReportRow) -> RenderableType:
    """Draw what was written, and what it lacks."""
    lines = [Text(f"{row.path}: {row.arm}, {plural(row.trials, 'trial')} with a score, {row.unscored} without")]
    return Group(*lines, *(Text(f"  not in it: {each}", style="dim") for each in row.lost))


async def full_report(log: EventLog, name: str, run: EvolvedRun, arm: str) -> dict[str, Any]:
    """Put one arm of a run into the form of SkillEvolBench's report; what nobody knows is null."""
    measures = measure_arm(run, arm)
    libraries = [each for each in run.libraries.values() if each.arm == arm]
    costs = [row for row in await arm_cost_rows(log, name, arms_of(run)) if row.arm == arm]
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": name,
        "baseline_name": arm,
        "benchmark_hash": libraries[0].digest if libraries else None,
        "n_tasks_attempted": sum(len(each.trials) for each in libraries),
        "task_success": _success(measures),
        "library_health": _health(measures),
        "revision_safety": _safety(measures),
        "t6_composition": _composition(measures),
        "transfer": _transfer(measures),
        "evolution_replay": _replay(measures),
        "cost": _cost(costs, measures),
    }


def _lost(content: Mapping[str, Any]) -> tuple[str, ...]:
    nothing = sorted(
        f"{part}.{key}" for part, held in content.items() if isinstance(held, dict) for key in held if held[key] is None
    )
    return (*_NOT_HELD, *((f"null, since nobody knows: {', '.join(nothing)}",) if nothing else ()))


def _success(measures: ArmMeasures) -> dict[str, Any]:
    t1, t2, t3, t4, t5, t6 = measures.roles.values()
    oracle, composed = measures.oracle.rate, t6.rate
    known = measures.traps.resisted + measures.traps.trapped
    return {
        "t1_pass_rate": t1.rate,
        "t2_pass_rate": t2.rate,
        "t3_pass_rate": t3.rate,
        "t4_transfer": t4.rate,
        "t5_pass_rate": t5.rate,
        "t5_trap_resistance": measures.traps.resisted / known if known else None,
        "t6_composition_rate": composed,
        "learning_sr": measures.learning.rate,
        "learning_sr_t2_t3": measures.after_first.rate,
        "evaluation_sr": measures.evaluation.rate,
        "overall_sr": measures.overall.rate,
        "t6_oracle_pass_rate": oracle,
        "t6_oracle_uplift": None if oracle is None or composed is None else oracle - composed,
        "n_per_role": {f"T{number}": share.scheduled for number, share in enumerate((t1, t2, t3, t4, t5, t6), 1)},
    }


def _health(measures: ArmMeasures) -> dict[str, Any]:
    health, tasks = measures.health, measures.overall.scheduled
    return {
        "total_skills": health.total,
        "active_skills": health.active,
        "quarantined_skills": health.quarantined,
        "retired_skills": health.retired,
        "effective_skill_count": health.read,
        "inflation": health.total / tasks if tasks else None,
        "consolidation": (health.revisions - health.total) / health.total if health.total else None,
        "stale_rate": health.never_read / health.active if health.active else None,
        "harmful_skills": list(health.harmful),
        "harmful_retention": health.harmful_active / len(health.harmful) if health.harmful else None,
    }


def _safety(measures: ArmMeasures) -> dict[str, Any]:
    told, followed = measures.revisions, measures.revisions.followed
    return {
        "proposed": told.proposed,
        "applied": told.applied,
        "rejected": told.rejected + told.refused,
        "rollbacks": told.rollbacks,
        "acceptance_rate": told.applied / told.proposed if told.proposed else None,
        "no_change_rate": told.unchanged / told.proposed if told.proposed else None,
        "help_rate": followed.recovery,
        "hurt_rate": followed.regression,
        "patch_overfitting_rate": told.overfitted / told.overfitting_known if told.overfitting_known else None,
    }


def _composition(measures: ArmMeasures) -> dict[str, Any]:
    told = measures.compositions
    scheduled, known = told.share.scheduled, told.ordered + told.unordered
    return {
        "n": scheduled,
        "pass_rate": told.share.rate,
        "required_skill_hit_rate": told.given / scheduled if scheduled else None,
        "composition_ordering_accuracy": told.ordered / known if known else None,
        "learned_rate": told.share.rate,
        "oracle_rate": measures.oracle.rate,
        "retrieval_composition_gap": measures.oracle_pairs.lift,
        "failure_taxonomy": dict(told.failures),
    }


def _transfer(measures: ArmMeasures) -> dict[str, Any]:
    abroad, solved = measures.other_environment, measures.other_environment_solved
    trials = measures.overall.scored
    return {
        "cross_env_reuse_rate": abroad / trials if trials else None,
        "positive_transfer_rate": solved / trials if trials else None,
        "negative_transfer_rate": (abroad - solved) / trials if trials else None,
        "final_retention_rate": measures.replayed.rate,
        "forgetting_rate": measures.replay.regression,
    }


def _replay(measures: ArmMeasures) -> dict[str, Any]:
    told = measures.replay
    return {
        "n_pairs": told.pairs,
        "replay_pass_rate": measures.replayed.rate,
        "evolution_lift": told.lift,
        "fs": told.fs,
        "ff": told.ff,
        "ss": told.ss,
        "sf": told.sf,
        "recovery_rate": told.recovery,
        "regression_rate": told.regression,
    }


def _cost(costs: Sequence[ArmCostRow], measures: ArmMeasures) -> dict[str, Any]:
    solved: Share = measures.overall
    known = [row.cost_nano_usd for row in costs]
    spent = None if not known or None in known else sum(cost or 0 for cost in known) / 1e9
    return {
        "input_tokens": sum(row.input_tokens for row in costs),
        "output_tokens": sum(row.output_tokens for row in costs),
        "author_calls": sum(row.calls for row in costs if row.what == "author"),
        "cost_usd": spent,
        "calls_of_unknown_cost": sum(row.unknown_cost_calls for row in costs),
        "cost_per_success_usd": spent / solved.solved if spent is not None and solved.solved else None,
    }
