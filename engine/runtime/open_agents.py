"""Opens what installed agents need for a run: package, gateway, folder. Nothing if the spec names none."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Final, NamedTuple

import anyio

from engine.agents.base import Agent, TakesSkills
from engine.agents.installed.agent import InstalledAgent
from engine.agents.installed.effect import AgentContext, AgentPort
from engine.agents.installed.errors import KitUnavailable, SkillsUnusable
from engine.agents.installed.packages import AgentPackages
from engine.agents.installed.packages import forget as remove
from engine.agents.installed.skill_set import NONE, SkillSet, read_skills
from engine.agents.registry import agent_named
from engine.agents.skill_port import SkillPort
from engine.concurrency.run_controls import RunControls
from engine.config.program import ArmInputs, GivesSkills
from engine.config.program_registry import OWN, program_named, roles_of, specs_by_arm
from engine.config.spec import RunSpec, model_for
from engine.core.decision import Era
from engine.core.ports import EffectAddress
from engine.core.supervision import Supervisor
from engine.core.system import clock
from engine.effects.budget import BudgetKeeper
from engine.effects.callers import callers_of
from engine.effects.models import ModelClient
from engine.effects.refusals import RefusalWatch
from engine.effects.sandboxes import SandboxPort
from engine.gateway.call import CallTerms
from engine.gateway.exchange import ExchangeContext, RefusalTerms
from engine.gateway.server import CallRecorder, open_gateway
from engine.gateway.session import SessionTerms
from engine.gateway.upstream_client import UpstreamClient, open_carrier
from engine.protocols.errors import EndpointInvalid
from engine.runtime.context import RunContext
from events.base import Event
from events.types.agent import SkillRead
from events.types.sandbox import SandboxAsked
from events.types.session import GivenSkill
from sandbox.base import Mount
from sandbox.harbor.task import Task

_PREFIX: Final = "stillroom-"


class AgentDependencies(NamedTuple):
    """What else of the run agents need."""

    lines: Callable[[str | None], ModelClient]
    """By arm, to the model its agent speaks for."""
    budget: BudgetKeeper
    sandboxes: SandboxPort
    orders: RunControls
    supervisor: Supervisor
    refusals: RefusalWatch


class PreparedAgents(NamedTuple):
    """What agents are given, by arm."""

    given: Mapping[str, ArmInputs]
    own: SkillSet
    """The skills of the run's own settings, with what was left out of their folder."""

    @property
    def sources(self) -> tuple[GivenSkill, ...]:
        """Say where the skills of the arms came from. Empty: nothing says."""
        found = [each for inputs in self.given.values() for each in inputs.sources]
        return tuple(sorted(found, key=lambda each: (each.arm, each.item or "", each.part, each.skill)))

    @property
    def lacking(self) -> Mapping[str, str]:
        """Name the tasks that are left out, each with the arms that have no skill for it."""
        arms: dict[str, list[str]] = {}
        for arm, inputs in sorted(self.given.items()):
            for task in inputs.lacking:
                arms.setdefault(task, []).append(arm)
        return {task: ", ".join(names) for task, names in sorted(arms.items())}


async def prepare(
    setting: RunContext, spec: RunSpec, tasks: Sequence[Task], *, as_before: bool = False
) -> PreparedAgents:
    """Have everything here that the agents of a run and of its arms are given, before anything is recorded.

    Args:
        setting: The process's means.
        spec: What is asked for.
        tasks: Which the run is to be of.
        as_before: The agents and their skills are those of a run that began with them, and was let begin.

    Raises:
        KitUnavailable: What an agent needs is not here and cannot be fetched.
        SkillsUnusable: Skills cannot be given as they are; or an agent is given none, and its settings name some.
        StillroomError: The program cannot find what it gives.
    """
    program = program_named(spec.program)
    given: dict[str, ArmInputs] = {}
    own = NONE
    for arm, each in specs_by_arm(spec).items():
        inputs: ArmInputs | None = None
        if isinstance(program, GivesSkills):
            inputs = await program.given(setting.library or setting.log, setting.base, arm, each, tasks)
        if inputs is None:
            skills = await skills_of(setting, each) if as_before else await _checked(setting, each)
            own = skills if arm == OWN else own
            inputs = given_of(each, skills)
        if not as_before:
            _require_taken(each, inputs)
        given[arm] = inputs
    if not as_before:  # what is refused above waits for no packages
        for each in specs_by_arm(spec).values():
            await _ready(setting, each)
    lacking = {task for inputs in given.values() for task in inputs.lacking}
    return PreparedAgents({arm: _without(inputs, lacking) for arm, inputs in given.items()}, own)


