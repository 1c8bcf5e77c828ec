"""What runs beside the actors may fail: that is recorded, and every trial ends as it would."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from typing_extensions import override

from engine.core.errors import EngineError
from engine.core.fold import fold
from engine.core.history import load_histories
from engine.core.supervision import FIRST_WAIT_S, LONGEST_WAIT_S, Supervisor
from engine.runtime.context import RunContext
from engine.runtime.run import resume_run, start_run
from engine.runtime.session import Session
from engine.testing.fault_injection import FaultyLog
from events.base import Event, Fence, StreamId
from events.errors import FenceLost, LogLocked
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.types.pool import PoolLimited
from events.types.session import BackgroundFailed, SessionEnded
from projections.trials.view import Trials
from replay.crash.digests import trial_digests
from replay.rerun import rerun
from sandbox.base import ExecResult, Sandbox, SandboxSpec
from tests.engine.concurrency.test_pooled_runs import BUSY
from tests.support.orders import CountingClock
from tests.support.pretend import PretendBackend, PretendSandbox, pretended
from tests.support.runs import SCRIPT, make_base, spec
from tests.support.virtual_time import run_virtually

SLOW = "delay_s = 0.15\n" + SCRIPT
"""Each answer takes so long that the lease is renewed meanwhile."""


class Failures:
    """A fault that strikes where it is told to, so many times."""

    def __init__(self, times: int, error: Exception, where: Callable[[str, object], bool]) -> None:
        self.left = times
        self._error = error
        self._where = where

    def __call__(self, operation: str, about: object) -> None:
        """Strike, or let it pass."""
        if self.left and self._where(operation, about):
            self.left -= 1
            raise self._error


class UnsweptBackend(PretendBackend):
    """Makes sandboxes of some class, and may not be able to sweep."""

    def __init__(self, kind: type[PretendSandbox], *, sweeps: bool = True) -> None:
        super().__init__()
        self._kind = kind
        self._sweeps = sweeps

    @override
    async def open(self, spec: SandboxSpec) -> Sandbox:
        await super().open(spec)
        return self._kind(spec, self.open_ids)

    @override
    async def sweep(self, which: Callable[[str], bool]) -> tuple[str, ...]:
        if not self._sweeps:
            raise ValueError("nothing is swept here")
        return await super().sweep(which)


class Unmeasured(PretendSandbox):
    """Cannot say how much was written, and is used no sooner than that was asked."""

    def __init__(self, spec: SandboxSpec, open_ids: set[str]) -> None:
        super().__init__(spec, open_ids)
        self._asked = anyio.Event()

    @override
    async def disk_bytes(self) -> int:
        self._asked.set()
        raise ValueError("no figure")

    @override
    async def exec(self, command: str, **more: Any) -> ExecResult:
        if not self._asked.is_set():
            await self._asked.wait()
        return await super().exec(command, **more)


class Unclosed(PretendSandbox):
    """Cannot be closed."""

    @override
    async def close(self) -> None:
        await super().close()
        raise ValueError("it does not close")


def of_stream(name: str) -> Callable[[str, object], bool]:
    """Strike what reads or writes one stream."""

    def where(operation: str, about: object) -> bool:
        stream = about.stream if isinstance(about, Selection) else about
        return operation in {"append", "read"} and isinstance(stream, StreamId) and stream.name == name

    return where


def renewal(operation: str, about: object) -> bool:
    """Strike the renewal of the lease."""
    del about
    return operation == "renew"


class LaterNotes(Failures):
    """Strikes the fourth fact about the process: the first that is written beside the actors."""

    def __init__(self) -> None:
        super().__init__(1, LogLocked("log.db", 1.0), of_stream("session"))
        self._passed = 0

    @override
    def __call__(self, operation: str, about: object) -> None:
        if of_stream("session")(operation, about):
            self._passed += 1
        if self._passed == 4:
            super().__call__(operation, about)


async def told(setting: RunContext, run: str, kind: type[Event]) -> list[Any]:
    """Read what the process noted."""
    history = (await load_histories(setting.log, run)).by_stream["session"]
    return [each.event for each in history if isinstance(each.event, kind)]


async def digests(base: Path) -> dict[str, Any]:
    """Live the run with nothing that fails."""
    whole = pretended(MemoryLog(clock=CountingClock()), base)
    return dict(await trial_digests(whole.log, (await start_run(whole, spec())).run))


@pytest.mark.parametrize(
    ("part", "script", "fault", "backend"),
    [
        pytest.param("lease", SLOW, Failures(1, LogLocked("x", 1.0), renewal), None, id="lease"),
        pytest.param("lease", SLOW, Failures(9, OSError("gone"), renewal), None, id="no lease"),
        pytest.param("control", SLOW, Failures(1, ValueError("odd"), of_stream("control")), None, id="control"),
        pytest.param("notes", BUSY, LaterNotes(), None, id="notes"),
        pytest.param("disk", SCRIPT, None, Unmeasured, id="disk"),
        pytest.param("close", SCRIPT, None, Unclosed, id="close"),
    ],
)  # fmt: skip
async def test_a_part_that_fails_ends_nothing(
    part: str, script: str, fault: Failures | None, backend: type[PretendSandbox] | None, tmp_path: Path
) -> None:
    """Its failure is on record with its traceback; trials, verdicts and the rerun are what they would have been."""
    base = make_base(tmp_path, script)
    memory = MemoryLog(clock=CountingClock())
    log = memory if fault is None else FaultyLog(memory, fault)
    setting = pretended(log, base, None if backend is None else UnsweptBackend(backend))._replace(lease_s=0.06)
    report = await start_run(setting, spec())
    found = await told(setting, report.run, BackgroundFailed)
    assert {each.part for each in found} == {part}
    assert b"Traceback" in await memory.get(found[0].traceback)
    assert [each.reason for each in await told(setting, report.run, SessionEnded)] == ["completed"]
    assert await trial_digests(memory, report.run) == await digests(base)
    assert (await rerun(memory, report.run)).complete
    state = await fold(memory, Trials(), Selection(run=report.run))
    assert state.runs[report.run].failures == {part: len(found)}


async def test_what_could_not_be_noted_is_noted_later(tmp_path: Path) -> None:
    """A log that is locked for a moment loses no fact about a limit."""
    setting = pretended(FaultyLog(MemoryLog(clock=CountingClock()), LaterNotes()), make_base(tmp_path, BUSY))
    report = await start_run(setting, spec(pools={"calls": {"start": 8}}))
    assert (await told(setting, report.run, PoolLimited))[0].reason == "refused"


async def test_a_lost_lease_ends_the_run(tmp_path: Path) -> None:
    """Another process goes on with it: two would spend the money twice."""
    lost = Failures(1, FenceLost("r", token=1, current=2), renewal)
    setting = pretended(FaultyLog(MemoryLog(clock=CountingClock()), lost), make_base(tmp_path, SLOW))._replace(
        lease_s=0.06
    )
    with pytest.raises(FenceLost):
        await start_run(setting, spec())


class Leased(MemoryLog):
    """A log by the clock of the event loop, which takes note of how much of a lease was left at each renewal."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: int(anyio.current_time() * 1e6))
        self.left: list[float] = []

    @override
    async def renew(self, fence: Fence, *, ttl_s: float) -> None:
        (lease,) = await self.leases()
        self.left.append(lease.expires_at / 1e6 - anyio.current_time())
        await super().renew(fence, ttl_s=ttl_s)


