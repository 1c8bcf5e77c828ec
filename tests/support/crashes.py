"""One run, cut off at any moment, resumed, and compared with the run that nobody disturbed."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from engine.config.spec import OnLoss, RunSpec
from engine.core.errors import NothingToResume
from engine.core.history import load_histories
from engine.core.lineage import pages_of
from engine.core.ports import Ports
from engine.core.prompts import load_prompts
from engine.effects.callers import nano
from engine.runtime.context import RunContext
from engine.runtime.fork import Fork, fork_run
from engine.runtime.run import resume_run, start_run
from engine.scripted.reader import load_script
from engine.scripted.server import ScriptedEndpoint
from engine.testing.fault_injection import CrashingLog, CrashingPorts, CrashPoint, CrashSchedule
from events.base import Recorded, Ref
from events.bundle.copy import copy
from events.digest import digest_of
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.store.sqlite.store import SqliteLog
from events.types.budget import BudgetAsked, BudgetGranted
from events.types.model import ModelAnswered, ModelAsked, ModelFailed
from events.types.session import ScopeStopped
from projections.charges import charge
from replay.crash.totals import Account, account_of, differences, repeated
from sandbox.base import SandboxBackend
from tests.support.hasty import Hasty
from tests.support.orders import CountingClock, base_of
from tests.support.pretend import PretendBackend
from tests.support.runs import SCRIPT, spec

OpenLog = Callable[[], AbstractAsyncContextManager[EventLog]]
"""Opens the log that the lives of one run share, once for each life."""


class CrashMatrix(NamedTuple):
    """What all runs of a matrix share."""

    base: Path
    endpoint: ScriptedEndpoint
    """It survives every death, and knows what it was sent."""
    backend: Callable[[], SandboxBackend]
    spec: RunSpec
    parent: "Parent | None" = None
    """What is forked, if it is a fork that dies. None: it is a run of its own."""


class Parent(NamedTuple):
    """A run that nobody disturbed, lived once: forks are compared that were cut at one place."""

    log: EventLog
    fork: Fork


class CrashedRun(NamedTuple):
    """What became of a run after its deaths."""

    deaths: tuple[CrashPoint, ...]
    resumes: int
    moments: tuple[int, ...]
    """That passed in each of its lives."""
    account: Account
    overdrawn: list[Ref]
    """Grants for which there was no room left under the cap of the run."""
    again: int
    """Answered calls that the model was sent again."""
    failed: int
    """Physical calls on record that were not answered."""


@asynccontextmanager
async def world(
    folder: Path,
    *,
    run_usd: str = "1",
    backend: Callable[[], SandboxBackend] = PretendBackend,
    on_loss: OnLoss = "abandon",
    forked: bool = False,
    script: str = SCRIPT,
) -> AsyncIterator[CrashMatrix]:
    """Make tasks, serve the script, and say what is to be run: three trials side by side, within a budget."""
    base = base_of(folder, script)
    async with ScriptedEndpoint(load_script(base / "script.toml")) as endpoint:
        teacher = {"model": "teacher", "base_url": endpoint.base_url, "parameters": {"max_tokens": 100}}
        prices = {"teacher": {"input": "1", "output": "1"}}
        budget = {"run_usd": run_usd, "trial_usd": "0.5"}
        asked = spec(models={"teacher": teacher}, prices=prices, budget=budget, on_loss=on_loss)
        here = CrashMatrix(base, endpoint, backend, asked)
        yield here._replace(parent=await _parent(here) if forked else None)


def in_memory() -> OpenLog:
    """Keep a log in memory: it forgets nothing when a life ends, as a file would not."""
    log = MemoryLog(clock=CountingClock())

    @asynccontextmanager
    async def opened() -> AsyncIterator[EventLog]:
        yield log

    return opened


def in_file(path: Path) -> OpenLog:
    """Keep a log in a file, which each life opens for itself."""
    clock = CountingClock()

    @asynccontextmanager
    async def opened() -> AsyncIterator[EventLog]:
        async with await SqliteLog.open(path, clock=clock) as log:
            yield log

    return opened


async def ended(world: CrashMatrix, deaths: Sequence[int], opened: OpenLog) -> CrashedRun:
    """Live the run, dying at these moments of its lives, and then to its end."""
    backend = world.backend()
    if world.parent is not None:
        async with opened() as log:
            await copy(world.parent.log, log)
    world.endpoint.requests.clear()
    fates = [CrashSchedule(at) for at in (*deaths, None)]
    resumes = 0
    for fate in fates:
        async with opened() as log:
            resumes += await _life(world, backend, log, fate)
    async with opened() as log:
        run = (await log.runs())[-1]
        account = await account_of(log, run)
        overdrawn = await _overdrawn(log, run, nano(world.spec.budget.run_usd))
        failed = len([each async for each in events_of(log, Selection(run=run, tags={"model.call_failed"}))])
    received = Counter(str(digest_of(body)) for body in world.endpoint.requests)
    died = tuple(fate.passed[-1] for fate in fates if fate.dead)
    moments = tuple(len(fate.passed) for fate in fates)
    return CrashedRun(died, resumes, moments, account, overdrawn, repeated(received, account.sent), failed)


async def _parent(world: CrashMatrix) -> Parent:
    """Live a run to its end, undisturbed, and say where it is to be forked: in the middle, with a command in flight."""
    log = MemoryLog(clock=CountingClock())
    setting = RunContext(log, world.backend(), load_prompts(), "test", {}, world.base)
    run = (await start_run(setting, world.spec)).run
    positions = [each.position async for each in log.read(Selection(run=run))]
    asked = [each.position async for each in log.read(Selection(run=run, tags={"action.asked"}))]
    middle = next(each for each in asked if each > positions[len(positions) // 2])
    return Parent(log, Fork(run, middle, world.spec, ()))


async def events_of(log: EventLog, selection: Selection) -> AsyncIterator[Recorded]:
    """Read a run, with what it has of its ancestors."""
    async for page in pages_of(log, selection):
        for each in page:
            yield each


async def _overdrawn(log: EventLog, run: str, cap: int | None) -> list[Ref]:
    """Find grants that did not fit under the cap, whatever the order in which answers came and were recorded.

    Each call before counts with what it came to cost, which the keeper may have known already; with its bound if nobody
    ever learnt that, and with nothing if it was stopped before it was made.
    """
    assert cap is not None
    grants: list[tuple[Ref, int]] = []
    came_to: dict[Ref, int] = {}
    latest: dict[str, tuple[Ref, int]] = {}
    asked: dict[str, int] = {}
    unmade: set[str] = set()
    async for each in events_of(log, Selection(run=run)):
        name = each.stream.name
        match each.event:
            case BudgetAsked():
                asked[name] = each.event.amount
            case BudgetGranted():
                latest[name] = (each.ref, asked[name])
                grants.append(latest[name])
                unmade.add(name)
            case ModelAsked():
                unmade.discard(name)
            case ScopeStopped() if name in unmade:
                came_to[latest[name][0]] = 0
            case ModelAnswered() | ModelFailed():
                came_to[latest[name][0]] = charge(each.event, latest[name][1])
            case _:
                pass
    before = accumulate((came_to.get(ref, bound) for ref, bound in grants), initial=0)
    return [ref for (ref, bound), spent in zip(grants, before, strict=False) if spent + bound > cap]


async def _life(world: CrashMatrix, backend: SandboxBackend, log: EventLog, fate: CrashSchedule) -> int:
    """Carry the run as far as this life goes; give 1 if it was resumed."""
    fork = None if world.parent is None else world.parent.fork

    def ports(live: Ports) -> Ports:
        return CrashingPorts(Hasty(live), fate=fate)

    here = RunContext(CrashingLog(log, fate), backend, load_prompts(), "test", {}, world.base, ports)
    runs = await log.runs()
    run = runs[-1] if runs and (fork is None or runs[-1] != fork.parent) else None
    begun = run is not None and (await load_histories(log, run)).opened is not None
    try:
        if begun and run is not None:
            await resume_run(here, run)
        elif fork is not None:
            await fork_run(here, fork)
        else:
            await start_run(here, world.spec)
    except NothingToResume:
        return 0
    except BaseException:  # death, or what others in the process met because of it
        if not fate.dead:
            raise
    return int(begun)


def wrong(plain: CrashedRun, seen: CrashedRun) -> list[str]:
    """Say what should not be so, where the budget did not bind."""
    return differences(plain.account, seen.account) + _repeated(seen)


def wrong_with_cap(seen: CrashedRun) -> list[str]:
    """Say what should not be so, where trials raced for the budget: who got it may differ, nothing else.

    A call that was in flight at a death was granted once and may be paid twice. What may be paid a second time is
    counted from then on, and is the one thing that can come on top of a cap.
    """
    found = [f"granted beyond the cap: {each}" for each in seen.overdrawn]
    found += [] if seen.account.equal else ["the rerun stops before the end"]
    found += [] if seen.account.sound else ["the log is not sound"]
    return found + _repeated(seen)


def _repeated(seen: CrashedRun) -> list[str]:
    return [f"{seen.again} answered calls were sent again"] if seen.again else []
