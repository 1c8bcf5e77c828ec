"""The runtime: takes a run, gives its actors a world, and lets go of it in good order."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import anyio
from msgspec.structs import astuple

from engine.agents.installed.skill_set import SkillSet
from engine.concurrency.pools import Pools, room_of, sizes
from engine.concurrency.run_controls import RunControls
from engine.config.program import RunPlan, SettlesSpec
from engine.config.program_registry import program_named
from engine.config.sandbox_kinds import sandbox_kind
from engine.config.spec import RunSpec
from engine.core.errors import InputsDiffer, NothingToResume, first_of
from engine.core.gathering import ActorsHeldBack
from engine.core.history import RunHistory, load_histories
from engine.core.ports import Ports
from engine.core.run_names import require_free
from engine.core.scope import Scope
from engine.core.system import machine, mint_run_id, process_name
from engine.core.world import ReplayContext, StreamIndex
from engine.effects.callers import with_known_prices
from engine.effects.sandboxes import sandbox_id, sandbox_prefix
from engine.programs.run import run
from engine.runtime.context import RunContext, check, chosen_tasks
from engine.runtime.control import SignalHandler, SignalTargets
from engine.runtime.image_skills import found_in_images
from engine.runtime.isolation import require_isolation, require_isolation_again
from engine.runtime.leases import take
from engine.runtime.live_ports import live_ports
from engine.runtime.model_clients import answered_by_files, require_models
from engine.runtime.open_agents import prepare, skills_of
from engine.runtime.plan import (
    changes_since,
    names_of,
    opening,
    pinned_conditions,
    plan_of,
    recorded_plan,
    recorded_specs,
    refused_of,
    revised_points,
    scripts_of,
    skill_digests,
)
from engine.runtime.recovery import standing
from engine.runtime.rehearse import rehearse
from engine.runtime.secrets import protect
from engine.runtime.selection import InputOmission, require_workspaces, select, with_skills
from engine.runtime.session import Ending, Session
from events.base import Event
from events.store.base import EventLog
from events.streams import RUN, trial_of
from events.types.pool import PoolsOpened
from events.types.session import (
    ArmSkillsPinned,
    FoundImageSkills,
    GivenSkill,
    ImageSkillsFound,
    InFlightFound,
    InputsChanged,
    InputsLeftOut,
    RunNamed,
    SandboxesSwept,
    ScriptsPinned,
    SessionStarted,
    SkillsPinned,
)

Beside: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""Runs beside the actors, supervised, until they have ended."""


class RunOwner(NamedTuple):
    """A process's hold on a run, and what runs beside its actors."""

    session: Session
    beside: Mapping[str, Beside]
    """Supervised, by name: nothing of it ends the run."""
    stop: Beside
    """Raises why the run stops in this process, if it does."""


class RunReport(NamedTuple):
    """How a run ended, for whoever started it."""

    run: str
    outcomes: dict[str, str]
    """By trial, as in `TrialClosed`."""
    held: int = 0
    """Trials that were not to begin in this process; a resume takes them up."""
    waiting: bool = False
    """Whether it waits for answers that come by files."""


class RunStart(NamedTuple):
    """A run that could start now."""

    plan: RunPlan
    skills: SkillSet
    """Of the run's own settings."""
    without: tuple[InputOmission, ...]
    """What was handed over and is left out."""
    sources: tuple[GivenSkill, ...]
    """Where the skills of its arms came from. Empty: nothing says."""
    images: tuple[FoundImageSkills, ...]
    """Skills that the images of its tasks bring."""


async def settled(setting: RunContext, spec: RunSpec) -> RunSpec:
    """Give a spec in which what only the log knows, such as the latest run, is named for good, with accepted prices.

    Raises:
        StillroomError: There is no such thing.
    """
    program = program_named(spec.program)
    if isinstance(program, SettlesSpec):
        spec = await program.settled(setting.library or setting.log, spec)
    return with_known_prices(spec)


