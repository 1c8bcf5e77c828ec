"""Forking: another run that shares the beginning of a past one, and goes on live under other settings."""

from collections.abc import Callable
from itertools import pairwise
from typing import Final, Literal, NamedTuple

import msgspec

from engine.config.program_registry import known_points
from engine.config.spec import RunSpec, canonical
from engine.core.errors import InputsDiffer, NotForkable
from engine.core.history import RunHistory, cut, load_histories
from engine.core.run_names import require_free
from engine.core.system import mint_run_id, process_name
from engine.runtime.context import RunContext, check, chosen_tasks
from engine.runtime.image_skills import found_in_images
from engine.runtime.isolation import require_isolation_again
from engine.runtime.model_clients import require_models
from engine.runtime.open_agents import prepare
from engine.runtime.plan import (
    Conditions,
    changes_since,
    kept_conditions,
    names_of,
    pinned_conditions,
    plan_of,
    recorded_conditions,
    recorded_prompts,
    recorded_specs,
    refused_of,
    revised_points,
    scripts_of,
    skill_digests,
)
from engine.runtime.rehearse import rehearse
from engine.runtime.run import RunReport, carry, held_by, note_all, settled
from engine.runtime.secrets import protect
from engine.runtime.selection import require, require_workspaces
from engine.runtime.session import Session
from events.base import Event
from events.store.base import EventLog
from events.streams import RUN, is_trial, trial_of, trial_stream
from events.types.decision import DecisionMade, ShadowFailed
from events.types.session import (
    ArmSkillsPinned,
    ImageSkillsFound,
    InFlightFound,
    InputsChanged,
    RunForked,
    RunNamed,
    ScriptsPinned,
    SessionStarted,
    SettingChange,
    SkillsPinned,
)
from events.types.trial import AttemptPlanned
from sandbox.harbor.task import Task

FIXED: Final = {
    "tasks": "determines the trials, which a fork shares",
    "only": "determines the trials, which a fork shares",
    "exclude": "determines the trials, which a fork shares",
    "shuffle": "determines the trials, which a fork shares",
    "limit": "determines the trials, which a fork shares",
    "repeats": "determines the trials, which a fork shares",
    "sandbox": "determines where attempts run, and shared attempts ran there",
}
"""Keys that a fork has from its parent, each with the reason."""


class Fork(NamedTuple):
    """What is wanted."""

    parent: str
    position: int
    """Last position of the log that is shared. Every stream of the parent is cut there."""
    spec: RunSpec
    """In force from the cut on."""
    changes: tuple[SettingChange, ...]
    """In which keys it is not the parent's."""
    name: str = ""
    """By which commands find it besides its id. Empty: it has none."""


class Cut(NamedTuple):
    """What a fork would begin with, for whoever wants to know before anything is spent."""

    run: str
    streams: int
    events: int
    """Shared, not copied."""
    in_flight: tuple[str, ...]
    """Effects that will be asked again, as stream@version."""


async def look_at(log: EventLog, fork: Fork) -> Cut:
    """Say what a fork would begin with; nothing is written.

    Raises:
        RunUnknown, NotForkable: As `fork_run`.
    """
    run = mint_run_id()
    shared = await _cut(log, fork, run)
    asked = tuple(f"{ref.stream}@{ref.version}" for ref in shared.in_flight)
    return Cut(run, len(shared.by_stream), sum(map(len, shared.by_stream.values())), asked)


async def fork_run(
    setting: RunContext, fork: Fork, *, accept_changes: bool = False, told: Callable[[Session], None] | None = None
) -> RunReport:
    """Cut a run, rehearse what is shared with every port closed, and go on live.

    Nothing before the cut is asked again, but for effects that had no answer there.

    Raises:
        RunUnknown: There is no such run.
        NotForkable: It was imported, nothing of it stands before the cut, or nothing is left to do behind it.
        InputsDiffer: Inputs or isolation are not what the run started with, and `accept_changes` is not given.
        IsolationMissing: Nothing isolates commands here, and no sandbox of what is shared says that it began so.
        ReplayDiverged, HistoryUnread: What is shared does not come out the same; nothing was asked of the world.
    """
    await require_free(setting.log, fork.name or None)
    run = mint_run_id()
    shared = await _cut(setting.log, fork, run)
    opened = shared.opened
    assert opened is not None
    fork = fork._replace(spec=await settled(setting, fork.spec))
    tasks = await _tasks(setting, fork.spec, shared)
    same = not any(each.key.startswith("agent.") for each in fork.changes)
    prepared = await prepare(setting, fork.spec, tasks, as_before=same)
    changed = changes_since(shared, setting, tasks, prepared.own.files if same else None)
    if (refused := refused_of(changed)) and not accept_changes:
        raise InputsDiffer(fork.parent, refused)
    specs = (*await recorded_specs(setting.log, opened, shared.lineage), fork.spec)
    conditions = pinned_conditions(setting, fork.spec, prepared.given)
    before = await recorded_conditions(setting.log, opened, shared.lineage)
    plan = plan_of(opened, specs, await recorded_prompts(setting.log, opened), (*before, conditions))
    await protect(setting, specs, setting.prompts, plan.names, tasks)
    rehearsed = await rehearse(setting.log, run, plan, shared)
    changed += revised_points(rehearsed.deciding)
    if rehearsed.frontier is None:
        raise NotForkable(fork.parent, "it is complete before the cut", remedy="choose an earlier position")
    fence = await setting.log.acquire(run, process_name(), ttl_s=setting.lease_s)
    session = Session(setting.log, fence, 0, setting.lease_s)

    async def begin() -> RunReport:
        await session.note(_forked(setting, fork, shared, conditions))
        started = await session.note(SessionStarted("fork", fence.token, process_name(), setting.package))
        facts = (
            RunNamed(fork.name),
            ScriptsPinned(scripts_of(setting, fork.spec)),
            SkillsPinned(skill_digests(setting, prepared.own.files)),
            ArmSkillsPinned(prepared.sources),
            ImageSkillsFound(await found_in_images(setting, fork.spec, tasks)),
            InputsChanged(changed),
            InFlightFound(shared.in_flight),
        )
        await note_all(session, facts)
        if told is not None:
            told(session)
        return await carry(setting, plan, shared._replace(sessions=(*shared.sessions, started)), session)

    return await held_by(session, begin)


