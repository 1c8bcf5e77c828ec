"""Stories of sandboxes that write more than they may: noticed by looking, ended by name, and judged all the same."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import cast

import anyio
import pytest
from anyio.lowlevel import checkpoint

from sandbox.base import MIB, Limits, Sandbox, SandboxBackend, SandboxSpec
from sandbox.disk import DiskWatch, disk_limit
from sandbox.docker.backend import docker_backend
from sandbox.errors import SandboxLost, SandboxUnavailable
from sandbox.harbor.task import Task, load_task
from sandbox.verification.verifier import Rewarded, verify
from tests.sandbox.conftest import WriteTask, backend_for

MOST = 32 * MIB
FILL = "i=0; while :; do i=$((i+1)); head -c 2000000 /dev/zero > /app/fill$i; sleep 0.02; done"
"""Many small files, at a hundred megabytes a second at most."""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=["best", "plain", pytest.param("docker", marks=pytest.mark.docker)])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SandboxBackend]:
    """Each kind of sandbox in turn."""
    async with AsyncExitStack() as stack:
        if request.param != "docker":
            yield await backend_for(tmp_path / "workspace", request.param)
            return
        try:
            yield await stack.enter_async_context(docker_backend(tmp_path / "workspace"))
        except SandboxUnavailable as error:
            pytest.skip(f"{error.problem} ({error.remedy})")


@pytest.fixture
def small(write_task: WriteTask) -> Task:
    """The minimal task, with 32 MiB of disk."""
    return load_task(write_task({"task.toml": "[environment]\nstorage_mb = 32\n"}))


@pytest.fixture
async def sandbox(backend: SandboxBackend, small: Task) -> AsyncIterator[Sandbox]:
    """One for that task."""
    opened = await backend.open(SandboxSpec(id="full", task=small))
    try:
        yield opened
    finally:
        await opened.close()


def test_the_task_says_how_much(small: Task, task: Task) -> None:
    """One that says nothing gets what is usual."""
    assert disk_limit(small, Limits()) == MOST
    assert disk_limit(task, Limits()) == Limits().disk_bytes


async def test_what_fills_the_disk_is_ended_by_name(backend: SandboxBackend, sandbox: Sandbox, small: Task) -> None:
    """It is neither an error of ours nor a command that ended by itself, and the sandbox can be used and judged."""
    watch = DiskWatch(backend.disk)
    watch.add(sandbox, MOST)
    async with anyio.create_task_group() as group:
        group.start_soon(watch.watch)
        result = await watch.during(sandbox, partial(sandbox.exec, FILL, timeout_s=60))
        assert (result.ended, result.exit_code) == ("disk", None)
        assert f"may write {MOST}".encode() in result.stderr
        watch.anew(sandbox)
        found = await verify(sandbox, small)
        group.cancel_scope.cancel()
    assert isinstance(found, Rewarded), found
    assert found.reward == 0.0
    assert MOST < await sandbox.disk_bytes() < 1024 * MIB


async def test_a_process_in_the_background_is_ended_too(backend: SandboxBackend, sandbox: Sandbox) -> None:
    """The next command is not run and says why: what nobody is told of did not happen, for whoever reads the log."""
    watch = DiskWatch(backend.disk)
    watch.add(sandbox, MOST)
    await watch.during(sandbox, partial(sandbox.exec, f"({FILL}) > /dev/null 2>&1 < /dev/null &"))
    with anyio.fail_after(60):
        while await sandbox.disk_bytes() <= MOST:
            await watch.look()
        await watch.look()
        while (told := await watch.during(sandbox, partial(sandbox.exec, "echo well"))).ended != "disk":
            await watch.look()
    assert (told.stdout, told.exit_code) == (b"", None)
    before = await sandbox.disk_bytes()
    again = await watch.during(sandbox, partial(sandbox.exec, "echo well"))
    assert (again.ended, again.stdout) == ("exited", b"well\n")
    assert await sandbox.disk_bytes() <= before + MIB


async def test_one_that_writes_little_is_left_alone(backend: SandboxBackend, sandbox: Sandbox) -> None:
    """Measured it is, and its errors stay its own."""
    watch = DiskWatch(backend.disk)
    watch.add(sandbox, MOST)
    before = await sandbox.disk_bytes()
    await watch.look()
    result = await watch.during(sandbox, partial(sandbox.exec, "head -c 8388608 /dev/zero > /app/some; exit 3"))
    await watch.look()
    assert (result.ended, result.exit_code) == ("exited", 3)
    assert 8 * MIB <= await sandbox.disk_bytes() - before < 9 * MIB
    # A sandbox that is gone ends no watch over others, and whoever uses it is told.
    await sandbox.close()
    later = DiskWatch(backend.disk)
    later.add(sandbox, 1)
    await later.look()
    with pytest.raises(SandboxLost):
        await later.during(sandbox, partial(sandbox.exec, "true"))


async def test_a_single_file_cannot_be_larger_than_all(sandbox: Sandbox) -> None:
    """That much the kernel holds, without anybody looking."""
    result = await sandbox.exec("head -c 40000000 /dev/zero > /app/big; stat -c %s /app/big")
    assert int(result.stdout or 0) <= MOST


class Pretended:
    """All that the watch needs of a sandbox."""

    id = "pretended"

    def __init__(self, used: int | None) -> None:
        self.used = used
        self.halted = False

    async def disk_bytes(self) -> int:
        """Say how much was written, unless that cannot be said."""
        if self.used is None:
            raise ValueError("no figure")
        return self.used

    async def halt(self) -> None:
        """Take note."""
        self.halted = True


async def test_the_last_sandbox_may_be_closed_while_the_file_system_is_asked(tmp_path: Path) -> None:
    """The watch once ended whole runs then: it looked for the least of nothing."""
    watch = DiskWatch(tmp_path)
    sandbox = cast(Sandbox, Pretended(0))
    watch.add(sandbox, MOST)
    watch._free = 1 << 62
    async with anyio.create_task_group() as group:
        group.start_soon(watch.look)
        await checkpoint()
        watch.forget(sandbox)
    assert watch._free == 1 << 62


async def test_one_that_cannot_be_measured_keeps_no_other_from_it(tmp_path: Path) -> None:
    """It is told of, once all have been measured."""
    watch = DiskWatch(tmp_path)
    odd, full = Pretended(None), Pretended(MOST + 1)
    odd.id = "odd"
    for each in (odd, full):
        watch.add(cast(Sandbox, each), MOST)
    watch._free = 1 << 62
    with pytest.raises(ValueError, match="no figure"):
        await watch.look()
    assert full.halted
