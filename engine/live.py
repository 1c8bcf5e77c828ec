"""The live ports of a run: every door to the world, opened together and closed together."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import NamedTuple

from engine.actors.run import RunPlan
from engine.agents.oracle import Nop, Oracle
from engine.budget import BudgetKeeper, Caps
from engine.control import Board
from engine.gateway.server import Book
from engine.histories import Histories
from engine.installed.opening import Parts, open_agents
from engine.installed.port import AgentPort
from engine.lineage import SESSION, era_of
from engine.lines import open_lines
from engine.model_port import Line, ModelPort
from engine.planning import nano
from engine.pools.admission import Admission
from engine.ports import Leave, Place, Port
from engine.rebuilding import held, rebuild
from engine.sandbox_port import SandboxPort
from engine.session import Session
from engine.setting import Setting, chosen_tasks
from engine.spec import RunSpec
from engine.task_port import TaskPort
from events.agent import AgentRunAsked, CallReceived
from events.base import Event, Recorded
from events.budget import BudgetAsked
from events.model import ModelAsked
from events.sandbox import ActionAsked, ReleaseAsked, SandboxAsked, SolutionAsked, VerifyAsked
from events.session import SandboxRebuilt, ScopeStopped
from events.steps import StepAsked, StepVerifyAsked
from events.trial import TaskAsked
from events.values import Role
from sandbox.verifier import Trust

Note = Callable[[Event], Awaitable[object]]


class LivePorts(NamedTuple):
    """All doors, and who stands in front of them."""

    tasks: TaskPort
    sandboxes: SandboxPort
    models: ModelPort
    budget: BudgetKeeper
    agents: AgentPort | None
    """None: the agent is not of another make."""
    admission: Admission
    rebuilt: Note | None
    """Records that a sandbox was made again. None: none is, and an attempt whose sandbox is gone is abandoned."""

    def leave(self, asked: Event, place: Place) -> AbstractAsyncContextManager[Leave]:
        """Wait for orders and places."""
        return self.admission.leave(asked, place, self.models, self.sandboxes)

    def start(self, child: str) -> AbstractAsyncContextManager[bool]:
        """Wait for a place among the trials."""
        return self.admission.start(child)

    def door(self, asked: Event) -> Port:
        """Find the port for this request."""
        match asked:
            case ModelAsked():
                return self.models
            case ActionAsked() | SandboxAsked() | VerifyAsked() | ReleaseAsked() | SolutionAsked():
                return self.sandboxes
            case StepAsked() | StepVerifyAsked():
                return self.sandboxes
            case AgentRunAsked() if self.agents is not None:
                return self.agents
            case BudgetAsked():
                return self.budget
            case TaskAsked():
                return self.tasks
            case _:
                raise KeyError(type(asked).__name__)

    async def recover(self, history: Sequence[Recorded], place: Place) -> ScopeStopped | None:
        """Only sandboxes end with the process that held them, and the agents in them; make one again if it may be."""
        if isinstance(history[0].event, CallReceived):
            return ScopeStopped("sandbox_lost", "the agent that called ended with the process that held its sandbox")
        lost = held(history)
        if lost is None:
            return None
        if self.rebuilt is None:
            return ScopeStopped("sandbox_lost", "the sandbox ended with the process that held it")
        async with self.leave(lost.asked, place) as leave:
            found = await leave.during(partial(rebuild, lost, self.sandboxes, place))
            if not isinstance(found, SandboxRebuilt):
                await self.sandboxes.drop(place.stream)
        if isinstance(found, SandboxRebuilt):
            await self.rebuilt(found)
            return None
        return found or leave.stop


@asynccontextmanager
async def live_ports(
    setting: Setting, plan: RunPlan, histories: Histories, board: Board, session: Session
) -> AsyncIterator[LivePorts]:
    """Open every door a run needs; close them, and every sandbox, when the run lets go.

    The budget is folded from the run's history before anything else may be asked.
    """
    spec = plan.trials[0].eras[-1].spec
    tasks = {task.name: task for task in await chosen_tasks(setting, spec)}
    budget = BudgetKeeper(Caps(nano(spec.budget.run_usd), nano(spec.budget.trial_usd)))
    budget.fold({**histories.by_stream, SESSION: [*histories.earlier, *histories.by_stream.get(SESSION, ())]})
    sandboxes = SandboxPort(setting.log, setting.backend, tasks, setting.variables, trust=_trust(spec))
    async with AsyncExitStack() as stack:
        lines = await open_lines(stack, setting, _needed(plan, histories), board.pools)
        stack.callback(board.pools.forget, board.run)
        stack.callback(board.pools.tell(session.later))

        def line(role: Role, place: Place) -> Line:
            return lines[era_of(histories.lineage, place.stream, place.version - 1)][role]

        book = Book(setting.log, board.run, session.fence)
        mine = lines[len(plan.trials[0].eras) - 1]
        agents = await open_agents(
            stack, setting, spec, book, Parts(mine.get("teacher"), budget, sandboxes, board.orders)
        )
        stack.push_async_callback(sandboxes.close)
        yield LivePorts(
            tasks=TaskPort(setting.log, tasks, setting.backend),
            sandboxes=sandboxes,
            models=ModelPort(setting.log, line, budget),
            budget=budget,
            agents=agents,
            admission=Admission(board.run, board.pools, board.trials, board.orders),
            rebuilt=session.note if spec.on_loss == "rebuild" else None,
        )


def _needed(plan: RunPlan, histories: Histories) -> dict[int, RunSpec]:
    """Give the specs in force from here on, and of earlier eras those whose calls are asked again as they were."""
    eras = plan.trials[0].eras
    last = [history[-1] for history in histories.by_stream.values()]
    asked = {
        era_of(histories.lineage, each.stream.name, each.version - 1)
        for each in last
        if isinstance(each.event, ModelAsked)
    }
    return {era: eras[era].spec for era in {*asked, len(eras) - 1}}


def _trust(spec: RunSpec) -> Trust:
    """Say whether whoever acts may want the reward without the work: the task's author and nobody at all do not."""
    return "author" if spec.agent.name in {Oracle.name, Nop.name} else "none"
