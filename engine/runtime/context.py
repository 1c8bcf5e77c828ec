"""What a process brings to a run: everything the composition root alone knows."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from anyio import to_thread
from msgspec import structs

from engine.agents.installed.agent import InstalledAgent
from engine.agents.registry import agent_named
from engine.concurrency.pools import Pools
from engine.config.errors import ConfigProblem, ConfigRefused
from engine.config.program import FitsTasks
from engine.config.program_registry import program_named, roles_of, specs_of
from engine.config.spec import FILES, RunSpec, VerifierNetwork, model_for
from engine.core.errors import ModelMissing
from engine.core.methods import method_named
from engine.core.ports import Ports
from engine.core.prompts import Prompts
from events.store.base import EventLog
from sandbox.base import SandboxBackend
from sandbox.errors import Unsupported
from sandbox.harbor.dataset import DatasetPaths, tasks_named
from sandbox.harbor.schema import NetworkMode
from sandbox.harbor.task import Task


def straight(ports: Ports) -> Ports:
    """Put nothing between the actors and the world."""
    return ports


LEASE_S: Final = 30.0
"""How long a lease lasts where nobody says otherwise."""


def nobody(text: str) -> None:
    """Tell nobody."""
    del text


class RunContext(NamedTuple):
    """A process's means. Nothing else of the machine reaches a run."""

    log: EventLog
    backend: SandboxBackend
    prompts: Prompts
    package: str
    """Version of stillroom."""
    variables: Mapping[str, str]
    """Environment variables the operator lets a run see: keys by name, and values for task templates."""
    base: Path
    """Against which relative paths of a spec are read."""
    between: Callable[[Ports], Ports] = straight
    """What stands between the actors and the live ports: nothing, or what tries other orders."""
    pools: Pools | None = None
    """Shared with other runs of this process. None: the run has its own, as its spec says."""
    lease_s: float = LEASE_S
    """Seconds, above 0, for which a run stays owned by a process that has fallen silent."""
    cache: Path | None = None
    """Folder for what is fetched once for this user, such as installed agents. None: nothing can be."""
    library: EventLog | None = None
    """Where skills of earlier runs are read. None: in the log."""
    warn: Callable[[str], None] = nobody
    """Called with what a person must be told."""


async def chosen_tasks(setting: RunContext, spec: RunSpec, names: Collection[str] = ()) -> tuple[Task, ...]:
    """Read the tasks of a run as they are now; git may be asked for those of a registry.

    Args:
        setting: The process's means.
        spec: Where they are.
        names: Those that the run is of. Empty: as the spec says. What is not there any more is left out.

    Raises:
        TaskInvalid, RegistryWrong, TaskNotFetched: They cannot be found or read.
    """
    if not spec.tasks:
        return ()
    places, wanted = DatasetPaths(setting.base, setting.cache), names or spec.only
    tasks = (await to_thread.run_sync(tasks_named, spec.tasks, places, wanted)).tasks
    return await to_thread.run_sync(fitted, spec, [task for task in tasks if not wanted or task.name in wanted])


def fitted(spec: RunSpec, tasks: Iterable[Task]) -> tuple[Task, ...]:
    """Give tasks as a spec has them tried; their folders are read."""
    program = program_named(spec.program)
    fit = partial(program.fitted, spec) if isinstance(program, FitsTasks) else _as_it_is
    return tuple(fit(with_network(task, spec.verifier_network)) for task in tasks)


def _as_it_is(task: Task) -> Task:
    return task


def with_network(task: Task, network: VerifierNetwork) -> Task:
    """Give a task's verifier the network that the spec wants for it."""
    if network == "task":
        return task
    mode: NetworkMode = "public" if network == "on" else "no-network"
    verifier = structs.replace(task.config.verifier, network_mode=mode, allowed_hosts=None)
    return structs.replace(task, config=structs.replace(task.config, verifier=verifier))


def check(setting: RunContext, spec: RunSpec) -> None:
    """Refuse what cannot work with any task, before anything is recorded or spent.

    Raises:
        ModelMissing: The agent or the method needs a model that the spec does not name.
        Unsupported: The sandbox cannot honour what the agent needs.
        ConfigRefused: Answers by files would come to attempts that are abandoned meanwhile.
    """
    for each in specs_of(spec):
        _check(setting, each)
        _check_answers(each)


def _check(setting: RunContext, spec: RunSpec) -> None:
    method_named(spec.method.name)
    agent = agent_named(spec.agent.name)
    speaks = roles_of(spec).get("teacher")
    if agent.needs_model and model_for(spec, "teacher", speaks) is None:
        raise ModelMissing(speaks or "teacher")
    if isinstance(agent, InstalledAgent) and setting.backend.describe().level == "none":
        what = f"the agent {spec.agent.name} (it is mounted into the sandbox, and this one isolates nothing)"
        raise Unsupported(setting.backend.name, [what])


def _check_answers(spec: RunSpec) -> None:
    """See that what a person answers is of use: the process has ended by then, and its sandboxes with it."""
    asked = any(model.base_url.startswith(FILES) for model in spec.models.values())
    if asked and spec.tasks and spec.on_loss == "abandon":
        problem = (
            "on_loss is abandon, and files answer for a model: a resume would begin another attempt, and an answer "
        )
        problem += "that came meanwhile would go unused"
        raise ConfigRefused(
            [ConfigProblem("the spec", "on_loss", problem, 'leave on_loss out, or set it to "rebuild"')]
        )
