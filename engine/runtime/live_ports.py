"""The live ports of a run: every door to the world, opened together and closed together."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final, NamedTuple

from engine.agents.oracle import Nop, Oracle
from engine.config.program import KnowsActors, RunPlan
from engine.config.program_registry import specs_of
from engine.config.spec import RunSpec, model_key
from engine.core.history import RunHistory
from engine.core.lineage import SESSION, era_of
from engine.core.ports import EffectAddress, Permit, Port, granted
from engine.effects.budget import BudgetKeeper, Caps
from engine.effects.callers import nano
from engine.effects.made_tasks import MadeTasks
from engine.effects.models import ModelClient, ModelPort, wait_to_retry
from engine.effects.refusals import RefusalWatch, past_calls
from engine.effects.sandboxes import SandboxPort
from engine.effects.tasks import TaskPort
from engine.gateway.server import CallRecorder
from engine.items.port import ItemsPort
from engine.items.world_doors import WorldDoors
from engine.proving.inspection import InspectionPort
from engine.runtime.admission import Admission
from engine.runtime.context import RunContext, chosen_tasks
from engine.runtime.control import SignalTargets
from engine.runtime.model_clients import Terms, open_model_clients
from engine.runtime.open_agents import AgentDependencies, AgentRoutes, open_agents
from engine.runtime.plan import names_of
from engine.runtime.recovery import Recovery, Stand
from engine.runtime.replay_commands import SandboxHistory, held
from engine.runtime.session import Session
from engine.suites.port import SuitePort
from events.base import Event, Recorded
from events.types.agent import AgentRunAsked, CallReceived
from events.types.budget import BudgetAsked
from events.types.construction import RenderAsked
from events.types.evaluation import AnswersAsked
from events.types.item import ItemsAsked
from events.types.model import ModelAsked, RetryAsked
from events.types.proving import InspectionAsked
from events.types.sandbox import (
    ActionAsked,
    FilesAsked,
    KeepAsked,
    ReleaseAsked,
    SandboxAsked,
    SolutionAsked,
    VerifyAgainAsked,
    VerifyAsked,
)
from events.types.session import ScopeStopped
from events.types.steps import StepAsked, StepVerifyAsked
from events.types.suite import SuiteAsked
from events.types.trial import TaskAsked
from events.values import Role
from sandbox.harbor.task import Task
from sandbox.verification.verifier import Trust


class LivePorts(NamedTuple):
    """All doors, and who stands in front of them."""

    tasks: TaskPort
    sandboxes: SandboxPort
    models: ModelPort
    budget: BudgetKeeper
    agents: AgentRoutes | None
    """None: the agent is not of another make."""
    admission: Admission
    recovery: Recovery
    table: Mapping[type[Event], Port]
    """Which port answers what; the program's own are among them."""
    refusals: RefusalWatch

    def admit(self, asked: Event, place: EffectAddress) -> AbstractAsyncContextManager[Permit]:
        """Wait for orders and places."""
        return self.admission.admit(asked, place, self.models, self.sandboxes)

    def admit_child(self, child: str) -> AbstractAsyncContextManager[bool]:
        """Wait for a place among the trials."""
        return self.admission.admit_child(child)

    def handler_for(self, asked: Event) -> Port:
        """Find the port for this request."""
        return self.table[type(asked)]

    async def recover(self, history: Sequence[Recorded], place: EffectAddress) -> ScopeStopped | None:
        """Only sandboxes end with the process that held them, and the agents in them; bring one back if that may be."""
        if isinstance(history[0].event, CallReceived):
            return ScopeStopped("sandbox_lost", "the agent that called ended with the process that held its sandbox")
        lost = held(history)
        if lost is None:
            return None
        stand = self.recovery.stand(lost, history, place.stream)
        async with self._leave_if(lost, stand, place) as leave:
            found = await leave.during(partial(self.recovery.bring_back, lost, stand, place, history))
            if isinstance(found, ScopeStopped):
                await self.sandboxes.drop(place.stream)
        if found is None:
            await self.sandboxes.discard(place)
            return leave.stop
        if isinstance(found, ScopeStopped):
            return found
        await self.recovery.note(found)
        return None

    def _leave_if(
        self, lost: SandboxHistory, stand: Stand, place: EffectAddress
    ) -> AbstractAsyncContextManager[Permit]:
        """Wait for a place, unless none is needed to give the attempt up."""
        needed = self.recovery.rebuilds or isinstance(stand, int)
        return self.admit(lost.asked, place) if needed else granted()


