"""SPARK's ``summary.json`` and ``summary.md`` of a run, with a report of what they do not hold."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from anyio import Path as AsyncPath
from rich.console import Group, RenderableType

from engine.config.spec import RunSpec
from engine.core.errors import NothingToResume
from engine.programs.evaluate.arms import own
from events.store.base import EventLog
from views.evaluations.pairs import find_arm
from views.evaluations.sides import ComparedSide, sides_of
from views.evaluations.spark_summary import (
    SPARK_LABELS,
    SparkOrigin,
    SparkPhases,
    SparkRole,
    spark_pdi_summary,
    spark_summary,
)
from views.setup.settings import spec_of
from views.terminal.errors import IdUnknown, UsageWrong
from views.terminal.files import write_file
from views.terminal.format import plural, reward
from views.terminal.log_access import OpenedLog
from views.terminal.table_formats import TableFormat, markdown_text, write_table
from views.terminal.tables import TableView

_NAMES: Final[Mapping[SparkRole, Sequence[str]]] = {
    "baseline": ("baseline", "none"),
    "generated": ("with-generated-skills", "generated", "skill"),
    "human": ("with-human-skills", "human"),
}
"""Names of arms that stand for a phase, unless an option names another."""


class SparkChoice(NamedTuple):
    """Which arms stand for SPARK's phases."""

    baseline: str | None
    """None: by its name, or the baseline of the evaluation; and so for the others, by their names."""
    generated: str | None
    human: str | None
    reference: str | None
    """``RUN`` or ``RUN:ARM``: the run without PDI, in PDI mode. None: it is not that mode."""
    repeat: int


class SparkSummaryRow(msgspec.Struct, frozen=True, tag_field="kind", tag="spark_summary"):
    """A summary that was written."""

    path: str
    baseline: str | None
    """Arm that stands for the phase. None: there is none, so nothing is compared with it; and so for the others."""
    generated: str | None
    human: str | None
    tasks: int
    no_verdict: int
    """Results without a verdict, in all phases: they count in no figure."""
    repeat: int
    repeats: int
    """How many there are; SPARK's format has a place for one."""
    arms_left_out: tuple[str, ...]
    """Arms for which the format has no place."""


class SparkPhaseRow(msgspec.Struct, frozen=True):
    """A phase in ``summary.md``."""

    phase: str
    total: int
    """Tasks with a verdict."""
    planned: int
    passed: int
    pass_rate: float | None
    mean_reward: float | None


class SparkTaskRow(msgspec.Struct, frozen=True):
    """A task in ``summary.md``, in two phases."""

    task: str
    before: float | None
    after: float | None
    delta: float | None


class _Chosen(NamedTuple):
    phases: SparkPhases
    arms: Sequence[ComparedSide]


async def write(desk: OpenedLog, run: str, folder: Path, choice: SparkChoice) -> SparkSummaryRow:
    """Write both files.

    Args:
        desk: With the log.
        run: Its id.
        folder: In which they are written; it is made.
        choice: Which arms are told of.

    Raises:
        UsageWrong: There is a summary already, or no arm stands for a phase.
        IdUnknown, IdAmbiguous: There is no such arm or run, or there are several.
    """
    if await AsyncPath(folder / "summary.json").exists():
        raise UsageWrong(f"{folder / 'summary.json'} already exists", remedy="remove it, or choose another folder")
    spec = await _spec(desk.log, run)
    chosen = _choose(await sides_of(desk.log, run), choice, spec)
    origin = SparkOrigin(
        at=desk.machine.clock(),
        agent=None if spec is None else spec.agent.name,
        model=None if spec is None or "teacher" not in spec.models else spec.models["teacher"].model,
        tasks=None if spec is None else spec.tasks,
    )
    if choice.reference is None:
        told = spark_summary(chosen.phases, origin)
    else:
        before, name = await _reference(desk.log, choice)
        told = spark_pdi_summary(before, chosen.phases, origin, name)
    await write_file(folder / "summary.json", msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n")
    await write_file(folder / "summary.md", _markdown(told).encode())
    return _row(folder, chosen, choice, told)


async def _spec(log: EventLog, run: str) -> RunSpec | None:
    try:
        return await spec_of(log, run)
    except NothingToResume:
        return None


def _choose(sides: Sequence[ComparedSide], choice: SparkChoice, spec: RunSpec | None) -> _Chosen:
    named = {each.arm: each for each in sides}
    evaluated = [own(spec).baseline] if spec is not None and spec.program == "evaluate" else []
    given: Mapping[SparkRole, str | None] = {
        "baseline": choice.baseline,
        "generated": choice.generated,
        "human": choice.human,
    }
    found: dict[SparkRole, ComparedSide | None] = {}
    for role, wanted in given.items():
        if wanted is not None and wanted not in named:
            raise IdUnknown(wanted, "arm", sorted(named))
        usual = [*_NAMES[role], *(evaluated if role == "baseline" else ())]
        names = usual if wanted is None else [wanted]
        found[role] = next((named[name] for name in names if name in named), None)
    repeats = max((each.repeats for each in sides), default=0)
    if not 1 <= choice.repeat <= repeats:
        raise UsageWrong(f"there is no repeat {choice.repeat}", remedy=f"choose one from 1 to {repeats} with --repeat")
    if choice.reference is not None:
        found["baseline"] = found["human"] = None
        found["generated"] = found["generated"] or (sides[0] if len(sides) == 1 else None)
    if not any(found.values()):
        arms = ", ".join(sorted(named)) or "none"
        remedy = "name arms with --baseline, --generated and --human"
        raise UsageWrong(f"no arm stands for a phase of SPARK's; there are: {arms}", remedy=remedy)
    return _Chosen(SparkPhases(found["baseline"], found["generated"], found["human"], choice.repeat), sides)


async def _reference(log: EventLog, choice: SparkChoice) -> tuple[ComparedSide, str]:
    wanted = await find_arm(log, choice.reference or "")
    sides = await sides_of(log, wanted.run)
    names = [wanted.arm] if wanted.arm is not None else list(_NAMES["generated"])
    only = sides if wanted.arm is None and len(sides) == 1 else []
    found = [each for name in names for each in sides if each.arm == name] or only
    if not found:
        raise IdUnknown(names[0], "arm", [each.arm for each in sides])
    return found[0], f"{wanted.run}:{found[0].arm}"


def _row(folder: Path, chosen: _Chosen, choice: SparkChoice, told: Mapping[str, Any]) -> SparkSummaryRow:
    used = {side.arm for side in chosen.phases[:3] if side is not None}
    blocks = [told[key] for key in _BLOCKS if told.get(key)]
    return SparkSummaryRow(
        path=str(folder / "summary.json"),
        baseline=_arm(chosen.phases.baseline),
        generated=_arm(chosen.phases.generated),
        human=_arm(chosen.phases.human),
        tasks=len(told["task_names"]),
        no_verdict=sum(len(each["no_verdict"]) for each in blocks),
        repeat=choice.repeat,
        repeats=max(side.repeats for side in chosen.arms),
        arms_left_out=tuple(sorted({side.arm for side in chosen.arms} - used)),
    )


def _arm(side: ComparedSide | None) -> str | None:
    return None if side is None else side.arm


_BLOCKS: Final = ("baseline", "with_generated_skills", "with_human_skills", "with_generated_skills_pdi")


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.1f} %"


