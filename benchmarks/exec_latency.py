"""Latency of a command in a container, with 1, 8 and 32 commands at a time, beside the engine's own exec call.

    python -m benchmarks.exec_latency [--quick] [--commands 1600]

As many containers as there are commands at a time are open; each is given `true` again and again. The first row goes
through `DockerSandbox`, outputs and exit code included; the second creates and starts an exec through the
Docker API and reads it to its end, which is what there is without a keeper in the container. Figures are
milliseconds: half of the commands took no longer than p50, all but one in a hundred no longer than p99.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Final, NamedTuple

import aiodocker
import anyio

from benchmarks.container_trials import write_tasks
from sandbox.base import Sandbox, SandboxSpec
from sandbox.docker.backend import docker_backend
from sandbox.docker.images import LABEL
from sandbox.docker.shared_dir import workspace_name
from sandbox.harbor.task import load_task

_USED: Final = (
    "if cd /sys/fs/cgroup/cpuacct 2>/dev/null; then echo ns $(cat cpuacct.usage); "
    "else sed -n 's/^usage_usec/us/p' /sys/fs/cgroup/cpu.stat; fi"
)
"""Of a container: with control groups of the first version, and of the second."""

Command = Callable[[], Awaitable[None]]


async def through_ours(sandbox: Sandbox) -> None:
    """Run one command as an attempt does."""
    result = await sandbox.exec("true")
    assert result.exit_code == 0


async def through_engine(docker: aiodocker.Docker, container: str) -> None:
    """Run one command by an exec call of its own."""
    call = await docker.containers.container(container).exec(["/bin/sh", "-c", "true"], stdout=True, stderr=True)
    async with call.start(detach=False) as stream:
        while await stream.read_out() is not None:
            pass
    assert (await call.inspect())["ExitCode"] == 0


async def measure(commands: list[Command], each: int) -> tuple[list[float], float]:
    """Run each command again and again, all of them side by side.

    Returns:
        Seconds of every call, and calls in a second over all.
    """
    taken = list[float]()

    async def again(command: Command) -> None:
        for _ in range(each):
            began = time.perf_counter()
            await command()
            taken.append(time.perf_counter() - began)

    began = time.perf_counter()
    async with anyio.create_task_group() as group:
        for command in commands:
            group.start_soon(again, command)
    return taken, len(taken) / (time.perf_counter() - began)


class ExecCost(NamedTuple):
    """What commands took, so many containers at a time."""

    ours_s: list[float]
    """Seconds of each command through the sandbox."""
    engine_s: list[float]
    """Seconds of each exec call of the engine, in the same containers."""
    cpu_s: float
    """Processor time of one command through the sandbox: of this process, and in its container."""


async def beside(folder: Path, count: int, commands: int) -> ExecCost:
    """Open so many containers, and run commands in them: through the sandbox, and by exec calls of the engine."""
    write_tasks(folder / "tasks", 1)
    task = load_task(folder / "tasks" / "task-000")
    async with docker_backend(folder / "sandboxes") as backend, AsyncExitStack() as stack:
        docker = await stack.enter_async_context(aiodocker.Docker())
        opened = [await backend.open(SandboxSpec(f"bench/{number}", task)) for number in range(count)]
        for sandbox in opened:
            stack.push_async_callback(sandbox.close)
        ids = [each.id for each in await backend.engine.containers(f"{LABEL}={workspace_name(folder / 'sandboxes')}")]
        kept: list[Command] = [partial(through_ours, each) for each in opened]
        calls: list[Command] = [partial(through_engine, docker, each) for each in ids]
        await measure(kept, 1)  # the first one of a container has its keeper started
        before, began = await in_containers(opened), time.process_time()
        taken, _ = await measure(kept, max(3, commands // count))
        own_s = time.process_time() - began
        theirs_s = await in_containers(opened) - before
        asked, _ = await measure(calls, max(2, commands // 16 // count))
    return ExecCost(taken, asked, (own_s + theirs_s) / len(taken))


async def in_containers(sandboxes: Sequence[Sandbox]) -> float:
    """Give the seconds of processor time that containers have had, as their control groups tell them."""
    seconds = 0.0
    for sandbox in sandboxes:
        told = (await sandbox.exec(_USED)).stdout.decode().split()
        seconds += int(told[1]) / (1e9 if told[0] == "ns" else 1e6)
    return seconds


async def compare(folder: Path, many: tuple[int, ...], commands: int) -> None:
    """Open containers, and print a row for each way and each number at a time."""
    write_tasks(folder / "tasks", 1)
    task = load_task(folder / "tasks" / "task-000")
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; milliseconds")
    print(f"{'at a time':>9}  {'way':<22} {'p50':>8} {'p99':>8} {'calls/s':>9}")
    async with docker_backend(folder / "sandboxes") as backend, AsyncExitStack() as stack:
        docker = await stack.enter_async_context(aiodocker.Docker())
        opened = [await backend.open(SandboxSpec(f"bench/{number}", task)) for number in range(max(many))]
        for sandbox in opened:
            stack.push_async_callback(sandbox.close)
        ids = [each.id for each in await backend.engine.containers(f"{LABEL}={workspace_name(folder / 'sandboxes')}")]
        for count in many:
            kept: list[Command] = [partial(through_ours, each) for each in opened[:count]]
            calls: list[Command] = [partial(through_engine, docker, each) for each in ids[:count]]
            tell(count, "through keepers (ours)", *await measure(kept, max(3, commands // count)))
            tell(count, "exec call (engine)", *await measure(calls, max(3, commands // 8 // count)))


def tell(count: int, way: str, taken: list[float], rate: float) -> None:
    """Print a row."""
    marks = quantiles(taken, n=100, method="inclusive")
    print(f"{count:>9}  {way:<22} {1000 * marks[49]:>8.1f} {1000 * marks[98]:>8.1f} {rate:>9.0f}")


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--commands", type=int, default=1600)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    many, commands = ((1, 2), 40) if given.quick else ((1, 8, 32), given.commands)
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        anyio.run(compare, Path(folder), many, commands)


if __name__ == "__main__":
    main()