async def plan_start(setting: RunContext, spec: RunSpec, *, skip_invalid: bool = False) -> RunStart:
    """See that everything a run needs is here, and plan it; nothing is started, and no event is recorded.

    Keys and scripts of its models alone are not asked for: who only plans makes no call (see `require_models`).

    Args:
        setting: The process's means. Its log keeps the bytes of what is pinned.
        spec: What to do.
        skip_invalid: Leave out tasks that cannot run, instead of refusing the run for them.

    Raises:
        StillroomError: The spec cannot work.
    """
    spec = await settled(setting, spec)
    require_isolation(setting, spec)
    check(setting, spec)
    tasks, unusable = await select(setting, spec, skip_invalid=skip_invalid)
    await protect(setting, [spec], setting.prompts, [task.name for task in tasks], tasks)
    prepared = await prepare(setting, spec, tasks)
    await require_workspaces(setting, spec)
    tasks, lacking = with_skills(tasks, prepared.lacking)
    omitted = (InputOmission("skill", each.name, each.why, "") for each in prepared.own.left_out)
    conditions = pinned_conditions(setting, spec, prepared.given)
    opened = opening(setting, spec, tasks, conditions)
    plan = plan_of(opened, [spec], setting.prompts, [conditions])
    images = await found_in_images(setting, spec, tasks)
    return RunStart(plan, prepared.own, (*unusable, *lacking, *omitted), prepared.sources, images)


async def start_run(
    setting: RunContext,
    spec: RunSpec,
    *,
    skip_invalid: bool = False,
    left_out: Callable[[Sequence[InputOmission]], None] | None = None,
    told: Callable[[Session], None] | None = None,
    name: str | None = None,
) -> RunReport:
    """Start a run and carry it to its end.

    Args:
        setting: The process's means.
        spec: What to do.
        skip_invalid: Leave out tasks that cannot run, instead of refusing the run for them.
        left_out: Called before anything starts, where something that was handed over is left out.
        told: Called with this process's hold on the run once it is on record.
        name: By which commands find it besides its id. None: it has none.

    Raises:
        StillroomError: The spec cannot work (nothing was recorded), or something of ours broke.
    """
    await require_free(setting.log, name)
    spec = await settled(setting, spec)
    require_isolation(setting, spec)
    check(setting, spec)
    await require_models(setting, spec)
    plan, skills, without, sources, images = await plan_start(setting, spec, skip_invalid=skip_invalid)
    spec = plan.spec
    if without and left_out is not None:
        left_out(without)
    run_id = mint_run_id()
    fence = await setting.log.acquire(run_id, process_name(), ttl_s=setting.lease_s)
    session = Session(setting.log, fence, 0, setting.lease_s)
    if told is not None:
        told(session)

    async def begin() -> RunReport:
        await session.note(SessionStarted("live", fence.token, process_name(), setting.package))
        facts = (
            RunNamed(name or ""),
            ScriptsPinned(scripts_of(setting, spec)),
            SkillsPinned(skill_digests(setting, skills.files)),
            ArmSkillsPinned(sources),
            ImageSkillsFound(images),
            InputsLeftOut(tuple(each.input for each in without)),
        )
        await note_all(session, facts)
        return await carry(setting, plan, RunHistory({}, ()), session)

    return await held_by(session, begin)


async def resume_run(
    setting: RunContext,
    run_id: str,
    *,
    accept_changes: bool = False,
    take_over: bool = False,
    told: Callable[[Session], None] | None = None,
) -> RunReport:
    """Go on with a run that was cut off: compare its inputs, rehearse its history, then open the ports.

    Args:
        setting: This process's means.
        run_id: The run.
        accept_changes: Go on although inputs are not what the run started with.
        take_over: Set a lease aside that has not run out, although its owner may live: a person said so. What that
            one still appends is refused, and it stops.
        told: Called with this process's hold on the run as soon as the run is ours.

    Raises:
        NothingToResume: It is complete, imported, or was cut off before it began.
        InputsDiffer: Tasks, skills, scripts or isolation have changed, and `accept_changes` is not given.
        IsolationMissing: Nothing isolates commands here, and the run did not begin so.
        RunOwned: A live process owns it.
        ReplayDiverged, HistoryUnread: The history does not come out the same; nothing was asked of the world.
    """
    histories = await load_histories(setting.log, run_id)
    opened = histories.opened
    if opened is None:
        raise NothingToResume(run_id, "it was imported, or interrupted before it started")
    if histories.closed:
        raise NothingToResume(run_id, "it is complete")
    specs = await recorded_specs(setting.log, opened, histories.lineage)
    tasks = await chosen_tasks(setting, specs[-1], names_of(opened))
    pinned = histories.lineage[-1].forked if histories.lineage else None
    kept = (pinned or opened).conditions is not None  # with every byte of their skills: those of now do not matter
    skills = None if kept else (await skills_of(setting, specs[-1])).files
    changes = changes_since(histories, setting, tasks, skills)
    if (refused := refused_of(changes)) and not accept_changes:
        raise InputsDiffer(run_id, refused)
    require_isolation_again(setting, specs[-1], histories)
    await require_models(setting, specs[-1])
    plan = await recorded_plan(setting.log, opened, histories.lineage)
    await protect(setting, specs, setting.prompts, plan.names, tasks)
    fence = await take(setting.log, run_id, lease_s=setting.lease_s, even_alive=take_over)
    changes += revised_points((await rehearse(setting.log, run_id, plan, histories)).deciding)
    session = Session(setting.log, fence, histories.session_version, setting.lease_s)

    async def begin() -> RunReport:
        started = await session.note(SessionStarted("resume", fence.token, process_name(), setting.package))
        if changes:
            await session.note(InputsChanged(changes))
        await session.supervisor.once("sweep", partial(_sweep, setting, session, histories))
        if histories.in_flight:
            await session.note(InFlightFound(histories.in_flight))
        if told is not None:
            told(session)
        return await carry(setting, plan, histories._replace(sessions=(*histories.sessions, started)), session)

    return await held_by(session, begin)


