"""What a run of `evolve` is made of: the spec of each arm, its trials, and what libraries are given; pure."""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from engine.agents.registry import agent_named
from engine.config.spec import RunSpec
from engine.core.prompts import Prompts
from engine.effects.callers import callers_of
from engine.effects.model_calls import Caller
from engine.programs.evaluate.cell import CellEnvironment, CellPlan
from engine.programs.evolve.spec import OUTSIDE, ROLES
from engine.programs.explore.trial import TrialPlan, TrialTerms
from engine.programs.skill_scan import ScannedTask
from events.digest import Fingerprint
from events.streams import cell_name
from events.types.condition import Condition
from events.types.evolution import TrialPass
from events.types.run import TaskPinned
from events.types.suite import Suite, SuiteEnvironment, SuiteTask

SERIES: Mapping[TrialPass, int] = {"primary": 0, "replay": 1, "oracle": 2, "gate": 3}
"""Fresh trials of one condition are told apart by it: none is found where another was stored."""


class SuiteInput(NamedTuple):
    """The suite, as a run has read it."""

    suite: Suite
    tasks: Mapping[str, SuiteTask]
    """By name."""
    environments: Mapping[str, SuiteEnvironment]
    """By id."""
    scanned: Mapping[str, ScannedTask]
    """What each task says and expects, by name."""


class EvolvePlan(NamedTuple):
    """The settings of each run of the line, oldest first, and what models are told."""

    arms: Mapping[str, tuple[RunSpec, ...]]
    """By name: the arm's settings in each run of the line."""
    prompts: Prompts
    tasks: Mapping[str, TaskPinned]
    """By name."""

    def callers(self, arm: str, role: str, account: str) -> tuple[Caller, ...]:
        """Say whom to ask in a role, by era. Empty: the settings name nobody.

        Args:
            arm: Its name.
            role: Such as ``author``.
            account: Who pays.
        """
        found = [callers_of(each, ROLES, account).get(role) for each in self.arms[arm]]
        return tuple(each for each in found if each is not None) if None not in found else ()

    def cell(self, arm: str, place: tuple[str, int, TrialPass], task: SuiteTask, given: Condition) -> CellPlan:
        """Plan the cell of a trial.

        Args:
            arm: Its name.
            place: Label of the cells that are begun together, the repeat of the arm, and the pass.
            task: Which.
            given: The condition, with skills and note.
        """
        label, repeat, passing = place
        name, spec = cell_name(label, task.task, 1), self.arms[arm][-1]
        eras = tuple(
            TrialTerms(each, agent_named(each.agent.name), callers_of(each, ROLES, name)) for each in self.arms[arm]
        )
        return CellPlan(
            arm=label,
            item=task.task,
            item_digest=Fingerprint(self.tasks[task.task].digest),
            unit=task.family,
            repeat=repeat,
            series=SERIES[passing],
            environment=CellEnvironment(spec.sandbox, spec.verifier_network),
            rollout=None,
            reuse="never",
            work=TrialPlan(name, task.task, label, self.prompts, eras, given=given),
            given=given,
        )


def told_in_cells(condition: Condition) -> Condition:
    """Give a condition without models that do not speak in cells: whoever writes or chooses skills is none of it."""
    return replace(condition, models=tuple(each for each in condition.models if each.role not in OUTSIDE))
