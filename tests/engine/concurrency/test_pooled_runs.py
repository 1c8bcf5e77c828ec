"""Stories of whole runs that share what there is: sandboxes, and a provider that refuses."""

from pathlib import Path

import anyio
import pytest
from typing_extensions import override

from engine.concurrency.pools import Pools
from engine.config.sandbox_kinds import sandbox_kind
from engine.config.spec import CallsSpec, PoolsSpec
from engine.core.history import load_histories
from engine.core.system import HostCapacity
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.types.model import ModelAnswered, ModelFailed
from events.types.pool import PoolLimited, PoolsOpened
from events.types.sandbox import SandboxAsked, SandboxReleased
from replay.crash.digests import trial_digests
from replay.rerun import rerun
from sandbox.base import Sandbox, SandboxSpec
from sandbox.errors import SandboxUnavailable
from tests.support.orders import CountingClock, base_of
from tests.support.pretend import PretendBackend, pretended
from tests.support.runs import SCRIPT, make_base, spec

BUSY = SCRIPT.replace(
    '[[rule.turn]]\ntext = "I guess."',
    '[[rule.turn]]\nerror = "rate_limit"\nretry_after_s = 0\ntimes = 1\ntext = "I guess."',
)
"""The first question of a first attempt is refused once."""


class WatchedBackend(PretendBackend):
    """Knows how many sandboxes were open at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0

    @override
    async def open(self, spec: SandboxSpec) -> Sandbox:
        sandbox = await super().open(spec)
        self.most = max(self.most, len(self.open_ids))
        return sandbox


def here(base: Path, backend: PretendBackend | None = None, pools: Pools | None = None) -> RunContext:
    """Make a setting with a log of its own and pretended sandboxes."""
    return pretended(MemoryLog(clock=CountingClock()), base, backend)._replace(pools=pools)


async def noted(setting: RunContext, run: str) -> list[object]:
    """Read what the process noted of its pools."""
    history = (await load_histories(setting.log, run)).by_stream["session"]
    return [each.event for each in history if isinstance(each.event, PoolLimited | PoolsOpened)]


async def test_no_more_sandboxes_are_open_than_there_are_places(tmp_path: Path) -> None:
    """Three trials at a time share two sandboxes, and no decision of theirs is another one."""
    base = base_of(tmp_path)
    free, tight = here(base, WatchedBackend()), here(base, WatchedBackend())
    asked = spec(concurrency=3)
    one = await start_run(free, asked)
    two = await start_run(tight, spec(concurrency=3, pools={"sandboxes": 2}))
    assert isinstance(tight.backend, WatchedBackend)
    assert isinstance(free.backend, WatchedBackend)
    assert (free.backend.most, tight.backend.most) == (3, 2)
    assert await trial_digests(free.log, one.run) == await trial_digests(tight.log, two.run)
    assert (await rerun(tight.log, two.run)).complete


async def test_what_waits_for_a_place_has_not_been_asked(tmp_path: Path) -> None:
    """A crash then leaves nothing in flight, and no time limit counts the wait."""
    setting = here(base_of(tmp_path))
    report = await start_run(setting, spec(concurrency=3, pools={"sandboxes": 1}))
    open_ = 0
    async for each in setting.log.read():
        open_ += isinstance(each.event, SandboxAsked) - isinstance(each.event, SandboxReleased)
        assert open_ <= 1
    assert set(report.outcomes.values()) == {"solved"}


async def test_a_refusal_cuts_the_limit_and_is_seen_in_the_log(tmp_path: Path) -> None:
    """The run goes on, its trials are what they would have been, and the rerun needs none of it."""
    setting = here(make_base(tmp_path, BUSY, "word"))
    report = await start_run(setting, spec(pools={"calls": {"start": 8}}))
    assert report.outcomes == {"word": "solved"}
    opened, cut = (await noted(setting, report.run))[:2]
    assert isinstance(opened, PoolsOpened)
    assert [each.pool.split()[0] for each in opened.pools] == ["trials", "builds", "sandboxes", "verifiers", "calls"]
    assert isinstance(cut, PoolLimited)
    assert (cut.reason, cut.before, cut.limit) == ("refused", 8, 6)
    calls = [each.event async for each in setting.log.read() if isinstance(each.event, ModelAnswered | ModelFailed)]
    assert [each.status for each in calls][:3] == [429, 200, 200]
    assert (await rerun(setting.log, report.run)).complete


async def test_runs_of_one_process_share_a_provider_in_equal_parts(tmp_path: Path) -> None:
    """One place for calls, and two runs: both come to their end, and neither needs the other's to be over."""
    pools = Pools(PoolsSpec(calls=CallsSpec(start=1, most=1)), HostCapacity(2, 1 << 30))
    settings = [here(base_of(tmp_path), pools=pools) for _ in range(2)]
    ended: list[str] = []

    async def live(setting: RunContext) -> None:
        ended.extend((await start_run(setting, spec())).outcomes.values())

    async with anyio.create_task_group() as group:
        for setting in settings:
            group.start_soon(live, setting)
    assert ended == ["solved"] * 6
    assert [room.running for room in pools.rooms] == [0] * len(pools.rooms)