async def _sweep(setting: RunContext, session: Session, histories: RunHistory) -> None:
    """Remove what earlier processes left of the run's sandboxes, but for those that may be gone on with."""
    run_id = session.run
    streams = () if setting.backend.lasting is None else standing(histories.by_stream)
    spared = {sandbox_id(run_id, stream) for stream in streams}
    swept = await setting.backend.sweep(lambda each: each.startswith(sandbox_prefix(run_id)) and each not in spared)
    if swept:
        await session.note(SandboxesSwept(swept))


async def note_all(session: Session, facts: Iterable[Event]) -> None:
    """Record what a run began with; a fact that says nothing is left out."""
    for fact in facts:
        if any(astuple(fact)):
            await session.note(fact)


async def held_by(session: Session, work: Callable[[], Awaitable[RunReport]]) -> RunReport:
    """Do what a session is held for, and record how the process let go of the run, whatever happens meanwhile."""
    reason: Ending = "failed"
    try:
        report = await work()
        reason = "drained" if report.held else "completed"
    except anyio.get_cancelled_exc_class():
        reason = "interrupted"
        raise
    finally:
        await session.end(reason)
    return report


async def carry(setting: RunContext, plan: RunPlan, histories: RunHistory, session: Session) -> RunReport:
    """Run the actors: over their histories, and then live."""
    board = _board(setting, plan, session.fence.run)
    helm = SignalHandler(setting.log, session, board, plan.spec)
    helm.take_up(histories)
    try:
        async with live_ports(setting, plan, histories, board, session) as live:
            await session.note(PoolsOpened(sizes(live.admission.rooms)))
            beside: dict[str, Beside] = {
                "lease": session.renew,
                "notes": session.write,
                "control": helm.steer,
                "disk": live.sandboxes.disk.watch,
            }
            stop = partial(live.refusals.over, session.settled)
            outcomes = await _live(setting.log, plan, histories, RunOwner(session, beside, stop), setting.between(live))
    except ActorsHeldBack as held:
        ended = {trial_of(name) or name: outcome for name, outcome in held.ended.items()}
        waiting = not board.orders.drained and answered_by_files(plan.spec)
        return RunReport(session.fence.run, ended, len(held.names), waiting)
    return RunReport(session.fence.run, outcomes)


def _board(setting: RunContext, plan: RunPlan, run_id: str) -> SignalTargets:
    """Open the pools of a run, unless it shares those of others."""
    spec = plan.spec
    pools = setting.pools or Pools(spec.pools, machine(), sandbox_kind(spec.sandbox).memory_bytes)
    return SignalTargets(run_id, RunControls(), pools, room_of(spec.concurrency), frozenset(plan.names))


async def _live(log: EventLog, plan: RunPlan, histories: RunHistory, owner: RunOwner, ports: Ports) -> dict[str, str]:
    """Run the actors, and beside them, supervised, what keeps the lease, meets orders and watches the disk.

    Raises:
        CallsRefused, ProviderUnreachable: Calls fail for what only a person can mend.
    """
    session, beside, stop = owner
    fence = session.fence
    world = ReplayContext(
        log=log,
        blobs=log,
        run=fence.run,
        histories=histories.by_stream,
        sessions=histories.sessions,
        lineage=histories.lineage,
        ports=ports,
        fence=fence,
        visited=set(),
        names=StreamIndex(histories.by_stream),
        deciding=plan.deciding(),
    )
    outcomes: dict[str, str] = {}
    try:
        async with anyio.create_task_group() as group:
            for part, work in beside.items():
                group.start_soon(session.supervisor.keep, part, work)
            group.start_soon(stop)
            scope = Scope(world, RUN)
            outcomes = dict(await run(scope, plan))
            await scope.finish()
            group.cancel_scope.cancel()
    except BaseExceptionGroup as errors:
        raise first_of(errors) from errors
    return outcomes
