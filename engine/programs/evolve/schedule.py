"""The schedule of a run: which libraries there are, which trials each has, and which of them wait for which; pure."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol, TypeVar

from engine.programs.evolve.spec import EvolveArmSpec, EvolveSpec
from events.streams import course_name
from events.types.evolution import PlannedLibrary, TrialPass
from events.types.suite import Suite, SuiteEnvironment, SuiteFamily, SuiteTask, TaskPhase, TaskRole

GLOBAL: Final = "global"
"""Scope of a library that all environments share."""
ORDERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "A": ("E1", "E2", "E3", "E4", "E5", "E6"),
        "B": ("E3", "E5", "E1", "E6", "E2", "E4"),
        "C": ("E6", "E4", "E2", "E5", "E3", "E1"),
    }
)
"""As SkillEvolBench has them."""


class ScheduledTrial(NamedTuple):
    """A trial that is to be made."""

    task: SuiteTask
    passing: TrialPass


class LibraryPlan(NamedTuple):
    """One library, and the trials that it is learnt from and measured by."""

    course: str
    arm: str
    repeat: int
    """From 1."""
    scope: str
    """An environment, a family, or `GLOBAL`."""
    stretches: tuple[tuple[SuiteFamily, ...], ...]
    """Families in the order in which they are learnt; one stretch for each environment."""
    learning: tuple[SuiteTask, ...]
    """In the order in which they are learnt from."""
    measured: tuple[ScheduledTrial, ...]
    """What is tried with a frozen library: held-out tasks, replays, and compositions with what they require."""

    @property
    def families(self) -> tuple[SuiteFamily, ...]:
        """All of them, in the order in which they are learnt."""
        return tuple(chain.from_iterable(self.stretches))

    @property
    def trials(self) -> int:
        """How many trials are scheduled."""
        return len(self.learning) + len(self.measured)

    def of_pass(self, passing: TrialPass) -> int:
        """Count the trials of a pass that are measured with a frozen library."""
        return sum(each.passing == passing for each in self.measured)


class CriticalPath(NamedTuple):
    """What has to come one after the other, however many places there are."""

    trials: int
    authors: int
    """Questions to the author."""


def order_of(settings: EvolveSpec, environments: Sequence[str]) -> tuple[str, ...]:
    """Give environments in the order in which they are learnt where they share a library.

    Args:
        settings: Of the run.
        environments: That there are, sorted.

    Returns:
        Those that the order does not name stand behind it, sorted.
    """
    named = ORDERS.get(settings.order, ()) if isinstance(settings.order, str) else settings.order
    first = [each for each in named if each in environments]
    return (*first, *[each for each in environments if each not in first])


def part_of(suite: Suite, settings: EvolveSpec) -> tuple[SuiteEnvironment, ...]:
    """Give the part of a suite that is gone through, environment by environment in their order."""
    chosen = {
        each.id: SuiteEnvironment(id=each.id, slug=each.slug, families=families)
        for each in suite.environments
        if (families := tuple(family for family in each.families if _is_chosen(settings, family)))
    }
    return tuple(chosen[each] for each in order_of(settings, sorted(chosen)))


def _is_chosen(settings: EvolveSpec, family: SuiteFamily) -> bool:
    return (not settings.environments or family.environment in settings.environments) and (
        not settings.families or family.id in settings.families
    )


def schedule(suite: Suite, settings: EvolveSpec, arms: Mapping[str, EvolveArmSpec]) -> tuple[LibraryPlan, ...]:
    """List every library of a run: arm by arm, repeat by repeat, scope by scope."""
    part = part_of(suite, settings)
    tasks = {each.task: each for each in suite.tasks}
    return tuple(
        _library(tasks, (name, repeat), arm, scope, stretches)
        for name, arm in arms.items()
        for repeat in range(1, settings.repeats + 1)
        for scope, stretches in _scopes(part, arm)
    )


def _scopes(
    part: Sequence[SuiteEnvironment], arm: EvolveArmSpec
) -> Iterator[tuple[str, tuple[tuple[SuiteFamily, ...], ...]]]:
    match arm.scope:
        case "environment":
            yield from ((each.id, (each.families,)) for each in part)
        case "family":
            yield from ((family.id, ((family,),)) for each in part for family in each.families)
        case "global":
            yield GLOBAL, tuple(each.families for each in part)


def _library(
    tasks: Mapping[str, SuiteTask],
    course: tuple[str, int],
    arm: EvolveArmSpec,
    scope: str,
    stretches: tuple[tuple[SuiteFamily, ...], ...],
) -> LibraryPlan:
    of = [tasks[name] for families in stretches for family in families for name in family.tasks]
    learning = tuple(each for each in of if each.phase == "learning")
    found = measured_trials(of, replay=arm.replay, again=arm.replay_evaluation, oracle=arm.oracle_t6)
    measured = tuple(ScheduledTrial(*each) for each in found)
    name, repeat = course
    return LibraryPlan(course_name(name, repeat), name, repeat, scope, stretches, learning, measured)


class HasRole(Protocol):
    """A task, as far as its place in a schedule goes."""

    @property
    def role(self) -> TaskRole:
        """What it is for."""

    @property
    def phase(self) -> TaskPhase:
        """Whether it is learnt from."""


T = TypeVar("T", bound=HasRole)


def measured_trials(tasks: Sequence[T], *, replay: bool, again: bool, oracle: bool) -> list[tuple[T, TrialPass]]:
    """List what is tried with a frozen library: held-out tasks, then replays, then compositions with what they require.

    Args:
        tasks: Of the library, in order.
        replay: Whether learning tasks are tried once more.
        again: Whether, with `replay`, held-out tasks are, too.
        oracle: Whether compositions are tried with exactly what they require.
    """
    found: list[tuple[T, TrialPass]] = [(each, "primary") for each in tasks if each.phase == "evaluation"]
    if replay:
        found += [(each, "replay") for each in tasks if again or each.phase == "learning"]
    if oracle:
        found += [(each, "oracle") for each in tasks if each.role == "composition"]
    return found


def is_line(arm: EvolveArmSpec) -> bool:
    """Say whether learning trials wait for each other: what the next one is given follows from those before."""
    return arm.learn != "never" or arm.memory in {"trajectories", "history"}


def critical_path(plan: LibraryPlan, arm: EvolveArmSpec) -> CriticalPath:
    """Count what has to come one after the other in a library.

    A gate adds trials that no schedule knows: those are not counted.
    """
    drafts = int(arm.skill_init == "zero_shot")
    if not is_line(arm):
        return CriticalPath(min(1, plan.trials), drafts)
    line = len(plan.learning) if arm.freeze_after is None else min(arm.freeze_after, len(plan.learning))
    rest = plan.trials - line
    return CriticalPath(line + min(1, rest), drafts + (line if arm.learn != "never" else 0))


def planned_library(plan: LibraryPlan, arm: EvolveArmSpec) -> PlannedLibrary:
    """Say of a library what is recorded of it before anything begins."""
    critical = critical_path(plan, arm)
    return PlannedLibrary(
        course=plan.course,
        arm=plan.arm,
        scope=plan.scope,
        learning=len(plan.learning),
        evaluation=plan.of_pass("primary"),
        replay=plan.of_pass("replay"),
        oracle=plan.of_pass("oracle"),
        critical_trials=critical.trials,
        critical_authors=critical.authors,
    )


def longest(planned: Sequence[PlannedLibrary]) -> CriticalPath:
    """Give the longest of the critical paths, all libraries side by side."""
    found = [CriticalPath(each.critical_trials, each.critical_authors) for each in planned]
    return max(found, key=lambda each: (each.trials, each.authors), default=CriticalPath(0, 0))
