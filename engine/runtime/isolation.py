"""Whether commands may run here: never without isolation, unless that was asked for by name, or a run began so."""

from typing import Literal

from engine.config.program import OpensWorkspaces
from engine.config.program_registry import program_named
from engine.config.spec import RunSpec
from engine.core.errors import IsolationMissing
from engine.core.history import RunHistory
from engine.runtime.context import RunContext
from events.types.sandbox import SandboxOpened


def require_isolation(setting: RunContext, spec: RunSpec) -> None:
    """See that what a run is to execute is kept apart from this machine, or that somebody asked for the contrary.

    Raises:
        IsolationMissing: The sandbox isolates nothing here, and no isolation was not asked for.
    """
    found = setting.backend.describe()
    if found.lacking and opens_sandboxes(spec):
        raise IsolationMissing(found.reason, found.remedy)


def require_isolation_again(setting: RunContext, spec: RunSpec, histories: RunHistory) -> None:
    """See the same of a run that goes on. One whose sandboxes isolated nothing goes on so, and a person is told.

    Args:
        setting: The process's means.
        spec: In force.
        histories: Of the run, as far as it is gone on with.

    Raises:
        IsolationMissing: Its sandboxes isolated, or none was opened yet, and nothing isolates here.
    """
    found = setting.backend.describe()
    if not found.lacking or not opens_sandboxes(spec):
        return
    if first_isolation(histories) != "none":
        raise IsolationMissing(found.reason, found.remedy, begun=True)
    setting.warn(
        f"the run began without isolation and goes on so ({found.reason}): its commands see this machine's files, "
        f"network and processes. Remedy: {found.remedy}, and start another run"
    )


def opens_sandboxes(spec: RunSpec) -> bool:
    """Say whether a run of a spec opens sandboxes: for its tasks, or for the items that it works on."""
    program = program_named(spec.program)
    return bool(spec.tasks) or (isinstance(program, OpensWorkspaces) and bool(program.workspaces(spec)))


def first_isolation(histories: RunHistory) -> Literal["none", "namespaces", "container"] | None:
    """Say how far the first sandbox of a run was kept apart from the machine. None: none was opened yet."""
    opened = [
        (each.position, each.event.isolation)
        for history in histories.by_stream.values()
        for each in history
        if isinstance(each.event, SandboxOpened)
    ]
    return min(opened)[1] if opened else None