class UnopenedBackend(PretendBackend):
    """Cannot open a sandbox for the task `a`."""

    @override
    async def open(self, spec: SandboxSpec) -> Sandbox:
        if spec.task.name == "a":
            raise SandboxUnavailable(spec.id, "its image is broken", remedy="mend it")
        return await super().open(spec)


async def test_one_task_that_breaks_disturbs_no_other(tmp_path: Path) -> None:
    """Its place is given back each time, and the trials beside it are what they would have been."""
    base = base_of(tmp_path)
    whole, broken = here(base), here(base, UnopenedBackend())
    asked = spec(concurrency=3, pools={"sandboxes": 1})
    one, two = await start_run(whole, asked), await start_run(broken, asked)
    assert two.outcomes == {"a": "infrastructure", "b": "solved", "c": "solved"}
    expected, found = await trial_digests(whole.log, one.run), await trial_digests(broken.log, two.run)
    assert (found["b"], found["c"]) == (expected["b"], expected["c"])
    assert found["a"] != expected["a"]


async def test_trials_that_wait_for_their_place_cost_nothing(tmp_path: Path) -> None:
    """Forty trials, two at a time: there are as many tasks as two trials need, or a long run needs much memory."""
    tasks: list[int] = []

    class CountedBackend(PretendBackend):
        """Counts the tasks of the process whenever a sandbox is opened."""

        @override
        async def open(self, spec: SandboxSpec) -> Sandbox:
            tasks.append(len(anyio.get_running_tasks()))
            return await super().open(spec)

    made = make_base(tmp_path, SCRIPT, "word")
    await start_run(here(made, CountedBackend()), spec(concurrency=2, repeats=40, method={"attempts": 1}))
    assert len(tasks) == 40
    assert max(tasks) < 40


async def test_a_run_that_is_cut_off_leaves_its_places_to_the_others(tmp_path: Path) -> None:
    """It had a sandbox open; another run of the process needs the only place there is."""
    pools = Pools(PoolsSpec(sandboxes=1), HostCapacity(2, 1 << 30))
    base = base_of(tmp_path)
    setting = here(base, pools=pools)
    async with anyio.create_task_group() as group:
        group.start_soon(start_run, setting, spec())
        async for each in setting.log.follow(Selection(tags=("sandbox.opened",))):
            assert each.position
            break
        group.cancel_scope.cancel()
    assert [room.running for room in pools.rooms] == [0] * len(pools.rooms)
    with anyio.fail_after(30):
        assert set((await start_run(here(base, pools=pools), spec())).outcomes.values()) == {"solved"}


@pytest.mark.parametrize(
    ("machine", "wanted"),
    [
        (HostCapacity(1, 1 << 28), (1, 4, 2)),
        (HostCapacity(2, 8 << 30), (1, 128, 4)),
        (HostCapacity(64, 1 << 40), (32, 16384, 128)),
    ],
)
def test_a_machine_gets_as_many_places_as_it_bears(machine: HostCapacity, wanted: tuple[int, int, int]) -> None:
    """Where the spec says nothing: builds, sandboxes, verifiers."""
    pools = Pools(PoolsSpec(), machine, sandbox_kind("docker").memory_bytes)
    assert (pools.builds.limit, pools.sandboxes.limit, pools.verifiers.limit) == wanted
