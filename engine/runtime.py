"""The runtime: takes a run, gives its actors a world, and lets go of it in good order."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import anyio

from engine.actors.run import RunPlan, run
from engine.errors import InputsDiffer, NothingToResume
from engine.histories import RUN, Histories, load_histories
from engine.lineage import SESSION
from engine.live import live_ports
from engine.planning import changes_since, opening, plan_of, recorded_prompts, recorded_specs
from engine.ports import Ports
from engine.rehearsal import rehearse
from engine.sandbox_port import sandbox_prefix
from engine.scope import Scope, World, first_of
from engine.setting import Setting, check, chosen_tasks
from engine.spec import RunSpec
from engine.system import mint_run_id, process_ended, process_name
from events.base import Draft, Event, Fence, StreamId
from events.log import EventLog
from events.session import InFlightFound, InputsChanged, SandboxesSwept, SessionEnded, SessionStarted

LEASE_S = 30.0
"""Seconds a run stays owned by a process that has fallen silent."""


class RunReport(NamedTuple):
    """How a run ended, for whoever started it."""

    run: str
    outcomes: dict[str, str]
    """By trial, as in `TrialClosed`."""


async def start_run(setting: Setting, spec: RunSpec, *, told: Callable[[str], None] | None = None) -> RunReport:
    """Start a run and carry it to its end.

    Args:
        setting: The process's means.
        spec: What to do.
        told: Called with the run's id once it is on record.

    Raises:
        StillroomError: The spec cannot work (nothing was recorded), or something of ours broke.
    """
    tasks = chosen_tasks(spec, setting.base)
    check(setting, spec, tasks)
    opened = opening(setting, spec, tasks)
    plan = plan_of(opened, [spec], setting.prompts)
    run_id = mint_run_id()
    fence = await setting.log.acquire(run_id, process_name(), ttl_s=LEASE_S)
    session = Session(setting.log, fence, 0)
    if told is not None:
        told(run_id)
    await session.note(SessionStarted("live", fence.token, process_name(), setting.package))
    return await carry(setting, plan, Histories({}, ()), session)


async def resume_run(
    setting: Setting, run_id: str, *, accept_changes: bool = False, told: Callable[[str], None] | None = None
) -> RunReport:
    """Go on with a run that was cut off: compare its inputs, rehearse its history, then open the ports.

    Raises:
        NothingToResume: It is complete, imported, or was cut off before it began.
        InputsDiffer: Inputs have changed, and `accept_changes` is not given.
        RunOwned: A live process owns it.
        ReplayDiverged, HistoryUnread: The history does not come out the same; nothing was asked of the world.
    """
    histories = await load_histories(setting.log, run_id)
    opened = histories.opened
    if opened is None:
        raise NothingToResume(run_id, "it was imported, or cut off before it began")
    if histories.closed:
        raise NothingToResume(run_id, "it is complete")
    specs = await recorded_specs(setting.log, opened, histories.lineage)
    tasks = chosen_tasks(specs[-1], setting.base)
    changes = changes_since(opened, setting, tasks)
    if changes and not accept_changes:
        raise InputsDiffer(run_id, changes)
    plan = plan_of(opened, specs, await recorded_prompts(setting.log, opened))
    fence = await _take(setting.log, run_id)
    await rehearse(setting.log, run_id, plan, histories)
    session = Session(setting.log, fence, histories.session_version)
    started = await session.note(SessionStarted("resume", fence.token, process_name(), setting.package))
    if changes:
        await session.note(InputsChanged(changes))
    swept = await setting.backend.sweep(sandbox_prefix(run_id))
    if swept:
        await session.note(SandboxesSwept(swept))
    if histories.in_flight:
        await session.note(InFlightFound(histories.in_flight))
    if told is not None:
        told(run_id)
    return await carry(setting, plan, histories._replace(sessions=(*histories.sessions, started)), session)


class Session:
    """One process's hold on a run: its lease, and its entries in the session stream."""

    def __init__(self, log: EventLog, fence: Fence, version: int) -> None:
        self.fence = fence
        self._log = log
        self._version = version

    async def note(self, event: Event) -> int:
        """Record a fact about this process; give its position."""
        stream = StreamId(self.fence.run, SESSION)
        drafts = [Draft(event, None)]
        appended = await self._log.append(stream, drafts, expected_version=self._version, fence=self.fence)
        self._version = appended.version
        return appended.position

    async def renew(self) -> None:
        """Keep the lease while the run goes on; ends only by being cancelled, or by losing the run."""
        while True:
            await anyio.sleep(LEASE_S / 3)
            await self._log.renew(self.fence, ttl_s=LEASE_S)

    async def end(self, reason: Literal["completed", "interrupted", "failed"]) -> None:
        """Let go of the run. Bounded, and not cut short by a cancellation."""
        with anyio.move_on_after(10, shield=True):
            await self.note(SessionEnded(reason))
            await self._log.release(self.fence)


async def _take(log: EventLog, run_id: str) -> Fence:
    """Take a run over; a lease whose process is known to be dead does not hold it."""
    dead = [each.token for each in await log.leases() if each.run == run_id and process_ended(each.owner)]
    return await log.acquire(run_id, process_name(), ttl_s=LEASE_S, take_over=dead[0] if dead else None)


async def carry(setting: Setting, plan: RunPlan, histories: Histories, session: Session) -> RunReport:
    """Run the actors: over their histories, and then live."""
    reason: Literal["completed", "interrupted", "failed"] = "failed"
    try:
        async with live_ports(setting, plan, histories) as live:
            results = await _live(setting.log, plan, histories, session, setting.between(live))
        reason = "completed"
    except anyio.get_cancelled_exc_class():
        reason = "interrupted"
        raise
    finally:
        await session.end(reason)
    names = [trial.name for trial in plan.trials]
    return RunReport(session.fence.run, dict(zip(names, results, strict=True)))


async def _live(log: EventLog, plan: RunPlan, histories: Histories, session: Session, ports: Ports) -> list[str]:
    """Run the actors while the lease is kept."""
    world = World(
        log=log,
        blobs=log,
        run=session.fence.run,
        histories=histories.by_stream,
        sessions=histories.sessions,
        lineage=histories.lineage,
        ports=ports,
        fence=session.fence,
        visited=set(),
    )
    results: list[str] = []
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(session.renew)
            scope = Scope(world, RUN)
            results = [result.outcome for result in await run(scope, plan)]
            scope.finish()
            group.cancel_scope.cancel()
    except BaseExceptionGroup as errors:
        raise first_of(errors) from errors
    return results
