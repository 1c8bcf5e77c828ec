"""Opening what agents of other makes need for a run: kit, gateway, folder. Nothing, where the spec names none."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import mkdtemp
from typing import Final, NamedTuple

import anyio

from engine.agents.installed.agent import InstalledAgent
from engine.agents.installed.effect import AgentContext, AgentPort
from engine.agents.installed.errors import KitUnavailable, SkillsUnusable
from engine.agents.installed.packages import AgentPackages
from engine.agents.installed.packages import forget as remove
from engine.agents.installed.skill_set import NONE, SkillSet, read_skills
from engine.agents.registry import agent_named
from engine.concurrency.run_controls import RunControls
from engine.config.program import ArmInputs, GivesSkills
from engine.config.program_registry import OWN, program_named, roles_of, specs_by_arm
from engine.config.spec import RunSpec
from engine.core.supervision import Supervisor
from engine.core.system import clock
from engine.effects.budget import BudgetKeeper
from engine.effects.callers import callers_of
from engine.effects.models import ModelClient
from engine.effects.sandboxes import SandboxPort
from engine.gateway.call import CallTerms
from engine.gateway.exchange import ExchangeContext
from engine.gateway.server import CallRecorder, open_gateway
from engine.gateway.session import SessionTerms
from engine.gateway.upstream_client import open_carrier
from engine.runtime.context import RunContext

_PREFIX: Final = "stillroom-"


class AgentDependencies(NamedTuple):
    """What else of the run agents need."""

    line: ModelClient | None
    """To the model they speak for. None: the spec names none."""
    budget: BudgetKeeper
    sandboxes: SandboxPort
    orders: RunControls
    supervisor: Supervisor


class PreparedAgents(NamedTuple):
    """What agents are given, by arm."""

    given: Mapping[str, ArmInputs]
    own: SkillSet
    """The skills of the run's own settings, with what was left out of their folder."""


async def prepare(setting: RunContext, spec: RunSpec, *, as_before: bool = False) -> PreparedAgents:
    """Have everything here that the agents of a run and of its arms are given, before anything is recorded.

    Args:
        setting: The process's means.
        spec: What is asked for.
        as_before: The agents and their skills are those of a run that began with them, and was let begin.

    Raises:
        KitUnavailable: What an agent needs is not here and cannot be fetched.
        SkillsUnusable: Skills cannot be given as they are; or an agent is given none, and its settings name some.
        StillroomError: The program cannot find what it gives.
    """
    program = program_named(spec.program)
    read = skills_of if as_before else _prepared
    found = {arm: await read(setting, each) for arm, each in specs_by_arm(spec).items()}
    given = {arm: given_of(each, found[arm]) for arm, each in specs_by_arm(spec).items()}
    if isinstance(program, GivesSkills):
        for arm, each in specs_by_arm(spec).items():
            given[arm] = await program.given(setting.log, setting.base, arm, each) or given[arm]
    return PreparedAgents(given, found[OWN])


def given_of(spec: RunSpec, skills: SkillSet) -> ArmInputs:
    """Say what an agent is given of the folder that its settings name."""
    return ArmInputs(None if spec.agent.skills is None else skills.files)


async def _prepared(setting: RunContext, spec: RunSpec) -> SkillSet:
    """Have the kit of an installed agent here, and its skills read, before anything is recorded.

    Raises:
        KitUnavailable: What the agent needs is not here and cannot be fetched.
        SkillsUnusable: They cannot be given to it as they are; or the agent is given none, and the spec names some.
    """
    agent = agent_named(spec.agent.name)
    if not isinstance(agent, InstalledAgent) and spec.agent.skills is not None:
        remedy = "choose an installed agent (`stillroom agents list`), or leave agent.skills out"
        raise SkillsUnusable(Path(spec.agent.skills), [f"the agent {agent.name!r} is given no skills"], remedy=remedy)
    skills = await skills_of(setting, spec)
    if skills.misnamed:  # a resume goes on with those that its run began with
        raise SkillsUnusable(Path(str(spec.agent.skills)), skills.misnamed)
    if isinstance(agent, InstalledAgent):
        await kits_of(setting, agent).ready(agent.recipe)
    return skills


async def skills_of(setting: RunContext, spec: RunSpec) -> SkillSet:
    """Read the skills of an installed agent, as they are now. Another agent has none.

    Raises:
        SkillsUnusable: They cannot be given to it as they are.
    """
    if spec.agent.skills is None or not isinstance(agent_named(spec.agent.name), InstalledAgent):
        return NONE
    return await anyio.to_thread.run_sync(read_skills, setting.base / spec.agent.skills)


async def open_agents(
    stack: AsyncExitStack, setting: RunContext, spec: RunSpec, book: CallRecorder, parts: AgentDependencies
) -> AgentPort | None:
    """Open it, and have sandboxes show it; the stack closes it again. None: the agent is not of another make.

    Raises:
        KitUnavailable: What the agent needs is not here and cannot be fetched.
    """
    agent = agent_named(spec.agent.name)
    if not isinstance(agent, InstalledAgent):
        return None
    line, budget, sandboxes, orders, supervisor = parts
    assert line is not None, "checked before the run starts"
    kit = await kits_of(setting, agent).ready(agent.recipe)
    folder = await anyio.to_thread.run_sync(_folder)
    stack.push_async_callback(_removed, folder)
    gateway = await stack.enter_async_context(open_gateway(book, budget, supervisor))
    carrier = await stack.enter_async_context(open_carrier())
    means = ExchangeContext(setting.log, carrier, line.reach, budget, line.room, orders, clock)

    def terms(trial: str) -> SessionTerms:
        visit = CallTerms(trial, callers_of(spec, roles_of(spec), trial)["teacher"].reserve)
        return SessionTerms("teacher", visit, spec.agent, means)

    skills = (await skills_of(setting, spec)).files
    port = AgentPort(AgentContext(setting.log, gateway, agent.recipe, kit, terms, skills, folder), sandboxes)
    sandboxes.ground = port
    return port


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
