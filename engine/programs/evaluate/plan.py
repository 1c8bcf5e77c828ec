"""What an evaluation is made of: a cell for each arm, item and repeat; all of it follows from what is recorded."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from engine.agents.registry import agent_named
from engine.config.spec import RunSpec
from engine.core.prompts import Prompts
from engine.effects.callers import callers_of
from engine.effects.model_calls import Caller
from engine.items.base import ItemRef
from engine.items.points import needs_sandbox, rollout_spec
from engine.items.work import ItemTerms
from engine.programs.evaluate.arms import family_of_item, series_of
from engine.programs.evaluate.cell import CellEnvironment, CellPlan, QuestionPlan
from engine.programs.evaluate.rollouts import sandbox_terms
from engine.programs.evaluate.spec import EvaluateSpec, ItemsSpec
from engine.programs.explore.trial import TrialPlan, TrialTerms
from events.digest import Fingerprint
from events.streams import cell_name, item_cell
from events.types.item_set import SetPurpose
from events.types.run import TaskPinned

_PURPOSES: Final[Mapping[str, SetPurpose]] = MappingProxyType({"train": "train", "val": "selection", "test": "test"})
"""By split."""
JUDGE: Final = "judge"
"""Role of the model that checks what no rule of a scorer can."""
NO_VERIFIER: Final = "none"
"""What judges an item is in no sandbox, and has no network."""


class EvaluationPlan(NamedTuple):
    """The arms of an evaluation, and the cells that its tasks lead to."""

    roles: Mapping[str, str | None]
    arms: Mapping[str, tuple[RunSpec, ...]]
    """By name: the arm's settings in each run of the line, oldest first."""
    prompts: Prompts
    repeats: int
    settings: EvaluateSpec
    """In force."""
    tasks: tuple[CellPlan, ...] = ()

    @property
    def numbers(self) -> range:
        """Every repeat."""
        return range(1, self.repeats + 1)

    def of_task(self, arm: str, task: TaskPinned, repeat: int) -> CellPlan:
        """Plan the cell of a task."""
        name, spec = cell_name(arm, task.name, repeat), self.arms[arm][-1]
        settings = self.settings
        eras = tuple(
            TrialTerms(each, agent_named(each.agent.name), callers_of(each, self.roles, name))
            for each in self.arms[arm]
        )
        return CellPlan(
            arm=arm,
            item=task.name,
            item_digest=task.digest,
            unit=family_of_item(settings.family, task.name),
            repeat=repeat,
            series=series_of(settings, arm),
            environment=CellEnvironment(spec.sandbox, spec.verifier_network, settings.verifier_repeats),
            rollout=None,
            reuse=settings.reuse,
            work=TrialPlan(name, task.name, arm, self.prompts, eras, again=True),
        )

    def of_questions(self, refs: Sequence[ItemRef]) -> tuple[CellPlan, ...]:
        """Plan the cells of questions."""
        return tuple(self.of_question(arm, ref, k) for arm in self.arms for ref in refs for k in self.numbers)

    def judges(self, arm: str, account: str) -> tuple[Caller, ...]:
        """Say whom to ask what no rule of a scorer can check. Empty: the settings name no judge."""
        asked = [callers_of(each, self.roles, account).get(JUDGE) for each in self.arms[arm]]
        return tuple(each for each in asked if each is not None) if None not in asked else ()

    def of_question(self, arm: str, ref: ItemRef, repeat: int) -> CellPlan:
        """Plan the cell of a question."""
        spec, name = self.arms[arm][-1], item_cell(ref.set, ref.name, repeat, arm)
        callers = tuple(callers_of(each, self.roles, name)["teacher"] for each in self.arms[arm])
        rollout, settings = rollout_spec(spec), self.settings
        eras = tuple(sandbox_terms(each) for each in self.arms[arm]) if needs_sandbox(rollout) else ()
        item = f"{ref.set}.{ref.name}"
        terms = ItemTerms(callers, self.prompts, rollout.way, repeat, arm, eras, self.judges(arm, name))
        return CellPlan(
            arm=arm,
            item=item,
            item_digest=Fingerprint(ref.digest),
            unit=ref.family or family_of_item(settings.family, item),
            repeat=repeat,
            series=series_of(settings, arm),
            environment=CellEnvironment(spec.sandbox, NO_VERIFIER) if eras else None,
            rollout=rollout,
            reuse=settings.reuse,
            work=QuestionPlan(name, ref, terms),
        )


def purpose_of(items: ItemsSpec) -> SetPurpose | None:
    """Say what a set of items is for: what the spec says, or else what its split is called."""
    return items.purpose or _PURPOSES.get(items.split)