def _without(inputs: ArmInputs, tasks: Collection[str]) -> ArmInputs:
    """Take out what belongs to tasks that are left out."""
    if not tasks:
        return inputs
    items = {name: files for name, files in inputs.items.items() if name not in tasks}
    return inputs._replace(items=items, sources=tuple(each for each in inputs.sources if each.item not in tasks))


def _require_taken(spec: RunSpec, inputs: ArmInputs) -> None:
    """Refuse skills for an agent that is given none."""
    agent = agent_named(spec.agent.name)
    if inputs.skills is not None and not takes_skills(agent):
        remedy = "choose shell or an installed agent (`stillroom agents list`), or leave agent.skills out"
        why = f"the agent {agent.name!r} is given no skills"
        raise SkillsUnusable(Path(spec.agent.skills or ""), [why], remedy=remedy)


def given_of(spec: RunSpec, skills: SkillSet) -> ArmInputs:
    """Say what an agent is given of the folder that its settings name."""
    return ArmInputs(None if spec.agent.skills is None else skills.files)


async def _ready(setting: RunContext, spec: RunSpec) -> None:
    """Have the kit of an installed agent here, before anything is recorded.

    Raises:
        KitUnavailable: What the agent needs is not here and cannot be fetched.
    """
    agent = agent_named(spec.agent.name)
    if isinstance(agent, InstalledAgent):
        await kits_of(setting, agent).ready(agent.recipe)


async def _checked(setting: RunContext, spec: RunSpec) -> SkillSet:
    """Read the skills that an agent is given; a strict agent finds each by its name.

    Raises:
        SkillsUnusable: They cannot be given to it as they are.
    """
    skills = await skills_of(setting, spec)
    if skills.misnamed:  # a resume goes on with those that its run began with
        raise SkillsUnusable(Path(str(spec.agent.skills)), skills.misnamed)
    return skills


async def skills_of(setting: RunContext, spec: RunSpec) -> SkillSet:
    """Read the skills that an agent is given, as they are now.

    Raises:
        SkillsUnusable: They cannot be given to it as they are.
    """
    if not spec.agent.skills or not takes_skills(agent_named(spec.agent.name)):
        return NONE
    return await anyio.to_thread.run_sync(read_skills, setting.base / spec.agent.skills)


def takes_skills(agent: Agent) -> bool:
    """Say whether an agent can be given skills."""
    return isinstance(agent, TakesSkills) and agent.takes_skills


async def open_agents(
    stack: AsyncExitStack, setting: RunContext, era: Era, book: CallRecorder, parts: AgentDependencies
) -> "AgentRoutes | None":
    """Open what the agents of a run and of its arms need, and have sandboxes show it; the stack closes it again.

    Args:
        stack: Of what is open.
        setting: The process's means.
        era: The settings that count from here on, with those of the arms.
        book: Records calls.
        parts: What else of the run they need.

    Returns:
        What runs agents of other makes. None: there is none among them.

    Raises:
        KitUnavailable: What an agent needs is not here and cannot be fetched.
    """
    shown = SkillPort(setting.log)
    stack.push_async_callback(shown.close)
    specs: dict[str | None, RunSpec] = {None: era.spec, **{name: arm.spec for name, arm in era.arms.items()}}
    agents = {arm: agent_named(spec.agent.name) for arm, spec in specs.items()}
    installed = {arm: agent for arm, agent in agents.items() if isinstance(agent, InstalledAgent)}
    ports: dict[str | None, AgentPort] = {}
    if installed:
        folder = await anyio.to_thread.run_sync(_folder)
        stack.push_async_callback(_removed, folder)
        gateway = await stack.enter_async_context(open_gateway(book, parts.budget, parts.supervisor))
        carrier = await stack.enter_async_context(open_carrier())
        numbers = count(1)
        for arm, agent in installed.items():
            terms = _terms(setting, specs[arm], carrier, parts, arm)
            kit = await kits_of(setting, agent).ready(agent.recipe)
            skills = (await skills_of(setting, specs[arm])).files if era.condition is None else {}
            means = AgentContext(setting.log, gateway, agent.recipe, kit, terms, skills, folder, numbers)
            ports[arm] = AgentPort(means, parts.sandboxes)
    routes = AgentRoutes(era.arm, ports, shown)
    parts.sandboxes.ground = routes
    return routes if ports else None


