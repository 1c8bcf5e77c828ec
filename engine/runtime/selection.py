"""Which tasks a run is of: everything a person hands over is checked before anything starts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from anyio import to_thread

from engine.agents.installed.agent import InstalledAgent
from engine.agents.registry import agent_named
from engine.config.program import OpensWorkspaces
from engine.config.program_registry import program_named
from engine.config.spec import RunSpec
from engine.core.errors import TasksUnusable, TaskUnknown
from engine.core.seeded_order import shuffled
from engine.effects.workspaces import workspace_task
from engine.runtime.context import RunContext, fitted
from events.types.session import InputLeftOut
from sandbox.errors import TaskInvalid, Unsupported
from sandbox.harbor.dataset import DatasetPaths, tasks_named
from sandbox.harbor.lint import broken
from sandbox.harbor.task import Task, TaskFolders


class InputOmission(NamedTuple):
    """Something that a person handed over and a run does without."""

    what: str
    """``task`` or ``skill``."""
    name: str
    why: str
    remedy: str

    @property
    def input(self) -> InputLeftOut:
        """The same, for the log."""
        return InputLeftOut(f"{self.what} {self.name}", self.why)


class Selected(NamedTuple):
    """What came of what a person named."""

    tasks: tuple[Task, ...]
    left_out: tuple[InputOmission, ...]


async def select(setting: RunContext, spec: RunSpec, *, skip_invalid: bool) -> Selected:
    """Find the tasks that a run is to be of, and see that each can run.

    Args:
        setting: The process's means.
        spec: What is asked for.
        skip_invalid: Leave out tasks that cannot run, instead of refusing the run for them.

    Raises:
        TaskInvalid, RegistryWrong, TaskNotFetched: They cannot be found, or there is none.
        TaskUnknown: ``only`` or ``exclude`` names a task that is not there.
        TasksUnusable: None is left, some cannot run, and they are not to be left out; or none can.
        Unsupported: The sandbox cannot honour what some ask for; every such task is named.
    """
    if not spec.tasks:
        return Selected((), ())
    places = DatasetPaths(setting.base, setting.cache)
    found = await to_thread.run_sync(tasks_named, spec.tasks, places, spec.only)
    chosen = await to_thread.run_sync(fitted, spec, list(_chosen(spec, found)))
    unread = [
        each for each in found.incomplete if each.name not in spec.exclude and each.name in (spec.only or {each.name})
    ]
    unusable = [InputOmission("task", each.name, f"{each.place}: {each.detail}", each.remedy) for each in unread]
    unusable += await to_thread.run_sync(_broken, chosen)
    names = {each.name for each in unusable}
    refused = {
        task.name: features for task in chosen if task.name not in names and (features := refusals(setting, spec, task))
    }
    if refused and not skip_invalid and not unusable:
        require(setting, spec, chosen)
    remedy = "choose a sandbox that does (docker), or leave it out"
    why = f"sandbox {setting.backend.name!r} does not support: "
    unusable += [InputOmission("task", name, why + "; ".join(features), remedy) for name, features in refused.items()]
    tasks = tuple(task for task in chosen if task.name not in {each.name for each in unusable})
    if unusable and not (skip_invalid and tasks):
        raise TasksUnusable([(each.name, each.why) for each in unusable], len(tasks))
    if not tasks:
        raise TasksUnusable([(name, "`exclude` leaves it out") for name in spec.exclude], 0)
    others = [InputOmission("task", each.name, each.detail, each.remedy) for each in found.others if not spec.only]
    return Selected(tasks, (*unusable, *others))


def with_skills(tasks: tuple[Task, ...], lacking: Mapping[str, str]) -> Selected:
    """Leave out tasks for which arms have no skill.

    Args:
        tasks: Those that can run.
        lacking: By task, the arms that have none.

    Raises:
        TasksUnusable: No task is left.
    """
    remedy = 'write evaluate.without_skill = "none" to give such tasks no skill'
    out = tuple(
        InputOmission("task", task.name, f"no skill for it in {lacking[task.name]}", remedy)
        for task in tasks
        if task.name in lacking
    )
    left = tuple(task for task in tasks if task.name not in lacking)
    if out and not left:
        raise TasksUnusable([(each.name, each.why) for each in out], 0)
    return Selected(left, out)


def require(setting: RunContext, spec: RunSpec, tasks: Sequence[Task]) -> None:
    """See that tasks can run.

    Raises:
        Unsupported: Some ask for what they cannot be given; every such task is named.
    """
    refused = [f"{task.name}: {each}" for task in tasks for each in refusals(setting, spec, task)]
    if refused:
        raise Unsupported(setting.backend.name, refused)


async def require_workspaces(setting: RunContext, spec: RunSpec) -> None:
    """See that sandboxes can be opened for what is no task, such as the items that an agent works on.

    Raises:
        Unsupported: They ask for what they cannot be given.
        TaskInvalid: A Dockerfile cannot be read.
    """
    program = program_named(spec.program)
    if not isinstance(program, OpensWorkspaces):
        return
    refused = await to_thread.run_sync(_workspace_refusals, setting, program.workspaces(spec))
    if refused:
        raise Unsupported(setting.backend.name, refused, remedy="choose a sandbox that does (docker)")


def _workspace_refusals(setting: RunContext, dockerfiles: Sequence[str]) -> list[str]:
    with TemporaryDirectory(prefix="stillroom-") as folder:
        made = (workspace_task(f"items {at}", Path(folder, str(at)), text) for at, text in enumerate(dockerfiles))
        return list(dict.fromkeys(f"items: {each}" for task in made for each in setting.backend.check(task)))


def refusals(setting: RunContext, spec: RunSpec, task: Task) -> list[str]:
    """Name what a task asks for and cannot be given, by its sandbox or its agent."""
    agent = agent_named(spec.agent.name)
    features = list(setting.backend.check(task))
    if isinstance(agent, InstalledAgent) and task.steps:
        features.append("steps (installed agents do one)")
    if spec.agent.name == "oracle" and not task.has_solution:
        features.append("it has no solution/solve.sh for the oracle")
    return features


def _chosen(spec: RunSpec, found: TaskFolders) -> Iterator[Task]:
    """Give those that are asked for: first the order, then what is left out, then the limit."""
    by_name = {task.name: task for task in found.tasks}
    unread = {each.name for each in found.incomplete}
    twice = [name for name, times in Counter(spec.only).items() if times > 1]
    if twice:
        raise TasksUnusable([(name, "`only` names it more than once") for name in twice], len(by_name))
    for name in (*spec.only, *spec.exclude):
        if name not in by_name and name not in unread:
            raise TaskUnknown(name, (*by_name, *unread))
    ordered = list(spec.only or by_name)
    if spec.shuffle is not None:
        ordered = shuffled(ordered, spec.shuffle)
    for name in [each for each in ordered if each in by_name and each not in spec.exclude][: spec.limit]:
        yield by_name[name]


def _broken(tasks: tuple[Task, ...]) -> list[InputOmission]:
    """Look for tasks whose environment cannot be built."""
    found: list[InputOmission] = []
    for task in tasks:
        try:
            faults = [(f"{each.place}: {each.what}", each.remedy) for each in broken(task)]
        except TaskInvalid as error:
            faults = [(f"{error.place}: {error.detail}", error.remedy)]
        if faults:
            found.append(InputOmission("task", task.name, "; ".join(what for what, _ in faults), faults[0][1]))
    return found
