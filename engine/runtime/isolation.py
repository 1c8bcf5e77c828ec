"""Whether commands may run here: never without isolation, unless that was asked for by name, or a run began so."""

from typing import Literal

from engine.config.program import NeedsIsolation, OpensWorkspaces
from engine.config.program_registry import program_named
from engine.config.spec import RunSpec
from engine.core.errors import IsolationMissing
from engine.core.history import RunHistory
from engine.runtime.context import RunContext
from events.types.sandbox import SandboxOpened
from sandbox.base import Isolation


def require_isolation(setting: RunContext, spec: RunSpec) -> None:
    """See that what a run is to execute is kept apart from this machine, or that somebody asked for the contrary.

    Raises:
        IsolationMissing: The sandbox isolates nothing here, and no isolation was not asked for.
    """
    found = setting.backend.describe()
    if found.lacking and opens_sandboxes(spec):
        raise isolation_missing(found, spec)


def isolation_missing(found: Isolation, spec: RunSpec) -> IsolationMissing:
    """Say what is lacking, and how a run of this spec may start nevertheless, if it may."""
    return IsolationMissing(found.reason, found.remedy, by_name=not _needs_isolation(spec))


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
        raise IsolationMissing(found.reason, found.remedy, begun=True, by_name=not _needs_isolation(spec))
    setting.warn(
        f"the run began without isolation and goes on so ({found.reason}): its commands see this machine's files, "
        f"network and processes. Remedy: {found.remedy}, and start another run"
    )


def opens_sandboxes(spec: RunSpec) -> bool:
    """Say whether a run of a spec opens sandboxes: for its tasks, for those it makes, or for items that it works on."""
    program = program_named(spec.program)
    items = isinstance(program, OpensWorkspaces) and bool(program.workspaces(spec))
    return bool(spec.tasks) or items or _needs_isolation(spec)


def _needs_isolation(spec: RunSpec) -> bool:
    return isinstance(program_named(spec.program), NeedsIsolation)


def first_isolation(histories: RunHistory) -> Literal["none", "namespaces", "container"] | None:
    """Say how far the first sandbox of a run was kept apart from the machine. None: none was opened yet."""
    opened = [
        (each.position, each.event.isolation)
        for history in histories.by_stream.values()
        for each in history
        if isinstance(each.event, SandboxOpened)
    ]
    return min(opened)[1] if opened else None