async def _tasks(setting: RunContext, spec: RunSpec, shared: RunHistory) -> tuple[Task, ...]:
    """See that a spec can be gone on with, and read the tasks of its run as they are now."""
    assert shared.opened is not None
    require_isolation_again(setting, spec, shared)
    check(setting, spec)
    await require_models(setting, spec)
    tasks = await chosen_tasks(setting, spec, names_of(shared.opened))
    require(setting, spec, tasks)
    await require_workspaces(setting, spec)
    return tasks


def _forked(setting: RunContext, fork: Fork, shared: RunHistory, conditions: Conditions) -> RunForked:
    """Say what it branches off, and where."""
    put = setting.log.put
    cuts = put(msgspec.json.encode(dict(shared.lineage[-1].cuts), order="sorted"))
    kept = kept_conditions(setting.log, conditions)
    return RunForked(fork.parent, cuts, put(canonical(fork.spec)), fork.changes, kept)


async def _cut(log: EventLog, fork: Fork, run: str) -> RunHistory:
    """Cut the parent, and see that there is something to go on from."""
    histories = await load_histories(log, fork.parent)
    if histories.opened is None:
        reason = "it was imported, or interrupted before it started: it has no actors to continue"
        raise NotForkable(fork.parent, reason, remedy="fork a run that was recorded here: `stillroom runs` lists them")
    shared = cut(histories, run, fork.position)
    if shared.opened is None:
        first = histories.by_stream[RUN][0].position
        reason = f"it has no events at or before position {fork.position}"
        raise NotForkable(fork.parent, reason, remedy=f"choose a position from {first} on")
    if shared.closed:
        raise NotForkable(fork.parent, "it is complete before the cut", remedy="choose an earlier position")
    _refuse_between(histories, fork)
    return shared


def _refuse_between(histories: RunHistory, fork: Fork) -> None:
    """Refuse to cut between events of one append, but beside a decision: it goes by the settings of its place."""
    for history in histories.by_stream.values():
        for each, following in pairwise(history):
            appended = (following.position, following.at) == (each.position + 1, each.at)
            if each.position == fork.position and appended and _joined(each.event, following.event):
                reason = f"the events at positions {each.position} and {following.position} were decided as one"
                remedy = "choose the position before or after them"
                raise NotForkable(fork.parent, reason, remedy=remedy)


def at_event(histories: RunHistory, run: str, position: int) -> int:
    """See that a position is one of the run's own events, or of those it shares; give it back.

    Raises:
        NotForkable: Another run's event stands there, or none.
    """
    known = [each.position for history in histories.by_stream.values() for each in history]
    if position in known:
        return position
    before = [each for each in known if each < position]
    near = max(before) if before else min(known)
    reason = f"position {position} is not an event of this run"
    raise NotForkable(run, reason, remedy=f"choose one of its own, such as {near}: `stillroom log tail {run}`")


def _joined(event: Event, following: Event) -> bool:
    """Say whether two events of one append are one act: a decision that waited for what comes next is none of it."""
    ruled, follows = _ruling_of(event), _ruling_of(following)
    return follows == "shadow" or (ruled is None and follows is None)


def _ruling_of(event: Event) -> Literal["counts", "shadow"] | None:
    """Say whether an event records a ruling: one that counts, or a shadow's, which is made together with it."""
    for point in known_points().values():
        if point.ruling_in(event) is not None:
            return "counts" if point.shadow_of(event) is None else "shadow"
    if isinstance(event, ShadowFailed):
        return "shadow"
    if isinstance(event, DecisionMade):
        return "counts" if event.shadow is None else "shadow"
    return None


def only_trial(histories: RunHistory, run: str) -> str:
    """Name the trial of a run that has just one.

    Raises:
        NotForkable: It has several, or none yet.
    """
    trials = [trial for name in histories.by_stream if is_trial(name) and (trial := trial_of(name))]
    if len(trials) != 1:
        known = ", ".join(trials[:20]) or "none"
        raise NotForkable(
            run, "it has no single trial", remedy=f"choose one with --attempt TRIAL/N; its trials: {known}"
        )
    return trials[0]


def before_attempt(histories: RunHistory, run: str, trial: str, attempt: int) -> int:
    """Find the last position before an attempt was planned: it goes by the settings of that moment.

    Siblings are cut there, too.

    Raises:
        NotForkable: There is no such attempt.
    """
    for each in histories.by_stream.get(trial_stream(trial), ()):
        if isinstance(each.event, AttemptPlanned) and each.event.attempt == attempt:
            return each.position - 1
    reason = f"it has no attempt {attempt} of a trial {trial}"
    raise NotForkable(run, reason, remedy=f"`stillroom show {run}` lists its trials and attempts")