def _terms(
    setting: RunContext, spec: RunSpec, carrier: UpstreamClient, parts: AgentDependencies, arm: str | None
) -> Callable[[str], SessionTerms]:
    """Say what goes for the calls of an agent's attempts, by trial."""
    line = parts.lines(arm)
    if line.files is not None:
        raise EndpointInvalid(
            f"agent {spec.agent.name} makes its calls itself: files cannot answer them",
            remedy="choose an endpoint, or an agent that comes with stillroom",
        )
    model = model_for(spec, "teacher", roles_of(spec)["teacher"])
    assert model is not None, "its line is there"
    refusals = RefusalTerms(parts.refusals, spec.agent.name, model.model)
    means = ExchangeContext(setting.log, carrier, line.reach, parts.budget, line.room, parts.orders, clock, refusals)

    def terms(trial: str) -> SessionTerms:
        visit = CallTerms(trial, callers_of(spec, roles_of(spec), trial)["teacher"].reserve)
        return SessionTerms("teacher", visit, spec.agent, means)

    return terms


class AgentRoutes:
    """Leads each attempt to what its agent needs: that of its arm."""

    def __init__(
        self, arm_of: Callable[[str], str | None], installed: Mapping[str | None, AgentPort], others: SkillPort
    ) -> None:
        self._arm_of = arm_of
        self._installed = installed
        self._others = others

    def serves(self, asked: SandboxAsked, stream: str) -> bool:
        """See `SandboxPreparer`."""
        return self._of(stream).serves(asked, stream)

    async def prepare(self, asked: SandboxAsked, place: EffectAddress) -> tuple[Mount, ...]:
        """See `SandboxPreparer`."""
        return await self._of(place.stream).prepare(asked, place)

    async def show(self, stream: str) -> None:
        """See `SandboxPreparer`."""
        await self._of(stream).show(stream)

    async def hide(self, stream: str) -> None:
        """See `SandboxPreparer`."""
        await self._of(stream).hide(stream)

    async def reads(self, stream: str) -> tuple[SkillRead, ...] | None:
        """See `SandboxPreparer`."""
        return await self._of(stream).reads(stream)

    async def clear(self, stream: str) -> None:
        """See `SandboxPreparer`."""
        await self._of(stream).clear(stream)

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Run the agent of the stream's arm."""
        return await self._installed[self._arm_of(place.stream)](asked, place)

    def _of(self, stream: str) -> AgentPort | SkillPort:
        return self._installed.get(self._arm_of(stream), self._others)


def kits_of(setting: RunContext, agent: InstalledAgent) -> AgentPackages:
    """Say where kits are kept.

    Raises:
        KitUnavailable: This process was given no place for them.
    """
    if setting.cache is None:
        raise KitUnavailable(agent.name, "no cache folder is available", remedy="set XDG_CACHE_HOME or HOME")
    return AgentPackages(setting.cache)


def _folder() -> Path:
    """Make a folder for sockets, whose paths may have a hundred characters: so not below the workspace."""
    return Path(mkdtemp(prefix=_PREFIX))


async def _removed(folder: Path) -> None:
    """Remove it, also where the run was interrupted: a cancelled scope would not even begin to."""
    with anyio.CancelScope(shield=True):
        await anyio.to_thread.run_sync(remove, folder)