@asynccontextmanager
async def live_ports(
    setting: RunContext, plan: RunPlan, histories: RunHistory, board: SignalTargets, session: Session
) -> AsyncIterator[LivePorts]:
    """Open every door a run needs; close them, and every sandbox, when the run lets go.

    The budget is folded from the run's history before anything else may be asked.
    """
    spec = plan.spec
    tasks = {task.name: task for task in await chosen_tasks(setting, spec, names_of(plan.opened))}
    budget = BudgetKeeper(Caps(nano(spec.budget.run_usd), nano(spec.budget.trial_usd)))
    budget.fold({**histories.by_stream, SESSION: [*histories.earlier, *histories.by_stream.get(SESSION, ())]})
    sandboxes = SandboxPort(
        setting.log, setting.backend, tasks, setting.variables, trust=_trust(plan), session=session.fence.token
    )
    sandboxes.supervisor = session.supervisor
    async with AsyncExitStack() as stack:
        lines = await open_model_clients(stack, setting, _needed(plan, histories), board.pools)
        stack.callback(board.pools.forget, board.run)
        stack.callback(board.pools.tell(session.later))
        admission = Admission(board.run, board.pools, board.begun(plan.program.families), board.orders)
        stack.callback(admission.close)

        def line(role: Role, place: EffectAddress) -> ModelClient:
            era = era_of(histories.lineage, place.stream, place.version - 1)
            return lines[era, plan.eras[era].arm(place.stream)][role]

        book = CallRecorder(setting.log, board.run, session.fence)
        last = len(plan.eras) - 1
        refusals = _refusals(spec, histories, board, session)
        parts = AgentDependencies(
            lambda arm: lines[last, arm]["teacher"], budget, sandboxes, board.orders, session.supervisor, refusals
        )
        agents = await open_agents(stack, setting, plan.eras[last], book, parts)
        sandboxes.worlds = worlds = WorldDoors(setting.log)
        stack.push_async_callback(worlds.close_all)
        stack.push_async_callback(sandboxes.close)
        ancestors = [each.run for each in histories.lineage[:-1]]
        models = ModelPort(setting.log, line, budget, refusals)
        keeper = TaskPort(setting.log, tasks, setting.backend)
        table = door_table(keeper, sandboxes, models, budget, agents)
        table[ItemsAsked] = ItemsPort(setting.log, setting.base)
        table[RenderAsked] = await _made_tasks(stack, setting, tasks, histories)
        table[InspectionAsked] = InspectionPort(tasks)
        table[SuiteAsked] = SuitePort(setting.log, setting.base, tasks.values())
        table.update(plan.program.doors(setting.log, ancestors))
        past = histories.by_stream.get(SESSION, ())
        recovery = Recovery(sandboxes, session.note, spec.on_loss == "rebuild", past)
        yield LivePorts(keeper, sandboxes, models, budget, agents, admission, recovery, table, refusals)


def _refusals(spec: RunSpec, histories: RunHistory, board: SignalTargets, session: Session) -> RefusalWatch:
    """Have the run stop where its calls are refused for what only a person can mend."""
    return RefusalWatch(
        partial(past_calls, histories.by_stream),
        note=session.note,
        halt=board.orders.halt,
        named=partial(model_key, spec),
        tries=min((each.tries for one in specs_of(spec) for each in one.models.values()), default=1),
    )


async def _made_tasks(
    stack: AsyncExitStack, setting: RunContext, tasks: dict[str, Task], histories: RunHistory
) -> MadeTasks:
    """Have tasks known that the run made in an earlier process, beside those that it is of."""
    made = MadeTasks(setting.log, setting.backend, tasks)
    stack.push_async_callback(made.close)
    for history in histories.by_stream.values():
        await made.recall(history)
    return made


def door_table(
    tasks: TaskPort, sandboxes: SandboxPort, models: ModelPort, budget: BudgetKeeper, agents: Port | None
) -> dict[type[Event], Port]:
    """Say which port answers what, of the effects that every program has."""
    table: dict[type[Event], Port] = {
        ModelAsked: models,
        RetryAsked: wait_to_retry,
        BudgetAsked: budget,
        TaskAsked: tasks,
        AnswersAsked: tasks,
        **dict.fromkeys(_OF_SANDBOXES, sandboxes),
    }
    return table if agents is None else {**table, AgentRunAsked: agents}


_OF_SANDBOXES: Final = (
    ActionAsked,
    FilesAsked,
    SandboxAsked,
    VerifyAsked,
    KeepAsked,
    VerifyAgainAsked,
    ReleaseAsked,
    SolutionAsked,
    StepAsked,
    StepVerifyAsked,
)


def _needed(plan: RunPlan, histories: RunHistory) -> dict[Terms, RunSpec]:
    """Give the specs in force from here on, and of earlier eras those whose calls are asked again as they were."""
    eras = plan.eras
    last = [history[-1] for history in histories.by_stream.values()]
    asked = {
        era_of(histories.lineage, each.stream.name, each.version - 1)
        for each in last
        if isinstance(each.event, ModelAsked)
    }
    needed = [(number, eras[number]) for number in {*asked, len(eras) - 1}]
    whole: dict[Terms, RunSpec] = {(number, None): era.spec for number, era in needed}
    return whole | {(number, name): arm.spec for number, era in needed for name, arm in era.arms.items()}


def _trust(plan: RunPlan) -> Callable[[str], Trust]:
    """Say by attempt whether whoever acts may want the reward without the work: the task's author and nobody do not."""
    program, named = plan.program, plan.spec.agent.name in {Oracle.name, Nop.name}

    def trust(stream: str) -> Trust:
        acts = program.author_acts(stream) if isinstance(program, KnowsActors) else named
        return "author" if acts else "none"

    return trust
