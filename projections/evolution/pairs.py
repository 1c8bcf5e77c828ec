"""Arms of a run over a suite, compared task by task over what is independent; pure.

Trials that share a library share its luck. So what is independent is an environment where its families share a library,
a family where each has its own, and a whole course where all share one (SkillEvolBench, 11).
"""

from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import ClassVar, Final, NamedTuple

from events.errors import ExitCode, StillroomError
from events.types.evolution import LibraryScope
from events.types.suite import TaskRole
from projections.comparison.compare import Comparison, ComparisonPlan, PlannedArm, compare
from projections.comparison.rows import ComparisonRow, RowOutcome
from projections.evolution.measures import HELD_OUT
from projections.evolution.state import EvolvedRun, SuiteTrial

NO_SKILL: Final = "no_skill"
"""Arm that the others are compared with, where a run has it."""
_COARSEST: Final[tuple[LibraryScope, ...]] = ("global", "environment", "family")


class ArmsUnknown(StillroomError):
    """Raised when arms of a run cannot be compared: it has too few, or not the one that is named."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE


class ComparedArms(NamedTuple):
    """A comparison, and what it goes by."""

    baseline: str
    unit: LibraryScope
    """What is independent: the coarsest of what the arms share their libraries over."""
    comparison: Comparison


def arms_of(run: EvolvedRun) -> tuple[str, ...]:
    """Name the arms of a run, in the order in which it plans them."""
    named = [each.arm for each in run.planned] or [each.arm for each in run.libraries.values()]
    return tuple(dict.fromkeys(named))


def baseline_of(run: EvolvedRun, wanted: str | None = None) -> str:
    """Name the arm that the others are compared with: the one that is wanted, or `NO_SKILL`, or the first.

    Raises:
        ArmsUnknown: There is no such arm.
    """
    arms = arms_of(run)
    if wanted is not None and wanted not in arms:
        raise ArmsUnknown(f"the run has no arm {wanted!r}", remedy=f"name one of {', '.join(arms) or 'none so far'}")
    if not arms:
        raise ArmsUnknown("the run has no arm so far", remedy="compare it once its first library has begun")
    return wanted or (NO_SKILL if NO_SKILL in arms else arms[0])


def compare_arms(
    run: EvolvedRun, *, baseline: str | None = None, roles: Collection[TaskRole] = HELD_OUT
) -> ComparedArms:
    """Compare every arm of a run with one of them, over its primary trials of some roles.

    Args:
        run: It.
        baseline: As for `baseline_of`.
        roles: Of the tasks.

    Raises:
        ArmsUnknown: There is no such arm, or no other.
        StatisticsAbsent: scipy is not installed.
    """
    named = baseline_of(run, baseline)
    others = [each for each in arms_of(run) if each != named]
    if not others:
        raise ArmsUnknown(f"{named} is the only arm", remedy="name two arms or more in evolve.arms")
    unit = unit_of(run)
    repeats = {arm: _repeats(run, arm) for arm in (named, *others)}
    whole = unit == "global"
    rows = [row for arm in repeats for row in _rows(run, arm, frozenset(roles), unit)]
    units = {row.item: row.unit for row in rows} | _scheduled(run, frozenset(roles), unit, max(repeats.values()))
    plan = ComparisonPlan(
        PlannedArm(named, 1 if whole else repeats[named]),
        tuple(PlannedArm(arm, 1 if whole else repeats[arm]) for arm in others),
        dict(sorted(units.items())),
    )
    return ComparedArms(named, unit, compare(plan, rows))


def unit_of(run: EvolvedRun) -> LibraryScope:
    """Say what is independent in a run: the coarsest of what its arms share their libraries over."""
    shared = {each.shared for each in run.libraries.values()}
    return next((each for each in _COARSEST if each in shared), "environment")


def _repeats(run: EvolvedRun, arm: str) -> int:
    return max((each.repeat for each in run.libraries.values() if each.arm == arm), default=1)


def _rows(run: EvolvedRun, arm: str, roles: frozenset[TaskRole], unit: LibraryScope) -> Sequence[ComparisonRow]:
    found = []
    for library in run.libraries.values():
        if library.arm != arm:
            continue
        for trial in library.trials.values():
            if trial.row.passing == "primary" and trial.row.role in roles:
                item, of = _place(run, trial.row.task, unit, library.repeat)
                repeat = 1 if unit == "global" else library.repeat
                found.append(ComparisonRow(arm, item, of, repeat, _outcome(trial), _soft(trial), None, None))
    return found


def _scheduled(run: EvolvedRun, roles: frozenset[TaskRole], unit: LibraryScope, repeats: int) -> dict[str, str]:
    """List what was planned, so that what was never begun is missed."""
    tasks = {task for each in run.libraries.values() for task in each.tasks if run.roles.get(task) in roles}
    numbers = range(1, repeats + 1) if unit == "global" else (1,)
    return dict(_place(run, task, unit, repeat) for task in tasks for repeat in numbers)


def _place(run: EvolvedRun, task: str, unit: LibraryScope, repeat: int) -> tuple[str, str]:
    """Name an item of the comparison, and what it shares with others."""
    family = run.families[task]
    if unit == "global":
        return f"{task} r{repeat}", f"r{repeat}"
    return task, family if unit == "family" else run.environments[family]


def _outcome(trial: SuiteTrial) -> RowOutcome:
    if trial.row.solved is None:
        return "stopped" if trial.row.reason in {"budget", "stopped"} else "infrastructure"
    return "solved" if trial.row.solved else "unsolved"


def _soft(trial: SuiteTrial) -> Fraction | None:
    reward = trial.row.reward
    return None if reward is None or not 0 <= reward <= 1 else Fraction(str(reward))