def test_a_lease_is_renewed_long_before_it_runs_out() -> None:
    """Two renewals may fail, and the run is still ours: nobody else ever finds a lease of a living process run out."""
    log = Leased()

    async def live() -> None:
        fence = await log.acquire("r", "me", ttl_s=30.0)
        with anyio.move_on_after(100):
            await Session(log, fence, 0, 30.0).renew()

    run_virtually(live)
    assert log.left == [pytest.approx(20.0)] * 9


async def test_a_resume_goes_on_where_nothing_can_be_swept(tmp_path: Path) -> None:
    """What is left of an earlier process is in nobody's way, or its attempt says so itself."""
    base = make_base(tmp_path, SLOW)
    setting = pretended(MemoryLog(clock=CountingClock()), base)
    run = ""
    async with anyio.create_task_group() as group:
        group.start_soon(start_run, setting, spec())
        async for each in setting.log.follow(Selection(tags=("model.asked",))):
            run = each.stream.run
            break
        group.cancel_scope.cancel()
    report = await resume_run(setting._replace(backend=UnsweptBackend(PretendSandbox, sweeps=False)), run)
    assert report.outcomes == {"word": "solved"}
    assert [each.part for each in await told(setting, run, BackgroundFailed)] == ["sweep"]


class NotedFailures:
    """Where failures go."""

    def __init__(self) -> None:
        self.events: list[BackgroundFailed] = []

    def __call__(self, event: Event) -> None:
        """Keep one."""
        assert isinstance(event, BackgroundFailed)
        self.events.append(event)


def test_a_part_is_restarted_ever_later_and_at_first_again_once_it_held() -> None:
    """A part that fails at once each time must not fill the log."""
    noted, began = NotedFailures(), list[float]()

    async def part() -> None:
        began.append(anyio.current_time())
        if len(began) == 10:
            await anyio.sleep(LONGEST_WAIT_S)
        if len(began) < 12:
            raise ValueError("no \udcff luck")

    run_virtually(Supervisor(MemoryLog(clock=CountingClock()), noted).keep, "part", part)
    waits = [each.retry_in_s for each in noted.events]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, LONGEST_WAIT_S, LONGEST_WAIT_S, FIRST_WAIT_S, 1.0]
    assert began[:3] == [0.0, 0.5, 1.5]
    assert noted.events[0].detail == "no \\udcff luck"


async def test_a_part_that_is_not_repeated_is_off(tmp_path: Path) -> None:
    """And an error that says that the run is lost is raised, whoever meets it."""
    noted = NotedFailures()
    supervisor = Supervisor(MemoryLog(clock=CountingClock()), noted)

    async def broken() -> None:
        raise ValueError("once")

    async def lost() -> None:
        raise FenceLost("r", token=1, current=2)

    await supervisor.once("close", broken)
    assert [(each.part, each.error, each.retry_in_s) for each in noted.events] == [("close", "ValueError", None)]
    for run in (supervisor.once, supervisor.keep):
        with pytest.raises(FenceLost):
            await run("lease", lost)


async def test_a_failure_is_recorded_even_where_its_traceback_cannot_be_kept() -> None:
    """The log is closed, and that is said all the same."""
    noted = NotedFailures()
    log = MemoryLog(clock=CountingClock())
    await log.close()
    Supervisor(log, noted).failed("disk", EngineError("it broke", remedy="mend it"))
    assert (noted.events[0].traceback, noted.events[0].detail) == (None, "it broke")
