"""The live ports of a run: every door to the world, opened together and closed together."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

from engine.actors.run import RunPlan
from engine.budget import BudgetKeeper, Caps
from engine.histories import Histories
from engine.lineage import SESSION
from engine.lines import open_lines
from engine.model_port import ModelPort
from engine.planning import nano
from engine.ports import Port
from engine.sandbox_port import SandboxPort
from engine.setting import Setting, chosen_tasks
from engine.task_port import TaskPort
from events.base import Event, Recorded
from events.budget import BudgetAsked
from events.model import ModelAsked
from events.sandbox import ActionAsked, ReleaseAsked, SandboxAsked, SolutionAsked, VerifyAsked
from events.trial import TaskAsked


class LivePorts(NamedTuple):
    """All doors."""

    tasks: TaskPort
    sandboxes: SandboxPort
    models: ModelPort
    budget: BudgetKeeper

    def door(self, asked: Event) -> Port:
        """Find the port for this request."""
        match asked:
            case ModelAsked():
                return self.models
            case ActionAsked() | SandboxAsked() | VerifyAsked() | ReleaseAsked() | SolutionAsked():
                return self.sandboxes
            case BudgetAsked():
                return self.budget
            case TaskAsked():
                return self.tasks
            case _:
                raise KeyError(type(asked).__name__)

    def stranded(self, history: Sequence[Recorded]) -> str | None:
        """Only sandboxes end with the process that held them."""
        return self.sandboxes.stranded(history)


@asynccontextmanager
async def live_ports(setting: Setting, plan: RunPlan, histories: Histories) -> AsyncIterator[LivePorts]:
    """Open every door a run needs; close them, and every sandbox, when the run lets go.

    The budget is folded from the run's history before anything else may be asked.
    """
    spec = plan.trials[0].eras[-1].spec
    tasks = {task.name: task for task in chosen_tasks(spec, setting.base)}
    budget = BudgetKeeper(Caps(nano(spec.budget.run_usd), nano(spec.budget.trial_usd)))
    budget.fold({**histories.by_stream, SESSION: [*histories.earlier, *histories.by_stream.get(SESSION, ())]})
    sandboxes = SandboxPort(setting.log, setting.backend, tasks, setting.variables)
    async with AsyncExitStack() as stack:
        lines = await open_lines(stack, setting, spec)
        stack.push_async_callback(sandboxes.close)
        yield LivePorts(
            tasks=TaskPort(setting.log, tasks, setting.backend),
            sandboxes=sandboxes,
            models=ModelPort(setting.log, lines, budget),
            budget=budget,
        )