_PHASES: Final = TableView(
    SparkPhaseRow,
    "phase",
    (">with a verdict", lambda row: f"{row.total} of {row.planned}"),
    ">passed",
    (">pass rate", lambda row: _percent(row.pass_rate)),
    (">mean reward", lambda row: reward(row.mean_reward)),
)
_TASKS: Final = TableView(
    SparkTaskRow,
    "task",
    (">before", lambda row: reward(row.before)),
    (">after", lambda row: reward(row.after)),
    (">delta", lambda row: None if row.delta is None else f"{row.delta:+.4g}"),
)


def _markdown(told: Mapping[str, Any]) -> str:
    """Write ``summary.md``."""
    phases = [
        SparkPhaseRow(key, each["total"], each["planned"], each["passed"], each["pass_rate"], each["mean_reward"])
        for key in _BLOCKS
        if (each := told.get(key))
    ]
    deltas = [f"* {key}: {'-' if value is None else f'{value:+.4g}'}" for key, value in told["aggregate_delta"].items()]
    head = markdown_text(f"{told['agent'] or 'agent unknown'}, {told['model'] or 'model unknown'}")
    parts = [f"# Skill evaluation: {head}\n", write_table(phases, _PHASES, TableFormat.MARKDOWN), *deltas, ""]
    for title, before, after, delta in _COMPARED:
        rows = [
            SparkTaskRow(name, each[before], each[after], each[delta])
            for name, each in told["per_task_delta"].items()
            if before in each and after in each
        ]
        if any(row.after is not None for row in rows):
            parts += [f"## {title}\n", write_table(rows, _TASKS, TableFormat.MARKDOWN)]
    return "\n".join(parts)


_COMPARED: Final = (
    ("Generated skills beside none", "baseline_reward", "generated_reward", "generated_delta"),
    ("Human skills beside none", "baseline_reward", "human_reward", "human_delta"),
    ("With PDI beside without", "generated_reward", "generated_pdi_reward", "generated_pdi_delta"),
)


def render(row: SparkSummaryRow) -> RenderableType:
    """Say what was written, and what it lacks."""
    told: Mapping[SparkRole, str | None] = {
        "baseline": row.baseline,
        "generated": row.generated,
        "human": row.human,
    }
    arms = ", ".join(f"{SPARK_LABELS[role]}: {arm or 'none'}" for role, arm in told.items())
    lines = [f"wrote {row.path} and summary.md: {plural(row.tasks, 'task')}; {arms}"]
    if row.no_verdict:
        lines.append(f"{plural(row.no_verdict, 'result')} without a verdict, in no figure")
    if row.repeats > 1:
        lines.append(f"repeat {row.repeat} of {row.repeats}: the format has a place for one")
    if row.arms_left_out:
        lines.append(f"no place for: {', '.join(row.arms_left_out)}")
    return Group(*lines)
